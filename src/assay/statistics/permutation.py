"""Permutation tests of two methods: signs flipped within pairs, labels exchanged between samples."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence

import numpy as np

from assay.foundation.errors import UsageError
from assay.foundation.seeding import Stream
from assay.statistics.basis import Basis, Result, seed_text
from assay.statistics.table import Table

Sample = Sequence[float] | np.ndarray

PERMUTATIONS = 10_000
_ENUMERATED = 1 << 16  # permutations that are listed rather than drawn
_LARGEST = 1e300
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


def flip_p(differences: np.ndarray, rng: Stream) -> tuple[np.ndarray, bool, int]:
    """Return the two-sided sign-flip p of each row of (tests, pairs), whether exact, and of how many.

    All rows share one set of drawn signs, which depends on the stream's name and the number of pairs
    alone: what else is tested beside a row does not change its p.
    """
    n = differences.shape[1]
    whole, _, _ = quantised(np.sort(np.abs(differences), axis=1))
    signed, _, _ = quantised(differences)
    # Each of n values, and each of the two sums that are compared, is rounded by half a unit at most.
    reached = np.abs(signed.sum(axis=1)) - n
    if 1 << n <= _ENUMERATED:
        rows = max(1, 2 * _CELLS >> n)
        hits = [_flipped(whole[i : i + rows], reached[i : i + rows]) for i in range(0, len(whole), rows)]
        return np.concatenate(hits) / (1 << n - 1), True, 1 << n
    found = np.zeros(len(whole))
    for signs in _signs(Stream(rng.root, (*rng.path, "signs", n)), n):
        found += (np.abs(whole @ signs.T) >= reached[:, None]).sum(axis=1)
    return (found + 1) / (PERMUTATIONS + 1), False, PERMUTATIONS


def exchange_p(samples: Sequence[tuple[np.ndarray, np.ndarray]], rng: Stream) -> tuple[np.ndarray, bool, int]:
    """Return the p of `permute_means` of each pair of samples, whether exact, and of how many.

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
    exact = total <= _ENUMERATED
    masks = _choices(n, few) if exact else _drawn(Stream(rng.root, (*rng.path, "labels", few, many)), n, few)
    found = np.zeros(len(units))
    for mask in masks:
        found += (np.abs(units @ mask.T.astype(np.float64) - expected) >= reached).sum(axis=1)
    if exact:
        return found / total, True, total
    return (found + 1) / (PERMUTATIONS + 1), False, PERMUTATIONS


def least_flip_p(n: int) -> float:
    """Return the smallest two-sided p that a sign-flip test of n pairs can give."""
    return 2.0 ** (1 - n) if 1 << n <= _ENUMERATED else 1 / (PERMUTATIONS + 1)


def least_exchange_p(n_a: int, n_b: int) -> float:
    """Return the smallest two-sided p that exchanging the labels of two samples can give."""
    total = math.comb(n_a + n_b, n_a)
    # Exchanging all labels of equally large samples gives the same difference once more.
    return (1 + (n_a == n_b)) / total if total <= _ENUMERATED else 1 / (PERMUTATIONS + 1)


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
    """Return values as a float64 array of shape (n,); refuse none, and any that is not finite."""
    sample = np.asarray(values, dtype=np.float64)
    if sample.ndim != 1 or not sample.size:
        raise UsageError(f"{what} needs at least one value", why=f"its shape is {sample.shape}")
    bad = sample.size - int((np.abs(sample) < _LARGEST).sum())  # NaN compares as false
    if bad:
        raise UsageError(
            f"{bad} of {sample.size} values of {what} are not finite",
            why="a failed run has no value; it is counted, not averaged",
            hint="leave it out, its pair with it, and report how many were lost",
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


def _signs(rng: Stream, n: int) -> Iterator[np.ndarray]:
    """Yield matrices of random signs, `PERMUTATIONS` rows of n in all."""
    words = -(-n // _WORD)
    rows = max(1, _CELLS // n)
    shifts = np.arange(_WORD, dtype=np.uint32)
    for start in range(0, PERMUTATIONS, rows):
        count = min(rows, PERMUTATIONS - start)
        drawn = rng.indices(1 << _WORD, (count, words)).astype(np.uint32)
        bits = (drawn[:, :, None] >> shifts) & np.uint32(1)
        yield bits.reshape(count, -1)[:, :n].astype(np.float64) * 2.0 - 1.0


def _choices(n: int, few: int) -> Iterator[np.ndarray]:
    """Yield all ways to choose `few` of n as boolean matrices."""
    listed = itertools.combinations(range(n), few)
    rows = max(1, _CELLS // n)
    while chunk := list(itertools.islice(listed, rows)):
        mask = np.zeros((len(chunk), n), dtype=bool)
        mask[np.arange(len(chunk))[:, None], np.array(chunk, dtype=np.intp)] = True
        yield mask


def _drawn(rng: Stream, n: int, few: int) -> Iterator[np.ndarray]:
    """Yield random choices of `few` of n (selection sampling: Knuth, TAOCP 3.4.2, algorithm S)."""
    rows = max(1, _CELLS // n)
    for start in range(0, PERMUTATIONS, rows):
        count = min(rows, PERMUTATIONS - start)
        mask = np.zeros((count, n), dtype=bool)
        wanted = np.full(count, few)
        for i in range(n):
            mask[:, i] = rng.indices(n - i, (count,)) < wanted
            wanted -= mask[:, i]
        yield mask
