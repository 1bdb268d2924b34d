"""Assay: reproducible research on neural architectures, and benchmarks worth trusting.

Every name is imported when it is first used, so that `import assay` costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from assay.analysis.landscape import landscape
    from assay.analysis.reliability import reliability
    from assay.api import compare, report, run, specification, verify
    from assay.benchmarks.catalogue import open_benchmark
    from assay.capture.recorded import log, recorded, recording
    from assay.contracts.evaluation import DONE, WAIT, Evaluate, Evaluation, Failure, Fidelity
    from assay.contracts.problem import Budget, Problem, Strategy
    from assay.contracts.space import (
        AsGraph,
        Categorical,
        Condition,
        Crossable,
        Enumerable,
        Factor,
        Factorised,
        Graph,
        Integer,
        Mutable,
        Neighbours,
        Ordinal,
        Parametric,
        Real,
        SearchSpace,
    )
    from assay.foundation.errors import AssayError
    from assay.foundation.seeding import Stream
    from assay.publishing.plots import figure
    from assay.spaces.catalogue import get_space
    from assay.spaces.configspace_json import from_configspace_json
    from assay.spaces.encodings import parameter_encoding
    from assay.spaces.joint import JointSpace
    from assay.spaces.parametric import ParametricSpace
    from assay.spaces.parametric_table import parametric_space
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
    "Categorical",
    "Claim",
    "Commitments",
    "Condition",
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
    "Integer",
    "JointSpace",
    "Method",
    "Mutable",
    "Neighbours",
    "NonInferiorClaim",
    "Ordinal",
    "Parametric",
    "ParametricSpace",
    "Problem",
    "Protocol",
    "PublishedNumber",
    "PublishedTable",
    "RankingClaim",
    "ReachesClaim",
    "Real",
    "ReplicatesNumberClaim",
    "SearchSpace",
    "Session",
    "Strategy",
    "Stream",
    "Study",
    "Tuning",
    "compare",
    "figure",
    "from_configspace_json",
    "get_space",
    "landscape",
    "load_study",
    "log",
    "open_benchmark",
    "parameter_encoding",
    "parametric_space",
    "recorded",
    "recording",
    "reliability",
    "report",
    "run",
    "search",
    "specification",
    "verify",
]

_HOMES = {
    "analysis.landscape": ("landscape",),
    "analysis.reliability": ("reliability",),
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
        "Categorical",
        "Condition",
        "Crossable",
        "Enumerable",
        "Factor",
        "Factorised",
        "Graph",
        "Integer",
        "Mutable",
        "Neighbours",
        "Ordinal",
        "Parametric",
        "Real",
        "SearchSpace",
    ),
    "foundation.errors": ("AssayError",),
    "foundation.seeding": ("Stream",),
    "publishing.plots": ("figure",),
    "spaces.catalogue": ("get_space",),
    "spaces.configspace_json": ("from_configspace_json",),
    "spaces.encodings": ("parameter_encoding",),
    "spaces.joint": ("JointSpace",),
    "spaces.parametric": ("ParametricSpace",),
    "spaces.parametric_table": ("parametric_space",),
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
