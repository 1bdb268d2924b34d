"""The settings that the objects of a PyTorch program really got, and whether the program named them.

What is watched, by whom: modules and losses `module_settings`, optimizers, schedulers and loaders
`training_settings`, functions `function_settings`.
"""

from __future__ import annotations

import os
import sys
import weakref
from typing import Any

from . import rows, settings
from .construction import Watches
from .function_settings import Functions, Initialisations
from .module_settings import Modules
from .training_settings import Loaders, Optimizers, Scalers, Schedulers

_FUNCTIONAL = (
    "constants of functional calls, such as those of F.dropout or F.layer_norm, and of methods that fill a "
    "tensor: they are seen at the level 'operators'"
)


class _State:
    """Everything that is watched in this process."""

    def __init__(self) -> None:
        self.modules = Modules()
        self.optimizers = Optimizers(self.modules.parameter_owners)
        self.schedulers, self.scalers, self.loaders = Schedulers(), Scalers(), Loaders()
        self.functions, self.initialisations = Functions(), Initialisations()
        self.watches: Watches | None = None
        self.first_step_in = 0  # the process in which the first step was seen

    def parts(self) -> tuple[Any, ...]:
        return (
            self.modules,
            self.optimizers,
            self.schedulers,
            self.scalers,
            self.loaders,
            self.functions,
            self.initialisations,
        )


_state = _State()


def install(torch: Any) -> None:
    """Watch what is made from now on; a second call does nothing."""
    if _state.watches is not None:
        return
    _state.watches = watches = Watches(_compiler_test(torch))
    for part in _state.parts():
        rows.guarded(part.watch)(torch, watches)
    if on_end not in rows.exit_hooks:
        rows.exit_hooks.append(on_end)


def uninstall() -> None:
    """Leave torch as it was."""
    if _state.watches is not None:
        _state.watches.undo()
    _state.watches = None
    _state.first_step_in = 0
    for part in _state.parts():
        part.clear()
    settings.forget()


def on_first_step() -> None:
    """Write what the objects work with, right before the first step; a second call does nothing."""
    if _state.watches is None or _state.first_step_in == os.getpid():
        return
    _state.first_step_in = os.getpid()
    rows.missed(_FUNCTIONAL)
    _tell()


def on_end() -> None:
    """Write what was made since the first step, or everything where there was none."""
    if _state.watches is None:
        return
    if _state.first_step_in in {0, os.getpid()}:
        _tell(is_end=True)


def note_outermost(module: Any) -> None:
    """Note a module that was called by the program itself: one that was loaded whole was not made here."""
    if len(_state.modules.outermost) < 1_000:
        _state.modules.outermost.append(weakref.ref(module))


def living_networks() -> list[Any]:
    """Return the modules that no other one holds, in the order in which they were made."""
    return _state.modules.roots()


def parameter_owners() -> dict[int, str]:
    """Return for each parameter of the living networks, by its id, its class and name: 'Linear.weight'."""
    return _state.modules.parameter_owners()


def _tell(*, is_end: bool = False) -> None:
    torch: Any = sys.modules.get("torch")
    with rows.spend():
        rows.guarded(_state.modules.tell)(torch, is_end=is_end)
        for objects in (_state.optimizers, _state.schedulers, _state.scalers):
            rows.guarded(objects.tell_all)()
        rows.guarded(_state.initialisations.tell)()


def _compiler_test(torch: Any) -> Any:
    """Return the function that says whether torch traces the program; a constant to its compiler."""
    test = getattr(getattr(torch, "compiler", None), "is_compiling", None)
    if test is None:
        test = getattr(getattr(torch, "_utils", None), "is_compiling", None)
    return test or _never


def _never() -> bool:
    return False
