"""The model inside a pickled booster of LightGBM or XGBoost, found without unpickling it.

Such a pickle (`pickle.dump(booster, file)`, as NAS-Bench-301 publishes its members) holds the object's
attributes, of which 'handle' ('_handle' in LightGBM 4) is the model as the library itself saves it: a
text, or bytes. Here the opcodes are listed, one by one, and what follows that key is taken out. Nothing is
built, named or called, whatever else the pickle says.
"""

from __future__ import annotations

import pickletools
from collections.abc import Iterator
from typing import NamedTuple

from assay.foundation.errors import CorruptError, UnsafePickleError

LIGHTGBM, XGBOOST = "lightgbm.basic Booster", "xgboost.core Booster"
_MEMO = {"BINPUT", "LONG_BINPUT", "MEMOIZE", "PUT", "FRAME", "MARK"}
_TEXTS = {"BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"}
_BYTES = {"BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8"}
_BYTEARRAY = {"builtins bytearray", "__builtin__ bytearray"}
_KEYS = ("handle", "_handle")
_LIMIT = 1 << 30


class PickledBooster(NamedTuple):
    """The library's class, the model as the library saves it, and after which tree predictions stop."""

    kind: str
    model: str | bytes
    best_iteration: int


def read_booster_pickle(data: bytes) -> PickledBooster:
    """Return what a pickled booster holds.

    Raises `UnsafePickleError` for a pickle of anything else, and `CorruptError` for what is no pickle.
    """
    if len(data) > _LIMIT:
        raise UnsafePickleError("the pickle is too large to be a booster", why=f"{len(data):,} bytes")
    try:
        words = list(_words(data))
    except (ValueError, IndexError, UnicodeDecodeError, OverflowError) as error:
        raise CorruptError("the pickle is damaged", why=str(error)) from None
    kind = next((str(value) for name, value in words if name == "NAME"), "nothing")
    if kind not in (LIGHTGBM, XGBOOST):
        raise UnsafePickleError(
            f"the pickle holds '{kind.replace(' ', '.')[:80]}'",
            why="only boosters of LightGBM and XGBoost can be taken out of a pickle",
        )
    model, best = _after(words, *_KEYS), _after(words, "best_iteration")
    if not isinstance(model, str if kind == LIGHTGBM else bytes):
        raise CorruptError("the pickled booster holds no model")
    return PickledBooster(kind, model, best if isinstance(best, int) and kind == LIGHTGBM else 0)


def _words(data: bytes) -> Iterator[tuple[str, object]]:
    """Give the opcodes without bookkeeping; names are 'NAME' whichever way they are written."""
    texts: list[str] = []
    for opcode, value, _ in pickletools.genops(data):
        if opcode.name in _TEXTS:
            texts = [*texts[-1:], str(value)]
        if opcode.name == "STACK_GLOBAL" and len(texts) == 2:
            yield "NAME", " ".join(texts)
        elif opcode.name == "GLOBAL":
            yield "NAME", value
        elif opcode.name not in _MEMO:
            yield opcode.name, value


def _after(words: list[tuple[str, object]], *keys: str) -> object:
    """Return the number, text or bytes that follow a key, None where there is no such thing."""
    for i, (name, value) in enumerate(words):
        if name in _TEXTS and value in keys:
            after = words[i + 1 :]
            if after[:1] and after[0][0] == "NAME" and after[0][1] in _BYTEARRAY:
                after = after[1:]
            elif len(after) > 2 and after[2] == ("NAME", "builtins bytearray"):  # the two texts of its name
                after = after[3:]
            if after[:1] and (after[0][0] in _BYTES):
                content = after[0][1]
                return bytes(content) if isinstance(content, bytes | bytearray) else None
            return after[0][1] if after else None
    return None
