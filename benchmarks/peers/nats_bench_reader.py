"""Time nats_bench 1.8 on a folder of its official files, and print JSON.

The folder holds three architectures of 15,625, so that loading is that of an index and one file;
what is measured is the repeat query, of an architecture that is already in memory.
"""

from __future__ import annotations

import json
import sys
import time
from importlib.metadata import version

from nats_bench import create

SECONDS = 0.5
ARCHITECTURES = (0, 11, 284)


def main(folder: str) -> None:
    """Open the folder several times, then ask the same questions again and again."""
    loads = []
    for _ in range(5):
        start = time.perf_counter()
        api = create(folder, "tss", fast_mode=True, verbose=False)
        accuracy(api, 11)
        loads.append(time.perf_counter() - start)
    values = {api[index]: accuracy(api, index) for index in ARCHITECTURES}
    queries, start = 0, time.perf_counter()
    while (taken := time.perf_counter() - start) < SECONDS:
        for index in ARCHITECTURES:
            accuracy(api, index)
        queries += len(ARCHITECTURES)
    print(
        json.dumps(
            {
                "version": version("nats-bench"),
                "load": sorted(loads)[2],
                "repeat": taken / queries,
                "values": values,
            }
        )
    )


def accuracy(api: object, index: int) -> float:
    """Return the validation accuracy on CIFAR-10 after 200 epochs, mean over the seeds."""
    found = api.get_more_info(index, "cifar10-valid", hp="200", is_random=False)  # type: ignore[attr-defined]
    return float(found["valid-accuracy"])


if __name__ == "__main__":
    main(sys.argv[1])
