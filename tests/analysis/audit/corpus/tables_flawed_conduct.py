"""Tables of results with flaws in what the numbers can carry, and in how the study was conducted."""

from __future__ import annotations

from pathlib import Path

from corpus.bed import Bed, Row, add, results, write_rows
from corpus.case import flawed
from corpus.tables_flawed import CELLS, GRAPHS, MANY, THREE, ours


@flawed("too-few-replicates")
def table_three_seeds(bed: Bed) -> Path:
    """Three seeds, and differences within the spread of the seeds."""
    means = {"ours": 0.25, "evolution": 0.15, "local-search": 0.1, "random-search": 0.0}
    return write_rows(bed, results("three", means, {"cifar10": 91.0, "cifar100": 72.0}, n=3, sd=0.3))


@flawed("too-few-replicates")
def table_single_runs(bed: Bed) -> Path:
    """One run a cell on five tasks: no difference can be told from noise."""
    tasks = {"adult": 84.0, "bank": 89.0, "jannis": 66.0, "mfeat": 90.0, "vehicle": 80.0}
    return write_rows(
        bed, results("single", {"ours": 0.4, "xgboost": 0.2, "forest": 0.0}, tasks, n=1, sd=0.3)
    )


@flawed("saturated")
def table_all_saturated(bed: Bed) -> Path:
    """On all three tasks every method has almost everything right."""
    means = {"ours": 0.03, "evolution": 0.01, "random-search": 0.0}
    tasks = {"mnist": 99.6, "digits": 99.4, "mushroom": 99.9}
    rows = results("saturated", means, tasks, sd=0.02, metric="accuracy")
    return write_rows(bed, [{**r, "accuracy": min(r["accuracy"], 100.0)} for r in rows])


@flawed("saturated")
def table_mostly_saturated(bed: Bed) -> Path:
    """Three of four tasks are solved by every run of every method: they dilute the one that decides."""
    rows = results("mostly", THREE, {"cifar10": 91.0}, metric="accuracy")
    for task in ("circles", "moons", "xor"):
        rows += [{**r, "task": task, "accuracy": 100.0} for r in rows[:36]]
    return write_rows(bed, rows)


@flawed("pool-dependent", also=("too-few-replicates",))
def table_pool_dependent(bed: Bed) -> Path:
    """By average rank 'ours' leads; without three variants of it, 'evolution' does: 7 tasks to 5."""
    lose = {"evolution": 1.0, "ours": 0.8, "ours-a": 0.6, "ours-b": 0.4, "ours-c": 0.2, "random-search": 0.0}
    win = {"ours": 1.0, "ours-a": 0.8, "ours-b": 0.6, "ours-c": 0.4, "evolution": 0.2, "random-search": 0.0}
    tasks = [f"openml-{number}" for number in (3, 31, 54, 151, 182, 188, 1461, 1489, 1590, 4534, 6332, 40981)]
    rows = []
    for i, task in enumerate(tasks):
        rows += results("pool", lose if i < 7 else win, {task: 70.0 + 2 * i}, n=10, sd=0.05)
    return write_rows(bed, rows)


@flawed("pool-dependent", also=("too-few-replicates", "saturated"))
def table_clones_push_the_leader(bed: Bed) -> Path:
    """The leader's lead comes from weak entries that stand between two methods on few tasks."""
    rows = []
    fillers = {f"filler-{i}": 0.0 for i in range(4)}
    for i in range(9):
        rival = i < 5
        means = {"tpe": 0.9 if rival else 0.3, "hebo": 0.8 if rival else 0.9, "random-search": 0.0}
        between = {name: (0.2 if rival else 0.7) - 0.05 * j for j, name in enumerate(fillers)}
        rows += results("clones", {**means, **between}, {f"function-{i + 1}": 10.0 + i}, n=10, sd=0.01)
    return write_rows(bed, rows)


@flawed("no-random-search")
def table_search_without_random(bed: Bed) -> Path:
    """Three optimisers of equal budget, and none of them random search."""
    means = {"bohb": 1.5, "tpe": 0.7, "regularized-evolution": 0.0}
    return write_rows(bed, add(results("searchers", means, CELLS), evaluations=200))


@flawed("no-random-search")
def table_nas_without_random(bed: Bed) -> Path:
    """Architecture search with gradients and with controllers, without random search."""
    means = {"DARTS": 0.0, "GDAS": 1.0, "ENAS": 2.2}
    rows = results("gradients", means, {"nas-bench-201/cifar10": 90.0, "nas-bench-201/cifar100": 68.0})
    return write_rows(bed, add(rows, search_epochs=50))


@flawed("confounded-environment")
def table_gpu_by_method(bed: Bed) -> Path:
    """One method was run on one kind of GPU, the others on another."""
    rows = results("gpu", THREE, CELLS)
    return write_rows(bed, add(rows, gpu=lambda r: "A100-80GB" if ours(r) else "V100-16GB"))


@flawed("confounded-environment", also=("mixed-arithmetic",))
def table_hosts_by_method(bed: Bed) -> Path:
    """Each method has a machine of its own, with a Python of its own."""
    rows = results("hosts", {"ours": 1.0, "xgboost": 0.4, "forest": 0.0}, MANY)
    hosts = {"ours": "node-17", "xgboost": "laptop", "forest": "node-03"}
    return write_rows(
        bed,
        add(rows, hostname=lambda r: hosts[r["method"]], python=lambda r: "3.12" if ours(r) else "3.9"),
    )


