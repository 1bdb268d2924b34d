"""Reads where a run runs: system, processor, memory, Python, and every installed distribution."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
import sysconfig
from functools import cache
from pathlib import Path

from assay.capture.arithmetic import arithmetic
from assay.provenance.components import Environment

_SUFFIXES = (".dist-info", ".egg-info")


@cache
def environment() -> Environment:
    """Return where this process runs; read once, at the first call. What cannot be read is None."""
    return Environment(
        arithmetic=arithmetic(),
        system=_system(),
        kernel=f"{platform.system()} {platform.release()}",
        processor=_processor(),
        cores=usable_cores(),
        memory_bytes=_memory(),
        python=platform.python_version(),
        virtual_environment=sys.prefix != sys.base_prefix,
        packages=installed_packages(),
    )


def usable_cores() -> int | None:
    """Return how many cores this process may run on, which may be fewer than the machine has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count()


def installed_packages(path: list[str] | None = None) -> dict[str, str]:
    """Return every installed distribution, its name normalised (PEP 503), with its version.

    Read from the names of the metadata folders, which hold both (the specification "Recording
    installed projects"): opening each METADATA would take ten times as long. Like Python, the first
    folder of the path wins.
    """
    found: dict[str, str] = {}
    for folder in sys.path if path is None else path:
        for entry in _names(folder or "."):
            name, version = _distribution(entry)
            if name and version:
                found.setdefault(name, version)
    return dict(sorted(found.items()))


def is_installed_file(path: Path) -> bool:
    """Say whether a file belongs to Python itself or to an installed distribution, not to the user."""
    if {"site-packages", "dist-packages"} & set(path.parts):
        return True
    library = Path(sysconfig.get_path("stdlib")).resolve()
    return path.is_relative_to(library)


def normalise(name: str) -> str:
    """Return the normalised name of a distribution (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _names(folder: str) -> list[str]:
    try:
        return [
            name
            for name in os.listdir(folder)  # noqa: PTH208  names are all it takes, and there are many
            if name.endswith(_SUFFIXES)
        ]
    except OSError:  # a zip file, or a folder that is not there
        return []


def _distribution(entry: str) -> tuple[str, str]:
    """Take name and version from 'name-version.dist-info'; eggs may add '-py3.11'."""
    stem = entry[: -len(_SUFFIXES[0])]
    if stem.startswith("~"):  # left behind by an interrupted pip
        return "", ""
    name, _, rest = stem.partition("-")
    return normalise(name), re.sub(r"-py\d.*$", "", rest)


def _system() -> str:
    if platform.system() == "Darwin":
        return f"macOS {platform.mac_ver()[0]}"
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except OSError:
        return platform.system()


def _processor() -> str | None:
    if platform.system() == "Darwin":
        return _macos_processor()
    try:
        text = Path("/proc/cpuinfo").read_text(errors="replace")
    except OSError:
        return None
    fields = dict(line.split(":", 1) for line in text.split("\n\n")[0].splitlines() if ":" in line)
    facts = {key.strip(): value.strip() for key, value in fields.items()}
    for key in ("model name", "cpu model", "CPU part"):  # x86; others; Arm
        if facts.get(key):
            return facts[key]
    return None


def _macos_processor() -> str | None:
    command = ["/usr/sbin/sysctl", "-n", "machdep.cpu.brand_string"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=2, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() or None


def _memory() -> int | None:
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError):
        return None
