"""What a holdout tells of each submission, so that asking again and again learns little about it.

All work on per-example losses and keep no secret but their noise. Smaller risk is better. The
boosting attack of Blum and Hardt shows why: a score to five digits for each of a few hundred random
submissions is enough to beat a holdout of thousands by their majority vote.
"""

from __future__ import annotations

import math
from typing import Protocol

import msgspec
import numpy as np

from assay.foundation.errors import UsageError
from assay.foundation.seeding import Stream

# A submission exactly at a threshold must not pass it by a rounding error: differences of risks are
# multiples of 1/n, far above this.
_EDGE = 1e-12
# The 95 % quantile of the sum of three Laplace draws of scale 1: the noise of the comparison, of the
# threshold, and of the risk that was told last.
_THREE_LAPLACE = 4.0104


class State(msgspec.Struct, frozen=True, kw_only=True):
    """What a policy remembers: the best risk told, the submission it belongs to, and how many answers."""

    told: float | None = None
    best: tuple[float, ...] = ()
    queries: int = 0
    spent: int = 0


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What is told of a submission; `improved` is whether it passed what was told before."""

    risk: float
    improved: bool


class Policy(Protocol):
    """How a holdout answers. `noise` is a stream of its own for each query."""

    def answer(
        self, state: State, losses: np.ndarray, noise: Stream, train_risk: float | None = None
    ) -> tuple[State, Answer]:
        """Return the state after a submission with these losses, and what is told."""
        ...

    def smallest_step(self, n: int) -> float:
        """Return the smallest improvement in risk that is surely seen at 95 %, in the worst case."""
        ...

    def describe(self, n: int) -> str:
        """Say before the first submission what can be seen on a holdout of n examples."""
        ...


class FullPrecision(msgspec.Struct, frozen=True, kw_only=True, tag="full-precision"):
    """Tells every risk to `digits` digits, as most leaderboards do; it protects nothing."""

    digits: int = 5

    def answer(
        self, state: State, losses: np.ndarray, noise: Stream, train_risk: float | None = None
    ) -> tuple[State, Answer]:
        """Return the rounded risk."""
        del noise, train_risk
        risk = round(_mean(losses), self.digits)
        improved = state.told is None or risk < state.told
        return _next(state, risk if improved else state.told), Answer(risk=risk, improved=improved)

    def smallest_step(self, n: int) -> float:
        """Return one unit of the last digit, or one example."""
        return max(10.0**-self.digits, 1.0 / n)

    def describe(self, n: int) -> str:
        """Say that nothing is protected."""
        return f"every risk is told to {self.digits} digits: adaptive submissions can overfit {n:,} examples"


class Ladder(msgspec.Struct, frozen=True, kw_only=True, tag="ladder"):
    """Tells a new risk only where it is better than the last told by more than a step, rounded to it.

    Blum and Hardt, The Ladder, ICML 2015, algorithm 1. `step` None is n^(-1/3), the rate of its error.
    What is told is rounded by up to half a step either way, so that an improvement between half a step
    and one and a half may be told or not.
    """

    step: float | None = None

    def answer(
        self, state: State, losses: np.ndarray, noise: Stream, train_risk: float | None = None
    ) -> tuple[State, Answer]:
        """Return the last told risk, or the new one in whole steps."""
        del noise, train_risk
        step, risk = self._step(len(losses)), _mean(losses)
        if state.told is not None and not risk < state.told - step - _EDGE:
            return _same(state)
        told = round(risk / step) * step
        return _next(state, told), Answer(risk=told, improved=True)

    def smallest_step(self, n: int) -> float:
        """Return the step and a half: the last told risk may be rounded down by half a step."""
        return 1.5 * self._step(n)

    def describe(self, n: int) -> str:
        """Say the step, and what is surely and surely not told."""
        step = self._step(n)
        return (
            f"Ladder: step {step:.3g}; an improvement below {step / 2:.3g} is never told, one above "
            f"{self.smallest_step(n):.3g} always"
        )

    def _step(self, n: int) -> float:
        return n ** (-1 / 3) if self.step is None else self.step


class ParameterFreeLadder(msgspec.Struct, frozen=True, kw_only=True, tag="parameter-free-ladder"):
    """The Ladder whose step is the standard error of the difference to the best submission so far.

    Blum and Hardt, ICML 2015, section 4: told risks are rounded to 1/n. For 0-1 losses that differ on
    a share d of the examples the step is about sqrt(d / n); `span` is the range of the losses.
    """

    span: float = 1.0

    def answer(
        self, state: State, losses: np.ndarray, noise: Stream, train_risk: float | None = None
    ) -> tuple[State, Answer]:
        """Return the last told risk, or the new one."""
        del noise, train_risk
        n, risk = len(losses), _mean(losses)
        if float(losses.max()) - float(losses.min()) > self.span:
            raise UsageError(
                "the losses range further than was declared",
                why=f"from {losses.min():g} to {losses.max():g}; span = {self.span:g}",
                hint="declare the span of the loss: the smallest step rests on it",
            )
        if state.told is not None:
            apart = losses - np.array(state.best)
            step = float(apart.std(ddof=1)) / math.sqrt(n) if n > 1 else self.span
            if not risk < state.told - step - _EDGE:
                return _same(state)
        told = round(risk * n) / n
        after = State(told=told, best=tuple(losses.tolist()), queries=state.queries + 1)
        return after, Answer(risk=told, improved=True)

    def smallest_step(self, n: int) -> float:
        """Return the step against a submission that differs on every example."""
        return self.span / math.sqrt(n)

    def describe(self, n: int) -> str:
        """Say the step as a function of the share of examples on which two submissions differ."""
        few, many = (self.span * math.sqrt(share / n) for share in (0.05, 1.0))
        return (
            f"parameter-free Ladder: an improvement below {few:.3g} is not told of a submission that differs "
            f"on 5 % of the examples, below {many:.3g} of one that differs on all"
        )


class ShakyLadder(msgspec.Struct, frozen=True, kw_only=True, tag="shaky-ladder"):
    """The Ladder with noise on every comparison and on every told risk: error of order n^(-0.4).

    Hardt, Climbing a Shaky Ladder, arXiv:1706.02733 (2017), abstract; the mechanism is built here
    from the sparse vector technique on which it rests (Dwork and Roth 2014, algorithm 1): the
    threshold is noisy until it is passed, and drawn anew then. Which constants the paper takes is
    unverified: `step` None is n^(-0.4), and the Laplace noise has a quarter of its scale. A told risk is
    noisy, and may by chance be larger than the one before.
    """

    step: float | None = None

    def answer(
        self, state: State, losses: np.ndarray, noise: Stream, train_risk: float | None = None
    ) -> tuple[State, Answer]:
        """Return the last told risk, or a noisy new one."""
        del train_risk
        step = self._step(len(losses))
        scale = step / 4
        # One threshold between two improvements: its noise is that of the query that set it.
        threshold = Stream(noise.root, (*noise.path[:-1], "threshold", state.spent))
        risk = _mean(losses)
        passed = risk + _laplace(noise, scale) < (state.told or 0.0) - step + _laplace(threshold, scale)
        if state.told is not None and not passed:
            return _same(state)
        told = risk + _laplace(noise, scale)
        return _next(state, told, spent=state.spent + 1), Answer(risk=told, improved=True)

    def smallest_step(self, n: int) -> float:
        """Return the step with the 95 % quantile of the three noises of a comparison."""
        step = self._step(n)
        return step + _THREE_LAPLACE * step / 4

    def describe(self, n: int) -> str:
        """Say the step and its noise."""
        step = self._step(n)
        return (
            f"Shaky Ladder: step {step:.3g} with Laplace noise of scale {step / 4:.3g}; an improvement of "
            f"{self.smallest_step(n):.3g} is seen in 95 of 100 cases"
        )

    def _step(self, n: int) -> float:
        return n**-0.4 if self.step is None else self.step


class Thresholdout(msgspec.Struct, frozen=True, kw_only=True, tag="thresholdout"):
    """Tells the risk on the training data unless the holdout's is further from it than a threshold.

    Dwork et al., Science 349 (2015), with the normal noise of its experiment: threshold 4/sqrt(n) and
    tolerance 1/sqrt(n) where None. Each answer from the holdout spends one of `budget`. A told risk
    may be that of the training data, off by up to the threshold: it is the submitter's own word, and
    `improved` is said of answers from the holdout alone.
    """

    threshold: float | None = None
    tolerance: float | None = None
    budget: int = 1000

    def answer(
        self, state: State, losses: np.ndarray, noise: Stream, train_risk: float | None = None
    ) -> tuple[State, Answer]:
        """Return the training risk, or a noisy risk on the holdout; refuses when the budget is spent."""
        if train_risk is None or not math.isfinite(train_risk):
            raise UsageError(
                "Thresholdout compares with the risk on the training data",
                why="it is missing" if train_risk is None else f"got {train_risk}",
            )
        if state.spent >= self.budget:
            raise UsageError(
                "the holdout's budget is spent",
                why=f"{state.spent:,} answers came from it",
                hint="a fresh holdout is needed: what this one would tell is no longer evidence",
            )
        n, risk = len(losses), _mean(losses)
        threshold, tolerance = self._scales(n)
        if abs(train_risk - risk) <= threshold + tolerance * noise.normal():
            return _next(state, state.told), Answer(risk=train_risk, improved=False)
        told = risk + tolerance * noise.normal()
        improved = state.told is None or told < state.told
        after = _next(state, told if improved else state.told, spent=state.spent + 1)
        return after, Answer(risk=told, improved=improved)

    def smallest_step(self, n: int) -> float:
        """Return the threshold with two tolerances."""
        threshold, tolerance = self._scales(n)
        return threshold + 2 * tolerance

    def describe(self, n: int) -> str:
        """Say threshold, noise and budget."""
        threshold, tolerance = self._scales(n)
        return (
            f"Thresholdout: a risk within {threshold:.3g} of the training risk is told as the training risk, "
            f"others with noise {tolerance:.3g}, at most {self.budget:,} times"
        )

    def _scales(self, n: int) -> tuple[float, float]:
        root = math.sqrt(n)
        return (
            4 / root if self.threshold is None else self.threshold,
            1 / root if self.tolerance is None else self.tolerance,
        )


AnyPolicy = FullPrecision | Ladder | ParameterFreeLadder | ShakyLadder | Thresholdout


def _mean(losses: np.ndarray) -> float:
    return math.fsum(losses.tolist()) / len(losses)


def _same(state: State) -> tuple[State, Answer]:
    """Repeat what was told last."""
    told = state.told if state.told is not None else math.inf
    return msgspec.structs.replace(state, queries=state.queries + 1), Answer(risk=told, improved=False)


def _next(state: State, told: float | None, spent: int | None = None) -> State:
    """Return the state after one more query."""
    spent = state.spent if spent is None else spent
    return State(told=told, best=state.best, queries=state.queries + 1, spent=spent)


def _laplace(noise: Stream, scale: float) -> float:
    """Return a draw of the Laplace distribution, by inversion."""
    uniform = noise.random() - 0.5
    return -math.copysign(scale * math.log1p(-2 * abs(uniform)), uniform)
