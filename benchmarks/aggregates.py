"""Stratified bootstrap of the interquartile mean: 26 tasks x 100 runs x 8 methods x 50,000 resamples.

rliable 1.2.0 runs in an environment of its own, since it cannot be imported with pandas 3, and
`scipy.stats.bootstrap` on every method in turn. All resample the same scores, runs within tasks,
and return percentile intervals. Targets: at least 30 times as fast as rliable on 2 cores; below 1 GB.
"""

from __future__ import annotations

import argparse
import os
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

from _measure import ONE_THREAD, ROOT, duration, peer, ratio, seconds, table, target, title

os.environ.update(ONE_THREAD)

import numpy as np

from assay.foundation.seeding import Stream
from assay.statistics.aggregates import aggregate_intervals
from assay.statistics.improvement import improvement_matrix, probability_of_improvement
from assay.statistics.profiles import performance_profile
from assay.statistics.scores import OK, Scores

TASKS, RUNS, METHODS, RESAMPLES = 26, 100, 8, 50_000
TIMES, MEMORY = 30, 1e9
RLIABLE = ROOT / ".venv-peers-rliable" / "bin" / "python"
RSS_UNIT = 1 if sys.platform == "darwin" else 1024


class Own(NamedTuple):
    """What is measured of Assay: seconds with two threads and with one, bytes, and what came out."""

    two: float
    one: float
    memory: int
    matrix: float
    profile: float
    low: np.ndarray
    high: np.ndarray
    improvement: float


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--resamples", type=int, default=RESAMPLES)
    resamples = options.parse_args().resamples
    title(f"IQM: {TASKS} tasks x {RUNS} runs x {METHODS} methods x {resamples:,} resamples")
    scores = made_up()
    own = measure(scores, resamples)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "scores.npy"
        np.save(path, scores.values.transpose(1, 2, 0))
        theirs = peer("rliable_iqm.py", path, resamples, python=RLIABLE) or {}
    scipy_taken = scipys(scores, resamples)
    rows = {
        "Assay, 2 threads": own.two,
        "Assay, 1 thread": own.one,
        f"rliable {theirs.get('version', '')}": theirs.get("seconds"),
        "scipy.stats.bootstrap": scipy_taken,
    }
    table(["", "time", "of Assay"], [[n, duration(v), ratio(v, own.two)] for n, v in rows.items()])
    print(f"\n  improvement matrix, 10,000 resamples: {duration(own.matrix)};", end=" ")
    print(f"performance profile: {duration(own.profile)}")
    if theirs:
        agreement(own, theirs)
        if resamples == RESAMPLES:
            times = theirs["seconds"] / own.two
            target(f"at least {TIMES}x as fast as rliable: {times:.0f}x", met=times >= TIMES)
    target(f"below {MEMORY / 1e9:.0f} GB: {own.memory / 1e6:.0f} MB", met=own.memory < MEMORY)


def made_up() -> Scores:
    """Return normal scores: tasks differ by half of what runs do, methods by a tenth."""
    rng = Stream(0, ("benchmark", "aggregates"))
    normal = np.array([rng.normal() for _ in range(TASKS * METHODS * RUNS + TASKS)])
    values = normal[TASKS:].reshape(TASKS, METHODS, RUNS)
    values = values + 0.5 * normal[:TASKS, None, None] + 0.1 * np.arange(METHODS)[:, None]
    tasks = tuple(f"task {t:02}" for t in range(TASKS))
    return Scores(
        methods=tuple(str(m) for m in range(METHODS)),
        tasks=tasks,
        families=tasks,
        units=("",) * TASKS,
        maximize=np.ones(TASKS, dtype=bool),
        replicates=tuple(str(r) for r in range(RUNS)),
        values=values,
        status=np.full(values.shape, OK, dtype=np.int8),
    )


def measure(scores: Scores, resamples: int) -> Own:
    """Time Assay, and check that the number of threads changes no byte."""
    rng = Stream(0, ("benchmark", "resamples"))

    def run(threads: int) -> Any:
        stream = rng.child("iqm")
        return aggregate_intervals(scores, metric="iqm", rng=stream, resamples=resamples, threads=threads)

    found, again = run(2), run(1)
    if found != again:
        sys.exit("one thread and two gave different numbers")
    two, one = (seconds(lambda threads=threads: run(threads), repeats=3) for threads in (2, 1))
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * RSS_UNIT
    return Own(
        two=two,
        one=one,
        memory=memory,
        matrix=seconds(lambda: improvement_matrix(scores, rng=rng.child("matrix")), repeats=1),
        profile=seconds(lambda: performance_profile(scores, rng=rng.child("profile")), repeats=1),
        low=np.array(found.lows),
        high=np.array(found.highs),
        improvement=probability_of_improvement(scores, "0", "1", rng=rng.child("pair")).probability,
    )


def scipys(scores: Scores, resamples: int) -> float:
    """Return the seconds of `scipy.stats.bootstrap`, which takes each task as a sample of its own."""
    from scipy import stats

    def iqm(*tasks: np.ndarray, axis: int) -> np.ndarray:
        return stats.trim_mean(np.concatenate(tasks, axis=axis), 0.25, axis=axis)

    start = time.perf_counter()
    for method in range(METHODS):
        stats.bootstrap(
            tuple(scores.values[:, method]),
            iqm,
            n_resamples=resamples,
            batch=200,
            method="percentile",
            rng=np.random.default_rng(0),
        )
    return time.perf_counter() - start


def agreement(own: Own, theirs: dict[str, Any]) -> None:
    """Say how far the answers are from rliable's, and what its seed does."""
    low, high = np.array(theirs["intervals"]).T
    furthest = np.abs(np.concatenate([(low - own.low), (high - own.high)])).max() / (high - low).mean()
    print(f"  ends of intervals: furthest difference {furthest:.1%} of an interval (both are random)")
    print(f"  probability of improvement: difference {abs(own.improvement - theirs['improvement']):.1g}")
    same = "the same" if theirs["same_seed_same_interval"] else "different"
    print(f"  rliable with the same seed twice: {same} intervals; Assay: the same, with 1 and 2 threads")
    print(f"  memory of rliable: {theirs['bytes'] / 1e6:.0f} MB")


if __name__ == "__main__":
    main()
