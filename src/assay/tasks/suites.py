"""Suites: named, versioned sets of benchmarks. A suite never changes; a new version is a new name."""

from __future__ import annotations

import msgspec

from assay.foundation.errors import UnknownNameError

_GRAPHS = ("cora", "citeseer", "pubmed", "cs", "physics", "photo", "computers", "arxiv", "proteins")
_CELLS = ("cifar10", "cifar100", "imagenet16-120")
# Apart by lineage and by family: the Microsoft Academic Graph stands behind arxiv, cs and physics, and
# arxiv is of the family of citation graphs, so that these three and the citation graphs stay together.
_DEVELOPMENT = ("photo", "computers", "cifar10", "cifar100")
_HELD_OUT = ("cora", "citeseer", "pubmed", "cs", "physics", "arxiv", "proteins", "imagenet16-120")


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
        Suite(
            name="development-v1",
            purpose="to tune on: no lineage or family of data that held-out-v1 has",
            members=_named(_DEVELOPMENT, graphs + cells),
        ),
        Suite(
            name="held-out-v1",
            purpose="to report: no lineage or family of data that development-v1 has",
            members=_named(_HELD_OUT, graphs + cells),
        ),
    )


def _named(tasks: tuple[str, ...], benchmarks: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name for name in benchmarks if name.partition("/")[2] in tasks)


SUITES: dict[str, Suite] = {suite.name: suite for suite in _suites()}


def suite(name: str) -> Suite:
    """Return a suite; an unknown name raises `UnknownNameError` with the nearest."""
    if name not in SUITES:
        raise UnknownNameError("suite", name, SUITES)
    return SUITES[name]
