"""The page about the safeguard: tables of what was caught, and every miss with its cause."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from assay.verification.commands.verdict import rate_interval
from mutations.mutators import MUTATORS
from mutations.projects import PROJECTS
from mutations.records import RECORD_MUTATORS, RecordMutation
from mutations.study import Caught

HEAD = """\
# What the safeguard catches

Records, and programs with their data, were changed at random, and what `assay verify` and `assay explain`
say of it was counted. `python scripts/mutations.py --results FILE` repeats it; every draw follows from its
seed, here {seed}. Intervals are exact 95 % intervals of a share (Clopper and Pearson 1934). They hold for
mutations of these kinds in programs like these, and say nothing about how often people make them.

## Programs and data

{count} mutants of five programs, each recorded beside the unchanged program:

{programs}

A half of them is mutated in place, as people edit, the other half in a copy beside it. What a program
printed, wrote and ended with is compared byte by byte without Assay. Where that and every recorded step is
as before, a mutant is *equivalent*: there is nothing to catch, and it counts in no share below.

- *identity*: the run has another id, of all mutants whose code, data or arguments differ. An id is told
  before anything is repeated.
- *verdict*: a record that says the mutated program gave the unchanged result is not called identical.
- *named*: `assay explain --locate --attribute` names the mutation as the one cause, by re-runs.

"""
CONTROLS = """
Controls, of which nothing may be flagged: {controls}.
"""
RECORDS = """
## Records

{count} mutations of a record and of what it keeps. *Sealed anew*: the record was changed and digested
again. *Forged*: every digest in it was made to fit. *Refused*: it is not read at all. *Reported*: it is
repeated, and the verdict is not `identical`. *Same*: all that is read is as before.

