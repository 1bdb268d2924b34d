"""Always-valid intervals: a mean that may be looked at after every run."""

from __future__ import annotations

import math

import numpy as np

from assay.foundation.errors import UsageError
from assay.statistics.basis import Basis, Result
from assay.statistics.permutation import Sample, checked, checked_share
from assay.statistics.table import Table

_TRUNCATION = 0.5  # of a bet, as Waudby-Smith and Ramdas recommend
_SKEWED = (
    "valid in the limit only: over 300 looks from 20 on at alpha 0.05, normal values were missed in 4 % of "
    "simulated sequences, exponential ones in 10 %, lognormal ones in 37 %, and runs of which one in fifty "
    "falls far in 66 %; with bounds none is missed more often than alpha says"
)


class ConfidenceSequence(Result, frozen=True, kw_only=True):
    """Intervals of a running mean that hold at all `times` at once, with probability 1 - `alpha`.

    `kind` is 'normal mixture', 'empirical Bernstein' or 'asymptotic'. Ends are infinite where nothing is
    known yet.
    """

    times: tuple[int, ...]
    mean: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    alpha: float
    kind: str

    def sentence(self) -> str:
        """Return the last interval, and since when it excludes zero, if it ever did."""
        percent = f"{100 * (1 - self.alpha):g} %"
        apart = [
            t for t, low, high in zip(self.times, self.low, self.high, strict=True) if not low <= 0 <= high
        ]
        valid = "asymptotically always-valid" if self.kind == "asymptotic" else "always-valid"
        since = f"; zero was first excluded after {apart[0]}" if apart else "; zero was never excluded"
        return (
            f"after {self.times[-1]} values the mean is {self.mean[-1]:.4g}, {percent} {valid} interval "
            f"{self.low[-1]:.4g} to {self.high[-1]:.4g} ({self.kind}){since}"
        )

    def table(self) -> Table:
        """Return the running mean and its interval at each time."""
        rows = zip(self.times, self.mean, self.low, self.high, strict=True)
        return Table(("n", "mean", "low", "high"), [tuple(row) for row in rows])


def confidence_sequence(
    values: Sample,
    *,
    varied: tuple[str, ...],
    alpha: float = 0.05,
    sd: float | None = None,
    bounds: tuple[float, float] | None = None,
    planned: int = 50,
    first: int = 20,
) -> ConfidenceSequence:
    """Return intervals for the mean of values, or of paired differences, in the order of their arrival.

    They may be looked at after every run, and the search for replicates be stopped at any. What is known
    beforehand chooses the kind. `bounds` that every value lies within: empirical Bernstein (Waudby-Smith
    and Ramdas, JRSS B 2024, theorem 2), without further assumption. An `sd` that the values are
    sub-Gaussian with: the normal mixture of Robbins (Annals of Mathematical Statistics 1970; Howard et
    al., Annals of Statistics 2021, equation 14). Neither: the same with the running standard deviation
    (Waudby-Smith et al., Annals of Statistics 2024, theorem 2.2), valid in the limit of a late `first`
    look, and no ends before it. `planned` is the n at which the mixture is narrowest; choose it, and all
    else, before the first run. Raises `UsageError` for settings that cannot be, for both `bounds` and
    `sd`, for values outside the bounds, and for values that are not finite.
    """
    checked_share(alpha, "alpha")
    sample = checked(values)
    _check(sd, bounds, planned, first)
    times = np.arange(1, len(sample) + 1)
    mean = np.cumsum(sample) / times
    cautions: tuple[str, ...] = ("alpha, bounds, sd, planned and first are fixed before the first run",)
    if bounds is not None:
        low, high = _bernstein(sample, bounds, alpha)
        kind, paper = "empirical Bernstein", "Waudby-Smith and Ramdas 2024, theorem 2"
        assumed = f"every value lies within {bounds[0]:g} and {bounds[1]:g}"
    elif sd is not None:
        half = sd * mixture_width(times, alpha, planned)
        low, high = mean - half, mean + half
        kind, paper = "normal mixture", "Robbins 1970; Howard et al. 2021, equation 14"
        assumed = f"values are sub-Gaussian with standard deviation {sd:g}"
    else:
        sds = _running_sd(sample)
        # Values that were all equal so far say nothing of how far the next may lie.
        unknown = (times < first) | (sds == 0.0)
        half = np.where(unknown, np.inf, sds * mixture_width(times, alpha, planned))
        low, high = mean - half, mean + half
        kind, paper = "asymptotic", "Waudby-Smith et al. 2024, theorem 2.2"
        assumed = f"running means are near normal from {first} values on"
        cautions += (_SKEWED,)
    return ConfidenceSequence(
        basis=Basis(
            procedure=f"confidence sequence of a mean, {kind}",
            source=paper,
            n={"values": len(sample)},
            varied=varied,
            assumptions=("values are independent, in the order of their arrival", assumed),
            correction="holds at all looks at once, whenever one stops",
            cautions=cautions,
        ),
        times=tuple(times.tolist()),
        mean=tuple(mean.tolist()),
        low=tuple(low.tolist()),
        high=tuple(high.tolist()),
        alpha=alpha,
        kind=kind,
    )


