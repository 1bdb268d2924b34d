"""Audits the corpus and counts: of each flaw how many were found, and how many accusations were right."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from assay.analysis.audit.audit import Audit, audit
from assay.analysis.audit.gather import gather_study, gather_table
from assay.records.store import Store
from assay.studies.load import load_study
from corpus.bed import Bed
from corpus.case import CASES, FLAWS, STUDY, Case, half_of

# Which flaw of the corpus a finding accuses of. Findings that are not here are of things that no case
# of the corpus is about; they are counted apart.
MEANS = {
    "test-as-signal": {"test-as-signal"},
    "test-in-code": {"test-as-signal", "unequal-budget"},  # a test column, or a table beside the meter
    "trained-on-evaluated": {"trained-on-scored", "warm-start"},  # architectures given, and then scored
    "warm-start": {"warm-start"},
    "overlapping-splits": {"duplicates"},
    "best-of-seeds": {"best-of-seeds"},
    "changed-after-test": {"hyperparameters-after-test", "changed-after-look"},
    "late-claims": {"changed-after-look"},
    "extended-after-look": {"changed-after-look"},
    "plan-changed": {"changed-after-look"},
    "unequal-budgets": {"unequal-budget"},
    "unequal-tuning": {"unequal-tuning", "unequal-recipe"},
    "mixed-arithmetic": {"mixed-arithmetic"},
    "confounded-environment": {"confounded-environment"},
    "failed-runs": {"failures-concentrated"},
    "missing-runs": {"failures-concentrated"},
    "no-random-search": {"no-random-search"},
    "too-few-replicates": {"too-few-replicates"},
    "too-few-tasks": {"dependent-tasks"},
    "saturated-tasks": {"saturated"},
    "pool-dependent-ranks": {"pool-dependent"},
    "dependent-tasks": {"dependent-tasks"},
    "suspicious-equality": {"duplicates", "best-of-seeds"},  # equal replicates are one run told often
    "twin-tasks": {"duplicates", "dependent-tasks"},
}
ACCUSATIONS = ("invalidates", "doubtful")
Z = 1.959963984540054


class Outcome(NamedTuple):
    """A case and what its audit says: (id, severity, title) of each finding."""

    case: Case
    half: str
    said: tuple[tuple[str, str, str], ...]

    @property
    def accused(self) -> list[str]:
        """The findings that accuse: a note does not."""
        return [name for name, severity, _ in self.said if severity in ACCUSATIONS]

    @property
    def found(self) -> list[tuple[str, bool]]:
        """Each planted flaw, and whether an accusation names it."""
        meant = {flaw for name in self.accused for flaw in MEANS.get(name, ())}
        return [(entry.partition("|")[0], bool(meant & set(entry.split("|")))) for entry in self.case.planted]

    @property
    def right(self) -> list[tuple[str, bool]]:
        """Each accusation that the corpus knows, and whether it is fair."""
        return [(name, bool(MEANS[name] & self.case.fair)) for name in self.accused if name in MEANS]

    @property
    def beside(self) -> list[str]:
        """The accusations of what no case is about."""
        return [name for name in self.accused if name not in MEANS]


class Rate(NamedTuple):
    """Some of several; the interval is Wilson's (1927), at 95 %."""

    hits: int
    of: int

    @property
    def value(self) -> float:
        """The share."""
        return self.hits / self.of if self.of else math.nan

    @property
    def interval(self) -> tuple[float, float]:
        """The bounds of the share; all of [0, 1] of nothing."""
        if not self.of:
            return 0.0, 1.0
        share, weight = self.value, Z * Z / self.of
        middle = (share + weight / 2) / (1 + weight)
        half = Z / (1 + weight) * math.sqrt(share * (1 - share) / self.of + weight / (4 * self.of))
        return max(middle - half, 0.0), min(middle + half, 1.0)

    def text(self) -> str:
        """Return the rate as a cell of a table."""
        if not self.of:
            return "-"
        low, high = self.interval
        return f"{self.value:.2f} ({self.hits}/{self.of}; {low:.2f} to {high:.2f})"


