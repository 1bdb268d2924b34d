"""The file of a process's rows, which only grows: by a call at first, then through pages that it shares.

Once some rows are there, a block of the file is reserved and mapped into memory, and what is appended is
copied into it: no call of the system for each row, and what is in the pages outlives a kill of the process.
Behind the last row such a file ends in zero bytes, which are cut off when the process ends; no row has one.

A block is reserved before it is mapped, so that a full disk is an error there and never a signal in the
program. Where it cannot be reserved or mapped, every row is written by a call of its own.
"""

from __future__ import annotations

import _thread
import errno
import os
import sys
from typing import Any

# Descriptors of the program stay as they would be without the hook: ours is beyond those that it gets,
# and so is never handed out again should the program close it.
_FIRST_DESCRIPTOR = 4000
_LOOK = 64  # writes after which it is looked at whether the descriptor is still ours
_MAPPED_FROM = 32  # writes after which the file is mapped, since that takes some milliseconds
_BLOCK = 2**20  # bytes that are reserved and mapped at once
# File systems that keep what was reserved. Others may refuse a page later (copy on write, quotas of a
# server), or take the file away under the mapping.
_RESERVING = frozenset(("ext4", "xfs", "tmpfs", "overlay"))
_HERE = b"\1"


class RowFile:
    """An open file of this process's own, for whole lines without zero bytes."""

    def __init__(self, path: str) -> None:
        """Make the file; raises `OSError` where that cannot be."""
        self.path = path
        self.mark = _HERE  # begins with 0 in a process that was forked from the one that mapped the file
        self.over = False  # nothing more can be written
        self._lock = _thread.RLock()
        self._writes = 0
        self._pages: Any = None
        self._begin = 0  # where in the file the pages begin; without pages, a place up to which it holds rows
        self._has_tail = False  # zero bytes may stand behind the last row
        self._can_map = True
        self._waiting: list[bytes] | None = None  # what comes while the pages are exchanged
        self._open(os.O_CREAT | os.O_EXCL)

    def put(self, lines: bytes) -> None:
        """Append lines; safe from a kill of the process once this returns. Raises `OSError`."""
        try:
            self._pages.write(lines)  # one call under the interpreter's lock: threads cannot mix their lines
        except (AttributeError, ValueError):  # not mapped, full, or just taken away
            self._put_slowly(lines)

    def cut(self) -> None:
        """End the file with its last row; later ones are written by calls again."""
        with self._lock:
            if self._waiting is None:
                self._unmap()
                self._cut_tail()
                self._writes = 0

    def close(self) -> None:
        """Cut the file and close it, unless the program closed our descriptor for us."""
        self.over = True
        self.cut()
        if self._is_ours():
            os.close(self.descriptor)

    def drop(self) -> None:
        """Close a file that is that of the parent process, whose pages and end are let be."""
        self.over = True
        pages, self._pages = self._pages, None
        if pages is not None:
            pages.close()
        if self._is_ours():
            os.close(self.descriptor)

    # -- By calls -------------------------------------------------------------------------------------------

    def _put_slowly(self, lines: bytes) -> None:
        with self._lock:
            if self.over:
                return
            if self._waiting is not None:  # a handler of a signal, amid the exchange
                self._waiting.append(lines)
                return
            self._writes += 1
            if self._pages is not None and self._wrote(lines):
                return
            if self._pages is not None or (self._can_map and self._writes > _MAPPED_FROM):
                self._map(len(lines))
            if self._pages is None or not self._wrote(lines):
                self._append(lines)

    def _append(self, lines: bytes) -> None:
        self._cut_tail()
        if self._writes % _LOOK == 0 and not self._is_ours():
            self._open()
        try:
            written = os.write(self.descriptor, lines)
        except OSError as error:
            if error.errno != errno.EBADF:  # a program may close all descriptors
                raise
            self._open()
            written = os.write(self.descriptor, lines)
        self.over = written != len(lines)  # the disk is full: what follows a torn line is not read

    def _open(self, more: int = 0) -> None:
        try:
            low = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC | more, 0o600)
        except OSError:  # the recording is over, or was never ours
            self.over = True
            raise
        self.descriptor = _raised(low)
        found = os.fstat(self.descriptor)
        self._identity = (found.st_dev, found.st_ino)

    def _is_ours(self) -> bool:
        """Say whether the descriptor still leads to this file, and not to one of the program's."""
        try:
            found = os.fstat(self.descriptor)
        except OSError:
            return False
        return (found.st_dev, found.st_ino) == self._identity

    # -- Through pages --------------------------------------------------------------------------------------

    def _wrote(self, lines: bytes) -> bool:
        try:
            self._pages.write(lines)
        except ValueError:
            return False
        return True

    def _map(self, room: int) -> None:
        """Reserve and map the next block, at least so large; where that fails, go on by calls."""
        waiting: list[bytes] = []
        self._waiting = waiting
        try:
            self._unmap()
            if not self._is_ours():
                self._open()
            end = self._end()
            self._has_tail = True
            pages = _mapped(self.descriptor, self.path, end, room)
            self.mark, self._begin, self._pages = _mark(self.mark), end - pages.tell(), pages
        except Exception:  # noqa: BLE001  whatever is missing here, calls do as well
            self._can_map = False
        finally:
            self._waiting = None
            for lines in waiting:
                self.put(lines)

    def _unmap(self) -> None:
        """Give the pages back."""
        pages, self._pages = self._pages, None
        if pages is not None:
            self._begin += pages.tell()
            pages.close()  # from here on a thread that still has the pages cannot write to them

    def _cut_tail(self) -> None:
        """Cut the file behind its last row."""
        if self._has_tail:
            if not self._is_ours():
                self._open()
            os.ftruncate(self.descriptor, self._end())
            self._has_tail = False

    def _end(self) -> int:
        """Return where the rows end, those of threads included that wrote until the pages were closed."""
        while True:
            found = os.pread(self.descriptor, _BLOCK, self._begin)
            zero = found.find(b"\0")
            self._begin += len(found) if zero < 0 else zero
            if zero >= 0 or not found:
                return self._begin


