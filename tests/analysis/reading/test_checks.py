"""A run given twice, pairs without partners, and slips in names and units are told with what to type."""

from __future__ import annotations

from pathlib import Path

import pytest

from assay.analysis.reading.columns import Columns
from assay.analysis.reading.read import ReadTable, read_table
from assay.foundation.errors import UsageError
from assay.statistics.scores import Scores

HYPER = "model,lr,seed,acc\n" + "".join(
    f"{m},{lr},{s},0.{i}{s}\n"
    for i, m in enumerate(("base", "ours"), start=7)
    for lr in (0.1, 0.01)
    for s in (0, 1)
)
SPLIT = "method,seed,split,acc\n" + "".join(
    f"{m},{s},{p},0.{i}{s}\n" for i, m in enumerate("ab", start=7) for s in (0, 1) for p in ("val", "test")
)
METRICS = "method,seed,metric,value\n" + "".join(
    f"{m},{s},{p},0.{i}{s}\n" for i, m in enumerate("ab", start=7) for s in (0, 1) for p in ("acc", "loss")
)


def read(folder: Path, text: str, columns: Columns | None = None, **options: object) -> ReadTable:
    (folder / "t.csv").write_text(text)
    return read_table(folder / "t.csv", columns, **options)  # type: ignore[arg-type]


def refused(folder: Path, text: str, columns: Columns | None = None, **options: object) -> UsageError:
    with pytest.raises(UsageError) as caught:
        read(folder, text, columns, **options)
    return caught.value


def seeds(base: range, ours: range) -> str:
    rows = [
        f"{m},{s},0.{i}{s}" for i, (m, of) in enumerate((("base", base), ("ours", ours)), start=7) for s in of
    ]
    return "\n".join(["method,seed,acc", *rows])


def test_a_run_given_twice_names_the_column_that_differs(tmp_path: Path) -> None:
    """The values are shown, and each way out can be typed."""
    error = refused(tmp_path, HYPER)
    assert "differ in 'lr' (0.01, 0.1)" in str(error.why)
    for hint in (
        "--where 'lr=0.01'",
        "--method 'model' --method 'lr'",
        "--replicate 'seed' --replicate 'lr'",
    ):
        assert hint in str(error.hint)


def test_each_way_out_of_a_run_given_twice_works(tmp_path: Path) -> None:
    """Rows are chosen, or columns are joined to one name."""
    chosen = read(tmp_path, HYPER, Columns(where=(("lr", "0.01"),)))
    assert chosen.scores.values.shape == (1, 2, 2)
    assert "4 of 8 rows are read, those with lr=0.01, as told" in chosen.notes
    methods = read(tmp_path, HYPER, Columns(method=("model", "lr")))
    assert methods.scores.methods == ("base / 0.01", "base / 0.1", "ours / 0.01", "ours / 0.1")
    runs = read(tmp_path, HYPER, Columns(replicate=("seed", "lr")))
    assert runs.scores.values.shape == (1, 2, 4)
    assert runs.scores.varied == ("seed and lr",)


@pytest.mark.parametrize(
    ("text", "hint"), [(SPLIT, "--where 'split=test'"), (METRICS, "--where 'metric=acc'")]
)
def test_splits_and_metrics_are_chosen_and_never_pooled(tmp_path: Path, text: str, hint: str) -> None:
    """Validation and test scores are no runs of one another."""
    error = refused(tmp_path, text)
    assert hint in str(error.hint)
    assert "--replicate" not in str(error.hint)


def test_a_chosen_metric_tells_the_direction(tmp_path: Path) -> None:
    """The column 'value' has the name of the only metric that is left."""
    loss = read(tmp_path, METRICS, Columns(where=(("metric", "loss"),)))
    assert loss.metric == "loss"
    assert not loss.scores.maximize.any()
    assert read(tmp_path, METRICS, Columns(where=(("metric", "acc"),))).scores.maximize.all()


def test_values_of_one_column_are_alternatives(tmp_path: Path) -> None:
    """Two values of a column keep the rows of both, two columns those that fit both."""
    both = (("lr", "0.1"), ("lr", "0.01"), ("seed", "1"))
    assert read(tmp_path, HYPER, Columns(method=("model", "lr"), where=both)).scores.values.shape == (1, 4, 1)


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ((("lr", "9"),), "no row has lr=9"),
        ((("lrr", "9"),), "unknown column"),
        ((("seed", "0"), ("seed", "7")), "seed=7"),
    ],
)
def test_a_choice_that_fits_nothing_is_refused(
    tmp_path: Path, where: tuple[tuple[str, str], ...], said: str
) -> None:
    """A misspelt value never leaves a smaller table in silence."""
    assert said in refused(tmp_path, HYPER, Columns(where=where)).what


def test_methods_without_a_common_seed_cannot_be_paired(tmp_path: Path) -> None:
    """The reason is the seeds, and no method is said to have lost runs."""
    error = refused(tmp_path, seeds(range(3), range(10, 13)), paired_by="data split")
    assert error.what == "nothing can be paired"
    assert "base and ours share no seed" in str(error.why)


def test_runs_without_a_partner_are_counted(tmp_path: Path) -> None:
    """Five of ten runs of each method have a partner: the others are told."""
    found = read(tmp_path, seeds(range(10), range(5, 15)), paired_by="data split")
    assert any("10 of 20 runs have no partner of equal seed" in note for note in found.notes)
    whole = read(tmp_path, seeds(range(5), range(5)), paired_by="data split")
    assert not any("partner" in note for note in whole.notes)


def test_names_that_differ_in_case_are_pointed_out(tmp_path: Path) -> None:
    """Blanks around a name are nothing, capitals make another method with a caution."""
    rows = "".join(f"{m},{s},0.{s}5\n" for m, s in (("Ours", 0), (" Ours ", 1), ("ours", 0), ("base", 0)))
    found = read(tmp_path, f"method,seed,acc\n{rows}")
    assert found.scores.methods == ("base", "Ours", "ours")
    assert any("Ours and ours differ only in case" in note for note in found.notes)


@pytest.mark.parametrize(("score", "warned"), [("91.2", True), ("0.912", False), ("1.912", False)])
def test_percent_beside_fractions_is_pointed_out(tmp_path: Path, score: str, warned: bool) -> None:
    """A factor of about a hundred between two methods is seldom a result."""
    found = read(tmp_path, f"method,seed,acc\nours,0,{score}\nbase,0,0.89\n")
    assert any("percent beside fractions" in note for note in found.notes) == warned


def test_seeds_in_names_are_pointed_out(tmp_path: Path) -> None:
    """Three methods of one run each, all named with a seed, are runs of fewer."""
    rows = "".join(f"base_seed{i},0.{i}\n" for i in range(1, 4))
    notes = read(tmp_path, f"method,acc\n{rows}").notes
    assert any("seem to end in a seed" in note for note in notes)


def test_names_of_wandb_tell_seeds_and_may_hold_the_task(tmp_path: Path) -> None:
    """An export with few columns is still one of W&B, and a task within a name is pointed out."""
    names = [f"{m}_{t}_seed{s}" for m in ("base", "ours") for t in ("c10", "c100") for s in range(4)]
    rows = "".join(f"{name},finished,100,0.{i + 10}\n" for i, name in enumerate(names))
    found = read(tmp_path, f"Name,State,Runtime,test_acc\n{rows}")
    shape: Scores = found.scores
    assert shape.methods == ("base_c10", "base_c100", "ours_c10", "ours_c100")
    assert shape.values.shape == (1, 4, 4)
    assert any("(base, ours; c10, c100)" in note for note in found.notes)
