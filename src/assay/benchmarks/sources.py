"""Where published tables come from: packages of PyPI, and official files as their authors offer them.

Official files lie where the user says, or in `<cache>/sources/<source>/`, where `assay table fetch`
puts what it downloads. Their bytes are verified before they are read.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec

from assay.foundation.errors import AssayError, CorruptError, UnavailableError


class OfficialFile(msgspec.Struct, frozen=True, kw_only=True):
    """One file, or folder of files, as its authors publish it.

    `sha256` is None where nobody publishes it; the digest that is found then goes into the table.
    `url` is a download without a login, None where there is none. `bytes` is the published size. `note`
    says what a file is for that not every import needs, and where one without a download comes from.
    """

    name: str
    sha256: str | None = None
    url: str | None = None
    bytes: int | None = None
    is_folder: bool = False
    note: str = ""


class OfficialFiles(msgspec.Struct, frozen=True, kw_only=True):
    """The official files of one publication, its licence, how it is cited, and how to get them by hand.

    `obtain` is one sentence that a person can follow. `optional` names files that an import can do without;
    with `any_one`, each of the files brings the tables by itself.
    """

    name: str
    version: str
    homepage: str
    licence: str
    citation: str
    obtain: str
    files: tuple[OfficialFile, ...]
    optional: frozenset[str] = frozenset()
    any_one: bool = False

    def is_here(self, folder: Path) -> bool:
        """Say whether a folder holds what an import needs."""
        if self.any_one:
            return any((folder / file.name).exists() for file in self.files)
        return all((folder / file.name).exists() for file in self.files if file.name not in self.optional)


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """An official file on this machine, and the SHA-256 of its bytes (None for a folder)."""

    path: Path
    sha256: str | None


def source_folder(cache: Path, source: OfficialFiles) -> Path:
    """Return where the downloaded files of a source lie."""
    return cache / "sources" / source.name


def find_official(source: OfficialFiles, name: str, place: Path) -> Found:
    """Return a file of a source below a folder, or at the path itself, once its bytes are verified.

    Raises `UnavailableError`, which says how to get it, when it is not there, and `CorruptError` when
    its digest is not the published one.
    """
    wanted = next(file for file in source.files if file.name == name)
    path = place if place.name == name else place / name
    if not (path.is_dir() if wanted.is_folder else path.is_file()):
        raise absent(source, name, path)
    if wanted.is_folder:
        return Found(path=path, sha256=None)
    found = sha256_of(path)
    if wanted.sha256 is not None and found != wanted.sha256:
        raise CorruptError(
            f"{name} is not the file that {source.name} publishes",
            where=str(path),
            why=f"SHA-256 {found[:12]} found, {wanted.sha256[:12]} published",
            hint=f"get it again: {source.obtain}",
        )
    return Found(path=path, sha256=found)


def absent(source: OfficialFiles, name: str, path: Path) -> UnavailableError:
    """Return the error for a file that is not on this machine."""
    wanted = next(file for file in source.files if file.name == name)
    if wanted.note and wanted.url:  # not every import needs it, and `obtain` tells of those that it needs
        by_hand = f"get {wanted.url}, then --from the folder that holds it beside the others"
    else:
        by_hand = f"{source.obtain}, then --from the folder that holds it"
    return UnavailableError(
        f"the official file '{name}' is not here",
        where=str(path),
        why=wanted.note or "Assay does not copy published tables",
        hint=f"assay table fetch, or {by_hand}" if wanted.url else by_hand,
    )


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file, read in pieces."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise AssayError(
            "a source cannot be read", where=str(path), why=error.strerror or str(error)
        ) from None
