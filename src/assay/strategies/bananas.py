"""BANANAS: Bayesian optimisation with an ensemble of neural predictors on the path encoding."""

from __future__ import annotations

from collections.abc import Hashable
from typing import ClassVar, cast

import numpy as np

from assay.contracts.problem import Problem
from assay.contracts.space import AsGraph, Graph
from assay.foundation.errors import UsageError
from assay.foundation.seeding import Stream
from assay.spaces.encodings import path_encoding
from assay.strategies._ensemble import Training, ensemble_predictions
from assay.strategies._model_based import ModelBased, first_of_each, from_best

# More paths through one architecture than this would fill the memory.
_MOST_PATHS = 100_000


class Bananas(ModelBased):
    """Mutants of the best, by independent Thompson sampling from an ensemble of networks.

    In each round, `ensemble` networks of `layers` layers of `width` are trained for `epochs` on the path
    encoding of all that succeeded, by Adam on the mean absolute error. Candidates are mutants of the best
    `parents` architectures, at least `candidates` where there are as many; each gets a draw from the normal
    distribution with the mean and the standard deviation of the ensemble's predictions, and the `batch`
    largest draws are asked for. Of candidates with one encoding, the first counts.

    The defaults are those of the authors' program (naszilla, nas_algorithms.bananas: 10 initial draws, 10 a
    round, 5 networks of 10 layers of 20, 150 epochs, learning rate 0.01, up to 5 parents). It differs in
    that scores are standardised, that all paths of known and candidate architectures are columns (theirs
    can cut off long ones), and that the mutation is the space's own. Rounds do not wait: see `ModelBased`.

    Thinking: a round takes time linear in the observations, for `epochs` passes over them; an ask about
    50 ms after 100 observations and 0.3 s after 1,000, on one core (benchmarks/strategies.py).

    Source: White, Neiswanger and Savani, "BANANAS: Bayesian Optimization with Neural Architectures for
    Neural Architecture Search", AAAI 2021, Algorithm 1.
    """

    name: ClassVar[str] = "bananas"

    def __init__(
        self,
        problem: Problem,
        rng: Stream,
        *,
        initial: int = 10,
        batch: int = 10,
        candidates: int = 100,
        parents: int = 5,
        mutation: str | None = None,
        ensemble: int = 5,
        layers: int = 10,
        width: int = 20,
        epochs: int = 150,
        batch_size: int = 32,
        learning_rate: float = 0.01,
    ) -> None:
        if min(parents, layers, width, epochs, batch_size) < 1 or ensemble < 2 or not learning_rate > 0.0:
            raise UsageError(
                f"{self.name} has a hyperparameter out of range",
                why=f"parents = {parents}, ensemble = {ensemble}, layers = {layers}, width = {width}, "
                f"epochs = {epochs}, batch_size = {batch_size}, learning_rate = {learning_rate:g}",
                hint="an ensemble has 2 networks, and the others are above 0",
            )
        super().__init__(problem, rng, initial=initial, batch=batch, candidates=candidates, mutation=mutation)
        self._parents = parents
        self._training = Training(ensemble, layers, width, epochs, batch_size, learning_rate)

    def _round(self) -> list[Hashable]:
        """Return mutants of the best in the order of their draws."""
        pool: list[Hashable] = []
        for parent in self._best(self._parents):
            if len(pool) < self._candidates:
                found = self._mutants(
                    [parent], tries=self._candidates, each=self._candidates, most=self._candidates
                )
                pool = list(dict.fromkeys([*pool, *found]))
        if not pool:
            return []
        known = len(self._archs)
        rows = self._encoded([*self._archs, *pool])
        new = first_of_each(rows, known)
        predictions = ensemble_predictions(
            rows[:known], self._targets(), rows[known:][new], self._training, self._rng
        )
        noise = np.array([self._rng.normal() for _ in new])
        drawn = predictions.mean(axis=0) + predictions.std(axis=0) * noise
        return [pool[new[i]] for i in from_best(drawn)]

    def _encoded(self, archs: list[Hashable]) -> np.ndarray:
        space = cast("AsGraph[Hashable]", self._space)
        for arch in archs:
            if (paths := _paths(space.graph(arch))) > _MOST_PATHS:
                raise UsageError(
                    f"{self.name} cannot encode the paths of an architecture of {space.name}",
                    why=f"up to {paths:,} paths lead through its graph",
                    hint="nas-bowl and npenas encode neighbourhoods instead",
                )
        return path_encoding(space, archs)(archs)


def _paths(graph: Graph) -> int:
    """Return how many ways lead through a graph."""
    until = [0] * len(graph.labels)
    read = {source for source, _ in graph.edges}
    for source, target in sorted(graph.edges, key=lambda edge: edge[1]):
        until[target] += max(until[source], 1)
    return sum(ways for node, ways in enumerate(until) if node not in read)
