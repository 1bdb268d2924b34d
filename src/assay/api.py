"""The commands as functions: what `assay run`, `assay verify`, `assay compare` and the others do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from assay.analysis.cells import make_cells
from assay.analysis.comparison import Comparison
from assay.analysis.comparison import compare as compare_scores
from assay.analysis.gather import gather_facts, gather_runs
from assay.analysis.reading.columns import Columns
from assay.analysis.reading.objects import frame_of
from assay.analysis.reading.read import read_table
from assay.analysis.reading.units import in_order
from assay.analysis.specification import SpecificationCurve, specification_curve
from assay.capture.environment import usable_cores
from assay.foundation.places import cache_folder, store_folder
from assay.foundation.text import one_line
from assay.publishing.assemble import assemble
from assay.publishing.comparison_figures import draw_comparison
from assay.publishing.comparison_page import build_comparison
from assay.publishing.report import build
from assay.publishing.sources import write_sources
from assay.records.store import Store
from assay.statistics.scores import Scores
from assay.studies.load import LoadedStudy, check_study, load_study
from assay.studies.plan import make_plan
from assay.studies.raced import without_raced
from assay.studies.run import RunSummary, Watcher, run_study
from assay.studies.study import Study
from assay.studies.tuned import settled
from assay.verification.verify import Verification, keep_verification, verify_study

AnyStudy = Study | LoadedStudy | Path | str


def run(
    study: AnyStudy,
    *,
    store: Path | str | None = None,
    cache: Path | str | None = None,
    workers: int | None = None,
    watcher: Watcher | None = None,
) -> RunSummary:
    """Run what is due of a study and return what was done.

    `study` is a `Study`, a loaded one, or the path of a study file; paths of methods in a `Study`
    are relative to the working folder. Workers default to one a core. Raises `StudyError`,
    `UnavailableError` and `StoreError`; a cell that fails is in the summary and raises nothing.
    """
    return run_study(
        _load(study),
        _store(store),
        _cache(cache),
        workers=usable_cores() or 1 if workers is None else workers,
        watcher=watcher,
    )


def verify(
    study: AnyStudy,
    *,
    sample: int = 30,
    seed: int | None = None,
    store: Path | str | None = None,
    cache: Path | str | None = None,
    workers: int | None = None,
) -> Verification:
    """Repeat a random sample of a study's runs in fresh processes and check what it stands on."""
    records = _store(store)
    found = verify_study(
        _load(study),
        records,
        _cache(cache),
        sample=sample,
        seed=seed,
        workers=usable_cores() or 1 if workers is None else workers,
    )
    keep_verification(records, found)
    return found


def report(
    study: AnyStudy,
    *,
    store: Path | str | None = None,
    cache: Path | str | None = None,
    out: Path | str | None = None,
) -> Path:
    """Write the report of a study and return the path of its HTML file."""
    loaded, records = _load(study), _store(store)
    folder = Path(out) if out else Path(f"{records.study_folder(loaded.study.name).name}-report")
    document = assemble(loaded, records, _cache(cache))
    write_sources(document, loaded, records, folder)
    return build(document, folder).page


def specification(
    study: AnyStudy,
    a: str,
    b: str,
    *,
    store: Path | str | None = None,
    cache: Path | str | None = None,
) -> SpecificationCurve:
    """Return the estimate of method `a` against `b` under every choice of protocol that the records answer.

    Estimates only: no share of the choices is a significance. Raises what `assay.report` raises, and
    `UnknownNameError` for a method that the study does not have.
    """
    records, folder = _store(store), _cache(cache)
    runs = records.runs()
    plan = without_raced(make_plan(settled(_load(study), records, folder).loaded, None, folder), runs)
    facts = gather_facts(plan)
    methods = tuple(method.name for method in plan.methods)
    cells = make_cells(gather_runs(plan, runs, records), facts, methods)
    return specification_curve(plan, cells, facts, runs, a, b)


def compare(
    table: object,
    *,
    method: str | Sequence[str] | None = None,
    task: str | Sequence[str] | None = None,
    replicate: str | Sequence[str] | None = None,
    score: str | Sequence[str] | None = None,
    family: str | Sequence[str] | None = None,
    where: Mapping[str, str | Sequence[str]] | None = None,
    minimize: bool | None = None,
    paired_by: str | None = None,
    unit: str | None = None,
    order: Sequence[str] = (),
    seed: int = 0,
    alpha: float = 0.05,
    out: Path | str | None = None,
) -> Comparison:
    """Compare the methods of a table of scores; with `out`, write its page, tables and figures there.

    `table` is the path of a file that `assay compare` reads; a data frame of pandas or polars, a table of
    pyarrow, or a list of dicts, one a row; or `Scores`, for which the other parameters but `order`, `seed`,
    `alpha` and `out` mean nothing. The columns are found where they are not named; several of one role are
    joined. `where` chooses rows by a column's value, or by any of several. `unit` declares that all scores
    are in one unit, so that differences count across tasks. `order` names the methods that come first in
    tables and figures. Raises `UsageError` with file, line and column for what cannot be read.
    """
    notes: tuple[str, ...] = ()
    if isinstance(table, Scores):
        found = compare_scores(in_order(table, _names(order)), seed=seed, alpha=alpha)
    else:
        source = Path(table) if isinstance(table, Path | str) else frame_of(table)
        columns = Columns(
            method=_names(method) or None,
            task=_names(task) or None,
            replicate=_names(replicate) or None,
            family=_names(family) or None,
            scores=_names(score),
            where=tuple((column, one) for column, held in (where or {}).items() for one in _names(held)),
        )
        read = read_table(
            source, columns, minimize=minimize, paired_by=paired_by, unit=unit, order=_names(order)
        )
        name, notes = one_line(source.name), read.notes
        found = compare_scores(read.scores, name=name, metric=read.metric, seed=seed, alpha=alpha)
    if out is not None:
        build_comparison(found, Path(out), notes=notes, drawn=draw_comparison(found))
    return found


def _names(given: str | Sequence[str] | None) -> tuple[str, ...]:
    return () if given is None else (given,) if isinstance(given, str) else tuple(map(str, given))


def _load(study: AnyStudy) -> LoadedStudy:
    if isinstance(study, LoadedStudy):
        return study
    return check_study(study) if isinstance(study, Study) else load_study(study)


def _store(store: Path | str | None) -> Store:
    return Store(Path(store) if store else store_folder())


def _cache(cache: Path | str | None) -> Path:
    return Path(cache) if cache else cache_folder()
