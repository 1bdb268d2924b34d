"""Tables of results that nearly have a flaw, and have none."""

from __future__ import annotations

from pathlib import Path

from corpus.bed import Bed, Row, add, results, write_rows
from corpus.case import clean
from corpus.tables_flawed import CELLS, GRAPHS, MANY, ours

FAR = {"ours": 3.0, "evolution": 1.5, "random-search": 0.0}


@clean("test-as-signal")
def table_selected_by_validation(bed: Bed) -> Path:
    """Everything is selected by validation and reported on test, and a column says so."""
    rows = results("by-validation", FAR, CELLS)
    return write_rows(
        bed,
        add(rows, selected_by="validation accuracy", reported_split="test"),
    )


@clean("test-as-signal")
def table_validation_beside_test(bed: Bed) -> Path:
    """A column of validation accuracy stands beside test accuracy, and is near it, as it should be."""
    rows = results("beside", FAR, CELLS, metric="test_accuracy")
    noise = results("beside-noise", FAR, CELLS, sd=0.3)
    both = [
        {
            **r,
            "val_accuracy": round(r["test_accuracy"] + 0.8 + (other["score"] - r["test_accuracy"]) * 0.2, 3),
        }
        for r, other in zip(rows, noise, strict=True)
    ]
    return write_rows(bed, both)


@clean("trained-on-scored")
def table_predictors_held_out(bed: Bed) -> Path:
    """Predictors are trained on one set of architectures and scored on another."""
    means = {"graph-predictor": 0.12, "mlp-predictor": 0.06, "linear-predictor": 0.0}
    rows = results("held-out", means, {"cifar10": 0.7, "cifar100": 0.68}, sd=0.015, metric="kendall_tau")
    return write_rows(bed, add(rows, trained_on="archs-train-500", evaluated_on="archs-holdout-500"))


@clean("warm-start")
def table_warm_start_elsewhere(bed: Bed) -> Path:
    """All methods begin with the same architectures, found on tasks that are not reported."""
    rows = results("begin", FAR, CELLS)
    return write_rows(bed, add(rows, warm_start="top-10 of svhn"))


@clean("best-of-seeds")
def table_best_in_the_name(bed: Bed) -> Path:
    """'best' and 'max' stand in the names of methods; seeds are the same odd numbers for all."""
    seeds = (17, 42, 113, 777, 1234, 2021, 3407, 5081, 7919, 8675)
    means = {"best-first-search": 3.0, "maxvit": 1.5, "random-search": 0.0}
    rows = results("in-the-name", means, CELLS, n=10)
    return write_rows(bed, [{**r, "seed": seeds[r["seed"]]} for r in rows])


@clean("best-of-seeds")
def table_single_runs_reported(bed: Bed) -> Path:
    """A column says of every row that it is a single run of one seed."""
    return write_rows(bed, add(results("single-run", FAR, CELLS), reported="single run", n_seeds=1))


@clean("unequal-budget")
def table_equal_budget_unequal_seconds(bed: Bed) -> Path:
    """Evaluations are equal; the seconds of the search itself differ by method, as they must."""
    rows = results("seconds", FAR, CELLS)
    seconds = {"ours": 14.0, "evolution": 2.0, "random-search": 0.4}
    return write_rows(
        bed,
        add(
            rows,
            evaluations=200,
            overhead_seconds=lambda r: round(seconds[r["method"]] * (1 + 0.03 * r["seed"]), 2),
        ),
    )


@clean("unequal-budget")
def table_budget_by_task(bed: Bed) -> Path:
    """The budget depends on the task and is the same for all methods."""
    budgets = {"cifar10": 400, "cifar100": 200, "imagenet16-120": 100}
    return write_rows(bed, add(results("by-task", FAR, CELLS), budget=lambda r: budgets[r["task"]]))


@clean("unequal-tuning")
def table_equal_trials(bed: Bed) -> Path:
    """All methods had 50 trials of tuning on other tasks."""
    rows = results("equal-trials", {"ours": 3.0, "xgboost": 1.5, "forest": 0.0}, MANY)
    return write_rows(bed, add(rows, tuning_trials=50, tuned_on="development"))


