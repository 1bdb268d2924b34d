"""Keeps the inputs of one operator as plain bytes, and calls it again on them alone.

Run as a program by the interpreter of the recorded one:

    python replay.py FOLDER [--label NAME] [--times K] [--threads N]

The folder holds call.json and raw little-endian files. Nothing in it is code: the operator must be one that
this PyTorch has registered, and every argument is a number, a text of a known kind or a tensor. The outputs
go to FOLDER/outputs-LABEL, their digests to the standard output as JSON.
"""

from __future__ import annotations

import sys

if __name__ == "__main__":
    # The folder of this file is no place to import from: `secrets` must be the standard library's.
    sys.path.pop(0)

import argparse
import ctypes
import hashlib
import json
import os
from typing import Any

FORMAT = 1
SPACES = frozenset(("aten", "mkldnn", "mkl", "quantized", "_quantized", "onednn", "torchvision"))
_NAMED = ("dtype", "layout", "memory_format")
_ALIGNMENT = 64


class Unsupported(Exception):  # noqa: N818  a property of the call, not an error
    """A call that cannot be kept or made again; its text says why."""


# -- Keeping ------------------------------------------------------------------------------------------------


def save_call(torch: Any, folder: str, func: Any, args: Any, kwargs: Any, generator: Any, row: Any) -> None:
    """Write an operator's arguments to a folder, before it runs; what cannot be kept is said in call.json."""
    os.makedirs(folder, exist_ok=True)
    call: dict[str, Any] = {"format": FORMAT, "operator": str(func), "row": row}
    keeper = _Keeper(torch, folder, generator)
    try:
        call["args"] = [keeper.node(value) for value in args]
        call["kwargs"] = {name: keeper.node(value) for name, value in kwargs.items()}
        if generator is not None:
            call["generator"] = {"tensor": keeper.tensor(generator.get_state())}
            call["device"] = str(getattr(generator, "device", "cpu"))
    except Unsupported as why:
        call["unsupported"] = str(why)
    call["tensors"] = keeper.tensors
    _write_json(os.path.join(folder, "call.json"), call)


def save_results(torch: Any, folder: str, result: Any, changed: Any, made: Any, mutated: Any) -> None:
    """Write what the operator returned, and its changed arguments, as the outputs labelled 'recorded'."""
    facts = _write_outputs(torch, folder, "recorded", _outputs(result, changed))
    facts.update({"made": made, "mutated": mutated})
    _write_json(os.path.join(folder, "outputs-recorded", "recorded.json"), facts)


class _Keeper:
    """Turns arguments into plain data, and tensors into files."""

    def __init__(self, torch: Any, folder: str, generator: Any) -> None:
        self.torch, self.folder, self.generator = torch, folder, generator
        self.tensors: list[dict[str, Any]] = []
        self.places: dict[int, int] = {}

    def node(self, value: Any) -> dict[str, Any]:
        """Return an argument as plain data."""
        if value is None or isinstance(value, (bool, int, str)):
            return {"value": value}
        if isinstance(value, float):
            return {"float": value.hex()}
        if isinstance(value, complex):
            return {"complex": [value.real.hex(), value.imag.hex()]}
        if isinstance(value, (list, tuple)):
            return {"list": [self.node(part) for part in value]}
        return self._of_torch(value)

    def _of_torch(self, value: Any) -> dict[str, Any]:
        torch = self.torch
        if isinstance(value, torch.Tensor):
            return {"tensor": self.tensor(value)}
        if isinstance(value, torch.device):
            return {"device": str(value)}
        if isinstance(value, torch.Generator):
            return {"generator": True}
        for name in _NAMED:
            if isinstance(value, getattr(torch, name)):
                return {name: str(value).rpartition(".")[2]}
        raise Unsupported(f"an argument of type {type(value).__name__} cannot be kept")

    def tensor(self, tensor: Any) -> int:
        """Write the bytes that a tensor spans, gaps of its strides included, and return its number."""
        if id(tensor) in self.places:
            return self.places[id(tensor)]
        number = self.places[id(tensor)] = len(self.tensors)
        facts, data = _raw(self.torch, tensor)
        facts["file"] = f"tensor-{number}.bin"
        _write(os.path.join(self.folder, facts["file"]), data)
        self.tensors.append(facts)
        return number


