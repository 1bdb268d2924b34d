"""Canonical bytes and digests."""

from __future__ import annotations

import json
import math
import struct
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from blake3 import blake3
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from assay.foundation.digest import (
    canonical_bytes,
    digest_array,
    digest_bytes,
    digest_file,
    digest_value,
    short,
)
from assay.foundation.errors import UsageError

EXACT = 2**53
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def test_the_example_of_the_standard() -> None:
    """The sample object comes out as the bytes of RFC 8785, section 3.2.4."""
    value = {
        "numbers": [333333333.33333329, 1e30, 4.50, 2e-3, 0.000000000000000000000000001],
        "string": "\u20ac$\u000f\u000aA'\u0042\u0022\u005c\\\"/",
        "literals": [None, True, False],
    }
    assert canonical_bytes(value) == (
        b'{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],'
        b'"string":"\xe2\x82\xac$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'
    )


def test_keys_are_sorted_by_utf_16() -> None:
    """Keys come in the order of their UTF-16 code units: RFC 8785, section 3.2.3."""
    ordered = ["\r", "1", "\u0080", "\u00f6", "\u20ac", "\U0001f600", "\ufb33"]
    found = json.loads(canonical_bytes(dict.fromkeys(reversed(ordered), 0)))
    assert list(found) == ordered


@pytest.mark.parametrize(
    ("bits", "text"),
    [
        # RFC 8785, appendix B; its whole numbers above 2^53 are floats here and are written alike.
        ("0000000000000000", "0"),
        ("8000000000000000", "0"),
        ("0000000000000001", "5e-324"),
        ("8000000000000001", "-5e-324"),
        ("7fefffffffffffff", "1.7976931348623157e+308"),
        ("ffefffffffffffff", "-1.7976931348623157e+308"),
        ("4340000000000000", "9007199254740992"),
        ("c340000000000000", "-9007199254740992"),
        ("4430000000000000", "295147905179352830000"),
        ("44b52d02c7e14af5", "9.999999999999997e+22"),
        ("44b52d02c7e14af6", "1e+23"),
        ("44b52d02c7e14af7", "1.0000000000000001e+23"),
        ("444b1ae4d6e2ef4e", "999999999999999700000"),
        ("444b1ae4d6e2ef4f", "999999999999999900000"),
        ("444b1ae4d6e2ef50", "1e+21"),
        ("3eb0c6f7a0b5ed8c", "9.999999999999997e-7"),
        ("3eb0c6f7a0b5ed8d", "0.000001"),
        ("41b3de4355555553", "333333333.3333332"),
        ("41b3de4355555554", "333333333.33333325"),
        ("41b3de4355555555", "333333333.3333333"),
        ("41b3de4355555556", "333333333.3333334"),
        ("41b3de4355555557", "333333333.33333343"),
        ("becbf647612f3696", "-0.0000033333333333333333"),
        ("43143ff3c1cb0959", "1424953923781206.2"),
    ],
)
def test_numbers_are_written_as_the_standard_says(bits: str, text: str) -> None:
    """Each double of the standard's table has its one shortest form."""
    (value,) = struct.unpack(">d", bytes.fromhex(bits))
    assert canonical_bytes(value) == text.encode()


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, {"a": [1.0, math.nan]}])
def test_what_is_not_finite_is_refused(value: Any) -> None:
    """NaN and the infinities have no canonical form, at any depth."""
    with pytest.raises(UsageError, match="no canonical form"):
        canonical_bytes(value)


@given(st.integers())
def test_integers_that_a_double_cannot_hold_are_strings(value: int) -> None:
    """An integer of 2^53 or more, in absolute value, is written as a string of its digits."""
    expected = str(value) if abs(value) < EXACT else f'"{value}"'
    assert canonical_bytes([value]) == f"[{expected}]".encode()


def test_booleans_are_no_integers() -> None:
    """True, 1 and "1" are three different values; an integer and an equal float are one number."""
    assert len({digest_value(value) for value in (True, 1, "1", None)}) == 4
    assert digest_value(1) == digest_value(1.0)


def test_structs_are_digested_by_their_fields() -> None:
    """A typed value and its plain form have one digest."""

    class Point(msgspec.Struct):
        x: int
        y: tuple[float, ...]

    assert canonical_bytes(Point(1, (0.5,))) == b'{"x":1,"y":[0.5]}'
    assert digest_value(Point(1, (0.5,))) == digest_value({"y": [0.5], "x": 1})


@given(PLAIN)
def test_canonical_bytes_are_a_fixed_point(value: Any) -> None:
    """Reading canonical bytes by their types and writing them again changes nothing."""
    once = canonical_bytes(value)

    def number(text: str) -> int | float:
        # A whole number from 2^53 on can only have been a float: integers are strings there.
        return int(text) if abs(int(text)) < EXACT else float(text)

    assert canonical_bytes(json.loads(once, parse_int=number)) == once


@given(st.dictionaries(st.text(), st.integers(), max_size=6))
def test_the_order_of_keys_does_not_matter(value: dict[str, int]) -> None:
    """A mapping has one digest, in whatever order it was filled."""
    assert digest_value(dict(reversed(value.items()))) == digest_value(value)


def test_digests_are_blake3() -> None:
    """The empty input has the digest that the BLAKE3 test vectors give (test_vectors.json, length 0)."""
    empty = "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"
    assert digest_bytes(b"") == empty
    assert digest_bytes(memoryview(b"")) == empty
    assert short(empty) == "af1349b9f5f9"


@pytest.mark.parametrize("content", [b"", b"x", b"assay" * 100_000], ids=["empty", "short", "long"])
def test_a_file_has_the_digest_of_its_bytes(tmp_path: Path, content: bytes) -> None:
    """Files of any length, the empty one too, are digested by content."""
    path = tmp_path / "file"
    path.write_bytes(content)
    assert digest_file(path) == digest_bytes(content)


@given(hnp.arrays(st.sampled_from(["<f8", "<i4", "u1"]), hnp.array_shapes(max_dims=3, max_side=4)))
def test_arrays_are_digested_by_logical_content(array: np.ndarray) -> None:
    """Memory order and byte order do not enter the digest of an array."""
    expected = digest_array(array)
    assert digest_array(np.asfortranarray(array)) == expected
    assert digest_array(array.astype(array.dtype.newbyteorder(">"))) == expected
    assert digest_array(np.stack([array, array])[0]) == expected


def test_dtype_and_shape_enter_the_digest_of_an_array() -> None:
    """Equal bytes under another dtype or shape are another array."""
    zeros = np.zeros(8, dtype="<f8")
    others = [zeros.view("<i8"), zeros.reshape(2, 4), zeros.reshape(4, 2), zeros[:4]]
    assert len({digest_array(array) for array in [zeros, *others]}) == 5


def test_the_digest_of_an_array_is_as_documented() -> None:
    """It is blake3 over dtype, shape, a zero byte and the little-endian values in C order."""
    array = np.array([[1, 2], [3, 4]], dtype="<i4")
    expected = blake3(b"<i4(2, 2)\0" + struct.pack("<4i", 1, 2, 3, 4)).hexdigest()
    assert digest_array(array) == expected
