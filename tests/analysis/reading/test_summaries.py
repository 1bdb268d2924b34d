"""Means, costs and spreads in a table are told and never counted as tasks or methods."""

from __future__ import annotations

from pathlib import Path

import pytest

from assay.analysis.reading.columns import Columns
from assay.analysis.reading.read import ReadTable, read_table
from assay.foundation.errors import UsageError

TASKS = ("cora", "citeseer", "pubmed", "photo", "computers")
BASE = (80.04, 76.9, 73.92, 70.51, 68.36)
OURS = (83.23, 79.93, 77.15, 74.06, 70.89)


def wide(last: str, base: str, ours: str) -> str:
    head = ",".join(("Method", *TASKS, last))
    return "\n".join(
        (head, ",".join(("base", *map(str, BASE), base)), ",".join(("ours", *map(str, OURS), ours)))
    )


def read(folder: Path, text: str, columns: Columns | None = None) -> ReadTable:
    (folder / "t.csv").write_text(text)
    return read_table(folder / "t.csv", columns)


@pytest.mark.parametrize("name", ["Avg", "Avg.", "Average over all", "Mean", "Overall", "GNN"])
def test_a_column_of_means_is_no_task(tmp_path: Path, name: str) -> None:
    """It is known by its name, and by its values whatever its name: five tasks do not become six."""
    found = read(tmp_path, wide(name, "73.95", "77.05"))
    assert found.scores.tasks == tuple(sorted(TASKS))
    assert any(f"set aside: task '{name}'" in note for note in found.notes)


def test_a_task_that_is_no_mean_stays(tmp_path: Path) -> None:
    """One hundredth beside the mean is a task of its own."""
    assert len(read(tmp_path, wide("GNN", "73.97", "77.05")).scores.tasks) == 6


def test_a_row_of_means_is_no_task(tmp_path: Path) -> None:
    """The last row of a paper's table is set aside, also in a long table."""
    rows = [f"{t},{a},{b}" for t, a, b in zip(TASKS, BASE, OURS, strict=True)]
    text = "\n".join(["Dataset,base,ours", *rows, "Average,73.95,77.05"])
    assert read(tmp_path, text).scores.tasks == tuple(sorted(TASKS))
    long = "method,task,score\na,t,1\na,Average,1\nb,t,2\nb,Average,2\n"
    assert read(tmp_path, long).scores.tasks == ("t",)


def test_a_method_of_means_needs_name_and_values(tmp_path: Path) -> None:
    """A method may be called 'mean', as a way to aggregate is; a mean of the others is none."""
    text = "dataset,sum,max,mean\ncora,1.5,2.5,{}\nciteseer,2.5,4.5,{}\n"
    assert read(tmp_path, text.format(2.0, 3.5)).scores.methods == ("max", "sum")
    assert read(tmp_path, text.format(2.0, 3.6)).scores.methods == ("max", "mean", "sum")


def test_a_summary_that_is_asked_for_is_read(tmp_path: Path) -> None:
    """--score takes what is set aside by itself."""
    found = read(tmp_path, wide("Avg", "73.95", "77.05"), Columns(scores=("Avg", "cora")))
    assert found.scores.tasks == ("Avg", "cora")


def test_costs_beside_tasks_are_set_aside(tmp_path: Path) -> None:
    """Parameters, time and rank are no tasks; they are told, and --score compares them."""
    text = "Method,Params (M),cora,citeseer,Avg.,Rank\nbase,3.2M,80,76,78,2\nours,5.4M,83,79,81,1\n"
    found = read(tmp_path, text)
    assert found.scores.tasks == ("citeseer", "cora")
    assert any("set aside" in note and "Params (M), Rank" in note for note in found.notes)
    ranks = read(tmp_path, text, Columns(scores=("Rank",)))
    assert ranks.metric == "Rank"
    assert not ranks.scores.maximize.any()


def test_one_task_beside_costs_is_the_score(tmp_path: Path) -> None:
    """With costs set aside one column is left, and it is not minimised with them."""
    text = "method,seed,cora,Time (s),params\na,1,.8,100,5\na,2,.81,101,5\nb,1,.7,50,2\nb,2,.71,52,2\n"
    found = read(tmp_path, text)
    assert found.metric == "cora"
    assert found.scores.maximize.all()


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("dataset,base_mean,base_std,ours_mean,ours_std\ncora,80,.3,81,.4\npubmed,80,.3,81,.4\n", Columns()),
        ("Method,Dataset,mean,std,n\na,A,90,.12,5\nb,A,91,.12,5\n", Columns()),
        ("Method,Dataset,mean,std,n\na,A,90,.12,5\nb,A,91,.12,5\n", Columns(scores=("mean",))),
        ("method,acc,acc_std\na,.9,.1\nb,.8,.1\n", Columns()),
    ],
    ids=["wide", "long", "asked for", "beside a metric"],
)
def test_means_with_spreads_are_refused(tmp_path: Path, text: str, columns: Columns) -> None:
    """A summary is no run, whatever column is named as the score."""
    with pytest.raises(UsageError, match="means with their spreads") as caught:
        read(tmp_path, text, columns)
    assert "one row for each run" in str(caught.value.hint)


def test_runs_may_report_a_spread(tmp_path: Path) -> None:
    """With seeds the rows are runs: each run's own spread is set aside."""
    text = "method,seed,mean_reward,std_reward\na,1,5,1\na,2,6,1\nb,1,7,1\nb,2,8,1\n"
    found = read(tmp_path, text)
    assert found.metric == "mean_reward"
    assert any("std_reward" in note for note in found.notes)
