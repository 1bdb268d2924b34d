"""Recorded commands in plain text, as `assay ls`, `assay show` and `assay diff` print them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from assay.cli.defaults import as_they_come
from assay.cli.exec import signal_name
from assay.cli.output import visible
from assay.foundation.digest import short
from assay.foundation.errors import IntegrityError
from assay.provenance.commands import CodeFile, CommandProvenance, DataFile, Randomness, Setting
from assay.provenance.components import Repository
from assay.records.commands import CommandRecord
from assay.records.objects import Objects

HEAD = ("id", "name", "status", "steps", "seconds", "started", "attempts")
RIGHT = (3, 4, 6)
_MOST = 20  # lines of a list, but for settings
_GIB = 2**30
# What stands in the way of the same result again, worst first.
_DOUBTFUL = ("unseeded", "process-wide", "entropy", "time as seed", "hash order", "worker stream")


def command_rows(records: Sequence[CommandRecord], objects: Objects) -> list[dict[str, Any]]:
    """Return a row for each record; `conflict` says that attempts at one identity have unequal results."""
    attempts: dict[str, list[CommandRecord]] = {}
    for record in records:
        attempts.setdefault(record.run, []).append(record)
    return [_row(record, attempts[record.run], objects) for record in records]


def made(record: CommandRecord, objects: Objects) -> str:
    """Return what a run made, in words: its steps, or without any what there is, such as '3 metrics'."""
    steps = record.circumstances.steps
    if steps:
        return _counted(steps, "step")
    output = record.circumstances.stdout
    try:
        lines = len(objects.get(output).splitlines()) if output else 0
    except IntegrityError:  # `assay verify` says what is missing from a store
        lines = 0
    facts = ((lines, "printed line"), (len(record.result.metrics), "metric"))
    return ", ".join(_counted(count, what) for count, what in facts if count) or "no steps"


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"


def _row(record: CommandRecord, attempts: Sequence[CommandRecord], objects: Objects) -> dict[str, Any]:
    return {
        "kind": "command",
        "id": record.id,
        "run": record.run,
        "name": record.name,
        "status": record.result.status,
        "exit_status": record.result.exit_status,
        "signal": record.result.signal,
        "steps": record.circumstances.steps,
        "made": made(record, objects),
        "seconds": record.circumstances.wall_seconds,
        "started": record.circumstances.started,
        "metrics": record.result.metrics,
        "attempts": len(attempts),
        "conflict": _conflict(attempts),
    }


def _conflict(attempts: Sequence[CommandRecord]) -> bool:
    """Say whether completed attempts disagree; what was traced and what was not is not compared."""
    results = {(one.trace is None, one.result_digest) for one in attempts if one.result.status == "completed"}
    return len(results) > len({traced for traced, _ in results})


def shown_row(row: dict[str, Any]) -> list[str]:
    """Return the cells of a row of the table of commands."""
    status = row["status"] + (", conflict" if row["conflict"] else "")
    seconds = f"{row['seconds']:,.1f}"
    started = str(row["started"])[:19].replace("T", " ")
    steps = f"{row['steps']:,}" if row["steps"] else row["made"]
    return [row["id"][:8], row["name"], status, steps, seconds, started, str(row["attempts"])]


def command_lines(
    record: CommandRecord, found: CommandProvenance, attempts: int, objects: Objects
) -> list[str]:
    """Return a recorded command with its five components and what was not observed."""
    return [
        f"command {record.id}",
        f"  {visible(' '.join(map(_quoted, found.argv)))}",
        f"  in {visible(found.folder)} of {visible(found.root)}",
        f"  {_status(record, objects)}, attempts: {attempts}",
        f"  identity {record.run}",
        f"  result {record.result_digest}",
        *[f"  {visible(name)} = {_value(value)}" for name, value in record.result.metrics.items()],
        *[f"  final {name} {digest}" for name, digest in record.result.final.items()],
        *_section("outputs", [_output(one) for one in record.result.outputs], _MOST),
        *_section("code", [*map(_code, found.code)], _MOST),
        f"  repository: {_repository(found.repository)}",
        *[f"  left out: {visible(one)}" for one in found.left_out],
        *_section("data", [*map(_data, found.data)], _MOST),
        *[
            f"  loader {one.loader}: {visible(one.dataset)}, {_count(one.length)} samples,"
            f" {one.epochs} epochs"
            for one in found.sampling
        ],
        *_section("hyperparameters", _hyperparameters(found), None),
        *_section("randomness", _random_lines(found.randomness), _MOST),
        "environment",
        *_environment(record, found),
        *_section("not observed", [f"  {visible(one)}" for one in found.not_observed], None),
    ]


def _status(record: CommandRecord, objects: Objects) -> str:
    result, went = record.result, record.circumstances
    words = {
        "completed": "completed",
        "failed": f"failed with exit status {result.exit_status}",
        "killed": f"killed by {signal_name(result.signal or 0)}",
        "abandoned": "abandoned: its recorder died",
    }
    peak = f", peak memory {went.peak_memory / _GIB:.2f} GiB" if went.peak_memory else ""
    steps = made(record, objects)
    steps = steps if went.steps or steps == "no steps" else f"no optimizer steps; {steps}"
    return f"{words[result.status]} after {went.wall_seconds:,.1f} s, {steps}{peak}"


def _section(title: str, lines: Sequence[str], most: int | None) -> list[str]:
    if not lines:
        return [title, "  none"]
    if most is None or len(lines) <= most + 1:
        return [title, *lines]
    return [title, *lines[:most], f"  ... and {len(lines) - most:,} more (--json has all)"]


def _output(output: Any) -> str:
    if output.digest is None:
        return f"  {visible(output.path)} (was not there)"
    return f"  {visible(output.path)} {short(output.digest)} ({output.size:,} bytes)"


def _code(code: CodeFile) -> str:
    marks = [code.role]
    marks += ["without its secrets"] if code.scrubbed else []
    marks += ["changed while it ran"] if code.changed_later else []
    marks += ["content not kept"] if code.content is None else []
    return f"  {visible(code.path)} {short(code.digest)} ({', '.join(marks)})"


def _repository(repository: Repository | None) -> str:
    if repository is None:
        return "none"
    state = {True: "with uncommitted changes", False: "clean", None: "state unknown"}[repository.dirty]
    branch = f" on {visible(repository.branch)}" if repository.branch else ""
    loose = len(repository.untracked)
    untracked = f", {_counted(loose, 'untracked source file')}" if loose else ""
    return f"{repository.commit or 'no commit'}{branch} {state}{untracked}"


def _data(data: DataFile) -> str:
    kind = "folder, " if data.folder else ""
    declared = ", declared" if data.declared else ""
    return f"  {visible(data.path)} {short(data.digest)} ({kind}{data.size:,} bytes{declared})"


def _hyperparameters(found: CommandProvenance) -> list[str]:
    """Return what the program named, and where else hyperparameters are to be found."""
    lines = _settings(found.settings)
    read = [visible(one.path) for one in found.code if one.role == "configuration"]
    if read:
        more = f" and {len(read) - _MOST:,} more" if len(read) > _MOST else ""
        lines.append(f"  read from {', '.join(read[:_MOST])}{more} (kept under code)")
    return lines


def _settings(settings: Iterable[Setting]) -> list[str]:
    """Return what the program named; the defaults it never named are counted."""
    named = [one for one in settings if one.named is not False]
    hidden = sum(1 for one in settings if one.named is False)
    lines = [f"  {visible(one.path)} = {_value(one.value)}{_where(one.where)}" for one in named]
    if hidden:
        lines.append(f"  and {hidden:,} defaults that the program never named (--defaults lists them)")
    return lines


def _random_lines(randomness: Sequence[Randomness]) -> list[str]:
    """Return what the program did with randomness; what libraries alone asked for is named in one line."""
    own = [one for one in randomness if one.where or one.kind != "entropy"]
    others = sorted({one.generator for one in randomness if not (one.where or one.kind != "entropy")})
    lines = list(map(_randomness, _by_doubt(own)))
    if others:
        lines.append(f"  libraries asked for entropy: {visible(', '.join(others))}")
    return lines


def _by_doubt(randomness: Sequence[Randomness]) -> list[Randomness]:
    rank = {kind: place for place, kind in enumerate(_DOUBTFUL)}
    return sorted(randomness, key=lambda one: rank.get(one.kind, len(rank)))


def _randomness(one: Randomness) -> str:
    value = "" if one.value is None else f" = {_value(one.value)}"
    count = f", {one.count:,} times" if one.count else ""
    when = f" ({one.when}{count})" if one.when else ""
    mark = "warning: " if one.kind in ("unseeded", "time as seed") else ""
    return f"  {mark}{one.kind}: {visible(one.generator)}{value}{when}{_where(one.where)}"


def _environment(record: CommandRecord, found: CommandProvenance) -> list[str]:
    lines = []
    if found.environment is not None:
        place = found.environment
        arithmetic = place.arithmetic
        lines.append(
            f"  {place.system}, {place.processor or 'unknown processor'}, {place.cores} cores"
            f" on {visible(record.circumstances.host)}"
        )
        if arithmetic.interpreter:
            lines.append(f"  {arithmetic.interpreter}, {len(place.packages)} packages, {found.interpreter}")
        lines += [f"  {name} {version}" for name, version in arithmetic.libraries.items()]
    usual = as_they_come(found.numerics)
    shown = {name: value for name, value in found.numerics.items() if name not in usual}
    lines += [f"  {visible(name)} = {_value(value)}" for name, value in shown.items()]
    if usual:
        lines.append(f"  and {_counted(len(usual), 'setting')} as the libraries come (--defaults lists them)")
    lines += [f"  {name}={visible(value)}" for name, value in found.variables.items()]
    lines += [f"  device {visible(one)}" for one in found.devices]
    lines += [f"  distributed {visible(name)} = {_value(value)}" for name, value in found.distributed.items()]
    lines += [f"  container {visible(found.container)}"] if found.container else []
    lines += [f"  {name}={visible(value)}" for name, value in found.scheduler.items()]
    lines += [
        f"  process {one.number}: {one.role}, {visible(one.program)}" for one in found.processes[:_MOST]
    ]
    return lines


def _where(where: str) -> str:
    return f"  at {visible(where)}" if where else ""


def _count(number: int | None) -> str:
    return "unknown" if number is None else f"{number:,}"


def _value(value: Any) -> str:
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    text = visible(text)
    return text if len(text) <= 120 else f"{text[:117]}..."


def _quoted(argument: str) -> str:
    import shlex

    return shlex.quote(argument)
