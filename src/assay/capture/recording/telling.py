"""What a restored folder is, and what it tells a person: a script that starts the run, and a page."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Sequence
from pathlib import Path

import msgspec

from assay.foundation.digest import short
from assay.foundation.text import one_line
from assay.provenance.commands import CommandProvenance
from assay.records.commands import CommandRecord

_NAME = re.compile(r"[A-Za-z_]\w*", re.ASCII)


class Restored(msgspec.Struct, frozen=True, kw_only=True):
    """A run's files in a new folder, and how to start it there.

    `tree` is the root, `working` the working folder. `argv` and `variables` have the places rewritten;
    `paths` are the prefixes for `sys.path`, to be tried in their order. `missing` are files without
    which the run may not be the same, `notes` what else a person should know.
    """

    folder: Path
    tree: Path
    working: Path
    argv: tuple[str, ...]
    paths: tuple[tuple[str, str], ...]
    variables: dict[str, str]
    missing: tuple[str, ...]
    notes: tuple[str, ...]


def script(restored: Restored) -> bytes:
    """Return a shell script that starts the command in its folder with its recorded variables."""
    settings = [f"{name}={value}" for name, value in restored.variables.items() if _NAME.fullmatch(name)]
    words = ["env", *settings, *restored.argv] if settings else list(restored.argv)
    lines = [
        "#!/bin/sh",
        "# Starts the restored run. RESTORED.md beside this file tells what is missing.",
        f"cd {shlex.quote(str(restored.working))} || exit 1",
        f'exec {shlex.join(words)} "$@"' if words else "exit 0",
    ]
    return os.fsencode("\n".join(lines) + "\n")


def describe(record: CommandRecord, found: CommandProvenance, restored: Restored) -> str:
    """Return the page: what this is, how to run it, what is missing and what else to know."""
    state = found.repository
    commit = f"commit {short(state.commit)}" if state is not None and state.commit else "no commit"
    scrubbed = [file.path for file in found.code if file.scrubbed]
    about = f"Name: {one_line(record.name) or '(none)'}; run {short(record.run)}; {record.result.status}"
    lines = [
        f"# Restored run {record.id}",
        "",
        f"{about}; started {one_line(record.circumstances.started)}.",
        f"Code: {commit}, {len(found.code):,} files of the record.",
        "Start it with `sh run.sh`, or record it again with `assay exec`.",
        "",
        "    " + one_line(shlex.join(found.argv)),
        "",
        *_part("Missing, so that a repeat may differ", restored.missing),
        *_part("Secrets were removed from", scrubbed),
        *_part("To know", restored.notes),
    ]
    return "\n".join(lines).encode("utf-8", "replace").decode()


def _part(title: str, items: Sequence[str]) -> list[str]:
    if not items:
        return [f"## {title}", "", "Nothing.", ""]
    return [f"## {title}", "", *(f"- {_plain(item)}" for item in items), ""]


def _plain(text: str) -> str:
    """Return a line that a reader of Markdown or HTML shows as it is."""
    return one_line(text).replace("&", "&amp;").replace("<", "&lt;").replace("`", "'")
