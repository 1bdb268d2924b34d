"""The ledger of assessments."""

from __future__ import annotations

import json
import multiprocessing
import os
import resource
import signal
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assay.foundation.errors import CorruptError, StoreError
from assay.tasks.ledger import FIRST, Entry, Ledger


def entry(number: int, benchmark: str = "toy/one", value: float | None = 0.5) -> Entry:
    """Return the entry of the run with this number."""
    return Entry(
        seal=f"{number:064x}",
        run=f"run-{number}",
        benchmark=benchmark,
        recommendation=("a", "b"),
        metric="accuracy (test)" if value is not None else None,
        values=(value, 1.0) if value is not None else None,
        unavailable=None if value is not None else "no test metric",
    )


def filled(folder: Path, count: int = 6) -> Ledger:
    """Return a ledger with this many lines, in batches of two."""
    ledger = Ledger(folder)
    for first in range(0, count, 2):
        with ledger.locked() as book:
            book.append([entry(n) for n in range(first, min(first + 2, count))])
    return ledger


def test_what_is_appended_is_read(tmp_path: Path) -> None:
    """Entries come back in order, and the check returns the end of the chain."""
    ledger = filled(tmp_path, 5)
    assert ledger.entries() == [entry(n) for n in range(5)]
    head = ledger.check()
    lines = [json.loads(line) for line in (tmp_path / "ledger/ledger.jsonl").read_text().splitlines()]
    assert head.n == 5
    assert [line["n"] for line in lines] == [1, 2, 3, 4, 5]
    assert [line["previous"] for line in lines] == [FIRST, *(line["digest"] for line in lines[:-1])]
    assert json.loads((tmp_path / "ledger/head.json").read_text()) == {"n": 5, "digest": lines[-1]["digest"]}


def test_an_empty_ledger_is_sound(tmp_path: Path) -> None:
    """A store without a ledger has no entries, and reading does not make one."""
    ledger = Ledger(tmp_path)
    assert ledger.check().n == 0
    assert ledger.entries() == []
    assert not (tmp_path / "ledger").exists()


def test_mileage_counts_answers_with_values(tmp_path: Path) -> None:
    """Mileage counts the test values that were told, of all runs or of some."""
    ledger = Ledger(tmp_path)
    with ledger.locked() as book:
        book.append([entry(1), entry(2), entry(3, "toy/two"), entry(4, value=None)])
    each = len(entry(1).values or ())
    assert each > 0
    assert ledger.mileage("toy/one") == 2 * each
    assert ledger.mileage("toy/two") == each
    assert ledger.mileage("toy/one", {"run-2", "run-3"}) == each


def tamper(path: Path, how: str) -> None:
    """Change the third of six lines."""
    lines = path.read_text().splitlines(keepends=True)
    if how == "altered value":
        lines[2] = lines[2].replace("0.5", "0.9")
    elif how == "altered digest":
        lines[2] = lines[2].replace('{"digest":"', '{"digest":"0')[:75] + lines[2][75:]
    elif how == "altered space":
        lines[2] = lines[2].replace('"n":3', '"n": 3')
    elif how == "removed":
        del lines[2]
    elif how == "reordered":
        lines[2], lines[3] = lines[3], lines[2]
    elif how == "inserted":
        lines.insert(2, lines[0])
    elif how == "truncated":
        lines[2] = lines[2][:50] + "\n"
    elif how == "emptied":
        lines[2] = "\n"
    path.write_text("".join(lines))


@pytest.mark.parametrize(
    "how",
    [
        "altered value",
        "altered digest",
        "altered space",
        "removed",
        "reordered",
        "inserted",
        "truncated",
        "emptied",
    ],
)
def test_the_first_bad_line_is_named(tmp_path: Path, how: str) -> None:
    """Whatever happens to the third line, the check names line 3, and nothing more is appended."""
    ledger = filled(tmp_path)
    tamper(tmp_path / "ledger/ledger.jsonl", how)
    with pytest.raises(CorruptError, match="line 3") as error:
        ledger.check()
    assert "hint:" in str(error.value)
    before = (tmp_path / "ledger/ledger.jsonl").read_bytes()
    with pytest.raises(CorruptError), ledger.locked() as book:
        book.append([entry(9)])
    assert (tmp_path / "ledger/ledger.jsonl").read_bytes() == before


