"""All pairs of methods over tasks by signed ranks, by default, or by signs: the multi-comparison matrix."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Literal

import msgspec
import numpy as np

from assay.foundation.errors import UnknownNameError, UsageError
from assay.statistics.basis import Basis, Result
from assay.statistics.families import FAMILIES_NEEDED, named, never_run, too_few
from assay.statistics.multiplicity import bonferroni, holm
from assay.statistics.ranks import ROUNDING, average_ranks, levelled
from assay.statistics.scores import Scores
from assay.statistics.signed_rank import Zero, rounded_differences, sign_test, signed_rank_test
from assay.statistics.table import Table

Test = Literal["signed-rank", "sign"]


class PairwiseTests(Result, frozen=True, kw_only=True):
    """Every pair of methods over tasks; arrays are (methods, methods), row against column.

    `p` is raw and `adjusted` over all pairs, both 1 on the diagonal, and None where `decided` is
    False. `mean_difference` is row minus column, NaN where either has failed on a task and in a test of
    signs; `wins`, `ties` and `losses` count tasks. `cliques` are the largest groups of which no two
    members are distinguished, best average rank first; their members need not be neighbours in rank.
    `least_p` is the smallest raw p that so many tasks can give, None where `decided` is False. `test` is
    'signed-rank' or 'sign'. `shared` counts the tasks on which both of a pair were run, None where all
    were: fewer than six leave its p at 1, and `average_ranks` are NaN, for methods that were run on
    different tasks have no ranks beside each other.
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
    test: Test = "signed-rank"
    shared: np.ndarray | None = None

    def sentence(self) -> str:
        """Return how many pairs are distinguished, and what the best ranked is not told apart from."""
        tasks, k = self.basis.n["tasks"], len(self.methods)
        if self.adjusted is None:
            return too_few(tasks if self.shared is None else _most(self.shared))
        lower = [self.adjusted[i, j] for i in range(k) for j in range(i)]
        if self.shared is not None:
            counts = sorted({int(self.shared[i, j]) for i, j in _pairs(k)})
            over = f"{counts[0]}" if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
            return (
                f"{sum(p < self.alpha for p in lower)} of {len(lower)} pairs of methods are distinguished at "
                f"level {self.alpha:g} over the {over} of {tasks} tasks that a pair shares"
            )
        best = min(range(k), key=lambda i: (self.average_ranks[i], self.methods[i]))
        rivals = [self.methods[i] for i in range(k) if i != best and self.adjusted[best, i] >= self.alpha]
        level = [rank for rank in self.average_ranks if rank <= self.average_ranks[best] * (1 + ROUNDING)]
        return (
            f"{sum(p < self.alpha for p in lower)} of {len(lower)} pairs of methods are distinguished over "
            f"{tasks} tasks at level {self.alpha:g}; {self.methods[best]} ranks best"
            f"{' with others' if len(level) > 1 else ''} and is "
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
    absent: np.ndarray | None = None,
) -> PairwiseTests:
    """Return Wilcoxon's signed-rank test of every pair of methods over tasks.

    `values` is (tasks, methods), larger is better, NaN what failed; its rows are independent: give
    family means (`family_means`). The default of Benavoli, Corani and Mangili (JMLR 2016), and with
    its counts and mean differences the multi-comparison matrix of Ismail-Fawaz et al. (2023). A
    failed run loses by more than any other difference; two tie. `absent`, of the same shape, marks cells
    that were never run, which are no defeat: a pair is tested on the tasks that both were run on.
    `correction` is 'holm', 'bonferroni' or 'none'; for `zero` see `signed_rank`. Raises `UsageError` for
    another shape, infinite values and unknown words.
    """
    table, names = named(values, methods, "the test of all pairs")
    missing = np.zeros(table.shape, dtype=bool) if absent is None else np.asarray(absent, dtype=bool)
    if missing.shape != table.shape:
        raise UsageError("absent cells need the shape of the scores", why=f"theirs is {missing.shape}")
    both = _both(missing)
    lost = int((np.isnan(table) & ~missing).sum())

    def signs(i: int, j: int) -> np.ndarray:
        return rounded_differences(*_filled(table[both[i, j], i], table[both[i, j], j]))

    def p_of(i: int, j: int) -> float:
        a, b = _filled(table[both[i, j], i], table[both[i, j], j])
        return signed_rank_test(a, b, zero=zero).p

    return _all_pairs(
        names,
        both,
        signs,
        p_of,
        ranks=average_ranks(table).mean(axis=0),
        mean_difference=_mean_difference(table, both),
        correction=correction,
        alpha=alpha,
        basis=_basis("signed-rank", len(table), len(names), lost, correction, zero),
        test="signed-rank",
    )