@clean("unequal-recipe")
def table_recipe_by_task(bed: Bed) -> Path:
    """Epochs and batch sizes differ by task, not by method."""
    epochs = {"cifar10": 200, "cifar100": 300, "imagenet16-120": 100}
    rows = results("recipe", {"ours": 3.0, "resnet": 1.5, "vgg": 0.0}, CELLS)
    return write_rows(
        bed,
        add(
            rows,
            epochs=lambda r: epochs[r["task"]],
            batch_size=lambda r: 128 if r["task"] == "cifar10" else 256,
            augmentation="flip+crop",
        ),
    )


@clean("mixed-arithmetic")
def table_one_arithmetic(bed: Bed) -> Path:
    """Precision and versions are told, and are the same everywhere."""
    rows = results("one-arithmetic", FAR, CELLS)
    return write_rows(
        bed,
        add(
            rows,
            precision="fp32",
            torch_version="2.4.1",
            gpu="A100-80GB",
        ),
    )


@clean("too-few-replicates")
def table_ten_seeds_huge_effect(bed: Bed) -> Path:
    """Ten seeds are few, and the differences are ten times their spread."""
    means = {"ours": 8.0, "evolution": 4.0, "random-search": 0.0}
    return write_rows(bed, results("huge", means, CELLS, n=10, sd=0.4))


@clean("too-few-replicates")
def table_five_seeds_told_apart(bed: Bed) -> Path:
    """Five seeds, two methods, and no overlap by far: Welch's test decides on each task."""
    return write_rows(bed, results("five", {"ours": 6.0, "random-search": 0.0}, CELLS, n=5, sd=0.3))


@clean("saturated")
def table_one_saturated_of_many(bed: Bed) -> Path:
    """One of nine tasks is solved by all; the others decide."""
    rows = results("one-of-many", {"ours": 3.0, "xgboost": 1.5, "forest": 0.0}, MANY, metric="accuracy")
    rows += [{**r, "task": "mushroom", "accuracy": 100.0} for r in rows[:36]]
    return write_rows(bed, rows)


@clean("saturated")
def table_high_but_apart(bed: Bed) -> Path:
    """All numbers are above 98 %, and the methods are still many spreads apart."""
    means = {"ours": 1.2, "resnet": 0.6, "mlp": 0.0}
    rows = results("high", means, {"mnist": 98.3, "emnist": 98.0, "kmnist": 98.1}, sd=0.05, metric="accuracy")
    return write_rows(bed, rows)


@clean("pool-dependent")
def table_stable_ranks(bed: Bed) -> Path:
    """Five methods on ten tasks, in the same order on each."""
    means = {"ours": 4.0, "bohb": 3.0, "tpe": 2.0, "evolution": 1.0, "random-search": 0.0}
    return write_rows(bed, results("stable", means, {**MANY, "airlines": 65.0, "helena": 30.0}, sd=0.25))


@clean("no-random-search")
def table_models_not_searches(bed: Bed) -> Path:
    """Trained models, not searches: random search would be no baseline of theirs."""
    means = {"resnet50": 3.0, "vit-small": 1.5, "vgg16": 0.0}
    return write_rows(bed, results("models", means, CELLS, metric="accuracy"))


@clean("no-random-search")
def table_random_by_another_name(bed: Bed) -> Path:
    """The baseline is there, and is called RS."""
    rows = results("rs", {"BOHB": 3.0, "REA": 1.5, "RS": 0.0}, CELLS)
    return write_rows(bed, add(rows, evaluations=200))


@clean("confounded-environment")
def table_gpus_balanced(bed: Bed) -> Path:
    """Two kinds of GPU, each with half of the seeds of every method."""
    rows = results("balanced", FAR, CELLS)
    return write_rows(bed, add(rows, gpu=lambda r: "A100-80GB" if r["seed"] % 2 else "V100-16GB"))


@clean("confounded-environment")
def table_hosts_by_seed(bed: Bed) -> Path:
    """Each seed ran on a machine of its own, with all methods."""
    rows = results("by-seed", FAR, CELLS)
    return write_rows(bed, add(rows, hostname=lambda r: f"node-{r['seed']:02d}"))


