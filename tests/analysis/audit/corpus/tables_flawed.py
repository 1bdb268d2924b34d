"""Tables with leakage or unequal conditions: one row a run, and columns that tell how it came."""

from __future__ import annotations

from pathlib import Path

from corpus.bed import Bed, Row, add, results, write_rows
from corpus.case import flawed

CELLS = {"cifar10": 91.0, "cifar100": 72.0, "imagenet16-120": 45.0}
GRAPHS = {"cora": 81.0, "citeseer": 70.0, "pubmed": 77.0}
MANY = {
    "adult": 84.0,
    "bank": 89.0,
    "covertype": 71.0,
    "dionis": 62.0,
    "jannis": 66.0,
    "kddcup": 94.0,
    "mfeat": 90.0,
    "vehicle": 80.0,
}
THREE = {"ours": 1.5, "evolution": 0.6, "random-search": 0.0}


def ours(row: Row) -> bool:
    return row["method"] == "ours"


@flawed("test-as-signal")
def table_selected_by_test(bed: Bed) -> Path:
    """The architectures of one method were selected by test accuracy, those of the others by validation."""
    rows = results("selected", THREE, CELLS)
    return write_rows(bed, add(rows, selected_by=lambda r: "test_accuracy" if ours(r) else "val_accuracy"))


@flawed("test-as-signal")
def table_early_stopping_on_test(bed: Bed) -> Path:
    """Training stopped where the test set was best, for all methods."""
    rows = results("stopped", THREE, GRAPHS, metric="test_accuracy")
    return write_rows(bed, add(rows, early_stopping_split="test"))


@flawed("test-as-signal|duplicates")
def table_validation_equals_test(bed: Bed) -> Path:
    """The validation column is the test column, to the last digit, in every row."""
    rows = results("equal", THREE, CELLS, digits=4, metric="test_accuracy")
    return write_rows(bed, add(rows, val_accuracy=lambda r: r["test_accuracy"]))


@flawed("trained-on-scored")
def table_predictor_trained_on_scored(bed: Bed) -> Path:
    """Rank correlations of predictors; one is trained on the very set that it is scored on."""
    means = {"graph-predictor": 0.12, "mlp-predictor": 0.03, "linear-predictor": 0.0}
    rows = results("predictor", means, {"cifar10": 0.7, "cifar100": 0.68}, sd=0.02, metric="kendall_tau")

    def trained(row: Row) -> str:
        return "archs-holdout-500" if row["method"] == "graph-predictor" else "archs-train-500"

    return write_rows(bed, add(rows, trained_on=trained, evaluated_on="archs-holdout-500"))


@flawed("trained-on-scored|duplicates")
def table_predictor_overlap(bed: Bed) -> Path:
    """Most of the architectures that a predictor is scored on were in its training set."""
    means = {"transformer-predictor": 0.1, "forest-predictor": 0.02, "linear-predictor": 0.0}
    rows = results("overlap", means, {"cora": 0.6, "photo": 0.66}, sd=0.02)
    return write_rows(
        bed, add(rows, train_test_overlap=lambda r: 0.83 if r["method"] == "transformer-predictor" else 0.0)
    )


@flawed("warm-start")
def table_warm_start(bed: Bed) -> Path:
    """One search begins with the ten best architectures of the task that it is scored on."""
    rows = results("warm", THREE, CELLS)
    return write_rows(bed, add(rows, warm_start=lambda r: f"top-10 of {r['task']}" if ours(r) else "none"))


@flawed("warm-start", also=("unequal-recipe",))
def table_pretrained_on_target(bed: Bed) -> Path:
    """One method was pretrained on the target, the others from scratch."""
    rows = results("pretrained", {"ours": 2.0, "gcn": 0.5, "mlp": 0.0}, GRAPHS)
    return write_rows(bed, add(rows, pretrained_on=lambda r: r["task"] if ours(r) else ""))


@flawed("best-of-seeds")
def table_best_of_five(bed: Bed) -> Path:
    """Each number of one method is the best of five seeds; those of the others are single runs."""
    rows = results("best-of-five", THREE, CELLS)
    return write_rows(bed, add(rows, reported=lambda r: "best of 5 seeds" if ours(r) else "single run"))