def pairwise_sign_test(scores: Scores, *, correction: str = "holm", alpha: float = 0.05) -> PairwiseTests:
    """Return the sign test of every pair of methods over families of tasks (Demšar, JMLR 2006, 3.1.4).

    For scores without one declared unit, whose differences have no common size. A family is won by the
    method with the better mean on more of its tasks, of those that both were run on; a lost run loses
    its task, and two tie. `average_ranks` are over families. `correction` as in `pairwise_signed_rank`.
    """
    _, names = named(np.zeros((1, len(scores.methods))), scores.methods, "the test of all pairs")
    means, missing = levelled(scores.means()), never_run(scores)
    groups = [list(tasks) for tasks in scores.by_family().values()]
    filled = np.where(np.isnan(means), -np.inf, means)
    outcome = (filled[:, :, None] > filled[:, None, :]).astype(int)
    outcome = outcome - outcome.transpose(0, 2, 1)
    run = ~missing[:, :, None] & ~missing[:, None, :]
    won = np.array([np.sign((outcome * run)[tasks].sum(axis=0)) for tasks in groups])
    both = np.array([run[tasks].any(axis=0) for tasks in groups]).transpose(1, 2, 0)
    lost = int((np.isnan(means) & ~missing).sum())
    ranks = average_ranks(means)
    by_family = [np.sort(ranks[tasks], axis=0).mean(axis=0) for tasks in groups]

    def signs(i: int, j: int) -> np.ndarray:
        return np.asarray(won[both[i, j], i, j], dtype=np.float64)

    def p_of(i: int, j: int) -> float:
        found = signs(i, j)
        return sign_test(found, np.zeros(len(found))).p

    k = len(names)
    return _all_pairs(
        names,
        both,
        signs,
        p_of,
        ranks=np.array(by_family).mean(axis=0),
        mean_difference=np.where(np.eye(k, dtype=bool), 0.0, np.nan),
        correction=correction,
        alpha=alpha,
        basis=_basis("sign", len(groups), k, lost, correction, "split"),
        test="sign",
    )


def _all_pairs(
    names: tuple[str, ...],
    both: np.ndarray,
    signs: Callable[[int, int], np.ndarray],
    p_of: Callable[[int, int], float],
    *,
    ranks: np.ndarray,
    mean_difference: np.ndarray,
    correction: str,
    alpha: float,
    basis: Basis,
    test: Test,
) -> PairwiseTests:
    """Test every pair on the tasks that both were run on: `both` is (methods, methods, tasks)."""
    adjust = _correction(correction)
    k, n = len(names), both.shape[2]
    counts = both.sum(axis=2)
    complete = bool((counts == n).all())
    decided = _most(counts) >= FAMILIES_NEEDED
    wins, p = np.zeros((k, k), dtype=np.int64), np.ones((k, k))
    for i, j in _pairs(k):
        found = signs(i, j)
        wins[i, j], wins[j, i] = (found > 0.0).sum(), (found < 0.0).sum()
        if counts[i, j] >= FAMILIES_NEEDED and found.any():
            p[i, j] = p[j, i] = p_of(i, j)
    adjusted = _adjusted(p, adjust) if decided else None
    shown = ranks if complete else np.full(k, np.nan)
    return PairwiseTests(
        basis=msgspec.structs.replace(
            basis, cautions=(*basis.cautions, *_cautions(counts, n, correction, alpha))
        ),
        methods=names,
        average_ranks=tuple(shown.tolist()),
        p=p if decided else None,
        adjusted=adjusted,
        mean_difference=mean_difference,
        wins=wins,
        ties=np.where(np.eye(k, dtype=bool), n, counts) - wins - wins.T,
        losses=wins.T.copy(),
        cliques=() if adjusted is None else _cliques(adjusted >= alpha, names, np.nan_to_num(shown)),
        correction=correction,
        least_p=2.0 ** (1 - _most(counts)) if decided else None,
        alpha=alpha,
        decided=decided,
        test=test,
        shared=None if complete else counts,
    )


