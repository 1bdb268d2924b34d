"""Suites: named, versioned sets of benchmarks. A suite never changes; a new version is a new name."""

from __future__ import annotations

import msgspec

from assay.foundation.errors import UnknownNameError

_GRAPHS = ("cora", "citeseer", "pubmed", "cs", "physics", "photo", "computers", "arxiv", "proteins")
_CELLS = ("cifar10", "cifar100", "imagenet16-120")


class Suite(msgspec.Struct, frozen=True, kw_only=True):
    """A set of benchmarks under a name that ends in its version, and what it is for."""

    name: str
    purpose: str
    members: tuple[str, ...]


def _suites() -> tuple[Suite, ...]:
    graphs = tuple(f"nas-bench-graph/{task}" for task in _GRAPHS)
    cells = tuple(f"nas-bench-201/{task}" for task in _CELLS)
    return (
        Suite(name="graphs-v1", purpose="nine graph tasks: a test metric, no training time", members=graphs),
        Suite(name="cells-v1", purpose="three image tasks: training time, no test metric", members=cells),
        Suite(name="embedded-v1", purpose="every table of the embedded default", members=graphs + cells),
    )


SUITES: dict[str, Suite] = {suite.name: suite for suite in _suites()}


def suite(name: str) -> Suite:
    """Return a suite; an unknown name raises `UnknownNameError` with the nearest."""
    if name not in SUITES:
        raise UnknownNameError("suite", name, SUITES)
    return SUITES[name]
