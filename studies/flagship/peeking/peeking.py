"""What a search gains on paper by selecting with the test metric, on NAS-Bench-Graph; writes results.md.

The test columns are read from the published package, outside the test gate, for this measurement
only: what is guided by them is an oracle, and not a result of a method.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import Any

import numpy as np

import assay
from assay.benchmarks.importers.nas_bench_graph import FAMILY
from assay.contracts.evaluation import Evaluation
from assay.contracts.problem import BudgetView
from assay.foundation.seeding import Stream
from assay.statistics.intervals import welch_interval
from assay.statistics.luck import choice_weights
from assay.statistics.rounding import interval_text
from assay.strategies.regularized_evolution import RegularizedEvolution

HERE = Path(__file__).parent
BUDGETS = (10, 30, 150, 1_000)
BUDGET = 150
REPLICATES = 200


def main() -> None:
    """Measure both methods on the nine tasks and write the results beside this file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=HERE / "results.md")
    arguments = parser.parse_args()
    columns = {task: _columns(task) for task in FAMILY.tasks}
    lines = [
        "# Peeking on NAS-Bench-Graph: results",
        "",
        "Written by `peeking.py`; points are percent of the test metric, accuracy (proteins: ROC-AUC).",
        "",
        *random_search(columns),
        "",
        *evolution(columns),
        "",
    ]
    arguments.out.write_text("\n".join(lines))
    print(arguments.out)


def random_search(columns: dict[str, tuple[np.ndarray, np.ndarray]]) -> list[str]:
    """Return the exact price of peeking for random search, in points, by task and budget."""
    lines = [
        "## Random search: expected test metric of the choice by test, less that of the choice by validation",
        "",
        f"| task | {' | '.join(f'n = {n:,}' for n in BUDGETS)} |",
        f"| --- | {' | '.join('---:' for _ in BUDGETS)} |",
    ]
    for task, (validation, test) in columns.items():
        prices = [_chosen(test, test, n) - _chosen(validation, test, n) for n in BUDGETS]
        lines.append(f"| {task} | {' | '.join(f'{100 * price:.3f}' for price in prices)} |")
    return lines


def evolution(columns: dict[str, tuple[np.ndarray, np.ndarray]]) -> list[str]:
    """Return the price for regularized evolution beside its advantage over random search."""
    lines = [
        f"## Regularized evolution with {BUDGET} evaluations, {REPLICATES} replicates",
        "",
        "95 % Welch intervals. The advantage is over the exact expectation of random search.",
        "",
        "| task | price of peeking | advantage over random search | price is larger |",
        "| --- | ---: | ---: | --- |",
    ]
    larger = 0
    for task, (validation, test) in columns.items():
        honest = 100 * _evolved(task, validation, test, "validation")
        peeking = 100 * _evolved(task, test, test, "test")
        price = welch_interval(peeking, honest, varied=("search seeds",))
        baseline = np.full(2, 100 * _chosen(validation, test, BUDGET))
        advantage = welch_interval(honest, baseline, varied=("search seeds",))
        larger += price.mean > advantage.mean
        words = "yes" if price.mean > advantage.mean else "no"
        lines.append(f"| {task} | {interval_text(price)} | {interval_text(advantage)} | {words} |")
    return [*lines, "", f"The price is larger than the advantage on {larger} of {len(columns)} tasks."]


def _columns(task: str) -> tuple[np.ndarray, np.ndarray]:
    """Return validation and test over the whole space of a task."""
    content = FAMILY.read(task, Path())
    assert content.test is not None
    return np.asarray(content.columns["valid_perf"][1]), np.asarray(content.test)


def _chosen(by: np.ndarray, test: np.ndarray, n: int) -> float:
    """Return the expected test metric of what random search with n draws chooses by a column."""
    return float(choice_weights(by, n) @ test)


def _evolved(task: str, guide: np.ndarray, test: np.ndarray, named: str) -> np.ndarray:
    """Return the test metric of what evolution recommends when a column guides it, by replicate."""
    space: Any = assay.get_space(FAMILY.space(task))
    index: Callable[[Hashable], int] = space.index
    found = np.empty(REPLICATES)
    for replicate in range(REPLICATES):
        problem = assay.Problem(
            space=space,
            fidelities=(),
            signals=(),
            objectives=(named,),
            budget=BudgetView(assay.Budget(evaluations=BUDGET)),
        )
        # One stream for both guides: their runs begin with the same draws.
        strategy = RegularizedEvolution(problem, Stream(0, ("peeking", task, replicate)))
        for _ in range(BUDGET):
            request: Any = strategy.ask()
            score = float(guide[index(request.arch)])
            strategy.tell(request.id, Evaluation(value=score, score=score, cost=1.0))
        best = strategy.recommend()
        assert best is not None
        found[replicate] = test[index(best)]
    return found


if __name__ == "__main__":
    main()
