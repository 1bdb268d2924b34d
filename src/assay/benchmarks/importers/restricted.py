"""Reading a published pickle without running it: plain data and numbers, nothing else.

The reader works by an allow-list of opcodes (PEP 3154; Python's Lib/pickletools.py), not by a
deny-list of names, and is an interpreter of its own. It never imports what a pickle names: the few
names that it knows stand for functions of `vocabulary`. `INST`, `NEWOBJ`, `EXT`, `DUP` and everything
else are refused, by name.

Of two vocabularies, `PLAIN`, for the accepted packages, knows builtins and NumPy scalars. `PUBLISHED`,
for what authors publish, knows besides: ordered dictionaries (which come back as dictionaries), sets (as
lists, in the order of the file), NumPy arrays of numbers, tuples as keys, and tensors of PyTorch, whose
numbers are not read: each is `SKIPPED`.
"""

from __future__ import annotations

import pickle
import pickletools
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from assay.benchmarks.importers.vocabulary import (
    PLAIN,
    PUBLISHED,
    SKIPPED,
    Dtype,
    Named,
    Vocabulary,
    set_array,
)
from assay.foundation.errors import AssayError, CorruptError, UnsafePickleError

LIMIT = 64 * 1024 * 1024
"""Bytes of the largest pickle that is read, or of the largest part that is held at once. An object costs
at least one byte of pickle, so that this bounds what a hostile one can make of memory."""

_CHUNK, _LARGEST_CHUNK = 1 << 20, 1 << 24
_WIDEST = 264  # bytes that an opcode of the main loop can take, and more
_FLOAT, _UINT = struct.Struct(">d"), struct.Struct("<I")
_KEYS = (str, int, float, bytes, type(None))
_PLAIN_KEYS = frozenset(_KEYS)
_MOST_WORDS = 100_000
_BINFLOAT, _BININT1, _MEMOIZE = pickle.BINFLOAT[0], pickle.BININT1[0], pickle.MEMOIZE[0]
_BINGET, _LONG_BINGET, _BINPUT = pickle.BINGET[0], pickle.LONG_BINGET[0], pickle.BINPUT[0]
_SHORT_BINUNICODE, _MARK, _STOP = pickle.SHORT_BINUNICODE[0], pickle.MARK[0], pickle.STOP[0]

_DAMAGE = (  # what the interpreter raises on bytes that are no pickle
    ArithmeticError, AttributeError, EOFError, LookupError, MemoryError, TypeError, ValueError, struct.error,
)  # fmt: skip


