"""Tables and studies to audit: a table is written as rows, a study is run once and then bent."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from assay.analysis.audit.audit import audit
from assay.analysis.audit.facts import Facts
from assay.analysis.audit.finding import Finding
from assay.analysis.audit.gather import gather_study, gather_table
from assay.foundation.seeding import Stream
from assay.records.store import Store
from assay.studies.load import load_study
from assay.studies.run import run_study

STUDY = """\
name = "base"
replicates = 12
benchmarks = ["nas-bench-graph/cora", "nas-bench-graph/proteins"]

[budget]
evaluations = 30

[methods.random]
strategy = "random-search"

[methods.evolution]
strategy = "regularized-evolution"
hyperparameters = { population = 5, tournament = 2 }

[methods.local]
strategy = "local-search"
"""


class Bent:
    """The facts of a study, to be changed in one place at a time."""

    def __init__(self, facts: Facts) -> None:
        self.facts = facts

    def but(self, **changes: object) -> Facts:
        """Return the facts with other parts of the study."""
        return msgspec.structs.replace(self.facts, study=msgspec.structs.replace(self.facts.study, **changes))

    def study(self, **changes: object) -> Facts:
        """Return the facts of a study file that says something else."""
        loaded = self.facts.study.loaded
        told = msgspec.structs.replace(loaded, study=msgspec.structs.replace(loaded.study, **changes))
        return self.but(loaded=told)

    def records(self, change: Callable[[str, object], object]) -> Facts:
        """Return the facts with each record put through `change(method, record)`."""
        methods = {cell.spec.run: cell.method for cell in self.facts.study.plan.cells}
        runs = {
            name: msgspec.structs.replace(run, record=change(methods[name], run.record))
            for name, run in self.facts.study.runs.items()
        }
        return self.but(runs=runs)


def found(facts: Facts, rule: str) -> Finding | None:
    """Return what a rule found."""
    return next((one for one in audit(facts).findings if one.id == rule), None)


@pytest.fixture(name="found")
def _found() -> Callable[[Facts, str], Finding | None]:
    return found


@pytest.fixture
def table(tmp_path: Path) -> Callable[..., Facts]:
    """Return what gathers the facts of a table from its text."""

    def make(text: str, name: str = "results.csv", **options: object) -> Facts:
        path = tmp_path / name
        path.write_text(textwrap.dedent(text), encoding="utf-8")
        return gather_table(path, **options)

    return make


@pytest.fixture(scope="session")
def rows() -> Callable[..., str]:
    """Return what writes a clean table: three methods, seven tasks, independent scores."""

    def make(
        methods: tuple[str, ...] = ("alpha", "beta", "gamma"),
        tasks: tuple[str, ...] = ("adult", "bank", "letter", "wine", "yeast", "optdigits", "spambase"),
        replicates: int = 12,
        head: str = "",
        tail: Callable[[str, str, int], str] = lambda *_: "",
        metric: str = "accuracy",
        score: Callable[[str, str, int, float], float | str] = lambda _m, _t, _r, value: round(value, 4),
    ) -> str:
        lines = [f"method,task,seed,{metric}{',' + head if head else ''}"]
        for t, task in enumerate(tasks):
            for m, method in enumerate(methods):
                noise = Stream(0, ("rows", t, m)).indices(1 << 20, (replicates,)) / float(1 << 20)
                for r in range(replicates):
                    value = 70.0 + t + 2.0 * m + 3.0 * float(noise[r])
                    extra = tail(method, task, r)
                    cell = score(method, task, r, value)
                    lines.append(f"{method},{task},{r},{cell}{',' + extra if head else ''}")
        return "\n".join(lines) + "\n"

    return make


@pytest.fixture(scope="session")
def bent(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Bent:
    """Return the facts of a study that was run once."""
    folder = tmp_path_factory.mktemp("audited")
    (folder / "study.toml").write_text(STUDY, encoding="utf-8")
    loaded = load_study(folder / "study.toml")
    store = Store(folder / "store")
    run_study(loaded, store, cache, workers=1)
    return Bent(gather_study(loaded, store, cache))


@pytest.fixture
def planned(tmp_path: Path, cache: Path) -> Callable[..., Facts]:
    """Return what gathers the facts of a study that was not run, with files beside it."""

    def make(text: str, **files: str) -> Facts:
        for name, content in files.items():
            path = tmp_path / name.replace("__", "/").replace("_dot_", ".")
            path.parent.mkdir(exist_ok=True)
            path.write_text(content, encoding="utf-8")
        (tmp_path / "study.toml").write_text(text, encoding="utf-8")
        return gather_study(load_study(tmp_path / "study.toml"), Store(tmp_path / "store"), cache)

    return make


@pytest.fixture
def study_text() -> str:
    """Return the text of the study that is run."""
    return STUDY
