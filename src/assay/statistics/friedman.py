"""Average ranks of several methods over tasks: Friedman's test, and its followers by rank."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence

import numpy as np
from scipy.special import chdtrc, fdtrc, ndtr, ndtri

from assay.foundation.errors import UnknownNameError, UsageError
from assay.foundation.seeding import Stream
from assay.statistics.basis import Basis, Result, seed_text
from assay.statistics.families import FAMILIES_NEEDED, named, too_few
from assay.statistics.rank_permutations import DRAWS, within_rows_p
from assay.statistics.ranks import average_ranks
from assay.statistics.table import Table

_EQUAL = 1e-9
_POOL = (
    "the verdict on a pair depends on which other methods are in the pool (Benavoli, Corani and Mangili, "
    "JMLR 2016): pairwise signed ranks do not"
)
_FAILED = "a failed run takes the very last rank; in the omnibus test failed runs tie as the worst"
_ROWS = "the tasks are independent of each other: tasks of one family are averaged first"


class Friedman(Result, frozen=True, kw_only=True):
    """The omnibus test of equal ranks; `p`, `p_chi2` and `p_f` are None where `decided` is False.

    `p` decides: that of ranks exchanged within tasks where `p_method` is 'exact' or 'Monte Carlo', and
    `p_f` of large tables, where it is 'F'. `f` and `p_f` are Iman and Davenport's, as papers print them;
    `df` are the degrees of freedom of `f`, of which the first is that of `chi2`. `f` is infinite where
    every task ranks the methods alike.
    """

    methods: tuple[str, ...]
    average_ranks: tuple[float, ...]
    chi2: float
    p_chi2: float | None
    f: float
    df: tuple[int, int]
    p_f: float | None
    p: float | None
    p_method: str
    tie_corrected: bool
    alpha: float
    decided: bool

    def sentence(self) -> str:
        """Return what the test says of the methods as a whole."""
        if self.p is None or self.p_f is None or self.p_chi2 is None:
            return too_few(self.basis.n["tasks"])
        found = "differ in rank" if self.p < self.alpha else "are not distinguished by rank"
        by = "of F" if self.p_method == "F" else f"of ranks exchanged within tasks, {self.p_method}"
        return (
            f"The {len(self.methods)} methods {found} over {self.basis.n['tasks']} tasks: "
            f"p = {self.p:.3g} {by} "
            f"(F({self.df[0]}, {self.df[1]}) = {self.f:.4g}, p = {self.p_f:.3g}; "
            f"chi2 = {self.chi2:.4g}, p = {self.p_chi2:.3g})"
        )

    def table(self) -> Table:
        """Return the average ranks; the statistics are in every row, empty where nothing is decided."""
        columns = (
            *("method", "average rank", "p", "distribution"),
            *("chi2", "p of chi2", "F", "df 1", "df 2", "p of F"),
        )
        tests: tuple[float | str | None, ...] = (
            self.p,
            self.p_method,
            self.chi2,
            self.p_chi2,
            self.f,
            *self.df,
            self.p_f,
        )
        if not self.decided:
            tests = (None,) * len(tests)
        pairs = zip(self.methods, self.average_ranks, strict=True)
        return Table(columns, [(name, rank, *tests) for name, rank in pairs])


class Nemenyi(Result, frozen=True, kw_only=True):
    """All pairs by mean rank; `cd` and `p` (methods, methods) are None where `decided` is False.

    `cliques` are the largest groups, best rank first, of which no two members differ by `cd`.
    """

    methods: tuple[str, ...]
    ranks: tuple[float, ...]
    cd: float | None
    p: np.ndarray | None
    cliques: tuple[tuple[str, ...], ...]
    alpha: float
    decided: bool

    def sentence(self) -> str:
        """Return how many pairs differ by the critical difference."""
        if self.p is None or self.cd is None:
            return too_few(self.basis.n["tasks"])
        k = len(self.methods)
        upper = [abs(a - b) >= self.cd for i, a in enumerate(self.ranks) for b in self.ranks[i + 1 :]]
        return (
            f"{sum(upper)} of {k * (k - 1) // 2} pairs of methods differ in average rank by the critical "
            f"difference {self.cd:.4g} or more, over {self.basis.n['tasks']} tasks at level {self.alpha:g}"
        )

    def table(self) -> Table:
        """Return one row for each pair of methods."""
        rows = [
            (a, b, self.ranks[i], self.ranks[j], None if self.p is None else float(self.p[i, j]), self.cd)
            for i, a in enumerate(self.methods)
            for j, b in enumerate(self.methods)
            if i < j
        ]
        return Table(("method a", "method b", "rank a", "rank b", "p", "critical difference"), list(rows))


class BonferroniDunn(Result, frozen=True, kw_only=True):
    """Every method against one control by mean rank; `compared` are the methods but for the control.

    `z` is positive where a method ranks better than the control. `cd`, `p` and `adjusted` are None
    where `decided` is False.
    """

    control: str
    methods: tuple[str, ...]
    ranks: tuple[float, ...]
    compared: tuple[str, ...]
    z: tuple[float, ...]
    p: tuple[float, ...] | None
    adjusted: tuple[float, ...] | None
    cd: float | None
    alpha: float
    decided: bool

    def sentence(self) -> str:
        """Return which methods differ from the control."""
        if self.adjusted is None:
            return too_few(self.basis.n["tasks"])
        pairs = zip(self.compared, self.adjusted, strict=True)
        differing = [name for name, p in pairs if p < self.alpha]
        return f"Of {len(self.compared)} methods these differ in rank from {self.control}: " + (
            ", ".join(differing) or "none"
        )

    def table(self) -> Table:
        """Return one row for each method against the control."""
        none = (None,) * len(self.compared)
        ranks = dict(zip(self.methods, self.ranks, strict=True))
        rows = zip(self.compared, self.z, self.p or none, self.adjusted or none, strict=True)
        return Table(
            ("method", "control", "average rank", "z", "p", "adjusted p"),
            [(name, self.control, ranks[name], z, p, adjusted) for name, z, p, adjusted in rows],
        )


def friedman_test(
    values: np.ndarray,
    *,
    methods: Sequence[str] | None = None,
    tie_corrected: bool = False,
    alpha: float = 0.05,
    rng: Stream | None = None,
) -> Friedman:
    """Return Friedman's test and Iman and Davenport's F of it (Demšar, JMLR 2006, section 3.2.2).

    The verdict is that of the ranks exchanged within tasks (Friedman, JASA 1937): exact where they can be
    listed, else of tables drawn from `rng`, a stream of fixed name without one. The F of few tasks is
    too bold: of two equal methods on seven tasks it rejects 12.5 % at 5 %. Above 300 ranks it decides.

    `values` is (tasks, methods), larger is better, NaN what failed; its rows are independent: give
    family means (`family_means`) or negated family ranks. A method that was never run on a task has no
    place in the test: leave out one of them. Without `tie_corrected` the statistic is
    that of Demšar's tables; with it, that of scipy and of Conover (1999), which is larger where
    methods tie. Raises `UsageError` for another shape and for infinite values.
    """
    table, names = named(values, methods, "Friedman's test")
    n, k = table.shape
    shown = average_ranks(table)
    chi2 = _chi2(table, tie_corrected)
    f, p_f = iman_davenport(chi2, n, k)
    decided = n >= FAMILIES_NEEDED
    stream = rng or Stream(0, ("friedman",))
    found = within_rows_p(_tied_ranks(table), stream) if decided else None
    if found is not None and math.isinf(f):
        p_f = found.p  # where all tasks agree, ties and all
    drawn = found is not None and found.method == "Monte Carlo"
    return Friedman(
        basis=Basis(
            procedure="Friedman's test with Iman and Davenport's F",
            source="Demšar, JMLR 2006, section 3.2.2; Iman and Davenport 1980",
            n={"tasks": n, "methods": k},
            varied=("tasks",),
            assumptions=(_ROWS, "only ranks within a task carry information"),
            ties="average ranks; "
            + ("the statistic is corrected for ties" if tie_corrected else "no correction of the statistic"),
            seed=seed_text(stream, DRAWS) if drawn else "",
            cautions=_cautions(table),
        ),
        methods=names,
        average_ranks=tuple(shown.mean(axis=0).tolist()),
        chi2=chi2,
        p_chi2=float(chdtrc(k - 1, chi2)) if decided else None,
        f=f,
        df=(k - 1, (k - 1) * (n - 1)),
        p_f=p_f if decided else None,
        p=None if not decided else p_f if found is None else found.p,
        p_method="none" if not decided else "F" if found is None else found.method,
        tie_corrected=tie_corrected,
        alpha=alpha,
        decided=decided,
    )


def iman_davenport(chi2: float, tasks: int, methods: int) -> tuple[float, float]:
    """Return Iman and Davenport's F of a Friedman statistic, and its p-value.

    F = (N - 1) chi2 / (N (k - 1) - chi2) with k - 1 and (k - 1)(N - 1) degrees of freedom (Demšar,
    JMLR 2006, p. 11). Where all tasks agree F is infinite, and p is (1/k!)^(N - 1), methods that tie left
    aside (Conover 1999).
    """
    left = tasks * (methods - 1) - chi2
    if left <= _EQUAL * tasks * methods:
        return math.inf, math.exp(-(tasks - 1) * math.lgamma(methods + 1))
    f = (tasks - 1) * chi2 / left
    return f, float(fdtrc(methods - 1, max(1, (methods - 1) * (tasks - 1)), f))


def nemenyi_test(values: np.ndarray, *, methods: Sequence[str] | None = None, alpha: float = 0.05) -> Nemenyi:
    """Return Nemenyi's test of all pairs by average rank (Demšar, JMLR 2006, section 3.2.2).

    For `values` and errors see `friedman`. On request only: whether two methods differ depends on
    which others are compared. `pairwise_signed_rank` is the default.
    """
    table, names = named(values, methods, "Nemenyi's test")
    n, k = table.shape
    ranks = average_ranks(table).mean(axis=0)
    decided = n >= FAMILIES_NEEDED
    cd = critical_difference(k, n, alpha) if decided else None
    return Nemenyi(
        basis=Basis(
            procedure="Nemenyi's test",
            source="Nemenyi 1963; Demšar, JMLR 2006, section 3.2.2",
            n={"tasks": n, "methods": k},
            varied=("tasks",),
            assumptions=(_ROWS, "normal approximation of average ranks"),
            ties="average ranks",
            correction=f"studentised range of {k} methods, infinite degrees of freedom",
            cautions=(_POOL, *_cautions(table)),
        ),
        methods=names,
        ranks=tuple(ranks.tolist()),
        cd=cd,
        p=_pair_tails(ranks, n) if decided else None,
        cliques=() if cd is None else cliques_within(names, ranks.tolist(), cd),
        alpha=alpha,
        decided=decided,
    )


def bonferroni_dunn_test(
    values: np.ndarray, control: str | int, *, methods: Sequence[str] | None = None, alpha: float = 0.05
) -> BonferroniDunn:
    """Return the test of every method against a control by average rank (Demšar, JMLR 2006, p. 12 f.).

    `control` is a name or a column. For `values` and errors see `friedman`; like Nemenyi's, its
    verdicts depend on the pool.
    """
    table, names = named(values, methods, "the test of Bonferroni and Dunn")
    n, k = table.shape
    place = _place(control, names)
    ranks = average_ranks(table).mean(axis=0)
    error = _standard_error(k, n)
    others = [i for i in range(k) if i != place]
    z = (ranks[place] - ranks[others]) / error
    p = 2.0 * ndtr(-np.abs(z))
    decided = n >= FAMILIES_NEEDED
    return BonferroniDunn(
        basis=Basis(
            procedure="Bonferroni and Dunn's test against a control",
            source="Dunn 1961; Demšar, JMLR 2006, section 3.2.2",
            n={"tasks": n, "methods": k},
            varied=("tasks",),
            assumptions=(_ROWS, "normal approximation of average ranks"),
            ties="average ranks",
            correction=f"Bonferroni over {k - 1} comparisons",
            cautions=(_POOL, *_cautions(table)),
        ),
        control=names[place],
        methods=names,
        ranks=tuple(ranks.tolist()),
        compared=tuple(names[i] for i in others),
        z=tuple(z.tolist()),
        p=tuple(p.tolist()) if decided else None,
        adjusted=tuple(np.minimum(1.0, p * (k - 1)).tolist()) if decided else None,
        cd=-float(ndtri(alpha / (2 * (k - 1)))) * error if decided else None,
        alpha=alpha,
        decided=decided,
    )


def critical_difference(methods: int, tasks: int, alpha: float = 0.05) -> float:
    """Return the smallest difference of average ranks that Nemenyi's test tells apart (Demšar, p. 12)."""
    return nemenyi_quantile(methods, alpha) * _standard_error(methods, tasks)


