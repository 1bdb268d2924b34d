"""Whether our runs replicate a published number, and which of our variants fit which published row."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import msgspec
import numpy as np

from assay.foundation.errors import UnknownNameError, UsageError
from assay.statistics.basis import Basis, Result
from assay.statistics.intervals import Sample
from assay.statistics.multiplicity import holm
from assay.statistics.permutation import checked, checked_share, mean_of, sd_of
from assay.statistics.published import (
    NONE,
    Published,
    StandardError,
    check_published,
    difference_error,
    upper_tail,
)
from assay.statistics.quantiles import t_quantile
from assay.statistics.table import Table

REPLICATED, DIFFERS, UNDECIDED, UNVERIFIED = "replicated", "differs", "undecided", "unverified"
IDENTIFIED, NOT_IDENTIFIABLE, NO_FIT = "identified", "not identifiable", "no fit"


class NumberReplication(Result, frozen=True, kw_only=True):
    """The difference of our mean from a published one, and the verdict within a margin.

    `difference` is ours - published, with its interval at `confidence` (None where there is none);
    `method` is 'Welch', 'equal sd', 'one-sample t' or 'none'. `p_equivalent` is that of two one-sided
    tests, `p_differs` that of a difference beyond the margin; the adjusted ones are Holm's over the
    table, and decide. `lost` counts runs of ours without a value. `verdict` is 'replicated',
    'differs', 'undecided' or 'unverified'; `decision` is the verdict as if the place were stated.
    """

    name: str
    published: Published
    mean: float
    sd: float | None
    n: int
    lost: int
    difference: float
    low: float | None
    high: float | None
    confidence: float
    method: str
    margin: float
    p_equivalent: float | None
    p_differs: float | None
    adjusted_equivalent: float | None
    adjusted_differs: float | None
    alpha: float
    decision: str
    verdict: str

    def sentence(self) -> str:
        """Return the difference with its interval and margin, and the verdict."""
        ends = (
            "no interval" if self.low is None or self.high is None else f"{self.low:+.4g} to {self.high:+.4g}"
        )
        place = f" ({self.published.place})" if self.published.place else ""
        return (
            f"{self.name} - {self.published.name}{place}: {self.difference:+.4g} ({ends}; "
            f"margin {self.margin:.4g}): {self.verdict}."
        )

    def table(self) -> Table:
        """Return one row."""
        return Table(_COLUMNS, [_row(self)])


class TableReplication(Result, frozen=True, kw_only=True):
    """The replication of a table of numbers, with Holm's correction over them.

    `missing` names the published rows of which we have no runs.
    """

    numbers: tuple[NumberReplication, ...]
    missing: tuple[str, ...]
    margin: float
    alpha: float

    def sentence(self) -> str:
        """Return how many numbers have each verdict."""
        counts = dict.fromkeys((REPLICATED, DIFFERS, UNDECIDED, UNVERIFIED), 0)
        for number in self.numbers:
            counts[number.verdict] += 1
        said = ", ".join(f"{count} {verdict}" for verdict, count in counts.items() if count)
        tail = f"; {len(self.missing)} without runs of ours" if self.missing else ""
        return f"Of {len(self.numbers) + len(self.missing)} published numbers: {said}{tail}."

    def table(self) -> Table:
        """Return one row for each number."""
        return Table(_COLUMNS, [_row(number) for number in self.numbers])


class Confusion(Result, frozen=True, kw_only=True):
    """Which of our methods is compatible with which published row.

    `cells` is one tuple a method, with a NumberReplication for each row, Holm over all of them.
    `compatible` has the same shape: a pair that is not shown to differ. `statuses` says of each row
    'identified' (one method replicates it, and all others differ), 'not identifiable' (several are
    compatible), 'no fit', 'undecided' or 'unverified'; `fits` names the methods compatible with it.
    """

    methods: tuple[str, ...]
    rows: tuple[str, ...]
    cells: tuple[tuple[NumberReplication, ...], ...]
    compatible: tuple[tuple[bool, ...], ...]
    statuses: tuple[str, ...]
    fits: tuple[tuple[str, ...], ...]
    margin: float
    alpha: float

    def sentence(self) -> str:
        """Return of how many rows the method is identified, and which are not identifiable."""
        identified = sum(status == IDENTIFIED for status in self.statuses)
        several = [
            row for row, status in zip(self.rows, self.statuses, strict=True) if status == NOT_IDENTIFIABLE
        ]
        tail = f"; not identifiable: {', '.join(several)}" if several else ""
        return (
            f"{identified} of {len(self.rows)} published rows are identified among "
            f"{len(self.methods)} methods of ours{tail}."
        )

    def table(self) -> Table:
        """Return one row for each published row, with the decision on each method of ours."""
        columns = ("row", "status", *self.methods)
        decisions = [[cell.decision for cell in row] for row in self.cells]
        rows = zip(self.rows, self.statuses, *decisions, strict=True)
        return Table(columns, list(rows))


_COLUMNS = (
    "ours",
    "published",
    "place",
    "our mean",
    "our sd",
    "our n",
    "lost",
    "published mean",
    "published sd",
    "published n",
    "difference",
    "low",
    "high",
    "interval",
    "margin",
    "p equivalent",
    "p differs",
    "adjusted equivalent",
    "adjusted differs",
    "verdict",
)


def equivalence_margin(means: Sequence[float]) -> float:
    """Return half the smallest gap between neighbouring published means, rows of equal means apart.

    A number that is nearer than this to a row is nearer to it than to any other. Rows that print the
    same mean cannot be told apart by any margin. Raises `UsageError` for fewer than two different means.
    """
    ordered = np.unique(checked(means, "the published means"))
    if len(ordered) < 2:
        raise UsageError(
            "a margin from the table needs two different means",
            hint="give margin=, the largest difference that would not matter",
        )
    return float(np.diff(ordered).min()) / 2


def replicate_number(
    ours: Sample,
    published: Published,
    *,
    margin: float,
    varied: tuple[str, ...],
    name: str = "ours",
    alpha: float = 0.05,
    confidence: float = 0.95,
) -> NumberReplication:
    """Return whether our runs replicate a published number.

    'replicated': two one-sided tests at `alpha` put the difference strictly within the margin
    (Schuirmann 1987). 'differs': the interval at 1 - alpha lies wholly outside it. 'undecided':
    neither; also where any of our runs is lost (NaN), where the published n is not stated, and where no
    run varies. 'unverified': the number has no stated place.

    The interval is Welch's, with both n and sd. Where the published sd is not stated it is taken to
    equal ours ('equal sd'). Without a published n the interval shows what is known and decides nothing:
    its n is taken as 2, the fewest that have an sd, or with neither it is that of our mean about the
    printed number ('one-sample t'), which leaves the error of the printed number out.
    Raises `UsageError` for a margin that is not positive, no value of ours, or a published n or sd that
    cannot be.
    """
    return _finished([_compared(name, ours, published, margin, alpha, confidence, varied)])[0]


def replicate_table(
    ours: Mapping[str, Sample],
    published: Sequence[Published],
    *,
    varied: tuple[str, ...],
    margin: float | None = None,
    alpha: float = 0.05,
    confidence: float = 0.95,
) -> TableReplication:
    """Return whether our runs replicate each number of a published table, matched by name.

    As `replicate_number`, with Holm's correction over the equivalence tests and over the tests of a
    difference. `margin` is half the smallest gap between neighbouring rows if None. Raises
    `UsageError` for names given twice, and for a method of ours that the table does not have.
    """
    limit = _margin(published, margin)
    for name in ours:
        if name not in {row.name for row in published}:
            raise UnknownNameError("published row", name, (row.name for row in published))
    pairs = [(row.name, row) for row in published if row.name in ours]
    numbers = _finished([_compared(n, ours[n], row, limit, alpha, confidence, varied) for n, row in pairs])
    return TableReplication(
        basis=_table_basis("replication of a table of numbers", len(pairs), varied, limit),
        numbers=tuple(numbers),
        missing=tuple(row.name for row in published if row.name not in ours),
        margin=limit,
        alpha=alpha,
    )


def confusion(
    ours: Mapping[str, Sample],
    published: Sequence[Published],
    *,
    varied: tuple[str, ...],
    margin: float | None = None,
    alpha: float = 0.05,
    confidence: float = 0.95,
) -> Confusion:
    """Return which of our methods is compatible with which published row, Holm over all pairs.

    A pair is compatible unless it is shown to differ; a row with several compatible methods is 'not
    identifiable': its number does not say which of them made it. Errors as in `replicate_table`.
    """
    limit = _margin(published, margin)
    methods = tuple(ours)
    drafts = [
        _compared(name, ours[name], row, limit, alpha, confidence, varied)
        for name in methods
        for row in published
    ]
    flat, width = _finished(drafts), len(published)
    cells = tuple(tuple(flat[i : i + width]) for i in range(0, len(flat), width))
    compatible = tuple(tuple(cell.decision != DIFFERS for cell in row) for row in cells)
    fits = tuple(
        tuple(name for name, row in zip(methods, compatible, strict=True) if row[r]) for r in range(width)
    )
    return Confusion(
        basis=_table_basis("each of our methods against each published row", len(flat), varied, limit),
        methods=methods,
        rows=tuple(row.name for row in published),
        cells=cells,
        compatible=compatible,
        statuses=tuple(_status([row[r] for row in cells], len(fits[r])) for r in range(width)),
        fits=fits,
        margin=limit,
        alpha=alpha,
    )


def _compared(
    name: str,
    ours: Sample,
    published: Published,
    margin: float,
    alpha: float,
    confidence: float,
    varied: tuple[str, ...],
) -> NumberReplication:
    """Return a comparison without its verdict, which the table decides."""
    checked_share(alpha, "alpha")
    checked_share(confidence, "a confidence")
    if not 0.0 < margin < math.inf:
        raise UsageError(f"an equivalence margin is positive, got {margin}")
    check_published(published)
    whole = np.asarray(ours, dtype=np.float64)
    sample = checked(whole[~np.isnan(whole)], f"the sample of {name}")
    lost = whole.size - len(sample)
    sd = sd_of(sample) if len(sample) > 1 else None
    difference = mean_of(sample) - published.mean
    error = difference_error(sd, len(sample), published)
    equivalent = differs = low = high = None
    if error.method != NONE:
        half = t_quantile(error.freedom, confidence) * error.size
        low, high = difference - half, difference + half
        beyond = abs(difference) - margin
        equivalent = upper_tail(-beyond, error)
        differs = min(1.0, 2.0 * upper_tail(beyond, error))
    return NumberReplication(
        basis=_basis(error, len(sample), lost, published, varied),
        name=name,
        published=published,
        mean=mean_of(sample),
        sd=sd,
        n=len(sample),
        lost=lost,
        difference=difference,
        low=low,
        high=high,
        confidence=confidence,
        method=error.method,
        margin=margin,
        p_equivalent=equivalent,
        p_differs=differs,
        adjusted_equivalent=equivalent,
        adjusted_differs=differs,
        alpha=alpha,
        decision=UNDECIDED,
        verdict=UNDECIDED,
    )


def _finished(drafts: Sequence[NumberReplication]) -> list[NumberReplication]:
    """Return comparisons with p-values adjusted over all of them, and the verdicts that these give."""
    tested = [draft for draft in drafts if draft.p_equivalent is not None]
    equivalent = iter(holm([draft.p_equivalent or 0.0 for draft in tested]).tolist())
    differs = iter(holm([draft.p_differs or 0.0 for draft in tested]).tolist())
    finished = []
    for draft in drafts:
        adjusted = (None, None) if draft.p_equivalent is None else (next(equivalent), next(differs))
        decision = _decision(draft, *adjusted)
        finished.append(
            msgspec.structs.replace(
                draft,
                adjusted_equivalent=adjusted[0],
                adjusted_differs=adjusted[1],
                decision=decision,
                verdict=decision if draft.published.place.strip() else UNVERIFIED,
            )
        )
    return finished


def _decision(draft: NumberReplication, equivalent: float | None, differs: float | None) -> str:
    if draft.lost or draft.published.n is None or equivalent is None or differs is None:
        return UNDECIDED
    if equivalent <= draft.alpha:
        return REPLICATED
    return DIFFERS if differs <= draft.alpha else UNDECIDED


def _status(column: Sequence[NumberReplication], fits: int) -> str:
    """Return what the methods of ours say of one published row."""
    if any(cell.verdict == UNVERIFIED for cell in column):
        return UNVERIFIED
    if fits != 1:
        return NOT_IDENTIFIABLE if fits else NO_FIT
    return IDENTIFIED if any(cell.decision == REPLICATED for cell in column) else UNDECIDED


def _margin(published: Sequence[Published], margin: float | None) -> float:
    names = [row.name for row in published]
    if not names or len(set(names)) < len(names):
        raise UsageError("a published table has rows, each with a name of its own")
    return equivalence_margin([row.mean for row in published]) if margin is None else margin


def _basis(error: StandardError, n: int, lost: int, published: Published, varied: tuple[str, ...]) -> Basis:
    cautions = [error.caution] if error.caution else []
    if lost:
        cautions.append(f"{lost} of our runs are lost: a mean without them decides nothing")
    if published.n is None:
        cautions.append("the published number of runs is not stated: nothing is decided")
    if not published.place.strip():
        cautions.append("the published number has no stated place: nobody can check it")
    return Basis(
        procedure="interval of ours - published, and two one-sided tests within the margin",
        source="Welch, Biometrika 1947; Satterthwaite 1946; Schuirmann 1987",
        n={"our runs": n} | ({"published runs": published.n} if published.n is not None else {}),
        varied=varied,
        assumptions=tuple(filter(None, ("means are normal, samples independent", error.assumption))),
        correction="Holm over the numbers compared together, for equivalence and for difference",
        cautions=tuple(cautions),
    )


def _table_basis(procedure: str, comparisons: int, varied: tuple[str, ...], margin: float) -> Basis:
    return Basis(
        procedure=f"{procedure}, margin {margin:.6g}",
        source="Welch, Biometrika 1947; Schuirmann 1987; Holm 1979",
        n={"comparisons": comparisons},
        varied=varied,
        assumptions=("means are normal, samples independent",),
        correction="Holm over all comparisons, for equivalence and for difference",
        cautions=("each number has its own cautions, on what of it was not stated",),
    )


def _row(number: NumberReplication) -> tuple[str | int | float | None, ...]:
    row = number.published
    return (
        number.name,
        row.name,
        row.place,
        number.mean,
        number.sd,
        number.n,
        number.lost,
        row.mean,
        row.deviation,
        row.n,
        number.difference,
        number.low,
        number.high,
        number.method,
        number.margin,
        number.p_equivalent,
        number.p_differs,
        number.adjusted_equivalent,
        number.adjusted_differs,
        number.verdict,
    )
