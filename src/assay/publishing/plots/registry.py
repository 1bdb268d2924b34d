"""From a result to its figures: one function for every type of result, found by the type."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import singledispatch
from typing import Any

import msgspec

from assay.foundation.errors import UsageError
from assay.publishing.plots.canvas import Naming, Sketch
from assay.publishing.sheet import Drawn
from assay.publishing.style import drawing
from assay.statistics.basis import Basis, Result


class Together(msgspec.Struct, frozen=True, kw_only=True):
    """Several results of one type that stand in one figure, each under its name."""

    items: dict[str, Any]
    what: str = ""


def figure(
    result: Any, *, methods: Sequence[str] = (), labels: Mapping[str, str] | None = None, title: str = ""
) -> Drawn:
    """Return the figure of a result, the first where it has several.

    `methods` is the order of all methods of the study: it gives each its hue, marker and line, the
    same in every figure. `labels` are what methods are called, by name. `result` is a result of
    `assay.statistics`, one of the inputs of this package, or a mapping of names to results of one
    type. Equal results give equal bytes. Raises `UsageError` for what has no figure.
    """
    with drawing():
        return _sketches(result, methods, labels)[0].finish(title)


def figures(
    result: Any, *, methods: Sequence[str] = (), labels: Mapping[str, str] | None = None, title: str = ""
) -> tuple[Drawn, ...]:
    """Return all figures of a result; see `figure`."""
    with drawing():
        return tuple(sketch.finish(title) for sketch in _sketches(result, methods, labels))


def _sketches(result: Any, methods: Sequence[str], labels: Mapping[str, str] | None) -> tuple[Sketch, ...]:
    held = Together(items=dict(result)) if isinstance(result, Mapping) else result
    found = draw(held, Naming(methods, labels))
    if not found:
        raise UsageError("there is nothing to draw", why="the result is empty")
    return found


@singledispatch
def draw(result: object, _naming: Naming) -> tuple[Sketch, ...]:
    """Return the figures of a result; each type registers its own function."""
    raise UsageError(
        f"there is no figure for {type(result).__name__}",
        hint="print it, or take its numbers from table()" if isinstance(result, Result) else None,
    )


@singledispatch
def draw_together(first: object, _items: Together, _naming: Naming) -> tuple[Sketch, ...]:
    """Return the figures of several results of the type of `first`."""
    raise UsageError(f"there is no common figure for several {type(first).__name__}")


@draw.register
def _(result: Together, naming: Naming) -> tuple[Sketch, ...]:
    items = list(result.items.values())
    kinds = sorted({type(item).__name__ for item in items})
    if len(kinds) != 1:
        raise UsageError("one figure shows results of one type", why=f"got {', '.join(kinds) or 'none'}")
    return draw_together(items[0], result, naming)


def counts(basis: Basis) -> str:
    """Return what was observed, as a figure prints it: '14 tasks, 4 methods'."""
    return ", ".join(f"{count:,} {name}" for name, count in basis.n.items())


def stands_on(basis: Basis) -> list[str]:
    """Return the lines under a figure: procedure, correction, n and cautions."""
    facts = [basis.procedure]
    facts += [basis.correction] if basis.correction and basis.correction != "none" else []
    facts += [counts(basis)] if basis.n else []
    return ["; ".join(facts), *(f"Caution: {caution}" for caution in basis.cautions)]
