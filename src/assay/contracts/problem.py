"""What a strategy is given: the space, what it may ask, and a view of the budget."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any, ClassVar, Protocol, runtime_checkable

import msgspec

from assay.contracts.evaluation import Fidelity, Outcome, Request
from assay.contracts.space import SearchSpace
from assay.foundation.seeding import Stream


class Budget(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """What a run may spend: a number of evaluations, or seconds of the card's cost column."""

    evaluations: int | None = None
    table_seconds: float | None = None

    def text(self) -> str:
        """Return the budget in words, such as '200 evaluations'."""
        if self.evaluations is not None:
            return f"{self.evaluations:,} evaluations"
        return f"{self.table_seconds:,g} table seconds"


class BudgetView:
    """The budget as a strategy sees it. Reading it is noticed.

    A run whose strategy never read the budget is a prefix of the same run with a longer one; a
    strategy that reads it is re-run from the start.
    """

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self.was_read = False

    @property
    def total(self) -> Budget:
        """The whole budget."""
        self.was_read = True
        return self._budget


class Signal(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A number that a strategy may ask for, as the protocol card states it.

    `metric` is the published name, `split` the data it was measured on, `unit` such as '%'.
    """

    name: str
    metric: str
    split: str
    unit: str
    maximize: bool = True
    description: str = ""


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """All that a strategy may know about what it searches.

    `fidelity` is that of a request which names none, and of what the search is judged by (None: the first
    of `fidelities`). With `prefix`, a longer training of a schedule may continue a shorter one.
    """

    space: SearchSpace[Any]
    fidelities: tuple[Fidelity, ...]
    signals: tuple[Signal, ...]
    objectives: tuple[str, ...]
    budget: BudgetView
    simulated_workers: int = 1
    fidelity: Fidelity | None = None
    prefix: bool = False


@runtime_checkable
class Strategy(Protocol):
    """A search method that is asked and told.

    The class itself is the factory: `Class(problem, rng, **hyperparameters)`, hyperparameters
    being keyword-only parameters with annotations of plain types. `name` and `revision` identify
    it; `requires` lists the capabilities it wants of a space; `libraries` names the distributions
    whose version decides its numbers. All randomness comes from `rng`.

    Many asks may precede a tell, and tells come in any order. `ask` returns WAIT only when a tell
    is outstanding. `recommend` may be called after any tell and returns what sealing freezes.
    A strategy is used by one thread, and keeps no state outside itself.
    """

    name: ClassVar[str]
    revision: ClassVar[int]
    requires: ClassVar[tuple[type, ...]]
    libraries: ClassVar[tuple[str, ...]]

    def ask(self) -> Request: ...
    def tell(self, id: int, outcome: Outcome) -> None: ...
    def recommend(self) -> Hashable | Sequence[Hashable] | None: ...


class StrategyFactory(Protocol):
    """The type of a strategy class."""

    name: str
    revision: int
    requires: tuple[type, ...]
    libraries: tuple[str, ...]

    def __call__(self, problem: Problem, rng: Stream, **hyperparameters: Any) -> Strategy: ...
