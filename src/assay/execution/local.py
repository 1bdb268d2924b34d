"""Jobs over local worker processes: any number, any order, and a worker's death loses nothing."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Sequence
from typing import BinaryIO, cast

import msgspec

from assay.execution.worker import ANSWER, receive, send
from assay.foundation.errors import AssayError, UsageError

OnAnswer = Callable[[int, bytes], None]
OnDeath = Callable[[int, int], None]

MAX_DEATHS = 3


def worker_settings() -> dict[str, str]:
    """Return the variables that workers get besides those of this process.

    With a fixed hash seed, user code that iterates over a set of strings does so in one order; a
    seed that the user has set is left.
    """
    return {} if os.environ.get("PYTHONHASHSEED") else {"PYTHONHASHSEED": "0"}


class WorkerRefusalError(AssayError):
    """A worker could not go on: its message is shown as it is, and its exit status is kept."""

    def __init__(self, exit_status: int, message: str) -> None:
        self.exit_status = exit_status
        super().__init__(message)

    def __str__(self) -> str:
        return self.what


class _Job(msgspec.Struct):
    number: int
    payload: bytes
    deaths: int = 0


class _Worker:
    """A process and the job that it was given and has not answered."""

    def __init__(self, function: str, setup: bytes) -> None:
        # A list of arguments and no shell: nothing in a job can become a command. A session of its
        # own: the interrupt key reaches the coordinator alone, which lets cells end whole.
        # -P: the working folder is not on the path of imports, for what lies there is in no identity.
        command = [sys.executable, "-P", "-m", "assay.execution.worker", function]
        environment = {**os.environ, **worker_settings()}
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            start_new_session=True,
            env=environment,
        )
        self.jobs = cast("BinaryIO", self.process.stdin)
        self.answers = cast("BinaryIO", self.process.stdout)
        self.given: _Job | None = None
        self._send(setup)

    def give(self, job: _Job) -> None:
        self.given = job
        self._send(job.payload)

    def _send(self, message: bytes) -> None:
        # If it died, the end of its answers tells, and its jobs are given again.
        with contextlib.suppress(BrokenPipeError):
            send(self.jobs, message)

    def finish(self) -> None:
        """Let it end after what it has; it seals its journal by itself."""
        with contextlib.suppress(BrokenPipeError):
            self.jobs.close()

    def end(self) -> int:
        """Wait for its end and return its exit status, negative for a signal."""
        self.finish()
        status = self.process.wait()
        self.answers.close()
        if status != 0:
            self._end_children()
        return status

    def kill(self) -> None:
        """End it at once, with the processes that it started."""
        self._end_children()
        self.end()

    def _end_children(self) -> None:
        # The worker leads a process group of its own; a command of the user's is in it.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)


class LocalWorkers:
    """Runs jobs on `workers` local processes.

    `function` is the 'module:name' that a worker calls with `setup`. A job whose worker dies is
    given to another; one that has seen `MAX_DEATHS` workers die is reported as dead and left.
    """

    def __init__(self, function: str, setup: bytes, *, workers: int) -> None:
        if workers < 1:
            raise UsageError(
                "there must be at least one worker", why=f"asked for {workers}", hint="--workers 2"
            )
        self._function = function
        self._setup = setup
        self._limit = workers
        self._waiting: deque[_Job] = deque()
        self._alive: list[_Worker] = []
        self._on_answer: OnAnswer
        self._on_death: OnDeath

    def run(
        self,
        jobs: Sequence[bytes],
        on_answer: OnAnswer,
        on_death: OnDeath,
        on_interrupt: Callable[[int], None] = lambda _: None,
    ) -> None:
        """Do all jobs, calling back in this thread as each ends, in the order of their ending.

        `on_answer(number, answer)`; `on_death(number, exit status)`. KeyboardInterrupt is told to
        `on_interrupt` with the number of jobs in hand, lets the workers finish these, and is raised
        again; a second one kills them.
        """
        self._waiting.extend(_Job(number, payload) for number, payload in enumerate(jobs))
        self._on_answer, self._on_death = on_answer, on_death
        with selectors.DefaultSelector() as selector:
            try:
                while self._waiting or self._alive:
                    self._feed(selector)
                    for key, _ in selector.select():
                        self._listen(cast("_Worker", key.data), selector)
            except KeyboardInterrupt:
                on_interrupt(sum(worker.given is not None for worker in self._alive))
                self._drain()
                raise
            except BaseException:
                self._kill()
                raise

    def _feed(self, selector: selectors.BaseSelector) -> None:
        while self._waiting and len(self._alive) < self._limit:
            worker = _Worker(self._function, self._setup)
            self._alive.append(worker)
            selector.register(worker.answers, selectors.EVENT_READ, worker)
            worker.give(self._waiting.popleft())
        # One job at a time: a worker that is writing a long answer does not read, and two sides that
        # both write would wait for each other.
        for worker in self._alive:
            if worker.given is None and self._waiting:
                worker.give(self._waiting.popleft())
            if worker.given is None:
                worker.finish()

    def _listen(self, worker: _Worker, selector: selectors.BaseSelector) -> None:
        message = receive(worker.answers)
        job, worker.given = worker.given, None
        if message is not None and message[:1] == ANSWER and job is not None:
            self._on_answer(job.number, message[1:])
            return
        if message is not None:
            raise WorkerRefusalError(message[1], message[2:].decode())
        selector.unregister(worker.answers)
        self._alive.remove(worker)
        status = worker.end()
        if job is not None:
            job.deaths += 1
            if job.deaths >= MAX_DEATHS:
                self._on_death(job.number, status)
            else:
                self._waiting.appendleft(job)

    def _drain(self) -> None:
        """Hand out no more; take the answers to what is being done, so that it counts."""
        try:
            for worker in self._alive:
                worker.finish()
            for worker in self._alive:
                while (message := receive(worker.answers)) is not None:
                    if message[:1] == ANSWER and worker.given is not None:
                        self._on_answer(worker.given.number, message[1:])
                worker.end()
        except KeyboardInterrupt:
            self._kill()

    def _kill(self) -> None:
        for worker in self._alive:
            worker.kill()
