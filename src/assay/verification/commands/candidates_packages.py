"""Differences in the packages of two commands, and how their versions are had on this machine."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from assay.capture.environment import normalise
from assay.provenance.commands import CommandProvenance
from assay.verification.commands.change import Change, arrow, impossible
from assay.verification.commands.packages import TIMEOUT, Python, about_python, get_package, required_by
from assay_hook.variables import PATH

# Up to here, packages that are not known to be loaded are tried one by one.
_APART = 5
_TOOLS = frozenset({"assay", "pip", "wheel"})
_COMPUTING = frozenset(
    (
        *("torch", "numpy", "scipy", "scikit-learn", "jax", "jaxlib", "tensorflow", "keras", "triton"),
        *("torchvision", "torchaudio", "numba", "cupy", "xgboost", "lightgbm", "catboost", "mkl"),
        "intel-openmp",
    )
)


def package_changes(a: CommandProvenance, b: CommandProvenance) -> list[Change]:
    """Return the packages whose version differs: those that A computed with apart, the others together.

    A change names its versions; `prepare` finds out whether they can be had.
    """
    if a.environment is None or b.environment is None:
        return []
    one, two = a.environment.packages, b.environment.packages
    names = [name for name in sorted({*one, *two} - _TOOLS) if one.get(name) != two.get(name)]
    python = about_python(a.interpreter) if names else None
    used = {normalise(name) for side in (a, b) for name in side.environment.arithmetic.libraries}  # type: ignore[union-attr]
    needed = required_by(sorted(used), python.folders) if python else used
    apart = [name for name in names if name in needed]
    others = [name for name in names if name not in needed]
    if len(others) <= _APART:
        apart, others = sorted([*apart, *others]), []
    found = [
        _change(name, one.get(name), two.get(name), _likelihood(name, used, needed), loaded=name in needed)
        for name in apart
    ]
    return [*found, *_together([(name, two[name]) for name in others if name in two])]


def _likelihood(name: str, used: set[str], needed: set[str]) -> int:
    if name in used:
        return 1 if name in _COMPUTING else 3
    return 4 if name in needed else 7


def _change(name: str, old: str | None, new: str | None, likelihood: int, *, loaded: bool) -> Change:
    change = Change(
        id=f"package:{name}",
        kind="package",
        path=name,
        a=old,
        b=new,
        text=f"{name} {arrow(old, new)}",
        likelihood=likelihood,
        loaded=loaded,
        packages={name: new} if new else {},
    )
    return change if new else impossible(change, "an installed package cannot be taken away")


def _together(versions: Sequence[tuple[str, str]]) -> Iterator[Change]:
    if versions:
        yield Change(
            id="packages:others",
            kind="package",
            path=f"{len(versions)} other packages",
            a=None,
            b=None,
            text=f"{len(versions)} packages that are not known to have been loaded",
            likelihood=8,
            loaded=False,
            members=tuple(f"{name} {version}" for name, version in versions),
            packages=dict(versions),
        )


def prepare(
    changes: Sequence[Change],
    cache: Path,
    *,
    a: CommandProvenance,
    b: CommandProvenance,
    timeout: float = TIMEOUT,
) -> list[Change]:
    """Return the changes with the folders of their packages, got into `cache`.

    A version that cannot be had makes its change impossible, with the reason. The packages that go
    together are only taken from B's environment, and not from an index. `timeout` is in seconds, for each
    package.
    """
    if not any(change.packages and change.possible for change in changes):
        return list(changes)
    into, other = about_python(a.interpreter), _with_path(about_python(b.interpreter), b)
    return [
        _prepared(change, cache, into, other, timeout) if change.packages and change.possible else change
        for change in changes
    ]


def _with_path(python: Python | None, side: CommandProvenance) -> Python | None:
    """Return an interpreter with the folders of the recorded search path before its own."""
    first = [part for part in side.variables.get(PATH, "").split(os.pathsep) if part.startswith("/")]
    return msgspec.structs.replace(python, folders=(*first, *python.folders)) if python and first else python


def _prepared(
    change: Change, cache: Path, into: Python | None, other: Python | None, timeout: float
) -> Change:
    if into is None:
        return impossible(change, "A's interpreter is not on this machine")
    folders = []
    for name, version in change.packages.items():
        had = get_package(
            name,
            version,
            into=into,
            other=other,
            cache=cache,
            timeout=timeout,
            install=not change.members,
        )
        if had.folder is None:
            return impossible(change, f"{name} {version}: {had.why_not}" if change.members else had.why_not)
        folders.append(str(had.folder))
    return msgspec.structs.replace(change, folders=tuple(folders))
