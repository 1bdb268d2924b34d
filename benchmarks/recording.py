"""What a logged value costs and whether it survives, beside trackers: MLflow, W&B, Aim, trackio, Sacred.

Five things, in one run, each tool in processes of its own, in turns whose order is reversed every round:

    calls    microseconds of one logged number: median and 99th percentile of the calls, and the time of
             the processor in all threads of the program by call; each the median over the rounds
    kill     values that a reader finds after `kill -9` right behind the last of 1,000 calls
    at once  8 processes that begin at once in a fresh store, 100 values each
    start    seconds that beginning and ending a run add to a program, in a store that is there already
    bytes    bytes on disk that 1,000 values add to a run

The reader is another process and uses the tool's own means (for Assay: what `assay ls` does, which seals
what a dead recorder left, then the trace). The floor is one `os.write` of a line of JSON. All runs are
local and offline: nothing is sent, and a proxy that is not there is set for what would try.

    python benchmarks/recording.py            all of it
    python benchmarks/recording.py --quick    few calls and rounds, to see that it works

Targets: a logged value at most 4 us; none lost; no process fails; at most 0.3 s added to a start.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

from _measure import duration, ratio, table, target, title
from _trackers import EXEC, FLOOR, LONGEST, OURS, OWN, TOOLS, Place, installed, reason, variables

MEDIAN, START = 4e-6, 0.3
KILLED, TOGETHER, EACH = 1000, 8, 100
SETTLE = 2.0  # seconds in which a service that outlives its program may still write


class Calls(NamedTuple):
    """What one call takes, in seconds."""

    median: float
    p99: float
    processor: float


class Trial(NamedTuple):
    """What came of processes that began at once: how many failed, the values lost, and one reason."""

    failed: int
    lost: int
    why: str


class Rounds(NamedTuple):
    """How often each thing is done."""

    calls: int
    kill: int
    together: int
    start: int
    share: float


FULL = Rounds(calls=5, kill=5, together=3, start=7, share=1.0)
QUICK = Rounds(calls=2, kill=1, together=1, start=2, share=0.1)


def main() -> None:
    """Measure and print."""
    rounds = QUICK if "--quick" in sys.argv[1:] else FULL
    title("Recording, beside trackers")
    with tempfile.TemporaryDirectory() as scratch:
        place = Place(Path(scratch))
        tools = installed(place)
        show_calls(measure_calls(place, tools, rounds))
        show_kill(measure_kill(place, tools, rounds.kill))
        show_together(measure_together(place, tools, rounds.together))
        show_start(measure_start(place, tools, rounds.start))
        show_bytes({tool: measure_bytes(place, tool) for tool in tools})


def in_turns(names: Iterable[str], rounds: int, measure: Callable[[str], Any]) -> dict[str, list[Any]]:
    """Measure each thing once a round, every other round from the last to the first."""
    order = list(names)
    found: dict[str, list[Any]] = {name: [] for name in order}
    for number in range(rounds):
        for name in order[:: -1 if number % 2 else 1]:
            found[name].append(measure(name))
    return found


# -- A logged value -------------------------------------------------------------------------------------


def measure_calls(place: Place, tools: list[str], rounds: Rounds) -> dict[str, Calls]:
    """Return what a call of each tool takes."""

    def once(tool: str) -> Any:
        return place.run(tool, "calls", place.fresh(), max(int(TOOLS[tool].calls * rounds.share), 100))

    found = in_turns(tools, rounds.calls, once)
    return {
        tool: Calls(*(statistics.median(one[name] for one in times) for name in Calls._fields))
        for tool, times in found.items()
    }


def show_calls(found: dict[str, Calls]) -> None:
    """Print what a call costs."""
    base = found[EXEC].median
    table(
        ["one logged number", "median", "99 %", "processor", "median, times Assay's"],
        [[TOOLS[tool].shown, *map(duration, one), ratio(one.median, base)] for tool, one in found.items()],
    )
    print("  trackio and Sacred put it into a queue in memory, W&B hands it to another process\n")
    for tool in OURS:
        target(
            f"{TOOLS[tool].shown}: at most {duration(MEDIAN)}: {duration(found[tool].median)}",
            met=found[tool].median <= MEDIAN,
        )


# -- After `kill -9` ------------------------------------------------------------------------------------


def measure_kill(place: Place, tools: list[str], trials: int) -> dict[str, list[int]]:
    """Return how many values are found after each kill."""

    def once(tool: str) -> int:
        folder = place.fresh()
        place.run(tool, "kill", folder, KILLED)
        time.sleep(SETTLE)
        return place.found(tool, folder)

    return in_turns(tools, trials, once)


def show_kill(found: dict[str, list[int]]) -> None:
    """Print how many of the values were lost."""
    print()
    table(
        [f"kill -9 after {KILLED:,} values, {len(found[EXEC])} times", "found", "lost at most"],
        [[TOOLS[tool].shown, _range(counts), f"{KILLED - min(counts):,}"] for tool, counts in found.items()],
    )
    print()
    for tool in OURS:
        target(f"{TOOLS[tool].shown}: none lost", met=min(found[tool]) == KILLED)


# -- All at once ----------------------------------------------------------------------------------------


def measure_together(place: Place, tools: list[str], trials: int) -> dict[str, list[Trial]]:
    """Return how many processes failed and how many values are not found, of each trial."""

    def once(tool: str) -> Trial:
        folder = place.fresh()
        processes = [_begin(place, tool, folder, number) for number in range(TOGETHER)]
        failed = [number for number, process in enumerate(processes) if _status(process)]
        time.sleep(SETTLE)
        why = reason((folder / f"errors-{failed[0]}").read_text()) if failed else ""
        return Trial(len(failed), TOGETHER * EACH - place.found(tool, folder), why)

    return in_turns(tools, trials, once)


def _begin(place: Place, tool: str, folder: Path, number: int) -> subprocess.Popen[bytes]:
    command = place.command(tool, "values", folder, EACH, folder / f"result-{number}.json")
    with (folder / f"errors-{number}").open("wb") as errors:
        return subprocess.Popen(
            command, cwd=folder, env=variables(folder), stdout=subprocess.DEVNULL, stderr=errors
        )


def _status(process: subprocess.Popen[bytes]) -> int:
    try:
        return process.wait(LONGEST)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


def show_together(found: dict[str, list[Trial]]) -> None:
    """Print who failed, what was lost, and one reason of each tool."""
    print()
    table(
        [f"{TOGETHER} begin at once, {EACH} values each, {len(found[EXEC])} times", "failed", "values lost"],
        [
            [
                TOOLS[tool].shown,
                f"{_range([one.failed for one in trials])} of {TOGETHER}",
                f"{_range([one.lost for one in trials])} of {TOGETHER * EACH}",
            ]
            for tool, trials in found.items()
        ],
    )
    for tool, trials in found.items():
        for why in [one.why for one in trials if one.failed][:1]:
            print(f"  {TOOLS[tool].shown} failed with: {why}")
    print()
    for tool in OURS:
        lost = [one for one in found[tool] if one.failed or one.lost]
        target(f"{TOOLS[tool].shown}: none fails, none is lost", met=not lost)


def _range(counts: list[int]) -> str:
    low, high = min(counts), max(counts)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


# -- Start-up -------------------------------------------------------------------------------------------


def measure_start(place: Place, tools: list[str], rounds: int) -> dict[str, tuple[float, float]]:
    """Return the seconds until the program's first line and those of the whole process, by program.

    A program is a tool's name, or that with '-torch' for one that imports torch first.
    """
    # The environments differ in how long their Python takes to start: each has its own empty program.
    names = ["nothing-own", *(tool for tool in tools if tool != FLOOR)]
    names += ["nothing"] if len(tools) > len(OURS) + 1 else []
    names += ["nothing-torch", *(f"{tool}-torch" for tool in OURS)]
    folders = {name: place.fresh() for name in names}

    def once(name: str) -> tuple[float, float]:
        folder = folders[name]
        tool = name.removesuffix("-torch").removesuffix("-own")
        task = "start-torch" if name.endswith("-torch") else "start"
        command = place.command(tool, task, folder, 0, folder / "result.json")
        if name == "nothing-own":
            command[0] = str(OWN)
        since = time.monotonic()
        subprocess.run(command, cwd=folder, env=variables(folder), check=True, capture_output=True)
        whole = time.monotonic() - since
        return json.loads((folder / "result.json").read_text()) - since, whole

    for name in names:
        once(name)  # makes the stores, and brings the files into memory
    found = in_turns(names, rounds, once)
    return {
        name: (
            statistics.median(first for first, _ in times),
            statistics.median(whole for _, whole in times),
        )
        for name, times in found.items()
    }


def show_start(found: dict[str, tuple[float, float]]) -> None:
    """Print what is added to a start, and to the whole."""
    rows = []
    added: dict[str, float] = {}
    for name, (first, whole) in found.items():
        tool = name.removesuffix("-torch")
        if tool not in TOOLS:
            continue
        is_torch = name.endswith("-torch")
        base = found["nothing-torch" if is_torch else "nothing-own" if tool in OURS else "nothing"]
        added[name] = first - base[0]
        shown = TOOLS[tool].shown + (", the program imports torch" if is_torch else "")
        rows.append([shown, duration(max(added[name], 0.0)), duration(max(whole - base[1], 0.0))])
    print()
    table(["added to a program", "before its first line", "to the whole"], rows)
    print(
        f"  the program alone: {duration(found['nothing-own'][1])}, with torch"
        f" {duration(found['nothing-torch'][1])}; torch is not in the trackers' environment\n"
    )
    for name in (EXEC, f"{EXEC}-torch"):
        what = "a program that imports torch" if name.endswith("-torch") else "an empty program"
        target(
            f"assay exec adds at most {duration(START)} before the first line of {what}: "
            f"{duration(max(added[name], 0.0))}",
            met=added[name] <= START,
        )


# -- Bytes ----------------------------------------------------------------------------------------------


def measure_bytes(place: Place, tool: str) -> tuple[int, int]:
    """Return the bytes that a run with no value takes, and what 1,000 values add to that."""
    sizes = []
    for count in (0, KILLED):
        folder = place.fresh()
        place.run(tool, "values", folder, count)
        sizes.append(_bytes(folder))
    return sizes[0], sizes[1] - sizes[0]


def _bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


def show_bytes(found: dict[str, tuple[int, int]]) -> None:
    """Print the bytes."""
    base = found[EXEC][1]
    print()
    table(
        ["bytes on disk", f"{KILLED:,} values", "times Assay's", "a run without values"],
        [
            [TOOLS[tool].shown, f"{added:,}", ratio(added, base), f"{empty:,}"]
            for tool, (empty, added) in found.items()
        ],
    )


if __name__ == "__main__":
    main()
