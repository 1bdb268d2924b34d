"""Whether a conclusion about a method would be another one on fewer families of tasks."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import msgspec
import numpy as np

from assay.statistics.families import family_means, family_ranks
from assay.statistics.ranks import levelled
from assay.statistics.scores import Scores
from assay.statistics.stability import positions

EXACT_FAMILIES = 15
# Sums of fractions: what differs by less than this share of the largest part is equal.
_EQUAL = 1e-9
MEAN_DIFFERENCE, FAMILIES_WON = "mean difference", "families won"


class SubsetPositions(msgspec.Struct, frozen=True, kw_only=True):
    """The position of a method by average rank in every subset of the families, 1 the best, ties shared.

    `same` counts the subsets in which it has the position of the full set; `fewest` are the fewest
    families whose leaving out gives it another, empty where none does. Where `exact` is False, only
    subsets that leave out one or two families, and those of one or two, were looked at.
    """

    subsets: int
    exact: bool
    same: int
    best: float
    worst: float
    fewest: tuple[str, ...]


class RivalConclusion(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a method stays ahead of, or behind, a rival in every subset of the families.

    `measure` is 'mean difference' (of family means, in the one `unit` of all tasks) or 'families won' (the
    mean over families of the share of tasks won minus the share lost, which no other method changes).
    `value` is that of all families, positive in favour of the method; `same`, `turned` and `tied` count
    subsets by its sign there; `fewest` are the fewest families whose leaving out turns the sign round.
    """

    rival: str
    measure: str
    unit: str
    value: float
    same: int
    turned: int
    tied: int
    fewest: tuple[str, ...]


class LeftOutFamily(msgspec.Struct, frozen=True, kw_only=True):
    """The position of a method without one family, and the rivals against which its sign changes."""

    family: str
    position: float
    changed: tuple[str, ...]


def subset_masks(families: int) -> tuple[np.ndarray, bool]:
    """Return the proper, non-empty subsets of families as booleans (subsets, families), and if all are there.

    All of up to 15 families; of more, those that leave out or keep one or two.
    """
    if families <= EXACT_FAMILIES:
        numbers = np.arange(1, 2**families - 1)
        return (numbers[:, None] >> np.arange(families) & 1).astype(bool), True
    small = [c for size in (1, 2) for c in itertools.combinations(range(families), size)]
    masks = np.zeros((len(small), families), dtype=bool)
    for row, members in zip(masks, small, strict=True):
        row[list(members)] = True
    return np.concatenate([masks, ~masks]), False


def position_in_subsets(scores: Scores, method: int) -> tuple[float, SubsetPositions]:
    """Return the position of a method over all families, and what becomes of it in subsets of them."""
    names, ranks = _ordered(*family_ranks(scores))
    masks, exact = subset_masks(len(names))
    full = float(positions(_means(np.ones((1, len(names)), dtype=bool), ranks))[0, method])
    found = positions(_means(masks, ranks))[:, method] if len(masks) else np.array([])
    changed = found != full
    return full, SubsetPositions(
        subsets=len(masks),
        exact=exact,
        same=int((~changed).sum()),
        best=float(found.min(initial=full)),
        worst=float(found.max(initial=full)),
        fewest=_fewest(masks, changed, names),
    )


def rivals_in_subsets(scores: Scores, method: int) -> tuple[RivalConclusion, ...]:
    """Return what becomes of the sign against each rival in subsets of the families, in order of the methods.

    By the mean difference where all tasks have one declared unit and neither method lost a run, else by
    the families won.
    """
    names, won = _ordered(*_won(scores, method))
    means = _comparable(scores)
    masks, _ = subset_masks(len(names))
    found = []
    for rival, name in enumerate(scores.methods):
        if rival == method:
            continue
        values, measure = won[:, rival], FAMILIES_WON
        if means is not None:
            difference = means[:, method] - means[:, rival]
            if not np.isnan(difference).any():
                values, measure = difference, MEAN_DIFFERENCE
        found.append(_rival(name, measure, scores.units[0], values, masks, names))
    return tuple(found)


