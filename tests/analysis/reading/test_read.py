"""Tables as people have them, and what is refused with its line."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest

from assay.analysis.reading.columns import Columns
from assay.analysis.reading.read import natural, read_table
from assay.analysis.reading.words import smaller_is_better
from assay.foundation.errors import UsageError
from assay.statistics.scores import FAILED, NO_NUMBER, OK

LONG = """method,task,seed,score
random,cora,1,0.80
random,cora,2,0.82
evolution,cora,1,0.85
evolution,cora,2,0.86
"""


def write(folder: Path, text: str | bytes, name: str = "results.csv") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def refused(path: Path, columns: Columns | None = None, **options: object) -> UsageError:
    with pytest.raises(UsageError) as caught:
        read_table(path, columns, **options)  # type: ignore[arg-type]
    return caught.value


def same(a: object, b: object) -> bool:
    left, right = (np.nan_to_num(one.values, nan=-1.0) for one in (a, b))  # type: ignore[attr-defined]
    return a.methods == b.methods and a.tasks == b.tasks and np.array_equal(left, right)  # type: ignore[attr-defined]


def test_a_long_table_is_read(tmp_path: Path) -> None:
    """Columns with the plain names are found, and methods and tasks are sorted."""
    read = read_table(write(tmp_path, LONG))
    assert read.scores.methods == ("evolution", "random")
    assert read.scores.tasks == ("cora",)
    assert read.scores.replicates == ("1", "2")
    assert read.scores.values[0].tolist() == [[0.85, 0.86], [0.80, 0.82]]
    assert "method: method; task: task; replicate: seed; score: score" in read.notes[0]
    assert read.scores.varied == ("seed",)


@pytest.mark.parametrize("method", ["method", "Algorithm", "model_name", "optimizer"])
@pytest.mark.parametrize("task", ["task", "Dataset", "problem", "benchmark"])
@pytest.mark.parametrize("seed", ["replicate", "random seed", "run", "trial"])
@pytest.mark.parametrize("score", ["score", "Accuracy", "test_acc", "value"])
def test_the_names_that_people_use_are_known(
    tmp_path: Path, method: str, task: str, seed: str, score: str
) -> None:
    """Any of the usual names, in any case and with spaces, is the same table."""
    text = LONG.replace("method,task,seed,score", f"{method},{task},{seed},{score}")
    assert same(
        read_table(write(tmp_path, text)).scores, read_table(write(tmp_path, LONG, "plain.csv")).scores
    )


def test_the_order_of_rows_and_columns_does_not_matter(tmp_path: Path) -> None:
    """Every order of the rows, and columns turned round, give equal scores."""
    head, *rows = LONG.splitlines()
    first = read_table(write(tmp_path, LONG)).scores
    for order in itertools.permutations(rows):
        turned = [",".join(reversed(line.split(","))) for line in [head, *order]]
        for lines in ([head, *order], turned):
            assert same(first, read_table(write(tmp_path, "\n".join(lines), "again.csv")).scores)


@pytest.mark.parametrize(
    "text",
    [
        "task,seed,random,evolution\ncora,1,0.80,0.85\ncora,2,0.82,0.86\n",
        "method,seed,cora\nrandom,1,0.80\nrandom,2,0.82\nevolution,1,0.85\nevolution,2,0.86\n",
        ",task,seed,random,evolution\n0,cora,1,0.80,0.85\n1,cora,2,0.82,0.86\n",
    ],
    ids=["a column per method", "a column for the task", "with the index of a data frame"],
)
def test_wide_tables_are_the_same_table(tmp_path: Path, text: str) -> None:
    """A column for each method, or for each task, gives the scores of the long table."""
    assert same(
        read_table(write(tmp_path, text)).scores, read_table(write(tmp_path, LONG, "long.csv")).scores
    )


def test_a_column_for_each_of_several_tasks_is_wide(tmp_path: Path) -> None:
    """With a column of methods and no column of tasks, several columns of scores are tasks."""
    text = "model,seed,acc_cora,acc_citeseer\na,1,.8,.7\na,2,.8,.6\nb,1,.9,.7\nb,2,.9,.8\n"
    read = read_table(write(tmp_path, text))
    assert read.scores.tasks == ("acc_citeseer", "acc_cora")
    assert "tasks, one a column" in read.notes[0]


def test_a_row_for_each_task_is_wide_without_replicates(tmp_path: Path) -> None:
    """A first column of names is that of the tasks, as in the table of a paper."""
    read = read_table(write(tmp_path, "what,a,b\ncora,.8,.7\nciteseer,.8,.6\n"))
    assert read.scores.tasks == ("citeseer", "cora")
    assert read.scores.methods == ("a", "b")
    assert read.scores.values.shape == (2, 2, 1)


@pytest.mark.parametrize("delimiter", [",", "\t", ";", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_delimiters_encodings_and_line_ends_do_not_matter(
    tmp_path: Path, delimiter: str, encoding: str, end: str
) -> None:
    """Comma, tab, semicolon and bar, in any Unicode encoding with its mark, with either end of line."""
    text = LONG.replace(",", delimiter).replace("\n", end).replace("cora", "Köln")
    read = read_table(write(tmp_path, text.encode(encoding)))
    assert read.scores.tasks == ("Köln",)
    assert read.scores.values.shape == (1, 2, 2)


def test_another_encoding_is_read_and_said(tmp_path: Path) -> None:
    """What is not UTF-8 is read as Windows-1252, and the line that shows it is told."""
    read = read_table(write(tmp_path, LONG.replace("random", "zufällig").encode("cp1252")))
    assert read.scores.methods == ("evolution", "zufällig")
    assert any("not UTF-8 (line 2)" in note for note in read.notes)


@pytest.mark.parametrize(
    ("cell", "status"),
    [
        ("", NO_NUMBER),
        ("NaN", NO_NUMBER),
        ("n/a", NO_NUMBER),
        ("inf", NO_NUMBER),
        ("-", NO_NUMBER),
        ("1e999", NO_NUMBER),
        ("failed", FAILED),
        ("ERROR", FAILED),
        ("crashed", FAILED),
        ("OOM", FAILED),
        ("0.86", OK),
        ("+8.6E-1", OK),
        ("'-8.6", OK),
        (" .86 ", OK),
    ],
)
def test_a_run_without_a_number_is_counted(tmp_path: Path, cell: str, status: int) -> None:
    """Empty cells and NaN are runs without a number, words for failure are failed runs."""
    read = read_table(write(tmp_path, LONG.replace("0.86", cell)))
    assert read.scores.status[0, 0].tolist() == [OK, status]
    assert np.isnan(read.scores.values[0, 0, 1]) == (status != OK)


@pytest.mark.parametrize("column", ["status", "State"])
def test_a_state_overrules_the_score(tmp_path: Path, column: str) -> None:
    """A run that failed has no score though it logged one; one that still runs has none yet."""
    text = (
        f"method,seed,score,{column}\na,1,.8,ok\na,2,.9,failed\na,3,.7,running\n"
        "b,1,.8,ok\nb,2,.8,done\nb,3,.8,completed\n"
    )
    assert read_table(write(tmp_path, text)).scores.status[0].tolist() == [[OK, FAILED, NO_NUMBER], [OK] * 3]


def test_a_column_that_only_looks_like_a_state_is_not_one(tmp_path: Path) -> None:
    """A state of the union is no state of a run: the column is left out, and said to be."""
    text = "method,seed,score,state\na,1,.8,Ohio\na,2,.9,Utah\nb,1,.8,Ohio\nb,2,.8,Utah\n"
    read = read_table(write(tmp_path, text))
    assert (read.scores.status == OK).all()
    assert "not used: state" in read.notes


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ('"0,86"', "a comma stands in it"),
        ("86%", "a unit"),
        ("0.86 ± 0.02", "a mean with its spread"),
        ("0.86 (0.02)", "a mean with its spread"),
        ("1_000", "another mark"),
        ("good", "it is text"),
        ("=1+1", "it is text"),
    ],
)
def test_what_is_no_number_is_refused_with_its_place(tmp_path: Path, cell: str, said: str) -> None:
    """The line, the column and the reason are told."""
    error = refused(write(tmp_path, LONG.replace("0.85", cell)))
    assert "is not a number" in error.what
    assert error.where == "results.csv:4, column score"
    assert said in str(error.why)
    assert error.hint


def test_the_line_is_that_of_the_file(tmp_path: Path) -> None:
    """Blank lines and cells of several lines are counted as the file has them."""
    text = 'method,task,seed,score\n\n"a\nb",cora,1,0.8\nc,cora,1,oops!\n'
    assert refused(write(tmp_path, text)).where == "results.csv:5, column score"


def test_a_run_that_is_given_twice_is_refused_with_both_lines(tmp_path: Path) -> None:
    """The later line is the place, the earlier one is in the reason."""
    error = refused(write(tmp_path, LONG + "random,cora,1,0.81\n"))
    assert error.where == "results.csv:6"
    assert "results.csv:2" in str(error.why)


def test_curves_are_pointed_out(tmp_path: Path) -> None:
    """A table with a row for each step says that one row a run is wanted."""
    rows = "".join(f"{m},1,{s},{s}\n" for m in "ab" for s in range(3))
    error = refused(write(tmp_path, f"method,seed,step,score\n{rows}"))
    assert "column step makes these curves" in str(error.hint)


def test_long_cells_cost_no_time(tmp_path: Path) -> None:
    """A cell that would take a careless pattern for ever is refused at once."""
    cell = "1" + " " * 100_000 + "!"
    assert refused(write(tmp_path, f"method,score\na,{cell}\nb,1\n")).what.endswith("is not a number")


def test_without_labels_runs_are_numbered(tmp_path: Path) -> None:
    """Rows of a cell are its runs; equal rows count, and are pointed out."""
    text = "method,score\na,.8\na,.8\na,.7\nb,.9\nb,.6\n"
    read = read_table(write(tmp_path, text))
    assert read.scores.values.shape == (1, 2, 3)
    assert any("1 rows equal another" in note for note in read.notes)


def test_labels_that_no_cells_share_take_no_room(tmp_path: Path) -> None:
    """Ids of runs, all different, become replicates 1 to n of their cells."""
    rows = "".join(f"{m},t,{m}{i},{i}\n" for m in "ab" for i in range(50))
    assert read_table(write(tmp_path, f"method,task,run,score\n{rows}")).scores.values.shape == (1, 2, 50)


def test_seeds_and_folds_together_label_a_run(tmp_path: Path) -> None:
    """A table with a seed and a fold has a replicate for each pair of them."""
    rows = "".join(f"{m},{s},{f},.{s}{f}\n" for m in "ab" for s in (1, 2) for f in (1, 2, 3))
    scores = read_table(write(tmp_path, f"method,seed,fold,score\n{rows}")).scores
    assert scores.values.shape == (1, 2, 6)
    assert scores.varied == ("seed", "fold")


def test_families_come_from_their_column(tmp_path: Path) -> None:
    """Each task has its family; a task of two families is refused with both lines."""
    text = "method,task,family,score\na,x,f,1\nb,x,f,2\na,y,g,1\nb,y,g,2\n"
    assert read_table(write(tmp_path, text)).scores.families == ("f", "g")
    error = refused(write(tmp_path, text.replace("b,x,f,2", "b,x,g,2")))
    assert "two families" in error.what
    assert "results.csv:2" in str(error.why)


@pytest.mark.parametrize(
    ("name", "smaller"),
    [
        ("accuracy", False), ("test_error", True), ("RMSE", True), ("validationLoss", True),
        ("val/loss", True), ("time (s)", True), ("score", False), ("mean_reward", False),
        ("timeliness", False), ("lossless", False),
    ],
)  # fmt: skip
def test_the_direction_is_guessed_from_the_name(tmp_path: Path, name: str, smaller: bool) -> None:
    """Whole words decide, the guess is said, and the caller's word overrules it."""
    assert smaller_is_better(name) == smaller
    path = write(tmp_path, LONG.replace("score", name))
    columns = Columns(scores=(name,))
    read = read_table(path, columns)
    assert read.scores.maximize.all() != smaller
    assert any("guessed" in note or "larger is assumed" in note for note in read.notes)
    told = read_table(path, columns, minimize=not smaller)
    assert told.scores.maximize.all() == smaller
    assert not any("guessed" in note for note in told.notes)


