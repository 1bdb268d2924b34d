"""What every strategy owes its users, as a suite of tests to subclass.

    from assay.testing.strategies import StrategySuite

    class TestMyStrategy(StrategySuite):
        strategy = MyStrategy

Runs under pytest, needs no data, and takes a second for a fast strategy. Override `hyperparameters`,
`space` or `evaluations` where the defaults do not fit, or `make` for a strategy that is built in
another way. The contract itself is in `assay.contracts.problem.Strategy`.
"""

# ruff: noqa: PT018  two halves of one condition
# ruff: noqa: NPY002  the process-wide generators are what is watched

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable, Hashable, Iterator, Sequence
from itertools import product
from typing import Any, ClassVar

import numpy as np

from assay.contracts.evaluation import (
    DONE,
    WAIT,
    Evaluate,
    Evaluation,
    Failure,
    Fidelity,
    Outcome,
    Status,
    Work,
)
from assay.contracts.problem import Budget, BudgetView, Problem, Signal, Strategy
from assay.contracts.space import SearchSpace
from assay.foundation.seeding import Stream
from assay.strategies.catalogue import make, parameters, resolve
from assay.testing.toy_space import ToySpace, toy_score

Judge = Callable[[int, Any], Outcome]


class Drive:
    """Drives a strategy as a study does, and holds it to the contract on the way.

    `outstanding` requests are kept open; `order` picks which of them is told next (its position
    among the open ones; the oldest unless given). Stops after `evaluations` asks or at DONE.
    """

    def __init__(
        self,
        strategy: Strategy,
        problem: Problem,
        judge: Judge,
        *,
        outstanding: int = 1,
        order: Callable[[int], int] | None = None,
    ) -> None:
        self.strategy = strategy
        self.problem = problem
        self.judge = judge
        self.width = outstanding
        self.order = order or (lambda _: 0)
        self.asked: list[Any] = []
        self.succeeded: list[Any] = []
        self.ids: set[int] = set()
        self.done = False
        self._open: list[Evaluate | Work] = []

    def run(self, evaluations: int) -> Drive:
        """Ask for and tell up to `evaluations` requests in all, then tell the rest."""
        while len(self.ids) < evaluations and not self.done:
            self.fill(evaluations)
            if self._open:
                self.tell_one()
        while self._open:
            self.tell_one()
        return self

    def fill(self, evaluations: int) -> None:
        """Ask until the open requests are as many as allowed, or the strategy has nothing to ask."""
        while len(self._open) < self.width and len(self.ids) < evaluations:
            request = self.strategy.ask()
            if request is WAIT:
                assert self._open, "ask() returned WAIT although nothing is outstanding: the run would stall"
                return
            if request is DONE:
                self.done = True
                return
            assert isinstance(request, Evaluate | Work), f"ask() returned {request!r}, which is no request"
            self._accept(request)

    def tell_one(self) -> None:
        """Tell the outcome of one open request."""
        request = self._open.pop(self.order(len(self._open)))
        arch = request.arch if isinstance(request, Evaluate) else None
        outcome = self.judge(request.id, arch)
        if isinstance(outcome, Evaluation) and arch is not None:
            self.succeeded.append(arch)
        self.strategy.tell(request.id, outcome)

    def _accept(self, request: Evaluate | Work) -> None:
        assert request.id not in self.ids, f"ask() used the id {request.id} twice"
        self.ids.add(request.id)
        self._open.append(request)
        if isinstance(request, Work):
            return
        space, problem = self.problem.space, self.problem
        assert space.contains(request.arch), f"{request.arch!r} is not in the space {space.name}"
        assert request.fidelity is None or request.fidelity in problem.fidelities, (
            f"{request.fidelity} is not a fidelity of the problem"
        )
        names = [signal.name for signal in problem.signals]
        assert request.signal is None or request.signal in names or request.signal.startswith("shared:"), (
            f"'{request.signal}' is not a signal of the problem"
        )
        self.asked.append(request.arch)


