"""What a comparison says, in sentences: the same in a terminal, on the page and in Markdown."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

from assay.analysis.comparison import (
    ONE_METHOD,
    UNITS_DIFFER,
    Against,
    CellSummary,
    Comparison,
    TaskComparison,
)
from assay.analysis.pairs import test_text
from assay.foundation.text import one_line
from assay.publishing.comparison_power import never_significant, powerless
from assay.publishing.decimals import decimals_for, mean_in, range_in
from assay.publishing.words import counted, listed
from assay.statistics.coverage import coverage_text
from assay.statistics.families import too_few
from assay.statistics.interval import Interval
from assay.statistics.intervals import SMALL
from assay.statistics.pairwise import PairwiseTests
from assay.statistics.permutation import p_text

_MOST_LINES = 12
_MOST_NAMES = 7
_WHY = {
    "cannot be decided": " (too few runs to decide)",
    "better": " (behind it on the pairs that they share)",
}
_NAME = 40


class Section(NamedTuple):
    """A heading with its sentences; `tone` is 'met', 'open', 'bad' or empty."""

    title: str
    lines: tuple[str, ...]
    tone: str = ""


def headline(comparison: Comparison) -> str:
    """Return the result in one sentence."""
    alone = sum(task.stands for task in comparison.tasks)
    tasks = len(comparison.tasks)
    if len(comparison.methods) < 2:
        return f"{ONE_METHOD}."
    if tasks == 1:
        return _single(comparison.tasks[0])
    within = f"The best mean is distinguished from every other on {alone} of {counted(tasks, 'task')}"
    if comparison.most < 2:
        within = "Each method has a single run on each task, so that within a task nothing can be decided"
    if comparison.pairwise is None:
        return f"{within}; across tasks nothing is decided."
    if powerless(comparison):
        return f"{powerless(comparison)}. {within}."
    return f"{within}. {_ranking(comparison.pairwise)}."


def direction_mark(task: TaskComparison) -> str:
    """Return an arrow that points to the better scores."""
    return "↑" if task.maximize else "↓"


def direction_text(comparison: Comparison) -> str:
    """Return which scores are better, on which share of the tasks."""
    smaller, tasks = sum(not task.maximize for task in comparison.tasks), len(comparison.tasks)
    if 0 < smaller < tasks:
        return f"smaller is better on {smaller} of {tasks} tasks"
    return f"{'smaller' if smaller else 'larger'} is better"


def what_was_compared(comparison: Comparison) -> str:
    """Return how many methods, tasks, families and runs were compared, and what is better."""
    most, least = comparison.most, comparison.least
    each = f"{least} to {most} runs" if least != most else counted(most, "run")
    families = counted(comparison.families, "family", "families")
    grouped = "" if comparison.families == len(comparison.tasks) else f" of {families}"
    return (
        f"{counted(len(comparison.methods), 'method')} on {counted(len(comparison.tasks), 'task')}{grouped}, "
        f"{each} with a score in each cell; {one_line(comparison.metric)}, {direction_text(comparison)}."
    )


def sections(comparison: Comparison) -> tuple[Section, ...]:
    """Return the findings, the verdict first; sections that have nothing to say are left out."""
    made = (
        ("Differences that hold", _holding, "met"),
        ("Best, but not distinguishable from the second", _open, "open"),
        ("Across tasks", _across, ""),
        ("What could never be significant here", never_significant, "open"),
        ("Missing and failed runs", _lost, "bad"),
        ("To keep in mind", _cautions, ""),
    )
    if comparison.pairwise is not None and powerless(comparison):
        # What no outcome could show comes before what was not shown.
        made = (made[3], *made[:3], *made[4:])
    filled = (Section(title, tuple(filter(None, say(comparison))), tone) for title, say, tone in made)
    return tuple(section for section in filled if section.lines)


def procedure(comparison: Comparison) -> str:
    """Return what was tested, in one sentence."""
    test = one_line(test_text(comparison.paired_by))
    if comparison.most < 2:
        return "A single run of a method has no interval, and two single runs have no test."
    return (
        f"The best mean of each task against every other method: {test}, Holm's correction over all pairs of "
        f"methods of the task, level {comparison.alpha:g}. Intervals are of {comparison.confidence:.0%} and "
        f"not corrected; what varies between runs: {listed([one_line(name) for name in comparison.varied])}."
    )


def difference_text(one: Against) -> str:
    """Return a difference with its interval, its p and the probability of superiority."""
    d = one.difference
    interval = Interval(
        mean=d.mean,
        low=d.low,
        high=d.high,
        sd=d.sd,
        n=min(d.n_a, d.n_b),
        confidence=d.confidence,
        method=d.method,
        varied=(),
    )
    tested = "no test" if one.adjusted is None else f"adjusted {p_text(one.adjusted)}"
    s = one.superiority
    decimals = decimals_for(interval)
    spread = range_in(interval, decimals, sign=True) or "no interval"
    lead = f"{mean_in(interval, decimals, sign=True)} {spread}"
    if min(d.n_a, d.n_b) < 2:
        return f"{lead}, {tested}"
    return f"{lead}, {tested}, P(better) = {s.probability:.2f} [{s.low:.2f}, {s.high:.2f}]"


def _single(task: TaskComparison) -> str:
    second = task.runner_up
    best = _short(task.best or "")
    if second is None:
        only = f"{best} is the only method" if best else "No method has a score"
        return f"{only} without lost runs, so nothing is compared."
    if task.stands:
        lead = difference_text(second)
        return f"{best} is distinguished from every other method: ahead of the second by {lead}."
    ahead = [one.method for one in task.against if one.standing == "better"]
    if ahead:
        return f"{best} has the best mean, but is behind {_some(ahead)} on the pairs that they share."
    tied = [one for one in task.against if one.standing != "worse"]
    names = _some([one.method for one in tied])
    if all(one.standing == "cannot be decided" for one in tied):
        runs = "so few runs" if any(one.adjusted is not None for one in tied) else "single runs"
        return f"{best} has the best mean, but {runs} cannot distinguish it from {names}."
    return f"{best} has the best mean, but is not distinguished from {names}."


def _holding(comparison: Comparison) -> Iterable[str]:
    alone = [task for task in comparison.tasks if task.stands]
    for task in alone[:_MOST_LINES]:
        second = task.runner_up
        if second is not None and task.best is not None:
            yield (
                f"{_of(comparison, task)}{_short(task.best)} is better than "
                f"{_others(task)}: ahead of {_short(second.method)} by {difference_text(second)}"
            )
    yield from _more(len(alone), "tasks on which the best is distinguished from every other")
    some = [task for task in comparison.tasks if not task.stands and _worse(task)]
    for task in some[:_MOST_LINES]:
        best = _short(task.best or "")
        yield f"{_of(comparison, task)}{best} is better than {_some(_worse(task))}, not than all others"
    yield from _more(len(some), "tasks on which the best is distinguished from some")


def _open(comparison: Comparison) -> Iterable[str]:
    """Name the leads that do not hold; that of a single run says nothing that the table does not."""
    tasks = comparison.tasks if comparison.most > 1 else ()
    seconds = [(task, task.runner_up) for task in tasks]
    held = [(task, one) for task, one in seconds if one is not None and one.standing != "worse"]
    for task, second in held[:_MOST_LINES]:
        best, other = _short(task.best or ""), _short(second.method)
        if second.difference.mean == 0.0:
            yield f"{_of(comparison, task)}{best} and {other} have equal means"
            continue
        why = _WHY.get(second.standing, "")
        yield f"{_of(comparison, task)}{best} over {other} by {difference_text(second)}{why}"
    yield from _more(len(held), "such tasks")


def _across(comparison: Comparison) -> Iterable[str]:
    if len(comparison.tasks) == 1 or len(comparison.methods) < 2:
        return
    if comparison.pairwise is None:
        yield too_few(comparison.families).replace("p < 0.05", f"p < {comparison.alpha:g}") + "."
        return
    if comparison.pairwise.test == "sign":
        yield f"{UNITS_DIFFER[0].upper()}{UNITS_DIFFER[1:]}, by sign tests. --unit declares one."
    yield f"{_ranking(comparison.pairwise)}."
    yield from _pairs(comparison.pairwise, comparison.alpha)
    if comparison.friedman is not None:
        yield f"{one_line(comparison.friedman.sentence())}."
    else:
        yield (
            "Friedman's test and average ranks need every method on every task, and are not made: a cell "
            "without runs is no defeat."
        )


def _pairs(pairwise: PairwiseTests, alpha: float) -> Iterable[str]:
    """Name the pairs that hold across tasks, each with the method that wins on more tasks first."""
    k, adjusted = len(pairwise.methods), pairwise.adjusted
    if adjusted is None:
        return
    wins = pairwise.wins
    held = [(i, j) for i in range(k) for j in range(k) if wins[i, j] > wins[j, i] and adjusted[i, j] < alpha]
    for i, j in sorted(held, key=lambda pair: (adjusted[pair], pair))[:_MOST_LINES]:
        a, b = (_short(pairwise.methods[place]) for place in (i, j))
        counts = ", ".join(
            (
                counted(int(wins[i, j]), "win"),
                counted(int(pairwise.ties[i, j]), "tie"),
                counted(int(pairwise.losses[i, j]), "loss", "losses"),
            )
        )
        yield f"{a} is better than {b}: {counts}, adjusted {p_text(float(adjusted[i, j]))}"
    yield from _more(len(held), "pairs that are distinguished")


def _ranking(pairwise: PairwiseTests) -> str:
    """Return what `PairwiseTests.sentence` says, of many rivals the first and how many more."""
    k, adjusted = len(pairwise.methods), pairwise.adjusted
    ranks = pairwise.average_ranks
    if adjusted is None or pairwise.shared is not None or any(map(math.isnan, ranks)):
        return one_line(pairwise.sentence())
    best = min(range(k), key=lambda i: (ranks[i], pairwise.methods[i]))
    rivals = [pairwise.methods[i] for i in range(k) if i != best and adjusted[best, i] >= pairwise.alpha]
    if len(rivals) <= _MOST_NAMES:
        return one_line(pairwise.sentence())
    head = one_line(pairwise.sentence()).partition(" is not distinguished from ")[0]
    first = sorted(rivals, key=lambda name: (ranks[pairwise.methods.index(name)], name))
    return f"{head} is not distinguished from {_some(first)}"


def _lost(comparison: Comparison) -> Iterable[str]:
    lost = comparison.failed + comparison.unscored
    if lost:
        yield (
            f"{counted(comparison.failed, 'run')} failed and {comparison.unscored:,} ended without a number, "
            f"of {comparison.runs:,}. A method that lost a run on a task is never bold there, stands as "
            "worse than the best without a test, and ranks last across tasks."
        )
    for method in comparison.methods:
        cells = [(task, _cell(task, method)) for task in comparison.tasks]
        broken = [(task, cell) for task, cell in cells if cell.lost]
        if broken:
            where = "" if len(comparison.tasks) == 1 else f" on {_named(task.task for task, _ in broken)}"
            yield f"{_short(method)} lost {counted(sum(c.lost for _, c in broken), 'run')}{where}."
        never = [task.task for task, cell in cells if not cell.n and not cell.lost]
        if never:
            across = comparison.pairwise is not None and comparison.friedman is None
            told = ": across tasks it is compared on the others" if across else ""
            yield f"{_short(method)} has no run on {_named(never)}{told}."
    yield from _ahead(comparison)
    if comparison.unequal:
        yield (
            f"Replicates are unequal, {comparison.least} to {comparison.most} with a score: a run that was "
            "left out because of its score would improve a mean, and nothing here can tell."
        )


def _ahead(comparison: Comparison) -> Iterable[str]:
    """Name the methods whose completed runs have a better mean than the best, but which lost runs."""
    for task in comparison.tasks:
        sign = 1.0 if task.maximize else -1.0
        best = next((cell for cell in task.cells if cell.method == task.best), None)
        if best is None or best.interval is None:
            continue
        for cell in task.cells:
            if cell.lost and cell.interval and sign * (cell.interval.mean - best.interval.mean) > 0:
                yield (
                    f"{_of(comparison, task)}the completed runs of {_short(cell.method)} have a "
                    "better mean than the best, which counts for nothing while others of its runs are lost."
                )


def _cautions(comparison: Comparison) -> Iterable[str]:
    if not any(task.against for task in comparison.tasks):
        return
    if 2 <= comparison.least < SMALL:
        yield _coverage(comparison)
    yield from _wide_chances(comparison)
    # Single runs are compared across tasks alone, where no best is chosen and no task corrected for.
    for caution in comparison.basis.cautions if comparison.most > 1 else ():
        yield f"{caution[0].upper()}{caution[1:]}."
    if comparison.pairwise is not None:
        for caution in comparison.pairwise.basis.cautions:
            if not caution.startswith("no pair can be distinguished"):  # said among what could never be
                yield f"Across tasks: {caution}."


def _coverage(comparison: Comparison) -> str:
    """Return the measured coverage at the fewest runs, or at the nearest size below that was measured."""
    measured = coverage_text(comparison.least, paired=comparison.paired_by is not None)
    return f"{measured[:1].upper()}{measured[1:]}."


def _wide_chances(comparison: Comparison) -> Iterable[str]:
    """Say why P(better) may seem open beside a difference that holds."""
    against = [one for task in comparison.tasks for one in task.against]
    if any(one.standing == "worse" and one.superiority.low <= 0.5 for one in against):
        yield (
            "P(better) has an interval of its own, which is wide for few runs: where it holds 0.5 beside a "
            "difference that holds, the means are told apart, and how often single runs are is not."
        )


def _others(task: TaskComparison) -> str:
    others = len(task.against)
    return {1: "the other", 2: "both others"}.get(others, f"all {others} others")


def _short(name: str) -> str:
    """Return a name in a sentence: a long one is cut in its middle, for names often differ at their ends."""
    line = one_line(name)
    tail = _NAME // 3
    return line if len(line) <= _NAME else f"{line[: _NAME - 1 - tail].rstrip()}…{line[-tail:].lstrip()}"


def _some(names: list[str]) -> str:
    """Return names in a sentence: all of a few, of many the first and how many more."""
    told = [_short(name) for name in names]
    if len(told) <= _MOST_NAMES:
        return listed(told)
    first = _MOST_NAMES - 1
    return f"{', '.join(told[:first])} and {len(told) - first} more"


def _worse(task: TaskComparison) -> list[str]:
    return [one.method for one in task.against if one.standing == "worse"]


def _cell(task: TaskComparison, method: str) -> CellSummary:
    return next(cell for cell in task.cells if cell.method == method)


def _of(comparison: Comparison, task: TaskComparison) -> str:
    return "" if len(comparison.tasks) == 1 else f"{_short(task.task)}: "


def _named(names: Iterable[str]) -> str:
    held = list(names)
    return f"{_some(held)} tasks" if len(held) > _MOST_NAMES else _some(held)


def _more(count: int, what: str) -> Iterable[str]:
    if count > _MOST_LINES:
        yield f"and {count - _MOST_LINES} more {what}"
