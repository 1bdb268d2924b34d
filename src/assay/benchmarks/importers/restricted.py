"""Reading a published pickle without running it: plain data and NumPy scalars, nothing else.

The reader works by an allow-list of opcodes (PEP 3154; Python's Lib/pickletools.py), not by a
deny-list of names. It never imports what a pickle names: the only three names that it knows stand
for functions of its own, which return Python numbers. Sets, `EXT`, `PERSID`, `INST`, `NEWOBJ` and
everything else are refused, by name.
"""

from __future__ import annotations

import io
import pickle
import pickletools
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from assay.foundation.errors import AssayError, CorruptError, UnsafePickleError

_Unpickler = pickle._Unpickler  # noqa: SLF001  the one in Python has no public name
LIMIT = 64 * 1024 * 1024
"""Bytes of the largest pickle that is read. An object costs at least one byte of pickle, so that
this bounds what a hostile one can make of memory."""

_SCALARS = frozenset({"b1", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8"})
_KEYS = (str, int, float, bytes, type(None))
_OPCODES = [
    "PROTO", "FRAME", "STOP", "MARK", "MEMOIZE", "BINPUT", "LONG_BINPUT", "BINGET", "LONG_BINGET",
    "NONE", "NEWTRUE", "NEWFALSE", "BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT",
    "SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8", "SHORT_BINBYTES", "BINBYTES",
    "EMPTY_TUPLE", "TUPLE", "TUPLE1", "TUPLE2", "TUPLE3", "EMPTY_LIST", "APPEND", "APPENDS",
    "EMPTY_DICT", "SETITEM", "SETITEMS",
    "GLOBAL", "STACK_GLOBAL", "REDUCE", "BUILD",
]  # fmt: skip


_DAMAGE = (  # what the standard library raises on bytes that are no pickle
    pickle.UnpicklingError, ArithmeticError, AttributeError, EOFError, LookupError, MemoryError,
    TypeError, ValueError, struct.error,
)  # fmt: skip


class _Named:
    """What a name in a pickle stands for: a function that a pickle can call but not change."""

    __slots__ = ("call", "name")

    def __init__(self, name: str, call: Callable[..., Any]) -> None:
        self.name = name
        self.call = call

    def __setstate__(self, state: object) -> None:
        raise UnsafePickleError(f"the pickle changes '{self.name}'")


class _Dtype:
    """A NumPy dtype of a pickle, of plain numbers only."""

    __slots__ = ("code", "order")

    def __init__(self, code: object, *_align_and_copy: object) -> None:
        if not isinstance(code, str) or code not in _SCALARS:
            raise UnsafePickleError(f"the pickle names 'numpy.dtype({code!r})'", why="only numbers are read")
        self.code = code
        self.order = "="

    def __setstate__(self, state: object) -> None:
        # (version, byte order, subarray, names, fields, item size, alignment, flags)
        if not isinstance(state, tuple) or len(state) < 8 or state[1] not in ("<", ">", "|", "="):
            raise UnsafePickleError("the pickle sets a NumPy dtype to an unknown state")
        if any(part is not None for part in state[2:5]):
            raise UnsafePickleError("the pickle names a structured NumPy dtype", why="only numbers are read")
        self.order = state[1]


def _scalar(dtype: object, data: object) -> bool | int | float:
    if not isinstance(dtype, _Dtype) or not isinstance(data, bytes):
        raise UnsafePickleError("the pickle calls 'numpy.core.multiarray.scalar' with no number")
    kind = np.dtype((">" if dtype.order == ">" else "<") + dtype.code)
    if len(data) != kind.itemsize:
        raise CorruptError("a NumPy scalar of the pickle has the wrong length")
    value: bool | int | float = np.frombuffer(data, dtype=kind)[0].item()
    return value


_NAMES = {
    ("numpy.core.multiarray", "scalar"): _Named("numpy.core.multiarray.scalar", _scalar),
    ("numpy._core.multiarray", "scalar"): _Named("numpy._core.multiarray.scalar", _scalar),
    ("numpy", "dtype"): _Named("numpy.dtype", _Dtype),
}


def _refuse(opcode: str) -> Callable[[Any], None]:
    def refuse(_reader: Any) -> None:
        raise UnsafePickleError(f"the pickle uses opcode {opcode}", why="only plain data is read")

    return refuse


def _dispatch() -> dict[int, Callable[[Any], None]]:
    """Return the standard handlers of the allowed opcodes, and a refusal by name for all others."""
    table = {code: _refuse(f"0x{code:02x}") for code in range(256)}
    for opcode in pickletools.opcodes:
        table[ord(opcode.code)] = _refuse(opcode.name)
    for name in _OPCODES:
        code = getattr(pickle, name)[0]
        table[code] = _Unpickler.dispatch[code]
    return table


class _Reader(_Unpickler):
    """The pure-Python unpickler of the standard library, with every opcode off that is not needed.

    Pure Python because the C one cannot be limited to opcodes, and allocates what a hostile
    `LONG_BINPUT` asks for before it reads on.
    """

    dispatch = _dispatch()
    stack: list[Any]
    pop_mark: Callable[[], list[Any]]

    def find_class(self, module: str, name: str) -> Any:
        found = _NAMES.get((module, name))
        if found is None:
            raise UnsafePickleError(
                f"the pickle names '{module}.{name}'", why="only plain data and NumPy numbers are read"
            )
        return found

    def _reduce(self) -> None:
        stack = self.stack
        arguments = stack.pop()
        function = stack[-1]
        if not isinstance(function, _Named) or not isinstance(arguments, tuple):
            raise UnsafePickleError("the pickle calls something that is not a known name")
        try:
            stack[-1] = function.call(*arguments)
        except TypeError:
            raise UnsafePickleError(f"the pickle calls '{function.name}' with other arguments") from None

    def _build(self) -> None:
        stack = self.stack
        state = stack.pop()
        if not isinstance(stack[-1], _Dtype | _Named):
            raise UnsafePickleError(f"the pickle sets the state of a '{type(stack[-1]).__name__}'")
        stack[-1].__setstate__(state)

    def _setitem(self) -> None:
        value = self.stack.pop()
        key = self.stack.pop()
        self.stack[-1][_key(key)] = value

    def _setitems(self) -> None:
        items = self.pop_mark()
        target = self.stack[-1]
        for i in range(0, len(items), 2):
            target[_key(items[i])] = items[i + 1]

    dispatch[pickle.REDUCE[0]] = _reduce
    dispatch[pickle.BUILD[0]] = _build
    dispatch[pickle.SETITEM[0]] = _setitem
    dispatch[pickle.SETITEMS[0]] = _setitems


def _key(key: Any) -> Any:
    # A deeply nested tuple as a key would overflow the C stack when it is hashed.
    if not isinstance(key, _KEYS):
        raise UnsafePickleError(f"the pickle has a dictionary key of type '{type(key).__name__}'")
    return key


def load_plain(data: bytes, where: Path | str = "pickle") -> Any:
    """Return the plain data of a pickle: dict, list, tuple, str, bytes, int, float, bool, None.

    NumPy scalars come back as Python numbers. `where` is shown in messages. Raises
    `UnsafePickleError`, which names what is refused, and `CorruptError` for what is no pickle.
    """
    if len(data) > LIMIT:
        raise UnsafePickleError(
            "the pickle is too large to be read",
            where=str(where),
            why=f"{len(data):,} bytes, at most {LIMIT:,}",
        )
    try:
        value = _Reader(io.BytesIO(data)).load()
    except AssayError as error:
        raise error.at(str(where)) from None
    except _DAMAGE as error:
        raise CorruptError(
            "the pickle is damaged", where=str(where), why=f"{type(error).__name__}: {error}"
        ) from None
    if isinstance(value, _Named | _Dtype):
        raise UnsafePickleError("the pickle holds a NumPy type and no data", where=str(where))
    return value
