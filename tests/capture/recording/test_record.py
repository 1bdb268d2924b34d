"""Tests of recording a command from its start to its sealed record."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from assay.capture.recording import seal as sealing
from assay.capture.recording.facts import facts_of, read_facts, write_facts
from assay.capture.recording.files import check_declared
from assay.capture.recording.launch import Launch
from assay.capture.recording.record import NotSealedError, record_command, recover
from assay.foundation.errors import StoreError, UsageError
from assay.provenance.commands import CommandProvenance
from assay.records.commands import CommandRecord, command_records, provenance_of_command
from assay.records.store import Store

PROGRAM = """\
import json, sys
import helper
lr = json.load(open("config.json"))["lr"]
rows = open("data/table.csv").read()
with open("result.txt", "w") as file:
    file.write(str(helper.double(lr) + len(rows)))
with open("gone.tmp", "w") as file:
    file.write("x")
import os
os.unlink("gone.tmp")
print("done", len(rows))
"""
SECRET = "tr1vial-but-planted-Value"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a folder with a small program, a module, a configuration and data."""
    folder = tmp_path / "project"
    (folder / "data").mkdir(parents=True)
    (folder / "train.py").write_text(PROGRAM)
    (folder / "helper.py").write_text("def double(x):\n    return 2 * x\n")
    (folder / "config.json").write_text('{"lr": 0.5}')
    (folder / "data" / "table.csv").write_text("a,b\n1,2\n")
    return folder


def record(
    project: Path, *argv: str, variables: dict[str, str] | None = None, **options: object
) -> tuple[CommandRecord, CommandProvenance]:
    store = Store(project.parent / "store")
    command = argv or (sys.executable, "train.py")
    what = Launch(argv=command, folder=project, variables={**os.environ, **(variables or {})}, quiet=True)
    made, _ = record_command(store, what, cache=project.parent / "cache", **options)  # type: ignore[arg-type]
    assert not list((store.folder / "live").iterdir())
    return made, provenance_of_command(store, made)


def test_a_program_is_recorded_without_a_change(project: Path) -> None:
    """Code, configuration, data and outputs are found; what was written and removed is not there."""
    made, found = record(project)
    assert (made.result.status, made.result.exit_status, made.name) == ("completed", 0, "train.py")
    assert {one.path: one.role for one in found.code} == {
        "config.json": "configuration",
        "helper.py": "module",
        "train.py": "program",
    }
    assert [(one.path, one.declared) for one in found.data] == [("data/table.csv", False)]
    assert [one.path for one in made.result.outputs] == ["result.txt"]
    assert (found.folder, found.root, found.argv) == (".", str(project), (sys.executable, "train.py"))
    assert found.environment is not None
    assert found.environment.python == ".".join(map(str, sys.version_info[:3]))
    store = Store(project.parent / "store")
    assert store.objects.get(made.circumstances.stdout or "") == b"done 8\n"
    assert [one.role for one in found.processes] == ["main"]


def test_identity_is_code_data_arguments_and_configuration(project: Path) -> None:
    """A comment changes nothing; a constant, a byte of data, an argument and a setting change it."""
    first, _ = record(project)
    (project / "helper.py").write_text("# twice\ndef double(x):\n    return 2 * x\n")
    again, _ = record(project)
    assert (again.run, again.result_digest) == (first.run, first.result_digest)
    assert again.id != first.id
    (project / "helper.py").write_text("def double(x):\n    return 3 * x\n")
    code, _ = record(project)
    assert code.components.code != first.components.code
    (project / "data" / "table.csv").write_text("a,b\n1,3\n")
    data, _ = record(project)
    assert data.components.code == code.components.code
    assert data.components.data != code.components.data
    (project / "config.json").write_text('{"lr": 0.25}')
    configured, _ = record(project)
    assert configured.components.hyperparameters != data.components.hyperparameters
    told, _ = record(project, sys.executable, "train.py", "--lr")
    assert told.components.hyperparameters != configured.components.hyperparameters
    seeded, _ = record(project, sys.executable, "train.py", "--lr", variables={"PYTHONHASHSEED": "7"})
    assert seeded.components.seeds != told.components.seeds


def test_the_store_is_no_part_of_what_is_recorded(project: Path) -> None:
    """A store inside the repository of the program is neither untracked code nor data."""
    subprocess.run(["git", "init", "-q"], cwd=project, check=True)
    (project / "loose.py").write_text("x = 1\n")
    store = Store(project / "runs")
    what = Launch(argv=(sys.executable, "train.py"), folder=project, variables=dict(os.environ), quiet=True)
    for _ in range(2):
        made, _ = record_command(store, what, cache=project.parent / "cache")
    found = provenance_of_command(store, made)
    untracked = [one.path for one in found.code if one.role == "untracked"]
    assert untracked == ["loose.py", "result.txt"]
    assert found.repository is not None
    assert not any(name.startswith("runs/") for name in found.repository.untracked)


