from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from assay.capture.arithmetic import SETTINGS
from assay.capture.doctor import Finding, examine

PRINT = (
    "import sys, msgspec; from pathlib import Path; from assay.capture.doctor import examine\n"
    "print(msgspec.json.encode(examine(Path(sys.argv[1]), Path(sys.argv[1]) / '.assay')).decode())"
)


def by_id(findings: tuple[Finding, ...]) -> dict[str, Finding]:
    return {finding.id: finding for finding in findings}


def in_process(folder: Path, **variables: str) -> dict[str, dict[str, str]]:
    """Return the findings of a new process with these variables and nothing else of SETTINGS."""
    kept = {name: value for name, value in os.environ.items() if name not in SETTINGS}
    command = [sys.executable, "-c", PRINT, str(folder)]
    done = subprocess.run(command, env={**kept, **variables}, check=True, capture_output=True, text=True)
    return {finding["id"]: finding for finding in json.loads(done.stdout)}


def test_every_finding_that_is_not_ok_has_a_hint(tmp_path: Path) -> None:
    """Ids are unique, states are of three kinds, and nothing is left behind in the folder."""
    findings = examine(tmp_path, tmp_path / "store")
    assert len(by_id(findings)) == len(findings)
    assert {finding.state for finding in findings} <= {"ok", "note", "problem"}
    assert all(finding.hint for finding in findings if finding.state != "ok")
    assert list(tmp_path.iterdir()) == []


def test_threads_and_hash_seed_are_asked_for_when_not_set(tmp_path: Path) -> None:
    """What is in force is said; a variable that pins it settles the matter."""
    loose, pinned = in_process(tmp_path), in_process(tmp_path, OMP_NUM_THREADS="1", PYTHONHASHSEED="0")
    if (os.cpu_count() or 1) > 1:
        assert loose["threads"]["state"] == "note"
        assert "OMP_NUM_THREADS=1" in loose["threads"]["hint"]
    assert loose["hash-seed"]["state"] == "note"
    assert pinned["threads"]["state"] == pinned["hash-seed"]["state"] == "ok"
    assert "OMP_NUM_THREADS=1" in pinned["threads"]["detail"]


def test_overrides_of_the_processor_are_named(tmp_path: Path) -> None:
    """A variable that hides processor features is told with its value."""
    found = in_process(tmp_path, MKL_CBWR="COMPATIBLE")["processor-capability"]
    assert (found["state"], "MKL_CBWR=COMPATIBLE" in found["detail"]) == ("note", True)
    assert in_process(tmp_path)["processor-capability"]["state"] == "ok"


def packages(folder: Path) -> Finding:
    return by_id(examine(folder, folder))["packages"]


def test_pins_are_looked_for_beside_the_study(tmp_path: Path) -> None:
    """A lock file, or requirements that name exact and installed versions, are pins; others are not."""
    (tmp_path / ".git").mkdir()  # nothing above is looked at
    study = tmp_path / "study"
    study.mkdir()
    assert packages(study).state == "note"
    version = metadata.version("numpy")
    (tmp_path / "requirements.txt").write_text(
        f"# exact\nnumpy=={version} ; python_version > '3'\n-r more.txt\n"
    )
    assert packages(study).state == "ok"
    (tmp_path / "requirements.txt").write_text("numpy==0.1\n")
    assert f"numpy {version}, not 0.1" in packages(study).detail
    (tmp_path / "requirements.txt").write_text(f"numpy=={version}\nscipy>=1\nrich\n")
    assert "scipy>=1, rich" in packages(study).detail
    (study / "uv.lock").write_text("")
    assert packages(study).state == "ok"


def test_the_state_of_the_repository_is_told(tmp_path: Path) -> None:
    """No repository, uncommitted and untracked code are notes; a clean commit is fine."""

    def state() -> tuple[str, str]:
        found = by_id(examine(tmp_path, tmp_path.parent))["repository"]
        return found.state, found.detail

    def git(*arguments: str) -> None:
        author = ("-c", "user.name=nobody", "-c", "user.email=nobody@example.org")
        subprocess.run(["git", *author, *arguments], cwd=tmp_path, check=True, capture_output=True)

    assert "no git repository" in state()[1]
    git("init")
    (tmp_path / "evo.py").write_text("x = 1\n")
    assert "nothing is committed" in state()[1]
    git("add", ".")
    git("commit", "-m", "start")
    assert state()[0] == "ok"
    (tmp_path / "evo.py").write_text("x = 2\n")
    (tmp_path / "new.py").write_text("")
    assert state() == ("note", "uncommitted changes; untracked: new.py")


def test_without_a_folder_the_users_files_are_left_out(tmp_path: Path) -> None:
    """What concerns a study is not judged where there is none."""
    assert not {"packages", "repository"} & set(by_id(examine(None, tmp_path)))


@pytest.mark.skipif(
    not Path("/proc/self").is_dir(), reason="needs a folder that nobody can write to: Linux's /proc"
)
def test_a_store_that_cannot_be_written_is_a_problem() -> None:
    """A folder that refuses a file is told as a problem, with what to do."""
    found = by_id(examine(None, Path("/proc/self")))["writing-to-the-store"]
    assert (found.state, "--store" in found.hint) == ("problem", True)


IN_MEMORY = Path("/dev/shm")  # noqa: S108  it is the file system that is looked at


@pytest.mark.skipif(
    not os.access(IN_MEMORY, os.W_OK), reason="needs a file system in memory: Linux's /dev/shm"
)
def test_a_store_in_memory_is_noted() -> None:
    """A file system that forgets at a restart is named."""
    found = by_id(examine(None, IN_MEMORY))["file-system-of-the-store"]
    assert (found.state, found.detail.split(":")[0]) == ("note", "tmpfs")
