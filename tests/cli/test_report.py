"""`assay report`: one HTML file from one JSON file, the same bytes each time, gaps included."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from bench import STUDY, Bench


def _report(bench: Bench, out: str = "report") -> dict[str, Any]:
    bench("report", "study.toml", "--out", out)
    found: dict[str, Any] = json.loads((bench.folder / out / "report.json").read_text())
    return found


def _states(report: dict[str, Any]) -> dict[str, str]:
    return {step["id"]: step["state"] for step in report["lifecycle"]}


def _files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_report_opens_with_a_lifecycle_that_follows_the_evidence(bench: Bench) -> None:
    """Before verification that step is not recorded; afterwards it is met; three replicates are too few."""
    bench("run", "study.toml")
    first = _states(_report(bench))
    assert first["verification"] == "not recorded"
    assert first["replicates"] == "not met"
    met = ("code", "data", "environment", "seeds", "protocol", "assessment", "statistics")
    assert all(first[step] == "met" for step in met), first
    bench("verify", "study.toml")
    assert _states(_report(bench))["verification"] == "met"


def test_two_builds_have_the_same_bytes(bench: Bench) -> None:
    """Page, data and every figure are byte-identical, whatever the hash seed of the process."""
    bench("run", "study.toml")
    found = []
    for seed in ("1", "2"):
        bench.environment["PYTHONHASHSEED"] = seed
        _report(bench, f"report-{seed}")
        found.append(_files(bench.folder / f"report-{seed}"))
    assert len([name for name in found[0] if name.endswith((".svg", ".pdf"))]) >= 8
    assert found[0] == found[1]


def test_a_study_that_changed_since_it_was_verified_says_so(bench: Bench) -> None:
    """Verification of other runs does not count for these, on the console and everywhere on the page."""
    bench("run", "study.toml")
    bench("verify", "study.toml")
    assert "identical 12/12" in " ".join(bench("report", "study.toml", "--out", "report").out.split())
    bench.write("study.toml", STUDY.replace("replicates = 3", "replicates = 4"))
    bench("run", "study.toml")
    report = _report(bench)
    assert _states(report)["verification"] == "not met"
    assert any("replicates 3 -> 4" in note for note in report["study"]["notes"])
    assert report["verification"]["verdict"] == "not verified"
    assert report["verification"]["bound"] is None
    told = " ".join(bench("report", "study.toml", "--out", "report").out.split())
    page = (bench.folder / "report" / "index.html").read_text()
    since = "ot verified: results changed since (verified were 12 runs on 20"
    assert told.count(since) == 2  # the level of verification, and the last line
    assert page.count(since) >= 4  # header, lifecycle, note of the results, and section
    for text in (told, page):
        assert "identical 12/12" not in text
        assert "can differ" not in text


def test_another_study_of_the_same_name_inherits_no_verification(bench: Bench) -> None:
    """A verification is of runs, not of a name."""
    bench("run", "study.toml")
    bench("verify", "study.toml")
    bench.write("study.toml", "seed = 7\n" + STUDY.replace("evaluations = 30", "evaluations = 20"))
    bench("run", "study.toml")
    told = " ".join(bench("report", "study.toml", "--out", "report").out.split())
    assert "Not verified: results changed since (verified were 12 runs on 20" in told
    assert "identical" not in told


def test_a_claim_that_came_later_needs_its_own_verification(bench: Bench) -> None:
    """Where the runs are the same but claims rest on some that were not repeated, the report says that."""
    bench.write("study.toml", STUDY.split("[[claims]]")[0])
    bench("run", "study.toml")
    bench("verify", "study.toml", "--sample", "1")
    bench.write("study.toml", STUDY)
    told = " ".join(bench("report", "study.toml", "--out", "report").out.split())
    assert "Not verified: claims changed since" in told
    assert "(verified was 1 run on 20" in told


def test_failed_and_missing_runs_are_counted_and_never_averaged(bench: Bench) -> None:
    """Counts say planned, attempted, completed, failed; a claim with a missing run is untested."""
    method = (
        "class Fails:\n"
        "    name, revision, requires, libraries = 'fails', 1, (), ()\n"
        "    def __init__(self, problem, rng): raise RuntimeError('<b>no</b>')\n"
    )
    bench.write("fails.py", method)
    text = STUDY.replace("[[claims]]", '[methods.fails]\nstrategy = "fails.py:Fails"\n\n[[claims]]')
    bench.write("study.toml", text.replace('than = "random"', 'than = "fails"'))
    bench("run", "study.toml", check=1)
    report = _report(bench)
    assert report["counts"] == {"planned": 18, "attempted": 18, "completed": 12, "failed": 6, "reported": 12}
    assert [claim["verdict"] for claim in report["analysis"]["claims"]] == ["untested"]
    assert len(report["failures"]) == 6
    page = (bench.folder / "report" / "index.html").read_text()
    assert "RuntimeError" in page
    assert "<b>no</b>" not in page


def test_the_ledger_and_the_mileage_are_in_the_report(bench: Bench) -> None:
    """Each benchmark says how often its test labels were asked, by this study and in the store."""
    bench("run", "study.toml")
    bench.write("study.toml", STUDY.replace("replicates = 3", "replicates = 1").replace('"small"', '"other"'))
    report = _report(bench)
    mileage = {entry["benchmark"]: (entry["this_study"], entry["in_store"]) for entry in report["mileage"]}
    assert mileage == {"nas-bench-graph/cora": (2, 6), "nas-bench-graph/proteins": (2, 6)}
    assert {entry["status"] for entry in report["mileage"]} == {"self-declared"}


def test_budgets_in_table_seconds_give_regret_over_table_seconds(bench: Bench) -> None:
    """Where the card has a cost, the curves exist on both axes, and without a test the signal is reported."""
    text = STUDY.replace('"nas-bench-graph/cora", "nas-bench-graph/proteins"', '"nas-bench-201/cifar10"')
    text = text.replace("evaluations = 30", "table_seconds = 60000.0\n\n[protocol]\nassessment = 'none'")
    bench.write("study.toml", text.split("[[claims]]")[0])
    bench("run", "study.toml")
    report = _report(bench)
    assert {curve["axis"] for curve in report["analysis"]["curves"]} == {"evaluations", "table seconds"}
    assert {row["reported"] for row in report["analysis"]["results"]} == {"signal"}
    assert _states(report)["assessment"] == "not applicable"


def test_the_report_judges_what_its_numbers_show(bench: Bench) -> None:
    """Comparison, luck of every cell, detectable effects and registration are in the JSON and on the page."""
    bench("run", "study.toml")
    report = _report(bench)
    judgement = report["judgement"]
    assert report["version"] == 2
    assert {row["method"] for row in judgement["luck"]} == {"random", "evolution"}
    assert all(len(row["luck"]["at_least"]) == 3 for row in judgement["luck"])
    assert [row["method"] for row in judgement["over_random"]] == ["evolution"] * 2
    assert {row["benchmark"] for row in judgement["detectable"]} >= {"nas-bench-graph/cora"}
    assert judgement["registration"]["state"] == "not registered"
    compared = {
        (task["task"], cell["method"]): cell["standing"]
        for task in judgement["comparison"]["tasks"]
        for cell in task["cells"]
    }
    for row in report["analysis"]["results"]:
        assert row["leads"] == (compared[row["benchmark"], row["method"]] == "best")
    page = (bench.folder / "report" / "index.html").read_text()
    for section in ("claims", "comparison", "luck", "effects", "stability", "registration"):
        assert f'<section id="{section}"' in page


def test_json_prints_the_document(bench: Bench) -> None:
    """`--json` prints the very bytes of report.json."""
    bench("run", "study.toml")
    told = bench("report", "study.toml", "--out", "report", "--json").out
    assert told.encode() == (bench.folder / "report" / "report.json").read_bytes()


def test_a_registered_plan_and_what_departs_from_it(bench: Bench) -> None:
    """A registration is shown as self-declared, with each deviation; a claim of later is told to be late."""
    bench("register", "study.toml")
    bench("run", "study.toml")
    report = _report(bench)
    assert report["judgement"]["registration"]["state"] == "self-declared"
    assert "deviations" in report["judgement"]["registration"]
    assert report["judgement"]["registration"]["deviations"] == []
    bench.write("study.toml", STUDY.replace("replicates = 3", "replicates = 4"))
    bench("run", "study.toml")
    told = _report(bench)["judgement"]["registration"]["deviations"]
    assert "replicates: 3 -> 4" in told
    assert "Registration: self-declared" in bench("report", "study.toml", "--out", "report").out


def test_an_edited_registration_does_not_count(bench: Bench) -> None:
    """A registration that was edited after it was written is named, and the study is not registered."""
    bench("register", "study.toml")
    path = bench.folder / "study.registration.json"
    path.write_text(path.read_text().replace('"evaluations": 30', '"evaluations": 31'))
    bench("run", "study.toml")
    found = _report(bench)["judgement"]["registration"]
    assert found["state"] == "not registered"
    assert "edited" in found["why"]
