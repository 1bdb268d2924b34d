"""All pairs of methods over tasks by signed ranks: the default, and the multi-comparison matrix."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from assay.foundation.errors import UnknownNameError
from assay.statistics.basis import Basis, Result
from assay.statistics.families import FAMILIES_NEEDED, named, too_few
from assay.statistics.multiplicity import bonferroni, holm
from assay.statistics.ranks import average_ranks
from assay.statistics.signed_rank import Zero, rounded_differences, signed_rank_test
from assay.statistics.table import Table


class PairwiseTests(Result, frozen=True, kw_only=True):
    """Every pair of methods over tasks; arrays are (methods, methods), row against column.

    `p` is raw and `adjusted` over all pairs, both 1 on the diagonal, and None where `decided` is
    False. `mean_difference` is row minus column, NaN where either has failed on a task; `wins`,
    `ties` and `losses` count tasks. `cliques` are the largest groups of which no two members are
    distinguished, best average rank first; their members need not be neighbours in rank. `least_p`
    is the smallest raw p that so many tasks can give, None where `decided` is False.
    """

    methods: tuple[str, ...]
    average_ranks: tuple[float, ...]
    p: np.ndarray | None
    adjusted: np.ndarray | None
    mean_difference: np.ndarray
    wins: np.ndarray
    ties: np.ndarray
    losses: np.ndarray
    cliques: tuple[tuple[str, ...], ...]
    correction: str
    least_p: float | None
    alpha: float
    decided: bool

    def sentence(self) -> str:
        """Return how many pairs are distinguished, and what the best ranked is not told apart from."""
        tasks, k = self.basis.n["tasks"], len(self.methods)
        if self.adjusted is None:
            return too_few(tasks)
        lower = [self.adjusted[i, j] for i in range(k) for j in range(i)]
        best = min(range(k), key=lambda i: (self.average_ranks[i], self.methods[i]))
        rivals = [self.methods[i] for i in range(k) if i != best and self.adjusted[best, i] >= self.alpha]
        return (
            f"{sum(p < self.alpha for p in lower)} of {len(lower)} pairs of methods are distinguished over "
            f"{tasks} tasks at level {self.alpha:g}; {self.methods[best]} ranks best and is "
            + (f"not distinguished from {', '.join(rivals)}" if rivals else "distinguished from all others")
        )

    def table(self) -> Table:
        """Return one row for each pair of methods."""
        columns = ("method a", "method b", "mean difference", "wins", "ties", "losses", "p", "adjusted p")
        rows: list[tuple[str | int | float | None, ...]] = []
        for i, j in _pairs(len(self.methods)):
            mean = float(self.mean_difference[i, j])
            rows.append(
                (
                    self.methods[i],
                    self.methods[j],
                    None if np.isnan(mean) else mean,
                    *(int(counts[i, j]) for counts in (self.wins, self.ties, self.losses)),
                    *(None if p is None else float(p[i, j]) for p in (self.p, self.adjusted)),
                )
            )
        return Table(columns, rows)


def pairwise_signed_rank(
    values: np.ndarray,
    methods: Sequence[str] | None = None,
    *,
    correction: str = "holm",
    zero: Zero = "split",
    alpha: float = 0.05,
) -> PairwiseTests:
    """Return Wilcoxon's signed-rank test of every pair of methods over tasks.

    `values` is (tasks, methods), larger is better, NaN what failed; its rows are independent: give
    family means (`family_means`). The default of Benavoli, Corani and Mangili (JMLR 2016), and with
    its counts and mean differences the multi-comparison matrix of Ismail-Fawaz et al. (2023). A
    failed run loses by more than any other difference; two tie. `correction` is 'holm', 'bonferroni'
    or 'none'; for `zero` see `signed_rank`. Raises `UsageError` for another shape, infinite values
    and unknown words.
    """
    table, names = named(values, methods, "the test of all pairs")
    adjust = _correction(correction)
    n = len(table)
    decided = n >= FAMILIES_NEEDED
    ranks = average_ranks(table).mean(axis=0)
    wins, raw = _tested(table, zero if decided else None)
    p = raw if decided else None
    adjusted = _adjusted(raw, adjust) if decided else None
    return PairwiseTests(
        basis=_basis(table, correction, zero, alpha),
        methods=names,
        average_ranks=tuple(ranks.tolist()),
        p=p,
        adjusted=adjusted,
        mean_difference=_mean_difference(table),
        wins=wins,
        ties=n - wins - wins.T,
        losses=wins.T.copy(),
        cliques=() if adjusted is None else _cliques(adjusted >= alpha, names, ranks),
        correction=correction,
        least_p=2.0 ** (1 - n) if decided else None,
        alpha=alpha,
        decided=decided,
    )


def _correction(name: str) -> Callable[[Sequence[float]], Sequence[float]]:
    known: dict[str, Callable[[Sequence[float]], Sequence[float]]] = {
        "holm": lambda p: [float(one) for one in holm(p)],
        "bonferroni": lambda p: [float(one) for one in bonferroni(p)],
        "none": lambda p: p,
    }
    if name not in known:
        raise UnknownNameError("correction", name, known)
    return known[name]


def _pairs(k: int) -> list[tuple[int, int]]:
    return [(i, j) for i in range(k) for j in range(i + 1, k)]


def _mean_difference(table: np.ndarray) -> np.ndarray:
    """Return the mean over tasks of row minus column, the same for every order of the tasks."""
    differences = table[:, :, None] - table[:, None, :]
    return np.asarray(np.sort(differences, axis=0).mean(axis=0))


def _tested(table: np.ndarray, zero: Zero | None) -> tuple[np.ndarray, np.ndarray]:
    """Return the tasks on which the row beats the column, and p, which stays 1 without a zero rule."""
    k = table.shape[1]
    wins, p = np.zeros((k, k), dtype=np.int64), np.ones((k, k))
    for i, j in _pairs(k):
        a, b = _filled(table[:, i], table[:, j])
        d = rounded_differences(a, b)
        wins[i, j], wins[j, i] = (d > 0.0).sum(), (d < 0.0).sum()
        if zero is not None and d.any():
            p[i, j] = p[j, i] = signed_rank_test(a, b, zero=zero).p
    return wins, p


def _filled(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return two samples in which a failure loses by twice the largest difference, and two failures tie.

    So the rank of a failure is the highest and its sign that of a loss: no failure makes the positive
    ranks of the method that failed larger, nor the negative ones smaller.
    """
    missing = np.isnan(a), np.isnan(b)
    both = ~missing[0] & ~missing[1]
    widest = 2.0 * float(np.abs(a - b)[both].max(initial=0.0)) or 1.0
    first = np.where(missing[0], np.where(missing[1], 0.0, b - widest), a)
    second = np.where(missing[1], np.where(missing[0], 0.0, a - widest), b)
    return first, second