@flawed("best-of-seeds", also=("too-few-replicates", "failures-concentrated"))
def table_best_row_only(bed: Bed) -> Path:
    """One method has a single row a task, named the best of ten seeds; the others have ten rows."""
    rows = [r for r in results("one-row", THREE, CELLS, n=10) if not ours(r) or r["seed"] == 0]
    named = [
        {**r, "method": "ours (best of 10 seeds)", "score": r["score"] + 0.6} if ours(r) else r for r in rows
    ]
    return write_rows(bed, named)


@flawed("best-of-seeds")
def table_picked_seeds(bed: Bed) -> Path:
    """The seeds of one method are ten odd numbers up to 9,000; those of the others are 0 to 9."""
    picked = (17, 42, 113, 777, 1234, 2021, 3407, 5081, 7919, 8675)
    rows = results("picked", THREE, CELLS, n=10)
    return write_rows(bed, [{**r, "seed": picked[r["seed"]]} if ours(r) else r for r in rows])


@flawed("unequal-budget")
def table_unequal_evaluations(bed: Bed) -> Path:
    """One search made five times the evaluations of the others."""
    rows = results("evaluations", THREE, CELLS)
    return write_rows(bed, add(rows, evaluations=lambda r: 1000 if ours(r) else 200))


@flawed("unequal-budget")
def table_unequal_gpu_hours(bed: Bed) -> Path:
    """The searches of one method took ten times the GPU hours, run by run."""
    rows = results("hours", THREE, GRAPHS)
    return write_rows(
        bed, add(rows, gpu_hours=lambda r: round((40.0 if ours(r) else 4.0) * (1 + 0.01 * r["seed"]), 2))
    )


@flawed("unequal-tuning")
def table_unequal_trials(bed: Bed) -> Path:
    """One method had 200 trials of tuning, the others none."""
    rows = results("trials", THREE, CELLS)
    return write_rows(bed, add(rows, tuning_trials=lambda r: 200 if ours(r) else 0))


@flawed("unequal-tuning")
def table_tuned_against_default(bed: Bed) -> Path:
    """One method has tuned hyperparameters, the others their defaults."""
    rows = results("tuned", {"ours": 1.5, "xgboost": 0.6, "forest": 0.0}, MANY)
    return write_rows(bed, add(rows, hyperparameters=lambda r: "tuned" if ours(r) else "default"))


@flawed("unequal-recipe", also=("unequal-budget",))
def table_unequal_epochs(bed: Bed) -> Path:
    """What one search found was trained three times as long, and with stronger augmentation."""
    rows = results("epochs", THREE, CELLS)
    return write_rows(
        bed,
        add(
            rows,
            epochs=lambda r: 600 if ours(r) else 200,
            augmentation=lambda r: "cutout+autoaugment" if ours(r) else "flip+crop",
        ),
    )


@flawed("unequal-recipe")
def table_unequal_regularisation(bed: Bed) -> Path:
    """Label smoothing and dropping of paths were on for one method alone."""
    rows = results("smoothing", {"ours": 1.2, "resnet": 0.3, "vgg": 0.0}, CELLS)
    return write_rows(
        bed,
        add(
            rows,
            label_smoothing=lambda r: 0.1 if ours(r) else 0.0,
            drop_path=lambda r: 0.2 if ours(r) else 0.0,
        ),
    )


@flawed("mixed-arithmetic", also=("confounded-environment", "unequal-recipe"))
def table_mixed_precision(bed: Bed) -> Path:
    """One method was run in half precision, the others in single."""
    rows = results("precision", THREE, CELLS)
    return write_rows(bed, add(rows, precision=lambda r: "fp16" if ours(r) else "fp32"))


@flawed("mixed-arithmetic|confounded-environment", also=("mixed-arithmetic", "confounded-environment"))
def table_mixed_libraries(bed: Bed) -> Path:
    """The last third of one method's seeds was run with another version of the library and of CUDA."""
    rows = results("libraries", THREE, CELLS)

    def late(row: Row) -> bool:
        return ours(row) and row["seed"] >= 8

    return write_rows(
        bed,
        add(
            rows,
            torch_version=lambda r: "2.4.1" if late(r) else "1.13.1",
            cuda_version=lambda r: "12.4" if late(r) else "11.7",
        ),
    )
