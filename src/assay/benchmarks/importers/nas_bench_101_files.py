"""The trainings in NAS-Bench-101's files: its TFRecords, and the pickled dictionaries of its module.

Each record is a JSON list: the module's hash, the number of epochs, the adjacency matrix row by row, the
operations joined by commas, and in base 64 the message `ModelMetrics` of `nasbench/lib/model_metrics.proto`
of google-research/nasbench at b942470, with the evaluations at the start, halfway and at the end of one
training. Records of one module and one number of epochs are its repeats, in order, as `nasbench/api.py` of
the same commit reads them. What that module then holds, a pair of fixed and computed statistics for each
hash, is read from a pickle.
"""

from __future__ import annotations

import base64
import math
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec

from assay.benchmarks.importers.restricted import load_published
from assay.benchmarks.importers.tfrecord import records
from assay.foundation.errors import CorruptError


class Evaluation(NamedTuple):
    """One evaluation during a training: seconds so far, and two accuracies as fractions."""

    seconds: float
    validation: float
    test: float


class Training(NamedTuple):
    """One training of a module: as published, one record."""

    module_hash: str
    epochs: int
    text: str  # the fields of the module, as the space reads them
    parameters: int
    halfway: Evaluation
    final: Evaluation


def from_tfrecord(path: Path) -> Iterator[Training]:
    """Yield the trainings of a TFRecord file."""
    decode = msgspec.json.Decoder(tuple[str, int, str, str, str]).decode
    for number, record in enumerate(records(path)):
        try:
            module_hash, epochs, matrix, operations, metrics = decode(record)
            parameters, evaluations = _metrics(base64.b64decode(metrics, validate=True))
            _, halfway, final = evaluations
            text = f"{matrix}:{operations}"
            training = Training(module_hash, epochs, text, parameters, halfway, final)
        except (IndexError, ValueError, msgspec.DecodeError, struct.error) as error:
            why = f"{type(error).__name__}: {error}"
            raise CorruptError(
                "a record is not one of NAS-Bench-101", where=f"{path}, record {number:,}", why=why
            ) from None
        yield training


def from_pickle(path: Path) -> Iterator[Training]:
    """Yield the trainings of a pickled pair of the official module's statistics, hash by hash."""
    table = load_published(path.read_bytes(), path)
    try:
        for module_hash, (fixed, computed) in table.items():
            matrix = "".join(str(int(bit)) for row in fixed["module_adjacency"] for bit in row)
            text = f"{matrix}:{','.join(fixed['module_operations'])}"
            parameters = int(fixed["trainable_parameters"])
            for epochs, repeats in computed.items():
                for repeat in repeats:
                    halfway, final = (_evaluation(repeat, stage) for stage in ("halfway", "final"))
                    yield Training(module_hash, int(epochs), text, parameters, halfway, final)
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError) as error:
        why = f"{type(error).__name__}: {error}"
        raise CorruptError("the pickle holds no statistics of modules", where=str(path), why=why) from None


def _evaluation(repeat: Mapping[str, float], stage: str) -> Evaluation:
    seconds, validation, test = (
        float(repeat[f"{stage}_{name}"]) for name in ("training_time", "validation_accuracy", "test_accuracy")
    )
    return Evaluation(seconds, validation, test)


_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5  # wire types of protocol buffers
_DOUBLE = struct.Struct("<d")
# An evaluation as it is nearly always written: the five doubles in order, each after its tag.
_FIVE = struct.Struct("<BdBdBdBdBd")
_FIVE_TAGS = tuple(field << 3 | _FIXED64 for field in range(1, 6))


def _metrics(message: bytes) -> tuple[int, list[Evaluation]]:
    """Return the parameters and the evaluations of a `ModelMetrics` message."""
    parameters, evaluations = 0, []
    for field, value in _fields(message):
        if field == 1 and isinstance(value, bytes):
            evaluations.append(_decoded(value))
        elif field == 2 and isinstance(value, int):
            parameters = value
    return parameters, evaluations


def _decoded(message: bytes) -> Evaluation:
    """Return an `EvaluationData` message; a field that is not written is NaN."""
    if len(message) == _FIVE.size:
        *parts, last = _FIVE.unpack(message)
        if (*parts[::2],) == _FIVE_TAGS:
            return Evaluation(parts[3], parts[7], last)
    found = {field: value for field, value in _fields(message) if isinstance(value, float)}
    return Evaluation(*[found.get(field, math.nan) for field in (2, 4, 5)])


def _fields(message: bytes) -> Iterator[tuple[int, int | float | bytes]]:
    """Yield the number and value of each field of a message; those of 64 bits are read as doubles."""
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        field, wire = key >> 3, key & 7
        if wire == _VARINT:
            value, at = _varint(message, at)
            yield field, value
        elif wire == _FIXED64:
            yield field, _DOUBLE.unpack_from(message, at)[0]
            at += 8
        elif wire in (_BYTES, _FIXED32):
            size, at = _varint(message, at) if wire == _BYTES else (4, at)
            if at + size > len(message):
                raise ValueError("a field of the message is longer than the message")
            yield field, message[at : at + size]
            at += size
        else:
            raise ValueError(f"the message has a field of wire type {wire}")


def _varint(message: bytes, at: int) -> tuple[int, int]:
    """Return the number that starts at a place, and the place after it."""
    value = shift = 0
    while True:
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
        if shift > 63:
            raise ValueError("the message has a number of more than 64 bits")
