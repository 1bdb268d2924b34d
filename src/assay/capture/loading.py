"""Loads a component from a user's file, 'path/file.py:Name', relative to the study's folder.

Each loaded file gets a scope: a package of a unique name below which the file and its first-party
imports become modules, so that two `helper.py` of two folders never meet. Import statements of
these modules look in the scope first; `sys.path` stays as it was. The scope's name is made from
the place and the content of its files: unchanged files are loaded once in a process, changed ones
anew, and all of them anew where that is asked for. Nothing is written beside the user's files, and
no cached bytecode is trusted.
"""

from __future__ import annotations

import builtins
import contextlib
import importlib
import importlib.util
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from importlib.machinery import (
    EXTENSION_SUFFIXES,
    SOURCE_SUFFIXES,
    ExtensionFileLoader,
    FileFinder,
    ModuleSpec,
    SourceFileLoader,
)
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any, NamedTuple

from assay.capture.closure import (
    closure,
    is_first_party,
    package_base,
    search_folders,
    shown_path,
    syntax_error,
)
from assay.capture.environment import is_installed_file
from assay.capture.secrets import scrub
from assay.foundation import clock
from assay.foundation.digest import digest_file, digest_value, short
from assay.foundation.errors import CodeError, nearest

PREFIX = "assay_user_"


# A file that was younger than this when it was read may have changed since within the same tick of
# the file system's clock, which may be as coarse as two seconds.
_RACY_SECONDS = 2.0


class FileState(NamedTuple):
    """What a file was when it was read: size in bytes, time of change in ns, digest of its bytes."""

    size: int
    mtime_ns: int
    is_racy: bool
    digest: str

    @classmethod
    def of(cls, path: Path) -> FileState:
        """Return the state of a file; raises `CodeError` when it cannot be read."""
        try:
            stat = path.stat()  # before the bytes: a change in between shows at the next comparison
            digest = digest_file(path)
        except OSError as error:
            raise CodeError("a source file cannot be read", where=str(path), why=error.strerror) from None
        age = datetime.fromisoformat(clock.now()).timestamp() - stat.st_mtime
        return cls(stat.st_size, stat.st_mtime_ns, age < _RACY_SECONDS, digest)

    def still_holds(self, path: Path) -> bool:
        """Say whether the file has the bytes that it had."""
        try:
            stat = path.stat()
            if stat.st_size != self.size:
                return False
            if stat.st_mtime_ns == self.mtime_ns and not self.is_racy:
                return True
            return digest_file(path) == self.digest
        except OSError:
            return False


class LoadedComponent(NamedTuple):
    """A component of a user's file: what it is, the file it stands in, and its first-party closure.

    `name` is how identities call it, 'path/file.py:Name', the path relative to the study's folder.
    `states` is what stood on disk when the files were loaded.
    """

    value: Any
    name: str
    file: Path
    files: Mapping[str, Path]
    states: Mapping[str, FileState]

    def changed(self) -> list[str]:
        """Return which files of the closure are no longer what was loaded, as shown paths.

        Size and time of change are compared, and the bytes only where these leave a doubt.
        """
        return [shown for shown, path in self.files.items() if not self.states[shown].still_holds(path)]


class Target(NamedTuple):
    """'path/file.py:Name', taken apart and found on disk."""

    file: Path
    attribute: str
    name: str


def load_component(target: str, folder: Path, *, fresh: bool = False) -> LoadedComponent:
    """Import a user's file and return the named attribute of it.

    `target` is 'path/file.py:Name', relative to the study's folder; `Name` may have dots. With
    `fresh`, the file and its first-party imports are run anew, so that nothing that they keep in
    their modules passes from an earlier call to this one; compiled extensions are the exception,
    for Python may hold what they keep. Raises `CodeError` for a target of another form, a file or
    attribute that is not there (with the nearest name), a syntax error (file and line), and
    whatever the file raises when imported.
    """
    found = find_target(target, folder)
    files = closure(found.file, folder)
    states = {shown: FileState.of(path) for shown, path in files.items()}
    if fresh:
        for scope in _SCOPES.pop(found.file, ()):
            _forget(scope)
    module = _load(found.file, folder.resolve(), files, states)
    return LoadedComponent(_attribute(module, found), found.name, found.file, files, states)