def _raw(torch: Any, tensor: Any) -> tuple[dict[str, Any], bytes]:
    with torch.no_grad():
        tensor = tensor.detach()
        if tensor.layout is not torch.strided or tensor.is_quantized or tensor.is_conj() or tensor.is_neg():
            raise Unsupported(f"a tensor of layout {tensor.layout} cannot be kept")
        shape, stride = list(tensor.shape), list(tensor.stride())
        extent = 0 if 0 in shape else 1 + sum((size - 1) * step for size, step in zip(shape, stride))
        flat = tensor.as_strided((extent,), (1,), tensor.storage_offset())
        address = flat.data_ptr()
        flat = flat.cpu()
        data = ctypes.string_at(flat.data_ptr(), extent * flat.element_size()) if extent else b""
    facts = {
        "dtype": str(tensor.dtype).rpartition(".")[2],
        "shape": shape,
        "stride": stride,
        "extent": extent,
        "device": str(tensor.device),
        # Kernels may take another way where memory is not aligned.
        "shift": address % _ALIGNMENT,
    }
    return facts, data


def _outputs(result: Any, changed: Any) -> list[Any]:
    """Return the tensors among results, then the changed arguments, and numbers as they are."""
    found: list[Any] = []

    def add(value: Any) -> None:
        if isinstance(value, (list, tuple)):
            for part in value:
                add(part)
        elif value is not None:
            found.append(value)

    add(result)
    # In-place operators return what they changed.
    found.extend(tensor for tensor in changed if not any(tensor is other for other in found))
    return found


def _write_outputs(torch: Any, folder: str, label: str, outputs: list[Any]) -> dict[str, Any]:
    place = os.path.join(folder, f"outputs-{label}")
    os.makedirs(place, exist_ok=True)
    described = []
    for number, value in enumerate(outputs):
        facts, data = _output(torch, value)
        facts["file"] = f"output-{number}.bin"
        facts["digest"] = hashlib.blake2b(json.dumps(facts).encode() + data, digest_size=16).hexdigest()
        _write(os.path.join(place, facts["file"]), data)
        described.append(facts)
    document = {"format": FORMAT, "outputs": described}
    _write_json(os.path.join(place, "outputs.json"), document)
    return {"digests": [facts["digest"] for facts in described]}


def _output(torch: Any, value: Any) -> tuple[dict[str, Any], bytes]:
    if not isinstance(value, torch.Tensor):
        return {"dtype": "python", "shape": []}, repr(value).encode()
    dense = value.detach()
    dense = dense.to_dense() if dense.layout is not torch.strided else dense
    facts, data = _raw(torch, dense.resolve_conj().contiguous())
    return {"dtype": facts["dtype"], "shape": facts["shape"]}, data


def _write(path: str, data: bytes) -> None:
    with open(path, "wb") as file:
        file.write(data)


def _write_json(path: str, value: Any) -> None:
    _write(path, json.dumps(value, indent=1).encode())


# -- Calling ------------------------------------------------------------------------------------------------


def find_operator(torch: Any, name: str) -> Any:
    """Return the registered operator of a name such as 'aten.addmm.default'; nothing else is ever called."""
    parts = name.split(".")
    if len(parts) != 3 or parts[0] not in SPACES or not all(part.isidentifier() for part in parts):
        raise Unsupported(f"'{name}' is not an operator that is called again")
    packet = getattr(getattr(torch.ops, parts[0]), parts[1], None)
    if packet is None or parts[2] not in packet.overloads():
        raise Unsupported(f"this PyTorch has no operator '{name}'")
    found = getattr(packet, parts[2])
    if type(found).__name__ != "OpOverload":
        raise Unsupported(f"'{name}' is not an operator")
    return found


