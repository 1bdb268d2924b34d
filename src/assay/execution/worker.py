"""A worker process: reads jobs from its standard input, writes answers to its standard output.

Started as `python -m assay.execution.worker MODULE:FUNCTION`. Messages both ways are a u32
little-endian length and that many bytes. The first message is the set-up, given to FUNCTION, which
returns an object with `do(job: bytes) -> bytes` and `close()`. An answer starts with ANSWER; a
refusal with REFUSAL and the exit status that it asks for. The worker ends when its input ends; it
ignores the interrupt key, which the coordinator answers for all. What user code prints goes to
standard error, for standard output carries the answers.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import os
import signal
import struct
import sys
from typing import BinaryIO, Protocol

from assay.foundation.errors import AssayError

_LENGTH = struct.Struct("<I")
ANSWER = b"a"
REFUSAL = b"r"
_PR_SET_PDEATHSIG = 1


class Worker(Protocol):
    """What a job function returns: it does jobs one by one, and is closed at the end."""

    def do(self, job: bytes) -> bytes:
        """Do one job and return the answer."""
        ...

    def close(self) -> None:
        """End the work, before the process ends."""
        ...


def send(pipe: BinaryIO, message: bytes) -> None:
    """Write one message."""
    data = memoryview(_LENGTH.pack(len(message)) + message)
    while data:
        data = data[pipe.write(data) :]
    pipe.flush()


def receive(pipe: BinaryIO) -> bytes | None:
    """Read one message; None when the other side has gone."""
    head = _exactly(pipe, _LENGTH.size)
    return None if head is None else _exactly(pipe, _LENGTH.unpack(head)[0])


def _exactly(pipe: BinaryIO, size: int) -> bytes | None:
    """Read `size` bytes from a pipe without a buffer: what stays in a buffer no selector sees."""
    parts = []
    while size:
        part = pipe.read(size)
        if not part:
            return None
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def serve(target: str, jobs: BinaryIO, answers: BinaryIO) -> None:
    """Do jobs until there are no more; an error is sent back as a refusal and ends the work."""
    module, _, name = target.partition(":")
    setup = receive(jobs)
    if setup is None:
        return
    try:
        worker: Worker = getattr(importlib.import_module(module), name)(setup)
        try:
            while (job := receive(jobs)) is not None:
                send(answers, ANSWER + worker.do(job))
        finally:
            worker.close()
    except AssayError as error:
        send(answers, REFUSAL + bytes((error.exit_status,)) + str(error).encode())
    except Exception as error:
        # A defect of Assay or of its installation: the trace goes to standard error.
        send(answers, REFUSAL + b"\1" + f"a worker failed: {type(error).__name__}: {error}".encode())
        raise


def _end_with_coordinator() -> None:
    """Ask Linux to end this process when the one that started it is gone, whatever it is doing.

    Elsewhere a worker ends when it next looks for a job.
    """
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def main() -> None:
    """Take over the standard streams and serve."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _end_with_coordinator()
    jobs = os.fdopen(os.dup(0), "rb", buffering=0)
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    # A broken pipe means that the coordinator died; what was finished is in the journal.
    with contextlib.suppress(BrokenPipeError):
        serve(sys.argv[1], jobs, answers)


if __name__ == "__main__":
    main()
