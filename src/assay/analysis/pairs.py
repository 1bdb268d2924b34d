"""All pairs of methods on each task, with the standing of one against the other after Holm's correction."""

from __future__ import annotations

import itertools
import math
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

    `adjusted` is Holm's p over all `pairs` of methods that lost no run on the task. Where only one of
    the two lost runs it is 'worse', for what is missing may be the worst and must not help it, and the
    other is 'not tested' against it; where both did, each is. `difference` is then None.
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


def task_pairs(scores: Scores, *, rng: Stream, alpha: float = 0.05) -> tuple[TaskPair, ...]:
    """Return all pairs of methods on each task, by Welch's test or, where runs are paired, by sign flips.

    Holm's correction is over all pairs of methods of a task, not over tasks. Tasks in their order, pairs
    in the order of the names: no result depends on the order of methods, tasks or replicates. Where a
    method alone lost runs it is `a`, and 'worse'.
    """
    found: list[TaskPair] = []
    for t in range(len(scores.tasks)):
        found += _on_task(scores, t, rng, alpha)
    return tuple(found)


def _on_task(scores: Scores, task: int, rng: Stream, alpha: float) -> list[TaskPair]:
    order = sorted(range(len(scores.methods)), key=scores.methods.__getitem__)
    whole = {m for m in order if len(scores.sample(task, m)) and not scores.lost(task, m)}
    places = [(a, b) for a, b in itertools.combinations(order, 2) if a in whole and b in whole]
    made = _differences(scores, task, places, rng, alpha)
    tested = [one.p for one in made if one is not None and one.p is not None]
    # Pairs that have no test stand as never rejected: no less strict than Holm's procedure over all.
    corrected = iter(holm([*tested, *[1.0] * (len(places) - len(tested))]).tolist())
    found = []
    for (a, b), difference in zip(places, made, strict=True):
        p = next(corrected) if difference is not None and difference.p is not None else None
        standing = _standing(difference, p, len(places), alpha)
        found.append(_pair(scores, task, (a, b), len(places), difference, p, standing))
    for a, b in itertools.combinations(order, 2):
        if a in whole and b in whole:
            continue
        # A method without any run has lost none that is known, and is only not tested.
        loser = [m for m in (a, b) if scores.lost(task, m)]
        winner = [m for m in (a, b) if m in whole]
        one_sided = bool(loser and winner)
        names = (loser[0], winner[0]) if one_sided else (a, b)
        found.append(
            _pair(scores, task, names, len(places), None, None, "worse" if one_sided else "not tested")
        )
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
    scores: Scores, task: int, places: list[tuple[int, int]], rng: Stream, alpha: float
) -> list[Difference | None]:
    samples = [_samples(scores, task, *place) for place in places]
    kept = [i for i, (a, b) in enumerate(samples) if len(a) and len(b)]
    names = [(scores.methods[places[i][0]], scores.methods[places[i][1]]) for i in kept]
    stream, confidence = rng.child(scores.tasks[task]), 1.0 - alpha
    listed = [samples[i] for i in kept]
    if scores.paired_by is None:
        made = unpaired_differences(
            listed, rng=stream, varied=scores.varied, confidence=confidence, names=names
        )
    else:
        made = paired_differences(
            listed,
            source=scores.paired_by,
            rng=stream,
            varied=scores.varied,
            confidence=confidence,
            names=names,
        )
    found = dict(zip(kept, made, strict=True))
    return [found.get(i) for i in range(len(places))]


def _samples(scores: Scores, task: int, a: int, b: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the scores of two methods, larger being better; those of shared replicates where paired."""
    sign = scores.sign(task)
    if scores.paired_by is None:
        return sign * scores.sample(task, a), sign * scores.sample(task, b)
    both = (scores.status[task, a] == OK) & (scores.status[task, b] == OK)
    return sign * scores.values[task, a][both], sign * scores.values[task, b][both]


def _standing(difference: Difference | None, adjusted: float | None, pairs: int, alpha: float) -> Standing:
    if difference is None:
        return "not tested"
    if adjusted is None:
        return "cannot be decided"
    if adjusted < alpha and difference.mean:
        return "better" if difference.mean > 0.0 else "worse"
    least = difference.least_p if difference.p_method != "Welch" else None
    never = least is not None and not math.isnan(least) and least * pairs >= alpha
    return "cannot be decided" if never else "not distinguished"
