r"""Folders as Merkle trees, so that two equal folders have one digest and a difference names the file.

A node is an object of the store: the JSON list, in the order of names, of

    [name, 'file', size, digest]
    [name, 'folder', files in it, digest of its node]
    [name, 'link', size, '-> target']            a link that stays inside, or leads nowhere
    [name, 'link', size, 'DIGEST -> target']     a link to a file outside, with the digest of that

Links are never followed to a folder. Permissions and times are in no digest. A name that is not UTF-8
is written with `\xff` for such a byte, and `\\` for a backslash.
"""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple, Protocol

import msgspec

from assay.capture.contents import Content, Contents, Progress
from assay.foundation.digest import digest_bytes
from assay.foundation.errors import CorruptError, UsageError
from assay.records.objects import Objects

FILE, FOLDER, LINK = "file", "folder", "link"
CHANGED, ADDED, REMOVED, RENAMED = "changed", "added", "removed", "renamed"

_ESCAPE = re.compile(r"\\(\\|x[0-9a-f]{2})")
_ARROW = "-> "


class Tree(msgspec.Struct, frozen=True, kw_only=True):
    """A folder: the digest of its tree, its files and links, their bytes, and what is not in it, with why."""

    digest: str
    files: int
    size: int
    left_out: tuple[str, ...] = ()


