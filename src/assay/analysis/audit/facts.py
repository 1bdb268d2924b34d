"""What the rules of an audit look at: gathered once, from a study with its store or from a table."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import NamedTuple

import msgspec
import numpy as np

from assay.analysis.cells import Cells
from assay.analysis.chance import LuckRow
from assay.analysis.model import BenchmarkFacts
from assay.analysis.reading.columns import Layout
from assay.analysis.reading.frame import Frame, label
from assay.contracts.card import ProtocolCard
from assay.foundation.locate import line_of
from assay.foundation.text import one_line
from assay.foundation.toml_file import key_path
from assay.provenance.components import SeedIdentity
from assay.records.record import Record
from assay.records.store import Run
from assay.statistics.scores import Scores
from assay.studies.history import History
from assay.studies.load import LoadedStudy
from assay.studies.plan import Plan
from assay.tasks.ledger import Entry


class Source(NamedTuple):
    """A file of a method as it stands: its text, None where it is too large or no text.

    `declared` says that the study file lists it in `files`; others are code.
    """

    method: str
    path: str
    text: str | None
    declared: bool


class Verified(msgspec.Struct, frozen=True, kw_only=True):
    """What the latest verification found, and whether it was of the runs that stand now."""

    verdict: str
    sentence: str
    findings: tuple[str, ...]
    current: bool


class StudyFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A study file and what its store holds.

    `loaded` is the study as written, `plan` as it runs (tuned configurations put in), None where it cannot
    be planned; `refused` then says why. `runs` are those of the plan by id, `recorded` all of the store.
    `seeds` gives the root and replicate of each recorded run by its digest. `damage` names what is not
    intact. `luck` has a row for each cell with runs.
    """

    loaded: LoadedStudy
    plan: Plan | None
    refused: str
    cards: dict[str, ProtocolCard]
    runs: dict[str, Run]
    recorded: dict[str, Run]
    cells: Cells
    benchmarks: dict[str, BenchmarkFacts]
    history: History
    entries: tuple[Entry, ...]
    seeds: dict[str, SeedIdentity]
    sources: tuple[Source, ...]
    luck: tuple[LuckRow, ...]
    verified: Verified | None
    damage: tuple[str, ...]

    @property
    def methods(self) -> tuple[str, ...]:
        """The names of the methods as they run."""
        if self.plan is None:
            return tuple(self.loaded.study.methods)
        return tuple(method.name for method in self.plan.methods)

    def of(self, method: str) -> list[Record]:
        """Return the completed records of a method, in the order of the plan."""
        plan = self.plan
        cells = plan.cells if plan is not None else ()
        found = [self.runs.get(cell.spec.run) for cell in cells if cell.method == method]
        return [run.record for run in found if run is not None and run.completed]

    def claimed(self) -> tuple[str, ...]:
        """Return the methods that claims speak for, each once."""
        sides = [claim.sides()[0][1] for claim in self.loaded.study.claims]
        return tuple(dict.fromkeys(sides))

    def key(self, *key: str | int) -> tuple[str, int | None]:
        """Return the place of a key of the study file, by the file's name alone, and its line."""
        loaded = self.loaded
        if loaded.path is None:
            return loaded.where(*key), None
        line = line_of(loaded.text, key)
        return f"{loaded.path.name}{f':{line}' if line else ''}, {key_path(key)}", line


class TableFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A table as read: its cells, what each column was taken for, and what the caller said.

    `text` holds the cells of each column as text, by its name.
    """

    frame: Frame
    layout: Layout
    metric: str
    paired_by: str | None

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns."""
        return tuple(one_line(name) for name in self.frame.columns)

    @property
    def others(self) -> tuple[int, ...]:
        """The columns that are neither names of runs nor scores."""
        layout = self.layout
        roles = (layout.method, layout.task, layout.replicate, layout.fold, layout.family, layout.state)
        taken = {i for i in roles if i is not None} | set(layout.scores)
        return tuple(i for i in range(len(self.frame.columns)) if i not in taken)

    def name(self, row: int, role: str) -> str:
        """Return the method, task or replicate of a row; empty where no column says it."""
        column = getattr(self.layout, role)
        if column is None:
            return ""
        return one_line(label(self.frame.rows[row][column]))

    def cell(self, row: int, column: int) -> str:
        """Return a cell as text on one line."""
        return one_line(label(self.frame.rows[row][column]))


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """All that is known of what is audited: a study, or a table; `scores` are what its runs report."""

    name: str
    scores: Scores | None
    study: StudyFacts | None = None
    table: TableFacts | None = None

    @property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """The pairs of methods that are compared: those of the claims, or all where there are none."""
        if self.study is not None and self.study.loaded.study.claims:
            return _claimed_pairs(self.study)
        names = self.scores.methods if self.scores is not None else ()
        return tuple((a, b) for i, a in enumerate(names) for b in names[i + 1 :])

    def leaders(self) -> Mapping[str, float]:
        """Return the methods that results speak for: those of claims, else the best mean of each task."""
        if self.study is not None and self.study.claimed():
            return dict.fromkeys(self.study.claimed(), 1.0)
        if self.scores is None:
            return {}
        means = self.scores.means()
        found: dict[str, float] = {}
        for row in means:
            if np.isfinite(row).any():
                best = self.scores.methods[int(np.nanargmax(row))]
                found[best] = found.get(best, 0.0) + 1.0
        return found


def _claimed_pairs(study: StudyFacts) -> tuple[tuple[str, str], ...]:
    found: dict[tuple[str, str], None] = {}
    for claim in study.loaded.study.claims:
        names = claim.named()
        if claim.kind == "ranking":
            found.update(dict.fromkeys(pairwise(names)))
        else:
            found.update(dict.fromkeys((names[0], other) for other in names[1:]))
    return tuple(found)
