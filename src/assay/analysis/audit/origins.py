"""What the columns of a table tell of leakage: what was selected by, started from and trained on."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from assay.analysis.audit.columns import columns_about, names, row_evidence, rows_of, seen_in, words
from assay.analysis.audit.facts import Facts, TableFacts
from assay.analysis.audit.finding import IN_A_TABLE, Evidence

_SELECTED = {
    *("selected", "selection", "select", "signal", "chosen", "checkpoint", "criterion", "stopping"),
    *("stopped", "picked", "tuned", "tuning", "optimised", "optimized"),
}
_SOURCES = {"source", "trained", "prior", "transfer"}
_STARTS = {
    *("pretrained", "pretraining", "pretrain", "warm", "warmstart", "warmstarted", "initialised"),
    *("initialized", "initialisation", "initialization", "init", "start", "started", "begin", "begins"),
    *("seeded", "finetuned", "bootstrapped", "transferred"),
}
_ITSELF = {"target", "self", "itself"}
_ARTICLES = {"the", "task", "dataset", "data"}
_VALIDATION = {"val", "valid", "validation", "dev"}
_TRAINED = {"train", "training", "trained", "fit", "fitted", "learned", "learnt"}
_SCORED = {
    *("evaluated", "evaluation", "eval", "scored", "tested", "test", "testing", "holdout", "heldout"),
    "assessed",
}
# Of these columns of a training or a test set the values tell which data it holds.
_SET = {"on", "set", "data", "dataset", "split", "file", "files", "archs", "architectures", "samples", "hash"}
_SHARED_SETS = re.compile(r"\s*[;|+,]\s*")


def selected_by_test(table: TableFacts) -> Iterator[Evidence]:
    """Yield the rows in which a column about selection or tuning names the test."""
    for column in columns_about(table, _SELECTED):
        yield from rows_of(table, column, lambda _, value: _says_test(value))


def _says_test(value: str) -> bool:
    told = words(value)
    return "test" in told and told[told.index("test") + 1 :][:1] != ("time",) and "not" not in told


def signal_seen(facts: Facts) -> str:
    """Say whether a column tells what was selected by, or a validation stands beside a test column."""
    if facts.table is not None and _splits(facts.table):
        return ""
    return seen_in(_SELECTED, "")(facts)


def _splits(table: TableFacts) -> list[tuple[int, int]]:
    """Return each pair of a validation and a test column."""
    columns = [*table.others, *table.layout.scores]
    seen = [i for i in columns if _VALIDATION & set(words(table.columns[i]))]
    tests = [i for i in columns if "test" in words(table.columns[i])]
    return [(a, b) for a in seen for b in tests]


def same_column(table: TableFacts) -> Iterator[Evidence]:
    """Yield the first row of a validation and a test column that are equal throughout."""
    rows = range(len(table.frame.rows))
    for a, b in _splits(table):
        pairs = [(table.cell(row, a), table.cell(row, b)) for row in rows]
        known = [pair for pair in pairs if all(pair)]
        if len({first for first, _ in known}) > 2 and all(first == second for first, second in known):
            text = f"{table.columns[a]} and {table.columns[b]} are equal in all {len(known)} rows"
            yield row_evidence(table, 0, text, b)


origin_seen = seen_in(_SOURCES | _STARTS, "")


def same_origin(table: TableFacts) -> Iterator[Evidence]:
    """Yield the rows in which a column about the origin names the task of its row.

    A start names it anywhere in its text; a source is the task itself, and not that of every row: that
    models are trained on the task they are scored on is how it should be.
    """
    for column in columns_about(table, _STARTS):
        yield from rows_of(
            table, column, lambda row, value: _itself(value) or names(value, table.name(row, "task"))
        )
    for column in columns_about(table, _SOURCES):
        if _STARTS & set(words(table.columns[column])):
            continue
        rows = [row for row in range(len(table.frame.rows)) if table.cell(row, column)]
        own = {row for row in rows if _equals_task(table, row, column)}
        if len(own) < len(table.frame.rows):
            yield from rows_of(table, column, lambda row, _, own=own: row in own)  # type: ignore[misc]


def _itself(value: str) -> bool:
    told = words(value)
    return told == ("same", "task") or (bool(_ITSELF & set(told)) and set(told) <= _ITSELF | _ARTICLES)


def _equals_task(table: TableFacts, row: int, column: int) -> bool:
    return table.cell(row, column).lower() == table.name(row, "task").lower() != ""


def _sets(table: TableFacts) -> list[tuple[int, int]]:
    """Return each pair of columns that name the set of training and that of scoring."""
    told = {i: set(words(table.columns[i])) for i in table.others}
    trained = [i for i, one in told.items() if one & _TRAINED and not one & _SCORED and one & _SET]
    scored = [i for i, one in told.items() if one & _SCORED and not one & _TRAINED and one & _SET]
    return [(a, b) for a in trained for b in scored]


def sets_seen(facts: Facts) -> str:
    """Say whether a study, or columns about both sets, show it."""
    if facts.table is None or _sets(facts.table):
        return ""
    return f"{IN_A_TABLE}: it has no columns of what was trained on and what was scored on"


def same_set(table: TableFacts) -> Iterator[Evidence]:
    """Yield the rows that name one set for training and for scoring.

    Where every row does so and the set has the name of the task, or goes with it one to one, it names a
    data set with splits of its own, and no set of examples.
    """
    rows = range(len(table.frame.rows))
    for a, b in _sets(table):
        shared = {row: one for row in rows if (one := _shared(table.cell(row, a), table.cell(row, b)))}
        if len(shared) == len(table.frame.rows) and _go_with_tasks(table, shared):
            continue
        seen: set[str] = set()
        for row, one in shared.items():
            method = table.name(row, "method")
            if method not in seen:
                seen.add(method)
                text = f"{method}: {table.columns[a]} and {table.columns[b]} are both {one}"
                yield row_evidence(table, row, text, a)


def _go_with_tasks(table: TableFacts, shared: Mapping[int, str]) -> bool:
    pairs = {(table.name(row, "task"), one) for row, one in shared.items()}
    alike = all(_squeezed(one) in _squeezed(task) for task, one in pairs)
    return alike or 1 < len(pairs) == len({one for _, one in pairs}) == len({task for task, _ in pairs})


def _squeezed(text: str) -> str:
    return re.sub(r"[^a-z0-9]", "", text.lower())


def _shared(trained: str, scored: str) -> str:
    """Return a set that two cells both name; numbers, which are sizes, name none."""
    both = set(_SHARED_SETS.split(trained.lower())) & set(_SHARED_SETS.split(scored.lower()))
    return next((one for one in sorted(both) if re.search(r"[a-z]", one) and one not in _NOTHING), "")


_NOTHING = {"none", "no", "yes", "nan", "na", "true", "false", "all", "full", "unknown"}
