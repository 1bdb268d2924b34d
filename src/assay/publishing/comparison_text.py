"""What a comparison says, in sentences: the same in a terminal, on the page and in Markdown."""

from __future__ import annotations

from collections import Counter
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
from assay.foundation.text import one_line, shortened
from assay.publishing.words import counted, listed, with_interval
from assay.statistics.coverage import coverage_text
from assay.statistics.families import FAMILIES_NEEDED, too_few
from assay.statistics.interval import Interval
from assay.statistics.intervals import SMALL
from assay.statistics.pairwise import PairwiseTests
from assay.statistics.permutation import p_text

_MOST_LINES = 12
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
    text = f"The best mean is distinguished from every other on {alone} of {counted(tasks, 'task')}"
    if comparison.pairwise is None:
        return f"{text}; across tasks nothing is decided."
    return f"{text}. {one_line(comparison.pairwise.sentence())}."


def what_was_compared(comparison: Comparison) -> str:
    """Return how many methods, tasks, families and runs were compared, and what is better."""
    most, least = comparison.most, comparison.least
    each = f"{least} to {most} runs" if least != most else counted(most, "run")
    families = "" if comparison.families == len(comparison.tasks) else f" of {comparison.families} families"
    smaller = sum(not task.maximize for task in comparison.tasks)
    better = "smaller" if smaller == len(comparison.tasks) else "larger"
    mixed = 0 < smaller < len(comparison.tasks)
    direction = f"smaller is better on {smaller} tasks" if mixed else f"{better} is better"
    return (
        f"{len(comparison.methods)} methods on {counted(len(comparison.tasks), 'task')}{families}, {each} "
        f"with a score in each cell; {one_line(comparison.metric)}, {direction}."
    )


def sections(comparison: Comparison) -> tuple[Section, ...]:
    """Return the findings, the verdict first; sections that have nothing to say are left out."""
    made = (
        ("Differences that hold", _holding, "met"),
        ("Best, but not distinguishable from the second", _open, "open"),
        ("Across tasks", _across, ""),
        ("What could never be significant here", _never, "open"),
        ("Missing and failed runs", _lost, "bad"),
        ("To keep in mind", _cautions, ""),
    )
    filled = (Section(title, tuple(filter(None, say(comparison))), tone) for title, say, tone in made)
    return tuple(section for section in filled if section.lines)


def procedure(comparison: Comparison) -> str:
    """Return what was tested, in one sentence."""
    test = one_line(test_text(comparison.paired_by))
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
    lead = with_interval(interval, sign=True).rsplit(", n =", 1)[0]
    return f"{lead}, {tested}, P(better) = {s.probability:.2f} [{s.low:.2f}, {s.high:.2f}]"


def _single(task: TaskComparison) -> str:
    second = task.runner_up
    if task.best is None:
        return "No method has a score without lost runs, so nothing is compared."
    best = shortened(task.best, _NAME)
    if second is None:
        return f"{best} is the only method without lost runs, so nothing is compared."
    if task.stands:
        lead = difference_text(second)
        return f"{best} is distinguished from every other method: ahead of the second by {lead}."
    ahead = [shortened(one.method, _NAME) for one in task.against if one.standing == "better"]
    if ahead:
        return f"{best} has the best mean, but is behind {listed(ahead[:5])} on the pairs that they share."
    tied = [shortened(one.method, _NAME) for one in task.against if one.standing != "worse"]
    return f"{best} has the best mean, but is not distinguished from {listed(tied[:5])}."


def _holding(comparison: Comparison) -> Iterable[str]:
    alone = [task for task in comparison.tasks if task.stands]
    for task in alone[:_MOST_LINES]:
        second = task.runner_up
        if second is not None and task.best is not None:
            yield (
                f"{_of(comparison, task)}{shortened(task.best, _NAME)} is better than "
                f"{_others(task)}: ahead of {shortened(second.method, _NAME)} by {difference_text(second)}"
            )
    yield from _more(len(alone), "tasks on which the best is distinguished from every other")
    some = [task for task in comparison.tasks if not task.stands and _worse(task)]
    for task in some[:_MOST_LINES]:
        worse = listed([shortened(name, _NAME) for name in _worse(task)[:6]])
        best = shortened(task.best or "", _NAME)
        yield f"{_of(comparison, task)}{best} is better than {worse}, not than all others"
    yield from _more(len(some), "tasks on which the best is distinguished from some")


def _open(comparison: Comparison) -> Iterable[str]:
    tasks = [task for task in comparison.tasks if task.runner_up and task.runner_up.standing != "worse"]
    for task in tasks[:_MOST_LINES]:
        second = task.runner_up
        if second is not None and task.best is not None:
            why = _WHY.get(second.standing, "")
            yield (
                f"{_of(comparison, task)}{shortened(task.best, _NAME)} over "
                f"{shortened(second.method, _NAME)} by {difference_text(second)}{why}"
            )
    yield from _more(len(tasks), "such tasks")


