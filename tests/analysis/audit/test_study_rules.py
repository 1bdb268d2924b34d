"""Each rule on a study: one that was run and has nothing to hide, bent in one place at a time."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from assay.analysis.audit.audit import audit
from assay.analysis.audit.facts import Verified
from assay.foundation.digest import digest_value
from assay.provenance.components import SeedIdentity
from assay.studies.auditing import Answer, Answers
from assay.studies.history import History, Planned, plan_facts
from assay.studies.study import BestOfSetClaim, Claim, Commitments, EquivalentClaim, Method, Protocol
from assay.studies.tuning import Tuning
from assay.tasks.ledger import Entry

replace = msgspec.structs.replace


def test_a_clean_study_has_notes_only(bent):
    """A study as Assay runs it lacks a verification, and nothing else."""
    found = audit(bent.facts)
    assert {one.id for one in found.findings if one.severity != "note"} <= {"not-better-than-random"}
    assert "not-verified" in {one.id for one in found.findings}
    assert not [one for one in found.checked if one.state == "cannot be seen"]


def test_a_test_metric_as_the_signal(bent, found):
    """A signal that is measured on the split of the test metric is named with its card."""
    card = bent.facts.study.cards["nas-bench-graph/cora"]
    [signal] = card.signals
    leaky = replace(card, signals=(replace(signal, split="test"),))
    facts = bent.but(cards={**bent.facts.study.cards, card.benchmark: leaky})
    finding = found(facts, "test-as-signal")
    assert finding.severity == "invalidates"
    assert [one.place for one in finding.evidence] == ["nas-bench-graph/cora"]
    assert not found(bent.facts, "test-as-signal")


@pytest.mark.parametrize(("value", "fires"), [("test_accuracy", True), ("test", True), ("latest", False)])
def test_a_hyperparameter_that_names_the_test(bent, found, value, fires):
    """What a method is told to select by counts as its signal."""
    method = Method(loop="search.py:search", hyperparameters={"select": value})
    methods = {**bent.facts.study.loaded.study.methods, "own": method}
    assert bool(found(bent.study(methods=methods), "test-as-signal")) == fires


def test_runs_under_other_seeds(bent, found):
    """Completed runs of a reported cell under another root seed are named; those of another cell are not."""
    study = bent.facts.study
    cell = study.plan.cells[0]
    record = study.runs[cell.spec.run].record
    seeds = SeedIdentity(root=7, replicate=0)
    other = replace(record.components, seeds=digest_value(seeds))
    extra = replace(study.runs[cell.spec.run], record=replace(record, run="f" * 64, components=other))
    held = {**study.recorded, "f" * 64: extra}
    known = {**study.seeds, digest_value(seeds): seeds}
    finding = found(bent.but(recorded=held, seeds=known, history=History()), "best-of-seeds")
    assert finding.severity == "doubtful"
    assert "root 7" in finding.evidence[0].text
    mine = History(plans=(Planned(when="2026", facts=_plan(study)),))
    own = replace(extra.record.circumstances, plan=digest_value(mine.plans[0].facts))
    held["f" * 64] = replace(extra, record=replace(extra.record, circumstances=own))
    assert (
        found(bent.but(recorded=held, seeds=known, history=mine), "best-of-seeds").severity == "invalidates"
    )
    foreign = replace(other, data="0" * 64)
    held["f" * 64] = replace(extra, record=replace(extra.record, components=foreign))
    assert not found(bent.but(recorded=held, seeds=known), "best-of-seeds")


def _plan(study):
    return plan_facts(study.loaded.study, study.cards)


def test_a_method_that_was_changed_after_its_test(bent, found):
    """Earlier assessed runs with other hyperparameters are named; unassessed or later ones are not."""
    study = bent.facts.study
    cell = next(one for one in study.plan.cells if one.method == "evolution")
    run = study.runs[cell.spec.run]
    parts = replace(run.record.components, hyperparameters="0" * 64)
    before = replace(run.record.circumstances, ended="2000-01-01T00:00:00Z")
    old = replace(run, record=replace(run.record, run="e" * 64, components=parts, circumstances=before))
    entry = Entry(seal="s", run="e" * 64, benchmark=cell.benchmark, recommendation=("a",), values=(0.8,))
    recorded = {**study.recorded, "e" * 64: old}
    facts = bent.but(recorded=recorded, entries=(*study.entries, entry))
    finding = found(facts, "changed-after-test")
    assert finding.evidence[0].kind == "run"
    assert "hyperparameters" in finding.evidence[0].text
    assert not found(bent.but(recorded=recorded), "changed-after-test")
    late = replace(old, record=replace(old.record, circumstances=replace(before, ended="3000")))
    facts = bent.but(recorded={**study.recorded, "e" * 64: late}, entries=(*study.entries, entry))
    assert not found(facts, "changed-after-test")


def test_claims_after_a_look(bent, found):
    """A claim that is not in the first plan is late; one that is in it is not."""
    claim = Claim(better="evolution", than="random")
    loaded = bent.study(claims=(claim,)).study.loaded
    first = Planned(when="2026-01-01", facts=_plan(bent.facts.study))
    later = Planned(when="2026-01-02", facts=plan_facts(loaded.study, bent.facts.study.cards))
    finding = found(bent.but(loaded=loaded, history=History(plans=(first, later))), "late-claims")
    assert finding.severity == "doubtful"
    assert "2026-01-02" in finding.evidence[0].text
    assert not found(bent.but(loaded=loaded, history=History(plans=(later,))), "late-claims")


def test_replicates_after_a_look(bent, found):
    """More replicates after a first run are a look, unless every claim is always valid."""
    facts = _plan(bent.facts.study)
    plans = (Planned(when="1", facts=replace(facts, replicates=6)), Planned(when="2", facts=facts))
    history = History(plans=plans)
    assert found(bent.but(history=history), "extended-after-look").severity == "doubtful"
    claim = Claim(better="evolution", than="random", rule="always-valid")
    loaded = bent.study(claims=(claim,)).study.loaded
    assert not found(bent.but(history=history, loaded=loaded), "extended-after-look")
    assert not found(bent.but(history=History(plans=plans[1:])), "extended-after-look")


def test_what_is_left_out_after_a_look(bent, found):
    """A method that is left out is doubtful, one that is added is a note."""
    facts = _plan(bent.facts.study)
    more = replace(facts, methods=(*facts.methods, "other"))
    dropped = History(plans=(Planned(when="1", facts=more), Planned(when="2", facts=facts)))
    added = History(plans=(Planned(when="1", facts=facts), Planned(when="2", facts=more)))
    assert found(bent.but(history=dropped), "plan-changed").severity == "doubtful"
    assert found(bent.but(history=added), "plan-changed").severity == "note"


def test_test_mileage(bent, found):
    """Many more answers than the report needs are named, as is a search that was assessed twice."""
    study = bent.facts.study
    more = [replace(one, run=f"{i:064}", seal=f"{i}") for i in range(3) for one in study.entries]
    assert found(bent.but(entries=(*study.entries, *more)), "test-mileage").severity == "note"
    assert not found(bent.but(entries=(*study.entries, *more[:4])), "test-mileage")
    twice = (*study.entries, study.entries[0])
    assert found(bent.but(entries=twice), "test-mileage").severity == "doubtful"


def _shorter(record, evaluations):
    trajectory = record.result.trajectory
    sizes = {"code": 4, "value": 8, "status": 1, "cost": 8, "time": 8, "asked": 4}
    cut = {name: getattr(trajectory, name)[: size * evaluations] for name, size in sizes.items()}
    return replace(record, result=replace(record.result, trajectory=replace(trajectory, **cut)))


@pytest.mark.parametrize(("evaluations", "fires"), [(10, True), (25, True), (29, False)])
def test_budgets_that_were_not_spent(bent, found, evaluations, fires):
    """A method that spends a sixth less than the others is named; one that misses an evaluation is not."""
    facts = bent.records(lambda method, r: _shorter(r, evaluations) if method == "random" else r)
    assert bool(found(facts, "unequal-budgets")) == fires


def test_tuning_of_some(bent, found):
    """A tuned method beside one that has hyperparameters and is not; random search has none."""
    methods = dict(bent.facts.study.loaded.study.methods)
    tuning = Tuning(space={"population": (5, 9)}, configurations=2, replicates=2, suite="development-v1")
    methods["evolution"] = replace(methods["evolution"], tuning=tuning)
    finding = found(bent.study(methods=methods), "unequal-tuning")
    assert finding.severity == "doubtful"
    named = " ".join(one.text for one in finding.evidence)
    assert "local" in named or "random" not in named
    alone = {name: methods[name] for name in ("random", "evolution")}
    assert not found(bent.study(methods=alone), "unequal-tuning")


def test_tuning_on_the_target(bent, found):
    """Tuning on a benchmark of the study, or of its lineage, invalidates; on another lineage it does not."""
    methods = dict(bent.facts.study.loaded.study.methods)

    def tuned_on(*names):
        tuning = Tuning(space={"population": (5,)}, configurations=2, replicates=2, benchmarks=names)
        return bent.study(methods={**methods, "evolution": replace(methods["evolution"], tuning=tuning)})

    assert found(tuned_on("nas-bench-graph/cora"), "warm-start").severity == "invalidates"
    assert not found(tuned_on("nas-bench-graph/photo"), "warm-start")


def _elsewhere(record, **changes):
    return replace(record, circumstances=replace(record.circumstances, **changes))


def test_arithmetic(bent, found):
    """A method with an arithmetic of its own is confounded; where all have both it is mixed."""
    own = bent.records(lambda m, r: _elsewhere(r, arithmetic="b" * 64) if m == "random" else r)
    assert found(own, "confounded-environment").severity == "invalidates"
    assert found(own, "mixed-arithmetic").severity == "doubtful"
    each = bent.records(lambda _m, r: _elsewhere(r, arithmetic="b" * 64) if r.replicate == 0 else r)
    assert not found(each, "confounded-environment")
    assert found(each, "mixed-arithmetic")
    assert not found(bent.facts, "mixed-arithmetic")


def test_another_host_alone_is_a_note(bent, found):
    """Numbers that are looked up do not depend on the host."""
    facts = bent.records(lambda m, r: _elsewhere(r, host="other") if m == "random" else r)
    assert found(facts, "confounded-environment").severity == "note"


def test_failed_and_missing_runs(bent, found):
    """Runs that are lost from one method are doubtful; by the plan absent runs are missing."""
    scores = bent.facts.scores
    status = scores.status.copy()
    status[:, 1, :3] = 2
    failed = replace(bent.facts, scores=replace(scores, status=status))
    assert found(failed, "failed-runs").severity == "doubtful"
    status = scores.status.copy()
    status[0, 1, :3] = 0
    missing = replace(bent.facts, scores=replace(scores, status=status))
    assert found(missing, "missing-runs").severity == "doubtful"
    assert not found(bent.facts, "missing-runs")


def test_seed_policies_that_differ(bent, found):
    """Two cards with other first policies are a note, unless the study names one for both."""
    study = bent.facts.study
    card = study.cards["nas-bench-graph/cora"]
    other = replace(card, seeds=replace(card.seeds, policies=("seed=0", "published-mean")))
    cards = {**study.cards, card.benchmark: other}
    assert found(bent.but(cards=cards), "protocol-differs").severity == "note"
    loaded = bent.study(protocol=Protocol(seeds="published-mean")).study.loaded
    assert not found(bent.but(cards=cards, loaded=loaded), "protocol-differs")


def test_random_search_is_missing(bent, found):
    """A study without random search is asked for one; a file of the author's that is one by name will do."""
    methods = {n: m for n, m in bent.facts.study.loaded.study.methods.items() if n != "random"}
    assert found(bent.study(methods=methods), "no-random-search").severity == "doubtful"
    own = {**methods, "baseline": Method(loop="search.py:random_search")}
    assert not found(bent.study(methods=own), "no-random-search")


