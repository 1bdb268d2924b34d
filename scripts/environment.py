"""Make the environment of this checkout, and make it again only when what it depends on changed.

    python3 scripts/environment.py demo     .venv with what the demonstration needs
    python3 scripts/environment.py dev      .venv with everything, and the developers' tools
    python3 scripts/environment.py peers    .venv-peers and .venv-peers-rliable, -trackers and -dvc with
                                            what the benchmarks compare with
    python3 scripts/environment.py lock     write constraints.txt anew from the newest versions

Standard library only. A stamp is written into an environment when it is complete; it names the
interpreter, the folder, and what pyproject.toml and constraints.txt want installed. An environment
without a stamp was interrupted, one with another stamp is out of date: both are made from nothing.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PROJECT = ROOT / "pyproject.toml"
CONSTRAINTS = ROOT / "constraints.txt"
# rliable wants a pandas of its own: older than what the other peers do with.
PEERS = {
    ROOT / ".venv-peers": ROOT / "benchmarks" / "peers.txt",
    ROOT / ".venv-peers-rliable": ROOT / "benchmarks" / "peers-rliable.txt",
    ROOT / ".venv-peers-trackers": ROOT / "benchmarks" / "peers-trackers.txt",
    ROOT / ".venv-peers-dvc": ROOT / "benchmarks" / "peers-dvc.txt",
}
STAMP = "complete-{}.stamp"
PIP = ("-m", "pip", "--quiet", "--quiet", "--disable-pip-version-check", "--no-input")
NOT_LOCKED = ("assay", "pip", "setuptools")
# Not an environment's own interpreter, which would be removed with it.
PYTHON = getattr(sys, "_base_executable", sys.executable)
HEADER = """\
# Exact versions of all that Assay, its extras, its build and its developers' tools need.
# Renewed by `make lock`, which resolves pyproject.toml anew in a fresh environment.
"""


def main(what: str) -> None:
    """Make the named environment, or the lock."""
    with _alone():
        if what == "lock":
            lock()
        elif what == "peers":
            for folder, listed in PEERS.items():
                ensure(folder, what, ["-r", str(listed)], _fingerprint(listed.read_text()))
        else:
            wanted = ["-e", f"{ROOT}[tables]"] if what == "demo" else ["-e", f"{ROOT}[all]", *_tools()]
            # The developers' environment holds the demonstration's.
            serves = {"demo": ("demo", "dev"), "dev": ("dev",)}[what]
            fingerprint = _fingerprint(_installed(), CONSTRAINTS.read_text())
            if not any(_complete(ROOT / ".venv", name, fingerprint) for name in serves):
                keep = _complete(ROOT / ".venv", "demo", fingerprint)
                ensure(ROOT / ".venv", what, [*wanted, "-c", str(CONSTRAINTS)], fingerprint, keep=keep)


def ensure(folder: Path, name: str, wanted: list[str], fingerprint: str, *, keep: bool = False) -> None:
    """Make `folder` an environment with `wanted`, unless its stamp says that it is one.

    With `keep`, what is there is added to; otherwise it is removed first.
    """
    if _complete(folder, name, fingerprint):
        return
    print(f"{'adding to' if keep else 'making'} {folder.name} for '{name}' ...", file=sys.stderr, flush=True)
    if not keep:
        _remove(folder)
        _create(folder)
    _install(folder, wanted)
    stamp = folder / STAMP.format(name)
    unfinished = stamp.with_suffix(".tmp")
    unfinished.write_text(fingerprint)
    unfinished.replace(stamp)


def lock() -> None:
    """Resolve the project anew and write what was installed as exact pins, sorted."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "venv"
        _create(folder)
        # hatchling asks for editables when it builds an editable wheel.
        build = [*_project()["build-system"]["requires"], "editables"]
        _install(folder, ["-e", f"{ROOT}[all]", *_tools(), *build])
        found = _run(folder, *PIP, "freeze", "--all", "--exclude-editable").splitlines()
    # Without the local part of a version: a build for processors alone answers to the plain one, and
    # elsewhere there is the ordinary build.
    pins = [
        pin.partition("+")[0] for pin in found if "==" in pin and pin.split("==")[0].lower() not in NOT_LOCKED
    ]
    unfinished = CONSTRAINTS.with_suffix(".tmp")
    unfinished.write_text(HEADER + "\n".join(sorted(pins, key=str.lower)) + "\n")
    unfinished.replace(CONSTRAINTS)
    print(f"{len(pins)} versions in {CONSTRAINTS.name}", file=sys.stderr)


def _project() -> dict[str, dict[str, list[str]]]:
    return tomllib.loads(PROJECT.read_text())


def _tools() -> list[str]:
    # Read here because the pip that comes with Python 3.11 does not know `--group`.
    return _project()["dependency-groups"]["dev"]


def _installed() -> str:
    """Return the parts of pyproject.toml that decide what is installed: not the linters' settings."""
    project = tomllib.loads(PROJECT.read_text())
    parts = (
        project["build-system"],
        project["project"],
        project["dependency-groups"],
        project["tool"]["hatch"],
    )
    return json.dumps(parts, sort_keys=True)


def _fingerprint(*facts: str) -> str:
    found = [sys.version, sys.base_prefix, str(ROOT), *facts]
    return hashlib.sha256("\0".join(found).encode()).hexdigest()


def _complete(folder: Path, name: str, fingerprint: str) -> bool:
    """Say whether an environment was finished for what is wanted now, and still runs."""
    try:
        stamp = (folder / STAMP.format(name)).read_text()
        tried = subprocess.run(
            [folder / "bin" / "python", "-c", "import pip"], check=False, capture_output=True
        )
    except OSError:
        return False
    return stamp == fingerprint and tried.returncode == 0


def _create(folder: Path) -> None:
    made = subprocess.run([PYTHON, "-m", "venv", str(folder)], check=False, capture_output=True, text=True)
    if made.returncode:
        _remove(folder)
        sys.exit(
            f"cannot make an environment in {folder}\n"
            f"  why:   {(made.stderr or made.stdout).strip()}\n"
            "  hint:  on Debian and Ubuntu, install the system package python3-venv"
        )


def _install(folder: Path, wanted: list[str]) -> None:
    """Install, and hold the build to constraints.txt as well, whatever pip's age."""
    # As an address, for pip splits these variables at spaces.
    pinned = dict.fromkeys(("PIP_CONSTRAINT", "PIP_BUILD_CONSTRAINT"), CONSTRAINTS.as_uri())
    command = [str(folder / "bin" / "python"), *PIP, "install", *wanted]
    environment = os.environ | (pinned if "-c" in wanted else {})
    if subprocess.run(command, check=False, env=environment).returncode:
        sys.exit(f"pip could not complete {folder.name}; it is made from nothing at the next call")


def _run(folder: Path, *arguments: str) -> str:
    command = [str(folder / "bin" / "python"), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def _remove(folder: Path) -> None:
    if folder.is_symlink() or folder.is_file():
        folder.unlink()
    elif folder.exists():
        shutil.rmtree(folder)


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """Let one process at a time make environments of this checkout."""
    handle = os.open(ROOT, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in ("demo", "dev", "peers", "lock"):
        sys.exit(__doc__)
    main(sys.argv[1])
