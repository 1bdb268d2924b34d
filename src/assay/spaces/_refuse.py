"""The messages for what is not in a space, the same for every space."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from assay.foundation.errors import UnknownNameError, UsageError


def foreign(space: str, arch: Any, example: str) -> UsageError:
    """Return the error for a value that is no architecture of the space."""
    return UsageError(
        "this value is not an architecture of the space",
        where=space,
        why=f"got {shown(arch)}",
        hint=f"take values from sample, at or parse; parse reads such as '{example}'",
    )


def unreadable(space: str, text: Any, why: str, example: str) -> UsageError:
    """Return the error for a text that is no spelling of an architecture."""
    return UsageError(
        f"cannot read {shown(text)} as an architecture", where=space, why=why, hint=f"write it as '{example}'"
    )


def outside(space: str, index: Any, size: int) -> UsageError:
    """Return the error for an index that is not in [0, size)."""
    why = f"indices go from 0 to {size - 1:,}"
    return UsageError(f"the index {shown(index)} is outside the space", where=space, why=why)


def check_mutation(space: str, kind: str, known: Sequence[str]) -> None:
    """Raise `UnknownNameError` unless the space knows this kind of mutation."""
    if kind not in known:
        raise UnknownNameError(f"mutation of the space {space}", kind, known)


def check_choices(space: str, indices: Sequence[int], sizes: Sequence[int]) -> None:
    """Raise `UsageError` unless there is one choice index for each factor, inside its bounds."""
    if len(indices) != len(sizes) or not all(0 <= i < n for i, n in zip(indices, sizes, strict=False)):
        raise UsageError(
            "these are not choices of the space's factors",
            where=space,
            why=f"got {shown(tuple(indices))}; the factors have {', '.join(map(str, sizes))} choices",
        )


def shown(value: Any) -> str:
    """Return a value as messages show it, cut when long."""
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
