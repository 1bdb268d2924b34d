"""The identity of code: what a component runs, and the evidence of what stood on disk.

A component in the user's files is identified by the syntax trees of its first-party import
closure; one of an installed distribution by name, version and declared revision; a command by
what it is called with, and the bytes of its files. Code that stands in no file, as in a notebook,
is identified by its source.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path
from types import FrameType
from typing import Any

from assay.capture.closure import closure, package_base, parse_file, read_source, shown_path
from assay.capture.command import arguments_of, files_of, program_of
from assay.capture.environment import is_installed_file
from assay.capture.interactive import frame_sources, object_sources, refuse_held, refuse_unnamed
from assay.capture.loading import LoadedComponent, find_target, load_component
from assay.capture.repository import repository
from assay.capture.secrets import scrub
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

# What each identity of this process was read from, by its digest: the evidence shows exactly those
# bytes, even when a file changes in between or the code stands in no file.
_READ: dict[str, dict[str, bytes]] = {}


def code_identity(role: str, component: Any, folder: Path) -> CodeIdentity:
    """Return what a component runs.

    `component` is what a registry found (`Registered`), 'path/file.py:Name' relative to `folder`,
    or a class or function itself. Raises `CodeError` for what cannot be identified: a lambda, a
    function that closes over values, or a library that it declares and that is not installed.
    """
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

    In a notebook that is the cell with the functions, classes and plain constants of other cells
    that it uses; what another cell computed is not seen.
    """
    file = Path(frame.f_code.co_filename)
    if file.is_file():
        files = closure(file, package_base(file.resolve()))
        return _of_sources(role, name, {shown: read_source(path) for shown, path in files.items()})
    return _of_sources(role, name, frame_sources(frame))


def command_identity(argv: Sequence[str], files: Sequence[str], folder: Path) -> CodeIdentity:
    """Return what an external command runs: its arguments, and the bytes of its files.

    The files are those that `argv` names in the study's folder (a Python file with its first-party
    imports) and those declared; a declared folder stands for all files in it. The program counts by
    name alone. Raises `CodeError` for a program or a declared file that is not there.
    """
    folder = folder.resolve()
    program_of(argv, folder)
    sources = {shown: path.read_bytes() for shown, path in files_of(argv, files, folder).items()}
    identity = CodeIdentity(
        role="strategy",
        name=arguments_of(argv, folder),
        files={shown: digest_bytes(content) for shown, content in sources.items()},
    )
    return _remember(identity, sources)


def evidence(
    identity: CodeIdentity, folder: Path, *, argv: Sequence[str] = ()
) -> tuple[CodeEvidence, dict[str, bytes]]:
    """Return what stood on disk, and the contents that its digests name, for the object store.

    Secrets are replaced in every content that is text. `argv` is the command line of a command: the
    digest of its program's file is kept under its name. `folder` is where the repository is read.
    """
    read = _READ.get(digest_value(identity), {})
    contents: dict[str, bytes] = {}
    shown = []
    for path in identity.files:
        content = _without_secrets(read[path] if path in read else read_source(folder / path), path)
        digest = digest_bytes(content)
        contents[digest] = content
        shown.append(SourceFile(path=path, content=digest))
    installed = dict(identity.libraries)
    if identity.distribution and identity.version:
        installed[identity.distribution] = identity.version
    if argv:
        program = program_of(argv, folder.resolve())
        installed[program.name] = digest_file(program)
    found = CodeEvidence(
        assay_version=metadata.version(OWN),
        files=tuple(shown),
        installed=dict(sorted(installed.items())),
        repository=repository(folder.resolve()),
    )
    return found, contents


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


def _remember(identity: CodeIdentity, sources: dict[str, bytes]) -> CodeIdentity:
    if sources:
        _READ[digest_value(identity)] = sources
    return identity


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
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return content
    return scrub(text, code=_is_source(path)).encode()
