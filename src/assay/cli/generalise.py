"""The body of `assay generalise`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from assay.analysis.ablations import Ablation, ablations
from assay.analysis.generalisation import Generalisation, generalisations
from assay.analysis.specification import SpecificationCurve, specification_curve
from assay.cli.output import give, give_json, table, visible
from assay.cli.sources import StudyData, read_scores
from assay.foundation.errors import UnknownNameError
from assay.foundation.seeding import Stream
from assay.foundation.text import shortened

_WIDTH = 30
_TOLD = {"better": "wins", "worse": "loses"}


class Generalising(msgspec.Struct, frozen=True, kw_only=True):
    """What `assay generalise --json` prints; curves and ablations only for a study."""

    methods: tuple[Generalisation, ...]
    specifications: tuple[SpecificationCurve, ...] = ()
    ablations: tuple[Ablation, ...] = ()


def generalise(path: Path, store: Path | None, *, method: str | None, json: bool) -> int:
    """Print where methods win and lose and what could change it; all methods, or one in full."""
    scores, study = read_scores(path, store)
    if method is not None and method not in scores.methods:
        raise UnknownNameError("method", method, scores.methods)
    made = generalisations(scores, rng=Stream(0, ("generalise",)))
    kept = made if method is None else tuple(one for one in made if one.method == method)
    found = Generalising(
        methods=kept,
        specifications=_curves(study, kept) if study is not None else (),
        ablations=_ablations(study, method) if study is not None else (),
    )
    if json:
        give_json(found)
        return 0
    _overview(made) if method is None else _in_full(kept[0])
    for curve in found.specifications:
        give(visible(curve.sentence()))
    if found.ablations:
        give("")
        _show_ablations(found.ablations)
    give("\n".join(visible(line) for line in kept[0].basis.text().splitlines()))
    return 0


def _curves(study: StudyData, kept: Sequence[Generalisation]) -> tuple[SpecificationCurve, ...]:
    """Return the curve of the first of the methods against each other: the best, or the one asked for."""
    first = kept[0].method
    return tuple(
        specification_curve(study.plan, study.cells, study.facts, study.runs, first, other)
        for other in sorted(study.methods)
        if other != first
    )


def _ablations(study: StudyData, method: str | None) -> tuple[Ablation, ...]:
    found = ablations(study.plan, study.cells, study.facts)
    return tuple(one for one in found if method is None or method in (one.a, one.b))


def _overview(found: Sequence[Generalisation]) -> None:
    head = ["method", "position", "wins", "loses", "cannot be told", "same position in", "from", "to"]
    rows = [
        [
            shortened(one.method, _WIDTH),
            f"{one.position:g}",
            f"{one.wins}",
            f"{one.losses}",
            f"{len(one.standings) - one.wins - one.losses}",
            f"{one.subsets.same:,} of {one.subsets.subsets:,} subsets",
            f"{one.subsets.best:g}",
            f"{one.subsets.worst:g}",
        ]
        for one in found
    ]
    give(table(head, rows, right=(1, 2, 3, 4, 6, 7)))
    give(visible(found[0].sentence()))


def _in_full(one: Generalisation) -> None:
    give(visible(one.sentence()))
    give("")
    give(table(["task", "against", "", "difference", "adjusted p"], _standings(one), right=(3, 4)))
    give("")
    families = [
        [
            shortened(row.family, _WIDTH),
            *(f"{count}" for count in (len(row.tasks), row.wins, row.losses, row.untold)),
            f"{row.mean_rank:.2f}",
        ]
        for row in one.families
    ]
    head = ["family", "tasks", "wins", "loses", "cannot be told", "mean rank"]
    give(table(head, families, right=(1, 2, 3, 4, 5)))
    give("")
    rivals = [
        [
            shortened(row.rival, _WIDTH),
            f"{row.value:.3g} {row.unit}".rstrip(),
            row.measure,
            f"{row.turned:,} of {one.subsets.subsets:,}",
            ", ".join(row.fewest) or "none",
        ]
        for row in one.rivals
    ]
    give(table(["against", "over all", "measure", "subsets that turn it", "fewest families that do"], rivals))
    for left in one.leave_one_out:
        changed = f"; changed against {', '.join(left.changed)}" if left.changed else ""
        give(visible(f"without {left.family}: position {left.position:g}{changed}"))


def _standings(one: Generalisation) -> list[list[str]]:
    return [
        [
            shortened(row.task, _WIDTH),
            shortened(row.rival, _WIDTH),
            _TOLD.get(row.standing, row.standing),
            "" if row.difference is None else f"{row.difference:.3g}",
            "" if row.adjusted is None else f"{row.adjusted:.2g}",
        ]
        for row in one.standings
    ]


def _show_ablations(found: Sequence[Ablation]) -> None:
    for one in found:
        give(visible(f"{one.kind}: {one.text()}"))
        for row in one.rows:
            if row.difference is None:
                give(visible(f"  {row.benchmark}: {row.why}"))
                continue
            d = row.difference
            ends = "" if d.low is None or d.high is None else f", interval {d.low:.3g} to {d.high:.3g}"
            p = "" if row.adjusted is None else f", p {row.adjusted:.2g} with Holm over all ablations"
            give(visible(f"  {row.benchmark}: {d.mean:+.3g} {row.unit}{ends}{p}"))