class Reader:
    """An interpreter of pickles, read in pieces: `read(n)` returns up to n bytes, none at the end.

    `load` returns the next pickle. `seen` is called with each dictionary once items were set in it; when
    it returns True, all that was read so far may be forgotten (see `forget`), and the limit counts anew.
    `handlers` has what to do at each opcode; a reader of some other vocabulary may add to a copy of it.
    """

    handlers: list[Callable[[Reader], None]]

    def __init__(
        self,
        read: Callable[[int], bytes],
        vocabulary: Vocabulary,
        *,
        limit: int = LIMIT,
        seen: Callable[[dict[Any, Any]], bool] | None = None,
    ) -> None:
        self.vocabulary = vocabulary
        self.limit = limit
        self.held = 0
        self.data = b""
        self.at = 0
        self.stack: list[Any] = []
        self.marks: list[int] = []
        self.memo: dict[int, Any] = {}
        self.base = 0
        self._read = read
        self._seen = seen
        self._words: dict[bytes, str] = {}

    def load(self) -> Any:
        """Return the data of the next pickle. Raises `UnsafePickleError` and `CorruptError`."""
        self.stack, self.marks, self.memo, self.base = [], [], {}, 0
        try:
            value = self._run()
        except AssayError:
            raise
        except _DAMAGE as error:
            raise CorruptError(
                "the pickle is damaged", why=f"{type(error).__name__}: {error}".rstrip(": ")
            ) from None
        if isinstance(value, Named | Dtype):
            raise UnsafePickleError("the pickle holds a NumPy type and no data")
        return value

    def _run(self) -> Any:  # noqa: C901  one branch an opcode, in the order of how often they come
        """Interpret opcodes to the last; those that make up nearly all of a table are written out here."""
        stack, marks, append, float_at = self.stack, self.marks, self.stack.append, _FLOAT.unpack_from
        handlers = self.handlers
        memo, base, words, data, at, end = self.memo, self.base, self._words, b"", 0, 0
        while True:
            if at >= end:
                self.at = at if data else self.at
                end = self._more()
                data, at = self.data, self.at
            code = data[at]
            at += 1
            if code == _BINFLOAT:
                append(float_at(data, at)[0])
                at += 8
            elif code == _MEMOIZE:
                memo[base + len(memo)] = stack[-1]
            elif code == _SHORT_BINUNICODE:
                size = data[at]
                piece = data[at + 1 : at + 1 + size]
                append(words[piece] if piece in words else self.word(piece))
                at += 1 + size
            elif code == _BININT1:
                append(data[at])
                at += 1
            elif code == _BINGET:
                append(memo[data[at]] if data[at] in memo else self.recall(data[at]))
                at += 1
            elif code == _LONG_BINGET:
                place = _UINT.unpack_from(data, at)[0]
                append(memo[place] if place in memo else self.recall(place))
                at += 4
            elif code == _BINPUT:
                memo[data[at]] = stack[-1]
                at += 1
            elif code == _MARK:
                marks.append(len(stack))
            elif code == _STOP:
                self.at = at
                return stack.pop()
            else:
                self.at = at
                handlers[code](self)
                memo, base, data, at = self.memo, self.base, self.data, self.at
                end = 0  # the next turn looks whether there is enough to read

    def _more(self, wanted: int = _WIDEST) -> int:
        """Make `wanted` bytes be there if the file has them; return where the main loop must ask again."""
        if self.at > len(self.data):
            raise EOFError("it ends too early")
        while len(self.data) - self.at < wanted:
            piece = self._read(min(max(_CHUNK, wanted), _LARGEST_CHUNK))
            if not piece:
                break
            self.hold(len(piece))
            self.data = self.data[self.at :] + piece
            self.at = 0
        short = len(self.data) - self.at < _WIDEST
        if short and self.at == len(self.data):
            raise EOFError("it ends too early")
        return len(self.data) if short else len(self.data) - _WIDEST + 1

    def take(self, size: int) -> bytes:
        """Return the next bytes of the pickle."""
        if len(self.data) - self.at < size:
            self._more(size)
        piece = self.data[self.at : self.at + size]
        if len(piece) < size:
            raise EOFError("it ends too early")
        self.at += size
        return piece

    def skip(self, size: int) -> None:
        """Pass over the next bytes of the pickle."""
        self.take(size)

    def line(self) -> str:
        """Return the text up to the next line break, which is that of a name."""
        while (end := self.data.find(b"\n", self.at)) < 0:
            have = len(self.data) - self.at
            self._more(have + 1)
            if len(self.data) - self.at == have or have > _WIDEST:
                raise EOFError("a name has no end")
        text = self.data[self.at : end].decode("utf-8")
        self.at = end + 1
        return text

    def hold(self, size: int) -> None:
        """Count bytes that were read or made; raises `UnsafePickleError` above the limit."""
        self.held += size
        if self.held > self.limit:
            raise UnsafePickleError(
                "the pickle is too large to be read",
                why=f"it asks for more than {self.limit:,} bytes to be held at once",
            )

    def pop_mark(self) -> list[Any]:
        """Return, and take away, what lies above the last mark."""
        start = self.marks.pop()
        items = self.stack[start:]
        del self.stack[start:]
        return items

    def recall(self, place: int) -> Any:
        """Return what was memorised under a number."""
        raise LookupError(f"it refers to {place}, which was not memorised")

    def forget(self) -> None:
        """Let go of what was memorised; a reader of large files overrides it."""

    def set_items(self, items: list[Any]) -> None:
        """Set keys and values, one after the other, in the dictionary on top of the stack."""
        target = self.stack[-1]
        if type(target) is not dict or len(items) % 2:
            raise UnsafePickleError(f"the pickle sets items of a '{type(target).__name__}'")
        keys = items[0::2]
        if not _PLAIN_KEYS.issuperset(map(type, keys)):
            self._check_keys(keys)
        target.update(zip(keys, items[1::2], strict=True))
        if self._seen is not None and self._seen(target):
            self.forget()
            self.held = len(self.data) - self.at

    def _check_keys(self, keys: list[Any]) -> None:
        # A deeply nested tuple as a key would overflow the C stack when it is hashed.
        for key in keys:
            flat = type(key) is tuple and all(isinstance(part, _KEYS) for part in key)
            if not (isinstance(key, _KEYS) or (flat and self.vocabulary.has_containers)):
                raise UnsafePickleError(f"the pickle has a dictionary key of type '{type(key).__name__}'")

    def word(self, piece: bytes) -> str:
        """Return the text of bytes: one object for what is spelled the same, as far as that pays."""
        word = self._words.get(piece)
        if word is None:
            word = piece.decode("utf-8", "surrogatepass")
            if len(self._words) < _MOST_WORDS and len(piece) < 256:
                self._words[piece] = word
        return word


