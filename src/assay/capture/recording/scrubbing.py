"""Takes out of what is kept both what looks like a secret and what this command was given as one."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from assay.capture.secrets import REMOVED, is_named_secret, looks_secret, scrub, scrub_arguments
from assay.records.objects import Objects

_SHORTEST = 6  # below that, a value is found everywhere
_NUMBER = 8  # digits from which a number may be a secret wherever it stands
SECRET_FILE = re.compile(r"(?i)secret|credential|password|passwd|token|kaggle\.json|netrc|\.env$|api[_-]?key")
_PIECE = 2**16


class Scrubber:
    """Removes secrets by their looks, and the secret values of one command wherever they stand."""

    def __init__(self, known: Iterable[str] = ()) -> None:
        self._known: list[str] = []
        self.learn(known)

    @classmethod
    def of(cls, variables: Mapping[str, str], argv: Sequence[str]) -> Scrubber:
        """Return one that knows the secrets in an environment and a command line."""
        known = [value for name, value in variables.items() if _is_secret(name, value)]
        for shown, argument in zip(scrub_arguments(argv), argv, strict=True):
            if shown != argument:
                known.append(_without_common(argument, shown))
        return cls(known)

    def learn(self, values: Iterable[str]) -> None:
        """Know these secret values too, from now on; those that would be found everywhere are not taken."""
        known = {*self._known, *(value for value in values if len(value) >= _SHORTEST)}
        self._known = sorted(known, key=lambda value: (-len(value), value))

    def text(self, text: str, *, code: bool = False) -> str:
        """Return text without secrets."""
        return scrub(self.known(text), code=code)

    def known(self, text: str) -> str:
        """Return text without the secrets that are known by their value."""
        for value in self._known:
            if value in text:
                text = text.replace(value, REMOVED)
        return text

    def known_bytes(self, data: bytes) -> bytes:
        """Return bytes without the secrets that are known by their value."""
        for value in self._known:
            wanted = value.encode("utf-8", "surrogateescape")
            if wanted in data:
                data = data.replace(wanted, REMOVED.encode())
        return data

    def text_bytes(self, data: bytes) -> bytes:
        """Return the bytes of a text without secrets; other bytes stay as they are."""
        text = data.decode("utf-8", "surrogateescape")
        return "".join(self.text(piece) for piece in _pieces(text)).encode("utf-8", "surrogateescape")

    def plain(self, value: Any) -> Any:
        """Return a plain value without the secrets that are known, in all its texts."""
        if isinstance(value, str):
            return self.known(value)
        if isinstance(value, dict):
            return {self.known(str(key)): self.plain(inner) for key, inner in value.items()}
        if isinstance(value, list | tuple):
            return [self.plain(inner) for inner in value]
        return value


class CleanObjects(Objects):
    """Objects that are stored without the secrets of one command; `altered` are the digests of such."""

    def __init__(self, folder: Path, scrubber: Scrubber) -> None:
        super().__init__(folder)
        self.altered: set[str] = set()
        self._scrubber = scrubber

    def put(self, data: bytes) -> str:
        """Store bytes without the secrets that are known, and return their digest."""
        clean = self._scrubber.known_bytes(data)
        digest = super().put(clean)
        if clean != data:
            self.altered.add(digest)
        return digest


def secret_values(name: str, text: str) -> list[str]:
    """Return what is a secret in a file that a program read: by the rules of `scrub`, else all of one word.

    Paths and short numbers are left out, which stand in an output for something else.
    """
    values = _taken_out(text, "".join(map(scrub, _pieces(text))))
    if not values and SECRET_FILE.search(name) and len(text.split()) == 1:
        values = [text.strip()]
    found = []
    for value in values:
        if not value.startswith(("/", "~")) and not (value.isdigit() and len(value) < _NUMBER):
            found += [value, _unescaped(value)]
    return list(dict.fromkeys(found))


def _taken_out(text: str, clean: str) -> list[str]:
    """Return what stood in a text where its clean form has the mark."""
    found, at = [], 0
    first, *rest = clean.split(REMOVED)
    at = len(first)
    for place, piece in enumerate(rest, 1):
        end = len(text) - len(piece) if place == len(rest) else text.find(piece, at + 1)
        if end < at:
            break
        found.append(text[at:end])
        at = end + len(piece)
    return found


def _unescaped(value: str) -> str:
    """Return a value as a program gets it that reads it from JSON."""
    try:
        found = json.loads(f'"{value}"')
    except ValueError:
        return value
    return str(found)


def removed_places(argv: Sequence[str]) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """Return a command line without its secrets, and the places in it where one stood."""
    shown = scrub_arguments(argv)
    return shown, tuple(i for i, (a, b) in enumerate(zip(argv, shown, strict=True)) if a != b)


def _is_secret(name: str, value: str) -> bool:
    if value.startswith(("/", "~")):  # SSH_AUTH_SOCK and the like say where, not what
        return False
    return is_named_secret(name, value) or (looks_secret(name, value) and " " not in value)


def _without_common(argument: str, shown: str) -> str:
    """Return what of an argument gave way to the mark."""
    before, _, after = shown.partition(REMOVED)
    return argument[len(before) : len(argument) - len(after) or None]


def _pieces(text: str) -> Iterable[str]:
    """Yield a text in pieces that end at a line's end, so that no pattern has to look far."""
    start = 0
    while start < len(text):
        end = start + _PIECE
        if end < len(text):
            cut = text.rfind("\n", start, end)
            end = cut + 1 if cut >= start else end
        yield text[start:end]
        start = end