@given(st.data())
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
def test_any_changed_byte_is_noticed(tmp_path: Path, data: st.DataObject) -> None:
    """Any other value of any byte of the chain is noticed by the check."""
    path = tmp_path / "ledger/ledger.jsonl"
    if not path.exists():
        filled(tmp_path, 4)
        (tmp_path / "good").write_bytes(path.read_bytes())
    damaged = bytearray((tmp_path / "good").read_bytes())
    damaged[data.draw(st.integers(0, len(damaged) - 1))] ^= data.draw(st.integers(1, 255))
    path.write_bytes(damaged)
    with pytest.raises(CorruptError):
        Ledger(tmp_path).check()


def test_a_removed_tail_is_seen_by_the_head(tmp_path: Path) -> None:
    """Lines removed from the end leave a sound chain; the head tells that they are missing."""
    ledger = filled(tmp_path)
    path = tmp_path / "ledger/ledger.jsonl"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:4]))
    with pytest.raises(CorruptError, match="removed") as error:
        ledger.check()
    assert "line 5" in str(error.value)
    path.unlink()
    with pytest.raises(CorruptError, match="removed"):
        ledger.check()


def test_a_rewritten_chain_is_seen_by_the_head(tmp_path: Path) -> None:
    """A chain that was made anew does not have the digest that the head names."""
    ledger = filled(tmp_path)
    other = tmp_path / "other"
    with Ledger(other).locked() as book:
        book.append([entry(n, value=0.9) for n in range(6)])
    os.replace(other / "ledger/ledger.jsonl", tmp_path / "ledger/ledger.jsonl")
    with pytest.raises(CorruptError, match="line 6"):
        ledger.check()


def test_a_damaged_head_is_named(tmp_path: Path) -> None:
    """A head that is no JSON is refused as damaged."""
    ledger = filled(tmp_path)
    (tmp_path / "ledger/head.json").write_text("{")
    with pytest.raises(CorruptError, match="head"):
        ledger.check()


def test_a_head_that_lags_is_accepted(tmp_path: Path) -> None:
    """A writer killed after its lines and before its head leaves a ledger that goes on."""
    ledger = filled(tmp_path, 4)
    head = (tmp_path / "ledger/head.json").read_bytes()
    with ledger.locked() as book:
        book.append([entry(7)])
    (tmp_path / "ledger/head.json").write_bytes(head)
    assert ledger.check().n == 5
    with ledger.locked() as book:
        book.append([entry(8)])
    assert ledger.check().n == 6


def test_a_torn_line_is_set_aside(tmp_path: Path) -> None:
    """A last line without an end is ignored by readers and set aside by the next append."""
    ledger = filled(tmp_path, 3)
    path = tmp_path / "ledger/ledger.jsonl"
    for number in (1, 2):
        with open(path, "ab") as file:
            file.write(b'{"digest":"torn')
        assert ledger.check().n == 2 + number
        with ledger.locked() as book:
            book.append([entry(10 + number)])
        assert (tmp_path / f"ledger/ledger.jsonl.torn-{number}").read_bytes() == b'{"digest":"torn'
    assert [e.run for e in ledger.entries()] == ["run-0", "run-1", "run-2", "run-11", "run-12"]


def _append_beyond_the_limit(folder: Path, refusals: multiprocessing.Queue[str]) -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    size = (folder / "ledger/ledger.jsonl").stat().st_size
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 700, size + 700))
    try:
        with Ledger(folder).locked() as book:
            book.append([entry(n) for n in range(50, 60)])
    except StoreError as error:
        refusals.put(str(error))


def test_a_full_disk_leaves_the_ledger_as_it_was(tmp_path: Path) -> None:
    """A batch that the disk cuts short is taken back whole, and the message says why."""
    ledger = filled(tmp_path, 4)
    before = (tmp_path / "ledger/ledger.jsonl").read_bytes()
    context = multiprocessing.get_context("fork")
    refusals = context.Queue()
    process = context.Process(target=_append_beyond_the_limit, args=(tmp_path, refusals))
    process.start()
    assert "cannot write" in refusals.get(timeout=30)
    process.join()
    assert (tmp_path / "ledger/ledger.jsonl").read_bytes() == before
    assert ledger.check().n == 4


def _append_for_ever(folder: Path) -> None:
    number = 0
    while True:
        with Ledger(folder).locked() as book:
            book.append([entry(number + k) for k in range(50)])
        number += 50


def test_a_killed_writer_leaves_a_ledger_that_goes_on(tmp_path: Path) -> None:
    """After kill -9 at any moment the chain is sound, and the next append works."""
    for _ in range(4):
        process = multiprocessing.get_context("fork").Process(target=_append_for_ever, args=(tmp_path,))
        process.start()
        time.sleep(0.15)
        assert process.pid is not None
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        before = Ledger(tmp_path).check().n
        with Ledger(tmp_path).locked() as book:
            book.append([entry(1)])
        assert Ledger(tmp_path).check().n == before + 1
