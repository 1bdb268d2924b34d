"""NAS-BOWL: Bayesian optimisation with a Gaussian process on Weisfeiler-Lehman features."""

from __future__ import annotations

from collections.abc import Hashable
from typing import ClassVar

import numpy as np
from scipy.special import ndtr

from assay.contracts.problem import Problem
from assay.foundation.errors import UsageError
from assay.foundation.seeding import Stream
from assay.strategies._gaussian_process import wl_posterior
from assay.strategies._model_based import ModelBased, from_best
from assay.strategies._unseen import draw_unseen


class NasBowl(ModelBased):
    """Mutants of the best and uniform draws, by expected improvement under a Gaussian process.

    The process has the Weisfeiler-Lehman subtree kernel over the graphs of the architectures; its depth,
    from `min_depth` to `max_depth`, and its noise are those of the largest marginal likelihood, again in
    each round. Half of the `candidates` are mutants of the best `parents`, as many of each, and the others
    uniform draws; the `batch` with the largest expected improvement over the best score are asked for.

    The defaults are those of the authors' program (nasbowl, nasbench_optimisation.py: 30 initial draws, 5 a
    round, 100 candidates, 10 parents, depths 1 to 3, noise up to 0.01). It differs in that mutation is the
    space's own (theirs changes each part with a probability), and that graphs are those of the space, which
    are not pruned. Rounds do not wait: see `ModelBased`.

    Thinking: a round takes time cubic in the observations; an ask about 16 ms after 100 observations and
    0.12 s after 1,000, on one core (benchmarks/strategies.py).

    Source: Ru, Wan, Dong and Osborne, "Interpretable Neural Architecture Search via Bayesian
    Optimisation with Weisfeiler-Lehman Kernels", ICLR 2021, Algorithm 1.
    """

    name: ClassVar[str] = "nas-bowl"

    def __init__(
        self,
        problem: Problem,
        rng: Stream,
        *,
        initial: int = 30,
        batch: int = 5,
        candidates: int = 100,
        parents: int = 10,
        mutation: str | None = None,
        min_depth: int = 1,
        max_depth: int = 3,
    ) -> None:
        if parents < 1 or not 0 <= min_depth <= max_depth:
            raise UsageError(
                f"{self.name} needs one parent, and depths from 0 on in their order",
                why=f"parents = {parents}, min_depth = {min_depth}, max_depth = {max_depth}",
            )
        super().__init__(problem, rng, initial=initial, batch=batch, candidates=candidates, mutation=mutation)
        self._parents = parents
        self._depths = tuple(range(min_depth, max_depth + 1))

    def _round(self) -> list[Hashable]:
        """Return mutants and uniform draws in the order of their expected improvement."""
        pool = self._pool()
        if not pool:
            return []
        targets = self._targets()
        found = wl_posterior(self._space, self._archs, targets, pool, self._depths)
        improvement = expected_improvement(found.mean, found.deviation, float(targets.max()))
        return [pool[found.places[i]] for i in from_best(improvement)]

    def _pool(self) -> list[Hashable]:
        """Return distinct candidates that were not asked for, mutants first."""
        half = self._candidates // 2
        parents = self._best(self._parents)
        each = max(1, half // len(parents))
        pool = dict.fromkeys(self._mutants(parents, tries=10 * each, each=each, most=half))
        seen = self._asked | pool.keys()
        while len(pool) < self._candidates:
            arch = draw_unseen(self._space, self._rng, seen)
            if arch is None:
                break
            pool[arch] = None
            seen.add(arch)
        return list(pool)


def expected_improvement(mean: np.ndarray, deviation: np.ndarray, best: float) -> np.ndarray:
    """Return how much a normal variable is expected to be above `best`, counted as 0 below it.

    Source: Jones, Schonlau and Welch, Journal of Global Optimization 13 (1998), equation 15.
    """
    z = (mean - best) / deviation
    answer: np.ndarray = deviation * (z * ndtr(z) + np.exp(-0.5 * z * z) / np.sqrt(2.0 * np.pi))
    return answer
