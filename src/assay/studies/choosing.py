"""Which configuration the tuning runs choose, and the document in which the choice is frozen.

The score of a configuration is the normalised regret of the signal of what its runs recommend,
averaged over the replicates of a benchmark, then over the benchmarks of a family, then over families.
The least is chosen; of equals, the earlier. The test metric takes no part.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np

from assay.benchmarks.tabular import TableBenchmark
from assay.foundation import clock
from assay.foundation.documents import read_document, write_document
from assay.records.record import Record
from assay.records.store import Run, Store


class TunedConfiguration(msgspec.Struct, frozen=True, kw_only=True):
    """One configuration that was run: its values, the digest of all its hyperparameters, its runs.

    `score` is the mean normalised regret, less being better; None where a run recommends nothing that
    it has seen a finite signal of.
    """

    values: dict[str, Any]
    digest: str
    score: float | None
    runs: tuple[str, ...]


class TunedMethod(msgspec.Struct, frozen=True, kw_only=True):
    """The choice of one method. `plan` is the digest of the runs that it rests on.

    `chosen` is a place in `configurations`, of which the first is the default. `when` is the moment
    of freezing, and `earlier` counts the other choices that were frozen for this method before.
    """

    method: str
    plan: str
    benchmarks: tuple[str, ...]
    configurations: tuple[TunedConfiguration, ...]
    chosen: int
    when: str = ""
    earlier: int = 0

    @property
    def choice(self) -> TunedConfiguration:
        """The chosen configuration."""
        return self.configurations[self.chosen]

    @property
    def same(self) -> bool:
        """Whether the default was chosen."""
        return self.choice.digest == self.configurations[0].digest

    def agrees(self, other: TunedMethod) -> bool:
        """Say whether both choose the same configuration by the same scores of the same runs."""
        mine, theirs = (msgspec.structs.replace(one, when="", earlier=0, method="") for one in (self, other))
        return mine == theirs


class Frozen(msgspec.Struct, frozen=True, kw_only=True):
    """The choices of a study; format 1, in `studies/NAME/tuning.json` of the store."""

    methods: tuple[TunedMethod, ...] = ()
    format: int = 1

    def find(self, plan: str) -> TunedMethod | None:
        """Return the choice that rests on these runs, whatever the method is called."""
        return next((one for one in self.methods if one.plan == plan), None)


def load_frozen(store: Store, study: str) -> Frozen:
    """Return the choices that were frozen under a study's name; empty where there are none."""
    hint = "remove it, and the next run chooses again by the same runs"
    path = store.study_folder(study) / "tuning.json"
    return read_document(path, Frozen, 1, "the choices of a tuning", hint) or Frozen()


def freeze(store: Store, study: str, choices: Sequence[TunedMethod]) -> Frozen:
    """Freeze choices under a study's name, and return all that are frozen.

    What stands is left as it is; a choice that rests on other runs takes the place of the method's.
    """
    before = load_frozen(store, study)
    counts = {one.method: one.earlier + 1 for one in before.methods}
    kept = []
    for one in choices:
        found = before.find(one.plan)
        if found is not None:
            kept.append(msgspec.structs.replace(found, method=one.method))
        else:
            earlier = counts.get(one.method, 0)
            kept.append(msgspec.structs.replace(one, when=clock.now(), earlier=earlier))
    after = Frozen(methods=tuple(kept))
    if after != before:
        write_document(store.study_folder(study) / "tuning.json", after)
    return after


def score(
    runs: Mapping[str, Sequence[Run]],
    benchmarks: Mapping[str, TableBenchmark],
    signal: str,
    policy: str | None,
) -> float | None:
    """Return the score of a configuration from its runs on each benchmark; None where one has no number."""
    families: dict[str, list[float]] = {}
    for name, own in runs.items():
        regrets = [regret_of(run.record, benchmarks[name], signal, policy) for run in own]
        known = [regret for regret in regrets if regret is not None]
        if len(known) < len(regrets):
            return None
        families.setdefault(benchmarks[name].card.task.family, []).append(_mean(known))
    return _mean([_mean(means) for means in families.values()])


def regret_of(record: Record, benchmark: TableBenchmark, signal: str, policy: str | None) -> float | None:
    """Return the normalised regret of what a run recommends, by the signal that it saw.

    It is (best - v) / (best - reference): 0 for the best of the space, 1 for its median architecture.
    """
    value = recommended_value(record)
    best, reference = benchmark.best(signal, policy), benchmark.reference(signal, policy)
    return None if value is None or best == reference else (best - value) / (best - reference)


def recommended_value(record: Record) -> float | None:
    """Return the mean signal that the run itself saw of what it recommends; None if it saw none."""
    trajectory = record.result.trajectory
    places = {arch: i for i, arch in enumerate(trajectory.archs)}
    codes = trajectory.column("code")
    values = trajectory.own_values()
    seen = []
    for arch in record.result.recommendation:
        of_arch = values[codes == places[arch]] if arch in places else np.empty(0)
        finite = of_arch[np.isfinite(of_arch)]
        if not finite.size:
            return None
        seen.append(float(finite.mean()))
    return float(np.mean(seen)) if seen else None


def choose(scores: Sequence[float | None]) -> int | None:
    """Return the place of the least score, the earlier of equals; None where there is no score."""
    known = [(score, i) for i, score in enumerate(scores) if score is not None]
    return min(known)[1] if known else None


def _mean(values: Sequence[float]) -> float:
    """Return a mean that does not depend on the order of its parts."""
    return math.fsum(values) / len(values)
