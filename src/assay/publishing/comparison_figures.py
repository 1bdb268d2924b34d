"""The figures of a comparison: differences within tasks, and pairs and ranks across them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import msgspec

from assay.analysis.comparison import Against, Comparison
from assay.foundation.text import one_line
from assay.statistics.differences import Difference, Verdict

if TYPE_CHECKING:
    from assay.publishing.sheet import Drawn

_MOST_LINES = 40


def draw_comparison(comparison: Comparison, labels: Mapping[str, str] | None = None) -> tuple[Drawn, ...]:
    """Return the figures that a comparison gives, in the order of the page, each under a name of its own.

    The lead of the best over the second of each task (over each other method where there is one task),
    its probability of superiority, and from six families on all pairs and the intervals of ranks. Of more
    than 40 differences the first are drawn. `labels` are what methods are called.
    Equal comparisons give equal bytes.
    """
    from assay.publishing.plots import figures

    leads = dict(list(_leads(comparison, labels or {}))[:_MOST_LINES])
    held = [{name: _adjusted(one) for name, one in leads.items()}] if leads else []
    chances = [{name: one.superiority for name, one in leads.items()}] if leads else []
    # Methods that were run on different tasks have no average ranks beside each other to draw.
    pairwise = comparison.pairwise if comparison.friedman is not None else None
    across = [one for one in (pairwise, comparison.rank_intervals) if one is not None]
    drawn: dict[str, Drawn] = {}
    for result in (*held, *chances, *across):
        for figure in figures(result, methods=comparison.methods, labels=labels):
            drawn.setdefault(figure.id, figure)
    return tuple(drawn.values())


def _leads(comparison: Comparison, labels: Mapping[str, str]) -> Iterable[tuple[str, Against]]:
    alone = len(comparison.tasks) == 1
    for task in comparison.tasks:
        best = one_line(labels.get(task.best or "", task.best or ""))
        for one in task.against if alone else task.against[:1]:
            pair = f"{best} − {one_line(labels.get(one.method, one.method))}"
            yield (pair if alone else f"{one_line(task.task)}: {pair}"), one


def _adjusted(one: Against) -> Difference:
    """Return a difference with the p and the verdict that the comparison gives it."""
    verdicts: dict[str, Verdict] = {
        "worse": "better",
        "better": "worse",
        "cannot be decided": "cannot be decided",
    }
    method = "none" if one.adjusted is None else f"{one.difference.p_method}, Holm"
    return msgspec.structs.replace(
        one.difference,
        p=one.adjusted,
        p_method=method,
        verdict=verdicts.get(one.standing, "not distinguished"),
    )