class StrategySuite:
    """The tests that every strategy passes; subclass it as `Test...` and set `strategy`.

    A strategy that asks at several fidelities needs `fidelities`, the one that is searched for first.
    """

    strategy: ClassVar[Any]
    hyperparameters: ClassVar[dict[str, Any]] = {}
    space: ClassVar[SearchSpace[Any]] = ToySpace()
    evaluations: ClassVar[int] = 60
    fidelities: ClassVar[tuple[Fidelity, ...]] = (Fidelity("toy"),)

    def make(self, problem: Problem, rng: Stream) -> Strategy:
        """Return a new strategy for a problem."""
        resolved, _ = resolve(self.strategy, self.hyperparameters, "hyperparameters")
        return make(self.strategy, problem, rng, resolved)

    def score(self, arch: Any) -> float:
        """Return the score of an architecture; override it together with `space`."""
        return toy_score(arch)

    def problem(self, evaluations: int | None = None) -> Problem:
        """Return a problem over the space with a budget of so many evaluations."""
        return Problem(
            space=self.space,
            fidelities=self.fidelities,
            signals=(Signal(name="validation", metric="accuracy", split="validation", unit="%"),),
            objectives=("validation",),
            budget=BudgetView(Budget(evaluations=evaluations or self.evaluations)),
        )

    def drive(self, *, stream: int = 0, problem: Problem | None = None, **options: Any) -> Drive:
        """Return a driver of a new strategy on the stream of this number."""
        problem = problem or self.problem()
        judge = options.pop("judge", self.judge)
        strategy = self.make(problem, Stream(0, ("strategy", stream)))
        return Drive(strategy, problem, judge, **options)

    def judge(self, id: int, arch: Any) -> Outcome:  # noqa: ARG002  a judge may go by the id
        """Return a success with the score of the architecture."""
        score = self.score(arch) if arch is not None else 0.0
        return Evaluation(value=score, score=score, cost=1.0)

    def half_fails(self, id: int, arch: Any) -> Outcome:
        """Return a failure for every second request, of each kind in turn."""
        if id % 2:
            return self.judge(id, arch)
        kinds = (Status.FAILED, Status.NOT_FINITE, Status.MISSING)
        return Failure(kinds[id // 2 % len(kinds)], "planned by the suite", cost=1.0)

    def test_is_named_and_versioned(self) -> None:
        """A strategy has a name, a revision, its requirements and its libraries."""
        cls = self.strategy
        assert isinstance(cls.name, str) and cls.name, "`name` is the registered name"
        assert type(cls.revision) is int and cls.revision >= 1, "`revision` is an integer from 1"
        assert all(isinstance(capability, type) for capability in cls.requires), "`requires` lists types"
        assert all(isinstance(name, str) for name in cls.libraries), "`libraries` lists distributions"

    def test_hyperparameters_are_plain(self) -> None:
        """Every hyperparameter is named, annotated, and has a default that a record can hold."""
        resolved, _ = resolve(self.strategy, {}, "")
        again, defaults = resolve(self.strategy, resolved, "")
        assert again == resolved and not defaults, "the defaults do not have the annotated types"
        assert {parameter.name for parameter in parameters(self.strategy)} == set(resolved)

    def test_equal_streams_give_equal_asks(self) -> None:
        """A strategy draws everything from its stream: the same stream gives the same asks."""
        first, second = (self.drive().run(self.evaluations) for _ in range(2))
        assert first.asked == second.asked, "two runs on equal streams asked for different architectures"

    def test_another_stream_gives_other_asks(self) -> None:
        """A strategy reads its stream: of five streams, not all give the same asks."""
        runs = [tuple(self.drive(stream=i).run(self.evaluations).asked) for i in range(5)]
        assert len(set(runs)) > 1, "five different streams gave the same asks"

    def test_leaves_process_wide_generators_alone(self) -> None:
        """A strategy neither draws from nor seeds the generators of `random` and NumPy."""
        asked = []
        for seed in (1, 2):
            with _global_seed(seed):
                before = _global_state()
                asked.append(self.drive().run(self.evaluations).asked)
                assert _global_state() == before, "the run changed the state of a process-wide generator"
        assert asked[0] == asked[1], "the asks depend on the state of a process-wide generator"

    def test_keeps_no_state_outside_itself(self) -> None:
        """Two searches that take turns ask for what each would ask for alone."""
        alone = [self.drive(stream=i).run(self.evaluations).asked for i in range(2)]
        runs = [self.drive(stream=i) for i in range(2)]
        for evaluations in range(1, self.evaluations + 1):
            for run in runs:
                run.run(evaluations)
        assert [run.asked for run in runs] == alone, "one search changes what another asks for"

    def test_recommending_changes_nothing(self) -> None:
        """Asking for a recommendation after every tell leaves the search as it is."""
        plain = self.drive().run(self.evaluations)
        curious = self.drive()
        for evaluations in range(1, self.evaluations + 1):
            curious.run(evaluations)
            curious.strategy.recommend()
        assert curious.asked == plain.asked, "recommend() changes what is asked for next"

    def test_many_asks_before_a_tell(self) -> None:
        """With many requests outstanding, a strategy asks on, waits or is done, and finishes."""
        run = self.drive(outstanding=self.evaluations).run(self.evaluations)
        assert run.done or len(run.ids) == self.evaluations

    def test_tells_in_any_order(self) -> None:
        """Outcomes are matched by their id, in whatever order they come; the run stays repeatable."""
        for outstanding, judge in product((2, 7), (self.judge, self.half_fails)):
            runs = []
            for _ in range(2):
                order = Stream(0, ("order", outstanding))
                run = self.drive(judge=judge, outstanding=outstanding, order=order.below)
                runs.append(run.run(self.evaluations).asked)
                assert run.done or len(run.ids) == self.evaluations
                self._recommends_what_it_saw(run)
            assert runs[0] == runs[1], "equal tells in equal order gave different asks"
            backwards = self.drive(judge=judge, outstanding=outstanding, order=lambda n: n - 1)
            self._recommends_what_it_saw(backwards.run(self.evaluations))

    def test_failures_do_not_stop_it(self) -> None:
        """A strategy goes on after failures, even if everything fails, and recommends none of them."""
        for outstanding in (1, 4):
            run = self.drive(judge=self.half_fails, outstanding=outstanding).run(self.evaluations)
            assert run.done or len(run.ids) == self.evaluations
            self._recommends_what_it_saw(run)
        hopeless = self.drive(judge=lambda *_: Failure(Status.NOT_FINITE, "planned by the suite"))
        hopeless.run(self.evaluations)
        assert hopeless.done or len(hopeless.ids) == self.evaluations
        assert _recommended(hopeless) == [], "recommends an architecture although every evaluation failed"

    def test_recommends_nothing_before_a_success(self) -> None:
        """Before the first success there is nothing to recommend."""
        run = self.drive()
        assert _recommended(run) == [], "recommends an architecture before anything was told"
        run.fill(1)
        assert _recommended(run) == [], "recommends an architecture before anything was told"

    def test_recommends_an_evaluated_architecture(self) -> None:
        """After any tell, what is recommended was evaluated, and successfully so."""
        run = self.drive()
        for evaluations in range(1, self.evaluations + 1):
            run.run(evaluations)
            self._recommends_what_it_saw(run)

    def test_stays_done(self) -> None:
        """A strategy that said DONE has nothing to ask any more."""
        run = self.drive().run(5 * self.evaluations)
        if run.done:
            assert run.strategy.ask() is DONE, "asks again after DONE"

    def test_reading_the_budget_is_noticed(self) -> None:
        """Unless the budget was read through its view, a longer one only makes the run longer."""
        short, long = self.problem(), self.problem(10 * self.evaluations)
        runs = [self.drive(problem=problem).run(self.evaluations) for problem in (short, long)]
        if not (short.budget.was_read or long.budget.was_read):
            assert runs[0].asked == runs[1].asked, "the asks depend on a budget not read through its view"

    def _recommends_what_it_saw(self, run: Drive) -> None:
        recommended = _recommended(run)
        assert bool(recommended) == bool(run.succeeded), (
            f"recommends {recommended} after {len(run.succeeded)} successful evaluations"
        )
        for arch in recommended:
            assert arch in run.succeeded, f"recommends {arch!r}, which was not evaluated successfully"


def _recommended(run: Drive) -> list[Hashable]:
    """Return what a strategy recommends as a list; an architecture may itself be a sequence."""
    answer = run.strategy.recommend()
    if answer is None:
        return []
    if run.problem.space.contains(answer):
        return [answer]
    assert isinstance(answer, Sequence), f"recommend() returned {answer!r}, which is not in the space"
    return list(answer)


@contextlib.contextmanager
def _global_seed(seed: int) -> Iterator[None]:
    """Seed the generators of `random` and NumPy, and put their states back after."""
    states = random.getstate(), np.random.get_state()
    random.seed(seed)
    np.random.seed(seed)
    try:
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])


def _global_state() -> tuple[Any, ...]:
    """Return the states of the generators of `random` and NumPy, comparable."""
    kind, keys, *rest = np.random.get_state()
    return random.getstate(), kind, np.asarray(keys).tolist(), rest
