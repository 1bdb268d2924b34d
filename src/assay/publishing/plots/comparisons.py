"""Two methods at a time: differences, equivalence within a margin, and the probability of being better."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from assay.publishing.plots.canvas import Naming, Sketch, number, table
from assay.publishing.plots.forest import Form, Guide, Line, forest, interval_text
from assay.publishing.plots.registry import Together, draw, draw_together
from assay.publishing.words import counted, listed
from assay.statistics.differences import Difference
from assay.statistics.equivalence import Equivalence, NonInferiority
from assay.statistics.folds import FoldTest
from assay.statistics.improvement import Improvement
from assay.statistics.interval import Interval
from assay.statistics.superiority import Superiority


def _alone(result: Any, naming: Naming, name: str) -> tuple[Sketch, ...]:
    """Draw one result as a forest of one row."""
    return draw_together(result, Together(items={name: result}), naming)


def against(names: Sequence[str], naming: Naming) -> str:
    """Return 'a − b' with the labels of two methods."""
    known = naming.knowing(names)
    return f"{known.label(names[0])} − {known.label(names[1])}"


def _alt(what: str, lines: Sequence[Line]) -> str:
    return f"{what}: {listed([f'{line.label}, {line.note}' for line in lines]) or 'none'}."


@draw.register
def _(result: Difference, naming: Naming) -> tuple[Sketch, ...]:
    return _alone(result, naming, against(result.names, naming))


@draw_together.register
def _(first: Difference, items: Together, _naming: Naming) -> tuple[Sketch, ...]:
    results: dict[str, Difference] = items.items
    lines = [
        Line(
            name,
            r.mean,
            r.low,
            r.high,
            f"{interval_text(r.mean, r.low, r.high, sign=True)}  {r.verdict}",
            hollow=r.verdict not in ("better", "worse"),
        )
        for name, r in results.items()
    ]
    kinds = "; ".join(sorted({_kind(r) for r in results.values()}))
    small = [
        r.least_p for r in results.values() if r.verdict == "cannot be decided" and r.least_p is not None
    ]
    notes = [f"{first.confidence * 100:g} % intervals: {kinds}."]
    notes += (
        [f"So few replicates give no p below {number(min(small), 2)}: nothing can be decided."]
        if small
        else []
    )
    form = Form(
        "mean difference (positive: the first is better)",
        [Guide(0.0, strong=True)],
        notes,
        ("", "[interval]  verdict"),
    )
    columns = (
        "comparison",
        "difference",
        "low",
        "high",
        "sd",
        "n a",
        "n b",
        "confidence",
        "interval",
        "paired by",
        "p",
        "test",
        "least p",
        "verdict",
    )
    rows = [
        (
            name,
            r.mean,
            r.low,
            r.high,
            r.sd,
            r.n_a,
            r.n_b,
            r.confidence,
            r.method,
            r.paired_by,
            r.p,
            r.p_method,
            r.least_p,
            r.verdict,
        )
        for name, r in results.items()
    ]
    return (
        forest(lines, form).finish(
            id="differences",
            title="Differences with their intervals",
            explanation=f"The mean difference of each comparison with its {first.confidence * 100:g} % "
            "interval; "
            "a filled marker is a decided difference, a hollow one is not.",
            alt=_alt(f"Differences of {counted(len(lines), 'comparison')}", lines),
            data=table(columns, rows),
        ),
    )


def _kind(result: Difference) -> str:
    none = "none, as nothing varies" if result.sd == 0.0 else "none from a single replicate"
    kind = none if result.method == "none" else result.method
    return f"{kind}, paired by {result.paired_by}" if result.paired_by else kind


@draw.register
def _(result: FoldTest, naming: Naming) -> tuple[Sketch, ...]:
    return _alone(result, naming, against(result.names, naming))


@draw_together.register
def _(first: FoldTest, items: Together, _naming: Naming) -> tuple[Sketch, ...]:
    results: dict[str, FoldTest] = items.items
    lines = [
        Line(
            name,
            r.mean,
            r.low,
            r.high,
            interval_text(r.mean, r.low, r.high, sign=True)
            + ("" if r.p is None else f"  p = {number(r.p, 2)}"),
            hollow=r.p is None or r.p >= 1 - r.confidence,
        )
        for name, r in results.items()
    ]
    note = f"Corrected for the overlap of folds: correlation {number(first.correlation)}."
    form = Form("mean difference over folds", [Guide(0.0, strong=True)], [note], ("", "[interval]  p"))
    columns = ("comparison", "difference", "low", "high", "variance", "p", "df", "correlation", "confidence")
    rows = [
        (name, r.mean, r.low, r.high, r.variance, r.p, r.df, r.correlation, r.confidence)
        for name, r in results.items()
    ]
    return (
        forest(lines, form).finish(
            id="fold-differences",
            title="Differences over folds",
            explanation="The mean difference over cross-validation folds with an interval corrected for "
            "their overlap "
            "(Nadeau and Bengio).",
            alt=_alt("Differences over folds", lines),
            data=table(columns, rows),
            anchor="differences",
        ),
    )


@draw.register
def _(result: Equivalence, naming: Naming) -> tuple[Sketch, ...]:
    return _alone(result, naming, against(result.names, naming))


@draw_together.register
def _(first: Equivalence, items: Together, _naming: Naming) -> tuple[Sketch, ...]:
    results: dict[str, Equivalence] = items.items
    lines = [
        _margin_line(name, r.difference, r.verdict, r.verdict == "equivalent") for name, r in results.items()
    ]
    margin = max(r.margin for r in results.values())
    guides = [
        Guide(-margin, "", margin),
        Guide(-margin, f"−{number(margin)}"),
        Guide(margin, f"+{number(margin)}"),
    ]
    columns = (
        "comparison",
        "difference",
        "low",
        "high",
        "margin",
        "alpha",
        "p lower",
        "p upper",
        "paired by",
        "verdict",
    )
    rows = [
        (
            name,
            r.difference.mean,
            r.difference.low,
            r.difference.high,
            r.margin,
            r.alpha,
            r.p_lower,
            r.p_upper,
            r.paired_by,
            r.verdict,
        )
        for name, r in results.items()
    ]
    notes = [_level(first.difference, "lie within the margin")]
    notes += (
        ["The band is the largest of several margins."]
        if len({r.margin for r in results.values()}) > 1
        else []
    )
    return (
        forest(
            lines, Form("mean difference", [*guides, Guide(0.0)], notes, ("", "[interval]  verdict"))
        ).finish(
            id="equivalence",
            title="Equivalence within a margin",
            explanation=f"The mean difference with its {first.difference.confidence * 100:g} % interval: "
            "equivalent where "
            "all of it lies within the band of the margin.",
            alt=_alt(f"Equivalence within {number(margin)}", lines),
            data=table(columns, rows),
        ),
    )


@draw.register
def _(result: NonInferiority, naming: Naming) -> tuple[Sketch, ...]:
    return _alone(result, naming, against(result.names, naming))


@draw_together.register
def _(first: NonInferiority, items: Together, _naming: Naming) -> tuple[Sketch, ...]:
    results: dict[str, NonInferiority] = items.items
    lines = [
        _margin_line(name, r.difference, r.verdict, r.verdict == "non-inferior")
        for name, r in results.items()
    ]
    margin = max(r.margin for r in results.values())
    guides = [Guide(-margin, f"−{number(margin)}", strong=True), Guide(0.0)]
    columns = ("comparison", "difference", "low", "high", "margin", "alpha", "p", "paired by", "verdict")
    rows = [
        (
            name,
            r.difference.mean,
            r.difference.low,
            r.difference.high,
            r.margin,
            r.alpha,
            r.p,
            r.paired_by,
            r.verdict,
        )
        for name, r in results.items()
    ]
    notes = [_level(first.difference, "lie above the margin")]
    return (
        forest(lines, Form("mean difference", guides, notes, ("", "[interval]  verdict"))).finish(
            id="non-inferiority",
            title="Non-inferiority by a margin",
            explanation="The mean difference with its interval: not inferior where all of it lies right "
            "of the margin.",
            alt=_alt(f"Non-inferiority by {number(margin)}", lines),
            data=table(columns, rows),
            anchor="equivalence",
        ),
    )


def _margin_line(name: str, held: Interval, verdict: str, filled: bool) -> Line:
    note = f"{interval_text(held.mean, held.low, held.high, sign=True)}  {verdict}"
    return Line(name, held.mean, held.low, held.high, note, hollow=not filled)


def _level(held: Interval, what: str) -> str:
    return f"{held.confidence * 100:g} % {held.method} interval, which must {what}; n = {held.n}."


@draw.register
def _(result: Superiority, naming: Naming) -> tuple[Sketch, ...]:
    known = naming.knowing(result.names)
    return _alone(result, naming, f"{known.label(result.names[0])} > {known.label(result.names[1])}")


@draw_together.register
def _(first: Superiority, items: Together, _naming: Naming) -> tuple[Sketch, ...]:
    results: dict[str, Superiority] = items.items
    lines = [
        Line(
            name,
            r.probability,
            r.low,
            r.high,
            f"{interval_text(r.probability, r.low, r.high)}  {_short(r)}",
            hollow=r.verdict == "not significant",
        )
        for name, r in results.items()
    ]
    columns = (
        "comparison",
        "probability",
        "low",
        "high",
        "gamma",
        "confidence",
        "verdict",
        "n a",
        "n b",
        "paired",
        "decidable",
    )
    rows = [
        (
            name,
            r.probability,
            r.low,
            r.high,
            r.gamma,
            r.confidence,
            r.verdict,
            r.n_a,
            r.n_b,
            r.paired,
            r.decidable,
        )
        for name, r in results.items()
    ]
    notes = [
        (
            f"{first.confidence * 100:g} % intervals. Significant (s): the interval lies above .5; "
            f"meaningful (m): it also reaches beyond γ = {number(first.gamma)}; −: not significant."
        )
    ]
    form = _probability_form("P(A > B)", first.gamma, notes, "[interval]")
    return (
        forest(lines, form).finish(
            id="superiority",
            title="Probability that one run is better than another",
            explanation="P(A > B), ties counted half, with its interval beside .5 (chance) and "
            f"{number(first.gamma)} (from which it is meaningful).",
            alt=_alt(f"P(A > B) of {counted(len(lines), 'comparison')}", lines),
            data=table(columns, rows),
        ),
    )


def _short(result: Superiority) -> str:
    if not result.decidable:
        return "too few runs"
    words = {"not significant": "−", "significant, not meaningful": "s", "significant and meaningful": "s, m"}
    return words[result.verdict]


def _probability_form(axis: str, gamma: float | None, notes: Sequence[str], head: str) -> Form:
    guides = [Guide(0.5, ".5", strong=True)]
    guides += [Guide(gamma, number(gamma).removeprefix("0"))] if gamma is not None else []
    return Form(axis, guides, notes, ("", head), limits=(0.0, 1.0))


@draw.register
def _(result: Improvement, naming: Naming) -> tuple[Sketch, ...]:
    known = naming.knowing([result.a, result.b])
    return _alone(result, naming, f"{known.label(result.a)} > {known.label(result.b)}")


@draw_together.register
def _(first: Improvement, items: Together, _naming: Naming) -> tuple[Sketch, ...]:
    results: dict[str, Improvement] = items.items
    lines = []
    for name, r in results.items():
        known = r.low is not None and r.high is not None
        apart = known and (r.low > 0.5 or r.high < 0.5)  # type: ignore[operator]  # both known
        note = interval_text(r.probability, r.low, r.high)
        lines.append(Line(name, r.probability, r.low, r.high, note, hollow=not apart))
    notes = [
        (
            f"{first.confidence * 100:g} % intervals over {first.over}; mean over "
            f"{counted(len(first.tasks), 'task')}."
        )
    ]
    rows: list[tuple[Any, ...]] = []
    for name, r in results.items():
        rows.append((name, r.a, r.b, "all", r.probability, r.low, r.high, r.over, r.confidence))
        rows += [
            (name, r.a, r.b, t, p, None, None, r.over, r.confidence)
            for t, p in zip(r.tasks, r.per_task, strict=True)
        ]
    columns = ("comparison", "a", "b", "task", "probability", "low", "high", "over", "confidence")
    return (
        forest(lines, _probability_form("P(A > B) over tasks", None, notes, "[interval]")).finish(
            id="improvement",
            title="Probability of improvement",
            explanation="The probability that a run of A beats one of B on a task, with its interval "
            f"over {first.over}.",
            alt=_alt("Probability of improvement", lines),
            data=table(columns, rows),
            anchor="probability-of-improvement",
        ),
    )
