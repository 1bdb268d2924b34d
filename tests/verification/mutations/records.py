"""Mutates records and what they keep, and says what becomes of each: refused, reported, or not noticed.

Three depths: bytes that change on the disk; a record that is changed and digested anew ('sealed anew');
and one in which every digest was made to fit ('forged').
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from assay.foundation.errors import AssayError, IntegrityError
from assay.foundation.seeding import Stream
from assay.records.commands import (
    CommandRecord,
    command_records,
    find_command,
    provenance_of_command,
    put_command,
    read_command,
)
from assay.records.store import Store
from assay.records.trace import load_trace
from assay.verification.commands.verify import verify_command
from mutations.mutators import MUTATORS
from mutations.projects import PROJECTS
from mutations.study import Bench


class RecordMutation(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one mutated record.

    `outcome` is 'refused' (an `IntegrityError`, or no such record), 'reported' (a verdict that is not
    identical), 'same' (all that is read of it is as before, as for a byte in a name that is ignored),
    'missed' (identical, as if nothing had happened) or 'crashed' (an error that is none of Assay's).
    """

    number: int
    mutator: str
    text: str
    outcome: str
    why: str = ""


class _Place(msgspec.Struct, frozen=True, kw_only=True):
    """A copy of a store with two records A and B of one program, to be damaged."""

    store: Store
    a: CommandRecord
    b: CommandRecord

    @property
    def file(self) -> Path:
        return self.store.folder / "commands" / f"{self.a.id}.json"

    def objects(self) -> list[tuple[str, str]]:
        """Return what A keeps, by what it is and digest, but for the trace and the provenance."""
        found = provenance_of_command(self.store, self.a)
        kept = [(one.path, one.content) for one in (*found.code, *found.data) if one.content]
        seen = self.a.circumstances
        return kept + [("output", one) for one in (seen.stdout, seen.stderr) if one]

    def seal_anew(self, **changed: Any) -> None:
        """Put A with these fields in its place, with a new digest."""
        put_command(self.store, msgspec.structs.replace(self.a, **changed))

    def forge(self, **changed: Any) -> None:
        """Change the result of A, and all digests that follow from it."""
        result = msgspec.structs.replace(self.a.result, **changed)
        self.seal_anew(result=result, result_digest=result.digest())


Mutate = Callable[[_Place, Stream], str]


def _flip(path: Path, stream: Stream) -> str:
    content = bytearray(path.read_bytes())
    place, bit = stream.below(len(content)), stream.below(8)
    content[place] ^= 1 << bit
    path.write_bytes(bytes(content))
    return f"bit {bit} of byte {place}"


def _record_byte(place: _Place, stream: Stream) -> str:
    return _flip(place.file, stream)


def _record_cut(place: _Place, stream: Stream) -> str:
    size = stream.below(place.file.stat().st_size)
    place.file.write_bytes(place.file.read_bytes()[:size])
    return f"cut to {size} bytes"


def _object_byte(place: _Place, stream: Stream) -> str:
    what, digest = stream.choice(place.objects())
    return f"{what}: {_flip(place.store.objects.path(digest), stream)}"


def _provenance_byte(place: _Place, stream: Stream) -> str:
    return _flip(place.store.objects.path(place.a.provenance), stream)


def _trace_byte(place: _Place, stream: Stream) -> str:
    return _flip(place.store.objects.path(place.a.trace or ""), stream)


def _removed_object(place: _Place, stream: Stream) -> str:
    kept = [*place.objects(), ("provenance", place.a.provenance), ("trace", place.a.trace or "")]
    what, digest = stream.choice(kept)
    place.store.objects.path(digest).unlink()
    return what


def _metric(record: CommandRecord, stream: Stream) -> dict[str, Any]:
    name = stream.choice(sorted(record.result.metrics))
    return {name: float(record.result.metrics[name]) * (1 - 10.0 ** -stream.below(9) / 2)}


def _metric_edited(place: _Place, stream: Stream) -> str:
    """Edit the text of the file, as with an editor."""
    text = place.file.read_text()
    name, value = next(iter(_metric(place.a, stream).items()))
    old = msgspec.json.encode(place.a.result.metrics[name]).decode()
    if text.count(old) != 1:
        raise AssertionError(f"{old} is not in the record once")
    place.file.write_text(text.replace(old, repr(value)))
    return f"{name} = {value}"


def _metric_sealed(place: _Place, stream: Stream) -> str:
    metrics = _metric(place.a, stream)
    place.seal_anew(result=msgspec.structs.replace(place.a.result, metrics=metrics))
    return str(metrics)


def _metric_forged(place: _Place, stream: Stream) -> str:
    metrics = _metric(place.a, stream)
    place.forge(metrics=metrics)
    return str(metrics)


def _ending_forged(place: _Place, stream: Stream) -> str:
    status = 1 + stream.below(255)
    place.forge(status="failed", exit_status=status)
    return f"exit status {status}"


def _output_forged(place: _Place, stream: Stream) -> str:
    outputs = list(place.a.result.outputs)
    one = stream.below(len(outputs))
    digest = f"{stream.bits():016x}" * 4
    outputs[one] = msgspec.structs.replace(outputs[one], digest=digest)
    place.forge(outputs=tuple(outputs))
    return f"{outputs[one].path} is {digest[:12]}"


def _final_forged(place: _Place, stream: Stream) -> str:
    digest = f"{stream.bits():016x}" * 2
    place.forge(final={**place.a.result.final, "0.weights": digest})
    return f"weights {digest[:12]}"


