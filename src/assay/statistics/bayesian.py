"""Bayesian sign and signed-rank tests of two methods over tasks, with a region of equivalence."""

from __future__ import annotations

import numpy as np
from scipy.special import gammainc, gammaincinv

from assay.foundation.errors import UnknownNameError, UsageError
from assay.foundation.seeding import Stream, as_stream
from assay.statistics.basis import Basis, Result, seed_text
from assay.statistics.families import FAMILIES_NEEDED, too_few
from assay.statistics.table import Table

SAMPLES = 50_000
PLACES = ("left", "rope", "right")

_NODES = 5_000
_CHUNK = 1 << 21
_NOISE = 1e-12


class RopeProbabilities(Result, frozen=True, kw_only=True):
    """The probabilities that the difference is practically negative, nil or positive.

    They sum to 1, and are None where `decided` is False. With d = a - b, `left` speaks for b and
    `right` for a; the rope is the region of practical equivalence, from -`rope_width` to
    +`rope_width`. `samples` (samples, 3) are posterior draws of the shares of tasks that lie left,
    in the rope and right, for the simplex; None where nothing is decided.
    """

    left: float | None
    rope: float | None
    right: float | None
    rope_width: float
    samples: np.ndarray | None
    decided: bool

    def sentence(self) -> str:
        """Return the three probabilities."""
        if self.left is None or self.rope is None or self.right is None:
            return too_few(self.basis.n["tasks"])
        width = self.rope_width
        return (
            f"The likeliest difference on a new task lies above {width:g} with probability {self.right:.3f}, "
            f"within ±{width:g} with {self.rope:.3f}, and below {-width or 0.0:g} with {self.left:.3f}"
        )

    def table(self) -> Table:
        """Return one row with the three probabilities."""
        columns = ("rope half-width", "left", "rope", "right")
        return Table(columns, [(self.rope_width, self.left, self.rope, self.right)])


def bayesian_sign(
    d: np.ndarray,
    *,
    rope: float,
    rng: Stream,
    prior: float = 1.0,
    place: str = "rope",
    samples: int = SAMPLES,
) -> RopeProbabilities:
    """Return the Bayesian sign test of one difference per task (Benavoli et al., JMLR 2017, section 4.1).

    `d` holds independent differences: average those of one family first. +inf is a task on which
    only the second method failed, -inf one on which only the first did. The shares of tasks left of,
    in and right of the rope have a Dirichlet posterior: the counts, and `prior` observations at
    `place`. A probability is that of a share being the largest; it is integrated, and only `samples`
    are drawn. Raises `UsageError` for NaN, and for a rope or prior below zero.
    """
    sample = _checked(d, rope, prior)
    if place not in PLACES:
        raise UnknownNameError("place", place, PLACES)
    decided = len(sample) >= FAMILIES_NEEDED
    shape = sign_counts(sample, rope).astype(float)
    shape[PLACES.index(place)] += prior
    left, within, right = _largest(shape) if decided else (None, None, None)
    return RopeProbabilities(
        basis=_basis(
            "Bayesian sign test",
            "Benavoli, Corani, Demšar and Zaffalon, JMLR 2017, section 4.1",
            sample,
            (f"prior: {prior:g} observations, {place}", "tasks are independent"),
            seed_text(rng, samples) if decided else "",
            "",
        ),
        left=left,
        rope=within,
        right=right,
        rope_width=float(rope),
        samples=_dirichlet(shape, rng, samples) if decided else None,
        decided=decided,
    )


def bayesian_signed_rank(
    d: np.ndarray, *, rope: float, rng: Stream, prior: float = 0.5, samples: int = SAMPLES
) -> RopeProbabilities:
    """Return the Bayesian signed-rank test of one difference per task.

    Benavoli et al., JMLR 2017, section 4.2. A Dirichlet process whose prior is one pseudo-task of
    difference 0 with weight `prior`; of two tasks drawn from it, the mean difference lies left of, in
    or right of the rope. For `d` and errors see `bayesian_sign`; a failed run differs by more than any
    other task.
    """
    sample = _checked(d, rope, prior)
    decided = len(sample) >= FAMILIES_NEEDED
    drawn = _walsh_shares(sample, rope, prior, rng, samples) if decided else None
    left = within = right = None
    if drawn is not None:
        left, within, right = (np.bincount(drawn.argmax(axis=1), minlength=3) / samples).tolist()
    return RopeProbabilities(
        basis=_basis(
            "Bayesian signed-rank test",
            "Benavoli, Corani, Demšar and Zaffalon, JMLR 2017, section 4.2",
            sample,
            (
                f"prior: a pseudo-task of difference 0 with weight {prior:g}",
                "tasks are independent, and differences comparable in size",
            ),
            seed_text(rng, samples) if decided else "",
            f"each probability has a Monte Carlo error of {0.5 / samples**0.5:.1g} at most (standard error)",
        ),
        left=left,
        rope=within,
        right=right,
        rope_width=float(rope),
        samples=drawn,
        decided=decided,
    )


def sign_counts(d: np.ndarray, rope: float) -> np.ndarray:
    """Return how many differences lie left of, in and right of the rope; its ends belong to it."""
    sample = np.asarray(d, dtype=np.float64)
    edge = rope + _noise(sample, rope)
    left, right = int((sample < -edge).sum()), int((sample > edge).sum())
    return np.array([left, len(sample) - left - right, right])


