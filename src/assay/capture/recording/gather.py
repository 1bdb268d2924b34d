"""Turns what a run left into its record: provenance, trace, result and circumstances."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TypeVar

import msgspec

from assay.capture.contents import Contents
from assay.capture.recording.facts import Facts
from assay.capture.recording.files import (
    Inputs,
    Opened,
    configuration_file,
    configurations,
    opened_files,
    outputs_of,
    unknown_before,
)
from assay.capture.recording.identity import components_of
from assay.capture.recording.launch import Ended
from assay.capture.recording.machine import Machine, environment_of
from assay.capture.recording.places import Places
from assay.capture.recording.rows import Rows, logged_of, trace_of
from assay.capture.recording.scrubbing import CleanObjects, Scrubber
from assay.capture.recording.settings import (
    distributed_of,
    final_of,
    metrics_of,
    numerics_of,
    processes_of,
    randomness_of,
    sampling_of,
    settings_of,
    steps_of,
    tracing_seconds,
    variables_of,
)
from assay.capture.recording.sources import Kept, Sources
from assay.capture.trees import written_name
from assay.foundation import clock
from assay.foundation.digest import digest_value
from assay.provenance.commands import CodeFile, CommandProvenance, DataFile, Output, Randomness, Setting
from assay.provenance.components import ComponentDigests, Environment
from assay.records.commands import (
    ABANDONED,
    COMPLETED,
    FAILED,
    KILLED,
    CommandCircumstances,
    CommandRecord,
    CommandResult,
)
from assay.records.trace import Trace, make_logged, make_operators, make_steps, make_tensors

T = TypeVar("T", Setting, Randomness)

ID_DIGITS = 16
_UNSEEN = (
    "nothing was observed inside: no Python process started the hook (another language, an option such as"
    " -I, -S or -E, or a PYTHONPATH that was set anew)"
)
_NAMED = 5
_NAMED_ROLES = frozenset({"argument", "notebook", "configuration"})
_CODE = frozenset({"program", "module", "argument", "configuration", "notebook"})


class Left(msgspec.Struct, frozen=True, kw_only=True):
    """All that a run left: what was known before, its rows and code, how it ended, and where to look."""

    facts: Facts
    rows: Rows
    sources: Sources
    machine: Machine
    ended: Ended | None
    live: Path
    store: Path
    missed: tuple[str, ...] = ()


def gather(left: Left, objects: CleanObjects, contents: Contents, scrubber: Scrubber) -> CommandRecord:
    """Return the record of a run; its parts are stored as objects."""
    facts, rows = left.facts, left.rows
    places = left.sources.places
    kept = left.sources.finish()
    opened = opened_files(rows, [left.live, left.store])
    code = _code(kept, opened, places, objects)
    loaded = _loaded_files(rows)
    inputs = Inputs(contents, objects, scrubber, places.data, began=facts.began / 1e9)
    settled = {Path(os.path.realpath(path)) for path in loaded} | set(configurations(opened.read))
    settled |= {Path(os.path.realpath(places.real(one.path))) for one in kept.code if one.role in _CODE}
    data = inputs.of(opened.read, [Path(path) for path in facts.data], settled)
    outputs, missed = outputs_of(
        opened.written, [Path(path) for path in facts.outputs], contents, places.data
    )
    unknown = unknown_before(opened, places.data)
    missed = [*left.missed, *left.machine.missed, *inputs.missed, *missed, *unknown]
    provenance = _provenance(left, kept, code, data, missed, scrubber)
    components = components_of(
        argv=facts.argv,
        arguments=facts.arguments,
        code=code,
        data=data,
        hash_seed=facts.hash_seed,
        block=facts.block,
    )
    return _record(left, provenance, components, outputs, objects, scrubber)


def _code(kept: Kept, opened: Opened, places: Places, objects: CleanObjects) -> tuple[CodeFile, ...]:
    """Return the code with the configuration files that were read, which were not kept for an argument.

    What an argument names and the run wrote anew is no code of its own, whatever stood there before.
    """
    written = {places.data(path) for path in opened.written}
    found = {one.path: one for one in kept.code if one.path not in written or one.role not in _NAMED_ROLES}
    for path in configurations(opened.read):
        shown = places.data(path)
        before = found.get(shown)
        if before is None or before.role in ("changed", "untracked"):
            found[shown] = configuration_file(path, shown, objects)
    return tuple(
        msgspec.structs.replace(one, scrubbed=True) if one.content in objects.altered else one
        for _, one in sorted(found.items())
    )


def _loaded_files(rows: Rows) -> set[str]:
    return {str(row["file"]) for _, row in rows.of("code")}


def _provenance(
    left: Left,
    kept: Kept,
    code: tuple[CodeFile, ...],
    data: tuple[DataFile, ...],
    missed: Iterable[str],
    scrubber: Scrubber,
) -> CommandProvenance:
    facts, rows = left.facts, left.rows
    numerics = numerics_of(rows)
    variables = variables_of(rows, facts.variables)
    main = rows.processes[0] if rows.processes else None
    names = [str(name) for number, row in rows.of("loaded") if number == 0 for name in row["distributions"]]
    found = CommandProvenance(
        argv=facts.argv,
        removed=facts.removed,
        folder=left.sources.places.folder(facts.folder),
        root=written_name(str(left.sources.places.root)),
        outside=tuple(left.sources.places.outside),
        interpreter=str(main.get("executable", "")) if main else "",
        level=facts.level,
        code=code,
        left_out=kept.left_out,
        repository=kept.repository,
        data=data,
        sampling=sampling_of(rows),
        settings=tuple(_at(one, left.sources.places) for one in settings_of(rows)),
        randomness=tuple(_at(one, left.sources.places) for one in randomness_of(rows)),
        environment=environment_of(main, numerics, variables, names),
        numerics=numerics,
        variables=variables,
        devices=left.machine.devices,
        distributed=distributed_of(rows, numerics),
        container=left.machine.container,
        scheduler=left.machine.scheduler,
        processes=processes_of(rows),
        not_observed=tuple(_not_observed(rows, missed)),
    )
    # Whatever the hook let through: the secrets of this command by their very value.
    return msgspec.convert(scrubber.plain(msgspec.to_builtins(found)), CommandProvenance)


def _at(one: T, places: Places) -> T:
    """Return a setting or use of randomness with its line's file written as a place."""
    return msgspec.structs.replace(one, where=_where(one.where, places))


