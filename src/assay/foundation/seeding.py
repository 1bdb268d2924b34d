"""Seeds as a tree of names: one counter-based Philox generator for each named stream.

The key of a stream is the digest of the root seed and the stream's path, so that a stream never
depends on which other streams exist, or on the order in which they are opened. Draws are made
here from the raw 64-bit words of Philox-4x64-10 (Salmon et al., SC 2011), which NumPy guarantees
never to change, and not with the methods of `numpy.random.Generator`, which it does not (NEP 19).
"""

from __future__ import annotations

import math
from collections.abc import MutableSequence, Sequence
from typing import TypeVar

import msgspec
import numpy as np
from blake3 import blake3

from assay.foundation.digest import canonical_bytes
from assay.foundation.errors import UsageError

T = TypeVar("T")
Name = str | int

SCHEME = "assay-stream-v1"
_BLOCK = 256
_BELOW = 1 << 64
_TO_UNIT = 2.0**-53


class StreamUse(msgspec.Struct, frozen=True):
    """A stream that was opened: its path, and how many 64-bit words were drawn from it."""

    path: tuple[Name, ...]
    draws: int


class Stream:
    """A named stream of random draws; not safe to share between threads.

    Equal root and path give equal draws on every platform and NumPy version.
    """

    __slots__ = ("_bits", "_block", "_drawn", "path", "root")

    def __init__(self, root: int, path: tuple[Name, ...]) -> None:
        self.root = root
        self.path = path
        key = blake3(SCHEME.encode() + b"\0" + canonical_bytes([str(root), *path])).digest(16)
        self._bits = np.random.Philox(key=int.from_bytes(key, "little"))
        self._block: list[int] = []
        self._drawn = 0

    @property
    def draws(self) -> int:
        """How many 64-bit words were drawn."""
        return self._drawn - len(self._block)

    def bits(self) -> int:
        """Return 64 random bits as an integer in [0, 2^64)."""
        if not self._block:
            self._block = self._bits.random_raw(_BLOCK).tolist()
            self._block.reverse()
            self._drawn += _BLOCK
        return self._block.pop()

    def random(self) -> float:
        """Return a float that is uniform on [0, 1), with 53 random bits."""
        return (self.bits() >> 11) * _TO_UNIT

    def below(self, n: int) -> int:
        """Return an integer that is uniform on [0, n), without bias (Lemire 2019, algorithm 5)."""
        if not 0 < n <= _BELOW:
            raise ValueError(f"below() needs a bound from 1 to 2^64, got {n}")
        product = self.bits() * n
        low = product & 0xFFFFFFFFFFFFFFFF
        if low < n:
            threshold = _BELOW % n
            while low < threshold:
                product = self.bits() * n
                low = product & 0xFFFFFFFFFFFFFFFF
        return product >> 64

    def choice(self, items: Sequence[T]) -> T:
        """Return one item, each with equal probability."""
        return items[self.below(len(items))]

    def sample(self, items: Sequence[T], k: int) -> list[T]:
        """Return `k` distinct positions' items in random order (partial Fisher-Yates)."""
        if not 0 <= k <= len(items):
            raise ValueError(f"cannot take {k} of {len(items)} items")
        pool = list(items)
        for i in range(k):
            j = i + self.below(len(pool) - i)
            pool[i], pool[j] = pool[j], pool[i]
        return pool[:k]

    def shuffle(self, items: MutableSequence[T]) -> None:
        """Shuffle `items` in place (Fisher-Yates)."""
        for i in range(len(items) - 1, 0, -1):
            j = self.below(i + 1)
            items[i], items[j] = items[j], items[i]

    def normal(self) -> float:
        """Return a standard normal draw (Box-Muller, cosine branch: two words a draw)."""
        radius = math.sqrt(-2.0 * math.log(1.0 - self.random()))
        return radius * math.cos(2.0 * math.pi * self.random())

    def indices(self, high: int, shape: tuple[int, ...]) -> np.ndarray:
        """Return integers uniform on [0, high) in bulk, for resampling; `high` is at most 2^32.

        Buffered words are dropped first, so that the draws are still a function of the path and
        of the calls before. The bias of the multiply-shift is below 2^-32.
        """
        size = math.prod(shape)
        self._block.clear()
        self._drawn += size
        words = self._bits.random_raw(size).reshape(shape)
        return ((words >> np.uint64(32)) * np.uint64(high) >> np.uint64(32)).astype(np.intp)

    def halves(self, high: int, size: int) -> np.ndarray:
        """Return `size` integers uniform on [0, high) as uint64, two of each word, for large resampling.

        The low half of a word comes first, and a word that is only half used is gone. Each integer
        has a probability within 2^-32 of 1 / high; `high` is at most 2^32. Buffered words are
        dropped first, as in `indices`.
        """
        words = -(-size // 2)
        self._block.clear()
        self._drawn += words
        halves = self._bits.random_raw(words).astype("<u8", copy=False).view("<u4")[:size]
        scaled = np.multiply(halves, np.uint64(high), dtype=np.uint64)
        np.right_shift(scaled, np.uint64(32), out=scaled)
        return np.asarray(scaled)

    def child(self, *names: Name) -> Stream:
        """Return the stream whose path is this one's and these names: one for each part of a large draw."""
        return Stream(self.root, (*self.path, *names))

    def seed32(self) -> int:
        """Return a 32-bit seed, for a library that takes nothing better."""
        return self.bits() >> 32


def as_stream(rng: object) -> Stream:
    """Return what draws as a `Stream`; raises `UsageError` for a number, a generator of NumPy, or None."""
    if isinstance(rng, Stream):
        return rng
    raise UsageError(
        "what draws at random is given a Stream",
        why=f"rng is {type(rng).__name__}",
        hint='rng=Stream(0, ("my analysis",))',
    )


class SeedTree:
    """Hands out streams by name and remembers which were used, as the record of a run wants."""

    def __init__(self, root: int) -> None:
        self.root = root
        self._streams: dict[tuple[Name, ...], Stream] = {}

    def stream(self, *path: Name) -> Stream:
        """Return the stream of this path, always the same object."""
        if path not in self._streams:
            self._streams[path] = Stream(self.root, path)
        return self._streams[path]

    def used(self) -> tuple[StreamUse, ...]:
        """Return each opened stream with its number of draws, in the order of their paths."""
        ordered = sorted(self._streams.items(), key=lambda item: [str(name) for name in item[0]])
        return tuple(StreamUse(path, stream.draws) for path, stream in ordered)
