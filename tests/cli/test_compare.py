"""`assay compare`: a verdict from anybody's table, and one message for what cannot be read."""

from __future__ import annotations

import gzip
import json
import subprocess
from pathlib import Path

import pytest
from bench import ASSAY

from assay.foundation.seeding import Stream


def assay(folder: Path, *arguments: str, check: int = 0) -> subprocess.CompletedProcess[str]:
    command = [str(ASSAY), "compare", *arguments]
    done = subprocess.run(command, cwd=folder, check=False, capture_output=True, text=True, timeout=120)
    assert done.returncode == check, done.stdout + done.stderr
    return done


def rows(tasks: int = 7, seeds: int = 5) -> list[str]:
    return [
        f"{method},task{t},{seed},{0.5 + 0.05 * i + ((3 * seed + 5 * t + i) % 7) / 100:.3f}"
        for t in range(tasks)
        for i, method in enumerate(("random", "tpe", "evolution"))
        for seed in range(seeds)
    ]


def write(folder: Path, lines: list[str], name: str = "results.csv") -> None:
    (folder / name).write_text("\n".join(["method,dataset,seed,accuracy", *lines]) + "\n")


def files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_a_table_gets_a_verdict_a_page_and_figures(tmp_path: Path) -> None:
    """The verdict comes first on standard output; what was taken for what is talk."""
    write(tmp_path, rows())
    done = assay(tmp_path, "results.csv")
    assert done.stdout.startswith("The best mean is distinguished from every other on")
    assert "Across tasks" in done.stdout
    assert done.stdout.rstrip().endswith("results-comparison/index.html")
    assert "task: dataset; replicate: seed; score: accuracy" in done.stderr
    made = files(tmp_path / "results-comparison")
    assert {"index.html", "table.tex", "table.md", "comparison.json", "comparison.csv"} <= set(made)
    assert {Path(name).suffix for name in made if name.startswith("figures/")} == {".svg", ".pdf", ".csv"}


def test_the_order_of_rows_changes_no_byte(tmp_path: Path) -> None:
    """A table turned upside down and one shuffled give the same output and the same files."""
    lines = rows()
    shuffled = lines[:]
    Stream(1, ("test",)).shuffle(shuffled)
    seen = []
    for name, order in (("a", lines), ("b", lines[::-1]), ("c", shuffled)):
        (tmp_path / name).mkdir()
        write(tmp_path / name, order)
        done = assay(tmp_path / name, "results.csv")
        seen.append((done.stdout, done.stderr, files(tmp_path / name / "results-comparison")))
    assert seen[0] == seen[1] == seen[2]


def test_json_is_for_machines_and_writes_nothing(tmp_path: Path) -> None:
    """`--json` prints the document of the page; with --out the folder is written as well."""
    write(tmp_path, rows())
    done = assay(tmp_path, "results.csv", "--json")
    document = json.loads(done.stdout)
    assert document["format"] == "assay-comparison"
    assert [path.name for path in tmp_path.iterdir()] == ["results.csv"]
    again = assay(tmp_path, "results.csv", "--json", "--out", "there")
    assert (
        json.loads(again.stdout) == document == json.loads((tmp_path / "there/comparison.json").read_text())
    )


def test_options_name_columns_direction_and_pairs(tmp_path: Path) -> None:
    """What was found can be overruled, and pairs need a source."""
    write(tmp_path, rows(tasks=1))
    done = assay(
        tmp_path, "results.csv", "--method", "method", "--task", "dataset", "--replicate", "seed",
        "--score", "accuracy", "--minimize", "--paired-by", "data split", "--out", "o",
    )  # fmt: skip
    assert "smaller accuracy is better, as told" in done.stderr
    assert "smaller is better" in done.stdout
    assert "a sign-flip test of 5 pairs" in done.stdout
    assert done.stdout.rstrip().endswith("o/index.html")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('method,seed,score\na,1,"0,9"\nb,1,0.8\n', ["'0,9' is not a number", "bad.csv:2, column score"]),
        ("method,seed,score\na,1,1\na,1,2\nb,1,2\n", ["a run is given twice", "bad.csv:3", "bad.csv:2"]),
        ("seed,score\n1,1\n", ["which method", "bad.csv", "--method"]),
        ("method,score\n\x1b[2Ja,x\nb,1\n", ["'x' is not a number"]),
    ],
)
def test_what_cannot_be_read_is_one_message(tmp_path: Path, content: str, said: list[str]) -> None:
    """Status 2, the place and the reason on standard error, no traceback, nothing written."""
    (tmp_path / "bad.csv").write_text(content)
    done = assay(tmp_path, "bad.csv", check=2)
    assert done.stdout == ""
    assert done.stderr.startswith("error: ")
    assert "Traceback" not in done.stderr
    assert "\x1b" not in done.stderr
    assert all(text in done.stderr for text in said), done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["bad.csv"]


