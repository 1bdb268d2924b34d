"""What the recorder asks of the hook: the file `hook.json` in the folder of a recording that goes on."""

from __future__ import annotations

import json
import os
from typing import Any

FORMAT = 1
LEVELS = ("off", "steps", "tensors", "operators")


class Configuration:
    """The settings of one recording, the same in all its processes."""

    def __init__(self, folder: str, given: dict[str, Any] | None = None) -> None:
        given = given or {}
        self.folder = os.path.abspath(folder)
        self.level: str = given.get("level", "steps")
        # Share of the time that the trace may take; None records every step.
        self.budget: float | None = given.get("budget", 0.03)
        self.every: int | None = given.get("every")
        self.windows = tuple((int(first), int(last)) for first, last in given.get("windows") or ())
        self.operators = _pair(given.get("operators"))
        self.operator_limit = int(given.get("operator_limit", 200_000))
        self.save: dict[str, int] | None = given.get("save")
        self.stop_after: int | None = given.get("stop_after")
        self.threads: int | None = given.get("threads")
        self.paths = tuple((str(old), str(new)) for old, new in given.get("paths") or ())
        self.xxhash = str(given.get("xxhash") or "")
        self.abi = str(given.get("abi") or "")
        self.installed = tuple(str(prefix) for prefix in given.get("installed") or ())

    @property
    def rows(self) -> str:
        """The folder of the processes' files."""
        return os.path.join(self.folder, "rows")


def _pair(given: Any) -> tuple[int, int] | None:
    return (int(given[0]), int(given[1])) if given else None


_current: Configuration | None = None


def read(folder: str) -> Configuration:
    """Read the settings of a recording.

    Raises `OSError` where the folder is gone and `ValueError` where the file is none of this format.
    """
    with open(os.path.join(folder, "hook.json"), encoding="utf-8") as file:
        given = json.load(file)
    if not isinstance(given, dict) or given.get("format") != FORMAT:
        raise ValueError(f"hook.json is not of format {FORMAT}")
    return Configuration(folder, given)


def current() -> Configuration | None:
    """Return the settings in force in this process, None outside a recording."""
    return _current


def use(configuration: Configuration | None) -> None:
    """Put settings in force in this process; None ends the recording."""
    global _current  # noqa: PLW0603  one process, one recording
    _current = configuration
