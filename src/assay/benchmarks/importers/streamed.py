"""Reading pickles of gigabytes: from bz2 files and PyTorch's containers, a part at a time.

The standard unpickler remembers everything that a pickle memorised until its end: some 28 GB for the
tables of NAS-Bench-201. Here `seen` takes what it needs out of a part (such as one architecture), empties
it, and says that the rest may be forgotten. Of what was memorised only texts and names are kept then: the
pickle may refer to them again, from anywhere. A reference to anything else that is gone is refused.
"""

from __future__ import annotations

import bz2
import contextlib
import zipfile
import zlib
from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

from assay.benchmarks.importers.restricted import LIMIT, Reader
from assay.benchmarks.importers.vocabulary import PUBLISHED, Dtype, Named
from assay.benchmarks.watching import progress
from assay.foundation.errors import AssayError, CorruptError, UnsafePickleError

Seen = Callable[[dict[Any, Any]], bool]
"""Is given each dictionary once items were set in it; True lets go of all that was read so far."""

_PIECE = 256
_MOST_TEXTS = 2_000_000
_TORCH_MAGIC, _TORCH_PROTOCOL = 0x1950A86A20F9469CFC6C, 1001


class ForgetfulReader(Reader):
    """An interpreter of pickles of the vocabulary `PUBLISHED` that lets go of what `seen` is done with."""

    def __init__(self, read: Callable[[int], bytes], seen: Seen | None, limit: int = LIMIT) -> None:
        super().__init__(read, PUBLISHED, limit=limit, seen=seen)
        self._old = _Texts()

    def load(self) -> Any:
        """Return the data of the next pickle."""
        self._old = _Texts()
        return super().load()

    def recall(self, place: int) -> Any:
        """Return a text or a name that was memorised before the rest was forgotten."""
        return self._old.at(place)

    def forget(self) -> None:
        """Keep the texts and names of what was memorised, and nothing else."""
        memo, base = self.memo, self.base
        try:
            values = [memo[place] for place in range(base, base + len(memo))]
        except KeyError:
            raise UnsafePickleError("the pickle memorises out of order") from None
        self._old.keep(base, values)
        self.base, self.memo = base + len(memo), {}


class _Texts:
    """Texts by the number under which they were memorised, packed.

    A block is what one part memorised, as codes of distinct texts, cut into pieces; parts are so alike
    that most pieces are equal, and equal ones are one object.
    """

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._blocks: list[tuple[bytes, ...]] = []
        self._pieces: dict[bytes, bytes] = {}
        self._texts: list[Any] = [None]  # code 0 is what is gone
        self._codes: dict[Any, int] = {}

    def keep(self, start: int, values: list[Any]) -> None:
        """Keep the texts among the values that were memorised from a number on."""
        codes = array("I", map(self._code, values))
        if len(self._texts) > _MOST_TEXTS:
            raise UnsafePickleError(f"the pickle has more than {_MOST_TEXTS:,} different texts")
        pieces = [codes[i : i + _PIECE].tobytes() for i in range(0, len(codes), _PIECE)]
        self._starts.append(start)
        self._blocks.append(tuple([self._pieces.setdefault(piece, piece) for piece in pieces]))

    def at(self, place: int) -> Any:
        """Return what was memorised under a number."""
        block = bisect_right(self._starts, place) - 1
        offset = place - self._starts[block] if block >= 0 else -1
        pieces = self._blocks[block] if offset >= 0 else ()
        piece = memoryview(pieces[offset // _PIECE]).cast("I") if offset // _PIECE < len(pieces) else ()
        if offset % _PIECE >= len(piece):
            raise LookupError(f"it refers to {place}, which was not memorised")
        code = piece[offset % _PIECE]
        if not code:
            raise CorruptError(
                "the pickle refers back to something that was read and let go",
                hint="get the same publication as a folder of single files, where it has one",
            )
        return self._texts[code]

    def _code(self, value: Any) -> int:
        if not isinstance(value, str | Named | Dtype):
            return 0
        code = self._codes.get(value)
        if code is None:
            code = self._codes[value] = len(self._texts)
            self._texts.append(value)
        return code


def load_bz2(path: Path, seen: Seen | None = None, limit: int = LIMIT) -> Any:
    """Return the data of a pickle in a bz2 file, `path`; what `seen` emptied comes back empty.

    At most `limit` bytes are held at once. Raises `UnsafePickleError` and `CorruptError`.
    """
    with named(path), open(path, "rb") as raw, bz2.BZ2File(raw) as file:
        return ForgetfulReader(_watched(path, raw, file, seen), seen, limit).load()


def load_torch(path: Path, seen: Seen | None = None, limit: int = LIMIT) -> Any:
    """Return what `torch.save` wrote to a file, in either of its containers; tensors are `SKIPPED`.

    Raises as `load_bz2` does; so for the container of PyTorch before 0.1.10, which is not read.
    """
    with named(path), open(path, "rb") as raw:
        if zipfile.is_zipfile(raw):
            with zipfile.ZipFile(raw) as archive, archive.open(_pickle_of(archive)) as file:
                return ForgetfulReader(_watched(path, raw, file, seen), seen, limit).load()
        raw.seek(0)
        reader = ForgetfulReader(_watched(path, raw, raw, seen), seen, limit)
        # Magic number, version of the protocol, facts of the system; then the object; then storages.
        if reader.load() != _TORCH_MAGIC or reader.load() != _TORCH_PROTOCOL:
            raise CorruptError("it is no file that torch.save wrote")
        reader.load()
        return reader.load()


def _pickle_of(archive: zipfile.ZipFile) -> str:
    found = [name for name in archive.namelist() if name.rpartition("/")[2] == "data.pkl"]
    if len(found) != 1:
        raise CorruptError("it is no file that torch.save wrote", why="it is a zip file without one data.pkl")
    return found[0]


def _watched(
    path: Path, raw: IO[bytes], file: IO[bytes] | bz2.BZ2File, seen: Seen | None
) -> Callable[[int], bytes]:
    """Return a function that reads, and tells how far it is where there are parts."""
    if seen is None:
        return file.read
    size = path.stat().st_size

    def read(wanted: int) -> bytes:
        progress(path.name, raw.tell(), size)
        return file.read(wanted)

    return read


@contextlib.contextmanager
def named(path: Path) -> Iterator[None]:
    """Name the file in errors, and turn what a damaged container raises into one."""
    try:
        yield
    except AssayError as error:
        raise error.at(str(path)) from None
    except (OSError, EOFError, RuntimeError, NotImplementedError, zipfile.BadZipFile, zlib.error) as error:
        raise CorruptError(
            "the file cannot be read", where=str(path), why=str(error) or type(error).__name__
        ) from None
