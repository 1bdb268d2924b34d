"""Users' own tables that cannot be: each mistake is told with the file, and the key or the row."""

from __future__ import annotations

import contextlib
import gzip
import io
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from own_files import COST, HEAD, LISTED, SIGNAL, TEST, write_card, write_csv

from assay.benchmarks.catalogue import open_benchmark
from assay.benchmarks.importers import own_columns
from assay.benchmarks.importers.own_table import import_own
from assay.foundation.errors import AssayError, CorruptError

ROWS = [("a", 1.0, 3.0, 5.0), ("b", 2.0, 5.0, 6.0)]
COLUMNS = ("arch", "acc", "test", "time")


def _refused(folder: Path, *parts: str) -> AssayError:
    """Return the error of importing a card, and check that nothing was written."""
    if not (folder / "results.csv").exists():
        write_csv(folder / "results.csv", COLUMNS, ROWS)
    with pytest.raises(AssayError) as caught:
        import_own(write_card(folder, *parts), folder / "cache")
    assert not list((folder / "cache").glob("tables/*/*.table"))
    assert caught.value.exit_status == 2 or isinstance(caught.value, CorruptError)
    assert str(caught.value).isprintable() or "\n" in str(caught.value)
    return caught.value


@pytest.mark.parametrize(
    ("parts", "what", "where", "more"),
    [
        (
            (LISTED, SIGNAL.replace("acc", "ac")),
            "no column 'ac'",
            "card.toml:13, signals.validation.column",
            "acc",
        ),
        ((LISTED, SIGNAL.replace("unit", "units")), "unknown key 'units'", "card.toml:15", "'unit'"),
        ((LISTED, SIGNAL.replace('"%"', "3")), "expected 'str', got 'int'", "signals.validation.unit", ""),
        ((LISTED,), "names no signal", "card.toml, signals", "selection_on_test"),
        ((LISTED, TEST), "names no signal", "signals", "test metric alone"),
        (
            (LISTED, SIGNAL, TEST.replace('"test"', '"acc"')),
            "would be seen by every",
            "signals.validation",
            "vault",
        ),
        (
            (LISTED, SIGNAL.replace('"validation"', '"test images"')),
            "is a test metric",
            "card.toml:14, signals.validation.split",
            "selection_on_test",
        ),
        (('selection_on_test = "x"\n', LISTED, SIGNAL, TEST), "nothing is held back", ", test", "leave"),
        (
            (LISTED.replace("listed", "nas-bench-202"), SIGNAL),
            "unknown search space",
            ", space",
            "nas-bench-201",
        ),
        (
            (LISTED.replace("listed", "nas-bench-201"), SIGNAL),
            "no architecture of",
            "row 1, column 'arch'",
            "",
        ),
        ((LISTED.replace('architecture = "arch"', ""), SIGNAL), "which column is the", "architecture", ""),
        (
            (LISTED, '[seeds]\nnote = ""\nvalues = [1, 2]\n', SIGNAL),
            "each seed has one",
            "validation.column",
            "",
        ),
        ((LISTED, '[seeds]\nnote = ""\nvalues = [1, 1]\n', SIGNAL), "listed twice", "seeds.values", ""),
        ((LISTED, '[seeds]\nnote = ""\n', SIGNAL), "columns or rows", "seeds", "one of the two"),
        (
            (LISTED, SIGNAL, SIGNAL.replace("validation]", '"b/c"]')),
            "this is no name",
            "signals.b/c",
            "letters",
        ),
        ((LISTED, SIGNAL, COST, "per_epoch = true\n"), "needs a column of epochs", "cost.per_epoch", ""),
        ((LISTED + "prefix = true\n", SIGNAL), "only epochs continue", "fidelity.prefix", "epoch_column"),
        ((LISTED.replace('schedule = "200-epochs"', ""), SIGNAL), "needs 'schedule'", "fidelity", ""),
    ],
)
def test_a_mistake_in_the_card_is_told_with_its_place(
    parts: tuple[str, ...], what: str, where: str, more: str, tmp_path: Path
) -> None:
    """Every error of a card names line and key path; nothing is written."""
    error = _refused(tmp_path, *parts)
    assert what in error.what
    assert where in (error.where or "")
    assert more in f"{error.why} {error.hint}"


@pytest.mark.parametrize("name", ["../mine", "nas-bench-201", "", "a b", "x" * 100, ".hidden"])
def test_a_family_cannot_have_any_name(name: str, tmp_path: Path) -> None:
    """A name that leads elsewhere, that is taken, or that no command could take is refused."""
    write_csv(tmp_path / "results.csv", COLUMNS, ROWS)
    card = write_card(tmp_path, LISTED, SIGNAL)
    card.write_text(card.read_text().replace('"mine"', f'"{name}"'))
    with pytest.raises(AssayError, match="family"):
        import_own(card, tmp_path / "cache")