class _Caller:
    """Rebuilds the arguments of a call, anew for each time: an operator may change them."""

    def __init__(self, torch: Any, folder: str, call: dict[str, Any]) -> None:
        self.torch, self.folder, self.call = torch, folder, call
        self.function = find_operator(torch, call["operator"])
        self.built: dict[int, Any] = {}
        self.generator: Any = None

    def run(self) -> list[Any]:
        """Call the operator once and return its outputs."""
        torch = self.torch
        self.built = {}
        if "generator" in self.call:
            device = torch.device(self.call.get("device", "cpu"))
            self.generator = torch.Generator(device=device)
            state = self.tensor(self.call["generator"]["tensor"]).cpu()
            self.generator.set_state(state)
            default = torch.default_generator if device.type == "cpu" else None
            (default or torch.cuda.default_generators[device.index or 0]).set_state(state)
        args = [self.value(node) for node in self.call["args"]]
        kwargs = {name: self.value(node) for name, node in self.call["kwargs"].items()}
        with torch.no_grad():
            result = self.function(*args, **kwargs)
        given = dict(zip([argument.name for argument in self.function._schema.arguments], args))
        given.update(kwargs)
        changed = [
            part
            for argument in self.function._schema.arguments
            if argument.alias_info is not None and argument.alias_info.is_write
            for part in _listed(given.get(argument.name))
        ]
        return _outputs(result, changed)

    def value(self, node: dict[str, Any]) -> Any:
        """Return what a node of call.json stands for."""
        ((kind, inner),) = node.items()
        if kind == "value" and (inner is None or isinstance(inner, (bool, int, str))):
            return inner
        if kind == "float":
            return float.fromhex(inner)
        if kind == "complex":
            return complex(float.fromhex(inner[0]), float.fromhex(inner[1]))
        if kind == "list":
            return [self.value(part) for part in inner]
        return self._of_torch(kind, inner)

    def _of_torch(self, kind: str, inner: Any) -> Any:
        if kind == "tensor":
            return self.tensor(inner)
        if kind == "generator":
            return self.generator
        if kind == "device":
            return self.torch.device(inner)
        found = getattr(self.torch, inner, None) if kind in _NAMED else None
        if found is None or not isinstance(found, getattr(self.torch, kind)):
            self._refuse(kind)
        return found

    def tensor(self, number: int) -> Any:
        """Return a tensor with its strides, and as aligned in memory as it was."""
        if number in self.built:
            return self.built[number]
        torch, facts = self.torch, self.call["tensors"][number]
        dtype = getattr(torch, facts["dtype"], None)
        if not isinstance(dtype, torch.dtype) or os.path.basename(facts["file"]) != facts["file"]:
            self._refuse("tensor")
        with open(os.path.join(self.folder, facts["file"]), "rb") as file:
            data = file.read()
        width = torch.empty((), dtype=dtype).element_size()
        if len(data) != facts["extent"] * width:
            raise Unsupported("a tensor's file was cut short")
        shift = facts["shift"] // width if facts["shift"] % width == 0 else 0
        room = torch.zeros(shift + facts["extent"], dtype=dtype)
        if data:
            ctypes.memmove(room.data_ptr() + shift * width, data, len(data))
        room = room.to(facts["device"])
        built = self.built[number] = room.as_strided(facts["shape"], facts["stride"], shift)
        return built

    def _refuse(self, kind: str) -> Any:
        raise Unsupported(f"call.json holds a {kind} that is not known")


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, (list, tuple)) else [value]


def replay(folder: str, label: str, times: int, threads: int | None) -> dict[str, Any]:
    """Call the operator in a folder again; raises `Unsupported` where it cannot be."""
    import torch

    with open(os.path.join(folder, "call.json"), encoding="utf-8") as file:
        call = json.load(file)
    if call.get("format") != FORMAT:
        raise Unsupported(f"call.json is not of format {FORMAT}")
    if "unsupported" in call:
        raise Unsupported(call["unsupported"])
    if threads:
        torch.set_num_threads(threads)
    caller = _Caller(torch, folder, call)
    found = []
    for turn in range(times):
        outputs = caller.run()
        found.append(
            _write_outputs(torch, folder, label if turn == 0 else f"{label}-{turn}", outputs)["digests"]
        )
    return {
        "format": FORMAT,
        "digests": found,
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
    }


def main() -> int:
    """Replay the operator in the folder that the command line names."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    parser.add_argument("--label", default="replay")
    parser.add_argument("--times", type=int, default=1)
    parser.add_argument("--threads", type=int)
    given = parser.parse_args()
    try:
        answer = replay(given.folder, given.label, given.times, given.threads)
    except (Unsupported, RuntimeError, ImportError, ValueError, KeyError, OSError) as error:
        answer = {"format": FORMAT, "failed": f"{type(error).__name__}: {error}"}
    sys.stdout.write(json.dumps(answer) + "\n")
    return 1 if "failed" in answer else 0


if __name__ == "__main__":
    sys.exit(main())
