"""Examines what on this machine stands in the way of identical results, and says what to do."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import msgspec

from assay.capture.arithmetic import arithmetic
from assay.capture.environment import installed_packages, normalise
from assay.capture.repository import repository
from assay.foundation.places import store_folder

OK, NOTE, PROBLEM = "ok", "note", "problem"

# The last month of security fixes: PEP 664, 693, 719 and 745.
_END_OF_LIFE = {
    (3, 11): date(2027, 10, 31),
    (3, 12): date(2028, 10, 31),
    (3, 13): date(2029, 10, 31),
    (3, 14): date(2030, 10, 31),
}
_THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)
_OVERRIDES = (
    "ATEN_CPU_CAPABILITY",
    "BLIS_ARCH_TYPE",
    "DNNL_MAX_CPU_ISA",
    "GLIBC_TUNABLES",
    "MKL_CBWR",
    "MKL_DEBUG_CPU_TYPE",
    "MKL_ENABLE_INSTRUCTIONS",
    "NPY_DISABLE_CPU_FEATURES",
    "NPY_ENABLE_CPU_FEATURES",
    "NUMBA_CPU_FEATURES",
    "NUMBA_CPU_NAME",
    "ONEDNN_MAX_CPU_ISA",
    "OPENBLAS_CORETYPE",
)
_LOCKS = ("uv.lock", "poetry.lock", "pdm.lock", "pylock.toml", "Pipfile.lock", "conda-lock.yml", "pixi.lock")
_REMOTE = frozenset(
    (
        "nfs",
        "nfs4",
        "cifs",
        "smb3",
        "smbfs",
        "9p",
        "afs",
        "lustre",
        "beegfs",
        "gpfs",
        "ceph",
        "fuse.sshfs",
        "glusterfs",
    )
)
_PASSING = frozenset(("tmpfs", "ramfs", "overlay"))
_LITTLE_SPACE = 1 << 30
_CLOCK_SLACK = 2.0


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What one examination found: `state` is 'ok', 'note' (may matter) or 'problem' (does)."""

    id: str
    title: str
    state: str
    detail: str
    hint: str = ""


def examine(study_folder: Path | None, store: Path | None = None) -> tuple[Finding, ...]:
    """Return what was found on this machine, for the study in a folder and for a store.

    Without a folder, what concerns the user's files is left out. A file of a few bytes is written
    beside or in the store, and removed. Takes under half a second.
    """
    place = _existing(store or store_folder())
    findings = [_threads(), _hash_seed(), _overrides(), _python()]
    if study_folder is not None:
        folder = study_folder.resolve()
        findings += [_pins(folder), _repository(folder)]
    return (*findings, _file_system(place), _durability(place), _space(place), _clock(place))


def _threads() -> Finding:
    found = arithmetic()
    in_force = (
        ", ".join(f"{name} uses {count}" for name, count in found.threads.items()) or "no BLAS was found"
    )
    pinned = [f"{name}={found.settings[name]}" for name in _THREADS if name in found.settings]
    if pinned:
        return _finding("threads", OK, f"pinned by {', '.join(pinned)}; {in_force}")
    if all(count == 1 for count in found.threads.values()):
        return _finding("threads", OK, f"{in_force}, as this machine has it")
    return _finding(
        "threads",
        NOTE,
        f"not pinned: {in_force}; another number adds floats in another order and may change last digits",
        "export OMP_NUM_THREADS=1, or the number that your results should stand on",
    )


def _hash_seed() -> Finding:
    value = os.environ.get("PYTHONHASHSEED")
    if value not in (None, "", "random"):
        return _finding("hash seed", OK, f"PYTHONHASHSEED={value}")
    return _finding(
        "hash seed",
        NOTE,
        "PYTHONHASHSEED is not set: the workers of assay run get 0, and in a script of your own a set of "
        "strings has another order in each process",
        "sort sets before use, or export PYTHONHASHSEED=0",
    )


