"""Rules about baselines: random search, luck, and results better than the table allows."""

from __future__ import annotations

import math
from collections.abc import Iterator

from assay.analysis.audit.columns import columns_about, row_evidence, words
from assay.analysis.audit.facts import Facts, StudyFacts, TableFacts
from assay.analysis.audit.finding import (
    DOUBTFUL,
    IN_A_TABLE,
    INVALIDATES,
    Doubt,
    Evidence,
    Rule,
    runs_needed,
    runs_or_table,
)
from assay.statistics.scores import OK, Scores

_RANDOM = "random"
_SEARCH = {
    *(
        "search",
        "evolution",
        "evolutionary",
        "evo",
        "bayesian",
        "bo",
        "tpe",
        "smac",
        "bohb",
        "hyperband",
        "nas",
    ),
    *(
        "darts",
        "enas",
        "reinforce",
        "annealing",
        "genetic",
        "ga",
        "cmaes",
        "optuna",
        "asha",
        "bananas",
        "re",
        "rea",
    ),
    *("regularized", "hillclimbing", "gdas", "snas", "pbt", "dehb", "hebo", "turbo", "gp", "npenas", "rl"),
}
_UNIT = {
    "accuracy",
    "acc",
    "auc",
    "auroc",
    "f1",
    "precision",
    "recall",
    "top1",
    "top5",
    "iou",
    "miou",
    "dice",
    "map",
}
_ERRORS = {"error", "err", "loss", "mse", "rmse", "mae", "regret", "perplexity", "wer", "cer", "nll"}
_OPTIMUM = {"optimum", "optimal", "oracle", "ceiling", "bound"}
_SLACK = 1e-9


def _no_random_search(facts: Facts) -> Doubt | None:
    title = "There is no random search to compare with"
    if facts.study is not None:
        study = facts.study.loaded.study
        for name, method in study.methods.items():
            if method.strategy == "random-search" or _RANDOM in {*words(name), *words(method.label or "")}:
                return None
            if _RANDOM in words(method.strategy or method.loop or ""):
                return None
        place, line = facts.study.key("methods", next(iter(study.methods), ""))
        text = f"methods: {', '.join(study.methods)}"
        return Doubt(DOUBTFUL, title, [Evidence(kind="key", place=place, line=line, text=text)])
    names = facts.scores.methods if facts.scores is not None else ()
    told = [set(words(name)) for name in names]
    if facts.table is None or _is_random(told) or not any(_SEARCH & one for one in told):
        return None
    text = f"methods: {', '.join(names)}"
    return Doubt(DOUBTFUL, title, [row_evidence(facts.table, 0, text)])


def _is_random(told: list[set[str]]) -> bool:
    return any(_RANDOM in one and "forest" not in one for one in told) or any(one == {"rs"} for one in told)


def _searches_seen(facts: Facts) -> str:
    if facts.study is not None or facts.scores is None:
        return ""
    told = [set(words(name)) for name in facts.scores.methods]
    if _is_random(told) or any(_SEARCH & one for one in told):
        return ""
    return f"{IN_A_TABLE}: the names of the methods do not say whether they search"


def _not_better_than_random(facts: Facts) -> Doubt | None:
    study = facts.study
    if study is None:
        return None
    found = []
    for method, benchmarks, metric in _spoken_for(facts, study):
        rows = [
            row
            for row in study.luck
            if row.method == method and row.benchmark in benchmarks and metric in ("", row.reported)
        ]
        wins = [row.luck.random_wins for row in rows]
        known = [one for one in wins if one is not None and one.low is not None and one.high is not None]
        if not known:
            continue
        mean = math.fsum(one.mean for one in known) / len(known)
        # The runs on different benchmarks are independent, so that the squares of the half-widths add.
        half = math.sqrt(math.fsum(((one.high or 0.0) - one.mean) ** 2 for one in known)) / len(known)
        if mean + half < 0.5:
            continue
        runs = sum(len(row.luck.values) for row in rows)
        text = (
            f"random search of equal budget wins with probability {mean:.2f} "
            f"(up to {min(mean + half, 1.0):.2f}) over {runs:,} runs on {len(known)} "
            f"{'benchmarks' if len(known) > 1 else 'benchmark'}, by the {rows[0].reported}"
        )
        found.append(Evidence(kind="cell", place=method, text=text))
    title = "A method is not shown to beat random search of equal budget"
    return Doubt(DOUBTFUL, title, found) if found else None


def _spoken_for(facts: Facts, study: StudyFacts) -> Iterator[tuple[str, set[str], str]]:
    """Yield each method that results speak for, the benchmarks and the metric; any metric where empty."""
    random = {name for name, one in study.loaded.study.methods.items() if one.strategy == "random-search"}
    claims = [one for one in study.loaded.study.claims if one.kind in ("better", "best-of-set", "ranking")]
    told: dict[tuple[str, tuple[str, ...], str], None] = {}
    for claim in claims:
        told[claim.named()[0], claim.on or tuple(study.cards), claim.metric] = None
    if not study.loaded.study.claims and facts.leaders():
        leaders = facts.leaders()
        told[max(leaders, key=lambda name: (leaders[name], name)), tuple(study.cards), ""] = None
    for method, benchmarks, metric in told:
        if method not in random:
            yield method, set(benchmarks), metric