def uniforms(rng: Stream, shape: tuple[int, ...]) -> np.ndarray:
    """Return draws in bulk that are uniform inside (0, 1), never 0 or 1, with 32 random bits."""
    return (as_stream(rng).indices(1 << 32, shape) + 0.5) * 2.0**-32


def _checked(d: np.ndarray, rope: float, prior: float) -> np.ndarray:
    sample = np.sort(np.asarray(d, dtype=np.float64))
    if sample.ndim != 1 or not len(sample) or np.isnan(sample).any():
        raise UsageError(
            "a Bayesian test needs one difference for each task",
            why=f"its shape is {sample.shape}, with {int(np.isnan(sample).sum())} NaN",
            hint="where only the second method failed the difference is +inf, where only the first did -inf",
        )
    if not (np.isfinite(rope) and rope >= 0.0 and np.isfinite(prior) and prior >= 0.0):
        raise UsageError(f"a rope and a prior are 0 at least, got {rope} and {prior}")
    return sample


def _noise(sample: np.ndarray, rope: float) -> float:
    """Return what floating point may add to a difference: what is so near an end of the rope is on it."""
    return _NOISE * max(float(np.abs(sample[np.isfinite(sample)]).max(initial=0.0)), rope)


def _largest(shape: np.ndarray) -> tuple[float, float, float]:
    """Return the probability of each component of a Dirichlet draw to be the largest.

    Components are gamma variates over their sum; that of one is the mean over its quantiles of the
    probability that the others lie below. A component of shape 0 is never the largest.
    """
    found, levels = [0.0, 0.0, 0.0], (np.arange(_NODES) + 0.5) / _NODES
    for i in range(3):
        if shape[i] > 0.0:
            at = gammaincinv(shape[i], levels)
            below = [gammainc(shape[j], at) for j in range(3) if j != i and shape[j] > 0.0]
            found[i] = float(np.prod([np.ones(_NODES), *below], axis=0).mean())
    total = sum(found)
    return found[0] / total, found[1] / total, found[2] / total


def _gammas(shape: float, rng: Stream, count: tuple[int, ...]) -> np.ndarray:
    """Return gamma variates by inversion; of shape 0 they are 0."""
    drawn = uniforms(rng, count)
    if shape == 0.0:
        return np.zeros(count)
    return np.asarray(-np.log(drawn) if shape == 1.0 else gammaincinv(shape, drawn))


def _dirichlet(shape: np.ndarray, rng: Stream, samples: int) -> np.ndarray:
    parts = np.stack([_gammas(float(one), rng, (samples,)) for one in shape], axis=1)
    return np.asarray(parts / parts.sum(axis=1, keepdims=True))


def _walsh_shares(sample: np.ndarray, rope: float, prior: float, rng: Stream, samples: int) -> np.ndarray:
    """Return draws of the weight of pairs of tasks whose mean lies left of, in and right of the rope."""
    finite = sample[np.isfinite(sample)]
    beyond = 2.0 * max(float(np.abs(finite).max(initial=0.0)), rope) or 1.0
    points = np.concatenate([np.clip(sample, -beyond, beyond), [0.0]])
    order = np.argsort(points, kind="stable")
    rows = max(1, _CHUNK // len(points))
    parts = []
    for start in range(0, samples, rows):
        count = min(rows, samples - start)
        weights = np.concatenate([_gammas(1.0, rng, (len(sample), count)), _gammas(prior, rng, (1, count))])
        weights = weights / weights.sum(axis=0)
        left = _weight_below(points[order], weights[order], 2.0 * rope)
        right = _weight_below(-points[order][::-1], weights[order][::-1], 2.0 * rope)
        parts.append(np.stack([left, np.clip(1.0 - left - right, 0.0, 1.0), right], axis=1))
    return np.concatenate(parts)


def _weight_below(points: np.ndarray, weights: np.ndarray, width: float) -> np.ndarray:
    """Return the weight of pairs of sorted points whose sum is below -width; half of it where equal."""
    noise = 2.0 * _noise(points, width)
    sums = np.concatenate([np.zeros((1, weights.shape[1])), np.cumsum(weights, axis=0)])
    below = np.searchsorted(points, -width - points - noise, "left")
    reached = np.searchsorted(points, -width - points + noise, "right")
    total = np.zeros(weights.shape[1])
    # One addition after the other: the same sums on every machine.
    for i in range(len(points)):
        total += weights[i] * (sums[below[i]] + sums[reached[i]]) * 0.5
    return total


def _basis(
    procedure: str, source: str, sample: np.ndarray, assumptions: tuple[str, ...], seed: str, error: str
) -> Basis:
    lost, few = int(np.isinf(sample).sum()), too_few(len(sample))
    cautions = (
        f"{lost} tasks on which one method failed count as differences beyond all others; what they take "
        "from the rope can make either side likelier, so read the three together"
        if lost
        else "",
        "" if few else error,
        few,
    )
    return Basis(
        procedure=procedure,
        source=source,
        n={"tasks": len(sample)},
        varied=("tasks",),
        assumptions=assumptions,
        zeros="inside the rope",
        ties="a mean on the edge of the rope counts half on either side" if "rank" in procedure else "",
        seed=seed,
        cautions=tuple(text for text in cautions if text),
    )
