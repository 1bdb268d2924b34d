"""What runs inside a recorded process: standard library only, Python 3.8 and later, never imports assay."""

from __future__ import annotations

from typing import Any

__all__ = ["log"]


def __getattr__(name: str) -> Any:
    if name == "log":
        from .logging_ import log

        return log
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