def _provenance_swapped(place: _Place, stream: Stream) -> str:
    place.seal_anew(provenance=place.b.provenance)
    return "that of B"


def _provenance_forged(place: _Place, stream: Stream) -> str:
    """Give A the code and identity of B, so that A's result is told of B's program."""
    place.seal_anew(provenance=place.b.provenance, components=place.b.components, run=place.b.run)
    return "that of B, with B's identity"


def _trace_swapped(place: _Place, stream: Stream) -> str:
    place.seal_anew(trace=place.b.trace)
    return "that of B"


def _result_swapped(place: _Place, stream: Stream) -> str:
    place.seal_anew(result=place.b.result, result_digest=place.b.result_digest)
    return "that of B"


def _run_changed(place: _Place, stream: Stream) -> str:
    run = f"{stream.bits():016x}" * 4
    place.seal_anew(run=run)
    return f"run {run[:12]}"


def _component_changed(place: _Place, stream: Stream) -> str:
    name = stream.choice(("code", "data"))
    parts = msgspec.structs.replace(place.a.components, **{name: f"{stream.bits():016x}" * 4})
    place.seal_anew(components=parts, run=parts.run_id())
    return f"another digest of {name}, and the run that follows"


def _id_changed(place: _Place, stream: Stream) -> str:
    """Give the record another id and leave its file where it is."""
    id_ = f"{stream.bits():016x}"
    made = put_command(place.store, msgspec.structs.replace(place.a, id=id_))
    made.rename(place.file)
    return f"id {id_} in the file of {place.a.id}"


def _file_renamed(place: _Place, stream: Stream) -> str:
    id_ = f"{stream.bits():016x}"
    place.file.rename(place.file.with_name(f"{id_}.json"))
    return f"the file is called {id_}"


def _file_swapped(place: _Place, stream: Stream) -> str:
    other = place.file.with_name(f"{place.b.id}.json")
    content = place.file.read_bytes(), other.read_bytes()
    place.file.write_bytes(content[1])
    other.write_bytes(content[0])
    return "the files of A and B are swapped"


# What is done, and how often in 200.
RECORD_MUTATORS: tuple[tuple[str, Mutate, int], ...] = (
    ("byte of the record file", _record_byte, 50),
    ("record file cut off", _record_cut, 10),
    ("byte of a kept file or output", _object_byte, 25),
    ("byte of the provenance", _provenance_byte, 20),
    ("byte of the trace", _trace_byte, 20),
    ("kept object removed", _removed_object, 13),
    ("metric edited", _metric_edited, 8),
    ("metric, sealed anew", _metric_sealed, 4),
    ("metric, forged", _metric_forged, 8),
    ("exit status, forged", _ending_forged, 4),
    ("digest of an output, forged", _output_forged, 6),
    ("last weights, forged", _final_forged, 4),
    ("provenance swapped, sealed anew", _provenance_swapped, 2),
    ("provenance and identity swapped, forged", _provenance_forged, 2),
    ("trace swapped, sealed anew", _trace_swapped, 2),
    ("result swapped, forged", _result_swapped, 2),
    ("identity changed, sealed anew", _run_changed, 5),
    ("digest of code or data, forged", _component_changed, 5),
    ("another id, sealed anew", _id_changed, 4),
    ("file renamed", _file_renamed, 4),
    ("files swapped", _file_swapped, 2),
)


def mutate_records(
    folder: Path, *, seed: int, numbers: Sequence[int] | None = None
) -> Iterator[RecordMutation]:
    """Yield what becomes of each mutated record of the NumPy program; `numbers` are all without a choice."""
    plan = [(name, mutate) for name, mutate, count in RECORD_MUTATORS for _ in range(count)]
    wanted = range(len(plan)) if numbers is None else numbers
    bench = Bench(next(one for one in PROJECTS if one.name == "least_squares"), folder)
    seed_changed = next(one for one in MUTATORS if one.name == "seed")
    b = bench.record(seed_changed, Stream(seed, ("the other record",)))
    for number in wanted:
        name, mutate = plan[number % len(plan)]
        copy = folder / "damaged"
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(bench.store.folder, copy)
        place = _Place(store=Store(copy), a=bench.a, b=b)
        text = mutate(place, Stream(seed, ("record mutation", number)))
        outcome, why = _outcome(place, bench.a)
        yield RecordMutation(number=number, mutator=name, text=text, outcome=outcome, why=why)


def _outcome(place: _Place, whole: CommandRecord) -> tuple[str, str]:
    """Say what `assay show` and `assay verify` make of a damaged record."""
    store = Store(place.store.folder, create=False)
    try:
        record = find_command(store, whole.id)
        if record is None:  # it has another id: it is asked for by that
            record = next(one for one in command_records(store) if one.id != place.b.id)
        provenance_of_command(store, record)
        load_trace(store, record)
        found = verify_command(store, record, repeats=1, as_recorded=True)
    except IntegrityError as error:
        return "refused", error.what
    except AssayError as error:
        return "reported", error.one_line()
    except Exception as error:  # noqa: BLE001  a traceback is what must not be
        return "crashed", repr(error)
    if found.verdict.word != "identical":
        return "reported", found.verdict.text()
    in_place = place.file.exists() and read_command(place.file) == whole
    return ("same" if record == whole and in_place else "missed"), found.verdict.text()
