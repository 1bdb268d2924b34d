"""How far a ranking of methods stands: tasks left out, reweighted or drawn anew, methods dropped."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import numpy as np

from assay.foundation.errors import UsageError
from assay.foundation.seeding import Stream, as_stream
from assay.statistics.basis import Basis, Result, seed_text
from assay.statistics.bayesian import uniforms
from assay.statistics.families import FAMILIES_NEEDED, family_ranks, independent, too_few
from assay.statistics.rank_intervals import resampled_ranks
from assay.statistics.ranks import average_ranks, levelled
from assay.statistics.scores import Scores
from assay.statistics.table import Table

RESAMPLES = 10_000
EXACT_TASKS = 15

_CHUNK = 1 << 22
# Mean ranks are sums of fractions: what differs by less is equal.
_DIGITS = 9


class LeftOut(msgspec.Struct, frozen=True, kw_only=True):
    """The ranking without one task or family; positions in the order of the methods, ties shared.

    `what` is 'task' or 'family'. `tau` is Kendall's tau-b with the full ranking, and
    `max_rank_change` the largest change in positions.
    """

    what: str
    name: str
    ranking: tuple[float, ...]
    tau: float
    max_rank_change: float


class Perturbed(msgspec.Struct, frozen=True, kw_only=True):
    """How many rankings compare with the full one: over `count` subsets or weightings of tasks.

    `tau` is Kendall's tau-b; `mrc` the maximal rank change over (methods - 1), as in BenchBench;
    `same_best` is the share with the same best method or methods; `exact` says that the subsets are
    all that exist.
    """

    count: int
    exact: bool
    tau_mean: float
    tau_least: float
    mrc_mean: float
    mrc_most: float
    same_best: float


class Flip(msgspec.Struct, frozen=True, kw_only=True):
    """A pair whose order turns round when other methods leave the pool; `dropped` are the fewest that do."""

    better: str
    worse: str
    dropped: tuple[str, ...]


class RankStability(Result, frozen=True, kw_only=True):
    """How far the ranking by average rank stands; all rankings in the order of `methods`.

    `ranking` are positions, 1 the best, ties shared. `bootstrap` (methods, positions) is the share
    of resamples of the families that gives a method a position, None below six families, as is
    `reweighting`, for a share of weightings reads as a chance. `subsets` are all non-empty proper subsets
    of up to 15 tasks, and drawn ones of more.
    """

    methods: tuple[str, ...]
    mean_rank: tuple[float, ...]
    ranking: tuple[float, ...]
    leave_one_out: tuple[LeftOut, ...]
    bootstrap: np.ndarray | None
    reweighting: Perturbed | None
    subsets: Perturbed
    irrelevant: tuple[Flip, ...]

    def sentence(self) -> str:
        """Return how far the ranking moves, and how many pairs hang on the pool."""
        moves = [row for row in self.leave_one_out if row.what == "task"]
        worst = max((row.max_rank_change for row in moves), default=0.0)
        same = ""
        if self.reweighting is not None:
            same = f"{100 * self.reweighting.same_best:.0f} % of reweightings keep the best method; "
        k = len(self.methods)
        few = too_few(self.basis.n["families"])
        return (
            f"Without any one task no method moves by more than {worst:g} in position; {same}"
            f"{len(self.irrelevant)} of {k * (k - 1) // 2} pairs turn round when other methods are dropped"
            + (f". {few}" if few else "")
        )

    def table(self) -> Table:
        """Return the ranking, and the rankings without each task and family: one row for each method."""
        columns = ["method", "mean rank", "position"]
        columns += [f"position without {row.what} {row.name}" for row in self.leave_one_out]
        rankings = zip(*(row.ranking for row in self.leave_one_out), strict=True)
        rows = zip(self.methods, self.mean_rank, self.ranking, rankings, strict=True)
        return Table(tuple(columns), [(name, rank, place, *others) for name, rank, place, others in rows])


def rank_stability(scores: Scores, *, rng: Stream, resamples: int = RESAMPLES) -> RankStability:
    """Return how far the ranking by average rank depends on the tasks and on the pool of methods.

    Ranks are averaged within families, and over families. Tasks are left out one at a time, given
    weights uniform on the simplex, and reduced to subsets (the cardinal view of Zhang and Hardt,
    ICML 2024); methods are dropped (their ordinal view), for which the fewest that turn a pair round
    are found exactly. What it finds describes these tasks; only the bootstrap speaks of others.
    Raises `UsageError` for fewer than two methods or tasks, without a stream, and for a method that was
    never run on a task.
    """
    as_stream(rng)
    if len(scores.methods) < 2 or len(scores.tasks) < 2:
        raise UsageError("the stability of a ranking needs two methods and two tasks at least")
    order = sorted(range(len(scores.tasks)), key=scores.tasks.__getitem__)
    scores = scores.only(tasks=[scores.tasks[t] for t in order])
    ranks = average_ranks(scores.means())
    mean_rank = _weighted(np.array([_weights(scores)]), ranks)[0]
    full = positions(mean_rank[None])[0]
    families, units = family_ranks(scores)
    enough = len(families) >= FAMILIES_NEEDED
    return RankStability(
        basis=_basis(scores, seed_text(rng, resamples)),
        methods=scores.methods,
        mean_rank=tuple(mean_rank.tolist()),
        ranking=tuple(full.tolist()),
        leave_one_out=tuple(_left_out(scores, ranks, full)),
        bootstrap=_position_shares(resampled_ranks(families, units, rng, resamples)) if enough else None,
        reweighting=_perturbed(_simplex(rng, resamples, len(order)), ranks, full, exact=False)
        if enough
        else None,
        subsets=_subsets(scores, ranks, full, rng, resamples),
        irrelevant=_flips(scores),
    )


def kendall_tau(a: np.ndarray, b: np.ndarray) -> float:
    """Return Kendall's tau-b of two rankings (Biometrika 1945), 1 where they order all pairs alike.

    So two rankings that tie everything have 1, where others give NaN; one that ties everything and
    one that does not have 0. Raises `UsageError` for different lengths and for fewer than two.
    """
    first, second = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if first.ndim != 1 or first.shape != second.shape or len(first) < 2:
        raise UsageError("Kendall's tau compares two rankings of the same things, two at least")
    return float(_taus(first[None], second)[0])


def positions(mean_ranks: np.ndarray) -> np.ndarray:
    """Return the positions of methods by mean rank: (rankings, methods), 1 the best, ties shared."""
    return average_ranks(-np.round(mean_ranks, _DIGITS))


def _taus(rankings: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Return tau-b of each row with the reference."""
    upper = np.triu_indices(len(reference), 1)
    theirs = np.sign(reference[:, None] - reference[None, :])[upper]
    ours = np.sign(rankings[:, upper[0]] - rankings[:, upper[1]])
    untied = (ours != 0).sum(axis=1) * int((theirs != 0).sum())
    tau = (ours * theirs).sum(axis=1) / np.sqrt(np.maximum(untied, 1))
    return np.where((ours == theirs).all(axis=1), 1.0, tau)


