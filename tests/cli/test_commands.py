"""Tests of recorded commands in plain text: what a run made, where its hyperparameters are, what is usual."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from assay.cli.commands import command_lines
from assay.provenance.commands import CodeFile, CommandProvenance, Setting
from assay.provenance.components import ComponentDigests, Repository
from assay.records.commands import CommandCircumstances, CommandRecord, CommandResult
from assay.records.objects import Objects

Run = Callable[..., subprocess.CompletedProcess[str]]


def shown(
    folder: Path, *, steps: int = 0, metrics: dict[str, Any] | None = None, out: bytes = b"", **fields: Any
) -> str:
    """Return what is shown of a made-up record."""
    objects = Objects(folder / "objects")
    digests = ComponentDigests(code="1", data="2", hyperparameters="3", seeds="4", protocol="5")
    result = CommandResult(status="completed", exit_status=0, signal=None, metrics=metrics or {})
    went = CommandCircumstances(
        started="2026-01-01T00:00:00Z",
        ended="2026-01-01T00:00:01Z",
        wall_seconds=1.0,
        host="here",
        steps=steps,
        stdout=objects.put(out) if out else None,
    )
    record = CommandRecord(
        id="0" * 16,
        run="1" * 64,
        name="one",
        components=digests,
        result=result,
        result_digest=result.digest(),
        provenance="2" * 64,
        circumstances=went,
    )
    found = CommandProvenance(argv=("python", "train.py"), **fields)
    return "\n".join(command_lines(record, found, 1, objects))


@pytest.mark.parametrize(
    ("steps", "metrics", "out", "said"),
    [
        (3, {}, b"1\n2\n", "after 1.0 s, 3 steps, attempts"),
        (
            0,
            {"a": 1, "b": 2},
            b"1\n2\n",
            "after 1.0 s, no optimizer steps; 2 printed lines, 2 metrics, attempts",
        ),
        (0, {"a": 1}, b"", "after 1.0 s, no optimizer steps; 1 metric, attempts"),
        (0, {}, b"", "after 1.0 s, no steps, attempts"),
    ],
)
def test_what_a_run_made_is_told(
    tmp_path: Path, steps: int, metrics: dict[str, Any], out: bytes, said: str
) -> None:
    """A program without an optimizer has printed lines and metrics, which are said in place of 0 steps."""
    assert said in shown(tmp_path, steps=steps, metrics=metrics, out=out)


def test_a_configuration_that_was_read_is_named_among_the_hyperparameters(tmp_path: Path) -> None:
    """'none' stands there only where nothing was read either."""
    code = (CodeFile(path="config.json", role="configuration", digest="0" * 64, size=2),)
    lines = shown(tmp_path, code=code)
    assert "hyperparameters\n  read from config.json (kept under code)" in lines
    setting = Setting(path="optimizer 0 SGD.group 0.lr", value=0.1, source="optimizer", named=True)
    assert "group 0.lr = 0.1\n  read from config.json" in shown(tmp_path, code=code, settings=(setting,))
    assert "hyperparameters\n  none" in shown(tmp_path)


def test_untracked_files_stand_beside_a_clean_repository(tmp_path: Path) -> None:
    """Clean means that no tracked file is changed; what is not tracked is counted."""
    clean = Repository(commit="c" * 40, branch=None, remote=None, dirty=False)
    loose = Repository(commit="c" * 40, branch=None, remote=None, dirty=False, untracked=("a.py", "b.py"))
    assert "c clean\n" in shown(tmp_path, repository=clean)
    assert "c clean, 2 untracked source files\n" in shown(tmp_path, repository=loose)


def test_settings_as_the_libraries_come_are_counted(tmp_path: Path) -> None:
    """Only what was set, or is not known to be usual, has a line of its own."""
    lines = shown(tmp_path, numerics={"torch.cudnn.benchmark": True, "torch.cudnn.deterministic": False})
    assert "  torch.cudnn.benchmark = true" in lines
    assert "cudnn.deterministic" not in lines
    assert "  and 1 setting as the libraries come (--defaults lists them)" in lines


def test_runs_without_steps_are_listed_with_what_they_made(assay: Run, tmp_path: Path) -> None:
    """`assay ls` has no '0' for a program that printed; machines get both."""
    (tmp_path / "train.py").write_text("for i in range(3):\n    print('value', i)\n")
    assert assay("exec", "--quiet", "--name", "one", "--", sys.executable, "train.py").returncode == 0
    assert " 3 printed lines " in assay("ls").stdout
    (row,) = json.loads(assay("ls", "--json").stdout)
    assert (row["steps"], row["made"]) == (0, "3 printed lines")
