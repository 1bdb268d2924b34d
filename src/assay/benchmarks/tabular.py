"""Tabular benchmarks: published numbers, looked up in batches or one architecture at a time.

A missing value is stated, never invented: it comes out as NaN with status MISSING, or as a
`Failure`. A table holds no test column and knows no path to one.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, NamedTuple

import numpy as np

from assay.contracts.card import ProtocolCard
from assay.contracts.evaluation import Evaluation, Failure, Outcome, Status
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
    card to its column. A column has the axis 'architecture', or also 'seed', in the card's order.
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
        self.card_digest = card.meaning()
        self.table_digest = table.arrays_digest
        self.charges_seconds = card.cost is not None and card.cost.unit == SECONDS
        self._table = table
        self._columns = {s.name: _open_column(table, signals, s, space.size) for s in card.signals}
        self._costs = self._open_costs()
        self._whole: dict[tuple[str, str], Columns] = {}
        self._answers: dict[tuple[str, str], _Answers] = {}

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
        """What each evaluation is charged, over the whole space: seconds, or 1 an evaluation."""
        return self._costs

    def column(self, signal: str, policy: str | None = None) -> np.ndarray:
        """Return a signal over the whole space: float64, read-only, NaN where it is missing."""
        return self._all(signal, policy).values

    def extra_column(self, name: str) -> np.ndarray:
        """Return an open column that is no signal, such as 'latency', as it is stored."""
        if name not in self.card.extras:
            raise UnknownNameError("column", name, self.card.extras, where=self.name)
        return self._table.arrays[name]

    def lookup(self, indices: np.ndarray, signal: str, policy: str | None = None) -> Columns:
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
        return Columns(*(column[indices] for column in self._all(signal, policy)))

    def evaluator(self, signal: str, policy: str | None = None) -> Callable[[Hashable], Outcome]:
        """Return a function from an architecture to its outcome, made once for each architecture.

        The function raises `UsageError` for what is not an architecture of the space.
        """
        key = (signal, policy or self.default_policy)
        if key not in self._answers:
            self._answers[key] = _Answers(self.name, self.space, self._all(*key), key[1])
        answers = self._answers[key]

        def evaluate(arch: Hashable) -> Outcome:
            try:
                return answers[arch]
            except TypeError:  # not hashable
                raise answers.foreign(arch) from None

        return evaluate

    def best(self, signal: str, policy: str | None = None) -> float:
        """Return the best value of a signal in the space, in the card's unit."""
        columns = self._present(signal, policy)
        return float(columns.values[np.argmax(columns.scores)])

    def reference(self, signal: str, policy: str | None = None) -> float:
        """Return the median value of a signal over the space, in the card's unit."""
        return float(np.median(self._present(signal, policy).values))

    def _present(self, signal: str, policy: str | None) -> Columns:
        whole = self._all(signal, policy)
        present = whole.statuses == Status.OK.value
        if not present.any():
            raise UnavailableError(f"'{signal}' has no value", where=self.name)
        return Columns(*(column[present] for column in whole))

    def _all(self, signal: str, policy: str | None) -> Columns:
        key = (signal, policy or self.default_policy)
        if key not in self._whole:
            facts = self.signal(signal)
            values = _over_seeds(self._columns[signal], self._checked(key[1]), self.card.seeds.seeds)
            statuses = np.zeros(len(values), dtype=np.uint8)
            statuses[np.isinf(values)] = Status.NOT_FINITE.value
            statuses[np.isnan(values)] = Status.MISSING.value
            values = np.where(np.isfinite(values), values, np.nan)
            scores = values if facts.maximize else -values
            columns = Columns(values, scores, self._costs, statuses)
            for column in columns:
                column.flags.writeable = False
            self._whole[key] = columns
        return self._whole[key]

    def _checked(self, policy: str) -> str:
        if policy not in self.card.seeds.policies:
            raise UnknownNameError("seed policy", policy, self.card.seeds.policies, where=self.name)
        return policy

    def _open_costs(self) -> np.ndarray:
        """Return what each evaluation is charged: the card's column, or 1 an evaluation."""
        if self.card.cost is None:
            return np.ones(self.space.size)
        return np.array(self._table.arrays[self.card.cost.column])


class _Answers(dict[Hashable, Outcome]):
    """Outcomes by architecture; each is made when first asked for, and then found in a dictionary."""

    def __init__(self, name: str, space: Enumerable[Any], columns: Columns, policy: str) -> None:
        super().__init__()
        self._name = name
        self._space = space
        self._policy = policy
        self._columns = [column.tolist() for column in columns]

    def __missing__(self, arch: Hashable) -> Outcome:
        if not self._space.contains(arch):
            raise self.foreign(arch)
        index = self._space.index(arch)
        value, score, cost, status = (column[index] for column in self._columns)
        outcome: Outcome
        if status == Status.OK.value:
            outcome = Evaluation(value, score, cost)
        else:
            reason = f"{self._name} has no value under the policy '{self._policy}'"
            outcome = Failure(Status(status), reason, cost)
        self[arch] = outcome
        return outcome

    def foreign(self, arch: object) -> UsageError:
        """Return the error for what is not an architecture of the space."""
        return UsageError(f"{arch!r} is not an architecture of {self._space.name}", where=self._name)


def _open_column(table: DenseFile, names: dict[str, str], signal: Signal, size: int) -> np.ndarray:
    column = table.arrays.get(names.get(signal.name, ""))
    if column is None or len(column) != size:
        raise CorruptError(
            f"the table does not hold '{signal.name}' for the {size:,} architectures of its space",
            where=str(table.path),
        )
    return column


def _over_seeds(column: np.ndarray, policy: str, seeds: tuple[int, ...]) -> np.ndarray:
    """Return one value an architecture under a seed policy; the policies are those of `SeedNote`."""
    if column.ndim == 1:
        return np.array(column, dtype=np.float64)
    if policy.startswith("seed="):
        return np.array(column[:, seeds.index(int(policy.removeprefix("seed=")))])
    absent = np.isnan(column)
    total = np.zeros(len(column))
    # Added seed by seed, so that the bits do not depend on how NumPy sums along an axis.
    for k in range(column.shape[1]):
        total += np.where(absent[:, k], 0.0, column[:, k])
    count = np.full(len(column), column.shape[1]) - absent.sum(axis=1)
    wanted = column.shape[1] if policy == "require" else 1
    means = np.full(len(column), np.nan)
    np.divide(total, count, out=means, where=count >= wanted)
    return means