def _weights(scores: Scores) -> np.ndarray:
    """Return the weight of each task: families count alike, and the tasks within a family alike."""
    groups = scores.by_family()
    weights = np.zeros(len(scores.tasks))
    for tasks in groups.values():
        weights[list(tasks)] = 1.0 / (len(groups) * len(tasks))
    return weights


def _weighted(weights: np.ndarray, ranks: np.ndarray) -> np.ndarray:
    """Return weighted mean ranks: (weightings, methods); one addition after the other."""
    total = np.zeros((len(weights), ranks.shape[1]))
    for t, row in enumerate(ranks):
        total += weights[:, t, None] * row
    return total


def _left_out(scores: Scores, ranks: np.ndarray, full: np.ndarray) -> Iterator[LeftOut]:
    """Yield the ranking without each task, and without each family where families hold several."""
    groups = scores.by_family()
    left: list[tuple[str, str, tuple[int, ...]]] = [
        ("task", name, (t,)) for t, name in enumerate(scores.tasks)
    ]
    if 1 < len(groups) < len(scores.tasks):
        left += [("family", name, tasks) for name, tasks in groups.items()]
    for what, name, tasks in left:
        kept = [t for t in range(len(scores.tasks)) if t not in tasks]
        part = scores.only(tasks=[scores.tasks[t] for t in kept])
        ranking = positions(_weighted(_weights(part)[None], ranks[kept]))
        yield LeftOut(
            what=what,
            name=name,
            ranking=tuple(ranking[0].tolist()),
            tau=float(_taus(ranking, full)[0]),
            max_rank_change=float(np.abs(ranking[0] - full).max()),
        )


def _position_shares(mean_ranks: np.ndarray) -> np.ndarray:
    """Return the share of resamples with each method at each position; ties share their positions."""
    values = np.round(mean_ranks, _DIGITS)
    k = values.shape[1]
    before = (values[:, None, :] < values[:, :, None]).sum(axis=-1)
    equal = (values[:, None, :] == values[:, :, None]).sum(axis=-1)
    places = np.arange(k)
    held = (before[:, :, None] <= places) & (places < (before + equal)[:, :, None])
    return np.asarray((held / equal[:, :, None]).sum(axis=0) / len(values))


def _simplex(rng: Stream, count: int, tasks: int) -> np.ndarray:
    """Return weights uniform on the simplex: (count, tasks)."""
    drawn = -np.log(uniforms(rng, (count, tasks)))
    return np.asarray(drawn / drawn.sum(axis=1, keepdims=True))


