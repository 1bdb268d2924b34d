"""The body of `assay table compare-cards`."""

from __future__ import annotations

from collections.abc import Sequence

from assay.benchmarks import comparing
from assay.benchmarks.comparing import Absent, CardComparison
from assay.benchmarks.quarrels import Facts, Pair, Standing
from assay.cli.output import give, give_json, say, table
from assay.foundation.places import cache_folder

_SECONDS_A_DAY = 86_400
_PAIR_HEAD = (
    "against", "common", "differ", "mean |d|", "rho", "tau", "rho top", "tau top", "its best", "best there"
)  # fmt: skip
_PAIR_NOTE = """\
differ: architectures with another number; rho, tau: rank correlations of Spearman and Kendall, over all
and over the best tenth here; its best: the rank that its best has here; best there: the rank that the
best here has there"""


def compare_cards(benchmarks: Sequence[str], *, json: bool) -> int:
    """Print in what the cards of benchmarks differ, and what that does to their numbers."""
    found = comparing.compare_cards(benchmarks, cache_folder())
    if json:
        give_json(found)
        return 0
    parts = (_cards(found), _facts(found.facts), _pairs(found.pairs), _quarrels(found), _notes(found))
    give("\n\n".join(part for part in parts if part))
    _absent(found.absent)
    return 0


def _absent(absent: Sequence[Absent]) -> None:
    """Say once for all of a family what lacks them, and the command that brings them."""
    whys = dict.fromkeys((one.benchmark.partition("/")[0], one.why) for one in absent)
    for family, why in whys:
        of = [one for one in absent if (one.benchmark.partition("/")[0], one.why) == (family, why)]
        say(f"no numbers of {', '.join(one.benchmark for one in of)}: {why}")
        readings = [reading for one in of if (reading := one.benchmark.partition("@")[2])]
        hint = of[-1].hint
        if len(set(readings)) > 1:
            option = "--reading NAME" if len(readings) == len(of) else "[--reading NAME]"
            named = hint.replace(f"--reading {readings[-1]}", option)
            hint = f"{named}, for NAME each of {', '.join(dict.fromkeys(readings))}"
        say(f"hint: {hint}")


def _cards(found: CardComparison) -> str:
    lines = ["What the cards say differently"]
    for field in found.fields:
        if field.differs:
            lines.append(f"  {field.name}")
            for text in dict.fromkeys(field.says):
                says = zip(found.benchmarks, field.says, strict=True)
                names = [name for name, its in says if its == text]
                lines += [f"    {', '.join(names)}", f"      {text}"]
    same = [field.name for field in found.fields if not field.differs]
    return "\n".join([*lines, f"  the same: {', '.join(same) or 'nothing'}"])


def _facts(facts: Sequence[Facts]) -> str:
    if not facts:
        return ""
    head = ["benchmark", "with a value", "best", "cost, median", "cost, all", "best architecture"]
    rows = [
        [
            one.benchmark,
            f"{one.with_value:,}",
            f"{one.best:.3f} %" if one.unit == "%" else f"{one.best:.6g} {one.unit}",
            _cost(one.cost_median, one.cost_unit),
            _cost(one.cost_total, one.cost_unit),
            one.best_architecture,
        ]
        for one in facts
    ]
    title = "The numbers, at the first fidelity and seed policy of each"
    return f"{title}\n{table(head, rows, right=(1, 2, 3, 4))}"


def _cost(cost: float, unit: str) -> str:
    if unit != "seconds":
        return f"{cost:,.6g} {unit}"
    return f"{cost:,.1f} s" if cost < _SECONDS_A_DAY else f"{cost / _SECONDS_A_DAY:,.1f} days"


def _pairs(pairs: Sequence[Pair]) -> str:
    if not pairs:
        return ""
    rows = [
        [
            pair.second,
            f"{pair.common:,}",
            _or_none(pair.unequal, "{:,}"),
            _or_none(pair.mean_absolute_difference, "{:.4g}"),
            *map(_or_none, (pair.spearman, pair.kendall, pair.top_spearman, pair.top_kendall)),
            _standing(pair.best_of_second_in_first),
            _standing(pair.best_of_first_in_second),
        ]
        for pair in pairs
    ]
    body = table(_PAIR_HEAD, rows, right=range(1, len(_PAIR_HEAD)))
    return f"{pairs[0].first} against the others\n{body}\n{_PAIR_NOTE}"


def _or_none(value: float | None, form: str = "{:.3f}") -> str:
    return "none" if value is None else form.format(value)


def _standing(standing: Standing | None) -> str:
    return "none" if standing is None else f"{standing.rank:,}"


def _quarrels(found: CardComparison) -> str:
    lines = ["What that means"]
    for benchmark, sentences in found.quarrels.items():
        lines += [f"  {benchmark}", *(f"    {sentence}" for sentence in sentences)] if sentences else []
    return "\n".join(lines) if len(lines) > 1 else ""


def _notes(found: CardComparison) -> str:
    lines = ["Who says so, and where"]
    for benchmark, notes in found.notes.items():
        lines.append(f"  {benchmark}")
        lines += [line for note in notes for line in (f"    {note.summary}", f"      {note.source}")]
    return "\n".join(lines) if len(lines) > 1 else ""
