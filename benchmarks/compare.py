"""How long `assay compare` takes on a table of 10,000 rows, as a whole process, page and figures included.

12 tasks, 8 methods and 104 seeds, 9,984 rows; and 12 tasks, 4 methods and 10 seeds, as a paper has them.
Target: at most 5 s for the large table.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from _measure import ONE_THREAD, duration, table, target, title

from assay.foundation.seeding import Stream

RUNS = 5
LIMIT = 5.0
ASSAY = Path(sys.executable).parent / "assay"
TABLES = {"10,000 rows": (12, 8, 104), "a paper's table": (12, 4, 10)}


def rows(tasks: int, methods: int, seeds: int) -> str:
    """Return a long table of normal scores."""
    lines = ["method,dataset,seed,accuracy"]
    for t in range(tasks):
        for m in range(methods):
            rng = Stream(0, ("benchmark", t, m))
            lines += [f"m{m},task{t},{s},{60 + 3 * t + 0.1 * m + rng.normal():.4f}" for s in range(seeds)]
    return "\n".join(lines) + "\n"


def run(folder: Path, *options: str) -> float:
    """Return the seconds that one whole process takes."""
    start = time.perf_counter()
    command = [str(ASSAY), "compare", "results.csv", *options]
    subprocess.run(command, check=True, capture_output=True, cwd=folder, env=os.environ | ONE_THREAD)
    return time.perf_counter() - start


def main() -> None:
    """Measure and print."""
    title(f"assay compare, whole process, median of {RUNS}")
    shown, medians = [], {}
    for name, shape in TABLES.items():
        with tempfile.TemporaryDirectory() as made:
            folder = Path(made)
            (folder / "results.csv").write_text(rows(*shape))
            run(folder)
            whole = statistics.median(run(folder) for _ in range(RUNS))
            verdict = statistics.median(run(folder, "--json") for _ in range(RUNS))
        medians[name] = whole
        shown.append([name, duration(whole), duration(verdict)])
    table(["table", "page and figures", "verdict alone"], shown)
    print()
    taken = medians["10,000 rows"]
    target(f"10,000 rows in at most {duration(LIMIT)}: {duration(taken)}", met=taken <= LIMIT)


if __name__ == "__main__":
    main()
