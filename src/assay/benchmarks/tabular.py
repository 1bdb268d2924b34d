"""Tabular benchmarks: published numbers, looked up in batches or one architecture at a time.

A missing value is stated, never invented: it comes out as NaN with status MISSING, or as a
`Failure`. A table holds no test column and knows no path to one.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Hashable, Sequence
from typing import Any, NamedTuple

import numpy as np
from msgspec import structs

from assay.contracts.card import ProtocolCard
from assay.contracts.evaluation import Evaluation, Failure, Fidelity, Outcome, Status
from assay.contracts.problem import Signal
from assay.contracts.space import Enumerable
from assay.foundation.dense import DenseFile
from assay.foundation.errors import CorruptError, UnavailableError, UnknownNameError, UsageError

SECONDS = "seconds"


class Columns(NamedTuple):
    """What a batch of lookups gives, as arrays over the batch.

    `values` (float64, in the card's unit, NaN where the status is not OK), `scores` (values turned
    so that larger is better), `costs` (float64, what the card charges), `statuses` (uint8, `Status`).
    """

    values: np.ndarray
    scores: np.ndarray
    costs: np.ndarray
    statuses: np.ndarray


class TableBenchmark:
    """A benchmark whose evaluations are read from a table.

    Immutable but for caches, and safe to share between threads. `signals` maps each signal of the
    card to its column. A column has the axes 'architecture', then 'fidelity' where the card has several,
    then 'seed' where the seeds are not aggregated, in the card's orders. Wherever a fidelity may be
    given, None is `default_fidelity`: the first of the card, or what `at` was given.
    """

    def __init__(
        self,
        name: str,
        card: ProtocolCard,
        space: Enumerable[Any],
        table: DenseFile,
        signals: dict[str, str],
    ) -> None:
        self.name = name
        self.card = card
        self.space = space
        self.default_fidelity = card.fidelities[0]
        self.card_digest = card.meaning()
        self.table_digest = table.arrays_digest
        self.charges_seconds = card.cost is not None and card.cost.unit == SECONDS
        self._table = table
        self._columns = {s.name: _open_column(table, signals, s, space.size) for s in card.signals}
        self._costs: dict[Fidelity, np.ndarray] = {}
        self._whole: dict[_Key, Columns] = {}
        self._answers: dict[tuple[_Key, Fidelity | None], _Answers] = {}

    def at(self, fidelity: Fidelity | str | None) -> TableBenchmark:
        """Return the same benchmark with another default fidelity; what was looked up is shared."""
        view = copy.copy(self)
        view.default_fidelity = self.fidelity(fidelity)
        return view

    @property
    def default_policy(self) -> str:
        """The seed policy that the card names first."""
        return self.card.seeds.policies[0]

    def signal(self, name: str) -> Signal:
        """Return a signal of the card; an unknown name raises `UnknownNameError`."""
        for signal in self.card.signals:
            if signal.name == name:
                return signal
        raise UnknownNameError("signal", name, [s.name for s in self.card.signals], where=self.name)

    @property
    def costs(self) -> np.ndarray:
        """What each evaluation at the default fidelity is charged: seconds, or 1 an evaluation."""
        return self.costs_at(None)

    def costs_at(self, fidelity: Fidelity | None, continues: Fidelity | None = None) -> np.ndarray:
        """Return what each evaluation is charged, over the whole space: seconds, or 1 an evaluation.

        `continues` is a fidelity that was paid for before; raises `UnavailableError` where the card
        does not let this one continue it, `CorruptError` where what is added costs less than nothing.
        """
        place = self.fidelity(fidelity)
        if continues is not None:
            self._check_continuation(place, continues)
            charged: np.ndarray = self.costs_at(place) - self.costs_at(continues)
            if (charged < 0).any():
                raise CorruptError(
                    f"a training to {place.text()} costs less than to {continues.text()}",
                    where=str(self._table.path),
                    why=self.space.format(self.space.at(int(np.argmax(charged < 0)))),
                )
            return charged
        if place not in self._costs:
            self._costs.update(self._open_costs(place))
        return self._costs[place]

    def fidelity(self, fidelity: Fidelity | str | None) -> Fidelity:
        """Return a fidelity of the card, given as such or as its text; raises `UnknownNameError`."""
        known = self.card.fidelities
        if fidelity is None:
            return self.default_fidelity
        text = fidelity if isinstance(fidelity, str) else fidelity.text()
        for one in known:
            if one.text() == text:
                return one
        raise UnknownNameError("fidelity", text, [one.text() for one in known], where=self.name)

    def column(self, signal: str, policy: str | None = None, fidelity: Fidelity | None = None) -> np.ndarray:
        """Return a signal over the whole space: float64, read-only, NaN where it is missing."""
        return self._all(signal, policy, fidelity).values

    def extra_column(self, name: str) -> np.ndarray:
        """Return an open column that is no signal, such as 'latency', as it is stored."""
        if name not in self.card.extras:
            raise UnknownNameError("column", name, self.card.extras, where=self.name)
        if name not in self._table.arrays:  # the card names it since the table was imported
            raise UnavailableError(
                f"the table has no column '{name}'", where=str(self._table.path), hint="import it again"
            )
        return self._table.arrays[name]

    def lookup(
        self,
        indices: np.ndarray,
        signal: str,
        policy: str | None = None,
        fidelity: Fidelity | None = None,
    ) -> Columns:
        """Return the columns of a batch of architectures, given by their indices in the space.

        Raises `UsageError` for an index outside the space and for what is not an array of integers.
        """
        indices = np.asarray(indices)
        if indices.size and (
            indices.dtype.kind not in "iu" or int(indices.min()) < 0 or int(indices.max()) >= self.space.size
        ):
            raise UsageError(
                f"an index lies outside {self.name}",
                why=f"indices are integers from 0 to {self.space.size - 1:,}",
            )
        indices = indices.astype(np.intp, copy=False)
        return Columns(*(column[indices] for column in self._all(signal, policy, fidelity)))

    def evaluator(
        self,
        signal: str,
        policy: str | None = None,
        fidelity: Fidelity | None = None,
        continues: Fidelity | None = None,
    ) -> Callable[[Hashable], Outcome]:
        """Return a function from an architecture to its outcome, made once for each architecture.

        With `continues`, only what is added to that fidelity is charged. An architecture of the space
        without a row is missing, and charged as the most expensive. The function raises `UsageError` for
        what is not an architecture of the space.
        """
        key = self._key(signal, policy, fidelity)
        if (key, continues) not in self._answers:
            columns = self._all(signal, policy, fidelity)
            columns = columns._replace(costs=self.costs_at(key.fidelity, continues))
            if np.isnan(columns.costs).all():
                raise UnavailableError(f"no cost is known at {key.fidelity.text()}", where=self.name)
            dearest = float(self.costs_at(key.fidelity).max())
            if continues is not None:
                dearest -= float(self.costs_at(continues).max())
            self._answers[key, continues] = _Answers(self.name, self.space, columns, key, dearest)
        answers = self._answers[key, continues]

        def evaluate(arch: Hashable) -> Outcome:
            try:
                return answers[arch]
            except TypeError:  # not hashable
                raise answers.foreign(arch) from None

        return evaluate

    def best(self, signal: str, policy: str | None = None, fidelity: Fidelity | None = None) -> float:
        """Return the best value of a signal in the space, in the card's unit."""
        columns = self._present(signal, policy, fidelity)
        return float(columns.values[np.argmax(columns.scores)])

    def reference(self, signal: str, policy: str | None = None, fidelity: Fidelity | None = None) -> float:
        """Return the median value of a signal over the space, in the card's unit."""
        return float(np.median(self._present(signal, policy, fidelity).values))

    def _present(self, signal: str, policy: str | None, fidelity: Fidelity | None) -> Columns:
        whole = self._all(signal, policy, fidelity)
        present = whole.statuses == Status.OK.value
        if not present.any():
            raise UnavailableError(f"'{signal}' has no value", where=self.name)
        return Columns(*(column[present] for column in whole))

    def _key(self, signal: str, policy: str | None, fidelity: Fidelity | None) -> _Key:
        return _Key(signal, policy or self.default_policy, self.fidelity(fidelity))

    def _all(self, signal: str, policy: str | None, fidelity: Fidelity | None = None) -> Columns:
        key = self._key(signal, policy, fidelity)
        if key not in self._whole:
            facts = self.signal(signal)
            values = self._at(self._columns[signal], key)
            statuses = np.zeros(len(values), dtype=np.uint8)
            statuses[np.isinf(values)] = Status.NOT_FINITE.value
            statuses[np.isnan(values)] = Status.MISSING.value
            values = np.where(np.isfinite(values), values, np.nan)
            scores = values if facts.maximize else -values
            columns = Columns(values, scores, self.costs_at(key.fidelity), statuses)
            for column in columns:
                column.flags.writeable = False
            self._whole[key] = columns
        return self._whole[key]

    def _at(self, column: _Column, key: _Key) -> np.ndarray:
        """Return one value an architecture, of one fidelity and under one seed policy."""
        if key.policy not in self.card.seeds.policies:
            raise UnknownNameError("seed policy", key.policy, self.card.seeds.policies, where=self.name)
        values = column.values
        if column.has_fidelities:
            values = values[:, self.card.fidelities.index(key.fidelity)]
        elif key.fidelity != self.card.fidelities[0]:
            return np.full(self.space.size, np.nan)
        return _over_seeds(values, key.policy, self.card.seeds.seeds)

    def _open_costs(self, fidelity: Fidelity) -> dict[Fidelity, np.ndarray]:
        """Return the card's costs, or 1 an evaluation, at a fidelity and those that it can continue.

        What the source has no cost for is charged as the most expensive so far along its schedule, and never
        more than a later epoch of the same architecture: what is missing is not free, and what continues
        it adds nothing below zero. Where none is known all are NaN, and `evaluator` refuses.
        """
        if self.card.cost is None:
            return {fidelity: np.ones(self.space.size)}
        fidelities = self.card.fidelities
        costs = self._table.arrays[self.card.cost.column]
        places = [fidelities.index(fidelity)]
        if "fidelity" not in self._table.axes[self.card.cost.column]:
            costs = costs[:, None]
        else:
            places = of_schedule(fidelities, fidelity) if self.card.prefix else places
            costs = costs[:, places]
        known = np.isfinite(costs)
        dearest = np.where(known, costs, -np.inf).max(axis=0)
        charged = never_less(costs, np.maximum.accumulate(dearest))
        charged[:, ~known.any(axis=0)] = np.nan
        return dict(zip((fidelities[i] for i in places), np.ascontiguousarray(charged.T), strict=True))

    def _check_continuation(self, later: Fidelity, earlier: Fidelity) -> None:
        same = structs.replace(later, epoch=None) == structs.replace(earlier, epoch=None)
        ends = [math.inf if one.epoch is None else one.epoch for one in (earlier, later)]
        if self.card.prefix and same and ends[0] < ends[1]:
            return
        why = (
            "its schedules are trained apart" if not self.card.prefix else "only a longer training continues"
        )
        raise UnavailableError(
            f"{later.text()} does not continue {earlier.text()}",
            where=self.name,
            why=f"{why}, as its card says",
            hint="evaluate it from the start",
        )


