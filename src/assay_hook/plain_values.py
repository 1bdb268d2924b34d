"""Fingerprints of the values of plain programs, by looking only: nothing of the user's is called.

Numbers, text, containers and arrays count with what they hold, objects of the user's classes with their
attributes, everything else with its type. Bounded in depth and number.
"""

from __future__ import annotations

import abc
import random
import sys
import types
from typing import Any

from . import fingerprint, rows

_LIMIT = 20_000
_DEPTH = 8
_SIMPLE = (bool, int, float, complex, type(None), range)
_ATTRIBUTES = (bool, int, float, complex, str, list, tuple, dict)
_CLASSES = (type, abc.ABCMeta)
_NO_VALUES = (types.ModuleType, types.BuiltinFunctionType, types.MethodType)
_user_types: dict[type, bool] = {}


def digest_plain(value: Any) -> str:
    """Return the fingerprint of a value."""
    walk = _Walk()
    walk.add(value, 0)
    return str(walk.hasher.hexdigest())


class _Walk:
    """Feeds a value to a hasher, part by part."""

    def __init__(self) -> None:
        self.hasher = fingerprint.new()
        self.left = _LIMIT
        self.seen: set[int] = set()

    def text(self, text: str) -> None:
        self.hasher.update(text.encode("utf-8", "surrogatepass") + b"\0")

    def add(self, value: Any, depth: int) -> None:
        self.left -= 1
        kind = type(value)
        if kind in _SIMPLE:
            self.text(f"{kind.__name__}:{value!r}")
        elif kind is str:
            self.text(f"str:{len(value)}:{value}")
        elif kind in (bytes, bytearray):
            self.text(f"bytes:{len(value)}")
            self.hasher.update(bytes(value))
        elif self.left < 0 or depth > _DEPTH or id(value) in self.seen:
            self.text("...")
        elif not (self.numerical(kind, value) or self.table(kind, value)):
            self.container(kind, value, depth + 1)

    def numerical(self, kind: type, value: Any) -> bool:
        numpy = sys.modules.get("numpy")
        if numpy is None or not hasattr(numpy, "ndarray"):
            return False
        if kind is numpy.ndarray:
            if value.dtype.hasobject:
                self.text(f"objects:{value.shape}")
                self.add(value.tolist(), 1)
            else:
                self.text(fingerprint.digest_array(value))
            return True
        if issubclass(kind, numpy.generic):
            self.text(f"{kind.__name__}:{value.tobytes().hex() if not value.dtype.hasobject else ''}")
            return True
        return self.generator(numpy, kind, value)

    def generator(self, numpy: Any, kind: type, value: Any) -> bool:
        found = getattr(numpy, "random", None)
        if found is not None and kind is getattr(found, "Generator", None):
            self.text("generator")
            self.add(value.bit_generator.state, 1)
        elif found is not None and kind is getattr(found, "RandomState", None):
            self.text("generator")
            self.add(value.get_state(legacy=False), 1)
        elif kind is random.Random:
            self.text("generator")
            self.add(value.getstate(), 1)
        else:
            return False
        return True

    def table(self, kind: type, value: Any) -> bool:
        pandas = sys.modules.get("pandas")
        if pandas is None or not hasattr(pandas, "DataFrame"):
            return False
        if kind is pandas.DataFrame:
            self.text(f"table:{value.shape}")
            self.add(list(value.columns), 1)
            for place in range(value.shape[1]):
                self.add(value.iloc[:, place].to_numpy(), 1)
        elif kind is pandas.Series:
            self.text("column")
            self.add(value.to_numpy(), 1)
        else:
            return False
        return True

    def container(self, kind: type, value: Any, depth: int) -> None:
        self.seen.add(id(value))
        if kind in (list, tuple):
            self.text(f"{kind.__name__}:{len(value)}")
            for item in value[: max(0, self.left)]:
                self.add(item, depth)
        elif kind in (set, frozenset):
            self.text(f"set:{len(value)}")
            if len(value) <= self.left:
                for digest in sorted(map(digest_plain, value)):
                    self.text(digest)
        elif kind is dict:
            self.mapping("dict", value, depth)
        elif kind is types.FunctionType:
            self.text("function")
            self.add(value.__defaults__, depth)
            self.add(value.__kwdefaults__, depth)
        elif kind in _CLASSES:
            plain = {name: inner for name, inner in value.__dict__.items() if type(inner) in _ATTRIBUTES}
            self.mapping("class", {name: plain[name] for name in plain if not name.startswith("__")}, depth)
        elif _is_users(kind):
            self.mapping(kind.__name__, object.__getattribute__(value, "__dict__"), depth)
        else:
            self.text(f"type:{kind.__name__}")
        self.seen.discard(id(value))

    def mapping(self, name: str, value: Any, depth: int) -> None:
        self.text(f"{name}:{len(value)}")
        for key, inner in list(value.items()):
            if self.left < 0:
                break
            self.add(key, depth)
            self.add(inner, depth)


def is_value(value: Any) -> bool:
    """Say whether a name that is bound to this says something of the computation: no module, no builtin."""
    kind = type(value)
    if kind is types.FunctionType:
        return bool(value.__defaults__ or value.__kwdefaults__)
    if issubclass(kind, type):
        return kind in _CLASSES and is_first_party(value)
    return kind not in _NO_VALUES


def is_first_party(kind: type) -> bool:
    """Say whether a class was made in a file of the user's."""
    module = sys.modules.get(str(kind.__dict__.get("__module__", "")))
    file = getattr(module, "__file__", None) if type(module) is types.ModuleType else None
    return bool(file) and rows.is_first_party(str(file))


def _is_estimator(kind: type) -> bool:
    return kind.__name__ == "BaseEstimator" and kind.__dict__.get("__module__") == "sklearn.base"


def _is_users(kind: type) -> bool:
    """Say whether objects of a class are the user's own, or estimators, with a dictionary of attributes."""
    known = _user_types.get(kind)
    if known is None:
        known = type(kind) in _CLASSES and kind.__dictoffset__ != 0
        known = _user_types[kind] = known and (is_first_party(kind) or any(map(_is_estimator, kind.__mro__)))
    return known
