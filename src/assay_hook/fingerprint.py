"""Fingerprints of values: 128 bits over dtype, shape and bytes, read where they lie.

XXH3 (128 bits) through an extension module that is loaded under a private name, or BLAKE2b where there is
none. A tensor and an array with the same dtype, shape and elements have the same fingerprint, whatever
their layout in memory and their device.
"""

from __future__ import annotations

import hashlib
import importlib.machinery
import importlib.util
import json
import os
import sys
from collections.abc import Sequence
from typing import Any

from .tensor_memory import (
    Unreadable,
    dtype_name,
    header,
    header_of,
    is_usual,
    known_views,
    plain_view,
    quiet,
    read,
    view_of,
)

__all__ = [
    "ALGORITHM",
    "Group",
    "Unreadable",
    "digest_array",
    "digest_group",
    "digest_tensor",
    "digest_value",
    "dtype_name",
    "new",
    "plain_view",
    "quiet",
]
_MODULE = "assay_hook._xxhash"  # the last part names the extension's init symbol, PyInit__xxhash


def _recorders_extension() -> str:
    """Return the extension file that the recorder offers, '' where it is for another interpreter."""
    folder = os.environ.get("ASSAY_HOOK", "")
    try:
        with open(os.path.join(folder, "hook.json"), encoding="utf-8") as file:
            configuration = json.load(file)
    except (OSError, ValueError):
        return ""
    fits = configuration.get("abi") == sys.implementation.cache_tag
    return str(configuration.get("xxhash") or "") if fits else ""


def _programs_extension() -> str:
    """Return the extension file of the xxhash that the program could import, without importing it."""
    package = importlib.machinery.PathFinder.find_spec("xxhash")
    places = package.submodule_search_locations if package else None
    extension = importlib.machinery.PathFinder.find_spec("_xxhash", list(places)) if places else None
    return str(extension.origin) if extension and extension.origin else ""


def _load_xxh3() -> Any:
    """Return a constructor of XXH3 hashers, None where no extension loads."""
    for find in (_recorders_extension, _programs_extension):
        try:
            path = find()
            if not path:
                continue
            loader = importlib.machinery.ExtensionFileLoader(_MODULE, path)
            spec = importlib.util.spec_from_file_location(_MODULE, path, loader=loader)
            if spec is None:
                continue
            module = importlib.util.module_from_spec(spec)
            loader.exec_module(module)
            if module.xxh3_128(b"").hexdigest() == "99aa06d3014798d86001c324468d497f":
                return module.xxh3_128
        except Exception:  # noqa: BLE001, S112  a broken extension must not stop the program
            continue
    return None


def _blake2b() -> Any:
    return hashlib.blake2b(digest_size=16)


_XXH3 = _load_xxh3()
ALGORITHM = "xxh3-128" if _XXH3 else "blake2b-128"
new: Any = _XXH3 or _blake2b


# -- Tensors ------------------------------------------------------------------------------------------------


def digest_tensor(tensor: Any) -> str:
    """Return the fingerprint of a tensor; '' where it has no bytes to read."""
    plain = plain_view(sys.modules["torch"], tensor)
    if plain is None:
        return digest_group((tensor,))
    hasher = new()
    hasher.update(plain[0])
    hasher.update(plain[1])
    return str(hasher.hexdigest())


def digest_group(tensors: Sequence[Any]) -> str:
    """Return one fingerprint over several tensors in order; '' where one cannot be read.

    None among them stands for a gradient that is not there.
    """
    hasher = new()
    torch = sys.modules["torch"]
    if torch._C._get_tracing_state() is not None:  # whatever is asked of a tensor now would be traced
        return ""
    try:
        with quiet(torch):
            looked = [("none", [], []) if tensor is None else read(tensor) for tensor in tensors]
    except Unreadable:
        return ""
    hasher.update(";".join(head for head, _, _ in looked).encode())
    for _, views, _ in looked:
        for view in views:
            hasher.update(view)
    return str(hasher.hexdigest())


