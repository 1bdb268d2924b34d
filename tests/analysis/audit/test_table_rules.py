"""Each rule on a table: it fires on the fault, and not on what lies beside it."""

from __future__ import annotations

import pytest

from assay.analysis.audit.audit import audit

TASKS = ("adult", "bank", "letter", "wine", "yeast", "optdigits", "spambase")


def test_a_clean_table_has_no_findings(table, rows):
    """Independent scores of twelve replicates on seven tasks give nothing to doubt."""
    assert audit(table(rows())).findings == ()


@pytest.mark.parametrize(("value", "fires"), [("test_acc", True), ("validation", False), ("latest", False)])
def test_selection_by_the_test_metric(table, rows, found, value, fires):
    """A column that says what was selected by, and names the test, invalidates the table."""
    text = rows(head="selected_by", tail=lambda m, _t, _r: value if m == "beta" else "validation")
    finding = found(table(text), "test-as-signal")
    assert (finding is not None) == fires
    if finding is not None:
        assert finding.severity == "invalidates"
        assert finding.evidence[0].line == 14


def test_a_test_column_that_is_the_validation_column(table, rows, found):
    """Equal columns mean that one of them was not measured; unequal ones are in order."""
    text = "method,task,seed,test_acc,val_acc\n" + "".join(
        f"{m},t,{r},{r + m_i}.5,{r + m_i}.{{}}\n" for m_i, m in enumerate("ab") for r in range(6)
    )
    assert found(table(text.replace("{}", "5")), "test-as-signal")
    assert not found(table(text.replace("{}", "6")), "test-as-signal")


def test_a_source_task_that_is_the_target(table, rows, found):
    """What was pretrained on the task of its own row is named; on another task it is transfer."""
    own = rows(head="pretrained_on", tail=lambda m, t, _r: t if m == "beta" else "imagenet")
    other = rows(head="pretrained_on", tail=lambda _m, _t, _r: "imagenet")
    assert found(table(own), "warm-start").severity == "invalidates"
    assert not found(table(other), "warm-start")


def test_one_row_that_is_the_best_of_several(table, rows, found):
    """One row a cell under a name that says best is a selected seed; twelve such rows are incumbents."""
    assert found(table(rows(replicates=1, metric="best_accuracy")), "best-of-seeds")
    assert not found(table(rows(replicates=12, metric="best_accuracy")), "best-of-seeds")
    assert not found(table(rows(replicates=1)), "best-of-seeds")
    named = rows(methods=("best of 5 runs", "beta"), replicates=1)
    assert found(table(named), "best-of-seeds")
    assert not found(table(rows(methods=("best-first", "beta"), replicates=1)), "best-of-seeds")


def test_a_statistic_that_is_the_maximum(table, rows, found):
    """A column that says how seeds became one number is read."""
    text = rows(head="aggregation", tail=lambda m, _t, _r: "max" if m == "beta" else "mean")
    assert found(table(text), "best-of-seeds")
    assert not found(table(rows(head="aggregation", tail=lambda *_: "mean")), "best-of-seeds")


@pytest.mark.parametrize(
    ("budgets", "severity"),
    [((100, 100, 300), "invalidates"), ((100, 100, 120), "doubtful"), ((100, 100, 105), None)],
)
def test_budgets_of_methods(table, rows, found, budgets, severity):
    """A best method with twice the budget invalidates; a fifth more is doubtful; a twentieth is nothing."""
    given = dict(zip(("alpha", "beta", "gamma"), budgets, strict=True))
    text = rows(head="evaluations", tail=lambda m, _t, _r: str(given[m]))
    finding = found(table(text), "unequal-budgets")
    assert (finding.severity if finding else None) == severity


def test_measured_time_is_a_note_only(table, rows, found):
    """Seconds that vary from run to run were measured: they are no budget that was granted."""
    text = rows(head="seconds", tail=lambda m, _t, r: str((r + 1) * (3 if m == "gamma" else 1)))
    assert found(table(text), "unequal-budgets").severity == "note"