@clean("duplicates")
def table_alike_tasks(bed: Bed) -> Path:
    """Numbers are rounded to one digit, so that equal ones are frequent and mean nothing."""
    rows = results("rounded", FAR, {"cora": 81.0, "pubmed": 81.0, "photo": 81.2}, digits=1)
    return write_rows(bed, add(rows, train_test_overlap=0))


@clean("changed-after-look")
def table_week_of_runs(bed: Bed) -> Path:
    """The runs took a week; every day has all methods."""
    rows = results("week", FAR, CELLS)
    return write_rows(bed, add(rows, date=lambda r: f"2024-03-{4 + r['seed'] // 2:02d}"))


@clean("failures-concentrated")
def table_one_of_fifty_failed(bed: Bed) -> Path:
    """One run of fifty failed."""
    rows = results("one-failed", FAR, {"cifar10": 91.0}, n=50)

    def lost(row: Row) -> bool:
        return ours(row) and row["seed"] == 31

    emptied = [{**r, "score": "" if lost(r) else r["score"]} for r in rows]
    return write_rows(bed, add(emptied, status=lambda r: "failed" if lost(r) else "finished"))


@clean("failures-concentrated")
def table_failures_spread(bed: Bed) -> Path:
    """The machine went down for an hour: seed 7 of every method on every task is lost."""
    rows = results("spread", FAR, CELLS, n=30)
    return write_rows(bed, [{**r, "score": "" if r["seed"] == 7 else r["score"]} for r in rows])


@clean("dependent-tasks")
def table_families_declared(bed: Bed) -> Path:
    """Fourteen tasks of eight families, and a column that says which."""
    rows = []
    for i, (family, base) in enumerate(MANY.items()):
        tasks = {f"{family}-{part}": base + j for j, part in enumerate("ab"[: 1 + (i < 6)])}
        made = results("families", {"ours": 3.0, "xgboost": 1.5, "forest": 0.0}, tasks)
        rows += add(made, family=family)
    return write_rows(bed, rows)


@clean("dependent-tasks")
def table_numbered_tasks(bed: Bed) -> Path:
    """Names share a beginning, being numbers of one catalogue of unlike data sets."""
    tasks = {f"openml-{n}": 60.0 + 4 * i for i, n in enumerate((3, 31, 54, 151, 182, 1461, 1590, 40981))}
    return write_rows(bed, results("numbered", {"ours": 3.0, "xgboost": 1.5, "forest": 0.0}, tasks))


@clean("hyperparameters-after-test")
def table_settings_fixed(bed: Bed) -> Path:
    """Each method has its own learning rate, the same on every task, fixed on development tasks."""
    rates = {"ours": 0.005, "gat": 0.01, "gcn": 0.02}
    rows = results("fixed", {"ours": 3.0, "gat": 1.5, "gcn": 0.0}, GRAPHS)
    return write_rows(
        bed,
        add(rows, learning_rate=lambda r: rates[r["method"]], tuned_on="development"),
    )


@clean("pool-dependent")
def table_weak_entries(bed: Bed) -> Path:
    """Three weak entries stand below the two that matter on every task: no rank above them moves."""
    weak = {"weak-a": 1.5, "weak-b": 1.0, "random-search": 0.0}
    return write_rows(
        bed, results("weak", {"ours": 4.0, "bohb": 3.0, **weak}, {**MANY, "airlines": 65.0, "helena": 30.0})
    )


@clean("unequal-recipe")
def table_recipe_told(bed: Bed) -> Path:
    """Columns tell one recipe for every run; numbers of parameters differ, being what is compared."""
    sizes = {"ours": 3.1, "resnet": 25.6, "vgg": 138.4}
    rows = results("told", {"ours": 3.0, "resnet": 1.5, "vgg": 0.0}, CELLS)
    return write_rows(
        bed,
        add(
            rows,
            epochs=200,
            optimizer_name="sgd",
            label_smoothing=0.1,
            parameters_millions=lambda r: sizes[r["method"]],
        ),
    )