def _too_good(facts: Facts) -> Doubt | None:
    found = []
    if facts.study is not None:
        found = [*_above_the_table(facts.study), *_nowhere_in_the_table(facts.study)]
    elif facts.scores is not None and facts.table is not None:
        found = [*_out_of_range(facts.scores, facts.table), *_above_the_optimum(facts.table, facts.scores)]
    return (
        Doubt(INVALIDATES, "Results are better than anything that there is to find", found) if found else None
    )


def _above_the_table(study: StudyFacts) -> Iterator[Evidence]:
    for (name, method), cell in study.cells.items():
        facts = study.benchmarks[name]
        sign = 1.0 if facts.maximize else -1.0
        for run in cell.completed:
            value = run.recommended_value
            if value is not None and sign * (value - facts.best) > _SLACK * max(1.0, abs(facts.best)):
                text = f"{method} on {name}: {value:.6g}, and the best of the table is {facts.best:.6g}"
                yield Evidence(kind="run", place=run.run, text=text)


def _nowhere_in_the_table(study: StudyFacts) -> Iterator[Evidence]:
    """Yield the runs whose reported value no random search reaches: the table does not hold it."""
    for row in study.luck:
        if not row.luck.exact:
            continue
        runs = study.cells[row.benchmark, row.method].runs
        # Planned runs that were never recorded stand behind those that were.
        for run, value, chance in zip(runs, row.luck.values, row.luck.at_least, strict=False):
            if math.isfinite(value) and chance <= 0.0:
                text = f"{row.method} on {row.benchmark}: no architecture has a {row.reported} of {value:.6g}"
                yield Evidence(kind="run", place=run.run, text=text)


def _out_of_range(scores: Scores, table: TableFacts) -> Iterator[Evidence]:
    told = set(words(table.metric))
    high, low = None, None
    if told & _UNIT:
        known = scores.values[scores.status == OK]
        high, low = (1.0 if float((known <= 1.0).mean()) > 0.5 else 100.0), 0.0
    elif told & _ERRORS and "log" not in told:
        low = 0.0
    for row in range(len(table.frame.rows)):
        for column in table.layout.scores:
            value = _number(table.cell(row, column))
            if value is None:
                continue
            if (high is not None and value > high * (1 + _SLACK)) or (low is not None and value < low):
                bound = f"at most {high:g}" if high is not None and value > high else f"at least {low:g}"
                yield row_evidence(table, row, f"{value:g}, where {table.metric} is {bound}", column)


def _above_the_optimum(table: TableFacts, scores: Scores) -> Iterator[Evidence]:
    """Yield rows whose score is better than what another column gives as the optimum of the task."""
    if table.layout.shape != "long":
        return
    score = table.layout.scores[0]
    sign = 1.0 if bool(scores.maximize[0]) else -1.0
    for column in columns_about(table, _OPTIMUM):
        for row in range(len(table.frame.rows)):
            value, best = _number(table.cell(row, score)), _number(table.cell(row, column))
            if (
                value is not None
                and best is not None
                and sign * (value - best) > _SLACK * max(1.0, abs(best))
            ):
                yield row_evidence(table, row, f"{value:g}, and {table.columns[column]} is {best:g}", score)


def _number(text: str) -> float | None:
    try:
        value = float(text.rstrip("% "))
    except ValueError:
        return None
    return value if math.isfinite(value) else None


RULES = (
    Rule(
        id="no-random-search",
        about="random search as a baseline",
        why="On many spaces random search is as good as what is published: without it nothing is shown.",
        source="Li and Talwalkar, UAI 2019; Yu et al., ICLR 2020",
        remedy='Add a method with strategy = "random-search".',
        find=_no_random_search,
        sees=_searches_seen,
    ),
    Rule(
        id="not-better-than-random",
        about="luck: how often random search of equal budget does as well",
        why="What random search finds as often by chance is no merit of the method.",
        source="Yu et al., ICLR 2020 (probability to surpass random search); exact on a table",
        remedy="Compare at a budget where the method wins against chance, or do not claim that it is better.",
        find=_not_better_than_random,
        sees=runs_needed,
    ),
    Rule(
        id="too-good",
        about="results better than the table or the metric allows",
        why="A score above the best that exists was not measured as it is said to have been.",
        source="MLPerf Training, reference convergence points; the columns of the tables",
        remedy="Find where the number comes from, and run it again.",
        find=_too_good,
        sees=runs_or_table,
        one_sided=True,
    ),
)