class _Key(NamedTuple):
    """What a column is asked for."""

    signal: str
    policy: str
    fidelity: Fidelity


class _Column(NamedTuple):
    """A signal's numbers, over architectures, fidelities where it has them, and seeds where it has them."""

    values: np.ndarray
    has_fidelities: bool


class _Answers(dict[Hashable, Outcome]):
    """Outcomes by architecture; each is made when first asked for, and then found in a dictionary."""

    def __init__(
        self, name: str, space: Enumerable[Any], columns: Columns, key: _Key, dearest: float
    ) -> None:
        super().__init__()
        self._name = name
        self._space = space
        self._key = key
        self._dearest = dearest
        self._columns = [column.tolist() for column in columns]

    def __missing__(self, arch: Hashable) -> Outcome:
        if not self._space.contains(arch):
            raise self.foreign(arch)
        outcome: Outcome
        try:
            index = self._space.index(arch)
        except UsageError:  # in the space, which has more than the rows of the table
            outcome = self[arch] = Failure(Status.MISSING, f"{self._name} has no row for it", self._dearest)
            return outcome
        value, score, cost, status = (column[index] for column in self._columns)
        if status == Status.OK.value:
            outcome = Evaluation(value, score, cost)
        else:
            at, policy = self._key.fidelity.text(), self._key.policy
            reason = f"{self._name} has no value at {at} under the policy '{policy}'"
            outcome = Failure(Status(status), reason, cost)
        self[arch] = outcome
        return outcome

    def foreign(self, arch: object) -> UsageError:
        """Return the error for what is not an architecture of the space."""
        return UsageError(f"{arch!r} is not an architecture of {self._space.name}", where=self._name)