def test_named_columns_overrule_what_was_found(tmp_path: Path) -> None:
    """Options name any column; an unknown one is refused with the nearest."""
    text = "method,variant,task,seed,score,other\na,p,t,1,1,5\na,q,t,1,2,6\n"
    read = read_table(write(tmp_path, text), Columns(method="variant", scores=("other",)))
    assert read.scores.methods == ("p", "q")
    assert read.scores.values.ravel().tolist() == [5.0, 6.0]
    error = refused(write(tmp_path, text), Columns(method="varaint"))
    assert "did you mean 'variant'?" in str(error.hint)


def test_pairs_need_labels(tmp_path: Path) -> None:
    """A declared source without a column that tells replicates apart is refused."""
    text = LONG.replace("seed", "ignored")
    error = refused(write(tmp_path, text), Columns(scores=("score",)), paired_by="data split")
    assert "--replicate" in str(error.hint)
    assert read_table(write(tmp_path, LONG), paired_by="data split").scores.paired_by == "data split"


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "empty"),
        ("\n\n", "empty"),
        ("method,task,seed,score\n", "no rows"),
        ("method,task,seed,score\na,t,1\n", "does not fit the header"),
        ("method,task,seed,score\na,t,1,0,93\n", "does not fit the header"),
        ("method,task,score,score\na,t,1,1\n", "two columns have the name"),
        ("method,task,seed,score\na,t,1,1\na,t,2,1\n", "two methods at least"),
        ("method,task,seed,score\na,t,1,1\n,t,2,1\n", "no method"),
        ("task,seed,score\nt,1,1\nt,2,1\n", "which method"),
        ("seed,score\n1,1\n2,1\n", "which method"),
        ("method,task,alpha,beta\na,t,1,1\nb,t,2,1\n", "several columns could be the score"),
        ("method,task\na,t\nb,t\n", "no column holds numbers"),
        ('method,score\na,"1\nb,2\n', "not a table"),
        (b"method,score\na,\0\n", "not text"),
        (b"PK\x03\x04\x00\x00\x00\x00", "not text"),
        (f"method,score\n{'x' * 300},1\nb,2\n", "longer than"),
    ],
)
def test_a_table_that_cannot_be_read_is_refused(tmp_path: Path, text: str | bytes, what: str) -> None:
    """Every refusal names the file and says what is wrong."""
    error = refused(write(tmp_path, text))
    assert what in error.what
    assert "results.csv" in str(error.where)