"""
ASIDE = """
Of {only} mutants of data in a declared folder that were made in place, the bytes that the first run read are
gone. `explain` says so, lists the changed files and no others, and tries nothing; they are not counted as
named. Of {alike} equivalent mutants, {flagged} were flagged by the verdict or by `explain`. {quiet} mutants
changed recorded steps and no result.
"""
FORGERY = """
A record is not signed. Who changes the program, runs that, and files what it did under the old name has made
another record, with another identity: that is told apart by its id only.
"""


def page(caught: Sequence[Caught], records: Sequence[RecordMutation], *, seed: int) -> tuple[str, list[str]]:
    """Return the page, and what was missed, each with its place."""
    missed = [text for one in caught for text in misses(one)]
    missed += _record_misses(records)
    parts = [
        HEAD.format(seed=seed, count=len(caught), programs=_programs(caught)),
        _table(caught),
        CONTROLS.format(controls=_controls(caught)),
        _aside(caught),
    ]
    if records:
        parts += [RECORDS.format(count=len(records)), _record_table(records), FORGERY]
    parts += ["\n## Misses\n\n", *(f"- {text}\n" for text in missed or ["None."])]
    return "".join(parts), missed


def misses(one: Caught) -> list[str]:
    """Return what is not as it must be of one mutant, in words."""
    mutator = _mutator(one)
    head = f"{one.project}, {one.mutator}: {one.text.replace('|', '/')}"
    if one.error:
        return [f"{head}: an error: {one.error}"]
    if mutator.expected == "nothing":
        return [f"{head}: flagged, though nothing differs"] if _flagged(one) or one.identity else []
    found = []
    if mutator.expected == "identity" and not one.identity:
        found.append(f"{head}: the identity does not differ")
    if mutator.expected == "same result" and one.result:
        found.append(f"{head}: the result differs")
    if one.result and not one.verdict:
        found.append(f"{head}: the verdict is {one.word}, though the result differs")
    if one.equivalent and _flagged(one):
        found.append(f"{head}: flagged ({one.word}, {one.answer}), though nothing that it did differs")
    if not one.equivalent and one.named not in ("exactly", "only"):
        found.append(f"{head}: {one.answer}, named: {one.named}. {one.told}")
    return found


def _record_misses(records: Iterable[RecordMutation]) -> list[str]:
    """Return the mutations of records that went unnoticed, those of one kind and outcome together."""
    kinds: dict[tuple[str, str], list[RecordMutation]] = {}
    for one in records:
        if one.outcome in ("missed", "crashed"):
            kinds.setdefault((one.mutator, one.outcome), []).append(one)
    return [
        f"{name}: {len(own)} {outcome}, such as number {own[0].number}, {own[0].text}: {own[0].why}"
        for (name, outcome), own in kinds.items()
    ]


def _flagged(one: Caught) -> bool:
    return one.verdict or one.answer != "identical"


def _mutator(one: Caught):
    return next(mutator for mutator in MUTATORS if mutator.name == one.mutator)


def _programs(caught: Sequence[Caught]) -> str:
    counts = Counter(one.project for one in caught)
    lines = [f"- {project.title}: {counts[project.name]}\n" for project in PROJECTS]
    return "".join(lines).rstrip("\n")


def _table(caught: Sequence[Caught]) -> str:
    rows = []
    tested = [one for one in caught if _mutator(one).expected != "nothing"]
    for mutator in (one for one in MUTATORS if one.expected != "nothing"):
        own = [one for one in tested if one.mutator == mutator.name]
        rows.append([mutator.title, *_cells(own)])
    rows.append(["all", *_cells(tested)])
    return _markdown(["mutation", "mutants", "equivalent", "identity", "verdict", "named"], rows)


def _cells(own: Sequence[Caught]) -> list[str]:
    different = [one for one in own if _mutator(one).expected in ("identity", "same result")]
    effective = [one for one in own if not one.equivalent]
    changed = [one for one in own if one.result or one.trace]
    return [
        str(len(own)),
        str(len(own) - len(effective)),
        _share(different, lambda one: one.identity),
        _share(changed, lambda one: one.verdict),
        _share(effective, lambda one: one.named == "exactly"),
    ]


def _share(own: Sequence[Caught], holds: Callable[[Caught], bool]) -> str:
    if not own:
        return ""
    count = sum(map(holds, own))
    low, high = rate_interval(count, len(own))
    return f"{count} of {len(own)} ({100 * low:.0f} to {100 * high:.0f} %)"


def _controls(caught: Iterable[Caught]) -> str:
    own = [one for one in caught if _mutator(one).expected == "nothing"]
    wrong = sum(bool(misses(one)) for one in own)
    _, high = rate_interval(wrong, len(own)) if own else (0.0, 1.0)
    return f"{wrong} of {len(own)} comments and line breaks were (at most {100 * high:.0f} %)"


def _aside(caught: Sequence[Caught]) -> str:
    """Say what the shares do not: data that is gone, and equivalent mutants that were flagged."""
    only = [one for one in caught if one.named == "only"]
    flagged = sum(_flagged(one) for one in caught if one.equivalent)
    quiet = sum(one.trace and not one.result for one in caught)
    alike = sum(one.equivalent for one in caught)
    return ASIDE.format(only=len(only), flagged=flagged, alike=alike, quiet=quiet)


def _record_table(records: Sequence[RecordMutation]) -> str:
    outcomes = ("refused", "reported", "same", "missed", "crashed")
    rows = []
    for name in (*(name for name, _, _ in RECORD_MUTATORS), "all"):
        own = [one for one in records if name in (one.mutator, "all")]
        counts = Counter(one.outcome for one in own)
        harmful = len(own) - counts["same"]
        good = counts["refused"] + counts["reported"]
        low, high = rate_interval(good, harmful) if harmful else (0.0, 1.0)
        rows.append(
            [
                name,
                str(len(own)),
                *(str(counts[outcome]) for outcome in outcomes),
                f"{good} of {harmful} ({100 * low:.0f} to {100 * high:.0f} %)" if harmful else "",
            ]
        )
    return _markdown(["mutation", "", *outcomes, "caught"], rows)


def _markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
