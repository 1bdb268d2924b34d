"""What is drawn is what the data say: places in the picture are linear in the numbers of the table."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest

from assay.foundation.errors import UsageError
from assay.publishing import plots, sheet
from assay.publishing.plots import figure, figures
from assay.publishing.plots.canvas import Naming, fitted, fitted_label
from assay.publishing.plots.forest import interval_text
from assay.publishing.plots.pareto import not_dominated, stairs
from assay.publishing.sheet import width_of
from assay.publishing.style import look
from assay.statistics.pareto import Attainment
from assay.statistics.scores import Row, make_scores


@pytest.fixture(autouse=True)
def _no_pdf(monkeypatch):
    monkeypatch.setattr(sheet, "to_pdf", lambda *_: b"%PDF-1.4")


def markers(svg: str, colour: str) -> list[tuple[float, float]]:
    """Return the places of the markers that are filled with a colour."""
    found = re.findall(r'<use xlink:href="#\w+" x="([\d.]+)" y="([\d.]+)" style="fill: (#\w+)', svg)
    # What begins at the corner is an area, not a marker.
    return [(float(x), float(y)) for x, y, fill in found if fill == colour.lower() and x != "0"]


def linear(numbers, places) -> bool:
    """Say whether places are a linear function of numbers, to 1/50 point."""
    slope, start = np.polyfit(numbers, places, 1)
    return bool(np.abs(np.array(places) - (slope * np.array(numbers) + start)).max() < 0.02)


def test_the_markers_of_a_forest_are_its_estimates(samples):
    """The marker of each method lies where its estimate in the data says."""
    methods = tuple(f"m{i}" for i in range(7))
    values = (0.1, 0.9, 0.35, 0.62, 0.5, 0.77, 0.2)
    one = figure(samples.aggregate(methods, values, 0.05), methods=methods)
    table = {row[0]: row[2] for row in one.data.rows}
    places = [markers(one.svg, look(i).colour)[0][0] for i in range(7)]
    assert linear([table[name] for name in methods], places)


def test_the_points_of_a_scatter_are_its_rows(samples):
    """Each row that is marked as drawn is a point, and no other is."""
    one = figure(samples.proxied(60))
    rows = [row for row in one.data.rows if row[3] == "true"]
    places = markers(one.svg, look(0).colour)
    assert len(places) == len(rows) == 60
    assert linear(sorted(row[1] for row in rows), sorted(x for x, _ in places))
    assert linear(sorted(row[2] for row in rows), sorted((y for _, y in places), reverse=True))


def test_a_scatter_of_many_keeps_the_best(samples):
    """Of many points an even part is drawn, the ten best among them; the data hold all of them."""
    result = samples.proxied(5000)
    rows = figure(result).data.rows
    drawn = {row[0] for row in rows if row[3] == "true"}
    best = sorted(range(5000), key=lambda i: -result.true[i])[:10]
    assert len(rows) == 5000
    assert len(drawn) <= 1510
    assert set(best) <= drawn


def test_the_simplex_draws_an_even_part(samples):
    """Of many posterior samples every n-th is drawn, and the data are those."""
    result = samples.roped(2000)
    simplex, bars = figures(result)
    assert [row[0] for row in simplex.data.rows] == list(range(0, 2000, 4))
    assert simplex.data.rows[3][1:] == tuple(result.samples[12].tolist())
    assert bars.data.rows[0][1:4] == (result.left, result.rope, result.right)


def test_a_curve_ends_at_its_last_value(samples):
    """The marker of a step curve lies at the end of the budget, at the last value."""
    curves = tuple(
        samples.curve(m, "b", "evaluations", end) for m, end in (("a", 0.5), ("b", 0.3), ("c", 0.1))
    )
    one = figure(plots.AnytimeCurves(curves=curves), methods=("a", "b", "c"))
    ends = [markers(one.svg, look(i).colour)[0] for i in range(3)]
    assert len({x for x, _ in ends}) == 1
    last = {row[2]: row[4] for row in one.data.rows}
    assert [last[name] for name in "abc"] == [0.5, 0.3, 0.1]
    assert ends[0][1] < ends[1][1] < ends[2][1]


def test_a_failed_run_never_makes_a_method_look_lucky(samples):
    """A run that failed moves the curve of a method down, never up."""
    whole, lost = figure({"a": samples.lucky(1.0)}), figure({"a": samples.lucky(1.0, 40)})
    medians = [float(re.search(r"a ([\d.]+)\.", one.alt)[1]) for one in (whole, lost)]
    assert medians[1] > medians[0]
    assert "40 runs failed, and count as 1" in lost.svg


def test_unreached_targets_stay_open(samples):
    """A method that never reaches a target has a curve at zero, and is said to leave all of them open."""
    one = figure(samples.nasty()["targets, none"])
    assert "100 % open" in one.svg
    assert one.data.rows == [("a", 5.0, 0.0, 1.0)]


def test_a_front_is_what_nothing_dominates():
    """The front of points is the same for either direction of either objective."""
    points = [(1.0, 5.0), (2.0, 3.0), (3.0, 4.0), (4.0, 1.0), (2.0, 3.0), (math.nan, 0.0)]
    assert not_dominated(points, (False, False)) == [(1.0, 5.0), (2.0, 3.0), (4.0, 1.0)]
    turned = [(-a, b) for a, b in points]
    assert not_dominated(turned, (True, False)) == [(-4.0, 1.0), (-2.0, 3.0), (-1.0, 5.0)]


def test_the_edge_of_a_front_has_the_area_of_its_hypervolume():
    """The steps from the reference point around a front enclose what the front dominates."""
    front, reference = [(1.0, 5.0), (2.0, 3.0), (4.0, 1.0)], (6.0, 6.0)
    x, y = stairs(front, (False, False), reference)
    x, y = [*x, reference[0], x[0]], [*y, reference[1], y[0]]
    area = abs(sum(a * d - c * b for a, b, c, d in zip(x, y, x[1:], y[1:], strict=False))) / 2
    assert area == pytest.approx(1 * 1 + 2 * 3 + 2 * 5)


def test_scores_are_drawn_as_ranks():
    """A table of scores has a figure of its own: ranks on each task, 1 the better, last what failed."""
    rows = [
        Row(method=m, task=t, replicate="0", score=v)
        for t, values in (("x", (1.0, 2.0)), ("y", (3.0, None)))
        for m, v in zip("ab", values, strict=True)
    ]
    assert figure(make_scores(rows)).data.rows == [
        ("x", "a", 2.0),
        ("x", "b", 1.0),
        ("y", "a", 1.0),
        ("y", "b", 2.0),
    ]


def test_three_objectives_are_refused(samples):
    """Attainment in more than two objectives is no picture, and says so."""
    result = samples.made(Attainment, levels=(0.5,), surfaces=(((1.0, 2.0, 3.0),),), maximize=(True,) * 3)
    with pytest.raises(UsageError, match="two objectives"):
        figure({"a": result})


def test_a_confidence_sequence_that_knows_nothing_is_drawn(samples):
    """Looks at which the bounds are still infinite decide no scale, and their data are kept."""
    one = figure(samples.sequence(10))
    assert one.data.rows[0][3:5] == (-math.inf, math.inf)
    assert len(one.data.rows) == 10


def test_costs_that_are_not_recorded_are_said_to_be_missing(samples):
    """A part without a record is no zero: the figure says that bars lack it."""
    assert "not recorded" in figure(samples.costs(samples.METHODS)).svg
    known = plots.CostStack(methods=("a",), parts={"search": (1.0,)}, unit="s")
    assert "not recorded" not in figure(known).svg


def test_a_cut_name_fits_and_keeps_both_ends():
    """A long name is cut in its middle, so that names that begin alike still differ."""
    names = [f"a method with a long name, variant {i}" for i in range(10)]
    cut = [fitted(name, 60.0) for name in names]
    assert len(set(cut)) == 10
    assert all(width_of(text, 7.0) <= 60.1 for text in cut)
    assert fitted("short", 60.0) == "short"


def test_looks_follow_the_order_of_the_study():
    """Names that only a result knows come after those of the study, in sorted order."""
    naming = Naming(("b", "a")).knowing(("z", "c", "a"))
    assert [naming.place(name) for name in ("b", "a", "c", "z")] == [0, 1, 2, 3]
    assert naming.neutral("runs").look("runs").marker == "o"


def test_intervals_have_the_digits_that_they_deserve():
    """An interval is printed to two digits of its half-width, with a true minus sign."""
    assert interval_text(0.5, 0.4, 0.6) == "0.50 [0.40, 0.60]"
    assert interval_text(-12.3456, -14.0, -10.0, sign=True) == "−12.3 [−14.0, −10.0]"
    assert interval_text(0.3, None, None) == "0.3"
    assert interval_text(None, None, None) == "–"
    assert interval_text(1.0, -math.inf, math.inf).endswith("[−∞, ∞]")
    assert interval_text(1e15, 9e14, 1.1e15) == "1.000e+15"[:4] + "e+15"


def test_labels_of_pairs_keep_both_names() -> None:
    """Each name is cut by itself, never across the minus; ends that differ stay."""
    long = "a-method-with-a-very-long-name"
    label = fitted_label(f"some-long-task: {long}-A − {long}-B", 150.0)
    task, _, pair = label.partition(": ")
    first, second = pair.split(" − ")
    assert task.startswith("some")
    assert first.endswith("-A")
    assert second.endswith("-B")
    assert first.startswith("a-m")
    assert second.startswith("a-m")
