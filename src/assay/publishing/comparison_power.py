"""What no outcome could have made significant in a comparison, from the sizes of its samples alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from assay.analysis.comparison import Against, Comparison
from assay.publishing.words import counted
from assay.statistics.families import FAMILIES_NEEDED


def powerless(comparison: Comparison) -> str:
    """Return why no outcome could have told a pair apart across tasks; nothing where one could."""
    pairwise, k = comparison.pairwise, len(comparison.methods)
    pairs = k * (k - 1) // 2
    if pairwise is None or pairwise.least_p is None or pairs * pairwise.least_p < comparison.alpha:
        return ""
    return (
        f"Across tasks nothing could be distinguished with {comparison.families} families and "
        f"{counted(pairs, 'pair')} of methods"
    )


def never_significant(comparison: Comparison) -> Iterable[str]:
    """Say what no outcome could have made significant, from the sizes of the samples alone.

    A comparison that was decided is left out: Holm's correction asks less of it once others are.
    """
    said: Counter[str] = Counter()
    for task in comparison.tasks:
        for one in task.against:
            said[_too_small(comparison, one)] += one.standing == "cannot be decided"
    yield from (f"{counted(count, 'comparison')} {text}" for text, count in sorted(said.items()) if count)
    pairwise = comparison.pairwise
    if pairwise is not None and powerless(comparison):
        yield (
            f"{powerless(comparison)}: a {pairwise.test} test of so many families gives "
            f"p = {pairwise.least_p:.2g} at the least, before Holm's correction. "
            "Compare fewer methods, or more families."
        )
    elif pairwise is None and len(comparison.tasks) > 1 and comparison.families < FAMILIES_NEEDED:
        least = 2.0 ** (1 - comparison.families)
        over = counted(comparison.families, "family", "families")
        yield (
            f"A signed-rank test over {over} gives p = {least:.2g} at the least, whatever the scores: "
            "six independent families are needed."
        )


def _too_small(comparison: Comparison, one: Against) -> str:
    """Return why a comparison could not be decided, for as many as have the same reason."""
    few, many = sorted((one.difference.n_a, one.difference.n_b))
    if few < 2:
        return "with a single run of a method: there is no interval and no test."
    pairs, least = one.pairs, one.difference.least_p
    asked = comparison.alpha / pairs
    over = f", and Holm over {pairs} pairs of methods asks for {asked:.2g} first" if pairs > 1 else ""
    if comparison.paired_by:
        test = f"of {few} pairs: a sign-flip test of {few} pairs"
    else:
        test = f"of {few} with {many} runs: a permutation test of so few"
    return f"{test} gives p = {least:.2g} at the least{over}."