def _across(comparison: Comparison) -> Iterable[str]:
    if len(comparison.tasks) == 1 or len(comparison.methods) < 2:
        return
    if comparison.pairwise is None:
        yield too_few(comparison.families).replace("p < 0.05", f"p < {comparison.alpha:g}") + "."
        return
    if comparison.pairwise.test == "sign":
        yield f"{UNITS_DIFFER[0].upper()}{UNITS_DIFFER[1:]}, by sign tests."
    yield f"{one_line(comparison.pairwise.sentence())}."
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
        a, b = (shortened(pairwise.methods[place], _NAME) for place in (i, j))
        counts = f"{wins[i, j]} wins, {pairwise.ties[i, j]} ties, {pairwise.losses[i, j]} losses"
        yield f"{a} is better than {b}: {counts}, adjusted {p_text(float(adjusted[i, j]))}"
    yield from _more(len(held), "pairs that are distinguished")


def _never(comparison: Comparison) -> Iterable[str]:
    """Say what no outcome could have made significant, from the sizes of the samples alone."""
    alpha = comparison.alpha
    sizes: Counter[tuple[int, int, int, float]] = Counter()
    for task in comparison.tasks:
        for one in task.against:
            few, many = sorted((one.difference.n_a, one.difference.n_b))
            sizes[few, many, one.pairs, one.difference.least_p] += 1
    for (few, many, pairs, least), count in sorted(sizes.items()):
        yield from _too_small(comparison, (few, many), pairs, least, count)
    pairwise = comparison.pairwise
    if pairwise is not None and pairwise.least_p is not None:
        pairs = len(comparison.methods) * (len(comparison.methods) - 1) // 2
        if pairs * pairwise.least_p >= alpha:
            yield (
                f"Across {comparison.families} families a {pairwise.test} test gives "
                f"p = {pairwise.least_p:.2g} at the least: with Holm over {pairs} pairs nothing could be "
                "distinguished. Compare fewer methods or more families."
            )
    elif len(comparison.tasks) > 1 and comparison.families < FAMILIES_NEEDED:
        least = 2.0 ** (1 - comparison.families)
        over = counted(comparison.families, "family", "families")
        yield (
            f"A signed-rank test over {over} gives p = {least:.2g} at the least, whatever the scores: "
            "six independent families are needed."
        )


def _too_small(
    comparison: Comparison, sizes: tuple[int, int], pairs: int, least: float, count: int
) -> Iterable[str]:
    compared = counted(count, "comparison")
    few, many = sizes
    if few < 2:
        yield f"{compared} with a single run of a method: there is no interval and no test."
        return
    if least * pairs < comparison.alpha:
        return
    asked = comparison.alpha / pairs
    over = f", and Holm over {pairs} pairs of methods asks for {asked:.2g}" if pairs > 1 else ""
    if comparison.paired_by:
        test = f"of {few} pairs: a sign-flip test of {few} pairs"
    else:
        test = f"of {few} with {many} runs: a permutation test of so few"
    yield f"{compared} {test} gives p = {least:.2g} at the least{over}."


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
            yield f"{shortened(method, _NAME)} lost {counted(sum(c.lost for _, c in broken), 'run')}{where}."
        never = [task.task for task, cell in cells if not cell.n and not cell.lost]
        if never:
            across = comparison.pairwise is not None and comparison.friedman is None
            told = ": across tasks it is compared on the others" if across else ""
            yield f"{shortened(method, _NAME)} has no run on {_named(never)}{told}."
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
                    f"{_of(comparison, task)}the completed runs of {shortened(cell.method, _NAME)} have a "
                    "better mean than the best, which counts for nothing while others of its runs are lost."
                )


def _cautions(comparison: Comparison) -> Iterable[str]:
    if not any(task.against for task in comparison.tasks):
        return
    if 2 <= comparison.least < SMALL:
        measured = coverage_text(comparison.least, paired=comparison.paired_by is not None)
        yield f"{measured[:1].upper()}{measured[1:]}."
    for caution in comparison.basis.cautions:
        yield f"{caution[0].upper()}{caution[1:]}."
    if comparison.pairwise is not None:
        for caution in comparison.pairwise.basis.cautions:
            yield f"Across tasks: {caution}."


def _others(task: TaskComparison) -> str:
    return "the other" if len(task.against) == 1 else f"all {len(task.against)} others"


def _worse(task: TaskComparison) -> list[str]:
    return [one.method for one in task.against if one.standing == "worse"]


def _cell(task: TaskComparison, method: str) -> CellSummary:
    return next(cell for cell in task.cells if cell.method == method)


def _of(comparison: Comparison, task: TaskComparison) -> str:
    return "" if len(comparison.tasks) == 1 else f"{shortened(task.task, _NAME)}: "


def _named(names: Iterable[str]) -> str:
    all_names = [shortened(name, _NAME) for name in names]
    more = f" and {len(all_names) - 6} more tasks" if len(all_names) > 6 else ""
    return f"{', '.join(all_names[:6])}{more}" if more else listed(all_names)


def _more(count: int, what: str) -> Iterable[str]:
    if count > _MOST_LINES:
        yield f"and {count - _MOST_LINES} more {what}"
