"""A tuned study by the command line: tuned first, frozen, run, verified, reported, and run again."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path

import pytest
from bench import STUDY, Bench

from assay.analysis.cells import make_cells
from assay.analysis.gather import gather_facts, gather_runs
from assay.analysis.tuning import SAME, TuningReport, tuning_report
from assay.records.store import Store
from assay.studies.choosing import Frozen, load_frozen
from assay.studies.load import load_study
from assay.studies.plan import make_plan
from assay.studies.tuned import settled
from assay.tasks.ledger import Ledger

TUNING = """
[methods.evolution.tuning]
benchmarks = ["nas-bench-graph/photo", "nas-bench-201/cifar10"]
configurations = 3
replicates = 2
budget.evaluations = 25

[methods.evolution.tuning.space]
population = [5, 10, 20]
tournament = [2]
"""
TUNED = STUDY.replace("[[claims]]", f"{TUNING}\n[[claims]]")


@pytest.fixture
def tuned(bench: Bench) -> Bench:
    """Return a bench whose study tunes one of its two methods: 12 tuning runs, then 12 or 18 of its own."""
    bench.write("study.toml", TUNED)
    return bench


def _frozen(bench: Bench) -> Frozen:
    return load_frozen(Store(bench.folder / "store", create=False), "small")


def _edit(bench: Bench, old: str, new: str) -> None:
    path = bench.folder / "study.toml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def _plan(bench: Bench) -> dict[str, object]:
    found: dict[str, object] = json.loads(bench("run", "study.toml", "--dry-run", "--json").out)
    return found


def _report(bench: Bench) -> TuningReport:
    store, cache = bench.store, Path(bench.environment["ASSAY_CACHE"])
    found = settled(load_study(bench.folder / "study.toml"), store, cache)
    plan, runs = make_plan(found.loaded, None, cache), store.runs()
    facts = gather_facts(plan)
    cells = make_cells(gather_runs(plan, runs, store), facts, tuple(found.loaded.study.methods))
    report = tuning_report(found, store, runs, cells, facts)
    assert report is not None
    return report


def test_a_dry_run_prints_what_the_tuning_costs(tuned: Bench) -> None:
    """Before anything ran: its runs, its cost, what waits for it, and which methods have none."""
    out = tuned("run", "study.toml", "--dry-run").out
    assert "3 configurations x 2 replicates x 2 benchmarks x 25 evaluations = 300 evaluations" in out
    assert "evolution itself, 3 runs a benchmark, is planned once it is tuned" in out
    assert "not tuned, with declared defaults: random" in out
    plan = _plan(tuned)
    assert plan["pending"] == ["evolution"]
    assert {cell["method"] for cell in plan["due"]} == {"random", "evolution@default"}  # type: ignore[attr-defined]
    assert not (tuned.folder / "store").exists()


def test_a_tuned_study_is_chosen_frozen_run_and_verified(tuned: Bench) -> None:
    """The tuning runs come first and see no test; a second run does nothing; verification repeats both."""
    answer = tuned("run", "study.toml")
    assert "12 runs done to tune it" in answer.out
    assert "evolution is tuned: population=" in answer.out
    (choice,) = _frozen(tuned).methods
    tuning = {run for one in choice.configurations for run in one.runs}
    assert len(tuning) == 12
    runs = tuned.runs()
    assert tuning < set(runs)
    last = max(runs[run].record.circumstances.ended for run in tuning)
    own = [run for run in runs if run not in tuning]
    assert last <= choice.when <= min(runs[run].record.circumstances.started for run in own)
    assert {entry.run for entry in Ledger(tuned.folder / "store").entries()} == set(own)
    digests = {runs[run].record.components.hyperparameters for run in own}
    assert choice.choice.digest in digests
    before = tuned.digests()
    again = tuned("run", "study.toml")
    assert f"nothing to do, all {len(own)} runs stand" in again.out
    assert "to tune it" not in again.out
    assert tuned.digests() == before
    assert f"identical {len(runs)}/{len(runs)}" in tuned("verify", "study.toml", "--sample", "99").out
    assert tuned("report", "study.toml").status == 0
    listed = tuned("ls", "--study", "study.toml").out
    assert "evolution[population=10, tournament=2]" in listed


def test_the_report_shows_gain_cost_and_sensitivity(tuned: Bench) -> None:
    """Default against tuned on each benchmark, what was charged, and each hyperparameter's levels."""
    _edit(tuned, "population = 5, tournament = 2", "population = 6, tournament = 2")
    tuned("run", "study.toml")
    report = _report(tuned)
    (method,) = report.methods
    assert not report.problems
    assert method.digest == method.frozen == next(o.choice.digest for o in _frozen(tuned).methods)
    assert method.evaluations == 12 * 25
    assert method.table_seconds is not None
    assert method.table_seconds > 0
    assert [row.default for row in method.configurations] == [True, False, False]
    by_name = {one.hyperparameter: one for one in method.sensitivity}
    assert len(by_name["population"].levels) == 3
    assert by_name["population"].fraction == pytest.approx(1.0)
    assert by_name["tournament"].range == 0.0
    assert report.untuned == ("random",)
    gains = {gain.benchmark: gain for gain in report.gains}
    assert set(gains) == {"nas-bench-graph/cora", "nas-bench-graph/proteins"}
    if method.note == SAME:
        assert {gain.why for gain in report.gains} == {SAME}
    else:
        assert all(gain.difference and gain.adjusted is not None for gain in report.gains)
    assert "300 evaluations" in str(report)
    assert report.table().rows and report.scores().rows and report.sensitivities().rows


