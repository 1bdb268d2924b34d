"""Where two traces part: the first recorded moment, and what differed there first.

Rows are aligned by process, kind, step and their place within the step; only what both recorded is
compared, for the strides of two runs may differ. A difference is therefore known to a bracket: after the
last moment that was equal, and not later than the one that is returned.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from typing import Any

import msgspec

from assay.foundation.errors import UsageError
from assay.records.trace import FIELDS, Trace

# A state that is null was not drawn from since the row before; every other null was not looked at.
GENERATORS = ("python", "numpy", "torch")
_UNREADABLE = "0" * 32  # stands for a tensor without bytes
# Forward, backward, update: the order of cause within one step.
_TENSOR_KINDS = ("output", "gradient", "weight")

Row = dict[str, Any]


class TraceDifference(msgspec.Struct, frozen=True, kw_only=True):
    """The first recorded moment at which two traces differ.

    `field` is one of `records.trace.FIELDS`, or 'kind' (programs of different kinds), 'name' (another
    optimizer or estimator at this place), 'processes' (one more on one side) or 'length' (one ended after
    more steps). `a` and `b` are the two values, None where a generator was not drawn from; `also` the
    other fields of the row that differ. The difference arose in (`last_equal`, `step`]; `exact` says that
    nothing lies between.
    """

    process: int
    step: int
    kind: str
    name: str
    field: str
    where: str
    last_equal: int | None
    a: str | None
    b: str | None
    also: tuple[str, ...] = ()
    exact: bool = True


class TensorDifference(msgspec.Struct, frozen=True, kw_only=True):
    """The first tensor that differs, in the order of cause: outputs, gradients from the last, weights.

    `differing` are all that differ at that step and kind, of `total`; `module` is the path in the network,
    '' for the network itself.
    """

    process: int
    step: int
    kind: str
    name: str
    module: str
    a: str
    b: str
    differing: tuple[str, ...]
    total: int


def first_difference(a: Trace, b: Trace) -> TraceDifference | None:
    """Return the first moment at which two traces differ, or None where what both recorded is equal.

    Raises `UsageError` for traces made by different digests.
    """
    check_comparable(a, b)
    rows_a, rows_b = _by_process(a.steps), _by_process(b.steps)
    found = [
        difference
        for process in sorted(rows_a.keys() & rows_b.keys())
        if (difference := _compare_process(process, rows_a[process], rows_b[process]))
    ]
    if found:
        return min(found, key=lambda one: (one.step, one.kind != "start", one.process))
    return _other_processes(rows_a, rows_b)


def tensor_difference(
    a: Trace, b: Trace, *, step: int | None = None, process: int | None = None
) -> TensorDifference | None:
    """Return the first tensor that differs, at one step and process or anywhere; None where all are equal.

    Raises `UsageError` for traces made by different digests.
    """
    check_comparable(a, b)
    others = dict(_numbered(b.tensors, _tensor_key))
    groups: dict[tuple[int, int, int], list[tuple[Row, Row]]] = {}
    for key, row in _numbered(a.tensors, _tensor_key):
        other = others.get(key)
        if other is None or step not in (None, row["step"]) or process not in (None, row["process"]):
            continue
        kind = _TENSOR_KINDS.index(row["kind"]) if row["kind"] in _TENSOR_KINDS else len(_TENSOR_KINDS)
        groups.setdefault((row["step"], kind, row["process"]), []).append((row, other))
    for group in sorted(groups):
        pairs = [(one, two) for one, two in groups[group] if _unequal(one["digest"], two["digest"])]
        if pairs:
            return _tensors(pairs, len(groups[group]))
    return None


def check_comparable(a: Trace, b: Trace) -> None:
    """Raise `UsageError` for traces made by different digests; an empty one compares with every other."""
    if a.algorithm and b.algorithm and a.algorithm != b.algorithm:
        raise UsageError(
            "these traces cannot be compared",
            why=f"one holds {a.algorithm} fingerprints, the other {b.algorithm}",
            hint="record both with the same interpreter, or install xxhash where it is missing",
        )


def _compare_process(process: int, rows_a: list[Row], rows_b: list[Row]) -> TraceDifference | None:
    keyed_a, keyed_b = _keyed(rows_a), _keyed(rows_b)
    kinds_a, kinds_b = _kinds(rows_a), _kinds(rows_b)
    if kinds_a and kinds_b and not kinds_a & kinds_b:
        return TraceDifference(
            process=process,
            step=0,
            kind="start",
            name="",
            field="kind",
            where=rows_a[0].get("where") or "",
            last_equal=None,
            a=", ".join(sorted(kinds_a)),
            b=", ".join(sorted(kinds_b)),
        )
    places_b = {key: place for place, (key, _) in enumerate(keyed_b)}
    last, last_a, last_b = None, -1, -1
    for place, (key, row) in enumerate(keyed_a):
        at = places_b.get(key)
        # A pair that stands crosswise to one before it is no order to compare by.
        if at is None or at <= last_b:
            continue
        pair = _Pair(row, rows_b[at], adjacent=(last_a, last_b) == (place - 1, at - 1))
        fields = pair.differing()
        if fields:
            return _described(process, pair, fields, last)
        last, last_a, last_b = row["step"], place, at
    return _other_length(process, rows_a, rows_b, last)


class _Pair:
    """Two aligned rows; `adjacent` says that the rows before them are aligned too."""

    def __init__(self, row_a: Row, row_b: Row, *, adjacent: bool) -> None:
        self.a, self.b, self.adjacent = row_a, row_b, adjacent

    def differing(self) -> list[str]:
        """Return the fields that differ, in the order of cause."""
        names = ["name"] if (self.a.get("name") or "") != (self.b.get("name") or "") else []
        return names + [field for field in FIELDS if self._differs(field)]

    def _differs(self, field: str) -> bool:
        value_a, value_b = self.a.get(field) or None, self.b.get(field) or None
        # With other rows before them, one draw may be told by this row, or by one that only one side has.
        if field in GENERATORS and self.adjacent and (value_a is None) != (value_b is None):
            return True
        return _unequal(value_a, value_b)


def _unequal(value_a: str | None, value_b: str | None) -> bool:
    """Say whether two fingerprints differ, both of them there."""
    if not value_a or not value_b or _UNREADABLE in (value_a, value_b):
        return False
    return value_a != value_b


def _described(process: int, pair: _Pair, fields: list[str], last: int | None) -> TraceDifference:
    step = pair.a["step"]
    return TraceDifference(
        process=process,
        step=step,
        kind=pair.a["kind"],
        name=pair.a.get("name") or "",
        field=fields[0],
        where=pair.a.get("where") or pair.b.get("where") or "",
        last_equal=last,
        a=pair.a.get(fields[0]) or None,
        b=pair.b.get(fields[0]) or None,
        also=tuple(fields[1:]),
        exact=step <= (0 if last is None else last + 1),
    )


def _other_length(
    process: int, rows_a: list[Row], rows_b: list[Row], last: int | None
) -> TraceDifference | None:
    ends = [[row for row in rows if row["kind"] == "end"] for rows in (rows_a, rows_b)]
    # A run that was stopped has no end, and is not shorter for it.
    if not all(ends) or ends[0][-1]["step"] == ends[1][-1]["step"]:
        return None
    end_a, end_b = ends[0][-1], ends[1][-1]
    step = min(end_a["step"], end_b["step"])
    return TraceDifference(
        process=process,
        step=step,
        kind="end",
        name="",
        field="length",
        where=end_a.get("where") or "",
        last_equal=last,
        a=str(end_a["step"]),
        b=str(end_b["step"]),
        exact=last is not None and step <= last + 1,
    )


def _other_processes(rows_a: dict[int, list[Row]], rows_b: dict[int, list[Row]]) -> TraceDifference | None:
    extra = sorted(rows_a.keys() ^ rows_b.keys())
    if not extra or not all(_ended(rows) for rows in (*rows_a.values(), *rows_b.values())):
        return None
    row = (rows_a.get(extra[0]) or rows_b[extra[0]])[0]
    return TraceDifference(
        process=extra[0],
        step=row["step"],
        kind=row["kind"],
        name=row.get("name") or "",
        field="processes",
        where=row.get("where") or "",
        last_equal=None,
        a=str(len(rows_a)),
        b=str(len(rows_b)),
    )


def _ended(rows: list[Row]) -> bool:
    return any(row["kind"] == "end" for row in rows)


def _kinds(rows: list[Row]) -> set[str]:
    return {row["kind"] for row in rows} - {"start", "end", "log"}


def _by_process(rows: Iterable[Row]) -> dict[int, list[Row]]:
    found: dict[int, list[Row]] = {}
    for row in rows:
        found.setdefault(row["process"], []).append(row)
    for one in found.values():
        one.sort(key=lambda row: row["row"])
    return found


def _keyed(rows: list[Row]) -> list[tuple[tuple[Any, ...], Row]]:
    return list(_numbered(rows, lambda row: (row["kind"], row["step"])))


def _numbered(rows: Iterable[Row], key_of: Any) -> Iterator[tuple[tuple[Any, ...], Row]]:
    """Yield each row under its key, with how often the key was there before as the last part."""
    seen: dict[Hashable, int] = {}
    for row in rows:
        key = key_of(row)
        count = seen[key] = seen.get(key, -1) + 1
        yield (*key, count), row


def _tensor_key(row: Row) -> tuple[Any, ...]:
    return (row["process"], row["step"], row["kind"], row["name"])


def _tensors(pairs: list[tuple[Row, Row]], total: int) -> TensorDifference:
    # The backward pass comes to the last parameters first.
    row, other = pairs[-1] if pairs[0][0]["kind"] == "gradient" else pairs[0]
    name: str = row["name"]
    return TensorDifference(
        process=row["process"],
        step=row["step"],
        kind=row["kind"],
        name=name,
        module=name if row["kind"] == "output" else name.rpartition(".")[0],
        a=row["digest"],
        b=other["digest"],
        differing=tuple(pair[0]["name"] for pair in pairs),
        total=total,
    )
