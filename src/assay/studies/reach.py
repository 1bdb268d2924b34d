"""What no search of a study could reach, refused when it is planned."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from assay.benchmarks.tabular import TableBenchmark
from assay.contracts.evaluation import Evaluate, Level
from assay.contracts.problem import Strategy
from assay.foundation.errors import StudyError, UnavailableError
from assay.studies.load import LoadedStudy


def check_reach(loaded: LoadedStudy, benchmarks: Mapping[str, TableBenchmark]) -> None:
    """Raise where a signal has no value at the fidelity, or no evaluation fits into the budget."""
    study = loaded.study
    for name, benchmark in benchmarks.items():
        values = benchmark.column(study.protocol.signal, study.protocol.seeds)
        at = Level(study.protocol.signal, benchmark.default_fidelity).text()
        if not np.isfinite(values).any():
            raise UnavailableError(
                f"{name} has no value of {at}",
                where=loaded.where("protocol"),
                why="its source was incomplete when it was imported",
                hint=f"assay table show {name}, and another fidelity, signal or seed policy",
            )
        seconds = study.budget.table_seconds
        least = float(benchmark.costs.min())
        if seconds is not None and least > seconds:
            raise StudyError(
                f"no evaluation of {name} fits into the budget",
                where=loaded.where("budget", "table_seconds"),
                why=f"the cheapest takes {least:,.6g} seconds {at}, the budget has {seconds:,.6g}",
                hint="a larger budget, or a shorter [protocol] fidelity",
            )


def check_levels(loaded: LoadedStudy, strategy: Strategy, benchmark: TableBenchmark, where: str) -> None:
    """Raise `StudyError` where a strategy begins at another level than a budget in evaluations can count."""
    if loaded.study.budget.evaluations is None:
        return
    request = strategy.ask()
    if not isinstance(request, Evaluate):
        return
    own = Level(loaded.study.protocol.signal, benchmark.default_fidelity)
    asked = Level(request.signal or own.signal, request.fidelity or own.fidelity)
    if asked != own:
        raise StudyError(
            "a budget in evaluations does not fit this strategy",
            where=where,
            why=f"it asks for '{asked.text()}', which would count like '{own.text()}'",
            hint="budget = { table_seconds = ... }",
        )
