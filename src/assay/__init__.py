"""Assay: reproducible research on neural architectures, and benchmarks worth trusting.

Every name is imported when it is first used, so that `import assay` costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from assay.api import compare, report, run, specification, verify
    from assay.benchmarks.catalogue import open_benchmark
    from assay.capture.recorded import log, recorded, recording
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
    from assay.publishing.plots import figure
    from assay.spaces.catalogue import get_space
    from assay.studies.load import load_study
    from assay.studies.search import search
    from assay.studies.session import BudgetSpent, Session
    from assay.studies.study import (
        BestOfSetClaim,
        Claim,
        Commitments,
        EquivalentClaim,
        Method,
        NonInferiorClaim,
        Protocol,
        PublishedNumber,
        PublishedTable,
        RankingClaim,
        ReachesClaim,
        ReplicatesNumberClaim,
        Study,
    )
    from assay.studies.tuning import Tuning
    from assay.tasks.holdout import Holdout

__all__ = [
    "DONE",
    "WAIT",
    "AsGraph",
    "AssayError",
    "BestOfSetClaim",
    "Budget",
    "BudgetSpent",
    "Claim",
    "Commitments",
    "Crossable",
    "Enumerable",
    "EquivalentClaim",
    "Evaluate",
    "Evaluation",
    "Factor",
    "Factorised",
    "Failure",
    "Fidelity",
    "Graph",
    "Holdout",
    "Method",
    "Mutable",
    "Neighbours",
    "NonInferiorClaim",
    "Problem",
    "Protocol",
    "PublishedNumber",
    "PublishedTable",
    "RankingClaim",
    "ReachesClaim",
    "ReplicatesNumberClaim",
    "SearchSpace",
    "Session",
    "Strategy",
    "Stream",
    "Study",
    "Tuning",
    "compare",
    "figure",
    "get_space",
    "load_study",
    "log",
    "open_benchmark",
    "recorded",
    "recording",
    "report",
    "run",
    "search",
    "specification",
    "verify",
]

_HOMES = {
    "api": (
        "compare",
        "report",
        "run",
        "specification",
        "verify",
    ),
    "benchmarks.catalogue": ("open_benchmark",),
    "capture.recorded": (
        "log",
        "recorded",
        "recording",
    ),
    "contracts.evaluation": (
        "DONE",
        "WAIT",
        "Evaluate",
        "Evaluation",
        "Failure",
        "Fidelity",
    ),
    "contracts.problem": (
        "Budget",
        "Problem",
        "Strategy",
    ),
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
    "publishing.plots": ("figure",),
    "spaces.catalogue": ("get_space",),
    "studies.load": ("load_study",),
    "studies.search": ("search",),
    "studies.session": (
        "BudgetSpent",
        "Session",
    ),
    "studies.study": (
        "BestOfSetClaim",
        "Claim",
        "Commitments",
        "EquivalentClaim",
        "Method",
        "NonInferiorClaim",
        "Protocol",
        "PublishedNumber",
        "PublishedTable",
        "RankingClaim",
        "ReachesClaim",
        "ReplicatesNumberClaim",
        "Study",
    ),
    "studies.tuning": ("Tuning",),
    "tasks.holdout": ("Holdout",),
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