def find_target(target: str, folder: Path) -> Target:
    """Take a target apart and find its file; raises `CodeError` when it does not answer to one."""
    shown, colon, attribute = target.rpartition(":")
    if not colon or not shown.endswith(".py") or not attribute:
        raise CodeError(
            f"'{target}' does not name a component in a file",
            hint="write the file and the name in it, such as 'search.py:Evolution'",
        )
    folder = folder.resolve()
    file = folder / shown
    if not file.is_file():
        near = nearest(shown, _python_files(file.parent, folder))
        raise CodeError(
            f"there is no file '{shown}'",
            where=str(folder),
            hint=f"did you mean '{near}'?" if near else "paths are relative to the folder of the study file",
        )
    file = file.resolve()
    return Target(file, attribute, f"{shown_path(file, folder)}:{attribute}")


def _python_files(*folders: Path) -> list[str]:
    """Return the Python files directly in the folders, as paths relative to the last one."""
    return [shown_path(path, folders[-1]) for folder in folders for path in folder.glob("*.py")]


# The scopes that each file was loaded in: one for each content that it and its imports have had.
_SCOPES: dict[Path, set[str]] = {}


def _load(file: Path, root: Path, files: Mapping[str, Path], states: Mapping[str, FileState]) -> ModuleType:
    """Import `file` as a module of its scope, and turn what it raises into a `CodeError`."""
    content = [str(file), {shown: state.digest for shown, state in states.items()}]
    scope = PREFIX + short(digest_value(content))
    _SCOPES.setdefault(file, set()).add(scope)
    base = package_base(file)
    dotted = file.relative_to(base).with_suffix("").parts
    if dotted[-1] == "__init__":
        dotted = dotted[:-1]
    name = ".".join((scope, *(_identifier(part) for part in dotted)))
    folders = search_folders(file, root)
    try:
        with _beside(folders):
            return _import(name, scope, file, folders)
    except SyntaxError as error:
        raise syntax_error(file, error) from None
    except (Exception, SystemExit) as error:  # user code may raise anything
        raise _import_error(error, file, files, root) from error


def _identifier(part: str) -> str:
    return part if part.isidentifier() else part.encode("punycode").hex()


def _import(name: str, scope: str, file: Path, folders: Sequence[Path]) -> ModuleType:
    if _FINDER not in sys.meta_path:
        sys.meta_path.insert(0, _FINDER)  # before the one that would load the files as plain modules
    if scope not in sys.modules:
        package = ModuleType(scope, "A scope of a user's files.")
        package.__path__ = [str(folder) for folder in folders]
        sys.modules[scope] = package
    _FINDER.files[name] = file
    try:
        return importlib.import_module(name)
    except BaseException:
        _forget(scope)
        raise


def _forget(scope: str) -> None:
    """Remove the modules of a scope, so that the next import runs its files again."""
    for module in [known for known in sys.modules if known == scope or known.startswith(f"{scope}.")]:
        del sys.modules[module]


class _ScopeFinder:
    """Finds modules below a scope, and nothing else."""

    def __init__(self) -> None:
        self.files: dict[str, Path] = {}

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None = None,
        target: ModuleType | None = None,  # noqa: ARG002  the importer's signature
    ) -> ModuleSpec | None:
        """Return the spec of a module of a scope; the file that was asked for goes by its own path."""
        if not fullname.startswith(PREFIX) or path is None:
            return None
        if fullname in self.files:
            return _spec(fullname, self.files[fullname])
        portions: list[str] = []
        for folder in path:
            finder = FileFinder(folder, (ExtensionFileLoader, EXTENSION_SUFFIXES), (_Loader, SOURCE_SUFFIXES))
            spec = finder.find_spec(fullname)
            if spec is not None and spec.loader is not None:
                return spec
            if spec is not None:
                portions += spec.submodule_search_locations or []
        if not portions:
            return None
        namespace = ModuleSpec(fullname, None, is_package=True)
        namespace.submodule_search_locations = portions
        return namespace


_FINDER = _ScopeFinder()


def _spec(name: str, file: Path) -> ModuleSpec | None:
    places = [str(file.parent)] if file.name == "__init__.py" else None
    return importlib.util.spec_from_file_location(
        name, file, loader=_Loader(name, str(file)), submodule_search_locations=places
    )


