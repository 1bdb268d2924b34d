"""Every built-in space, and the worked example, against the shipped suite."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

from assay.contracts.space import AsGraph, Crossable, Enumerable, Factorised, Mutable, Neighbours, SearchSpace
from assay.spaces.catalogue import get_space
from assay.spaces.grid import FcnetSpace, MlpSpace
from assay.spaces.nas_bench_201 import NasBench201Space
from assay.spaces.nas_bench_graph import NasBenchGraphProteinsSpace, NasBenchGraphSpace
from assay.testing.spaces import SpaceSuite
from assay.testing.toy_space import ToySpace


def _example() -> Any:
    path = Path(__file__).with_name("example_space.py")
    spec = importlib.util.spec_from_file_location("example_space", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.PerceptronSpace


class TestNasBench201(SpaceSuite):
    def make_space(self) -> SearchSpace[Any]:
        return NasBench201Space()


class TestNasBenchGraph(SpaceSuite):
    def make_space(self) -> SearchSpace[Any]:
        return NasBenchGraphSpace()


class TestNasBenchGraphProteins(SpaceSuite):
    def make_space(self) -> SearchSpace[Any]:
        return NasBenchGraphProteinsSpace()


class TestFcnet(SpaceSuite):
    def make_space(self) -> SearchSpace[Any]:
        return FcnetSpace()


class TestMlp(SpaceSuite):
    def make_space(self) -> SearchSpace[Any]:
        return MlpSpace()


class TestToySpace(SpaceSuite):
    def make_space(self) -> SearchSpace[Any]:
        return ToySpace()


class TestExample(SpaceSuite):
    def make_space(self) -> SearchSpace[Any]:
        return _example()()


def test_built_in_spaces_have_every_capability():
    """No strategy is refused on a built-in space."""
    for name in ("nas-bench-201", "nas-bench-graph", "nas-bench-graph-proteins"):
        for capability in (Enumerable, Mutable, Neighbours, Crossable, AsGraph, Factorised):
            assert isinstance(get_space(name), capability), f"{name} is not {capability.__name__}"