def _adjusted(p: np.ndarray, adjust: Callable[[Sequence[float]], Sequence[float]]) -> np.ndarray:
    found, pairs = np.ones_like(p), _pairs(len(p))
    corrected = adjust([float(p[i, j]) for i, j in pairs])
    for (i, j), one in zip(pairs, corrected, strict=True):
        found[i, j] = found[j, i] = one
    return found


def _cliques(alike: np.ndarray, names: tuple[str, ...], ranks: np.ndarray) -> tuple[tuple[str, ...], ...]:
    """Return the maximal cliques of two and more (Bron and Kerbosch, CACM 1973), best rank first."""
    order = sorted(range(len(names)), key=lambda i: (ranks[i], names[i]))
    near = {i: {j for j in order if j != i and alike[i, j]} for i in order}
    found: list[set[int]] = []

    def grow(members: set[int], candidates: set[int], done: set[int]) -> None:
        if not candidates and not done:
            found.append(members)
            return
        pivot = max(candidates | done, key=lambda i: (len(near[i] & candidates), -i))
        for i in sorted(candidates - near[pivot]):
            grow(members | {i}, candidates & near[i], done & near[i])
            candidates = candidates - {i}
            done = done | {i}

    grow(set(), set(order), set())
    places = sorted(sorted(order.index(i) for i in clique) for clique in found if len(clique) > 1)
    return tuple(tuple(names[order[place]] for place in clique) for clique in places)


def _basis(table: np.ndarray, correction: str, zero: Zero, alpha: float) -> Basis:
    n, k = table.shape
    pairs = k * (k - 1) // 2
    named = "none" if correction == "none" else f"{correction.capitalize()} over {pairs} pairs"
    return Basis(
        procedure="Wilcoxon's signed-rank test of all pairs",
        source="Benavoli, Corani and Mangili, JMLR 2016; Ismail-Fawaz et al. 2023",
        n={"tasks": n, "methods": k, "pairs": pairs},
        varied=("tasks",),
        assumptions=(
            "the tasks are independent of each other: tasks of one family are averaged first",
            "differences of scores on different tasks are comparable in size, and symmetric under the null",
        ),
        zeros=zero,
        ties="average ranks of differences",
        correction=named,
        cautions=tuple(_cautions(table, pairs, correction, alpha)),
    )


def _cautions(table: np.ndarray, pairs: int, correction: str, alpha: float) -> Iterator[str]:
    n, lost, least = len(table), int(np.isnan(table).sum()), 2.0 ** (1 - len(table))
    if lost:
        yield f"{lost} results failed: each loses by more than any other difference"
    if n < FAMILIES_NEEDED:
        yield too_few(n)
    elif pairs > 1 and correction == "none":
        yield "no correction: of many pairs some have a small p by chance"
    elif pairs > 1:
        yield "a raw p does not depend on the other methods; an adjusted one grows with the number of pairs"
        if pairs * least >= alpha:
            yield f"no pair can be distinguished: p is {least:.2g} at least, and there are {pairs} pairs"
