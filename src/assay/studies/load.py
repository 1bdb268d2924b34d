"""Reads a study file: TOML, typed; every error names file, key path, line and the nearest name."""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from assay.foundation.errors import StudyError, nearest
from assay.studies.locate import line_of
from assay.studies.study import ASSESSMENTS, Claim, Method, Study

T = TypeVar("T")
MOST_REPLICATES = 100_000
KeyPath = tuple[str | int, ...]
_AT = re.compile(r"^(?P<what>.*?)(?: - at `\$(?P<path>.*)`)?$", re.DOTALL)
_UNKNOWN = re.compile(r"unknown field `(?P<name>.*?)`")
_STEP = re.compile(r"\.([A-Za-z0-9_]+)|\[(\d+|\.\.\.)\]")


class LoadedStudy(msgspec.Struct, frozen=True, kw_only=True):
    """A study, the folder that its paths are relative to, and its file if it came from one."""

    study: Study
    folder: Path
    path: Path | None = None
    text: str = ""

    def where(self, *key: str | int) -> str:
        """Return a place in the study file as people read it: file, line and key path."""
        place = key_path(key)
        if self.path is None:
            return f"study '{self.study.name}', {place}"
        line = line_of(self.text, key)
        return f"{self.path}{f':{line}' if line else ''}, {place}"


def load_study(path: Path | str) -> LoadedStudy:
    """Read and check the study file at `path`."""
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        siblings = [other.name for other in path.parent.glob("*.toml")] if path.parent.is_dir() else []
        near = None if path.exists() else nearest(path.name, siblings)
        raise StudyError(
            "the study file cannot be read",
            where=str(path),
            why=getattr(error, "strerror", None) or str(error),
            hint=f"did you mean '{path.parent / near}'?" if near else "assay init FILE writes one",
        ) from None
    try:
        data = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise StudyError("the study file is not TOML", where=str(path), why=str(error)) from None
    return _Reader(path, text).study(data)


def check_study(study: Study, folder: Path | None = None) -> LoadedStudy:
    """Check a study made in Python; its paths are relative to `folder` (default: where you are)."""
    loaded = LoadedStudy(study=study, folder=(folder or Path.cwd()).resolve())
    _check(loaded)
    return loaded


def key_path(key: KeyPath) -> str:
    """Return a key path as TOML writes it, such as methods.evolution.hyperparameters."""
    text = ""
    for part in key:
        text += f"[{part}]" if isinstance(part, int) else f".{part}"
    return text.lstrip(".") or "the file"


class _Reader:
    """Converts the tables of one file, remembering where each stands."""

    def __init__(self, path: Path, text: str) -> None:
        self.path = path
        self.text = text

    def study(self, data: dict[str, Any]) -> LoadedStudy:
        methods = self._table(data.get("methods", {}), ("methods",))
        claims = data.get("claims", [])
        head = {key: value for key, value in data.items() if key not in ("methods", "claims")}
        head["methods"] = {}
        study = self._convert(head, Study, ())
        typed = {name: self._convert(table, Method, ("methods", name)) for name, table in methods.items()}
        if not isinstance(claims, list):
            raise self._error(
                "expected a list of tables", ("claims",), hint="write [[claims]] above each claim"
            )
        listed = tuple(self._convert(table, Claim, ("claims", i)) for i, table in enumerate(claims))
        study = msgspec.structs.replace(study, methods=typed, claims=listed)
        loaded = LoadedStudy(study=study, folder=self.path.parent.resolve(), path=self.path, text=self.text)
        _check(loaded)
        return loaded

    def _table(self, value: Any, key: KeyPath) -> Mapping[str, Any]:
        if not isinstance(value, dict):
            raise self._error(f"expected a table, got {type(value).__name__}", key)
        return value

    def _convert(self, value: Any, kind: type[T], key: KeyPath) -> T:
        try:
            return msgspec.convert(value, kind)
        except msgspec.ValidationError as error:
            match = _AT.match(str(error))
            what, path = (match["what"], match["path"] or "") if match else (str(error), "")
            steps = tuple(
                name or (int(index) if index != "..." else index) for name, index in _STEP.findall(path)
            )
            unknown = _UNKNOWN.search(what)
            if unknown:
                near = nearest(unknown["name"], _fields(kind, steps))
                known = ", ".join(sorted(_fields(kind, steps)))
                hint = f"did you mean '{near}'?" if near else f"known keys: {known}"
                raise self._error(
                    f"unknown key '{unknown['name']}'", (*key, *steps, unknown["name"]), hint
                ) from None
            raise self._error(what[:1].lower() + what[1:].replace("`", "'"), (*key, *steps)) from None

    def _error(self, what: str, key: KeyPath, hint: str | None = None) -> StudyError:
        line = line_of(self.text, key)
        return StudyError(what, where=f"{self.path}{f':{line}' if line else ''}, {key_path(key)}", hint=hint)


def _fields(kind: type, steps: KeyPath) -> list[str]:
    """Return the keys of the struct that `steps` lead to from `kind`."""
    for step in steps:
        hints = msgspec.structs.fields(kind) if isinstance(step, str) else ()
        found = next((field.type for field in hints if field.encode_name == step), None)
        if isinstance(found, type) and issubclass(found, msgspec.Struct):
            kind = found
    return [field.encode_name for field in msgspec.structs.fields(kind)]