@pytest.mark.parametrize(
    ("rule", "column", "own", "other"),
    [
        ("unequal-tuning", "tuned", "yes", "no"),
        ("unequal-tuning", "recipe", "cutout", "plain"),
        ("confounded-environment", "gpu", "A100", "V100"),
        ("mixed-arithmetic", "dtype", "float16", "float32"),
    ],
)
def test_a_column_that_goes_with_the_method(table, rows, found, rule, column, own, other):
    """What differs from method to method is named with a row of each; what all share is not."""
    aligned = table(rows(head=column, tail=lambda m, _t, _r: own if m == "gamma" else other))
    finding = found(aligned, rule)
    assert finding.severity == "doubtful"
    assert all(one.kind == "row" for one in finding.evidence)
    assert not found(table(rows(head=column, tail=lambda *_: other)), rule)


def test_machines_that_all_methods_shared_confound_nothing(table, rows, found):
    """Two machines that each ran every method are a nuisance that chance has spread."""
    text = rows(head="gpu", tail=lambda _m, _t, r: "A100" if r % 2 else "V100")
    assert not found(table(text), "confounded-environment")


def test_lost_runs_of_one_method(table, rows, found):
    """Failures in one method are doubtful; the same number spread over all is a note."""
    one = rows(score=lambda m, _t, r, v: "failed" if m == "beta" and r < 3 else v)
    each = rows(score=lambda _m, _t, r, v: "failed" if r == 0 else v)
    assert found(table(one), "failed-runs").severity == "doubtful"
    assert found(table(each), "failed-runs").severity == "note"


def test_unequal_numbers_of_runs_are_a_note(table, rows, found):
    """A table declares no plan, so that an absent row is not known to have failed."""
    text = "".join(line for line in rows().splitlines(keepends=True) if not line.startswith("beta,adult,7"))
    assert found(table(text), "missing-runs").severity == "note"


@pytest.mark.parametrize(
    ("methods", "fires"),
    [
        (("evolution", "bayesian optimization"), True),
        (("evolution", "random search"), False),
        (("svm", "random forest"), False),
        (("adam", "sgd"), False),
    ],
)
def test_searches_without_random_search(table, rows, found, methods, fires):
    """Only names of search methods ask for a random search."""
    assert bool(found(table(rows(methods=methods)), "no-random-search")) == fires


def test_scores_that_cannot_be(table, rows, found):
    """An accuracy above its ceiling, a negative error and a score beyond a stated optimum invalidate."""
    high = rows(score=lambda m, t, r, v: 104.2 if (m, t, r) == ("gamma", "wine", 3) else v)
    [evidence] = found(table(high), "too-good").evidence
    assert "104.2" in evidence.text
    negative = rows(metric="error", score=lambda _m, _t, r, v: -1.0 if r == 1 else v)
    assert found(table(negative), "too-good")
    assert not found(table(rows(metric="reward", score=lambda _m, _t, _r, v: v - 80)), "too-good")
    optimum = rows(metric="value", head="optimum", tail=lambda *_: "75")
    assert found(table(optimum), "too-good")
    assert not found(table(rows(metric="value", head="optimum", tail=lambda *_: "99")), "too-good")


@pytest.mark.parametrize(
    ("replicates", "severity"), [(1, "doubtful"), (3, "doubtful"), (5, "note"), (10, None)]
)
def test_too_few_replicates(table, rows, found, replicates, severity):
    """Three of three methods never reach 0.05; five are few; ten are enough."""
    finding = found(table(rows(replicates=replicates)), "too-few-replicates")
    assert (finding.severity if finding else None) == severity


def test_pairs_have_a_least_p_of_their_own(table, rows, found):
    """Five pairs never reach 0.05 by flipping signs, where two samples of five do."""
    finding = found(table(rows(replicates=5), paired_by="data split"), "too-few-replicates")
    assert finding.severity == "doubtful"