def _overrides() -> Finding:
    settings = arithmetic().settings
    found = [f"{name}={settings[name]}" for name in _OVERRIDES if name in settings]
    if not found:
        return _finding(
            "processor capability", OK, f"no variable overrides it: {', '.join(arithmetic().blas)}"
        )
    return _finding(
        "processor capability",
        NOTE,
        f"overridden by {', '.join(found)}",
        "set the same variables wherever the results are to be repeated, or unset them",
    )


def _python() -> Finding:
    version = sys.version_info[:2]
    shown = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info.releaselevel != "final":
        return _finding("Python", NOTE, f"{shown} is a pre-release", "use a final release")
    end = _END_OF_LIFE.get(version)
    if end is None or datetime.now(UTC).date() <= end:
        return _finding("Python", OK, f"{shown}, with security fixes until {end:%B %Y}" if end else shown)
    return _finding("Python", NOTE, f"{shown} has had no fixes since {end:%B %Y}", "use a newer Python")


def _pins(folder: Path) -> Finding:
    """Look for a lock file, or requirements with exact versions, beside the study or above it."""
    for place in (folder, *folder.parents[:4]):
        for name in _LOCKS:
            if (place / name).is_file():
                return _finding("packages", OK, f"pinned by {name}")
        requirements = sorted(place.glob("requirements*.txt"))
        if requirements:
            return _requirements(requirements[0])
        if (place / ".git").exists():
            break
    return _finding(
        "packages",
        NOTE,
        "nothing beside the study pins their versions; records name the installed ones all the same",
        "python -m pip freeze > requirements.txt, or use a lock file",
    )


def _requirements(path: Path) -> Finding:
    """Compare a requirements file with what is installed."""
    lines = [line.split("#")[0].strip() for line in path.read_text(errors="replace").splitlines()]
    wanted = [line for line in lines if line and not line.startswith("-")]
    exact = [
        re.match(r"([\w.-]+)(?:\[[^]]*\])?\s*===?\s*([^\s;,*]+)\s*(?:;.*|\\|--hash.*)?$", line)
        for line in wanted
    ]
    loose = [line for line, match in zip(wanted, exact, strict=True) if match is None and " @ " not in line]
    installed = installed_packages()
    pins = {normalise(match[1]): match[2] for match in exact if match}
    other = [
        f"{name} {installed[name]}, not {pin}"
        for name, pin in pins.items()
        if installed.get(name, pin) != pin
    ]
    if loose:
        return _finding(
            "packages",
            NOTE,
            f"{path.name} leaves open: {_some(loose)}",
            f"python -m pip freeze > {path.name}",
        )
    if other:
        return _finding(
            "packages", NOTE, f"installed is {_some(other)}", f"python -m pip install -r {path.name}"
        )
    return _finding("packages", OK, f"pinned by {path.name}")


def _repository(folder: Path) -> Finding:
    found = repository(folder)
    if found is None:
        why = "" if shutil.which("git") else ", and git is not installed"
        return _finding(
            "repository",
            NOTE,
            f"the study is in no git repository{why}; records keep the files that ran, but no history",
            "git init && git add . && git commit",
        )
    if found.dirty is None:
        return _finding("repository", NOTE, "git did not answer in time", "run `git status` in the folder")
    if found.commit is None:
        return _finding("repository", NOTE, "nothing is committed yet", "git add . && git commit")
    loose = [*(["uncommitted changes"] if found.dirty else [])]
    if found.untracked:
        loose.append(f"untracked: {_some(list(found.untracked))}")
    if loose:
        return _finding("repository", NOTE, "; ".join(loose), "commit them: others see the commit alone")
    return _finding("repository", OK, f"clean at {found.commit[:12]}")


