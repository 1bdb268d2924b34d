"""The bodies of `assay ls`, `assay show` and `assay diff`, for searches and for recorded commands."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from assay.capture.recording.record import recover
from assay.cli.commands import HEAD, RIGHT, command_lines, command_rows, shown_row
from assay.cli.components import component_lines
from assay.cli.defaults import default_lines
from assay.cli.defaults import defaults as hidden_defaults
from assay.cli.output import give, give_json, say, table, visible
from assay.foundation.digest import short
from assay.foundation.errors import AssayError, UsageError
from assay.foundation.places import cache_folder, store_folder
from assay.provenance.commands import CommandProvenance
from assay.provenance.difference import Difference, command_difference, difference
from assay.records.commands import CommandRecord, command_records, find_command, provenance_of_command
from assay.records.record import Record, finite_or_none
from assay.records.store import Run, Store
from assay.studies.choosing import recommended_value
from assay.studies.load import load_study
from assay.studies.plan import make_plan
from assay.studies.provenance import provenance_of
from assay.studies.tuned import settle
from assay.tasks.ledger import Ledger

SEARCH, COMMAND = KINDS = ("search", "command")
_DIGEST = re.compile(r"\b[0-9a-f]{64}\b")


def _open(store_path: Path | None) -> Store:
    return Store(store_path or store_folder(), create=False)


def ls(store_path: Path | None, study: Path | None, *, failed: bool, kind: str | None, json: bool) -> int:
    """List searches and commands; those of a study under the names that it gives its methods."""
    if kind not in (None, *KINDS):
        raise UsageError(f"unknown kind of run '{kind}'", hint=f"one of {', '.join(KINDS)}")
    store = _open(store_path)
    _recover(store)
    searches = _searches(store, study, failed=failed) if kind != COMMAND else []
    commands = _commands(store, failed=failed) if kind != SEARCH and study is None else []
    if json:
        give_json([*searches, *commands])
        return 0
    if searches or not commands:
        head = ["run", "method", "benchmark", "replicate", "status", "evaluations", "best", "attempts"]
        body = [[str(row[key]) if row[key] is not None else "" for key in head] for row in searches]
        give(table(head, [[short(line[0]), *line[1:]] for line in body], right=(3, 5, 6, 7)))
    if commands:
        if searches:
            give("")
        give(table(HEAD, [shown_row(row) for row in commands], right=RIGHT))
    say(f"{len(searches) + len(commands):,} runs")
    return 0


def _searches(store: Store, study: Path | None, *, failed: bool) -> list[dict[str, Any]]:
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
    return [_row(run, names) for run in chosen]


def _commands(store: Store, *, failed: bool) -> list[dict[str, Any]]:
    found = command_records(store, lambda error: say(f"left out: {visible(error.one_line())}"))
    rows = command_rows(found, store.objects)
    return [row for row in rows if not (failed and row["status"] == "completed")]


def _recover(store: Store) -> None:
    """Seal what dead recorders left; what stands in the way of that is said, and the rest is listed."""
    try:
        found = recover(store, cache_folder())
    except (AssayError, OSError) as error:
        say(f"a run whose recorder died could not be sealed: {visible(str(error))}")
        return
    for record in found:
        say(f"sealed {record.id[:8]} ({visible(record.name)}), whose recorder died")


def _row(run: Run, names: dict[str, str]) -> dict[str, Any]:
    record = run.record
    best = recommended_value(record)
    return {
        "kind": SEARCH,
        "run": record.run,
        "method": names.get(record.run, record.strategy),
        "benchmark": record.benchmark,
        "replicate": record.replicate,
        "status": "conflict" if run.conflict else record.result.status,
        "evaluations": len(record.result.trajectory),
        "best": None if best is None else round(best, 6),
        "attempts": run.attempts,
    }


def show(prefix: str, store_path: Path | None, *, defaults: bool, json: bool) -> int:
    """Show one run with its five components."""
    store = _open(store_path)
    found = _find(store, prefix)
    if isinstance(found, CommandRecord):
        return _show_command(found, store, defaults=defaults, json=json)
    if defaults:
        raise UsageError("a search names all its hyperparameters", hint="--defaults is for recorded commands")
    return _show_search(found, store, json=json)


def _find(store: Store, text: str) -> Run | CommandRecord:
    """Return the search or command that a text names; raises `UsageError` where there is none, or several."""
    command = find_command(store, text)
    if command is None:
        return store.find(text)
    if text != command.name and any(run.startswith(text.lower()) for run in store.runs()):
        raise UsageError(
            f"several runs start with '{text}'", where=str(store.folder), hint="give more digits"
        )
    return command


def _show_command(record: CommandRecord, store: Store, *, defaults: bool, json: bool) -> int:
    found = provenance_of_command(store, record)
    if defaults:
        return _show_defaults(found, json=json)
    attempts = [one for one in command_records(store) if one.run == record.run]
    if json:
        row = next(row for row in command_rows(attempts, store.objects) if row["id"] == record.id)
        give_json({"run": row, "record": record, "provenance": found})
        return 0
    if not _order_matters(found, store):
        known = tuple(one for one in found.randomness if one.kind != "hash order")
        found = msgspec.structs.replace(found, randomness=known)
    for line in command_lines(record, found, len(attempts), store.objects):
        give(line)
    return 0


def _order_matters(found: CommandProvenance, store: Store) -> bool:
    """Say whether the user's code makes sets or asks for hashes, whose order PYTHONHASHSEED decides.

    Code that is not in the record, or that cannot be read here, may do so.
    """
    loaded = [file for file in found.code if file.role in ("program", "module", "notebook")]
    if not loaded or any(file.content is None for file in loaded):
        return True
    try:
        trees = [ast.parse(store.objects.get(file.content or "")) for file in loaded]
    except (AssayError, SyntaxError, ValueError, RecursionError):
        return True
    nodes = [node for tree in trees for node in ast.walk(tree)]
    return any(
        isinstance(node, ast.Set | ast.SetComp)
        or (isinstance(node, ast.Name) and node.id in ("set", "frozenset", "hash"))
        for node in nodes
    )


def _show_defaults(found: CommandProvenance, *, json: bool) -> int:
    """List the values that the program never named."""
    if json:
        give_json(hidden_defaults(found))
        return 0
    for line in default_lines(found):
        give(line)
    return 0


def _show_search(run: Run, store: Store, *, json: bool) -> int:
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
        first, *rest = error.message.splitlines() or ["no message"]
        give(f"  error {visible(error.kind)}: {visible(first)}")
        for line in rest:
            give(f"    {visible(line.strip())}")
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
    one, other = _find(store, first), _find(store, second)
    if isinstance(one, CommandRecord) and isinstance(other, CommandRecord):
        found = command_difference(provenance_of_command(store, one), provenance_of_command(store, other))
        same = one.result_digest == other.result_digest
        return _show_difference((one.id, other.id), found, same=same, json=json)
    if isinstance(one, CommandRecord) or isinstance(other, CommandRecord):
        raise UsageError(
            "a search and a recorded command have nothing to compare", hint="name two of one kind"
        )
    a, b = one.record, other.record
    found = difference(provenance_of(a, store), provenance_of(b, store))
    return _show_difference((a.run, b.run), found, same=a.result_digest == b.result_digest, json=json)


def _show_difference(names: tuple[str, str], found: Sequence[Difference], *, same: bool, json: bool) -> int:
    if json:
        give_json({"a": names[0], "b": names[1], "same_result": same, "differences": found})
        return 0
    if not found:
        give("the two runs do not differ in any recorded component")
    rows = [[one.path, _plain(one.a), _plain(one.b)] for one in found]
    if rows:
        give(table(["what differs", short(names[0]), short(names[1])], rows))
    give("the results are identical" if same else "the results differ")
    return 0


def _plain(value: Any) -> str:
    """Return a value as people read it: each digest in it by its first digits."""
    if value is msgspec.UNSET:
        return "(absent)"
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return _DIGEST.sub(lambda digest: short(digest[0]), text)