def test_a_missing_file_suggests_the_nearest(tmp_path: Path) -> None:
    """A misspelt name is one message with the file that is there."""
    write(tmp_path, rows())
    assert "did you mean 'results.csv'?" in assay(tmp_path, "reslts.csv", check=2).stderr


def test_names_cannot_command_the_terminal(tmp_path: Path) -> None:
    """Escapes in names are written out, on both outputs."""
    write(tmp_path, [line.replace("random", "\x1b]0;x\x07random") for line in rows(tasks=1)])
    done = assay(tmp_path, "results.csv")
    assert not set(done.stdout + done.stderr) & set("\x1b\x07")


def test_two_directions_are_refused(tmp_path: Path) -> None:
    """`--minimize` with `--maximize` is a mistake, and the last does not win."""
    write(tmp_path, rows(tasks=1))
    assert "cannot both hold" in assay(tmp_path, "results.csv", "--minimize", "--maximize", check=2).stderr


def test_rows_are_chosen_and_columns_joined(tmp_path: Path) -> None:
    """`--where` and a repeated `--method` are told on standard error and stand on the page."""
    lines = ["model,optimizer,seed,split,acc"]
    for i, (model, optimizer) in enumerate((m, o) for m in "ab" for o in ("adam", "sgd")):
        lines += [f"{model},{optimizer},{s},{p},0.{i + 4}{s}" for s in range(3) for p in ("val", "test")]
    (tmp_path / "t.csv").write_text("\n".join(lines))
    done = assay(tmp_path, "t.csv", "--method", "model", "--method", "optimizer", "--where", "split=test")
    assert "12 of 24 rows are read, those with split=test" in done.stderr
    assert "a / adam" in done.stdout
    assert "split=test" in (tmp_path / "t-comparison/index.html").read_text()
    assert "COL=VALUE" in assay(tmp_path, "t.csv", "--where", "split", check=2).stderr


def test_standard_input_and_gzip_are_read(tmp_path: Path) -> None:
    """'-' writes to stdin-comparison, a packed table to the folder of its plain name."""
    write(tmp_path, rows(tasks=1))
    data = (tmp_path / "results.csv").read_bytes()
    (tmp_path / "packed.csv.gz").write_bytes(gzip.compress(data))
    assert assay(tmp_path, "packed.csv.gz").stdout.rstrip().endswith("packed-comparison/index.html")
    done = subprocess.run(
        [str(ASSAY), "compare", "-"], cwd=tmp_path, check=True, capture_output=True, input=data, timeout=120
    )
    assert done.stdout.decode().rstrip().endswith("stdin-comparison/index.html")


def test_a_mean_never_makes_a_family_of_five_six(tmp_path: Path) -> None:
    """Five tasks with their average decide nothing across tasks."""
    (tmp_path / "t.csv").write_text(
        "Method,cora,citeseer,pubmed,photo,computers,Avg\n"
        "base,80.04,76.9,73.92,70.51,68.36,73.95\nours,83.23,79.93,77.15,74.06,70.89,77.05\n"
    )
    done = assay(tmp_path, "t.csv", "--json")
    assert "set aside: task 'Avg'" in done.stderr
    document = json.loads(done.stdout)
    assert document["comparison"]["families"] == 5
    assert document["comparison"]["pairwise"] is None
    assert any("Avg" in note for note in document["notes"])


def test_order_and_unit_are_options(tmp_path: Path) -> None:
    """`--order` changes the order in tables and no number; `--unit` is told."""
    write(tmp_path, rows(tasks=2))
    plain = assay(tmp_path, "results.csv", "--out", "a", "--unit", "points")
    assert "in one unit, points, as told" in plain.stderr
    assay(tmp_path, "results.csv", "--out", "b", "--unit", "points", "--order", "tpe,random")
    heads = [(tmp_path / f / "table.md").read_text().split("\n")[0] for f in ("a", "b")]
    assert heads == ["| task | evolution | random | tpe |", "| task | tpe | random | evolution |"]
    full = [sorted((tmp_path / f / "comparison.csv").read_text().split("\n")) for f in ("a", "b")]
    assert full[0] == full[1]
    assert "did you mean 'tpe'" in assay(tmp_path, "results.csv", "--order", "tpee", check=2).stderr
