"""Tests of reading the rows that the processes of a run wrote."""

from __future__ import annotations

import json
import math
import zlib
from pathlib import Path
from typing import Any

import pytest

from assay.capture.recording.rows import Tail, logged_of, read_rows, trace_of
from assay.capture.recording.settings import final_of, metrics_of, settings_of, steps_of
from assay.records.trace import make_operators, make_steps, make_tensors

DIGESTS = [f"{i:032x}" for i in range(8)]


def line(row: dict[str, Any]) -> bytes:
    data = json.dumps(row, separators=(",", ":")).encode()
    return b"%08x %b\n" % (zlib.crc32(data), data)


def write(live: Path, name: str, *rows: dict[str, Any], end: bytes = b"") -> Path:
    folder = live / "rows"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_bytes(b"".join(map(line, rows)) + end)
    return path


def process(pid: int, role: str = "main", start: float = 0.0, **more: Any) -> dict[str, Any]:
    return {"k": "process", "pid": pid, "ppid": 1, "role": role, "start": start, "digest": "xxh3-128", **more}


def step(n: int, **digests: str) -> dict[str, Any]:
    return {
        "k": "row",
        "kind": "step",
        "n": n,
        "name": "SGD#0",
        "where": "a.py:1",
        "value": "nan",
        "d": digests,
    }


def test_processes_are_numbered_with_the_training_first(tmp_path: Path) -> None:
    """Number 0 is what made steps, then come ranks in order, then what made none."""
    write(tmp_path, "1-1.rows", process(1, start=1.0))
    write(tmp_path, "3-3.rows", process(3, "rank 1", start=2.0), step(0))
    write(tmp_path, "2-2.rows", process(2, "rank 0", start=3.0), step(0))
    write(tmp_path, "9-9.rows", {"k": "log", "values": {}})
    rows = read_rows(tmp_path)
    assert [one["pid"] for one in rows.processes] == [2, 3, 1]
    assert rows.unknown == ("9-9.rows",)


@pytest.mark.parametrize(
    "end",
    [
        b"0000",
        line({"k": "log"})[:-3],
        b"00000000 {}\n" + line({"k": "end"}),
        b"zzzzzzzz {}\n",
        b"\n",
    ],
)
def test_a_torn_row_ends_its_file_and_loses_nothing_before(tmp_path: Path, end: bytes) -> None:
    """Whatever follows a row that does not check is not read, and that is said."""
    write(tmp_path, "1-1.rows", process(1), step(0), end=end)
    rows = read_rows(tmp_path)
    assert [row["k"] for row in rows.of_process(0)] == ["process", "row"]
    assert rows.torn == (0,)


def test_a_file_is_read_as_it_grows(tmp_path: Path) -> None:
    """Each row is told once, and half a row waits for its other half."""
    path = write(tmp_path, "1-1.rows", process(1))
    tail = Tail(tmp_path)
    assert [row["k"] for _, row in tail.new()] == ["process"]
    whole = line(step(0))
    with path.open("ab") as file:
        file.write(whole[:10])
    assert list(tail.new()) == []
    with path.open("ab") as file:
        file.write(whole[10:])
    assert [row["n"] for _, row in tail.new()] == [0]
    assert list(tail.new()) == []


def test_reserved_room_is_no_row_and_tears_none(tmp_path: Path) -> None:
    """Rows end at the first zero byte, also one amid a row whose copying is seen half; then it is whole."""
    first, second = line(step(0)), line(step(1))
    path = write(tmp_path, "1-1.rows", process(1), end=first + b"\0" * 4096)
    begin = path.stat().st_size - 4096
    tail = Tail(tmp_path)
    assert [row["k"] for _, row in tail.new()] == ["process", "row"]
    assert read_rows(tmp_path).torn == ()
    with path.open("r+b") as file:
        file.seek(begin)
        file.write(second[:10] + b"\0" * 20 + second[30:])
    assert list(tail.new()) == []
    assert read_rows(tmp_path).torn == (0,)
    with path.open("r+b") as file:
        file.seek(begin)
        file.write(b"\0" * 10 + second[10:])
    assert list(tail.new()) == []
    with path.open("r+b") as file:
        file.seek(begin)
        file.write(second)
    assert [row["n"] for _, row in tail.new()] == [1]
    assert read_rows(tmp_path).torn == ()


def test_the_trace_has_all_three_tables(tmp_path: Path) -> None:
    """Steps, tensors and operators come out as the tables take them, per process."""
    write(
        tmp_path,
        "1-1.rows",
        process(1),
        step(0, weights=DIGESTS[0], batch=DIGESTS[1]),
        {"k": "names", "kind": "weight", "names": ["a", "b"]},
        {"k": "tensors", "n": 0, "kind": "weight", "d": DIGESTS[2] + DIGESTS[3]},
        {
            "k": "op",
            "n": 0,
            "i": 5,
            "op": "aten.mm",
            "m": "net",
            "w": "a.py:2",
            "b": 1,
            "s": 0,
            "in": DIGESTS[:2],
            "out": [],
            "mut": [],
            "sh": "2x2",
            "sc": "",
        },
        step(1, weights=DIGESTS[4]),
    )
    write(tmp_path, "2-2.rows", process(2, "child", digest="blake2b-128"), step(0, weights=DIGESTS[5]))
    trace = trace_of(read_rows(tmp_path))
    assert trace.algorithm == "xxh3-128"
    assert [(row["process"], row["row"], row["step"], row["weights"]) for row in trace.steps] == [
        (0, 0, 0, DIGESTS[0]),
        (0, 1, 1, DIGESTS[4]),
    ]
    assert math.isnan(trace.steps[0]["value"])
    assert [(row["name"], row["index"], row["digest"]) for row in trace.tensors] == [
        ("a", 0, DIGESTS[2]),
        ("b", 1, DIGESTS[3]),
    ]
    assert (trace.operators[0]["operator"], trace.operators[0]["backward"]) == ("aten.mm", True)
    assert make_steps(trace.steps, trace.algorithm).startswith(b"PAR1")
    assert make_tensors(trace.tensors, trace.algorithm).startswith(b"PAR1")
    assert make_operators(trace.operators, trace.algorithm).startswith(b"PAR1")


