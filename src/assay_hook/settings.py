"""Rows about settings: values made plain, free of secrets, and each path written once.

What is kept of an argument when an object is made holds no object of the program alive.
"""

from __future__ import annotations

import enum
import functools
import inspect
import numbers
import types
import weakref
from typing import Any

from . import fingerprint, rows, secrets

_SIMPLE = frozenset({float, int, bool, str, type(None)})
_LONGEST_TEXT = 1_000
_MOST_ITEMS = 100
_DEEPEST = 4
_MOST_SETTINGS = 20_000

_written: dict[str, Any] = {}


class KeptArray:
    """Stands for a tensor or an array that was given as an argument, without keeping it alive."""

    __slots__ = ("reference", "shape")

    def __init__(self, array: Any) -> None:
        self.reference = weakref.ref(array)
        self.shape = array.shape


def keep(value: Any) -> Any:
    """Return what has to be kept of an argument so that it can be told later; cheap for simple values."""
    if type(value) in _SIMPLE:
        return value
    return _kept(value, 0)


def _kept(value: Any, depth: int) -> Any:
    if type(value) in _SIMPLE:
        return value
    if isinstance(value, (list, tuple, set, frozenset, dict)):
        if depth < _DEEPEST and len(value) <= _MOST_ITEMS:
            return _kept_items(value, depth + 1)
        return {"class": type(value).__name__, "length": len(value)}
    if _is_array(value):
        return KeptArray(value)
    return plain(value)


def _kept_items(value: Any, depth: int) -> Any:
    if isinstance(value, dict):
        return {str(key): _kept(inner, depth) for key, inner in value.items()}
    if isinstance(value, (set, frozenset)):
        return sorted((_kept(inner, depth) for inner in value), key=str)
    return tuple(_kept(inner, depth) for inner in value)


def plain(value: Any, depth: int = 0) -> Any:
    """Return a value as JSON holds it.

    Tensors and arrays become {"tensor": fingerprint, "shape"}, one number is itself; functions and classes
    their qualified name, with what they were made with; other objects their class in angle brackets.
    """
    if isinstance(value, enum.Enum):
        return value.name
    if value is None or isinstance(value, (bool, str, numbers.Real)):
        return _simple(value)
    if isinstance(value, KeptArray):
        return _array(value.reference(), value.shape)
    if _is_array(value):
        return _array(value, value.shape)
    if type(value).__module__.startswith("omegaconf.") and hasattr(value, "__len__"):
        value = dict(value) if hasattr(value, "keys") else list(value)
    if isinstance(value, (list, tuple, set, frozenset, dict)):
        return _container(value, depth)
    return name_of(value)


def _simple(value: Any) -> Any:
    """Return a number or text as Python's own kind; numbers that JSON lacks as text."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return str(value)
    if isinstance(value, numbers.Integral):
        return int(value)
    value = float(value)
    return value if value - value == 0 else str(value)


def _container(value: Any, depth: int) -> Any:
    if depth >= _DEEPEST or len(value) > _MOST_ITEMS:
        return {"class": type(value).__name__, "length": len(value)}
    if isinstance(value, dict):
        return {str(key): plain(inner, depth + 1) for key, inner in value.items()}
    items = [plain(inner, depth + 1) for inner in value]
    return sorted(items, key=str) if isinstance(value, (set, frozenset)) else items


def _is_array(value: Any) -> bool:
    """Say whether a value is a torch tensor or a NumPy array, by what it offers."""
    kind = type(value)
    return hasattr(kind, "shape") and hasattr(kind, "dtype") and hasattr(kind, "tolist")


def _array(value: Any, shape: Any) -> Any:
    sizes = [int(size) for size in shape]
    if value is None:
        return {"tensor": None, "shape": sizes}
    if not sizes:
        return plain(value.item())
    is_numpy = type(value).__module__.partition(".")[0] == "numpy"
    digest = fingerprint.digest_array(value) if is_numpy else fingerprint.digest_tensor(value)
    return {"tensor": digest or None, "shape": sizes}


def name_of(value: Any) -> str:
    """Return the name by which people know a function, class or object; no address of memory is in it."""
    if isinstance(value, functools.partial):
        given = [repr(plain(inner)) for inner in value.args]
        given += [f"{key}={plain(inner)!r}" for key, inner in sorted(value.keywords.items())]
        return f"{name_of(value.func)}({', '.join(given)})"
    owner = type(value)
    if owner.__module__ == "torch" and owner.__name__ in {"dtype", "device", "layout", "memory_format"}:
        return str(value)
    if isinstance(value, types.FunctionType):
        held = _closure(inspect.unwrap(value))
        return f"{rows.named(value)}({held})" if held else rows.named(value)
    if isinstance(value, (type, types.BuiltinFunctionType, types.MethodType)):
        return rows.named(value)
    return f"<{rows.named(owner)}>"


def _closure(value: Any) -> str:
    """Return the simple values that a function holds from where it was made, such as a rate of decay."""
    held = []
    names = value.__code__.co_freevars if isinstance(value, types.FunctionType) else ()
    for name, cell in zip(names, value.__closure__ or ()):
        try:
            content = cell.cell_contents
        except ValueError:  # not assigned yet
            continue
        if type(content) in _SIMPLE:
            held.append(f"{name}={plain(content)!r}")
    return ", ".join(held)


# -- Writing ------------------------------------------------------------------------------------------------


def write(path: str, value: Any, source: str, *, named: bool | None = None, where: str = "") -> None:
    """Write a setting, unless the same one was written already; a changed one replaces it."""
    name = path.rpartition(".")[2]
    row = {
        "k": "setting",
        "path": _scrubbed("", path),
        "value": _clean(name, plain(value)),
        "source": source,
        "named": named,
        "where": where,
    }
    if _written.get(path) == row:
        return
    if len(_written) >= _MOST_SETTINGS and path not in _written:
        rows.missed(f"more than {_MOST_SETTINGS:,} settings: the rest was left out")
        return
    _written[path] = row
    rows.write(row)


def forget() -> None:
    """Begin anew, as in a child whose file holds nothing yet."""
    _written.clear()


def _clean(name: str, value: Any) -> Any:
    if isinstance(value, str):
        return _scrubbed(name, value[:_LONGEST_TEXT])
    if isinstance(value, dict):
        return {_scrubbed("", key): _clean(key, inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_clean(name, inner) for inner in value]
    return value


@functools.lru_cache(maxsize=4096)
def _scrubbed(name: str, text: str) -> str:
    if name and secrets.is_named_secret(name, text):
        return secrets.REMOVED
    return secrets.scrub(text)


rows.fork_hooks.append(forget)
