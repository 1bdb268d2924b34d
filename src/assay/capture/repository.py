"""Reads the state of the git repository around a folder, and changes nothing in it.

Git is called with a list of arguments, a time limit and an environment of its own. Nothing that a
repository configures is run: no hook, file-system monitor, pager, external diff, text conversion
or clean filter.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from assay.capture.literals import secret_texts
from assay.capture.secrets import REMOVED, scrub, scrub_shapes, strip_credentials
from assay.provenance.components import Repository

PATCH_LIMIT = 1 << 20
UNTRACKED_LIMIT = 500
TIMEOUT = 10.0

SOURCES = frozenset(
    (
        *(
            ".c",
            ".cc",
            ".cpp",
            ".cu",
            ".h",
            ".hpp",
            ".jl",
            ".py",
            ".pyi",
            ".pyx",
            ".r",
            ".rs",
            ".sh",
            ".ipynb",
        ),
        *(".cfg", ".ini", ".json", ".toml", ".txt", ".yaml", ".yml"),
    )
)
_SAFE = (
    *("-c", "core.fsmonitor=false"),
    *("-c", "core.hooksPath=/dev/null"),
    *("-c", "core.pager=cat"),
    *("-c", "core.quotePath=false"),
    *("-c", "diff.external="),
    *("-c", "submodule.recurse=false"),
)
_COMMIT = re.compile(r"[0-9a-f]{7,64}")
_SUBMODULES = "--ignore-submodules=dirty"  # a submodule's own configuration is never looked at


def repository(folder: Path) -> Repository | None:
    """Return the state of the repository that `folder` is in; None without one, or without git.

    `patch` is the difference of tracked files to the commit, at most 1 MiB, without secrets; files
    left out for their size are named in it. `untracked` lists untracked sources, at most 500. What
    git could not answer in ten seconds is None.
    """
    found = work_tree(folder)
    return None if found is None else found.repository


class WorkTree(NamedTuple):
    """A repository's work tree: its state, and the names of what is not as in the commit.

    Names are relative to `top` and as the file system has them. `changed` holds tracked files that
    differ, those that are gone included. `untracked` is all that is not ignored; `submodules` maps the
    path of each to its commit.
    """

    repository: Repository
    top: Path
    changed: tuple[str, ...] = ()
    untracked: tuple[str, ...] = ()
    submodules: Mapping[str, str] = {}


def work_tree(folder: Path, apart: Sequence[Path] = ()) -> WorkTree | None:
    """Return the work tree that `folder` is in; None without one, or without git.

    What lies below `apart`, such as the store, is no part of it.
    """
    git = _Git.find(folder)
    if git is None:
        return None
    status = git.text("status", "--porcelain=v2", "--branch", "-z", "--untracked-files=all", _SUBMODULES)
    if status is None:
        state = Repository(
            commit=_line(git.text("rev-parse", "--verify", "--quiet", "HEAD")),
            branch=_line(git.text("symbolic-ref", "--short", "--quiet", "HEAD")),
            remote=_remote(git),
            dirty=None,
        )
        return WorkTree(state, git.folder)
    facts, changed, untracked = _read_status(status)
    heads = tuple(f"{inside}/" for inside in _inside(git.folder, apart))
    changed, untracked = (
        [name for name in names if not name.startswith(heads)] for names in (changed, untracked)
    )
    state = _state(git, facts, changed, untracked)
    return WorkTree(state, git.folder, tuple(changed), tuple(untracked), _submodules(git))


def top_of(folder: Path) -> Path | None:
    """Return the top of the work tree that `folder` is in, or None."""
    git = _Git.find(folder)
    return None if git is None else git.folder


def check_out(folder: Path, commit: str, target: Path) -> bool:
    """Write the files of a commit of the repository around `folder` into `target`, which exists.

    No hook or filter is run, nothing in the repository changes, and no file is fetched. Returns False
    where there is no such commit here, or git fails.
    """
    git = _Git.find(folder)
    if git is None or not _COMMIT.fullmatch(commit):
        return False
    if git.text("cat-file", "-e", f"{commit}^{{commit}}") is None:
        return False
    with tempfile.TemporaryDirectory() as scratch:
        index = {"GIT_INDEX_FILE": str(Path(scratch, "index"))}
        if git.text("read-tree", commit, variables=index) is None:
            return False
        prefix = f"--prefix={target.resolve()}/"
        done = git.text("checkout-index", "--all", "--force", prefix, variables=index, timeout=10 * TIMEOUT)
        return done is not None


def _inside(top: Path, folders: Sequence[Path]) -> list[str]:
    """Return the folders that are below the top, relative to it."""
    found = (Path(os.path.realpath(folder)) for folder in folders)
    above = Path(os.path.realpath(top))
    return [str(one.relative_to(above)) for one in found if one != above and one.is_relative_to(above)]


def _state(git: _Git, facts: Mapping[str, str], changed: list[str], untracked: list[str]) -> Repository:
    commit = facts.get("branch.oid")
    branch = facts.get("branch.head")
    sources = sorted(scrub(_valid(name)) for name in untracked if Path(name).suffix.lower() in SOURCES)
    return Repository(
        commit=commit if commit != "(initial)" else None,
        branch=scrub_shapes(_valid(branch)) if branch and branch != "(detached)" else None,
        remote=_remote(git),
        dirty=bool(changed),
        patch=_patch(git, changed) if changed and commit != "(initial)" else None,
        untracked=tuple(sources[:UNTRACKED_LIMIT]),
    )


class _Git:
    """Git, called so that it runs nothing but itself, in one repository."""

    def __init__(self, program: str, folder: Path) -> None:
        self._start = [program, *_SAFE]
        self._environment = _environment()
        self.folder = folder

    @classmethod
    def find(cls, folder: Path) -> _Git | None:
        """Return git in the work tree that holds `folder`, or None where there is none."""
        program = shutil.which("git")
        if program is None or not folder.is_dir():
            return None
        top = cls(program, folder).text("rev-parse", "--show-toplevel")
        if not top or not top.strip():
            return None
        git = cls(program, Path(top.rstrip("\n")))
        filters = (
            git.text("config", "--name-only", "--get-regexp", r"^filter\..*\.(clean|smudge|process)$") or ""
        )
        for name in filters.splitlines():
            git._start += ["-c", f"{name}=", "-c", f"{name.rpartition('.')[0]}.required=false"]
        return git

    def text(
        self, *arguments: str, variables: Mapping[str, str] | None = None, timeout: float = TIMEOUT
    ) -> str | None:
        """Return what git prints, or None when it fails or takes too long."""
        try:
            done = subprocess.run(
                [*self._start, *arguments],
                cwd=self.folder,
                env={**self._environment, **(variables or {})},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=timeout,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired):
            return None
        return os.fsdecode(done.stdout) if done.returncode == 0 else None


def _environment() -> dict[str, str]:
    """Return the process's variables without git's own, which could point it elsewhere."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    return {
        **kept,
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_NO_LAZY_FETCH": "1",
        "LC_ALL": "C",
    }


