"""The step trace of real programs: the same bits as without it, and the rows that are expected."""

from __future__ import annotations

import importlib.util
import shutil
import textwrap
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

_spec = importlib.util.spec_from_file_location("recorded_programs", Path(__file__).parent / "recorded.py")
assert _spec is not None and _spec.loader is not None
recorded = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(recorded)

Rows = list[dict[str, Any]]
OUTCOME = {"loss", "gradients", "weights", "hyperparameters"}


def slow(*values: Any) -> Any:
    """Return a case that takes longer than the rest."""
    return pytest.param(*values, marks=pytest.mark.slow, id=values[0])


CASES = [
    pytest.param("plain_loop", {"SGD#0": 20}, OUTCOME | {"inputs", "torch"}, id="plain_loop"),
    pytest.param("loader_augment", {"SGD#0": 20}, OUTCOME | {"order", "batch"}, id="loader_augment"),
    pytest.param("gan", {"Adam#0": 8, "RMSprop#1": 8}, OUTCOME | {"inputs", "torch"}, id="gan"),
    slow("trainer_class", {"AdamW#0": 20}, OUTCOME | {"order", "batch"}),
    # The scaler calls a fused optimizer also where gradients are infinite: its kernel leaves the weights.
    slow("amp_cpu", {"Adam#0": 10}, OUTCOME | {"inputs", "torch"}),
    slow("accumulation", {"Adam#0": 20}, OUTCOME | {"inputs", "torch"}),
    slow("lstm", {"Adagrad#0": 10, "SparseAdam#1": 10}, {"gradients", "weights", "hyperparameters"}),
    slow("transformer", {"Lion#0": 10}, OUTCOME | {"inputs", "torch"}),
    slow("lbfgs", {"LBFGS#0": 6}, OUTCOME | {"inputs"}),
    slow("compiled", {"Adam#0": 8}, OUTCOME | {"torch"}),
    slow("ddp_gloo", {"SGD#0": 6}, OUTCOME | {"inputs"}),
]


def comparable(live: Path) -> list[Rows]:
    """Return what must be equal between two recorded runs: the trace and the sampling of each process."""
    kinds = {"row", "sampling", "tensors", "names"}
    found = [[row for row in rows if row["k"] in kinds] for rows in recorded.rows_of(live)]
    return sorted((rows for rows in found if rows), key=str)


def failures(rows: Rows) -> list[str]:
    """Return what went wrong inside the hook."""
    return [text for text in recorded.missed(rows) if "could not be observed:" in text]


def record_twice(tmp_path: Path, program: str, *arguments: object, **hook: Any) -> list[Rows]:
    """Check that a program ends in the same bits, three times, and return its rows."""
    plain = recorded.run(f"{program}.py", *arguments)
    for name in ("a", "b"):
        assert recorded.run(f"{program}.py", *arguments, live=tmp_path / name, **hook) == plain
    assert comparable(tmp_path / "a") == comparable(tmp_path / "b")
    return recorded.rows_of(tmp_path / "a")


@pytest.mark.parametrize(("program", "steps", "fields"), CASES)
def test_steps_of_programs(tmp_path: Path, program: str, steps: dict[str, int], fields: set[str]) -> None:
    """Each optimizer step is a row with its fields, between a start row and an end row."""
    if program == "compiled" and shutil.which("c++") is None:
        pytest.skip("no compiler")
    processes = record_twice(tmp_path, program)
    traced = [recorded.trace_of(rows) for rows in processes if recorded.trace_of(rows)]
    assert len(traced) == (2 if program == "ddp_gloo" else 1)
    for rows in traced:
        assert Counter(row["name"] for row in rows if row["kind"] == "step") == steps
        assert [row["n"] for row in rows if row["kind"] == "step"] == list(range(sum(steps.values())))
        assert [row["name"] for row in rows if row["kind"] == "start"] == list(steps)
        assert rows[0]["kind"] == "start" and rows[-1]["kind"] == "end"
        later = [row for row in rows if row["kind"] == "step"][len(steps) :]
        assert all(fields <= set(row["d"]) for row in later), later[0]
        assert all(program in row["where"] for row in later)
        assert len({row["d"]["weights"] for row in later}) == len(later)
        if len(steps) == 1:
            assert rows[-1]["d"]["weights"] == later[-1]["d"]["weights"]
    assert not [
        text for rows in processes for text in recorded.missed(rows) if "could not be observed:" in text
    ]


