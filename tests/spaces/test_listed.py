"""Spaces whose architectures are the rows of a table."""

from __future__ import annotations

from typing import Any

import pytest

from assay.contracts.space import Enumerable, Mutable, Neighbours, SearchSpace
from assay.foundation.errors import CorruptError, UsageError
from assay.foundation.seeding import Stream
from assay.spaces.listed import ListedSpace, indexed
from assay.spaces.nas_bench_101 import NasBench101Space
from assay.testing.spaces import SpaceSuite

NAMES = tuple(f"model-{i}" for i in range(40))
CHAIN = "010001000:input,{},output"
ROWS = tuple(CHAIN.format(name) for name in ("conv3x3-bn-relu", "conv1x1-bn-relu", "maxpool3x3"))


class TestListedSpace(SpaceSuite):
    def make_space(self) -> SearchSpace[Any]:
        return ListedSpace("models", NAMES)


def test_a_space_keeps_its_capabilities_when_a_table_gives_it_an_index() -> None:
    """Capabilities are those of the space, on every Python, and the index is that of the rows."""
    space: Any = indexed(NasBench101Space(), ROWS, ROWS)
    assert isinstance(space, Enumerable) and isinstance(space, Mutable) and isinstance(space, Neighbours)
    assert not isinstance(NasBench101Space(), Enumerable)
    assert [space.index(space.at(i)) for i in range(space.size)] == [0, 1, 2]
    assert space.contains(space.sample(Stream(0, ("listed",))))


def test_equivalent_architectures_answer_to_one_row() -> None:
    """Rows under a canonical form hold for every architecture of that form."""
    plain = NasBench101Space()
    branches = "0111000010000100:input,conv3x3-bn-relu,maxpool3x3,output"
    turned = "0111000010000100:input,maxpool3x3,conv3x3-bn-relu,output"
    branches, turned = (text.replace("0111000010000100", "0110000100010000") for text in (branches, turned))
    texts = (ROWS[0], branches)
    keys = tuple(plain.unique_string(plain.parse(text)) for text in texts)
    space: Any = indexed(plain, keys, texts)
    assert plain.parse(branches) != plain.parse(turned)
    assert space.index(space.parse(turned)) == space.index(space.parse(branches)) == 1


def test_what_has_no_row_is_refused_by_name() -> None:
    """An architecture of the space that the table does not list is an error, not another row."""
    space: Any = indexed(NasBench101Space(), ROWS[:2], ROWS[:2])
    with pytest.raises(UsageError, match="no row for this architecture"):
        space.index(space.parse(ROWS[2]))


@pytest.mark.parametrize("rows", [(ROWS[0], ROWS[0]), ()])
def test_a_list_names_each_architecture_once(rows: tuple[str, ...]) -> None:
    """A table with two rows under one key is damaged, and one without rows is none."""
    with pytest.raises(CorruptError):
        ListedSpace("models", rows)
    if rows:
        with pytest.raises(CorruptError):
            indexed(NasBench101Space(), rows, rows)
