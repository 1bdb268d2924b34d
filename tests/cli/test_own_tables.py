"""Tables of one's own on the command line: imported, listed, shown, searched; mistakes are one message."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

Assay = Callable[..., subprocess.CompletedProcess[str]]

CARD = """family = "mine"
data = "results.csv"
source = "a test"
licence = "CC0"
task = "cifar10"
space = "listed"
architecture = "net"

[fidelity]
schedule = "all"

[signals.validation]
column = "acc"
split = "validation"
unit = "%"
"""
STUDY = """name = "own"
benchmarks = ["mine/*"]
replicates = 2
budget = { evaluations = 3 }

[protocol]
assessment = "none"

[methods.random]
strategy = "random-search"
"""


def _write(folder: Path, card: str = CARD) -> None:
    (folder / "results.csv").write_text("net,acc\n" + "".join(f"n{i},{i}\n" for i in range(9)))
    (folder / "card.toml").write_text(card)
    (folder / "study.toml").write_text(STUDY)


def test_a_table_of_ones_own_works_like_any_other(assay: Assay, tmp_path: Path) -> None:
    """It is imported from its card, listed with its source, shown, and searched by a study."""
    _write(tmp_path)
    written = json.loads(assay("table", "import", "card.toml", "--json").stdout)
    assert [one["benchmark"] for one in written] == ["mine/cifar10"]
    listed = json.loads(assay("table", "ls", "--json").stdout)
    (own,) = [one for one in listed if one["benchmark"] == "mine/cifar10"]
    assert (own["space"], own["state"], own["source"].strip()) == ("listed", "imported", "a test")
    assert "validation: accuracy on validation [%]" in assay("table", "show", "mine/cifar10").stdout
    ran = assay("run", "study.toml")
    assert ran.returncode == 0, ran.stderr


def test_each_table_has_the_source_of_its_own_card(assay: Assay, tmp_path: Path) -> None:
    """Of two cards of one family each keeps its source in the list."""
    for task, source in (("cifar10", "a test"), ("cora", "another")):
        _write(tmp_path, CARD.replace('"cifar10"', f'"{task}"').replace('"a test"', f'"{source}"'))
        done = assay("table", "import", "card.toml")
        assert done.returncode == 0, done.stderr
    listed = json.loads(assay("table", "ls", "--json").stdout)
    sources = {one["benchmark"]: one["source"] for one in listed if one["benchmark"].startswith("mine/")}
    assert sources == {"mine/cifar10": "a test", "mine/cora": "another"}
    line = next(line for line in assay("table", "ls").stdout.splitlines() if line.startswith("mine "))
    assert line.endswith("a test; another")


def test_there_is_nothing_to_fetch_or_import_by_the_name(assay: Assay, tmp_path: Path) -> None:
    """A table of one's own comes from its card file, and both commands say so with status 2."""
    _write(tmp_path)
    assay("table", "import", "card.toml")
    for command, name in (("fetch", "mine"), ("fetch", "mine/cifar10"), ("import", "mine")):
        answer = assay("table", command, name)
        assert answer.returncode == 2, answer.stderr
        assert "'mine' is a table of your own" in answer.stderr
        assert "assay table import CARD.toml" in answer.stderr


def test_a_mistake_is_one_message_and_status_two(assay: Assay, tmp_path: Path) -> None:
    """A wrong key, a wrong cell and a card that is not there print their place and no traceback."""
    _write(tmp_path, CARD.replace("split", "splits"))
    for arguments, place in (
        (("card.toml",), "card.toml:14, signals.validation.splits"),
        (("none.toml",), "none.toml"),
        (("card.toml", "--as", "x"), "card.toml"),
        ((".",), "--as NAME"),
    ):
        answer = assay("table", "import", *arguments)
        assert answer.returncode == 2, answer.stderr
        assert place in answer.stderr
        assert "Traceback" not in answer.stderr
    assert "mine/" not in assay("table", "ls").stdout
