"""What strategies take to think: one ask and its tell, after 100 and after 1,000 observations.

Every registered strategy, at its defaults, on the space of NAS-Bench-201 with scores that cost nothing.
Those with a model learn from uniform draws up to the moment of measuring, which then averages over whole
rounds: a model that is fitted once for ten asks is charged a tenth of its fit for each. Peers, where
installed, do what takes the time in a round: scikit-learn's networks and Gaussian process. Seconds are
those of the processor, on one thread.
"""

from __future__ import annotations

import argparse
import os
import time
import warnings
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

from _measure import ONE_THREAD, duration, ratio, table, title

os.environ.update(ONE_THREAD)

import numpy as np

from assay.contracts.evaluation import DONE, Evaluation, Fidelity
from assay.contracts.problem import Budget, BudgetView, Problem, Signal
from assay.foundation.digest import digest_bytes
from assay.foundation.seeding import Stream
from assay.spaces.catalogue import get_space
from assay.spaces.encodings import path_encoding, weisfeiler_lehman_encoding
from assay.strategies._ensemble import Training, ensemble_predictions
from assay.strategies._gaussian_process import NOISES, wl_posterior
from assay.strategies.catalogue import STRATEGIES, make, resolve

SPACE = get_space("nas-bench-201")
CURVE = (Fidelity("27-epochs"), *[Fidelity("27-epochs", epoch) for epoch in range(1, 27)])
OBSERVATIONS = (100, 1_000)
ASKS = 20
POOL = 100
# How many uniform draws come before a model, for those whose searches of that length take minutes.
INITIAL = {"bananas": "initial", "nas-bowl": "initial", "npenas": "initial", "optuna-tpe": "n_startup_trials"}


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("strategies", nargs="*", default=STRATEGIES.names(), help="all by default")
    title(f"Thinking for one evaluation on {SPACE.name}, mean of {ASKS}")
    rows = []
    for name in options.parse_args().strategies:
        if not all(map(find_spec, STRATEGIES.find(name).load().libraries)):
            print(f"{name} is left out: a library of it is not installed")
            continue
        few, many = (thinking(name, n) for n in OBSERVATIONS)
        rows.append((name, duration(few), duration(many), ratio(many, few)))
    table(("strategy", *[f"after {n:,}" for n in OBSERVATIONS], "growth"), rows)
    if find_spec("sklearn"):
        print()
        table(("fit and predict", *[f"{n:,} rows" for n in OBSERVATIONS]), compared())
    else:
        print("\nscikit-learn is not installed: no peers")


def thinking(name: str, observations: int) -> float:
    """Return the seconds of one ask and its tell, after so many observations."""
    cls = STRATEGIES.find(name).load()
    given = {INITIAL[name]: observations} if name in INITIAL else {}
    problem = Problem(
        space=SPACE,
        fidelities=CURVE,
        signals=tuple(Signal(name=one, metric="", split="", unit="") for one in ("validation", "proxy")),
        objectives=("validation",),
        budget=BudgetView(Budget(table_seconds=1e9)),
    )
    strategy = make(cls, problem, Stream(0, ("strategy", name)), resolve(cls, given, "")[0])
    spent = 0.0
    for i in range(observations + ASKS):
        began = time.process_time()
        request: Any = strategy.ask()
        asked = time.process_time()
        if request is DONE:
            break
        score = _score(request.arch)
        told = time.process_time()
        strategy.tell(request.id, Evaluation(value=score, score=score, cost=1.0))
        if i >= observations:
            spent += asked - began + time.process_time() - told
    return spent / ASKS


def compared() -> list[tuple[str, ...]]:
    """Return rows with the seconds of our predictors and of scikit-learn's at the same work."""
    measured: dict[str, list[float]] = {}
    for n in OBSERVATIONS:
        for name, call in _calls(n).items():
            began = time.process_time()
            call()
            measured.setdefault(name, []).append(time.process_time() - began)
    return [(name, *map(duration, each)) for name, each in measured.items()]


def _calls(n: int) -> dict[str, Callable[[], Any]]:
    """Return what is compared, each a fit to n architectures and a prediction for as many as in a round."""
    stream = Stream(0, ("rows", n))
    archs = [SPACE.at(i) for i in stream.sample(range(SPACE.size), n + POOL)]
    known, pool = archs[:n], archs[n:]
    scores = np.array([_score(arch) for arch in known])
    targets = (scores - scores.mean()) / scores.std()
    paths = path_encoding(SPACE, archs)(archs)
    trees = weisfeiler_lehman_encoding(SPACE, archs, 3)(archs)
    training = Training(5, 10, 20, 150, 32, 0.01)
    return {
        "5 networks, assay": lambda: ensemble_predictions(paths[:n], targets, paths[n:], training, stream),
        "5 networks, scikit-learn": lambda: _networks(paths, targets),
        "Gaussian process, assay": lambda: wl_posterior(SPACE, known, targets, pool, (1, 2, 3)),
        "Gaussian process, scikit-learn": lambda: _processes(trees, targets),
    }


def _networks(rows: np.ndarray, targets: np.ndarray) -> None:
    """Train and ask networks of the same shape for the same number of epochs."""
    from sklearn.neural_network import MLPRegressor

    n = len(targets)
    for seed in range(5):
        network = MLPRegressor(
            hidden_layer_sizes=(20,) * 10,
            batch_size=32,
            learning_rate_init=0.01,
            max_iter=150,
            n_iter_no_change=151,
            random_state=seed,
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that 150 epochs may not be enough is not the question
            network.fit(rows[:n], targets).predict(rows[n:])


def _processes(rows: np.ndarray, targets: np.ndarray) -> None:
    """Fit a process for each depth and noise, on rows of length 1, and ask the last for the pool."""
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import DotProduct

    n = len(targets)
    rows = rows / np.linalg.norm(rows, axis=1)[:, None]
    for noise in NOISES * 3:
        process = GaussianProcessRegressor(DotProduct(sigma_0=1e-6), alpha=noise, optimizer=None)
        process.fit(rows[:n], targets)
    process.predict(rows[n:], return_std=True)


def _score(arch: Any) -> float:
    return int(digest_bytes(SPACE.format(arch).encode())[:8], 16) / 2**32


if __name__ == "__main__":
    main()