def _file_system(place: Path) -> Finding:
    kind = _kind(place)
    if kind in _REMOTE:
        return _finding(
            "file system of the store",
            NOTE,
            f"{kind} is shared between machines: locks and syncing may be slow or partial",
            "name a local folder with --store",
        )
    if kind in _PASSING:
        lost = "with the container" if kind == "overlay" else "when the machine restarts"
        return _finding(
            "file system of the store",
            NOTE,
            f"{kind}: what is written there may be lost {lost}",
            "name a lasting folder with --store",
        )
    return _finding("file system of the store", OK, kind or "of unknown kind")


def _durability(place: Path) -> Finding:
    """Write, sync, lock and rename a small file, as the store does."""
    try:
        with _probe(place) as path, path.open("r+b") as file:
            file.write(b"assay")
            file.flush()
            os.fsync(file.fileno())
            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.replace(path.with_suffix(".renamed"))
            path.with_suffix(".renamed").replace(path)
    except OSError as error:
        return _finding(
            "writing to the store",
            PROBLEM,
            f"{place}: {error.strerror or error}",
            "make the folder writable, or name another with --store",
        )
    return _finding("writing to the store", OK, "files can be written, synced, locked and renamed")


def _space(place: Path) -> Finding:
    try:
        free = shutil.disk_usage(place).free
    except OSError as error:
        return _finding("free space", NOTE, f"{place}: {error.strerror or error}")
    shown = f"{free / (1 << 30):,.1f} GiB are free"
    if free < _LITTLE_SPACE:
        state = PROBLEM if free < _LITTLE_SPACE // 16 else NOTE
        return _finding("free space", state, shown, "free some space, or name another folder with --store")
    return _finding("free space", OK, shown)


def _clock(place: Path) -> Finding:
    """Compare the clock with this file's own age, and with the clock of the store's file system."""
    now = time.time()
    if now < Path(__file__).stat().st_mtime - _CLOCK_SLACK:
        return _finding(
            "clock",
            PROBLEM,
            f"it says {_day(now)}, before Assay was installed",
            "set the clock of this machine",
        )
    try:
        with _probe(place) as path:
            skew = path.stat().st_mtime - time.time()
    except OSError:
        return _finding("clock", OK, f"it says {_day(now)}")
    if abs(skew) > _CLOCK_SLACK:
        return _finding(
            "clock", NOTE, f"the store's file system is {skew:+,.0f} s apart", "synchronise both clocks (NTP)"
        )
    return _finding("clock", OK, f"it says {_day(now)}, as does the store's file system")


def _finding(title: str, state: str, detail: str, hint: str = "") -> Finding:
    return Finding(id=title.lower().replace(" ", "-"), title=title, state=state, detail=detail, hint=hint)


def _day(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d %H:%M UTC")


def _some(items: list[str], most: int = 3) -> str:
    more = len(items) - most
    return ", ".join(items[:most]) + (f" and {more} more" if more > 0 else "")


def _existing(place: Path) -> Path:
    """Return the folder, or the nearest one above it that exists."""
    place = place.resolve()
    while not place.is_dir() and place.parent != place:
        place = place.parent
    return place


@contextlib.contextmanager
def _probe(place: Path) -> Iterator[Path]:
    """Make a small file in a folder, and remove it."""
    handle, name = tempfile.mkstemp(prefix=".assay-doctor-", dir=place)
    os.close(handle)
    try:
        yield Path(name)
    finally:
        for path in (Path(name), Path(name).with_suffix(".renamed")):
            path.unlink(missing_ok=True)


def _kind(place: Path) -> str | None:
    """Return the kind of file system that a folder is on, from the longest mount point above it."""
    try:
        lines = Path("/proc/self/mountinfo").read_text(errors="replace").splitlines()
    except OSError:
        return None
    best, kind = "", None
    for line in lines:
        before, _, after = line.partition(" - ")
        point = before.split(" ")[4].encode().decode("unicode_escape")
        if place.is_relative_to(point) and len(point) >= len(best):
            best, kind = point, after.split(" ")[0]
    return kind
