"""What happens once in a process that trains: before its first step, and where it was asked to stop."""

from __future__ import annotations

import os
import sys
from importlib import import_module

from . import rows


@rows.guarded
def name_rank() -> None:
    """Say which rank this process is, where it is one of a group."""
    distributed = getattr(sys.modules["torch"], "distributed", None)
    if distributed is not None and distributed.is_available() and distributed.is_initialized():
        rows.set_role(f"rank {distributed.get_rank()}")


def before_first_step() -> None:
    """Let the other parts of the hook look at the process right before its first step."""
    for part, name, arguments in (
        ("numerics", "note", ("first step",)),
        ("randomness", "look", (sys.modules["torch"], "before the first step")),
        ("torch_objects", "on_first_step", ()),
    ):
        try:
            act = getattr(import_module("assay_hook." + part), name)
        except (ImportError, AttributeError):
            continue
        rows.guarded(act)(*arguments)


def stop(number: int) -> None:
    """Leave the process after a step: what was asked for is recorded."""
    rows.write({"k": "stopped", "n": number})
    for stream in (sys.stdout, sys.stderr):
        rows.guarded(stream.flush)()
    multiprocessing = sys.modules.get("multiprocessing")
    if multiprocessing is not None:
        for child in multiprocessing.active_children():
            if child.daemon:  # the workers of loaders would wait some seconds before they notice
                child.terminate()
    os._exit(0)
