from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from blake3 import blake3

from assay.capture import contents
from assay.capture.contents import Contents
from assay.foundation.errors import IntegrityError, UsageError


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let files count as old at once: what the tests write would be too young to remember."""
    monkeypatch.setattr(contents, "RACY_NS", -(10**18))


def truth(path: Path) -> str:
    return blake3(path.read_bytes()).hexdigest()


def write(folder: Path, count: int) -> list[Path]:
    paths = [folder / f"{number}.bin" for number in range(count)]
    for number, path in enumerate(paths):
        path.write_bytes(bytes([number % 251]) * (number % 97))
    return paths


@pytest.mark.usefixtures("settled")
def test_a_file_is_read_once_and_again_when_it_changed(tmp_path: Path) -> None:
    """The second look reads nothing, in another process's place too; a change, or force, reads again."""
    paths = write(tmp_path, 200)
    first = Contents(tmp_path / "cache")
    assert first.digests(paths) == {path: truth(path) for path in paths}
    second = Contents(tmp_path / "cache")
    assert second.digests(paths) == first.digests(paths)
    assert (first.read, second.read) == (200, 0)
    paths[7].write_bytes(b"else")
    assert second.digest(paths[7]) == truth(paths[7])
    assert second.read == 1
    forced = Contents(tmp_path / "cache", force=True)
    forced.digests(paths)
    assert forced.read == 200


@pytest.mark.usefixtures("settled")
def test_a_change_that_keeps_size_and_time_is_seen(tmp_path: Path) -> None:
    """A byte that flips while the time of modification is set back gives another digest."""
    path = tmp_path / "image.png"
    path.write_bytes(b"a" * 100)
    state = path.stat()
    known = Contents(tmp_path / "cache")
    before = known.digest(path)
    path.write_bytes(b"a" * 99 + b"b")
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert known.digest(path) == truth(path) != before


def test_a_young_file_and_one_of_the_future_are_not_remembered(tmp_path: Path) -> None:
    """What was just written, or carries a time to come, is read each time."""
    young, future = tmp_path / "young", tmp_path / "future"
    young.write_bytes(b"1")
    future.write_bytes(b"2")
    os.utime(future, (2**33, 2**33))
    known = Contents(tmp_path / "cache")
    for _ in range(2):
        known.digests([young, future])
    assert known.read == 4


@pytest.mark.usefixtures("settled")
@pytest.mark.parametrize("damage", ["garbage", "cut", "other table", "value"])
def test_a_damaged_cache_is_made_anew_and_never_answers(tmp_path: Path, damage: str) -> None:
    """Bytes that are no data base, half of one, another table or a changed row: the digest is right."""
    paths = write(tmp_path, 50)
    Contents(tmp_path / "cache").digests(paths)
    file = tmp_path / "cache" / "hashes" / "contents.sqlite"
    with sqlite3.connect(file) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        if damage == "value":
            rows = connection.execute("SELECT path, value FROM files").fetchall()
            wrong = [(value[:-6] + b"\0\0" + value[-4:], path) for path, value in rows]
            connection.executemany("UPDATE files SET value = ? WHERE path = ?", wrong)
        elif damage == "other table":
            connection.execute("DROP TABLE files")
            connection.execute("CREATE TABLE files (other TEXT)")
    connection.close()
    if damage == "garbage":
        file.write_bytes(b"no data base" * 1_000)
    elif damage == "cut":
        file.write_bytes(file.read_bytes()[:5_000])
    known = Contents(tmp_path / "cache")
    assert known.digests(paths) == {path: truth(path) for path in paths}
    assert known.read == 50
    again = Contents(tmp_path / "cache")
    again.digests(paths)
    assert again.read == 0


def test_without_a_place_for_the_cache_all_is_read(tmp_path: Path) -> None:
    """A cache that cannot be made costs reading, and nothing else."""
    (tmp_path / "cache").write_text("a file")
    path = write(tmp_path, 5)[4]
    assert Contents(tmp_path / "cache").digest(path) == truth(path)


