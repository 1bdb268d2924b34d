"""Cards: what a task is, and what a number of a benchmark means."""

from __future__ import annotations

import msgspec

from assay.contracts.evaluation import Fidelity
from assay.contracts.problem import Signal
from assay.foundation.digest import digest_value

ORIGINS = ("measured", "simulated", "predicted", "counted", "scored")
"""How a number came to be: by a clock or meter, by a model of the hardware, by a fitted predictor, by
counting (parameters, operations), or by a score of the untrained network."""


class TaskCard(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True, forbid_unknown_fields=True):
    """A data set at a version with its split, preprocessing and metric, as its source states them.

    `family` groups tasks that are averaged first (one lineage of data); `lineage` names what the
    data derive from. What the source does not say is None.
    """

    name: str
    version: str
    title: str
    family: str
    lineage: tuple[str, ...]
    metric: str
    classes: int | None = None
    examples: int | None = None
    split: str | None = None
    preprocessing: str | None = None
    licence: str | None = None
    source: str | None = None


class SeedNote(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True, forbid_unknown_fields=True):
    """Which training seeds a number stands on. `policies` are the accepted ones, the default first."""

    seeds: tuple[int, ...]
    aggregated: bool
    policies: tuple[str, ...]
    note: str


class CostNote(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True, forbid_unknown_fields=True):
    """What one evaluation is charged: the column, its unit, and the rule that made it."""

    column: str
    unit: str
    rule: str


class TestNote(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True, forbid_unknown_fields=True):
    """The test metric that the vault holds, and the evidence that it is one."""

    __test__ = False  # not a pytest class

    metric: str
    split: str
    unit: str
    maximize: bool
    evidence: str


class ExtraNote(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True, forbid_unknown_fields=True):
    """What an open column that is no signal holds, such as a latency or a number of parameters.

    `origin` is one of `ORIGINS`; columns of different origin or on different devices are never pooled.
    """

    column: str
    title: str
    unit: str
    origin: str
    maximize: bool = False
    device: str | None = None


class ErrataNote(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True, forbid_unknown_fields=True):
    """Something about the source that a user of the number must know."""

    summary: str
    source: str


class ProtocolCard(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True, forbid_unknown_fields=True):
    """What a number of one benchmark means.

    `test` and `cost` are None where the source has none. `fidelities` are those that the signals are
    known at; the first is what a study evaluates at unless it says otherwise. With `prefix`, an epoch
    of a schedule continues an earlier one of the same schedule. `selection_on_test` says why a signal
    is a test metric; such a benchmark compares no methods, and serves studies of landscapes, of
    reliability and of proxies alone. `extra_notes` describe `extras`. `digest_of_source` maps each
    source file to its SHA-256, where its authors or this importer know it; `crossing` says whether the
    evaluation that crosses a budget in seconds counts.
    """

    benchmark: str
    version: int
    space: str
    task: TaskCard
    signals: tuple[Signal, ...]
    fidelities: tuple[Fidelity, ...]
    seeds: SeedNote
    test: TestNote | None
    no_test_because: str | None = None
    cost: CostNote | None
    extras: tuple[str, ...] = ()
    extra_notes: tuple[ExtraNote, ...] = ()
    selection_on_test: str | None = None
    crossing: str = "counted"
    prefix: bool = False
    source: str
    digest_of_source: dict[str, str]
    licence: str
    citation: str
    errata: tuple[ErrataNote, ...] = ()

    def meaning(self) -> str:
        """Return the digest of what decides a number, which is part of the identity of a run.

        Words for people are left out: a new erratum, or a typo mended in a citation, makes no new run.
        What changes the meaning of a number without changing any of this raises `version`.
        """
        task, test, cost = self.task, self.test, self.cost
        return digest_value(
            {
                "benchmark": self.benchmark,
                "version": self.version,
                "space": self.space,
                "task": [task.name, task.version],
                "signals": [
                    [one.name, one.metric, one.split, one.unit, one.maximize] for one in self.signals
                ],
                "fidelities": self.fidelities,
                "seeds": [list(self.seeds.seeds), list(self.seeds.policies)],
                "test": [test.metric, test.split, test.unit, test.maximize] if test else None,
                "cost": [cost.column, cost.unit] if cost else None,
                "crossing": self.crossing,
                "prefix": self.prefix,
            }
        )
