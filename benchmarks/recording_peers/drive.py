"""Do one task with one tracker and write what came of it as JSON: run by benchmarks/recording.py.

    python drive.py TOOL TASK FOLDER COUNT RESULT

TOOL names a module `with_TOOL` beside this file. Each has `run(folder, body)`, which begins a run as the
tool's documentation says, calls `body(log)` and ends the run, and `read(folder)`, which returns how many
values another process finds in the folder by the tool's own means. `log(step, value)` logs one number.
Standard library only, for it runs in the environments of the peers too.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

TASKS = ("calls", "values", "kill", "start", "start-torch", "read")


def main(tool: str, task: str, folder: Path, count: int, result: Path) -> None:
    """Do the task, and write its result."""
    if task == "start-torch":
        import torch  # noqa: F401  the program that is measured imports it
    if task.startswith("start") and tool == "nothing":
        write(result, time.monotonic())
        return
    module = importlib.import_module(f"with_{tool}")
    if task == "read":
        write(result, module.read(folder))
        return
    bodies = {"calls": calls, "values": values, "kill": kill, "start": start, "start-torch": start}
    module.run(folder, lambda log: bodies[task](log, count, result))


def calls(log: Any, count: int, result: Path) -> None:
    """Time each call; the first tenth is left out, as the tools warm up in it."""
    clock, times = time.perf_counter, []
    before = time.process_time()
    for step in range(count):
        value = step / 7
        since = clock()
        log(step, value)
        times.append(clock() - since)
    processor = (time.process_time() - before) / count
    kept = sorted(times[count // 10 :])
    median, high = kept[len(kept) // 2], kept[int(0.99 * len(kept))]
    write(result, {"median": median, "p99": high, "processor": processor})


def values(log: Any, count: int, result: Path) -> None:
    """Log values, and let the tool end the run."""
    for step in range(count):
        log(step, step / 7)
    write(result, count)


def kill(log: Any, count: int, result: Path) -> None:
    """Log values, and end as `kill -9` does, right after the last call returned."""
    write(result, count)
    for step in range(count):
        log(step, step / 7)
    os.kill(os.getpid(), signal.SIGKILL)


def start(_log: Any, _count: int, result: Path) -> None:
    """Say when the program's own first line runs; the clock is that of the whole system."""
    write(result, time.monotonic())


def write(path: Path, value: Any) -> None:
    """Write a result; not to the standard output, which some of the tools keep for themselves."""
    path.write_text(json.dumps(value))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]), int(sys.argv[4]), Path(sys.argv[5]))
