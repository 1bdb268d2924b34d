"""How often the 95 % intervals of `assay.statistics.differences` hold the truth, by simulation.

    python benchmarks/coverage.py              the table as Markdown
    python benchmarks/coverage.py --constants  the rows of MEASURED_COVERAGE in statistics/coverage.py

Every sample is drawn from a named stream of root 0, so that the table is the same at every run.
"""

from __future__ import annotations

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import math
import sys

import numpy as np
from scipy.special import ndtri

from assay.foundation.seeding import Stream
from assay.statistics.coverage import SHAPES, SIZES
from assay.statistics.differences import Difference, paired_differences, unpaired_differences

SAMPLES = 4000
CLUSTER = 5
DESIGNS = ("paired", "unpaired")
_BLOCK = 500
_UNIT = 2.0**-32


def uniform(rng: Stream, shape: tuple[int, ...]) -> np.ndarray:
    """Return uniform draws that are neither 0 nor 1."""
    return (rng.indices(1 << 32, shape) + 0.5) * _UNIT


def draws(shape: str, rng: Stream, samples: int, n: int) -> tuple[np.ndarray, float]:
    """Return samples of n values of a shape, and the mean of their distribution."""
    u = uniform(rng, (samples, n))
    if shape == "skewed":
        return -np.log(u), 1.0
    if shape == "bounded":
        return u**0.25, 0.8
    if shape == "clustered":
        shared = ndtri(uniform(rng, (samples, -(-n // CLUSTER)))).repeat(CLUSTER, axis=1)[:, :n]
        return math.sqrt(0.5) * (ndtri(u) + shared), 0.0
    return ndtri(u), 0.0


def differences(design: str, shape: str, n: int, block: int, samples: int) -> tuple[list[Difference], float]:
    """Return the differences of one block of samples, and the true one.

    Pairs share a normal effect of their split; independent samples differ in spread by a factor of 2.
    """
    rng = Stream(0, ("coverage", design, shape, n, block))
    a, mean = draws(shape, rng, samples, n)
    if design == "paired":
        split = ndtri(uniform(rng, (samples, n)))
        found = paired_differences(
            list(zip(split + a, split, strict=True)), source="split", rng=rng, varied=(shape,)
        )
        return found, mean
    b, _ = draws(shape, rng, samples, n)
    return unpaired_differences(list(zip(a, 2.0 * b, strict=True)), rng=rng, varied=(shape,)), -mean


def coverage(design: str, shape: str, n: int, samples: int = SAMPLES) -> float:
    """Return the share of samples whose 95 % interval holds the true difference."""
    held = 0
    for block in range(-(-samples // _BLOCK)):
        count = min(_BLOCK, samples - block * _BLOCK)
        found, truth = differences(design, shape, n, block, count)
        held += sum(one.low is not None and one.low <= truth <= one.high for one in found)
    return held / samples


def main() -> None:
    """Print the table, as Markdown or as constants."""
    grid = {
        (design, shape): [coverage(design, shape, n) for n in SIZES] for design in DESIGNS for shape in SHAPES
    }
    if "--constants" in sys.argv[1:]:
        for (design, shape), shares in grid.items():
            print(f'    ("{design}", "{shape}"): ({", ".join(map(str, shares))}),')
        return
    print(f"Coverage of 95 % intervals, {SAMPLES:,} samples a cell (Monte Carlo error about 0.003).\n")
    print(f"| design | interval | shape | {' | '.join(f'n = {n}' for n in SIZES)} |")
    print(f"|---|---|---|{'---:|' * len(SIZES)}")
    for (design, shape), shares in grid.items():
        interval = "t, BCa from 10" if design == "paired" else "Welch"
        print(f"| {design} | {interval} | {shape} | {' | '.join(f'{share:.3f}' for share in shares)} |")


if __name__ == "__main__":
    main()
