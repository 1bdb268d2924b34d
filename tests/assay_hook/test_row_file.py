"""The file of rows: through mapped pages or by calls, whatever happens to the process or its disk."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from assay.capture.recording.rows import read_rows

_SMALL = "from assay_hook import row_file; row_file._BLOCK = 2**16\n"
_MANY = "import assay_hook\nfor step in range(3000):\n    assay_hook.log(step, loss=step / 7)\n"


def steps(rows: list[dict[str, Any]]) -> list[int]:
    return [row["n"] for row in rows if row["k"] == "log"]


def test_blocks_follow_each_other_without_a_gap(any_hook: Any) -> None:
    """Rows that fill several blocks are all there in their order, and the file ends with the last one."""
    seen = any_hook.program(
        _SMALL + _MANY + "assert row_file and assay_hook.rows._state.file._begin > 2**16\n"
    )
    assert seen.stderr == ""
    assert steps(seen.processes[0]) == list(range(3000))
    (path,) = (any_hook.live / "rows").iterdir()
    assert path.read_bytes()[-1:] == b"\n"
    assert seen.processes[0][-1]["k"] == "end"


def test_nothing_is_lost_to_a_kill(any_hook: Any) -> None:
    """What was logged before `kill -9` is read, from a file with its reserved end, and none is torn."""
    seen = any_hook.program(_MANY + "import os\nos.kill(os.getpid(), 9)\n")
    assert seen.status == -9
    (path,) = (any_hook.live / "rows").iterdir()
    assert path.read_bytes()[-1:] == b"\0"
    rows = read_rows(any_hook.live)
    assert steps(rows.of_process(0)) == list(range(3000))
    assert rows.torn == ()


def test_a_row_larger_than_a_block(hook: Any) -> None:
    """A row that no block has room for gets a larger one, and the next rows follow it."""
    text = "assay_hook.rows.write({'k': 'large', 'text': 'x' * 200_000})\n"
    seen = hook.program(_SMALL + _MANY + text + "assay_hook.log(3000, loss=1)\n")
    assert [len(row["text"]) for row in seen.of("large")] == [200_000]
    assert steps(seen.processes[0]) == list(range(3001))


def test_threads_and_handlers_cross_from_block_to_block(any_hook: Any) -> None:
    """Threads that write at once, and a handler of a signal that does, lose no row where a block ends."""
    text = """
        import itertools, signal, threading, assay_hook
        from assay_hook import row_file
        row_file._BLOCK = 4096
        ticks = itertools.count()  # a handler may come amid another one

        def tick(*_):
            assay_hook.log(tick=next(ticks))

        def work(name):
            for step in range(2000):
                assay_hook.log(step=step, **{name: step})

        signal.signal(signal.SIGALRM, tick)
        signal.setitimer(signal.ITIMER_REAL, 0.002, 0.002)
        threads = [threading.Thread(target=work, args=("t%d" % i,)) for i in range(4)]
        [thread.start() for thread in threads]
        work("main")
        [thread.join() for thread in threads]
        signal.setitimer(signal.ITIMER_REAL, 0)
        print(next(ticks))
    """
    seen = any_hook.program(text)
    logged = seen.of("log")
    for name in ("main", *(f"t{i}" for i in range(4))):
        assert [row["n"] for row in logged if name in row["values"]] == list(range(2000))
    ticks = sorted(row["values"]["tick"] for row in logged if "tick" in row["values"])
    assert ticks == list(range(int(seen.stdout)))


def test_a_forked_process_has_a_file_of_its_own(any_hook: Any) -> None:
    """Parent and child log on at once, also after a fork that Python was not told of; no row is lost."""
    text = """
        import ctypes, os, assay_hook
        for step in range(100):
            assay_hook.log(step, who=0)
        child = os.fork()
        if not child:
            for step in range(100, 1100):
                assay_hook.log(step, who=1)
            os._exit(0)
        silent = ctypes.CDLL(None).fork()
        if not silent:
            for step in range(100, 1100):
                assay_hook.log(step, who=2)
            os.kill(os.getpid(), 9)
        for step in range(100, 1100):
            assay_hook.log(step, who=0)
        os.waitpid(child, 0)
        os.waitpid(silent, 0)
    """
    seen = any_hook.program(text)
    assert len(seen.processes) == 3
    logged = {
        row["values"]["who"]: steps(rows) for rows in seen.processes for row in rows if row["k"] == "log"
    }
    assert logged == {0: list(range(1100)), 1: list(range(100, 1100)), 2: list(range(100, 1100))}


def test_a_disk_that_fills_up_stops_nothing(any_hook: Any) -> None:
    """Where no block can be reserved, rows are written while there is room; then the program goes on."""
    limit = "import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, (150_000, 150_000))\n"
    seen = any_hook.program(limit + _SMALL + _MANY + "print('on')\n")
    assert (seen.status, seen.stdout, seen.stderr) == (0, "on\n", "")
    (path,) = (any_hook.live / "rows").iterdir()
    assert path.stat().st_size > 149_000
    found = steps(seen.processes[0])
    assert found == list(range(len(found)))
    assert len(found) > 600


def test_a_full_file_system_is_no_signal_in_the_program(tmp_path: Path, hook: Any) -> None:
    """On a real file system without room the program ends well, with all rows that found room."""
    hook.write("train.py", _SMALL + _MANY.replace("3000", "30000") + "print('on')\n")
    (hook.live / "hook.json").write_text('{"format": 1}')
    inner = (
        f"mount -t tmpfs -o size=1500k none {hook.live}/rows && {sys.executable} train.py"
        f" && cp {hook.live}/rows/*.rows {tmp_path}"
    )
    command = ["unshare", "--mount", "--map-root-user", "sh", "-c", inner]
    allowed = subprocess.run([*command[:3], "mount", "-t", "tmpfs", "none", str(tmp_path)], check=False)
    if allowed.returncode:
        pytest.skip("this system lets nobody mount a file system of their own")
    done = subprocess.run(
        command, cwd=hook.folder, env=hook.environment(), capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "on\n", "")
    (path,) = tmp_path.glob("*.rows")
    assert 1_400_000 < path.stat().st_size <= 1_536_000
    found = [line for line in path.read_bytes().split(b"\n") if b'"log"' in line]
    assert len(found) > 6000


def test_without_a_mapping_rows_are_written_by_calls(any_hook: Any) -> None:
    """On a file system that may refuse a page later nothing is mapped, and no row is missing."""
    text = "from assay_hook import row_file; row_file._RESERVING = frozenset()\n"
    seen = any_hook.program(text + _MANY + "import os\nos.kill(os.getpid(), 9)\n")
    (path,) = (any_hook.live / "rows").iterdir()
    assert path.read_bytes()[-1:] == b"\n"
    assert steps(seen.processes[0]) == list(range(3000))


def test_descriptors_stay_the_programs_own(any_hook: Any) -> None:
    """A mapped file takes no number that the program would get."""
    text = "print(__import__('os').open('train.py', 0))\n"
    assert any_hook.program(_MANY + text).stdout == any_hook.program(text, recorded=False).stdout
