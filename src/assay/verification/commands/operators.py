"""Which operator parts two runs: the first that differs in the logs of one step.

Equal inputs and unequal outputs are the work of the operator itself. An unequal input can have been made by
no operator before it, for all of those are equal: it entered from outside, as a number, data or the state of
a generator. Other operators, or more of them, are another program.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from itertools import islice, zip_longest
from typing import Any

import msgspec

from assay.records.trace import Trace
from assay.verification.commands.traces import check_comparable

Row = dict[str, Any]
OPERATOR, ENTERED, PROGRAM = "operator", "entered", "program"
SCALAR, DATA, GENERATOR = "scalar", "data", "generator"
LINE = "line"  # the operator of a row about a line of a program without torch
# How far ahead an extra operator is looked for before the programs count as two.
_AHEAD = 64
_CONFIRMED = 3
_SHOWN = 160


class OperatorDifference(msgspec.Struct, frozen=True, kw_only=True):
    """The first operator that differs.

    `kind` is 'operator' (equal inputs, unequal outputs), 'entered' (an unequal input that no operator
    before it made) or 'program' (other operators). `which` says of an input whether it is a 'scalar',
    'data' or a 'generator', and `position` its place among the inputs, from 0. `detail` says what differs;
    `extra` holds the operators that only one side runs ('a' or 'b' in `extra_side`), if it is that.
    `other_where` is the line of B where it is another than `where` of A.
    """

    process: int
    step: int
    index: int
    operator: str
    module: str
    where: str
    backward: bool
    kind: str
    detail: str
    inputs_equal: bool
    which: str = ""
    position: int | None = None
    other_where: str = ""
    shapes: str = ""
    scalars: str = ""
    extra: tuple[str, ...] = ()
    extra_side: str = ""


def first_operator(a: Trace, b: Trace) -> OperatorDifference | None:
    """Return the first operator that differs in two logs, or None where they are equal.

    Only processes and steps that both logged are compared. Raises `UsageError` for different digests.
    """
    check_comparable(a, b)
    logs_a, logs_b = _by_step(a.operators), _by_step(b.operators)
    found = (compare_logs(logs_a[place], logs_b[place]) for place in sorted(logs_a.keys() & logs_b.keys()))
    return next((one for one in found if one is not None), None)


def compare_logs(a: Iterable[Row], b: Iterable[Row]) -> OperatorDifference | None:
    """Return the first operator that differs between the logs of one step of one process.

    The logs are read only as far as that, and a little ahead.
    """
    left, right = _Reader(a), _Reader(b)
    seeding: OperatorDifference | None = None
    while True:
        ahead_a, ahead_b = left.ahead(1), right.ahead(1)
        if not ahead_a or not ahead_b:
            return _longer(left, right) if ahead_a or ahead_b else None
        row_a, row_b = ahead_a[0], ahead_b[0]
        if not _is_same_place(row_a, row_b, left, right):
            return _another_program(left.ahead(_AHEAD), right.ahead(_AHEAD))
        found = _line(row_a, row_b) if row_a["operator"] == LINE else _differing(row_a, row_b)
        if found is not None and not _is_state_alone(row_a, found):
            return seeding if seeding is not None and found.which == GENERATOR else found
        # A seed that was edited is the cause once something is drawn; a library that draws by itself is none.
        if found is not None and seeding is None and found.kind == PROGRAM:
            seeding = found
        left.advance()
        right.advance()


class _Reader:
    """Reads a log row by row, and can look ahead."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self._rows = iter(rows)
        self._kept: deque[Row] = deque()

    def ahead(self, count: int) -> list[Row]:
        """Return the next rows, at most `count`, without going on."""
        self._kept.extend(islice(self._rows, max(0, count - len(self._kept))))
        return list(islice(self._kept, count))

    def advance(self) -> None:
        """Go on by one row."""
        self._kept.popleft()


