"""An operator called again, alone: the same bits under the same settings, and how far others are apart."""

from __future__ import annotations

import importlib.util
import json
import math
import os
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from assay.foundation.errors import CorruptError, UnavailableError
from assay.verification.commands.replay import Output, compare_outputs, recorded, replay

TRACED = Path(__file__).parents[2] / "assay_hook" / "traced.py"

PROGRAM = """
import torch
torch.manual_seed(0)
net = torch.nn.Sequential(torch.nn.Linear(256, 256), torch.nn.LayerNorm(256), torch.nn.Dropout(0.25))
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
for step in range(3):
    x = torch.randn(1024, 256)
    optimizer.zero_grad()
    net(x).pow(2).mean().backward()
    optimizer.step()
"""


def _load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("traced", TRACED)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _array(values: np.ndarray, dtype: str | None = None) -> Output:
    return Output(dtype=dtype or values.dtype.name, shape=values.shape, data=values.tobytes())


def _variables(**more: str) -> dict[str, str]:
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("OMP_", "MKL_", "ASSAY_"))
    }
    return {**kept, "OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE", **more}


@pytest.mark.parametrize("kind", ["float16", "float32", "float64"])
def test_neighbours_are_one_ulp_apart(kind: str) -> None:
    """The distance counts the numbers between, over zero and powers of two too."""
    ones = np.ones(3, dtype=kind)
    near = np.nextafter(ones, np.array(2, dtype=kind))
    size = compare_outputs([_array(ones)], [_array(near)])
    assert (size.max_ulp, size.differing, size.total) == (1, 3, 3)
    assert size.max_abs == pytest.approx(float(near[0]) - 1.0)
    tiny = np.nextafter(np.array([0], dtype=kind), np.array([1], dtype=kind))
    assert compare_outputs([_array(tiny)], [_array(-tiny)]).max_ulp == 2


def test_the_farthest_doubles_do_not_overflow() -> None:
    """The largest and the smallest double are almost 2**64 apart."""
    size = compare_outputs([_array(np.array([np.inf]))], [_array(np.array([-np.inf]))])
    assert size.max_ulp == 2 * 0x7FF0000000000000


def test_special_values_are_compared_as_values() -> None:
    """Two NaN are one value, the two zeros differ by no ulp, and a NaN against a number is infinitely far."""
    nan, zero = np.array([np.nan, 0.0, 1.0]), np.array([-np.nan, -0.0, 1.0])
    size = compare_outputs([_array(nan)], [_array(zero)])
    assert (size.differing, size.max_ulp, size.max_abs) == (1, 0, 0.0)
    size = compare_outputs([_array(np.array([np.nan]))], [_array(np.array([1.0]))])
    assert (size.differing, size.max_abs) == (1, math.inf)


def test_half_precision_of_the_brain_kind_is_understood() -> None:
    """A bfloat16 is the upper half of a float32."""
    one, next_one = np.array([0x3F80], dtype="<u2"), np.array([0x3F82], dtype="<u2")
    size = compare_outputs([_array(one, "bfloat16")], [_array(next_one, "bfloat16")])
    assert (size.max_ulp, size.max_abs) == (2, 2 * 2.0**-7)


def test_other_types_are_counted_and_other_shapes_refused() -> None:
    """Integers that differ are counted without ulp; outputs of other shapes are not compared."""
    a, b = np.array([1, 2, 3]), np.array([1, 5, 3])
    size = compare_outputs([_array(a)], [_array(b)])
    assert (size.max_ulp, size.differing, size.total) == (None, 1, 3)
    assert compare_outputs([_array(a)], [_array(a)]).text() == "no number differs"
    with pytest.raises(CorruptError):
        compare_outputs([_array(a)], [_array(a[:2])])


@pytest.mark.parametrize(
    "text",
    [b'{"outputs": [{"dtype": "\xff"}]}', b'{"outputs": [{"dtype": "float32"}]}', b"[", b"{}"],
    ids=["no text", "a part", "cut", "empty"],
)
def test_kept_outputs_that_cannot_be_read_are_refused(tmp_path: Path, text: bytes) -> None:
    """Bytes that are no text, and documents without what is needed, are damage and no traceback."""
    (tmp_path / "outputs-recorded").mkdir()
    (tmp_path / "outputs-recorded" / "outputs.json").write_bytes(text)
    with pytest.raises(CorruptError, match="kept outputs cannot be read"):
        recorded(tmp_path)


def test_a_file_that_names_no_operator_calls_nothing(tmp_path: Path) -> None:
    """Only operators that PyTorch registered are called; a path in their place is refused."""
    pytest.importorskip("torch")
    call = {"format": 1, "args": [], "kwargs": {}, "tensors": [], "row": {}}
    (tmp_path / "call.json").write_text(json.dumps({**call, "operator": "os.system.default"}))
    with pytest.raises(UnavailableError, match="not an operator that is called again"):
        replay(tmp_path, sys.executable, _variables())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("operator", "variables", "differs"),
    [
        ("aten.native_layer_norm_backward.default", {"OMP_NUM_THREADS": "2"}, True),
        ("aten.addmm.default", {"MKL_CBWR": "COMPATIBLE"}, True),
        ("aten.bernoulli_.float", {"OMP_NUM_THREADS": "2"}, False),
        ("aten.add_.Tensor", {"OMP_NUM_THREADS": "2"}, False),
    ],
)
def test_an_operator_alone_gives_what_it_gave(
    tmp_path: Path, operator: str, variables: dict[str, str], differs: bool
) -> None:
    """Replayed as recorded it gives the recorded bits, and under another setting the cause is proved."""
    pytest.importorskip("torch")
    traced = _load()
    trace, _rows, _live = traced.run(tmp_path / "log", PROGRAM, operators=(1, 1))
    index = next(row["index"] for row in trace.operators if row["operator"] == operator)
    _trace, _rows, live = traced.run(tmp_path / "save", PROGRAM, operators=(1, 1), save=(1, index))
    folder = live / "operator"
    plain = replay(folder, sys.executable, _variables())
    assert plain.steady
    assert plain.digests == recorded(folder).digests
    assert compare_outputs(plain, recorded(folder)).differing == 0
    other = replay(folder, sys.executable, _variables(**variables))
    assert (plain.digests != other.digests) == differs
    size = compare_outputs(plain, other)
    assert bool(size.differing) == differs
    assert not differs or (size.max_ulp and size.max_abs < 1e-2)
