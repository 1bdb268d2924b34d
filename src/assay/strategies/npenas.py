"""NPENAS: evolution whose children are chosen by a predictor."""

from __future__ import annotations

from collections.abc import Hashable
from typing import ClassVar

from assay.contracts.problem import Problem
from assay.foundation.errors import UsageError
from assay.foundation.seeding import Stream
from assay.strategies._gaussian_process import wl_posterior
from assay.strategies._model_based import ModelBased, from_best


class Npenas(ModelBased):
    """Many mutants of the best, of which those are asked for that a predictor expects most of.

    In each round the best `parents` architectures in turn are mutated, `tries` times each, until there are
    `candidates` mutants; the `batch` with the largest predicted scores are asked for.

    The predictor is not the paper's, a graph isomorphism network that is trained for hundreds of epochs,
    but the mean of a Gaussian process with the Weisfeiler-Lehman kernel of a depth up to `depth`, as in
    `nas-bowl`: this is "NPENAS-like". The other defaults are those of the authors' program (NPENASv1,
    nas_lib/algos/predictor.py: 10 initial draws, 10 a round of 100 candidates, 50 parents of 100
    tries). Rounds do not wait: see `ModelBased`.

    Thinking: a round takes time cubic in the observations; an ask about 3 ms after 100 observations and
    45 ms after 1,000, on one core (benchmarks/strategies.py).

    Source: Wei, Niu, Tang, Wang, Hu and Liang, "NPENAS: Neural Predictor Guided Evolution for Neural
    Architecture Search", IEEE Transactions on Neural Networks and Learning Systems, 2022, NPENAS-NP.
    """

    name: ClassVar[str] = "npenas"

    def __init__(
        self,
        problem: Problem,
        rng: Stream,
        *,
        initial: int = 10,
        batch: int = 10,
        candidates: int = 100,
        parents: int = 50,
        tries: int = 100,
        mutation: str | None = None,
        depth: int = 2,
    ) -> None:
        if min(parents, tries) < 1 or depth < 0:
            raise UsageError(
                f"{self.name} needs one parent and one try, and a depth of 0 or more",
                why=f"parents = {parents}, tries = {tries}, depth = {depth}",
            )
        super().__init__(problem, rng, initial=initial, batch=batch, candidates=candidates, mutation=mutation)
        self._parents = parents
        self._tries = tries
        self._depths = tuple(range(depth + 1))

    def _round(self) -> list[Hashable]:
        """Return mutants of the best in the order of their predicted scores."""
        pool = self._mutants(
            self._best(self._parents), tries=self._tries, each=self._tries, most=self._candidates
        )
        if not pool:
            return []
        found = wl_posterior(self._space, self._archs, self._targets(), pool, self._depths)
        return [pool[found.places[i]] for i in from_best(found.mean)]
