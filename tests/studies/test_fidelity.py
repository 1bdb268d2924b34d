"""Studies over several fidelities: what is searched at, what is charged, what is reported."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from assay.analysis.cells import make_cells
from assay.analysis.gather import gather_claims, gather_facts, gather_runs
from assay.analysis.trajectories import TABLE_SECONDS, curves
from assay.benchmarks.catalogue import open_benchmark
from assay.benchmarks.family import Family, TableContent, write_table
from assay.benchmarks.own import mark_own
from assay.benchmarks.sources import OfficialFiles
from assay.contracts.card import CostNote, ProtocolCard, SeedNote, TaskCard
from assay.contracts.evaluation import Fidelity
from assay.contracts.problem import Budget, Signal
from assay.foundation.errors import StudyError, UnavailableError, UnknownNameError
from assay.foundation.seeding import Stream
from assay.records.store import Store
from assay.spaces.catalogue import get_space
from assay.studies.load import LoadedStudy, check_study
from assay.studies.plan import Plan, make_plan
from assay.studies.run import run_study
from assay.studies.study import Method, Protocol, Study
from assay.verification.verify import verify_study

SIZE = 6561
STRATEGIES = ("random-search", "hyperband", "asha", "bohb", "dehb")
CURVE = (Fidelity("9-epochs"), *[Fidelity("9-epochs", epoch) for epoch in range(1, 9)], Fidelity("apart", 1))
CARD = ProtocolCard(
    benchmark="curves/made",
    version=1,
    space="nas-bench-macro",
    task=TaskCard(
        name="made",
        version="1",
        title="made for this test",
        family="made",
        lineage=("made",),
        metric="accuracy",
    ),
    signals=(Signal(name="validation", metric="accuracy", split="validation", unit="%"),),
    fidelities=CURVE,
    seeds=SeedNote(seeds=(0,), aggregated=True, policies=("aggregated",), note="made"),
    test=None,
    no_test_because="it is made",
    cost=CostNote(column="seconds", unit="seconds", rule="ten an epoch"),
    prefix=True,
    source="made",
    digest_of_source={},
    licence="CC0",
    citation="",
)


class Curves:
    """A table with a learning curve for every architecture; the last epoch ranks them otherwise."""

    name = "curves"
    revision = 1
    title = "curves"
    tasks = ("made",)
    signals: Mapping[str, str] = {"validation": "accuracy"}
    readings: Mapping[str, Family] = {}
    source = OfficialFiles(
        name="made", version="1", homepage="", licence="", citation="", obtain="", files=()
    )

    def card(self, task: str) -> ProtocolCard:  # noqa: ARG002
        return CARD

    def read(self, task: str, place: Path) -> TableContent:  # noqa: ARG002
        final = np.array([Stream(0, ("final", i)).random() for i in range(SIZE)]) * 100
        epochs = np.array([9, *range(1, 9), 1])
        early = np.roll(final, 1)[:, None] * 0.3 + final[:, None] * 0.7
        values = np.where(epochs == 9, final[:, None], early * epochs / 9)
        seconds = np.broadcast_to(10.0 * epochs, (SIZE, len(epochs)))
        axes = ("architecture", "fidelity")
        columns = {"accuracy": (axes, values), "seconds": (axes, np.ascontiguousarray(seconds))}
        return TableContent(columns=columns, test=None)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    family: Any = Curves()
    write_table(family, "made", folder, Path())
    mark_own("curves", folder)
    return folder


def _study(folder: Path, **protocol: Any) -> LoadedStudy:
    study = Study(
        name="curves",
        replicates=4,
        benchmarks=("curves/made",),
        budget=Budget(table_seconds=4000.0),
        protocol=Protocol(assessment="none", **protocol),
        methods={
            name: Method(strategy=name) for name in ("random-search", "hyperband", "asha", "bohb", "dehb")
        },
    )
    return check_study(study, folder)


def _run(loaded: LoadedStudy, folder: Path, cache: Path, workers: int = 1) -> tuple[Store, Plan]:
    store = Store(folder / "store")
    assert not run_study(loaded, store, cache, workers=workers).failed
    return store, make_plan(loaded, store, cache)


def test_any_number_of_workers_gives_the_same_bytes_and_verifies(made: Path, tmp_path: Path) -> None:
    """Multi-fidelity runs are repeated bit for bit, with one worker or two."""
    digests = []
    for workers in (1, 2):
        folder = tmp_path / str(workers)
        store, plan = _run(_study(tmp_path), folder, made, workers)
        runs = store.runs()
        digests.append(sorted((run, merged.record.result_digest) for run, merged in runs.items()))
        assert len(runs) == len(plan.cells) == 20
    assert digests[0] == digests[1]
    verified = verify_study(_study(tmp_path), store, made, sample=20)
    assert {run.verdict for run in verified.runs} == {"identical"}


def test_low_fidelities_are_cheap_and_never_the_incumbent(made: Path, tmp_path: Path) -> None:
    """Hyperband makes more evaluations than random search; its incumbents are of nine epochs alone."""
    store, plan = _run(_study(tmp_path), tmp_path, made)
    table, space = open_benchmark("curves/made", made), get_space("nas-bench-macro")
    runs = {(run.method, run.replicate): run for run in gather_runs(plan, store.runs(), store)}
    assert len(runs["hyperband", 0].values) > 1.5 * len(runs["random-search", 0].values)
    for merged in store.runs().values():
        record = merged.record
        trajectory = record.result.trajectory
        own = np.isfinite(trajectory.own_values())
        places = [space.index(space.parse(arch)) for arch in trajectory.strings()]  # type: ignore[attr-defined]
        final = table.column("validation")[places]
        np.testing.assert_array_equal(trajectory.own_values()[own], final[own])
        continued = trajectory.column("cost")[:-1].sum()
        assert continued < 4000.0
    facts, methods = gather_facts(plan), list(plan.loaded.study.methods)
    drawn = curves(make_cells(runs.values(), facts, methods), facts, methods)
    assert {one.method for one in drawn if one.axis == TABLE_SECONDS} == set(methods)


def test_a_study_searches_at_one_fidelity_and_reports_another(made: Path, tmp_path: Path) -> None:
    """The signal that is reported is that of `reported`, of the incumbent by `fidelity`."""
    loaded = _study(tmp_path, fidelity="9-epochs@4", reported="9-epochs")
    store, plan = _run(loaded, tmp_path, made)
    table, space = open_benchmark("curves/made", made), get_space("nas-bench-macro")
    final = table.column("validation")
    assert gather_facts(plan)["curves/made"].best == final.max()
    for run in gather_runs(plan, store.runs(), store):
        record = store.runs()[run.run].record
        (found,) = record.result.recommendation
        place = space.index(space.parse(found))  # type: ignore[attr-defined]
        assert run.recommended_value == final[place]
        assert run.shown is not None
        assert run.shown[-1] in final
    assert not gather_claims(plan)


def test_what_a_study_cannot_have_is_refused_when_planned(made: Path, tmp_path: Path) -> None:
    """An unknown fidelity is told with the nearest; a schedule without a curve has no rungs."""
    with pytest.raises(UnknownNameError, match="did you mean '9-epochs@4'"):
        make_plan(_study(tmp_path, fidelity="9-epoch@4"), Store(tmp_path / "store"), made)
    with pytest.raises(UnavailableError, match="earlier epochs of 'apart'"):
        make_plan(_study(tmp_path, fidelity="apart@1"), Store(tmp_path / "store"), made)


def test_what_no_search_could_reach_is_refused_when_planned(made: Path, tmp_path: Path) -> None:
    """Fewer epochs in a budget of evaluations, and a budget below one evaluation, are told before a run."""
    store = Store(tmp_path / "store")
    counted = msgspec.structs.replace(_study(tmp_path).study, budget=Budget(evaluations=50))
    with pytest.raises(StudyError, match="does not fit this strategy") as refused:
        make_plan(check_study(counted, tmp_path), store, made)
    assert "methods.hyperband" in str(refused.value)
    small = msgspec.structs.replace(counted, budget=Budget(table_seconds=20.0))
    with pytest.raises(StudyError, match="no evaluation of curves/made fits"):
        make_plan(check_study(small, tmp_path), store, made)
