"""Runs a small program with the hook in it and returns its trace; loaded by path."""

from __future__ import annotations

import os
import sys
import textwrap
from pathlib import Path
from typing import Any

from assay.capture.recording.launch import HookSettings, Launch, launch
from assay.capture.recording.rows import Rows, read_rows, trace_of
from assay.records.trace import Trace


def run(
    folder: Path, program: str, *, variables: dict[str, str] | None = None, **hook: Any
) -> tuple[Trace, Rows, Path]:
    """Return the trace of a program, all its rows, and the folder of the recording."""
    folder.mkdir(parents=True, exist_ok=True)
    script = folder / "train.py"
    script.write_text(textwrap.dedent(program))
    live = folder / "live"
    (live / "rows").mkdir(parents=True)
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("OMP_", "MKL_"))}
    environment |= {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE", **(variables or {})}
    what = Launch(
        argv=(sys.executable, str(script)),
        folder=folder,
        variables=environment,
        hook=HookSettings(**{"budget": None, "operators": (0, 1), **hook}),
        quiet=True,
    )
    ended = launch(what, live)
    assert ended.exit_status == 0, ended.stderr.decode()
    rows = read_rows(live)
    return trace_of(rows), rows, live
