"""Time rliable's stratified bootstrap of the IQM on scores in a file, and print JSON.

rliable 1.2.0 draws from numpy's process-wide generator, whatever `random_state` it is given: the
intervals of two calls with the same state are printed to show it.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from importlib.metadata import version

import numpy as np
from rliable import library, metrics

RSS_UNIT = 1 if sys.platform == "darwin" else 1024
AGAIN = 200


def main(path: str, resamples: int) -> None:
    """Read scores of shape (methods, runs, tasks), and time one call over all methods."""
    scores = {str(m): table for m, table in enumerate(np.load(path))}
    start = time.perf_counter()
    estimates, intervals = estimate(scores, resamples, 0)
    taken = time.perf_counter() - start
    first = {"0": scores["0"]}
    twice = [estimate(first, AGAIN, 0)[1]["0"].ravel().tolist() for _ in range(2)]
    print(
        json.dumps(
            {
                "version": version("rliable"),
                "seconds": taken,
                "bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * RSS_UNIT,
                "estimates": [float(estimates[name][0]) for name in scores],
                "intervals": [intervals[name].ravel().tolist() for name in scores],
                "same_seed_same_interval": twice[0] == twice[1],
                "improvement": float(metrics.probability_of_improvement(scores["0"], scores["1"])),
            }
        )
    )


def estimate(scores: dict[str, np.ndarray], resamples: int, seed: int) -> tuple[dict, dict]:  # type: ignore[type-arg]
    """Return the IQM of each method, and its interval, with the library's own `random_state`."""
    return library.get_interval_estimates(
        scores,
        lambda table: np.array([metrics.aggregate_iqm(table)]),
        reps=resamples,
        random_state=np.random.RandomState(seed),
    )


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