def placed(trace: Trace, places: Places) -> Trace:
    """Return the trace with the files of its lines written as places."""
    known: dict[str, str] = {}
    for row in [*trace.steps, *trace.operators]:
        where = row.get("where") or ""
        if where not in known:
            known[where] = _where(where, places)
        row["where"] = known[where]
    return trace


def _where(where: str, places: Places) -> str:
    """Return 'file:line' as it is on every machine: relative to the root, where the file is below it."""
    file, colon, line = where.rpartition(":")
    return f"{places.data(file)}:{line}" if colon and file.startswith("/") else where


def _not_observed(rows: Rows, missed: Iterable[str]) -> list[str]:
    """Return what could not be seen, each once, in the order in which it was met."""
    found = [] if rows.processes else [_UNSEEN]
    for number, row in rows.of("missed"):
        where = f" (process {number})" if number else ""
        found.append(f"{row.get('text', '')}{where}")
    cut = [str(number) for number in rows.torn]
    if cut:
        found.append(f"the last moments of process {', '.join(cut)}: it was ended in the middle of a row")
    finished = {
        number for number, _ in [row for kind in ("end", "stopped", "replaced") for row in rows.of(kind)]
    }
    gone = [
        number
        for number, process in enumerate(rows.processes)
        if number not in finished and process.get("role") != "loader worker" and number not in rows.torn
    ]
    if gone:
        shown = ", ".join(map(str, gone[:_NAMED])) + (", ..." if len(gone) > _NAMED else "")
        found.append(f"how process {shown} ended: it said nothing any more")
    digests = {str(process.get("digest")) for process in rows.processes if process.get("digest")}
    if len(digests) > 1:
        found.append(
            f"the steps of processes with another digest of fingerprints ({', '.join(sorted(digests))})"
        )
    return list(dict.fromkeys([*found, *missed]))


def _record(
    left: Left,
    provenance: CommandProvenance,
    components: ComponentDigests,
    outputs: tuple[Output, ...],
    objects: CleanObjects,
    scrubber: Scrubber,
) -> CommandRecord:
    facts, rows, ended = left.facts, left.rows, left.ended
    trace = placed(trace_of(rows), left.sources.places)
    result = CommandResult(
        status=_status(ended),
        exit_status=ended.exit_status if ended else None,
        signal=ended.signal if ended else None,
        outputs=outputs,
        final=final_of(rows),
        metrics=scrubber.plain(metrics_of(rows)),
    )
    run = components.run_id()
    return CommandRecord(
        id=digest_value(["assay-command-v1", run, facts.host, facts.pid, str(facts.began)])[:ID_DIGITS],
        run=run,
        name=facts.name,
        components=components,
        result=result,
        result_digest=result.digest(),
        provenance=objects.put_value(provenance),
        circumstances=_circumstances(left, provenance.environment, objects),
        trace=objects.put(make_steps(trace.steps, trace.algorithm)) if trace.steps else None,
        tensors=objects.put(make_tensors(trace.tensors, trace.algorithm)) if trace.tensors else None,
        operators=objects.put(make_operators(trace.operators, trace.algorithm)) if trace.operators else None,
        logged=_logged(rows, objects, scrubber),
    )


def _logged(rows: Rows, objects: CleanObjects, scrubber: Scrubber) -> str | None:
    """Store all logged values, their texts without secrets: a compressed object hides these."""
    columns = logged_of(rows)
    if not columns["name"]:
        return None
    clean = {name: scrubber.plain(columns[name]) for name in ("name", "text")}
    return objects.put(make_logged({**columns, **clean}))


def _status(ended: Ended | None) -> str:
    if ended is None:
        return ABANDONED
    if ended.signal is not None:
        return KILLED
    return FAILED if ended.exit_status else COMPLETED


def _circumstances(
    left: Left, environment: Environment | None, objects: CleanObjects
) -> CommandCircumstances:
    facts, rows, ended = left.facts, left.rows, left.ended
    return CommandCircumstances(
        started=ended.started if ended else facts.started,
        ended=ended.ended if ended else clock.now(),
        wall_seconds=round(ended.wall_seconds, 6) if ended else 0.0,
        host=facts.host,
        user_seconds=ended.user_seconds if ended else None,
        system_seconds=ended.system_seconds if ended else None,
        peak_memory=ended.peak_memory if ended else None,
        tracing_seconds=tracing_seconds(rows),
        steps=steps_of(rows),
        arithmetic=digest_value(environment.arithmetic) if environment else "",
        environment=digest_value(environment) if environment else "",
        stdout=objects.put(ended.stdout) if ended and ended.stdout else None,
        stderr=objects.put(ended.stderr) if ended and ended.stderr else None,
    )


def script_of(argv: Sequence[str], folder: Path) -> Path | None:
    """Return the first file that a command line names after its program, or the program if it is a script."""
    for written in [*argv[1:], *argv[:1]]:
        path = folder / written
        if written.endswith((".py", ".sh", ".ipynb")) and path.is_file():
            return path
    return None
