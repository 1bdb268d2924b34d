from __future__ import annotations

import hashlib
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from assay.capture.recording.places import Places, root_of
from assay.capture.recording.sources import Kept, Limits, Sources, people_size
from assay.capture.secrets import REMOVED
from assay.provenance.commands import CodeFile
from assay.records.objects import Objects

TOKEN = "ghp_" + "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7abcdefghi"


def git(folder: Path, *arguments: str) -> str:
    who = {
        f"GIT_{role}_{what}": "n@example.org"
        for role in ("AUTHOR", "COMMITTER")
        for what in ("NAME", "EMAIL")
    }
    variables = {"PATH": os.environ["PATH"], "HOME": str(folder), "GIT_CONFIG_NOSYSTEM": "1", **who}
    command = ["git", "-c", "init.defaultBranch=trunk", "-c", "protocol.file.allow=always", *arguments]
    done = subprocess.run(command, cwd=folder, env=variables, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def row(path: Path, module: str = "__main__") -> dict[str, Any]:
    """Return the hook's row for a file as it is now."""
    data = path.read_bytes()
    return {
        "k": "code",
        "file": str(path),
        "module": module,
        "digest": hashlib.sha256(data).hexdigest(),
        "size": len(data),
    }


def keep(objects: Objects, rows: list[dict[str, Any]], root: Path) -> Kept:
    """Keep the files of some rows, told one by one."""
    sources = Sources(objects, Places(root), root, [])
    for one in rows:
        sources.keep_code([one])
    return sources.finish()


def by_path(kept: Kept) -> dict[str, CodeFile]:
    return {file.path: file for file in kept.code}


@pytest.fixture
def objects(tmp_path: Path) -> Objects:
    return Objects(tmp_path / "store" / "objects")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a repository with one commit: a program, a module and a configuration."""
    folder = tmp_path / "project"
    (folder / "pkg").mkdir(parents=True)
    git(folder, "init")
    (folder / "train.py").write_text("import pkg.core\n")
    (folder / "pkg" / "core.py").write_text("x = 1\n")
    (folder / "config.yaml").write_text("lr: 0.1\n")
    (folder / ".gitignore").write_text("ignored/\n")
    git(folder, "add", ".")
    git(folder, "commit", "-m", "start")
    return folder


def test_loaded_files_are_kept_with_their_roles(project: Path, objects: Objects) -> None:
    """Program and module are kept, unchanged or not; what is tracked and was not loaded is not."""
    kept = keep(objects, [row(project / "train.py"), row(project / "pkg" / "core.py", "pkg.core")], project)
    found = by_path(kept)
    assert {path: file.role for path, file in found.items()} == {
        "train.py": "program",
        "pkg/core.py": "module",
    }
    core = found["pkg/core.py"]
    assert core.content is not None and objects.get(core.content) == b"x = 1\n"
    assert core.digest == hashlib.sha256(b"x = 1\n").hexdigest()
    assert core.syntax is not None and core.module == "pkg.core" and not core.scrubbed
    assert kept.repository is not None and kept.repository.dirty is False
    assert (kept.left_out, kept.outside) == ((), ())


def test_a_file_that_changed_before_it_was_copied_is_told(project: Path, objects: Objects) -> None:
    """The digest is of what ran, the content of what was found; a file that is gone is named."""
    rows = [row(project / "train.py"), row(project / "pkg" / "core.py", "pkg.core")]
    (project / "train.py").write_text("else\n")
    (project / "pkg" / "core.py").unlink()
    kept = keep(objects, rows, project)
    found = by_path(kept)
    assert found["train.py"].changed_later
    assert found["train.py"].digest == rows[0]["digest"]
    assert found["train.py"].syntax is None
    assert found["pkg/core.py"].content is None
    assert kept.left_out == ("pkg/core.py (6 bytes): it was gone when it was to be copied",)


def test_uncommitted_content_is_kept(project: Path, objects: Objects) -> None:
    """Changed tracked files and untracked sources as content; ignored ones and data are not."""
    (project / "config.yaml").write_text("lr: 0.2\n")
    (project / "pkg" / "core.py").unlink()
    (project / "ignored").mkdir()
    for name in ("new.py", "ignored/skip.py", "picture.png"):
        (project / name).write_text("y = 2\n")
    kept = Sources(objects, Places(project), project, ["python", "train.py"]).finish()
    found = by_path(kept)
    assert {path: file.role for path, file in found.items()} == {
        "train.py": "argument",
        "config.yaml": "changed",
        "pkg/core.py": "changed",
        "new.py": "untracked",
    }
    assert objects.get(found["config.yaml"].content or "") == b"lr: 0.2\n"
    assert (found["pkg/core.py"].digest, found["pkg/core.py"].content) == ("", None)


def test_what_is_too_much_is_named_the_largest_first(project: Path, objects: Objects) -> None:
    """A large file, and those that go beyond the limits of number and of bytes, are named with sizes."""
    (project / "big.json").write_text("1" * 2_000)
    (project / "large.json").write_text("1" * 5_000)
    for number in range(6):
        (project / f"{number}.py").write_text(f"x = {number}\n")
    limits = Limits(file=1_024, files=4)
    kept = Sources(objects, Places(project), project, [], limits=limits).finish()
    assert len(kept.code) == 4
    assert kept.left_out[:2] == (
        "large.json (5.0 KB): larger than 0.000976562 MiB; commit it or declare it with --data",
        "big.json (2.0 KB): larger than 0.000976562 MiB; commit it or declare it with --data",
    )
    assert len(kept.left_out) == 4
    assert "more than 4 files" in kept.left_out[2]
    few = Sources(objects, Places(project), project, [], limits=Limits(total=12)).finish()
    assert len(few.code) == 2
    late = Sources(objects, Places(project), project, [], limits=Limits(seconds=-1.0)).finish()
    assert late.code == () and "no time was left" in late.left_out[0]


def test_many_files_left_out_are_counted(project: Path, objects: Objects) -> None:
    """Twenty are named, the others counted."""
    for number in range(50):
        (project / f"{number}.json").write_text("1" * (2_000 + number))
    kept = Sources(objects, Places(project), project, [], limits=Limits(file=1_024)).finish()
    assert len(kept.left_out) == 21
    assert kept.left_out[0].startswith("49.json")
    assert kept.left_out[-1] == "30 more files, all smaller"


def test_no_repository_is_fine(tmp_path: Path, objects: Objects) -> None:
    """Without one, what was loaded and what arguments name is kept."""
    (tmp_path / "run.sh").write_text("#!/bin/sh\npython x.py\n")
    (tmp_path / "x.py").write_text("x = 1\n")
    (tmp_path / "a b.toml").write_text("lr = 1\n")
    (tmp_path / "notes.ipynb").write_text("{}")
    (tmp_path / "data.csv").write_text("1,2\n")
    argv = ["./run.sh", "--config=a b.toml", "@x.py", "notes.ipynb", "data.csv", "x" * 5_000, "\0"]
    kept = Sources(objects, Places(tmp_path), tmp_path, argv).finish()
    assert {path: file.role for path, file in by_path(kept).items()} == {
        "run.sh": "argument",
        "a b.toml": "configuration",
        "x.py": "argument",
        "notes.ipynb": "notebook",
    }
    assert kept.repository is None


def test_code_from_elsewhere_gets_numbered_folders(tmp_path: Path, project: Path, objects: Objects) -> None:
    """A module's folder is where its package lies; a folder 'outside' of the root's own is not mixed up."""
    lib = tmp_path / "lib" / "src" / "tool"
    lib.mkdir(parents=True)
    (lib / "__init__.py").write_text("")
    (lib / "core.py").write_text("z = 1\n")
    (project / "outside" / "0").mkdir(parents=True)
    (project / "outside" / "0" / "m.py").write_text("m = 1\n")
    rows = [
        row(lib / "core.py", "tool.core"),
        row(lib / "__init__.py", "tool"),
        row(project / "outside" / "0" / "m.py", "m"),
    ]
    kept = keep(objects, rows, project)
    assert set(by_path(kept)) == {"outside/0/tool/core.py", "outside/0/tool/__init__.py", "./outside/0/m.py"}
    assert kept.outside == (str(lib.parent),)
    places = Places(project, kept.outside)
    assert places.real("./outside/0/m.py") == project / "outside" / "0" / "m.py"
    assert places.real("outside/0/tool/core.py") == lib / "core.py"
    assert places.data("/datasets/x.png") == "/datasets/x.png"
    assert places.data(project) == "."
    assert places.folder(tmp_path) == "outside/1"


def test_the_root_is_the_top_of_the_programs_repository(tmp_path: Path, project: Path) -> None:
    """From the program's file, else from the working folder, links to it resolved."""
    assert root_of(project / "pkg" / "core.py", tmp_path) == project
    assert root_of(None, project / "pkg") == project
    (tmp_path / "plain").mkdir()
    (tmp_path / "link").symlink_to("plain")
    assert root_of(None, tmp_path / "link") == tmp_path / "plain"
    assert Places(tmp_path / "plain").data(tmp_path / "link" / "x") == "x"


def stored_text(objects: Objects) -> bytes:
    return b"".join(path.read_bytes() for path in objects.folder.rglob("*") if path.is_file())


def test_secrets_never_reach_the_store(project: Path, objects: Objects) -> None:
    """A token in Python, YAML, a shell script, a notebook's source, its output, and Latin-1 is removed."""
    (project / "train.py").write_text(f"import os\npassword = 'swordfish'\nkey = '{TOKEN}'\n")
    (project / "config.yaml").write_text(f"api_key: {TOKEN}\nlr: 0.1\n")
    (project / "go.sh").write_text("#!/bin/sh\nexport DB_PASSWORD=swordfish\n")
    (project / "latin.py").write_bytes(f"# caf\xe9\n# coding: latin-1\ntoken = '{TOKEN}'\n".encode("latin-1"))
    output = {"output_type": "stream", "name": "stdout", "text": ["logged in with\n", f"{TOKEN}\n"]}
    cell = {"cell_type": "code", "source": ["password = 'swordfish'\n", "x = 1"], "outputs": [output]}
    picture = {"output_type": "display_data", "data": {"image/png": "iVBORw0KGgo" * 9, "text/plain": TOKEN}}
    text = {"cell_type": "markdown", "source": f"the token is {TOKEN}"}
    extra = {"cell_type": "code", "source": "%magic\napi_key = 'swordfish'", "outputs": [picture]}
    notebook = {"cells": [cell, text, extra], "metadata": {"password": "swordfish"}, "nbformat": 4}
    (project / "n.ipynb").write_text(json.dumps(notebook).replace("ghp_", "\\u0067hp_"))
    sources = Sources(objects, Places(project), project, ["bash", "go.sh", "n.ipynb"])
    sources.keep_code([row(project / "train.py"), row(project / "latin.py", "latin")])
    sources.keep_code([{"k": "cell", "name": "<ipython-input-1-ab>", "source": f"hf = '{TOKEN}'"}])
    kept = sources.finish()
    found = by_path(kept)
    names = ("train.py", "config.yaml", "go.sh", "latin.py", "n.ipynb", "<ipython-input-1-ab>")
    assert all(found[name].scrubbed for name in names)
    stored = stored_text(objects)
    assert TOKEN.encode() not in stored and b"swordfish" not in stored
    clean = json.loads(objects.get(found["n.ipynb"].content or ""))
    assert clean["cells"][0]["outputs"][0]["text"] == ["logged in with\n", f"{REMOVED}\n"]
    assert clean["cells"][0]["source"] == [f"password = '{REMOVED}'\n", "x = 1"]
    assert clean["cells"][2]["outputs"][0]["data"]["image/png"] == "iVBORw0KGgo" * 9
    assert found["<ipython-input-1-ab>"].role == "notebook"


def test_a_binary_file_with_a_token_is_not_kept(project: Path, objects: Objects) -> None:
    """An extension module that holds a token is named and left out; one without is kept as it is."""
    (project / "bad.so").write_bytes(b"\x7fELF\0\xff " + TOKEN.encode())
    (project / "good.so").write_bytes(b"\x7fELF\0\xff")
    kept = keep(objects, [row(project / "bad.so", "bad"), row(project / "good.so", "good")], project)
    assert TOKEN.encode() not in stored_text(objects)
    assert by_path(kept)["bad.so"].content is None
    assert objects.get(by_path(kept)["good.so"].content or "") == b"\x7fELF\0\xff"
    assert kept.left_out == ("bad.so (47 bytes): a binary file that holds a secret",)


def test_submodules_are_named(tmp_path: Path, project: Path, objects: Objects) -> None:
    """A submodule is named with its commit, and not looked into."""
    other = tmp_path / "other"
    other.mkdir()
    git(other, "init")
    (other / "o.py").write_text("o = 1\n")
    git(other, "add", ".")
    git(other, "commit", "-m", "o")
    git(project, "submodule", "add", str(other), "vendor/other")
    git(project, "commit", "-m", "sub")
    (project / "vendor" / "other" / "o.py").write_text("o = 2\n")
    kept = Sources(objects, Places(project), project, []).finish()
    commit = git(other, "rev-parse", "HEAD")[:12]
    assert kept.left_out == (f"vendor/other: a submodule at {commit}; only what is loaded from it is kept",)
    assert kept.code == ()


def test_names_that_are_not_utf8_are_kept(project: Path, objects: Objects) -> None:
    """A changed file with such a name is written with its bytes visible."""
    (project / os.fsdecode(b"caf\xe9.py")).write_text("x = 1\n")
    kept = Sources(objects, Places(project), project, []).finish()
    assert [file.path for file in kept.code] == [r"caf\xe9.py"]
    assert kept.repository is not None and kept.repository.untracked == ("caf\ufffd.py",)


def test_sizes_are_written_for_people() -> None:
    """Bytes, kilobytes and more."""
    assert [people_size(size) for size in (0, 999, 1_500, 824_000_000)] == [
        "0 bytes",
        "999 bytes",
        "1.5 KB",
        "824 MB",
    ]