def test_luck(bent, found):
    """A claimed method against which random search wins half the time is doubtful; a sure winner is not."""
    claim = Claim(better="evolution", than="random")
    loaded = bent.study(claims=(claim,)).study.loaded

    def with_wins(low, mean, high):
        rows = []
        for row in bent.facts.study.luck:
            wins = replace(row.luck.random_wins, low=low, mean=mean, high=high)
            rows.append(replace(row, luck=replace(row.luck, random_wins=wins)))
        return bent.but(luck=tuple(rows), loaded=loaded)

    finding = found(with_wins(0.4, 0.5, 0.6), "not-better-than-random")
    assert finding.severity == "doubtful"
    assert [one.place for one in finding.evidence] == ["evolution"]
    assert not found(with_wins(0.1, 0.2, 0.3), "not-better-than-random")


def test_above_the_table(bent, found):
    """A recommended value above the best of the table, and a test value that no architecture has."""
    study = bent.facts.study
    name, method = "nas-bench-graph/cora", "local"
    best = replace(study.benchmarks[name], best=0.1)
    assert found(bent.but(benchmarks={**study.benchmarks, name: best}), "too-good").severity == "invalidates"
    rows = [
        replace(row, luck=replace(row.luck, at_least=tuple(0.0 for _ in row.luck.at_least)))
        if (row.benchmark, row.method) == (name, method)
        else row
        for row in study.luck
    ]
    assert len(found(bent.but(luck=tuple(rows)), "too-good").evidence) == 12
    assert not found(bent.facts, "too-good")