def test_declared_paths_count_whether_or_not_they_are_opened(project: Path) -> None:
    """A folder of data is one tree, whose files are not listed again; a missing output is said."""
    (project / "out").mkdir()
    (project / "out" / "old.txt").write_text("1")
    made, found = record(project, data=[Path("data")], outputs=[Path("out"), Path("never")])
    assert [(one.path, one.folder, one.declared) for one in found.data] == [("data", True, True)]
    outputs = {one.path: (one.declared, one.digest is None) for one in made.result.outputs}
    assert outputs == {
        "never": (True, True),
        "out/old.txt": (True, False),
        "result.txt": (False, False),
    }
    assert any("never" in text for text in found.not_observed)


def test_data_that_the_run_changed_are_said(project: Path) -> None:
    """A file that was read and then written is data, and that it changed is stated."""
    script = (
        "open('data/table.csv').read(); open('data/table.csv', 'w').write('z'); open('new', 'w').write('y')"
    )
    (project / "change.py").write_text(script)
    made, found = record(project, sys.executable, "change.py")
    assert [one.path for one in found.data] == ["data/table.csv"]
    assert any("data/table.csv" in text and "changed" in text for text in found.not_observed)
    assert [one.path for one in made.result.outputs] == ["new"]


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("import sys; sys.exit(4)", ("failed", 4, None)),
        ("raise ValueError('no')", ("failed", 1, None)),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", ("killed", None, 9)),
    ],
)
def test_a_command_that_does_not_complete_is_sealed_too(
    project: Path, code: str, status: tuple[str, int | None, int | None]
) -> None:
    """Failed and killed commands have a record with what was seen until then."""
    (project / "train.py").write_text(f"import helper\nopen('data/table.csv').read()\n{code}\n")
    made, found = record(project)
    assert (made.result.status, made.result.exit_status, made.result.signal) == status
    assert "helper.py" in {one.path for one in found.code}
    if status[0] == "killed":
        assert any("process 0 ended" in text for text in found.not_observed)


@pytest.mark.parametrize("argv", [("sh", "-c", "echo hi"), (sys.executable, "-I", "-c", "print(1)")])
def test_what_cannot_be_looked_into_is_said(project: Path, argv: tuple[str, ...]) -> None:
    """A command without the hook is recorded, and that nothing was observed inside is stated."""
    made, found = record(project, *argv)
    assert made.result.status == "completed"
    assert found.not_observed[0].startswith("nothing was observed inside")
    assert found.environment is not None
    assert found.environment.packages == {}


def test_python_below_another_program_is_seen(project: Path) -> None:
    """A shell script that starts Python twice has two observed processes and its own text as code."""
    (project / "run.sh").write_text(f"{sys.executable} train.py\n{sys.executable} -c 'print(2)'\n")
    made, found = record(project, "sh", "run.sh")
    assert len(found.processes) == 2
    assert {"run.sh", "train.py", "helper.py"} <= {one.path for one in found.code}
    assert made.name == "run.sh"


def test_what_cannot_be_started_leaves_nothing(project: Path) -> None:
    """A missing program makes no record and no folder."""
    with pytest.raises(UsageError, match="no program 'nothing-here'"):
        record(project, "nothing-here")
    assert not list((project.parent / "store" / "live").iterdir())
    assert command_records(Store(project.parent / "store")) == []