def of_schedule(fidelities: Sequence[Fidelity], one: Fidelity) -> list[int]:
    """Return the places of the fidelities that are equal but for the epoch, the shortest training first."""
    same = structs.replace(one, epoch=None)
    places = [i for i, other in enumerate(fidelities) if structs.replace(other, epoch=None) == same]
    return sorted(places, key=lambda i: fidelities[i].epoch or math.inf)


def never_less(costs: np.ndarray, fill: np.ndarray | float) -> np.ndarray:
    """Return costs (architecture, fidelity along a schedule) with a number where none is known, float64.

    It is `fill`, which does not decrease along the schedule, but no less than what is known before and no
    more than what is known after. So costs that do not decrease where they are known do so nowhere.
    """
    known = np.isfinite(costs)
    before = np.maximum.accumulate(np.where(known, costs, -np.inf), axis=1)
    after = np.minimum.accumulate(np.where(known, costs, np.inf)[:, ::-1], axis=1)[:, ::-1]
    charged: np.ndarray = np.where(known, costs, np.minimum(np.maximum(fill, before), after))
    return charged.astype(np.float64)


def _open_column(table: DenseFile, names: dict[str, str], signal: Signal, size: int) -> _Column:
    name = names.get(signal.name, "")
    column = table.arrays.get(name)
    if column is None or len(column) != size:
        raise CorruptError(
            f"the table does not hold '{signal.name}' for the {size:,} architectures of its space",
            where=str(table.path),
        )
    return _Column(column, "fidelity" in table.axes[name])