class _Loader(SourceFileLoader):
    """Runs a user's file with an `__import__` that looks in the file's scope first."""

    def get_code(self, fullname: str) -> CodeType:  # noqa: ARG002  the importer's signature
        # Compiled from the source each time: a stale .pyc would run what the identity does not show.
        return _compiled(self.get_data(self.path), self.path)

    def exec_module(self, module: ModuleType) -> None:
        scope = module.__name__.partition(".")[0]
        folders = [Path(folder) for folder in sys.modules[scope].__path__]
        own = {**vars(builtins), "__import__": _scoped_import(scope, folders)}
        module.__dict__["__builtins__"] = own
        super().exec_module(module)


@lru_cache(maxsize=1024)
def _compiled(content: bytes, path: str) -> CodeType:
    """Compile a source; kept by its content, for a worker runs the same files for every cell."""
    code: CodeType = compile(content, path, "exec", dont_inherit=True)
    return code


def _scoped_import(scope: str, folders: list[Path]) -> Callable[..., Any]:
    """Return an `__import__` for the modules of one scope."""
    answers: dict[str, bool] = {}

    def first_party_import(
        name: str,
        globals: Mapping[str, Any] | None = None,
        locals: Mapping[str, Any] | None = None,
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> Any:
        top = name.partition(".")[0]
        if level == 0 and top not in answers:
            answers[top] = is_first_party(top, folders)
        if level or not answers[top]:
            return builtins.__import__(name, globals, locals, fromlist or (), level)
        module = importlib.import_module(f"{scope}.{name}")
        if not fromlist:
            return sys.modules[f"{scope}.{top}"]
        # With a list of names, the machinery's own __import__ returns the last module of the dotted
        # name and imports those of the names that are submodules.
        return builtins.__import__(module.__name__, globals, locals, fromlist, 0)

    return first_party_import


@contextlib.contextmanager
def _beside(folders: Sequence[Path]) -> Iterator[None]:
    """Let `importlib.import_module('helper')` work while a file is imported; undone afterwards."""
    before, known = list(sys.path), set(sys.modules)
    writes, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    sys.path[:0] = [str(folder) for folder in folders]
    try:
        yield
    finally:
        sys.path[:] = before
        sys.dont_write_bytecode = writes
        for name in set(sys.modules) - known:
            origin = getattr(sys.modules[name], "__file__", None)
            if origin is None or name.startswith(PREFIX) or is_installed_file(Path(origin)):
                continue
            if any(Path(origin).is_relative_to(folder) for folder in folders):
                del sys.modules[name]


def _attribute(module: ModuleType, target: Target) -> Any:
    value: Any = module
    for part in target.attribute.split("."):
        if not hasattr(value, part):
            known = (
                [name for name in vars(value) if not name.startswith("_")]
                if hasattr(value, "__dict__")
                else []
            )
            near = nearest(part, known)
            listed = ", ".join(sorted(name for name in known if _is_defined_in(value, name, module)))
            raise CodeError(
                f"there is no '{target.attribute}' in the file",
                where=str(target.file),
                hint=f"did you mean '{near}'?" if near else f"it defines: {listed or 'nothing'}",
            )
        value = getattr(value, part)
    return value


def _is_defined_in(holder: Any, name: str, module: ModuleType) -> bool:
    return getattr(vars(holder)[name], "__module__", None) == module.__name__


def _import_error(error: BaseException, file: Path, files: Mapping[str, Path], root: Path) -> CodeError:
    """Return what a file raised while it was imported: type, message, and the user's own line."""
    own = {str(path) for path in files.values()}
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename in own]
    place, line = str(file), ""
    if frames:
        place = f"{shown_path(Path(frames[-1].filename), root)}, line {frames[-1].lineno}"
        line = f" at `{frames[-1].line}`"
    message = str(error) or "no message"
    return CodeError(
        f"the file '{shown_path(file, root)}' cannot be imported",
        where=place,
        why=scrub(f"{type(error).__name__}: {message}{line}"),
        hint=_import_hint(error, files),
    )


def _import_hint(error: BaseException, files: Mapping[str, Path]) -> str | None:
    if isinstance(error, ModuleNotFoundError) and error.name:
        missing = (
            error.name.rpartition(".")[2] if error.name.startswith(PREFIX) else error.name.partition(".")[0]
        )
        near = nearest(missing, {entry.stem for path in files.values() for entry in path.parent.glob("*.py")})
        return (
            f"did you mean '{near}'?" if near else f"install '{missing}', or put {missing}.py beside the file"
        )
    if isinstance(error, SystemExit):
        return "put what runs the script under `if __name__ == '__main__':`"
    return None
