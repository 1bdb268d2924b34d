"""Gathers the facts of an audit: from a study file with its store, or from a table of results."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec
import numpy as np

from assay.analysis.audit.facts import Facts, Source, StudyFacts, TableFacts, Verified
from assay.analysis.cells import Cells, make_cells
from assay.analysis.chance import LuckRow, luck_rows
from assay.analysis.gather import gather_facts, gather_runs
from assay.analysis.model import BenchmarkFacts
from assay.analysis.reading.columns import Columns, find_columns
from assay.analysis.reading.files import load_frame
from assay.analysis.reading.read import read_table
from assay.analysis.reading.trackers import as_runs, with_methods_from_names
from assay.analysis.scoring import study_scores
from assay.benchmarks.catalogue import card_of, expand
from assay.foundation.errors import AssayError, IntegrityError, StudyError, UnavailableError, UsageError
from assay.foundation.text import one_line
from assay.provenance.components import CodeEvidence, SeedIdentity
from assay.records.store import Run, Store, check
from assay.studies.history import load_history
from assay.studies.load import LoadedStudy
from assay.studies.methods import MethodPlan
from assay.studies.plan import Plan, make_plan
from assay.studies.raced import without_raced
from assay.studies.tuned import settle
from assay.tasks.ledger import Entry, Ledger

Verify = Callable[[Plan, Mapping[str, Run]], Verified | None]


def gather_study(loaded: LoadedStudy, store: Store, cache: Path, verify: Verify = lambda *_: None) -> Facts:
    """Return the facts of a study. `verify` tells what the latest verification of these runs found.

    What is damaged in the store is told as a fact. A study that cannot be planned because of how it
    tunes, or because a card lacks what it asks for, is audited by its file alone; raises what planning
    raises for any other mistake.
    """
    damage: list[str] = []
    recorded = store.runs(on_damage=lambda error: damage.append(error.one_line()))
    plan, refused = _planned(loaded, store, cache)
    plan = without_raced(plan, recorded) if plan is not None else None
    runs = _intact(plan, recorded, damage)
    ledger = _entries(store, damage)
    benchmarks: dict[str, BenchmarkFacts] = gather_facts(plan) if plan is not None else {}
    names = tuple(method.name for method in plan.methods) if plan is not None else ()
    cells: Cells = {}
    if plan is not None and ledger is not None:
        cells = make_cells(gather_runs(plan, runs, store), benchmarks, names)
    scores = None
    if plan is not None and any(cell.completed for cell in cells.values()):
        scores = study_scores(cells, benchmarks, names, loaded.study.replicates)
    study = StudyFacts(
        loaded=loaded,
        plan=plan,
        refused=refused,
        cards={name: card_of(name) for name in _named(loaded)},
        runs=runs,
        recorded=recorded,
        cells=cells,
        benchmarks=benchmarks,
        history=load_history(store, loaded.study.name),
        entries=ledger or (),
        seeds=_seeds(recorded, store),
        sources=_sources(plan),
        luck=_luck(plan, cells, benchmarks, names, cache) if scores is not None else (),
        verified=verify(plan, runs) if plan is not None else None,
        damage=tuple(damage),
    )
    return Facts(name=loaded.study.name, scores=scores, study=study)


def gather_table(
    path: Path, columns: Columns | None = None, *, minimize: bool | None = None, paired_by: str | None = None
) -> Facts:
    """Return the facts of a table of results; raises `UsageError` as `read_table` does."""
    given = columns or Columns()
    read = read_table(path, given, minimize=minimize, paired_by=paired_by)
    frame = as_runs(load_frame(path), given.scores)
    try:
        layout = find_columns(frame, given)
    except UsageError:
        frame = with_methods_from_names(frame)
        layout = find_columns(frame, given)
    table = TableFacts(frame=frame, layout=layout, metric=read.metric, paired_by=paired_by)
    return Facts(name=one_line(path.name), scores=read.scores, table=table)


def _planned(loaded: LoadedStudy, store: Store, cache: Path) -> tuple[Plan | None, str]:
    """Return the study as it runs; without its tuning where that is refused, with the reason."""
    refused = ""
    try:
        settled = settle(loaded, store, cache)
        ready = settled.loaded
        if settled.pending:
            refused = f"no configuration is chosen yet for {', '.join(settled.pending)}"
    except StudyError as error:
        if all(method.tuning is None for method in loaded.study.methods.values()):
            raise
        refused = error.one_line()
        plain = {
            name: msgspec.structs.replace(method, tuning=None)
            for name, method in loaded.study.methods.items()
        }
        ready = msgspec.structs.replace(loaded, study=msgspec.structs.replace(loaded.study, methods=plain))
    if not ready.study.methods:
        return None, refused
    try:
        return make_plan(ready, None, cache), refused
    except UnavailableError as error:
        return None, error.one_line()


def _named(loaded: LoadedStudy) -> list[str]:
    study = loaded.study
    return expand([study.suite] if study.suite is not None else list(study.benchmarks))


def _intact(plan: Plan | None, recorded: Mapping[str, Run], damage: list[str]) -> dict[str, Run]:
    """Return the runs of the plan whose records are what was written."""
    runs = {}
    for cell in plan.cells if plan is not None else ():
        run = recorded.get(cell.spec.run)
        if run is None:
            continue
        try:
            check(run.record)
        except IntegrityError as error:
            damage.append(error.one_line())
            continue
        runs[cell.spec.run] = run
    return runs


def _entries(store: Store, damage: list[str]) -> tuple[Entry, ...] | None:
    """Return every assessment, None where the ledger is not what was written."""
    try:
        return tuple(Ledger(store.folder).entries())
    except IntegrityError as error:
        damage.append(error.one_line())
        return None


def _seeds(recorded: Mapping[str, Run], store: Store) -> dict[str, SeedIdentity]:
    found: dict[str, SeedIdentity] = {}
    for digest in {run.record.components.seeds for run in recorded.values()}:
        try:
            found[digest] = store.objects.get_value(digest, SeedIdentity)
        except (AssayError, msgspec.DecodeError):
            continue  # `assay verify` says what is missing from a store
    return found


def _sources(plan: Plan | None) -> tuple[Source, ...]:
    """Return the author's files of each method, as they stand on disk."""
    found: list[Source] = []
    for method in plan.methods if plan is not None else ():
        shown = msgspec.json.decode(plan.blobs[method.evidence], type=CodeEvidence) if plan else None
        texts = {file.path: file.content for file in shown.files} if shown is not None else {}
        own = method.door.kind != "strategy" or ":" in method.door.target
        for path in method.identity.files:
            declared = _is_declared(path, method)
            if path.startswith("<") or not (own or declared):
                continue
            content = plan.blobs.get(texts.get(path, "")) if plan is not None else None
            found.append(Source(method.name, path, _text(path, content), declared))
    return tuple(found)