def _check(loaded: LoadedStudy) -> None:
    for check in (_check_head, _check_budget, _check_methods, _check_claims):
        check(loaded)


def _refuse(loaded: LoadedStudy) -> Callable[..., StudyError]:
    def refuse(what: str, *key: str | int, why: str | None = None, hint: str | None = None) -> StudyError:
        return StudyError(what, where=loaded.where(*key), why=why, hint=hint)

    return refuse


def _check_head(loaded: LoadedStudy) -> None:
    study, refuse = loaded.study, _refuse(loaded)
    if not study.name.strip():
        raise refuse("a study needs a name", "name")
    if study.replicates < 1:
        raise refuse("there must be at least one replicate", "replicates", why=f"got {study.replicates}")
    if study.replicates > MOST_REPLICATES:
        raise refuse(
            f"there can be at most {MOST_REPLICATES:,} replicates",
            "replicates",
            why=f"got {study.replicates:,}",
        )
    if not 0 <= study.seed < 2**53:
        raise refuse("the seed is out of range", "seed", why=f"got {study.seed}, expected 0 to 2^53 - 1")
    if bool(study.benchmarks) == (study.suite is not None):
        raise refuse(
            "name either benchmarks or a suite",
            "benchmarks",
            hint='benchmarks = ["nas-bench-graph/cora"]  or  suite = "graphs-v1"',
        )
    if study.protocol.assessment not in ASSESSMENTS:
        near = nearest(study.protocol.assessment, ASSESSMENTS)
        raise refuse(
            f"unknown assessment '{study.protocol.assessment}'",
            "protocol",
            "assessment",
            hint=f"did you mean '{near}'?" if near else f"one of {', '.join(ASSESSMENTS)}",
        )
    if not 1 <= study.protocol.simulated_workers <= 1024:
        raise refuse("simulated workers are 1 to 1,024", "protocol", "simulated_workers")


def _check_budget(loaded: LoadedStudy) -> None:
    budget, refuse = loaded.study.budget, _refuse(loaded)
    if (budget.evaluations is None) == (budget.table_seconds is None):
        raise refuse("a budget is either evaluations or table_seconds", "budget", hint="evaluations = 200")
    if budget.evaluations is not None and budget.evaluations < 1:
        raise refuse("a budget must be positive", "budget", "evaluations", why=f"got {budget.evaluations}")
    seconds = budget.table_seconds
    if seconds is not None and not (math.isfinite(seconds) and seconds > 0):
        raise refuse("a budget must be positive and finite", "budget", "table_seconds", why=f"got {seconds}")


def _check_methods(loaded: LoadedStudy) -> None:
    study, refuse = loaded.study, _refuse(loaded)
    if not study.methods:
        raise refuse(
            "a study needs at least one method",
            "methods",
            hint='[methods.random]  strategy = "random-search"',
        )
    for name, method in study.methods.items():
        doors = [door for door in ("strategy", "loop", "command") if getattr(method, door) is not None]
        if len(doors) != 1:
            raise refuse(
                f"method '{name}' needs exactly one of strategy, loop and command",
                "methods",
                name,
                why=f"it has {', '.join(doors) or 'none'}",
            )
        if method.command is not None and not method.command:
            raise refuse(f"method '{name}' has an empty command", "methods", name, "command")
        if method.strategy is None and study.protocol.simulated_workers > 1:
            raise refuse(
                f"method '{name}' keeps its own loop and evaluates one by one",
                "protocol",
                "simulated_workers",
                why=f"it is {study.protocol.simulated_workers}",
                hint="simulated_workers = 1, or write the method as a strategy that is asked and told",
            )


def _check_claims(loaded: LoadedStudy) -> None:
    study, refuse = loaded.study, _refuse(loaded)
    for i, claim in enumerate(study.claims):
        for side in ("better", "than"):
            name = getattr(claim, side)
            if name not in study.methods:
                near = nearest(name, study.methods)
                hint = f"did you mean '{near}'?" if near else f"methods: {', '.join(study.methods)}"
                raise refuse(f"a claim names the unknown method '{name}'", "claims", i, side, hint=hint)
        if claim.better == claim.than:
            raise refuse("a claim compares a method with itself", "claims", i)
        if len(set(claim.on)) < len(claim.on):
            raise refuse("a claim names a benchmark twice", "claims", i, "on")
        if claim.metric == "test" and study.protocol.assessment == "none":
            raise refuse(
                "a claim is about the test metric, and the study asks for none",
                "claims",
                i,
                why='assessment = "none"',
                hint='metric = "signal", or assessment = "required"',
            )
        if claim.metric not in ("test", "signal"):
            raise refuse(f"unknown metric '{claim.metric}'", "claims", i, "metric", hint="'test' or 'signal'")
        if not math.isfinite(claim.margin) or claim.margin < 0:
            raise refuse("a margin is zero or more", "claims", i, "margin", why=f"got {claim.margin}")
        if not 0.5 < claim.confidence < 1:
            raise refuse("a confidence lies between 0.5 and 1", "claims", i, "confidence")
