"""What a process says about itself: how it was started, what is installed code in it, what was loaded."""

from __future__ import annotations

import os
import sys
import time
from typing import Any

from . import rows, variables
from .configuration import Configuration

_PROGRAM = 4000  # characters of a command line that are kept for people
_ANCESTORS = 12
_COMPUTING = ("jax", "scipy", "sklearn", "tensorflow", "torch")


def describe(settings: Configuration, digest: str) -> None:
    """Settle what the row about this process holds, and which code in it is installed."""
    from .secrets import scrub_arguments, scrub_shapes

    rows.set_installed(installed_folders(settings))
    program = " ".join(scrub_arguments(arguments()))
    row = {
        "k": "process",
        "program": program[:_PROGRAM],
        "executable": sys.executable,
        "version": ".".join(map(str, sys.version_info[:3])),
        "implementation": sys.implementation.name,
        "compiler": _compiler(),
        "prefix": sys.prefix,
        "base_prefix": sys.base_prefix,
        "sys_path": [scrub_shapes(str(place)) for place in sys.path],
        "hash_seed": os.environ.get("PYTHONHASHSEED"),
        "flags": _flags(),
        "digest": digest,
        "start": time.time(),
    }
    rows.describe(row, role(settings))


def arguments() -> list[str]:
    """Return the whole command line of this process, the interpreter and its options included."""
    given = getattr(sys, "orig_argv", None)
    if given:
        return list(given)
    try:
        with open("/proc/self/cmdline", "rb") as file:
            return [os.fsdecode(part) for part in file.read().split(b"\0")[:-1]]
    except OSError:
        return [sys.executable, *getattr(sys, "argv", [])]


def role(settings: Configuration) -> str:
    """Return 'main', 'child' where a process above has a file too, or 'rank N' where a launcher says so."""
    parent = _role_above(settings)
    rank = os.environ.get("RANK", "")
    if rank.isdigit() and parent != f"rank {rank}":
        return f"rank {rank}"
    return "child" if parent else "main"


def _role_above(settings: Configuration) -> str:
    """Return the role of the nearest process above that is recorded; '' where there is none."""
    files: dict[str, str] = {}
    try:
        for name in sorted(os.listdir(settings.rows)):
            files[name.partition("-")[0]] = name
    except OSError:
        return ""
    above = os.getppid()
    for _ in range(_ANCESTORS):
        if str(above) in files:
            return _role_in(os.path.join(settings.rows, files[str(above)]))
        above = _parent(above)
        if above <= 1:
            break
    return ""


def _role_in(path: str) -> str:
    import json

    try:
        with open(path, "rb") as file:
            return str(json.loads(file.readline()[9:]).get("role") or "main")
    except (OSError, ValueError):
        return "main"


