"""Tests of `assay exec`, and of listing, showing and comparing what it recorded."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from assay.cli.exec import FLAGS, LISTS, TEXTS, parse_quickly
from assay.cli.main import app

MAIN = (sys.executable, "-c", "from assay.cli.main import main; main()")
PROGRAM = """\
import sys
import assay_hook
rate = float(sys.argv[1])
open("data.csv").read()
print("hello", rate)
print("trouble", file=sys.stderr)
assay_hook.log(loss=rate)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with a program and its data."""
    (tmp_path / "train.py").write_text(PROGRAM)
    (tmp_path / "data.csv").write_text("1")
    return tmp_path


def assay(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    variables = {**os.environ, "ASSAY_STORE": str(folder / "store"), "ASSAY_CACHE": str(folder / "cache")}
    return subprocess.run(
        [*MAIN, *arguments],
        cwd=folder,
        env=variables,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def listed(folder: Path, *more: str) -> list[dict[str, Any]]:
    done = assay(folder, "ls", "--json", *more)
    assert done.returncode == 0, done.stderr
    rows: list[dict[str, Any]] = json.loads(done.stdout)
    return rows


def test_the_recorder_imports_no_pandas(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where pandas is installed, the recorder does without it, and its program has it."""
    fake = folder / "packages" / "pandas"
    fake.mkdir(parents=True)
    marker = folder / "imported"
    text = f"__version__ = '9.0'\nopen({str(marker)!r}, 'a').write('x')\n"
    (fake / "__init__.py").write_text(text)
    monkeypatch.setenv("PYTHONPATH", str(fake.parent))
    done = assay(folder, "exec", "--", sys.executable, "train.py", "0.5")
    assert done.returncode == 0, done.stderr
    assert not marker.exists()
    assert assay(folder, "exec", "--", sys.executable, "-c", "import pandas").returncode == 0
    assert marker.read_text() == "x"


def test_a_recorded_command_behaves_as_it_does_alone(folder: Path) -> None:
    """Its output is its own; what Assay says is one line at the end on standard error."""
    done = assay(folder, "exec", "--", sys.executable, "train.py", "0.5")
    assert (done.returncode, done.stdout) == (0, "hello 0.5\n")
    first, last = done.stderr.splitlines()
    assert first == "trouble"
    assert re.fullmatch(
        r"recorded as [0-9a-f]{8} \(train\.py, 1 printed line, 1 metric, 1 file of data\)", last
    )
    quiet = assay(folder, "exec", "--quiet", "--name", "q", "--", sys.executable, "train.py", "0.5")
    assert quiet.stderr == "trouble\n"
    assert [row["name"] for row in listed(folder)] == ["train.py", "q"]


@pytest.mark.parametrize(
    ("argv", "status", "text"),
    [
        (["sh", "-c", "exit 7"], 7, "exit status 7"),
        (["sh", "-c", "kill -TERM $$"], 128 + signal.SIGTERM, "killed by SIGTERM"),
        (["sh", "-c", "kill -KILL $$"], 128 + signal.SIGKILL, "peak memory"),
        (["no-such-program"], 127, "there is no program 'no-such-program'"),
    ],
)
def test_the_status_of_the_command_is_passed_through(
    folder: Path, argv: list[str], status: int, text: str
) -> None:
    """Exit statuses, signals and what cannot be started are answered as a shell does."""
    done = assay(folder, "exec", "--", *argv)
    assert done.returncode == status
    assert text in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ([], "assay exec -- python train.py"),
        (["--trace", "step", "--", "true"], "did you mean 'steps'?"),
        (["--trace-budget", "lots", "--", "true"], "3%"),
        (["--trace-budget", "0%", "--", "true"], "3%"),
        (["--trace-window", "3:5", "--", "true"], "--trace operators"),
        (["--trace", "operators", "--trace-window", "5:3", "--", "true"], "both ends included"),
        (["--data", "dada.csv", "--", "true"], "did you mean 'data.csv'?"),
    ],
)
def test_a_mistake_is_answered_before_anything_runs(folder: Path, arguments: list[str], text: str) -> None:
    """Each refusal is a usage error with a hint."""
    done = assay(folder, "exec", *arguments)
    assert done.returncode == 2
    assert text in done.stderr
    assert not (folder / "store" / "commands").exists()


