"""What a study needs of its benchmarks, checked against their cards before anything runs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from assay.benchmarks.catalogue import expand, open_benchmark
from assay.benchmarks.tabular import TableBenchmark
from assay.foundation.errors import StudyError, UnavailableError, UnknownNameError, nearest
from assay.studies.load import LoadedStudy


def open_benchmarks(loaded: LoadedStudy, cache: Path) -> dict[str, TableBenchmark]:
    """Open the benchmarks that a study names, and check them against its protocol."""
    study = loaded.study
    patterns = [study.suite] if study.suite is not None else list(study.benchmarks)
    try:
        names = expand(patterns, cache)
    except UnknownNameError as error:
        raise error.at(loaded.where("benchmarks" if study.suite is None else "suite")) from None
    opened = {}
    for name in names:
        benchmark = open_benchmark(name, cache)
        check_protocol(loaded, name, benchmark)
        opened[name] = benchmark.at(study.protocol.fidelity)
    _check_claims(loaded, opened)
    _check_published(loaded, opened)
    return opened


def check_protocol(loaded: LoadedStudy, name: str, benchmark: TableBenchmark) -> None:
    """Raise `UnavailableError` for what a study asks of a benchmark and its card lacks."""
    protocol, card = loaded.study.protocol, benchmark.card
    if card.selection_on_test is not None:
        raise UnavailableError(
            f"{name} cannot compare methods",
            where=loaded.where("benchmarks"),
            why=f"selection-on-test: {card.selection_on_test}",
            hint=f"assay table landscape {name}, or assay table reliability {name}",
        )
    signals = [signal.name for signal in card.signals]
    if protocol.signal not in signals:
        near = nearest(protocol.signal, signals)
        raise UnavailableError(
            f"{name} has no signal '{protocol.signal}'",
            where=loaded.where("protocol", "signal"),
            hint=f"did you mean '{near}'?" if near else f"its card offers: {', '.join(signals)}",
        )
    for key in ("fidelity", "reported"):
        try:
            benchmark.fidelity(getattr(protocol, key))
        except UnknownNameError as error:
            raise error.at(loaded.where("protocol", key)) from None
    if protocol.seeds is not None and protocol.seeds not in card.seeds.policies:
        raise UnavailableError(
            f"{name} has no seed policy '{protocol.seeds}'",
            where=loaded.where("protocol", "seeds"),
            why=card.seeds.note,
            hint=f"its card offers: {', '.join(card.seeds.policies)}",
        )
    if protocol.assessment == "required" and card.test is None:
        raise UnavailableError(
            f"the study requires an assessment, and {name} has no test metric",
            where=loaded.where("protocol", "assessment"),
            why=card.no_test_because,
            hint='assessment = "where-available" or "none", or leave this benchmark out',
        )
    if loaded.study.budget.table_seconds is not None and not benchmark.charges_seconds:
        raise UnavailableError(
            f"the budget is in table seconds, and {name} has no cost column",
            where=loaded.where("budget", "table_seconds"),
            hint="a budget in evaluations, or benchmarks whose card has a cost",
        )
    if loaded.study.budget.table_seconds is not None:
        fidelity = benchmark.fidelity(protocol.fidelity)
        if not (benchmark.costs_at(fidelity) > 0).any():
            raise UnavailableError(
                f"the budget is in table seconds, and no evaluation of {name} costs any",
                where=loaded.where("budget", "table_seconds"),
                why=f"no cost at {fidelity.text()} is above zero: the budget would never end",
                hint="a budget in evaluations",
            )


def _check_claims(loaded: LoadedStudy, opened: Mapping[str, TableBenchmark]) -> None:
    for i, claim in enumerate(loaded.study.claims):
        for name in claim.on:
            if name not in opened:
                near = nearest(name, opened)
                raise StudyError(
                    f"a claim is about '{name}', which is not in the study",
                    where=loaded.where("claims", i, "on"),
                    hint=f"did you mean '{near}'?" if near else None,
                )
            if claim.metric == "test" and opened[name].card.test is None:
                raise UnavailableError(
                    f"a claim is about the test metric, and {name} has none",
                    where=loaded.where("claims", i),
                    why=opened[name].card.no_test_because,
                    hint='metric = "signal"',
                )


def _check_published(loaded: LoadedStudy, opened: Mapping[str, TableBenchmark]) -> None:
    for name, table in loaded.study.published.items():
        where = loaded.where("published", name, "benchmark")
        if table.benchmark not in opened:
            near = nearest(table.benchmark, opened)
            raise StudyError(
                f"a published table is about '{table.benchmark}', which is not in the study",
                where=where,
                hint=f"did you mean '{near}'?" if near else None,
            )
        if table.metric == "test" and opened[table.benchmark].card.test is None:
            raise UnavailableError(
                f"a published table is about the test metric, and {table.benchmark} has none",
                where=where,
                why=opened[table.benchmark].card.no_test_because,
            )
