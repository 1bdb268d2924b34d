"""The identity of code: what a component runs, and the evidence of what stood on disk.

A component in the user's files is identified by the syntax trees of its first-party import
closure; one of an installed distribution by name, version and declared revision; a command by
what it is called with, and the bytes of its files. Code that stands in no file, as in a notebook,
is identified by its source.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path
from types import FrameType
from typing import Any

import msgspec

from assay.capture.closure import closure, package_base, parse_file, read_source, shown_path
from assay.capture.command import ARGUMENTS, arguments_digest, declared_files, parts_of, program_of
from assay.capture.environment import is_installed_file
from assay.capture.interactive import frame_sources, object_sources, refuse_held, refuse_unnamed
from assay.capture.literals import scrub_source
from assay.capture.loading import LoadedComponent, find_target, load_component
from assay.capture.repository import repository
from assay.capture.secrets import scrub, scrub_arguments
from assay.capture.syntax import reads_docstrings, syntax_digest
from assay.foundation.digest import digest_bytes, digest_file, digest_value
from assay.foundation.errors import CodeError
from assay.foundation.registry import Registered
from assay.provenance.components import CodeEvidence, CodeIdentity, SourceFile

__all__ = [
    "LoadedComponent",
    "closure",
    "code_identity",
    "command_identity",
    "evidence",
    "frame_identity",
    "load_component",
]

OWN = "assay"
SOURCE_SUFFIX = ".py"

# Files that a command names, or a component declares, are kept as evidence up to these sizes (bytes),
# one and all of them; beyond, their digests are.
KEPT_FILE = 1 << 20
KEPT_FILES = 64 << 20

# What each identity of this process was read from, by its digest: the evidence shows exactly those
# bytes, even when a file changes in between or the code stands in no file. None is too large to keep.
_READ: dict[str, dict[str, bytes | None]] = {}


def code_identity(role: str, component: Any, folder: Path, files: Sequence[str] = ()) -> CodeIdentity:
    """Return what a component runs.

    `component` is what a registry found (`Registered`), 'path/file.py:Name' relative to `folder`,
    or a class or function itself. `files` are what it reads besides, relative to `folder`: they
    count with every byte, and a folder stands for all files in it. Raises `CodeError` for what
    cannot be identified: a lambda, a function that closes over values, a declared file that is not
    there, or a library that it declares and that is not installed.
    """
    identity = _component(role, component, folder)
    if not files:
        return identity
    digests, contents = _read_files(declared_files(files, folder.resolve()))
    read = {**_READ.get(digest_value(identity), {}), **contents}
    return _remember(msgspec.structs.replace(identity, files={**identity.files, **digests}), read)


def _component(role: str, component: Any, folder: Path) -> CodeIdentity:
    if isinstance(component, Registered):
        return _registered(role, component)
    if isinstance(component, str):
        found = find_target(component, folder)
        loaded = load_component(component, folder)
        sources = {shown: read_source(path) for shown, path in loaded.files.items()}
        return _of_sources(role, found.name, sources, libraries=_libraries(loaded.value, component))
    return _object(role, component, folder.resolve())


def frame_identity(role: str, name: str, frame: FrameType) -> CodeIdentity:
    """Return what runs in a frame: its file with the first-party imports, or the cell's source.

    The arguments of a script count, for they decide what it does. In a notebook that is the cell
    with the functions, classes and plain constants of other cells that it uses; what another cell
    computed is not seen.
    """
    file = Path(frame.f_code.co_filename)
    if not file.is_file():
        return _of_sources(role, name, frame_sources(frame))
    files = closure(file, package_base(file.resolve()))
    identity = _of_sources(role, name, {shown: read_source(path) for shown, path in files.items()})
    arguments = sys.argv[1:]
    if not arguments or _file_of("__main__") != file.resolve():
        return identity
    shown = shlex.join(scrub_arguments(arguments)).encode("utf-8", "backslashreplace")
    digests = {**identity.files, ARGUMENTS: arguments_digest(arguments)}
    read = {**_READ[digest_value(identity)], ARGUMENTS: shown}
    return _remember(msgspec.structs.replace(identity, files=digests), read)


def command_identity(
    argv: Sequence[str], files: Sequence[str], folder: Path, role: str = "command"
) -> CodeIdentity:
    """Return what an external command runs: its arguments, and the bytes of its files.

    The files are all that `argv` names (a Python file with its first-party imports) and those
    declared; a declared folder stands for all files in it. The arguments count as they are, by a
    digest among the files; the name shows them without secrets. A program of the machine, such as
    an interpreter, counts by name alone. Raises `CodeError` for a program or a declared file that
    is not there.
    """
    folder = folder.resolve()
    program_of(argv, folder)
    parts = parts_of(argv, files, folder)
    digests, contents = _read_files(parts.files)
    identity = CodeIdentity(
        role=role,
        name=shlex.join(scrub_arguments(parts.arguments)),
        files={**digests, ARGUMENTS: arguments_digest(parts.arguments)},
    )
    return _remember(identity, contents)


def evidence(
    identity: CodeIdentity, folder: Path, *, argv: Sequence[str] = ()
) -> tuple[CodeEvidence, dict[str, bytes]]:
    """Return what stood on disk, and the contents that its digests name, for the object store.

    Secrets are replaced in every content. Of a file that is too large to keep, `installed` has the
    digest under its path. `argv` is the command line of a command: the digest of its program's file
    is kept under its name. `folder` is where the repository is read.
    """
    read = _READ.get(digest_value(identity), {})
    contents: dict[str, bytes] = {}
    shown = []
    installed = dict(identity.libraries)
    for path, digest_read in identity.files.items():
        if path == ARGUMENTS and path not in read:
            continue  # a command shows them in its name
        found = read[path] if path in read else _kept(folder / path)
        if found is None:
            installed[path] = digest_read
            continue
        content = _without_secrets(found, path)
        digest = digest_bytes(content)
        contents[digest] = content
        shown.append(SourceFile(path=path, content=digest))
    if identity.distribution and identity.version:
        installed[identity.distribution] = identity.version
    if argv:
        program = program_of(argv, folder.resolve())
        installed[program.name] = digest_file(program)
    told = CodeEvidence(
        assay_version=metadata.version(OWN),
        files=tuple(shown),
        installed=dict(sorted(installed.items())),
        repository=repository(folder.resolve()),
    )
    return told, contents


def _registered(role: str, registered: Registered) -> CodeIdentity:
    """Identify a component of a distribution; one that is installed for editing by its files too."""
    try:
        component = registered.load()
    except (ImportError, AttributeError) as error:
        raise CodeError(
            f"the {role} '{registered.name}' cannot be loaded",
            where=f"{registered.target}, of {registered.distribution} {registered.version}",
            why=scrub(str(error)),
            hint=f"install {registered.distribution} again, or tell its authors",
        ) from None
    own = registered.distribution == OWN
    sources: dict[str, bytes] = {}
    file = _file_of(registered.target.partition(":")[0])
    if not own and file and not is_installed_file(file):
        files = closure(file, package_base(file))
        sources = {shown: read_source(path) for shown, path in files.items()}
    return _of_sources(
        role,
        registered.name,
        sources,
        revision=getattr(component, "revision", None),
        distribution=registered.distribution,
        version=None if own else registered.version,
        libraries=_libraries(component, registered.name),
    )


def _object(role: str, component: Any, folder: Path) -> CodeIdentity:
    """Identify a class or function that the user holds in the hand."""
    refuse_unnamed(component)
    file = _file_of(component.__module__)
    libraries = _libraries(component, component.__qualname__)
    if component.__module__.partition(".")[0] == OWN:
        revision = getattr(component, "revision", None)
        name = getattr(component, "name", component.__qualname__)
        return CodeIdentity(role=role, name=name, revision=revision, distribution=OWN, libraries=libraries)
    if file is None:
        refuse_held(component)
        return _of_sources(role, component.__qualname__, object_sources(component), libraries=libraries)
    if is_installed_file(file):
        return _installed_object(role, component, libraries)
    refuse_held(component)
    root = folder if file.is_relative_to(folder) else package_base(file)
    sources = {shown: read_source(path) for shown, path in closure(file, root).items()}
    return _of_sources(
        role, f"{shown_path(file, root)}:{component.__qualname__}", sources, libraries=libraries
    )


def _file_of(module: str) -> Path | None:
    """Return the file that a loaded module came from, if it came from one."""
    name = getattr(sys.modules.get(module), "__file__", None)
    return Path(name).resolve() if name and Path(name).is_file() else None


def _installed_object(role: str, component: Any, libraries: dict[str, str]) -> CodeIdentity:
    top = component.__module__.partition(".")[0]
    owners = metadata.packages_distributions().get(top, [])
    return CodeIdentity(
        role=role,
        name=f"{component.__module__}:{component.__qualname__}",
        revision=getattr(component, "revision", None),
        distribution=owners[0] if owners else "python",
        version=metadata.version(owners[0]) if owners else ".".join(map(str, sys.version_info[:3])),
        libraries=libraries,
    )


def _of_sources(role: str, name: str, sources: Mapping[str, bytes], **facts: Any) -> CodeIdentity:
    """Return the identity of sources by their syntax trees; docstrings count where any file reads one."""
    trees = {
        shown: parse_file(Path(shown), content) for shown, content in sources.items() if _is_source(shown)
    }
    docstrings = any(map(reads_docstrings, trees.values()))
    digests = {
        shown: syntax_digest(trees[shown], docstrings=docstrings) if shown in trees else digest_bytes(content)
        for shown, content in sources.items()
    }
    return _remember(CodeIdentity(role=role, name=name, files=digests, **facts), dict(sources))


def _is_source(shown: str) -> bool:
    return shown.endswith((SOURCE_SUFFIX, ">"))


def _remember(identity: CodeIdentity, sources: Mapping[str, bytes | None]) -> CodeIdentity:
    if sources:
        _READ[digest_value(identity)] = dict(sources)
    return identity


def _read_files(files: Mapping[str, Path]) -> tuple[dict[str, str], dict[str, bytes | None]]:
    """Return the digests of files, and their contents as far as evidence keeps them."""
    digests: dict[str, str] = {}
    contents: dict[str, bytes | None] = {}
    left = KEPT_FILES
    for shown, path in files.items():
        content = _kept(path) if left > 0 else None
        left -= len(content or b"")
        contents[shown] = content
        try:
            digests[shown] = digest_file(path) if content is None else digest_bytes(content)
        except OSError as error:
            raise CodeError("a file cannot be read", where=str(path), why=error.strerror) from None
    return digests, contents


def _kept(path: Path) -> bytes | None:
    """Return the content of a file, or None for one that is too large to keep."""
    is_large = path.is_file() and path.stat().st_size > KEPT_FILE
    return None if is_large else read_source(path)


def _libraries(component: Any, name: str) -> dict[str, str]:
    """Return the declared libraries of a component with their installed versions."""
    found = {}
    declared = getattr(component, "libraries", ())
    for library in declared if isinstance(declared, list | tuple) else ():
        try:
            found[str(library)] = metadata.version(str(library))
        except metadata.PackageNotFoundError:
            raise CodeError(
                f"'{name}' needs the library '{library}', which is not installed",
                hint=f"pip install {library}",
            ) from None
    return found


def _without_secrets(content: bytes, path: str) -> bytes:
    """Return a content without secrets, byte for byte the same elsewhere, whatever its encoding."""
    try:
        text, encoding = content.decode(), "utf-8"
    except UnicodeDecodeError:  # as Latin-1, every byte is a character
        text, encoding = content.decode("latin-1"), "latin-1"
    if _is_source(path):
        return scrub_source(text).encode(encoding)
    return scrub(text, code=encoding == "latin-1").encode(encoding)
