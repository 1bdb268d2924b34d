"""What a table tells of choices after a look: the best of seeds, picked seeds, and changes after the test."""

from __future__ import annotations

import re
from collections.abc import Iterator

from assay.analysis.audit.columns import columns_about, row_evidence, rows_of, words
from assay.analysis.audit.facts import Facts, TableFacts
from assay.analysis.audit.finding import IN_A_TABLE, Evidence, runs_needed
from assay.statistics.scores import ABSENT, Scores

_BEST = {"best", "max", "maximum", "highest", "luckiest"}
_STATISTIC = {
    *("aggregate", "aggregation", "agg", "statistic", "statistics", "stat", "reported", "reporting"),
    *("summary", "kept", "seeds", "runs", "reduction", "reduce", "over", "summarised", "summarized"),
}
_BEST_NAME = re.compile(r"\bbest[ _-]*(?:of|run|seed|out)|\((?:best|max)\)|[ _-](?:best|max)$", re.IGNORECASE)
_CHANGED = {
    *("changed", "change", "edited", "revised", "tuned", "retuned", "adjusted"),
    *("altered", "chosen", "fixed", "frozen", "refined", "adapted"),
}
_LOOK = {
    *("seen", "read", "opened", "looked", "look", "unblinded", "evaluated", "evaluation", "assessed"),
    *("measured", "known", "first", "scored", "inspected", "revealed"),
}
# A seed or two may have been replaced; a fifth was chosen.
_FULL = 0.8
_NO = {"no", "false", "n", "0", "none", "never"}
_DAY = re.compile(r"^[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[T ][0-9:.]+(?:Z|[+-][0-9:]+)?)?$")


def best_in_table(facts: Facts, table: TableFacts) -> Iterator[Evidence]:
    """Yield what says that the score of a row is the best of several."""
    scores = facts.scores
    if scores is None:
        return
    for column in columns_about(table, _STATISTIC):
        yield from rows_of(table, column, lambda _, value: _says_best(value))
    if table.layout.replicate is not None:
        yield from rows_of(table, table.layout.replicate, lambda _, value: _says_best(value))
    single = [bool(one) for one in ((scores.status != ABSENT).sum(axis=2) <= 1).all(axis=0)]
    yield from _named_best(table, scores, single)


def _says_best(value: str) -> bool:
    return bool(_BEST & set(words(value)))


def _named_best(table: TableFacts, scores: Scores, single: list[bool]) -> Iterator[Evidence]:
    """Yield the methods with one row a task whose name, or that of the score or the table, says best."""
    named = [table.columns[i] for i in table.layout.scores if table.layout.shape == "long"]
    for name in [*named, table.frame.name] if all(single) else ():
        if _BEST & set(words(name)):
            text = f"one row for each method and task, and '{name}' says that it is the best"
            yield row_evidence(table, 0, text)
    first = {table.name(row, "method"): row for row in reversed(range(len(table.frame.rows)))}
    for method, alone in zip(scores.methods, single, strict=True):
        if alone and _BEST_NAME.search(method):
            text = f"one row for each task of '{method}', the best by its name"
            yield row_evidence(table, first.get(method, 0), text)


def picked_seeds(table: TableFacts) -> Iterator[Evidence]:
    """Yield the methods whose seeds have gaps where those of all others are counted one by one."""
    column = table.layout.replicate
    if column is None:
        return
    seeds: dict[str, set[int]] = {}
    first: dict[str, int] = {}
    for row in range(len(table.frame.rows)):
        method, value = table.name(row, "method"), table.cell(row, column)
        if not re.fullmatch(r"[0-9]{1,18}", value):
            return
        seeds.setdefault(method, set()).add(int(value))
        first.setdefault(method, row)
    counted = {name for name, own in seeds.items() if max(own) - min(own) + 1 == len(own)}
    picked = [name for name in seeds if name not in counted]
    if len(picked) != 1 or len(seeds) < 2:
        return
    own = seeds[picked[0]]
    gaps = len(own) <= _FULL * (max(own) - min(own) + 1)
    if gaps and len(own) > 1 and len(own) >= max(len(seeds[name]) for name in counted):
        listed = ", ".join(map(str, sorted(own)[:5]))
        text = f"the seeds of {picked[0]} are {listed} ...; those of all other methods are consecutive"
        yield row_evidence(table, first[picked[0]], text, column)


def _dates(table: TableFacts) -> list[tuple[int, int]]:
    """Return each pair of a column of changes and a column of looks at the test."""
    changed, looks = [], []
    for column in table.others:
        about = set(words(table.columns[column]))
        values = {table.cell(row, column) for row in range(len(table.frame.rows))} - {""}
        if not values or not all(_DAY.match(value) for value in values):
            continue
        if about & _CHANGED and "test" not in about:
            changed.append(column)
        elif about & _LOOK and "test" in about:
            looks.append(column)
    return [(a, b) for a in changed for b in looks]


def _after_test(table: TableFacts) -> list[int]:
    """Return the columns that say themselves whether something was changed after the test."""
    return [
        column
        for column in columns_about(table, _CHANGED)
        if {"after", "test"} <= set(words(table.columns[column]))
    ]


def change_seen(facts: Facts) -> str:
    """Say whether runs, or columns about changes and the test, show it."""
    if facts.table is None:
        return runs_needed(facts)
    if _dates(facts.table) or _after_test(facts.table):
        return ""
    return f"{IN_A_TABLE}: it has no dates of changes and of looks at the test"


def changed_after(table: TableFacts) -> Iterator[Evidence]:
    """Yield the rows in which something was changed after the test was first seen, or that say so."""
    for changed, looked in _dates(table):
        later = _later(table, changed, looked)
        yield from rows_of(table, changed, lambda row, _, later=later: row in later)  # type: ignore[misc]
    for column in _after_test(table):
        yield from rows_of(table, column, lambda _, value: value.lower() not in _NO)


def _later(table: TableFacts, changed: int, looked: int) -> set[int]:
    rows = [
        row for row in range(len(table.frame.rows)) if table.cell(row, changed) and table.cell(row, looked)
    ]
    return {row for row in rows if _is_later(table.cell(row, changed), table.cell(row, looked))}


def _is_later(changed: str, looked: str) -> bool:
    """Compare days; moments of one day only where both have a time."""
    if changed[:10] == looked[:10] and min(len(changed), len(looked)) == len("2000-01-01"):
        return False
    return changed.replace("T", " ") > looked.replace("T", " ")
