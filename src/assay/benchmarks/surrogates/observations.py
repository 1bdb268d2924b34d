"""What a surrogate is fitted on: architectures with their numbers, from a table or from anything else."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from assay.benchmarks.tabular import TableBenchmark
from assay.contracts.evaluation import Fidelity
from assay.contracts.space import SearchSpace
from assay.foundation.errors import UsageError
from assay.foundation.seeding import Stream


class Observations(NamedTuple):
    """Architectures of one space, each once, with what was measured of them.

    `trainings` (architectures, trainings) holds the value of each training apart, NaN where there is none;
    it has one column where trainings are not told apart. `values` are the means of what is there. `costs`
    is None where nothing is charged. `classes` numbers the classes of architectures that compute the same
    function (`canonical_form` of the space), each its own where the space names none.
    """

    space: SearchSpace[Any]
    archs: tuple[Hashable, ...]
    trainings: np.ndarray
    values: np.ndarray
    costs: np.ndarray | None
    classes: np.ndarray
    canonical_form: str | None

    def take(self, rows: np.ndarray) -> Observations:
        """Return the observations of some rows, given by their numbers."""
        return self._replace(
            archs=tuple(self.archs[i] for i in rows.tolist()),
            trainings=self.trainings[rows],
            values=self.values[rows],
            costs=None if self.costs is None else self.costs[rows],
            classes=self.classes[rows],
        )


def of_table(benchmark: TableBenchmark, signal: str, fidelity: Fidelity | None = None) -> Observations:
    """Return all that a table holds of a signal at a fidelity; architectures without a value are left out.

    Trainings are told apart where the card has a policy for each seed.
    """
    each = [f"seed={seed}" for seed in benchmark.card.seeds.seeds]
    apart = [policy for policy in each if policy in benchmark.card.seeds.policies]
    columns = [benchmark.column(signal, policy, fidelity) for policy in apart or [benchmark.default_policy]]
    trainings = np.stack(columns, axis=1)
    rows = np.flatnonzero(~np.all(np.isnan(trainings), axis=1))
    archs = [benchmark.space.at(i) for i in rows.tolist()]
    costs = benchmark.costs_at(fidelity)[rows] if benchmark.charges_seconds else None
    if costs is not None and not np.all(np.isfinite(costs)):
        costs = None
    return _observations(benchmark.space, archs, trainings[rows], costs)


def of_values(space: SearchSpace[Any], pairs: Iterable[tuple[Hashable, float]]) -> Observations:
    """Return observations of (architecture, value) pairs, such as the evaluations in records.

    Different values of one architecture are trainings of it; an equal value, and one that is not finite,
    tells nothing new. Raises `UsageError` for what is not in the space, and where no value is left.
    """
    found: dict[Hashable, dict[float, None]] = {}
    for arch, value in pairs:
        if not space.contains(arch):
            raise UsageError(f"{arch!r} is not an architecture of {space.name}")
        if np.isfinite(value):
            found.setdefault(arch, {})[float(value)] = None
    if not found:
        raise UsageError("there is nothing to fit a surrogate on", why="no architecture has a finite value")
    trainings = np.full((len(found), max(map(len, found.values()))), np.nan)
    for row, values in zip(trainings, found.values(), strict=True):
        row[: len(values)] = list(values)
    return _observations(space, list(found), trainings, None)


def _observations(
    space: SearchSpace[Any], archs: Sequence[Hashable], trainings: np.ndarray, costs: np.ndarray | None
) -> Observations:
    total, count = np.zeros(len(archs)), np.zeros(len(archs))
    for k in range(trainings.shape[1]):
        there = ~np.isnan(trainings[:, k])
        total, count = total + np.where(there, trainings[:, k], 0.0), count + there
    unique_string = getattr(space, "unique_string", None)
    if unique_string is None:
        classes, form = np.arange(len(archs)), None
    else:
        numbers: dict[str, int] = {}
        classes = np.array([numbers.setdefault(unique_string(arch), len(numbers)) for arch in archs])
        form = str(getattr(space, "canonical_form", "unique_string"))
    return Observations(space, tuple(archs), trainings, total / count, costs, classes, form)


class Split(NamedTuple):
    """Numbers of the rows that a surrogate is fitted on, and of those held out; both rise."""

    train: np.ndarray
    test: np.ndarray


def split_by(classes: np.ndarray, share: float, rng: Stream) -> Split:
    """Hold out about `share` of the rows: whole classes, in random order, until enough are held out."""
    order = list(range(int(classes.max()) + 1))
    rng.shuffle(order)
    sizes = np.bincount(classes, minlength=len(order))
    before = np.cumsum(sizes[order]) - sizes[order]
    is_held = np.zeros(len(order), dtype=bool)
    is_held[np.array(order)[before < share * len(classes)]] = True
    held = is_held[classes]
    return Split(np.flatnonzero(~held), np.flatnonzero(held))


def without_method(
    archs: Sequence[Hashable], visits: Mapping[str, Iterable[Hashable]], method: str
) -> Split | None:
    """Hold out what one method visited; fitted is on what others visited and it did not.

    None where either side is empty.
    """
    place = {arch: i for i, arch in enumerate(archs)}
    rows = {name: {place[arch] for arch in seen if arch in place} for name, seen in visits.items()}
    held = rows.pop(method)
    others = set().union(*rows.values()) - held
    if not held or not others:
        return None
    return Split(np.array(sorted(others)), np.array(sorted(held)))
