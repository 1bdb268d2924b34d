"""What a report says of how a study was made: ablations, tuning, published numbers, registration."""

from __future__ import annotations

import math
from collections.abc import Sequence

from assay.analysis.ablations import Ablation
from assay.analysis.judgement import Judgement, RegistrationFacts
from assay.analysis.tuning import MethodTuning, TuningGain, TuningReport
from assay.foundation.digest import short
from assay.publishing.section import Block, Names, Section, bases, grid
from assay.publishing.sheet import Drawn
from assay.publishing.words import counted, listed, plain, sentence
from assay.statistics.differences import Difference
from assay.statistics.permutation import p_text
from assay.statistics.table import Cell, Table
from assay.studies.study import UNVERIFIED


def ablations(found: Judgement, names: Names) -> Section | None:
    """Return the section of methods that differ in one component, None without any."""
    if not found.ablations:
        return None
    blocks = [_ablation(one, names) for one in found.ablations if not one.confounded]
    mixed = tuple(one.text() for one in found.ablations if one.confounded)
    if mixed:
        lines = ("No difference between these says which change made it.", *mixed)
        blocks.append(Block("Confounded: more than one component differs", lines, "open"))
    return Section(
        "ablations",
        "Ablations",
        "Methods that run the same strategy and differ in exactly one component: the difference is what that "
        "component brings, with Holm's correction over all rows.",
        tuple(blocks),
    )


def _ablation(one: Ablation, names: Names) -> Block:
    a, b = names.get(one.a, one.a), names.get(one.b, one.b)
    rows = [
        (row.benchmark, _difference_text(row.difference, row.adjusted) if row.difference else row.why)
        for row in one.rows
    ]
    lines = tuple(change.text() for change in one.changes)
    return Block(f"{b} against {a}", lines, table=Table(("benchmark", f"{b} minus {a}"), [*map(tuple, rows)]))


def _difference_text(one: Difference, adjusted: float | None) -> str:
    """Return a difference with its interval, n and corrected p."""
    ends = "no interval" if one.low is None or one.high is None else f"[{one.low:+.3g}, {one.high:+.3g}]"
    tested = "no test" if adjusted is None else f"adjusted {p_text(adjusted)}"
    return f"{one.mean:+.3g} {ends}, n = {one.n_a} and {one.n_b}, {tested}"


def tuning(report: TuningReport | None, drawn: tuple[Drawn, ...], names: Names) -> Section | None:
    """Return the section of tuning, its problems first; None where no method is tuned."""
    if report is None:
        return None
    blocks = []
    if report.problems:
        blocks.append(Block("Problems", tuple(map(sentence, report.problems)), "bad"))
    told = sentence(report.sentence().partition(". PROBLEM")[0])
    untuned = [names.get(name, name) for name in report.untuned]
    without = f"Not tuned, and run with their declared defaults: {listed(untuned)}." if untuned else ""
    blocks.append(Block(lines=(told, without), table=_chosen(report.methods, names)))
    blocks.append(
        Block("Tuned minus default on the study's benchmarks", (), "", drawn, _gains(report, names))
    )
    scores: list[tuple[Cell, ...]] = [
        (
            names.get(m.method, m.method),
            c.text,
            "–" if c.score is None else plain(c.score, 3),
            c.runs,
            _marks(c),
        )
        for m in report.methods
        for c in m.configurations
    ]
    columns = ("method", "configuration", "mean normalised regret", "runs", "")
    blocks.append(Block(table=Table(columns, scores), folded="Every configuration that was run"))
    return Section(
        "tuning",
        "Tuning",
        "What each method was tuned by, on benchmarks that the study does not report, and what it brought on "
        "those that it does; a positive difference favours the tuned configuration.",
        tuple(blocks),
        bases(report),
    )


def _marks(one: object) -> str:
    words = [word for word in ("default", "chosen") if getattr(one, word)]
    return ", ".join(words)


def _chosen(methods: Sequence[MethodTuning], names: Names) -> Table:
    columns = ("method", "chosen", "configurations", "evaluations charged", "tuned on", "frozen")
    rows: list[tuple[Cell, ...]] = []
    for one in methods:
        chosen = next((c.text for c in one.configurations if c.chosen), "none") or "the defaults"
        when = f"{one.when[:10]}, {short(one.frozen)}" if one.frozen else "not frozen"
        earlier = f"; {one.earlier} other choices before" if one.earlier else ""
        note = f" ({one.note})" if one.note else ""
        rows.append(
            (
                names.get(one.method, one.method),
                f"{chosen}{note}",
                len(one.configurations),
                f"{one.evaluations:,}",
                listed(one.benchmarks),
                f"{when}{earlier}",
            )
        )
    return Table(columns, rows)


def _gains(report: TuningReport, names: Names) -> Table:
    return grid([(gain.benchmark, gain.method, _gain(gain)) for gain in report.gains], names)


def _gain(gain: TuningGain) -> str:
    return gain.why if gain.difference is None else _difference_text(gain.difference, gain.adjusted)


def published(found: Judgement, drawn: tuple[Drawn, ...]) -> Section | None:
    """Return the section of published numbers, None without any."""
    if not found.published:
        return None
    blocks = []
    for one in found.published:
        place = "where it stands is unverified" if one.source == UNVERIFIED else f"from {one.source}"
        lines = [sentence(f"{one.metric} metric on {one.benchmark}; {place}")]
        lines += [sentence(f"nothing can be compared: {one.missing}")] if one.missing else []
        lines += [sentence(one.table.sentence())] if one.table else []
        lines += [sentence(one.confusion.sentence())] if one.confusion else []
        table = _numbers(one.table.table()) if one.table else None
        blocks.append(Block(one.name, tuple(lines), table=table, folded="Every number" if table else ""))
    blocks.append(Block(figures=drawn))
    results = [part for one in found.published[:1] for part in (one.table, one.confusion) if part is not None]
    return Section(
        "published",
        "Published numbers",
        "Whether the runs of this study replicate what was published, by the interval of (ours - published) "
        "against a margin that was declared, with Holm's correction over the table.",
        tuple(blocks),
        bases(*results),
    )


def _numbers(table: Table) -> Table:
    """Return a table with its numbers rounded for reading."""
    rows = [
        tuple(plain(c) if isinstance(c, float) and math.isfinite(c) else c for c in row) for row in table.rows
    ]
    return Table(table.columns, rows)


def registration(facts: RegistrationFacts | None) -> Section | None:
    """Return the section of the registration and what departs from it."""
    if facts is None:
        return None
    told = [f"{facts.state[0].upper()}{facts.state[1:]}: {facts.why}."]
    if facts.written:
        told.append(
            f"The file says {facts.written}; its digest is {short(facts.digest)}. It holds "
            f"{counted(facts.hypotheses, 'hypothesis', 'hypotheses')}."
        )
    told.append(
        f"Witness: {facts.witness}{f', {facts.witnessed}' if facts.witnessed else ''}."
        if facts.witness
        else ""
    )
    told.append(f"Stopping rule: {facts.stopping}." if facts.stopping else "")
    told += [f"Excluded: {rule}." for rule in facts.exclusions]
    blocks = [Block(lines=tuple(told))]
    if facts.written:
        title, tone = ("Deviations from the plan", "bad") if facts.deviations else ("Deviations: none", "met")
        blocks.append(Block(title, facts.deviations, tone))
    return Section(
        "registration",
        "Registration",
        "Whether hypotheses, margins and the stopping rule were written down before there were data, and "
        "who but the author can vouch for it.",
        tuple(blocks),
    )
