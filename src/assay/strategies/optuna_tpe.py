"""Optuna's tree-structured Parzen estimator, through a bridge."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Hashable, Iterator
from typing import TYPE_CHECKING, ClassVar, cast

from assay.contracts.evaluation import Evaluation, Outcome, Request
from assay.contracts.problem import Problem
from assay.contracts.space import Factorised
from assay.foundation.errors import UsageError
from assay.foundation.seeding import Stream
from assay.strategies._incumbent import Incumbent

if TYPE_CHECKING:
    from optuna.trial import Trial

# Each redraw costs Optuna milliseconds, and teaches it where the holes are.
_REDRAWS = 100


class OptunaTPE:
    """TPE over the factors of the space, each a categorical choice, in an in-memory Optuna study.

    `n_startup_trials` uniform draws come first; `multivariate` models all factors together;
    `constant_liar` treats outstanding requests as bad, which helps with several of them. Choices
    that compose to no architecture are drawn again (after 100 redraws, a uniform draw takes their
    place). They and failures are told to Optuna as pruned trials, which TPE ranks below every
    success; failed trials it would leave out, and suggest again and again.

    Optuna is seeded from the stream and uses no process-wide generator; its version is part of the
    identity of a run. Needs the extra `optuna`: `UsageError` where it is not installed.

    Source: Bergstra et al., "Algorithms for Hyper-Parameter Optimization", NeurIPS 2011; Watanabe,
    arXiv:2304.11127, for the version in Optuna (Akiba et al., KDD 2019).
    """

    name: ClassVar[str] = "optuna-tpe"
    revision: ClassVar[int] = 1
    requires: ClassVar[tuple[type, ...]] = (Factorised,)
    libraries: ClassVar[tuple[str, ...]] = ("optuna",)

    def __init__(
        self,
        problem: Problem,
        rng: Stream,
        *,
        n_startup_trials: int = 10,
        multivariate: bool = False,
        constant_liar: bool = False,
    ) -> None:
        try:
            import optuna
        except ImportError:
            raise UsageError(
                f"{self.name} needs Optuna, which is not installed", hint="pip install 'assay[optuna]'"
            ) from None
        if n_startup_trials < 0:
            raise UsageError(
                f"{self.name} needs n_startup_trials of at least 0",
                why=f"n_startup_trials = {n_startup_trials}",
            )
        self._space = cast("Factorised[Hashable]", problem.space)
        self._rng = rng
        self._incumbent = Incumbent()
        self._pruned = optuna.trial.TrialState.PRUNED
        with _quiet():
            sampler = optuna.samplers.TPESampler(
                n_startup_trials=n_startup_trials,
                multivariate=multivariate,
                constant_liar=constant_liar,
                seed=rng.seed32(),
            )
            self._study = optuna.create_study(sampler=sampler, direction="maximize")
        # Optuna names a parameter once; two factors may share a name, so the position is part of it.
        self._choices: dict[str, optuna.distributions.BaseDistribution] = {
            f"{i}:{factor.name}": optuna.distributions.CategoricalDistribution(range(len(factor.choices)))
            for i, factor in enumerate(self._space.factors)
        }
        self._trials: dict[int, Trial] = {}

    def ask(self) -> Request:
        """Return a request for what TPE suggests."""
        trial, arch = self._suggest()
        request = self._incumbent.request(arch)
        self._trials[request.id] = trial
        return request

    def tell(self, id: int, outcome: Outcome) -> None:
        """Pass an outcome on to Optuna."""
        self._incumbent.settle(id, outcome)
        trial = self._trials.pop(id)
        if isinstance(outcome, Evaluation):
            self._study.tell(trial, outcome.score)
        else:
            self._study.tell(trial, state=self._pruned)

    def recommend(self) -> Hashable | None:
        """Return the best architecture told so far, the first of equals."""
        return self._incumbent.best

    def _suggest(self) -> tuple[Trial, Hashable]:
        """Return a trial whose choices compose to an architecture."""
        for _ in range(_REDRAWS):
            trial = self._study.ask(self._choices)
            arch = self._space.compose([trial.params[name] for name in self._choices])
            if arch is not None:
                return trial, arch
            self._study.tell(trial, state=self._pruned)
        arch = self._space.sample(self._rng)
        self._study.enqueue_trial(dict(zip(self._choices, self._space.decompose(arch), strict=True)))
        return self._study.ask(self._choices), arch


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Hold back Optuna's log lines and experimental warnings, and put its settings back after."""
    from optuna import logging

    level = logging.get_verbosity()
    logging.set_verbosity(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.set_verbosity(level)
