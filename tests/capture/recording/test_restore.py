from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from assay.capture.contents import Contents
from assay.capture.recording.places import Places
from assay.capture.recording.restore import Restored, restore
from assay.capture.recording.sources import Sources
from assay.capture.secrets import REMOVED
from assay.capture.trees import keep_tree
from assay.cli.restore import restore_run
from assay.foundation.digest import digest_value
from assay.foundation.errors import IntegrityError, UsageError
from assay.provenance.commands import CodeFile, CommandProvenance, DataFile, Output
from assay.provenance.components import ComponentDigests
from assay.records.commands import CommandCircumstances, CommandRecord, CommandResult, put_command
from assay.records.store import Store


def git(folder: Path, *arguments: str) -> str:
    who = {
        f"GIT_{role}_{what}": "n@example.org"
        for role in ("AUTHOR", "COMMITTER")
        for what in ("NAME", "EMAIL")
    }
    variables = {"PATH": os.environ["PATH"], "HOME": str(folder), "GIT_CONFIG_NOSYSTEM": "1", **who}
    command = ["git", "-c", "init.defaultBranch=trunk", *arguments]
    done = subprocess.run(command, cwd=folder, env=variables, check=True, capture_output=True, text=True)
    return done.stdout.strip()


class Recorder:
    """Records a command as it would have run in `root`, without running it."""

    def __init__(self, tmp_path: Path) -> None:
        self.store = Store(tmp_path / "store")
        self.known = Contents(tmp_path / "cache")
        self.root = tmp_path / "project"
        self.root.mkdir()
        self.places = Places(self.root)
        self.data: list[DataFile] = []
        self.outputs: list[Output] = []

    def write(self, name: str, text: str) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def commit(self) -> None:
        git(self.root, "init")
        git(self.root, "add", ".")
        git(self.root, "commit", "-m", "all")

    def read(self, path: Path, *, keep: bool = False) -> None:
        """Count a file, or a declared folder, as data of the run."""
        if path.is_dir():
            tree = keep_tree(self.store.objects, path, self.known)
            found = DataFile(path=self.places.data(path), digest=tree.digest, size=tree.size, folder=True)
        else:
            content = self.store.objects.put(path.read_bytes()) if keep else None
            digest = self.known.digest(path)
            found = DataFile(path=self.places.data(path), digest=digest, size=1, content=content)
        self.data.append(found)

    def record(self, argv: list[str], *loaded: Path, folder: str = ".", **changes: Any) -> CommandRecord:
        sources = Sources(self.store.objects, self.places, self.root / folder, argv)
        rows = [
            {"k": "code", "file": str(path), "module": path.stem, "digest": _sha256(path), "size": 1}
            for path in loaded
        ]
        sources.keep_code(rows)
        kept = sources.finish()
        found = CommandProvenance(
            argv=tuple(argv),
            root=str(self.root),
            folder=folder,
            code=kept.code,
            outside=kept.outside,
            left_out=kept.left_out,
            repository=kept.repository,
            data=tuple(self.data),
            interpreter=sys.executable,
        )
        return self.seal(msgspec.structs.replace(found, **changes))

    def seal(self, found: CommandProvenance) -> CommandRecord:
        result = CommandResult(status="completed", exit_status=0, signal=None, outputs=tuple(self.outputs))
        parts = dict.fromkeys(("code", "data", "hyperparameters", "seeds", "protocol"), "0" * 64)
        went = CommandCircumstances(started="2026-01-01", ended="2026-01-01", wall_seconds=1.0, host="h")
        record = CommandRecord(
            id=digest_value(found)[:16],
            run="0" * 64,
            name="a run",
            components=ComponentDigests(**parts),
            result=result,
            result_digest=result.digest(),
            provenance=self.store.objects.put_value(found),
            circumstances=went,
        )
        put_command(self.store, record)
        return record


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def recorder(tmp_path: Path) -> Recorder:
    return Recorder(tmp_path)


def make(recorder: Recorder, record: CommandRecord, **options: Any) -> Restored:
    folder = recorder.root.parent / "restored"
    return restore(recorder.store, record, folder, cache=recorder.root.parent / "cache", **options)


def run(restored: Restored) -> str:
    command = ["sh", str(restored.folder / "run.sh")]
    return subprocess.run(command, check=True, capture_output=True, text=True, cwd="/").stdout.strip()


