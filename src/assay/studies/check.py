"""What a study must be in itself, before any benchmark is looked at."""

from __future__ import annotations

import math
from collections.abc import Callable

from assay.foundation.errors import StudyError, nearest
from assay.studies import racing
from assay.studies.check_claims import check_claims, check_published
from assay.studies.study import ALWAYS_VALID, ASSESSMENTS, Study
from assay.studies.tuning import TUNED_DEFAULT, TUNING_BUDGETS, problems

MOST_REPLICATES = 100_000

Refuse = Callable[..., StudyError]


def check(study: Study, refuse: Refuse) -> None:
    """Raise for the first thing in a study that cannot be meant.

    `refuse(what, *key, why=, hint=)` makes the error for a place of the study, given by its key path.
    """
    for part in (_check_head, _check_budget, _check_methods, _check_plan, check_claims, check_published):
        part(study, refuse)
    _check_tuning(study, refuse)
    _check_racing(study, refuse)


def _check_head(study: Study, refuse: Refuse) -> None:
    if not study.name.strip():
        raise refuse("a study needs a name", "name")
    if study.replicates < 1:
        raise refuse("there must be at least one replicate", "replicates", why=f"got {study.replicates}")
    if study.replicates > MOST_REPLICATES:
        raise refuse(
            f"there can be at most {MOST_REPLICATES:,} replicates",
            "replicates",
            why=f"got {study.replicates:,}",
        )
    if not 0 <= study.seed < 2**53:
        raise refuse("the seed is out of range", "seed", why=f"got {study.seed}, expected 0 to 2^53 - 1")
    if bool(study.benchmarks) == (study.suite is not None):
        raise refuse(
            "name either benchmarks or a suite",
            "benchmarks",
            hint='benchmarks = ["nas-bench-graph/cora"]  or  suite = "graphs-v1"',
        )
    if study.protocol.assessment not in ASSESSMENTS:
        near = nearest(study.protocol.assessment, ASSESSMENTS)
        raise refuse(
            f"unknown assessment '{study.protocol.assessment}'",
            "protocol",
            "assessment",
            hint=f"did you mean '{near}'?" if near else f"one of {', '.join(ASSESSMENTS)}",
        )
    if not 1 <= study.protocol.simulated_workers <= 1024:
        raise refuse("simulated workers are 1 to 1,024", "protocol", "simulated_workers")


def _check_budget(study: Study, refuse: Refuse) -> None:
    budget = study.budget
    if (budget.evaluations is None) == (budget.table_seconds is None):
        raise refuse("a budget is either evaluations or table_seconds", "budget", hint="evaluations = 200")
    if budget.evaluations is not None and budget.evaluations < 1:
        raise refuse("a budget must be positive", "budget", "evaluations", why=f"got {budget.evaluations}")
    seconds = budget.table_seconds
    if seconds is not None and not (math.isfinite(seconds) and seconds > 0):
        raise refuse("a budget must be positive and finite", "budget", "table_seconds", why=f"got {seconds}")


def _check_methods(study: Study, refuse: Refuse) -> None:
    if not study.methods:
        raise refuse(
            "a study needs at least one method",
            "methods",
            hint='[methods.random]  strategy = "random-search"',
        )
    for name, method in study.methods.items():
        doors = [door for door in ("strategy", "loop", "command") if getattr(method, door) is not None]
        if len(doors) != 1:
            raise refuse(
                f"method '{name}' needs exactly one of strategy, loop and command",
                "methods",
                name,
                why=f"it has {', '.join(doors) or 'none'}",
            )
        if method.command is not None and not method.command:
            raise refuse(f"method '{name}' has an empty command", "methods", name, "command")
        if method.strategy is None and study.protocol.simulated_workers > 1:
            raise refuse(
                f"method '{name}' keeps its own loop and evaluates one by one",
                "protocol",
                "simulated_workers",
                why=f"it is {study.protocol.simulated_workers}",
                hint="simulated_workers = 1, or write the method as a strategy that is asked and told",
            )


def _check_tuning(study: Study, refuse: Refuse) -> None:
    if study.tuning_budget not in TUNING_BUDGETS:
        near = nearest(study.tuning_budget, TUNING_BUDGETS)
        raise refuse(
            f"unknown tuning budget '{study.tuning_budget}'",
            "tuning_budget",
            hint=f"did you mean '{near}'?" if near else f"one of {', '.join(TUNING_BUDGETS)}",
        )
    for name, method in study.methods.items():
        if method.tuning is None:
            continue
        for problem in problems(method.tuning):
            where = ("methods", name, "tuning", *problem.key)
            raise refuse(problem.what, *where, why=problem.why, hint=problem.hint)
        if f"{name}{TUNED_DEFAULT}" in study.methods:
            raise refuse(
                f"'{name}{TUNED_DEFAULT}' is the name of the defaults of '{name}', which is tuned",
                "methods",
                f"{name}{TUNED_DEFAULT}",
                hint="give the method another name",
            )


def _check_plan(study: Study, refuse: Refuse) -> None:
    for i, exclusion in enumerate(study.plan.exclusions):
        if not exclusion.strip():
            raise refuse("an exclusion says nothing", "plan", "exclusions", i)


def _check_racing(study: Study, refuse: Refuse) -> None:
    if study.racing is None:
        return
    for key, what, why in racing.problems(study.racing, study.replicates):
        raise refuse(what, "racing", key, why=why)
    if len(study.methods) < 2:
        raise refuse("a race needs two methods at least", "racing")
    if study.published:
        raise refuse(
            "a table of published means is compared at a planned number of replicates",
            "published",
            why="a race decides on the way how many there are",
        )
    for i, claim in enumerate(study.claims):
        if claim.rule != ALWAYS_VALID:
            raise refuse(
                "a race looks at the data after every batch, and a claim of it must hold at every look",
                "claims",
                i,
                "rule",
                hint='rule = "always-valid"',
            )
