"""Fingerprints of tensors, arrays and plain values."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
import xxhash

from assay_hook import fingerprint

SOURCES = Path(__file__).resolve().parents[2] / "src"


@pytest.fixture
def values() -> torch.Tensor:
    """Return numbers in a 3 x 4 matrix."""
    return torch.arange(12, dtype=torch.float32).reshape(3, 4)


def test_a_tensor_and_an_array_agree(values: torch.Tensor) -> None:
    """The same dtype, shape and elements give the same fingerprint, whatever the layout."""
    expected = fingerprint.digest_array(values.numpy())
    turned = values.t().contiguous().t()
    assert not turned.is_contiguous()
    assert fingerprint.digest_tensor(values) == fingerprint.digest_tensor(turned) == expected
    assert fingerprint.digest_array(np.asfortranarray(values.numpy())) == expected
    assert fingerprint.digest_array(values.numpy().astype(">f4")) == expected
    assert len(expected) == 32


def test_shape_and_dtype_count(values: torch.Tensor) -> None:
    """The same bytes in another shape or dtype are another value."""
    found = {
        fingerprint.digest_tensor(value) for value in (values, values.view(4, 3), values.view(torch.int32))
    }
    assert len(found) == 3


def test_one_bit_counts(values: torch.Tensor) -> None:
    """A negative zero is not zero."""
    changed = values.clone()
    changed[0, 0] = -0.0
    assert torch.equal(values, changed)
    assert fingerprint.digest_tensor(values) != fingerprint.digest_tensor(changed)


KINDS = {
    "bfloat16": lambda v: v.to(torch.bfloat16),
    "half": lambda v: v.to(torch.float16),
    "conjugate": lambda v: v.to(torch.complex64).conj(),
    "negative": lambda v: (v * 1j).conj().imag,
    "quantised": lambda v: torch.quantize_per_tensor(v, 0.1, 0, torch.qint8),
    "sparse": lambda v: v.to_sparse(),
    "sparse rows": lambda v: v.to_sparse_csr(),
    "slice": lambda v: v[:, 1:3],
    "expanded": lambda v: v[:1].expand(3, 4),
    "scalar": lambda v: v.sum(),
    "truth": lambda v: v > 40,
    "nested": lambda v: torch.nested.nested_tensor([v[0], v[1, :2]]),
    "parameter": lambda v: torch.nn.Parameter(v, requires_grad=True),
}


@pytest.mark.filterwarnings("ignore")  # torch warns that some of these are in beta
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_tensor_is_read(values: torch.Tensor, kind: str) -> None:
    """Each kind has a fingerprint that a copy shares and another value does not."""
    make = KINDS[kind]
    a, b, other = make(values.clone()), make(values.clone()), make(values + 64)
    digest = fingerprint.digest_tensor(a)
    assert len(digest) == 32
    assert fingerprint.digest_tensor(b) == digest
    assert fingerprint.Group().digest([a]) == digest
    assert fingerprint.digest_tensor(other) != digest


def test_an_empty_tensor_is_read() -> None:
    """A tensor without elements has a fingerprint of its dtype and shape."""
    digests = {fingerprint.digest_tensor(torch.empty(shape)) for shape in [(0,), (0, 4), (4, 0)]}
    assert len(digests) == 3 and "" not in digests


def test_what_has_no_bytes_has_no_fingerprint() -> None:
    """Meta tensors, fake tensors and those inside a transformation are not read."""
    from torch._subclasses import FakeTensorMode

    assert fingerprint.digest_tensor(torch.empty(3, device="meta")) == ""
    with FakeTensorMode():
        assert fingerprint.digest_tensor(torch.empty(3)) == ""
    inside = []
    torch.vmap(lambda x: inside.append(fingerprint.digest_tensor(x)) or x)(torch.ones(3, 2))
    assert inside == [""]


def test_looking_changes_nothing(values: torch.Tensor) -> None:
    """Version counters, layouts, graphs and modes are as if nobody had looked."""
    from torch.utils._python_dispatch import TorchDispatchMode

    seen = []

    class Mode(TorchDispatchMode):
        def __torch_dispatch__(self, function, types, args=(), kwargs=None):
            seen.append(function)
            return function(*args, **(kwargs or {}))

    class Functions(torch.overrides.TorchFunctionMode):
        def __torch_function__(self, function, types, args=(), kwargs=None):
            if function is not torch.Tensor.to_sparse:
                seen.append(function)
            return function(*args, **(kwargs or {}))

    weight = torch.nn.Parameter(values.clone())
    turned = values.t()
    product = weight @ torch.ones(4, 2)
    before = (weight._version, turned.stride(), product.grad_fn, torch.is_grad_enabled())
    with Mode(), Functions():
        fingerprint.digest_value([weight, turned, product, values.to_sparse()])
        for _ in range(2):
            fingerprint.Group().digest([weight, turned, product])
    assert (weight._version, turned.stride(), product.grad_fn, torch.is_grad_enabled()) == before
    assert [str(function) for function in seen] == ["aten._to_sparse.default"]  # the test's own


def test_a_group_agrees_with_the_slow_way(values: torch.Tensor) -> None:
    """A group sees changes of values, places, layout, number and absence, and agrees with a fresh look."""
    group = fingerprint.Group()
    a, b = torch.nn.Parameter(values.clone()), torch.nn.Parameter(torch.ones(5))
    seen = set()

    def look(*tensors: torch.Tensor | None) -> None:
        digest = group.digest(tensors)
        assert digest == fingerprint.digest_group(tensors)
        assert digest not in seen
        seen.add(digest)

    look(a, b)
    with torch.no_grad():
        a[0, 0] = 7.0
    look(a, b)
    a.data = torch.full((3, 4), 2.0)
    look(a, b)
    a.data = torch.arange(12.0).reshape(4, 3).t()
    look(a, b)
    b.data = torch.ones(6)
    look(a, b)
    look(a, None)
    look(None, b)
    look(b)
    look(b, torch.ones(2, 3).to_sparse())


def test_each_of_a_group(values: torch.Tensor) -> None:
    """Single fingerprints are those of the tensors by themselves, '' for what is not there."""
    group = fingerprint.Group()
    assert group.each([values, values[0]]) == [
        fingerprint.digest_tensor(values),
        fingerprint.digest_tensor(values[0]),
    ]
    assert group.each([values, None]) == [fingerprint.digest_tensor(values), ""]


class Pair(NamedTuple):
    """A tuple with names."""

    left: Any
    right: Any


@dataclasses.dataclass
class Batch:
    """A batch as a class."""

    inputs: Any
    labels: Any


def test_plain_values_differ_by_kind_and_place(values: torch.Tensor) -> None:
    """Nested data counts with its structure."""
    cases = [None, True, 1, 1.0, "1", b"1", [1], [[1]], {"a": 1}, {"b": 1}, {1}, Batch(1, 2), Batch(2, 1)]
    cases += [
        [values],
        [values, values],
        {"a": values},
        Batch(values, 1),
        np.float32(1.5),
        np.array(["a"]),
        "",
        (),
    ]
    cases += [np.array([1, None], dtype=object), np.array(["2020-01-01"], dtype="M8[D]"), nan, float("inf")]
    digests = [fingerprint.digest_value(case) for case in cases]
    assert len(set(digests)) == len(digests)
    assert digests == [fingerprint.digest_value(case) for case in cases]
    assert fingerprint.digest_value(Pair(1, values)) == fingerprint.digest_value((1, values.numpy()))


nan = float("nan")


def test_what_has_no_end_is_cut() -> None:
    """A value that contains itself has a fingerprint."""
    endless: list[Any] = [1]
    endless.append(endless)
    assert len(fingerprint.digest_value(endless)) == 32


def test_sets_have_no_order() -> None:
    """The order of a set follows the hash seed, and does not count."""
    assert fingerprint.digest_value({"a", "b", "c"}) == fingerprint.digest_value({"c", "b", "a"})


def _algorithm(tmp_path: Path, abi: str, *flags: str) -> list[str]:
    hook = {"xxhash": xxhash._xxhash.__file__, "abi": abi}
    (tmp_path / "hook.json").write_text(json.dumps(hook))
    code = (
        f"import sys; sys.path.insert(0, {str(SOURCES)!r})\n"
        "from assay_hook import fingerprint as f\n"
        "print(f.ALGORITHM, f.digest_value([1, 'a']), 'xxhash' in sys.modules, '_xxhash' in sys.modules)"
    )
    environment = os.environ | {"ASSAY_HOOK": str(tmp_path)}
    command = [sys.executable, *flags, "-c", code]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.split()


def test_the_recorders_extension_is_used(tmp_path: Path) -> None:
    """Without site-packages the extension of the recorder serves, if it is for this interpreter."""
    found = _algorithm(tmp_path, sys.implementation.cache_tag, "-S")
    assert found == ["xxh3-128", fingerprint.digest_value([1, "a"]), "False", "False"]
    assert _algorithm(tmp_path, "cpython-20", "-S")[0] == "blake2b-128"


def test_the_programs_extension_is_used(tmp_path: Path) -> None:
    """Where the recorder's does not fit, that of the program's own xxhash does, without importing it."""
    found = _algorithm(tmp_path, "cpython-20")
    assert found == ["xxh3-128", fingerprint.digest_value([1, "a"]), "False", "False"]