def measure(folder: Path, cache: Path, cases: Sequence[Case] = ()) -> list[Outcome]:
    """Build every case in a folder of its own and audit it."""
    halves = half_of()
    return [
        Outcome(case, halves[case.name], _said(audited(case, folder / case.name, cache)))
        for case in cases or CASES
    ]


def audited(case: Case, folder: Path, cache: Path) -> Audit:
    """Build a case and return its audit."""
    bed = Bed(folder, cache)
    path = case.build(bed)
    if case.form == STUDY:
        return audit(gather_study(load_study(path), Store(bed.store, create=False), cache))
    return audit(gather_table(path))


def _said(found: Audit) -> tuple[tuple[str, str, str], ...]:
    return tuple((one.id, one.severity, one.title) for one in found.findings)


def recall(outcomes: Iterable[Outcome], flaw: str | None = None) -> Rate:
    """Return how many planted flaws were found."""
    hits = [hit for one in outcomes for name, hit in one.found if flaw in (None, name)]
    return Rate(sum(hits), len(hits))


def precision(outcomes: Iterable[Outcome], flaw: str | None = None) -> Rate:
    """Return how many accusations were fair; of one flaw, those that name it."""
    hits = [hit for one in outcomes for name, hit in one.right if flaw is None or flaw in MEANS[name]]
    return Rate(sum(hits), len(hits))


def markdown(outcomes: Sequence[Outcome]) -> str:
    """Return the table of the documentation: each flaw, both halves, and all."""
    flawed = sum(bool(one.case.planted) for one in outcomes)
    studies = sum(one.case.form == STUDY for one in outcomes)
    told = (
        f"{flawed} flawed and {len(outcomes) - flawed} clean cases; {studies} are studies that really run, "
        "the others tables. Recall is the share of planted flaws that `invalidates` or `doubtful` name, "
        "precision the share of such findings that name a flaw of their case; beside each its count and "
        "Wilson's 95 % interval. Rules are mended by the development half alone: the held-out half says how "
        "often a new study is judged rightly."
    )
    lines = [
        told,
        "",
        "| flaw | recall | precision |",
        "| --- | --- | --- |",
    ]
    lines += [_line(f"`{flaw}`: {FLAWS[flaw]}", outcomes, flaw) for flaw in FLAWS]
    for half in dict.fromkeys(one.half for one in outcomes):
        lines.append(_line(f"all, {half} half", [one for one in outcomes if one.half == half]))
    for form in dict.fromkeys(one.case.form for one in outcomes):
        lines.append(_line(f"all, {form} cases", [one for one in outcomes if one.case.form == form]))
    clean = [one for one in outcomes if not one.case.planted]
    quiet = Rate(sum(not one.right for one in clean), len(clean))
    lines += [
        _line("all", outcomes),
        "",
        f"Clean cases without an accusation of any of these flaws: {quiet.text()}.",
    ]
    return "\n".join(lines)


def _line(name: str, outcomes: Sequence[Outcome], flaw: str | None = None) -> str:
    return f"| {name} | {recall(outcomes, flaw).text()} | {precision(outcomes, flaw).text()} |"


def disagreements(outcomes: Iterable[Outcome]) -> list[str]:
    """Return a line for each planted flaw that was missed and each accusation that is not fair."""
    lines = []
    for one in outcomes:
        notes = [name for name, severity, _ in one.said if severity not in ACCUSATIONS]
        for flaw, hit in one.found:
            if not hit:
                lines.append(
                    f"{one.half}: {one.case.name}: missed {flaw}; notes: {', '.join(notes) or 'none'}"
                )
        for name, fair in one.right:
            if not fair:
                title = next(text for id_, _, text in one.said if id_ == name)
                lines.append(f"{one.half}: {one.case.name}: accused of {name}: {title}")
    return lines
