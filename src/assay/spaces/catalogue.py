"""Search spaces by name."""

from __future__ import annotations

from functools import cache
from typing import Any

from assay.contracts.space import SearchSpace
from assay.foundation.errors import CodeError
from assay.foundation.registry import Registry

SPACES = Registry(
    "search space",
    "assay.spaces",
    {
        "darts": "assay.spaces.darts:DartsSpace",
        "einspace-grammar": "assay.spaces.grammar:EinspaceGrammarSpace",
        "fbnet": "assay.spaces.fbnet:FbnetSpace",
        "hierarchical-nas-bench-201": "assay.spaces.grammar:HierarchicalNasBench201Space",
        "hw-gpt-l": "assay.spaces.hw_gpt:HwGptLargeSpace",
        "hw-gpt-m": "assay.spaces.hw_gpt:HwGptMediumSpace",
        "hw-gpt-s": "assay.spaces.hw_gpt:HwGptSmallSpace",
        "nas-bench-201-grammar": "assay.spaces.grammar:NasBench201GrammarSpace",
        "nas-bench-201": "assay.spaces.nas_bench_201:NasBench201Space",
        "nas-bench-graph": "assay.spaces.nas_bench_graph:NasBenchGraphSpace",
        "nas-bench-graph-proteins": "assay.spaces.nas_bench_graph:NasBenchGraphProteinsSpace",
        "fcnet": "assay.spaces.grid:FcnetSpace",
        "hpobench-mlp": "assay.spaces.grid:MlpSpace",
        "nas-bench-101": "assay.spaces.nas_bench_101:NasBench101Space",
        "nas-bench-macro": "assay.spaces.nas_bench_macro:NasBenchMacroSpace",
        "nats-bench-size": "assay.spaces.nats_bench_size:NatsBenchSizeSpace",
        "transnas-macro": "assay.spaces.transnas:TransNasMacroSpace",
        "transnas-micro": "assay.spaces.transnas:TransNasMicroSpace",
    },
)


@cache
def get_space(name: str) -> SearchSpace[Any]:
    """Return the search space of this name, always the same object in a process.

    What is registered is called without arguments. Raises `UnknownNameError` with the nearest name,
    `CodeError` when what comes back is no search space of that name.
    """
    registered = SPACES.find(name)
    space = registered.load()()
    if not isinstance(space, SearchSpace) or space.name != name:
        called = getattr(space, "name", None)
        lacking = f"a {type(space).__name__} lacks members of SearchSpace"
        raise CodeError(
            f"what is registered as the search space '{name}' does not follow the contract of spaces",
            where=f"{registered.target} ({registered.distribution} {registered.version})",
            why=f"its name is {called!r}" if isinstance(space, SearchSpace) else lacking,
            hint="check it with assay.testing.spaces.SpaceSuite",
        )
    return space
