"""Files of tables: which format the bytes are in, unpacked where they are packed."""

from __future__ import annotations

import io
import sys
import zlib
from pathlib import Path
from typing import BinaryIO

from assay.analysis.reading.columnar import read_json_lines, read_parquet
from assay.analysis.reading.delimited import read_delimited
from assay.analysis.reading.frame import MOST_BYTES, Frame, refuse_size
from assay.foundation.errors import UsageError, nearest
from assay.foundation.text import one_line

STDIN = "-"
_SHEETS = (".xlsx", ".xlsm", ".xls", ".ods", ".numbers")
_PACKED = (".zip", ".bz2", ".xz", ".zst", ".pkl", ".pickle", ".npz", ".npy", ".h5", ".hdf5")
_TABLES = (".csv", ".tsv", ".parquet", ".jsonl", ".gz")


def load_frame(path: Path) -> Frame:
    """Return the table of a file by its format, of standard input for '-'; gzip is unpacked.

    Raises `UsageError` for what is no table.
    """
    if str(path) == STDIN:
        return read_bytes("stdin", "", _bounded("stdin", sys.stdin.buffer))
    _refuse_missing(path)
    refuse_size(path.name, "bytes", path.stat().st_size, MOST_BYTES)
    return read_bytes(path.name, path.suffix.lower(), path.read_bytes())


def read_bytes(name: str, suffix: str, data: bytes) -> Frame:
    """Return the table of the bytes of a file; its ending decides where they do not."""
    if data.startswith(b"\x1f\x8b"):
        data = _unpacked(name, data)
        suffix = Path(name.lower().removesuffix(".gz")).suffix
    if suffix in (".parquet", ".pq") or data.startswith(b"PAR1"):
        return read_parquet(name, io.BytesIO(data))
    if suffix in _SHEETS:
        raise UsageError(
            "spreadsheets are not read",
            where=name,
            hint="save the sheet as CSV (File, Save as), or export it",
        )
    if suffix in _PACKED:
        raise UsageError(
            f"tables of the kind '{suffix}' are not read", where=name, hint="unpack it or save it as CSV"
        )
    if data.startswith(b"PK\x03\x04"):
        raise UsageError(
            "the file is not text",
            where=name,
            why="it is a ZIP archive, as spreadsheets are",
            hint="save the sheet as CSV, or unpack it",
        )
    if not data.strip():
        raise UsageError("the file is empty", where=name, hint="the first line names the columns")
    if suffix in (".jsonl", ".ndjson", ".json") or (not suffix and data.lstrip()[:1] in (b"{", b"[")):
        return read_json_lines(name, data)
    return read_delimited(name, data)


def _bounded(name: str, source: BinaryIO) -> bytes:
    data = source.read(MOST_BYTES + 1)
    refuse_size(name, "bytes", len(data), MOST_BYTES)
    return data


def _unpacked(name: str, data: bytes) -> bytes:
    import gzip

    try:
        with gzip.open(io.BytesIO(data)) as packed:
            return _bounded(name, packed)  # type: ignore[arg-type]  # it reads as a binary file does
    except (OSError, EOFError, zlib.error) as error:
        raise UsageError("the file cannot be unpacked", where=name, why=str(error)) from None


def _refuse_missing(path: Path) -> None:
    shown = one_line(str(path))
    if path.is_dir():
        inside = sorted(one.name for one in path.iterdir() if one.suffix.lower() in _TABLES)
        named = f"name a file in it, such as {one_line(str(path / inside[0]))}" if inside else "name a file"
        raise UsageError("this is a folder, not a table", where=shown, hint=named)
    if not path.exists():
        folder = path.parent if path.parent.is_dir() else Path()
        near = nearest(path.name, [one.name for one in folder.iterdir()])
        hint = f"did you mean '{one_line(str(path.with_name(near)))}'?" if near else None
        raise UsageError("there is no such file", where=shown, hint=hint)
    if not path.is_file():
        raise UsageError("this is not a regular file", where=shown, hint="save the table to a file first")