def _is_same_place(row_a: Row, row_b: Row, left: _Reader, right: _Reader) -> bool:
    if row_a["operator"] != LINE or row_b["operator"] != LINE:
        return bool(row_a["operator"] == row_b["operator"])
    if row_a["scalars"] == row_b["scalars"]:
        return True
    # A line that was edited is still the same place if what follows is.
    after_a, after_b = left.ahead(_CONFIRMED + 1)[1:], right.ahead(_CONFIRMED + 1)[1:]
    return len(after_a) == len(after_b) and all(map(_is_same_call, after_a, after_b))


def _differing(row_a: Row, row_b: Row) -> OperatorDifference | None:
    if row_a["scalars"] != row_b["scalars"]:
        return _scalars(row_a, row_b)
    if len(row_a["inputs"]) != len(row_b["inputs"]):
        return _described(row_a, row_b, PROGRAM, f"{row_a['operator']} gets other arguments")
    unequal = _unequal_inputs(row_a, row_b)
    if unequal:
        return _entered(row_a, row_b, unequal[0])
    return _unequal_outputs(row_a, row_b)


def _line(row_a: Row, row_b: Row) -> OperatorDifference | None:
    """Compare one line; one that was edited and does the same is no difference."""
    unequal = _unequal_inputs(row_a, row_b)
    found = _entered(row_a, row_b, unequal[0]) if unequal else _unequal_outputs(row_a, row_b)
    if found is None or row_a["scalars"] == row_b["scalars"]:
        return found
    detail = f"another line: {_short(row_a['scalars'])!r} in A, {_short(row_b['scalars'])!r} in B"
    return _described(row_a, row_b, PROGRAM, detail, which=found.which, position=found.position)


def _is_state_alone(row: Row, found: OperatorDifference) -> bool:
    """Say whether a line left a generator in another state, and made nothing else that differs."""
    state = row["operator"] == LINE and row["seeded"] and found.position == len(row["outputs"]) - 1
    return bool(state and found.which == "" and not found.extra)


def _unequal_inputs(row_a: Row, row_b: Row) -> list[int]:
    pairs = zip(row_a["inputs"], row_b["inputs"], strict=False)
    return [place for place, pair in enumerate(pairs) if _unequal(*pair)]


def _unequal_outputs(row_a: Row, row_b: Row) -> OperatorDifference | None:
    for what in ("outputs", "mutated"):
        for place, pair in enumerate(zip_longest(row_a[what], row_b[what], fillvalue="none")):
            if _unequal(*pair):
                name = "output" if what == "outputs" else "changed argument"
                detail = f"equal inputs, unequal {name} {place} ({_short(row_a['shapes'])})"
                return _described(row_a, row_b, OPERATOR, detail, position=place)
    return None


def _unequal(one: str, two: str) -> bool:
    """Say whether two fingerprints differ; what could not be read is no difference."""
    return bool(one) and bool(two) and one != two


def _scalars(row_a: Row, row_b: Row) -> OperatorDifference:
    """Describe a number that differs; where the tensors have other shapes, the number follows from those."""
    shapes = _other_shapes(row_a, row_b)
    if shapes:
        return _described(row_a, row_b, ENTERED, shapes, which=DATA, position=0)
    pairs = zip_longest(row_a["scalars"].split(", "), row_b["scalars"].split(", "), fillvalue="nothing")
    one, two = next((one, two) for one, two in pairs if one != two)
    detail = f"another number in the call: {_short(one)} and {_short(two)}"
    return _described(row_a, row_b, ENTERED, detail, which=SCALAR)


def _entered(row_a: Row, row_b: Row, place: int) -> OperatorDifference:
    if row_a["seeded"] and place == len(row_a["inputs"]) - 1:
        detail = f"{row_a['operator']} draws from a generator in another state"
        return _described(row_a, row_b, ENTERED, detail, which=GENERATOR, position=place)
    what = "line" if row_a["operator"] == LINE else "operator"
    shapes = _other_shapes(row_a, row_b)
    if shapes and what == "operator":
        return _described(row_a, row_b, ENTERED, shapes, which=DATA, position=place)
    detail = f"input {place} differs, and no {what} before it made it ({_short(row_a['shapes'])})"
    return _described(row_a, row_b, ENTERED, detail, which=DATA, position=place)


