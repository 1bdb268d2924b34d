"""The results of NAS-Bench-201 and NATS-Bench as their authors keep them, read into columns.

An architecture is `{hyperparameters: state}`; a state is `{arch_index, arch_str, dataset_seed: {data:
[seed]}, all_results: {(data, seed): result}}`; a result has `epochs`, `train_acc1es` {epoch: %},
`train_times` {epoch: s} or None, `eval_acc1es` {'x-valid@11': %}, `eval_times` {'x-valid@11': s}, `params`
(millions), `flop` (millions) and `latency` ([s] or None); epochs count from 0. Read at the source: classes
ArchResults and ResultsCount of nats_bench/api_utils.py in nats_bench 1.8.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from assay.contracts.evaluation import Fidelity
from assay.foundation.errors import AssayError, CorruptError


class Training(NamedTuple):
    """What a task of ours is in the source: the data trained on for validation and test, and their splits."""

    trained: str
    valid: str
    trained_for_test: str
    test: str


TRAININGS = {
    "cifar10": Training("cifar10-valid", "x-valid", "cifar10", "ori-test"),
    "cifar100": Training("cifar100", "x-valid", "cifar100", "x-test"),
    "imagenet16-120": Training("ImageNet16-120", "x-valid", "ImageNet16-120", "x-test"),
}


class Schedule(NamedTuple):
    """A schedule: its key in the source, our name, its epochs, and the tasks validated after every epoch."""

    key: str
    name: str
    epochs: int
    every_epoch: frozenset[str]


class Layout(NamedTuple):
    """What a family has: its schedules, the one that is evaluated at first, and the seeds of all of them."""

    schedules: tuple[Schedule, ...]
    seeds: tuple[int, ...]

    def fidelities(self, task: str) -> tuple[Fidelity, ...]:
        """Return the ends of the schedules, then the epochs before the end where they are known."""
        ends = [Fidelity(schedule=schedule.name) for schedule in self.schedules]
        before = [
            Fidelity(schedule=schedule.name, epoch=epoch)
            for schedule in self.schedules
            if task in schedule.every_epoch
            for epoch in range(1, schedule.epochs)
        ]
        return (*ends, *before)


class TaskColumns:
    """The columns of one task, filled an architecture at a time; what is not filled is NaN.

    `valid` and `cost` are (architecture, fidelity[, seed]); `train_acc` is (architecture, seed); the rest
    is (architecture,). `found` counts what a reader of the table must know.
    """

    def __init__(self, layout: Layout, task: str, size: int) -> None:
        fidelities = layout.fidelities(task)
        self.layout, self.task, self.training = layout, task, TRAININGS[task]
        self.valid = np.full((size, len(fidelities), len(layout.seeds)), np.nan)
        self.cost = np.full((size, len(fidelities)), np.nan)
        self.train_acc = np.full((size, len(layout.seeds)), np.nan)
        self.params, self.flops, self.latency, self.test = (np.full(size, np.nan) for _ in range(4))
        self.found: Counter[str] = Counter()
        # For each schedule, the epochs (from 0) that are read, and where they go.
        self._places = [_places(schedule, fidelities) for schedule in layout.schedules]

    def fill(self, row: int, states: Mapping[str, Any]) -> None:
        """Read one architecture."""
        for number, schedule in enumerate(self.layout.schedules):
            results = self._results(states.get(schedule.key), self.training.trained, schedule)
            if results:
                self._fill_schedule(row, results, schedule, self._places[number])
            else:
                self.found[f"architectures without a training of {schedule.name}"] += 1
            if number == 0:
                self._fill_facts(row, results)
                tested = self._results(states.get(schedule.key), self.training.trained_for_test, schedule)
                self.test[row] = _mean(
                    [
                        _percent(one["eval_acc1es"], f"{self.training.test}@{schedule.epochs - 1}")
                        for one in tested.values()
                    ]
                )

    def _results(self, state: Any, data: str, schedule: Schedule) -> dict[int, Any]:
        """Return the results of the seeds of this table on some data."""
        if state is None:
            return {}
        results = {seed: state["all_results"][data, seed] for seed in state["dataset_seed"].get(data, ())}
        for seed, result in results.items():
            if result["epochs"] != schedule.epochs:
                raise CorruptError(
                    f"a training of {schedule.name} has {result['epochs']} epochs", why=f"seed {seed}"
                )
        known = {seed: result for seed, result in results.items() if seed in self.layout.seeds}
        self.found["trainings with a seed that the card does not name"] += len(results) - len(known)
        return known

    def _fill_schedule(self, row: int, results: dict[int, Any], schedule: Schedule, places: _Places) -> None:
        costs = []
        for seed, result in results.items():
            accuracies = [
                _percent(result["eval_acc1es"], f"{self.training.valid}@{e}") for e in places.epochs
            ]
            self.valid[row, places.columns, self.layout.seeds.index(seed)] = accuracies
            costs.append(_cost(result, self.training.valid, schedule.epochs)[list(places.epochs)])
        if np.isnan(costs).any():
            self.found[f"architectures without all times of {schedule.name}"] += 1
        if any(not np.array_equal(one, costs[0], equal_nan=True) for one in costs[1:]):
            self.found[f"architectures whose times of {schedule.name} differ between seeds"] += 1
            self.cost[row, places.columns] = np.mean(costs, axis=0)
        else:
            self.cost[row, places.columns] = costs[0]

    def _fill_facts(self, row: int, results: dict[int, Any]) -> None:
        last = self.layout.schedules[0].epochs - 1
        for seed, result in results.items():
            self.train_acc[row, self.layout.seeds.index(seed)] = _percent(result["train_acc1es"], last)
        for name, title, column in (
            ("params", "parameters", self.params),
            ("flop", "operations", self.flops),
        ):
            values = {seed: float(result[name]) for seed, result in results.items()}
            if len({f"{value:.5f}" for value in values.values()}) > 1:
                # The official interface does this (ArchResults.get_compute_costs).
                self.found[
                    f"architectures whose {title} differ between seeds (that of seed 888 is taken)"
                ] += 1
                column[row] = values.get(888, np.nan)
            else:
                column[row] = _mean(list(values.values()))
        latencies = [_mean([float(x) for x in one["latency"] or ()]) for one in results.values()]
        self.latency[row] = _mean([latency for latency in latencies if latency > 0])
        self.found["architectures without a latency"] += not np.isfinite(self.latency[row])

    def check(self) -> None:
        """Raise `CorruptError` for numbers that cannot be what the card says."""
        for name, values in (
            ("time", self.cost),
            ("number of parameters", self.params),
            ("latency", self.latency),
        ):
            if np.any((values < 0) | np.isinf(values)):
                raise CorruptError(f"a {name} of {self.task} is impossible")


class _Places(NamedTuple):
    epochs: tuple[int, ...]
    columns: list[int]


def _places(schedule: Schedule, fidelities: Sequence[Fidelity]) -> _Places:
    at = {
        (schedule.epochs if fidelity.epoch is None else fidelity.epoch) - 1: column
        for column, fidelity in enumerate(fidelities)
        if fidelity.schedule == schedule.name
    }
    return _Places(tuple(sorted(at)), [at[epoch] for epoch in sorted(at)])


class Architectures:
    """Takes the states of architectures and fills the columns of every task.

    `rows` gives the row of each published string.
    """

    def __init__(self, layout: Layout, rows: Mapping[str, int]) -> None:
        self.tasks = {task: TaskColumns(layout, task, len(rows)) for task in TRAININGS}
        self._keys = {schedule.key for schedule in layout.schedules}
        self._rows = rows
        self._texts: dict[int, str] = {}
        self._filled: set[int] = set()

    def __len__(self) -> int:
        return len(self._filled)

    def seen(self, found: dict[Any, Any]) -> bool:
        """Take an architecture out of a stream, once it is complete."""
        if not found or not found.keys() <= self._keys or not all(_is_state(one) for one in found.values()):
            return False
        self.take(found)
        found.clear()
        return True

    def take(self, states: Mapping[str, Any], index: int | None = None) -> None:
        """Read one architecture, which the source has under an index, where that is known."""
        try:
            facts = {(state["arch_index"], state["arch_str"]) for state in states.values()}
            if len(facts) != 1:
                raise CorruptError(f"its states are of {len(facts)} architectures")
            number, text = facts.pop()
            row = self._row(number, text, index)
            for columns in self.tasks.values():
                columns.fill(row, states)
        except AssayError:
            raise
        except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
            raise CorruptError(
                "the results of an architecture are not of the published form",
                why=f"{type(error).__name__}: {error}",
            ) from None

    def _row(self, number: int, text: str, index: int | None) -> int:
        if text not in self._rows:
            raise CorruptError(f"{repr(text)[:200]} is not an architecture of the search space")
        if type(number) is not int:
            raise CorruptError("the index of an architecture is no number", why=text)
        if index is not None and index != number:
            raise CorruptError(f"architecture {number} is in the place of {index}")
        row = self._rows[text]
        if row in self._filled:
            raise CorruptError("an architecture is in the source twice", why=text)
        self._filled.add(row)
        self._texts[number] = text
        return row

    def check(self, published: Any) -> None:
        """Hold what was taken to the source's own list, where it has one, and the numbers to the card."""
        if published is not None and any(published[n : n + 1] != [text] for n, text in self._texts.items()):
            raise CorruptError("the architectures are not those that the source lists under their indices")
        for columns in self.tasks.values():
            columns.check()