def test_optimum_reached_by_all(bent, found):
    """Where nearly all runs of two methods end at the optimum, the benchmark is saturated."""
    study = bent.facts.study
    name = "nas-bench-graph/cora"
    best = study.benchmarks[name].best

    def at_best(*methods):
        cells = dict(study.cells)
        for method in methods:
            runs = tuple(replace(run, recommended_value=best) for run in cells[name, method].runs)
            cells[name, method] = replace(cells[name, method], runs=runs)
        return bent.but(cells=cells)

    assert found(at_best("local", "evolution"), "saturated-tasks")
    assert not found(at_best("local"), "saturated-tasks")


def test_claims_about_tasks(bent, found):
    """A claim about tasks at large from two families is doubtful; about these tasks it is in order."""
    wide = bent.study(claims=(Claim(better="evolution", than="random", scope="tasks"),))
    near = bent.study(claims=(Claim(better="evolution", than="random"),))
    assert found(wide, "too-few-tasks").severity == "doubtful"
    assert not found(near, "too-few-tasks")


def test_families_of_one_lineage(bent, found):
    """Families that share a lineage are dependent where a claim counts families, and only there."""
    study = bent.facts.study
    cards = {
        name: replace(card, task=replace(card.task, lineage=("one origin",)))
        for name, card in study.cards.items()
    }
    wide = bent.study(claims=(Claim(better="evolution", than="random", scope="tasks"),)).study.loaded
    assert found(bent.but(cards=cards, loaded=wide), "dependent-tasks").severity == "doubtful"
    assert not found(bent.but(loaded=wide), "dependent-tasks")
    assert not found(bent.but(cards=cards), "dependent-tasks")


