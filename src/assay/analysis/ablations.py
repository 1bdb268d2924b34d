"""Ablations: methods, and studies of one store, that differ in exactly one component, side by side.

What differs in two components or more is listed as confounded: no difference between such a pair says
which of them made it.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from assay.analysis.arms import METHOD_ROLES, Arm, Change, changes
from assay.analysis.cells import (
    SEARCH_SEEDS,
    SIGNAL,
    TEST,
    Cells,
    metric_of,
    reported_on,
    sign_of,
    unit_of,
)
from assay.analysis.model import BenchmarkFacts
from assay.benchmarks.catalogue import card_of
from assay.contracts.card import ProtocolCard
from assay.foundation.digest import digest_value
from assay.foundation.errors import AssayError, IntegrityError
from assay.foundation.seeding import Stream
from assay.provenance.components import CodeIdentity, DataIdentity, ProtocolIdentity, SeedIdentity
from assay.records.record import Record
from assay.records.store import Run, Store
from assay.statistics.differences import Difference, unpaired_differences
from assay.statistics.multiplicity import holm
from assay.statistics.table import Table
from assay.studies.choosing import recommended_value
from assay.studies.plan import Plan
from assay.tasks.ledger import Ledger

_NO_SCALE = "the two report different quantities: there is no common scale"
_LOST = "runs were lost, so that there is no mean that speaks for all"


class AblationRow(msgspec.Struct, frozen=True, kw_only=True):
    """b minus a on one benchmark, larger being better: what the change brings.

    `difference` is None where there is nothing to compare; `why` then says so. `adjusted` is Holm's p
    over all rows that have a test.
    """

    benchmark: str
    metric: str
    unit: str
    difference: Difference | None
    adjusted: float | None
    why: str = ""


class Ablation(msgspec.Struct, frozen=True, kw_only=True):
    """Two configurations `a` and `b`, and all that sets them apart.

    With one change it is an ablation of that component, and `rows` has a row for each common benchmark;
    with more the pair is confounded, and `rows` is empty. `kind` is that of the one change, else
    'confounded'.
    """

    a: str
    b: str
    kind: str
    changes: tuple[Change, ...]
    rows: tuple[AblationRow, ...]

    @property
    def confounded(self) -> bool:
        """Whether two components or more differ."""
        return len(self.changes) > 1

    def text(self) -> str:
        """Return the pair and what sets it apart, on one line."""
        return f"{self.a} -> {self.b}: {'; '.join(change.text() for change in self.changes)}"


def ablation_table(found: Sequence[Ablation]) -> Table:
    """Return one row for each ablation and benchmark, and one for each confounded pair."""
    columns = (
        "a",
        "b",
        "kind",
        "changes",
        "benchmark",
        "metric",
        "unit",
        "b minus a",
        "low",
        "high",
        "n of a",
    )
    rows: list[tuple[str | int | float | None, ...]] = []
    for one in found:
        head = one.a, one.b, one.kind, "; ".join(change.text() for change in one.changes)
        for row in one.rows:
            d = row.difference
            numbers = (None,) * 6 if d is None else (d.mean, d.low, d.high, d.n_b, d.n_a, row.adjusted)
            rows.append((*head, row.benchmark, row.metric, row.unit, *numbers, row.why))
        if not one.rows:
            rows.append((*head, *(None,) * 10))
    return Table((*columns, "n of b", "p, Holm over all ablations", "why not"), rows)


def ablations(plan: Plan, cells: Cells, facts: Mapping[str, BenchmarkFacts]) -> tuple[Ablation, ...]:
    """Return every pair of methods of a study, those that differ in exactly one component first.

    A study gives all its methods one protocol and one root seed, so that they differ in code and
    hyperparameters alone. Replicates are independent samples.
    """
    methods = [method.name for method in plan.methods]
    arms: dict[str, list[Arm]] = {}
    seen: set[tuple[str, str]] = set()
    for cell in plan.cells:
        if (cell.method, cell.benchmark) in seen:
            continue
        seen.add((cell.method, cell.benchmark))
        parts, benchmark = cell.spec.components, facts[cell.benchmark]
        reported = reported_on(cells, benchmark, methods)
        sample = cells[cell.benchmark, cell.method].sample(reported)
        arm = Arm(
            name=cell.method,
            benchmark=cell.benchmark,
            code=plan.documents[parts.code],
            data=plan.documents[parts.data],
            hyperparameters=plan.documents[parts.hyperparameters],
            protocol=plan.documents[parts.protocol],
            root=plan.loaded.study.seed,
            values=sample.values,
            lost=sample.lost,
            maximize=sign_of(benchmark, reported) > 0.0,
            metric=metric_of(benchmark, reported),
            unit=unit_of(benchmark, reported),
            reports=reported,
        )
        arms.setdefault(cell.benchmark, []).append(arm)
    return _tabulated(arms, Stream(plan.loaded.study.seed, ("analysis", "ablations")), related_only=False)


def store_ablations(store: Store) -> tuple[Ablation, ...]:
    """Return every pair of configurations of a store that differ in exactly one component on a benchmark.

    Configurations are recognised by the identities in the records, whatever the studies that made them
    are called: also those of tuning. Confounded pairs are listed where both run the same method. The test
    metric is compared where every completed run of both has it, else the signal, and that only under one
    seed policy, fidelity and table. Records of which the identity is gone from the store are left out.
    """
    arms: dict[str, list[Arm]] = {}
    groups = _grouped(store.runs().values())
    tests = {entry.seal: entry.values for entry in _entries(store)}
    roots: dict[str, SeedIdentity | None] = {}
    for (benchmark, code, data, hyperparameters, protocol), runs in sorted(groups.items()):
        identity = _read(store, code, data, hyperparameters, protocol)
        if identity is None:
            continue
        by_root: dict[int, list[Run]] = {}
        for run in runs:
            digest = run.record.components.seeds
            if digest not in roots:
                roots[digest] = _part(store, digest, SeedIdentity)
            seeds = roots[digest]
            if seeds is not None:
                by_root.setdefault(seeds.root, []).append(run)
        for root, own in sorted(by_root.items()):
            arms.setdefault(benchmark, []).append(_recorded_arm(benchmark, identity, root, own, tests))
    return _tabulated(arms, Stream(0, ("analysis", "ablations")), related_only=True)


class _Identity(msgspec.Struct, frozen=True, kw_only=True):
    code: tuple[CodeIdentity, ...]
    data: DataIdentity
    hyperparameters: dict[str, str]
    protocol: ProtocolIdentity


def _grouped(runs: Iterable[Run]) -> dict[tuple[str, str, str, str, str], list[Run]]:
    """Return runs by all that is not their seed; those in conflict have no result to compare."""
    groups: dict[tuple[str, str, str, str, str], list[Run]] = {}
    for run in runs:
        if run.conflict:
            continue
        parts = run.record.components
        key = run.record.benchmark, parts.code, parts.data, parts.hyperparameters, parts.protocol
        groups.setdefault(key, []).append(run)
    return groups


def _entries(store: Store) -> Sequence[Any]:
    try:
        return tuple(Ledger(store.folder).entries())
    except IntegrityError:
        return ()  # `assay verify` says what is wrong with a ledger


def _part(store: Store, digest: str, kind: Any) -> Any:
    try:
        return store.objects.get_value(digest, kind)
    except (AssayError, msgspec.DecodeError):
        return None


def _read(store: Store, code: str, data: str, hyperparameters: str, protocol: str) -> _Identity | None:
    kinds = (tuple[CodeIdentity, ...], DataIdentity, dict[str, str], ProtocolIdentity)
    parts = [
        _part(store, digest, kind)
        for digest, kind in zip((code, data, hyperparameters, protocol), kinds, strict=True)
    ]
    if any(part is None for part in parts):
        return None
    return _Identity(code=parts[0], data=parts[1], hyperparameters=parts[2], protocol=parts[3])


def _recorded_arm(
    benchmark: str, identity: _Identity, root: int, runs: Sequence[Run], tests: Mapping[str, Sequence[float]]
) -> Arm:
    completed = sorted(
        (run.record for run in runs if run.completed), key=lambda record: (record.replicate, record.run)
    )
    tested = [tests.get(record.seal().digest()) for record in completed]
    reported = TEST if tested and all(tested) else SIGNAL
    values = [_value(record, reported, tests) for record in completed]
    known = [value for value in values if value is not None and np.isfinite(value)]
    card, protocol = card_of(benchmark), identity.protocol
    metric, unit, maximize = _meaning(card, protocol.signal, reported)
    under = (protocol.signal, protocol.policy, protocol.fidelity.text(), identity.data.table)
    return Arm(
        name=_name(identity, root),
        benchmark=benchmark,
        code=identity.code,
        data=identity.data,
        hyperparameters=identity.hyperparameters,
        protocol=protocol,
        root=root,
        values=np.array(known, dtype=np.float64),
        lost=len(runs) - len(known),
        maximize=maximize,
        metric=metric,
        unit=unit,
        reports=TEST if reported == TEST else digest_value([SIGNAL, *under]),
    )


def _value(record: Record, reported: str, tests: Mapping[str, Sequence[float]]) -> float | None:
    if reported == SIGNAL:
        return recommended_value(record)
    return float(np.mean(tests[record.seal().digest()]))


def _meaning(card: ProtocolCard, signal: str, reported: str) -> tuple[str, str, bool]:
    if reported == TEST and card.test is not None:
        return card.test.metric, card.test.unit, card.test.maximize
    found = next((one for one in card.signals if one.name == signal), card.signals[0])
    return found.metric, found.unit, found.maximize


def _name(identity: _Identity, root: int) -> str:
    """Return what a configuration is called: its method, with all that others of the method may not share."""
    method = next((one.name for one in identity.code if one.role in METHOD_ROLES), "")
    values = ", ".join(f"{name} = {text}" for name, text in identity.hyperparameters.items())
    return f"{Path(method).name or method}({values}), {identity.protocol.budget.text()}, seed {root}"


def _tabulated(arms: Mapping[str, Sequence[Arm]], rng: Stream, *, related_only: bool) -> tuple[Ablation, ...]:
    """Compare the arms of each benchmark, and put the same pair on all its benchmarks together."""
    found: dict[tuple[str, str, tuple[Change, ...]], list[tuple[Arm, Arm]]] = {}
    for benchmark in sorted(arms):
        listed = sorted(arms[benchmark], key=lambda arm: arm.name)
        for a, b in itertools.combinations(listed, 2):
            apart = changes(a, b)
            other = a.method != b.method
            if not apart or (related_only and other and len(apart) > 1):
                continue
            found.setdefault((a.name, b.name, apart), []).append((a, b))
    single = {key: pairs for key, pairs in found.items() if len(key[2]) == 1}
    rows = iter(_rows([pair for pairs in single.values() for pair in pairs], rng))
    made = [
        Ablation(
            a=a,
            b=b,
            kind=apart[0].kind if len(apart) == 1 else "confounded",
            changes=apart,
            rows=tuple(itertools.islice(rows, len(pairs))) if len(apart) == 1 else (),
        )
        for (a, b, apart), pairs in found.items()
    ]
    made.sort(key=lambda one: (len(one.changes), one.kind, one.changes, one.a, one.b))
    return _corrected(made)


def _rows(pairs: Sequence[tuple[Arm, Arm]], rng: Stream) -> list[AblationRow]:
    """Return a row for each pair of arms; all tests share their draws."""
    rows = [
        AblationRow(
            benchmark=a.benchmark,
            metric=a.metric,
            unit=a.unit,
            difference=None,
            adjusted=None,
            why=_why_not(a, b),
        )
        for a, b in pairs
    ]
    places = [i for i, row in enumerate(rows) if not row.why]
    samples = [_samples(*pairs[i]) for i in places]
    names = [(pairs[i][1].name, pairs[i][0].name) for i in places]
    for i, difference in zip(
        places, unpaired_differences(samples, rng=rng, varied=SEARCH_SEEDS, names=names), strict=True
    ):
        rows[i] = msgspec.structs.replace(rows[i], difference=difference)
    return rows


def _samples(a: Arm, b: Arm) -> tuple[np.ndarray, np.ndarray]:
    """Return b and a, larger being better."""
    sign = 1.0 if a.maximize else -1.0
    return sign * b.values, sign * a.values


def _why_not(a: Arm, b: Arm) -> str:
    if a.reports != b.reports:
        return _NO_SCALE
    if a.lost or b.lost:
        return _LOST
    return "" if len(a.values) and len(b.values) else "no run has a result yet"


def _corrected(found: Sequence[Ablation]) -> tuple[Ablation, ...]:
    """Put in Holm's p over all rows of all ablations."""
    tested = [
        (i, j, row.difference.p)
        for i, one in enumerate(found)
        for j, row in enumerate(one.rows)
        if row.difference is not None and row.difference.p is not None
    ]
    adjusted = {
        (i, j): p for (i, j, _), p in zip(tested, holm([p for *_, p in tested]).tolist(), strict=True)
    }
    return tuple(
        msgspec.structs.replace(
            one,
            rows=tuple(
                msgspec.structs.replace(row, adjusted=adjusted.get((i, j))) for j, row in enumerate(one.rows)
            ),
        )
        for i, one in enumerate(found)
    )
