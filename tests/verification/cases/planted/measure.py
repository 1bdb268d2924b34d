"""Records both runs of a case, asks for an explanation, and says where it is not what must be named."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from assay.capture.recording.launch import HookSettings, Launch
from assay.capture.recording.record import record_command
from assay.records.commands import CommandRecord
from assay.records.store import Store
from assay.verification.commands.explain import explain
from assay.verification.commands.explanation import Explanation
from assay.verification.commands.wording import parted
from planted.case import Case, Side, edit


class UnavailableError(Exception):
    """What a case needs is not on this machine; the text says what."""


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What was found for one case; `wrong` lists what is not as it must be."""

    case: Case
    explanation: Explanation
    wrong: tuple[str, ...]
    seconds: float


def measure(case: Case, folder: Path, *, told: Callable[[str], None] = lambda _: None) -> Outcome:
    """Record both sides of a case in `folder` and explain the difference with re-runs.

    Raises `UnavailableError` where the machine lacks what the case needs.
    """
    if case.processor and case.processor not in _processor():
        raise UnavailableError(f"the processor has no {case.processor}")
    started, store = time.monotonic(), Store(folder / "store")
    with _home(case, folder) as home:
        case.write(home / "one" / "project")
        a = record_side(case, case.a, store, home / "one" / "project", folder)
        second = home / "two" / "project" if case.moved else home / "one" / "project"
        if case.moved:
            shutil.copytree(home / "one" / "project", second)
        b = record_side(case, case.b, store, second, folder)
        found = explain(store, a, b, cache=folder / "cache", locate=True, attributed=True, told=told)
    return Outcome(
        case=case,
        explanation=found,
        wrong=tuple(_wrong(case, found)),
        seconds=time.monotonic() - started,
    )


@contextlib.contextmanager
def _home(case: Case, folder: Path) -> Iterator[Path]:
    """Give the folder in which the projects of a case lie."""
    if not case.tmpfs:
        yield folder
        return
    memory = Path("/dev/shm")  # noqa: S108  a folder of its own is made in it
    if not os.access(memory, os.W_OK):
        raise UnavailableError("there is no file system in memory")
    with tempfile.TemporaryDirectory(dir=memory, prefix="assay-case-") as made:
        yield Path(made)


def record_side(case: Case, side: Side, store: Store, project: Path, folder: Path) -> CommandRecord:
    """Change the project as a side has it, and record a run of it."""
    edit(project, side.edits)
    if side.arrange:
        side.arrange(project)
    variables = dict(side.variables)
    if side.packages:
        variables["PYTHONPATH"] = str(_packages(side.packages, folder / "packages"))
    command = ["train.py", *side.arguments]
    return record(store, project, command, folder / "cache", variables=variables, data=case.data)


def record(
    store: Store,
    project: Path,
    command: Sequence[str],
    cache: Path,
    *,
    variables: Mapping[str, str | None] = {},
    data: Sequence[str] = (),
) -> CommandRecord:
    """Record a Python program that must end well, each of its steps."""
    made, ended = record_command(
        store,
        Launch(
            argv=(sys.executable, *command),
            folder=project,
            variables=_variables(variables),
            hook=HookSettings(budget=None),
            quiet=True,
        ),
        data=[Path(name) for name in data],
        cache=cache,
    )
    if ended.exit_status != 0:
        raise AssertionError(f"{command[0]} failed: {ended.stderr.decode()[-2000:]}")
    return made


