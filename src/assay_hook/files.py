"""Files that a process runs or opens, as the interpreter's audit events tell of them.

The audit hook sees every event of the program, so whatever is known already costs one look in a set. An
audit hook cannot be taken away again: after `uninstall` it is there and does nothing.
"""

from __future__ import annotations

import _thread
import os
import stat
import sys
import time
from typing import Any

from . import rows

_BATCH = 64  # paths in a row
_PATIENCE = 0.5  # seconds after which a new path is written with what has gathered
_KEPT = 500_000  # names that are remembered; beyond that they are told again
_NOT_DATA = ("/proc/", "/sys/", "/dev/")
_MEMORY = "/dev/shm/"  # noqa: S108  data is staged in folders there; files right in it are shared memory
_SYSTEM = ("/lib", "/usr/lib", "/usr/local/lib", "/usr/local/cuda")  # libraries that nobody here wrote
_WRITES = os.O_WRONLY | os.O_RDWR

_active = False
_added = False
# Names as the program wrote them, each looked at once: those read, those written.
_absolute: tuple[set[str], set[str]] = (set(), set())
_relative: tuple[set[str], set[str]] = (set(), set())  # until the working folder changes
_code: set[str] = set()
_told: set[str] = set()  # full paths
_pending: list[list[str]] = []
_last = 0.0
_busy: set[int] = set()  # threads that are in this file: what it opens itself does not count


def install() -> None:
    """Watch what is run and opened from now on."""
    global _active, _added  # noqa: PLW0603  one process, one hook
    _active = True
    if flush not in rows.flush_hooks:
        rows.flush_hooks.append(flush)
        rows.fork_hooks.append(_after_fork)
    if not _added:
        sys.addaudithook(_audit)
        _added = True
    if not rows.is_forked():
        rows.missed("files that compiled code opens by itself, without Python's open, are mostly not seen")


def uninstall() -> None:
    """Stop watching."""
    global _active  # noqa: PLW0603
    _active = False
    for known in (*_absolute, *_relative, _code):
        known.clear()
    _told.clear()
    _pending.clear()


def flush() -> None:
    """Write the paths that have gathered."""
    global _last  # noqa: PLW0603
    _last = time.monotonic()
    while _pending:
        batch: list[list[str]] = []
        try:
            while len(batch) < _BATCH:
                batch.append(_pending.pop(0))
        except IndexError:  # another thread took the rest
            pass
        if batch:
            rows.write({"k": "opened", "files": batch})


flush.waiting = lambda: bool(_pending)  # type: ignore[attr-defined]  # asked by rows.has_written


def _after_fork() -> None:
    """Leave to the parent what it gathered."""
    _pending.clear()
    _busy.clear()


# -- Audit events -------------------------------------------------------------------------------------------


def _audit(event: str, given: tuple[Any, ...]) -> None:
    handler: Any = _HANDLERS.get(event)
    if handler is not None and _active:
        try:
            handler(*given)
        except rows.RAISED:
            raise
        except Exception as error:  # noqa: BLE001  an exception here would fail the program's own call
            rows.failed("a file", error)


def _opened(path: Any, mode: Any = None, flags: Any = 0, *_: Any) -> None:
    writes = 1 if flags & _WRITES else 0
    if type(path) is str:  # bytes and text are not compared: `python -bb` forbids it
        if path in _absolute[writes] or path in _relative[writes]:
            return
    elif isinstance(path, int):
        return
    _look_at_open(os.fsdecode(path), mode, flags, writes)


def _look_at_open(path: str, mode: Any, flags: int, writes: int) -> None:
    thread = _thread.get_ident()
    if thread in _busy:
        return
    _busy.add(thread)
    try:
        with rows.spend():
            if not writes and _is_import(path):
                return
            kind = _change(mode, flags) if writes else "r"
            if note(path, kind):
                known = (_absolute if os.path.isabs(path) else _relative)[writes]
                if len(known) >= _KEPT:
                    known.clear()
                known.add(path)
    finally:
        _busy.discard(thread)


