"""Mutates a program, records it, and measures by what the mutation is caught: one mutant at a time."""

from __future__ import annotations

import itertools
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec

from assay.capture.recording.launch import Ended, HookSettings, Launch
from assay.capture.recording.record import record_command
from assay.foundation.errors import AssayError
from assay.foundation.seeding import Stream
from assay.records.commands import CommandRecord
from assay.records.store import Store
from assay.records.trace import load_trace
from assay.verification.commands.explain import explain
from assay.verification.commands.explanation import Explanation
from assay.verification.commands.seen import judged
from assay.verification.commands.traces import first_difference
from assay.verification.commands.verify import verify_command
from mutations.mutators import MUTATORS, Mutant, Mutator
from mutations.projects import Project

TIMEOUT = 60.0
RARE = frozenset({"eval", "no_grad", "split", "seed", "files", "argument", "package"})
TRIES = 8  # to find a mutation of a kind that the program has, and that ends


class Caught(msgspec.Struct, frozen=True, kw_only=True):
    """What was found of one mutant.

    `result` says that what the program printed, wrote or ended with differs, as compared without Assay, and
    `trace` that the recorded steps do. `identity` and `verdict` say whether they differ. `named` is
    'exactly' (the one cause is the mutation, by re-runs), 'only' (it alone is listed, and A's data is gone
    so that nothing could be tried), 'listed' (it is among the differences), 'wrong' (something else is
    named a cause) or 'no'. `beside` says that the mutated project stood beside the recorded one, and not
    in its place.
    """

    project: str
    mutator: str
    text: str
    result: bool
    trace: bool
    identity: bool
    verdict: bool
    word: str
    answer: str
    named: str
    beside: bool = False
    told: str = ""
    error: str = ""

    @property
    def equivalent(self) -> bool:
        """Whether nothing that the program did differs."""
        return not (self.result or self.trace)


class Bench:
    """One project, recorded once, and mutated in place as often as is asked."""

    def __init__(self, project: Project, folder: Path, packages: dict[str, Path] | None = None) -> None:
        self.project = project
        self._places = folder / "work", folder / "beside"
        self.store = Store(folder / "store")
        self._clean = folder / "clean"
        self._cache = folder / "cache"
        self._packages = packages or {}
        self.known: set[tuple[str, str]] = set()
        project.write(self._clean)
        self._fresh()
        self.a, self._ended, self._result = self._record(Mutant(text="as it is"), self._places[0])
        if self._ended.exit_status != 0:
            raise AssertionError(f"{project.name}: {self._ended.stderr.decode()[-2000:]}")

    def catch(self, mutator: Mutator, stream: Stream) -> Caught | None:
        """Mutate the project once and say how it is caught; None where no such mutation is found.

        By a coin the mutation is made in place, as people edit, or in a copy beside what was recorded.
        """
        for _ in range(TRIES):
            beside = bool(stream.below(2))
            self._fresh()
            place = self._places[beside]
            mutant = mutator.make(place, stream)
            if mutant is None or (mutant.path and mutant.path not in self._packages):
                return None
            if (mutator.name, mutant.text) in self.known:  # the same mutant is measured once
                continue
            self.known.add((mutator.name, mutant.text))
            try:
                b, ended, result = self._record(mutant, place)
            except AssayError as error:
                return self._failed(mutator, mutant, error)
            if not ended.timed_out:
                found = self._judge(mutator, mutant, b, (ended, result))
                return msgspec.structs.replace(found, beside=beside)
        return None

    def record(self, mutator: Mutator, stream: Stream) -> CommandRecord:
        """Mutate the project once, beside what was recorded, and only record it."""
        self._fresh()
        mutant = mutator.make(self._places[1], stream)
        if mutant is None:
            raise AssertionError(f"{self.project.name} has nothing for {mutator.name}")
        return self._record(mutant, self._places[1])[0]

    def _judge(self, mutator: Mutator, mutant: Mutant, b: CommandRecord, did: tuple[Ended, bytes]) -> Caught:
        traces = [load_trace(self.store, record) for record in (self.a, b)]
        parted = None if None in traces else first_difference(*map(judged, traces))
        ended, result = did
        try:
            found = explain(self.store, self.a, b, cache=self._cache, locate=True, attributed=True)
            verdict = verify_command(self.store, self._claim(b), repeats=2, as_recorded=True).verdict
        except AssayError as error:
            return self._failed(mutator, mutant, error)
        return Caught(
            project=self.project.name,
            mutator=mutator.name,
            text=mutant.text,
            result=_did(self._ended, self._result) != _did(ended, result),
            trace=parted is not None or len(set(map(_lengths, traces))) > 1,
            identity=b.run != self.a.run,
            verdict=verdict.word != "identical",
            word=verdict.text(),
            answer=found.answer,
            named=_named(found, mutant),
            told=found.paragraph,
        )

    def _claim(self, b: CommandRecord) -> CommandRecord:
        """Return a record that says of the mutated program that it did what the program did."""
        return msgspec.structs.replace(
            b,
            result=self.a.result,
            result_digest=self.a.result_digest,
            trace=self.a.trace,
            tensors=self.a.tensors,
            operators=self.a.operators,
        )

    def _failed(self, mutator: Mutator, mutant: Mutant, error: AssayError) -> Caught:
        return Caught(
            project=self.project.name,
            mutator=mutator.name,
            text=mutant.text,
            result=True,
            trace=True,
            identity=False,
            verdict=False,
            word="",
            answer="",
            named="no",
            error=error.one_line(),
        )

    def _fresh(self) -> None:
        for place in self._places:
            shutil.rmtree(place, ignore_errors=True)
            shutil.copytree(self._clean, place)

    def _record(self, mutant: Mutant, place: Path) -> tuple[CommandRecord, Ended, bytes]:
        variables = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
        variables |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "LANG": "C.UTF-8"}
        if mutant.path:
            variables["PYTHONPATH"] = str(self._packages[mutant.path])
        arguments = self.project.arguments if mutant.arguments is None else mutant.arguments
        what = Launch(
            argv=(sys.executable, "train.py", *arguments),
            folder=place,
            variables=variables,
            hook=HookSettings(budget=None),
            quiet=True,
            timeout=TIMEOUT,
        )
        data = [Path(name) for name in self.project.data]
        record, ended = record_command(self.store, what, data=data, cache=self._cache)
        written = place / "result.bin"
        return record, ended, written.read_bytes() if written.exists() else b""


