"""What effect a study could have seen: the smallest difference that its runs show with a wanted power.

"Not distinguished" is not "equal": it says as much as the smallest difference that would have been
told. That difference is a matter of n and of spread alone; the one that was seen takes no part (power
that is computed from a seen difference only repeats its p-value: Hoenig and Heisey, The American
Statistician 2001).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec
import numpy as np

from assay.foundation.errors import UnknownNameError
from assay.statistics.power import detectable_effect
from assay.statistics.scores import Scores
from assay.studies.study import AnyClaim, RankingClaim, Study

POWER, ALPHA = 0.8, 0.05


class ClaimedPair(msgspec.Struct, frozen=True, kw_only=True):
    """Two methods that a claim holds against each other; `on` is empty for every task."""

    claim: str
    a: str
    b: str
    on: tuple[str, ...] = ()


class DetectableRow(msgspec.Struct, frozen=True, kw_only=True):
    """The smallest difference of two methods that n runs of each could have shown.

    `benchmark` is empty for the mean over the benchmarks of the claim. `level` is the two-sided level,
    after the strictest step of Holm's correction over the claims. `effect` is in `unit`, None where a
    method has too few results for any; `why` then says so.
    """

    claim: str
    a: str
    b: str
    benchmark: str
    unit: str
    n: int
    sd_a: float | None
    sd_b: float | None
    power: float
    level: float
    effect: float | None
    why: str = ""

    def sentence(self) -> str:
        """Return the row in words."""
        where = self.benchmark or "the mean over its benchmarks"
        if self.effect is None:
            return f"{self.a} and {self.b} on {where}: {self.why}"
        unit = f" {self.unit}" if self.unit else ""
        return (
            f"{self.a} and {self.b} on {where}: {self.n:,} runs of each show a difference of "
            f"{self.effect:.2g}{unit} with a power of {100 * self.power:g} %"
        )


def claimed_pairs(study: Study) -> tuple[ClaimedPair, ...]:
    """Return the pairs of methods that the claims of a study compare, in the order of the claims."""
    return tuple(
        ClaimedPair(claim=f"claim-{i}", a=a, b=b, on=claim.on)
        for i, claim in enumerate(study.claims, start=1)
        for a, b in _pairs(claim)
    )


def _pairs(claim: AnyClaim) -> list[tuple[str, str]]:
    first, *others = claim.named()
    if isinstance(claim, RankingClaim):  # each against the next
        return list(zip((first, *others), others, strict=False))
    return [(first, other) for other in others]


def detectable_rows(
    scores: Scores, pairs: Sequence[ClaimedPair], *, power: float = POWER, alpha: float = ALPHA
) -> tuple[DetectableRow, ...]:
    """Return the smallest effect that each claim could have seen, on each of its benchmarks and over them.

    The level of each is `alpha` over the number of claims. Over several benchmarks of one unit a claim
    is about the mean of the differences, whose variance is the sum of theirs over their squared number;
    where units differ or are not declared there is no such mean, and no such row. Raises
    `UnknownNameError` for a method that `scores` does not have.
    """
    level = alpha / max(len({pair.claim for pair in pairs}), 1)
    rows: list[DetectableRow] = []
    for pair in pairs:
        for name in (pair.a, pair.b):
            if name not in scores.methods:
                raise UnknownNameError("method", name, scores.methods, where=pair.claim)
        tasks = [task for task in scores.tasks if not pair.on or task in pair.on]
        own = [_row(scores, pair, task, power, level) for task in tasks]
        rows += own
        if has_mean([row.unit for row in own]):
            rows.append(_over(own))
    return tuple(rows)


def _row(scores: Scores, pair: ClaimedPair, task: str, power: float, level: float) -> DetectableRow:
    t = scores.tasks.index(task)
    a, b = (scores.sample(t, scores.methods.index(name)) for name in (pair.a, pair.b))
    n = min(len(a), len(b))
    row = DetectableRow(
        claim=pair.claim,
        a=pair.a,
        b=pair.b,
        benchmark=task,
        unit=scores.units[t],
        n=n,
        sd_a=spread(a),
        sd_b=spread(b),
        power=power,
        level=level,
        effect=None,
        why="" if n > 1 else "a spread needs two results of each method",
    )
    return _with_effect(row)


def _over(rows: Sequence[DetectableRow]) -> DetectableRow:
    """Return the row of the mean over benchmarks, from those of each."""
    first, n = rows[0], min(row.n for row in rows)
    over = msgspec.structs.replace(first, benchmark="", n=n, sd_a=None, sd_b=None, effect=None)
    sds = [mean_spread([getattr(row, side) for row in rows]) for side in ("sd_a", "sd_b")]
    if sds[0] is None or sds[1] is None:
        return msgspec.structs.replace(over, why="on a benchmark a method has fewer than two results")
    return _with_effect(msgspec.structs.replace(over, sd_a=sds[0], sd_b=sds[1]), tasks=len(rows))


def _with_effect(row: DetectableRow, tasks: int = 1) -> DetectableRow:
    """Return a row with the effect that its runs show, or why there is none."""
    if row.sd_a is None or row.sd_b is None:
        return row
    effect = detectable_effect(row.sd_a, row.sd_b, row.n, row.power, alpha=row.level, tasks=tasks)
    if math.isinf(effect):
        return msgspec.structs.replace(
            row, why=f"{row.n} runs of each show no difference at {100 * row.level:.2g} %, however large"
        )
    return msgspec.structs.replace(row, effect=effect)


def spread(sample: np.ndarray) -> float | None:
    """Return the standard deviation of a sample (n - 1), whatever its order; None below two values."""
    if len(sample) < 2:
        return None
    ordered = np.sort(sample)
    mean = math.fsum(ordered.tolist()) / len(ordered)
    return math.sqrt(math.fsum(((ordered - mean) ** 2).tolist()) / (len(ordered) - 1))


def has_mean(units: Sequence[str]) -> bool:
    """Say whether several tasks have a mean: one unit, and a declared one."""
    return len(units) > 1 and len(set(units)) == 1 and bool(units[0])


def mean_spread(sds: Sequence[float | None]) -> float | None:
    """Return the standard deviation of the mean of independent values, one of each spread."""
    known = [sd for sd in sds if sd is not None]
    if len(known) < len(sds) or not sds:
        return None
    return math.sqrt(math.fsum(sd**2 for sd in known)) / len(sds)
