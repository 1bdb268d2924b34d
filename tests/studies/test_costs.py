"""What evaluations are charged: never less than nothing, and never nothing for ever."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))

from own_files import COST, LISTED, SIGNAL, write_card, write_csv

from assay.benchmarks.catalogue import open_benchmark
from assay.benchmarks.importers.own_table import import_own
from assay.benchmarks.tabular import TableBenchmark, never_less
from assay.contracts.evaluation import Evaluation, Failure, Fidelity, Level, Outcome, Status
from assay.contracts.problem import Budget
from assay.foundation.errors import CodeError, CorruptError, UnavailableError, UsageError
from assay.records.store import Store
from assay.studies.cell import CellWorker, Setup
from assay.studies.load import check_study
from assay.studies.meter import Meter
from assay.studies.requirements import open_benchmarks
from assay.studies.run import run_study
from assay.studies.study import Method, Protocol, Study
from assay.testing.toy_space import ToySpace

OWN = "mine/cifar10"
CURVES = """space = "listed"
architecture = "arch"

[fidelity]
schedule = "curve"
epoch_column = "epoch"
prefix = true
"""
MODULES = LISTED.replace("listed", "nas-bench-101")
ONE = "0110000100010000:input,conv1x1-bn-relu,conv3x3-bn-relu,output"
TWIN = "0110000100010000:input,conv3x3-bn-relu,conv1x1-bn-relu,output"
OTHER = "0110000100010000:input,maxpool3x3,conv1x1-bn-relu,output"


def _imported(
    folder: Path, rows: list[tuple[Any, ...]], *parts: str, head: tuple[str, ...] = ("arch", "acc", "time")
) -> TableBenchmark:
    write_csv(folder / "results.csv", head, rows)
    import_own(write_card(folder, *parts), folder / "cache")
    return open_benchmark(OWN, folder / "cache")


@given(st.data())
def test_filled_costs_never_decrease(data: st.DataObject) -> None:
    """Known costs stay, and no continuation of any architecture is negative or unknown."""
    size, epochs = data.draw(st.integers(1, 5)), data.draw(st.integers(1, 5))
    numbers = st.floats(0, 1e6)
    rows = st.lists(numbers, min_size=epochs, max_size=epochs).map(sorted)
    costs = np.array(data.draw(st.lists(rows, min_size=size, max_size=size)))
    known = np.array(data.draw(st.lists(st.booleans(), min_size=costs.size, max_size=costs.size)))
    held = np.where(known.reshape(costs.shape), costs, np.nan)
    fill = np.array(data.draw(rows))
    filled = never_less(held, fill)
    np.testing.assert_array_equal(filled[known.reshape(costs.shape)], costs[known.reshape(costs.shape)])
    assert np.isfinite(filled).all()
    assert (np.diff(filled, axis=1) >= 0).all()


def test_costs_that_decrease_along_a_schedule_are_refused(tmp_path: Path) -> None:
    """A longer training that continues a shorter one cannot be cheaper; the message names the row."""
    rows = [("a", 1, 50.0, 10.0), ("a", 2, 51.0, 12.0), ("b", 1, 50.0, 10.0), ("b", 2, 52.0, 9.0)]
    head = ("arch", "epoch", "acc", "time")
    with pytest.raises(UsageError, match="costs less than a shorter one") as caught:
        _imported(tmp_path, rows, CURVES, SIGNAL, COST, head=head)
    assert "row 4" in (caught.value.where or "")
    assert caught.value.why == "got 9 after 10"
    apart = CURVES.replace("prefix = true", "prefix = false")
    assert _imported(tmp_path, rows, apart, SIGNAL, COST, head=head).costs.tolist() == [12.0, 9.0]


def test_what_is_charged_where_no_cost_is_never_makes_a_continuation_negative(tmp_path: Path) -> None:
    """`absent` is raised to the cost of an earlier epoch, and lowered to that of a later one."""
    rows = [("a", 1, 50.0, 10.0), ("b", 2, 52.0, 9.0), ("b", 1, 50.0, None)]
    head, absent = ("arch", "epoch", "acc", "time"), "absent = 9.5\n"
    own = _imported(tmp_path, rows, CURVES, SIGNAL, COST, absent, head=head)
    first, last = Fidelity("curve", 1), Fidelity("curve", 2)
    assert own.costs_at(first).tolist() == [10.0, 9.0]
    assert own.costs_at(last).tolist() == [10.0, 9.0]
    assert own.costs_at(last, first).tolist() == [0.0, 0.0]


def test_unknown_costs_of_a_table_never_decrease(tmp_path: Path) -> None:
    """What is unknown is the dearest so far, within what the same architecture is known to cost."""
    rows = [(arch, epoch, 50.0, float(epoch)) for arch in "abcd" for epoch in (1, 2, 3)]
    own = _imported(tmp_path, rows, CURVES, SIGNAL, COST, head=("arch", "epoch", "acc", "time"))
    nan = math.nan
    # In the order of the card: epochs 3, 1, 2.
    held = np.array([[nan, 40.0, nan], [8.0, nan, 7.0], [9.0, 1.0, 2.0], [nan, nan, nan]])
    own._table.arrays["cost"] = held
    first, middle, last = (Fidelity("curve", epoch) for epoch in (1, 2, 3))
    assert own.costs_at(first).tolist() == [40.0, 7.0, 1.0, 40.0]
    assert own.costs_at(middle).tolist() == [40.0, 7.0, 2.0, 40.0]
    assert own.costs_at(last).tolist() == [40.0, 8.0, 9.0, 40.0]
    assert own.costs_at(last, first).tolist() == [0.0, 1.0, 8.0, 0.0]


def test_a_crafted_table_whose_costs_decrease_continues_nothing(tmp_path: Path) -> None:
    """Where the known costs of a table fall, a continuation is refused with the file and the architecture."""
    rows = [(arch, epoch, 50.0, float(epoch)) for arch in "ab" for epoch in (1, 2)]
    own = _imported(tmp_path, rows, CURVES, SIGNAL, COST, head=("arch", "epoch", "acc", "time"))
    own._table.arrays["cost"] = np.array([[2.0, 1.0], [2.0, 3.0]])
    first, last = Fidelity("curve", 1), Fidelity("curve", 2)
    with pytest.raises(CorruptError, match="costs less than to curve@1") as caught:
        own.evaluator("validation", fidelity=last, continues=first)
    assert caught.value.why == "b"


@pytest.mark.parametrize("cost", [-1.0, math.nan, -math.inf])
def test_the_meter_refuses_what_is_no_charge(cost: float) -> None:
    """A negative cost would give budget back, and NaN would end no budget."""
    space = ToySpace()

    def evaluate(arch: Any) -> Outcome:
        return Evaluation(1.0, 1.0, cost)

    meter = Meter(
        space,
        evaluate,
        Budget(table_seconds=10.0),
        level=Level("validation", Fidelity("full")),
        crossing="counted",
        seconds=True,
    )
    with pytest.raises(CodeError, match="less than nothing"):
        meter.start(space.at(0))


def test_an_architecture_without_a_row_is_missing(tmp_path: Path) -> None:
    """In a space with more than the rows, the rest fails as missing and costs as much as the dearest."""
    own = _imported(tmp_path, [(ONE, 93.0, 10.0), (OTHER, 92.0, 30.0)], MODULES, SIGNAL, COST)
    evaluate = own.evaluator("validation")
    outcome = evaluate(own.space.parse("0100:input,output"))
    assert isinstance(outcome, Failure)
    assert (outcome.status, outcome.cost) == (Status.MISSING, 30.0)
    with pytest.raises(UsageError, match="not an architecture"):
        evaluate("elsewhere")


def test_an_isomorphic_spelling_has_the_row(tmp_path: Path) -> None:
    """Equivalent modules are one row, and two rows of equivalent modules are refused with the reason."""
    own = _imported(tmp_path, [(ONE, 93.0, 10.0), (OTHER, 92.0, 30.0)], MODULES, SIGNAL, COST)
    twin = own.space.parse(TWIN)
    assert own.evaluator("validation")(twin) == Evaluation(93.0, 93.0, 10.0)
    assert own.space.format(own.space.at(0)) == ONE
    with pytest.raises(UsageError, match="equivalent architectures are one"):
        _imported(tmp_path, [(ONE, 93.0, 10.0), (TWIN, 92.0, 30.0)], MODULES, SIGNAL, COST)


def _study(budget: Budget) -> Study:
    methods = {"random": Method(strategy="random-search")}
    return Study(
        name="own",
        replicates=2,
        benchmarks=(OWN,),
        budget=budget,
        protocol=Protocol(assessment="none"),
        methods=methods,
    )


def test_a_search_outside_the_rows_is_a_run(tmp_path: Path) -> None:
    """A run that draws what the table has no row for goes on, is charged for it, and completes."""
    _imported(tmp_path, [(ONE, 93.0, 10.0), (OTHER, 92.0, 30.0)], MODULES, SIGNAL, COST)
    lines = ("def search(session):", "session.evaluate('0100:input,output')", f"session.evaluate('{TWIN}')")
    (tmp_path / "mine.py").write_text("\n    ".join(lines), encoding="utf-8")
    study = msgspec.structs.replace(
        _study(Budget(table_seconds=500.0)), methods={"mine": Method(loop="mine.py:search")}
    )
    loaded, store = check_study(study, tmp_path), Store(tmp_path / "store")
    assert not run_study(loaded, store, tmp_path / "cache", workers=1).failed
    for run in store.runs().values():
        assert run.record.result.trajectory.column("cost").tolist() == [30.0, 10.0]
        assert run.record.result.recommendation == (TWIN,)


def test_a_budget_that_nothing_spends_is_refused(tmp_path: Path) -> None:
    """Where every cost is zero, a budget in table seconds is refused when it is planned."""
    _imported(tmp_path, [("a", 93.0, 0.0), ("b", 92.0, 0.0)], LISTED, SIGNAL, COST)
    loaded = check_study(_study(Budget(table_seconds=10.0)), tmp_path)
    with pytest.raises(UnavailableError, match="no evaluation of mine/cifar10 costs any") as caught:
        open_benchmarks(loaded, tmp_path / "cache")
    assert caught.value.hint == "a budget in evaluations"
    counted = check_study(_study(Budget(evaluations=3)), tmp_path)
    assert list(open_benchmarks(counted, tmp_path / "cache")) == [OWN]


def test_every_cell_checks_its_table(tmp_path: Path) -> None:
    """A worker refuses another table than was planned at the second cell as at the first."""
    rows = [("a", 1, 50.0, 10.0), ("a", 2, 51.0, 12.0)]
    own = _imported(tmp_path, rows, CURVES, SIGNAL, COST, head=("arch", "epoch", "acc", "time"))
    setup = Setup(store=str(tmp_path / "store"), cache=str(tmp_path / "cache"), keep=False)
    worker = CellWorker(msgspec.msgpack.encode(setup))
    planned = {"benchmark": OWN, "signal": "validation", "policy": own.default_policy}

    def opened(table: str, fidelity: str) -> TableBenchmark:
        spec: Any = SimpleNamespace(**planned, table=table, fidelity=fidelity)
        return worker._benchmark(spec)

    for _ in range(2):
        with pytest.raises(CodeError, match="not the one that was planned"):
            opened("another", "curve@2")
    assert opened(own.table_digest, "curve@2").default_fidelity == Fidelity("curve", 2)
    assert opened(own.table_digest, "curve@1").default_fidelity == Fidelity("curve", 1)
    with pytest.raises(CodeError, match="not the one that was planned"):
        opened("another", "curve@2")
