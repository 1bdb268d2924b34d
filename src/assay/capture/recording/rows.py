"""Reads what the processes of a run wrote about themselves: one file a process, one line a row.

A line is the CRC-32 of its JSON in eight hexadecimal digits, a space and the JSON. A line that does not
check is the end of its file: the process was killed in the middle of it. Zero bytes are room that a process
reserved and has not filled: no row has one, so that the first is where its rows end.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from assay.records.trace import Trace

Row = dict[str, Any]

_RANK = re.compile(r"rank (\d+)")
_STEPS = {"step", "backward", "forward", "fit"}
_HALVES = re.compile("[\ud800-\udfff]")
_DIGITS = 32  # of one fingerprint
_LOGGED = 20_000  # rows of the trace about logged values; beyond them every second, every fourth ...
_DECODER = msgspec.json.Decoder(dict)


class RowsFile:
    """One file of rows that may still grow; `torn` once a line did not check."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.torn = False
        self._offset = 0

    def new(self) -> list[Row]:
        """Return the whole rows that were written since the last call."""
        if self.torn:
            return []
        try:
            with self.path.open("rb") as file:
                file.seek(self._offset)
                data = file.read().partition(b"\0")[0]
        except OSError:
            return []
        found = []
        for line in data.splitlines(keepends=True):
            if not line.endswith(b"\n"):
                break
            row = _decoded(line)
            if row is None:
                self.torn = True
                break
            found.append(row)
            self._offset += len(line)
        return found

    def rest(self) -> bool:
        """Say whether the beginning of a row follows the last whole one."""
        if self.torn:
            return True
        with self.path.open("rb") as file:
            file.seek(self._offset)
            return file.read(1) not in (b"", b"\0")


class Tail:
    """All rows files of a run while it goes on."""

    def __init__(self, live: Path) -> None:
        self.folder = live / "rows"
        self.files: dict[str, RowsFile] = {}

    def new(self) -> Iterator[tuple[str, Row]]:
        """Yield each row that is new, with the name of its file."""
        for path in sorted(self.folder.glob("*.rows")):
            file = self.files.setdefault(path.name, RowsFile(path))
            for row in file.new():
                yield path.name, row


class Rows:
    """All rows of a run, by kind and process.

    `processes` holds the row 'process' of each, in the order of their numbers: first those that made
    steps, by rank and start, so that number 0 is the training. `torn` names those whose file ends in the
    middle of a row, `unknown` files without a row that says whose they are.
    """

    def __init__(self, files: dict[str, list[Row]], torn: frozenset[str] = frozenset()) -> None:
        named = {name: rows for name, rows in files.items() if rows and rows[0].get("k") == "process"}
        self.unknown = tuple(sorted(set(files) - set(named)))
        order = sorted(named, key=lambda name: (*_place(named[name]), name))
        self.processes: list[Row] = [named[name][0] for name in order]
        self.torn = tuple(number for number, name in enumerate(order) if name in torn)
        self._kinds: dict[str, list[tuple[int, Row]]] = {}
        self._rows = [named[name] for name in order]
        for number, rows in enumerate(self._rows):
            for row in rows:
                self._kinds.setdefault(str(row.get("k")), []).append((number, row))

    def of(self, kind: str) -> list[tuple[int, Row]]:
        """Return the rows of a kind with the numbers of their processes, each process in its order."""
        return self._kinds.get(kind, [])

    def of_process(self, number: int) -> list[Row]:
        """Return all rows of a process in the order in which it wrote them."""
        return self._rows[number]

    def last(self, kind: str, number: int) -> Row | None:
        """Return the last row of a kind that a process wrote."""
        found = [row for process, row in self.of(kind) if process == number]
        return found[-1] if found else None


def read_rows(live: Path) -> Rows:
    """Return all rows of a run."""
    tail = Tail(live)
    files: dict[str, list[Row]] = {path.name: [] for path in tail.folder.glob("*.rows")}
    for name, row in tail.new():
        files.setdefault(name, []).append(row)
    return Rows(files, frozenset(name for name, file in tail.files.items() if file.rest()))


def trace_of(rows: Rows) -> Trace:
    """Return the trace that is in the rows: steps, tensors and operators of all processes.

    Fingerprints of another digest than that of process 0 are left out: they cannot be compared.
    """
    from assay.records.trace import Trace

    algorithm = str(rows.processes[0].get("digest", "")) if rows.processes else ""
    chosen = {i for i, process in enumerate(rows.processes) if process.get("digest") == algorithm}
    steps: list[Row] = []
    tensors: list[Row] = []
    for number in sorted(chosen):
        made = _made(rows.of_process(number))
        steps += [_step(number, place, row) for place, row in enumerate(made)]
        tensors += _tensors(number, rows.of_process(number))
    operators = [_operator(number, row) for number, row in rows.of("op") if number in chosen]
    return Trace(algorithm=algorithm, steps=steps, tensors=tensors, operators=operators)