def leave_one_family_out(
    scores: Scores, method: int, rivals: Sequence[RivalConclusion]
) -> tuple[LeftOutFamily, ...]:
    """Return the position without each family, and the rivals of which the sign is another without it."""
    groups = scores.by_family()
    if len(groups) < 2:
        return ()
    found = []
    for left in sorted(groups):
        part = scores.only(
            tasks=[task for task, family in zip(scores.tasks, scores.families, strict=True) if family != left]
        )
        position = float(positions(family_ranks(part)[1].mean(axis=0)[None])[0, method])
        without = _signs_of(part, method, rivals)
        changed = tuple(
            one.rival for one, sign in zip(rivals, without, strict=True) if sign != np.sign(one.value)
        )
        found.append(LeftOutFamily(family=left, position=position, changed=changed))
    return tuple(found)


def _signs_of(part: Scores, method: int, rivals: Sequence[RivalConclusion]) -> list[float]:
    """Return the sign against each rival, by the measure that it has on the full set."""
    won = _ordered(*_won(part, method))[1]
    means = _comparable(part)
    signs = []
    for one in rivals:
        rival = part.methods.index(one.rival)
        by_mean = one.measure == MEAN_DIFFERENCE and means is not None
        values = means[:, method] - means[:, rival] if by_mean and means is not None else won[:, rival]
        signs.append(float(_sign(np.array([math.fsum(values)]), values)[0]))
    return signs


def _rival(
    name: str, measure: str, unit: str, values: np.ndarray, masks: np.ndarray, families: tuple[str, ...]
) -> RivalConclusion:
    value = math.fsum(values) / len(values)
    full = float(_sign(np.array([value]), values)[0])
    signs = _sign(_means(masks, values[:, None])[:, 0], values)
    turned = signs * full < 0.0 if full else signs != 0.0
    return RivalConclusion(
        rival=name,
        measure=measure,
        unit=unit if measure == MEAN_DIFFERENCE else "",
        value=value if full else 0.0,
        same=int((signs == full).sum()),
        turned=int(turned.sum()),
        tied=int((signs == 0.0).sum()) if full else 0,
        fewest=_fewest(masks, turned, families),
    )


def _sign(values: np.ndarray, parts: np.ndarray) -> np.ndarray:
    tolerance = _EQUAL * float(np.abs(parts).max(initial=0.0))
    return np.where(np.abs(values) <= tolerance, 0.0, np.sign(values))


def _means(masks: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return the mean over the families of each subset: (subsets, methods); one addition after the other."""
    total = np.zeros((len(masks), values.shape[1]))
    for f, row in enumerate(values):
        total += masks[:, f, None] * row
    return np.asarray(total / masks.sum(axis=1, keepdims=True))


def _fewest(masks: np.ndarray, changed: np.ndarray, families: tuple[str, ...]) -> tuple[str, ...]:
    """Return the fewest families whose leaving out makes the change, the first by name among equals."""
    if not changed.any():
        return ()
    rows = masks[changed]
    left = (~rows).sum(axis=1)
    named = [
        tuple(families[f] for f in np.flatnonzero(~row)) for row in rows[left == left.min()]
    ]  # families are sorted, so that tuples compare by name
    return min(named)


def _comparable(scores: Scores) -> np.ndarray | None:
    """Return the means of families in the order of their names, where all tasks have one declared unit."""
    if not scores.units[0] or len(set(scores.units)) > 1:
        return None
    return _ordered(*family_means(scores))[1]


def _won(scores: Scores, method: int) -> tuple[tuple[str, ...], np.ndarray]:
    """Return the share of a family's tasks won minus that lost against each: (families, methods).

    A task on which a method alone lost runs is lost; one on which both did is tied.
    """
    means = levelled(scores.means())
    low = np.where(np.isnan(means), -np.inf, means)
    mine = low[:, [method]]
    outcomes = (mine > low).astype(float) - (mine < low)
    groups = scores.by_family()
    rows = [outcomes[list(tasks)].sum(axis=0) / len(tasks) for tasks in groups.values()]
    return tuple(groups), np.array(rows)


def _ordered(names: tuple[str, ...], rows: np.ndarray) -> tuple[tuple[str, ...], np.ndarray]:
    order = sorted(range(len(names)), key=names.__getitem__)
    return tuple(names[i] for i in order), rows[order]
