"""Tables of published numbers: which of them the runs of a study replicate, and which variant fits which."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import numpy as np

from assay.analysis.cells import SEARCH_SEEDS, Cells, unit_of
from assay.analysis.model import BenchmarkFacts
from assay.foundation.errors import UnknownNameError
from assay.statistics.published import Published
from assay.statistics.replication import (
    Confusion,
    TableReplication,
    confusion,
    replicate_table,
)
from assay.studies.study import UNVERIFIED, PublishedTable


class PublishedResult(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A published table and what our runs say of it.

    `table` compares each row with the method that stands for it, `confusion` every row with every method;
    both are None where `missing` says why nothing can be compared.
    """

    name: str
    benchmark: str
    metric: str
    unit: str
    source: str
    methods: dict[str, str]
    missing: str = ""
    table: TableReplication | None = None
    confusion: Confusion | None = None


def published_result(
    name: str,
    table: PublishedTable,
    cells: Cells,
    facts: Mapping[str, BenchmarkFacts],
    planned: int,
) -> PublishedResult:
    """Return what the runs of a study say of a published table.

    A planned run that is missing, failed or has no number is a lost one: its row stays undecided.
    Raises `UnknownNameError` for a benchmark or method that the study does not have.
    """
    if table.benchmark not in facts:
        raise UnknownNameError("benchmark", table.benchmark, facts, where=f"published table {name}")
    unit = unit_of(facts[table.benchmark], table.metric)
    result = PublishedResult(
        name=name,
        benchmark=table.benchmark,
        metric=table.metric,
        unit=unit,
        source=table.source,
        methods=table.pairs(),
    )
    theirs = next(iter(table.rows.values())).unit
    samples = {
        method: _sample(table, method, cells, planned) for method in dict.fromkeys(table.pairs().values())
    }
    empty = [method for method, sample in samples.items() if not np.isfinite(sample).any()]
    if theirs and theirs != unit:
        missing = f"the table is in {theirs}, and {table.benchmark} in {unit or 'no unit'}"
        return msgspec.structs.replace(result, missing=missing)
    if empty:
        missing = f"no run with a {table.metric} metric of {', '.join(empty)}"
        return msgspec.structs.replace(result, missing=missing)
    rows = [
        Published(
            name=row,
            mean=number.value,
            n=number.n,
            sd=number.sd,
            spread=number.spread,
            place="" if table.source == UNVERIFIED else table.source,
        )
        for row, number in table.rows.items()
    ]
    alpha, confidence = 1 - table.confidence, table.confidence
    by_row = {row: samples[method] for row, method in table.pairs().items()}
    return msgspec.structs.replace(
        result,
        table=replicate_table(
            by_row, rows, varied=SEARCH_SEEDS, margin=table.margin, alpha=alpha, confidence=confidence
        ),
        confusion=confusion(
            samples, rows, varied=SEARCH_SEEDS, margin=table.margin, alpha=alpha, confidence=confidence
        ),
    )


def _sample(table: PublishedTable, method: str, cells: Cells, planned: int) -> np.ndarray:
    """Return what the planned runs of a method report, NaN for each that reports nothing."""
    if (table.benchmark, method) not in cells:
        raise UnknownNameError("method", method, {name for _, name in cells})
    values = cells[table.benchmark, method].sample(table.metric).values
    return np.append(values, np.full(max(planned - len(values), 0), np.nan))