@flawed("duplicates", also=("dependent-tasks",))
def table_twin_tasks(bed: Bed) -> Path:
    """Two tasks have the same numbers, run by run: one data set under two names."""
    rows = results("twins", THREE, {**GRAPHS, "physics": 94.0}, digits=5)
    twins = [{**r, "task": "cora-full"} for r in rows if r["task"] == "cora"]
    return write_rows(bed, rows + twins)


@flawed("duplicates")
def table_duplicate_examples(bed: Bed) -> Path:
    """Each row tells how many test examples are in the training set: a fifth of them on one task."""
    rows = results("examples", {"ours": 1.0, "resnet": 0.4, "vgg": 0.0}, CELLS)
    return write_rows(
        bed,
        add(
            rows,
            duplicates_train_test=lambda r: 2000 if r["task"] == "cifar100" else 0,
            n_test=10000,
        ),
    )


@flawed("changed-after-look", also=("failures-concentrated",))
def table_late_replicates(bed: Bed) -> Path:
    """A week after the first eight seeds, eight more were run, of the two leaders alone."""
    means = {"ours": 0.55, "evolution": 0.3, "random-search": 0.0}
    rows = [r for r in results("late", means, CELLS, n=16) if r["seed"] < 8 or r["method"] != "random-search"]
    return write_rows(bed, add(rows, date=lambda r: "2024-03-04" if r["seed"] < 8 else "2024-03-11"))


@flawed("failures-concentrated")
def table_half_failed(bed: Bed) -> Path:
    """Half of the runs of one method failed; its mean is that of the survivors."""
    rows = results("failed", THREE, CELLS)

    def lost(row: Row) -> bool:
        return ours(row) and row["seed"] % 2 == 1

    emptied = [{**r, "score": "" if lost(r) else r["score"]} for r in rows]
    return write_rows(bed, add(emptied, status=lambda r: "failed" if lost(r) else "finished"))


@flawed("failures-concentrated")
def table_blank_cells(bed: Bed) -> Path:
    """A third of the numbers of one method is blank, on the hardest task; the others lack none."""
    rows = results("blank", THREE, CELLS)
    return write_rows(
        bed,
        [
            {**r, "score": ""} if ours(r) and r["task"] == "imagenet16-120" and r["seed"] < 7 else r
            for r in rows
        ],
    )


@flawed("dependent-tasks")
def table_corruptions_as_tasks(bed: Bed) -> Path:
    """Eight corruptions of one data set are counted as eight tasks."""
    kinds = ("brightness", "contrast", "defocus", "fog", "frost", "jpeg", "pixelate", "snow")
    tasks = {f"cifar10-c-{kind}": 80.0 - i for i, kind in enumerate(kinds)}
    return write_rows(
        bed, results("corruptions", {"ours": 0.9, "resnet": 0.4, "vgg": 0.0}, tasks, n=10, sd=0.3)
    )


@flawed("dependent-tasks")
def table_folds_as_tasks(bed: Bed) -> Path:
    """Ten folds of one data set are counted as ten tasks."""
    tasks = {f"adult-fold{i}": 84.0 + 0.1 * i for i in range(1, 11)}
    return write_rows(
        bed, results("folds", {"ours": 0.9, "xgboost": 0.4, "forest": 0.0}, tasks, n=10, sd=0.3)
    )


@flawed(
    "hyperparameters-after-test|unequal-tuning", also=("unequal-tuning", "unequal-recipe", "test-as-signal")
)
def table_settings_by_test(bed: Bed) -> Path:
    """One method has a learning rate for each task, tuned on test; the others have one for all."""
    rates = {"cora": 0.005, "citeseer": 0.02, "pubmed": 0.0008}
    rows = results("rates", {"ours": 1.4, "gat": 0.5, "gcn": 0.0}, GRAPHS)
    return write_rows(
        bed,
        add(
            rows,
            learning_rate=lambda r: rates[r["task"]] if ours(r) else 0.01,
            tuned_on=lambda r: "test" if ours(r) else "validation",
        ),
    )


@flawed("hyperparameters-after-test", also=("changed-after-look", "unequal-tuning", "unequal-recipe"))
def table_settings_after_test(bed: Bed) -> Path:
    """The temperature of one method was changed on the day after its test numbers were first read."""
    rows = results("temperature", {"ours": 1.4, "gat": 0.5, "gcn": 0.0}, GRAPHS)
    return write_rows(
        bed,
        add(
            rows,
            temperature=lambda r: 0.07 if ours(r) else 1.0,
            test_first_seen="2024-05-02",
            hyperparameters_changed=lambda r: "2024-05-03" if ours(r) else "2024-04-20",
        ),
    )


@flawed("too-few-replicates", "unequal-budget")
def table_few_and_unequal(bed: Bed) -> Path:
    """Three seeds each, and one search with four times the evaluations."""
    means = {"ours": 0.3, "evolution": 0.15, "random-search": 0.0}
    rows = results("few-unequal", means, {"cifar10": 91.0, "cifar100": 72.0}, n=3, sd=0.3)
    return write_rows(bed, add(rows, budget=lambda r: 800 if ours(r) else 200))


@flawed("failures-concentrated", "confounded-environment")
def table_failed_elsewhere(bed: Bed) -> Path:
    """One method ran on a GPU of its own, and five of its twelve runs crashed."""
    rows = results("elsewhere", THREE, CELLS)
    crashed = [
        {**r, "score": "crashed" if ours(r) and r["seed"] in (1, 4, 6, 9, 10) else r["score"]} for r in rows
    ]
    return write_rows(bed, add(crashed, device=lambda r: "RTX 3090" if ours(r) else "A100"))
