"""Gets one version of a package into a folder of its own, to be put first on the path of a run.

First from an environment on this machine that still has it: links to the files that its RECORD lists,
each checked against the digest there. Else from the index that pip is set up for, by a list of
arguments, without dependencies, and as a wheel only: building a source distribution would run code that
nobody has looked at. What arrived has to be the version that was asked for.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from email.parser import HeaderParser
from pathlib import Path, PurePosixPath

import msgspec

from assay.capture.environment import normalise
from assay.capture.secrets import scrub

TIMEOUT = 600.0
_ASK_TIMEOUT = 20.0
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,100}[A-Za-z0-9])?")
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9.!+_-]{0,100}")
_REQUIREMENT = re.compile(r"\s*([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)\s*(.*)", re.DOTALL)
_ABOUT = (
    "import json,sys,sysconfig;p=sysconfig.get_paths();"
    "print(json.dumps([sys.implementation.cache_tag,sysconfig.get_platform(),p['purelib'],p['platlib']]))"
)
# Of the process that asks, these would lead pip or the interpreter elsewhere.
_NOT_PASSED = (
    "ASSAY_HOOK",
    "PIP_TARGET",
    "PIP_PREFIX",
    "PIP_USER",
    "PIP_NO_BINARY",
    "PIP_REQUIRE_VIRTUALENV",
)


class Python(msgspec.Struct, frozen=True, kw_only=True):
    """An interpreter on this machine: what extension modules it takes, and its folders of packages."""

    path: str
    tag: str
    platform: str
    folders: tuple[str, ...]


class Had(msgspec.Struct, frozen=True, kw_only=True):
    """A folder that holds exactly one package, or why there is none."""

    folder: Path | None
    why_not: str = ""


def about_python(path: str) -> Python | None:
    """Return what an interpreter says of itself; None for what is none, or does not answer."""
    if not path or not Path(path).is_file() or not os.access(path, os.X_OK):
        return None
    try:
        done = subprocess.run(
            [path, "-I", "-c", _ABOUT],
            capture_output=True,
            text=True,
            timeout=_ASK_TIMEOUT,
            check=True,
            stdin=subprocess.DEVNULL,
            env=_environment(),
        )
        tag, platform, *folders = json.loads(done.stdout)
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
    return Python(path=path, tag=tag, platform=platform, folders=tuple(dict.fromkeys(folders)))


def get_package(
    name: str,
    version: str,
    *,
    into: Python,
    other: Python | None,
    cache: Path,
    timeout: float = TIMEOUT,
    install: bool = True,
) -> Had:
    """Return a folder under `cache` with this version of a package and nothing else.

    `into` is the interpreter that will import it; `other` one whose environment may have it. What was had
    once is taken again. Without `install` no index is asked. `timeout` is in seconds.
    """
    if not _NAME.fullmatch(name) or not _VERSION.fullmatch(version):
        return Had(folder=None, why_not="its name or version is not one that an index knows")
    folder = cache / "packages" / f"{normalise(name)}-{version}-{into.tag}-{into.platform}"
    if _is(folder, name, version) and not _dangling(folder):
        return Had(folder=folder)
    shutil.rmtree(folder, ignore_errors=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    reasons = []
    for get in (_linked, _installed) if install else (_linked,):
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".") as scratch:
            made = Path(scratch) / "made"
            made.mkdir()
            why_not = get(name, version, made, into, other, timeout)
            if not why_not and not _is(made, name, version):
                why_not = "another version arrived than was asked for"
            if not why_not:
                made.rename(folder)
                return Had(folder=folder)
            reasons.append(why_not)
    return Had(folder=None, why_not="; ".join(reasons))


def required_by(names: Sequence[str], folders: Sequence[str]) -> set[str]:
    """Return the packages and all that they depend on, by the metadata in the folders; names normalised.

    Requirements of extras are left out, other conditions are taken to hold.
    """
    metadata = {
        normalise(found.name.partition("-")[0]): found
        for folder in folders
        if Path(folder).is_dir()
        for found in sorted(Path(folder).glob("*.dist-info"))
    }
    seen: set[str] = set()
    waiting = [normalise(name) for name in names]
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            waiting += _requirements(metadata[name]) if name in metadata else []
    return seen


def _requirements(info: Path) -> list[str]:
    try:
        headers = HeaderParser().parsestr((info / "METADATA").read_text("utf-8", "replace"))
    except OSError:
        return []
    found = [_REQUIREMENT.match(line) for line in headers.get_all("Requires-Dist", [])]
    return [normalise(match[1]) for match in found if match and not re.search(r"\bextra\s*==", match[2])]


def _linked(name: str, version: str, made: Path, into: Python, other: Python | None, _timeout: float) -> str:
    """Link the files of an installed package; return why it could not be done, or ''."""
    if other is None:
        return "the environment of the other run is not on this machine"
    info = _info_of(other.folders, name, version)
    if info is None:
        return "the environment of the other run no longer has it"
    if (other.tag, other.platform) != (into.tag, into.platform) and not _is_pure(info):
        return "what the other environment has is built for another Python"
    if _is_editable(info):
        return "the environment of the other run has it as a folder that is being edited"
    site = info.parent
    for relative, digest in _record(info):
        source, target = site / relative, made / relative
        if not source.is_file() or (digest and _digest(source, digest) != digest):
            return f"its file {relative} was changed after it was installed"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(source.resolve())
    return ""


def _record(info: Path) -> Iterator[tuple[str, str]]:
    """Yield the installed files that belong to the import path, with 'algorithm=digest' or ''."""
    try:
        rows = list(csv.reader((info / "RECORD").read_text("utf-8").splitlines()))
    except (OSError, ValueError, csv.Error):
        return
    for row in rows:
        path = PurePosixPath(row[0]) if row else PurePosixPath("/")
        if path.is_absolute() or ".." in path.parts or "__pycache__" in path.parts:
            continue
        yield str(path), row[1] if len(row) > 1 else ""


def _digest(path: Path, like: str) -> str:
    """Return the digest of a file as RECORD writes it; an algorithm that is not known agrees."""
    algorithm = like.partition("=")[0]
    if algorithm not in {"sha256", "sha384", "sha512"}:
        return like
    with path.open("rb") as file:
        raw = hashlib.file_digest(file, algorithm).digest()
    return f"{algorithm}={base64.urlsafe_b64encode(raw).rstrip(b'=').decode()}"


def _is_editable(info: Path) -> bool:
    try:
        facts = json.loads((info / "direct_url.json").read_text("utf-8"))
        return bool(facts.get("dir_info", {}).get("editable"))
    except (OSError, ValueError, AttributeError):
        return False


def _is_pure(info: Path) -> bool:
    try:
        headers = HeaderParser().parsestr((info / "WHEEL").read_text("utf-8", "replace"))
    except OSError:
        return False
    tags = headers.get_all("Tag", [])
    return bool(tags) and all(tag.startswith("py") and tag.endswith("-none-any") for tag in tags)


def _installed(
    name: str, version: str, made: Path, into: Python, _other: Python | None, timeout: float
) -> str:
    """Install a wheel with pip; return why it could not be done, or ''."""
    options = (
        *("--target", str(made), "--no-deps", "--only-binary", ":all:", "--no-compile", "--no-input"),
        *("--disable-pip-version-check", "--no-warn-conflicts", "--quiet", f"{name}=={version}"),
    )
    why_not = "pip is not installed"
    for start in ([sys.executable, "-I", "-m", "pip", "--python", into.path], [into.path, "-I", "-m", "pip"]):
        try:
            done = subprocess.run(
                [*start, "install", *options],
                capture_output=True,
                text=True,
                timeout=timeout,
                check=False,
                stdin=subprocess.DEVNULL,
                env=_environment(),
            )
        except subprocess.TimeoutExpired:
            return f"pip took longer than {timeout:.0f} s"
        except OSError as error:
            return f"pip did not start: {error.strerror}"
        if done.returncode == 0:
            return ""
        if "No module named pip" not in done.stderr:
            return _said(done.stderr)
    return why_not


def _said(errors: str) -> str:
    """Return what pip said in one line, without the secrets of an index's address."""
    lines = [line.removeprefix("ERROR: ") for line in errors.splitlines() if line.startswith("ERROR: ")]
    if any("No matching distribution" in line for line in lines):
        return "the index has no wheel of it for this Python; source distributions are not built"
    return scrub(f"pip: {lines[0]}")[:200] if lines else "pip failed and did not say why"


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return {name: value for name, value in kept.items() if name not in _NOT_PASSED}


def _is(folder: Path, name: str, version: str) -> bool:
    return _info_of([str(folder)], name, version) is not None


def _info_of(folders: Sequence[str], name: str, version: str) -> Path | None:
    """Return the metadata folder of exactly this version of a package."""
    wanted = (normalise(name), version)
    for folder in folders:
        for info in sorted(Path(folder).glob("*.dist-info")) if Path(folder).is_dir() else ():
            found, _, its = info.name.removesuffix(".dist-info").partition("-")
            if (normalise(found), its) == wanted and (info / "METADATA").is_file():
                return info
    return None


def _dangling(folder: Path) -> bool:
    """Say whether a link leads nowhere, because the environment behind it went away."""
    return any(path.is_symlink() and not path.exists() for path in folder.rglob("*"))
