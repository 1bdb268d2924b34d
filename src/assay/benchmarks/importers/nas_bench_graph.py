"""NAS-Bench-Graph (Qin et al., NeurIPS 2022, Datasets and Benchmarks), from its PyPI package.

Source: a pickled dictionary a task, from the hash of an architecture to `valid_perf`, `perf`,
`latency` and `para`, each the mean of three seeds.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from assay.benchmarks.family import Family, TableContent
from assay.benchmarks.importers.accepted import NAS_BENCH_GRAPH, read_accepted
from assay.benchmarks.importers.restricted import load_plain
from assay.contracts.card import ErrataNote, ExtraNote, ProtocolCard, SeedNote, TestNote
from assay.contracts.evaluation import Fidelity
from assay.contracts.problem import Signal
from assay.foundation.errors import CorruptError
from assay.spaces.catalogue import get_space
from assay.tasks.cards import task_card

_OPEN = ("valid_perf", "latency", "para")
_TEST = "perf"
_README = "README.md of THUMNLab/NAS-Bench-Graph at be42534"

_SEEDS = SeedNote(
    seeds=(),
    aggregated=True,
    policies=("published-mean",),
    note=f"mean of three seeds ({_README}, 'we run each dataset with three random seeds'); "
    "which seeds is not stated, and single seeds are not in the package",
)

_EVIDENCE = (
    f"{_README}, line 43: \"info['perf']         # test performance\" (line 42: "
    "\"info['valid_perf']   # validation performance\"); the METADATA of nas-bench-graph 1.4.0 says the "
    "same. In the authors' training code `perf` is the test metric at the epoch of the lowest validation loss"
)

_ERRATA = (
    ErrataNote(
        summary="the official NNI example searches on `perf`, the test metric; numbers that were found with "
        "it are not comparable with a search on validation",
        source="nas_bench_graph/runnni.py of the 1.4.0 package, lines 58 and 78",
    ),
    ErrataNote(
        summary="validation metrics are rounded to three digits a seed before the mean; ties are frequent",
        source="the authors' training code; every value of the 1.4.0 package is a multiple of 1/3000",
    ),
    ErrataNote(
        summary="at which epoch `valid_perf` was taken is not stated: unverified",
        source=_README,
    ),
)

_PROTEINS_ERRATUM = ErrataNote(
    summary="2,021 architectures of five operations (gcn, sage, arma, fc, skip); "
    "their keys are hashes over all nine operations, not over `gnn_list_proteins`",
    source="keys of light/proteins.bench in the 1.4.0 package",
)


class NASBenchGraph:
    """Nine graph tasks over 26,206 architectures (2,021 for proteins)."""

    name = "nas-bench-graph"
    revision = 1
    title = "NAS-Bench-Graph: graph neural networks on nine graphs"
    source = NAS_BENCH_GRAPH
    tasks = tuple(NAS_BENCH_GRAPH.files)

    def __init__(self) -> None:
        self.readings: dict[str, Family] = {}
        self.signals = {"validation": "valid_perf"}

    def space(self, task: str) -> str:
        """Return the name of the search space of a task."""
        return "nas-bench-graph-proteins" if task == "proteins" else "nas-bench-graph"

    def card(self, task: str) -> ProtocolCard:
        """Return the protocol card of a task."""
        about = task_card(task)
        return ProtocolCard(
            benchmark=f"{self.name}/{task}",
            version=1,
            space=self.space(task),
            task=about,
            signals=(
                Signal(
                    name="validation",
                    metric=about.metric,
                    split="validation",
                    unit="fraction",
                    description="mean of three seeds",
                ),
            ),
            fidelities=(Fidelity(schedule="published"),),
            seeds=_SEEDS,
            test=TestNote(
                metric=about.metric, split="test", unit="fraction", maximize=True, evidence=_EVIDENCE
            ),
            cost=None,
            extras=("latency", "para"),
            extra_notes=(
                ExtraNote(column="latency", title="latency", unit="seconds", origin="measured"),
                ExtraNote(column="para", title="parameters", unit="million", origin="counted"),
            ),
            source=f"{NAS_BENCH_GRAPH.distribution} {NAS_BENCH_GRAPH.version}",
            digest_of_source={NAS_BENCH_GRAPH.files[task].path: NAS_BENCH_GRAPH.files[task].sha256},
            licence=NAS_BENCH_GRAPH.licence,
            citation=NAS_BENCH_GRAPH.citation,
            errata=(*_ERRATA, _PROTEINS_ERRATUM) if task == "proteins" else _ERRATA,
        )

    def read(self, task: str, place: Path) -> TableContent:  # noqa: ARG002  a package is found by itself
        """Return the columns of a task: latency in seconds, `para` in millions, the rest fractions."""
        path, data = read_accepted(NAS_BENCH_GRAPH, task)
        source = load_plain(data, path)
        space: Any = get_space(self.space(task))  # which has, beyond the contract, `table_key`
        keys = [space.table_key(space.at(i)) for i in range(space.size)]
        if len(source) != space.size or any(key not in source for key in keys):
            raise CorruptError(
                f"the table of {self.name}/{task} does not cover its search space",
                where=str(path),
                why=f"{len(source):,} entries for {space.size:,} architectures",
            )
        rows = [source[key] for key in keys]
        columns = {name: (("architecture",), _column(rows, name)) for name in _OPEN}
        return TableContent(columns=columns, test=_column(rows, _TEST))


def _column(rows: list[dict[str, Any]], name: str) -> np.ndarray:
    return np.array([row[name] for row in rows], dtype=np.float64)


FAMILY = NASBenchGraph()
