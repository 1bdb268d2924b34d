"""Fingerprints of data for estimators and of what they learned, whatever it is kept in."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from typing import Any

from . import fingerprint, rows

_ITEMS = 1_000_000  # values that are looked at one by one in one fingerprint
_DEEPEST = 40
# Durations differ in every run and are no result.
_DURATION = re.compile(r"(?:^|_)(?:time|times|dur|duration|durations|elapsed|seconds|timestamp)(?:_|$)")


class Unreadable(Exception):  # noqa: N818  a property of the object, not an error
    """An object whose contents cannot be told."""


def digest(*values: Any) -> str:
    """Return one fingerprint over values: arrays, tables, sparse matrices, estimators and plain data."""
    walk = _Walk()
    for value in values:
        walk.add(value)
    return walk.result()


def digest_learned(estimator: Any) -> str:
    """Return the fingerprint of all that an estimator holds beside its hyperparameters and durations."""
    walk = _Walk()
    walk.estimator(estimator, 0)
    return walk.result()


def parameters(estimator: Any) -> dict[str, Any]:
    """Return the hyperparameters of an estimator, those of the estimators in it too; {} where it refuses."""
    try:
        return dict(estimator.get_params(deep=True))
    except Exception:  # noqa: BLE001  a class of the program's that does not follow the rules
        return {}


def is_estimator(value: Any) -> bool:
    """Say whether a value is an estimator, and not the class of one."""
    return not isinstance(value, type) and hasattr(value, "get_params") and hasattr(value, "__dict__")


class _Walk:
    """Feeds values to a hasher, each with its kind; what cannot be read is noted by its class."""

    def __init__(self) -> None:
        self.hasher = fingerprint.new()
        self.left = _ITEMS
        self.open: set[int] = set()  # containers that are being looked at, against cycles

    def result(self) -> str:
        return str(self.hasher.hexdigest())

    def text(self, text: str) -> None:
        self.hasher.update(text.encode("utf-8", "surrogatepass") + b"\0")

    def add(self, value: Any, depth: int = 0) -> None:
        self.left -= 1
        if value is None or isinstance(value, (bool, int, float, complex, str)):
            self.text(f"{type(value).__name__}:{value!r}")
        elif isinstance(value, (bytes, bytearray)):
            self.text(f"bytes:{len(value)}")
            self.hasher.update(value)
        elif self.left < 0 or depth > _DEEPEST or id(value) in self.open:
            self.text("...")
            if self.left < 0:
                rows.missed(f"data of an estimator beyond its first {_ITEMS:,} values")
        else:
            self.open.add(id(value))
            try:
                self._inner(value, depth + 1)
            finally:
                self.open.discard(id(value))

    def _inner(self, value: Any, depth: int) -> None:
        for is_kind, add in _KINDS:
            if is_kind(value):
                add(self, value, depth)
                return
        try:
            self._object(value, depth)
        except Exception:  # noqa: BLE001  what others wrote may refuse in any way
            self.text(f"unread:{rows.named(type(value))}")
            rows.missed(f"what an object of {rows.named(type(value))} in an estimator holds")

    # -- Kinds ----------------------------------------------------------------------------------------------

    def array(self, value: Any, depth: int) -> None:
        if value.dtype.names:  # between the fields may lie bytes that nobody wrote
            self.text(f"fields:{value.shape}")
            for name in value.dtype.names:
                self.text(name)
                self.add(value[name], depth)
        elif value.dtype.hasobject:
            self.text(f"objects:{value.shape}")
            self.items(value.ravel().tolist(), depth)
        else:
            self.text(f"array:{fingerprint.digest_array(value)}")

    def number(self, value: Any, depth: int) -> None:
        self.add(value.item(), depth)

    def tensor(self, value: Any, _depth: int) -> None:
        self.text(f"array:{fingerprint.digest_tensor(value)}")

    def items(self, value: Any, depth: int) -> None:
        self.text(f"list:{len(value)}")
        for item in value:
            self.add(item, depth)

    def mapping(self, value: Any, depth: int) -> None:
        self.text("dict")
        for key, inner in value.items():
            if not (isinstance(key, str) and _DURATION.search(key)):
                self.add(key, depth)
                self.add(inner, depth)

    def unordered(self, value: Any, _depth: int) -> None:
        self.text(f"set:{len(value)}")
        for item in sorted(map(digest, value)):
            self.text(item)

    def table(self, value: Any, depth: int) -> None:
        self.text(type(value).__name__)
        if hasattr(value, "columns"):
            self.add(list(value.columns), depth)
            for position in range(value.shape[1]):
                self.add(value.iloc[:, position].to_numpy(), depth)
        else:
            self.add(value.to_numpy(), depth)
        index = getattr(value, "index", None)
        if index is not None:
            self.add(index.to_numpy(), depth)

    def sparse(self, value: Any, depth: int) -> None:
        self.text(f"sparse:{value.format}:{value.shape}")
        plain = value if hasattr(value, "indptr") else value.tocsr()
        for part in (plain.data, plain.indices, plain.indptr):
            self.add(part, depth)

    def named(self, value: Any, _depth: int) -> None:
        self.text(f"named:{rows.named(value)}")

    def generator(self, value: Any, depth: int) -> None:
        bits = getattr(value, "bit_generator", None)
        self.add(value.get_state(legacy=False) if bits is None else bits.state, depth)

    def estimator(self, value: Any, depth: int) -> None:
        own = _own_parameters(value)
        self.text(f"estimator:{type(value).__qualname__}")
        for name in sorted(vars(value)):
            if name not in own and not _DURATION.search(name):
                self.text(name)
                self.add(vars(value)[name], depth + 1)

    def _object(self, value: Any, depth: int) -> None:
        """Add what an object would be pickled as: its state, or what it is made again with."""
        kind = type(value)
        if hasattr(value, "__next__"):  # looking at it would use it up
            self.text(f"iterator:{rows.named(kind)}")
            return
        self.text(f"object:{rows.named(kind)}")
        if _has_own(kind, "__getstate__"):
            self.add(value.__getstate__(), depth)
        elif hasattr(value, "__dict__"):
            self.mapping(dict(sorted(vars(value).items())), depth)
        elif _has_own(kind, "__reduce__"):
            self.add(value.__reduce__(), depth)
        else:
            raise Unreadable


def _has_own(kind: type, name: str) -> bool:
    """Say whether a class, or one that it is derived from, defines this method itself."""
    return any(name in above.__dict__ for above in kind.__mro__[:-1])


def _own_parameters(estimator: Any) -> set[str]:
    try:
        return set(estimator.get_params(deep=False))
    except Exception:  # noqa: BLE001  a class of the program's that does not follow the rules
        return set()


# -- Which kind a value is of, without importing what the program did not ------------------------------------


def _of(module: str, *names: str) -> Callable[[Any], bool]:
    def check(value: Any) -> bool:
        namespace = getattr(sys.modules.get(module), "__dict__", {})
        kinds = tuple(kind for kind in map(namespace.get, names) if isinstance(kind, type))
        return isinstance(value, kinds)

    return check


def _is_plain(*kinds: type) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, kinds)


def _is_table(value: Any) -> bool:
    return hasattr(value, "to_numpy") and hasattr(value, "iloc")


def _is_sparse(value: Any) -> bool:
    return hasattr(value, "tocsr") and hasattr(value, "format")


def _is_named(value: Any) -> bool:
    return isinstance(value, type) or (callable(value) and hasattr(value, "__qualname__"))


_KINDS: tuple[tuple[Callable[[Any], bool], Callable[[_Walk, Any, int], None]], ...] = (
    (_of("numpy", "ndarray"), _Walk.array),
    (_of("numpy", "generic"), _Walk.number),
    (_is_plain(list, tuple), _Walk.items),
    (_is_plain(dict), _Walk.mapping),
    (_is_plain(set, frozenset), _Walk.unordered),
    (_of("torch", "Tensor"), _Walk.tensor),
    (_is_table, _Walk.table),
    (_is_sparse, _Walk.sparse),
    (_of("numpy.random", "RandomState", "Generator"), _Walk.generator),
    (_is_named, _Walk.named),
    (is_estimator, _Walk.estimator),
)