def _proto(reader: Reader) -> None:
    if reader.take(1)[0] > pickle.HIGHEST_PROTOCOL:
        raise ValueError("a protocol that nobody writes")


def _text(reader: Reader, size: int) -> None:
    reader.stack.append(reader.word(reader.take(size)))


def _put(reader: Reader) -> None:
    reader.memo[_length(reader, 4)] = reader.stack[-1]


def _length(reader: Reader, size: int) -> int:
    return int.from_bytes(reader.take(size), "little")


def _integer(reader: Reader, size: int, *, signed: bool) -> None:
    reader.stack.append(int.from_bytes(reader.take(size), "little", signed=signed))


def _tuple(reader: Reader, size: int) -> None:
    stack = reader.stack
    if len(stack) < size:
        raise LookupError("its stack is empty")
    stack[-size:] = [tuple(stack[-size:])]


def _append(reader: Reader, items: list[Any]) -> None:
    target = reader.stack[-1]
    if type(target) is not list:
        raise UnsafePickleError(f"the pickle appends to a '{type(target).__name__}'")
    target.extend(items)


def _name(reader: Reader, module: object, name: object) -> None:
    found = reader.vocabulary.names.get((module, name))  # type: ignore[arg-type]
    if found is None:
        raise UnsafePickleError(
            f"the pickle names '{module}.{name}'", why="only plain data and NumPy numbers are read"
        )
    reader.stack.append(found)


def _stack_name(reader: Reader) -> None:
    name, module = reader.stack.pop(), reader.stack.pop()
    if type(name) is not str or type(module) is not str:
        raise UnsafePickleError("the pickle names something by what is no text")
    _name(reader, module, name)


def _reduce(reader: Reader) -> None:
    stack = reader.stack
    arguments = stack.pop()
    function = stack[-1]
    if not isinstance(function, Named) or not isinstance(arguments, tuple):
        raise UnsafePickleError("the pickle calls something that is not a known name")
    try:
        made = function.call(*arguments)
    except TypeError:
        raise UnsafePickleError(f"the pickle calls '{function.name}' with other arguments") from None
    if isinstance(made, bytes):
        reader.hold(len(made))
    stack[-1] = made


def _build(reader: Reader) -> None:
    state = reader.stack.pop()
    target = reader.stack[-1]
    if isinstance(target, Dtype):
        target.set_state(state)
    elif isinstance(target, Named):
        raise UnsafePickleError(f"the pickle changes '{target.name}'")
    elif isinstance(target, np.ndarray):
        reader.hold(set_array(target, state))
    elif not (target is SKIPPED or (type(target) is dict and reader.vocabulary.has_containers)):
        # What PyTorch notes on its dictionaries of tensors is passed over with them.
        raise UnsafePickleError(f"the pickle sets the state of a '{type(target).__name__}'")


def _set_item(reader: Reader) -> None:
    value = reader.stack.pop()
    reader.set_items([reader.stack.pop(), value])


def _skip_tensor(reader: Reader) -> None:
    reader.stack[-1] = SKIPPED


def _if_published(opcode: str, handler: Callable[[Reader], None]) -> Callable[[Reader], None]:
    def handle(reader: Reader) -> None:
        if not reader.vocabulary.has_containers:
            _refuse(opcode)(reader)
        handler(reader)

    return handle


def _refuse(opcode: str) -> Callable[[Reader], None]:
    def refuse(_reader: Reader) -> None:
        raise UnsafePickleError(f"the pickle uses opcode {opcode}", why="only plain data is read")

    return refuse


