"""`assay cheaper`: a study with its store, and a table of results."""

from __future__ import annotations

import json

from bench import Bench

TABLE = "method,task,replicate,score\n" + "".join(
    f"{m},{t},{r},{(r * 7 + j * 3) % 10 / 10 + 5 * i}\n"
    for i, m in enumerate("abc")
    for j, t in enumerate("wxyz")
    for r in range(6)
)


def test_a_table_that_every_task_decides_needs_one(bench: Bench) -> None:
    """One task and one replicate keep all three pairs."""
    bench.write("results.csv", TABLE)
    found = json.loads(bench("cheaper", "results.csv", "--json").out)
    assert (len(found["tasks"]), found["replicates"], found["error"]) == (1, 1, 0.0)
    text = bench("cheaper", "results.csv").out
    assert "1 of 4 tasks and 1 of 6 replicates keep the 3 of 3 pairs" in text
    assert "another method may need other tasks" in text


def test_a_study_is_read_from_its_store(bench: Bench) -> None:
    """Three replicates are too few to split, and it says so; six are not."""
    bench("run", "study.toml")
    assert "too few runs to split" in bench("cheaper", "study.toml", check=2).err
    text = (bench.folder / "study.toml").read_text()
    bench.write("study.toml", text.replace("replicates = 3", "replicates = 6"))
    bench("run", "study.toml")
    assert "pairs that are kept:" in bench("cheaper", "study.toml").out


def test_a_tolerance_is_a_share(bench: Bench) -> None:
    """Status 2 for one that is not."""
    bench.write("results.csv", TABLE)
    assert "tolerated error" in bench("cheaper", "results.csv", "--tolerance", "2", check=2).err