def _filled(column: np.ndarray, source: int) -> np.ndarray:
    """Return the mean over all seeds once those that are absent took the value of another one.

    No policy of ours: systems that do it are read so, to see what it makes of their numbers.
    """
    total = np.zeros(len(column))
    for k in range(column.shape[1]):
        total += np.where(np.isnan(column[:, k]), column[:, source], column[:, k])
    return np.divide(total, column.shape[1])


def _over_seeds(column: np.ndarray, policy: str, seeds: tuple[int, ...]) -> np.ndarray:
    """Return one value an architecture under a seed policy; the policies are those of `SeedNote`."""
    if column.ndim == 1:
        return np.array(column, dtype=np.float64)
    if policy.startswith("seed="):
        return np.array(column[:, seeds.index(int(policy.removeprefix("seed=")))], dtype=np.float64)
    absent = np.isnan(column)
    if policy.startswith("filled-from="):
        return _filled(column, seeds.index(int(policy.removeprefix("filled-from="))))
    total = np.zeros(len(column))
    # Added seed by seed, so that the bits do not depend on how NumPy sums along an axis.
    for k in range(column.shape[1]):
        total += np.where(absent[:, k], 0.0, column[:, k])
    count = np.full(len(column), column.shape[1]) - absent.sum(axis=1)
    # "require": every seed that was trained at this fidelity at all.
    wanted = max(1, int((~absent.all(axis=0)).sum())) if policy == "require" else 1
    means = np.full(len(column), np.nan)
    np.divide(total, count, out=means, where=count >= wanted)
    return means
