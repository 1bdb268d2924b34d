"""The report as data: one JSON file, from which every other form of the report is made.

Format "assay-report", version 2: UTF-8 JSON with sorted keys and one space of indentation. It holds
no moment of building and no place on disk, so that equal content gives equal bytes. Version 1 has no
`judgement`; it is still read, and written again as it was. Within `judgement` a number that is not
finite is an object such as {"not finite": "nan"}, since JSON has no word for it; elsewhere there is none.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from msgspec import UNSET, UnsetType

from assay.analysis.judgement import Judgement
from assay.analysis.model import (
    Analysis,
    BenchmarkFacts,
    Counts,
    MethodInfo,
    Mileage,
    Step,
    VerificationSummary,
)
from assay.contracts.card import ProtocolCard
from assay.foundation.digest import digest_bytes
from assay.foundation.errors import CorruptError, StoreError, UsageError, VersionError
from assay.foundation.files import write_atomic
from assay.foundation.seeding import StreamUse
from assay.provenance.components import CodeEvidence, CodeIdentity, DataIdentity, Environment

FORMAT = "assay-report"
VERSION = 2

_NOT_FINITE = "not finite"
_FLOATS = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}

STATES = ("met", "not met", "not recorded", "not applicable")

# The places of a report that a step of the lifecycle may give as its evidence.
ANCHORS = (
    "#lifecycle",
    "#counts",
    "#results",
    "#claims",
    "#comparison",
    "#luck",
    "#effects",
    "#stability",
    "#tuning",
    "#registration",
    "#regret",
    "#ranks",
    "#cost",
    "#cards",
    "#code",
    "#data",
    "#environment",
    "#hyperparameters",
    "#seeds",
    "#mileage",
    "#verification",
    "#failures",
    "#repeat",
)


class StudyFacts(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The study in words. `digest` is that of the study file; `notes` say what extended it.

    `searched_at` and `reported_at` are fidelities: the first is there where a study searches or reports
    at another one than the first of a card, the second where it reports at another than it searches at.
    """

    name: str
    question: str
    digest: str
    protocol: str
    budget: str
    assay_version: str
    notes: tuple[str, ...] = ()
    searched_at: str | UnsetType = UNSET
    reported_at: str | UnsetType = UNSET


