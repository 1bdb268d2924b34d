"""The files of a run: data and outputs, and the secrets that stand only in configurations."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from assay.capture.recording.scrubbing import secret_values
from assay.records.commands import command_records, provenance_of_command
from assay.records.store import Store


def record(folder: Path, program: str, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    """Record a program in a folder, with the records beside it."""
    (folder / "train.py").write_text(program)
    command = [sys.executable, "-c", "from assay.cli.main import main; main()", "exec", "--quiet"]
    command += ["--store", str(folder.parent / "store"), "--", sys.executable, "train.py", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, check=True, timeout=120)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return an empty folder."""
    folder = tmp_path / "project"
    folder.mkdir()
    return folder


def test_a_file_opened_to_change_it_is_data_while_nothing_changes_it(project: Path) -> None:
    """What `r+b` only read is data and no output; what it changed is an output."""
    for name in ("only-read.bin", "changed.bin"):
        (project / name).write_bytes(b"12345678")
    record(
        project,
        "open('only-read.bin', 'r+b').read()\n"
        "with open('changed.bin', 'r+b') as file: file.write(file.read()[::-1])\n",
    )
    store = Store(project.parent / "store")
    (made,) = command_records(store)
    found = provenance_of_command(store, made)
    assert [one.path for one in found.data] == ["only-read.bin"]
    assert [one.path for one in made.result.outputs] == ["changed.bin"]
    (told,) = [text for text in found.not_observed if "opened to change" in text]
    assert told.endswith("before it changed it: changed.bin")


def test_what_an_argument_names_and_the_run_writes_is_no_code(project: Path) -> None:
    """A script that writes a configuration anew is the same run whether or not one stood there."""
    program = "import sys\nopen(sys.argv[1], 'w').write('{}')\n"
    record(project, program, "out.json")
    record(project, program, "out.json")
    first, second = command_records(Store(project.parent / "store"))
    assert first.run == second.run


def test_a_configuration_anywhere_else_stays_where_it_is(project: Path) -> None:
    """One that is read by an absolute path is checked in its place by a restoration, which names a change."""
    elsewhere = project.parent / "elsewhere.json"
    elsewhere.write_text('{"lr": 1}')
    record(project, f"print(open({str(elsewhere)!r}).read())\n")
    assay = [sys.executable, "-c", "from assay.cli.main import main; main()", "restore", "train.py"]
    assay += ["--store", str(project.parent / "store")]
    for place, text, status in (("same", '{"lr": 1}', 0), ("other", '{"lr": 2}', 1)):
        elsewhere.write_text(text)
        done = subprocess.run(
            [*assay, str(project.parent / place)], capture_output=True, text=True, check=False
        )
        assert done.returncode == status, done.stderr
        assert ("it is another one now" in done.stdout + done.stderr) == bool(status)


def test_a_secret_that_only_a_configuration_names_is_taken_out_everywhere(project: Path) -> None:
    """Printed bare, logged, or given as an argument, a value that a file calls a password is gone."""
    (project / "config.json").write_text(
        json.dumps({"lr": 0.0125, "db": {"password": 'correct horse "battery"'}, "pwd": "/data/sets"})
    )
    (project / ".env").write_text("WANDB_API_KEY=plain-words-only\n")
    (project / "token.txt").write_text("swordfish\n")
    done = record(
        project,
        "import json, sys, assay_hook\n"
        "config = json.load(open('config.json'))\n"
        "key = open('.env').read().strip().partition('=')[2]\n"
        "print(config['db']['password'], config['lr'], config['pwd'])\n"
        "print(key, open('token.txt').read(), file=sys.stderr)\n"
        "assay_hook.log(note='with ' + key)\n",
        "use",
        "swordfish",
    )
    assert b"battery" in done.stdout  # what passed through stays as it is
    store = Store(project.parent / "store")
    content = b"".join(path.read_bytes() for path in store.folder.rglob("*") if path.is_file())
    for secret in (b"battery", b"plain-words-only", b"swordfish"):
        assert secret not in content
    (made,) = command_records(store)
    assert made.circumstances.stdout is not None
    assert store.objects.get(made.circumstances.stdout) == b"[secret removed] 0.0125 /data/sets\n"
    found = provenance_of_command(store, made)
    assert (found.argv[-1], found.removed) == ("[secret removed]", (3,))


@pytest.mark.parametrize(
    ("name", "text", "found"),
    [
        ("a.json", '{"api_key": "in \\u0061 word", "x": 1}', ["in \\u0061 word", "in a word"]),
        ("a.ini", "password = hunter2\npwd = /data\n", ["hunter2"]),
        ("a.yaml", "secret: 1234567\ntoken: <pad>\n", []),
        ("tokens.txt", "one word more\n", []),
        ("api_key", "correct-horse\n", ["correct-horse"]),
    ],
)
def test_values_that_a_file_calls_secrets(name: str, text: str, found: list[str]) -> None:
    """Values stand as written and as read; paths, short numbers and placeholders are none."""
    assert secret_values(name, text) == found
