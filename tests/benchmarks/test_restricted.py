"""The restricted unpickler."""

from __future__ import annotations

import collections
import contextlib
import copyreg
import datetime as dt
import io
import os
import pickle
import struct
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.benchmarks.importers.restricted import LIMIT, load_plain
from assay.foundation.errors import AssayError, CorruptError, IntegrityError, UnsafePickleError

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary(),
    lambda inner: (
        st.lists(inner)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text() | st.integers(), inner)
        | st.lists(inner, max_size=5).map(tuple)
    ),
    max_leaves=20,
)


@given(PLAIN, st.integers(3, 5))
def test_plain_data_comes_back(value: Any, protocol: int) -> None:
    """Nested builtins come back as the standard library's unpickler returns them."""
    assert load_plain(pickle.dumps(value, protocol)) == value


@pytest.mark.parametrize("kind", ["bool", "int8", "uint16", "int64", "float32", "float64", ">f8", ">i4"])
@pytest.mark.parametrize("protocol", [3, 4, 5])
def test_numpy_scalars_become_python_numbers(kind: str, protocol: int) -> None:
    """A NumPy scalar of any number type comes back as the equal Python number."""
    scalar = np.array([1], dtype=kind)[0]
    value = load_plain(pickle.dumps({"x": scalar}, protocol))["x"]
    assert value == scalar
    assert type(value) in (bool, int, float)


def test_the_name_of_old_numpy_is_known() -> None:
    """Both spellings of NumPy's scalar are read: the tables were written by NumPy 1."""
    data = pickle.dumps(np.float64(0.25), 4)
    assert b"numpy._core.multiarray" in data
    old = (
        pickle.PROTO + b"\x03cnumpy.core.multiarray\nscalar\ncnumpy\ndtype\nX\x02\x00\x00\x00f8\x89\x88\x87R"
    )
    old += (
        b"(K\x03X\x01\x00\x00\x00<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tbC\x08"
        + struct.pack("<d", 0.25)
        + b"\x86R."
    )
    assert load_plain(data) == load_plain(old) == 0.25


class Evil:
    """Reduces to whatever it is given."""

    def __init__(self, *reduced: Any) -> None:
        self.reduced = reduced

    def __reduce__(self) -> Any:
        return self.reduced


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize(
    ("name", "payload"),
    [
        (f"{os.name}.system", Evil(os.system, ("touch {mark}",))),
        ("eval", Evil(eval, ("open({mark!r}, 'w')",))),
        ("exec", Evil(exec, ("open({mark!r}, 'w')",))),
        ("getattr", Evil(getattr, (1, "real"))),
        ("numpy.load", Evil(np.load, ("x",))),
        ("_reconstructor", Evil(copyreg._reconstructor, (object, object, None))),  # type: ignore[attr-defined]
        ("OrderedDict", collections.OrderedDict(a=1)),
        ("date", dt.date(2020, 1, 1)),
        ("numpy._core.", np.zeros(3)),
        ("complex", 1j),
    ],
)
def test_everything_else_is_refused_by_name(name: str, payload: Any, protocol: int, tmp_path: Path) -> None:
    """What a pickle names is never imported or called, and the message says what it named."""
    mark = tmp_path / "called"
    if isinstance(payload, Evil):
        arguments = tuple(a.format(mark=str(mark)) if isinstance(a, str) else a for a in payload.reduced[1])
        payload = Evil(payload.reduced[0], arguments)
    with pytest.raises(UnsafePickleError) as error:
        load_plain(pickle.dumps([payload], protocol), "evil.pkl")
    assert name in str(error.value)
    assert "evil.pkl" in str(error.value)
    assert not mark.exists()


@pytest.mark.parametrize(
    ("module", "name"),
    [("builtins", "eval"), ("os", "system"), ("numpy", "load"), ("numpy.core.multiarray", "_reconstruct")],
)
def test_globals_are_refused_without_a_call(module: str, name: str) -> None:
    """Naming is enough to be refused, in both spellings of a name."""
    old = f"c{module}\n{name}\n.".encode()
    new = (
        b"\x8c"
        + bytes([len(module)])
        + module.encode()
        + b"\x8c"
        + bytes([len(name)])
        + name.encode()
        + b"\x93."
    )
    for data in (old, b"\x80\x04" + new):
        with pytest.raises(UnsafePickleError, match=f"{module}.{name}"):
            load_plain(data)


def test_nothing_is_imported() -> None:
    """A module that a pickle names is not even imported."""
    sys.modules.pop("this", None)
    with pytest.raises(UnsafePickleError, match=r"this\.s"):
        load_plain(b"cthis\ns\n.")
    assert "this" not in sys.modules


@pytest.mark.parametrize(
    ("opcode", "data"),
    [
        ("PERSID", b"Pabc\n."),
        ("BINPERSID", b"\x80\x02X\x01\x00\x00\x00aQ."),
        ("EXT1", b"\x82\x01."),
        ("EXT4", b"\x84\x01\x00\x00\x00."),
        ("INST", b"(ios\nsystem\n."),
        ("OBJ", b"(cnumpy\ndtype\no."),
        ("NEWOBJ", b"\x80\x02cnumpy\ndtype\n)\x81."),
        ("NEWOBJ_EX", b"\x80\x04cnumpy\ndtype\n)}\x92."),
        ("BYTEARRAY8", b"\x96" + struct.pack("<Q", 2**40) + b"."),
        ("NEXT_BUFFER", b"\x97."),
        ("EMPTY_SET", b"\x8f."),
        ("FROZENSET", b"(\x91."),
        ("DUP", b"K\x012."),
        ("LONG4", b"\x8b" + struct.pack("<i", 2**30) + b"."),
        ("INT", b"I1\n."),
        ("0xff", b"\xff."),
    ],
)
def test_opcodes_off_the_list_are_refused_by_name(opcode: str, data: bytes) -> None:
    """Persistent ids, extensions, instances and the like are refused as opcodes."""
    with pytest.raises(UnsafePickleError, match=f"opcode {opcode}"):
        load_plain(data)