def test_only_claimed_pairs_count(bent, found):
    """One claimed pair of few runs can be decided where all pairs of many methods cannot."""
    scores = bent.facts.scores
    status = scores.status.copy()
    status[:, :, 4:] = 0
    few = replace(scores, status=status, planned=4)
    claim = Claim(better="evolution", than="random")
    one = replace(bent.study(claims=(claim,)), scores=few)
    assert found(one, "too-few-replicates").severity == "note"
    best = BestOfSetClaim(method="evolution", among=("random", "local"))
    assert found(replace(bent.study(claims=(best,)), scores=few), "too-few-replicates").severity == "doubtful"


def test_seeds_that_reach_nothing(bent, found):
    """Replicates with the same trajectory are one run; two methods with the same searches are one method."""
    first = {}

    def same(method, record):
        key = (method, record.benchmark)
        if method != "local":
            return record
        result = first.setdefault(key, record.result)
        return replace(record, result=result)

    finding = found(bent.records(same), "suspicious-equality")
    assert finding.severity == "doubtful"
    assert "seed does not reach" in finding.evidence[0].text
    taken = {}

    def copied(method, record):
        place = (record.benchmark, record.replicate)
        if method == "random":
            taken[place] = record.result
        return replace(record, result=taken[place]) if method == "evolution" and place in taken else record

    assert "evaluation for evaluation" in str(found(bent.records(copied), "suspicious-equality"))
    assert not found(bent.facts, "suspicious-equality")


def test_equal_tables(bent, found):
    """Two benchmarks with the same column are one; those of the study differ."""
    plan = bent.facts.study.plan
    [one, other] = plan.benchmarks
    twins = replace(plan, benchmarks={one: plan.benchmarks[one], other: plan.benchmarks[one]})
    assert found(bent.but(plan=twins), "twin-tasks").severity == "invalidates"
    assert not found(bent.facts, "twin-tasks")