def test_too_few_tasks_for_so_many_methods(table, rows, found):
    """With six tasks fifteen pairs cannot be told apart, and one pair can."""
    assert found(table(rows(methods=tuple("abcdef"), tasks=TASKS[:6])), "too-few-tasks")
    assert not found(table(rows(methods=("a", "b"), tasks=TASKS[:6])), "too-few-tasks")


def test_a_ceiling(table, rows, found):
    """Two methods within half a percent of 100 % are at the ceiling; one alone is just good."""
    both = rows(score=lambda m, _t, _r, v: round(99.6 + (v % 1) / 5, 3) if m != "alpha" else v)
    one = rows(score=lambda m, _t, _r, v: round(99.6 + (v % 1) / 5, 3) if m == "gamma" else v)
    assert found(table(both), "saturated-tasks")
    assert not found(table(one), "saturated-tasks")


def test_a_ranking_that_a_third_method_decides(table, found):
    """`a` leads `b` by average rank because of `c`, which the finding names; without it `b` leads."""
    order = ["acb", "acb", "bac", "bac", "bac"]
    text = "method,task,seed,score\n" + "".join(
        f"{m},t{'uvwxyz'[t]},{r},{10 * (3 - ranking.index(m)) + r / 100}\n"
        for t, ranking in enumerate(order)
        for m in "abc"
        for r in range(12)
    )
    finding = found(table(text), "pool-dependent-ranks")
    assert finding is not None
    assert "without c" in finding.evidence[0].text
    same = text.replace("tu", "p").replace("tv", "q")
    steady = "\n".join(line for line in same.splitlines() if not line.startswith(("c,",)))
    assert not found(table(steady + "\n"), "pool-dependent-ranks")


@pytest.mark.parametrize(
    ("tasks", "fires"),
    [
        (("cifar10", "cifar100", "svhn", "adult", "bank", "wine"), True),
        (("digits-v1", "digits-v2", "bank", "wine", "yeast", "adult"), True),
        (("task1", "task2", "task3", "task4", "task5", "task6"), False),
        (TASKS[:6], False),
    ],
)
def test_tasks_of_one_family(table, rows, found, tasks, fires):
    """Families of cards and numbered variants are seen, mere numbering is not; a column settles it."""
    assert bool(found(table(rows(tasks=tasks)), "dependent-tasks")) == fires
    if fires:
        told = rows(tasks=tasks, head="family", tail=lambda _m, t, _r: t[:5])
        assert not found(table(told), "dependent-tasks")


def test_replicates_that_go_together(table, found):
    """Correlated replicates ask for pairs; declared pairs of unrelated scores ask what they share."""
    noise = [3, 1, 4, 1.5, 5, 9, 2, 6, 5.3, 3.5, 8, 7]
    text = "method,task,seed,score\n" + "".join(
        f"{m},t,{r},{value + (0.3 * ((r * 7) % 5) if m == 'b' else 0)}\n"
        for m in "ab"
        for r, value in enumerate(noise)
    )
    assert found(table(text), "pairing").severity == "doubtful"
    assert not found(table(text, paired_by="data split"), "pairing")
    apart = "method,task,seed,score\n" + "".join(
        f"{m},t,{r},{value if m == 'a' else noise[(r * 5 + 4) % 12]}\n"
        for m in "ab"
        for r, value in enumerate(noise)
    )
    assert not found(table(apart), "pairing")
    assert found(table(apart, paired_by="seed"), "pairing")


def test_replicates_without_labels_are_not_taken_for_pairs(table, rows):
    """Without shared labels the order of rows means nothing, and the rule says that it cannot see."""
    text = "\n".join(",".join(line.split(",")[i] for i in (0, 1, 3)) for line in rows().splitlines())
    state = {one.id: one for one in audit(table(text + "\n")).checked}["pairing"]
    assert state.state == "cannot be seen"


