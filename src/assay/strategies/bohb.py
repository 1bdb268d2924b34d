"""BOHB: Hyperband whose new architectures come from a density model."""

from __future__ import annotations

from collections.abc import Hashable
from typing import ClassVar, cast

import numpy as np

from assay.contracts.problem import Problem
from assay.contracts.space import Factorised
from assay.foundation.errors import UsageError
from assay.foundation.seeding import Stream
from assay.strategies._rungs import Member
from assay.strategies.hyperband import Hyperband

_LEAST = 1e-32


class Bohb(Hyperband):
    """Hyperband that draws new architectures where good ones are dense and bad ones are not.

    On the highest rung that has enough outcomes, the best `top_percent` are the good ones and the others
    the bad; both densities are products of kernels over the factors of the space. Of `num_samples` draws
    from the kernels of the good, the one with the largest ratio of densities is asked for. A share
    `random_fraction` of new architectures is uniform, as are all until a rung has `min_points` good ones (at
    least, and by None, one more than there are factors) and more bad ones than factors. A failure is bad.

    Choices are categorical, with the kernel of Aitchison and Aitken over the number of choices of a
    factor; bandwidths follow the normal reference rule, as in the authors' program (HpBandSter,
    optimizers/config_generators/bohb.py), but are at least `min_bandwidth` and at most what makes all
    choices equal. Where choices compose to no architecture, another draw takes their place. A model is fitted
    once for each telling that changes it: time grows with the outcomes of one rung.

    Source: Falkner, Klein and Hutter, "BOHB: Robust and Efficient Hyperparameter Optimization at Scale",
    ICML 2018, section 4 and Algorithm 2.
    """

    name: ClassVar[str] = "bohb"
    requires: ClassVar[tuple[type, ...]] = (Factorised,)

    def __init__(
        self,
        problem: Problem,
        rng: Stream,
        *,
        eta: int = 3,
        min_epochs: int = 1,
        top_percent: int = 15,
        num_samples: int = 64,
        random_fraction: float = 1 / 3,
        min_bandwidth: float = 1e-3,
        min_points: int | None = None,
    ) -> None:
        shares = 0 < top_percent < 100 and 0 <= random_fraction <= 1 and 0 < min_bandwidth < 1
        if not shares or num_samples < 1 or (min_points is not None and min_points < 1):
            raise UsageError(
                f"{self.name} has a hyperparameter out of range",
                why=f"top_percent = {top_percent}, random_fraction = {random_fraction:g}, "
                f"min_bandwidth = {min_bandwidth:g}, num_samples = {num_samples}, min_points = {min_points}",
            )
        super().__init__(problem, rng, eta=eta, min_epochs=min_epochs)
        self._factorised = cast("Factorised[Hashable]", problem.space)
        self._sizes = np.array([len(factor.choices) for factor in self._factorised.factors])
        self._top_percent = top_percent
        self._num_samples = num_samples
        self._random_fraction = random_fraction
        self._min_bandwidth = min_bandwidth
        self._min_points = max(len(self._sizes) + 1, min_points or 0)
        self._failed: list[list[Hashable]] = [[] for _ in self._rungs]
        self._model: tuple[_Density, _Density] | None = None
        self._changed = False

    def _draw(self) -> Hashable:
        """Return a draw from the model, or a uniform one."""
        if self._rng.random() < self._random_fraction or (model := self._fitted()) is None:
            return super()._draw()
        good, bad = model
        best, most = None, -np.inf
        for _ in range(self._num_samples):
            choices = good.draw(self._rng)
            ratio = good.log_density(choices) - bad.log_density(choices)
            if ratio > most and (arch := self._factorised.compose(choices)) is not None:
                best, most = arch, ratio
        return super()._draw() if best is None else best

    def _learn(self, arch: Hashable, rung: int, member: Member | None) -> None:
        if member is None:
            self._failed[rung].append(arch)
        self._changed = True

    def _fitted(self) -> tuple[_Density, _Density] | None:
        """Return the densities of the good and the bad on the highest rung with enough outcomes."""
        if self._changed:
            self._model = self._fit()
            self._changed = False
        return self._model

    def _fit(self) -> tuple[_Density, _Density] | None:
        for rung in reversed(range(len(self._rungs))):
            succeeded = [member.arch for member in self._told.members[rung]]
            ranked = succeeded + self._failed[rung]
            good = max(self._min_points, self._top_percent * len(ranked) // 100)
            bad = max(self._min_points, (100 - self._top_percent) * len(ranked) // 100)
            if good > len(succeeded) or len(ranked) - good <= len(self._sizes):
                continue
            rows = np.array([self._factorised.decompose(arch) for arch in ranked])
            parts = (rows[:good], rows[good : good + bad])
            first, second = (_Density(part, self._sizes, self._min_bandwidth) for part in parts)
            return first, second
        return None


class _Density:
    """A product of categorical kernels around each row; `rows` has shape (n, factors)."""

    def __init__(self, rows: np.ndarray, sizes: np.ndarray, least: float) -> None:
        self._rows = rows
        self._sizes = sizes
        n, factors = rows.shape
        spread = 1.06 * rows.std(axis=0) * n ** (-1 / (4 + factors))
        self._bandwidth = np.clip(spread, least, np.maximum(least, (sizes - 1) / sizes))

    def draw(self, rng: Stream) -> list[int]:
        """Return the choices of a random row, each replaced by a uniform one with its bandwidth."""
        row = self._rows[rng.below(len(self._rows))].tolist()
        widths, sizes = self._bandwidth.tolist(), self._sizes.tolist()
        return [
            choice if rng.random() >= width else rng.below(size)
            for choice, width, size in zip(row, widths, sizes, strict=True)
        ]

    def log_density(self, choices: list[int]) -> float:
        """Return the logarithm of the density at these choices."""
        others = np.maximum(self._sizes - 1, 1)
        equal = self._rows == np.array(choices)
        kernels = np.where(equal, 1 - self._bandwidth, self._bandwidth / others)
        return float(np.log(max(kernels.prod(axis=1).mean(), _LEAST)))
