"""Spaces whose architectures are the rows of a table: listed by their published strings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

from assay.contracts.space import Enumerable, SearchSpace
from assay.foundation.errors import CorruptError, UsageError
from assay.foundation.seeding import Stream
from assay.spaces._refuse import foreign, outside, shown, unreadable


class ListedSpace:
    """A finite list of published strings, in the order of a table; an architecture is its string."""

    revision = 1

    def __init__(self, name: str, texts: Sequence[str]) -> None:
        self.name = name
        self.size = len(texts)
        self._texts = tuple(texts)
        if not texts or len(self._places) < len(texts):
            why = f"{len(texts):,} strings, of which {len(self._places):,} differ"
            raise CorruptError("a list of architectures names one twice, or none", where=name, why=why)

    def contains(self, arch: Any) -> bool:
        """Say whether a value is one of the strings."""
        return type(arch) is str and arch in self._places

    def sample(self, rng: Stream) -> str:
        """Return a string, each with equal probability."""
        return self._texts[rng.below(self.size)]

    def parse(self, text: str) -> str:
        """Return the string itself; raises `UsageError` where the list does not have it."""
        if not self.contains(text):
            raise unreadable(self.name, text, "the list does not have it", self._texts[0])
        return text

    def format(self, arch: str) -> str:
        """Return the string."""
        return self._texts[self.index(arch)]

    def index(self, arch: str) -> int:
        """Return the row of a string."""
        if not self.contains(arch):
            raise foreign(self.name, arch, self._texts[0])
        return self._places[arch]

    def at(self, index: int) -> str:
        """Return the string of a row."""
        if not 0 <= index < self.size:
            raise outside(self.name, index, self.size)
        return self._texts[index]

    @cached_property
    def _places(self) -> dict[str, int]:
        return {text: i for i, text in enumerate(self._texts)}


def indexed(space: SearchSpace[Any], keys: Sequence[str], texts: Sequence[str]) -> Enumerable[Any]:
    """Return a space that is searched through the rows of a table, which give it an index.

    `texts` holds an architecture of each row in published form. Where `keys` are others, they are the
    strings of the space's canonical form, under which the publication keeps equivalent architectures as
    one entry (NAS-Bench-101's module hash): an architecture answers to the row of its canonical form.
    All else, capabilities included, is the space's own. What has no row is still in the space, and
    `index` raises `UsageError` for it. Raises `CorruptError` for two rows under one key.
    """
    rows = {key: i for i, key in enumerate(keys)}
    if len(rows) < len(keys):
        raise CorruptError("a table has two rows under one key", where=space.name)
    # A class of its own, not a wrapper: capabilities are told by what the class has.
    kind = type(f"Indexed{type(space).__name__}", (_Rows, type(space)), {})
    made: Any = object.__new__(kind)
    made.__dict__.update(vars(space), size=len(keys), _row_of=rows, _row_texts=texts)
    made.__dict__["_row_key"] = made.format if keys == texts else made.unique_string
    found: Enumerable[Any] = made
    return found


class _Rows:
    """The index that a table gives to a space."""

    name: str
    size: int
    _row_of: dict[str, int]
    _row_texts: Sequence[str]
    _row_key: Callable[[Any], str]

    def index(self, arch: Any) -> int:
        """Return the row of an architecture."""
        key = self._row_key(arch)
        row = self._row_of.get(key)
        if row is None:
            why = f"nothing is listed under {shown(key)}"
            raise UsageError("the table has no row for this architecture", where=self.name, why=why)
        return row

    def at(self, index: int) -> Any:
        """Return the architecture of a row."""
        if not 0 <= index < self.size:
            raise outside(self.name, index, self.size)
        space: Any = self
        return space.parse(self._row_texts[index])
