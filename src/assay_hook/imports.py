"""Acts right after a module was imported, without importing it and without a trace on it.

One finder stands first in `sys.meta_path`. It answers only for the names that are waited for: the spec is
that of the other finders, its loader wrapped until the module runs, and then put back everywhere.
"""

from __future__ import annotations

import _thread
import sys
from collections.abc import Callable
from typing import Any

from . import rows

_wanted: dict[str, list[Callable[[Any], Any]]] = {}


def after_import(name: str, callback: Callable[[Any], Any]) -> None:
    """Call `callback(module)` once the named module was fully executed; at once if it was already."""
    module = sys.modules.get(name)
    if module is not None and not _is_initialising(module):
        rows.guarded(callback)(module)
        return
    _wanted.setdefault(name, []).append(callback)
    if _finder not in sys.meta_path:
        sys.meta_path.insert(0, _finder)


def forget() -> None:
    """Wait for no module any more, and take the finder away."""
    _wanted.clear()
    if _finder in sys.meta_path:
        sys.meta_path.remove(_finder)


def _is_initialising(module: Any) -> bool:
    return bool(getattr(getattr(module, "__spec__", None), "_initializing", False))


def _tell(name: str) -> None:
    module = sys.modules.get(name)
    callbacks = _wanted.pop(name, [])
    if module is not None:
        for callback in callbacks:
            rows.guarded(callback)(module)


class _Loader:
    """Loads as the original loader does, and then tells who waits for the module."""

    def __init__(self, original: Any) -> None:
        self._original = original

    @property  # type: ignore[misc]
    def __class__(self) -> Any:  # what looks at the type of a spec's loader sees the original's
        return type(self._original)

    def __getattr__(self, name: str) -> Any:
        if name == "_original":  # of a copy that is being made
            raise AttributeError(name)
        return getattr(self._original, name)

    def create_module(self, spec: Any) -> Any:
        create = getattr(self._original, "create_module", None)
        return create(spec) if create is not None else None

    def exec_module(self, module: Any) -> None:
        original = self._original
        spec = getattr(module, "__spec__", None)
        if spec is not None and type(spec.loader) is _Loader:
            spec.loader = original
        if type(getattr(module, "__loader__", None)) is _Loader:
            module.__loader__ = original
        original.exec_module(module)
        _tell(getattr(spec, "name", None) or module.__name__)


class _Finder:
    """Finds only what is waited for, through the finders that stand behind it."""

    def __init__(self) -> None:
        self._searching: set[tuple[int, str]] = set()

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        search = (_thread.get_ident(), name)
        if name not in _wanted or search in self._searching:
            return None
        self._searching.add(search)
        try:
            spec = self._behind(name, path, target)
        finally:
            self._searching.discard(search)
        loader = getattr(spec, "loader", None)
        if loader is None or type(loader) is _Loader:
            return spec
        if hasattr(loader, "exec_module"):
            spec.loader = _Loader(loader)
        else:
            rows.missed(f"the module {name} is loaded in an old way, and was not observed")
        return spec

    def _behind(self, name: str, path: Any, target: Any) -> Any:
        finders = list(sys.meta_path)
        start = finders.index(self) + 1 if self in finders else 0
        for finder in finders[start:]:
            find = getattr(finder, "find_spec", None)
            spec = find(name, path, target) if find is not None else None
            if spec is not None:
                return spec
        return None


_finder = _Finder()
