"""Any strategy can be rebuilt at any tell by replaying what it asked and was told."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import pytest

from assay.contracts.evaluation import DONE, WAIT, Evaluate, Evaluation, Failure, Fidelity, Outcome, Status
from assay.contracts.problem import Budget, BudgetView, Problem, Signal
from assay.foundation.seeding import Stream
from assay.strategies.catalogue import STRATEGIES, make, resolve
from assay.testing.toy_space import ToySpace, toy_score

CURVE = (Fidelity("9-epochs"), *[Fidelity("9-epochs", epoch) for epoch in range(1, 9)])
SIGNALS = tuple(
    Signal(name=name, metric=name, split="validation", unit="") for name in ("validation", "proxy")
)
EVENTS = 80
OUTSTANDING = 3
# Where the defaults would not reach what is learnt within so few evaluations, or learn slowly.
GIVEN: dict[str, dict[str, Any]] = {
    "bananas": {"batch": 4, "ensemble": 2, "layers": 2, "epochs": 5},
    "bohb": {"min_points": 3, "num_samples": 8},
    "nas-bowl": {"initial": 10, "candidates": 20},
    "npenas": {"batch": 4, "candidates": 20},
    "optuna-tpe": {"n_startup_trials": 5},
    "zero-cost-filter": {"candidates": 10, "keep": 3},
}

Event = Evaluate | tuple[int, Outcome]


def _new(name: str) -> Any:
    cls = STRATEGIES.find(name).load()
    problem = Problem(
        space=ToySpace(),
        fidelities=CURVE,
        signals=SIGNALS,
        objectives=("validation",),
        budget=BudgetView(Budget(evaluations=EVENTS)),
        prefix=True,
    )
    resolved, _ = resolve(cls, GIVEN.get(name, {}), "")
    return make(cls, problem, Stream(0, ("strategy", name, "replay")), resolved)


def _outcome(request: Evaluate) -> Outcome:
    """Return a failure now and then, and else a score that depends on the level."""
    if request.id % 7 == 3:
        return Failure(Status.FAILED, "planned")
    score = toy_score(request.arch) + (request.signal or "").count("p")  # type: ignore[arg-type]
    score += request.fidelity.epoch or 9 if request.fidelity else 0
    return Evaluation(value=score, score=score, cost=1.0)


def _drive(strategy: Any, log: list[Event]) -> None:
    """Go on from the end of a log, and add to it; which request is told next depends on the log alone."""
    told = {event[0] for event in log if isinstance(event, tuple)}
    running = [event for event in log if isinstance(event, Evaluate) and event.id not in told]
    while len(log) < EVENTS:
        request = strategy.ask() if len(running) < OUTSTANDING else WAIT
        if isinstance(request, Evaluate):
            running.append(request)
            log.append(request)
        elif running:
            request = running.pop(len(log) * 7 % len(running))
            log.append((request.id, _outcome(request)))
            strategy.tell(*log[-1])
        else:
            assert request is DONE
            return


def _replay(strategy: Any, log: list[Event]) -> None:
    """Ask and tell as a log says, and hold each request against it."""
    for place, event in enumerate(log):
        if isinstance(event, Evaluate):
            assert strategy.ask() == event
        else:
            # The driver asks until it may not: an answer that was WAIT is in no log.
            running = sum(1 if isinstance(one, Evaluate) else -1 for one in log[:place])
            if running < OUTSTANDING:
                assert strategy.ask() in {WAIT, DONE}
            strategy.tell(*event)


@pytest.mark.parametrize(
    "name", [n for n in STRATEGIES.names() if STRATEGIES.find(n).distribution == "assay"]
)
def test_goes_on_from_its_log_at_any_tell(name: str) -> None:
    """A strategy rebuilt at any tell asks for the same, and recommends the same, from there on."""
    if not all(map(find_spec, STRATEGIES.find(name).load().libraries)):
        pytest.skip("an optional library of this strategy is not installed")
    log: list[Event] = []
    alone = _new(name)
    _drive(alone, log)
    assert len(log) > EVENTS // 2
    for place in range(len(log)):
        if isinstance(log[place], Evaluate):
            continue
        rebuilt, again = _new(name), log[: place + 1]
        _replay(rebuilt, again)
        _drive(rebuilt, again)
        assert again == log, f"rebuilt after event {place}"
        assert rebuilt.recommend() == alone.recommend()
