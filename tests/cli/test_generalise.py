"""`assay generalise`: a study with its store, and a table of results."""

from __future__ import annotations

import json

from bench import Bench

TABLE = "method,task,replicate,score\n" + "".join(
    f"{m},{t},{r},{(i * 5 + r * 13) % 11 + 10 * i * (t != 'z')}\n"
    for i, m in enumerate("abc")
    for t in "xyz"
    for r in range(5)
)


def test_a_study_is_reported_with_its_curves_and_ablations(bench: Bench) -> None:
    """After a run: all methods in short, then one in full; nothing is claimed across two families."""
    bench("run", "study.toml")
    short = bench("generalise", "study.toml").out
    assert "random" in short and "evolution" in short
    assert "specifications" in short and "code method" in short
    assert "nothing is decided across tasks" in short
    full = bench("generalise", "study.toml", "--method", "evolution").out
    assert "nas-bench-graph/cora" in full and "without proteins: position" in full
    found = json.loads(bench("generalise", "study.toml", "--json").out)
    assert len(found["methods"]) == 2 and len(found["specifications"]) == 1


def test_a_table_is_reported(bench: Bench) -> None:
    """On two of three tasks c wins against all."""
    bench.write("results.csv", TABLE)
    found = json.loads(bench("generalise", "results.csv", "--method", "c", "--json").out)
    (one,) = found["methods"]
    wins = {s["task"] for s in one["standings"] if s["standing"] == "better"}
    assert wins == {"x", "y"} and one["position"] == 1.0
    assert "specifications" not in bench("generalise", "results.csv").out


def test_what_cannot_be_meant_is_refused(bench: Bench) -> None:
    """Status 2 for an unknown method and a study of which nothing was run."""
    bench.write("results.csv", TABLE)
    assert "unknown method 'd'" in bench("generalise", "results.csv", "--method", "d", check=2).err
    assert "there is no store here" in bench("generalise", "study.toml", check=1).err
