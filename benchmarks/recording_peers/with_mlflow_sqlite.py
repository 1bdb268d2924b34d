"""MLflow with its default store, an SQLite file: https://mlflow.org/docs/latest/ml/tracking/quickstart/."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def run(folder: Path, body: Any) -> None:
    """Log metrics of one run; `log_metric` returns once the value is in the store."""
    run_at(f"sqlite:///{folder}/mlflow.db", body)


def read(folder: Path) -> int:
    """Count the values in the histories of all runs."""
    return read_at(f"sqlite:///{folder}/mlflow.db")


def run_at(address: str, body: Any) -> None:
    """Log metrics of one run to the store at an address."""
    import mlflow

    mlflow.set_tracking_uri(address)
    with mlflow.start_run():

        def log(step: int, value: float) -> None:
            mlflow.log_metric("loss", value, step=step)

        body(log)


def read_at(address: str) -> int:
    """Count the values in the store at an address."""
    import mlflow

    mlflow.set_tracking_uri(address)
    client = mlflow.MlflowClient()
    runs = mlflow.search_runs(search_all_experiments=True, output_format="list")
    return sum(len(client.get_metric_history(run.info.run_id, "loss")) for run in runs)
