"""The methods of a study made ready: their code identified, their hyperparameters resolved."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from assay.benchmarks.tabular import TableBenchmark
from assay.capture.code import command_identity, evidence
from assay.foundation.digest import canonical_bytes, digest_value
from assay.foundation.errors import AssayError
from assay.provenance.components import CodeIdentity
from assay.strategies.catalogue import check_capabilities, resolve
from assay.studies.cell import Door, method_identity, open_door
from assay.studies.load import LoadedStudy
from assay.studies.study import Method


class MethodPlan(msgspec.Struct, frozen=True, kw_only=True):
    """A method ready to run: how it is started, its code, and its resolved hyperparameters."""

    name: str
    label: str
    door: Door
    identity: CodeIdentity
    hyperparameters: dict[str, Any]
    defaults: frozenset[str]
    evidence: str


def plan_methods(
    loaded: LoadedStudy, benchmarks: Mapping[str, TableBenchmark]
) -> tuple[tuple[MethodPlan, ...], dict[str, bytes]]:
    """Return the methods of a study, and the contents that their evidence names.

    Raises `UsageError`, `CapabilityError` and `CodeError`, each with the place in the study file.
    """
    plans, blobs = [], {}
    for name, method in loaded.study.methods.items():
        try:
            door, identity = _open(loaded, method)
            resolved, defaults = _resolve(loaded, name, method, door, benchmarks)
        except AssayError as error:
            raise error.at(loaded.where("methods", name)) from None
        shown, contents = evidence(identity, loaded.folder, argv=method.command or ())
        digest = digest_value(shown)
        blobs.update({**contents, digest: canonical_bytes(shown)})
        plans.append(
            MethodPlan(
                name=name,
                label=method.label or name,
                door=door,
                identity=identity,
                hyperparameters=resolved,
                defaults=defaults,
                evidence=digest,
            )
        )
    return tuple(plans), blobs


def _open(loaded: LoadedStudy, method: Method) -> tuple[Door, CodeIdentity]:
    if method.command is not None:
        identity = command_identity(method.command, method.files, loaded.folder)
        kind, target = "command", identity.name
    else:
        kind = "strategy" if method.strategy is not None else "loop"
        target = method.strategy or method.loop or ""
        identity = method_identity(kind, target, loaded.folder)
    door = Door(
        kind=kind,
        target=target,
        folder=str(loaded.folder),
        command=method.command or (),
        files=method.files,
        code=digest_value(identity),
    )
    return door, identity


def _resolve(
    loaded: LoadedStudy, name: str, method: Method, door: Door, benchmarks: Mapping[str, TableBenchmark]
) -> tuple[dict[str, Any], frozenset[str]]:
    """Return the hyperparameters and which are defaults; a command's are passed on as they are."""
    if door.kind == "command":
        return dict(method.hyperparameters), frozenset()
    entry = open_door(door)
    if door.kind == "strategy":
        for benchmark in benchmarks.values():
            check_capabilities(entry, benchmark.space)
    return resolve(entry, method.hyperparameters, loaded.where("methods", name, "hyperparameters"))
