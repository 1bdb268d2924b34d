"""A surrogate that is fitted once for the tests of this folder, where LightGBM is installed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from assay.benchmarks.catalogue import open_benchmark
from assay.benchmarks.surrogates.fit import Recipe
from assay.benchmarks.surrogates.observations import Observations, of_table
from assay.benchmarks.surrogates.report import Fitted, Subject, fit_surrogate
from assay.benchmarks.tabular import TableBenchmark

NAME = "nas-bench-201/cifar10"
SMALL = Recipe(encodings=("one-hot", "path"), members=3, rounds=40)


@pytest.fixture(scope="session")
def real(cache: Path) -> TableBenchmark:
    """Return the real table of NAS-Bench-201 on CIFAR-10."""
    return open_benchmark(NAME, cache)


@pytest.fixture(scope="session")
def observed(real: TableBenchmark) -> Observations:
    """Return all that the real table holds."""
    return of_table(real, "validation")


@pytest.fixture(scope="session")
def subject(real: TableBenchmark) -> Subject:
    """Return what is fitted."""
    return Subject(
        card=real.card,
        signal=real.card.signals[0],
        fidelity=real.default_fidelity,
        digest=real.table_digest,
    )


@pytest.fixture(scope="session")
def lightgbm() -> Any:
    """Return LightGBM; what it imports draws from `random`, so that it is imported outside all tests."""
    return pytest.importorskip("lightgbm", reason="LightGBM, of the extra 'surrogates', fits the trees")


@pytest.fixture(scope="session")
def fitted(observed: Observations, subject: Subject, lightgbm: Any) -> Fitted:
    """Return a small surrogate of the real table, and its report."""
    return fit_surrogate(observed, subject, NAME, recipe=SMALL)
