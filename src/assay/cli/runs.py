"""The bodies of `assay ls`, `assay show` and `assay diff`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from assay.cli.components import component_lines
from assay.cli.output import give, give_json, say, table, visible
from assay.foundation.digest import short
from assay.foundation.places import cache_folder, store_folder
from assay.provenance.difference import difference
from assay.records.record import Record, finite_or_none
from assay.records.store import Run, Store
from assay.studies.choosing import recommended_value
from assay.studies.load import load_study
from assay.studies.plan import make_plan
from assay.studies.provenance import provenance_of
from assay.studies.tuned import settle
from assay.tasks.ledger import Ledger


def _open(store_path: Path | None) -> Store:
    return Store(store_path or store_folder(), create=False)


def ls(store_path: Path | None, study: Path | None, *, failed: bool, json: bool) -> int:
    """List runs; those of a study under the names that it gives its methods."""
    store = _open(store_path)
    runs = store.runs()
    names: dict[str, str] = {}
    if study is not None:
        found = settle(load_study(study), store, cache_folder())
        plans = [*(one.plan for one in found.tunings), make_plan(found.loaded, None, cache_folder())]
        names = {cell.spec.run: cell.method for plan in plans for cell in plan.cells}
        runs = {run: merged for run, merged in runs.items() if run in names}
    chosen = [merged for merged in runs.values() if not (failed and merged.completed)]
    chosen.sort(
        key=lambda run: (run.record.benchmark, run.record.strategy, run.record.replicate, run.record.run)
    )
    rows = [_row(run, names) for run in chosen]
    if json:
        give_json(rows)
        return 0
    head = ["run", "method", "benchmark", "replicate", "status", "evaluations", "best", "attempts"]
    body = [[str(row[key]) if row[key] is not None else "" for key in head] for row in rows]
    give(table(head, [[short(line[0]), *line[1:]] for line in body], right=(3, 5, 6, 7)))
    say(f"{len(rows):,} runs")
    return 0


def _row(run: Run, names: dict[str, str]) -> dict[str, Any]:
    record = run.record
    best = recommended_value(record)
    return {
        "run": record.run,
        "method": names.get(record.run, record.strategy),
        "benchmark": record.benchmark,
        "replicate": record.replicate,
        "status": "conflict" if run.conflict else record.result.status,
        "evaluations": len(record.result.trajectory),
        "best": None if best is None else round(best, 6),
        "attempts": run.attempts,
    }


def show(prefix: str, store_path: Path | None, *, json: bool) -> int:
    """Show one run with its five components."""
    store = _open(store_path)
    run = store.find(prefix)
    record, found = run.record, provenance_of(run.record, store)
    assessed = [entry for entry in Ledger(store.folder).entries() if entry.seal == record.seal().digest()]
    if json:
        give_json(
            {"run": _row(run, {}), "result": _result(record), "assessment": assessed, "provenance": found}
        )
        return 0
    give(f"run {record.run}")
    give(f"  {visible(record.strategy)} on {record.benchmark}, replicate {record.replicate}")
    give(f"  {record.result.status}, {len(record.result.trajectory):,} evaluations, attempts: {run.attempts}")
    give(f"  result {record.result_digest}")
    for digest in run.conflict:
        give(f"  conflict: another attempt gave the result {digest}")
    if record.circumstances.error:
        error = record.circumstances.error
        give(f"  error {visible(error.kind)}: {visible(error.message)}")
        for frame in error.frames:
            give(f"    {visible(frame)}")
    for arch in record.result.recommendation:
        give(f"  recommends {arch}")
    for entry in assessed:
        numbers = ", ".join(f"{value!r}" for value in entry.values or ())
        give(f"  assessed: {entry.metric} = {numbers}" if numbers else f"  not assessed: {entry.unavailable}")
    for line in component_lines(found):
        give(line)
    give(f"  arithmetic {record.circumstances.arithmetic}")
    return 0


def _result(record: Record) -> dict[str, Any]:
    trajectory = record.result.trajectory
    return {
        "status": record.result.status,
        "digest": record.result_digest,
        "recommendation": record.result.recommendation,
        "trajectory": {
            "arch": trajectory.strings(),
            **{
                name: [finite_or_none(value) for value in trajectory.column(name).tolist()]
                for name in ("value", "cost", "time")
            },
            "status": trajectory.column("status").tolist(),
        },
        "error": record.circumstances.error,
    }


def diff(first: str, second: str, store_path: Path | None, *, json: bool) -> int:
    """Show only what differs between two runs: provenance first, then the results."""
    store = _open(store_path)
    a, b = store.find(first).record, store.find(second).record
    found = difference(provenance_of(a, store), provenance_of(b, store))
    same = a.result_digest == b.result_digest
    if json:
        give_json({"a": a.run, "b": b.run, "same_result": same, "differences": found})
        return 0
    if not found:
        give("the two runs do not differ in any recorded component")
    rows = [[one.path, visible(_plain(one.a)), visible(_plain(one.b))] for one in found]
    if rows:
        give(table(["what differs", short(a.run), short(b.run)], rows))
    give("the results are identical" if same else "the results differ")
    return 0


def _plain(value: Any) -> str:
    if value is msgspec.UNSET:
        return "(absent)"
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