def logged_of(rows: Rows) -> dict[str, list[Any]]:
    """Return all logged values as the columns of `records.trace.make_logged`."""
    columns: dict[str, list[Any]] = {
        name: [] for name in ("process", "row", "time", "step", "name", "value", "text")
    }
    for place, (process, row) in enumerate(rows.of("log")):
        for name, value in (row.get("values") or {}).items():
            number = _exact_number(value)
            text = None if number is not None or value is None else _text_of(value)
            moment = (process, place, number_of(row.get("t")), row.get("n"), str(name), number, text)
            for column, entry in zip(columns.values(), moment, strict=True):
                column.append(entry)
    return columns


def _exact_number(value: Any) -> float | None:
    """Return the value as a double, None for a text and for what a double cannot hold exactly."""
    if isinstance(value, str) and value not in ("nan", "inf", "-inf"):
        return None
    try:
        number = number_of(value)
    except OverflowError:
        return None
    return number if number is None or not math.isfinite(number) or number == value else None


def _text_of(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def number_of(value: Any) -> float | None:
    """Return a number of a row, in which NaN and the infinities are written as text."""
    if isinstance(value, bool) or value is None:
        return None
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def _decoded(line: bytes) -> Row | None:
    text = line[9:-1]
    try:
        if line[8:9] != b" " or int(line[:8], 16) != zlib.crc32(text):
            return None
        row: Row = _DECODER.decode(text)
    except msgspec.DecodeError:
        return _with_bytes(text)
    except ValueError:
        return None
    return row


def _with_bytes(text: bytes) -> Row | None:
    """Return a row with bytes in it that are not UTF-8, which Python writes as halves of a surrogate pair.

    The names of files keep them, so that the files are found; elsewhere they are replaced.
    """
    try:
        row = json.loads(text)
    except ValueError:
        return None
    if not isinstance(row, dict):
        return None
    return {key: value if key in ("file", "files") else _valid(value) for key, value in row.items()}


def _valid(value: Any) -> Any:
    if isinstance(value, str):
        return _HALVES.sub("\ufffd", value)
    if isinstance(value, dict):
        return {_valid(key): _valid(inner) for key, inner in value.items()}
    return [_valid(inner) for inner in value] if isinstance(value, list) else value


def _place(rows: list[Row]) -> tuple[int, int, bool, float]:
    """Return what a process is ordered by: whether it made steps, its rank, its role, its start."""
    process = rows[0]
    kinds = {row.get("kind") for row in rows if row.get("k") == "row"}
    kinds |= {"log" for row in rows if row.get("k") == "log"}
    level = 0 if kinds & _STEPS else 1 if kinds - {"end"} else 2
    role = str(process.get("role", ""))
    rank = _RANK.fullmatch(role)
    return level, int(rank[1]) if rank else 0, role != "main", float(process.get("start") or 0.0)


def _made(rows: list[Row]) -> list[Row]:
    """Return the rows of the trace that a process made, with those about what it logged."""
    made: list[Row] = []
    seen, kept, stride = 0, 0, 1
    for row in rows:
        if row["k"] == "row":
            made.append(row)
        elif row["k"] == "log" and "w" in row:  # without, nothing is traced
            if seen % stride == 0:
                made.append(_of_logged(row))
                kept += 1
                if kept >= _LOGGED:
                    stride, kept = stride * 2, _LOGGED // 2
            seen += 1
    return made


def _of_logged(row: Row) -> Row:
    values = row.get("values") or {}
    text = json.dumps(values, separators=(",", ":")).encode()
    return {
        "kind": "log",
        "n": row["n"] if row.get("n") is not None else row.get("s", 0),
        "where": row["w"],
        "value": values.get("loss"),
        "d": {"outputs": hashlib.blake2b(text, digest_size=16).hexdigest()},
    }


def _step(number: int, place: int, row: Row) -> Row:
    return {
        "process": number,
        "row": place,
        "kind": row["kind"],
        "step": row["n"],
        "name": row.get("name") or "",
        "where": row.get("where") or "",
        "value": number_of(row.get("value")),
        **(row.get("d") or {}),
    }


def _tensors(number: int, rows: list[Row]) -> Iterator[Row]:
    names: dict[str, list[str]] = {}
    for row in rows:
        if row["k"] == "names":
            names[row["kind"]] = row["names"]
        elif row["k"] == "tensors":
            known = names.get(row["kind"], [])
            digests = row["d"]
            for index in range(len(digests) // _DIGITS):
                yield {
                    "process": number,
                    "step": row["n"],
                    "kind": row["kind"],
                    "index": index,
                    "name": known[index] if index < len(known) else "",
                    "digest": digests[index * _DIGITS : (index + 1) * _DIGITS],
                }


def _operator(number: int, row: Row) -> Row:
    return {
        "process": number,
        "step": row["n"],
        "index": row["i"],
        "operator": row["op"],
        "module": row.get("m") or "",
        "where": row.get("w") or "",
        "backward": bool(row.get("b")),
        "seeded": bool(row.get("s")),
        "inputs": row.get("in") or [],
        "outputs": row.get("out") or [],
        "mutated": row.get("mut") or [],
        "shapes": row.get("sh") or "",
        "scalars": row.get("sc") or "",
    }
