"""Permutation tests of two methods: signs flipped within pairs, labels exchanged between samples."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from assay.foundation.errors import UsageError
from assay.foundation.seeding import Stream, as_stream
from assay.statistics.basis import Basis, Result, seed_text
from assay.statistics.numbers import as_numbers
from assay.statistics.table import Table

Sample = Sequence[float] | np.ndarray

PERMUTATIONS = 10_000
ENUMERATED = 1 << 16  # permutations that are listed rather than drawn, at most
_FINER = 20  # the least p that draws can give is this much finer than the level that it is held against
_SETTLED = 50  # of the first draws: where so many reach what was seen, further draws would change nothing
LARGEST = 1e300
_EQUAL = 1e-12  # of the values: sums that differ by less differ by rounding alone
_BITS = 40
_MANTISSA = 52
_CELLS = 1 << 21  # of a matrix of draws that is held at a time
_WORD = 32

FLIP_ASSUMPTIONS = (
    "pairs are independent of each other",
    "under the null the differences are symmetric around zero",
)
INDEPENDENT = "values are independent within and between samples"


class PermutationTest(Result, frozen=True, kw_only=True):
    """A two-sided permutation test of a difference of means.

    `statistic` is the difference of means; `exact` says that all `permutations` were enumerated, and
    otherwise so many were drawn; `least_p` is the smallest p that so many replicates can give.
    """

    statistic: float
    p: float
    exact: bool
    permutations: int
    least_p: float

    def sentence(self) -> str:
        """Return the difference and its p, with what these replicates could show at best."""
        kind = "exact" if self.exact else "Monte Carlo"
        return (
            f"mean difference {self.statistic:.4g}, {self.basis.procedure}: {p_text(self.p)} ({kind}; "
            f"so many replicates give p = {self.least_p:.2g} at the least)"
        )

    def table(self) -> Table:
        """Return the test as one row."""
        columns = ("difference", "p", "exact", "permutations", "least p")
        return Table(columns, [(self.statistic, self.p, self.exact, self.permutations, self.least_p)])


def sign_flip(d: Sample, *, rng: Stream, source: str, varied: tuple[str, ...]) -> PermutationTest:
    """Test that paired differences are symmetric around zero, by flipping their signs.

    Fisher, The Design of Experiments 1935, section 21: all 2^n signs up to 16 pairs, and (b + 1) /
    (m + 1) of m drawn ones from there (Phipson and Smyth, SAGMB 2010). `source` names what the two of
    a pair share. Neither the order of the differences nor their common sign changes p. Raises
    `UsageError` without a source, without differences, and for a difference that is not finite.
    """
    differences = checked(d)
    checked_source(source)
    n = len(differences)
    p, exact, count = flip_p(differences[None, :], rng)
    cautions = () if n > 1 else ("one pair says nothing of how pairs vary",)
    return PermutationTest(
        basis=Basis(
            procedure="sign-flip permutation test",
            source="Fisher 1935, section 21" if exact else "Fisher 1935, section 21; Phipson and Smyth 2010",
            n={"pairs": n},
            varied=varied,
            assumptions=(f"pairs share {source}", *FLIP_ASSUMPTIONS),
            zeros="kept: a difference of zero has no sign to flip",
            seed="" if exact else seed_text(rng, count),
            cautions=cautions,
        ),
        statistic=mean_of(differences),
        p=float(p[0]),
        exact=exact,
        permutations=count,
        least_p=least_flip_p(n),
    )


def permute_means(a: Sample, b: Sample, *, rng: Stream, varied: tuple[str, ...]) -> PermutationTest:
    """Test that two independent samples have one distribution, by exchanging their labels.

    Pitman, Supplement to the JRSS 1937, on |mean(a) - mean(b)|: all assignments up to 65,536, and
    (b + 1) / (m + 1) of m drawn ones from there. Neither the order of the values nor that of the
    samples changes p. Raises `UsageError` for an empty sample and for a value that is not finite.
    """
    first, second = checked(a), checked(b)
    p, exact, count = exchange_p([(first, second)], rng)
    sizes = len(first), len(second)
    return PermutationTest(
        basis=Basis(
            procedure="permutation test of two means",
            source="Pitman 1937" if exact else "Pitman 1937; Phipson and Smyth 2010",
            n={"values of A": sizes[0], "values of B": sizes[1]},
            varied=varied,
            assumptions=("under the null all values have one distribution", INDEPENDENT),
            seed="" if exact else seed_text(rng, count),
        ),
        statistic=mean_of(first) - mean_of(second),
        p=float(p[0]),
        exact=exact,
        permutations=count,
        least_p=least_exchange_p(*sizes),
    )


def flip_p(differences: np.ndarray, rng: Stream, level: float = 0.05) -> tuple[np.ndarray, bool, int]:
    """Return the two-sided sign-flip p of each row of (tests, pairs), whether exact, and of how many at most.

    All rows share one set of drawn signs, which depends on the stream's name and the number of pairs
    alone: what else is tested beside a row does not change its p. `level` is the strictest that a p is
    held against: see `draws_for`.
    """
    n = differences.shape[1]
    whole, _, _ = quantised(np.sort(np.abs(differences), axis=1))
    signed, _, _ = quantised(differences)
    # Each of n values, and each of the two sums that are compared, is rounded by half a unit at most.
    reached = np.abs(signed.sum(axis=1)) - n
    if 1 << n <= ENUMERATED:
        rows = max(1, 2 * _CELLS >> n)
        hits = [_flipped(whole[i : i + rows], reached[i : i + rows]) for i in range(0, len(whole), rows)]
        return np.concatenate(hits) / (1 << n - 1), True, 1 << n
    draws = draws_for(level)
    signs = _signs(as_stream(rng).child("signs", n), n, draws)
    return _drawn_p(whole, np.zeros((len(whole), 1)), reached[:, None], signs, draws), False, draws


def exchange_p(
    samples: Sequence[tuple[np.ndarray, np.ndarray]], rng: Stream, level: float = 0.05
) -> tuple[np.ndarray, bool, int]:
    """Return the p of `permute_means` of each pair of samples, whether exact, and of how many at most.

    Every pair has the same two sizes, in either order, and all share one set of exchanges: see `flip_p`.
    """
    few, many = sorted(map(len, samples[0]))
    n = few + many
    # What is summed is the smaller sample, and of two equal ones either: their sums mirror each other.
    pooled = np.sort(np.stack([np.concatenate(pair) for pair in samples]), axis=1)
    middle = (pooled[:, :1] + pooled[:, -1:]) / 2
    units, scale, bits = quantised(pooled - middle)
    chosen = np.stack([min(pair, key=len) for pair in samples]) - middle
    own = np.rint(np.divide(chosen, scale, where=scale > 0, out=np.zeros_like(chosen)) * 2.0**bits)
    expected = units.sum(axis=1, keepdims=True) * (few / n)
    reached = np.abs(own.sum(axis=1, keepdims=True) - expected) - 2 * n
    total = math.comb(n, few)
    if total <= ENUMERATED:
        hits = sum(_hits(units, expected, reached, mask) for mask in choices(n, few))
        return np.asarray(hits / total), True, total
    draws = draws_for(level)
    masks = _drawn(as_stream(rng).child("labels", few, many), n, few, draws)
    return _drawn_p(units, expected, reached, masks, draws), False, draws


def stratified_exchange_p(
    strata: Mapping[str, tuple[np.ndarray, np.ndarray]], rng: Stream, level: float = 0.05
) -> float:
    """Return the two-sided p of the sum over strata of mean(a) - mean(b), by exchanging labels within each.

    Pitman 1937, within strata as in Fisher's blocks: all assignments where they are 65,536 at most, else
    as many drawn ones as `draws_for` says. Neither the order of the strata nor that of values changes p.
    """
    listed = [(name, np.sort(a), np.sort(b)) for name, (a, b) in sorted(strata.items())]
    size = math.fsum(float(max(np.abs(a).max(), np.abs(b).max())) for _, a, b in listed)
    seen = abs(math.fsum(mean_of(a) - mean_of(b) for _, a, b in listed)) - _EQUAL * size
    total = math.prod(math.comb(len(a) + len(b), len(a)) for _, a, b in listed)
    sums = np.zeros(1)
    for name, a, b in listed:
        n, few = len(a) + len(b), len(a)
        if total <= ENUMERATED:
            patterns = np.concatenate(list(choices(n, few)))
        else:
            stream = Stream(rng.root, (*rng.path, "labels", name))
            patterns = np.concatenate(list(_drawn(stream, n, few, draws_for(level))))
        found = patterns @ np.concatenate([a, b]) * (1 / len(a) + 1 / len(b))
        found -= math.fsum([*a.tolist(), *b.tolist()]) / len(b)
        sums = (sums[:, None] + found).ravel() if total <= ENUMERATED else sums + found
    hits = int((np.abs(sums) >= seen).sum())
    return hits / total if total <= ENUMERATED else (hits + 1) / (len(sums) + 1)


def draws_for(level: float) -> int:
    """Return how many permutations are drawn for a p that is held against `level` at the strictest.

    The least p of m draws is 1 / (m + 1): it has to lie well below the level, or no drawn p could ever be
    significant. `PERMUTATIONS` at least.
    """
    return max(PERMUTATIONS, math.ceil(_FINER / level))


def least_flip_p(n: int, level: float = 0.05) -> float:
    """Return the smallest two-sided p that a sign-flip test of n pairs can give; `level` as in `flip_p`."""
    return 2.0 ** (1 - n) if 1 << n <= ENUMERATED else 1 / (draws_for(level) + 1)


def least_exchange_p(n_a: int, n_b: int, level: float = 0.05) -> float:
    """Return the smallest two-sided p that exchanging the labels of two samples can give."""
    total = math.comb(n_a + n_b, n_a)
    # Exchanging all labels of equally large samples gives the same difference once more.
    return (1 + (n_a == n_b)) / total if total <= ENUMERATED else 1 / (draws_for(level) + 1)


def quantised(values: np.ndarray) -> tuple[np.ndarray, np.ndarray, int]:
    """Return each row in whole units of its largest magnitude / 2^bits, those magnitudes, and bits.

    Sums of n such units, each taken up to n times in all, are exact in double precision, so that no
    order of summation, library or processor changes what they are compared with.
    """
    bits = min(_BITS, _MANTISSA - math.ceil(math.log2(values.shape[1] + 1)))
    scale = np.abs(values).max(axis=1, keepdims=True)
    shares = np.divide(values, scale, where=scale > 0, out=np.zeros_like(values))
    return np.rint(shares * 2.0**bits), scale, bits


def checked(values: Sample, what: str = "a sample") -> np.ndarray:
    """Return values as a float64 array of shape (n,); refuse none, no numbers, and any that is not finite."""
    sample = as_numbers(values, what)
    if sample.ndim != 1:
        raise UsageError(
            f"{what} needs at least one value, all in one row", why=f"its shape is {sample.shape}"
        )
    if not sample.size:
        raise UsageError(f"{what} needs at least one value", why=f"its shape is {sample.shape}")
    bad = sample.size - int(np.isfinite(sample).sum())
    if bad:
        raise UsageError(
            f"{bad} of {sample.size} values of {what} are not finite",
            why="a failed run has no value; it is counted, not averaged",
            hint="leave it out, its pair with it, and report how many were lost",
        )
    large = int((np.abs(sample) >= LARGEST).sum())
    if large:
        raise UsageError(
            f"{large} of {sample.size} values of {what} are too large to be compared",
            why=f"a difference of two beyond {LARGEST:g} may overflow",
            hint="give them in another unit",
        )
    return sample


def checked_pair(a: Sample, b: Sample, source: str | None) -> tuple[np.ndarray, np.ndarray]:
    """Return two samples; with a source they are pairs, and equally long."""
    first, second = checked(a, "the first sample"), checked(b, "the second sample")
    if source is not None:
        checked_source(source)
        if len(first) != len(second):
            raise UsageError(
                f"{len(first)} and {len(second)} values do not make pairs",
                hint="leave out what has no partner, or compare the samples as independent",
            )
    return first, second


def checked_source(source: str | None) -> None:
    """Refuse pairs that share nothing that has a name."""
    if source is None or not source.strip():
        raise UsageError(
            "a paired procedure needs a declared common source",
            why="values that share nothing are not pairs, whatever the order they stand in",
            hint="source='data split', or compare them as independent samples",
        )


def checked_share(value: float, what: str) -> float:
    """Return a number between 0 and 1, both excluded."""
    if not 0.0 < value < 1.0:
        raise UsageError(f"{what} lies between 0 and 1, got {value}")
    return float(value)


def mean_of(sample: np.ndarray) -> float:
    """Return a mean that depends neither on the order of the values nor on the library that sums."""
    low, high = float(sample.min()), float(sample.max())
    return low if low == high else math.fsum((sample / len(sample)).tolist())


def sd_of(sample: np.ndarray) -> float:
    """Return the standard deviation with n - 1, summed as in `mean_of`; NaN for one value."""
    if len(sample) < 2:
        return math.nan
    deviations = sample - mean_of(sample)
    scale = float(np.abs(deviations).max())  # no power of a deviation overflows or vanishes
    shares = deviations / scale if scale else deviations
    return scale * math.sqrt(math.fsum((shares * shares).tolist()) / (len(sample) - 1))


def p_text(p: float) -> str:
    """Return a p-value as a paper prints it: 'p = 0.031', 'p < 0.0001'."""
    return "p < 0.0001" if p < 1e-4 else f"p = {p:.2g}"


def _flipped(whole: np.ndarray, reached: np.ndarray) -> np.ndarray:
    """Return in how many of the 2^(n-1) patterns with a first sign of + the sum reaches what was seen."""
    sums = whole[:, :1]
    for i in range(1, whole.shape[1]):
        step = whole[:, i : i + 1]
        sums = np.concatenate([sums + step, sums - step], axis=1)
    return np.asarray((np.abs(sums) >= reached[:, None]).sum(axis=1))


def _hits(units: np.ndarray, centre: np.ndarray, reached: np.ndarray, patterns: np.ndarray) -> np.ndarray:
    """Return in how many patterns the sum of each row lies as far from its centre as was seen."""
    turned = patterns.T.astype(np.float64)
    rows = max(1, 2 * _CELLS // len(patterns))
    parts = [slice(i, i + rows) for i in range(0, len(units), rows)]
    hits = [(np.abs(units[part] @ turned - centre[part]) >= reached[part]).sum(axis=1) for part in parts]
    return np.concatenate(hits) if hits else np.zeros(0, dtype=np.int64)


def _drawn_p(
    units: np.ndarray, centre: np.ndarray, reached: np.ndarray, drawn: Iterator[np.ndarray], draws: int
) -> np.ndarray:
    """Return (b + 1) / (m + 1) of each row: m is `PERMUTATIONS` where these settle it, else all draws.

    Either is a p-value by itself, and the second is asked for only where the first is so small that it
    could not be told from one that is smaller still: so that what results is one again.
    """
    hits, made = np.zeros(len(units)), np.zeros(len(units))
    left = np.arange(len(units))
    for patterns in drawn:
        hits[left] += _hits(units[left], centre[left], reached[left], patterns)
        made[left] += len(patterns)
        if made[left[0]] == PERMUTATIONS:
            left = left[hits[left] < _SETTLED]
        if not len(left) or made[left[0]] == draws:
            break
    return np.asarray((hits + 1) / (made + 1))


def _parts(n: int, draws: int) -> Iterator[int]:
    """Yield how many draws of n are held at a time; one part ends at `PERMUTATIONS`."""
    rows = max(1, _CELLS // n)
    for start, end in ((0, PERMUTATIONS), (PERMUTATIONS, draws)):
        for place in range(start, end, rows):
            yield min(rows, end - place)


def _signs(rng: Stream, n: int, draws: int) -> Iterator[np.ndarray]:
    """Yield matrices of random signs, `draws` rows of n in all."""
    words = -(-n // _WORD)
    shifts = np.arange(_WORD, dtype=np.uint32)
    for count in _parts(n, draws):
        drawn = rng.indices(1 << _WORD, (count, words)).astype(np.uint32)
        bits = (drawn[:, :, None] >> shifts) & np.uint32(1)
        yield bits.reshape(count, -1)[:, :n].astype(np.float64) * 2.0 - 1.0


def choices(n: int, few: int) -> Iterator[np.ndarray]:
    """Yield all ways to choose `few` of n as boolean matrices."""
    listed = itertools.combinations(range(n), few)
    rows = max(1, _CELLS // n)
    while chunk := list(itertools.islice(listed, rows)):
        mask = np.zeros((len(chunk), n), dtype=bool)
        mask[np.arange(len(chunk))[:, None], np.array(chunk, dtype=np.intp)] = True
        yield mask


def _drawn(rng: Stream, n: int, few: int, draws: int) -> Iterator[np.ndarray]:
    """Yield random choices of `few` of n: those with the smallest of n random keys."""
    places = np.arange(n, dtype=np.uint64)
    for count in _parts(n, draws):
        # The place makes keys differ, so that exactly `few` are chosen.
        keys = (rng.halves(1 << _WORD, count * n).reshape(count, n) << np.uint64(_WORD)) | places
        yield keys <= np.partition(keys, few - 1, axis=1)[:, few - 1 : few]