def _parent(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return int(file.read().rpartition(b")")[2].split()[1])
    except (OSError, ValueError, IndexError):
        return 0


def _compiler() -> str:
    """Return what platform.python_compiler() returns, without importing that module."""
    version = sys.version
    return version[version.rfind("[") + 1 : version.rfind("]")] if "[" in version else ""


def _flags() -> dict[str, int]:
    """Return the interpreter's flags that are not zero; the seed of hashing is a field of its own."""
    names = (name for name in dir(sys.flags) if not name.startswith(("_", "n_")))
    found = {name: getattr(sys.flags, name) for name in names if name not in {"count", "index"}}
    return {name: int(value) for name, value in found.items() if value}


def installed_folders(settings: Configuration) -> tuple[str, ...]:
    """Return the folders of Python's own library, of installed distributions, and of Assay itself."""
    site = sys.modules.get("site")
    here = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    found = [*settings.installed, os.path.dirname(os.__file__), os.path.join(here, "assay"), settings.folder]
    version = "python{}.{}".format(*sys.version_info[:2])
    for prefix in {sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix}:
        found += [os.path.join(prefix, lib, version) for lib in ("lib", "lib64")]
    for name in ("getsitepackages", "getusersitepackages"):
        find = getattr(site, name, None)
        places = find() if find is not None else []
        found += [places] if isinstance(places, str) else places
    return (*found, *_filled_by_pip())


def _filled_by_pip() -> list[str]:
    """Return the folders of PYTHONPATH into which packages were installed (`pip install --target`)."""
    here = os.path.join(os.getcwd(), "")
    found = []
    for place in os.environ.get(variables.PATH, "").split(os.pathsep):
        folder = os.path.abspath(place) if place else ""
        # A folder that the program itself lies in holds code of the user's, whatever else is there.
        if folder and not here.startswith(os.path.join(folder, "")) and _holds_packages(folder):
            found.append(folder)
    return found


def _holds_packages(folder: str) -> bool:
    try:
        names = [name for name in os.listdir(folder) if name.endswith(".dist-info")]
    except OSError:
        return False
    return any(os.path.isfile(os.path.join(folder, name, "RECORD")) for name in names)


_told: dict[str, str] = {}


def tell_variables() -> None:
    """Write the listed variables as the process has them now, where they changed since last told."""
    values = variables.in_force()
    if values != _told:
        _told.clear()
        _told.update(values)
        rows.write({"k": "variables", "values": values})


def forget() -> None:
    """Forget what was told; another process or recording tells it again."""
    _told.clear()


rows.fork_hooks.append(forget)


def tell_loaded() -> None:
    """Write which installed packages were imported, by the names of their top modules."""
    rows.write({"k": "loaded", "distributions": [name for name in _distributed() if is_programs(name)]})


def _distributed() -> list[str]:
    folders = tuple(os.path.join(folder, "") for folder in _filled_by_pip())
    return [
        name
        for name, module in sorted(sys.modules.items())
        if "." not in name and name != "assay_hook" and _is_distributed(module, folders)
    ]


_overlooked: frozenset[str] = frozenset()


def overlook(names: frozenset[str]) -> None:
    """Take packages for the recorder's own that it imports into a process which runs already.

    One stays the program's if a name in its code leads there, or if it has packages that need these.
    """
    global _overlooked  # noqa: PLW0603  one process, one recorder in it
    _overlooked = _overlooked or names  # later they are imported already


def is_programs(name: str) -> bool:
    """Say whether the program itself has imported a package, as far as can be known."""
    if name not in _overlooked:
        return True
    if any(other in sys.modules for other in _COMPUTING):
        return True
    for module in list(sys.modules.values()):
        file = getattr(module, "__file__", None)
        if getattr(module, "__name__", "") == "__main__" or (
            isinstance(file, str) and rows.is_first_party(file)
        ):
            for value in list(vars(module).values()):
                owner = getattr(value, "__name__" if isinstance(value, type(sys)) else "__module__", "")
                if isinstance(owner, str) and owner.partition(".")[0] == name:
                    return True
    return False


def _is_distributed(module: Any, folders: tuple[str, ...]) -> bool:
    file = getattr(module, "__file__", None)
    if not isinstance(file, str):  # a namespace package has only folders
        file = next(iter(getattr(module, "__path__", ())), "")
    place = str(file)
    return any(part in place for part in ("/site-packages/", "/dist-packages/")) or place.startswith(folders)


def move_paths(settings: Configuration) -> None:
    """Put the restored folders where the recorded ones stand in the path and in editable installs."""
    if not settings.paths:
        return
    sys.path[:] = [_moved(place, settings) for place in sys.path]
    for name, module in list(sys.modules.items()):
        if name.startswith("__editable__"):
            for table in (getattr(module, "MAPPING", None), getattr(module, "NAMESPACES", None)):
                _move_table(table, settings)


def _move_table(table: Any, settings: Configuration) -> None:
    """Rewrite the table of a finder that setuptools made for an editable install."""
    for key, value in list(table.items()) if isinstance(table, dict) else []:
        if isinstance(value, str):
            table[key] = _moved(value, settings)
        elif isinstance(value, list):
            value[:] = [_moved(place, settings) for place in value]


def _moved(place: str, settings: Configuration) -> str:
    for old, new in settings.paths:
        if place == old or place.startswith(os.path.join(old, "")):
            return new + place[len(old) :]
    return place
