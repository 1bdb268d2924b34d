"""Rules about selection: seeds, configurations, claims and tasks that were chosen after a look."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

from assay.analysis.audit.choices import best_in_table, change_seen, changed_after, picked_seeds
from assay.analysis.audit.facts import Facts, StudyFacts
from assay.analysis.audit.finding import (
    DOUBTFUL,
    INVALIDATES,
    NOTE,
    Doubt,
    Evidence,
    Rule,
    Severity,
    runs_needed,
    runs_or_table,
    study_only,
    worst,
)
from assay.foundation.digest import digest_value
from assay.records.record import Record
from assay.records.store import Run
from assay.studies.history import later_claims, looks
from assay.studies.study import ALWAYS_VALID


def _best_of_seeds(facts: Facts) -> Doubt | None:
    title = "The best of several seeds may stand for the method"
    if facts.table is not None:
        best, picked = list(best_in_table(facts, facts.table)), list(picked_seeds(facts.table))
        if picked and not best:
            return Doubt(
                DOUBTFUL, "The seeds of one method are a choice, and those of others are not", picked
            )
        return Doubt(INVALIDATES, title, [*best, *picked]) if best else None
    if facts.study is None:
        return None
    seen = list(_other_seeds(facts.study))
    if not seen:
        return None
    return Doubt(worst(one for one, _ in seen), title, [one for _, one in seen])


def _same_but_seeds(record: Record) -> tuple[str, ...]:
    parts = record.components
    return parts.code, parts.data, parts.hyperparameters, parts.protocol


def _other_seeds(study: StudyFacts) -> Iterator[tuple[Severity, Evidence]]:
    """Yield the cells of which the store holds runs under seeds that the study does not report."""
    plan = study.plan
    if plan is None:
        return
    names = {
        _same_but_seeds(run.record): cell for cell in plan.cells if (run := study.runs.get(cell.spec.run))
    }
    planned = {cell.spec.run for cell in plan.cells}
    others: dict[tuple[str, ...], list[Run]] = {}
    for run in study.recorded.values():
        key = _same_but_seeds(run.record)
        if run.record.run not in planned and key in names and run.completed:
            others.setdefault(key, []).append(run)
    own = _own_plans(study)
    for key, runs in sorted(others.items(), key=lambda item: names[item[0]].place):
        cell = names[key]
        roots = sorted({seed.root for run in runs if (seed := study.seeds.get(run.record.components.seeds))})
        mine = sum(run.record.circumstances.plan in own for run in runs)
        severity = INVALIDATES if mine or study.loaded.study.replicates == 1 else DOUBTFUL
        text = (
            f"{study.loaded.study.replicates:,} runs are reported, of root seed {plan.loaded.study.seed}; "
            f"{len(runs):,} more of this cell are in the store, of root {', '.join(map(str, roots)) or '?'}"
        )
        place = f"{cell.method} on {cell.benchmark}"
        yield severity, Evidence(kind="cell", place=place, text=text)


def _own_plans(study: StudyFacts) -> set[str]:
    return {digest_value(planned.facts) for planned in study.history.plans}


def _changed_after_test(facts: Facts) -> Doubt | None:
    if facts.table is not None:
        told = list(changed_after(facts.table))
        title = "A method was changed after its test results were seen"
        return Doubt(INVALIDATES, title, told) if told else None
    study = facts.study
    if study is None or study.plan is None:
        return None
    answered = {entry.run for entry in study.entries if entry.values is not None}
    own = _own_plans(study)
    found: dict[tuple[str, str, str], tuple[Severity, Evidence, int]] = {}
    current = _current(study)
    for _, run in sorted(study.recorded.items()):
        record = run.record
        here = current.get((record.strategy, record.benchmark))
        if here is None or record.run not in answered:
            continue
        parts = record.components
        changed = [
            name
            for name, digest, now in (
                ("hyperparameters", parts.hyperparameters, here.hyperparameters),
                ("code", parts.code, here.codes),
            )
            if digest not in now and (name == "hyperparameters" or ":" in record.strategy)
        ]
        if not changed or record.circumstances.ended >= here.first:
            continue
        severity: Severity = INVALIDATES if record.circumstances.plan in own else DOUBTFUL
        key = (record.strategy, record.benchmark, parts.hyperparameters + parts.code)
        count = found[key][2] + 1 if key in found else 1
        text = (
            f"{count:,} earlier runs of {record.strategy} on {record.benchmark} with other "
            f"{' and '.join(changed)} were assessed on the test"
        )
        place = record.run if key not in found else found[key][1].place
        severity = worst([severity, *([found[key][0]] if key in found else [])])
        found[key] = (severity, Evidence(kind="run", place=place, text=text), count)
    if not found:
        return None
    kept = [found[key] for key in sorted(found)]
    title = "A method was changed after its test results were seen"
    return Doubt(worst(one for one, _, _ in kept), title, [one for _, one, _ in kept])


class _Current:
    """What a strategy runs with now on a benchmark, and when its first such run began."""

    def __init__(self) -> None:
        self.hyperparameters: set[str] = set()
        self.codes: set[str] = set()
        self.first = "9"


def _current(study: StudyFacts) -> dict[tuple[str, str], _Current]:
    found: dict[tuple[str, str], _Current] = {}
    for cell in study.plan.cells if study.plan is not None else ():
        here = found.setdefault((cell.spec.door.target, cell.benchmark), _Current())
        here.hyperparameters.add(cell.spec.components.hyperparameters)
        here.codes.add(cell.spec.components.code)
        run = study.runs.get(cell.spec.run)
        if run is not None:
            here.first = min(here.first, run.record.circumstances.started)
    return found


def _late_claims(facts: Facts) -> Doubt | None:
    study = facts.study
    if study is None:
        return None
    found = []
    for i, when in sorted(later_claims(study.history, study.loaded.study).items()):
        place, line = study.key("claims", i)
        text = f"claim {i + 1} came after the first run: {when}"
        found.append(Evidence(kind="key", place=place, line=line, text=text))
    return Doubt(DOUBTFUL, "Claims were written after the results could be seen", found) if found else None


def _looks(facts: Facts) -> Doubt | None:
    study = facts.study
    if study is None:
        return None
    claims = study.loaded.study.claims
    if claims and all(claim.rule == ALWAYS_VALID for claim in claims):
        return None
    place, line = study.key("replicates")
    found = [Evidence(kind="key", place=place, line=line, text=text) for text in looks(study.history)]
    title = "The number of replicates was changed after a look, under a rule for one look"
    return Doubt(DOUBTFUL, title, found) if found else None


def _plan_changed(facts: Facts) -> Doubt | None:
    study = facts.study
    if study is None:
        return None
    dropped, added = [], []
    for earlier, later in pairwise(study.history.plans):
        before, after, day = earlier.facts, later.facts, later.when[:10]
        for kind, old, new in (
            ("method", before.methods, after.methods),
            ("benchmark", before.benchmarks, after.benchmarks),
        ):
            dropped += [f"{kind} {name} left out on {day}" for name in old if name not in new]
            added += [f"{kind} {name} added on {day}" for name in new if name not in old]
        if before.budget != after.budget:
            dropped.append(f"budget {before.budget.text()} -> {after.budget.text()} on {day}")
    if not dropped and not added:
        return None
    path = "history.json of the study in the store"
    found = [Evidence(kind="store", place=path, text=text) for text in (*dropped, *added)]
    title = "What is compared was changed after a first run"
    return Doubt(DOUBTFUL if dropped else NOTE, title, found)


def _test_mileage(facts: Facts) -> Doubt | None:
    study = facts.study
    if study is None or study.plan is None:
        return None
    reported = {cell.spec.run for cell in study.plan.cells}
    found: list[tuple[Severity, Evidence]] = []
    for name, card in study.cards.items():
        told = [entry for entry in study.entries if entry.benchmark == name and entry.values is not None]
        total = sum(len(entry.values or ()) for entry in told)
        own = sum(len(entry.values or ()) for entry in told if entry.run in reported)
        again = sum(n - 1 for n in Counter(e.seal for e in told if e.run in reported).values() if n > 1)
        if again:
            text = f"{again:,} sealed searches were assessed more than once"
            found.append((DOUBTFUL, Evidence(kind="card", place=name, text=text)))
        if total > _MUCH * max(own, 1):
            text = f"{total:,} test values were told in this store, {own:,} of them to runs that are reported"
            severity = DOUBTFUL if total > _VERY_MUCH * max(own, 1) else NOTE
            found.append((severity, Evidence(kind="card", place=card.benchmark, text=text)))
    if not found:
        return None
    title = "Test labels were asked for more often than the report needs"
    return Doubt(worst(one for one, _ in found), title, [one for _, one in found])


_MUCH, _VERY_MUCH = 2, 10

RULES = (
    Rule(
        id="best-of-seeds",
        about="the best of several seeds reported as one",
        why="The best of k equal runs lies above their mean: by 1.0 standard deviations for 4, 2.1 for 32.",
        source="order statistics of the normal; Bouthillier et al., MLSys 2021",
        remedy="Report all seeds with their mean and spread, or the winner again under a fresh seed.",
        find=_best_of_seeds,
        sees=runs_or_table,
        one_sided=True,
    ),
    Rule(
        id="changed-after-test",
        about="hyperparameters or code changed after test results were seen",
        why="Configurations that are chosen by test results turn the test into a second validation set.",
        source="Dwork et al., Science 2015; Blum and Hardt, ICML 2015",
        remedy="Choose on a development suite by the signal ([methods.NAME.tuning]), and report other tasks.",
        find=_changed_after_test,
        sees=change_seen,
        one_sided=True,
    ),
    Rule(
        id="late-claims",
        about="claims added after a first look at the results",
        why="A claim that is written to fit the results cannot fail, and confirms nothing.",
        source="Kerr, Personality and Social Psychology Review 1998 (hypothesising after results are known)",
        remedy="Test the claim on runs under a new root seed, registered before (assay register).",
        find=_late_claims,
        sees=study_only,
    ),
    Rule(
        id="extended-after-look",
        about="replicates added or left out after a look, under a rule for a fixed number",
        why="Adding runs until a difference shows finds one sooner or later where there is none.",
        source="Armitage, McPherson and Rowe, JRSS A 1969 (repeated significance tests)",
        remedy='Use rule = "always-valid" in the claims, or repeat the study once under a new root seed.',
        find=_looks,
        sees=study_only,
    ),
    Rule(
        id="plan-changed",
        about="methods, benchmarks or the budget changed after a first run",
        why="A method or task that is left out once its results are known may be left out because of them.",
        source="Simmons, Nelson and Simonsohn, Psychological Science 2011 (researcher degrees of freedom)",
        remedy="Report what was left out as well, or say before the first run what will be left out and why.",
        find=_plan_changed,
        sees=study_only,
    ),
    Rule(
        id="test-mileage",
        about="how often test labels were asked for in the store",
        why="Each answer about the test labels leaks some of them to whoever decides by it.",
        source="Blum and Hardt, ICML 2015; Dwork et al., Science 2015",
        remedy="Assess each sealed search once, and keep a held-out suite that development never asks.",
        find=_test_mileage,
        sees=runs_needed,
    ),
)