def _variables(changes: Mapping[str, str | None]) -> dict[str, str]:
    """Return an environment for programs: one thread, and nothing of the tests' own."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    kept |= {"OMP_NUM_THREADS": "1", "LANG": "C.UTF-8"}
    # Python tells compiled files by second and size, and a program is edited here within a second.
    kept["PYTHONDONTWRITEBYTECODE"] = "1"
    for name, value in changes.items():
        kept.pop(name, None)
        if value is not None:
            kept[name] = value
    return kept


def _packages(wanted: tuple[str, ...], folder: Path) -> Path:
    """Install packages into a folder of their own, once."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--only-binary", ":all:"]
    done = subprocess.run(
        [*command, "--target", str(folder), *wanted], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise UnavailableError(f"pip cannot get {' '.join(wanted)}")
    return folder


def _processor() -> list[str]:
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.exists() else []
    return next((line.split() for line in lines if line.startswith("flags")), [])


def _wrong(case: Case, found: Explanation) -> Iterator[str]:
    """Yield what is not as the case says."""
    if found.answer not in case.answer:
        yield f"the answer is '{found.answer}', not '{' or '.join(case.answer)}'"
    yield from _wrong_causes(case, found)
    first = found.first
    if case.first and (first is None or (first.kind, first.step, first.field) != case.first):
        place = (first.kind, first.step, first.field) if first else None
        yield f"the first difference is {place}, not {case.first}"
    operator = found.operator.operator if found.operator else None
    if case.operator and (operator is None or case.operator not in operator):
        yield f"the operator is {operator}, not {case.operator} ({found.operator_why_not})"
    for part in case.listed:
        if not any(part in one.text for one in found.differences):
            yield f"'{part}' is not listed"
    if any(part in found.paragraph for part in ("assay-explain", "assay-case", "/place/")):
        yield "the paragraph names a folder that is gone"
    if case.where not in found.paragraph:
        yield f"the paragraph does not say {case.where}"
    if found.attribution and found.attribution.runs > found.bound:
        yield f"{found.attribution.runs} re-runs, more than the bound of {found.bound}"


def _wrong_causes(case: Case, found: Explanation) -> Iterator[str]:
    """Yield where the named sets are not those that were planted."""
    texts = {one.id: one.text for one in found.differences}
    causes = found.attribution.causes if found.attribution else ()
    named = [[texts[one] for one in cause.ids] for cause in causes]
    if len(named) != len(case.causes):
        yield f"{len(named)} causes are named, not {len(case.causes)}: {named}"
        return
    for wanted in case.causes:
        if not any(_is(wanted, texts) for texts in named):
            yield f"{wanted} is not among the causes: {named}"
    wrong = [cause.kind for cause in causes if cause.kind != case.kind]
    if wrong:
        yield f"the cause is {wrong[0]}, not {case.kind}"


def _is(wanted: tuple[str, ...], texts: list[str]) -> bool:
    """Say whether each part is in one text, and each text has a part."""
    return len(wanted) == len(texts) and all(any(part in text for text in texts) for part in wanted)


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the table: what was planted, and what was found with how many re-runs.

    `blamed` are differences that were named and have no part; `searched` counts the re-runs of the search,
    `runs` all of them. `seconds` count both records and all re-runs.
    """

    name: str
    title: str
    skipped: str = ""
    wrong: tuple[str, ...] = ()
    answer: str = ""
    parted: str = ""
    named: str = ""
    blamed: tuple[str, ...] = ()
    searched: int = 0
    bound: int = 0
    runs: int = 0
    seconds: float = 0.0
    paragraph: str = ""


def row_of(outcome: Outcome) -> Row:
    """Return the line of a case."""
    case, found = outcome.case, outcome.explanation
    causes = found.attribution.causes if found.attribution else ()
    texts = {one.id: one.text for one in found.differences}
    wanted = [part for cause in case.causes for part in cause]
    named = [texts[one] for cause in causes for one in cause.ids]
    return Row(
        name=case.name,
        title=case.title,
        wrong=outcome.wrong,
        answer=found.answer,
        parted=parted(found.first) if found.first else "",
        named=_named(found),
        blamed=tuple(text for text in named if not any(part in text for part in wanted)),
        searched=found.attribution.runs if found.attribution else 0,
        bound=found.bound,
        runs=found.runs,
        seconds=outcome.seconds,
        paragraph=found.paragraph,
    )


def _named(found: Explanation) -> str:
    """Return at which levels what was named: an operator, a line, a cause, a proof."""
    parts = []
    if found.operator is not None and found.operator.operator != "line":
        parts.append(f"operator `{found.operator.operator}`")
    if found.operator is not None and found.operator.where:
        parts.append(f"line {found.operator.where}")
    if found.attribution is not None and found.attribution.causes:
        parts.append(f"cause ({found.attribution.causes[0].kind})")
    if found.proof is not None and found.proof.proved:
        parts.append("proof")
    sources = [source.where for one in found.repeatability for source in one.sources]
    return ", ".join([*parts, *(f"source {where}" for where in sources[:1])])
