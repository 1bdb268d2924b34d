"""Differences in the code and the configuration files of two commands: by hunk and by key."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath

import msgspec

from assay.capture.secrets import REMOVED, looks_secret, scrub
from assay.foundation.errors import IntegrityError
from assay.provenance.commands import CodeFile, CommandProvenance
from assay.records.objects import Objects
from assay.verification.commands.change import Change, Edit, FileWritten, arrow, impossible, likely
from assay.verification.commands.configuration import ABSENT, format_of, key_changes, key_text
from assay.verification.commands.hunks import described, hunks, lines_of, sentence

_LOADED = frozenset({"program", "module", "argument", "configuration", "notebook"})
_PYTHON = frozenset({".py", ".pyw"})
# A line that only tells something to people.
_TELLS = re.compile(r"\s*(?:print|log(?:ger|ging)?\.\w+|warnings\.warn|tqdm|sys\.std(?:out|err)\.write)\b")


class CodeCandidates:
    """The differences of the code of two commands."""

    def __init__(self, objects: Objects, a: CommandProvenance, b: CommandProvenance) -> None:
        self._objects = objects
        self._ours, self._theirs = _by_path(a), _by_path(b)
        self.renamed = self._renamed()

    def _renamed(self) -> dict[str, str]:
        """Return B's name for A's program, where each has one that the other lacks: two versions of one."""
        gone, new = (
            [file.path for file in one.values() if file.role == "program" and file.path not in other]
            for one, other in ((self._ours, self._theirs), (self._theirs, self._ours))
        )
        return {gone[0]: new[0]} if len(gone) == len(new) == 1 else {}

    def program_names(self) -> dict[str, str]:
        """Return the names of the files of a renamed program, without their folders."""
        return {PurePosixPath(old).name: PurePosixPath(new).name for old, new in self.renamed.items()}

    def changes(self) -> list[Change]:
        """Return the changes: of files that both have, then new ones, then those that are gone."""
        loaded = {path: file for path, file in self._ours.items() if file.role in _LOADED}
        pairs = {path: self.renamed.get(path, path) for path in loaded}
        both = {path: self._theirs[other] for path, other in pairs.items() if other in self._theirs}
        found = [
            change
            for path, two in both.items()
            if two.digest and not _equal(loaded[path], two)
            for change in self._changed(loaded[path], two)
        ]
        # What A did not load counts as new where B did, whatever lay there.
        unseen = {path: file for path, file in self._theirs.items() if path not in pairs.values()}
        added = [file for file in unseen.values() if file.role in _LOADED and self._differs(file)]
        found, carried = self._carrying(found, added, loaded)
        found += [self._added(file) for file in added if file.path not in carried]
        found += [
            _removed(file, gone=path in both)
            for path, file in loaded.items()
            if path not in both or not both[path].digest
        ]
        return [*found, *_together(self._ours, self._theirs)]

    def _differs(self, file: CodeFile) -> bool:
        """Say whether a file that only B loaded is not there with the same bytes in A, as far as is known."""
        there = self._ours.get(file.path)
        return there is None or there.digest != file.digest

    def _changed(self, one: CodeFile, two: CodeFile) -> Iterator[Change]:
        whole = Change(
            id=f"code:{one.path}",
            kind="configuration" if "configuration" in {one.role, two.role} else "code",
            path=one.path,
            a=one.digest[:12] or None,
            b=two.digest[:12] or None,
            text=f"{one.path} differs",
            likelihood=2,
        )
        if one.path.startswith("<"):
            yield impossible(whole, "it is a cell of a notebook and no file")
            return
        old, new = (self._text(file) for file in (one, two))
        if old is None or new is None:
            yield impossible(whole, "its content is not in the record")
        elif old == new:
            yield impossible(whole, "it differs only in what was taken out as a secret")
        elif "\0" in old or "\0" in new:
            written = FileWritten(path=one.path, content=two.content)
            yield msgspec.structs.replace(whole, files=(written,))
        else:
            yield from self._parts(whole, one, old, new)

    def _parts(self, whole: Change, one: CodeFile, old: str, new: str) -> Iterator[Change]:
        form = format_of(one.path)
        keys = key_changes(old, new, form) if form else None
        if keys is not None:
            for change, before, after in keys:
                name = key_text(change.keys)
                a, b = _values(name, (before, after))
                yield msgspec.structs.replace(
                    whole,
                    id=f"configuration:{one.path}:{name}",
                    kind="configuration",
                    path=f"{one.path} {name}",
                    a=a,
                    b=b,
                    text=f"{one.path} {name}: {arrow(a, b)}",
                    likelihood=likely(name, 1),
                    file=one.path,
                    was=one.content,
                    key=change,
                )
            return
        python = PurePosixPath(one.path).suffix in _PYTHON or one.role in {"program", "module"}
        if not python and sorted(lines_of(old)) == sorted(lines_of(new)):
            edit = Edit(start=0, end=len(lines_of(old)), text=new)
            text = f"{one.path} has its lines in another order"
            yield msgspec.structs.replace(whole, text=text, file=one.path, was=one.content, lines=(edit,))
            return
        for edit in hunks(old, new, python=python):
            place, a, b = described(old, edit)
            touched = [*lines_of(old)[edit.start : edit.end], *lines_of(edit.text)]
            yield msgspec.structs.replace(
                whole,
                id=f"{whole.kind}:{one.path}:{edit.start + 1}-{edit.end}",
                path=f"{one.path} {place}",
                a=a or None,
                b=b or None,
                text=f"{one.path} {sentence(place, a, b)}",
                likelihood=whole.likelihood + (4 if _only_tells(touched) else 0),
                file=one.path,
                was=one.content,
                lines=(edit,),
            )

    def _carrying(
        self, changes: Sequence[Change], added: Sequence[CodeFile], loaded: Mapping[str, CodeFile]
    ) -> tuple[list[Change], frozenset[str]]:
        """Give each hunk the new files that it names, for an import without its file is no program.

        Returns the changes and the paths of the files that some hunk has.
        """
        texts = {file.path: self._text(file) or "" for file in added if file.content is not None}
        known = {part for path in loaded for part in PurePosixPath(path).with_suffix("").parts}
        names = {path: set(PurePosixPath(path).with_suffix("").parts) - known for path in texts}
        contents = {file.path: file.content for file in added}
        carried: set[str] = set()
        found = []
        for change in changes:
            wanted = _named("".join(edit.text for edit in change.lines), names, texts)
            carried |= wanted
            files = tuple(FileWritten(path=path, content=contents[path]) for path in sorted(wanted))
            more = f" (with {', '.join(sorted(wanted))})" if wanted else ""
            found.append(
                msgspec.structs.replace(change, files=(*change.files, *files), text=change.text + more)
            )
        return found, frozenset(carried)

    def _added(self, file: CodeFile) -> Change:
        change = Change(
            id=f"code:{file.path}:new",
            kind="configuration" if file.role == "configuration" else "code",
            path=file.path,
            a=None,
            b=file.digest[:12],
            text=f"{file.path} is new",
            likelihood=4,
            files=(FileWritten(path=file.path, content=file.content),),
        )
        if file.path.startswith("<"):
            return impossible(change, "it is a cell of a notebook and no file")
        return change if file.content else impossible(change, "its content is not in the record")

    def _text(self, file: CodeFile) -> str | None:
        """Return the kept content of a file, byte for byte; None where there is none."""
        try:
            data = self._objects.get(file.content) if file.content else None
        except IntegrityError:
            return None
        return None if data is None else data.decode("utf-8", "surrogateescape")


def _equal(one: CodeFile, two: CodeFile) -> bool:
    if one.digest == two.digest:
        return True
    return one.syntax is not None and one.syntax == two.syntax and not (one.scrubbed or two.scrubbed)


def _by_path(side: CommandProvenance) -> dict[str, CodeFile]:
    return {file.path: file for file in side.code}


def _removed(file: CodeFile, *, gone: bool) -> Change:
    change = Change(
        id=f"code:{file.path}:gone",
        kind="configuration" if file.role == "configuration" else "code",
        path=file.path,
        a=file.digest[:12],
        b=None,
        text=f"{file.path} {'is gone' if gone else 'was not loaded'}",
        likelihood=7,
        files=(FileWritten(path=file.path),),
    )
    return change if gone else impossible(change, "that a file is not loaded follows from something else")


def _together(ours: Mapping[str, CodeFile], theirs: Mapping[str, CodeFile]) -> Iterator[Change]:
    """Yield the files that lay there changed and that neither run loaded, as one that is not tried."""
    paths = [
        path
        for path in sorted({*ours, *theirs})
        if not {file.role for file in (ours.get(path), theirs.get(path)) if file} & _LOADED
        if path not in ours or path not in theirs or ours[path].digest != theirs[path].digest
    ]
    if paths:
        count = f"{len(paths)} other file{'s' if len(paths) > 1 else ''}"
        change = Change(
            id="code:others",
            kind="code",
            path=count,
            a=None,
            b=None,
            text=f"{count} that neither run loaded",
            likelihood=9,
            loaded=False,
            members=tuple(paths),
        )
        yield impossible(change, "what no run loaded is not tried")


def _named(text: str, names: Mapping[str, set[str]], texts: Mapping[str, str]) -> set[str]:
    """Return the new files that a text names, and those that these name."""
    found: set[str] = set()
    waiting = [text]
    while waiting:
        words = set(re.findall(r"\w+", waiting.pop()))
        more = {path for path, own in names.items() if path not in found and own & words}
        found |= more
        waiting += [texts[path] for path in sorted(more)]
    return found


def _values(name: str, values: Sequence[object]) -> list[str | None]:
    """Return values of a configuration as text without secrets; in quotes where not all are text."""
    bare = all(isinstance(value, str) or value is ABSENT for value in values)
    shown: list[str | None] = []
    for value in values:
        text = str(value) if bare else json.dumps(value, ensure_ascii=False, default=str)
        hidden = looks_secret(name.rpartition(".")[2], str(value))
        shown.append(None if value is ABSENT else REMOVED if hidden else scrub(text))
    return shown


def _only_tells(lines: Sequence[str]) -> bool:
    filled = [line for line in lines if line.strip()]
    return bool(filled) and all(_TELLS.match(line) for line in filled)
