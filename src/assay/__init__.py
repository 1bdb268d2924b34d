"""Assay: reproducible research on neural architectures, and benchmarks worth trusting.

Every name is imported when it is first used, so that `import assay` costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from assay.api import report, run, verify
    from assay.benchmarks.catalogue import open_benchmark
    from assay.contracts.evaluation import DONE, WAIT, Evaluate, Evaluation, Failure, Fidelity
    from assay.contracts.problem import Budget, Problem, Strategy
    from assay.contracts.space import (
        AsGraph,
        Crossable,
        Enumerable,
        Factor,
        Factorised,
        Graph,
        Mutable,
        Neighbours,
        SearchSpace,
    )
    from assay.foundation.errors import AssayError
    from assay.foundation.seeding import Stream
    from assay.spaces.catalogue import get_space
    from assay.studies.load import load_study
    from assay.studies.search import search
    from assay.studies.session import BudgetSpent, Session
    from assay.studies.study import Claim, Method, Protocol, Study

__all__ = [
    "DONE",
    "WAIT",
    "AsGraph",
    "AssayError",
    "Budget",
    "BudgetSpent",
    "Claim",
    "Crossable",
    "Enumerable",
    "Evaluate",
    "Evaluation",
    "Factor",
    "Factorised",
    "Failure",
    "Fidelity",
    "Graph",
    "Method",
    "Mutable",
    "Neighbours",
    "Problem",
    "Protocol",
    "SearchSpace",
    "Session",
    "Strategy",
    "Stream",
    "Study",
    "get_space",
    "load_study",
    "open_benchmark",
    "report",
    "run",
    "search",
    "verify",
]

_HOMES = {
    "api": ("report", "run", "verify"),
    "benchmarks.catalogue": ("open_benchmark",),
    "contracts.evaluation": ("DONE", "WAIT", "Evaluate", "Evaluation", "Failure", "Fidelity"),
    "contracts.problem": ("Budget", "Problem", "Strategy"),
    "contracts.space": (
        "AsGraph",
        "Crossable",
        "Enumerable",
        "Factor",
        "Factorised",
        "Graph",
        "Mutable",
        "Neighbours",
        "SearchSpace",
    ),
    "foundation.errors": ("AssayError",),
    "foundation.seeding": ("Stream",),
    "spaces.catalogue": ("get_space",),
    "studies.load": ("load_study",),
    "studies.search": ("search",),
    "studies.session": ("BudgetSpent", "Session"),
    "studies.study": ("Claim", "Method", "Protocol", "Study"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module 'assay' has no attribute '{name}'")
    value = getattr(importlib.import_module(f"assay.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
