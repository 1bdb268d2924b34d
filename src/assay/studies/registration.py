"""Registration: the plan of a study, written down before there are data, and deviations from it.

Format 1, `NAME.registration.json` beside the study file `NAME.toml`. The file holds the digest of its
own content, so that an edit is noticed; whoever edits it on purpose can make the digest fit again, and
only an outside witness (see `witness.py`) shows that it was not.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import msgspec

from assay.benchmarks.catalogue import expand
from assay.capture.secrets import scrub_shapes
from assay.contracts.problem import Budget
from assay.foundation import clock
from assay.foundation.digest import digest_value
from assay.foundation.documents import Format, refuse_newer, write_document
from assay.foundation.errors import AssayError, CorruptError, StudyError, UsageError
from assay.studies.history import History, looks
from assay.studies.load import LoadedStudy
from assay.studies.methods import check_values, method_door
from assay.studies.racing import Racing
from assay.studies.study import AnyClaim, Protocol, PublishedTable
from assay.studies.tuning import EQUAL

SUFFIX = ".registration.json"
FORMAT = 1

_SETTINGS = ("replicates", "budget", "seed", "exclusions", "stopping", "tuning_budget", "racing")


class Hypothesis(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A claim as registered: its kind, all that it says, defaults too, and its digest."""

    kind: str
    claim: dict[str, Any]
    digest: str


