"""The body of `assay plan-replicates`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from assay.analysis.cells import make_cells
from assay.analysis.gather import gather_facts, gather_runs
from assay.analysis.power import ClaimedPair, claimed_pairs
from assay.analysis.reading.read import read_table
from assay.analysis.replicates import (
    Pilot,
    PlannedTask,
    ReplicatePlanning,
    pairs_of,
    plan,
    recorded_pilots,
    simulated_pilot,
)
from assay.analysis.scoring import study_scores
from assay.cli.output import give, give_json, table, visible
from assay.foundation.errors import UnknownNameError, UsageError
from assay.foundation.places import cache_folder, store_folder
from assay.records.store import Store
from assay.studies.load import LoadedStudy, load_study
from assay.studies.plan import Plan, make_plan
from assay.studies.tuned import settle


def plan_replicates(
    path: Path,
    store_path: Path | None,
    *,
    effect: float,
    power: float,
    alpha: float,
    pair: str | None,
    task: str | None,
    json: bool,
) -> int:
    """Print how many replicates an effect needs, from a study or a table; return the exit status."""
    asked = _pair(pair)
    if path.suffix == ".toml":
        found = _of_study(load_study(path), store_path, asked, task, (effect, power, alpha))
    else:
        found = _of_table(path, asked, task, (effect, power, alpha))
    give_json(found) if json else _show(found)
    return 0


def _pair(text: str | None) -> tuple[str, str] | None:
    if text is None:
        return None
    names = [name.strip() for name in text.split(",")]
    if len(names) != 2 or not all(names):
        raise UsageError("a pair is two names with a comma between", why=f"got '{text}'", hint="--pair A,B")
    return names[0], names[1]


def _of_table(
    path: Path, asked: tuple[str, str] | None, task: str | None, wanted: tuple[float, float, float]
) -> ReplicatePlanning:
    read = read_table(path)
    scores = read.scores.only(tasks=_only(task, read.scores.tasks))
    pairs = pairs_of(scores.methods, asked)
    cautions = list(read.notes)
    if scores.paired_by is not None:
        cautions.append("pairs that the table declares are not used: the numbers are for independent runs")
    effect, power, alpha = wanted
    return plan(
        recorded_pilots(scores, pairs),
        effect=effect,
        power=power,
        alpha=alpha,
        families=dict(zip(scores.tasks, scores.families, strict=True)),
        tests=len(pairs),
        planned=scores.planned or len(scores.replicates),
        cautions=cautions,
    )


def _of_study(
    loaded: LoadedStudy,
    store_path: Path | None,
    asked: tuple[str, str] | None,
    task: str | None,
    wanted: tuple[float, float, float],
) -> ReplicatePlanning:
    folder = store_path or store_folder()
    store = Store(folder, create=False) if (folder / "format.json").exists() else None
    found = settle(loaded, store, cache_folder())
    made = make_plan(found.loaded, None, cache_folder())
    claimed = claimed_pairs(loaded.study)
    pairs = claimed if claimed and asked is None else pairs_of(tuple(loaded.study.methods), asked)
    # The correction is for what the study will test: its claims, or, without any, the asked pairs.
    tests = len({pair.claim for pair in claimed or pairs})
    effect, power, alpha = wanted
    return plan(
        _pilots(made, store, pairs, _only(task, tuple(made.benchmarks))),
        effect=effect,
        power=power,
        alpha=alpha,
        families={name: one.card.task.family for name, one in made.benchmarks.items()},
        tests=tests,
        planned=loaded.study.replicates,
    )


def _only(task: str | None, tasks: Sequence[str]) -> tuple[str, ...]:
    if task is None:
        return tuple(tasks)
    if task not in tasks:
        raise UnknownNameError("task", task, tasks)
    return (task,)


def _pilots(
    made: Plan, store: Store | None, pairs: Sequence[ClaimedPair], tasks: Sequence[str]
) -> list[Pilot]:
    """Return a pilot of each pair on each task: recorded runs where both have two, else simulated."""
    study = made.loaded.study
    recorded: dict[tuple[str, str, str, str], Pilot] = {}
    if store is not None:
        facts = gather_facts(made)
        cells = make_cells(gather_runs(made, store.runs(), store), facts, tuple(study.methods))
        scores = study_scores(cells, facts, tuple(study.methods), study.replicates)
        held = [one for one in pairs if {one.a, one.b} <= set(study.methods)]
        for pilot in recorded_pilots(scores, held):
            if min(len(pilot.values_a), len(pilot.values_b)) > 1:
                recorded[pilot.claim, pilot.task, pilot.a, pilot.b] = pilot
    protocol = study.protocol
    return [
        recorded.get((pair.claim, name, pair.a, pair.b))
        or simulated_pilot(
            pair, made.benchmarks[name], protocol.signal, protocol.seeds, study.budget, study.seed
        )
        for pair in pairs
        for name in tasks
        if not pair.on or name in pair.on
    ]


def _show(found: ReplicatePlanning) -> None:
    give(visible(found.sentence()))
    give(table(_HEAD, [_row(row) for row in found.rows], right=(3, 4, 5, 6, 7, 8)))
    give("alone: one comparison; corrected: all of them; cautious: if the pilot understates the spread")
    if any(row.alone is None for row in found.rows):
        give("no number: the runs of the pilot do not vary there")
    for line in _never(found):
        give(line)
    give(
        f"P(A > B) = {found.gamma:g} needs {found.noether:,} replicates of each method, whatever the unit "
        f"(Noether: one comparison, one-sided at {100 * found.alpha:g} %, {100 * found.power:g} % power)"
    )
    if not found.decides_tasks:
        families = "1 independent family" if found.families == 1 else f"{found.families} independent families"
        give(
            f"with {families} of tasks, no number of replicates decides a claim about tasks beyond these: "
            "6 are needed at least"
        )
    give("\n".join(visible(line) for line in found.basis.text().splitlines()))


_HEAD = ["task", "pair", "pilot", "sd A", "sd B", "alone", "corrected", "cautious", "planned n shows"]


def _row(row: PlannedTask) -> list[str]:
    return [
        row.task or "mean over tasks",
        f"{row.a}, {row.b}",
        f"{row.pilot}, {row.pilot_n:,}",
        f"{row.sd_a:.3g}",
        f"{row.sd_b:.3g}",
        *("" if n is None else f"{n:,}" for n in (row.alone, row.corrected, row.cautious)),
        "" if row.detectable is None else f"{row.detectable:.3g} {row.unit}".rstrip(),
    ]


def _never(found: ReplicatePlanning) -> list[str]:
    """Say what the planned number could never show, however large the difference."""
    planned = next((row.planned for row in found.rows if row.planned), None)
    if planned is None:
        return []
    never = [row for row in found.rows if row.never]
    if planned < 2:
        return ["with 1 replicate there is no spread and no test: nothing can be significant"]
    if not never:
        return [f"with {planned:,} replicates a permutation test can reach significance after correction"]
    least = f"{never[0].least_p:.2g}, {never[0].least_adjusted:.2g} after correction for {found.tests:,}"
    return [
        f"with {planned:,} replicates a permutation test can never be significant: its least p is {least}"
    ]