def _is_declared(path: str, method: MethodPlan) -> bool:
    listed = [one.rstrip("/").removeprefix("./") for one in method.door.files]
    return any(path == one or path.startswith(f"{one}/") for one in listed)


def _text(path: str, content: bytes | None) -> str | None:
    if content is not None and path.lower().endswith(".npy"):
        return _rows_of_array(content)
    if content is None or b"\0" in content[:4096]:
        return None
    return content.decode("utf-8", "replace")


def _rows_of_array(content: bytes) -> str | None:
    """Return an array as lines of text, a line for each example; None where it cannot be read."""
    try:
        array = np.load(io.BytesIO(content), allow_pickle=False)
    except (ValueError, EOFError, OSError):
        return None
    if not isinstance(array, np.ndarray) or array.ndim == 0:
        return None
    rows = array.reshape(len(array), -1).tolist()
    return "\n".join(",".join(map(repr, row)) for row in rows)


def _luck(
    plan: Plan | None,
    cells: Cells,
    benchmarks: Mapping[str, BenchmarkFacts],
    methods: tuple[str, ...],
    cache: Path,
) -> tuple[LuckRow, ...]:
    if plan is None:
        return ()
    try:
        return luck_rows(plan, cells, benchmarks, methods, cache)
    except AssayError:
        return ()  # a table of which the vault cannot be opened tells nothing about luck
