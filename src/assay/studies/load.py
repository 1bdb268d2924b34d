"""Reads a study file: TOML, typed; every error names file, key path, line and the nearest name."""

from __future__ import annotations

import re
import tomllib
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from assay.foundation.errors import StudyError, nearest
from assay.studies.check import check
from assay.studies.locate import line_of
from assay.studies.study import BETTER, CLAIMS, AnyClaim, Method, Study

T = TypeVar("T")
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
        claims = self._claims(data.get("claims", []))
        head = {key: value for key, value in data.items() if key not in ("methods", "claims")}
        head["methods"] = {}
        study = self._convert(head, Study, ())
        typed = {name: self._convert(table, Method, ("methods", name)) for name, table in methods.items()}
        study = msgspec.structs.replace(study, methods=typed, claims=claims)
        loaded = LoadedStudy(study=study, folder=self.path.parent.resolve(), path=self.path, text=self.text)
        _check(loaded)
        return loaded

    def _claims(self, listed: Any) -> tuple[AnyClaim, ...]:
        if not isinstance(listed, list):
            raise self._error(
                "expected a list of tables", ("claims",), hint="write [[claims]] above each claim"
            )
        return tuple(self._claim(table, i) for i, table in enumerate(listed))

    def _claim(self, value: Any, place: int) -> AnyClaim:
        table = dict(self._table(value, ("claims", place)))
        kind = table.get("kind", BETTER)
        if kind not in CLAIMS:
            near = nearest(kind, CLAIMS) if isinstance(kind, str) else None
            hint = f"did you mean '{near}'?" if near else f"one of {', '.join(CLAIMS)}"
            raise self._error(f"unknown kind of claim '{kind}'", ("claims", place, "kind"), hint)
        if kind == BETTER:
            table.pop("kind", None)
        return self._convert(table, CLAIMS[kind], ("claims", place))

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
        for one in (found, *typing.get_args(found)):  # the members of a union, such as Tuning | None
            if isinstance(one, type) and issubclass(one, msgspec.Struct):
                kind = one
    return [field.encode_name for field in msgspec.structs.fields(kind)]


def _check(loaded: LoadedStudy) -> None:
    def refuse(what: str, *key: str | int, why: str | None = None, hint: str | None = None) -> StudyError:
        return StudyError(what, where=loaded.where(*key), why=why, hint=hint)

    check(loaded.study, refuse)
