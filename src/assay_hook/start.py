"""Starts the hook in a process, and ends it.

Every part is installed by itself and guarded: one that fails or is not there is noted, the others go on.
"""

from __future__ import annotations

import atexit
import functools
import importlib
import os
import sys
from typing import Any

from . import configuration, files, imports, process, rows
from .configuration import Configuration

# (the program's module, the hook's part, its function, whether it works at the level 'off' too). The parts
# of one module are installed in this order, right after the module was imported.
_PARTS = (
    ("random", "randomness", "install_random", True),
    ("uuid", "randomness", "install_uuid", True),
    ("secrets", "randomness", "install_secrets", True),
    ("numpy", "randomness", "watch_numpy", True),
    ("torch", "randomness", "watch_torch", True),
    ("torch", "torch_steps", "install", False),
    ("torch", "torch_loader", "install", False),
    ("torch", "torch_objects", "install", False),
    ("torch", "torch_operators", "install", False),
    ("sklearn.base", "sklearn_fits", "install", False),
)
_NUMERICAL = ("numpy", "torch")
_installed: list[str] = []
_real_exit = os._exit


def start() -> None:
    """Start in a process that was started by a recorder, or below one; nothing happens elsewhere."""
    folder = os.environ.get("ASSAY_HOOK")
    if not folder or configuration.current() is not None:
        return
    try:
        settings = configuration.read(folder)
    except (OSError, ValueError):  # the recording is over
        return
    try:
        with rows.spend():
            _begin(settings)
    except Exception:  # noqa: BLE001  the program runs as if nothing were there
        configuration.use(None)


def start_late(settings: Configuration) -> None:
    """Start in a process that runs already, such as a notebook: what is imported is observed from now on."""
    if configuration.current() is not None:
        return
    with rows.spend():
        seen = [name for name in ("random", *_NUMERICAL, "sklearn.base") if name in sys.modules]
        _begin(settings)
        seen = [name for name in seen if process.is_programs(name)]
        if seen:
            names = ", ".join(name.partition(".")[0] for name in seen)
            rows.missed(f"what the process did before the recording began, with {names} imported already")
        files.note_loaded()


def stop_late() -> None:
    """End what `start_late` began, and undo what can be undone."""
    if configuration.current() is None:
        return
    atexit.unregister(finish)
    finish()
    imports.forget()
    for name in reversed(_installed):
        uninstall = getattr(sys.modules.get(f"{__package__}.{name}"), "uninstall", None)
        if uninstall is not None:
            rows.guarded(uninstall)()
    _installed.clear()
    for hook in tuple(rows.fork_hooks):  # a later recording tells all of it again, as a forked process does
        if hook is not _after_fork:
            rows.guarded(hook)()
    if os._exit is _exit:
        os._exit = _real_exit
    configuration.use(None)
    rows.close()


def _begin(settings: Configuration) -> None:
    """Write the row about the process and install every part."""
    global _ended  # noqa: PLW0603  a notebook records more than once
    configuration.use(settings)
    process.move_paths(settings)
    process.describe(settings, _algorithm(settings))
    if not rows.ready():  # the folder is gone or cannot be written: the program runs as if nothing were there
        configuration.use(None)
        return
    _ended = False
    rows.guarded(process.tell_variables)()
    for part in ("files", "readers", "options"):
        _install(part)
    if settings.level != "off":
        _install("printing")
        if settings.operators is not None:
            _install("lines")
    _await_modules(settings)
    os._exit = _exit
    atexit.register(finish)


def _algorithm(settings: Configuration) -> str:
    """Return the name of the digest that fingerprints are made with."""
    if settings.level == "off":
        return "blake2b-128"
    try:
        return str(importlib.import_module(f"{__package__}.fingerprint").ALGORITHM)
    except Exception:  # noqa: BLE001  without that part there is no trace, and the program goes on
        return "blake2b-128"


def _await_modules(settings: Configuration) -> None:
    _install("randomness", "install_os", os)
    for name in dict.fromkeys(name for name, *_ in _PARTS):
        imports.after_import(name, functools.partial(_imported, name, settings))


def _imported(name: str, settings: Configuration, module: Any) -> None:
    """Install what belongs to a module that was just imported."""
    with rows.spend():
        if name == "torch" and settings.threads:
            module.set_num_threads(int(settings.threads))
        for wanted, part, function, always in _PARTS:
            if wanted == name and (always or settings.level != "off"):
                _install(part, function, module)


def _install(part: str, function: str = "install", *given: Any) -> None:
    """Call a part's function; a part that is not there, or fails, is noted."""
    try:
        module = importlib.import_module(f"{__package__}.{part}")
        getattr(module, function)(*given)
    except Exception as error:  # noqa: BLE001  one part must stop neither the others nor the program
        rows.failed(f"{part}.{function}", error)
        return
    if part not in _installed:
        _installed.append(part)


# -- The end ------------------------------------------------------------------------------------------------

_ended = False


def finish() -> None:
    """Write what is still to be said, and the last row."""
    global _ended  # noqa: PLW0603  the end comes once
    if _ended or configuration.current() is None:
        return
    _ended = True
    with rows.spend():
        if not rows.is_forked() or rows.steps():
            for hook in tuple(rows.exit_hooks):
                rows.guarded(hook)()
            rows.guarded(_tell_numerics)()
        rows.flush()
        rows.guarded(process.tell_variables)()
        rows.guarded(process.tell_loaded)()
    _tell_end(getattr(getattr(sys, "last_type", None), "__name__", None))


def _tell_end(exception: str | None) -> None:
    seconds = round(rows.spent.seconds, 6)
    rows.write({"k": "end", "tracing": seconds, "steps": rows.steps(), "exception": exception})
    rows.cut()


def _tell_numerics() -> None:
    if not any(name in sys.modules for name in _NUMERICAL):
        return
    numerics = importlib.import_module(f"{__package__}.numerics")
    numerics.exit_row()


def _exit(status: int) -> Any:
    """End the process at once, as os._exit does; what was gathered is written first."""
    rows.guarded(_finish_quickly)()
    _real_exit(status)


def _finish_quickly() -> None:
    """Say what matters most: a process that leaves like this may be in any state."""
    global _ended  # noqa: PLW0603  the end comes once
    if _ended or configuration.current() is None or not rows.has_written():
        return
    _ended = True
    with rows.spend():
        if rows.steps() and not rows.was_stopped():
            for hook in tuple(rows.exit_hooks):
                rows.guarded(hook)()
        rows.flush()
    _tell_end(None)


_exit.__name__ = _exit.__qualname__ = "_exit"


def _after_fork() -> None:
    global _ended  # noqa: PLW0603  the child has an end of its own
    _ended = False


rows.fork_hooks.append(_after_fork)
