"""The tuning of a study: a study of its own for each tuned method, run before the rest.

The tuning of a method X is a study on other benchmarks, of one method for each configuration, with
the same machinery, the same store, and a root of seeds of its own. What it chooses is frozen; then the
study itself is settled: X has the chosen configuration, and X@default what it would have had.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from assay.benchmarks.catalogue import card_of, expand
from assay.foundation.digest import digest_value
from assay.foundation.errors import AssayError, IntegrityError, StudyError
from assay.provenance.hyperparameters import encode_hyperparameters
from assay.records.store import Run, Store
from assay.strategies.catalogue import resolve
from assay.studies.cell import opened
from assay.studies.choosing import (
    Frozen,
    TunedConfiguration,
    TunedMethod,
    choose,
    freeze,
    load_frozen,
    score,
)
from assay.studies.load import LoadedStudy
from assay.studies.methods import plan_methods
from assay.studies.plan import Cell, Plan, make_plan
from assay.studies.requirements import open_benchmarks
from assay.studies.study import Method, Study
from assay.studies.tuning import (
    EQUAL,
    TUNED_DEFAULT,
    Configuration,
    Tuning,
    choose_configurations,
    configuration_text,
    tuning_root,
)


class TuningPlan(msgspec.Struct, frozen=True, kw_only=True):
    """The tuning of one method: its configurations, the default first, and the plan of their runs."""

    method: str
    tuning: Tuning
    configurations: tuple[Configuration, ...]
    names: tuple[str, ...]
    plan: Plan

    @property
    def digest(self) -> str:
        """The digest of the runs that the choice rests on."""
        return digest_value(sorted(cell.spec.run for cell in self.plan.cells))

    @property
    def amount(self) -> float:
        """What the tuning may spend on each benchmark, in the unit of its budget."""
        budget = self.plan.loaded.study.budget
        each = budget.evaluations if budget.evaluations is not None else budget.table_seconds or 0.0
        return len(self.configurations) * self.tuning.replicates * each

    def text(self) -> str:
        """Return the cost of the tuning in words."""
        study = self.plan.loaded.study
        benchmarks = len(self.plan.benchmarks)
        unit = "evaluations" if study.budget.evaluations is not None else "table seconds"
        return (
            f"{len(self.configurations)} configurations x {study.replicates} replicates x {benchmarks} "
            f"{'benchmark' if benchmarks == 1 else 'benchmarks'} x {study.budget.text()} = "
            f"{self.amount * benchmarks:,g} {unit}"
        )

    def choice(self, runs: Mapping[str, Run]) -> TunedMethod | None:
        """Return what recorded runs choose; None where one of them does not stand, or none has a score."""
        if not all(cell.spec.run in runs and runs[cell.spec.run].stands for cell in self.plan.cells):
            return None
        cells: dict[str, list[Cell]] = {name: [] for name in self.names}
        for cell in self.plan.cells:
            cells[cell.method].append(cell)
        tried = tuple(
            self._tried(configuration, cells[name], runs)
            for configuration, name in zip(self.configurations, self.names, strict=True)
        )
        chosen = choose([one.score for one in tried])
        if chosen is None:
            return None
        return TunedMethod(
            method=self.method,
            plan=self.digest,
            benchmarks=tuple(self.plan.benchmarks),
            configurations=tried,
            chosen=chosen,
        )

    def _tried(
        self, configuration: Configuration, cells: Sequence[Cell], runs: Mapping[str, Run]
    ) -> TunedConfiguration:
        protocol = self.plan.loaded.study.protocol
        on: dict[str, list[Run]] = {}
        for cell in cells:
            on.setdefault(cell.benchmark, []).append(runs[cell.spec.run])
        return TunedConfiguration(
            values=configuration,
            digest=cells[0].spec.components.hyperparameters,
            score=score(on, self.plan.benchmarks, protocol.signal, protocol.seeds),
            runs=tuple(cell.spec.run for cell in cells),
        )


class Settled(msgspec.Struct, frozen=True, kw_only=True):
    """A study as it runs: what was chosen is put in, and no method is left to be tuned.

    `pending` names the methods whose configuration is not chosen yet: `loaded` leaves them out. `same`
    names those of which the default was chosen, so that they stand there once.
    """

    loaded: LoadedStudy
    tunings: tuple[TuningPlan, ...] = ()
    pending: tuple[str, ...] = ()
    same: tuple[str, ...] = ()


def settle(
    loaded: LoadedStudy, store: Store | None, cache: Path, *, rerun: frozenset[str] = frozenset()
) -> Settled:
    """Return a study as it runs, by the choices that are frozen in the store.

    A choice counts only where it rests on the very runs that the study plans now. Raises what planning
    raises, and `StudyError` for tuning that is not fair: see `plan_tuning`.
    """
    if all(method.tuning is None for method in loaded.study.methods.values()):
        return Settled(loaded=loaded)
    tunings = plan_tuning(loaded, store, cache, rerun=rerun)
    frozen = load_frozen(store, loaded.study.name) if store else None
    choices = {one.method: frozen.find(one.digest) if frozen else None for one in tunings}
    methods: dict[str, Method] = {}
    for name, method in loaded.study.methods.items():
        if method.tuning is None:
            methods[name] = method
            continue
        plain = msgspec.structs.replace(method, tuning=None)
        choice = choices[name]
        if choice is not None:
            methods[name] = plain if choice.same else _with(plain, choice.choice.values)
        if choice is None or not choice.same:
            label = f"{method.label or name}, defaults"
            methods[f"{name}{TUNED_DEFAULT}"] = msgspec.structs.replace(plain, label=label)
    study = msgspec.structs.replace(loaded.study, methods=methods)
    return Settled(
        loaded=msgspec.structs.replace(loaded, study=study),
        tunings=tunings,
        pending=tuple(name for name, choice in choices.items() if choice is None),
        same=tuple(name for name, choice in choices.items() if choice is not None and choice.same),
    )


def settled(loaded: LoadedStudy, store: Store, cache: Path) -> Settled:
    """Return a study as it runs; refuses one that is not tuned yet."""
    found = settle(loaded, store, cache)
    if found.pending:
        raise StudyError(
            f"no configuration is chosen yet for {', '.join(found.pending)}",
            where=loaded.where("methods", found.pending[0], "tuning"),
            why="the choice rests on runs that are not in the store, or was not frozen",
            hint=f"assay run {loaded.path or 'the study'}",
        )
    return found


def plan_tuning(
    loaded: LoadedStudy, store: Store | None, cache: Path, *, rerun: frozenset[str] = frozenset()
) -> tuple[TuningPlan, ...]:
    """Plan the tuning of each tuned method against what the store holds.

    Raises `StudyError` for a benchmark of the study, or one of its lineage, among those tuned on, and
    for unequal tuning budgets where the study does not declare them.
    """
    study = loaded.study
    if all(method.tuning is None for method in study.methods.values()):
        return ()
    root = tuning_root(study.seed)
    held = expand([study.suite] if study.suite is not None else list(study.benchmarks))
    plans = []
    for name, method in study.methods.items():
        if method.tuning is None:
            continue
        try:
            derived, configurations = _derived(loaded, name, method, method.tuning, root, cache)
            plan = make_plan(derived, store, cache, rerun=rerun)
        except AssayError as error:
            raise error.at(loaded.where("methods", name, "tuning")) from None
        _refuse_overlap(loaded, name, plan.benchmarks, held)
        plans.append(
            TuningPlan(
                method=name,
                tuning=method.tuning,
                configurations=tuple(configurations),
                names=tuple(derived.study.methods),
                plan=plan,
            )
        )
    if study.tuning_budget == EQUAL:
        _refuse_unequal(loaded, plans)
    return tuple(plans)


def freeze_choices(
    loaded: LoadedStudy, tunings: Sequence[TuningPlan], store: Store
) -> tuple[TunedMethod, ...]:
    """Freeze what the tuning runs choose; refuses a frozen choice that is not theirs."""
    runs = store.runs()
    found = []
    for one in tunings:
        choice = one.choice(runs)
        if choice is None:
            raise IntegrityError(
                f"no configuration can be chosen for '{one.method}'",
                where=loaded.where("methods", one.method, "tuning"),
                why="attempts of a tuning run disagree, or no configuration recommends what it has seen",
            )
        found.append(choice)
    wrong = differing(found, load_frozen(store, loaded.study.name))
    if wrong:
        raise IntegrityError(
            wrong[0],
            where=str(store.study_folder(loaded.study.name) / "tuning.json"),
            hint="remove it, and the next run chooses again by the same runs",
        )
    return freeze(store, loaded.study.name, found).methods


def differing_choices(found: Settled, runs: Mapping[str, Run], store: Store) -> list[str]:
    """Name what is wrong with the frozen choices of a settled study, held against its tuning runs."""
    name = found.loaded.study.name
    choices = {one.method: one.choice(runs) for one in found.tunings}
    lost = [
        f"the choice of a configuration for '{method}' cannot be repeated: its runs do not stand"
        for method, choice in choices.items()
        if choice is None
    ]
    return lost + differing([one for one in choices.values() if one is not None], load_frozen(store, name))


def differing(choices: Sequence[TunedMethod], frozen: Frozen) -> list[str]:
    """Name the frozen choices that are not what the same runs choose."""
    found = []
    for one in choices:
        before = frozen.find(one.plan)
        if before is not None and not before.agrees(one):
            found.append(
                f"the frozen choice for '{one.method}' is not what its runs choose: "
                f"{configuration_text(before.choice.values)} is frozen, and they choose "
                f"{configuration_text(one.choice.values)}"
            )
    return found


def together(loaded: LoadedStudy, tunings: Sequence[TuningPlan]) -> Plan:
    """Return the tuning of all methods as one plan, each run once, so that workers share it."""
    plans = [one.plan for one in tunings]
    cells = {cell.spec.run: cell for plan in plans for cell in plan.cells}
    due = {due.cell.spec.run: due for plan in plans for due in plan.due}
    study = msgspec.structs.replace(
        loaded.study,
        name=f"{loaded.study.name}, tuning",
        methods={name: method for plan in plans for name, method in plan.loaded.study.methods.items()},
        claims=(),
    )
    return Plan(
        loaded=msgspec.structs.replace(loaded, study=study),
        methods=tuple(method for plan in plans for method in plan.methods),
        benchmarks={name: one for plan in plans for name, one in plan.benchmarks.items()},
        cells=tuple(cells.values()),
        due=tuple(due.values()),
        documents={digest: part for plan in plans for digest, part in plan.documents.items()},
        blobs={digest: blob for plan in plans for digest, blob in plan.blobs.items()},
    )


def _derived(
    loaded: LoadedStudy, name: str, method: Method, tuning: Tuning, root: int, cache: Path
) -> tuple[LoadedStudy, list[Configuration]]:
    """Return the study that tunes a method, and its configurations."""
    plain = msgspec.structs.replace(method, tuning=None)
    study = Study(
        name=f"{loaded.study.name}.tuning.{name}",
        methods={name: plain},
        budget=tuning.budget or loaded.study.budget,
        benchmarks=tuning.benchmarks,
        suite=tuning.suite,
        replicates=tuning.replicates,
        seed=root,
        protocol=msgspec.structs.replace(loaded.study.protocol, assessment="none"),
    )
    # Without a path: what is wrong with it stands in the block of the method, which the caller names.
    derived = LoadedStudy(study=study, folder=loaded.folder)
    space, default = _resolved(derived, name, tuning.space, cache)
    configurations = choose_configurations(space, default, tuning.configurations, root)
    methods = {
        f"{name}[{configuration_text(one)}]": plain if i == 0 else _with(plain, one)
        for i, one in enumerate(configurations)
    }
    study = msgspec.structs.replace(study, methods=methods)
    return msgspec.structs.replace(derived, study=study), configurations


def _resolved(
    derived: LoadedStudy, name: str, space: Mapping[str, Sequence[Any]], cache: Path
) -> tuple[dict[str, list[Any]], Configuration]:
    """Return the values of the space as the method takes them, and its default of each."""
    (plan,), _ = plan_methods(derived, open_benchmarks(derived, cache))
    given = derived.study.methods[name].hyperparameters
    values = {key: list(listed) for key, listed in space.items()}
    if plan.door.kind != "command":
        with opened(plan.door) as entry:
            values = {
                key: [resolve(entry, {**given, key: one}, "space")[0][key] for one in listed]
                for key, listed in space.items()
            }
    for key, listed in values.items():
        if len({str(encode_hyperparameters({key: one})) for one in listed}) < len(listed):
            raise StudyError(f"a value of '{key}' is listed twice", where=f"space.{key}")
    return values, {key: plan.hyperparameters[key] for key in space if key in plan.hyperparameters}


def _with(method: Method, values: Mapping[str, Any]) -> Method:
    return msgspec.structs.replace(method, hyperparameters={**method.hyperparameters, **values})


def _refuse_overlap(loaded: LoadedStudy, name: str, tuned_on: Mapping[str, Any], held: Sequence[str]) -> None:
    """Refuse to tune on what the study reports, or on data of the same origin."""
    for mine in tuned_on:
        for theirs in held:
            shared = sorted({*card_of(mine).task.lineage} & {*card_of(theirs).task.lineage})
            if shared or mine == theirs:
                raise StudyError(
                    f"'{name}' would be tuned on {mine}, and the study reports {theirs}",
                    where=loaded.where("methods", name, "tuning"),
                    why=f"both are of one lineage: {', '.join(shared)}" if shared else "they are the same",
                    hint='tune on suite = "development-v1", and report suite = "held-out-v1"',
                )


def _refuse_unequal(loaded: LoadedStudy, plans: Sequence[TuningPlan]) -> None:
    """Refuse tuning budgets that differ: configurations x replicates x budget, on the same benchmarks."""
    first, *others = plans
    for other in others:
        same = (first.plan.loaded.study.budget.evaluations is None) == (
            other.plan.loaded.study.budget.evaluations is None
        )
        if same and first.amount == other.amount and set(first.plan.benchmarks) == set(other.plan.benchmarks):
            continue
        raise StudyError(
            f"'{first.method}' and '{other.method}' have unequal tuning budgets",
            where=loaded.where("methods", other.method, "tuning"),
            why=f"{first.method}: {first.text()}; {other.method}: {other.text()}",
            hint="make configurations x replicates x budget equal on the same benchmarks, or say "
            'tuning_budget = "declared" at the head of the study',
        )