def mixture_width(times: np.ndarray, alpha: float, planned: int) -> np.ndarray:
    """Return half the width of the normal mixture at each time, in standard deviations.

    sqrt((t r² + 1) / (t² r²) * 2 log(sqrt(t r² + 1) / alpha)), with the r² that makes it narrowest at
    `planned`: (-2 log alpha + log(1 - 2 log alpha)) / planned (Waudby-Smith et al. 2024, appendix B.2).
    """
    spent = -2.0 * math.log(alpha)
    scaled = times * ((spent + math.log(1.0 + spent)) / planned)
    return np.asarray(np.sqrt((scaled + 1.0) / scaled * (np.log1p(scaled) - 2.0 * math.log(alpha)) / times))


def _bernstein(
    sample: np.ndarray, bounds: tuple[float, float], alpha: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return the predictable plug-in empirical-Bernstein sequence, kept within the bounds."""
    least, most = bounds
    outside = int(((sample < least) | (sample > most)).sum())
    if outside:
        raise UsageError(
            f"{outside} of {len(sample)} values lie outside the bounds {least:g} and {most:g}",
            hint="a difference of two accuracies lies within (-1, 1)",
        )
    x = (sample - least) / (most - least)
    times = np.arange(1, len(x) + 1)
    guess = (0.5 + np.cumsum(x)) / (times + 1)
    spread = (0.25 + np.cumsum((x - guess) ** 2)) / (times + 1)
    # A bet on the next value knows only those before it.
    guess, spread = np.append(0.5, guess[:-1]), np.append(0.25, spread[:-1])
    confidence = math.log(2.0 / alpha)
    bets = np.minimum(np.sqrt(2.0 * confidence / (spread * times * np.log1p(times))), _TRUNCATION)
    total = np.cumsum(bets)
    centre = np.cumsum(bets * x) / total
    half = (confidence + np.cumsum((x - guess) ** 2 * (-np.log1p(-bets) - bets))) / total
    width = most - least
    return least + width * np.maximum(centre - half, 0.0), least + width * np.minimum(centre + half, 1.0)


def _running_sd(sample: np.ndarray) -> np.ndarray:
    """Return the standard deviation of the first t values, with n - 1; infinite for one."""
    times = np.arange(1, len(sample) + 1)
    centred = sample - sample[0]
    squares = np.cumsum(centred * centred) - np.cumsum(centred) ** 2 / times
    return np.append(np.inf, np.sqrt(np.maximum(squares[1:], 0.0) / (times[1:] - 1)))


def _check(sd: float | None, bounds: tuple[float, float] | None, planned: int, first: int) -> None:
    if sd is not None and bounds is not None:
        raise UsageError("bounds and a standard deviation give two different sequences", hint="name one")
    if sd is not None and not (sd > 0.0 and math.isfinite(sd)):
        raise UsageError(f"a standard deviation is above zero, got {sd}")
    if bounds is not None and not -math.inf < bounds[0] < bounds[1] < math.inf:
        raise UsageError(f"bounds are two finite numbers, the smaller first, got {bounds}")
    if planned < 1 or first < 2:
        raise UsageError(
            f"looks are planned for one value at least and begin at two, got {planned} and {first}"
        )
