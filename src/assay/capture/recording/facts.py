"""What is known of a command before it runs; kept beside its rows, so that a dead run can be sealed."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from assay.capture.recording.launch import Ended, Launch
from assay.capture.secrets import scrub_arguments, scrub_shapes
from assay.foundation import clock
from assay.foundation.files import writing

if TYPE_CHECKING:
    from assay.capture.recording.scrubbing import Scrubber

FORMAT = 1
FACTS, END, STDOUT, STDERR = "launch.json", "ended.json", "stdout", "stderr"
_ROOM = 1024  # bytes


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """A command as it was started, without its secrets.

    `variables` are the allowed ones, `removed` the places in `argv` where a secret stood, `arguments` the
    digest of the whole command line, `block` that of what tells a block of a process from others, `began`
    nanoseconds of the Unix epoch, `pid` that of the recorder.
    """

    name: str
    argv: tuple[str, ...]
    removed: tuple[int, ...]
    arguments: str
    folder: str
    level: str
    variables: dict[str, str] = {}
    hash_seed: str | None
    data: tuple[str, ...]
    outputs: tuple[str, ...]
    host: str
    pid: int
    began: int
    started: str
    block: str = ""
    format: int = FORMAT


def facts_of(
    what: Launch, *, name: str, data: Sequence[Path], outputs: Sequence[Path], block: str = ""
) -> Facts:
    """Return what is known of a command that is about to start."""
    argv = tuple(map(valid, what.argv))
    shown = scrub_arguments(argv)
    return Facts(
        name=scrub_shapes(valid(name) or default_name(argv)),
        argv=shown,
        removed=tuple(i for i, (a, b) in enumerate(zip(argv, shown, strict=True)) if a != b),
        arguments=_digest(what.argv),
        folder=str(what.folder.absolute()),
        level=what.hook.level,
        hash_seed=what.variables.get("PYTHONHASHSEED"),
        data=tuple(str((what.folder / path).absolute()) for path in data),
        outputs=tuple(str((what.folder / path).absolute()) for path in outputs),
        host=platform.node(),
        pid=os.getpid(),
        began=time.time_ns(),
        started=clock.now(),
        block=block,
    )


def without_secrets(facts: Facts, scrubber: Scrubber) -> Facts:
    """Return what is known of a command without the secrets that became known only while it ran."""
    argv = tuple(map(scrubber.known, facts.argv))
    found = {i for i, (a, b) in enumerate(zip(facts.argv, argv, strict=True)) if a != b}
    removed = tuple(sorted({*facts.removed, *found}))
    return msgspec.structs.replace(facts, name=scrubber.known(facts.name), argv=argv, removed=removed)


def default_name(argv: Sequence[str]) -> str:
    """Return what a command is called: its script or module, else its program."""
    for place, argument in enumerate(argv[1:], 1):
        if argv[place - 1] == "-m":
            return argument
        if argument.endswith((".py", ".sh", ".ipynb")):
            return Path(argument).name
    return Path(argv[0]).name if argv else ""


def write_facts(live: Path, facts: Facts) -> None:
    """Write what is known before the start, whole or not at all, and reserve the room for how it ends."""
    # As Python writes JSON: a folder's name may hold bytes that are not UTF-8.
    text = json.dumps(msgspec.to_builtins(facts))
    with writing(live / FACTS):
        if not (live / END).exists():
            (live / END).write_bytes(b" " * _ROOM)
        new = live / f".{FACTS}"
        new.write_text(text)
        new.replace(live / FACTS)


def read_facts(live: Path) -> Facts | None:
    """Return what is known of the run in a folder; None where its recorder died before it wrote that."""
    try:
        return msgspec.convert(json.loads((live / FACTS).read_bytes()), type=Facts)
    except (OSError, ValueError, msgspec.ValidationError):
        return None


def write_end(live: Path, ended: Ended) -> None:
    """Write how a command ended; its output is without secrets by now.

    On a full disk the output is lost, and how it ended is not: the room for that was reserved.
    """
    for name, output in ((STDOUT, ended.stdout), (STDERR, ended.stderr)):
        try:
            (live / name).write_bytes(output)
        except OSError:
            (live / name).unlink(missing_ok=True)
    text = msgspec.json.encode(msgspec.structs.replace(ended, stdout=b"", stderr=b""))
    with (live / END).open("r+b" if (live / END).exists() else "wb") as file:
        file.write(text.ljust(_ROOM))


def read_end(live: Path) -> Ended | None:
    """Return how the command of a folder ended; None where nobody lived to see it."""
    try:
        ended = msgspec.json.decode((live / END).read_bytes(), type=Ended)
    except (OSError, msgspec.DecodeError):
        return None
    return msgspec.structs.replace(ended, stdout=_output(live / STDOUT), stderr=_output(live / STDERR))


def lost_output(live: Path) -> bool:
    """Say whether the output of a command that ended could not be kept."""
    return not ((live / STDOUT).exists() and (live / STDERR).exists())


def _output(path: Path) -> bytes:
    return path.read_bytes() if path.exists() else b""


def valid(text: str) -> str:
    """Return a text that the system gave with every byte that is not UTF-8 replaced."""
    return os.fsencode(text).decode("utf-8", "replace")


def _digest(argv: Sequence[str]) -> str:
    hasher = hashlib.sha256(b"assay-arguments-v1\0")
    for argument in argv:
        data = argument.encode("utf-8", "surrogateescape")
        hasher.update(len(data).to_bytes(8, "little") + data)
    return hasher.hexdigest()