def test_both_parsers_know_the_same_options() -> None:
    """The quick parser has each option of the usual one, and hands on what it does not know."""
    import typer

    (params,) = [
        command.params for name, command in typer.main.get_command(app).commands.items() if name == "exec"
    ]
    known = {option for param in params for option in param.opts if option.startswith("--")} - {"--help"}
    assert known == {*TEXTS, *LISTS, *FLAGS}
    assert parse_quickly(["--help"]) is None
    assert parse_quickly(["--name"]) is None
    assert parse_quickly(["--quiet"]) is None
    assert parse_quickly(["--unknown", "x", "true"]) is None
    told = parse_quickly(["--name=a", "--data", "x", "--data=y", "--quiet", "--store", "s", "--", "-x", "--"])
    assert told is not None
    assert (told["name"], told["data"], told["quiet"]) == ("a", [Path("x"), Path("y")], True)
    assert (told["store_path"], told["command"]) == (Path("s"), ["-x", "--"])


def test_options_after_the_command_are_its_own(folder: Path) -> None:
    """Without a separator too, everything after the program belongs to it."""
    done = assay(folder, "exec", "--quiet", "echo", "--name", "x", "-n")
    assert done.stdout == "--name x -n\n"


def test_commands_are_listed_shown_and_compared(folder: Path) -> None:
    """Two runs with another argument: both are listed, shown in full, and differ in that alone."""
    for rate in ("0.5", "0.25"):
        assert (
            assay(folder, "exec", "--name", f"r{rate}", "--", sys.executable, "train.py", rate).returncode
            == 0
        )
    rows = listed(folder)
    assert [(row["kind"], row["name"], row["status"], row["metrics"]) for row in rows] == [
        ("command", "r0.5", "completed", {"loss": 0.5}),
        ("command", "r0.25", "completed", {"loss": 0.25}),
    ]
    assert listed(folder, "--kind", "search") == []
    assert listed(folder, "--failed") == []
    assert "r0.25" in assay(folder, "ls").stdout

    shown = assay(folder, "show", rows[0]["id"][:6]).stdout
    for text in ("train.py 0.5", "data.csv", "(program)", "completed", "loss = 0.5", "not observed"):
        assert text in shown
    whole = json.loads(assay(folder, "show", "r0.5", "--json").stdout)
    assert set(whole) == {"run", "record", "provenance"}
    assert whole["provenance"]["argv"][1:] == ["train.py", "0.5"]

    compared = json.loads(assay(folder, "diff", "r0.5", "r0.25", "--json").stdout)
    paths = [one["path"] for one in compared["differences"]]
    assert paths == ["hyperparameters.arguments['2']"]
    assert not compared["same_result"]
    assert "0.25" in assay(folder, "diff", "r0.5", "r0.25").stdout
    same = assay(folder, "diff", "r0.5", "r0.5").stdout
    assert "do not differ" in same
    assert "the results are identical" in same


def test_a_run_that_is_not_there_is_a_usage_error(folder: Path) -> None:
    """An unknown name and an unknown kind are refused with a hint."""
    assert assay(folder, "exec", "--", "true").returncode == 0
    for arguments in (["show", "zzz"], ["ls", "--kind", "runs"]):
        done = assay(folder, *arguments)
        assert done.returncode == 2
        assert "hint:" in done.stderr


def test_defaults_are_those_that_nobody_named(folder: Path) -> None:
    """`--defaults` lists the settings that the program never named, and nothing else."""
    (folder / "defaults.py").write_text(
        "import assay\n@assay.recorded(name='fit')\ndef fit(rate, momentum=0.9): pass\nfit(0.5)\n"
    )
    done = subprocess.run(
        [sys.executable, "defaults.py"],
        cwd=folder,
        env={**os.environ, "ASSAY_STORE": str(folder / "store"), "ASSAY_CACHE": str(folder / "cache")},
        check=False,
    )
    assert done.returncode == 0
    shown = assay(folder, "show", "fit", "--defaults")
    assert shown.returncode == 0, shown.stderr
    assert "momentum" in shown.stdout
    assert "0.9" in shown.stdout
    assert "fit.rate" not in shown.stdout
