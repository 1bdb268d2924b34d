"""Job functions for the worker tests; they run in worker processes."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path


class Echo:
    """Answers each job with its text turned; some jobs misbehave."""

    def __init__(self, setup: bytes) -> None:
        self.folder = Path(setup.decode())

    def do(self, job: bytes) -> bytes:
        word = job.decode()
        if word == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        if word.startswith("once-"):
            marker = self.folder / word
            if not marker.exists():
                marker.touch()
                os.kill(os.getpid(), signal.SIGKILL)
        if word == "slow":
            time.sleep(0.3)
        if word == "print":
            print("user code prints to standard output")  # noqa: T201  that it prints is the case
        if word == "pid":
            return str(os.getpid()).encode()
        return word[::-1].encode()

    def close(self) -> None:
        """Leave a mark, so that a test sees that the worker ended by itself."""
        (self.folder / f"closed-{os.getpid()}").touch()


class Refuses:
    """Refuses at once."""

    def __init__(self, setup: bytes) -> None:
        del setup
        from assay.foundation.errors import UsageError

        raise UsageError("this worker refuses", hint="use another")
