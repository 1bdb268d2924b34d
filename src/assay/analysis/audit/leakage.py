"""Rules about leakage: what a search, its signal or its training has seen of what it is scored on."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from assay.analysis.audit.columns import words
from assay.analysis.audit.facts import Facts, Source, StudyFacts
from assay.analysis.audit.finding import (
    DOUBTFUL,
    INVALIDATES,
    Doubt,
    Evidence,
    Rule,
    Severity,
    study_only,
    worst,
)
from assay.analysis.audit.origins import (
    origin_seen,
    same_column,
    same_origin,
    same_set,
    selected_by_test,
    sets_seen,
    signal_seen,
)
from assay.analysis.audit.sources import forbidden, is_code, strings
from assay.benchmarks.catalogue import card_of, expand
from assay.contracts.card import ProtocolCard
from assay.foundation.errors import AssayError
from assay.tasks.cards import TASKS

_SHORT = 4
# A point to start from may stand in code; a training set is more than that.
_INLINE = 3
_SCANNED = 4096


def _test_as_signal(facts: Facts) -> Doubt | None:
    found = _signal_of_study(facts.study) if facts.study else []
    if facts.table is not None:
        found = [*selected_by_test(facts.table), *same_column(facts.table)]
    return Doubt(INVALIDATES, "The search was steered by the test metric", found) if found else None


def _signal_of_study(study: StudyFacts) -> list[Evidence]:
    loaded = study.loaded
    wanted = loaded.study.protocol.signal
    place, line = study.key("protocol", "signal")
    found = []
    if "test" in words(wanted):
        found.append(Evidence(kind="key", place=place, line=line, text=f"the signal is '{wanted}'"))
    for name, card in study.cards.items():
        signal = next((one for one in card.signals if one.name == wanted), None)
        if signal is None:
            continue
        same = card.test is not None and card.test.split == signal.split
        if same or "test" in words(signal.split):
            text = f"the signal '{wanted}' is measured on '{signal.split}'" + (
                ", the split of the test metric" if same else ""
            )
            found.append(Evidence(kind="card", place=name, text=text))
    for name, method in loaded.study.methods.items():
        given = [f"{key} = {value!r}" for key, value in _texts(method.hyperparameters) if _is_test(value)]
        given += [f"argument {part!r}" for part in method.command or () if _is_test(part)]
        place, line = study.key("methods", name, "hyperparameters")
        found += [Evidence(kind="key", place=place, line=line, text=f"{name}: {text}") for text in given]
    return found


def _texts(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the texts among hyperparameters, those in lists and tables too, each with its key."""
    for key, value in values.items():
        if isinstance(value, str):
            yield key, value
        elif isinstance(value, dict):
            yield from _texts({f"{key}.{inner}": one for inner, one in value.items()})
        elif isinstance(value, list | tuple):
            yield from _texts({f"{key}[{i}]": one for i, one in enumerate(value)})


def _is_test(text: str) -> bool:
    return text.lower() == "test" or bool(forbidden("value.txt", f"\n{text}"))


def _test_in_code(facts: Facts) -> Doubt | None:
    found = [
        Evidence(
            kind="file", place=f"{one.path}:{seen.line}", line=seen.line, text=f"{one.method}: {seen.what}"
        )
        for one in (facts.study.sources if facts.study else ())
        if one.text is not None
        for seen in forbidden(one.path, one.text)
    ]
    title = "A method's own files reach for test metrics, or for tables beside the meter"
    return Doubt(INVALIDATES, title, found) if found else None


def _trained_on_evaluated(facts: Facts) -> Doubt | None:
    if facts.table is not None:
        same = list(same_set(facts.table))
        title = "What a method was trained on is what it is scored on"
        return Doubt(INVALIDATES, title, same) if same else None
    study = facts.study
    if study is None:
        return None
    found: list[tuple[Severity, Evidence]] = []
    for name in study.methods:
        evaluated = {arch for record in study.of(name) for arch in record.result.trajectory.archs}
        reported = {arch for record in study.of(name) for arch in record.result.recommendation}
        for place, line, kind, held, elsewhere in _held(study, name):
            both = reported & held
            seen = evaluated & held
            if not seen or elsewhere or (is_code(place) and len(seen) < _INLINE):
                continue
            severity = INVALIDATES if both else DOUBTFUL
            text = (
                f"{name} is given {len(seen):,} of the {len(evaluated):,} architectures that it evaluates"
                f"{f', {len(both):,} of the {len(reported):,} that it reports among them' if both else ''}"
            )
            found.append((severity, Evidence(kind=kind, place=place, line=line, text=text)))
    if not found:
        return None
    title = "A method was given the architectures that it is scored on"
    return Doubt(worst(one for one, _ in found), title, [one for _, one in found])


def _held(study: StudyFacts, name: str) -> Iterator[tuple[str, int | None, Any, set[str], bool]]:
    """Yield where a method is given texts, these texts, and whether they are of other tasks by name."""
    for one in study.sources:
        if one.method == name and one.text is not None:
            held = set(strings(one.path, one.text))
            yield one.path, None, "file", held, bool(_tasks_named(one)) and not _targets(study, one)
    method = study.loaded.study.methods.get(name)
    given = dict(_texts(method.hyperparameters)) if method is not None else {}
    place, line = study.key("methods", name, "hyperparameters")
    yield place, line, "key", set(given.values()), False


