"""TOML files of a known type: every error names file, line, key path and the nearest name."""

from __future__ import annotations

import re
import tomllib
import typing
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from assay.foundation.errors import StudyError, nearest
from assay.foundation.locate import line_of

T = TypeVar("T")
KeyPath = tuple[str | int, ...]
_AT = re.compile(r"^(?P<what>.*?)(?: - at `\$(?P<path>.*)`)?$", re.DOTALL)
_UNKNOWN = re.compile(r"unknown field `(?P<name>.*?)`")
_STEP = re.compile(r"\.([A-Za-z0-9_]+)|\[(\d+|\.\.\.)\]")


class TomlFile:
    """The tables of one file, which remember where they stand. `what` is what such a file is called.

    Raises `StudyError` for a file that cannot be read and for one that is not TOML.
    """

    def __init__(self, path: Path, what: str, hint: str) -> None:
        self.path = path
        try:
            self.text = path.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            siblings = [other.name for other in path.parent.glob("*.toml")] if path.parent.is_dir() else []
            near = None if path.exists() else nearest(path.name, siblings)
            raise StudyError(
                f"{what} cannot be read",
                where=str(path),
                why=getattr(error, "strerror", None) or str(error),
                hint=f"did you mean '{path.parent / near}'?" if near else hint,
            ) from None
        try:
            self.data: dict[str, Any] = tomllib.loads(self.text)
        except (tomllib.TOMLDecodeError, RecursionError) as error:
            raise StudyError(f"{what} is not TOML", where=str(path), why=str(error)) from None

    def where(self, key: KeyPath) -> str:
        """Return a place in the file as people read it: file, line and key path."""
        line = line_of(self.text, key)
        return f"{self.path}{f':{line}' if line else ''}, {key_path(key)}"

    def error(self, what: str, key: KeyPath, hint: str | None = None, why: str | None = None) -> StudyError:
        """Return the error about a key."""
        return StudyError(what, where=self.where(key), hint=hint, why=why)

    def table(self, value: Any, key: KeyPath) -> dict[str, Any]:
        """Return a value that must be a table."""
        if not isinstance(value, dict):
            raise self.error(f"expected a table, got {type(value).__name__}", key)
        return value

    def convert(self, value: Any, kind: type[T], key: KeyPath) -> T:
        """Return a value as a typed struct; raises `StudyError` for a key or a value that does not fit."""
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
                what, place = f"unknown key '{unknown['name']}'", (*key, *steps, unknown["name"])
                raise self.error(what, place, hint) from None
            raise self.error(what[:1].lower() + what[1:].replace("`", "'"), (*key, *steps)) from None


def key_path(key: KeyPath) -> str:
    """Return a key path as TOML writes it, such as methods.evolution.hyperparameters."""
    text = ""
    for part in key:
        text += f"[{part}]" if isinstance(part, int) else f".{part}"
    return text.lstrip(".") or "the file"


def _fields(kind: type, steps: KeyPath) -> list[str]:
    """Return the keys of the struct that `steps` lead to from `kind`."""
    for step in steps:
        hints = msgspec.structs.fields(kind) if isinstance(step, str) else ()
        found = next((field.type for field in hints if field.encode_name == step), None)
        for one in (found, *typing.get_args(found)):  # the members of a union, such as Tuning | None
            if isinstance(one, type) and issubclass(one, msgspec.Struct):
                kind = one
    return [field.encode_name for field in msgspec.structs.fields(kind)]