@pytest.mark.parametrize("size", [0, 1, (4 << 20) - 1, 4 << 20, (5 << 20) + 3])
@pytest.mark.parametrize("racy", [2_000_000_000, -(10**18)])
def test_digests_are_blake3_of_the_bytes(
    tmp_path: Path, size: int, racy: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Small and large, mapped in windows or read in pieces: the digest is that of the bytes."""
    monkeypatch.setattr(contents, "RACY_NS", racy)
    monkeypatch.setattr(contents, "_WINDOW", 1 << 20)
    path = tmp_path / "file"
    path.write_bytes(os.urandom(size))
    assert Contents(tmp_path / "cache").digest(path) == truth(path)


def test_a_file_that_changes_while_it_is_read_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that grows at every reading is refused; one that grew once is read again."""
    path = tmp_path / "log"
    path.write_bytes(b"line\n")
    whole = contents._whole
    growths = iter(range(1))

    def grow_once(handle: int, size: int) -> bytes:
        data = whole(handle, size)
        for _ in growths:
            path.write_bytes(b"line\nline\n")
        return data

    monkeypatch.setattr(contents, "_whole", grow_once)
    assert Contents(tmp_path / "cache").digest(path) == truth(path)
    growths = iter(range(10))
    sizes = iter(range(100, 200))

    def grow(handle: int, size: int) -> bytes:
        path.write_bytes(b"x" * next(sizes))
        return whole(handle, size)

    monkeypatch.setattr(contents, "_whole", grow)
    with pytest.raises(IntegrityError, match="changes while it is read"):
        Contents(tmp_path / "cache").digest(path)


def test_what_is_no_file_is_named(tmp_path: Path) -> None:
    """A folder, a pipe and a file that is not there raise, or are told where somebody listens."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    good = write(tmp_path, 1)[0]
    known = Contents(tmp_path / "cache")
    with pytest.raises(UsageError, match="not a regular file"):
        known.digest(pipe)
    with pytest.raises(UsageError, match="No such file"):
        known.digest(tmp_path / "absent")
    told: dict[Path, str] = {}
    assert list(known.digests([pipe, good, tmp_path], on_problem=told.__setitem__)) == [good]
    assert set(told) == {pipe, tmp_path}


def test_progress_counts_files_and_bytes(tmp_path: Path) -> None:
    """The last thing told is all files of all, with the bytes that were read."""
    paths = write(tmp_path, 100)
    told: list[tuple[int, int, int]] = []
    Contents(tmp_path / "cache").digests(paths, progress=lambda *counts: told.append(counts))
    assert len(told) == 100
    assert told[-1] == (100, 100, sum(path.stat().st_size for path in paths))


@pytest.mark.usefixtures("settled")
def test_a_name_that_is_not_utf8_is_remembered(tmp_path: Path) -> None:
    """Bytes in a name do no harm."""
    path = tmp_path / os.fsdecode(b"caf\xe9 \\.txt")
    path.write_bytes(b"x")
    known = Contents(tmp_path / "cache")
    assert known.digest(path) == known.digest(path) == truth(path)
    assert known.read == 1


def test_threads_and_processes_share_one_cache(tmp_path: Path) -> None:
    """Four processes and four threads that begin at once on a fresh cache all answer rightly."""
    paths = write(tmp_path, 300)
    code = (
        "import sys; from pathlib import Path; from assay.capture import contents;"
        "contents.RACY_NS = -10**18; known = contents.Contents(Path(sys.argv[1]) / 'cache');"
        "print(len(set(known.digests(sorted(Path(sys.argv[1]).glob('*.bin'))).values())))"
    )
    command = [sys.executable, "-W", "error", "-c", code, str(tmp_path)]
    started = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    known = Contents(tmp_path / "cache")
    answers: list[dict[Path, str]] = []
    threads = [threading.Thread(target=lambda: answers.append(known.digests(paths))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    expected = {path: truth(path) for path in paths}
    assert answers == [expected] * 4
    said = {process.communicate()[0].strip() for process in started}
    assert said == {str(len(set(expected.values())))}
    assert {process.returncode for process in started} == {0}
