"""What the benchmark scripts share: timing, peers in their own environment, and printing."""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PEERS = ROOT / ".venv-peers" / "bin" / "python"
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


def seconds(call: Callable[[], Any], *, repeats: int = 5) -> float:
    """Return the median of the seconds that a call takes."""
    return statistics.median(_once(call) for _ in range(repeats))


def _once(call: Callable[[], Any]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def peer(script: str, *arguments: object, python: Path = PEERS) -> Any:
    """Run a script of benchmarks/peers in a peers' environment and return the JSON that it prints.

    None, with a line on stderr, where that environment is not there or the script fails.
    """
    if not python.exists():
        print("the peers are not installed: run `make bench`", file=sys.stderr)
        return None
    command = [str(python), str(ROOT / "benchmarks" / "peers" / script), *map(str, arguments)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=os.environ | ONE_THREAD)
    if done.returncode:
        print(f"{script} failed: {done.stderr.strip().splitlines()[-1:]}", file=sys.stderr)
        return None
    return json.loads(done.stdout.splitlines()[-1])


def title(text: str) -> None:
    """Print what is measured, and on what."""
    print(f"\n{text}")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    print(f"{_processor()}, {cores} cores, Python {platform.python_version()}\n")


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows in columns, the first to the left and the others to the right."""
    widths = [max(len(row[i]) for row in [header, *rows]) for i in range(len(header))]
    for row in [header, ["-" * width for width in widths], *rows]:
        cells = [
            cell.rjust(width) if i else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        print("  ".join(cells).rstrip())


def target(text: str, *, met: bool) -> None:
    """Print whether a target was met in this run."""
    print(f"  {'met    ' if met else 'NOT MET'}  {text}")


def duration(value: float | None) -> str:
    """Return seconds in the unit that reads best."""
    if value is None:
        return "-"
    for unit, scale in (("s", 1.0), ("ms", 1e-3)):
        if value >= scale:
            return f"{value / scale:.3g} {unit}"
    return f"{value / 1e-6:.3g} us"


def rate(value: float | None) -> str:
    """Return a rate per second, in three digits."""
    return "-" if value is None else f"{float(f'{value:.3g}'):,.0f}/s"


def ratio(value: float | None, base: float | None) -> str:
    """Return how many times `value` holds `base`."""
    return "-" if value is None or base is None else f"{float(f'{value / base:.3g}'):,g}x"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next(
        (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine()
    )
