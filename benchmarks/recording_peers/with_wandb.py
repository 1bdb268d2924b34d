"""W&B offline: https://docs.wandb.ai/guides/track/environment-variables, WANDB_MODE=offline.

There is no way to read an offline run without its server (github.com/wandb/wandb/issues/9448): the file
of the run is read here as `wandb sync` would, by its own messages in the log format of LevelDB.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

_BLOCK = 32768
_HEADER = 7


def run(folder: Path, body: Any) -> None:
    """Log metrics of one run; `log` hands them to a service, a process of its own."""
    import wandb

    settings = wandb.Settings(mode="offline", silent=True, console="off", x_disable_stats=True)
    with wandb.init(project="benchmark", dir=str(folder), settings=settings) as begun:

        def log(step: int, value: float) -> None:
            begun.log({"loss": value}, step=step)

        body(log)


def read(folder: Path) -> int:
    """Count the values in the files of all runs."""
    from wandb.proto import wandb_internal_pb2 as messages

    found = 0
    for path in folder.glob("wandb/*run-*/run-*.wandb"):
        for data in _messages(path.read_bytes()):
            record = messages.Record()
            record.ParseFromString(data)
            items = record.history.item if record.HasField("history") else ()
            found += any("loss" in (item.key, *item.nested_key) for item in items)
    return found


def _messages(data: bytes) -> Iterator[bytes]:
    """Yield the messages of a log: chunks, each with a checksum, a length and a type, in blocks."""
    place, parts = _HEADER, b""
    while place + _HEADER <= len(data):
        left = _BLOCK - place % _BLOCK
        if left < _HEADER:
            place += left
            continue
        length = int.from_bytes(data[place + 4 : place + 6], "little")
        kind = data[place + 6]  # 1 whole, 2 first, 3 middle, 4 last
        chunk = data[place + _HEADER : place + _HEADER + length]
        if kind not in (1, 2, 3, 4) or len(chunk) < length:
            return
        parts = chunk if kind in (1, 2) else parts + chunk
        if kind in (1, 4):
            yield parts
        place += _HEADER + length
