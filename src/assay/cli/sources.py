"""Scores for a command: from a table of results, or from a study and its store."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from assay.analysis.cells import Cells, make_cells
from assay.analysis.gather import gather_facts, gather_runs
from assay.analysis.model import BenchmarkFacts
from assay.analysis.reading.read import read_table
from assay.analysis.scoring import study_scores
from assay.cli.output import say, visible
from assay.foundation.errors import UsageError
from assay.foundation.places import cache_folder, store_folder
from assay.records.store import Run, Store
from assay.statistics.scores import Scores
from assay.studies.load import load_study
from assay.studies.plan import Plan, make_plan
from assay.studies.raced import without_raced
from assay.studies.tuned import settle


class StudyData(NamedTuple):
    """A study with what its store holds: the plan as it runs, its cells, and the runs by id."""

    plan: Plan
    cells: Cells
    facts: dict[str, BenchmarkFacts]
    runs: dict[str, Run]

    @property
    def methods(self) -> tuple[str, ...]:
        """The names of the methods as they run."""
        return tuple(method.name for method in self.plan.methods)

    def scores(self) -> Scores:
        """Return what the runs report."""
        planned = self.plan.loaded.study.replicates
        return study_scores(self.cells, self.facts, self.methods, planned)


def read_scores(path: Path, store: Path | None) -> tuple[Scores, StudyData | None]:
    """Return the scores of a table, or of a study and its store, which then comes with its data."""
    if path.suffix != ".toml":
        read = read_table(path)
        for note in read.notes:
            say(visible(note))
        return read.scores, None
    data = read_study(path, store)
    return data.scores(), data


def read_study(path: Path, store_path: Path | None) -> StudyData:
    """Return a study with what its store holds of it; refuses one of which no run is recorded."""
    loaded = load_study(path)
    store = Store(store_path or store_folder(), create=False)
    plan = make_plan(settle(loaded, store, cache_folder()).loaded, None, cache_folder())
    runs = store.runs()
    plan = without_raced(plan, runs)
    facts = gather_facts(plan)
    found = gather_runs(plan, runs, store)
    if not found:
        raise UsageError(
            "no run of this study is recorded", where=str(store.folder), hint=f"assay run {path}"
        )
    cells = make_cells(found, facts, tuple(method.name for method in plan.methods))
    return StudyData(plan, cells, facts, runs)
