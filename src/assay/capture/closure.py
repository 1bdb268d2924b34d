"""The first-party import closure: a file, and all of the user's own files that it imports.

Imports are read from the syntax tree and never executed. A name is the user's own when it answers
to a file beside the importing file, at the top of its package, or in the root folder of the study;
like Python's, this order puts the user's files before installed ones of the same name.
"""

from __future__ import annotations

import ast
import importlib.util
import os
import sys
from collections.abc import Iterable, Iterator
from functools import lru_cache
from importlib.machinery import EXTENSION_SUFFIXES, SOURCE_SUFFIXES
from pathlib import Path
from typing import NamedTuple

from assay.capture.syntax import parse
from assay.foundation.errors import CodeError

_SUFFIXES = (*EXTENSION_SUFFIXES, *SOURCE_SUFFIXES)  # Python's own order of preference


class Import(NamedTuple):
    """One import as written: the module, the names taken from it, and the dots before it."""

    module: str
    names: tuple[str, ...] = ()
    level: int = 0


def closure(file: Path, root: Path | None = None) -> dict[str, Path]:
    """Return the file and every first-party file that it imports, by posix path relative to `root`.

    `root` is the folder of the study, and the file's own folder by default. Imports inside
    functions count, and `importlib.import_module` of a literal; what is computed at run time
    cannot be seen. Raises `CodeError` for a file that is missing or cannot be parsed.
    """
    file = file.resolve()
    root = (root or file.parent).resolve()
    queue = [file, *_packages_above(file)]
    found = dict.fromkeys(queue)
    for known in queue:
        for path in _imported(known, search_folders(file, root)):
            if path not in found:
                found[path] = None
                queue.append(path)
    return dict(sorted((shown_path(path, root), path) for path in found))


def _packages_above(file: Path) -> list[Path]:
    """Return the `__init__` files that Python runs before a module of a package."""
    base = package_base(file)
    folders = [folder for folder in file.parents if folder != base and folder.is_relative_to(base)]
    inits = [folder / "__init__.py" for folder in folders]
    return [init for init in inits if init != file]


def shown_path(path: Path, root: Path) -> str:
    """Return a path as people read it: relative to `root`, with forward slashes."""
    return Path(os.path.relpath(path, root)).as_posix()


def search_folders(file: Path, root: Path) -> list[Path]:
    """Return where first-party modules are looked for: beside the file, above its package, the root."""
    return list(dict.fromkeys([file.parent, package_base(file), root]))


def package_base(file: Path) -> Path:
    """Return the folder that holds the outermost package of `file`, or its own folder."""
    folder = file.parent
    while (folder / "__init__.py").is_file() and folder.parent != folder:
        folder = folder.parent
    return folder


def is_first_party(name: str, folders: Iterable[Path]) -> bool:
    """Say whether a top-level module name answers to one of the user's files."""
    folders = list(folders)
    if any(_module_file(folder, name) for folder in folders):
        return True
    # A folder without __init__.py is a package of last resort: anything installed goes before it.
    return any(_is_namespace(folder / name) for folder in folders) and not _is_installed(name)


def read_source(path: Path) -> bytes:
    """Return the bytes of a source file; raises `CodeError` when it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise CodeError("a source file cannot be read", where=str(path), why=error.strerror) from None


def parse_file(path: Path, content: bytes | None = None) -> ast.Module:
    """Return the syntax tree of a file; raises `CodeError` with file and line where there is none."""
    try:
        return parse(read_source(path) if content is None else content)
    except SyntaxError as error:
        raise syntax_error(path, error) from None


def syntax_error(path: Path, error: SyntaxError) -> CodeError:
    """Return a syntax error as one message: file, line, and the line's text."""
    where = error.filename if error.filename and Path(error.filename).is_absolute() else path
    text = (error.text or "").strip()
    return CodeError(
        "the code cannot be parsed",
        where=f"{where}, line {error.lineno}" if error.lineno else str(where),
        why=f"{error.msg}: `{text}`" if text else error.msg,
        hint=f"this is Python {sys.version_info[0]}.{sys.version_info[1]}; correct the line",
    )


def _imported(file: Path, folders: list[Path]) -> Iterator[Path]:
    """Yield the first-party files that one file imports, with the `__init__` files on the way."""
    if file.suffix not in SOURCE_SUFFIXES:
        return
    try:
        items = _imports_of(read_source(file))
    except SyntaxError as error:
        raise syntax_error(file, error) from None
    for item in items:
        if item.level:
            bases = [file.parents[item.level - 1]] if item.level <= len(file.parents) else []
        elif is_first_party(item.module.partition(".")[0], folders):
            bases = folders
        else:
            continue
        for base in bases:
            files = list(_resolve(base, item))
            yield from files
            if files:
                break


@lru_cache(maxsize=1024)
def _imports_of(content: bytes) -> tuple[Import, ...]:
    """Return the imports of a source; kept, for a worker loads the same files for every cell."""
    return tuple(imports(parse(content)))


def imports(tree: ast.Module) -> Iterator[Import]:
    """Yield every import of a module, wherever in its code it stands."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (Import(alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield Import(node.module or "", tuple(alias.name for alias in node.names), node.level)
        elif isinstance(node, ast.Call):
            yield from _dynamic(node)


def _dynamic(call: ast.Call) -> Iterator[Import]:
    """Yield the import that `import_module('name')` or `__import__('name')` makes."""
    called = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", None)
    if called not in ("import_module", "__import__") or not call.args:
        return
    match call.args[0]:
        case ast.Constant(value=str(name)):
            bare = name.lstrip(".")
            yield Import(bare, level=len(name) - len(bare))


def _resolve(base: Path, item: Import) -> Iterator[Path]:
    """Yield the files of a dotted name below `base`: packages' `__init__`, the module, submodules."""
    folder = base
    if item.level and (init := _package_file(base)):
        yield init
    for part in item.module.split(".") if item.module else ():
        path = _module_file(folder, part)
        if path:
            yield path
        folder = folder / part
        if not folder.is_dir() or path not in (None, _package_file(folder)):
            return  # a module, or nothing: there is no more below it
    names = item.names
    if "*" in names:  # `__all__` may name any of the submodules
        names = tuple(sorted(entry.stem for entry in folder.glob("*.py")))
    yield from filter(None, (_module_file(folder, name) for name in names))


def _module_file(folder: Path, name: str) -> Path | None:
    """Return the file of module `name` in `folder`: a package before a module, as Python does."""
    if not name.isidentifier():
        return None
    package = _package_file(folder / name)
    if package:
        return package
    for suffix in _SUFFIXES:
        path = folder / f"{name}{suffix}"
        if path.is_file():
            return path.resolve()
    return None


def _package_file(folder: Path) -> Path | None:
    path = folder / "__init__.py"
    return path.resolve() if path.is_file() else None


def _is_namespace(folder: Path) -> bool:
    return folder.is_dir() and next(folder.glob("**/*.py"), None) is not None


def _is_installed(name: str) -> bool:
    if name in sys.stdlib_module_names:
        return True
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        return False
    # A namespace has no origin: with the working folder on the path, it may be the user's own.
    return spec is not None and spec.origin is not None
