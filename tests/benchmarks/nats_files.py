"""Small files in the official formats of NATS-Bench and NAS-Bench-201, made for tests."""

from __future__ import annotations

import bz2
import pickle
import pickletools
from collections import OrderedDict
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

CELLS = (
    "|avg_pool_3x3~0|+|nor_conv_1x1~0|skip_connect~1|+|nor_conv_1x1~0|skip_connect~1|skip_connect~2|",
    "|nor_conv_3x3~0|+|nor_conv_3x3~0|avg_pool_3x3~1|+|none~0|nor_conv_3x3~1|avg_pool_3x3~2|",
)


def result(
    data: str, seed: int, epochs: int, *, accuracy: float = 50.0, every: bool = True
) -> dict[str, Any]:
    """Return the state of one training, with accuracies that tell the epoch and the split apart."""
    splits = {"cifar10-valid": ("x-valid", "ori-test"), "cifar10": ("ori-test",)}
    names = splits.get(data, ("x-valid", "x-test", "ori-test"))
    known = {name: range(epochs) if every or name == "ori-test" else [epochs - 1] for name in names}
    return {
        "name": data,
        "net_state_dict": None,
        "train_acc1es": {e: accuracy + e / 8 for e in range(epochs)},
        "train_acc5es": None,
        "train_losses": dict.fromkeys(range(epochs), 1.0),
        "train_times": OrderedDict((e, 2.5) for e in range(epochs)),
        "arch_config": {"channel": 16},
        "params": np.float64(1.25),
        "flop": 7.5,
        "seed": f"{seed:04d}",
        "epochs": epochs,
        "latency": [np.float64(0.0125)],
        "eval_names": list(names),
        "eval_acc1es": {
            f"{name}@{e}": accuracy + e / 16 + i for i, name in enumerate(names) for e in known[name]
        },
        "eval_losses": {},
        "eval_times": {f"{name}@{e}": 0.5 for name in names for e in range(epochs)},
    }


def state(
    index: int, text: str, epochs: int, seeds: tuple[int, ...], *, every: bool = True
) -> dict[str, Any]:
    """Return the state of an architecture at one schedule."""
    tasks = ("cifar10-valid", "cifar10", "cifar100", "ImageNet16-120")
    return {
        "arch_index": index,
        "arch_str": text,
        "all_results": {
            (data, seed): result(
                data, seed, epochs, accuracy=10.0 + index + i / 4, every=every or data.startswith("cifar10-")
            )
            for data in tasks
            for i, seed in enumerate(seeds)
        },
        "dataset_seed": {data: list(seeds) for data in tasks},
        "clear_net_done": True,
    }


def topology(index: int, text: str, keys: tuple[str, str] = ("12", "200")) -> OrderedDict[str, Any]:
    """Return an architecture of the topology files, or under the keys of the `.pth` file."""
    short, long = state(index, text, 12, (111,)), state(index, text, 200, (777, 888), every=False)
    return OrderedDict([(keys[0], short), (keys[1], long)])


def write_folder(folder: Path, archs: dict[int, Any], texts: list[str]) -> Path:
    """Write the official folder of single files."""
    folder.mkdir(parents=True, exist_ok=True)
    for index, states in archs.items():
        (folder / f"{index:06d}.pickle.pbz2").write_bytes(bz2.compress(pickle.dumps(states, 4)))
    meta = {"meta_archs": texts, "total_archs": len(texts), "arch2infos": None, "evaluated_indexes": set()}
    (folder / "meta.pickle.pbz2").write_bytes(bz2.compress(pickle.dumps(meta, 4)))
    return folder


def whole(archs: dict[int, Any], texts: list[str]) -> dict[str, Any]:
    """Return what the official single file holds."""
    return {
        "meta_archs": texts,
        "total_archs": len(texts),
        "arch2infos": archs,
        "evaluated_indexes": set(archs),
    }


def write_single(path: Path, templates: list[Any], texts: list[str], count: int) -> None:
    """Write what the official single file holds before it is packed, in little memory.

    The architectures repeat the templates under the texts of the list. The bytes are those that the C
    pickler writes: it sets a thousand items at a time, and numbers what it memorises through the file.
    """
    parts = [_parts(states) for states in templates]
    with path.open("wb") as file:
        head = pickle.dumps({"meta_archs": texts, "total_archs": len(texts)}, 4)
        memorised = _memorised(head)
        file.write(_without_frames(head)[:-1] + b"(\x8c\x0aarch2infos}")
        for index in range(count):
            pieces, own = parts[index % len(parts)]
            file.write((b"(" if index % 1_000 == 0 else b"") + b"J" + index.to_bytes(4, "little"))
            text = texts[index].encode()
            for piece in pieces:
                if isinstance(piece, int):
                    file.write(pickle.LONG_BINGET + (piece + memorised).to_bytes(4, "little"))
                else:
                    file.write(b"\x8c" + bytes([len(text)]) + text if piece is None else piece)
            memorised += own
            file.write(b"u" if index % 1_000 == 999 or index == count - 1 else b"")
        file.write(b"u.")


def _without_frames(data: bytes) -> bytes:
    frames = [place for opcode, _, place in pickletools.genops(data) if opcode.name == "FRAME"]
    for place in reversed(frames):
        data = data[:place] + data[place + 9 :]
    return data


def _memorised(data: bytes) -> int:
    return sum(opcode.name == "MEMOIZE" for opcode, _, _ in pickletools.genops(data))


def _parts(states: Any) -> tuple[list[bytes | int | None], int]:
    """Return the pickle of an architecture in pieces: bytes, numbers recalled, and None for its text."""
    data = _without_frames(pickle.dumps(states, 4))
    own = next(iter(states.values()))["arch_str"]
    pieces: list[bytes | int | None] = []
    start = 2  # after the protocol
    operations = list(pickletools.genops(data))
    for (opcode, value, place), (_, _, end) in pairwise(operations):
        if opcode.name in ("BINGET", "LONG_BINGET") or value == own:
            pieces += [data[start:place], None if value == own else value]
            start = end
    return [*pieces, data[start:-1]], _memorised(data)
