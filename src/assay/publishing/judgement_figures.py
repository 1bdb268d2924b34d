"""The figures of the judgement, each under an id of its own, and the section in which each stands."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from assay.analysis.chance import LuckRow
from assay.analysis.comparison import Comparison
from assay.analysis.judgement import Judgement, OverRandom
from assay.publishing.comparison_figures import draw_comparison
from assay.publishing.document import ReportDocument
from assay.publishing.plots import figure, figures
from assay.publishing.plots.canvas import Naming, table
from assay.publishing.plots.forest import Form, Guide, Line, forest, interval_text
from assay.publishing.sheet import Drawn
from assay.publishing.style import drawing
from assay.publishing.words import counted, labels
from assay.statistics.luck import Luck

# Beyond so many rows a table says more than a figure.
MOST_ROWS = 40
_DIFFERENCES = "differences"


def draw_judgement(document: ReportDocument) -> dict[str, tuple[Drawn, ...]]:
    """Return the figures of each section of the judgement, by the id of the section."""
    found = document.judged()
    naming: dict[str, Any] = {
        "methods": [method.name for method in document.methods],
        "labels": labels(document),
    }
    units = {row.benchmark: row.unit for row in document.analysis.results}
    drawn: dict[str, Iterable[Drawn]] = {
        "comparison": _comparison(found, units, naming),
        "luck": [*_luck(found.luck, naming), *_over_random(found.over_random, naming)],
        "stability": _stability(found, naming),
        "generalisation": _generalisation(found, naming),
        "tuning": _tuning(found, naming),
        "published": _published(found, naming),
    }
    return {section: tuple(made) for section, made in drawn.items()}


def renamed(drawn: Drawn, id: str) -> Drawn:
    """Return a figure under another id, so that two of one kind can stand in one page."""
    old = re.escape(drawn.id)
    panels = tuple(re.sub(rf'( id="|url\(#|xlink:href="#){old}-', rf"\g<1>{id}-", p) for p in drawn.panels)
    return drawn._replace(id=id, panels=panels)


def pooled_luck(rows: Iterable[LuckRow]) -> dict[str, Luck]:
    """Return the luck of each method over the runs on all its benchmarks: shares of runs, no mean."""
    groups: dict[str, list[Luck]] = {}
    for row in rows:
        groups.setdefault(row.method, []).append(row.luck)
    return {method: _pooled(found) for method, found in groups.items()}


def _pooled(found: list[Luck]) -> Luck:
    first = found[0]
    errors = [luck.standard_error or (0.0,) * len(luck.values) for luck in found]
    exact = all(luck.exact for luck in found)
    return Luck(
        basis=first.basis,
        values=tuple(value for luck in found for value in luck.values),
        budgets=tuple(budget for luck in found for budget in luck.budgets),
        unit=first.unit,
        at_least=tuple(p for luck in found for p in luck.at_least),
        better=tuple(p for luck in found for p in luck.better),
        replacement=first.replacement,
        with_replacement=None,
        without_replacement=None,
        standard_error=None if exact else tuple(error for own in errors for error in own),
        random_wins=None,
        space=first.space,
        exact=exact,
        maximize=first.maximize,
    )


def _comparison(found: Judgement, units: Mapping[str, str], naming: Mapping[str, Any]) -> Iterator[Drawn]:
    if found.comparison is None:
        return
    drawn = draw_comparison(found.comparison, naming["labels"])
    kinds = list(dict.fromkeys(units[task.task] for task in found.comparison.tasks if task.task in units))
    if len(kinds) > 1:  # one axis has one unit
        yield from _by_unit(found.comparison, units, kinds, naming)
        drawn = tuple(one for one in drawn if one.id != _DIFFERENCES)
    yield from drawn
    if found.ranks is not None and all(one.id != "rank-intervals" for one in drawn):
        yield figure(found.ranks, **naming)


def _by_unit(
    comparison: Comparison, units: Mapping[str, str], kinds: list[str], naming: Mapping[str, Any]
) -> Iterator[Drawn]:
    for i, unit in enumerate(kinds, start=1):
        tasks = tuple(task for task in comparison.tasks if units.get(task.task) == unit)
        part = msgspec.structs.replace(comparison, tasks=tasks, pairwise=None, rank_intervals=None)
        for one in draw_comparison(part, naming["labels"]):
            if one.id == _DIFFERENCES:
                made = renamed(one, f"{_DIFFERENCES}-{i}")
                yield made._replace(title=f"{one.title}, {unit or 'no unit'}")


def _luck(rows: tuple[LuckRow, ...], naming: Mapping[str, Any]) -> Iterator[Drawn]:
    if rows:
        yield figure(pooled_luck(rows), **naming)


def _over_random(rows: tuple[OverRandom, ...], naming: Mapping[str, Any]) -> Iterator[Drawn]:
    shown = [row for row in rows if row.improvement is not None]
    if not shown or len(shown) > MOST_ROWS:
        return
    names = Naming(naming["methods"], naming["labels"])
    with drawing():
        lines, ends = [], []
        for row in shown:
            i = row.improvement
            if i is None:
                continue
            label = f"{row.benchmark.rpartition('/')[2]}: {names.label(row.method)}"
            note = interval_text(i.percent, i.low, i.high, sign=True)
            lines.append(Line(label, i.percent, i.low, i.high, note, names.look(row.method)))
            ends.append((row.benchmark, row.method, i.percent, i.low, i.high, i.n_method, i.n_random))
        parts = [i for i in range(len(shown) - 1) if shown[i].benchmark != shown[i + 1].benchmark]
        form = Form(
            "improvement over random search, %",
            guides=[Guide(0.0, strong=True)],
            heads=("", "% [interval]"),
            parted=parts,
        )
        sketch = forest(lines, form).finish(
            id="relative-improvement",
            title="Relative improvement over random search",
            explanation="The improvement of each method's mean over that of random search on each benchmark, "
            "in percent of the latter, with Fieller's 95 % interval.",
            alt=f"Relative improvement over random search in {counted(len(lines), 'row')}.",
            data=table(("benchmark", "method", "percent", "low", "high", "n", "n random"), ends),
            anchor="relative-improvement",
        )
        yield sketch.finish()


def _stability(found: Judgement, naming: Mapping[str, Any]) -> Iterator[Drawn]:
    if found.stability is not None:
        yield from figures(found.stability, **naming)


def _generalisation(found: Judgement, naming: Mapping[str, Any]) -> Iterator[Drawn]:
    if found.generalisation:
        yield figure(found.generalisation[0], **naming)
    if found.transfer is not None:
        yield figure(found.transfer, **naming)


def _tuning(found: Judgement, naming: Mapping[str, Any]) -> Iterator[Drawn]:
    if found.tuning is not None:
        yield from figures(found.tuning, **naming)


def _published(found: Judgement, naming: Mapping[str, Any]) -> Iterator[Drawn]:
    for i, one in enumerate(found.published):
        if one.table is not None:
            yield renamed(figure(one.table, title=f"Published numbers: {one.name}"), f"published-{i + 1}")
        if one.confusion is not None:
            title = f"Which method fits which row: {one.name}"
            yield renamed(figure(one.confusion, **naming, title=title), f"confusion-{i + 1}")
