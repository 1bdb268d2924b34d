"""The names that a published pickle may use, and what stands for them here.

None is imported or called: each stands for a function of this file, which makes plain data of what a
pickle gives it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from assay.foundation.errors import CorruptError, UnsafePickleError

_SCALARS = frozenset({"b1", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8"})


class _Skipped:
    """What stands for the content of a tensor, which is not read."""

    def __repr__(self) -> str:
        return "SKIPPED"


SKIPPED = _Skipped()


class Named:
    """What a name in a pickle stands for: a function that a pickle can call but not change."""

    __slots__ = ("call", "name")

    def __init__(self, name: str, call: Callable[..., Any]) -> None:
        self.name = name
        self.call = call


class Dtype:
    """A NumPy dtype of a pickle, of plain numbers only."""

    __slots__ = ("code", "order")

    def __init__(self, code: object, *_align_and_copy: object) -> None:
        if not isinstance(code, str) or code not in _SCALARS:
            raise UnsafePickleError(f"the pickle names 'numpy.dtype({code!r})'", why="only numbers are read")
        self.code = code
        self.order = "="

    def set_state(self, state: object) -> None:
        """Take the byte order from what a pickle says of the dtype."""
        # (version, byte order, subarray, names, fields, item size, alignment, flags)
        if not isinstance(state, tuple) or len(state) < 8 or state[1] not in ("<", ">", "|", "="):
            raise UnsafePickleError("the pickle sets a NumPy dtype to an unknown state")
        if any(part is not None for part in state[2:5]):
            raise UnsafePickleError("the pickle names a structured NumPy dtype", why="only numbers are read")
        self.order = state[1]

    def numpy(self) -> np.dtype[Any]:
        """Return the dtype itself."""
        return np.dtype((">" if self.order == ">" else "<") + self.code)


def _scalar(dtype: object, data: object) -> bool | int | float:
    if not isinstance(dtype, Dtype) or not isinstance(data, bytes):
        raise UnsafePickleError("the pickle calls 'numpy.core.multiarray.scalar' with no number")
    kind = dtype.numpy()
    if len(data) != kind.itemsize:
        raise CorruptError("a NumPy scalar of the pickle has the wrong length")
    value: bool | int | float = np.frombuffer(data, dtype=kind)[0].item()
    return value


def _array(kind: object, _shape: object, _typecode: object) -> np.ndarray:
    if kind is not _NDARRAY:
        raise UnsafePickleError("the pickle makes an array of a class of its own")
    return np.empty(0)


def set_array(array: np.ndarray, state: object) -> int:
    """Give an array what the pickle says it holds, and return its bytes."""
    if not isinstance(state, tuple) or len(state) != 5 or not isinstance(state[2], Dtype):
        raise UnsafePickleError("the pickle sets a NumPy array to an unknown state")
    _, shape, dtype, _, data = state
    if not isinstance(shape, tuple) or not isinstance(data, bytes) or len(shape) > 16:
        raise UnsafePickleError("the pickle holds a NumPy array of other things than numbers")
    if any(type(n) is not int or n < 0 for n in shape):
        raise CorruptError("a NumPy array of the pickle has an impossible shape")
    kind = dtype.numpy()
    if math.prod(shape) * kind.itemsize != len(data):
        raise CorruptError("a NumPy array of the pickle has the wrong length")
    whole = (1, shape, kind, bool(state[3]), data)
    array.__setstate__(whole)  # type: ignore[arg-type]  # a stub that asks for NumPy's bool
    return len(data)


def _empty_dict(*arguments: object) -> dict[Any, Any]:
    if arguments and arguments != ([],):
        raise UnsafePickleError("the pickle makes an ordered dictionary in an unknown way")
    return {}


def _same(items: object) -> object:
    if not isinstance(items, list | tuple):
        raise UnsafePickleError("the pickle makes a set of something that is no list")
    return items


def _encoded(text: object, encoding: object) -> bytes:
    # How Python 3 writes bytes under protocol 2.
    if not isinstance(text, str) or encoding not in ("latin1", "latin-1"):
        raise UnsafePickleError("the pickle calls '_codecs.encode' with something that is no text")
    return text.encode("latin1")


def _skip(*_arguments: object) -> _Skipped:
    return SKIPPED


def _known(functions: Mapping[str, Callable[..., Any]]) -> dict[tuple[str, str], Named]:
    split = {name: name.rpartition(".") for name in functions}
    return {(split[name][0], split[name][2]): Named(name, call) for name, call in functions.items()}


class Vocabulary(NamedTuple):
    """What a pickle may use: names, and whether sets, tuples as keys and persistent ids (tensors)."""

    names: Mapping[tuple[str, str], Named]
    has_containers: bool


_NUMBERS = _known(
    {
        "numpy.core.multiarray.scalar": _scalar,
        "numpy._core.multiarray.scalar": _scalar,
        "numpy.dtype": Dtype,
    }
)
_STORAGES = ("Double", "Float", "Half", "BFloat16", "Long", "Int", "Short", "Char", "Byte", "Bool", "Untyped")
_TENSORS = {
    "torch._utils._rebuild_tensor": _skip,
    "torch._utils._rebuild_tensor_v2": _skip,
    "torch._utils._rebuild_parameter": _skip,
    "torch.storage._load_from_bytes": _skip,
    **{f"torch.{kind}Storage": _skip for kind in _STORAGES},
    **{f"torch.storage.{kind}Storage": _skip for kind in ("Typed", "Untyped")},
}
_CONTAINERS = _known(
    {
        "collections.OrderedDict": _empty_dict,
        "builtins.set": _same,
        "__builtin__.set": _same,
        "_codecs.encode": _encoded,
        "numpy.ndarray": _skip,
        "numpy.core.multiarray._reconstruct": _array,
        "numpy._core.multiarray._reconstruct": _array,
        **_TENSORS,
    }
)
_NDARRAY = _CONTAINERS["numpy", "ndarray"]
PLAIN = Vocabulary(_NUMBERS, has_containers=False)
PUBLISHED = Vocabulary({**_NUMBERS, **_CONTAINERS}, has_containers=True)
