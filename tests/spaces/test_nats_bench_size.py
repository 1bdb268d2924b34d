"""NATS-Bench's size search space against its official files, and its own rules."""

from __future__ import annotations

import bz2
import contextlib
import pickletools
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.contracts.space import SearchSpace
from assay.foundation.errors import UnknownNameError, UsageError
from assay.foundation.seeding import Stream
from assay.spaces.nas_bench_201 import NasBench201Space
from assay.spaces.nats_bench_size import TOPOLOGY, WIDTHS, NatsBenchSizeSpace
from assay.testing.spaces import SpaceSuite

SPACE = NatsBenchSizeSpace()
NETWORKS = st.tuples(*[st.integers(0, 7)] * 5)


class TestSuite(SpaceSuite):
    def make_space(self) -> SearchSpace[Any]:
        return NatsBenchSizeSpace()


def test_index_is_the_official_one(shared):
    """The strings of the official files are ours, in our order."""
    path = shared / "data/nats-bench-sample/NATS-sss-v1_0-50262-simple/meta.pickle.pbz2"
    if not path.exists():
        pytest.skip(f"{path.name} is not among the shared data")
    # The opcodes tell the strings, in their order, without reading what the pickle says of the rest.
    opcodes = pickletools.genops(bz2.decompress(path.read_bytes()))
    texts = [text for _, text, _ in opcodes if isinstance(text, str)]
    start = texts.index("meta_archs") + 1
    official = texts[start : texts.index("total_archs")]
    assert official == [SPACE.format(SPACE.at(i)) for i in range(SPACE.size)]
    assert [SPACE.index(SPACE.parse(text)) for text in official] == list(range(SPACE.size))


def test_index_reads_the_widths_as_digits():
    """The order is that of the widths as numbers, the last one changing fastest."""
    assert SPACE.size == 32_768
    assert SPACE.format(SPACE.at(0)) == "8:8:8:8:8"
    assert SPACE.format(SPACE.at(1)) == "8:8:8:8:16"
    assert SPACE.format(SPACE.at(32_767)) == "64:64:64:64:64"
    assert SPACE.index((1, 0, 0, 0, 0)) == 8**4


def test_topology_is_a_cell_of_nas_bench_201():
    """The cell that all networks share is written as NAS-Bench-201 writes it."""
    space = NasBench201Space()
    assert space.format(space.parse(TOPOLOGY)) == TOPOLOGY


@given(NETWORKS)
def test_round_trip(arch):
    """Every tuple of five widths is an architecture, and blanks around them do not matter."""
    text = ":".join(WIDTHS[i] for i in arch)
    assert SPACE.format(arch) == text
    assert SPACE.parse(text) == SPACE.parse(f" {text.replace(':', ' : ')} ") == arch


@given(st.text(alphabet=":0123468 ", max_size=20))
def test_any_text_is_read_or_refused(text):
    """Whatever the text, parse returns an architecture or raises `UsageError`."""
    with contextlib.suppress(UsageError):
        assert SPACE.contains(SPACE.parse(text))


@pytest.mark.parametrize("text", ["8:8:8:8", "8:8:8:8:8:8", "8,8,8,8,8", ""])
def test_refused_spellings(text):
    """A spelling without five parts is refused, with an example."""
    with pytest.raises(UsageError, match="five widths joined by colons"):
        SPACE.parse(text)


@pytest.mark.parametrize("width", ["12", "72", "08", "8.0", ""])
def test_unknown_width_is_named(width):
    """A width that the space lacks is named."""
    with pytest.raises(UnknownNameError, match=f"unknown width of nats-bench-size '{width}'"):
        SPACE.parse(f"8:8:{width}:8:8")


def test_mutation_changes_one_width_uniformly():
    """The mutation changes each layer equally often, to each of the seven other widths alike."""
    arch, rng, draws = (0, 1, 3, 6, 7), Stream(0, ("test",)), 17_500
    changed: Counter[tuple[int, int]] = Counter()
    for _ in range(draws):
        mutant = SPACE.mutate(arch, rng, "factor")
        [layer] = [i for i in range(5) if mutant[i] != arch[i]]
        changed[layer, mutant[layer]] += 1
    assert len(changed) == 35
    # Six standard deviations of a count with expectation 500.
    assert all(abs(count - 500) < 6 * 500**0.5 for count in changed.values())


def test_graph_is_the_chain_of_layers():
    """The graph is a chain of cells and residual blocks with their widths."""
    graph = SPACE.graph(SPACE.parse("8:16:64:32:8"))
    assert graph.labels == (
        "input", "cell 8", "residual 16", "cell 64", "residual 32", "cell 8", "output",
    )  # fmt: skip
    assert graph.edges == ((0, 1), (1, 2), (2, 3), (3, 4), (4, 5), (5, 6))
