"""One difference between two recorded commands, as something that can be done to the first of them."""

from __future__ import annotations

import re

import msgspec

from assay.provenance.components import Plain

# In the order in which a reader expects them.
KINDS = (
    "code",
    "configuration",
    "argument",
    "data",
    "order",
    "variable",
    "hash seed",
    "threads",
    "package",
    "interpreter",
    "machine",
)


_DECIDES = re.compile(
    r"(?i)seed|(?:^|[^a-z])(?:lr|learning|rate|momentum|decay|batch|epochs?|optim|dropout|workers|dtype|prec)"
)
# What tells runs apart and seldom what they compute.
_NAMES = re.compile(
    r"(?i)(?:^|[^a-z])(?:out|output|log|save|name|run|dir|folder|port|verbose|debug|tag|project|wandb|notes?)"
    r"(?:$|[^a-z]|dir|path)"
)


class Edit(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """The text that takes the place of A's characters or lines from `start` up to `end`, counted from 0."""

    start: int
    end: int
    text: str


class FileWritten(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A file that is put in place: an object of the store, or the file at `source` with this digest.

    Without either it is taken away.
    """

    path: str
    content: str | None = None
    source: str | None = None
    digest: str = ""


class KeyChange(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A leaf of a configuration: its keys, and the edit of the text that gives it B's value.

    Without an edit the file is written anew: `value` is set under the keys, or they are `removed`.
    """

    keys: tuple[str | int, ...]
    edit: Edit | None = None
    value: Plain = None
    removed: bool = False


class Change(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One difference of B to A that can be applied to A's restored files or to the way it is started.

    `id` is unique among the changes of a pair. `kind` is of `KINDS`; `path` names what changes: a
    variable, an option, 'train.py line 14', 'optim.yaml optim.lr'. `a` and `b` are the values as shown,
    None where a side lacks it. `likelihood` counts up from 0, each one about half as likely to matter as
    the one before. `possible` is False for what cannot be applied here, and `why_not` says why. `loaded` is
    False for what A is known never to have looked at.

    The fields after `members` say what `apply` does and are empty where they do not concern the kind.
    """

    id: str
    kind: str
    path: str
    a: str | None
    b: str | None
    text: str
    likelihood: int
    possible: bool = True
    why_not: str = ""
    loaded: bool = True
    members: tuple[str, ...] = ()
    file: str = ""
    # The digest of the content that the edits and keys are of.
    was: str = ""
    lines: tuple[Edit, ...] = ()
    key: KeyChange | None = None
    files: tuple[FileWritten, ...] = ()
    # Which of A's arguments are replaced: [start, end) and what by.
    arguments: tuple[int, int, tuple[str, ...]] | None = None
    # Environment variables that are set, or taken away where the value is None.
    variables: dict[str, str | None] = {}
    threads: int | None = None
    packages: dict[str, str] = {}
    folders: tuple[str, ...] = ()
    interpreter: str = ""


def impossible(change: Change, why: str) -> Change:
    """Return a change that is listed and cannot be applied."""
    return msgspec.structs.replace(change, possible=False, why_not=why)


def likely(name: str, usual: int) -> int:
    """Return the likelihood of what has a name: that of a seed or a rate is higher, that of a place lower."""
    if _DECIDES.search(name):
        return max(usual - 1, 0)
    return usual + 4 if _NAMES.search(name) else usual


def arrow(a: object, b: object, *, limit: int = 60) -> str:
    """Return 'a -> b' on one line; what is absent is said so, and what is long is cut."""
    return f"{_shown(a, limit)} -> {_shown(b, limit)}"


def _shown(value: object, limit: int) -> str:
    if value is None:
        return "absent"
    text = " ".join(str(value).split())
    return (text if len(text) <= limit else f"{text[: limit - 3]}...") or "''"
