"""Exports of MLflow and W&B, in the columns that they really have."""

from __future__ import annotations

from pathlib import Path

import pytest

from assay.analysis.reading.columns import Columns
from assay.analysis.reading.read import ReadTable, read_table
from assay.analysis.reading.trackers import split_name
from assay.foundation.errors import UsageError
from assay.statistics.scores import FAILED, NO_NUMBER, OK

# `mlflow experiments csv` writes mlflow.search_runs.
SEARCH_RUNS = """\
run_id,experiment_id,status,artifact_uri,start_time,end_time,metrics.accuracy,metrics.loss,params.lr,\
params.model,params.seed,tags.mlflow.runName
a1,1,FINISHED,s3://x,2024-01-01,2024-01-01,0.91,0.3,0.1,resnet,1,shiny-fox-1
a2,1,FINISHED,s3://x,2024-01-01,2024-01-01,0.92,0.3,0.1,resnet,2,shiny-fox-2
a3,1,FAILED,s3://x,2024-01-01,2024-01-01,0.99,0.3,0.1,resnet,3,shiny-fox-3
b1,1,FINISHED,s3://x,2024-01-01,2024-01-01,0.81,0.3,0.1,vit,1,shiny-fox-4
b2,1,RUNNING,s3://x,2024-01-01,,0.82,0.3,0.1,vit,2,shiny-fox-5
b3,1,KILLED,s3://x,2024-01-01,2024-01-01,,,0.1,vit,3,shiny-fox-6
"""

# The button 'Download CSV' of MLflow's user interface (CsvUtils.ts, runInfosToCsv).
DOWNLOAD = """\
"Start Time","Duration","Run ID","Name","Source Type","Source Name","User","Status","lr","model","accuracy"
"2024-01-01 10:00:00","1.0s","a1","shiny-fox-1","LOCAL","train.py","ann","FINISHED","0.1","resnet","0.91"
"2024-01-01 10:00:00","1.0s","a2","shiny-fox-2","LOCAL","train.py","ann","FAILED","0.1","resnet","0.93"
"2024-01-01 10:00:00","1.0s","b1","shiny-fox-3","LOCAL","train.py","ann","FINISHED","0.1","vit","0.81"
"2024-01-01 10:00:00","1.0s","b2","shiny-fox-4","LOCAL","train.py","ann","FINISHED","0.1","vit","0.83"
"""

# The download of an MLflow chart (CsvUtils.ts, chartMetricHistoryToCsv).
CHART = """\
"Run","Run ID","metric","step","timestamp","value"
"resnet-seed1","a1","acc","10","1700000000002","0.91"
"resnet-seed1","a1","acc","9","1700000000001","0.5"
"resnet-seed2","a2","acc","10","1700000000002","0.92"
"vit-seed1","b1","acc","10","1700000000002","0.81"
"vit-seed2","b2","acc","2","1700000000002","0.82"
"""

# The export of the runs table of W&B.
RUNS_TABLE = """\
"Name","State","Notes","User","Tags","Created","Runtime","Sweep","dataset","optimizer","seed","test_acc"
"giddy-sun-1","finished","-","ann","","2024-01-01T10:00:00.000Z","12","","cora","adam","1","0.91"
"giddy-sun-2","crashed","-","ann","","2024-01-01T10:00:00.000Z","12","","cora","adam","2","0.95"
"giddy-sun-3","finished","-","ann","","2024-01-01T10:00:00.000Z","12","","cora","sgd","1","0.81"
"giddy-sun-4","failed","-","ann","","2024-01-01T10:00:00.000Z","12","","cora","sgd","2",""
"""

# The export of a W&B chart: three columns for a run (wandb/wandb issue 5349).
_NAMES = ("adam-seed1", "adam-seed1__MIN", "adam-seed1__MAX", "adam-seed2", "sgd-seed1", "sgd-seed2")
_HEAD = ['"Step"'] + [f'"{n.partition("__")[0]} - val/loss{n[len(n.partition("__")[0]) :]}"' for n in _NAMES]
HISTORY = (
    ",".join(_HEAD)
    + """
"0","2.1","2.1","2.1","2.2","2.3","2.3"
"1","1.1","1.1","1.1","1.2","1.3",""
"2","0.4","0.4","0.4","","0.6",""
"""
)