def _change(mode: Any, flags: int) -> str:
    """Return 'w' where what the file held is lost or was not there, 'u' where it may be read, else 'a'."""
    if isinstance(mode, str):
        creates, reads = "w" in mode or "x" in mode, "r" in mode
    else:
        creates, reads = bool(flags & (os.O_TRUNC | os.O_EXCL)), flags & _WRITES == os.O_RDWR
    return "w" if creates else "u" if reads else "a"


def _is_import(path: str) -> bool:
    """Say whether the import system reads a file of code, which is told of when the code runs."""
    if not path.endswith((".py", ".pyc")):
        return False
    try:
        frame = sys._getframe(4)  # above this, the look, the handler and the audit hook
    except ValueError:  # the interpreter opens the program itself
        return True
    return frame.f_code.co_filename.startswith("<frozen ")


def note(path: str, kind: str) -> bool:
    """Tell of a file that is read ('r'), written ('w') or changed ('a'); say whether it needs no second look.

    One that may be read and changed ('u') is told with its state, by which it is known at the end whether it
    was changed. A file that is not there to be read is not told of, and looked at again. Of several ways to
    open a file the first counts.
    """
    full = os.path.abspath(path)
    if full in _told or not _is_data(full):
        return True
    try:
        state = os.stat(full)
    except (OSError, ValueError):
        if kind == "r":
            return False
        _told.add(full)
        _gather([full, "w" if kind == "u" else kind])
        return True
    if stat.S_ISREG(state.st_mode):
        _told.add(full)
        if kind == "u":
            rows.write({"k": "before", "file": full, "modified": state.st_mtime_ns, "size": state.st_size})
        _gather([full, kind])
    return True


def _is_data(full: str) -> bool:
    if full.startswith(_NOT_DATA) and "/" not in full.partition(_MEMORY)[2]:
        return False
    if "/__pycache__/" in full:
        return False
    return not rows.is_installed(full)


def _gather(what: list[str]) -> None:
    _pending.append(what)
    if len(_pending) >= _BATCH or time.monotonic() - _last > _PATIENCE:
        flush()


# -- Code ---------------------------------------------------------------------------------------------------


def _executed(code: Any, *_: Any) -> None:
    name = code.co_filename
    if name in _code or not (rows.is_first_party(name) or name == "<stdin>"):
        return
    _code.add(name)
    module = _module_of(sys._getframe(1))
    with rows.spend():
        if name == "<stdin>":
            rows.missed("the program was read from the standard input: its code was not recorded")
        elif not _tell_cell(name):
            tell_code(rows.absolute(name), module)


def _module_of(frame: Any) -> str:
    """Return the name of the module whose code begins, '' where nobody can tell; seen from the audit hook."""
    frame = frame.f_back
    if frame is None:
        return "__main__"
    name, local = frame.f_code.co_name, frame.f_locals
    if name == "_call_with_frames_removed":  # importlib: exec(code, module.__dict__)
        given: Any = local.get("args") or ()
        space = given[1] if len(given) > 1 else {}
    elif name == "_run_code":  # runpy
        space = local.get("run_globals") or {}
    else:
        space = {}
    return str(space.get("__name__") or "")


def _imported(module: Any, filename: Any = None, *_: Any) -> None:
    if filename is None or filename in _code:
        return
    _look_at_library(str(module), filename)


def _library(name: Any, *_: Any) -> None:
    if isinstance(name, (str, bytes)) and os.path.dirname(name):
        _look_at_library("", os.fsdecode(name))


def _look_at_library(module: str, filename: str) -> None:
    """Tell of an extension module or library of the user's that is loaded."""
    if filename in _code or not rows.is_first_party(filename) or filename.startswith(_SYSTEM):
        return
    _code.add(filename)
    with rows.spend():
        tell_code(os.path.abspath(filename), module)