class EnvironmentUse(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An environment, the digest of its arithmetic, and how many reported runs ran in it."""

    arithmetic: str
    runs: int
    environment: Environment


class StreamGroup(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Streams whose names begin alike: how many there are, and the words drawn from all of them."""

    path: str
    streams: int
    draws: int


class SeedFacts(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The root seed, the scheme that turns names into streams, and what was drawn."""

    root: int
    scheme: str
    replicates: int
    streams: tuple[StreamGroup, ...] = ()


class Components(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Four of the five components of the reported runs; hyperparameters stand with the methods."""

    code: tuple[CodeIdentity, ...]
    evidence: tuple[CodeEvidence, ...]
    data: tuple[DataIdentity, ...]
    environments: tuple[EnvironmentUse, ...]
    seeds: SeedFacts


class FailedRun(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A planned run that gave no result, and the error that ended it."""

    run: str
    method: str
    benchmark: str
    replicate: int
    error: str


class Command(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A literal command, and what it does."""

    purpose: str
    line: str


class ReportDocument(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All that a report says. The order of `methods` decides their colours, markers and columns."""

    study: StudyFacts
    lifecycle: tuple[Step, ...]
    counts: Counts
    methods: tuple[MethodInfo, ...]
    benchmarks: tuple[BenchmarkFacts, ...]
    analysis: Analysis
    cards: tuple[ProtocolCard, ...]
    components: Components
    mileage: tuple[Mileage, ...]
    verification: VerificationSummary | None
    failures: tuple[FailedRun, ...]
    how_to_repeat: tuple[Command, ...]
    judgement: Judgement | UnsetType = UNSET
    format: str = FORMAT
    version: int = VERSION

    def judged(self) -> Judgement:
        """Return the judgement, an empty one where there is none."""
        return Judgement() if self.judgement is UNSET else self.judgement


class _Head(msgspec.Struct):
    format: str
    version: int


def encode_document(document: ReportDocument) -> bytes:
    """Return the bytes of `report.json`.

    Raises `UsageError` for a number that is not finite, and for a result of a method or benchmark
    that the document does not list.
    """
    _refuse_unlisted(document)
    plain = msgspec.to_builtins(document, enc_hook=_listed, order="sorted")
    judgement = plain.pop("judgement", None)
    _refuse_not_finite(plain, "report")
    if judgement is not None:
        plain["judgement"] = _named(judgement)
    return msgspec.json.format(msgspec.json.encode(plain, order="sorted"), indent=1) + b"\n"


def decode_document(data: bytes, where: str = "report.json") -> ReportDocument:
    """Return the document of these bytes.

    Raises `VersionError` for a newer format, `CorruptError` for what is not a report.
    """
    try:
        head = msgspec.json.decode(data, type=_Head)
        if head.format != FORMAT:
            raise CorruptError(f"this is not a report: its format is '{head.format}'", where=where)
        if head.version > VERSION:
            raise VersionError(
                f"the report has version {head.version}; this Assay reads up to version {VERSION}",
                where=where,
                hint="upgrade Assay, or build the report again with this version",
            )
        plain = msgspec.json.decode(data)
        if "judgement" in plain:
            plain["judgement"] = _unnamed(plain["judgement"])
        document = msgspec.convert(plain, ReportDocument, dec_hook=_array)
        _refuse_unlisted(document)
        return document
    except UsageError as error:
        raise CorruptError("the report contradicts itself", where=where, why=error.what) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        why = str(error)
        raise CorruptError("the report is not what its format prescribes", where=where, why=why) from None


def write_document(document: ReportDocument, path: Path) -> str:
    """Write `report.json`, whole or not at all, and return the digest of its bytes."""
    data = encode_document(document)
    write_atomic(path, data)
    return digest_bytes(data)


def read_document(path: Path) -> ReportDocument:
    """Read `report.json`; raises `StoreError`, and what `decode_document` raises."""
    try:
        data = path.read_bytes()
    except OSError as error:
        why = error.strerror or str(error)
        raise StoreError("cannot read the report", where=str(path), why=why) from error
    return decode_document(data, where=str(path))


def group_streams(uses: Iterable[StreamUse], names: int = 2) -> tuple[StreamGroup, ...]:
    """Return the streams grouped by the first `names` names of their paths, in the order of those."""
    groups: dict[str, tuple[int, int]] = {}
    for use in uses:
        head = " / ".join(str(name) for name in use.path[:names])
        path = f"{head} / …" if len(use.path) > names else head
        streams, draws = groups.get(path, (0, 0))
        groups[path] = (streams + 1, draws + use.draws)
    return tuple(
        StreamGroup(path=path, streams=groups[path][0], draws=groups[path][1]) for path in sorted(groups)
    )


def _refuse_unlisted(document: ReportDocument) -> None:
    """Raise for results of a method or benchmark that is not listed and would have no column."""
    analysis = document.analysis
    methods = {method.name for method in document.methods}
    benchmarks = {facts.name for facts in document.benchmarks}
    used = [row.method for row in analysis.results]
    used += [curve.method for curve in analysis.curves]
    used += [cost.method for cost in analysis.costs]
    used += [row.method for row in analysis.ranks.rows] if analysis.ranks else []
    if unlisted := sorted(set(used) - methods):
        raise UsageError(f"the report has results of the method '{unlisted[0]}', which it does not list")
    places = {row.benchmark for row in analysis.results} | {curve.benchmark for curve in analysis.curves}
    if unlisted := sorted(places - benchmarks):
        raise UsageError(f"the report has results of the benchmark '{unlisted[0]}', which it does not list")


def _refuse_not_finite(value: Any, path: str) -> None:
    """Raise for NaN and infinity, which JSON has no word for and msgspec would write as null."""
    if isinstance(value, float):
        if not math.isfinite(value):
            raise UsageError("the report holds a number that is not finite", where=path, why=f"it is {value}")
    elif isinstance(value, dict):
        for key, item in value.items():
            _refuse_not_finite(item, f"{path}.{key}")
    elif isinstance(value, list | tuple):
        for i, item in enumerate(value):
            _refuse_not_finite(item, f"{path}[{i}]")


def _named(value: Any) -> Any:
    """Return the same value with an object for every number that JSON has no word for."""
    if isinstance(value, float):
        return value if math.isfinite(value) else {_NOT_FINITE: str(value)}
    if isinstance(value, dict):
        return {key: _named(item) for key, item in value.items()}
    return [_named(item) for item in value] if isinstance(value, list | tuple) else value


def _unnamed(value: Any) -> Any:
    """Return the value of which `_named` made this one."""
    if isinstance(value, dict):
        if value.keys() == {_NOT_FINITE} and value[_NOT_FINITE] in _FLOATS:
            return _FLOATS[value[_NOT_FINITE]]
        return {key: _unnamed(item) for key, item in value.items()}
    return [_unnamed(item) for item in value] if isinstance(value, list) else value


def _listed(value: Any) -> Any:
    """Return NumPy's arrays and numbers as lists and plain numbers."""
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    raise NotImplementedError(f"{type(value).__name__} has no form in a report")


def _array(kind: type, value: Any) -> Any:
    if kind is np.ndarray:
        return np.asarray(value)
    raise NotImplementedError(f"{kind.__name__} has no form in a report")