def _handlers() -> list[Callable[[Reader], None]]:
    """Return what to do at each opcode: a refusal by name, but for those that are allowed."""
    table = [_refuse(f"0x{code:02x}") for code in range(256)]
    for opcode in pickletools.opcodes:
        table[ord(opcode.code)] = _refuse(opcode.name)
    allowed: dict[bytes, Callable[[Reader], None]] = {
        pickle.PROTO: _proto,
        pickle.FRAME: lambda reader: reader.skip(8),  # what it says of lengths is of no use here
        pickle.LONG_BINPUT: _put,
        pickle.NONE: lambda reader: reader.stack.append(None),
        pickle.NEWTRUE: lambda reader: reader.stack.append(True),
        pickle.NEWFALSE: lambda reader: reader.stack.append(False),
        pickle.BININT: lambda reader: _integer(reader, 4, signed=True),
        pickle.BININT2: lambda reader: _integer(reader, 2, signed=False),
        pickle.LONG1: lambda reader: _integer(reader, reader.take(1)[0], signed=True),
        pickle.BINUNICODE: lambda reader: _text(reader, _length(reader, 4)),
        pickle.BINUNICODE8: lambda reader: _text(reader, _length(reader, 8)),
        pickle.SHORT_BINBYTES: lambda reader: reader.stack.append(reader.take(_length(reader, 1))),
        pickle.BINBYTES: lambda reader: reader.stack.append(reader.take(_length(reader, 4))),
        pickle.EMPTY_TUPLE: lambda reader: reader.stack.append(()),
        pickle.EMPTY_LIST: lambda reader: reader.stack.append([]),
        pickle.EMPTY_DICT: lambda reader: reader.stack.append({}),
        pickle.TUPLE: lambda reader: reader.stack.append(tuple(reader.pop_mark())),
        pickle.TUPLE1: lambda reader: _tuple(reader, 1),
        pickle.TUPLE2: lambda reader: _tuple(reader, 2),
        pickle.TUPLE3: lambda reader: _tuple(reader, 3),
        pickle.APPEND: lambda reader: _append(reader, [reader.stack.pop()]),
        pickle.APPENDS: lambda reader: _append(reader, reader.pop_mark()),
        pickle.SETITEM: _set_item,
        pickle.SETITEMS: lambda reader: reader.set_items(reader.pop_mark()),
        pickle.GLOBAL: lambda reader: _name(reader, reader.line(), reader.line()),
        pickle.STACK_GLOBAL: _stack_name,
        pickle.REDUCE: _reduce,
        pickle.BUILD: _build,
        pickle.BINPERSID: _if_published("BINPERSID", _skip_tensor),
        pickle.EMPTY_SET: _if_published("EMPTY_SET", lambda reader: reader.stack.append([])),
        pickle.ADDITEMS: _if_published("ADDITEMS", lambda reader: _append(reader, reader.pop_mark())),
    }
    return [allowed.get(bytes([code]), table[code]) for code in range(256)]


Reader.handlers = _handlers()


def load_plain(data: bytes, where: Path | str = "pickle", limit: int = LIMIT) -> Any:
    """Return the plain data of a pickle: dict, list, tuple, str, bytes, int, float, bool, None.

    NumPy scalars come back as Python numbers. `where` is shown in messages. Raises
    `UnsafePickleError`, which names what is refused, and `CorruptError` for what is no pickle.
    """
    return _load(data, where, PLAIN, limit)


def load_published(data: bytes, where: Path | str = "pickle", limit: int = LIMIT) -> Any:
    """Return the data of a pickle that may use the vocabulary `PUBLISHED`; raises as `load_plain` does."""
    return _load(data, where, PUBLISHED, limit)


def _load(data: bytes, where: Path | str, vocabulary: Vocabulary, limit: int) -> Any:
    if len(data) > limit:
        raise UnsafePickleError(
            "the pickle is too large to be read",
            where=str(where),
            why=f"{len(data):,} bytes, at most {limit:,}",
        )
    pieces = [data]
    try:
        return Reader(lambda _: pieces.pop() if pieces else b"", vocabulary, limit=limit).load()
    except AssayError as error:
        raise error.at(str(where)) from None