def tell_code(path: str, module: str) -> None:
    """Write which bytes a file of code holds now; for a module in an archive, the archive."""
    import hashlib

    thread = _thread.get_ident()
    nested = thread in _busy
    _busy.add(thread)
    try:
        while not os.path.isfile(path) and os.path.dirname(path) != path:
            path = os.path.dirname(path)
            if os.path.isdir(path):
                rows.missed(f"the code of the module {module or '(unnamed)'}: its file is not there")
                return
        with open(path, "rb") as file:
            content = file.read()
    except OSError:
        rows.missed(f"the code of the module {module or '(unnamed)'}: its file cannot be read")
        return
    finally:
        if not nested:
            _busy.discard(thread)
    _told.add(path)  # the source is read again for tracebacks and the like: it is no data
    digest = hashlib.sha256(content).hexdigest()
    rows.write({"k": "code", "file": path, "module": module, "digest": digest, "size": len(content)})


def _tell_cell(name: str) -> bool:
    """Write the source of a notebook's cell; say whether the code is one."""
    if os.path.isfile(name):
        return False
    linecache = sys.modules.get("linecache")
    lines = getattr(linecache, "cache", {}).get(name)
    if not lines or len(lines) < 3 or not lines[2]:
        return name.startswith("<")
    from .secrets import scrub

    rows.write({"k": "cell", "name": name, "source": scrub("".join(lines[2]), code=True)})
    return True


def note_loaded() -> None:
    """Write the code that was loaded before the recording began: modules, and the cells of a notebook."""
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if isinstance(file, str) and file not in _code and rows.is_first_party(file):
            _code.add(file)
            tell_code(rows.absolute(file), name)
    for name in list(getattr(sys.modules.get("linecache"), "cache", {})):
        if name.startswith("<ipython-input-") or "/ipykernel_" in name:
            _code.add(name)
            _tell_cell(name)


# -- Other ways to open -------------------------------------------------------------------------------------


def _database(path: Any, *_: Any) -> None:
    if isinstance(path, (str, bytes, os.PathLike)) and os.fsdecode(path) not in {"", ":memory:"}:
        _look_at_open(os.fsdecode(path), "r+", _WRITES, 1)


def _moved(*_: Any) -> None:
    for known in _relative:
        known.clear()


def _replaced(*_: Any) -> None:
    """Write what has gathered before another program takes the place of this one in the process."""
    rows.flush()
    rows.write({"k": "replaced"})
    rows.cut()


def _started(executable: Any, arguments: Any, _folder: Any = None, environment: Any = None) -> None:
    """Say when a Python process is started without what the hook needs."""
    given = [arguments] if isinstance(arguments, (str, bytes, os.PathLike)) else list(arguments or ())
    name = os.path.basename(os.fsdecode(executable or (given[0] if given else "")))
    if not name.startswith(("python", "torchrun")):
        return
    space = os.environ if environment is None else environment
    site = os.path.join(os.path.dirname(os.path.abspath(__file__)), "site")
    reached = "ASSAY_HOOK" in space and site in str(space.get("PYTHONPATH", "")).split(os.pathsep)
    if not reached or _is_isolated(given[1:]):
        rows.missed(f"a process, {name}, that was started so that the recording does not reach it")


def _is_isolated(arguments: list[Any]) -> bool:
    """Say whether the interpreter's own options leave out the path or its customisation."""
    for argument in map(os.fsdecode, arguments):
        if not argument.startswith("-") or argument.startswith(("-c", "-m", "--")) or argument == "-":
            return False
        if set(argument[1:]) & set("ISE") and not argument.startswith(("-X", "-W")):
            return True
    return False


_HANDLERS = {
    "open": _opened,
    "exec": _executed,
    "import": _imported,
    "ctypes.dlopen": _library,
    "os.chdir": _moved,
    "os.exec": _replaced,
    "sqlite3.connect": _database,
    "subprocess.Popen": _started,
}
