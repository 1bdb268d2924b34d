"""The operators of a window of steps, logged in real small programs, and what their comparison names."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from assay.records.trace import Trace
from assay.verification.commands.operators import OperatorDifference, first_operator
from assay.verification.commands.traces import first_difference

pytest.importorskip("torch")

NETWORK = """
import torch
torch.manual_seed(0)

class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.first = torch.nn.Linear(8, 16)
        self.drop = torch.nn.Dropout(0.5)
        self.norm = torch.nn.LayerNorm(16)
        self.second = torch.nn.Linear(16, 4)

    def forward(self, x):
        x = torch.relu(self.first(x)) * 0.5
        return self.second(self.norm(self.drop(x)))

net = Net()
data = torch.utils.data.TensorDataset(torch.randn(32, 8), torch.randint(0, 4, (32,)))
order = torch.Generator().manual_seed(3)
loader = torch.utils.data.DataLoader(data, batch_size=8, shuffle=True, generator=order)
optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
torch.manual_seed(1)
for epoch in range(2):
    for x, y in loader:
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(net(x), y)
        loss.backward()
        optimizer.step()
"""

LSTM = """
import torch
torch.manual_seed(0)
net = torch.nn.LSTM(64, 128, num_layers=2, batch_first=True)
head = torch.nn.Linear(128, 64)
parameters = [*net.parameters(), *head.parameters()]
optimizer = torch.optim.Adam(parameters, lr=1e-3)
for step in range(3):
    x = torch.randn(32, 20, 64)
    optimizer.zero_grad()
    loss = (head(net(x)[0]) - x).pow(2).mean()
    loss.backward()
    optimizer.step()
"""

TRANSFORMER = """
import torch
torch.manual_seed(0)
layer = torch.nn.TransformerEncoderLayer(256, 4, 512, dropout=0.1, batch_first=True)
net = torch.nn.TransformerEncoder(layer, 2)
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
for step in range(2):
    x = torch.randn(16, 64, 256)
    optimizer.zero_grad()
    net(x).pow(2).mean().backward()
    optimizer.step()
"""

CONVOLUTION = """
import torch
torch.manual_seed(0)
net = torch.nn.Sequential(
    torch.nn.Conv2d(3, 16, 3, padding=1), torch.nn.BatchNorm2d(16), torch.nn.ReLU(),
    torch.nn.MaxPool2d(2), torch.nn.Flatten(), torch.nn.Linear(16 * 64, 10),
)
buffer = torch.empty(10, 4)
for row in range(10):
    buffer[row] = row
total = torch.empty(10)
total[torch.arange(0, 10, 2)] = 1.0
total[torch.arange(1, 10, 2)] = 2.0
weights = (buffer.sum(dim=1) * total).softmax(dim=0)
optimizer = torch.optim.AdamW(net.parameters(), lr=1e-3)
for step in range(2):
    x, y = torch.randn(8, 3, 16, 16), torch.randint(0, 10, (8,))
    loss = torch.nn.functional.cross_entropy(net(x), y, weight=weights)
    optimizer.zero_grad(set_to_none=False)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
    optimizer.step()
"""


def _load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("traced", Path(__file__).with_name("traced.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


traced = _load()


def _line(program: str, text: str) -> int:
    return next(number for number, line in enumerate(program.splitlines(), 1) if text in line)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Trace:
    """The network's operators, as the program stands."""
    trace, _rows, _live = traced.run(tmp_path_factory.mktemp("recorded"), NETWORK)
    return trace


def _against(recorded: Trace, folder: Path, old: str, new: str, **more: Any) -> OperatorDifference:
    assert old in NETWORK
    trace, _rows, _live = traced.run(folder, NETWORK.replace(old, new), **more)
    found = first_operator(recorded, trace)
    assert found is not None
    return found


def test_the_log_says_module_line_and_generator(recorded: Trace) -> None:
    """Operators come with the path of their module, forward and backward, and their line."""
    step = [row for row in recorded.operators if row["step"] == 1]
    assert [row["index"] for row in step] == list(range(len(step)))
    draw = next(row for row in step if row["operator"] == "aten.bernoulli_.float")
    assert (draw["module"], draw["seeded"], draw["scalars"]) == ("Net.drop", True, "p=0.5")
    assert draw["where"].endswith(f"train.py:{_line(NETWORK, 'self.norm(self.drop(x))')}")
    backward = next(row for row in step if row["operator"] == "aten.native_layer_norm_backward.default")
    assert (backward["module"], backward["backward"]) == ("Net.norm", True)
    assert {row["step"] for row in recorded.operators} == {0, 1}


def test_loading_uninitialised_memory_and_profiling_are_no_operators(recorded: Trace) -> None:
    """What the loader runs is left out, and so is the content of memory that nobody wrote."""
    names = {row["operator"] for row in recorded.operators}
    assert not any("randperm" in name or name.startswith("profiler") for name in names)
    for row in recorded.operators:
        if ".empty" in row["operator"]:
            assert row["outputs"] == []
        if row["operator"] == "aten.uniform_.default":
            assert len(row["inputs"]) == 1, "the generator, and not what the memory held before"


