"""Writes files in the official format of NAS-Bench-101, without any of the code that reads them."""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

STAGES = ("halfway", "final")
FIELDS = ("training_time", "train_accuracy", "validation_accuracy", "test_accuracy")


def crc(data: bytes) -> int:
    """Return the CRC-32C of RFC 3720, bit by bit, masked as `record_writer.h` of TensorFlow does."""
    state = 0xFFFFFFFF
    for byte in data:
        state ^= byte
        for _ in range(8):
            state = state >> 1 ^ (0x82F63B78 if state & 1 else 0)
    plain = state ^ 0xFFFFFFFF
    return ((plain >> 15 | plain << 17) + 0xA282EAD8) & 0xFFFFFFFF


def framed(body: bytes) -> bytes:
    """Return a TFRecord."""
    length = struct.pack("<Q", len(body))
    return length + struct.pack("<I", crc(length)) + body + struct.pack("<I", crc(body))


def varint(number: int) -> bytes:
    """Return a number as protocol buffers write it."""
    low, rest = number & 0x7F, number >> 7
    return bytes([low | 0x80]) + varint(rest) if rest else bytes([low])


def doubles(values: Mapping[int, float]) -> bytes:
    """Return a message of doubles by the number of their field."""
    return b"".join(varint(field << 3 | 1) + struct.pack("<d", value) for field, value in values.items())


def metrics(parameters: int, evaluations: Iterable[bytes]) -> bytes:
    """Return a `ModelMetrics` message."""
    parts = [varint(1 << 3 | 2) + varint(len(one)) + one for one in evaluations]
    return b"".join(parts) + varint(2 << 3) + varint(parameters) + doubles({3: 1234.5})


def evaluation(epoch: float, repeat: Mapping[str, float], stage: str) -> bytes:
    """Return an `EvaluationData` message of one stage of a repeat, as `nasbench.api` calls its numbers."""
    numbers = [repeat[f"{stage}_{field}"] for field in FIELDS]
    return doubles(dict(enumerate((epoch, *numbers), start=1)))


def line(module_hash: Any, epochs: Any, matrix: str, operations: str, message: bytes) -> bytes:
    """Return the JSON of a record."""
    parts = [module_hash, epochs, matrix, operations, base64.b64encode(message).decode()]
    return json.dumps(parts).encode()


def record(
    module_hash: str,
    epochs: int,
    adjacency: Sequence[Sequence[int]],
    operations: Sequence[str],
    parameters: int,
    repeat: Mapping[str, float],
) -> bytes:
    """Return the body of the record of one training."""
    start = doubles({1: 0.0, 2: 0.5, 3: 0.1, 4: 0.1, 5: 0.1})
    halves = [
        evaluation(epochs * part, repeat, stage) for part, stage in zip((0.5, 1.0), STAGES, strict=True)
    ]
    matrix = "".join(str(int(bit)) for row in adjacency for bit in row)
    return line(module_hash, epochs, matrix, ",".join(operations), metrics(parameters, [start, *halves]))


def all_records(table: Mapping[str, Any]) -> list[bytes]:
    """Return the bodies of every training of a table as `nasbench.api` holds it, repeat by repeat."""
    return [
        record(key, epochs, fixed["module_adjacency"], fixed["module_operations"], parameters, repeats[k])
        for k in range(3)
        for key, (fixed, computed) in table.items()
        for parameters in [int(fixed["trainable_parameters"])]
        for epochs, repeats in computed.items()
        if k < len(repeats)
    ]