def _did(ended: Ended, result: bytes) -> tuple[object, ...]:
    """Return all that a program did, as it is seen without Assay."""
    return ended.exit_status, ended.signal, ended.stdout, result


def _lengths(trace: object) -> tuple[tuple[str, int], ...]:
    """Return how many moments of each kind were recorded; of programs so short, all are."""
    if trace is None:
        return ()
    kinds = [row["kind"] for row in judged(trace).steps]
    return tuple((kind, kinds.count(kind)) for kind in sorted(set(kinds)))


def _named(found: Explanation, mutant: Mutant) -> str:
    if not (mutant.ids or mutant.lines):
        return "no" if not found.differences else "listed"
    right = [one for one in found.differences if _is(one.id, mutant)]
    causes = found.attribution.causes if found.attribution else ()
    wanted = {one.id for one in right}
    if len(causes) == 1 and wanted and set(causes[0].ids) == wanted and causes[0].outcome == "b":
        return "exactly"
    if any(not set(cause.ids) <= wanted for cause in causes):
        return "wrong"
    if found.obstacles and wanted == {one.id for one in found.differences}:
        return "only"
    return "listed" if right else "no"


def _is(identity: str, mutant: Mutant) -> bool:
    """Say whether a difference is what was mutated: by its id, or by a line of the program that it spans."""
    if any(identity.startswith(one) for one in mutant.ids):
        return True
    head, _, lines = identity.rpartition(":")
    if head != "code:train.py" or not mutant.lines:
        return False
    start, _, end = lines.partition("-")
    return any(int(start) <= line <= max(int(start), int(end)) for line in mutant.lines)


def draws(seed: int, project: Project) -> Iterator[tuple[Mutator, Stream]]:
    """Yield without end what makes the next mutant: the kinds in turn, in an order that is drawn.

    Kinds that few programs have come first, so that a study of few mutants has them too.
    """
    order = Stream(seed, ("mutations", project.name)).sample(MUTATORS, len(MUTATORS))
    order.sort(key=lambda mutator: mutator.name not in RARE)
    for number in itertools.count():
        yield order[number % len(order)], Stream(seed, ("mutations", project.name, number))