def test_an_edited_constant_is_named_with_its_line(recorded: Trace, tmp_path: Path) -> None:
    """A factor changed in a module is found as a number of `mul`, in that module and line."""
    found = _against(recorded, tmp_path, "* 0.5", "* 0.25")
    assert (found.operator, found.kind, found.which) == ("aten.mul.Tensor", "entered", "scalar")
    assert found.module == "Net"
    assert found.where.endswith(f"train.py:{_line(NETWORK, '* 0.5')}")
    assert "other=0.5 and other=0.25" in found.detail


def test_equal_programs_have_no_culprit(recorded: Trace, tmp_path: Path) -> None:
    """A second run has the same operators, and the same steps as a run whose operators are not logged."""
    again, _rows, _live = traced.run(tmp_path / "again", NETWORK)
    plain, _rows, _live = traced.run(tmp_path / "plain", NETWORK, operators=None)
    assert first_operator(recorded, again) is None
    assert len(again.operators) == len(recorded.operators) > 100
    assert plain.operators == []
    assert first_difference(plain, recorded) is None
    assert [row["weights"] for row in plain.steps] == [row["weights"] for row in recorded.steps]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("old", "new", "operator", "kind", "which"),
    [
        ("lr=0.1", "lr=0.05", "aten.add_.Tensor", "entered", "scalar"),
        ("manual_seed(1)", "manual_seed(2)", "aten.bernoulli_.float", "entered", "generator"),
        ("Dropout(0.5)", "Dropout(0.4)", "aten.bernoulli_.float", "entered", "scalar"),
        ("momentum=0.9", "momentum=0.8", "aten.mul_.Tensor", "entered", "scalar"),
        ("net = Net()", "torch.rand(3)\nnet = Net()", "aten.rand.default", "program", ""),
        ("net(x), y)", "net(x + 0), y)", "aten.add.Tensor", "program", ""),
        ("batch_size=8", "batch_size=4", "aten.addmm.default", "entered", "data"),
    ],
)
def test_a_planted_cause_is_named(
    recorded: Trace, tmp_path: Path, old: str, new: str, operator: str, kind: str, which: str
) -> None:
    """Each edit of the program is found at the operator that it reaches first."""
    found = _against(recorded, tmp_path, old, new)
    assert (found.operator, found.kind, found.which) == (operator, kind, which)
    if old == "net = Net()":
        line = _line(NETWORK, "net = Net()")
        assert found.detail.startswith("B runs an extra operator aten.rand.default at ")
        assert found.detail.endswith(f"train.py:{line}")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("program", "variables", "among"),
    [
        (
            TRANSFORMER,
            {"OMP_NUM_THREADS": "2"},
            ("mm", "bmm", "addmm", "layer_norm", "attention", "sum", "mean"),
        ),
        (CONVOLUTION, {"OMP_NUM_THREADS": "2"}, ("mm", "convolution", "batch_norm", "sum", "mean")),
        (TRANSFORMER, {"ATEN_CPU_CAPABILITY": "default"}, ("uniform_", "layer_norm", "softmax", "sum")),
    ],
)
def test_a_setting_of_the_arithmetic_is_named(
    tmp_path: Path, program: str, variables: dict[str, str], among: tuple[str, ...]
) -> None:
    """Threads and processor capability are found as an operator with equal inputs and unequal outputs."""
    one, _rows, _live = traced.run(tmp_path / "one", program)
    two, _rows, _live = traced.run(tmp_path / "two", program, variables=variables)
    found = first_operator(one, two)
    assert found is not None
    assert (found.kind, found.inputs_equal) == ("operator", True)
    assert any(name in found.operator for name in among), found


@pytest.mark.slow
@pytest.mark.parametrize("program", [LSTM, TRANSFORMER, CONVOLUTION])
def test_controls_have_no_culprit(tmp_path: Path, program: str) -> None:
    """Two runs of one program are equal operator by operator, unwritten memory and all."""
    dirty = {"MALLOC_PERTURB_": "165"}
    one, _rows, _live = traced.run(tmp_path / "one", program)
    two, _rows, _live = traced.run(tmp_path / "two", program, variables=dirty)
    assert first_difference(one, two) is None
    assert first_operator(one, two) is None
    assert len(one.operators) > 100


@pytest.mark.slow
def test_the_limit_and_the_compiler_are_said(tmp_path: Path) -> None:
    """Operators beyond the limit and compiled code that ran eagerly are told of as missed."""
    program = """
    import torch
    torch.manual_seed(0)
    net = torch.compile(torch.nn.Linear(4, 4), backend="eager")
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    for _ in range(3):
        net(torch.ones(2, 4)).sum().backward()
        optimizer.step()
    """
    trace, rows, _live = traced.run(tmp_path, program)
    assert any("torch.compile" in row["text"] for _, row in rows.of("missed"))
    assert trace.operators
