"""How far the numbers of a table can be trusted to rank architectures.

Three questions: how much of the variation is between architectures rather than between trainings of one;
how the ranking changes with fidelity, seed, task or device; and how far apart architectures lie that the
space's canonical form says are the same.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import msgspec
import numpy as np
from scipy import stats

from assay.benchmarks.tabular import TableBenchmark
from assay.foundation.errors import UsageError

CONFIDENCE = 0.95
TOP = 0.1


class Noise(msgspec.Struct, frozen=True, kw_only=True):
    """What trainings of one architecture vary by, from the architectures with two seeds or more.

    `icc` is the intraclass correlation of single trainings, `of_mean` that of the mean over `seeds`
    trainings (Spearman-Brown), the harmonic mean of their numbers where these differ. `sd` is the standard
    deviation between trainings, pooled over all architectures, `top_sd` over the best tenth. `distinct` is
    the largest number of architectures of which any two means differ by more than `gap`, the least
    significant difference of two means at 95 %, not corrected for their number; `top_distinct` that of the
    best tenth by the noise there.
    """

    architectures: int
    seeds: float
    icc: float
    of_mean: float
    sd: float
    top_sd: float
    gap: float
    distinct: int
    top_distinct: int


class Agreement(msgspec.Struct, frozen=True, kw_only=True):
    """How two columns rank the architectures that have both; `top` is by the best tenth of the first.

    `spearman`, `kendall` (tau-b) and `pearson` are over all of `architectures`, the others over the best
    tenth of the first column. `overlap` is the share of the best tenth of one that is in that of the other.
    None where a column does not vary.
    """

    first: str
    second: str
    architectures: int
    pearson: float | None
    spearman: float | None
    kendall: float | None
    top_spearman: float | None
    top_kendall: float | None
    overlap: float


class Classes(msgspec.Struct, frozen=True, kw_only=True):
    """How far architectures of one class of the canonical form lie apart; `members` are in shared classes.

    `sd` is the standard deviation inside classes, pooled, and `noise` what training noise alone would make
    of the means. `largest` is the largest range of a class, that of `example`.
    """

    form: str
    classes: int
    shared: int
    members: int
    sd: float
    noise: float | None
    largest: float
    example: str


class Reliability(msgspec.Struct, frozen=True, kw_only=True):
    """What `reliability` finds, from `architectures` with a value of the `size` of the space.

    `noise` is None where no architecture has two seeds at the fidelity, `classes` without a form.
    """

    benchmark: str
    signal: str
    fidelity: str
    unit: str
    architectures: int
    size: int
    noise: Noise | None
    agreements: tuple[Agreement, ...]
    classes: Classes | None


def reliability(
    benchmark: TableBenchmark,
    signal: str | None = None,
    *,
    others: Sequence[TableBenchmark] = (),
    columns: Sequence[str] = (),
) -> Reliability:
    """Return how reliable a signal is: its noise, its agreement with other columns, its classes.

    Compared are the benchmark's fidelities (the last of each schedule), its single seeds, the same signal of
    `others` over the same space, and the extra `columns` named, such as latencies of devices, turned as
    their card says. Raises `UsageError` for a benchmark over another space.

    Source: Shrout and Fleiss, Psychological Bulletin 86 (1979), ICC(1,1), here with unequal numbers as in
    Donner, International Statistical Review 54 (1986); Spearman-Brown for the mean.
    """
    facts = benchmark.signal(signal or benchmark.card.signals[0].name)
    seeds = _seed_columns(benchmark, facts.name)
    turn = 1.0 if facts.maximize else -1.0
    compared: dict[str, np.ndarray] = {}
    for fidelity in benchmark.card.fidelities:
        if fidelity.epoch is None or fidelity == benchmark.default_fidelity:
            compared[fidelity.text()] = turn * benchmark.column(facts.name, None, fidelity)
    compared |= {name: turn * column for name, column in seeds.items()}
    for other in others:
        sign = 1.0 if other.signal(facts.name).maximize else -1.0
        compared[other.name] = sign * _aligned(benchmark, other, other.column(facts.name))
    notes = {note.column: note for note in benchmark.card.extra_notes}
    for name in columns:
        sign = -1.0 if name in notes and not notes[name].maximize else 1.0
        compared[name] = sign * np.asarray(benchmark.extra_column(name), dtype=float)
    own = benchmark.column(facts.name)
    noise = _noise(np.stack(list(seeds.values()), axis=1), turn) if len(seeds) > 1 else None
    return Reliability(
        benchmark=benchmark.name,
        signal=facts.name,
        fidelity=benchmark.default_fidelity.text(),
        unit=facts.unit,
        architectures=int(np.isfinite(own).sum()),
        size=len(own),
        noise=noise,
        agreements=tuple(agreements(compared)),
        classes=_classes(benchmark, own, noise),
    )


def _aligned(benchmark: TableBenchmark, other: TableBenchmark, column: np.ndarray) -> np.ndarray:
    """Return a column of another benchmark in the order of this one, NaN for what it does not have."""
    mine, theirs = benchmark.space, other.space
    if mine.name != theirs.name:
        why = f"it is over {theirs.name}, not {mine.name}"
        raise UsageError("these benchmarks have no architecture in common", where=other.name, why=why)
    if mine is theirs:
        return column
    rows = {theirs.format(theirs.at(i)): i for i in range(theirs.size)}
    places = [rows.get(mine.format(mine.at(i)), -1) for i in range(mine.size)]
    return np.where(np.array(places) < 0, np.nan, column[places])


def agreements(columns: Mapping[str, np.ndarray]) -> list[Agreement]:
    """Return how each pair of columns agrees; larger is better in all, NaN is left out pair by pair."""
    return [_agreement(a, b, columns[a], columns[b]) for a, b in combinations(columns, 2)]


def _agreement(first: str, second: str, a: np.ndarray, b: np.ndarray) -> Agreement:
    both = np.isfinite(a) & np.isfinite(b)
    a, b = a[both], b[both]
    top = _best(a)
    return Agreement(
        first=first,
        second=second,
        architectures=len(a),
        pearson=_correlation(stats.pearsonr, a, b),
        spearman=_correlation(stats.spearmanr, a, b),
        kendall=_correlation(stats.kendalltau, a, b),
        top_spearman=_correlation(stats.spearmanr, a[top], b[top]),
        top_kendall=_correlation(stats.kendalltau, a[top], b[top]),
        overlap=len(np.intersect1d(top, _best(b))) / max(len(top), 1),
    )


def _best(values: np.ndarray) -> np.ndarray:
    """Return the places of the best tenth, the earlier of equals."""
    return np.argsort(-values, kind="stable")[: math.ceil(TOP * len(values))]


def _correlation(method: Any, a: np.ndarray, b: np.ndarray) -> float | None:
    if len(a) < 3 or not np.ptp(a) or not np.ptp(b):
        return None
    return float(method(a, b).statistic)


def _seed_columns(benchmark: TableBenchmark, signal: str) -> dict[str, np.ndarray]:
    policies = [one for one in benchmark.card.seeds.policies if one.startswith("seed=")]
    found = {policy: benchmark.column(signal, policy) for policy in policies}
    return {policy: column for policy, column in found.items() if np.isfinite(column).any()}


def _noise(values: np.ndarray, turn: float) -> Noise | None:
    """Return the noise of trainings; `values` has shape (architectures, seeds), NaN where there is none."""
    counts = np.isfinite(values).sum(axis=1)
    values, counts = values[counts > 1], counts[counts > 1]
    if len(values) < 2:
        return None
    means = np.nanmean(values, axis=1)
    within = np.nansum((values - means[:, None]) ** 2, axis=1)
    total, groups = counts.sum(), len(counts)
    between = float((counts * (means - np.nansum(values) / total) ** 2).sum() / (groups - 1))
    error = float(within.sum() / (total - groups))
    size = (total - (counts**2).sum() / total) / (groups - 1)
    if not between and not error:
        return None
    icc = (between - error) / (between + (size - 1) * error)
    seeds = float(groups / (1 / counts).sum())
    top = _best(turn * means)
    top_error = float(within[top].sum() / (counts[top] - 1).sum())
    z = float(stats.norm.ppf((1 + CONFIDENCE) / 2))
    gap, top_gap = (z * math.sqrt(2 * one / seeds) for one in (error, top_error))
    return Noise(
        architectures=groups,
        seeds=seeds,
        icc=float(icc),
        of_mean=float(seeds * max(icc, 0) / (1 + (seeds - 1) * max(icc, 0))),
        sd=math.sqrt(error),
        top_sd=math.sqrt(top_error),
        gap=gap,
        distinct=_distinct(means, gap),
        top_distinct=_distinct(means[top], top_gap),
    )


def _distinct(means: np.ndarray, gap: float) -> int:
    """Return how many values can be picked of which any two differ by more than the gap."""
    count, last = 0, -math.inf
    for value in np.sort(means).tolist():
        if value - last > gap:
            count, last = count + 1, value
    return count


def _classes(benchmark: TableBenchmark, values: np.ndarray, noise: Noise | None) -> Classes | None:
    space: Any = benchmark.space
    form = getattr(space, "canonical_form", None)
    if form is None:
        return None
    names = [space.unique_string(space.at(i)) for i in range(space.size)]
    _, codes = np.unique(np.array(names), return_inverse=True)
    known = np.isfinite(values)
    codes, own = codes[known], values[known]
    counts = np.bincount(codes)
    sums = np.bincount(codes, weights=own)
    means = np.divide(sums, counts, out=np.zeros(len(counts)), where=counts > 0)
    low, high = np.full(len(counts), np.inf), np.full(len(counts), -np.inf)
    np.minimum.at(low, codes, own)
    np.maximum.at(high, codes, own)
    shared = counts > 1
    if not shared.any():
        return None
    spread = float(((own - means[codes]) ** 2).sum() / (counts[shared].sum() - shared.sum()))
    ranges = np.where(shared, high - low, 0.0)
    widest = int(ranges.argmax())
    example = np.flatnonzero(known)[int(np.flatnonzero(codes == widest)[0])]
    return Classes(
        form=form,
        classes=int((counts > 0).sum()),
        shared=int(shared.sum()),
        members=int(counts[shared].sum()),
        sd=math.sqrt(spread),
        noise=None if noise is None else noise.sd / math.sqrt(noise.seeds),
        largest=float(ranges[widest]),
        example=space.format(space.at(int(example))),
    )