@functools.cache
def nemenyi_quantile(methods: int, alpha: float = 0.05) -> float:
    """Return the quantile of the studentised range over the root of two: table 5(a) of Demšar 2006."""
    low, high = 0.0, 100.0
    for _ in range(60):
        middle = (low + high) / 2
        too_small = float(_range_tail(np.array([middle]), methods)[0]) > alpha
        low, high = (middle, high) if too_small else (low, middle)
    return float(low / math.sqrt(2.0))


def cliques_within(
    methods: Sequence[str], ranks: Sequence[float], width: float
) -> tuple[tuple[str, ...], ...]:
    """Return the largest groups of two and more whose ranks differ by less than `width`, best first."""
    order = sorted(range(len(ranks)), key=lambda i: (ranks[i], methods[i]))
    found: list[tuple[str, ...]] = []
    reached = 0
    for start, first in enumerate(order):
        end = start
        while end < len(order) and ranks[order[end]] - ranks[first] < width:
            end += 1
        if end > reached and end - start > 1:
            found.append(tuple(methods[i] for i in order[start:end]))
        reached = max(reached, end)
    return tuple(found)


def _chi2(table: np.ndarray, tie_corrected: bool) -> float:
    """Return Friedman's statistic; failed runs tie as the worst."""
    n, k = table.shape
    ranks = _tied_ranks(table)
    # Rank sums are multiples of one half: exact, whatever the order of tasks and methods.
    sums = np.sort(ranks.sum(axis=0) - n * (k + 1) / 2)
    chi2: float = 12.0 * float((sums * sums).sum()) / (n * k * (k + 1))
    if not tie_corrected:
        return chi2
    equal = (ranks[:, :, None] == ranks[:, None, :]).sum(axis=-1)
    left = 1.0 - int((equal * equal - 1).sum()) / (n * (k**3 - k))
    return chi2 / left if left > 0.0 else 0.0