def _warm_start(facts: Facts) -> Doubt | None:
    if facts.table is not None:
        found = list(same_origin(facts.table))
        title = "A method was trained on, or started from, the task that it is scored on"
        return Doubt(INVALIDATES, title, found) if found else None
    study = facts.study
    if study is None:
        return None
    seen = [*_tuned_on_target(study), *_files_of_target(study), *_values_of_target(study)]
    if not seen:
        return None
    title = "A method starts from what is known of a task that it is scored on"
    return Doubt(worst(one for one, _ in seen), title, [one for _, one in seen])


def _tuned_on_target(study: StudyFacts) -> Iterator[tuple[Severity, Evidence]]:
    for name, method in study.loaded.study.methods.items():
        if method.tuning is None:
            continue
        try:
            on = expand([method.tuning.suite] if method.tuning.suite else list(method.tuning.benchmarks))
        except AssayError:
            continue
        place, line = study.key("methods", name, "tuning")
        for theirs, card in study.cards.items():
            for mine in on:
                shared = _shared(card_of(mine), card)
                if mine == theirs or shared:
                    origin = "the same" if mine == theirs else f"of one lineage: {', '.join(shared)}"
                    text = f"{name} is tuned on {mine} and reported on {theirs}: {origin}"
                    yield INVALIDATES, Evidence(kind="key", place=place, line=line, text=text)


def _shared(a: ProtocolCard, b: ProtocolCard) -> list[str]:
    return sorted({*a.task.lineage} & {*b.task.lineage})


def _files_of_target(study: StudyFacts) -> Iterator[tuple[Severity, Evidence]]:
    for one in study.sources:
        if not one.declared or is_code(one.path):
            for target in _full_names(study, one):
                text = f"{one.method}: the code names {target}, on which it is scored"
                yield DOUBTFUL, Evidence(kind="file", place=one.path, text=text)
            continue
        targets = _targets(study, one)
        for target in targets:
            text = f"{one.method}: the declared file names {target}, on which it is scored"
            yield INVALIDATES, Evidence(kind="file", place=one.path, text=text)
        for task in () if targets else _tasks_named(one):
            for name, card in study.cards.items():
                if shared := sorted({*TASKS[task].lineage} & {*card.task.lineage}):
                    text = f"{one.method}: the declared file names {task}, of one lineage with {name}: "
                    text += ", ".join(shared)
                    yield DOUBTFUL, Evidence(kind="file", place=one.path, text=text)


def _values_of_target(study: StudyFacts) -> Iterator[tuple[Severity, Evidence]]:
    for name, method in study.loaded.study.methods.items():
        place, line = study.key("methods", name, "hyperparameters")
        for key, value in _texts(method.hyperparameters):
            for target, card in study.cards.items():
                if target in value or value.lower() == card.task.name:
                    text = f"{name}: {key} = {value!r} names {target}, on which it is scored"
                    yield INVALIDATES, Evidence(kind="key", place=place, line=line, text=text)


def _full_names(study: StudyFacts, one: Source) -> list[str]:
    held = set(strings(one.path, one.text or "")) if is_code(one.path) else set()
    return [name for name in study.cards if name in held]


def _targets(study: StudyFacts, one: Source) -> list[str]:
    """Return the benchmarks of the study that a declared file names, in its path or at its beginning."""
    head = (one.text or "")[:_SCANNED].lower()
    tokens = set(re.split(r"[^a-z0-9_-]+", head)) | set(re.split(r"[^a-z0-9]+", head))
    named = set(_tasks_named(one))
    return [
        name
        for name, card in study.cards.items()
        if card.task.name in named
        or name in head
        or (len(card.task.name) >= _SHORT and card.task.name in tokens)
    ]


def _tasks_named(one: Source) -> list[str]:
    """Return the known tasks that a file names: in its path, or by family and task at its beginning."""
    path = set(re.split(r"[^a-z0-9]+", one.path.lower()))
    head = (one.text or "")[:_SCANNED].lower()
    return [
        name
        for name in TASKS
        if set(re.split(r"[^a-z0-9]+", name)) <= path
        or re.search(rf"[a-z0-9]/{re.escape(name)}(?![a-z0-9_-])", head)
    ]


RULES = (
    Rule(
        id="test-as-signal",
        about="test metric or test split as the signal of the search",
        why="What a search selects by is no longer a test: its test result is the best of many looks.",
        source="Kapoor and Narayanan, Patterns 2023 (no clean separation of the test set)",
        remedy="Search and stop by a validation signal, and ask for the test metric once, at the end.",
        find=_test_as_signal,
        sees=signal_seen,
        one_sided=True,
    ),
    Rule(
        id="test-in-code",
        about="files of a method that name a vault, a test column or a table beside the meter",
        why="Code that can read test values, or values that it is not charged for, can select by them.",
        source="Kapoor and Narayanan, Patterns 2023 (illegitimate features)",
        remedy="Remove the access, and evaluate through the session or the problem that the method is given.",
        find=_test_in_code,
        sees=study_only,
    ),
    Rule(
        id="trained-on-evaluated",
        about="architectures that a method was given and is then scored on",
        why="A predictor remembers what it was trained on: on unseen architectures it would do worse.",
        source="Kapoor and Narayanan, Patterns 2023 (no separation of training and test data)",
        remedy="Train on architectures that are never evaluated or reported, or charge them to the budget.",
        find=_trained_on_evaluated,
        sees=sets_seen,
        one_sided=True,
    ),
    Rule(
        id="warm-start",
        about="warm start from, or tuning on, the target task or data of its lineage",
        why="What is known of the target before the search is budget that the other methods did not have.",
        source="Lindauer and Hutter, JMLR 2020 (best practices for NAS); lineages of the protocol cards",
        remedy="Use other tasks of another lineage to start from or tune on, such as development-v1.",
        find=_warm_start,
        sees=origin_seen,
        one_sided=True,
    ),
)
