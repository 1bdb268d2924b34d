"""The first architectures that each strategy asks for, held against `tests/golden/strategies.json`.

`python tests/strategies/test_golden.py` prints the trajectories of the code as it stands, in the
form of that file.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from assay.contracts.evaluation import Evaluation, Fidelity
from assay.contracts.problem import Budget, BudgetView, Problem, Signal
from assay.foundation.digest import digest_bytes, digest_value
from assay.foundation.seeding import Stream
from assay.spaces.catalogue import get_space
from assay.strategies.catalogue import STRATEGIES, make, resolve

GOLDEN = Path(__file__).parents[1] / "golden" / "strategies.json"
ASKS = 100
# Two rounds of the strategies whose models take long to fit.
FEWER_ASKS = {"bananas": 30, "nas-bowl": 40}
CURVE = (Fidelity("27-epochs"), *[Fidelity("27-epochs", epoch) for epoch in range(1, 27)])
SIGNALS = tuple(Signal(name=name, metric="", split="", unit="") for name in ("validation", "proxy"))

# Each name on its own stands for the defaults.
CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "asha": ("asha", {}),
    "bananas": ("bananas", {}),
    "bohb": ("bohb", {}),
    "dehb": ("dehb", {}),
    "genetic-algorithm": ("genetic-algorithm", {}),
    "grid": ("grid", {}),
    "hyperband": ("hyperband", {}),
    "local-search": ("local-search", {}),
    "local-search, first better": ("local-search", {"full_neighbourhood": False}),
    "nas-bowl": ("nas-bowl", {}),
    "npenas": ("npenas", {}),
    "optuna-tpe": ("optuna-tpe", {}),
    "random-search": ("random-search", {}),
    "regularized-evolution": ("regularized-evolution", {}),
    "regularized-evolution, tournament without replacement": (
        "regularized-evolution",
        {"tournament_replacement": False},
    ),
    "reinforce": ("reinforce", {}),
    "simulated-annealing": ("simulated-annealing", {}),
    "successive-halving": ("successive-halving", {}),
    "zero-cost-filter": ("zero-cost-filter", {}),
}


def synthetic_score(text: str) -> float:
    """Return a score in [0, 100) that is a function of the published string alone."""
    return 100 * int(digest_bytes(text.encode())[:8], 16) / 2**32


def trajectory(case: str) -> dict[str, Any]:
    """Return the digest of the first architectures asked for, and what they depend on."""
    name, given = CASES[case]
    cls = STRATEGIES.find(name).load()
    resolved, _ = resolve(cls, given, "")
    space = get_space("nas-bench-201")
    problem = Problem(
        space=space,
        fidelities=CURVE,
        signals=SIGNALS,
        objectives=("validation",),
        budget=BudgetView(Budget(evaluations=ASKS)),
    )
    strategy: Any = make(cls, problem, Stream(0, ("strategy", name, "golden")), resolved)
    asked = []
    for _ in range(FEWER_ASKS.get(case, ASKS)):
        request = strategy.ask()
        asked.append(space.format(request.arch))
        score = synthetic_score(asked[-1])
        if request.fidelity is not None:
            asked[-1] += f" at {request.fidelity.text()}"
        if request.signal is not None:
            asked[-1] += f" by {request.signal}"
        strategy.tell(request.id, Evaluation(value=score, score=score, cost=1.0))
    return {
        "revision": cls.revision,
        "space_revision": space.revision,
        "libraries": {library: metadata.version(library) for library in cls.libraries},
        "digest": digest_value(asked),
    }


def trajectories() -> dict[str, Any]:
    return {case: trajectory(case) for case in CASES if _installed(case)}


def _installed(case: str) -> bool:
    cls = STRATEGIES.find(CASES[case][0]).load()
    return all(find_spec(library) for library in cls.libraries)


@pytest.mark.parametrize("case", CASES)
def test_asks_as_recorded(case: str) -> None:
    """A strategy asks for the recorded architectures, unless its revision was raised."""
    if not _installed(case):
        pytest.skip("an optional library of this strategy is not installed")
    recorded = json.loads(GOLDEN.read_text())[case]
    now = trajectory(case)
    if now["libraries"] != recorded["libraries"]:
        pytest.skip(f"recorded with {recorded['libraries']}, installed is {now['libraries']}")
    again = f"record anew: python tests/strategies/test_golden.py > tests/golden/{GOLDEN.name}"
    versions = [(entry["revision"], entry["space_revision"]) for entry in (now, recorded)]
    assert versions[0] == versions[1], f"the revision of the strategy or the space was raised: {again}"
    assert now["digest"] == recorded["digest"], (
        f"{case} asks for other architectures than revision {now['revision']} did: "
        f"raise the strategy's `revision`, then {again}"
    )


def test_every_strategy_is_recorded() -> None:
    """Each built-in strategy has a recorded trajectory of its defaults."""
    recorded = json.loads(GOLDEN.read_text())
    built_in = [name for name in STRATEGIES.names() if STRATEGIES.find(name).distribution == "assay"]
    assert set(built_in) <= set(recorded)
    assert set(recorded) == set(CASES)


def test_equal_seeds_agree_across_processes() -> None:
    """Two processes with different string hashing ask for the same architectures."""
    printed = [
        subprocess.run(
            [sys.executable, __file__],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert json.loads(printed[0]) == json.loads(printed[1])
    assert set(json.loads(printed[0])) == set(filter(_installed, CASES))


if __name__ == "__main__":
    print(json.dumps(trajectories(), indent=2))  # noqa: T201  the recording is its output