@pytest.mark.parametrize(
    ("rows", "parts", "what", "where"),
    [
        ([("a", 1, 0, 0), ("a", 2, 0, 0)], (), "same architecture", "rows 1 and 2"),
        ([("a", 1, 0, 0), ("", 2, 0, 0)], (), "names no architecture", "row 2, column 'arch'"),
        ([("a", 1, 0, 0), ("b\x1b[2J", 2, 0, 0)], (), "names no architecture", "row 2"),
        ([("a", 1, 0, 0), ("b\nc", 2, 0, 0)], (), "names no architecture", "row 2"),
        ([("a", 1, 0, 0), ("b", "1,5", 0, 0)], (), "this is no number", "row 2, column 'acc'"),
        ([("a", 1, 0, 0), ("b", "0x10", 0, 0)], (), "this is no number", "row 2, column 'acc'"),
        ([("a", 1, 0, 0), ("b", "1_0", 0, 0)], (), "this is no number", "row 2, column 'acc'"),
        ([("a", None, 0, 0), ("b", "nan", 0, 0)], (), "has no number", "signals.validation"),
        ([("a", 1, 1, 0), ("b", 2, 2, 0)], (TEST,), "has the numbers of the signal", "test"),
        ([("a", 1, 1, -1), ("b", 2, 2, 0)], (COST,), "a cost is zero or more", "row 1, column 'time'"),
        ([("a", 1, 1, None), ("b", 2, 2, 0)], (COST,), "charged nothing that is known", "cost"),
        ([], (), "no rows", "results.csv"),
    ],
)
def test_a_mistake_in_the_data_is_told_with_its_row(
    rows: list[tuple[object, ...]], parts: tuple[str, ...], what: str, where: str, tmp_path: Path
) -> None:
    """Every error of a data file names its row and column; nothing is written."""
    write_csv(tmp_path / "results.csv", COLUMNS, rows)
    error = _refused(tmp_path, LISTED, SIGNAL, *parts)
    assert what in error.what
    assert where in (error.where or "")


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"", "empty"),
        (b"\n \n", "empty"),
        (b"PAR1 is not enough", "cannot be read"),
        (b"PAR1" + b"\xff" * 200 + b"PAR1", "cannot be read"),
        (b"ARROW1\0\0" + b"\x01" * 100, "cannot be read"),
        (b"\xff\xff\xff\xff\xff\xff\xff\x7f" + b"a" * 50, "cannot be read"),
        (b"FEA1" + b"\0" * 50, "first version of Feather"),
        (b"PK\x03\x04" + b"\0" * 50, "no table that is read"),
        (gzip.compress(b"arch,acc\na,1\n", mtime=0)[:-9], "cannot be unpacked"),
        (b"arch,acc\na,1,2\n", "cannot be read"),
        (b"arch,acc,acc\na,1,2\n", "two columns"),
        (b"arch,acc\n\xff\xfe,1\n", "cannot be read"),
        (b'arch,acc\n"a,1\n', ""),
        (b"arch\x80,acc\na,1\n", "header cannot be read"),
    ],
)
def test_a_damaged_file_is_one_message(data: bytes, what: str, tmp_path: Path) -> None:
    """Truncated, flipped, foreign and ragged files are refused; none is half a table."""
    (tmp_path / "results.csv").write_bytes(data)
    error = _refused(tmp_path, LISTED, SIGNAL)
    assert what in error.what
    assert "Traceback" not in str(error)


def test_every_flip_in_a_parquet_file_is_a_message_or_no_change(tmp_path: Path) -> None:
    """A bit that flips anywhere never ends in anything but an error of Assay or a table."""
    buffer = io.BytesIO()
    table = pa.table({"arch": ["a", "b", "c"], "acc": [1.0, 2.0, 3.0]})
    pa.parquet.write_table(table, buffer)
    whole = buffer.getvalue()
    card = write_card(tmp_path, LISTED, SIGNAL)
    for place in range(0, len(whole), 17):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << (place % 8)
        (tmp_path / "results.csv").write_bytes(bytes(damaged))
        with contextlib.suppress(AssayError):
            import_own(card, tmp_path / "cache")


def test_another_file_than_the_card_names_is_refused(tmp_path: Path) -> None:
    """A digest in the card holds the data file to it."""
    write_csv(tmp_path / "results.csv", COLUMNS, ROWS)
    error = _refused(tmp_path, f'sha256 = "{"0" * 64}"\n', LISTED, SIGNAL)
    assert "not the file that the card names" in error.what


