"""What a claim, and a table of published numbers, must be in itself."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

from assay.contracts.problem import Budget
from assay.foundation.errors import StudyError, nearest
from assay.statistics.published import SPREADS
from assay.studies.study import (
    ALWAYS_VALID,
    FIXED,
    RULES,
    SCOPES,
    TASKS,
    AnyClaim,
    BestOfSetClaim,
    Claim,
    EquivalentClaim,
    NonInferiorClaim,
    PublishedNumber,
    PublishedTable,
    RankingClaim,
    ReachesClaim,
    ReplicatesNumberClaim,
    Study,
)

METRICS = ("test", "signal")
MOST_CONFIDENT = 0.99999  # beyond it an interval of so few runs has no ends
LARGEST = 1e100  # of scores, margins and targets: sums of more could overflow

Refuse = Callable[..., StudyError]


def check_claims(study: Study, refuse: Refuse) -> None:
    """Raise for the first claim that cannot be meant."""
    for i, claim in enumerate(study.claims):

        def of_claim(
            what: str, *key: str | int, why: str | None = None, hint: str | None = None, place: int = i
        ) -> StudyError:
            return refuse(what, "claims", place, *key, why=why, hint=hint)

        _check_methods(claim, study, of_claim)
        _check_metric(claim.metric, study, of_claim, "a claim")
        _check_numbers(claim, of_claim)
        _check_rule(claim, of_claim)
        _check_kind(claim, study, of_claim)


def check_published(study: Study, refuse: Refuse) -> None:
    """Raise for the first table of published numbers that cannot be meant."""
    for name, table in study.published.items():

        def of_table(
            what: str, *key: str | int, why: str | None = None, hint: str | None = None, place: str = name
        ) -> StudyError:
            return refuse(what, "published", place, *key, why=why, hint=hint)

        _check_metric(table.metric, study, of_table, "a published table")
        _check_confidence(table.confidence, of_table)
        if not table.rows:
            raise of_table("a published table has no rows", "rows")
        for row in table.methods:
            if row not in table.rows:
                raise of_table(
                    f"'{row}' is not a row of the table", "methods", row, hint=_near(row, table.rows)
                )
        for row, method in table.pairs().items():
            if method not in study.methods:
                hint = f"methods.{row} names the method that stands for this row: {', '.join(study.methods)}"
                raise of_table(f"no method of the study is called '{method}'", "rows", row, hint=hint)
            _check_number(table.rows[row], of_table, "rows", row)
        if len({number.unit for number in table.rows.values()}) > 1:
            raise of_table("the rows of a published table have different units", "rows")
        _check_table_margin(table, of_table)


def _check_table_margin(table: PublishedTable, refuse: Refuse) -> None:
    """Refuse a margin within which a number would replicate two rows at once."""
    values = sorted({number.value for number in table.rows.values()})
    gap = min((high - low for low, high in pairwise(values)), default=math.inf)
    if table.margin is None:
        if not math.isfinite(gap):
            raise refuse("a margin is needed, for no two rows differ", "margin")
        return
    _check_margin(table.margin, refuse, least_is_zero=False)
    if table.margin >= gap / 2:
        raise refuse(
            "the margin is not below half the smallest gap between two rows",
            "margin",
            why=f"got {table.margin:g}, and half the gap is {gap / 2:g}: one number would replicate two rows",
            hint="leave the margin out for the largest that separates the rows, or give a smaller one",
        )


def _check_methods(claim: AnyClaim, study: Study, refuse: Refuse) -> None:
    for key, name in claim.sides():
        if name not in study.methods:
            near = nearest(name, study.methods)
            hint = f"did you mean '{near}'?" if near else f"methods: {', '.join(study.methods)}"
            raise refuse(f"a claim names the unknown method '{name}'", key, hint=hint)
    if len(set(claim.named())) < len(claim.named()):
        raise refuse("a claim compares a method with itself")
    if len(set(claim.on)) < len(claim.on):
        raise refuse("a claim names a benchmark twice", "on")


def _check_metric(metric: str, study: Study, refuse: Refuse, what: str) -> None:
    if metric == "test" and study.protocol.assessment == "none":
        raise refuse(
            f"{what} is about the test metric, and the study asks for none",
            why='assessment = "none"',
            hint='metric = "signal", or assessment = "required"',
        )
    if metric not in METRICS:
        raise refuse(f"unknown metric '{metric}'", "metric", hint="'test' or 'signal'")


def _check_numbers(claim: AnyClaim, refuse: Refuse) -> None:
    if isinstance(claim, Claim | BestOfSetClaim | RankingClaim):
        _check_margin(claim.margin, refuse, least_is_zero=True)
    elif isinstance(claim, EquivalentClaim | NonInferiorClaim | ReplicatesNumberClaim):
        _check_margin(claim.margin, refuse, least_is_zero=False)
    _check_confidence(claim.confidence, refuse)
    if not math.isfinite(claim.smallest) or claim.smallest < 0:
        raise refuse("a smallest effect of interest is zero or more", "smallest", why=f"got {claim.smallest}")
    if claim.smallest and not isinstance(claim, Claim | BestOfSetClaim | RankingClaim):
        raise refuse(
            f"the smallest effect of interest has no meaning for the kind '{claim.kind}'",
            "smallest",
            hint="the margin, or the target, says what is of interest",
        )


def _check_margin(margin: float, refuse: Refuse, *, least_is_zero: bool) -> None:
    if least_is_zero and not (math.isfinite(margin) and margin >= 0):
        raise refuse("a margin is zero or more", "margin", why=f"got {margin}")
    if not least_is_zero and not (math.isfinite(margin) and margin > 0):
        raise refuse(
            "this margin is more than zero",
            "margin",
            why=f"got {margin}; no number of runs shows that two means are exactly equal",
        )
    if abs(margin) > LARGEST:
        raise refuse(
            "a margin is a difference of scores",
            "margin",
            why=f"got {margin}, beyond {LARGEST:g}",
            hint="give it in the unit of the metric, such as margin = 0.5",
        )


def _check_confidence(confidence: float, refuse: Refuse) -> None:
    if not 0.5 < confidence <= MOST_CONFIDENT:
        raise refuse(
            "a confidence lies between 0.5 and 1",
            "confidence",
            why=f"got {confidence}; at most {MOST_CONFIDENT}",
            hint="0.95",
        )


def _check_rule(claim: AnyClaim, refuse: Refuse) -> None:
    for key, value, known in (("rule", claim.rule, RULES), ("scope", claim.scope, SCOPES)):
        if value not in known:
            raise refuse(f"unknown {key} '{value}'", key, hint=_near(value, known))
    if claim.scope == TASKS and isinstance(claim, ReachesClaim | ReplicatesNumberClaim):
        raise refuse(f"a claim of the kind '{claim.kind}' is about these tasks", "scope")
    if claim.rule != ALWAYS_VALID:
        return
    if claim.scope == TASKS:
        raise refuse(
            "an always-valid rule lets replicates be added, and this claim is about tasks",
            "rule",
            hint=f'rule = "{FIXED}"',
        )
    if isinstance(claim, ReplicatesNumberClaim):
        raise refuse(
            "a claim about a published number has a fixed rule",
            "rule",
            why="the published number is one look at its own runs",
            hint=f'rule = "{FIXED}"',
        )


def _check_kind(claim: AnyClaim, study: Study, refuse: Refuse) -> None:
    if isinstance(claim, BestOfSetClaim) and not claim.among:
        raise refuse("a claim to be the best needs rivals", "among")
    if isinstance(claim, RankingClaim) and len(claim.order) < 2:
        raise refuse("a ranking has two methods at least", "order")
    if isinstance(claim, ReachesClaim):
        _check_reaches(claim, study.budget, refuse)
    if isinstance(claim, ReplicatesNumberClaim):
        _check_number(claim.published, refuse, "published")
        if len(claim.on) != 1:
            raise refuse(
                "a published number is about one benchmark",
                "on",
                why=f"the claim names {len(claim.on) or 'none'}",
                hint='on = ["nas-bench-201/cifar10"]',
            )


def _check_reaches(claim: ReachesClaim, budget: Budget, refuse: Refuse) -> None:
    if not abs(claim.target) <= LARGEST:
        raise refuse("a target is a finite number", "target", why=f"got {claim.target}")
    if not 0 < claim.share < 1:
        raise refuse(
            "a share lies between 0 and 1",
            "share",
            why=f"got {claim.share}; no sample shows that every search reaches a target",
        )
    if claim.within is not None:
        _check_within(claim, claim.within, budget, refuse)


def _check_within(claim: ReachesClaim, within: Budget, budget: Budget, refuse: Refuse) -> None:
    if claim.metric == "test":
        raise refuse(
            "the test metric is asked once, at the end of a search",
            "within",
            hint="leave out 'within', or metric = \"signal\"",
        )
    if (within.evaluations is None) == (within.table_seconds is None):
        raise refuse(
            "a budget is either evaluations or table_seconds", "within", hint="{ evaluations = 100 }"
        )
    spent = within.evaluations if within.evaluations is not None else within.table_seconds
    if spent is None or not (math.isfinite(spent) and spent > 0):
        raise refuse("a budget must be positive and finite", "within", why=f"got {spent}")
    whole = budget.evaluations if within.evaluations is not None else budget.table_seconds
    if whole is not None and spent > whole:
        raise refuse("a target is within the budget of the study", "within", why=f"that is {budget.text()}")


def _check_number(number: PublishedNumber, refuse: Refuse, *key: str) -> None:
    if not abs(number.value) <= LARGEST:
        raise refuse("a published number is finite", *key, "value", why=f"got {number.value}")
    if number.n is not None and number.n < 1:
        raise refuse("a published number is the mean of one run at least", *key, "n", why=f"got {number.n}")
    if number.sd is not None and not (math.isfinite(number.sd) and number.sd >= 0):
        raise refuse("a spread is zero or more", *key, "sd", why=f"got {number.sd}")
    if number.sd is not None and number.n == 1:
        raise refuse(
            "a published number of one run has no spread",
            *key,
            "sd",
            hint="leave sd out, or give the number of runs that it is of",
        )
    if number.spread not in SPREADS:
        hint = _near(number.spread, SPREADS)
        raise refuse(f"unknown spread '{number.spread}' of a published number", *key, "spread", hint=hint)
    if number.spread != "sd" and (number.sd is None or number.n is None or number.n < 2):
        raise refuse(
            f"the spread '{number.spread}' needs what is printed, and how many runs it is of",
            *key,
            "spread",
            hint=f'{{ value = 93.7, sd = 0.1, spread = "{number.spread}", n = 10 }}',
        )


def _near(name: str, known: object) -> str:
    names = list(known) if isinstance(known, tuple | dict) else []
    near = nearest(name, names)
    return f"did you mean '{near}'?" if near else f"one of {', '.join(names)}"