def _tied_ranks(table: np.ndarray) -> np.ndarray:
    """Return ranks in which failed runs tie as the worst: a task always hands out the same sum."""
    return average_ranks(np.where(np.isnan(table), -np.inf, table))


def _standard_error(methods: int, tasks: int) -> float:
    return math.sqrt(methods * (methods + 1) / (6.0 * tasks))


def _pair_tails(ranks: np.ndarray, tasks: int) -> np.ndarray:
    """Return Nemenyi's p of every pair, 1 on the diagonal."""
    k = len(ranks)
    gaps = np.abs(ranks[:, None] - ranks[None, :]) / _standard_error(k, tasks) * math.sqrt(2.0)
    tails = _range_tail(gaps.reshape(-1), k).reshape(k, k)
    np.fill_diagonal(tails, 1.0)
    return tails


def _range_tail(q: np.ndarray, methods: int) -> np.ndarray:
    """Return the probability that the range of k standard normal values exceeds q.

    One minus k times the integral of phi(z) (Phi(z + q) - Phi(z))^(k - 1), by the trapezoidal rule,
    which is exact to rounding for so smooth an integrand.
    """
    z = np.linspace(-9.0, 9.0, 361)
    density = np.exp(-0.5 * z * z) * (methods * (z[1] - z[0]) / math.sqrt(2.0 * math.pi))
    inside = (ndtr(z + q[:, None]) - ndtr(z)) ** (methods - 1)
    return np.asarray(np.clip(1.0 - (density * inside).sum(axis=1), 0.0, 1.0))


def _place(control: str | int, names: tuple[str, ...]) -> int:
    if isinstance(control, str):
        if control not in names:
            raise UnknownNameError("method", control, names)
        return names.index(control)
    if not 0 <= control < len(names):
        raise UsageError(f"there is no method {control}", hint=f"columns are 0 to {len(names) - 1}")
    return control


def _cautions(table: np.ndarray) -> tuple[str, ...]:
    lost, few = int(np.isnan(table).sum()), too_few(len(table))
    return tuple(text for text in (f"{lost} results failed: {_FAILED}" if lost else "", few) if text)