def _other_shapes(row_a: Row, row_b: Row) -> str:
    shapes_a, shapes_b = (row["shapes"].partition(" -> ")[0] for row in (row_a, row_b))
    return f"data of another shape: {_short(shapes_a)} and {_short(shapes_b)}" if shapes_a != shapes_b else ""


# -- Other operators ----------------------------------------------------------------------------------------


def _another_program(ahead_a: list[Row], ahead_b: list[Row]) -> OperatorDifference:
    row_a, row_b = ahead_a[0], ahead_b[0]
    extra = _extra(ahead_a, ahead_b)
    if extra is not None:
        return _extra_operators(row_a, row_b, *extra)
    return _described(row_a, row_b, PROGRAM, f"A runs {_place(row_a)}, B runs {_place(row_b)}")


def _extra(ahead_a: list[Row], ahead_b: list[Row]) -> tuple[str, list[Row]] | None:
    """Return the side that runs more operators here, and those; None where the logs do not meet again."""
    for size in range(1, _AHEAD):
        for side, longer, shorter in (("b", ahead_b, ahead_a), ("a", ahead_a, ahead_b)):
            rest = longer[size : size + _CONFIRMED]
            wanted = shorter[: len(rest)]
            if rest and len(wanted) == len(rest) and all(map(_is_same_call, rest, wanted)):
                return side, longer[:size]
    return None


def _extra_operators(row_a: Row, row_b: Row, side: str, extra: list[Row]) -> OperatorDifference:
    one = extra[0]
    names = tuple(row["operator"] for row in extra)
    more = f" and {len(extra) - 1} more" if len(extra) > 1 else ""
    what = "an extra line" if names[0] == LINE else f"an extra operator {names[0]}"
    at = f" at {one['where']}" if one["where"] else ""
    found = _described(row_a, row_b, PROGRAM, f"{side.upper()} runs {what}{more}{at}")
    return msgspec.structs.replace(
        found,
        operator=one["operator"],
        module=one["module"],
        where=one["where"],
        other_where="",
        backward=one["backward"],
        shapes=one["shapes"],
        scalars=one["scalars"],
        extra=names,
        extra_side=side,
    )


def _is_same_call(a: Row, b: Row) -> bool:
    """Say whether two rows are one call, whatever the values are: a draw before it may have changed those."""
    alike = ("operator", "scalars") if a["operator"] == LINE else ("operator", "scalars", "shapes", "module")
    return all(a[name] == b[name] for name in alike)


def _longer(left: _Reader, right: _Reader) -> OperatorDifference:
    """Describe the operators that one side runs after the last of the other."""
    rest_a, rest_b = left.ahead(_AHEAD), right.ahead(_AHEAD)
    rest = rest_a or rest_b
    return _extra_operators(rest[0], rest[0], "a" if rest_a else "b", rest)


# -- In words -----------------------------------------------------------------------------------------------


def _described(
    row_a: Row, row_b: Row, kind: str, detail: str, *, which: str = "", position: int | None = None
) -> OperatorDifference:
    return OperatorDifference(
        process=row_a["process"],
        step=row_a["step"],
        index=row_a["index"],
        operator=row_a["operator"],
        module=row_a["module"] or row_b["module"],
        where=row_a["where"],
        backward=row_a["backward"],
        kind=kind,
        detail=detail,
        inputs_equal=kind == OPERATOR,
        which=which,
        position=position,
        other_where=row_b["where"] if row_b["where"] != row_a["where"] else "",
        shapes=row_a["shapes"],
        scalars=row_a["scalars"],
    )


def _place(row: Row) -> str:
    return f"{row['operator']} at {row['where']}" if row["where"] else str(row["operator"])


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def _by_step(rows: Sequence[Row]) -> dict[tuple[int, int], list[Row]]:
    found: dict[tuple[int, int], list[Row]] = {}
    for row in rows:
        found.setdefault((row["step"], row["process"]), []).append(row)
    return found
