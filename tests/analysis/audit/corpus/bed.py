"""Where a case is built: a folder with its files, its store, and studies that really run."""

from __future__ import annotations

import csv
import os
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any
from unittest import mock

import msgspec

from assay.benchmarks.assessing import vaults
from assay.benchmarks.catalogue import open_benchmark
from assay.foundation.seeding import Stream
from assay.provenance.components import Environment
from assay.records.journal import Journal
from assay.records.record import Record
from assay.records.store import Store
from assay.studies import cell
from assay.studies import run as running
from assay.studies.load import load_study

FILES = Path(__file__).parent / "files"


class Here:
    """Stands for the pool of workers: does the jobs in this process, which saves starting one a case."""

    def __init__(self, _function: str, setup: bytes, **_: object) -> None:
        self._setup = setup

    def run(self, jobs: Sequence[bytes], on_answer: Callable[[int, bytes], None], *_: object) -> None:
        worker = cell.CellWorker(self._setup)
        for number, job in enumerate(jobs):
            on_answer(number, worker.do(job))
        worker.close()


class Bed:
    """A folder of one case, with a store of its own; the cache of tables is shared."""

    def __init__(self, folder: Path, cache: Path) -> None:
        self.folder = folder
        self.store = folder / "store"
        self.cache = cache
        folder.mkdir(parents=True, exist_ok=True)

    def write(self, name: str, text: str) -> Path:
        """Write a file beside the study."""
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return path

    def borrow(self, *names: str) -> None:
        """Copy methods of users into the folder."""
        for name in names:
            shutil.copy(FILES / name, self.folder / name)

    def run(self, text: str) -> Path:
        """Write `text` as the study file, run what is due of it, and return its path."""
        path = self.write("study.toml", text)
        there = {"ASSAY_CACHE": str(self.cache), "ASSAY_STORE": str(self.store), "PYTHONHASHSEED": "0"}
        with mock.patch.object(running, "LocalWorkers", Here), mock.patch.dict(os.environ, there):
            running.run_study(load_study(path), Store(self.store), self.cache, workers=1)
        return path

    def known(self, benchmark: str) -> list[tuple[str, float, float]]:
        """Return what a table knows: each architecture with its validation and its test value."""
        table, vault = open_benchmark(benchmark, self.cache), vaults(self.cache)(benchmark)
        values = table.column("validation", None).tolist()
        names = [table.space.format(table.space.at(i)) for i in range(table.space.size)]
        tests = [
            vault.answer((name,))[0] if hasattr(vault, "answer") else values[i]
            for i, name in enumerate(names)
        ]
        return list(zip(names, values, tests, strict=True))

    def relocate(self, place: Callable[[Record], str | None], changes: Mapping[str, Any]) -> None:
        """Tell another place of some runs, as if a cluster had run them elsewhere.

        `place` names the host of a record, or None for one that stays; `changes` are what differs in the
        environment of those that move, arithmetic included. What was found stays as it was.
        """
        store = Store(self.store)
        records = list(store.records())
        shutil.rmtree(store.journals)
        with Journal(store.journals) as journal:
            for record in records:
                journal.append(msgspec.msgpack.encode(_elsewhere(store, record, place(record), changes)))


def _elsewhere(store: Store, record: Record, host: str | None, changes: Mapping[str, Any]) -> Record:
    if host is None:
        return record
    then = store.objects.get_value(record.circumstances.environment, Environment)
    arithmetic = msgspec.structs.replace(then.arithmetic, **changes.get("arithmetic", {}))
    others = {key: value for key, value in changes.items() if key != "arithmetic"}
    now = msgspec.structs.replace(then, arithmetic=arithmetic, **others)
    circumstances = msgspec.structs.replace(
        record.circumstances,
        host=host,
        environment=store.objects.put_value(now),
        arithmetic=store.objects.put_value(arithmetic),
    )
    return msgspec.structs.replace(record, circumstances=circumstances)


def study(
    methods: Mapping[str, str],
    *,
    benchmarks: Iterable[str] = ("nas-bench-201/cifar10",),
    evaluations: int = 60,
    replicates: int = 20,
    more: str = "",
    protocol: str = 'assessment = "where-available"',
    budget: str = "",
    top: str = "",
) -> str:
    """Return a study file: `methods` are the lines below each method's heading."""
    listed = ", ".join(f'"{name}"' for name in benchmarks)
    budget = budget or f"evaluations = {evaluations}"
    blocks = "\n".join(f"[methods.{name}]\n{lines}\n" for name, lines in methods.items())
    return (
        f'name = "case"\nquestion = "Which search finds more?"\nreplicates = {replicates}\n'
        f"benchmarks = [{listed}]\n{top}\n"
        f"[budget]\n{budget}\n\n[protocol]\n{protocol}\n\n{blocks}\n{more}\n"
    )


def better(one: str, than: str, metric: str = "signal", more: str = "") -> str:
    """Return a claim that one method beats another."""
    return f'[[claims]]\nbetter = "{one}"\nthan = "{than}"\nmetric = "{metric}"\n{more}\n'


Row = dict[str, Any]


def results(
    name: str,
    means: Mapping[str, float],
    tasks: Mapping[str, float],
    *,
    n: int = 12,
    sd: float = 0.4,
    digits: int = 3,
    metric: str = "score",
) -> list[Row]:
    """Return rows of a table of results: normal draws around method + task, seeded by the case's name."""
    rows = []
    for task, base in tasks.items():
        for method, mean in means.items():
            rng = Stream(0, ("corpus", name, task, method))
            for seed in range(n):
                score = round(base + mean + sd * rng.normal(), digits)
                rows.append({"method": method, "task": task, "seed": seed, metric: score})
    return rows


def add(rows: Iterable[Row], **columns: Any) -> list[Row]:
    """Return the rows with more columns: a constant, or a function of the row."""
    return [{**row, **{k: v(row) if callable(v) else v for k, v in columns.items()}} for row in rows]


def write_rows(bed: Bed, rows: Sequence[Row]) -> Path:
    """Write rows as `results.csv`."""
    path = bed.folder / "results.csv"
    names = list(dict.fromkeys(name for row in rows for name in row))
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, names, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return path