def _scalar(dtype: bytes, data: bytes, state: bytes = b"") -> bytes:
    return (
        b"cnumpy.core.multiarray\nscalar\ncnumpy\ndtype\n"
        + dtype
        + b"\x89\x88\x87R"
        + state
        + data
        + b"\x86R."
    )


@pytest.mark.parametrize("code", ["O", "O8", "V8", "U4", "S4", "M8", "f8,i4"])
def test_dtypes_other_than_numbers_are_refused(code: str) -> None:
    """A scalar with an object, structured, text or date dtype is refused by the dtype's name."""
    text = b"X" + struct.pack("<I", len(code)) + code.encode()
    with pytest.raises(UnsafePickleError, match=f"numpy.dtype\\('{code}'\\)"):
        load_plain(_scalar(text, b"C\x08" + bytes(8)))


def test_object_scalars_are_refused() -> None:
    """What NumPy itself writes for an object scalar is refused."""
    data = pickle.dumps(np.array([{"a": 1}], dtype=object), 4)
    with pytest.raises(UnsafePickleError):
        load_plain(data)


def test_known_names_cannot_be_changed() -> None:
    """A pickle cannot set attributes of the functions that stand for the names it may use."""
    for state in (b"}X\x04\x00\x00\x00callK\x01s", b"N}X\x04\x00\x00\x00callK\x01s\x86"):
        with pytest.raises(UnsafePickleError, match=r"changes 'numpy\.dtype'"):
            load_plain(b"cnumpy\ndtype\n" + state + b"b.")
    assert load_plain(pickle.dumps(np.float64(2.5))) == 2.5


def test_state_of_other_things_is_refused() -> None:
    """BUILD on a dict, and REDUCE of something that is no known name, are refused."""
    with pytest.raises(UnsafePickleError, match="state of a 'dict'"):
        load_plain(b"}}b.")
    with pytest.raises(UnsafePickleError, match="not a known name"):
        load_plain(b"K\x01)R.")
    with pytest.raises(UnsafePickleError, match="other arguments"):
        load_plain(b"cnumpy\ndtype\n)R.")
    with pytest.raises(UnsafePickleError):
        load_plain(b"cnumpy\ndtype\n.")


def test_a_structured_state_is_refused() -> None:
    """A number's dtype cannot be turned into a structured one by its state."""
    state = b"(K\x03X\x01\x00\x00\x00|NX\x01\x00\x00\x00a}K\x08K\x01K\x10tb"
    with pytest.raises(UnsafePickleError, match="structured"):
        load_plain(_scalar(b"X\x02\x00\x00\x00f8", b"C\x08" + bytes(8), state))


def test_bombs_are_refused_and_cost_little() -> None:
    """Pickles that ask for far more memory than they have bytes are refused, or cost nothing."""
    with pytest.raises(IntegrityError):
        load_plain(b"\x8e" + struct.pack("<Q", 2**62) + b".")  # BINBYTES8
    with pytest.raises(CorruptError):
        load_plain(b"\x8d" + struct.pack("<Q", 2**40) + b"abc.")  # BINUNICODE8
    assert load_plain(b"\x80\x04\x95" + struct.pack("<Q", 2**50) + b"K\x01.") == 1  # FRAME
    assert load_plain(b"K\x01r\xff\xff\xff\xff.") == 1  # LONG_BINPUT, 64 GiB in the C unpickler
    with pytest.raises(UnsafePickleError, match="too large"):
        load_plain(bytes(LIMIT + 1))


def test_deep_nesting_does_not_crash() -> None:
    """A tuple nested a million deep cannot be a key, where hashing it would overflow the stack."""
    deep = b")" + b"\x85" * 1_000_000
    with pytest.raises(UnsafePickleError, match="key of type 'tuple'"):
        load_plain(b"}" + deep + b"K\x01s.")
    with pytest.raises(UnsafePickleError, match="key of type 'tuple'"):
        load_plain(b"}(" + deep + b"K\x01u.")


@given(st.binary(max_size=200))
@settings(max_examples=400)
def test_any_bytes_give_plain_data_or_a_clear_error(data: bytes) -> None:
    """No bytes whatever make the reader raise anything but an `AssayError`."""
    with contextlib.suppress(AssayError):
        load_plain(data)


@given(PLAIN, st.data())
@settings(max_examples=300)
def test_damaged_pickles_give_plain_data_or_a_clear_error(value: Any, data: st.DataObject) -> None:
    """A pickle with a changed or missing byte raises nothing but an `AssayError`."""
    good = bytearray(pickle.dumps(value, 4))
    place = data.draw(st.integers(0, len(good) - 1))
    good[place] = data.draw(st.integers(0, 255))
    cut = bytes(good[: data.draw(st.integers(0, len(good)))])
    for damaged in (bytes(good), cut):
        with contextlib.suppress(AssayError):
            load_plain(damaged)


def test_the_same_as_the_standard_unpickler() -> None:
    """Mixed data with shared references come back as from the standard library."""
    shared = [np.float64(0.1), 2, "x"]
    value = {"a": shared, "b": (shared, {1: None, "k": b"bytes"}), "c": [True, -(2**70), 1.5]}
    assert load_plain(pickle.dumps(value, 4)) == pickle.load(io.BytesIO(pickle.dumps(value, 4)))
