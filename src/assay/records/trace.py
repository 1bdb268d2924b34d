"""The trace of a run: tables of fingerprints, kept as compressed Parquet objects.

Four tables, each with its version in the metadata of its schema:

    steps       one row a recorded moment: a digest for each kind of thing that was looked at
    tensors     one row a tensor, parameter or module output at a recorded step
    operators   one row an operator in a window of steps
    logged      one row a value that the program logged: all of them, never thinned

A fingerprint is 16 hexadecimal digits' worth of bytes (64 bits) or 32 (128); which digest made it is in
the metadata, and fingerprints of different digests are never compared. A field is null where nothing of
its kind was seen, or where a generator was not drawn from since the row before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from assay.foundation.errors import CorruptError, VersionError
from assay.records.commands import CommandRecord
from assay.records.store import Store

if TYPE_CHECKING:
    import pyarrow as pa

VERSION = 1
# In the order of cause and effect within one row: the first that differs is where to look.
FIELDS = (
    "order",
    "batch",
    "inputs",
    "python",
    "numpy",
    "torch",
    "hyperparameters",
    "outputs",
    "loss",
    "gradients",
    "weights",
)
# What a row is about. 'start' is the state before the first step, 'end' that after the last.
KINDS = ("start", "step", "backward", "forward", "fit", "log", "print", "end")


class Trace(msgspec.Struct, frozen=True, kw_only=True):
    """The three tables in memory: rows as `make_steps`, `make_tensors` and `make_operators` take them.

    Digests are hexadecimal; `algorithm` names the digest that made them, and is '' where nothing was traced.
    Rows stand in the order in which a process wrote them.
    """

    algorithm: str = ""
    steps: list[dict[str, Any]] = []
    tensors: list[dict[str, Any]] = []
    operators: list[dict[str, Any]] = []


def load_trace(store: Store, record: CommandRecord) -> Trace | None:
    """Return the trace of a recorded command, or None where it has none.

    Raises `CorruptError` where a table cannot be read or its parts were made by different digests.
    """
    tables: list[list[dict[str, Any]]] = []
    algorithms: set[str] = set()
    for what in ("trace", "tensors", "operators"):
        digest: str | None = getattr(record, what)
        rows: list[dict[str, Any]] = []
        if digest is not None:
            rows, algorithm = read_table(store.objects.get(digest), "steps" if what == "trace" else what)
            algorithms.add(algorithm)
        tables.append(rows)
    if not algorithms:
        return None
    if len(algorithms) > 1:
        raise CorruptError(
            "a trace was made by several digests", where=record.id, why=", ".join(sorted(algorithms))
        )
    return Trace(algorithm=algorithms.pop(), steps=tables[0], tensors=tables[1], operators=tables[2])


def make_steps(rows: Sequence[dict[str, Any]], algorithm: str) -> bytes:
    """Return the table of steps as bytes.

    Each row has `process` (0 is the main one, ranks count up), `row` (its place in the process), `kind`
    of `KINDS`, `step` (optimizer steps so far, all optimizers together), `name` (which optimizer, loader or
    estimator; '' where there is one), `where` (the user's line), `value` (the loss as a number, or None) and
    hexadecimal digests under `FIELDS`.
    """
    import pyarrow as pa

    fields = [
        ("process", pa.int32()),
        ("row", pa.int64()),
        ("kind", pa.string()),
        ("step", pa.int64()),
        ("name", pa.string()),
        ("where", pa.string()),
        ("value", pa.float64()),
        *[(name, pa.binary()) for name in FIELDS],
    ]
    return _write(rows, fields, "steps", algorithm, FIELDS)


def make_tensors(rows: Sequence[dict[str, Any]], algorithm: str) -> bytes:
    """Return the table of tensors: `process`, `step`, `kind` ('weight', 'gradient', 'output'), `name`,
    `index` (the order within the step) and `digest`.
    """  # noqa: D205  the columns are the sentence
    import pyarrow as pa

    fields = [
        ("process", pa.int32()),
        ("step", pa.int64()),
        ("kind", pa.string()),
        ("index", pa.int32()),
        ("name", pa.string()),
        ("digest", pa.binary()),
    ]
    return _write(rows, fields, "tensors", algorithm, ("digest",))


def make_operators(rows: Sequence[dict[str, Any]], algorithm: str) -> bytes:
    """Return the table of operators.

    Each row has `process`, `step`, `index` (its place in the step), `operator` (such as
    'aten.addmm.default', or 'line' for a line of a NumPy program), `module` (path in the network), `where`
    (the user's line), `backward` (whether autograd ran it), `inputs`, `outputs` and `mutated` (lists of
    hexadecimal digests), `shapes` (text), `seeded` (the generator state is its last input) and `scalars`
    (text of the other arguments).
    """
    import pyarrow as pa

    fields = [
        ("process", pa.int32()),
        ("step", pa.int64()),
        ("index", pa.int64()),
        ("operator", pa.string()),
        ("module", pa.string()),
        ("where", pa.string()),
        ("backward", pa.bool_()),
        ("seeded", pa.bool_()),
        ("inputs", pa.list_(pa.string())),
        ("outputs", pa.list_(pa.string())),
        ("mutated", pa.list_(pa.string())),
        ("shapes", pa.string()),
        ("scalars", pa.string()),
    ]
    return _write(rows, fields, "operators", algorithm, ())


def make_logged(columns: Mapping[str, Sequence[Any]]) -> bytes:
    """Return the table of logged values, from its columns.

    `process`, `row` (of the call: its values share it), `time` (seconds since 1970), `step` (as given, or
    None), `name`, and the value: `value` for what a double holds exactly, NaN and infinities too, else
    `text`.
    """
    import pyarrow as pa

    fields = [
        ("process", pa.int32()),
        ("row", pa.int64()),
        ("time", pa.float64()),
        ("step", pa.int64()),
        ("name", pa.string()),
        ("value", pa.float64()),
        ("text", pa.string()),
    ]
    arrays = [pa.array(columns[name], kind) for name, kind in fields]
    return _bytes(arrays, fields, "logged", "")


def load_logged(store: Store, record: CommandRecord) -> list[dict[str, Any]]:
    """Return every value that a recorded command logged, as `make_logged` has them, in their order."""
    return [] if record.logged is None else read_table(store.objects.get(record.logged), "logged")[0]


def read_table(data: bytes, what: str) -> tuple[list[dict[str, Any]], str]:
    """Return the rows of a table, digests in hexadecimal, and the name of the digest that made them.

    Raises `CorruptError` for what is no table of this kind and `VersionError` for a newer one.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(pa.BufferReader(data), use_threads=False, pre_buffer=False)
    except pa.ArrowException as error:
        raise CorruptError("a trace cannot be read", why=str(error).splitlines()[0]) from None
    facts = {key.decode(): value.decode() for key, value in (table.schema.metadata or {}).items()}
    if facts.get("assay") != what:
        raise CorruptError("not a trace of this kind", why=f"wanted {what}, found {facts.get('assay')}")
    if int(facts["version"]) > VERSION:
        raise VersionError(
            "a trace of a newer format", why=f"version {facts['version']}", hint="upgrade Assay"
        )
    rows: list[dict[str, Any]] = table.to_pylist()
    for row in rows:
        for name, value in row.items():
            if isinstance(value, bytes):
                row[name] = value.hex()
    return rows, facts["digest"]


def _write(
    rows: Sequence[dict[str, Any]],
    fields: Sequence[tuple[str, pa.DataType]],
    what: str,
    algorithm: str,
    digests: Sequence[str],
) -> bytes:
    import pyarrow as pa

    columns = []
    for name, kind in fields:
        values = [row.get(name) for row in rows]
        if name in digests:
            values = [bytes.fromhex(value) if value else None for value in values]
        columns.append(pa.array(values, kind))
    return _bytes(columns, fields, what, algorithm)


def _bytes(
    columns: Sequence[pa.Array], fields: Sequence[tuple[str, pa.DataType]], what: str, algorithm: str
) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema(fields, metadata={"assay": what, "version": str(VERSION), "digest": algorithm})
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table(columns, schema=schema), sink, compression="zstd", compression_level=6)
    data: bytes = sink.getvalue().to_pybytes()
    return data
