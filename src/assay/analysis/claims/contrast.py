"""The difference of two methods on the benchmarks of a claim, and its interval by scope and rule.

On these tasks, what varies are the searches. The two methods search with different seeds, so that
their runs are independent and the interval of the mean difference is Welch's; a bound is excluded where
the interval does so and exchanging the runs of the methods agrees, as for every difference. Under an
always-valid rule it is the confidence sequence of the differences of replicates, which holds however
often one looks, given the range that the metric cannot leave. About tasks, what varies are the families
of tasks: see `families.py`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import msgspec
import numpy as np

from assay.analysis.cells import SEARCH_SEEDS, Cells, range_of, sign_of, unit_of
from assay.analysis.claims.always_valid import always_valid_interval
from assay.analysis.claims.families import family_interval
from assay.analysis.model import BenchmarkFacts, ClaimSpec
from assay.foundation.seeding import Stream
from assay.statistics.interval import Interval
from assay.statistics.intervals import combine
from assay.statistics.permutation import stratified_exchange_p
from assay.studies.study import ALWAYS_VALID, TASKS

Pairs = Mapping[str, tuple[np.ndarray, np.ndarray]]


class Contrast(msgspec.Struct, frozen=True, kw_only=True):
    """Two methods on benchmarks of one unit.

    `pairs` holds the samples of (better, than) on each benchmark, float64 in the order of the
    replicates, turned so that larger is better. `families` and `units` are by benchmark, and so are the
    `widths` of the range of the metric, where it is known.
    """

    better: str
    than: str
    pairs: Pairs
    families: Mapping[str, str]
    units: Mapping[str, str]
    widths: Mapping[str, float] = {}

    @property
    def name(self) -> str:
        """What the difference is of, in words."""
        return f"{self.better} against {self.than}"

    def kinds(self) -> list[str]:
        """Return the different units, sorted."""
        return sorted(set(self.units.values()))

    def apart(self) -> dict[str, Contrast]:
        """Return the contrast on each benchmark by itself."""
        return {
            benchmark: msgspec.structs.replace(
                self, pairs={benchmark: pair}, units={benchmark: self.units[benchmark]}
            )
            for benchmark, pair in self.pairs.items()
        }

    def interval(self, claim: ClaimSpec, confidence: float) -> Interval:
        """Return the mean difference over the benchmarks, with the interval that the claim asks for."""
        if claim.scope == TASKS:
            return family_interval(self._family_differences(), confidence)
        if claim.rule == ALWAYS_VALID:
            return always_valid_interval(self._replicate_differences(), confidence, self._bounds())
        # The variances of all cells are summed.
        return combine(list(self.pairs.values()), varied=SEARCH_SEEDS, confidence=confidence)

    def exchange_p(self, claim: ClaimSpec, bound: float, level: float) -> float | None:
        """Return the p of a mean difference of `bound`, by exchanging runs of the methods on each benchmark.

        `level` is what it is held against. None where the claim is decided otherwise: about tasks by signs of
        their differences, and at any number of looks by a sequence.
        """
        if claim.scope == TASKS or claim.rule == ALWAYS_VALID:
            return None
        shifted = {benchmark: (better - bound, than) for benchmark, (better, than) in self.pairs.items()}
        return stratified_exchange_p(shifted, Stream(0, ("claims", "exchange")), level)

    def _family_differences(self) -> dict[str, float]:
        groups: dict[str, list[float]] = {}
        for benchmark, (better, than) in self.pairs.items():
            difference = float(np.mean(np.sort(better)) - np.mean(np.sort(than)))
            groups.setdefault(self.families[benchmark], []).append(difference)
        return {family: float(np.mean(np.sort(found))) for family, found in groups.items()}

    def _bounds(self) -> tuple[float, float] | None:
        """Return the range of the mean over the benchmarks of a difference, where that of each is known."""
        if not set(self.pairs) <= set(self.widths):
            return None
        width = math.fsum(self.widths[benchmark] for benchmark in self.pairs) / len(self.pairs)
        return -width, width

    def _replicate_differences(self) -> np.ndarray:
        """Return for each replicate the mean over the benchmarks of the differences.

        Streams of replicates are independent, so that replicate i of one method may stand beside
        replicate i of the other without being paired with it.
        """
        size = min(len(sample) for pair in self.pairs.values() for sample in pair)
        rows = [better[:size] - than[:size] for better, than in self.pairs.values()]
        return np.asarray(np.sort(np.array(rows), axis=0).mean(axis=0))


def contrast(
    better: str, than: str, claim: ClaimSpec, cells: Cells, facts: Mapping[str, BenchmarkFacts]
) -> Contrast:
    """Return the contrast of two methods on the benchmarks of a claim."""
    return Contrast(
        better=better,
        than=than,
        pairs={b: _pair((better, than), claim, cells, facts[b]) for b in claim.benchmarks},
        families={b: facts[b].family for b in claim.benchmarks},
        units={b: unit_of(facts[b], claim.metric) for b in claim.benchmarks},
        widths={
            b: known[1] - known[0] for b in claim.benchmarks if (known := range_of(facts[b], claim.metric))
        },
    )


def _pair(
    methods: Sequence[str], claim: ClaimSpec, cells: Cells, facts: BenchmarkFacts
) -> tuple[np.ndarray, np.ndarray]:
    sign = sign_of(facts, claim.metric)
    better, than = (cells[facts.name, method].sample(claim.metric).values for method in methods)
    return sign * better, sign * than