def read(folder: Path, text: str, columns: Columns | None = None) -> ReadTable:
    path = folder / "export.csv"
    path.write_text(text)
    return read_table(path, columns)


def test_mlflow_runs_are_read_with_their_states(tmp_path: Path) -> None:
    """Metrics are scores, parameters name methods; FAILED and KILLED fail, RUNNING has no score yet."""
    found = read(tmp_path, SEARCH_RUNS)
    assert found.scores.methods == ("resnet", "vit")
    assert found.metric == "accuracy"
    assert found.scores.status[0].tolist() == [[OK, OK, FAILED], [OK, NO_NUMBER, FAILED]]
    assert "an export of MLflow" in found.notes[0]


def test_another_metric_of_mlflow_can_be_named(tmp_path: Path) -> None:
    """The loss is chosen by its column, and smaller is better."""
    found = read(tmp_path, SEARCH_RUNS, Columns(scores=("metrics.loss",)))
    assert found.metric == "loss"
    assert not found.scores.maximize.any()


def test_a_download_of_mlflow_is_read(tmp_path: Path) -> None:
    """The user interface writes no prefixes; runs without a seed are told apart by their id."""
    found = read(tmp_path, DOWNLOAD)
    assert found.scores.methods == ("resnet", "vit")
    assert found.scores.values.shape == (1, 2, 2)
    assert sorted(found.scores.status[0, 0].tolist()) == [OK, FAILED]


def test_a_chart_of_mlflow_gives_the_last_value_of_each_run(tmp_path: Path) -> None:
    """The last step counts, whatever the order of the rows; methods come from the names of the runs."""
    found = read(tmp_path, CHART)
    assert found.scores.methods == ("resnet", "vit")
    assert found.scores.values[0].tolist() == [[0.91, 0.92], [0.81, 0.82]]


def test_the_runs_table_of_wandb_is_read(tmp_path: Path) -> None:
    """Config names methods and tasks; crashed and failed runs fail, whatever they logged."""
    found = read(tmp_path, RUNS_TABLE)
    assert found.scores.methods == ("adam", "sgd")
    assert found.scores.tasks == ("cora",)
    assert found.scores.status[0].tolist() == [[OK, FAILED], [OK, FAILED]]


def test_a_chart_of_wandb_gives_the_last_value_of_each_run(tmp_path: Path) -> None:
    """Each run's last filled cell counts; the columns of minima and maxima do not."""
    found = read(tmp_path, HISTORY)
    assert found.scores.methods == ("adam", "sgd")
    assert found.scores.values[0].tolist() == [[0.4, 1.2], [0.6, 2.3]]
    assert not found.scores.maximize.any()
    assert any("does not say which runs failed" in note for note in found.notes)


def test_means_over_groups_are_refused(tmp_path: Path) -> None:
    """A grouped chart of W&B holds no runs."""
    text = '"Step","Group: adam - loss","Group: sgd - loss"\n"0","1","2"\n'
    with pytest.raises(UsageError, match="means over groups") as caught:
        read(tmp_path, text)
    assert "grouping off" in str(caught.value.hint)


def test_several_metrics_in_a_chart_need_a_choice(tmp_path: Path) -> None:
    """The metrics are listed, and --score chooses one."""
    text = HISTORY.replace("sgd-seed2 - val/loss", "sgd-seed1 - val/acc")
    with pytest.raises(UsageError, match="several metrics"):
        read(tmp_path, text)
    assert read(tmp_path, text, Columns(scores=("val/loss",))).metric == "val/loss"


def test_runs_whose_names_tell_no_method_are_refused(tmp_path: Path) -> None:
    """The names that W&B makes up are no methods."""
    text = HISTORY.replace("adam-seed1", "giddy-sun-1").replace("sgd-seed1", "shiny-fox-7")
    with pytest.raises(UsageError, match="which method") as caught:
        read(tmp_path, text)
    assert "--method" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("resnet-seed3", ("resnet", "3")),
        ("ViT/B-16_s12", ("ViT/B-16", "12")),
        ("adam seed=7", ("adam", "7")),
        ("giddy-sun-17", None),
        ("resnet50", None),
    ],
)
def test_names_tell_methods_only_where_they_say_so(name: str, told: tuple[str, str] | None) -> None:
    """A trailing number alone is no seed."""
    assert split_name(name) == told
