"""Tests of `assay show` and `assay diff` for recorded commands: what people are shown of them."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]


def record(assay: Run, folder: Path, name: str, program: str) -> None:
    """Record a program under a name."""
    (folder / f"{name}.py").write_text(program)
    made = assay("exec", "--quiet", "--name", name, "--", sys.executable, f"{name}.py")
    assert made.returncode == 0, made.stderr


@pytest.mark.parametrize(
    ("program", "told"),
    [
        ("print(sorted({'a': 1}))\n", False),
        ("print(len({'a', 'b'}))\n", True),
        ("print(len(set('ab')))\n", True),
        ("print([x for x in {c for c in 'ab'}] != [])\n", True),
        ("print(hash('a') != 0)\n", True),
    ],
    ids=["none", "display", "call", "comprehension", "hash"],
)
def test_the_order_of_hashes_is_told_where_it_can_matter(
    assay: Run,
    tmp_path: Path,
    program: str,
    told: bool,
) -> None:
    """A program without sets is not warned of their order; the record has it all the same."""
    record(assay, tmp_path, "one", program)
    shown = assay("show", "one").stdout
    assert ("hash order" in shown) == told
    whole = json.loads(assay("show", "one", "--json").stdout)
    assert "hash order" in [one["kind"] for one in whole["provenance"]["randomness"]]


def test_differences_have_short_digests_for_people_and_whole_ones_for_machines(
    assay: Run, tmp_path: Path
) -> None:
    """The table holds no digest of 64 digits, also not within a value; the document does."""
    for name, number in (("one", 1), ("two", 2)):
        (tmp_path / "data.csv").write_text(f"{number}\n")
        (tmp_path / "train.py").write_text(f"print('value', {number}, open('data.csv').read())\n")
        assert assay("exec", "--quiet", "--name", name, "--", sys.executable, "train.py").returncode == 0
    shown = assay("diff", "one", "two").stdout
    found = json.loads(assay("diff", "one", "two", "--json").stdout)["differences"]
    digest = next(one["a"] for one in found if one["path"] == "code['train.py']")
    assert re.fullmatch("[0-9a-f]{64}", digest)
    assert f"  {digest[:12]}  " in shown
    assert "data.files" in shown
    assert not re.search("[0-9a-f]{40}", shown)
