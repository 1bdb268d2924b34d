"""The judgement as the page shows it: what holds, what is luck, and how far it carries."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from assay.analysis.chance import LuckRow
from assay.analysis.judgement import Judgement, OverRandom
from assay.analysis.power import DetectableRow
from assay.publishing.comparison_text import headline, procedure, sections
from assay.publishing.conduct_views import ablations, published, registration, tuning
from assay.publishing.document import ReportDocument
from assay.publishing.section import Block, Names, Section, bases, grid
from assay.publishing.sheet import Drawn
from assay.publishing.words import counted, labels, listed, plain, sentence
from assay.statistics.table import Cell, Table


def judgement_sections(
    document: ReportDocument, drawn: Mapping[str, tuple[Drawn, ...]]
) -> tuple[Section, ...]:
    """Return the sections that the document has something for, in the order of the page."""
    found, names = document.judged(), labels(document)
    made = (
        _comparison(found, drawn.get("comparison", ())),
        _luck(found, drawn.get("luck", ()), names),
        _effects(found, names),
        _stability(found, drawn.get("stability", ()), names),
        _generalisation(found, drawn.get("generalisation", ()), names),
        ablations(found, names),
        tuning(found.tuning, drawn.get("tuning", ()), names),
        published(found, drawn.get("published", ())),
        registration(found.registration),
    )
    return tuple(section for section in made if section is not None)


def _comparison(found: Judgement, drawn: tuple[Drawn, ...]) -> Section | None:
    if found.comparison is None:
        return None
    blocks = [Block(lines=(headline(found.comparison),))]
    blocks += [Block(one.title, one.lines, one.tone) for one in sections(found.comparison)]
    if found.ranks is not None:
        ranks = found.ranks
        blocks.append(Block("Average ranks over other runs on these tasks", (sentence(ranks.sentence()),)))
    blocks.append(Block(figures=drawn))
    return Section(
        "comparison",
        "Comparison",
        f"Which differences hold is decided here, for the whole report. {procedure(found.comparison)}",
        tuple(blocks),
        bases(found.comparison, found.ranks),
    )


def _luck(found: Judgement, drawn: tuple[Drawn, ...], names: Names) -> Section | None:
    if not found.luck and not found.over_random:
        return None
    blocks = [Block(figures=drawn)]
    if found.luck:
        table = grid([(row.benchmark, row.method, _luck_cell(row)) for row in found.luck], names)
        wins = grid([(row.benchmark, row.method, _wins_cell(row)) for row in found.luck], names)
        blocks.append(
            Block("Random search of equal budget, on each benchmark", _how(found.luck), table=table)
        )
        blocks.append(Block(table=wins, folded="The probability that random search wins against each method"))
    if found.over_random:
        table = grid(
            [(row.benchmark, row.method, _over_random_cell(row)) for row in found.over_random], names
        )
        lines = ("In percent of random search's mean, with Fieller's interval.", *_why_not(found.over_random))
        fold = "On each benchmark" if any(one.id == "relative-improvement" for one in drawn) else ""
        blocks.append(Block("Relative improvement over random search", lines, table=table, folded=fold))
    results = [row.luck for row in found.luck[:1]] + [
        row.improvement for row in found.over_random[:1] if row.improvement
    ]
    return Section(
        "luck",
        "Luck",
        "How often random search of equal budget, choosing by the signal and scored by the reported metric, "
        "does at least as well as a run of each method: a probability near one half or above says that the "
        "result is what chance gives. It measures the recommendations, not the methods.",
        tuple(blocks),
        bases(*results),
    )


def _how(rows: Sequence[LuckRow]) -> tuple[str, ...]:
    kinds = sorted({("exact" if row.luck.exact else "by simulation") for row in rows})
    drawing = "with" if rows[0].luck.replacement else "without"
    failed = sum(math.isnan(value) for row in rows for value in row.luck.values)
    worst = max(
        (max(row.luck.standard_error, default=0.0) for row in rows if row.luck.standard_error), default=0
    )
    how = (
        f"Median over runs of P(random search does at least as well), with its middle half; {listed(kinds)}, "
        f"drawing {drawing} replacement, with the planned budget."
    )
    return (
        how,
        f"The largest standard error of the simulation is {plain(worst, 2)}." if worst else "",
        f"{counted(failed, 'run')} failed, and random search does as well with probability 1."
        if failed
        else "",
    )


def _luck_cell(row: LuckRow) -> str:
    known = sorted(1.0 if math.isnan(p) else p for p in row.luck.at_least)
    quarter, middle, most = (_quantile(known, share) for share in (0.25, 0.5, 0.75))
    spread = f" [{_share(quarter)}, {_share(most)}]" if len(known) > 3 else ""
    return f"{_share(middle)}{spread}, n = {len(known)}"


def _wins_cell(row: LuckRow) -> str:
    wins = row.luck.random_wins
    if wins is None:
        return "–"
    if wins.low is None or wins.high is None:
        return f"{_share(wins.mean)}, n = {wins.n}"
    low, high = max(wins.low, 0.0), min(wins.high, 1.0)
    return f"{_share(wins.mean)} [{_share(low)}, {_share(high)}], n = {wins.n}"


def _quantile(ordered: Sequence[float], share: float) -> float:
    place = share * (len(ordered) - 1)
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (place - low) * (ordered[high] - ordered[low])


def _share(p: float) -> str:
    return f"{p:.2f}" if 0.005 <= p <= 1.0 or p == 0.0 else f"{p:.1e}"


def _over_random_cell(row: OverRandom) -> str:
    i = row.improvement
    if i is None:
        return "–"
    ends = "no interval" if i.low is None or i.high is None else f"[{i.low:+.2f}, {i.high:+.2f}]"
    return f"{i.percent:+.2f} % {ends}, n = {i.n_method} and {i.n_random}"


def _why_not(rows: Sequence[OverRandom]) -> tuple[str, ...]:
    missing = sorted({row.why for row in rows if row.why})
    return tuple(sentence(f"Not everywhere: {why}") for why in missing)


def _effects(found: Judgement, names: Names) -> Section | None:
    if not found.detectable:
        return None
    first = found.detectable[0]
    table = Table(
        ("claim", "methods", "benchmark", "n", "smallest effect"),
        [_effect(row, names) for row in found.detectable],
    )
    over = [row for row in found.detectable if not row.benchmark] or list(found.detectable)
    lines = tuple(sentence(_seen(row)) for row in over[:12])
    return Section(
        "effects",
        "What effect the study could have seen",
        "What is not distinguished is not equal: it may differ by less than this, which is a matter of "
        f"the number of runs and of their spread alone. Power {100 * first.power:g} %, two-sided level "
        f"{first.level:.2g}, the strictest step of Holm's correction over the claims.",
        (Block(lines=lines), Block(table=table, folded="The smallest effect on each benchmark")),
    )


def _seen(row: DetectableRow) -> str:
    if row.effect is None or math.isfinite(row.effect):
        return row.sentence()
    where = row.benchmark or "the mean over its benchmarks"
    return f"{row.a} and {row.b} on {where}: {row.n:,} runs of each show no difference, however large"


def _effect(row: DetectableRow, names: Names) -> tuple[Cell, ...]:
    pair = f"{names.get(row.a, row.a)} and {names.get(row.b, row.b)}"
    unit = f" {row.unit}" if row.unit else ""
    size = row.why if row.effect is None else f"{plain(row.effect, 2)}{unit}"
    if row.effect is not None and not math.isfinite(row.effect):
        size = "none, however large"
    return row.claim, pair, row.benchmark or "mean over its benchmarks", row.n, size


def _stability(found: Judgement, drawn: tuple[Drawn, ...], names: Names) -> Section | None:
    if found.stability is None:
        return None
    one = found.stability
    flips = tuple(
        f"{names.get(flip.better, flip.better)} is ahead of {names.get(flip.worse, flip.worse)}, and behind "
        f"without {listed([names.get(name, name) for name in flip.dropped])}"
        for flip in one.irrelevant
    )
    w, s = one.reweighting, one.subsets
    which = "all" if s.exact else "drawn"
    kept = round(s.same_best * s.count)
    moves = (
        f"Over {which} {s.count:,} subsets of the tasks Kendall's tau with the full ranking is "
        f"{s.tau_mean:.2f} in the mean and {s.tau_least:.2f} at least; {kept:,} keep the best method"
    )
    if w is not None:
        moves += f"; over {w.count:,} reweightings of the tasks tau is {w.tau_mean:.2f} and {w.tau_least:.2f}"
    moves += "."
    blocks = [Block(lines=(sentence(one.sentence()), moves), figures=drawn)]
    if flips:
        blocks.append(Block("Pairs that hang on the pool of methods", flips, "open"))
    return Section(
        "stability",
        "Stability of the ranking",
        "How far the ranking by average rank moves when a task or a family is left out, tasks are weighted "
        "anew, or other methods are dropped; it describes these tasks.",
        tuple(blocks),
        bases(one),
    )


def _generalisation(found: Judgement, drawn: tuple[Drawn, ...], names: Names) -> Section | None:
    if not found.generalisation and found.transfer is None:
        return None
    rows: list[tuple[Cell, ...]] = [
        (
            names.get(one.method, one.method),
            f"{one.position:g} of {len(one.methods)}",
            one.wins,
            one.losses,
            len(one.standings) - one.wins - one.losses,
            f"{one.subsets.best:g} to {one.subsets.worst:g}",
            listed(one.subsets.fewest) or "none",
        )
        for one in found.generalisation
    ]
    columns = (
        *("method", "position", "wins", "losses", "not told", "positions in subsets of families"),
        "fewest families that change it",
    )
    blocks = [Block(figures=drawn)]
    if rows:
        blocks.insert(0, Block(table=Table(columns, rows)))
    if found.transfer is not None:
        blocks.insert(1, Block("From development to held-out tasks", (sentence(found.transfer.sentence()),)))
    results = [*found.generalisation[:1], *([found.transfer] if found.transfer else [])]
    return Section(
        "generalisation",
        "Generalisation",
        "Where each method wins and loses against the others on each task, by Holm's correction over all "
        "pairs of the task, and whether another set of families would put it elsewhere.",
        tuple(blocks),
        bases(*results),
    )
