"""Turns rows into what is known of settings, randomness, sampling, numerics and logged values."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from assay.capture.recording.rows import Row, Rows
from assay.provenance.commands import ProcessSeen, Randomness, Sampling, Setting
from assay.provenance.components import Plain

T = TypeVar("T")

MOST_ORDERS = 100
_ALWAYS_RECORDED = 16  # the steps that every trace has, however it was thinned
_RESULTS = ("outputs", "loss")


def settings_of(rows: Rows) -> tuple[Setting, ...]:
    """Return each setting as it was last seen; of several processes, the first that has a path."""
    found: dict[str, tuple[int, Setting]] = {}
    for number, row in rows.of("setting"):
        setting = _typed(row, Setting)
        if setting is not None and found.get(setting.path, (number,))[0] == number:
            found[setting.path] = (number, setting)
    return tuple(setting for _, setting in sorted(found.values(), key=lambda one: one[1].path))


def randomness_of(rows: Rows) -> tuple[Randomness, ...]:
    """Return the sources of randomness in the order in which they were first seen, each once."""
    found: dict[tuple[str, str, str, str], Randomness] = {}
    for _, row in rows.of("random"):
        one = _typed(row, Randomness)
        if one is not None:
            # A later row about the same use counts on.
            found[(one.kind, one.generator, one.where, repr(one.value))] = one
    return tuple(found.values())


def sampling_of(rows: Rows) -> tuple[Sampling, ...]:
    """Return split and orders of each loader of the training process."""
    found: dict[int, list[Row]] = {}
    owner: dict[int, int] = {}
    for number, row in rows.of("sampling"):
        loader = int(row["loader"])
        if owner.setdefault(loader, number) == number:
            found.setdefault(loader, []).append(row)
    return tuple(
        Sampling(
            loader=loader,
            dataset=str(epochs[0].get("dataset", "")),
            length=epochs[0].get("length"),
            split=epochs[0].get("split"),
            orders=tuple(str(row["order"]) for row in epochs if row.get("order"))[:MOST_ORDERS],
            epochs=len(epochs),
        )
        for loader, epochs in sorted(found.items())
    )


def numerics_of(rows: Rows) -> dict[str, Plain]:
    """Return the numerical settings in force in the training process, if possible at its first step."""
    found: dict[str, Plain] = {}
    for when in ("first step", "exit"):
        for number, row in rows.of("numerics"):
            if number == 0 and row.get("when") == when:
                found = {**_finite(row.get("values") or {}), **found}
    return dict(sorted(found.items()))


def distributed_of(rows: Rows, numerics: Mapping[str, Plain]) -> dict[str, Plain]:
    """Return world size, back end and the ranks that were seen; empty for a run of one process."""
    prefix = "distributed."
    found = {name[len(prefix) :]: value for name, value in numerics.items() if name.startswith(prefix)}
    roles = {str(process.get("role", "")) for process in rows.processes}
    ranks = sorted((role for role in roles if role.startswith("rank ")), key=lambda role: int(role[5:]))
    if ranks:
        found["ranks"] = len(ranks)
    return found


def variables_of(rows: Rows, launched: Mapping[str, str]) -> dict[str, str]:
    """Return the allow-listed variables: as launched, and over them as the training process had them."""
    last = rows.last("variables", 0)
    seen = {str(name): str(value) for name, value in (last or {}).get("values", {}).items()}
    return dict(sorted({**launched, **seen}.items()))


def processes_of(rows: Rows) -> tuple[ProcessSeen, ...]:
    """Return the processes of the run that were observed."""
    numbers = {process.get("pid"): i for i, process in enumerate(rows.processes)}
    finished = {
        number for number, _ in [row for kind in ("end", "stopped", "replaced") for row in rows.of(kind)]
    }
    return tuple(
        ProcessSeen(
            number=number,
            parent=numbers.get(process.get("ppid")),
            role=str(process.get("role", "child")),
            program=str(process.get("program", "")),
            ended=number in finished,
        )
        for number, process in enumerate(rows.processes)
    )


def metrics_of(rows: Rows) -> dict[str, Plain]:
    """Return the last value of each logged name, of the first process that logged it."""
    found: dict[str, tuple[int, Plain]] = {}
    for number, row in rows.of("log"):
        for name, value in (row.get("values") or {}).items():
            if found.get(name, (number,))[0] == number:
                found[str(name)] = (number, value)
    return {name: _exact(value) for name, (_, value) in sorted(found.items())}


def final_of(rows: Rows) -> dict[str, str]:
    """Return the last fingerprints by process and field, such as '0.weights'.

    Only those that a thinned trace has too: the weights at the end, and results of the first steps
    where there were no more.
    """
    found: dict[str, str] = {}
    for number in range(len(rows.processes)):
        made = [row for process, row in rows.of("row") if process == number]
        for row in made:
            digests = row.get("d") or {}
            if row.get("kind") == "end" and digests.get("weights"):
                found[f"{number}.weights"] = digests["weights"]
        results = [row for row in made if row.get("kind") in ("step", "backward", "forward", "fit")]
        if results and results[-1]["n"] < _ALWAYS_RECORDED:
            digests = results[-1].get("d") or {}
            found.update({f"{number}.{name}": digests[name] for name in _RESULTS if digests.get(name)})
    return found


def steps_of(rows: Rows) -> int:
    """Return the number of steps of the training process."""
    last = rows.last("end", 0)
    if last is not None and isinstance(last.get("steps"), int):
        return int(last["steps"])
    counted = [row["n"] for number, row in rows.of("row") if number == 0 and row.get("kind") == "step"]
    return max(counted, default=-1) + 1


def tracing_seconds(rows: Rows) -> float | None:
    """Return the seconds that the hook took in the training process, where it lived to say so."""
    last = rows.last("end", 0)
    return float(last["tracing"]) if last is not None and last.get("tracing") is not None else None


def _typed(row: Row, kind: type[T]) -> T | None:
    try:
        return msgspec.convert(row, kind)
    except msgspec.ValidationError:  # of a hook that says more, or otherwise
        return None


def _finite(values: Mapping[str, Any]) -> dict[str, Plain]:
    return {str(name): _exact(value) for name, value in values.items()}


def _exact(value: Any) -> Plain:
    """Return a value that canonical JSON can hold."""
    if isinstance(value, float) and math.isnan(value):
        return "nan"
    if isinstance(value, float) and math.isinf(value):
        return "inf" if value > 0 else "-inf"
    return value
