"""What columns of many names tell: each rule fires on the fault, and not on what lies beside it."""

from __future__ import annotations

import pytest

from assay.analysis.audit.dependence import alike


def severity(finding):
    return finding.severity if finding is not None else None


@pytest.mark.parametrize(
    ("column", "own", "fires"),
    [
        ("warm_start", "top-10 of {}", True),
        ("initialised_from", "best cells on {} (2023)", True),
        ("pretrained_on", "{}", True),
        ("init", "target task", True),
        ("warm_start", "all tasks but {}", False),
        ("warm_start", "same for all", False),
        ("warm_start", "top-10 of svhn", False),
        ("init", "xavier", False),
    ],
)
def test_where_a_search_began(table, rows, found, column, own, fires):
    """A start that names the task of its row knows the target; any other does not."""
    text = rows(head=column, tail=lambda m, t, _r: own.format(t) if m == "beta" else "none")
    assert bool(found(table(text), "warm-start")) == fires


def test_models_that_are_all_trained_on_their_task(table, rows, found):
    """What every row does is how it should be; what one method does is a head start."""
    every = rows(head="trained_on", tail=lambda _m, t, _r: t)
    one = rows(head="trained_on", tail=lambda m, t, _r: t if m == "beta" else "imagenet")
    assert not found(table(every), "warm-start")
    assert found(table(one), "warm-start")


@pytest.mark.parametrize(
    ("own", "other", "fires"),
    [
        ("archs-500,archs-500", "archs-train,archs-500", True),
        ("a; archs-500,archs-500", "archs-train,archs-500", True),
        ("archs-500,archs-500", "archs-500,archs-500", True),
        ("archs-train,archs-500", "archs-train,archs-500", False),
        ("500,500", "500,500", False),
        ("{0},{0}", "{0},{0}", False),
        ("data of {0},data of {0}", "data of {0},data of {0}", False),
    ],
)
def test_sets_of_training_and_scoring(table, rows, found, own, other, fires):
    """One set for both is a fault, unless it is the name of the task's data set in every row."""
    text = rows(
        head="trained_on,evaluated_on", tail=lambda m, t, _r: (own if m == "beta" else other).format(t)
    )
    assert severity(found(table(text), "trained-on-evaluated")) == ("invalidates" if fires else None)


def test_a_best_row_beside_full_ones(table, rows, found):
    """One method with one row a task that is the best of ten is named, though others have all rows."""
    text = rows(methods=("ours (best of 10 seeds)", "beta", "gamma"))
    lines = text.splitlines(keepends=True)
    one = [line for line in lines if not line.startswith("ours") or ",0," in line]
    assert severity(found(table("".join(one)), "best-of-seeds")) == "invalidates"
    assert not found(table(text), "best-of-seeds")


def test_seeds_that_one_method_alone_picked(table, rows, found):
    """Odd seeds of one method are doubtful; of all they are a habit, and one seed may be replaced."""

    def seeded(which, seeds):
        lines = [line.split(",") for line in rows().splitlines()]
        renamed = [
            [m, t, str(seeds[int(r)]), *rest] if m in which else [m, t, r, *rest]
            for m, t, r, *rest in lines[1:]
        ]
        return table("\n".join(map(",".join, [lines[0], *renamed])) + "\n")

    odd = (17, 42, 113, 777, 1234, 2021, 3407, 5081, 7919, 8675, 9001, 9999)
    assert severity(found(seeded({"beta"}, odd), "best-of-seeds")) == "doubtful"
    assert not found(seeded({"alpha", "beta", "gamma"}, odd), "best-of-seeds")
    assert not found(seeded({"beta"}, (*range(11), 13)), "best-of-seeds")


@pytest.mark.parametrize(
    ("head", "own", "other", "level"),
    [
        ("gpu_hours", "4{}.5", "4.{}", "doubtful"),
        ("evaluations", "80{}", "20{}", "doubtful"),
        ("search_cost", "40", "4", "invalidates"),
        ("evaluations,gpu_hours", "100,4{}.5", "100,4.{}", "note"),
        ("seconds", "4{}.5", "4.{}", "note"),
        ("flops", "40", "4", None),
        ("inference_seconds", "40", "4", None),
    ],
)
def test_what_a_search_cost(table, rows, found, head, own, other, level):
    """Ten times the cost of the search is a doubt, unless evaluations were equal; that of a model is none."""
    text = rows(head=head, tail=lambda m, _t, r: (own if m == "gamma" else other).format(r % 10))
    facts = table(text)
    assert severity(found(facts, "unequal-budgets")) == level
    assert not found(facts, "confounded-environment")


