"""All pairs of methods on each task, with the standing of one against the other after Holm's correction."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Literal

import msgspec
import numpy as np

from assay.foundation.seeding import Stream
from assay.statistics.differences import Difference, paired_differences, unpaired_differences
from assay.statistics.multiplicity import holm
from assay.statistics.scores import OK, Scores

Standing = Literal["better", "worse", "not distinguished", "cannot be decided", "not tested"]
_TURNED: dict[Standing, Standing] = {"better": "worse", "worse": "better"}


class TaskPair(msgspec.Struct, frozen=True, kw_only=True):
    """Two methods on one task: `a` minus `b`, larger being better, and the standing of `a`.

    `adjusted` is Holm's p over all `pairs` of methods that were run on the task, those that lost runs
    among them: no failure of a third makes two others easier to tell apart. Where only one of the two
    lost runs it is 'worse', for what is missing may be the worst and must not help it, and the other is
    'not tested' against it; where both did, each is. `difference` is then None.
    """

    task: str
    family: str
    a: str
    b: str
    difference: Difference | None
    adjusted: float | None
    pairs: int
    standing: Standing

    def seen_from(self, method: str) -> tuple[str, Standing, float | None]:
        """Return the other method, how `method` stands against it, and the mean difference in its favour."""
        mean = None if self.difference is None else self.difference.mean
        if method == self.a:
            return self.b, self.standing, mean
        # Only a lost run is worse without a difference: the other has won nothing by it.
        lost = self.difference is None
        turned: Standing = "not tested" if lost else _TURNED.get(self.standing, self.standing)
        return self.a, turned, None if mean is None else 0.0 - mean


def task_pairs(
    scores: Scores, *, rng: Stream, alpha: float = 0.05, orders: Sequence[Sequence[int]] | None = None
) -> tuple[TaskPair, ...]:
    """Return all pairs of methods on each task, by `unpaired_difference` or, of paired runs, by sign flips.

    This is the one decision within a task: everything that compares methods takes it from here. Holm's
    correction is over all pairs of methods of a task, not over tasks. Tasks in their order, pairs in that
    of `orders` (places of methods, one list a task), of the names if None; which of the two is `a` mirrors
    a pair and changes no p. Draws hang on the root of `rng` alone, so that a pair has one p wherever it
    stands; no result depends on the order of methods, tasks or replicates. Where a method alone lost runs
    it is `a`, and 'worse'.
    """
    by_name = sorted(range(len(scores.methods)), key=scores.methods.__getitem__)
    listed = [by_name for _ in scores.tasks] if orders is None else orders
    places = [
        (t, a, b)
        for t, order in enumerate(listed)
        for a, b in itertools.combinations([m for m in order if whole(scores, t, m)], 2)
    ]
    made = _differences(scores, places, pairs_stream(rng), alpha)
    found: list[dict[tuple[int, int], Difference | None]] = [{} for _ in listed]
    for (t, a, b), difference in zip(places, made, strict=True):
        found[t][a, b] = difference
    pairs: list[TaskPair] = []
    for t, order in enumerate(listed):
        pairs += _on_task(scores, t, order, found[t], alpha)
    return tuple(pairs)


def pairs_stream(rng: Stream) -> Stream:
    """Return the stream that pairs of one root draw from."""
    return Stream(rng.root, ("pairs",))


def test_text(paired_by: str | None) -> str:
    """Return what decides a pair, in words."""
    if paired_by:
        return f"sign-flip test of pairs that share {paired_by}"
    return "the larger p of Welch's and a permutation test"


def whole(scores: Scores, task: int, method: int) -> bool:
    """Tell whether a method has scores on a task, and lost no run there."""
    return bool(len(scores.sample(task, method))) and not scores.lost(task, method)


def samples_of(scores: Scores, task: int, a: int, b: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the scores of two methods, larger being better; those of shared replicates where paired."""
    sign = scores.sign(task)
    if scores.paired_by is None:
        return sign * scores.sample(task, a), sign * scores.sample(task, b)
    both = (scores.status[task, a] == OK) & (scores.status[task, b] == OK)
    return sign * scores.values[task, a][both], sign * scores.values[task, b][both]


def _on_task(
    scores: Scores,
    task: int,
    order: Sequence[int],
    differences: dict[tuple[int, int], Difference | None],
    alpha: float,
) -> list[TaskPair]:
    run = int(scores.made()[task].any(axis=1).sum())
    count = run * (run - 1) // 2
    tested = [one.p for one in differences.values() if one is not None and one.p is not None]
    # Pairs that have no test stand as never rejected: no less strict than Holm's procedure over all.
    corrected = iter(holm([*tested, *[1.0] * (count - len(tested))]).tolist())
    found = []
    for names, difference in differences.items():
        p = next(corrected) if difference is not None and difference.p is not None else None
        found.append(_pair(scores, task, names, count, difference, p, _standing(difference, p, count, alpha)))
    for a, b in itertools.combinations(order, 2):
        if (a, b) in differences:
            continue
        # A method without any run has lost none that is known, and is only not tested.
        loser = [m for m in (a, b) if scores.lost(task, m)]
        winner = [m for m in (a, b) if whole(scores, task, m)]
        one_sided = bool(loser and winner)
        names = (loser[0], winner[0]) if one_sided else (a, b)
        found.append(_pair(scores, task, names, count, None, None, "worse" if one_sided else "not tested"))
    return found


def _pair(
    scores: Scores,
    task: int,
    names: tuple[int, int],
    pairs: int,
    difference: Difference | None,
    adjusted: float | None,
    standing: Standing,
) -> TaskPair:
    return TaskPair(
        task=scores.tasks[task],
        family=scores.families[task],
        a=scores.methods[names[0]],
        b=scores.methods[names[1]],
        difference=difference,
        adjusted=adjusted,
        pairs=pairs,
        standing=standing,
    )


def _differences(
    scores: Scores, places: Sequence[tuple[int, int, int]], rng: Stream, alpha: float
) -> list[Difference | None]:
    """Return a minus b for each (task, a, b), from shared draws; None where no replicate is shared."""
    samples = [samples_of(scores, *place) for place in places]
    kept = [i for i, (a, b) in enumerate(samples) if len(a) and len(b)]
    names = [(scores.methods[places[i][1]], scores.methods[places[i][2]]) for i in kept]
    listed = [samples[i] for i in kept]
    k = len(scores.methods)
    confidence, level = 1.0 - alpha, alpha / max(1, k * (k - 1) // 2)
    if scores.paired_by is None:
        made = unpaired_differences(
            listed, rng=rng, varied=scores.varied, confidence=confidence, level=level, names=names
        )
    else:
        made = paired_differences(
            listed,
            source=scores.paired_by,
            rng=rng,
            varied=scores.varied,
            confidence=confidence,
            level=level,
            names=names,
        )
    found = dict(zip(kept, made, strict=True))
    return [found.get(i) for i in range(len(places))]


def _standing(difference: Difference | None, adjusted: float | None, pairs: int, alpha: float) -> Standing:
    """Return where `a` of a difference stands; so few runs may be unable to decide."""
    if difference is None:
        return "not tested"
    if adjusted is None:
        return "cannot be decided"
    if adjusted < alpha and difference.mean:
        return "better" if difference.mean > 0.0 else "worse"
    return "cannot be decided" if difference.least_p * pairs >= alpha else "not distinguished"
