"""Functions of libraries that open files in compiled code, where no audit event tells of it.

Each gets a wrapper that notes the path, right after its module was imported. Functions that TorchScript
or a pickle may look into are left alone.
"""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable
from typing import Any

from . import files, imports, rows

# (module, function, place of the path among the arguments, its name, 'r' or 'w')
_FUNCTIONS = (
    ("torch.serialization", "save", 1, "f", "w"),
    ("torch.jit._serialization", "save", 1, "f", "w"),
    ("torch.jit._serialization", "load", 0, "f", "r"),
    ("cv2", "imread", 0, "filename", "r"),
    ("cv2", "imwrite", 0, "filename", "w"),
    ("safetensors.torch", "load_file", 0, "filename", "r"),
    ("safetensors.torch", "save_file", 1, "filename", "w"),
    ("safetensors.numpy", "load_file", 0, "filename", "r"),
    ("safetensors.numpy", "save_file", 1, "filename", "w"),
    ("pyarrow.parquet", "read_table", 0, "source", "r"),
    ("pyarrow.parquet", "write_table", 1, "where", "w"),
    ("lmdb", "open", 0, "path", "r"),
    ("soundfile", "read", 0, "file", "r"),
    ("soundfile", "write", 0, "file", "w"),
)
_replaced: list[tuple[Any, str, Any, Any]] = []


def install() -> None:
    """Watch the functions of the list, and h5py's files."""
    for module, function, place, name, kind in _FUNCTIONS:
        watch = functools.partial(_watch, function, place, name, kind)
        imports.after_import(module, watch)
    imports.after_import("h5py._hl.files", _watch_h5py)


def uninstall() -> None:
    """Put back what was replaced, where nobody else replaced it since."""
    while _replaced:
        owner, name, original, ours = _replaced.pop()
        if getattr(owner, name, None) is ours:
            setattr(owner, name, original)


def _watch(function: str, place: int, name: str, kind: str, module: Any) -> None:
    original = getattr(module, function, None)
    if original is None:
        return

    @functools.wraps(original)
    def noting(*given: Any, **named: Any) -> Any:
        _note(given[place] if len(given) > place else named.get(name), kind)
        try:
            return original(*given, **named)
        except BaseException as error:
            rows.hide(error)
            raise

    owner = module
    while owner is not None:  # where it is imported under the same name: torch.save, torch.jit.load
        if getattr(owner, function, None) is original:
            _replace(owner, function, original, noting)
        owner = sys.modules.get(owner.__name__.rpartition(".")[0])


def _replace(owner: Any, name: str, original: Any, ours: Callable[..., Any]) -> None:
    _replaced.append((owner, name, original, ours))
    setattr(owner, name, ours)


@rows.guarded
def _note(path: Any, kind: str) -> None:
    if not isinstance(path, (str, bytes, os.PathLike)) or "://" in os.fsdecode(path):
        return
    with rows.spend():
        files.note(os.fsdecode(path), kind)


def _watch_h5py(module: Any) -> None:
    import inspect

    kind = module.File
    original = kind.__init__
    order = list(inspect.signature(original).parameters)

    @functools.wraps(original)
    def begin(self: Any, *given: Any, **named: Any) -> None:
        told = dict(zip(order[1:], given))
        told.update(named)
        mode = str(told.get("mode") or "r")
        _note(told.get("name"), "r" if mode == "r" else "a" if mode in {"a", "r+"} else "w")
        try:
            original(self, *given, **named)
        except BaseException as error:
            rows.hide(error)
            raise

    _replace(kind, "__init__", original, begin)