def test_a_file_that_unpacks_without_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A packed file may be small and its content is not."""
    monkeypatch.setattr(own_columns, "MOST_BYTES", 1 << 20)
    text = b"arch,acc\n" + b"a,1\n" * (1 << 19)
    (tmp_path / "results.csv").write_bytes(gzip.compress(text, mtime=0))
    assert "too large" in _refused(tmp_path, LISTED, SIGNAL).what


@pytest.mark.parametrize("kind", ["parquet", "arrow"])
def test_a_small_file_of_endless_rows_is_refused(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A column of one value takes a few bytes however long it is."""
    monkeypatch.setattr(own_columns, "MOST_ROWS", 1_000)
    table = pa.table({"arch": pa.nulls(2_000), "acc": pa.nulls(2_000)})
    if kind == "parquet":
        pa.parquet.write_table(table, tmp_path / "results.csv")
    else:
        with pa.ipc.new_file(tmp_path / "results.csv", table.schema) as file:
            file.write_table(table)
    assert "too many rows" in _refused(tmp_path, LISTED, SIGNAL).what


def test_a_hundred_thousand_columns_are_no_trouble(tmp_path: Path) -> None:
    """Only what the card names is read; a wrong name among so many is told shortly."""
    names = ["arch", "acc", *(f"c{i}" for i in range(100_000))]
    rows = [["a", "1.5", *["0"] * 100_000], ["b", "2.5", *["0"] * 100_000]]
    write_csv(tmp_path / "results.csv", names, rows)
    (written,) = import_own(write_card(tmp_path, LISTED, SIGNAL), tmp_path / "cache")
    assert written.columns == ("validation",)
    assert written.dropped == ("100,000 columns of results.csv are named by no key of the card",)
    assert open_benchmark("mine/cifar10", tmp_path / "cache").column("validation").tolist() == [1.5, 2.5]
    with pytest.raises(AssayError) as caught:
        import_own(write_card(tmp_path, LISTED, SIGNAL.replace('"acc"', '"zzz"')), tmp_path / "cache")
    assert "100,002 in all" in str(caught.value)
    assert len(str(caught.value)) < 1_000


def test_hostile_names_of_columns_stay_names(tmp_path: Path) -> None:
    """Control characters and line breaks in a header reach no terminal, and a column may be called so."""
    names = ["arch", "a\x1b[31mcc\n", "c\u202e"]
    write_csv(tmp_path / "results.csv", names, [("a", 1, 2), ("b", 2, 3)])
    signal = SIGNAL.replace('"acc"', r'"a\u001b[31mcc\n"')
    (written,) = import_own(write_card(tmp_path, LISTED, signal), tmp_path / "cache")
    assert written.columns == ("validation",)
    with pytest.raises(AssayError) as caught:
        import_own(write_card(tmp_path, LISTED, SIGNAL), tmp_path / "cache")
    assert "\x1b" not in str(caught.value)
    assert "\u202e" not in str(caught.value)


@pytest.mark.parametrize(
    ("cells", "what"),
    [
        (pa.array([True, False]), "does not hold numbers"),
        (pa.array([[1.0], [2.0]]), "does not hold numbers"),
        (pa.array([2**60 + 1, 1]), "no equal in float64"),
        (pa.array([b"1", b"2"]), "does not hold numbers"),
    ],
)
def test_cells_of_a_wrong_type_are_refused(cells: pa.Array, what: str, tmp_path: Path) -> None:
    """Booleans, lists, bytes and numbers that would be rounded are no measurements."""
    pa.feather.write_feather(pa.table({"arch": ["a", "b"], "acc": cells}), tmp_path / "results.csv")
    assert what in _refused(tmp_path, LISTED, SIGNAL).what


@pytest.mark.parametrize(
    "cells",
    [
        pa.array([1.5, None], pa.float32()),
        pa.array(["1.5", " "]).dictionary_encode(),
        pa.array([1.5, None]),
        pa.array(["+1.5", None], pa.large_string()),
        pa.chunked_array([pa.array([1.5]), pa.array([], pa.float64()), pa.array([None], pa.float64())]),
    ],
)
def test_numbers_of_every_type_are_read(cells: pa.Array, tmp_path: Path) -> None:
    """Floats of any width, texts, dictionaries and chunks come out the same."""
    pa.feather.write_feather(pa.table({"arch": ["a", "b"], "acc": cells}), tmp_path / "results.csv")
    import_own(write_card(tmp_path, LISTED, SIGNAL), tmp_path / "cache")
    values = open_benchmark("mine/cifar10", tmp_path / "cache").column("validation")
    assert values[0] == 1.5
    assert np.isnan(values[1])


def test_a_card_that_is_not_there_or_no_toml_is_told(tmp_path: Path) -> None:
    """The card itself may be missing, no TOML, or name a file that is not there."""
    with pytest.raises(AssayError, match="card cannot be read"):
        import_own(tmp_path / "card.toml", tmp_path / "cache")
    (tmp_path / "card.toml").write_text("family = ")
    with pytest.raises(AssayError, match="not TOML"):
        import_own(tmp_path / "card.toml", tmp_path / "cache")
    (tmp_path / "card.toml").write_text(HEAD + LISTED + SIGNAL)
    with pytest.raises(AssayError, match="data file cannot be read"):
        import_own(tmp_path / "card.toml", tmp_path / "cache")
