"""The methods of a study made ready: their code identified, their hyperparameters resolved."""

from __future__ import annotations

import contextlib
import json
import re
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from assay.benchmarks.tabular import TableBenchmark
from assay.capture.code import evidence
from assay.capture.secrets import scrub_arguments, scrub_shapes, secret_paths
from assay.contracts.problem import BudgetView, Problem
from assay.foundation.digest import canonical_bytes, digest_value
from assay.foundation.errors import AssayError, StudyError
from assay.foundation.seeding import Stream
from assay.provenance.components import CodeIdentity
from assay.provenance.hyperparameters import encode_hyperparameters
from assay.strategies.catalogue import check_capabilities, make, resolve
from assay.studies.cell import Door, door_identity, opened
from assay.studies.load import LoadedStudy
from assay.studies.reach import check_levels
from assay.studies.study import Method

_TELLING = re.compile(
    r"(^|[._-])(api_?key|pass(word|wd|phrase)?|pwd|secret|token|access_?key|private_?key|credentials?)$"
)


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
    What user code prints when it is imported goes to standard error.
    """
    plans: list[MethodPlan] = []
    blobs: dict[str, bytes] = {}
    for name, method in loaded.study.methods.items():
        try:
            with contextlib.redirect_stdout(sys.stderr):
                plan, contents = _plan(loaded, name, method, benchmarks)
        except AssayError as error:
            raise error.at(loaded.where("methods", name)) from None
        _refuse_twins(loaded, plan, plans)
        plans.append(plan)
        blobs.update(contents)
    return tuple(plans), blobs


def _plan(
    loaded: LoadedStudy, name: str, method: Method, benchmarks: Mapping[str, TableBenchmark]
) -> tuple[MethodPlan, dict[str, bytes]]:
    check_values(loaded, name, method)
    door, identity = method_door(loaded, method)
    resolved, defaults = _resolve(loaded, name, method, door, benchmarks)
    shown, contents = evidence(identity, loaded.folder, argv=method.command or ())
    digest = digest_value(shown)
    plan = MethodPlan(
        name=name,
        label=method.label or name,
        door=door,
        identity=identity,
        hyperparameters=resolved,
        defaults=defaults,
        evidence=digest,
    )
    return plan, {**contents, digest: canonical_bytes(shown)}


def method_door(loaded: LoadedStudy, method: Method) -> tuple[Door, CodeIdentity]:
    """Return how a method is started, and the identity of its code."""
    kind = "command" if method.command is not None else "strategy" if method.strategy is not None else "loop"
    door = Door(
        kind=kind,
        target=method.strategy or method.loop or "",
        folder=str(loaded.folder),
        command=method.command or (),
        files=method.files,
        code="",
    )
    identity = door_identity(door)
    # The identity's name is the one spelling of a target: seed streams are named by it.
    return msgspec.structs.replace(door, target=identity.name, code=digest_value(identity)), identity


def _resolve(
    loaded: LoadedStudy, name: str, method: Method, door: Door, benchmarks: Mapping[str, TableBenchmark]
) -> tuple[dict[str, Any], frozenset[str]]:
    """Return the hyperparameters and which are defaults; a command's are passed on as they are."""
    if door.kind == "command":
        return dict(method.hyperparameters), frozenset()
    with opened(door) as entry:
        if door.kind == "strategy":
            for benchmark in benchmarks.values():
                check_capabilities(entry, benchmark.space)
        where = loaded.where("methods", name, "hyperparameters")
        resolved, defaults = resolve(entry, method.hyperparameters, where)
        if door.kind == "strategy" and ":" not in door.target:
            for benchmark in benchmarks.values():
                _try(entry, resolved, benchmark, loaded, where)
        return resolved, defaults


def _try(
    entry: Any, resolved: Mapping[str, Any], benchmark: TableBenchmark, loaded: LoadedStudy, where: str
) -> None:
    """Build a registered strategy once, so that what it refuses is told before anything runs."""
    problem = Problem(
        space=benchmark.space,
        fidelities=benchmark.card.fidelities,
        signals=benchmark.card.signals,
        objectives=(loaded.study.protocol.signal,),
        budget=BudgetView(loaded.study.budget),
        fidelity=benchmark.default_fidelity,
        prefix=benchmark.card.prefix,
    )
    try:
        strategy = make(entry, problem, Stream(0, ("plan",)), resolved)
        check_levels(loaded, strategy, benchmark, where)
    except AssayError as error:
        raise error.at(where) from None


def check_values(loaded: LoadedStudy, name: str, method: Method) -> None:
    """Refuse values that a record cannot hold, and those that must not be in one."""
    where = ("methods", name, "hyperparameters")
    for key, value in method.hyperparameters.items():
        try:
            encode_hyperparameters({key: value})
            msgspec.msgpack.encode(value)
        except (ValueError, TypeError, OverflowError) as error:
            raise StudyError(
                f"the hyperparameter '{key}' of '{name}' is not a value that a record can hold",
                where=loaded.where(*where, key),
                why=f"got {value!r}: {error}",
                hint="finite numbers of at most 64 bits, text, booleans, lists and tables",
            ) from None
    if method.command is not None and scrub_arguments(method.command) != method.command:
        raise StudyError(
            f"the command of '{name}' holds what looks like a secret",
            where=loaded.where("methods", name, "command"),
            hint="let the command read it from its environment, which is not recorded",
        )
    for text in (loaded.study.name, loaded.study.question, name, method.label or ""):
        if scrub_shapes(text) != text:
            raise StudyError(
                "a name holds what looks like a secret, and would be in every report",
                where=loaded.where("methods", name),
            )
    secret = [path for path in secret_paths(method.hyperparameters) if _is_secret(path, method)]
    if secret:
        raise StudyError(
            f"a hyperparameter of '{name}' looks like a secret, and would be in every record",
            where=loaded.where(*where, *secret[0].split(".")),
            hint="let the method read it from its environment, which is not recorded",
        )


def _is_secret(path: str, method: Method) -> bool:
    """Say whether a value must not be recorded: its name tells, or it has a published token's shape.

    A value that is merely random-looking may as well be an architecture or a digest.
    """
    if _TELLING.search(path.lower().partition("[")[0]):
        return True
    shown = json.dumps(method.hyperparameters, ensure_ascii=False)
    return scrub_shapes(shown) != shown


def _refuse_twins(loaded: LoadedStudy, plan: MethodPlan, others: Sequence[MethodPlan]) -> None:
    """Refuse one method under two names: its runs would be the same runs, counted twice."""
    for other in others:
        same = (other.door.code, other.hyperparameters) == (plan.door.code, plan.hyperparameters)
        if same and encode_hyperparameters(other.hyperparameters) == encode_hyperparameters(
            plan.hyperparameters
        ):
            raise StudyError(
                f"'{plan.name}' is '{other.name}' under another name",
                where=loaded.where("methods", plan.name),
                why="code and hyperparameters are the same, so that both would be the same runs",
                hint="leave one out, or change a hyperparameter",
            )