def test_programs_without_an_optimizer(tmp_path: Path) -> None:
    """Backward passes and calls of `autograd.grad` are steps: weights before, gradients after."""
    rows = recorded.trace_of(record_twice(tmp_path, "manual_update")[0])
    backward = [row for row in rows if row["kind"] == "backward"]
    assert [row["name"] for row in backward] == ["backward"] * 10 + ["grad"] * 10
    assert all(set(row["d"]) >= {"loss", "weights", "gradients"} and row["value"] > 0 for row in backward)
    assert rows[0]["d"]["weights"] == backward[0]["d"]["weights"] != backward[1]["d"]["weights"]


@pytest.mark.slow
def test_programs_that_only_run_forward(tmp_path: Path) -> None:
    """Outermost calls of modules are steps, with what goes in and what comes out."""
    rows = recorded.trace_of(record_twice(tmp_path, "forward_only")[0])
    assert Counter(row["kind"] for row in rows) == {"forward": 20, "start": 1, "end": 1}
    assert all({"batch", "outputs", "order"} <= set(row["d"]) for row in rows if row["kind"] == "forward")


@pytest.mark.slow
def test_a_compiled_optimizer(tmp_path: Path) -> None:
    """Its steps run without hooks, in the same bits; backward passes stand for them, and it is said."""
    arguments = ("--optimizer", "compiled", "--backend", "aot_eager")
    [rows] = record_twice(tmp_path, "compiled", *arguments)
    assert Counter(row["kind"] for row in recorded.trace_of(rows)) == {"backward": 8, "start": 1, "end": 1}
    assert any("compiled optimizer" in text for text in recorded.missed(rows))


def test_sampling_of_a_loader(tmp_path: Path) -> None:
    """Each pass has its order; the subset has its split; workers have files and no trace."""
    recorded.run("loader_augment.py", "--steps", 6, live=tmp_path / "a")
    recorded.run("loader_augment.py", "--steps", 6, "--seed", 1, live=tmp_path / "b")
    a, b = ([row for row in recorded.rows_of(tmp_path / name)[0] if row["k"] == "sampling"] for name in "ab")
    assert [(row["loader"], row["epoch"], row["length"]) for row in a] == [(0, 0, 32), (0, 1, 32)]
    assert a[0]["dataset"] == "__main__.Noisy"
    assert len({row["order"] for row in [*a, *b]}) == 4
    assert len({row["split"] for row in [*a, *b]}) == 1
    workers = recorded.rows_of(tmp_path / "a")[1:]
    assert len(workers) == 4
    assert all(not recorded.trace_of(rows) for rows in workers)
    assert {rows[0]["role"] for rows in workers} == {"loader worker"}


def test_stopping_after_a_step(tmp_path: Path) -> None:
    """The process leaves right after the row of that step, with everything written, workers and all."""
    out = recorded.run("loader_augment.py", live=tmp_path / "a", stop_after=17, budget=0.0)
    rows = recorded.rows_of(tmp_path / "a")[0]
    steps = [row["n"] for row in recorded.trace_of(rows) if row["kind"] == "step"]
    assert out == ""
    assert steps[-1] == 17 and steps[:16] == list(range(16))
    assert {"k": "stopped", "n": 17} in rows