def _is_state(value: Any) -> bool:
    return type(value) is dict and "all_results" in value and "arch_str" in value


def _number(values: Mapping[Any, Any], key: Any) -> float:
    value = values.get(key)
    return np.nan if value is None else float(value)


def _percent(values: Mapping[Any, Any], key: Any) -> float:
    value = _number(values, key)
    if value < 0 or value > 100:
        raise CorruptError(f"an accuracy of {value:g} % is impossible", where=str(key))
    return value


def _mean(values: Sequence[float]) -> float:
    """Return the mean of what is there, added in order (as the official interface does), NaN of nothing."""
    there = [value for value in values if not np.isnan(value)]
    total = 0.0
    for value in there:  # from Python 3.12 on, `sum` would give other bits
        total += value
    return total / len(there) if there else np.nan


def _cost(result: Mapping[str, Any], split: str, epochs: int) -> np.ndarray:
    """Return what training up to each epoch and validating once takes, as `simulate_train_eval` counts.

    That is the sum of the times of training, and the mean time of a validation up to there. NaN where
    the source has no times.
    """
    if result["train_times"] is None:
        return np.full(epochs, np.nan)
    training = np.array([_number(result["train_times"], epoch) for epoch in range(epochs)])
    validating = np.array([_number(result["eval_times"], f"{split}@{epoch}") for epoch in range(epochs)])
    # `cumsum` adds one after the other, as the official interface does.
    return np.cumsum(training) + np.cumsum(validating) / np.arange(1, epochs + 1)