def test_a_run_in_a_repository_runs_again(recorder: Recorder) -> None:
    """The commit, changed and untracked files over it, a deleted one gone: the script runs as it did."""
    recorder.write("train.py", "import pkg.core, sys; print(pkg.core.x, open(sys.argv[1]).read())")
    recorder.write("pkg/core.py", "x = 1")
    recorder.write("pkg/gone.py", "")
    recorder.write("readme.md", "tracked, never loaded")
    recorder.commit()
    core = recorder.write("pkg/core.py", "x = 2")
    recorder.write("new.yaml", "lr: 0.1")
    (recorder.root / "pkg" / "gone.py").unlink()
    argv = [sys.executable, "train.py", "new.yaml"]
    record = recorder.record(argv, recorder.root / "train.py", core)
    core.write_text("x = 3")
    found = make(recorder, record)
    assert run(found) == "2 lr: 0.1"
    assert (found.tree / "readme.md").exists()
    assert not (found.tree / "pkg" / "gone.py").exists()
    assert not (found.tree / ".git").exists()
    assert (found.missing, found.notes) == ((), ())
    assert found.tree == recorder.root.parent / "restored" / "project"
    assert dict(found.paths)[str(recorder.root)] == str(found.tree)
    assert "Missing, so that a repeat may differ" in (found.folder / "RESTORED.md").read_text()


def test_without_the_repository_there_is_what_was_kept(recorder: Recorder) -> None:
    """A repository that is gone is said; what was loaded still runs."""
    program = recorder.write("train.py", "print('here')")
    recorder.write("other.py", "")
    recorder.commit()
    record = recorder.record([sys.executable, "train.py"], program)
    recorder.root.rename(recorder.root.with_name("away"))
    found = make(recorder, record)
    assert run(found) == "here"
    assert not (found.tree / "other.py").exists()
    assert any("is in no repository here" in note for note in found.notes)


def test_a_folder_that_is_not_empty_is_refused(recorder: Recorder) -> None:
    """Nothing is overwritten; an empty folder is taken."""
    record = recorder.record([sys.executable, "x.py"], recorder.write("x.py", "x = 1"))
    folder = recorder.root.parent / "restored"
    folder.mkdir()
    (folder / "mine").write_text("precious")
    with pytest.raises(UsageError, match="not empty"):
        make(recorder, record)
    assert (folder / "mine").read_text() == "precious"
    (folder / "mine").unlink()
    assert make(recorder, record).tree.is_dir()


def test_data_comes_from_the_store_or_from_where_it_was(recorder: Recorder) -> None:
    """A small file from the store, a large one and a folder by link, or copied when that is asked."""
    small = recorder.write("data/small.csv", "1,2")
    large = recorder.write("data/large.bin", "L" * 100)
    images = recorder.write("images/0.png", "png").parent
    recorder.read(small, keep=True)
    recorder.read(large)
    recorder.read(images)
    record = recorder.record([sys.executable, "x.py"], recorder.write("x.py", ""))
    small.unlink()
    found = make(recorder, record)
    assert found.missing == ()
    assert (found.tree / "data" / "small.csv").read_text() == "1,2"
    assert (found.tree / "data" / "large.bin").readlink() == large
    assert (found.tree / "images").readlink() == images
    other = restore(recorder.store, record, recorder.root.parent / "copy", link_data=False)
    assert not (other.tree / "images").is_symlink()
    assert (other.tree / "images" / "0.png").read_text() == "png"


def test_data_that_changed_or_is_gone_is_missing_with_its_digests(recorder: Recorder, tmp_path: Path) -> None:
    """Both digests are named, and in a folder the file; nothing else is put in its place."""
    one, two = recorder.write("one.bin", "1"), recorder.write("two.bin", "2")
    images = recorder.write("images/7.png", "png").parent
    elsewhere = tmp_path / "elsewhere.bin"
    elsewhere.write_text("e")
    before = {path: recorder.known.digest(path)[:12] for path in (one, two, elsewhere)}
    for path in (one, two, images, elsewhere):
        recorder.read(path)
    record = recorder.record([sys.executable, "x.py"], recorder.write("x.py", ""))
    one.write_text("changed")
    two.unlink()
    (images / "7.png").write_text("pnG")
    elsewhere.write_text("E")
    found = make(recorder, record)
    now = {path: recorder.known.digest(path)[:12] for path in (one, elsewhere)}
    assert set(found.missing[1:]) == {
        f"one.bin: recorded {before[one]}, now {now[one]}",
        f"two.bin: it is gone (recorded {before[two]})",
        f"{elsewhere}: recorded {before[elsewhere]}, now {now[elsewhere]}",
    }
    assert found.missing[0].startswith("images: recorded ")
    assert found.missing[0].endswith(": changed 7.png")
    assert not (found.tree / "one.bin").exists()
    assert not (found.tree / "images").exists()


