"""The study: methods x benchmarks x replicates, a budget, a protocol, claims, and a plan."""

from __future__ import annotations

from typing import Any

import msgspec

from assay.contracts.problem import Budget
from assay.statistics.published import Spread
from assay.studies.auditing import Answers
from assay.studies.racing import Racing
from assay.studies.tuning import EQUAL, Tuning

ASSESSMENTS = ("required", "where-available", "none")
BETTER = "better"
UNVERIFIED = "unverified"
FIXED, ALWAYS_VALID = RULES = ("fixed", "always-valid")
THESE_TASKS, TASKS = SCOPES = ("these-tasks", "tasks")


class Protocol(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What every method is given and how it is scored.

    `signal` is what strategies see, at `fidelity` (None: the first of each card). With `reported`, the
    signal of incumbents and of what is recommended is told at that fidelity instead. `seeds` names a
    seed policy of the cards (None: each card's default). `assessment` says whether the test metric is
    asked for: 'required', 'where-available' or 'none'. Time on a table is virtual, so that
    `simulated_workers` changes no run time.
    """

    signal: str = "validation"
    seeds: str | None = None
    fidelity: str | None = None
    reported: str | None = None
    assessment: str = "required"
    simulated_workers: int = 1


class Method(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A search method: exactly one of a strategy, a loop, or a command.

    `strategy` is a registered name or 'file.py:Class'; `loop` is 'file.py:function', called with
    a session; `command` speaks JSON lines. `files` are files and folders that the method reads, and
    that are part of its identity besides its code. `label` is shown and in no identity. With `tuning`
    the hyperparameters are chosen by runs on other benchmarks; those given here are its default.
    """

    strategy: str | None = None
    loop: str | None = None
    command: tuple[str, ...] | None = None
    files: tuple[str, ...] = ()
    label: str | None = None
    hyperparameters: dict[str, Any] = {}
    tuning: Tuning | None = None


class AnyClaim(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True, forbid_unknown_fields=True):
    """What claims of every kind say: on what, where, and by which rule they are decided.

    `metric` is 'test' or 'signal'; `on` lists benchmarks (empty: all of the study that have it).
    `smallest` is the smallest effect of interest, in the unit of the metric. `rule` is 'fixed' (one
    look, at the planned replicates) or 'always-valid' (any number of looks). `scope` is 'these-tasks'
    (what varies are the searches) or 'tasks' (what varies are the families of tasks).
    """

    metric: str = "test"
    on: tuple[str, ...] = ()
    confidence: float = 0.95
    smallest: float = 0.0
    rule: str = "fixed"
    scope: str = "these-tasks"

    @property
    def kind(self) -> str:
        """The kind of the claim, as a study file names it."""
        tag = self.__struct_config__.tag
        return tag if isinstance(tag, str) else BETTER

    def sides(self) -> tuple[tuple[str, str], ...]:
        """Return the methods that the claim is about, each with the key that names it."""
        raise NotImplementedError

    def named(self) -> tuple[str, ...]:
        """Return the methods that the claim is about; the first is the one that it speaks for."""
        return tuple(name for _, name in self.sides())


class Claim(AnyClaim, frozen=True, kw_only=True):
    """An assertion: `better` beats `than` in the mean of `metric` by more than `margin`."""

    better: str
    than: str
    margin: float = 0.0

    def sides(self) -> tuple[tuple[str, str], ...]:
        """Return both methods, the better first."""
        return ("better", self.better), ("than", self.than)


class EquivalentClaim(AnyClaim, frozen=True, kw_only=True, tag="equivalent", tag_field="kind"):
    """An assertion: the means of two `methods` differ by less than `margin`, either way."""

    methods: tuple[str, str]
    margin: float

    def sides(self) -> tuple[tuple[str, str], ...]:
        """Return both methods."""
        return tuple(("methods", name) for name in self.methods)


class NonInferiorClaim(AnyClaim, frozen=True, kw_only=True, tag="non-inferior", tag_field="kind"):
    """An assertion: the mean of `method` is not worse than that of `than` by `margin` or more."""

    method: str
    than: str
    margin: float

    def sides(self) -> tuple[tuple[str, str], ...]:
        """Return both methods."""
        return ("method", self.method), ("than", self.than)


class BestOfSetClaim(AnyClaim, frozen=True, kw_only=True, tag="best-of-set", tag_field="kind"):
    """An assertion: `method` beats every method of `among` by more than `margin`."""

    method: str
    among: tuple[str, ...]
    margin: float = 0.0

    def sides(self) -> tuple[tuple[str, str], ...]:
        """Return the method and then its rivals."""
        return ("method", self.method), *(("among", name) for name in self.among)


class ReachesClaim(AnyClaim, frozen=True, kw_only=True, tag="reaches", tag_field="kind"):
    """An assertion: at least `share` of the searches of `method` reach `target` `within` a budget.

    With the metric 'signal' the target is reached by the best value that the search has seen; without
    `within` it has the whole budget. With 'test' it is reached by what the search recommends at its
    end. A search that does not reach the target counts as such, however long it ran.
    """

    method: str
    target: float
    share: float = 0.5
    within: Budget | None = None
    metric: str = "signal"

    def sides(self) -> tuple[tuple[str, str], ...]:
        """Return the method."""
        return (("method", self.method),)


class RankingClaim(AnyClaim, frozen=True, kw_only=True, tag="ranking", tag_field="kind"):
    """An assertion: in `order`, each method beats the next by more than `margin`."""

    order: tuple[str, ...]
    margin: float = 0.0

    def sides(self) -> tuple[tuple[str, str], ...]:
        """Return the methods, the best first."""
        return tuple(("order", name) for name in self.order)


class PublishedNumber(
    msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True, forbid_unknown_fields=True
):
    """A mean as published, over `n` runs, where it is told.

    `sd` is what the source prints after the mean, and `spread` says what that is: 'sd' (the standard
    deviation, n - 1), 'se' (the standard error) or 'ci95' (half the width of a 95 % interval).
    """

    value: float
    n: int | None = None
    sd: float | None = None
    spread: Spread = "sd"
    unit: str = ""


class ReplicatesNumberClaim(AnyClaim, frozen=True, kw_only=True, tag="replicates-number", tag_field="kind"):
    """An assertion: the mean of `method` differs from a `published` one by less than `margin`.

    `source` says where it stands, such as 'Author 2020, p. 7, Table 2', or 'unverified'.
    """

    method: str
    published: PublishedNumber
    margin: float
    source: str = UNVERIFIED

    def sides(self) -> tuple[tuple[str, str], ...]:
        """Return the method."""
        return (("method", self.method),)


CLAIMS: dict[str, type[AnyClaim]] = {
    BETTER: Claim,
    "equivalent": EquivalentClaim,
    "non-inferior": NonInferiorClaim,
    "best-of-set": BestOfSetClaim,
    "reaches": ReachesClaim,
    "ranking": RankingClaim,
    "replicates-number": ReplicatesNumberClaim,
}


class Commitments(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True, forbid_unknown_fields=True):
    """What is decided before there are data, besides the claims.

    `exclusions` say which runs or tasks will be left out and why; `stopping` says when no more
    replicates are added.
    """

    exclusions: tuple[str, ...] = ()
    stopping: str = ""


class PublishedTable(
    msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True, forbid_unknown_fields=True
):
    """A table of published means on one benchmark, to be replicated as a whole.

    `rows` are named as the source names its methods; `methods` says which method of the study stands
    for which row (default: the one of the same name). `margin` is that of equivalence (None: half the
    smallest gap between neighbouring rows). `source` is as in a claim about a published number.
    """

    benchmark: str
    rows: dict[str, PublishedNumber]
    margin: float | None = None
    methods: dict[str, str] = {}
    metric: str = "test"
    confidence: float = 0.95
    source: str = UNVERIFIED

    def pairs(self) -> dict[str, str]:
        """Return the method of the study that stands for each row."""
        return {row: self.methods.get(row, row) for row in self.rows}


class Study(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A study as written. Its name, question, labels, claims and plan are in no identity."""

    name: str
    methods: dict[str, Method]
    budget: Budget
    question: str = ""
    benchmarks: tuple[str, ...] = ()
    suite: str | None = None
    replicates: int = 10
    seed: int = 0
    protocol: Protocol = Protocol()
    claims: tuple[AnyClaim, ...] = ()
    plan: Commitments = Commitments()
    published: dict[str, PublishedTable] = {}
    tuning_budget: str = EQUAL
    audit: Answers = Answers()
    racing: Racing | None = None