def test_a_full_disk_loses_nothing(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A record that cannot be written is sealed later, with the end of its command and its output."""
    store = Store(project.parent / "store")
    what = Launch(argv=(sys.executable, "train.py"), folder=project, variables=dict(os.environ), quiet=True)

    def full(*_: object) -> None:
        raise StoreError("cannot write", why="No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(sealing, "put_command", full)
        with pytest.raises(NotSealedError, match="No space left") as refusal:
            record_command(store, what, cache=project.parent / "cache")
    assert refusal.value.ended.status == 0
    (made,) = recover(store, project.parent / "cache")
    assert (made.result.status, made.result.exit_status) == ("completed", 0)
    assert store.objects.get(made.circumstances.stdout or "") == b"done 8\n"
    assert recover(store, project.parent / "cache") == []
    assert [one.id for one in command_records(store)] == [made.id]


def test_a_full_disk_does_not_lose_how_the_command_ended(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No block is free when it ends: its status is kept all the same, and what is lost is said."""
    store = Store(project.parent / "store")
    argv = (sys.executable, "-c", "print('x'); raise SystemExit(7)")
    what = Launch(argv=argv, folder=project, variables=dict(os.environ), quiet=True)
    write = Path.write_bytes

    def full(path: Path, data: bytes) -> int:
        if path.name in ("stdout", "stderr") or "objects" in path.parts:
            write(path, data[: len(data) // 2])  # what a full disk leaves
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(path, data)

    def refused(*_: object) -> None:
        raise StoreError("cannot write", why="No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", full)
        patch.setattr(sealing, "put_command", refused)
        with pytest.raises(NotSealedError, match="No space left"):
            record_command(store, what, cache=project.parent / "cache")
    (made,) = recover(store, project.parent / "cache")
    assert (made.result.status, made.result.exit_status) == ("failed", 7)
    assert (
        "the output of the command: there was no room to keep it"
        in provenance_of_command(store, made).not_observed
    )


def test_what_is_known_is_replaced_whole(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that is full in the middle of the run does not cut what was written before it."""
    what = Launch(argv=("x",), folder=project, variables={})
    before = facts_of(what, name="a", data=(), outputs=())
    write_facts(project, before)

    def full(path: Path, text: str) -> int:
        path.write_bytes(text[:5].encode())
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(StoreError, match="No space left"):
        write_facts(project, facts_of(what, name="b", data=(), outputs=()))
    assert read_facts(project) == before


def test_folders_and_names_may_be_bytes(project: Path) -> None:
    """A working folder, a name and a variable that are not UTF-8 are recorded, and found again."""
    folder = Path(os.fsdecode(os.fsencode(project) + b"\xff"))
    project.rename(folder)
    store = Store(folder.parent / "store")
    variables = {**os.environ, "OMP_ODD": "\udcff"}
    what = Launch(argv=(sys.executable, "train.py"), folder=folder, variables=variables, quiet=True)
    data = [folder / "data"]
    made, _ = record_command(store, what, name="n\udcff", data=data, cache=folder.parent / "cache")
    found = provenance_of_command(store, made)
    assert (made.name, found.root, found.folder) == ("n\ufffd", f"{project}\\xff", ".")
    assert {one.path for one in found.code} == {"config.json", "helper.py", "train.py"}
    assert [one.path for one in found.data] == ["data"]
    assert found.variables["OMP_ODD"] == "\ufffd"


def test_tokens_in_names_do_not_reach_the_record(project: Path) -> None:
    """Not in the run's own name, nor in those of its data and outputs, of a folder and of a path."""
    token = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
    (project / f"data_{token}").mkdir()
    (project / f"data_{token}" / "d.csv").write_text("1")
    (project / f"in-{token}.csv").write_text("1")
    (project / "train.py").write_text(
        f"open('in-{token}.csv').read(); open('data_{token}/d.csv').read(); open('{token}', 'w').write('x')\n"
    )
    path = f"/nowhere/{token}"
    record(project, name=token, data=[project / f"data_{token}"], variables={"PYTHONPATH": path})
    assert leaks(project.parent / "store", token) == []


RECORDER = """\
import os, sys
from pathlib import Path
from assay.capture.recording.files import check_declared
from assay.capture.recording.launch import Launch
from assay.capture.recording.record import record_command
from assay.records.store import Store
what = Launch(argv=tuple(sys.argv[3:]), folder=Path.cwd(), variables=dict(os.environ))
made, ended = record_command(Store(Path(sys.argv[1])), what, cache=Path(sys.argv[2]))
"""


def recorder(project: Path, *argv: str) -> list[str]:
    return [
        *(sys.executable, "-c", RECORDER),
        *(str(project.parent / "store"), str(project.parent / "cache"), *argv),
    ]


def test_what_a_killed_recorder_left_is_sealed_once_its_program_has_ended(project: Path) -> None:
    """`kill -9` of the recorder loses no row: the run is abandoned, and let be while it goes on."""
    (project / "train.py").write_text(
        "import os, time, assay_hook, helper\n"
        "for i in range(100): assay_hook.log(loss=i)\n"
        "open('logged', 'w').write(str(os.getpid()))\n"
        "while not os.path.exists('stop'): time.sleep(0.02)\n"
    )
    process = subprocess.Popen(recorder(project, sys.executable, "train.py"), cwd=project)
    while not (project / "logged").exists() or not (project / "logged").read_text():
        time.sleep(0.02)
    process.kill()
    process.wait()
    store = Store(project.parent / "store")
    assert recover(store, project.parent / "cache") == []
    (project / "stop").touch()
    pid = int((project / "logged").read_text())
    while Path(f"/proc/{pid}").exists() and " Z " not in Path(f"/proc/{pid}/stat").read_text():
        time.sleep(0.02)
    (made,) = recover(store, project.parent / "cache")
    assert made.result.status == "abandoned"
    assert made.result.metrics == {"loss": 99}
    found = provenance_of_command(store, made)
    assert "helper.py" in {one.path for one in found.code}
    assert any("its recorder was ended" in text for text in found.not_observed)
    assert not list((store.folder / "live").iterdir())


def test_eight_recorders_start_at_once_in_a_fresh_store(project: Path) -> None:
    """None fails and none is lost, though all of them make the store."""
    (project / "train.py").write_text("import assay_hook, sys\nassay_hook.log(number=int(sys.argv[1]))\n")
    processes = [
        subprocess.Popen(recorder(project, sys.executable, "train.py", str(number)), cwd=project)
        for number in range(8)
    ]
    assert [process.wait(120) for process in processes] == [0] * 8
    records = command_records(Store(project.parent / "store"))
    assert sorted(one.result.metrics["number"] for one in records) == list(range(8))


def test_a_planted_secret_never_reaches_the_disk(project: Path) -> None:
    """Neither while the run lasts nor after it: variable, argument, URL, configuration, output, notebook."""
    token = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
    (project / "config.json").write_text(json.dumps({"lr": 0.5, "api_key": SECRET, "hub": token}))
    cell = {"cell_type": "code", "source": [f"password = '{SECRET}'"], "metadata": {}, "outputs": []}
    (project / "book.ipynb").write_text(json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4}))
    (project / "plain.yaml").write_text(f"nothing: telling {SECRET}\n")
    (project / "train.py").write_text(
        "import argparse, os, sys, time, assay_hook\n"
        "parser = argparse.ArgumentParser()\n"
        "parser.add_argument('--password'); parser.add_argument('--url'); parser.add_argument('book')\n"
        "given = parser.parse_args()\n"
        "for name in ('config.json', 'plain.yaml', given.book): open(name).read()\n"
        "print('the key is', os.environ['MY_API_KEY'], given.url, flush=True)\n"
        "print(open('config.json').read(), file=sys.stderr, flush=True)\n"
        "assay_hook.log(note=given.url, token=given.password)\n"
        "open('logged', 'w').close()\n"
        "while not os.path.exists('stop'): time.sleep(0.02)\n"
    )
    argv = ("train.py", "--password", SECRET, "--url", f"https://me:{SECRET}@host/x", "book.ipynb")
    process = subprocess.Popen(
        recorder(project, sys.executable, *argv),
        cwd=project,
        env={**os.environ, "MY_API_KEY": SECRET},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while not (project / "logged").exists():
        time.sleep(0.02)
    time.sleep(0.5)
    store = project.parent / "store"
    during = leaks(store, SECRET, token)
    (project / "stop").touch()
    assert process.wait(60) == 0
    assert during == []
    assert leaks(store, SECRET, token) == []
    (made,) = command_records(Store(store))
    found = provenance_of_command(Store(store), made)
    assert found.removed == (3, 5)
    assert {"config.json", "plain.yaml", "book.ipynb"} <= {one.path for one in found.code if one.scrubbed}


def leaks(folder: Path, *secrets: str) -> list[str]:
    """Return the files below a folder that hold a secret."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert files
    return [str(path) for path in files if any(text.encode() in path.read_bytes() for text in secrets)]


def test_a_signal_to_the_recorder_leaves_a_sealed_record(project: Path) -> None:
    """A job that is told to end ends, and its record is there."""
    (project / "train.py").write_text("import time\nopen('up', 'w').close()\ntime.sleep(60)\n")
    process = subprocess.Popen(recorder(project, sys.executable, "train.py"), cwd=project)
    while not (project / "up").exists():
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0
    (made,) = command_records(Store(project.parent / "store"))
    assert (made.result.status, made.result.signal) == ("killed", signal.SIGTERM)


def test_a_declared_link_that_leads_nowhere_is_called_so(tmp_path: Path) -> None:
    """Its own name is not proposed as the right spelling."""
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(UsageError, match="leads nowhere"):
        check_declared([tmp_path / "loop"], "--data")
    (tmp_path / "data").mkdir()
    with pytest.raises(UsageError) as refused:
        check_declared([tmp_path / "dato"], "--data")
    assert refused.value.hint == "did you mean 'data'?"


def test_what_a_declared_folder_leaves_out_is_said(project: Path) -> None:
    """A pipe among the data is no file, and its absence from the digest is told."""
    os.mkfifo(project / "data" / "pipe")
    _, found = record(project, data=[project / "data"])
    assert any(text.startswith("of data: pipe: ") for text in found.not_observed)
