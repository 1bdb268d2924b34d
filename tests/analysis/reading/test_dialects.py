"""Texts that hold a table in another way than CSV are read and told, or refused with what to do."""

from __future__ import annotations

import gzip
import io
import json
import sys
from pathlib import Path

import numpy as np
import pytest

from assay.analysis.reading.read import ReadTable, read_table
from assay.foundation.errors import UsageError

PLAIN = "method,seed,acc\na,1,0.9\na,2,0.91\nb,1,0.8\nb,2,0.82\n"
BLANKS = "method  seed   acc\na   1  0.9\na   2  0.91\nb  1  0.8\nb 2   0.82\n"
INDEX = "  method  seed   acc\n0  a   1  0.9\n1  a   2  0.91\n2 b  1  0.8\n3 b 2   0.82\n"
MARKDOWN = """| method | seed | acc |
|:---|---:|---|
| a | 1 | 0.9 |
| a | 2 | **0.91** |
| b | 1 | 0.8 |
|b|2|0.82|
"""
PERCENT = (
    PLAIN.replace("0.9\n", "0.9%\n")
    .replace("0.91", "0.91 %")
    .replace("0.8\n", "0.8%\n")
    .replace("2\n", "2%\n")
)


def read(folder: Path, text: str | bytes, name: str = "t.csv") -> ReadTable:
    (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_table(folder / name)


def refused(folder: Path, text: str | bytes, name: str = "t.csv") -> UsageError:
    with pytest.raises(UsageError) as caught:
        read(folder, text, name)
    return caught.value


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("sep=;\n" + PLAIN.replace(",", ";"), "by a semicolon, as line 1 says"),
        ("sep=^\r\n" + PLAIN.replace(",", "^"), "by '^', as line 1 says"),
        ("# my results 2024\n" + PLAIN, "1 lines of comments are passed over"),
        ("# one\n\n# two, and more\n" + PLAIN, "lines of comments are passed over"),
        ("# " + PLAIN, "read t.csv as a table"),
        (MARKDOWN, "a table of Markdown"),
        (MARKDOWN.replace("\n|", "\n").replace("|\n", "\n"), "a table of Markdown"),
        (BLANKS, "separated by blanks"),
        (INDEX, "separated by blanks"),
        (PLAIN + "method,seed,acc\n", "1 more lines repeat the header"),
        (PLAIN.replace("\n", ",\n"), "read t.csv as a table"),
        (PLAIN.replace(",", ";").replace("\n", ";;\n"), "separated by a semicolon"),
        (PLAIN.replace(",", ";").replace("0.", "0,"), "decimal commas"),
        (PERCENT, "percent signs in acc"),
    ],
)  # fmt: skip
def test_other_ways_to_write_a_table_are_the_same_table(tmp_path: Path, text: str, told: str) -> None:
    """The scores are those of the plain table, and what was done is told."""
    found, plain = read(tmp_path, text), read(tmp_path, PLAIN, "plain.csv")
    assert np.array_equal(found.scores.values, plain.scores.values)
    assert found.scores.methods == plain.scores.methods
    assert any(told in note for note in found.notes), found.notes


@pytest.mark.parametrize("before", ["sep=,\n", "# a comment\n", "\n# a comment\n\n"])
def test_lines_are_those_of_the_file(tmp_path: Path, before: str) -> None:
    """What is passed over is counted."""
    error = refused(tmp_path, before + PLAIN.replace("0.91", "good"))
    assert error.where == f"t.csv:{before.count(chr(10)) + 3}, column acc"


@pytest.mark.parametrize(
    ("cells", "why"),
    [
        (("1,234", "2,345"), "a comma"),
        (("0,9", "0.8"), "a comma"),
        (("0.9%", "0.8"), "a unit"),
        (("90%", "0,8"), "a"),
    ],
)
def test_marks_that_not_all_numbers_have_are_refused(
    tmp_path: Path, cells: tuple[str, str], why: str
) -> None:
    """Thousands may be meant, and a column is written in one way or refused."""
    error = refused(tmp_path, f"method;acc\na;{cells[0]}\nb;{cells[1]}\n")
    assert "is not a number" in error.what
    assert why in str(error.why)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("method seed score\na big model 1 0.9\nb 1 0.8\n", "nothing separates the columns"),
        (bytes(range(1, 256)) * 3, "not text"),
        (b"\xff\xfea", "not text"),
    ],
)
def test_what_is_no_table_is_told_without_codecs(tmp_path: Path, text: str | bytes, said: str) -> None:
    """The message has a hint and no name of a codec's error."""
    error = refused(tmp_path, text)
    assert said in error.what
    assert error.hint
    assert "codec" not in str(error)


def test_two_headers_are_no_header(tmp_path: Path) -> None:
    """A header of several lines has names twice."""
    assert "must become one" in str(refused(tmp_path, "task,A,A,B\nmethod,x,y,x\n1,2,3,4\n").hint)


@pytest.mark.parametrize("name", ["t.csv.gz", "t.gz", "t.jsonl.gz"])
def test_gzip_is_unpacked(tmp_path: Path, name: str) -> None:
    """The ending within decides the format; damage is told."""
    lines = [
        json.dumps(dict(zip(("method", "seed", "acc"), row.split(","), strict=True)))
        for row in PLAIN.splitlines()[1:]
    ]
    packed = gzip.compress(("\n".join(lines) if "json" in name else PLAIN).encode())
    assert np.array_equal(read(tmp_path, packed, name).scores.values, read(tmp_path, PLAIN).scores.values)
    assert "cannot be unpacked" in refused(tmp_path, packed[:-9], name).what


def test_an_unpacked_table_has_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A small file that unpacks to a very large one is refused."""
    packed = gzip.compress(b"a" * 100_000)
    monkeypatch.setattr("assay.analysis.reading.files.MOST_BYTES", 10_000)
    assert "too many bytes" in refused(tmp_path, packed, "t.csv.gz").what


@pytest.mark.parametrize("text", [PLAIN, '[{"method": "a", "acc": 1}, {"method": "b", "acc": 2}]'])
def test_standard_input_is_a_table(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """'-' reads what comes in, and its first character tells JSON."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    assert read_table(Path("-")).scores.methods == ("a", "b")


def test_folders_and_spreadsheets_say_what_to_do(tmp_path: Path) -> None:
    """An empty folder has no file to offer."""
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="this is a folder") as caught:
        read_table(tmp_path / "empty")
    assert caught.value.hint == "name a file"
    assert "CSV" in str(refused(tmp_path, b"PK\x03\x04", "t.xlsx").hint)
    assert "ZIP" in str(refused(tmp_path, b"PK\x03\x04", "t.csv").why)