def _subsets(scores: Scores, ranks: np.ndarray, full: np.ndarray, rng: Stream, count: int) -> Perturbed:
    """Compare the rankings of subsets of the tasks, whose families count alike, with the full one."""
    tasks = len(ranks)
    exact = tasks <= EXACT_TASKS
    if exact:
        chosen = (np.arange(1, 2**tasks - 1)[:, None] >> np.arange(tasks)) & 1
    else:
        chosen = as_stream(rng).indices(2, (count, tasks))
        chosen = chosen[(chosen.sum(axis=1) > 0) & (chosen.sum(axis=1) < tasks)]
    sizes = np.zeros(chosen.shape)
    present = np.zeros((len(chosen), 1))
    for members in scores.by_family().values():
        held = chosen[:, list(members)].sum(axis=1, keepdims=True)
        sizes[:, list(members)] = np.maximum(held, 1)
        present += held > 0
    return _perturbed(chosen / (sizes * present), ranks, full, exact=exact)


def _perturbed(weights: np.ndarray, ranks: np.ndarray, full: np.ndarray, *, exact: bool) -> Perturbed:
    k = len(full)
    rows = max(1, _CHUNK // (k * k))
    taus, changes, same = [], [], 0
    for start in range(0, len(weights), rows):
        rankings = positions(_weighted(weights[start : start + rows], ranks))
        taus.append(_taus(rankings, full))
        changes.append(np.abs(rankings - full).max(axis=1) / (k - 1))
        best = rankings == rankings.min(axis=1, keepdims=True)
        same += int((best == (full == full.min())).all(axis=1).sum())
    tau, mrc = np.sort(np.concatenate(taus)), np.sort(np.concatenate(changes))
    return Perturbed(
        count=len(weights),
        exact=exact,
        tau_mean=float(tau.mean()),
        tau_least=float(tau[0]),
        mrc_mean=float(mrc.mean()),
        mrc_most=float(mrc[-1]),
        same_best=same / len(weights),
    )


def _flips(scores: Scores) -> tuple[Flip, ...]:
    """Return the pairs whose order of mean rank turns round in some pool, with the fewest to drop.

    The mean rank of a method is 1 plus the sum over all others of the weight of tasks on which they
    are better (ties half): so each other method adds its own share to the difference of a pair, and
    those that support it most are dropped first.
    """
    beaten = _beaten(scores)
    found = []
    names = sorted(scores.methods)
    place = {name: i for i, name in enumerate(scores.methods)}
    for a in names:
        for b in names:
            shares = np.round(beaten[place[b]] - beaten[place[a]], _DIGITS)
            others = [name for name in names if name not in (a, b)]
            lead = float(np.round(shares.sum(), _DIGITS))
            if a == b or lead <= 0.0:
                continue
            support = sorted(others, key=lambda name: (-shares[place[name]], name))
            dropped: list[str] = []
            for name in support:
                if lead < 0.0 or shares[place[name]] <= 0.0:
                    break
                lead = float(np.round(lead - shares[place[name]], _DIGITS))
                dropped.append(name)
            if lead < 0.0:
                found.append(Flip(better=a, worse=b, dropped=tuple(dropped)))
    return tuple(found)


def _beaten(scores: Scores) -> np.ndarray:
    """Return the weight of tasks on which the row method is beaten by the column method, ties half.

    As in `average_ranks` a failure is beaten by every other method, failed or not.
    """
    means = levelled(scores.means())
    mine, others = means[:, :, None], means[:, None, :]
    beaten = (others > mine) + 0.5 * (others == mine) + 1.0 * np.isnan(mine)
    k = means.shape[1]
    beaten[:, np.arange(k), np.arange(k)] = 0.0
    return _weighted(_weights(scores)[None], beaten.reshape(len(means), k * k)).reshape(k, k)


def _basis(scores: Scores, seed: str) -> Basis:
    families, lost = independent(scores), int(np.isnan(scores.means()).sum())
    cautions = (
        too_few(families),
        f"{lost} cells with failed or missing runs rank last" if lost else "",
        "weights are drawn for tasks: a family of many weighs more there"
        if families < len(scores.tasks)
        else "",
    )
    return Basis(
        procedure="stability of the ranking by average rank",
        source="Zhang and Hardt, ICML 2024 (tau and maximal rank change); leave-one-out and bootstrap",
        n={"families": families, "tasks": len(scores.tasks), "methods": len(scores.methods)},
        varied=("tasks", "weights of tasks", "pool of methods"),
        assumptions=("ranks of a family are averaged first, and families count alike",),
        ties="average ranks; tau-b",
        seed=seed,
        cautions=tuple(text for text in cautions if text),
    )