@pytest.mark.parametrize(
    ("verified", "rule", "severity"),
    [
        (None, "not-verified", "note"),
        (("identical 30/30", (), False), "not-verified", "note"),
        (("identical 30/30", (), True), "not-verified", None),
        (("identical 30/30", (), True), "not-intact", None),
        (("unstable", (), True), "not-intact", "invalidates"),
        (("identical 30/30", ("the ledger is shorter",), True), "not-intact", "invalidates"),
        (("identical 30/30", ("4 runs of the study as it stands were never run",), True), "not-intact", None),
        (("nothing to verify", ("2 runs failed",), True), "not-intact", None),
        (
            ("identical 30/30", ("4 planned runs have no record in the store",), True),
            "not-intact",
            "invalidates",
        ),
    ],
)
def test_verification(bent, found, verified, rule, severity):
    """No repeat is a note, repeats that differ invalidate, and identical ones are in order."""
    told = verified and Verified(verdict=verified[0], sentence="s", findings=verified[1], current=verified[2])
    finding = found(bent.but(verified=told), rule)
    assert (finding.severity if finding else None) == severity


def test_damage_and_conflicts(bent, found):
    """What is not intact invalidates, as do attempts at one run that disagree."""
    assert found(bent.but(damage=("a record was changed",)), "not-intact").severity == "invalidates"
    study = bent.facts.study
    name = next(iter(study.runs))
    runs = {**study.runs, name: replace(study.runs[name], conflict=("a", "b"))}
    assert found(bent.but(runs=runs), "not-intact").evidence[0].place == name


def test_assessment(bent, found):
    """No assessment, a claim about the signal and unassessed runs are doubtful; no test at all is a note."""
    none = bent.study(protocol=Protocol(assessment="none"))
    assert found(none, "no-assessment").severity == "doubtful"
    signal = bent.study(claims=(Claim(better="evolution", than="random", metric="signal"),))
    assert found(signal, "no-assessment").severity == "doubtful"
    study = bent.facts.study
    name = ("nas-bench-graph/cora", "local")
    cell = study.cells[name]
    lacking = replace(cell, runs=tuple(replace(run, test=None) for run in cell.runs))
    assert found(bent.but(cells={**study.cells, name: lacking}), "no-assessment").severity == "doubtful"
    cards = {one: replace(card, test=None) for one, card in study.cards.items()}
    assert found(bent.but(cards=cards), "no-assessment").severity == "note"
    assert not found(bent.facts, "no-assessment")


def test_answers_stay_visible_and_change_no_identity(bent):
    """Answers are in no plan and no run: the plan facts of a study with answers are those without."""
    loaded = bent.study(audit=Answers(answers=(Answer(finding="not-verified", reason="later"),))).study.loaded
    cards = bent.facts.study.cards
    assert plan_facts(loaded.study, cards) == plan_facts(bent.facts.study.loaded.study, cards)
    assert loaded.study.plan == Commitments()


def test_ranks_that_depend_on_the_pool(bent, found):
    """A leader by average rank that loses its lead when another method leaves is named."""
    scores = bent.facts.scores
    order = np.array([[3.0, 1.0, 2.0], [3.0, 1.0, 2.0], [2.0, 3.0, 1.0], [2.0, 3.0, 1.0], [2.0, 3.0, 1.0]])
    values = np.repeat(order[:, :, None], 12, axis=2)
    made = replace(
        scores,
        tasks=tuple("uvwxy"),
        families=tuple("uvwxy"),
        units=("",) * 5,
        maximize=np.ones(5, dtype=bool),
        values=values,
        status=np.ones(values.shape, dtype=np.int8),
    )
    assert found(replace(bent.facts, scores=made), "pool-dependent-ranks")
    steady = replace(made, values=np.repeat(order[:1].repeat(5, axis=0)[:, :, None], 12, axis=2))
    assert not found(replace(bent.facts, scores=steady), "pool-dependent-ranks")


def test_a_margin_that_the_study_cannot_see(bent, found):
    """A margin far below half the interval is doubtful while the claim is open, and a wide one is not."""

    def margin(size):
        return bent.study(
            claims=(EquivalentClaim(methods=("evolution", "random"), margin=size, metric="signal"),)
        )

    assert found(margin(1e-6), "too-few-replicates").severity == "doubtful"
    assert not found(margin(1.0), "too-few-replicates")
