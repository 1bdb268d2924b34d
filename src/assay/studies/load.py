"""Reads a study file: TOML, typed; every error names file, key path, line and the nearest name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from assay.foundation.errors import StudyError, nearest
from assay.foundation.locate import line_of
from assay.foundation.toml_file import TomlFile, key_path
from assay.studies.check import check
from assay.studies.study import BETTER, CLAIMS, AnyClaim, Method, Study


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
    return _Reader(TomlFile(Path(path), "the study file", "assay init FILE writes one")).study()


def check_study(study: Study, folder: Path | None = None) -> LoadedStudy:
    """Check a study made in Python; its paths are relative to `folder` (default: where you are)."""
    loaded = LoadedStudy(study=study, folder=(folder or Path.cwd()).resolve())
    _check(loaded)
    return loaded


class _Reader:
    """Converts the tables of one study file."""

    def __init__(self, file: TomlFile) -> None:
        self.file = file

    def study(self) -> LoadedStudy:
        file = self.file
        methods = file.table(file.data.get("methods", {}), ("methods",))
        claims = self._claims(file.data.get("claims", []))
        head = {key: value for key, value in file.data.items() if key not in ("methods", "claims")}
        head["methods"] = {}
        study = file.convert(head, Study, ())
        typed = {name: file.convert(table, Method, ("methods", name)) for name, table in methods.items()}
        study = msgspec.structs.replace(study, methods=typed, claims=claims)
        folder = file.path.parent.resolve()
        loaded = LoadedStudy(study=study, folder=folder, path=file.path, text=file.text)
        _check(loaded)
        return loaded

    def _claims(self, listed: Any) -> tuple[AnyClaim, ...]:
        if not isinstance(listed, list):
            hint = "write [[claims]] above each claim"
            raise self.file.error("expected a list of tables", ("claims",), hint)
        return tuple(self._claim(table, i) for i, table in enumerate(listed))

    def _claim(self, value: Any, place: int) -> AnyClaim:
        table = dict(self.file.table(value, ("claims", place)))
        kind = table.get("kind", BETTER)
        if kind not in CLAIMS:
            near = nearest(kind, CLAIMS) if isinstance(kind, str) else None
            hint = f"did you mean '{near}'?" if near else f"one of {', '.join(CLAIMS)}"
            raise self.file.error(f"unknown kind of claim '{kind}'", ("claims", place, "kind"), hint)
        if kind == BETTER:
            table.pop("kind", None)
        return self.file.convert(table, CLAIMS[kind], ("claims", place))


def _check(loaded: LoadedStudy) -> None:
    def refuse(what: str, *key: str | int, why: str | None = None, hint: str | None = None) -> StudyError:
        return StudyError(what, where=loaded.where(*key), why=why, hint=hint)

    check(loaded.study, refuse)
