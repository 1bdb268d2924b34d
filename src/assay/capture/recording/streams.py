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
from collections.abc import Iterable

KEPT = 2**20  # bytes of the head, and as many of the tail
_CHUNK = 2**16

# Between the program and our own output stands a process that does nothing else: when the recorder is
# killed, or leaves while something still writes, nothing of the program may notice.
_RELAY = """\
import _thread, os, select, sys
def write(target, data):
    data = memoryview(data)
    while data:
        try:
            data = data[os.write(target, data):]
        except BlockingIOError:
            select.select([], [target], [])
def relay(source, target, copy):
    alive = True
    while alive:
        try:
            data = os.read(source, 65536)
        except OSError:  # what a pseudo-terminal answers once nobody holds its other end
            break
        if not data:
            break
        try:
            write(target, data)
        except OSError:  # nobody reads our output any more: the program's next write fails, as alone
            alive = False
        try:
            if copy >= 0:
                write(copy, data)
        except OSError:
            os.close(copy)
            copy = -1
    os.close(source)
    if copy >= 0:
        os.close(copy)
def run(stream, over):
    relay(*map(int, stream.split(":")))
    over.release()
locks = []
for stream in sys.argv[1:]:
    locks.append(_thread.allocate_lock())
    locks[-1].acquire()
    _thread.start_new_thread(run, (stream, locks[-1]))
for lock in locks:
    lock.acquire()
os._exit(0)
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

    `target` is our own descriptor that a relay passes the bytes on to, or None to keep them only.
    """

    def __init__(self, target: int | None) -> None:
        self.target = target
        self.kept = Kept()
        terminal = target is not None and os.isatty(target)
        self._source, self.given = os.openpty() if terminal else os.pipe()
        self._terminal = os.ttyname(self.given) if terminal else ""
        if terminal:
            _raw(self.given)
            self.resize()
        self.ends: tuple[int, ...] = ()  # what the relay reads from, and where it copies to
        if target is not None:
            copied, copy = os.pipe()
            self.ends, self._source = (self._source, copy), copied
        self._stop, self._stopper = os.pipe()
        self._thread = threading.Thread(target=self._run, name="assay-output", daemon=True)

    def start(self) -> None:
        """Begin to keep; the ends that the command and the relay were given are closed on our side."""
        for descriptor in (self.given, *self.ends):
            os.close(descriptor)
        self._thread.start()

    def abandon(self) -> None:
        """Close all ends: the command could not be started."""
        for descriptor in (self.given, *self.ends, self._source, self._stop, self._stopper):
            os.close(descriptor)

    def resize(self) -> None:
        """Give the pseudo-terminal the size of our terminal."""
        if not self._terminal or self.target is None:
            return
        with contextlib.suppress(OSError):
            size = fcntl.ioctl(self.target, termios.TIOCGWINSZ, b"\0" * 8)
            inner = os.open(self._terminal, os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
            try:
                fcntl.ioctl(inner, termios.TIOCSWINSZ, size)
            finally:
                os.close(inner)

    def wait(self, seconds: float) -> bool:
        """Wait until the stream has ended, at most so long, and say whether it has."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def close(self) -> None:
        """Keep nothing any more, and close what is still open on our side; the relay goes on."""
        os.close(self._stopper)
        self._thread.join()
        os.close(self._source)
        os.close(self._stop)

    def _run(self) -> None:
        waiting = select.poll()
        waiting.register(self._source, select.POLLIN)
        waiting.register(self._stop, select.POLLIN)
        while self._stop not in {ready for ready, _ in waiting.poll()}:
            data = os.read(self._source, _CHUNK)
            if not data:
                break
            self.kept.add(data)


def relay(pumps: Iterable[Pump]) -> subprocess.Popen[bytes] | None:
    """Start the process that passes streams on; None where none has a target. Raises `OSError`.

    The signals that are blocked here stay so in it: what ends the program lets it pass the rest on.
    """
    passed = [pump for pump in pumps if pump.ends]
    if not passed:
        return None
    streams = [f"{source}:{pump.target}:{copy}" for pump in passed for source, copy in [pump.ends]]
    return subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", _RELAY, *streams],
        stdin=subprocess.DEVNULL,
        pass_fds=[descriptor for pump in passed for descriptor in pump.ends],
    )


def is_open(descriptor: int) -> bool:
    """Say whether a descriptor of ours is open at all."""
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


def _raw(terminal: int) -> None:
    """Let no line discipline change the bytes: our own terminal does that once, and not twice."""
    settings = termios.tcgetattr(terminal)
    settings[1] &= ~termios.OPOST
    settings[3] &= ~termios.ECHO
    termios.tcsetattr(terminal, termios.TCSANOW, settings)
