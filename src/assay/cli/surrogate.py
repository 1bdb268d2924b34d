"""The bodies of `assay table fit`, and of importing the published surrogates of NAS-Bench-301."""

from __future__ import annotations

import math
from collections.abc import Hashable
from pathlib import Path

from assay.benchmarks.catalogue import card_of, open_benchmark
from assay.benchmarks.surrogates.model import PREFIX, save_surrogate, surrogate_path
from assay.benchmarks.surrogates.nas_bench_301 import read_nas_bench_301
from assay.benchmarks.surrogates.observations import Observations, of_table, of_values
from assay.benchmarks.surrogates.report import Subject, SurrogateReport, fit_surrogate
from assay.benchmarks.surrogates.scores import Scores
from assay.cli.output import give, give_json, say, table
from assay.cli.watching import watched
from assay.contracts.card import ProtocolCard
from assay.contracts.evaluation import Fidelity, Level
from assay.contracts.problem import Signal
from assay.foundation.digest import digest_value
from assay.foundation.documents import write_document
from assay.foundation.errors import UnknownNameError, UsageError
from assay.foundation.places import cache_folder
from assay.records.store import Store
from assay.spaces.catalogue import get_space


def fit(
    benchmark: str,
    *,
    signal: str | None,
    fidelity: str | None,
    seed: int,
    out: str | None,
    records: Path | None,
    json: bool,
) -> int:
    """Fit a surrogate on a table, or on what searches in a store evaluated, and print its report."""
    card = card_of(benchmark)
    named = _named(signal, card.signals, benchmark)
    place = _fidelity(fidelity, card.fidelities, benchmark)
    if records is None:
        opened = open_benchmark(benchmark)
        data, visits, digest = of_table(opened, named.name, place), None, opened.table_digest
    else:
        data, visits, digest = _evaluated(Store(records, create=False), card, Level(named.name, place))
    subject = Subject(card=card, signal=named, fidelity=place, digest=digest)
    name = (out or benchmark).removeprefix(PREFIX)
    path = surrogate_path(cache_folder(), name)
    say(f"fitting on {len(data.archs):,} architectures; this takes a minute or more")
    with watched():
        fitted = fit_surrogate(data, subject, name, seed=seed, visits=visits)
    save_surrogate(fitted.surrogate, path)
    write_document(path.with_suffix(".json"), fitted.report)
    if json:
        give_json(fitted.report)
    else:
        give(_text(fitted.report))
    say(f"{fitted.report.surrogate} lies in {path}; its numbers are predicted")
    return 0


def import_nas_bench_301(folder: Path | None, *, runtime: Path | None, out: str | None, json: bool) -> int:
    """Read the published surrogates of NAS-Bench-301 from the user's folders into the cache."""
    if folder is None:
        raise UsageError(
            "the surrogates of NAS-Bench-301 are read from a folder of yours",
            why="their archives are on figshare, and are not fetched",
            hint="assay table import nas-bench-301 --from FOLDER, where an ensemble such as xgb_v1.0 is",
        )
    surrogate = read_nas_bench_301(folder, runtime)
    path = surrogate_path(cache_folder(), out or "nas-bench-301")
    save_surrogate(surrogate, path)
    facts = {
        "benchmark": surrogate.card.benchmark,
        "path": str(path),
        "members": len(surrogate.members),
        "runtime_members": len(surrogate.costs),
    }
    if json:
        give_json(facts)
    else:
        give("\n".join(f"{key.replace('_', ' ')}  {value}" for key, value in facts.items()))
    return 0


def _named(signal: str | None, known: tuple[Signal, ...], where: str) -> Signal:
    for one in known:
        if signal in (None, one.name):
            return one
    raise UnknownNameError("signal", str(signal), [one.name for one in known], where=where)


def _fidelity(fidelity: str | None, known: tuple[Fidelity, ...], where: str) -> Fidelity:
    for one in known:
        if fidelity in (None, one.text()):
            return one
    raise UnknownNameError("fidelity", str(fidelity), [one.text() for one in known], where=where)


