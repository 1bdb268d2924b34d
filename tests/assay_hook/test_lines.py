"""The lines of programs without torch, logged in real small programs, and what their comparison names."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from assay.verification.commands.operators import OperatorDifference, first_operator

DESCENT = """
import time
import numpy as np

class Model:
    def __init__(self, width):
        self.weights = np.zeros(width)

    def step(self, x, y, rate):
        error = x @ self.weights - y
        gradient = x.T @ error / len(y)
        self.weights -= rate * gradient
        return float((error ** 2).mean())

def scaled(values, factor=1.0):
    return factor * values / np.abs(values).max()

began = time.perf_counter()
rng = np.random.default_rng(0)
x = scaled(rng.normal(size=(20, 3)))
y = x @ np.array([1.0, -2.0, 0.5])
model = Model(3)
np.random.seed(4)
losses = []
for epoch in range(5):
    order = np.random.permutation(len(y))
    losses.append(model.step(x[order], y[order], 0.1))
    took = time.perf_counter() - began
    print(f"{epoch} {took:.6f}")
total = sum(losses)
"""


def _load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("traced", Path(__file__).with_name("traced.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


traced = _load()


def _line(text: str) -> int:
    return next(number for number, line in enumerate(DESCENT.splitlines(), 1) if text in line)


def _compare(folder: Path, old: str, new: str) -> OperatorDifference | None:
    assert old in DESCENT
    one, _rows, _live = traced.run(folder / "one", DESCENT, operators=(0, 0))
    two, _rows, _live = traced.run(folder / "two", DESCENT.replace(old, new), operators=(0, 0))
    return first_operator(one, two)


def test_equal_programs_have_no_culprit(tmp_path: Path) -> None:
    """Two runs are equal line by line, though one of the lines reads a clock."""
    assert _compare(tmp_path, "import time", "import time") is None


def test_an_edit_without_effect_is_no_culprit(tmp_path: Path) -> None:
    """Another name for a parameter changes two lines and nothing else."""
    assert _compare(tmp_path, "np.abs(values).max()", "(np.abs(values).max())") is None


@pytest.mark.parametrize(
    ("old", "new", "kind", "text"),
    [
        ("rate * gradient", "0.5 * rate * gradient", "program", "self.weights -= 0.5 * rate * gradient"),
        ("default_rng(0)", "default_rng(1)", "program", "rng = np.random.default_rng(1)"),
        ("y[order], 0.1)", "y[order], 0.2)", "program", "y[order], 0.2)"),
        ("np.random.seed(4)", "np.random.seed(5)", "program", "np.random.seed(5)"),
        ("factor=1.0", "factor=2.0", "program", "def scaled(values, factor=2.0):"),
        (".max()", ".sum()", "program", "np.abs(values).sum()"),
    ],
)
def test_an_edited_line_is_named(tmp_path: Path, old: str, new: str, kind: str, text: str) -> None:
    """The line that was edited is named, with what it reads on both sides."""
    found = _compare(tmp_path, old, new)
    assert found is not None
    assert found.kind == kind
    assert text in found.detail
    assert found.where.endswith(f"train.py:{_line(old)}")


def test_an_extra_line_is_named(tmp_path: Path) -> None:
    """A draw that only one side makes is an extra line of it."""
    found = _compare(tmp_path, "losses = []", "np.random.rand()\nlosses = []")
    assert found is not None
    assert found.kind == "program"
    assert found.detail.startswith("B runs an extra line")
    assert found.where.endswith(f"train.py:{_line('losses = []')}")


def test_data_that_differ_enter_at_the_line_that_reads_them(tmp_path: Path) -> None:
    """The same program with another file differs at the line that loads it."""
    program = """
    import numpy as np
    table = np.loadtxt("data.csv", delimiter=",")
    mean = table.mean(axis=0)
    print(mean.sum())
    """
    traces = []
    for name, text in (("one", "1,2\n3,4\n"), ("two", "1,2\n3,5\n")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "data.csv").write_text(text)
        trace, _rows, _live = traced.run(tmp_path / name, program, operators=(0, 0))
        traces.append(trace)
    found = first_operator(*traces)
    assert found is not None
    assert (found.kind, found.operator) == ("operator", "line")
    assert found.where.endswith("train.py:3")
    assert "table" in found.detail


def test_no_code_of_the_users_is_called_and_no_draw_is_made(tmp_path: Path) -> None:
    """Objects whose methods would tell are only looked at, and the program prints what it always prints."""
    program = """
    import random
    import numpy as np

    class Loud:
        def __getattribute__(self, name):
            raise SystemExit(3)
        def __repr__(self):
            raise SystemExit(3)
        def __eq__(self, other):
            raise SystemExit(3)
        __hash__ = None
        def __len__(self):
            raise SystemExit(3)

    class Number(float):
        def __repr__(self):
            raise SystemExit(3)

    loud, number = Loud(), Number(2.0)
    kept = [loud, number, {"a": loud}, np.array([None, "a"], dtype=object)]
    copy = kept
    doubled = [
        (lambda value: value * 2)(value)
        for value in range(3)
    ]
    random.seed(1)
    print(random.random(), len(copy), sum(doubled))
    """
    trace, rows, _live = traced.run(tmp_path, program, operators=(0, 0))
    lines = [row for row in trace.operators if row["operator"] == "line"]
    assert len(lines) > 8
    assert not [row for _, row in rows.of("missed") if "line" in row["text"] or "call" in row["text"]]
    assert sum(row["seeded"] for row in lines) == 2


def test_secrets_in_lines_do_not_reach_the_disk(tmp_path: Path) -> None:
    """The text of a line is kept without the password in it."""
    _trace, _rows, live = traced.run(
        tmp_path, 'password = "hunter2-hunter2"\nprint(len(password))\n', operators=(0, 0)
    )
    assert b"hunter2" not in b"".join(path.read_bytes() for path in (live / "rows").iterdir())
