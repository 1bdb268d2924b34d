"""Passes the output of a program on, byte for byte and at once, and keeps its head and tail."""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import subprocess
import sys
import termios
import threading
from collections import deque

KEPT = 2**20  # bytes of the head, and as many of the tail
_CHUNK = 2**16

# What stays behind when the command has ended and something that it started still writes: nothing of
# the program may notice that the recorder has gone.
_COPY = """\
import os, sys, threading
def copy(source, target):
    try:
        while True:
            data = os.read(source, 65536)
            if not data:
                break
            while data:
                data = data[os.write(target, data):]
    except OSError:
        pass
    os.close(source)
for pair in sys.argv[1:]:
    threading.Thread(target=copy, args=tuple(map(int, pair.split(":")))).start()
"""


class Kept:
    """The head and the tail of a stream, at most `KEPT` bytes each."""

    def __init__(self) -> None:
        self._head = bytearray()
        self._tail: deque[bytes] = deque()
        self._in_tail = 0
        self._left_out = 0

    def add(self, data: bytes) -> None:
        """Take the next bytes of the stream."""
        room = KEPT - len(self._head)
        self._head += data[:room]
        rest = data[room:] if room < len(data) else b""
        if not rest:
            return
        self._tail.append(rest)
        self._in_tail += len(rest)
        while self._in_tail - len(self._tail[0]) >= KEPT:
            gone = self._tail.popleft()
            self._in_tail -= len(gone)
            self._left_out += len(gone)

    def whole(self) -> bytes:
        """Return what was kept; a line between head and tail says how much is missing."""
        head, tail = bytes(self._head), b"".join(self._tail)
        over = max(len(tail) - KEPT, 0)
        left_out = self._left_out + over
        if not left_out:
            return head + tail
        return head + f"\n[{left_out:,} bytes left out]\n".encode() + tail[over:]


class Pump:
    """One stream of the command: a pipe, or a pseudo-terminal where ours is a terminal.

    `target` is our own descriptor that the bytes go on to, or None to keep them only.
    """

    def __init__(self, target: int | None) -> None:
        self.target = target
        self.kept = Kept()
        self.terminal = target is not None and os.isatty(target)
        self._source, self.given = os.openpty() if self.terminal else os.pipe()
        if self.terminal:
            _raw(self.given)
            self.resize()
        self._stop, self._stopper = os.pipe()
        self._thread = threading.Thread(target=self._run, name="assay-output", daemon=True)

    def start(self) -> None:
        """Begin to pass on; the end that the command was given is closed on our side."""
        os.close(self.given)
        self._thread.start()

    def abandon(self) -> None:
        """Close both ends: the command could not be started."""
        for descriptor in (self.given, self._source, self._stop, self._stopper):
            os.close(descriptor)

    def resize(self) -> None:
        """Give the pseudo-terminal the size of our terminal."""
        if not self.terminal or self.target is None:
            return
        with contextlib.suppress(OSError):
            size = fcntl.ioctl(self.target, termios.TIOCGWINSZ, b"\0" * 8)
            fcntl.ioctl(self._source, termios.TIOCSWINSZ, size)

    def wait(self, seconds: float) -> bool:
        """Wait until the stream has ended, at most so long, and say whether it has."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def stop(self) -> None:
        """Pass nothing on any more."""
        os.close(self._stopper)
        self._stopper = -1
        self._thread.join()

    def hand_over(self) -> tuple[int, int] | None:
        """Return descriptors for another process to copy between; None where there is nothing to copy."""
        self.stop()
        if self._source < 0 or self.target is None:
            return None
        # Under other numbers than those that the process gets for its own streams.
        return self._source, os.dup(self.target)

    def close(self) -> None:
        """Close what is still open on our side."""
        for descriptor in (self._source, self._stop, self._stopper):
            if descriptor >= 0:
                os.close(descriptor)
        self._source = self._stop = self._stopper = -1

    def _run(self) -> None:
        waiting = select.poll()
        waiting.register(self._source, select.POLLIN)
        waiting.register(self._stop, select.POLLIN)
        try:
            while self._stop not in {ready for ready, _ in waiting.poll()}:
                data = _read(self._source)
                if not data:
                    break
                self.kept.add(data)
                if self.target is not None:
                    _write(self.target, data)
        except OSError:
            # Nothing reads our output any more: the program's next write fails, as it would alone.
            os.close(self._source)
            self._source = -1


def leave_behind(pumps: list[Pump]) -> None:
    """Hand streams that are still written to over to a small process that copies them to their end."""
    pairs = [pair for pair in (pump.hand_over() for pump in pumps) if pair is not None]
    if not pairs:
        return
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", _COPY, *(f"{source}:{target}" for source, target in pairs)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        pass_fds=sorted({descriptor for pair in pairs for descriptor in pair}),
        start_new_session=True,
    )
    process.returncode = 0  # nobody waits for it
    for _, target in pairs:
        os.close(target)


def is_open(descriptor: int) -> bool:
    """Say whether a descriptor of ours is open at all."""
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


def _read(source: int) -> bytes:
    try:
        return os.read(source, _CHUNK)
    except OSError:  # what a pseudo-terminal answers once nobody holds its other end
        return b""


def _write(target: int, data: bytes) -> None:
    """Write all, also to a descriptor that somebody made non-blocking."""
    view = memoryview(data)
    while view:
        try:
            view = view[os.write(target, view) :]
        except BlockingIOError:
            select.select([], [target], [])


def _raw(terminal: int) -> None:
    """Let no line discipline change the bytes: our own terminal does that once, and not twice."""
    settings = termios.tcgetattr(terminal)
    settings[1] &= ~termios.OPOST
    settings[3] &= ~termios.ECHO
    termios.tcsetattr(terminal, termios.TCSANOW, settings)