def _evaluated(
    store: Store, card: ProtocolCard, level: Level
) -> tuple[Observations, dict[str, list[Hashable]], str]:
    """Return what the searches of a store evaluated at a level, who visited what, and its digest."""
    space = get_space(card.space)
    is_only = len(card.signals) == len(card.fidelities) == 1
    visits: dict[str, list[Hashable]] = {}
    pairs: list[tuple[Hashable, float]] = []
    for run in store.runs().values():
        trajectory = run.record.result.trajectory
        # A record names its level only where it has several: it is known where a benchmark has but one.
        is_level = trajectory.levels[0] == level.text() if trajectory.levels else is_only
        if not run.stands or run.record.benchmark != card.benchmark or not is_level:
            continue
        values = trajectory.own_values().tolist()
        told = zip(trajectory.strings(), values, strict=True)
        seen = [(space.parse(text), value) for text, value in told if math.isfinite(value)]
        pairs += seen
        visits.setdefault(run.record.strategy, []).extend(arch for arch, _ in seen)
    if not pairs:
        raise UsageError(
            f"no search in this store is known to have evaluated {card.benchmark}, {level.text()}",
            where=str(store.folder),
            hint="assay ls",
        )
    digest = digest_value([level.text(), sorted([space.format(arch), value] for arch, value in pairs)])
    return of_values(space, pairs), visits, digest


_HEAD = ("", "n", "R2", "tau", "sparse tau", "rho", "tau of best tenth", "MAE", "RMSE")


def _row(name: str, scores: Scores) -> list[str]:
    rates = (scores.r2, scores.kendall, scores.sparse_kendall, scores.spearman, scores.top_kendall)
    numbers = [_rate(rate) for rate in rates]
    return [name, f"{scores.n:,}", *numbers, f"{scores.mae:.4g}", f"{scores.rmse:.4g}"]


def _rate(rate: float | None) -> str:
    return "none" if rate is None else f"{rate:.3f}"


def _text(report: SurrogateReport) -> str:
    rows = [_row("held out", report.scores), _row("cross-validated", report.cross_validated)]
    if report.naive is not None:
        rows.append(_row("held out naively", report.naive))
    rows += [_row(f"fitted on {point.fitted_on:,}", point.scores) for point in report.curve]
    rows += [_row(f"without {one.method}", one.scores) for one in report.methods]
    if report.cost is not None:
        rows.append(_row("cost, seconds", report.cost))
    right = range(1, len(_HEAD))
    head = (
        f"{report.surrogate}, fitted on {report.fitted_on:,} of {report.architectures:,} architectures "
        f"({report.classes:,} classes) of {report.fitted_from}"
    )
    parts = [
        head,
        table(_HEAD, rows, right=right),
        _naively(report),
        _regions(report),
        _intervals(report),
    ]
    return "\n\n".join(part for part in parts if part)


def _naively(report: SurrogateReport) -> str:
    if report.naive is None or report.naive_shared is None:
        return ""
    return (
        f"Equivalent architectures ({report.canonical_form}) are held out together; the largest such class "
        f"has {report.largest_class:,} of the {report.held_out:,}.\nHeld out naively, "
        f"{report.naive_shared:.0%} have an equivalent architecture among those that were fitted on."
    )


def _regions(report: SurrogateReport) -> str:
    head = [f"measured [{report.unit}]", "n", "MAE", "bias", "tau"]
    rows = [
        [
            f"{one.low:.4g} to {one.high:.4g}",
            f"{one.n:,}",
            f"{one.mae:.4g}",
            f"{one.bias:+.4g}",
            _rate(one.kendall),
        ]
        for one in report.regions
    ]
    return f"Errors by tenths of the measured value\n{table(head, rows, right=(1, 2, 3, 4))}"


def _intervals(report: SurrogateReport) -> str:
    head = ["90 % interval of a single training, from", "covers", "mean width"]
    rows = [[one.interval, f"{one.share:.1%}", f"{one.mean_width:.4g}"] for one in report.coverages]
    note = "" if report.knows_noise else "\nThe source does not tell trainings apart: their noise is unknown."
    return table(head, rows, right=(1, 2)) + note