def _submodules(git: _Git) -> dict[str, str]:
    """Return the commit of each submodule by its path, as staged."""
    if not (git.folder / ".gitmodules").is_file():
        return {}
    listed = git.text("config", "--file", ".gitmodules", "-z", "--get-regexp", r"^submodule\..*\.path$") or ""
    paths = [entry.partition("\n")[2] for entry in listed.split("\0") if "\n" in entry]
    if not paths:
        return {}
    staged = git.text("ls-files", "--stage", "-z", "--", *(f":(top,literal){path}" for path in paths)) or ""
    entries = [entry.partition("\t") for entry in staged.split("\0") if entry.startswith("160000 ")]
    return {path: facts.split()[1] for facts, _, path in entries}


def _valid(text: str) -> str:
    """Return text of git's with every byte that is not UTF-8 replaced."""
    return os.fsencode(text).decode(errors="replace")


def _line(text: str | None) -> str | None:
    return _valid(text).strip() or None if text else None


def _remote(git: _Git) -> str | None:
    """Return the address of 'origin', or of the first remote, without credentials."""
    listed = git.text("config", "--get-regexp", r"^remote\..*\.url$") or ""
    remotes = dict(_valid(line).split(" ", 1) for line in listed.splitlines() if " " in line)
    if not remotes:
        return None
    return strip_credentials(remotes.get("remote.origin.url") or next(iter(remotes.values())))


def _read_status(text: str) -> tuple[dict[str, str], list[str], list[str]]:
    """Take `git status --porcelain=v2 -z` apart: header facts, changed paths, untracked paths."""
    facts: dict[str, str] = {}
    changed: list[str] = []
    untracked: list[str] = []
    fields = iter(text.split("\0"))
    for field in fields:
        kind = field[:1]
        if kind == "#":
            name, _, value = field[2:].partition(" ")
            facts[name] = value
        elif kind == "?":
            untracked.append(field[2:])
        elif kind == "1":
            changed.append(field.split(" ", 8)[8])
        elif kind == "2":
            changed.append(field.split(" ", 9)[9])
            changed.append(next(fields, ""))  # the path before the renaming
        elif kind == "u":
            changed.append(field.split(" ", 10)[10])
    return facts, changed, untracked


def _patch(git: _Git, changed: Sequence[str]) -> str | None:
    """Return the difference of tracked files to the commit: the largest are left out, and named."""
    large = [name for name in changed if _size(git.folder / name) > PATCH_LIMIT]
    text = git.text(
        *("diff", "--no-ext-diff", "--no-textconv", "--no-color", "--no-renames", _SUBMODULES),
        *("--src-prefix=a/", "--dst-prefix=b/", "HEAD", "--", "."),
        *(f":(exclude,top,literal){name}" for name in large),
    )
    if text is None:
        return None
    text = _valid(text)
    parts = [part for part in re.split(r"^(?=diff --git )", text, flags=re.MULTILINE) if part]
    left_out = [f"# left out: {_valid(name)} ({_size(git.folder / name):,} bytes)\n" for name in large]
    sizes = {part: len(part.encode()) for part in parts}
    total = sum(sizes.values())
    for part in sorted(parts, key=lambda part: -sizes[part]):
        if total <= PATCH_LIMIT:
            break
        total -= sizes[part]
        parts.remove(part)
        left_out.append(f"# left out: {_changed_file(part)} (a difference of {sizes[part]:,} bytes)\n")
    return _without_literals(scrub("".join([*left_out, *parts])), git.folder, changed)


def _without_literals(patch: str, folder: Path, changed: Sequence[str]) -> str:
    """Remove the secrets that only the syntax tree of a changed Python file shows as such."""
    for name in changed:
        path = folder / name
        if path.suffix == ".py" and path.is_file() and _size(path) <= PATCH_LIMIT:
            for secret in secret_texts(path.read_bytes().decode(errors="replace")):
                for quote in "'\"":
                    patch = patch.replace(f"{quote}{secret}{quote}", f"{quote}{REMOVED}{quote}")
    return patch


def _changed_file(part: str) -> str:
    return part.splitlines()[0].rpartition(" b/")[2]


def _size(path: Path) -> int:
    try:
        return path.lstat().st_size
    except OSError:
        return 0
