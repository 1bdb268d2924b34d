"""What cannot be compared as it stands: too few methods, a run given twice, pairs without partners."""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict

from assay.analysis.reading.columns import Layout
from assay.analysis.reading.frame import Frame, label, refuse_size
from assay.analysis.reading.runs import Run
from assay.foundation.errors import UsageError
from assay.foundation.text import one_line, shortened

MOST_METHODS = 100
MOST_CELLS = 5_000
MOST_RUNS = 100_000
_STEPS = {"step", "_step", "epoch", "iteration", "iter", "timestep", "global_step", "evaluations"}
_PARTS = {"split", "subset", "partition", "phase", "set", "metric", "metric_name", "measure"}


def refuse_many(frame: Frame, runs: list[Run]) -> None:
    """Raise `UsageError` for fewer than two methods, and for more than are compared."""
    refuse_size(frame.name, "runs", len(runs), MOST_RUNS)
    methods, tasks = len({run.method for run in runs}), len({run.task for run in runs})
    if methods < 2:
        raise UsageError(
            f"a comparison needs two methods at least, and the table has {methods}",
            where=frame.name,
            why=f"every row is of '{shortened(runs[0].method, 40)}'" if runs else None,
            hint="name the column that tells methods apart, as in --method optimizer",
        )
    for found, most, what in ((methods, MOST_METHODS, "methods"), (tasks, MOST_CELLS // methods, "tasks")):
        if found > most:
            raise UsageError(
                f"the table has {found:,} {what}; at most {most:,} are compared",
                where=frame.name,
                hint=f"name the column of the {what}, as in --{what[:-1]} COLUMN, or compare fewer",
            )


def refuse_twice(frame: Frame, layout: Layout, runs: list[Run]) -> None:
    """Raise `UsageError` for a run that is given twice, with the columns in which such rows differ."""
    groups: defaultdict[tuple[str, str, str], list[Run]] = defaultdict(list)
    for run in runs:
        groups[run.task, run.method, run.replicate].append(run)
    double = [held for held in groups.values() if len(held) > 1]
    if not double:
        return
    first, second = double[0][:2]
    steps = [name for name in frame.columns if name.strip().lower() in _STEPS]
    differ = {} if steps else _differing(frame, layout, double)
    told = [f"'{shortened(frame.columns[c], 30)}' ({', '.join(values[:4])})" for c, values in differ.items()]
    why = (
        f"method {shortened(second.method, 40)}, task {shortened(second.task, 40)}, replicate "
        f"{shortened(second.replicate, 40)} stands at {frame.where(first.row)} too"
    )
    hint = "remove one, or name the column that tells them apart with --replicate"
    if steps:
        hint = f"keep the row of each run that counts: column {shortened(steps[0], 30)} makes these curves"
    elif differ:
        hint = _apart(frame, layout, *next(iter(differ.items())))
    raise UsageError(
        "a run is given twice",
        where=frame.where(second.row),
        why=f"{why}; such rows differ in {' and '.join(told[:3])}" if told else why,
        hint=hint,
    )


def _differing(frame: Frame, layout: Layout, double: list[list[Run]]) -> dict[int, list[str]]:
    """Return the columns without a role in which rows of one run differ, with their values; words first."""
    roles = {layout.method, layout.task, layout.family, layout.state, *layout.labels, *layout.scores}
    found: dict[int, list[str]] = {}
    for c in range(len(frame.columns)):
        groups = [{label(frame.rows[run.row][c]) for run in held} for held in double]
        if c not in roles and frame.columns[c] and any(len(values) > 1 for values in groups):
            found[c] = sorted({shortened(value, 20) or "(empty)" for values in groups for value in values})
    return dict(sorted(found.items(), key=lambda item: (len(item[1]), item[0])))


def _apart(frame: Frame, layout: Layout, column: int, values: list[str]) -> str:
    """Return what to type where a column tells the rows of one run apart."""
    name = one_line(frame.columns[column])
    chosen = f"read the rows of one value, as in --where '{name}={values[0]}'"
    if name.strip().lower() in _PARTS:
        return chosen
    hints = [chosen]
    if layout.method is not None:
        method = one_line(frame.columns[layout.method])
        hints.append(f"if it makes another method, --method '{method}' --method '{name}'")
    if layout.replicate is not None:
        seed = one_line(frame.columns[layout.replicate])
        hints.append(f"if it repeats runs, --replicate '{seed}' --replicate '{name}'")
    return "; ".join(hints)


def check_pairs(frame: Frame, layout: Layout, runs: list[Run], source: str) -> list[str]:
    """Return how many runs have no partner in another method; raises `UsageError` where none has one."""
    if not layout.labels:
        raise UsageError(
            "pairs need a column that tells replicates apart",
            where=frame.name,
            why=f"rows are paired by {one_line(source)}, and no column says which rows belong together",
            hint="name it, as in --replicate seed",
        )
    what = " and ".join(one_line(frame.columns[i]) for i in layout.labels)
    held: defaultdict[str, defaultdict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for run in runs:
        held[run.task][run.method].add(run.replicate)
    pairs = [
        (task, a, b, methods[a] & methods[b])
        for task, methods in sorted(held.items())
        for a, b in itertools.combinations(sorted(methods), 2)
    ]
    apart = [f"{a} and {b} share no {what} on {task}" for task, a, b, shared in pairs if not shared]
    if len(apart) == len(pairs):
        first = apart[0] if apart else f"no task has two methods with one {what}"
        raise UsageError(
            "nothing can be paired",
            where=frame.name,
            why=shortened(first, 200),
            hint="leave --paired-by out: the runs are independent",
        )
    lone = Counter(
        task
        for task, methods in held.items()
        for method, labels in methods.items()
        for one in labels
        if any(one not in other for name, other in methods.items() if name != method)
    )
    notes = [shortened(f"{one}: these two are not compared there", 200) for one in apart[:3]]
    if lone:
        total = sum(len(labels) for methods in held.values() for labels in methods.values())
        notes.append(
            f"{lone.total()} of {total} runs have no partner of equal {what} in some other method; the tests "
            "of such pairs leave them out"
        )
    return notes