def test_data_that_the_run_writes_is_copied(recorder: Recorder) -> None:
    """What is an output too is no link, so that a repeat leaves it alone; folders for outputs are there."""
    state = recorder.write("state.bin", "s")
    recorder.read(state)
    recorder.outputs += [
        Output(path="state.bin", digest=None, size=0),
        Output(path="out/model.pt", digest=None, size=0),
        Output(path="/somewhere/log.txt", digest=None, size=0),
    ]
    found = make(recorder, recorder.record([sys.executable, "x.py"], recorder.write("x.py", "")))
    assert not (found.tree / "state.bin").is_symlink()
    assert (found.tree / "state.bin").read_text() == "s"
    assert list((found.tree / "out").iterdir()) == []
    assert any("it wrote to /somewhere" in note for note in found.notes)


def test_a_folder_of_data_that_is_partly_committed_is_completed(recorder: Recorder) -> None:
    """Tracked files come with the commit, the others by link to where they were."""
    folder = recorder.write("data/tracked.csv", "t").parent
    recorder.commit()
    recorder.write("data/deep/new.bin", "n")
    recorder.read(folder)
    found = make(recorder, recorder.record([sys.executable, "x.py"], recorder.write("x.py", "")))
    assert not (found.tree / "data" / "tracked.csv").is_symlink()
    assert (found.tree / "data" / "deep" / "new.bin").read_text() == "n"
    assert found.missing == ()


def test_links_to_data_are_made_again_and_those_to_outputs_become_folders(
    recorder: Recorder, tmp_path: Path
) -> None:
    """A run that came by links to data and outputs elsewhere finds the data, and writes into the tree."""
    images, scratch = tmp_path / "datasets" / "images", tmp_path / "scratch"
    images.mkdir(parents=True)
    scratch.mkdir()
    (images / "0.png").write_text("png")
    inside = recorder.write("raw/x.bin", "x")
    (recorder.root / "data").mkdir()
    (recorder.root / "data" / "set").symlink_to(images)
    (recorder.root / "same").symlink_to("raw")
    (recorder.root / "out").symlink_to(scratch)
    (recorder.root / "unused").symlink_to("/usr")
    recorder.read(images / "0.png")
    recorder.read(inside)
    recorder.outputs.append(Output(path=str(scratch / "a" / "model.pt"), digest=None, size=0))
    found = make(recorder, recorder.record([sys.executable, "x.py"], recorder.write("x.py", "")))
    assert (found.tree / "data" / "set" / "0.png").read_text() == "png"
    assert (found.tree / "same" / "x.bin").read_text() == "x"
    assert (found.tree / "same").readlink() == found.tree / "raw"
    assert not (found.tree / "out").is_symlink()
    assert (found.tree / "out" / "a").is_dir()
    assert not (found.tree / "unused").is_symlink()
    assert found.missing == ()


def test_places_in_arguments_and_variables_are_rewritten(recorder: Recorder, tmp_path: Path) -> None:
    """Whole paths below the root and below other folders of code lead to the restored ones."""
    library = tmp_path / "library" / "tool.py"
    library.parent.mkdir()
    library.write_text("")
    program = recorder.write("sub/x.py", "import sys; print(*sys.argv[1:])")
    root = str(recorder.root)
    argv = [
        sys.executable,
        f"{root}/sub/x.py",
        f"--out={root}/out",
        f"{root}-other/x",
        f"{root}:{library.parent}",
    ]
    record = recorder.record(
        argv, program, library, folder="sub", variables={"PYTHONPATH": f"{root}/sub", "ASSAY_STORE": "x"}
    )
    found = make(recorder, record)
    tree, outside = str(found.tree), str(found.folder / "outside" / "0")
    assert found.argv[1:] == (f"{tree}/sub/x.py", f"--out={tree}/out", f"{root}-other/x", f"{tree}:{outside}")
    assert found.variables == {"PYTHONPATH": f"{tree}/sub"}
    assert found.working == found.tree / "sub"
    assert (found.folder / "outside" / "0" / "tool.py").exists()
    assert dict(found.paths)[str(library.parent)] == outside
    assert run(found) == " ".join(found.argv[2:])


def test_the_interpreter_stays_where_it_was(recorder: Recorder) -> None:
    """One in a virtual environment below the root is not moved; one that is gone is noted."""
    python = recorder.write(".venv/bin/python", "#!/bin/sh\n")
    recorder.write(".venv/pyvenv.cfg", "")
    python.chmod(0o755)
    program = recorder.write("x.py", "")
    record = recorder.record([".venv/bin/python", "x.py"], program, interpreter=str(python))
    found = make(recorder, record)
    assert found.argv == (str(python), "x.py")
    environment = str(recorder.root / ".venv")
    assert found.paths[0] == (environment, environment)
    python.unlink()
    other = restore(recorder.store, record, recorder.root.parent / "other")
    assert any("the interpreter is not here any more" in note for note in other.notes)


