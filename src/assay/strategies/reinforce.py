"""REINFORCE: a policy of independent categorical choices, trained by policy gradient."""

from __future__ import annotations

from collections.abc import Hashable
from math import exp, fsum, sqrt
from typing import ClassVar, cast

from assay.contracts.evaluation import Outcome, Request
from assay.contracts.problem import Problem
from assay.contracts.space import Factorised
from assay.foundation.errors import UsageError
from assay.foundation.seeding import Stream
from assay.strategies._incumbent import Incumbent

# Adam's other constants, at the defaults of the paper (Kingma and Ba, ICLR 2015, Algorithm 1).
_BETA1, _BETA2, _EPSILON = 0.9, 0.999, 1e-8
_INITIAL_SCALE = 1e-3
_REDRAWS = 1_000


class Reinforce:
    """Policy gradient on independent softmax choices, one for each factor of the space.

    After each evaluation, with score R and baseline b (the moving average of the scores with
    momentum `baseline_momentum`, R included, corrected for its start), one step of Adam descends
    `-(R - b) log p(choices)`. Logits start at 0.001 times a standard normal draw. A failure moves
    nothing. Choices that compose to no architecture are redrawn (after 1,000 redraws, a uniform
    draw takes their place). With several requests outstanding, the gradient of each is the one at
    the policy that asked for it.

    Plain floats throughout: for a few dozen logits that is as fast as arrays, and the same bits on
    every processor with the same C library.

    Source: Williams, Machine Learning 8, 1992; the setting of Dong et al., "NATS-Bench", IEEE TPAMI
    2021 (AutoDL-Projects, exps/NATS-algos/reinforce.py: Adam 0.01, momentum 0.9).
    """

    name: ClassVar[str] = "reinforce"
    revision: ClassVar[int] = 1
    requires: ClassVar[tuple[type, ...]] = (Factorised,)
    libraries: ClassVar[tuple[str, ...]] = ()

    def __init__(
        self,
        problem: Problem,
        rng: Stream,
        *,
        learning_rate: float = 0.01,
        baseline_momentum: float = 0.9,
    ) -> None:
        if not learning_rate > 0 or not 0 <= baseline_momentum < 1:
            raise UsageError(
                f"{self.name} needs learning_rate > 0 and 0 <= baseline_momentum < 1",
                why=f"learning_rate = {learning_rate}, baseline_momentum = {baseline_momentum}",
            )
        self._space = cast("Factorised[Hashable]", problem.space)
        self._rng = rng
        self._learning_rate = learning_rate
        self._momentum = baseline_momentum
        self._incumbent = Incumbent()
        sizes = [len(factor.choices) for factor in self._space.factors]
        self._logits = [[_INITIAL_SCALE * rng.normal() for _ in range(size)] for size in sizes]
        self._first = [[0.0] * size for size in sizes]
        self._second = [[0.0] * size for size in sizes]
        self._decay1 = self._decay2 = 1.0
        self._numerator = self._denominator = 0.0
        self._policy: list[list[float]] | None = None
        self._drawn: dict[int, tuple[list[list[float]], tuple[int, ...]]] = {}

    def ask(self) -> Request:
        """Return a request for a draw from the policy."""
        policy = self._policy
        if policy is None:
            policy = self._policy = [_softmax(row) for row in self._logits]
        choices, arch = self._draw(policy)
        request = self._incumbent.request(arch)
        self._drawn[request.id] = (policy, choices)
        return request

    def tell(self, id: int, outcome: Outcome) -> None:
        """Move the baseline and the policy by one score."""
        _, score = self._incumbent.settle(id, outcome)
        policy, choices = self._drawn.pop(id)
        if score is None:
            return
        self._numerator = self._momentum * self._numerator + (1 - self._momentum) * score
        self._denominator = self._momentum * self._denominator + (1 - self._momentum)
        self._step(policy, choices, score - self._numerator / self._denominator)

    def recommend(self) -> Hashable | None:
        """Return the best architecture told so far, the first of equals."""
        return self._incumbent.best

    def _draw(self, policy: list[list[float]]) -> tuple[tuple[int, ...], Hashable]:
        """Return choices drawn from the policy, and the architecture that they compose to."""
        random = self._rng.random
        for _ in range(_REDRAWS):
            choices = tuple([_pick(row, random()) for row in policy])
            arch = self._space.compose(choices)
            if arch is not None:
                return choices, arch
        arch = self._space.sample(self._rng)
        return self._space.decompose(arch), arch

    def _step(self, policy: list[list[float]], choices: tuple[int, ...], advantage: float) -> None:
        """Take one step of Adam; the gradient of a logit is (p - [chosen]) times the advantage."""
        self._decay1 *= _BETA1
        self._decay2 *= _BETA2
        rate = self._learning_rate / (1 - self._decay1)
        root = 1 / sqrt(1 - self._decay2)
        keep1, keep2 = 1 - _BETA1, 1 - _BETA2
        for row, choice, logits, first, second in zip(
            policy, choices, self._logits, self._first, self._second, strict=True
        ):
            for i, p in enumerate(row):
                gradient = (p - 1.0 if i == choice else p) * advantage
                first[i] = m = _BETA1 * first[i] + keep1 * gradient
                second[i] = v = _BETA2 * second[i] + keep2 * gradient * gradient
                logits[i] -= rate * m / (sqrt(v) * root + _EPSILON)
        self._policy = None


def _softmax(logits: list[float]) -> list[float]:
    """Return the probabilities of one factor's choices."""
    top = max(logits)
    weights = [exp(logit - top) for logit in logits]
    total = fsum(weights)  # exactly rounded; what `sum` does with floats depends on the interpreter
    return [weight / total for weight in weights]


def _pick(probabilities: list[float], u: float) -> int:
    """Return the choice whose share of [0, 1) holds `u`."""
    for i, p in enumerate(probabilities):
        u -= p
        if u < 0.0:
            return i
    # Rounding can leave a sliver at the end; it belongs to the likeliest choice.
    return probabilities.index(max(probabilities))