def test_no_rows_are_an_empty_trace(tmp_path: Path) -> None:
    """A command in which nothing was observed has no trace and no processes."""
    rows = read_rows(tmp_path)
    assert (rows.processes, trace_of(rows).steps) == ([], [])


def test_later_settings_and_logged_values_replace_earlier_ones(tmp_path: Path) -> None:
    """The last value of a path stands; another process does not overwrite the training's."""
    setting = {"k": "setting", "path": "optimizer 0 SGD.group 0.lr", "source": "optimizer", "named": True}
    write(
        tmp_path,
        "1-1.rows",
        process(1),
        step(0),
        {**setting, "value": 0.1},
        {**setting, "value": 0.2},
        {"k": "setting", "path": 3},
        {"k": "log", "t": 0, "n": 1, "values": {"loss": 1.0}},
        {"k": "log", "t": 0, "n": 2, "values": {"loss": "nan"}},
    )
    write(tmp_path, "2-2.rows", process(2, "child", start=9.0), {**setting, "value": 0.3})
    rows = read_rows(tmp_path)
    assert [one.value for one in settings_of(rows)] == [0.2]
    assert metrics_of(rows) == {"loss": "nan"}


def test_final_fingerprints_are_those_that_thinning_keeps(tmp_path: Path) -> None:
    """The weights at the end always count; a loss only where the steps were few enough to be all kept."""
    end = {"k": "row", "kind": "end", "n": 3, "d": {"weights": DIGESTS[7], "batch": DIGESTS[1]}}
    write(tmp_path / "short", "1-1.rows", process(1), step(2, loss=DIGESTS[2]), end, {"k": "end", "steps": 3})
    write(tmp_path / "long", "1-1.rows", process(1), step(2000, loss=DIGESTS[2]), end)
    short, long = read_rows(tmp_path / "short"), read_rows(tmp_path / "long")
    assert final_of(short) == {"0.weights": DIGESTS[7], "0.loss": DIGESTS[2]}
    assert final_of(long) == {"0.weights": DIGESTS[7]}
    assert (steps_of(short), steps_of(long)) == (3, 2001)


def test_bytes_that_are_no_text_tear_no_file(tmp_path: Path) -> None:
    """A file's name keeps its bytes, so that the file is found; elsewhere they are replaced."""
    first = {**process(7), "program": "python \udcff.py"}
    name = "/data/\udcff.csv"
    rows = [{"k": "opened", "files": [[name, "r"]]}, {"k": "log", "values": {"\udcff": ["\udcff", 1]}}]
    write(tmp_path, "7-1.rows", first, *rows)
    found = read_rows(tmp_path)
    assert found.torn == ()
    assert found.processes[0]["program"] == "python \ufffd.py"
    assert found.of("opened") == [(0, rows[0])]
    assert found.of("log")[0][1]["values"] == {"\ufffd": ["\ufffd", 1]}


def test_logged_values_are_in_the_trace(tmp_path: Path) -> None:
    """Equal values have equal fingerprints, others not; beyond a bound every second call is kept."""
    told = [{"loss": 0.5}, {"loss": 0.5}, {"loss": 0.25}, {"other": 0.5}]
    few = [{"k": "log", "t": 0, "n": 7, "w": "a.py:1", "values": values} for values in told]
    last = {"k": "log", "t": 0, "n": None, "s": 9, "w": "a.py:2", "values": {}}
    write(tmp_path / "few", "1-1.rows", process(1), *few, last, {"k": "log", "t": 0, "n": 1, "values": {}})
    made = trace_of(read_rows(tmp_path / "few")).steps
    digests = [row["outputs"] for row in made]
    assert digests[0] == digests[1]
    assert len(set(digests)) == 4
    assert [(row["step"], row["value"]) for row in made] == [
        (7, 0.5),
        (7, 0.5),
        (7, 0.25),
        (7, None),
        (9, None),
    ]
    many = [{"k": "log", "t": 0, "n": n, "w": "a.py:1", "values": {"x": n}} for n in range(50_000)]
    write(tmp_path / "many", "1-1.rows", process(1), *many)
    rows = read_rows(tmp_path / "many")
    steps = [row["step"] for row in trace_of(rows).steps]
    assert 20_000 < len(steps) < 40_000
    assert set(steps[-100:]) <= set(range(0, 50_000, 4))
    assert logged_of(rows)["value"] == list(range(50_000))


def test_logged_values_keep_what_they_are(tmp_path: Path) -> None:
    """Numbers that a double holds are numbers, NaN and infinities too; all else is text."""
    values = {"a": 0.1, "b": "nan", "c": "-inf", "d": "text", "e": None, "f": True, "g": 2**53 + 1, "h": 3}
    write(tmp_path, "1-1.rows", process(1), {"k": "log", "t": 1.5, "n": 2, "values": values})
    found = logged_of(read_rows(tmp_path))
    assert found["name"] == list("abcdefgh")
    assert [repr(value) for value in found["value"]] == ["0.1", "nan", "-inf", *["None"] * 4, "3.0"]
    assert found["text"] == [None, None, None, "text", None, "true", "9007199254740993", None]
    assert set(found["step"]) == {2}