def test_where_the_default_is_chosen_it_stands_there_once(tuned: Bench) -> None:
    """Both would be the same runs: the default is left out, with a note."""
    _edit(tuned, "population = [5, 10, 20]", "population = [2]")
    _edit(tuned, "population = 5, tournament = 2", "population = 10, tournament = 3")
    _edit(tuned, "tournament = [2]", "tournament = [25]")
    _edit(tuned, "configurations = 3\nreplicates = 2", "configurations = 2\nreplicates = 8")
    answer = tuned("run", "study.toml")
    assert "the same configuration as its default" in answer.out
    plan = _plan(tuned)
    assert (plan["due"], plan["cells"]) == ([], 12)
    report = _report(tuned)
    assert report.methods[0].note == SAME
    assert all(gain.difference is None and gain.why == SAME for gain in report.gains)


@pytest.mark.slow
def test_a_changed_tuning_block_tunes_that_method_only(tuned: Bench) -> None:
    """New configurations run, the old runs stand, and the new choice says that there was another."""
    other = TUNING.replace("methods.evolution", "methods.climber").replace(
        "population = [5, 10, 20]\ntournament = [2]", "full_neighbourhood = [true, false]"
    )
    other = other.replace("configurations = 3\nreplicates = 2", "configurations = 2\nreplicates = 3")
    _edit(tuned, "[[claims]]", f'[methods.climber]\nstrategy = "local-search"\n{other}\n[[claims]]')
    tuned("run", "study.toml")
    before, digests = _frozen(tuned), tuned.digests()
    _edit(tuned, "population = [5, 10, 20]\ntournament = [2]", "population = [5, 10, 15]\ntournament = [2]")
    tuning = {one["method"]: one for one in _plan(tuned)["tuning"]}  # type: ignore[attr-defined]
    assert len(tuning["climber"]["due"]) == 0
    assert len(tuning["evolution"]["due"]) == 4
    tuned("run", "study.toml")
    after = _frozen(tuned)
    assert [one.earlier for one in after.methods] == [1, 0]
    assert after.methods[1] == before.methods[1]
    assert {run: tuned.digests()[run] for run in digests} == digests
    assert any("frozen before" in caution for caution in _report(tuned).basis.cautions)


def test_a_choice_that_was_changed_is_shown_and_not_run(tuned: Bench) -> None:
    """Verification names it, the report has it as a problem, and a run refuses."""
    tuned("run", "study.toml")
    path = Store(tuned.folder / "store", create=False).study_folder("small") / "tuning.json"
    document = json.loads(path.read_text())
    place = document["methods"][0]["chosen"]
    document["methods"][0]["chosen"] = (place + 1) % 3
    path.write_text(json.dumps(document))
    assert "is not what its runs choose" in tuned("run", "study.toml", check=1).err
    findings = json.loads(tuned("verify", "study.toml", "--json", check=1).out)["summary"]["findings"]
    assert any("is not what its runs choose" in line for line in findings)
    report = _report(tuned)
    assert report.methods[0].digest != report.methods[0].frozen
    assert "PROBLEM" in report.sentence()
    path.unlink()
    assert "nothing to do" in tuned("run", "study.toml").out


def test_a_failed_tuning_run_chooses_nothing_and_runs_nothing_else(tuned: Bench) -> None:
    """What fails does not fail by chance: no choice rests on the others, and the next run tries again."""
    tuned.write(
        "mine.py",
        "def search(session, *, size: int = 1):\n"
        "    if size == 3:\n        raise ValueError('three')\n"
        "    while True:\n        session.evaluate(session.space.sample(session.rng))\n",
    )
    text = TUNED.replace('strategy = "regularized-evolution"', 'loop = "mine.py:search"')
    text = text.replace("hyperparameters = { population = 5, tournament = 2 }", "")
    text = text.replace("population = [5, 10, 20]\ntournament = [2]", "size = [2, 3]")
    tuned.write("study.toml", text)
    answer = tuned("run", "study.toml", check=1)
    assert "4 tuning runs failed, so that nothing is chosen" in answer.out
    assert "ValueError: three" in answer.out
    assert not _frozen(tuned).methods
    assert len(tuned.runs()) == 12
    _edit(tuned, "size = [2, 3]", "size = [2, 4]")
    assert "4 runs done to tune it" in tuned("run", "study.toml").out


@pytest.mark.slow
def test_an_interrupted_tuning_ends_as_an_uninterrupted_one(make_bench) -> None:
    """The same choice, the same runs, the same digests; nothing is frozen half way."""
    text = TUNED.replace("configurations = 3\nreplicates = 2", "configurations = 3\nreplicates = 60")
    whole, broken = (make_bench(name, [("study.toml", text)]) for name in ("whole", "broken"))
    whole("run", "study.toml", "--workers", "1")
    started = broken.start("run", "study.toml", "--workers", "1")
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not _some_journal(broken):
        time.sleep(0.02)
    started.send_signal(signal.SIGINT)
    started.communicate(timeout=60)
    assert started.returncode == 130
    assert not _frozen(broken).methods
    broken("run", "study.toml", "--workers", "2")
    assert broken.digests() == whole.digests()
    ours, theirs = _frozen(broken).methods, _frozen(whole).methods
    assert ours[0].agrees(theirs[0])


def _some_journal(bench: Bench) -> bool:
    folder = bench.folder / "store" / "journals"
    return folder.exists() and any(path.stat().st_size > 4096 for path in folder.iterdir())