def _both(missing: np.ndarray) -> np.ndarray:
    """Return on which tasks both of a pair were run: (methods, methods, tasks)."""
    run = ~missing.T
    return np.asarray(run[:, None, :] & run[None, :, :])


def _most(counts: np.ndarray) -> int:
    """Return the largest number of tasks that two different methods share."""
    return int(max(counts[i, j] for i, j in _pairs(len(counts))))


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


def _mean_difference(table: np.ndarray, both: np.ndarray) -> np.ndarray:
    """Return the mean over shared tasks of row minus column, the same for every order of the tasks."""
    differences = (table[:, :, None] - table[:, None, :]).transpose(1, 2, 0)
    if both.all():
        return np.asarray(np.sort(differences, axis=2).transpose(2, 0, 1).mean(axis=0))
    k = table.shape[1]
    found = np.full((k, k), np.nan)
    for i in range(k):
        for j in range(k):
            if both[i, j].any():
                found[i, j] = np.sort(differences[i, j][both[i, j]]).mean()
    return found


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


def _basis(test: Test, n: int, k: int, lost: int, correction: str, zero: Zero) -> Basis:
    pairs = k * (k - 1) // 2
    signed = test == "signed-rank"
    adjusted = "none" if correction == "none" else f"{correction.capitalize()} over {pairs} pairs"
    size = "differences of scores on different tasks are comparable in size, and symmetric under the null"
    largest = "each loses by more than any other difference" if signed else "each loses its task"
    return Basis(
        procedure="Wilcoxon's signed-rank test of all pairs" if signed else "sign test of all pairs",
        source="Benavoli, Corani and Mangili, JMLR 2016; Ismail-Fawaz et al. 2023"
        if signed
        else "Demšar, JMLR 2006, section 3.1.4; Ismail-Fawaz et al. 2023",
        n={"tasks": n, "methods": k, "pairs": pairs},
        varied=("tasks",),
        assumptions=(
            "the tasks are independent of each other: tasks of one family are averaged first"
            if signed
            else "families of tasks are independent of each other: each counts once",
            *((size,) if signed else ()),
        ),
        zeros=zero if signed else "",
        ties="average ranks of differences" if signed else "shared out evenly, an odd one left out",
        correction=adjusted,
        cautions=(f"{lost} results failed: {largest}",) if lost else (),
    )


def _cautions(counts: np.ndarray, tasks: int, correction: str, alpha: float) -> Iterator[str]:
    k, n = len(counts), _most(counts)
    pairs, least = k * (k - 1) // 2, 2.0 ** (1 - n)
    few = sum(int(counts[i, j]) < FAMILIES_NEEDED for i, j in _pairs(k))
    if (counts < tasks).any():
        yield "not every method was run on every task: a pair is compared on the tasks that both were run on"
    if n < FAMILIES_NEEDED:
        yield too_few(n)
        return
    if few:
        yield f"{few} of {pairs} pairs share fewer than {FAMILIES_NEEDED} tasks and are not tested"
    if pairs > 1 and correction == "none":
        yield "no correction: of many pairs some have a small p by chance"
    elif pairs > 1:
        yield "a raw p does not depend on the other methods; an adjusted one grows with the number of pairs"
        if pairs * least >= alpha:
            yield f"no pair can be distinguished: p is {least:.2g} at least, and there are {pairs} pairs"