def test_single_tensors(tmp_path: Path) -> None:
    """At the level of tensors each has its name, and the rows of the steps are those of the other level."""
    arguments = ("plain_loop.py", "--steps", 4)
    recorded.run(*arguments, live=tmp_path / "steps")
    recorded.run(*arguments, live=tmp_path / "tensors", level="tensors")
    [rows] = recorded.rows_of(tmp_path / "tensors")
    names = {row["kind"]: row["names"] for row in rows if row["k"] == "names"}
    weights = ["0.weight", "0.bias", "3.weight", "3.bias"]
    assert names == {"weight": weights, "gradient": weights, "output": ["0", "1", "2", "3", ""]}
    tensors = [row for row in rows if row["k"] == "tensors"]
    assert Counter(row["kind"] for row in tensors) == {"weight": 4, "gradient": 4, "output": 4}
    assert all(len(row["d"]) == 32 * len(names[row["kind"]]) for row in tensors)
    [plain] = recorded.rows_of(tmp_path / "steps")
    assert recorded.trace_of(plain) == recorded.trace_of(rows)


def test_the_first_row_that_differs_tells_the_cause(tmp_path: Path) -> None:
    """A learning rate shows first in the hyperparameters of step 0, with equal gradients."""
    rows = []
    for rate in (0.1, 0.05):
        live = tmp_path / str(rate)
        recorded.run("plain_loop.py", "--steps", 3, "--lr", rate, live=live)
        rows.append(recorded.trace_of(recorded.rows_of(live)[0]))
    a, b = (next(row for row in found if row["kind"] == "step")["d"] for found in rows)
    assert {field for field in a if a[field] != b[field]} == {"hyperparameters", "weights"}
    assert rows[0][0] == rows[1][0]


ODD = """
    import torch
    from torch import nn
    torch.manual_seed(0)

    class Inner(torch.optim.SGD):
        def step(self, closure=None):
            return super().step(closure)

    class Outer(torch.optim.Optimizer):
        def __init__(self, params, base):
            super().__init__(params, {})
            self.base = base
        def step(self, closure=None):
            self.base.step(closure)
            with torch.no_grad():
                for group in self.param_groups:
                    for weight in group["params"]:
                        weight.clamp_(-1, 1)

    net = nn.Linear(3, 1)
    inner = Inner(net.parameters(), 0.1)
    outer = Outer(net.parameters(), inner)
    for step in range(4):
        outer.zero_grad()
        net(torch.ones(2, 3)).sum().backward()
        if step == 1:
            try:
                inner.step(lambda: 1 / 0)
            except ZeroDivisionError:
                pass
        outer.step()
    scripted = torch.jit.trace(nn.Linear(2, 2), torch.ones(1, 2))
    call = lambda w: torch.func.functional_call(net, {"weight": w}, torch.ones(1, 3)).sum()
    gradient = torch.func.grad(call)
    print(torch.vmap(gradient)(torch.ones(2, 1, 3)).sum().item(), scripted(torch.ones(1, 2)).sum().item())
"""


def test_odd_optimizers(tmp_path: Path) -> None:
    """Optimizers around others, and steps that raise, give one row for each outermost step that ended."""
    (tmp_path / "odd.py").write_text(textwrap.dedent(ODD))
    plain = recorded.run(tmp_path / "odd.py")
    assert recorded.run(tmp_path / "odd.py", live=tmp_path / "live") == plain
    [rows] = recorded.rows_of(tmp_path / "live")
    steps = [(row["n"], row["name"]) for row in recorded.trace_of(rows) if row["kind"] == "step"]
    assert steps == [(step, "Outer#0") for step in range(4)]
    assert not failures(rows)


def run_text(tmp_path: Path, text: str, name: str) -> Rows:
    """Record a program that is given as text, and return the rows of its main process."""
    program = tmp_path / "train.py"
    program.write_text(textwrap.dedent(text))
    recorded.run(program, live=tmp_path / name)
    return max(recorded.rows_of(tmp_path / name), key=len)


