"""Tuning as a report shows it: what was chosen, by what, at which cost, and what it brought.

The choice is derived again from the recorded runs and held against the frozen one. What tuning
brought is read off on the benchmarks of the study, of which the choice knew nothing: the scores of
the tuning runs are those that chose, and the best of them is too good by that alone.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import msgspec

from assay.analysis.cells import SEARCH_SEEDS, Cells, reported_on, sign_of, unit_of
from assay.analysis.model import BenchmarkFacts
from assay.foundation.seeding import Stream
from assay.provenance.hyperparameters import encode_hyperparameters
from assay.records.store import Run, Store
from assay.statistics.basis import Basis, Result
from assay.statistics.differences import Difference, unpaired_difference
from assay.statistics.multiplicity import holm
from assay.statistics.table import Table
from assay.studies.choosing import TunedMethod, load_frozen
from assay.studies.tuned import Settled, TuningPlan, differing_choices
from assay.studies.tuning import TUNED_DEFAULT, configuration_text

SAME = "same configuration"
_OPTIMISM = (
    "the scores of the tuning runs chose the configuration, so that the best of them is too good; what "
    "tuning brought is read off on the study's benchmarks, by fresh runs on data of other lineage"
)


class ConfigurationScore(msgspec.Struct, frozen=True, kw_only=True):
    """One configuration that was run, with its mean normalised regret (less is better)."""

    text: str
    score: float | None
    runs: int
    default: bool
    chosen: bool


class Level(msgspec.Struct, frozen=True, kw_only=True):
    """One value of a hyperparameter: the mean score of the configurations that have it, and their number."""

    value: str
    mean: float
    configurations: int


class Sensitivity(msgspec.Struct, frozen=True, kw_only=True):
    """What a hyperparameter alone makes of the scores.

    `range` is between the largest and the least of the means of its levels, `fraction` the share of the
    variance of the scores between levels, and `by_chance` the share that as many levels have of
    scores that do not depend on it: (levels - 1) / (configurations - 1).
    """

    hyperparameter: str
    levels: tuple[Level, ...]
    range: float
    fraction: float | None
    by_chance: float | None


class MethodTuning(msgspec.Struct, frozen=True, kw_only=True):
    """The tuning of one method: what was run, what was chosen, what was charged.

    `digest` is that of the chosen hyperparameters as the runs choose them, None where they do not
    stand, and `frozen` as it was frozen. `earlier` counts the other choices frozen before.
    """

    method: str
    benchmarks: tuple[str, ...]
    configurations: tuple[ConfigurationScore, ...]
    digest: str | None
    frozen: str
    when: str
    earlier: int
    note: str
    evaluations: int
    table_seconds: float | None
    sensitivity: tuple[Sensitivity, ...]


class TuningGain(msgspec.Struct, frozen=True, kw_only=True):
    """Tuned against default on one benchmark of the study; positive favours the tuned configuration.

    `difference` is None where runs are lost or the configurations are one; `why` then says so.
    `adjusted` is its p-value after Holm's correction over all gains of the report.
    """

    method: str
    benchmark: str
    reported: str
    unit: str
    difference: Difference | None
    adjusted: float | None
    why: str = ""


class TuningReport(Result, frozen=True, kw_only=True):
    """The tuning of a study. `untuned` names the methods that run with the defaults they declare."""

    methods: tuple[MethodTuning, ...]
    gains: tuple[TuningGain, ...]
    untuned: tuple[str, ...]
    problems: tuple[str, ...]
    alpha: float = 0.05

    def sentence(self) -> str:
        """Return what tuning cost and what it brought."""
        spent = sum(one.evaluations for one in self.methods)
        told = [gain for gain in self.gains if gain.adjusted is not None and gain.adjusted <= self.alpha]
        up = sum(gain.difference is not None and gain.difference.mean > 0 for gain in told)
        known = sum(gain.difference is not None for gain in self.gains)
        names = ", ".join(one.method for one in self.methods)
        return (
            f"Tuning of {names} took {spent:,} evaluations; on the study's benchmarks the tuned "
            f"configuration is better than the default in {up} of {known} comparisons and worse in "
            f"{len(told) - up}, with Holm's correction; the others are not distinguished"
            + ("" if not self.problems else f". PROBLEM: {'; '.join(self.problems)}")
        )

    def table(self) -> Table:
        """Return default against tuned on each benchmark."""
        columns = ("method", "benchmark", "reported", "unit", "difference", "low", "high", "n", "p", "holm")
        rows = []
        for gain in self.gains:
            one = gain.difference
            numbers = (one.mean, one.low, one.high, min(one.n_a, one.n_b), one.p) if one else (None,) * 5
            what = gain.method, gain.benchmark, gain.reported, gain.unit
            rows.append((*what, *numbers, gain.adjusted, gain.why))
        return Table((*columns, "why"), rows)

    def scores(self) -> Table:
        """Return every configuration that was run, with its score."""
        return Table(
            ("method", "configuration", "mean normalised regret", "runs", "default", "chosen"),
            [
                (one.method, row.text, row.score, row.runs, str(row.default), str(row.chosen))
                for one in self.methods
                for row in one.configurations
            ],
        )

    def sensitivities(self) -> Table:
        """Return what each hyperparameter alone makes of the scores, level by level."""
        return Table(
            (
                "method",
                "hyperparameter",
                "value",
                "mean normalised regret",
                "configurations",
                "range",
                "fraction of variance",
                "by chance",
            ),
            [
                (
                    one.method,
                    found.hyperparameter,
                    level.value,
                    level.mean,
                    level.configurations,
                    found.range,
                    found.fraction,
                    found.by_chance,
                )
                for one in self.methods
                for found in one.sensitivity
                for level in found.levels
            ],
        )


def tuning_report(
    found: Settled,
    store: Store,
    runs: Mapping[str, Run],
    cells: Cells,
    facts: Mapping[str, BenchmarkFacts],
    *,
    alpha: float = 0.05,
) -> TuningReport | None:
    """Return what a report says of the tuning of a settled study; None where no method is tuned.

    `runs` are those of the store by id, `cells` and `facts` those of the study's own benchmarks.
    """
    if not found.tunings:
        return None
    study = found.loaded.study
    methods = tuple(_method(one, found, store, runs) for one in found.tunings)
    gains = _gains([one.method for one in found.tunings], found, cells, facts)
    tuned = {one.method for one in found.tunings}
    return TuningReport(
        methods=methods,
        gains=gains,
        untuned=tuple(name for name in study.methods if name.removesuffix(TUNED_DEFAULT) not in tuned),
        problems=tuple(differing_choices(found, runs, store)),
        alpha=alpha,
        basis=_basis(found, methods, gains, study.replicates, alpha),
    )


def _method(one: TuningPlan, found: Settled, store: Store, runs: Mapping[str, Run]) -> MethodTuning:
    frozen = load_frozen(store, found.loaded.study.name).find(one.digest)
    again = one.choice(runs)
    shown = again or frozen
    records = {cell.spec.run: runs[cell.spec.run].record for cell in one.plan.cells if cell.spec.run in runs}
    charged = [r for r in records.values() if one.plan.benchmarks[r.benchmark].charges_seconds]
    seconds = [cost for r in charged for cost in r.result.trajectory.column("cost").tolist()]
    return MethodTuning(
        method=one.method,
        benchmarks=tuple(one.plan.benchmarks),
        configurations=_configurations(shown),
        digest=again.choice.digest if again else None,
        frozen=frozen.choice.digest if frozen else "",
        when=frozen.when if frozen else "",
        earlier=frozen.earlier if frozen else 0,
        note=SAME if one.method in found.same else "",
        evaluations=sum(len(r.result.trajectory) for r in records.values()),
        table_seconds=math.fsum(seconds) if charged else None,
        sensitivity=sensitivity(shown) if shown else (),
    )


def _configurations(shown: TunedMethod | None) -> tuple[ConfigurationScore, ...]:
    if shown is None:
        return ()
    return tuple(
        ConfigurationScore(
            text=configuration_text(tried.values),
            score=tried.score,
            runs=len(tried.runs),
            default=i == 0,
            chosen=i == shown.chosen,
        )
        for i, tried in enumerate(shown.configurations)
    )


def sensitivity(tuned: TunedMethod) -> tuple[Sensitivity, ...]:
    """Return what each hyperparameter alone makes of the scores of the configurations that were run.

    These are main effects over what was run: with a sample of the grid, or a default off it, levels
    stand in unequal company, and the fractions of several hyperparameters may overlap.
    """
    scored = [(encode_hyperparameters(one.values), one.score) for one in tuned.configurations]
    known = [(values, score) for values, score in scored if score is not None]
    names = sorted({name for values, _ in known for name in values})
    return tuple(_sensitivity(name, [(v.get(name, "as declared"), s) for v, s in known]) for name in names)


def _sensitivity(name: str, scores: Sequence[tuple[str, float]]) -> Sensitivity:
    groups: dict[str, list[float]] = {}
    for value, score in scores:
        groups.setdefault(value, []).append(score)
    means = {value: math.fsum(own) / len(own) for value, own in groups.items()}
    overall = math.fsum(score for _, score in scores) / len(scores)
    total = math.fsum((score - overall) ** 2 for _, score in scores)
    between = math.fsum(len(own) * (means[value] - overall) ** 2 for value, own in groups.items())
    return Sensitivity(
        hyperparameter=name,
        levels=tuple(
            Level(value=value, mean=means[value], configurations=len(groups[value]))
            for value in sorted(groups, key=lambda text: (len(text), text))
        ),
        range=max(means.values()) - min(means.values()),
        fraction=min(between / total, 1.0) if total > 0.0 else None,
        by_chance=(len(groups) - 1) / (len(scores) - 1) if len(scores) > 1 else None,
    )


def _gains(
    tuned: Sequence[str], found: Settled, cells: Cells, facts: Mapping[str, BenchmarkFacts]
) -> tuple[TuningGain, ...]:
    methods = tuple(found.loaded.study.methods)
    gains = [
        _gain(method, facts[name], cells, methods, found)
        for method in tuned
        for name in facts
        if method not in found.pending
    ]
    known = {
        i: gain.difference.p
        for i, gain in enumerate(gains)
        if gain.difference is not None and gain.difference.p is not None
    }
    corrected = dict(zip(known, holm(list(known.values())).tolist(), strict=True))
    return tuple(msgspec.structs.replace(gain, adjusted=corrected.get(i)) for i, gain in enumerate(gains))


def _gain(
    method: str, facts: BenchmarkFacts, cells: Cells, methods: Sequence[str], found: Settled
) -> TuningGain:
    reported = reported_on(cells, facts, methods)
    gain = TuningGain(
        method=method,
        benchmark=facts.name,
        reported=reported,
        unit=unit_of(facts, reported),
        difference=None,
        adjusted=None,
    )
    if method in found.same:
        return msgspec.structs.replace(gain, why=SAME)
    default = f"{method}{TUNED_DEFAULT}"
    planned = found.loaded.study.replicates
    samples = [cells[facts.name, name].sample(reported) for name in (method, default)]
    lost = [max(planned - len(sample.values), sample.lost) for sample in samples]
    if any(lost):
        why = f"{lost[0]} of {planned} tuned and {lost[1]} default runs have no result"
        return msgspec.structs.replace(gain, why=why)
    sign = sign_of(facts, reported)
    difference = unpaired_difference(
        sign * samples[0].values,
        sign * samples[1].values,
        rng=Stream(found.loaded.study.seed, ("analysis", "tuning", facts.name, method)),
        varied=SEARCH_SEEDS,
        names=(method, default),
    )
    return msgspec.structs.replace(gain, difference=difference)


def _basis(
    found: Settled, methods: Sequence[MethodTuning], gains: Sequence[TuningGain], n: int, alpha: float
) -> Basis:
    cautions = [_OPTIMISM]
    cautions += [
        f"another configuration of {one.method} was frozen before, {one.earlier} times: whoever tunes again "
        "after seeing results has looked at them"
        for one in methods
        if one.earlier
    ]
    if found.loaded.study.tuning_budget == "declared":
        cautions.append("tuning budgets are declared, not equal: they are part of what is compared")
    return Basis(
        procedure="mean normalised regret of the signal, over replicates, benchmarks of a family, families",
        source="the choice: Assay; the differences: Welch, Biometrika 1947",
        n={
            "configurations": sum(len(one.configurations) for one in methods),
            "tuning runs": sum(row.runs for one in methods for row in one.configurations),
            "replicates of each difference": n,
        },
        varied=SEARCH_SEEDS,
        ties="of equal scores the earlier configuration, the default first",
        correction=f"Holm over {sum(gain.adjusted is not None for gain in gains)} differences at {alpha:g}",
        cautions=tuple(cautions),
    )
