"""How fast data is digested: a folder of many files, first and second time, and one large file.

Assay makes the Merkle tree of the folder with a cache of its own; the second time, nothing changed, so
that the cost is that of asking each file's state. Beside it stand `git add` and `git status` in a fresh
repository, and `dvc add` (twice) where DVC is installed in `.venv-peers-dvc`. git and DVC also copy the
files, which Assay does not. All files were written more than two seconds before and are read once, so
that they are in the page cache. All is measured one after the other in one run.

    python benchmarks/hashing.py            20,000 files of 20 KB, and a file of 1 GiB
    python benchmarks/hashing.py --full     100,000 files of 100 KB: 10 GB, and a file of 4 GiB

Target: a large file at 5 GiB/s or more from the page cache.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from _measure import ROOT, duration, ratio, seconds, table, target, title

from assay.capture.contents import RACY_NS, Contents
from assay.capture.trees import keep_tree
from assay.records.objects import Objects

GIB = 1 << 30
TARGET = 5.0
FILES, SIZE, LARGE = 20_000, 20_000, GIB
FULL_FILES, FULL_SIZE, FULL_LARGE = 100_000, 100_000, 4 * GIB
_IN_A_FOLDER = 1_000

Times = tuple[float | None, float | None]


def main() -> None:
    """Measure and print."""
    is_full = "--full" in sys.argv[1:]
    files, size, large = (FULL_FILES, FULL_SIZE, FULL_LARGE) if is_full else (FILES, SIZE, LARGE)
    title(f"Hashing: {files:,} files of {size:,} bytes, and one file of {large / GIB:g} GiB")
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as scratch:
        top = Path(scratch)
        data = generate(top / "project" / "data", files, size)
        own = measure_assay(top, data)
        others = {"git add, git status": measure_git(top / "project"), "dvc add, twice": measure_dvc(top)}
        rows = [["Assay, Merkle tree", *map(duration, own), "", ""]]
        for name, found in others.items():
            times = [ratio(other, mine) for other, mine in zip(found, own, strict=True)]
            rows.append([name, *map(duration, found), *times])
        table(["", "first", "second", "first, times Assay's", "second, times Assay's"], rows)
        per_file = (own[1] or 0.0) / files
        print(f"\n  second time: {duration(per_file)} a file; its state alone takes {duration(state(data))}")
        rate = one_large_file(top / "large.bin", large)
    target(f"one large file at {TARGET:g} GiB/s or more: {rate:.2f} GiB/s", met=rate >= TARGET)


def generate(folder: Path, files: int, size: int) -> Path:
    """Write different files, a thousand a folder, and let them settle."""
    block = os.urandom(size)
    for number in range(files):
        path = folder / f"{number // _IN_A_FOLDER:03d}" / f"{number:06d}.bin"
        if number % _IN_A_FOLDER == 0:
            path.parent.mkdir(parents=True)
        path.write_bytes(number.to_bytes(8, "little") + block[8:])
    time.sleep(RACY_NS / 1e9 + 0.5)
    for path in folder.rglob("*.bin"):
        path.read_bytes()
    return folder


def measure_assay(top: Path, data: Path) -> Times:
    """Return the seconds of the first and the second tree; the cache is opened anew in between."""
    objects = Objects(top / "objects")
    return tuple(_once(lambda: keep_tree(objects, data, Contents(top / "cache"))) for _ in range(2))  # type: ignore[return-value]


def measure_git(project: Path) -> Times:
    """Return the seconds of `git add` and of `git status` after it."""
    if shutil.which("git") is None:
        return None, None
    git = ["git", "-c", "core.fsmonitor=false", "-c", "gc.auto=0"]
    _run([*git, "init", "--quiet"], project)
    first = _once(lambda: _run([*git, "add", "data"], project))
    second = _once(lambda: _run([*git, "status", "--porcelain"], project))
    shutil.rmtree(project / ".git")
    return first, second


def measure_dvc(top: Path) -> Times:
    """Return the seconds of `dvc add` and of the same again; None where DVC is not installed."""
    python = ROOT / ".venv-peers-dvc" / "bin" / "python"
    if not python.exists():
        print("DVC is not in .venv-peers-dvc: it is not measured", file=sys.stderr)
        return None, None
    project = top / "project"
    variables = {"DVC_NO_ANALYTICS": "1", "DVC_SITE_CACHE_DIR": str(top / "dvc-site"), "HOME": str(top)}
    dvc = [str(python), "-m", "dvc"]
    _run([*dvc, "init", "--no-scm", "--quiet"], project, variables)
    command = [*dvc, "add", "--quiet", "data"]
    first = _once(lambda: _run(command, project, variables))
    second = _once(lambda: _run(command, project, variables))
    return first, second


def state(data: Path) -> float:
    """Return the seconds that asking for the state of one file takes."""
    paths = list(data.rglob("*.bin"))
    return seconds(lambda: [path.stat() for path in paths]) / len(paths)


def one_large_file(path: Path, size: int) -> float:
    """Return GiB a second for a file that lies in the page cache, never remembered."""
    block = os.urandom(1 << 24)
    with path.open("wb") as file:
        for _ in range(size // len(block)):
            file.write(block)
    time.sleep(RACY_NS / 1e9 + 0.5)
    known = Contents(path.parent / "cache-large", force=True)
    known.digest(path)
    return size / GIB / seconds(lambda: known.digest(path))


def _run(command: Sequence[str], folder: Path, variables: dict[str, str] | None = None) -> None:
    subprocess.run(command, cwd=folder, env=os.environ | (variables or {}), check=True, capture_output=True)


def _once(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