def test_a_folder_and_a_missing_file_are_told(tmp_path: Path) -> None:
    """A folder offers a table in it, a misspelt name the nearest."""
    write(tmp_path, LONG)
    assert "results.csv" in str(refused(tmp_path).hint)
    assert "results.csv" in str(refused(tmp_path / "result.csv").hint)
    assert "save the sheet as CSV" in str(refused(write(tmp_path, b"PK", "results.xlsx")).hint)


def test_names_cannot_command_a_terminal(tmp_path: Path) -> None:
    """Control characters and turned lines in names are written out."""
    text = LONG.replace("random", "\x1b[2Jran\u202edom").replace("task", "task\x07")
    read = read_table(write(tmp_path, text))
    assert not any(c in note for note in read.notes for c in "\x1b\x07\u202e")
    assert not any(c in name for name in read.scores.methods for c in "\x1b\u202e")


def test_too_large_tables_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bytes, rows, methods and combinations have limits, which are said."""
    path = write(tmp_path, LONG)
    monkeypatch.setattr("assay.analysis.reading.files.MOST_BYTES", 10)
    assert "too many bytes" in refused(path).what
    monkeypatch.undo()
    monkeypatch.setattr("assay.analysis.reading.delimited.MOST_ROWS", 3)
    assert "at most 3" in str(refused(path).why)
    monkeypatch.undo()
    monkeypatch.setattr("assay.analysis.reading.checks.MOST_RUNS", 3)
    assert "too many runs" in refused(path).what
    monkeypatch.undo()
    many = "".join(f"m{i},t,1,{i}\n" for i in range(101))
    assert "101 methods" in refused(write(tmp_path, f"method,task,seed,score\n{many}")).what
    monkeypatch.setattr("assay.analysis.reading.read.MOST_PLACES", 3)
    assert "combinations" in refused(write(tmp_path, LONG)).what


def test_natural_order() -> None:
    """Numbers in names are ordered by size, and no two names are equal."""
    assert sorted(["s10", "s9", "s", "t1", "s09"], key=natural) == ["s", "s09", "s9", "s10", "t1"]