class TreeDifference(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One file in which two trees differ, with what stands for its content on each side, or None.

    `kind` is 'changed', 'added', 'removed' or 'renamed'; `before` is the path that a renamed file had.
    """

    path: str
    kind: str
    a: str | None
    b: str | None
    before: str | None = None


class Entry(NamedTuple):
    """A line of a node; `name` as it is written there."""

    name: str
    kind: str
    size: int
    content: str


class Nodes(Protocol):
    """What nodes are read from: the objects of a store, or a `Measured`."""

    def get(self, digest: str) -> bytes:
        """Return the bytes with this digest."""


class Measured:
    """A tree that is in memory only."""

    def __init__(self, tree: Tree, nodes: dict[str, bytes]) -> None:
        self.tree = tree
        self.nodes = nodes

    def get(self, digest: str) -> bytes:
        """Return the bytes of a node."""
        return self.nodes[digest]


def keep_tree(
    objects: Objects, folder: Path, contents: Contents, *, progress: Progress | None = None
) -> Tree:
    """Store the nodes of a folder's tree, not its files, and return what it is.

    Sockets, pipes, devices and what cannot be read are left out and named. Raises `UsageError` for what
    is no folder.
    """
    measured = measure_tree(folder, contents, progress=progress)
    for data in measured.nodes.values():
        objects.put(data)
    return measured.tree


def measure_tree(folder: Path, contents: Contents, *, progress: Progress | None = None) -> Measured:
    """Return the tree of a folder without storing anything."""
    top = os.path.realpath(folder).rstrip("/") or "/"
    if not Path(top).is_dir():
        raise UsageError("there is no such folder", where=str(folder))
    left_out: list[str] = []
    listed = _walk(top, left_out)
    wanted = [path for here in listed for path in here.wanted.values()]
    problems: dict[Path, str] = {}
    found = contents.sized(wanted, progress=progress, on_problem=problems.__setitem__)
    left_out += [f"{written_name(os.path.relpath(path, top))}: {why}" for path, why in problems.items()]
    nodes: dict[str, bytes] = {}
    trees: dict[str, Tree] = {}
    for here in reversed(listed):  # the folders inside come after their own, so before it when reversed
        trees[here.path] = _node(here, found, trees, nodes)
    made = trees[top]
    return Measured(msgspec.structs.replace(made, left_out=tuple(sorted(left_out))), nodes)


def tree_files(nodes: Nodes, digest: str) -> dict[str, str]:
    """Return the files and links of a tree by path, in order, with what stands for their content."""
    return {path: entry.content for path, entry in _below(nodes, digest, "") if entry.kind != FOLDER}


def tree_difference(nodes: Nodes, a: str, b: str, *, other: Nodes | None = None) -> list[TreeDifference]:
    """Return where two trees differ, by path; only nodes that are unequal are read.

    A file that is gone from one path and there at another with the same content is 'renamed'. `other`
    is where the nodes of `b` are, if not with those of `a`.
    """
    found = list(_differences(nodes, other or nodes, a, b))
    return sorted(_renamed(found), key=lambda one: (one.path, one.kind))


def entries(nodes: Nodes, digest: str) -> list[Entry]:
    """Return what a node lists; raises `CorruptError` for a name that could lead out of its folder."""
    try:
        listed = [Entry(*row) for row in msgspec.json.decode(nodes.get(digest), type=list[_Row])]
    except msgspec.DecodeError as error:
        raise CorruptError("a node of a tree cannot be read", where=digest, why=str(error)) from None
    for entry in listed:
        name = real_name(entry.name)
        if name in ("", ".", "..") or "/" in name or "\0" in name:
            raise CorruptError("a node of a tree holds a name that no file has", where=digest, why=name)
    return listed


def written_name(name: str) -> str:
    r"""Return a name or path of a file as valid text: bytes that are not UTF-8 as `\xff`."""
    if name.isascii() and "\\" not in name:
        return name
    return "".join(
        f"\\x{ord(c) - 0xDC00:02x}" if "\udc80" <= c <= "\udcff" else "\\\\" if c == "\\" else c for c in name
    )


def real_name(written: str) -> str:
    """Return the name of a file as the file system has it; the inverse of `written_name`."""
    if "\\" not in written:
        return written
    return _ESCAPE.sub(
        lambda match: "\\" if match[1] == "\\" else chr(0xDC00 + int(match[1][1:], 16)), written
    )


_Row = tuple[str, str, int, str]


class _Listed:
    """One folder as it was listed: folders, files to read, and the targets of links, by name."""

    __slots__ = ("folders", "links", "path", "wanted")

    def __init__(self, path: str) -> None:
        self.path = path
        self.folders: list[str] = []
        self.wanted: dict[str, str] = {}
        self.links: dict[str, str] = {}


def _walk(top: str, left_out: list[str]) -> list[_Listed]:
    """Return the folders below `top`, each before those in it; a list of our own, for folders nest deep."""
    listed, waiting = [], [top]
    while waiting:
        here = _Listed(waiting.pop())
        listed.append(here)
        try:
            with os.scandir(here.path) as found:
                for entry in found:
                    reason = _place(here, entry, top)
                    if reason:
                        left_out.append(f"{written_name(os.path.relpath(entry.path, top))}: {reason}")
        except OSError as error:
            left_out.append(f"{written_name(os.path.relpath(here.path, top))}/: {error.strerror}")
        waiting += [f"{here.path}/{name}" for name in here.folders]
    return listed


def _place(here: _Listed, entry: os.DirEntry[str], top: str) -> str:
    """Put an entry where it belongs; return why it is left out, or nothing."""
    name = entry.name
    if entry.is_symlink():
        return _place_link(here, name, entry.path, top)
    if entry.is_dir(follow_symlinks=False):
        here.folders.append(name)
    elif entry.is_file(follow_symlinks=False):
        here.wanted[name] = entry.path
    else:
        return "it is no file, folder or link"
    return ""


def _place_link(here: _Listed, name: str, path: str, top: str) -> str:
    target = str(Path(path).readlink())
    here.links[name] = target
    leads = Path(os.path.realpath(path))
    is_inside = leads.is_relative_to(top)
    if not is_inside and leads.is_file():
        here.wanted[name] = path
    elif not is_inside and leads.is_dir():
        return f"what is in the folder outside that it leads to ({written_name(target)}); name that too"
    return ""


def _node(
    here: _Listed, found: Mapping[str, Content], trees: Mapping[str, Tree], nodes: dict[str, bytes]
) -> Tree:
    """Add the node of a folder, whose folders have theirs, and return its tree."""
    inner = {name: trees[f"{here.path}/{name}"] for name in here.folders}
    rows: list[_Row] = [(written_name(name), FOLDER, tree.files, tree.digest) for name, tree in inner.items()]
    files = sum(tree.files for tree in inner.values())
    size = sum(tree.size for tree in inner.values())
    for name, path in here.wanted.items():
        content = found.get(path)
        if content is not None and name not in here.links:
            rows.append((written_name(name), FILE, content.size, content.digest))
            size += content.size
            files += 1
    for name, target in here.links.items():
        content = found.get(here.wanted.get(name, ""))
        text = f"{content.digest if content else ''} {_ARROW}{written_name(target)}".lstrip()
        rows.append((written_name(name), LINK, content.size if content else len(os.fsencode(target)), text))
        size += content.size if content else 0
        files += 1
    # Of strings and small integers, this is the form of RFC 8785 and a hundred times faster to write.
    data = msgspec.json.encode(sorted(rows))
    digest = digest_bytes(data)
    nodes[digest] = data
    return Tree(digest=digest, files=files, size=size)


def _below(nodes: Nodes, digest: str, path: str) -> Iterator[tuple[str, Entry]]:
    """Yield everything in a tree by path, in the order of nodes; an empty folder's path ends in '/'."""
    waiting: list[tuple[str, Entry]] = [(path, Entry("", FOLDER, 0, digest))]
    while waiting:
        here, entry = waiting.pop()
        if entry.kind != FOLDER:
            yield here, entry
            continue
        listed = entries(nodes, entry.content)
        if not listed:
            yield f"{here}/", entry
        waiting += [(f"{here}/{one.name}" if here else one.name, one) for one in reversed(listed)]


def _differences(left: Nodes, right: Nodes, a: str, b: str) -> Iterator[tuple[TreeDifference, int]]:
    """Yield the differences of two nodes, and the size of each file."""
    waiting = [("", a, b)]
    while waiting:
        path, one, two = waiting.pop()
        if one == two:
            continue
        olds = {entry.name: entry for entry in entries(left, one)}
        news = {entry.name: entry for entry in entries(right, two)}
        for name in sorted(olds.keys() | news.keys()):
            old, new = olds.get(name), news.get(name)
            here = f"{path}/{name}" if path else name
            if old and new and old.kind == new.kind == FOLDER:
                waiting.append((here, old.content, new.content))
            elif old and new and FOLDER not in (old.kind, new.kind):
                if old[1:] != new[1:]:
                    yield _difference(here, CHANGED, old.content, new.content), new.size
            else:
                yield from _only(left, here, old, REMOVED)
                yield from _only(right, here, new, ADDED)


def _only(nodes: Nodes, path: str, entry: Entry | None, kind: str) -> Iterator[tuple[TreeDifference, int]]:
    """Yield what is on one side alone."""
    if entry is None:
        return
    inside = _below(nodes, entry.content, path) if entry.kind == FOLDER else iter([(path, entry)])
    for here, one in inside:
        sides = (one.content, None) if kind == REMOVED else (None, one.content)
        yield _difference(here, kind, *sides), one.size if one.kind == FILE else 0


def _difference(path: str, kind: str, a: str | None, b: str | None) -> TreeDifference:
    return TreeDifference(path=path, kind=kind, a=a, b=b)


def _renamed(found: list[tuple[TreeDifference, int]]) -> Iterator[TreeDifference]:
    """Join what was removed and what was added with the same content; empty files prove nothing."""
    gone: dict[str, list[TreeDifference]] = defaultdict(list)
    for one, size in reversed(found):
        if one.kind == REMOVED and size and one.a:
            gone[one.a].append(one)
    matched: set[str] = set()
    rest = []
    for one, size in found:
        if one.kind == ADDED and size and one.b and gone.get(one.b):
            old = gone[one.b].pop()
            matched.add(old.path)
            yield TreeDifference(path=one.path, kind=RENAMED, a=old.a, b=one.b, before=old.path)
        else:
            rest.append(one)
    yield from (one for one in rest if not (one.kind == REMOVED and one.path in matched))
