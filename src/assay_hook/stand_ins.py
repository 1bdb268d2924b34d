"""Stands in for a function of a module until it was seen, without being told apart from it.

A wrapper written in Python can be noticed: it cannot be pickled by name, it is no built-in function, it is
not equal to what it wraps, and it costs something for ever. A stand-in pickles, compares, hashes and shows
itself as the original, has its class for `isinstance`, and once settled is a direct call of it.
"""

from __future__ import annotations

import copy
import functools
import sys
import types
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    Body = Callable[..., Any]


class StandIn(functools.partial):  # type: ignore[type-arg]  # no generic class on 3.8
    """Calls `body` in place of `original`, until it is settled."""

    def __new__(cls, original: Any, body: Body) -> StandIn:  # noqa: PYI034  Self is new in 3.11
        """Make one that calls `body`."""
        made = functools.partial.__new__(cls, body)
        made.__dict__["__wrapped__"] = original
        made.__dict__["__doc__"] = getattr(original, "__doc__", None)
        made.__dict__["__module__"] = getattr(original, "__module__", None)
        return made

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        return type(self.__dict__["__wrapped__"])

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["__wrapped__"], name)

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        original = self.__dict__["__wrapped__"]
        bind = getattr(type(original), "__get__", None)  # functions bind, built-in ones and methods do not
        if bind is None or isinstance(original, types.MethodType):
            return self
        return bind(original, instance, owner)

    def __eq__(self, other: object) -> bool:
        return bool(self.__dict__["__wrapped__"] == original_of(other))

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash(self.__dict__["__wrapped__"])

    def __repr__(self) -> str:
        return repr(self.__dict__["__wrapped__"])

    def __copy__(self) -> Any:
        return copy.copy(self.__dict__["__wrapped__"])

    def __deepcopy__(self, memo: Any) -> Any:
        return copy.deepcopy(self.__dict__["__wrapped__"], memo)

    def __reduce_ex__(self, protocol: Any) -> Any:
        original = self.__dict__["__wrapped__"]
        reduced = original.__reduce_ex__(protocol)
        # A name would be looked up again, and lead to the stand-in; `copy` returns a function as it is.
        return (copy.copy, (original,)) if isinstance(reduced, str) else reduced


def original_of(value: Any) -> Any:
    """Return what a stand-in stands for; any other value as it is."""
    return value.__dict__["__wrapped__"] if type(value) is StandIn else value


def settle(stand_in: StandIn) -> None:
    """Make a stand-in that other namespaces may hold a direct call of its original."""
    original = original_of(stand_in)
    functools.partial.__setstate__(stand_in, (original, (), {}, stand_in.__dict__))  # type: ignore[attr-defined]


def rearm(stand_in: StandIn, body: Body) -> None:
    """Make a settled stand-in call `body` again."""
    functools.partial.__setstate__(stand_in, (body, (), {}, stand_in.__dict__))  # type: ignore[attr-defined]


class Group:
    """Stand-ins for several functions of one module, put there and taken away together."""

    def __init__(self, module: Any, names: Iterable[str], body: Callable[[Any], Body]) -> None:
        self.module = module
        self._body = body
        self._members: dict[str, StandIn] = {}
        for name in names:
            original = module.__dict__.get(name)
            if callable(original) and not isinstance(original, type):
                self._members[name] = StandIn(original, body(original))
        self.armed = False

    def arm(self) -> None:
        """Put the stand-ins where the originals are."""
        namespace = self.module.__dict__
        for name, member in self._members.items():
            original = original_of(member)
            if namespace.get(name) is original or namespace.get(name) is member:
                rearm(member, self._body(original))
                namespace[name] = member
        self.armed = True

    def disarm(self) -> None:
        """Put the originals back, also where the running code imported a stand-in by name."""
        self.armed = False
        namespace = self.module.__dict__
        for name, member in self._members.items():
            settle(member)
            if namespace.get(name) is member:
                namespace[name] = original_of(member)
        frame: Any = sys._getframe(1)
        seen = set()
        while frame is not None:
            if id(frame.f_globals) not in seen:
                seen.add(id(frame.f_globals))
                self._clear(frame.f_globals)
            frame = frame.f_back

    def _clear(self, namespace: Any) -> None:
        ours = self._members.values()
        for name, value in list(namespace.items()):
            if type(value) is StandIn and any(value is member for member in ours):
                namespace[name] = original_of(value)