def test_a_budget_that_is_larger_on_one_task(table, rows, found):
    """A mean over tasks would hide it."""
    text = rows(head="budget", tail=lambda m, t, _r: "400" if (m, t) == ("gamma", "wine") else "200")
    assert severity(found(table(text), "unequal-budgets")) == "invalidates"


@pytest.mark.parametrize(
    ("column", "values", "fires"),
    [
        ("hyperparameters", ("default", "default", "tuned (50 trials)"), True),
        ("config", ("paper", "paper", "optimised by us"), True),
        ("hyperparameters", ("tuned", "tuned", "tuned"), False),
        ("batch_size", ("128", "128", "512"), True),
        ("dropout", ("0.1", "0.2", "0.3"), False),
        ("regularization", ("l2", "l2", "l2+mixup"), True),
        ("learning_rate", ("0.1", "0.1", "0.3"), False),
        ("search_epochs", ("50", "50", "100"), False),
        ("optimizer_name", ("sgd", "sgd", "sgd"), False),
    ],
)
def test_tuning_and_recipes(table, rows, found, column, values, fires):
    """Tuned beside default, and a recipe that one method alone has, are doubtful."""
    given = dict(zip(("alpha", "beta", "gamma"), values, strict=True))
    text = rows(head=column, tail=lambda m, _t, _r: given[m])
    assert severity(found(table(text), "unequal-tuning")) == ("doubtful" if fires else None)


@pytest.mark.parametrize(
    ("column", "own", "other", "fires"),
    [
        ("reported", "71.{}", "70.{}", False),
        ("precision", "0.9{}", "0.8{}", False),
        ("precision", "16", "32", True),
        ("gpu_memory", "80", "40", False),
        ("workstation", "a", "b", True),
    ],
)
def test_amounts_are_no_environments(table, rows, found, column, own, other, fires):
    """Scores and sizes that differ by method are no environment; bits and machines are."""
    text = rows(head=column, tail=lambda m, _t, r: (own if m == "gamma" else other).format(r % 10))
    assert bool(found(table(text), "confounded-environment")) == fires


@pytest.mark.parametrize(("solved", "level"), [(1, "note"), (3, "note"), (4, "doubtful"), (7, "doubtful")])
def test_how_many_tasks_are_saturated(table, rows, found, solved, level):
    """Half of the tasks decide nothing: a doubt; fewer are a note."""
    names = ("adult", "bank", "letter", "wine", "yeast", "optdigits", "spambase")[:solved]
    text = rows(score=lambda _m, t, _r, v: 100.0 if t in names else v)
    assert severity(found(table(text), "saturated-tasks")) == level


@pytest.mark.parametrize(
    ("tasks", "groups"),
    [
        (("cifar10-c-fog", "cifar10-c-snow", "adult"), 1),
        (("fog_cifar-10", "snow_cifar-10"), 1),
        (("adult-fold1", "adult-fold2"), 1),
        (("wine-10%", "wine-50%"), 1),
        (("faces-64px", "faces-128px"), 1),
        (("openml-3", "openml-31", "openml-54"), 0),
        (("function-1", "function-2"), 0),
        (("wine", "wine-quality"), 0),
        (("credit-g", "credit-approval"), 0),
    ],
)
def test_tasks_that_are_made_of_one_data_set(tasks, groups):
    """Corruptions, folds, parts and resolutions are; numbers of a catalogue and common words are not."""
    assert len(alike(tasks)) == groups


@pytest.mark.parametrize(
    ("head", "cells", "fires"),
    [
        ("test_first_seen,settings_changed", "2024-05-02,2024-05-03", True),
        ("test_first_seen,settings_changed", "2024-05-02,2024-05-01", False),
        ("test_first_seen,settings_changed", "2024-05-02,2024-05-02", False),
        ("test_first_seen,updated_at", "2024-05-02,2024-05-03", False),
        ("changed_after_test", "yes", True),
        ("changed_after_test", "no", False),
    ],
)
def test_changes_after_a_look(table, rows, found, head, cells, fires):
    """What was changed on a later day than the test was seen was changed after it."""
    text = rows(head=head, tail=lambda *_: cells)
    assert severity(found(table(text), "changed-after-test")) == ("invalidates" if fires else None)
