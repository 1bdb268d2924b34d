"""Records both runs of a case, asks for an explanation, and says where it is not what must be named."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
from case import Case, Side, edit

from assay.capture.recording.launch import HookSettings, Launch
from assay.capture.recording.record import record_command
from assay.records.commands import CommandRecord
from assay.records.store import Store
from assay.verification.commands.attribute import worst_case
from assay.verification.commands.explain import explain
from assay.verification.commands.explanation import Explanation


class UnavailableError(Exception):
    """What a case needs is not on this machine; the text says what."""


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What was found for one case; `wrong` lists what is not as it must be."""

    case: Case
    explanation: Explanation
    wrong: tuple[str, ...]


def measure(case: Case, folder: Path, *, told: Callable[[str], None] = lambda _: None) -> Outcome:
    """Record both sides of a case in `folder` and explain the difference with re-runs.

    Raises `UnavailableError` where the machine lacks what the case needs.
    """
    if case.processor and case.processor not in _processor():
        raise UnavailableError(f"the processor has no {case.processor}")
    store, project = Store(folder / "store"), folder / "project"
    case.write(project)
    a, b = (record_side(case, side, store, project, folder) for side in (case.a, case.b))
    found = explain(store, a, b, cache=folder / "cache", locate=True, attributed=True, told=told)
    return Outcome(case=case, explanation=found, wrong=tuple(_wrong(case, found)))


def record_side(case: Case, side: Side, store: Store, project: Path, folder: Path) -> CommandRecord:
    """Change the project as a side has it, and record a run of it."""
    edit(project, side.edits)
    if side.arrange:
        side.arrange(project)
    variables = _variables(side.variables)
    if side.packages:
        variables["PYTHONPATH"] = str(_packages(side.packages, folder / "packages"))
    record, ended = record_command(
        store,
        Launch(
            argv=(sys.executable, "train.py", *side.arguments),
            folder=project,
            variables=variables,
            hook=HookSettings(budget=None),
            quiet=True,
        ),
        data=[Path(name) for name in case.data],
        cache=folder / "cache",
    )
    if ended.exit_status != 0:
        raise AssertionError(f"{case.name}: the program failed: {ended.stderr.decode()[-2000:]}")
    return record


def _variables(changes: dict[str, str | None]) -> dict[str, str]:
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


def _wrong(case: Case, found: Explanation):
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
    if case.where not in found.paragraph:
        yield f"the paragraph does not say {case.where}"
    if found.attribution and found.attribution.runs > found.bound:
        yield f"{found.attribution.runs} re-runs, more than the bound of {found.bound}"


def _wrong_causes(case: Case, found: Explanation):
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


def foreseen(found: Explanation) -> int:
    """Return the most re-runs that one cause of at most two differences costs."""
    usable = [one for one in found.differences if one.part != "not applicable"]
    return worst_case(len(usable), 2)