def _raised(low: int) -> int:
    """Return the descriptor under a high number, as it is where that cannot be."""
    try:
        import fcntl

        first = max(min(_FIRST_DESCRIPTOR, os.sysconf("SC_OPEN_MAX") - 64), 64)
        high = fcntl.fcntl(low, fcntl.F_DUPFD_CLOEXEC, first)
    except (ImportError, OSError, ValueError):
        return low
    os.close(low)
    return high


def _mapped(descriptor: int, path: str, end: int, room: int) -> Any:
    """Return the pages of a block that holds the end of the file, to be written from there.

    Raises what goes wrong: no such call, no room, no library.
    """
    if not _is_atomic() or _file_system(path) not in _RESERVING:
        raise OSError(errno.ENOTSUP, "no mapping")
    import mmap

    start = end - end % mmap.ALLOCATIONGRANULARITY
    size = _BLOCK * ((end - start + room) // _BLOCK + 1)
    os.posix_fallocate(descriptor, start, size)
    pages = _map_pages(mmap, descriptor, start, size)
    pages.seek(end - start)
    return pages


def _mark(mark: Any) -> Any:
    """Return a byte of memory that is 1 here and that a fork wipes: asking for the process would take longer.

    Forks that Python knows of are told to the hook; those of compiled code are not.
    """
    import mmap

    if mark is not _HERE:
        return mark
    page = mmap.mmap(-1, mmap.PAGESIZE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    page.madvise(18)  # MADV_WIPEONFORK of Linux 4.14
    page[0] = 1
    return page


def _is_atomic() -> bool:
    """Say whether no other thread runs amid a call of a built-in method."""
    return sys.implementation.name == "cpython" and getattr(sys, "_is_gil_enabled", lambda: True)()


def _file_system(path: str) -> str:
    """Return the kind of the file system that holds a file, '' where the system does not tell."""
    found, kind = "", ""
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as mounts:
        for line in mounts:
            before, _, after = line.partition(" - ")
            place = before.split(" ")[4].replace("\\040", " ")
            if len(place) >= len(found) and (path + "/").startswith(os.path.join(place, "")):
                found, kind = place, after.split(" ")[0]
    return kind


def _map_pages(mmap: Any, descriptor: int, start: int, size: int) -> Any:
    """Return a shared mapping that holds no descriptor."""
    if sys.version_info >= (3, 13):
        return mmap.mmap(descriptor, size, offset=start, trackfd=False)
    # Before, Python copies the descriptor to the lowest number, which the program could expect for itself,
    # and closes that number in the end, whosever it is then: so the file is put over a mapping of memory.
    import ctypes

    pages = mmap.mmap(-1, size)
    place = ctypes.c_char.from_buffer(pages)
    call = ctypes.CDLL(None, use_errno=True).mmap
    call.restype = ctypes.c_void_p
    call.argtypes = (ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long)
    fixed = 0x10  # MAP_FIXED of Linux
    kind, access = mmap.MAP_SHARED | fixed, mmap.PROT_READ | mmap.PROT_WRITE
    address = ctypes.addressof(place)
    del place  # as long as it is there, the pages cannot be closed
    if call(address, size, access, kind, descriptor, start) != address:
        raise OSError(ctypes.get_errno(), "mmap")
    return pages
