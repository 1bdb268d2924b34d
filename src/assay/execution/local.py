"""Jobs over local worker processes: any number, any order, and a worker's death loses nothing."""

from __future__ import annotations

import selectors
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Sequence
from typing import BinaryIO, cast

import msgspec

from assay.execution.worker import ANSWER, receive, send
from assay.foundation.errors import AssayError, UsageError

PREFETCH = 2
MAX_DEATHS = 3


class WorkerRefusalError(AssayError):
    """A worker could not go on: its message is shown as it is."""

    def __str__(self) -> str:
        return self.what


class _Job(msgspec.Struct):
    number: int
    payload: bytes
    deaths: int = 0


class _Worker:
    """A process and the jobs that it was given and has not answered."""

    def __init__(self, function: str, setup: bytes) -> None:
        # A list of arguments and no shell: nothing in a job can become a command. A session of its
        # own: the interrupt key reaches the coordinator alone, which lets cells end whole.
        command = [sys.executable, "-m", "assay.execution.worker", function]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0, start_new_session=True)
        self.jobs = cast("BinaryIO", self.process.stdin)
        self.answers = cast("BinaryIO", self.process.stdout)
        self.given: deque[_Job] = deque()
        self.done = 0
        self._send(setup)

    def give(self, job: _Job) -> None:
        self.given.append(job)
        self._send(job.payload)

    def _send(self, message: bytes) -> None:
        try:
            send(self.jobs, message)
        except BrokenPipeError:
            pass  # it died; the end of its answers tells, and its jobs are given again

    def finish(self) -> None:
        """Let it end after what it has; it seals its journal by itself."""
        try:
            self.jobs.close()
        except BrokenPipeError:
            pass


class LocalWorkers:
    """Runs jobs on `workers` local processes.

    `function` is the 'module:name' that a worker calls with `setup`. A job whose worker dies is
    given to another; one that has seen `MAX_DEATHS` workers die is reported to `on_death` and
    left. With `jobs_per_worker`, a process is replaced after that many jobs.
    """

    def __init__(self, function: str, setup: bytes, *, workers: int, jobs_per_worker: int | None = None) -> None:
        if workers < 1:
            raise UsageError("there must be at least one worker", why=f"asked for {workers}", hint="--workers 2")
        self._function = function
        self._setup = setup
        self._limit = workers
        self._jobs_per_worker = jobs_per_worker

    def run(
        self,
        jobs: Sequence[bytes],
        on_answer: Callable[[int, bytes], None],
        on_death: Callable[[int, int], None],
    ) -> None:
        """Do all jobs, calling back in this thread as each ends, in the order of their ending.

        `on_answer(number, answer)`; `on_death(number, exit status)`. KeyboardInterrupt lets the
        workers finish the job in hand, and is raised again; a second one kills them.
        """
        waiting = deque(_Job(number, payload) for number, payload in enumerate(jobs))
        alive: dict[int, _Worker] = {}
        with selectors.DefaultSelector() as selector:
            try:
                while waiting or alive:
                    self._feed(waiting, alive, selector)
                    for key, _ in selector.select():
                        self._listen(cast("_Worker", key.data), waiting, alive, selector, on_answer, on_death)
            except KeyboardInterrupt:
                self._drain(alive, on_answer)
                raise
            except BaseException:
                self._kill(alive)
                raise

    def _feed(self, waiting: deque[_Job], alive: dict[int, _Worker], selector: selectors.BaseSelector) -> None:
        while waiting and len(alive) < min(self._limit, len(waiting) + len(alive)):
            worker = _Worker(self._function, self._setup)
            alive[worker.answers.fileno()] = worker
            selector.register(worker.answers, selectors.EVENT_READ, worker)
            if waiting:
                worker.give(waiting.popleft())
        for worker in alive.values():
            room = PREFETCH if self._jobs_per_worker is None else self._jobs_per_worker - worker.done
            while waiting and len(worker.given) < min(PREFETCH, room):
                worker.give(waiting.popleft())
            spent = self._jobs_per_worker is not None and worker.done >= self._jobs_per_worker
            if not worker.given and (not waiting or spent):
                worker.finish()

    def _listen(
        self,
        worker: _Worker,
        waiting: deque[_Job],
        alive: dict[int, _Worker],
        selector: selectors.BaseSelector,
        on_answer: Callable[[int, bytes], None],
        on_death: Callable[[int, int], None],
    ) -> None:
        message = receive(worker.answers)
        if message is not None and message[:1] == ANSWER:
            worker.done += 1
            on_answer(worker.given.popleft().number, message[1:])
            return
        if message is not None:
            raise WorkerRefusalError(message[1:].decode())
        selector.unregister(worker.answers)
        del alive[worker.answers.fileno()]
        status = worker.process.wait()
        worker.answers.close()
        if worker.given:
            worker.given[0].deaths += 1
            if worker.given[0].deaths >= MAX_DEATHS:
                on_death(worker.given.popleft().number, status)
            waiting.extendleft(reversed(worker.given))

    @staticmethod
    def _drain(alive: dict[int, _Worker], on_answer: Callable[[int, bytes], None]) -> None:
        """Stop handing out; take the answers to what is being done, so that it counts."""
        try:
            for worker in alive.values():
                worker.finish()
            for worker in alive.values():
                while (message := receive(worker.answers)) is not None:
                    if message[:1] == ANSWER and worker.given:
                        on_answer(worker.given.popleft().number, message[1:])
                worker.process.wait()
        except KeyboardInterrupt:
            LocalWorkers._kill(alive)

    @staticmethod
    def _kill(alive: dict[int, _Worker]) -> None:
        for worker in alive.values():
            worker.process.kill()
            worker.process.wait()
