"""A raced study on real tables: the same cells, however it is run, and no number that hangs on more."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from assay.analysis.analyse import analyse
from assay.analysis.cells import make_cells
from assay.analysis.gather import gather_claims, gather_facts, gather_runs
from assay.analysis.scoring import study_scores
from assay.contracts.problem import Budget
from assay.execution.local import LocalWorkers
from assay.foundation.errors import StudyError
from assay.records.store import Store
from assay.statistics.ranks import average_ranks
from assay.statistics.scores import RACED
from assay.studies.load import LoadedStudy, check_study
from assay.studies.plan import make_plan
from assay.studies.raced import gap_lines, without_raced
from assay.studies.racing import Racing
from assay.studies.run import RunSummary, run_study
from assay.studies.study import Claim, Method, Protocol, Study
from assay.verification.verify import verify_study

CELL = "nas-bench-201/cifar10"
POOR = '''\
def search(session):
    """Evaluate the first architecture of the space, which is the worst, and stop."""
    session.evaluate(session.space.at(0))
'''


def _study(folder: Path, **changes: object) -> LoadedStudy:
    (folder / "poor.py").write_text(POOR, encoding="utf-8")
    fields: dict[str, object] = {
        "name": "race",
        "replicates": 40,
        "benchmarks": (CELL,),
        "budget": Budget(evaluations=10),
        "protocol": Protocol(assessment="none"),
        "racing": Racing(batch=10),
        "methods": {
            "random": Method(strategy="random-search"),
            "poor": Method(loop="poor.py:search"),
        },
        "claims": (Claim(better="random", than="poor", metric="signal", rule="always-valid"),),
    }
    return check_study(Study(**{**fields, **changes}), folder)


def _run(loaded: LoadedStudy, folder: Path, cache: Path, workers: int = 1) -> tuple[Store, RunSummary]:
    store = Store(folder / "store")
    return store, run_study(loaded, store, cache, workers=workers)


@pytest.fixture(scope="module")
def raced(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> tuple[LoadedStudy, Store, RunSummary]:
    """Return a raced study, run by one worker."""
    folder = tmp_path_factory.mktemp("raced")
    loaded = _study(folder)
    return loaded, *_run(loaded, folder, cache)


def test_a_hopeless_method_stops_and_the_rest_goes_on(
    raced: tuple[LoadedStudy, Store, RunSummary], cache: Path
) -> None:
    """Its later cells are neither run nor due, nor do they count; a second run does nothing."""
    loaded, store, summary = raced
    (out,) = summary.dropped
    assert (out.method, out.by) == ("poor", "random") and out.after < 40
    assert summary.cells == summary.done == 40 + out.after == len(store.runs())
    again = run_study(loaded, store, cache, workers=1)
    assert (again.done, again.cells, again.dropped) == (0, summary.cells, summary.dropped)
    shown = msgspec.json.decode((store.study_folder("race") / "racing.json").read_bytes())
    assert shown["lanes"][0]["dropped"][0]["method"] == "poor"


def test_two_workers_and_an_interrupt_run_the_same_cells(
    raced: tuple[LoadedStudy, Store, RunSummary], tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Run ids and results are those of one worker that nothing interrupts."""
    _, store, _ = raced
    loaded = _study(tmp_path)
    whole = LocalWorkers.run
    calls = []

    def interrupted(self: LocalWorkers, jobs: list[bytes], *rest: object) -> None:
        calls.append(len(jobs))
        if len(calls) == 2:
            whole(self, jobs[: len(jobs) // 2], *rest)
            raise KeyboardInterrupt
        whole(self, jobs, *rest)

    monkeypatch.setattr(LocalWorkers, "run", interrupted)
    with pytest.raises(KeyboardInterrupt):
        _run(loaded, tmp_path, cache, workers=2)
    monkeypatch.undo()
    other, _ = _run(loaded, tmp_path, cache, workers=2)
    one, two = (
        {(r.record.strategy, r.record.replicate): r.record.result_digest for r in s.runs().values()}
        for s in (store, other)
    )
    assert one == two


def test_dropped_cells_are_raced_and_not_missing(
    raced: tuple[LoadedStudy, Store, RunSummary], cache: Path
) -> None:
    """Scores have a status for them, ranks no failure, the claim a verdict, and each number a sequence."""
    loaded, store, summary = raced
    after = summary.dropped[0].after
    plan = without_raced(make_plan(loaded, None, cache), store.runs())
    facts = gather_facts(plan)
    runs = gather_runs(plan, store.runs(), store)
    methods = ("random", "poor")
    scores = study_scores(make_cells(runs, facts, methods), facts, methods, 40)
    assert (scores.status[0, 1, after:] == RACED).all() and not (scores.status[0, 0] == RACED).any()
    assert scores.lost(0, 1) == 0 and scores.made().sum() == 40 + after
    assert average_ranks(scores.means()).tolist() == [[1.0, 2.0]]
    found = analyse(runs, facts, methods, 40, gather_claims(plan), 0)
    (claim,) = found.claims
    assert claim.verdict in ("supported", "undecided")
    assert any("dropped by a race" in text for text in claim.validity)
    rows = {row.method: row for row in found.results}
    assert rows["poor"].planned == after and "dropped by the race" in rows["poor"].text
    assert {row.interval.method for row in found.results if row.interval} <= {"confidence sequence", "none"}


def test_runs_beyond_the_last_look_change_nothing(
    raced: tuple[LoadedStudy, Store, RunSummary], tmp_path: Path, cache: Path
) -> None:
    """A store that has all replicates of an unraced study leads to the cells of the race."""
    _, _, summary = raced
    free = _study(tmp_path, racing=None)
    store, _ = _run(free, tmp_path, cache)
    assert len(store.runs()) == 80
    plan = without_raced(make_plan(_study(tmp_path), None, cache), store.runs())
    assert plan.race is not None and plan.race.dropped() == summary.dropped
    assert len(plan.cells) == summary.cells
    assert without_raced(make_plan(free, None, cache), store.runs()).race is None


def test_verification_does_not_miss_what_was_not_to_run(
    raced: tuple[LoadedStudy, Store, RunSummary], cache: Path
) -> None:
    """Nothing is found missing."""
    loaded, store, _ = raced
    found = verify_study(loaded, store, cache, sample=2, seed=1, workers=1)
    assert found.holds, found.summary.findings


def test_the_plan_prints_the_gap_at_which_anything_could_drop(
    raced: tuple[LoadedStudy, Store, RunSummary], cache: Path
) -> None:
    """For the first look and the last that may drop, in the unit of the signal."""
    (line,) = gap_lines(make_plan(raced[0], None, cache))
    assert "after 10 replicates" in line and "after 30 replicates" in line and "%" in line


def test_what_a_race_cannot_support_is_refused(tmp_path: Path) -> None:
    """A fixed rule for a claim, a single method, a batch that is everything."""
    for changes, says in (
        ({"claims": (Claim(better="random", than="poor", metric="signal"),)}, "every look"),
        ({"methods": {"random": Method(strategy="random-search")}, "claims": ()}, "two methods"),
        ({"racing": Racing(batch=40)}, "batch"),
    ):
        with pytest.raises(StudyError, match=says):
            _study(tmp_path, **changes)
