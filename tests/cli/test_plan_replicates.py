"""`assay plan-replicates`: from a table before any run, from records after, and from a table of results."""

from __future__ import annotations

import json

from bench import Bench


def _json(bench: Bench, *command: str) -> dict:
    return json.loads(bench("plan-replicates", *command, "--json").out)


def test_before_any_run_the_table_itself_is_the_pilot(bench: Bench) -> None:
    """Random searches of the study's budget, their number stated; nothing is written."""
    answer = bench("plan-replicates", "study.toml", "--effect", "0.005")
    assert "simulated, 100" in answer.out
    assert "that of 100 random searches for each method" in answer.out
    assert "mean over tasks" in answer.out
    assert "with 3 replicates a permutation test can never be significant" in answer.out
    assert "only the spread of the pilot is used" in answer.out
    assert "no number of replicates decides a claim about tasks" in answer.out
    assert not (bench.folder / "store").exists()


def test_recorded_runs_are_the_pilot_once_there_are_any(bench: Bench) -> None:
    """The rows name where their spread is from; one task and one pair may be asked for."""
    bench("run", "study.toml")
    found = _json(bench, "study.toml", "--effect", "0.005", "--task", "nas-bench-graph/cora")
    (row,) = found["rows"]
    assert (row["pilot"], row["pilot_n"], row["planned"]) == ("records", 3, 3)
    assert row["corrected"] <= row["cautious"]
    pair = _json(bench, "study.toml", "--effect", "0.005", "--pair", "random,evolution")
    assert {(row["a"], row["b"]) for row in pair["rows"]} == {("random", "evolution")}


def test_a_tuned_method_that_is_not_tuned_yet_is_planned_from_the_table(bench: Bench) -> None:
    """Its configuration is not known, and its spread is simulated."""
    text = (bench.folder / "study.toml").read_text()
    block = (
        '[methods.evolution.tuning]\nsuite = "development-v1"\nconfigurations = 2\nreplicates = 1\n'
        "space = { population = [7] }\n\n[[claims]]"
    )
    bench.write("study.toml", text.replace("[[claims]]", block))
    found = _json(bench, "study.toml", "--effect", "0.005")
    assert {row["pilot"] for row in found["rows"]} == {"simulated"}


def test_a_table_of_results_is_a_pilot(bench: Bench) -> None:
    """Every pair of its methods, corrected for all of them."""
    lines = [
        f"{m},{t},{r},{(i * 7 + r * 13) % 11}" for i, m in enumerate("abc") for t in "xy" for r in range(5)
    ]
    bench.write("results.csv", "\n".join(["method,task,replicate,score", *lines]) + "\n")
    found = _json(bench, "results.csv", "--effect", "2")
    assert found["tests"] == 3
    assert {(row["task"], row["a"], row["b"]) for row in found["rows"]} == {
        (t, a, b) for t in "xy" for a, b in ("ab", "ac", "bc")
    }


def test_what_cannot_be_meant_is_refused(bench: Bench) -> None:
    """Status 2 and the nearest name."""
    for extra, says in (
        (("--effect", "0"), "an effect is a positive number"),
        (("--effect", "1", "--pair", "random"), "two names with a comma"),
        (("--effect", "1", "--pair", "random,evolutoin"), "did you mean 'evolution'?"),
        (("--effect", "1", "--task", "nas-bench-graph/coras"), "did you mean 'nas-bench-graph/cora'?"),
        (("--effect", "1", "--power", "2"), "a power lies between"),
    ):
        assert says in bench("plan-replicates", "study.toml", *extra, check=2).err
