"""NAS-Bench-Macro against its published table, and its own rules."""

from __future__ import annotations

import contextlib
import json
from collections import defaultdict
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.contracts.space import SearchSpace
from assay.foundation.errors import UsageError
from assay.spaces.nas_bench_macro import NasBenchMacroSpace
from assay.testing.spaces import SpaceSuite

SPACE = NasBenchMacroSpace()
NETWORKS = st.tuples(*[st.integers(0, 2)] * 8)


class TestSuite(SpaceSuite):
    def make_space(self) -> SearchSpace[Any]:
        return NasBenchMacroSpace()


@pytest.fixture(scope="module")
def official(shared):
    """Return the published table: for each string, what was measured."""
    path = shared / "data/nas-bench-macro/nas-bench-macro_cifar10.json"
    if not path.exists():
        pytest.skip(f"{path.name} is not among the shared data")
    return json.loads(path.read_text(encoding="utf-8"))


def test_equals_the_published_keys(official):
    """The keys of the published table are exactly our strings."""
    assert len(official) == SPACE.size == 6_561
    assert {SPACE.format(SPACE.at(i)) for i in range(SPACE.size)} == set(official)
    assert all(SPACE.format(SPACE.parse(key)) == key for key in official)


def test_equal_unique_strings_are_one_training(official):
    """The published results are equal where the canonical forms are, and nowhere else."""
    results = {key: json.dumps(row) for key, row in official.items()}
    strings = {key: SPACE.unique_string(SPACE.parse(key)) for key in official}
    assert all(results[key] == results[string] for key, string in strings.items())
    assert len(set(results.values())) == len(set(strings.values())) == 3_969


def test_unique_strings_by_hand():
    """Identities that change nothing go to the end of their stage; the first of a stage stays."""
    cases = {
        "02012100": "02012100",
        "01001002": "01010020",
        "10201021": "10210021",
        "00000000": "00000000",
        "22202202": "22220220",
    }
    assert {text: SPACE.unique_string(SPACE.parse(text)) for text in cases} == cases


def test_canonical_form_is_a_fixed_point():
    """The canonical form of a network is a network of its own class; there are 3,969 classes."""
    # 3 x 3 networks of the first stage, 3 x 7 of each other one: of nine pairs, (0, x) is (x, 0).
    classes = defaultdict(list)
    for i in range(SPACE.size):
        classes[SPACE.unique_string(SPACE.at(i))].append(i)
    assert len(classes) == 3 * 3 * (3 * 7) ** 2 == 3_969
    assert all(SPACE.unique_string(SPACE.parse(string)) == string for string in classes)


def test_index_reads_the_blocks_as_digits():
    """The order is that of a number to base 3, the first layer first."""
    assert SPACE.format(SPACE.at(0)) == "00000000"
    assert SPACE.format(SPACE.at(1)) == "00000001"
    assert SPACE.format(SPACE.at(6_560)) == "22222222"


@given(NETWORKS)
def test_round_trip(arch):
    """Every tuple of eight blocks is an architecture; its string and its index are its digits."""
    text = "".join(map(str, arch))
    assert SPACE.format(arch) == text
    assert SPACE.parse(text) == arch
    assert SPACE.index(arch) == int(text, 3)


@given(st.text(alphabet="0123 \n²٣", max_size=10))
def test_any_text_is_read_or_refused(text):
    """Whatever the text, parse returns an architecture or raises `UsageError`."""
    with contextlib.suppress(UsageError):
        assert SPACE.contains(SPACE.parse(text))


@pytest.mark.parametrize("text", ["0000000", "000000000", "00000003", " 00000000", "00000000\n", "0000000²"])
def test_refused_spellings(text):
    """A spelling that is not eight digits is refused, with an example."""
    with pytest.raises(UsageError, match="eight digits 0, 1 or 2"):
        SPACE.parse(text)


def test_graph_is_the_chain_of_blocks():
    """The graph is the chain of the eight blocks."""
    graph = SPACE.graph(SPACE.parse("02012100"))
    assert graph.labels == (
        "input",
        "Identity", "MB6_K5", "Identity", "MB3_K3", "MB6_K5", "MB3_K3", "Identity", "Identity",
        "output",
    )  # fmt: skip
    assert graph.edges == tuple((i, i + 1) for i in range(9))