class RegisteredMethod(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A method as written, without its label, and the digest of the identity of its code."""

    method: dict[str, Any]
    code: str


class Meaning(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All of a study that decides what its numbers mean; names, labels and comments are not in it."""

    hypotheses: tuple[Hypothesis, ...]
    exclusions: tuple[str, ...]
    stopping: str
    methods: dict[str, RegisteredMethod]
    benchmarks: tuple[str, ...]
    budget: Budget
    replicates: int
    seed: int
    protocol: Protocol
    tuning_budget: str = EQUAL
    published: dict[str, PublishedTable] = {}
    racing: Racing | None = None


class Registration(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The plan of a study as registered, when, and by which Assay.

    `meaning` is the digest of `plan`, `digest` that of all the rest of the registration.
    """

    study: str
    question: str
    plan: Meaning
    meaning: str
    when: str
    assay_version: str
    digest: str
    format: int = FORMAT


def register(loaded: LoadedStudy) -> Registration:
    """Return the registration of a study as it stands; opens no table and runs nothing."""
    plan = meaning_of(loaded)
    _refuse_secrets(loaded)
    made = Registration(
        study=loaded.study.name,
        question=loaded.study.question,
        plan=plan,
        meaning=digest_value(plan),
        when=clock.now(),
        assay_version=metadata.version("assay"),
        digest="",
    )
    return msgspec.structs.replace(made, digest=_digest(msgspec.to_builtins(made)))


def meaning_of(loaded: LoadedStudy) -> Meaning:
    """Return what of a study is registered. Raises for unknown benchmarks and unreadable code."""
    study = loaded.study
    place = "benchmarks" if study.suite is None else "suite"
    try:
        benchmarks = expand([study.suite] if study.suite is not None else list(study.benchmarks))
    except UsageError as error:
        raise error.at(loaded.where(place)) from None
    return Meaning(
        hypotheses=tuple(_hypothesis(claim) for claim in study.claims),
        exclusions=study.plan.exclusions,
        stopping=study.plan.stopping,
        methods={name: _method(loaded, name) for name in study.methods},
        benchmarks=tuple(benchmarks),
        budget=study.budget,
        replicates=study.replicates,
        seed=study.seed,
        protocol=study.protocol,
        tuning_budget=study.tuning_budget,
        published=study.published,
        racing=study.racing,
    )


def registration_path(loaded: LoadedStudy) -> Path:
    """Return where the registration of a study stands: beside its file."""
    if loaded.path is None:
        return loaded.folder / f"study{SUFFIX}"
    return loaded.path.with_suffix(SUFFIX)


def load_registration(path: Path) -> Registration | None:
    """Return the registration at `path`, or None; raises `CorruptError` if it was edited after writing."""
    return intact(path.read_bytes(), path) if path.exists() else None


def intact(data: bytes, path: Path) -> Registration:
    """Return the registration in these bytes.

    Raises `VersionError` for a newer format, and `CorruptError` for what is none or was edited: the
    digests are over what stands there, whatever this version would write.
    """
    where = str(path)
    try:
        refuse_newer(msgspec.json.decode(data, type=Format).format, FORMAT, "a registration", path)
        found = msgspec.json.decode(data, type=Registration)
        raw = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise CorruptError("a registration cannot be read", where=where, why=str(error)) from None
    if (found.digest, found.meaning) != (_digest(raw), digest_value(raw["plan"])):
        raise CorruptError(
            "the registration was edited after it was written",
            where=where,
            why="its digest is not that of its content",
            hint="restore the file as it was written; a changed plan is registered anew with --out",
        )
    return found


def save_registration(path: Path, registration: Registration) -> None:
    """Write a registration where there is none; raises `UsageError` where there is one."""
    if path.exists():
        raise UsageError(
            "a registration is never overwritten", where=str(path), hint="--out names another file"
        )
    write_document(path, registration)


def registered_claims(registration: Registration | None) -> frozenset[str]:
    """Return the digests of the claims that were registered."""
    hypotheses = registration.plan.hypotheses if registration else ()
    return frozenset(hypothesis.digest for hypothesis in hypotheses)


def deviations(
    registration: Registration, loaded: LoadedStudy, history: History, witnessed: str | None = None
) -> tuple[str, ...]:
    """Return in words how a study, as it stands and as it was run, departs from its registration.

    `witnessed` is the moment at which an outside witness saw the registration, where one told it: runs
    from before it could have been known when the plan was written, whatever the file says.
    """
    return (
        *_run_before(registration.when, "the registration was written", history),
        *(_run_before(witnessed, "the registration was witnessed", history) if witnessed else []),
        *(f"look: {look}" for look in looks(history)),
        *changes(registration.plan, meaning_of(loaded)),
    )


def changes(before: Meaning, after: Meaning) -> tuple[str, ...]:
    """Return in words what differs between two plans."""
    return (
        *_settings(before, after),
        *_names("benchmark", before.benchmarks, after.benchmarks),
        *_methods(before.methods, after.methods),
        *_hypotheses(before.hypotheses, after.hypotheses),
        *_names("published table", before.published, after.published),
        *(
            f"published table {name} changed"
            for name, table in before.published.items()
            if after.published.get(name, table) != table
        ),
    )


def _refuse_secrets(loaded: LoadedStudy) -> None:
    """Raise for what must not be in a file that is meant for others."""
    study = loaded.study
    for name, method in study.methods.items():
        check_values(loaded, name, method)
    for text in (study.question, study.plan.stopping, *study.plan.exclusions):
        if scrub_shapes(text) != text:
            raise StudyError("the plan holds what looks like a secret", where=loaded.where("plan"))


def _digest(said: Mapping[str, Any]) -> str:
    return digest_value({key: value for key, value in said.items() if key != "digest"})


def _hypothesis(claim: AnyClaim) -> Hypothesis:
    said = {name: msgspec.to_builtins(getattr(claim, name)) for name in claim.__struct_fields__}
    return Hypothesis(kind=claim.kind, claim=said, digest=digest_value(claim))


def _method(loaded: LoadedStudy, name: str) -> RegisteredMethod:
    method = loaded.study.methods[name]
    try:
        _, identity = method_door(loaded, method)
    except AssayError as error:
        raise error.at(loaded.where("methods", name)) from None
    return RegisteredMethod(
        method=_written(msgspec.structs.replace(method, label=None)), code=digest_value(identity)
    )


def _written(value: msgspec.Struct) -> dict[str, Any]:
    """Return the fields that differ from their defaults, so that a later field changes no old digest."""
    return {
        field.name: msgspec.to_builtins(found)
        for field in msgspec.structs.fields(value)
        if (found := getattr(value, field.name)) not in (None, (), {}, field.default)
    }


def _run_before(moment: str, what: str, history: History) -> list[str]:
    early = [planned.when for planned in history.plans if planned.when < moment]
    if not early:
        return []
    return [f"the study was run on {early[0][:10]}, before {what} ({moment})"]


def _settings(before: Meaning, after: Meaning) -> list[str]:
    found = []
    for name in _SETTINGS:
        old, new = getattr(before, name), getattr(after, name)
        if old != new:
            words = {"stopping": "stopping rule", "tuning_budget": "tuning budget"}.get(name, name)
            found.append(f"{words}: {_shown(old)} -> {_shown(new)}")
    for name in Protocol.__struct_fields__:
        old, new = getattr(before.protocol, name), getattr(after.protocol, name)
        if old != new:
            found.append(f"protocol.{name}: {_shown(old)} -> {_shown(new)}")
    return found


def _names(kind: str, before: Iterable[str], after: Iterable[str]) -> list[str]:
    old, new = list(before), list(after)
    return [f"{kind} {name} added" for name in new if name not in old] + [
        f"{kind} {name} dropped" for name in old if name not in new
    ]


def _methods(before: Mapping[str, RegisteredMethod], after: Mapping[str, RegisteredMethod]) -> list[str]:
    found = _names("method", before, after)
    for name, old in before.items():
        new = after.get(name)
        if new is None:
            continue
        found += [f"method {name}: {change}" for change in _changed(old.method, new.method)]
        if old.code != new.code:
            found.append(f"method {name}: its code changed")
    return found


def _hypotheses(before: Iterable[Hypothesis], after: Iterable[Hypothesis]) -> list[str]:
    """Say which claims changed: a claim about the same methods is the same one with another margin."""
    old = {hypothesis.digest: hypothesis for hypothesis in before}
    new = {hypothesis.digest: hypothesis for hypothesis in after}
    gone = [hypothesis for digest, hypothesis in old.items() if digest not in new]
    come = [hypothesis for digest, hypothesis in new.items() if digest not in old]
    found = []
    for earlier in gone:
        later = next((one for one in come if _subject(one) == _subject(earlier)), None)
        if later is None:
            found.append(f"claim dropped: {_subject(earlier)}")
        else:
            come.remove(later)
            told = ", ".join(_changed(earlier.claim, later.claim))
            found.append(f"claim changed: {_subject(earlier)}: {told}")
    return found + [f"claim added: {_subject(one)}" for one in come]


def _subject(hypothesis: Hypothesis) -> str:
    keys = ("better", "method", "methods", "order", "than", "among")
    named = [_shown(hypothesis.claim[key]) for key in keys if key in hypothesis.claim]
    return f"{hypothesis.kind}, {' against '.join(named)}"


def _changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    return [
        f"{key} {_shown(before.get(key))} -> {_shown(after.get(key))}"
        for key in dict.fromkeys([*before, *after])
        if before.get(key) != after.get(key)
    ]


def _shown(value: Any) -> str:
    if value is None or value in ("", (), []):
        return "none"
    if isinstance(value, Budget):
        return value.text()
    if isinstance(value, list | tuple):
        return ", ".join(_shown(item) for item in value)
    if isinstance(value, dict):
        return ", ".join(f"{key} {_shown(item)}" for key, item in value.items())
    return f"{value:g}" if isinstance(value, float) else str(value)