def test_running_statistics_are_part_of_what_a_step_leaves(tmp_path: Path) -> None:
    """Another momentum of BatchNorm changes no parameter in training, and evaluation depends on it."""
    text = """
        import torch
        torch.manual_seed(0)
        net = torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.BatchNorm1d(4, momentum=MOMENTUM))
        optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
        net(torch.randn(8, 4)).square().sum().backward()
        optimizer.step()
    """
    a, b = (run_text(tmp_path, text.replace("MOMENTUM", m), m) for m in ("0.1", "0.01"))
    one, two = ({row["kind"]: row["d"] for row in rows if row["k"] == "row"} for rows in (a, b))
    assert one["start"] == two["start"]
    assert one["step"]["gradients"] == two["step"]["gradients"]
    assert one["step"]["weights"] != two["step"]["weights"]


NETWORKS = """
    import gc
    import torch

    def train(seed):
        torch.manual_seed(seed)
        net = torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.BatchNorm1d(4))
        optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
        CYCLE
        for _ in range(20):
            optimizer.zero_grad()
            net(torch.randn(8, 4)).square().mean().backward()
            optimizer.step()
        return optimizer

    for seed in range(SEEDS):
        kept = train(seed)
    del kept
    gc.collect()
"""


def ends(tmp_path: Path, cycle: str, seeds: int) -> tuple[Rows, Rows]:
    """Record a program that trains networks in turn, all steps and few, and return the steps of the two."""
    found = []
    for budget in (None, 0.0):
        program, live = tmp_path / "train.py", tmp_path / str(budget)
        program.write_text(textwrap.dedent(NETWORKS).replace("CYCLE", cycle).replace("SEEDS", str(seeds)))
        recorded.run(program, live=live, budget=budget)
        found.append(recorded.trace_of(recorded.rows_of(live)[0]))
    assert len(found[0]) > len(found[1])
    return found[0], found[1]


def test_the_end_has_the_buffers_of_a_network_that_went_first(tmp_path: Path) -> None:
    """Weights and running statistics at the end are those after the last step, recorded or not."""
    every, few = ends(tmp_path, "pass", 1)
    assert every[-1]["d"]["weights"] == few[-1]["d"]["weights"] == every[-2]["d"]["weights"]
    assert few[-1]["d"]["weights"] != few[-2]["d"]["weights"]


def test_optimizers_have_the_same_names_whatever_was_recorded(tmp_path: Path) -> None:
    """Only one that made a step among the first, always recorded ones has a number and counts at the end."""
    every, few = ends(tmp_path, "pass", 4)
    names = {row["n"]: row["name"] for row in every if row["kind"] == "step"}
    assert set(names.values()) == {"SGD#0", "SGD"}
    assert all(names[row["n"]] == row["name"] for row in few if row["kind"] == "step")
    assert every[-1]["d"]["weights"] == few[-1]["d"]["weights"] == every[20]["d"]["weights"]


def test_weights_that_went_unseen_are_not_those_of_an_earlier_step(tmp_path: Path) -> None:
    """Where an optimizer is collected in a cycle with its network, the end has no weights."""
    for rows in ends(tmp_path, "net.optimizer, optimizer.net = optimizer, net", 1):
        assert rows[-1]["kind"] == "end" and "weights" not in rows[-1]["d"]


def test_batches_that_workers_prepare_ahead_are_not_another_order(tmp_path: Path) -> None:
    """The order at a step is that of the batches that came, however many were given out."""
    text = """
        import torch
        torch.manual_seed(0)
        net, data = torch.nn.Linear(1, 1), torch.arange(24.0)[:, None]
        optimizer = torch.optim.SGD(net.parameters(), lr=1e-4)
        loader = torch.utils.data.DataLoader(data, 4, shuffle=True, num_workers=WORKERS)
        for step, batch in enumerate(loader):
            net(batch).square().sum().backward()
            optimizer.step()
            if step == 2:
                break
    """
    traces = [run_text(tmp_path, text.replace("WORKERS", n), f"workers {n}") for n in ("0", "2")]
    orders = [[row["d"].get("order") for row in rows if row["k"] == "row"] for rows in traces]
    assert orders[0] == orders[1]
    assert len(set(orders[0])) > 3
    assert len({row["order"] for rows in traces for row in rows if row["k"] == "sampling"}) == 1