def test_what_was_removed_or_changed_is_told(recorder: Recorder) -> None:
    """Scrubbed files, a file that changed before it was copied, removed arguments and files left out."""
    program = recorder.write("x.py", "password = 'swordfish'")
    record = recorder.record(
        [sys.executable, "x.py", f"--token={REMOVED}"],
        program,
        removed=(2,),
        left_out=("big.json (824 MB): larger than 1 MiB",),
    )
    found = make(recorder, record)
    assert found.missing == ("argument 2: a secret was removed from it",)
    assert "x.py: secrets were removed from it" in found.notes
    assert "not recorded: big.json (824 MB): larger than 1 MiB" in found.notes
    text = (found.folder / "RESTORED.md").read_text()
    assert "## Secrets were removed from\n\n- x.py" in text
    assert "- argument 2: a secret was removed from it" in text


BAD = (
    "../evil.py",
    "/etc/evil.py",
    "a/../../evil.py",
    "a//b.py",
    "outside/7/x.py",
    "outside/0/../../x",
    "..",
)


@pytest.mark.parametrize("path", BAD)
def test_a_record_whose_paths_lead_out_is_refused(recorder: Recorder, path: str) -> None:
    """A record of somebody else's writes nowhere but in the folder, and leaves nothing behind."""
    content = recorder.store.objects.put(b"evil")
    bad = CodeFile(path=path, role="module", digest="0" * 64, size=4, content=content)
    record = recorder.seal(CommandProvenance(argv=("x",), root=str(recorder.root), code=(bad,)))
    with pytest.raises(IntegrityError):
        make(recorder, record)
    assert not (recorder.root.parent / "restored").exists()
    assert not list(recorder.root.parent.rglob("evil*"))


@pytest.mark.parametrize("kind", ["code", "data", "output", "folder"])
def test_a_link_that_leads_out_is_not_written_through(recorder: Recorder, kind: str) -> None:
    """A committed link to another folder does not carry a file there."""
    victim = recorder.root.parent / "victim"
    victim.mkdir()
    (recorder.root / "link").symlink_to(victim)
    recorder.commit()
    record = recorder.record([sys.executable, "x.py"])
    found = msgspec.json.decode(recorder.store.objects.get(record.provenance), type=CommandProvenance)
    content = recorder.store.objects.put(b"evil")
    code = CodeFile(path="link/evil.py", role="module", digest="0" * 64, size=4, content=content)
    data = DataFile(path="link/evil.bin", digest=content, size=4, content=content)
    if kind == "output":
        recorder.outputs.append(Output(path="link/sub/evil", digest=None, size=0))
    changes: dict[str, Any] = {
        "code": {"code": (code,)},
        "data": {"data": (data,)},
        "output": {},
        "folder": {"folder": "link/inner"},
    }[kind]
    with pytest.raises(IntegrityError, match="behind a link"):
        make(recorder, recorder.seal(msgspec.structs.replace(found, **changes)))
    assert list(victim.iterdir()) == []
    assert not (recorder.root.parent / "restored").exists()


def test_quotes_and_odd_names_do_no_harm(recorder: Recorder) -> None:
    """Arguments with quotes, spaces, newlines and commands reach the program as they were."""
    program = recorder.write("x.py", "import json, sys; print(json.dumps(sys.argv[1:]))")
    words = ["a b", "it's", "$(touch ran)", "`touch ran`", "x\ny", '"', "*"]
    record = recorder.record(
        [sys.executable, "x.py", *words], program, variables={"A_B": "$(touch ran)", "-S": "x"}
    )
    found = make(recorder, record)
    assert json.loads(run(found)) == words
    assert not list(found.folder.rglob("ran"))


def test_the_command_tells_where_and_what_is_missing(
    recorder: Recorder, capsys: pytest.CaptureFixture[str]
) -> None:
    """By name or id; 0 where all is there and 1 where something is missing; also as JSON."""
    data = recorder.write("data.bin", "1")
    recorder.read(data)
    record = recorder.record([sys.executable, "x.py"], recorder.write("x.py", ""))
    top, store = recorder.root.parent, recorder.store.folder
    assert restore_run("a run", top / "first", store, json=False) == 0
    assert f"restored {record.id} in {top / 'first'}" in capsys.readouterr().out
    data.write_text("2")
    assert restore_run(record.id[:6], top / "second", store, json=True) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["tree"] == str(top / "second" / "project")
    assert told["missing"][0].startswith("data.bin: recorded ")
    with pytest.raises(UsageError, match="no recorded command"):
        restore_run("absent", top / "third", store, json=False)
