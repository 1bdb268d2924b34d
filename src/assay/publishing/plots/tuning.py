"""Fair tuning: what the tuned configurations gained over the defaults, and what a hyperparameter changes."""

from __future__ import annotations

from assay.analysis.tuning import MethodTuning, TuningReport
from assay.publishing.plots.canvas import Naming, Sketch, number, table
from assay.publishing.plots.forest import Form, Guide, Line, forest, interval_text
from assay.publishing.plots.registry import draw, stands_on
from assay.publishing.words import counted, listed


@draw.register
def _(result: TuningReport, naming: Naming) -> tuple[Sketch, ...]:
    naming = naming.knowing([*(one.method for one in result.methods), *(g.method for g in result.gains)])
    gains = (_gains(result, naming),) if result.gains else ()
    tuned = [one for one in result.methods if one.sensitivity]
    return (*gains, *(_sensitivity(one, naming, i) for i, one in enumerate(tuned, 1)))


def _gains(result: TuningReport, naming: Naming) -> Sketch:
    """Draw tuned minus default, one row for each method on each benchmark."""
    lines, rows = [], []
    for gain in sorted(result.gains, key=lambda gain: naming.place(gain.method)):
        held = gain.difference
        value, low, high = (held.mean, held.low, held.high) if held else (None, None, None)
        told = gain.adjusted is not None and gain.adjusted <= result.alpha
        unit = f", {gain.unit}" if gain.unit else ""
        lines.append(
            Line(
                f"{naming.label(gain.method)}: {gain.benchmark}{unit}",
                value,
                low,
                high,
                interval_text(value, low, high, sign=True),
                naming.look(gain.method),
                not told,
                gain.why or "not run",
            )
        )
        rows.append(
            (gain.method, gain.benchmark, gain.reported, gain.unit, value, low, high, gain.adjusted, gain.why)
        )
    better = sum(not line.hollow and (line.value or 0.0) > 0 for line in lines)
    notes = [
        f"Filled: told apart at α = {result.alpha:g} by Holm's correction; {stands_on(result.basis)[0]}."
    ]
    notes += (
        [f"By their defaults, untuned: {listed([naming.knowing([m]).label(m) for m in result.untuned])}."]
        if result.untuned
        else []
    )
    columns = ("method", "benchmark", "reported", "unit", "difference", "low", "high", "holm", "why")
    form = Form("tuned − default (positive: tuned is better)", [Guide(0.0, strong=True)], notes)
    return forest(lines, form).finish(
        id="tuning",
        title="What tuning gained",
        explanation="Tuned minus default configuration of each method on each benchmark, by fresh runs, "
        "with intervals; a "
        "filled marker is told apart from no gain.",
        alt=f"Of {counted(len(lines), 'comparison')} of tuned with default, {better} are shown to be better.",
        data=table(columns, rows),
    )


def _sensitivity(result: MethodTuning, naming: Naming, place: int) -> Sketch:
    """Draw the mean score at each value of each hyperparameter of a method."""
    style, name = naming.look(result.method), naming.label(result.method)
    lines, rows, parted, told = [], [], [], []
    for one in result.sensitivity:
        for level in one.levels:
            note = f"{number(level.mean, 4)}, {counted(level.configurations, 'configuration')}"
            lines.append(Line(f"{one.hyperparameter} = {level.value}", level.mean, note=note, look=style))
            rows.append(
                (
                    result.method,
                    one.hyperparameter,
                    level.value,
                    level.mean,
                    level.configurations,
                    one.range,
                    one.fraction,
                    one.by_chance,
                )
            )
        parted.append(len(lines) - 1)
        share = "–" if one.fraction is None else f"{one.fraction * 100:.0f} %"
        chance = "–" if one.by_chance is None else f"{one.by_chance * 100:.0f} %"
        told.append(f"{one.hyperparameter} {share} (by chance {chance})")
    columns = (
        "method",
        "hyperparameter",
        "value",
        "mean",
        "configurations",
        "range",
        "fraction",
        "by chance",
    )
    notes = [f"Share of the variance of the scores: {listed(told)}."]
    return forest(lines, Form("mean normalised regret", notes=notes, parted=parted[:-1])).finish(
        id=f"sensitivity-{place}",
        title=f"What each hyperparameter of {name} changes",
        explanation=f"The mean regret of the configurations of {name} that have each value of a "
        "hyperparameter; less is better.",
        alt=f"Sensitivity of {name}: {listed(told)}.",
        data=table(columns, rows),
        anchor="sensitivity",
    )