def test_equal_scores(table, rows, found):
    """Constant replicates, copied methods and constant shifts are named; scores at the best are not."""
    constant = rows(score=lambda m, t, _r, v: 71.25 if (m, t) == ("alpha", "adult") else v)
    assert found(table(constant), "suspicious-equality")
    ceiling = rows(score=lambda m, t, _r, v: 100 if (m, t) == ("alpha", "adult") else v)
    assert not found(table(ceiling), "suspicious-equality")
    lines = rows(methods=("a", "b"), tasks=("t",)).splitlines()
    copied = [*lines[:13], *(line.replace("a,", "b,", 1) for line in lines[1:13])]
    assert found(table("\n".join(copied)), "suspicious-equality")
    shifted = [*lines[:13]]
    for line in lines[1:13]:
        _, task, seed, score = line.split(",")
        shifted.append(f"b,{task},{seed},{float(score) + 1.5:.4f}")
    assert found(table("\n".join(shifted)), "suspicious-equality")


def test_last_digits(table, rows, found):
    """Scores that all end in 0 or 5 beside scores that do not are named; a coarser rounding of all is not."""
    one = rows(score=lambda m, _t, _r, v: f"{round(v * 20) / 20:.2f}" if m == "beta" else f"{v:.2f}")
    each = rows(score=lambda _m, _t, _r, v: f"{round(v * 20) / 20:.2f}")
    assert found(table(one), "suspicious-equality")
    assert not found(table(each), "suspicious-equality")


def test_twin_tasks(table, rows, found):
    """Two tasks with the same scores are one task; tasks that share the best score are not."""
    lines = rows(tasks=("adult",)).splitlines()
    twin = [*lines, *(line.replace("adult", "census") for line in lines[1:])]
    assert found(table("\n".join(twin)), "twin-tasks").severity == "invalidates"
    assert not found(table(rows()), "twin-tasks")


def test_a_validation_score_is_no_test(table, rows, found):
    """A score that is called validation is the one that was selected by."""
    assert found(table(rows(metric="val_accuracy")), "no-assessment").severity == "doubtful"
    assert not found(table(rows(metric="test_accuracy")), "no-assessment")


def test_a_table_never_says_that_nothing_was_found_where_it_cannot_see(table, rows):
    """What needs a study, a column or the absence of a fault is unseen, with the words for it."""
    found = audit(table(rows()))
    states = {one.id: one for one in found.checked}
    for rule in ("test-in-code", "late-claims", "test-mileage", "best-of-seeds", "warm-start", "failed-runs"):
        assert states[rule].state == "cannot be seen"
        assert states[rule].why.startswith("cannot be seen in a table")
    assert states["too-few-replicates"].state == "nothing found"
    assert len(found.checked) == len(states)


def test_the_order_of_rows_changes_nothing_but_places(table, rows):
    """Shuffled rows give the same findings."""
    lines = rows(replicates=3, metric="val_accuracy").splitlines()
    one = audit(table("\n".join(lines)))
    other = audit(table("\n".join([lines[0], *reversed(lines[1:])])))
    assert [(f.id, f.severity, f.title) for f in one.findings] == [
        (f.id, f.severity, f.title) for f in other.findings
    ]


def test_means_within_the_step_of_the_scores(table, found):
    """Means that differ by less than the step in which scores are written are not told apart."""
    scores = {"a": (91.2, 91.3, 91.4, 91.3), "b": (91.3, 91.3, 91.4, 91.3)}
    text = "method,task,seed,score\n" + "".join(
        f"{m},t,{r},{value}\n" for m, values in scores.items() for r, value in enumerate(values)
    )
    assert found(table(text), "saturated-tasks")
    assert not found(table(text.replace("b,t,0,91.3", "b,t,0,93.3")), "saturated-tasks")


def test_one_lost_run_is_a_note(table, rows, found):
    """A single failure concentrates nowhere."""
    one = rows(replicates=4, score=lambda m, t, r, v: "failed" if (m, t, r) == ("beta", "wine", 0) else v)
    assert found(table(one), "failed-runs").severity == "note"