class Group:
    """Reads the same places again and again, such as the parameters of an optimizer.

    What can change between two looks is checked each time: address, number of elements and contiguity.
    Anything unusual goes the slow way of `digest_group`, with the same result.
    """

    def __init__(self) -> None:
        self._absent: Any = False  # which tensors are not there; False where all are
        self._elements: list[int] = [-1]
        self._sizes: list[int] = []
        self._headers: list[bytes] = []
        self._header = b""
        self._usual = False

    def digest(self, tensors: Sequence[Any]) -> str:
        """Return what `digest_group` returns."""
        views = self.views(tensors)
        if views is None:
            return digest_group(tensors)
        hasher = new()
        hasher.update(self._header)
        update = hasher.update
        for view in views:
            update(view)
        return str(hasher.hexdigest())

    def each(self, tensors: Sequence[Any]) -> list[str]:
        """Return the fingerprint of each tensor, '' where there is none or it cannot be read."""
        views = self.views(tensors)
        if views is None or self._absent:
            return ["" if tensor is None else digest_tensor(tensor) for tensor in tensors]
        digests = []
        for head, view in zip(self._headers, views):
            hasher = new()
            hasher.update(head)
            hasher.update(view)
            digests.append(hasher.hexdigest())
        return digests

    def views(self, tensors: Sequence[Any]) -> list[Any] | None:
        """Return the memory of each tensor that is there, None where the slow way is needed."""
        torch = sys.modules["torch"]
        if torch._C._get_tracing_state() is not None:
            return None
        kind = torch.Tensor
        there = [tensor for tensor in tensors if tensor is not None]
        absent = len(there) != len(tensors) and [tensor is None for tensor in tensors]
        guard = torch._C.DisableTorchFunction()
        guard.__enter__()
        try:
            if absent != self._absent or list(map(kind.numel, there)) != self._elements:
                self._prepare(torch, tensors, there, absent)
            if not self._usual or not all(map(kind.is_contiguous, there)):
                return None
            places = list(zip(map(kind.data_ptr, there), self._sizes))
            try:
                return list(map(known_views.__getitem__, places))
            except KeyError:
                return self._look(torch, there, places)
        except (TypeError, RuntimeError, AttributeError):  # sparse, or a wrapper without storage
            self._elements = [-1]
            return None
        finally:
            guard.__exit__(None, None, None)

    def _prepare(self, torch: Any, tensors: Sequence[Any], there: Sequence[Any], absent: Any) -> None:
        self._absent = absent
        self._elements = [tensor.numel() for tensor in there]
        self._usual = all(is_usual(torch, tensor) for tensor in there)
        if self._usual:
            self._sizes = [tensor.numel() * tensor.element_size() for tensor in there]
            self._headers = [header_of(tensor) for tensor in tensors]
            self._header = b";".join(self._headers)

    def _look(self, torch: Any, tensors: Sequence[Any], places: Sequence[Any]) -> list[Any] | None:
        """Make views of the places that were never seen, after a careful look at what lies there."""
        for tensor, place in zip(tensors, places):
            if place not in known_views and not (is_usual(torch, tensor) and place[0]):
                self._elements = [-1]
                return None
        return [known_views.get(place) or view_of(*place) for place in places]


# -- Arrays and plain values --------------------------------------------------------------------------------


def digest_array(array: Any) -> str:
    """Return the fingerprint of a NumPy array."""
    hasher = new()
    _add_array(hasher, array)
    return str(hasher.hexdigest())


def _add_array(hasher: Any, array: Any) -> None:
    if array.dtype.hasobject:
        hasher.update(header("object", array.shape).encode())
        _Walk(hasher).add(array.tolist())
        return
    if array.dtype.byteorder == ">" or (array.dtype.byteorder == "=" and sys.byteorder == "big"):
        array = array.astype(array.dtype.newbyteorder("<"))
    simple = array.dtype.kind in "biufc"
    hasher.update(header(array.dtype.name if simple else str(array.dtype), array.shape).encode())
    if simple and array.flags.c_contiguous and array.size:
        hasher.update(array.data)
    else:
        hasher.update(array.tobytes())


def digest_value(value: Any) -> str:
    """Return the fingerprint of plain data: numbers, text, containers, tensors and arrays in them.

    An object of another class counts with its class and its attributes.
    """
    walk = _Walk(new())
    walk.add(value)
    return str(walk.hasher.hexdigest())


class _Walk:
    """Feeds nested data to a hasher, each value with its kind, bounded in depth and number."""

    LIMIT = 100_000
    DEPTH = 12

    def __init__(self, hasher: Any) -> None:
        self.hasher = hasher
        self.left = self.LIMIT

    def add(self, value: Any, depth: int = 0) -> None:
        self.left -= 1
        if self.left < 0 or depth > self.DEPTH:
            self.text("...")
        elif value is None or isinstance(value, (bool, int, float, complex)):
            self.text(f"{type(value).__name__}:{value!r}")
        elif isinstance(value, str):
            self.data("str", value.encode("utf-8", "surrogatepass"))
        elif isinstance(value, (bytes, bytearray, memoryview)):
            self.data("bytes", bytes(value))
        elif not self.numerical(value):
            self.container(value, depth + 1)

    def text(self, text: str) -> None:
        self.hasher.update(text.encode("utf-8", "surrogatepass") + b"\0")

    def data(self, kind: str, data: bytes) -> None:
        self.text(f"{kind}:{len(data)}")
        self.hasher.update(data)

    def numerical(self, value: Any) -> bool:
        """Add a tensor or an array; say whether it was one."""
        torch, numpy = sys.modules.get("torch"), sys.modules.get("numpy")
        if torch is not None and hasattr(torch, "Tensor") and isinstance(value, torch.Tensor):
            self.text(f"tensor:{digest_tensor(value)}")
        elif numpy is not None and hasattr(numpy, "ndarray") and isinstance(value, numpy.ndarray):
            self.text(f"tensor:{digest_array(value)}")
        elif numpy is not None and hasattr(numpy, "generic") and isinstance(value, numpy.generic):
            self.add(value.item())
        else:
            return False
        return True

    def container(self, value: Any, depth: int) -> None:
        if isinstance(value, (list, tuple)):
            self.text(f"list:{len(value)}")
            for item in value:
                self.add(item, depth)
        elif isinstance(value, (set, frozenset)):
            self.text(f"set:{len(value)}")
            for digest in sorted(map(digest_value, value)):
                self.text(digest)
        elif isinstance(value, type) or callable(value):
            self.text(f"named:{getattr(value, '__module__', '')}.{getattr(value, '__qualname__', '')}")
        else:
            self.attributes(value, depth)

    def attributes(self, value: Any, depth: int) -> None:
        """Add a mapping, or an object as the mapping of its attributes."""
        inner = value if hasattr(value, "keys") else getattr(value, "__dict__", {})
        names = list(inner.keys())
        self.text(f"{'dict' if isinstance(value, dict) else type(value).__qualname__}:{len(names)}")
        for name in names:
            self.add(name, depth)
            self.add(inner[name], depth)
