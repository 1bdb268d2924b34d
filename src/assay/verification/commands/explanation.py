"""What `assay explain` answers: one paragraph that a person understands, and the evidence under it."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from assay.provenance.commands import Randomness
from assay.verification.commands.attribute import CONJUNCTION, INDEPENDENT, Attribution
from assay.verification.commands.operators import ENTERED, LINE, OPERATOR, OperatorDifference
from assay.verification.commands.replay import Size
from assay.verification.commands.traces import TraceDifference
from assay.verification.commands.wording import parted

# What `Repeatability.kind` can be.
REPEATABLE, UNSEEDED, HASH_ORDER, RACE, ELSEWHERE = (
    "repeatable",
    "unseeded",
    "hash order",
    "race",
    "elsewhere",
)


class Repeatability(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a record comes out again here, with its own settings.

    `kind` is 'repeatable', 'unseeded' (a generator that nobody seeded, the clock, entropy), 'hash order'
    (it follows PYTHONHASHSEED), 'race' (processes or threads in another order) or 'elsewhere' (repeats agree
    with each other, not with the record). `sources` are the recorded uses of randomness that can be it.
    """

    side: str
    kind: str
    repeats: int
    sentence: str = ""
    sources: tuple[Randomness, ...] = ()
    first: TraceDifference | None = None


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """One difference between two provenances, as it is listed: `part` says what was found out about it.

    `part` is 'cause', 'innocent', 'undecided', 'not applicable' or '' where nothing was tried.
    """

    id: str
    kind: str
    text: str
    part: str = ""
    why: str = ""


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """What the named operator gave when it ran alone on the recorded inputs, under both settings.

    `proved` says that it gave A's outputs under A's settings and B's under those of the cause.
    """

    proved: bool
    sentence: str
    size: Size | None = None


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """Why two runs differ.

    `answer` is 'identical', 'explained' (the causes were found), 'located' (where, not yet why), 'unseeded',
    'hash order', 'race' or 'unexplained'. `runs` counts the re-runs, `bound` is the most that was foreseen.
    """

    a: str
    b: str
    answer: str
    paragraph: str
    differences: tuple[Listed, ...] = ()
    first: TraceDifference | None = None
    results: tuple[str, ...] = ()
    repeatability: tuple[Repeatability, ...] = ()
    operator: OperatorDifference | None = None
    operator_why_not: str = ""
    attribution: Attribution | None = None
    proof: Proof | None = None
    runs: int = 0
    bound: int = 0
    seconds: float = 0.0
    notes: tuple[str, ...] = ()


def paragraph(found: Explanation) -> str:
    """Return the answer in sentences."""
    parts = [_where_they_part(found)]
    loose = next((one for one in found.repeatability if one.kind != REPEATABLE), None)
    if loose is not None:
        parts.append(_loose(found, loose))
    if found.operator is not None:
        parts.append(f"{_operator(found.operator)}.")
    if found.attribution is not None:
        parts.append(_causes(found, found.attribution))
    if found.proof is not None:
        parts.append(found.proof.sentence)
    if found.answer == "located":
        parts.append(_untried(found))
    return " ".join(part for part in parts if part)


def _where_they_part(found: Explanation) -> str:
    if found.first is not None:
        where = f" ({found.first.where})" if found.first.where else ""
        return f"The two runs part {parted(found.first)}{where}."
    if found.results:
        unequal = "; ".join(found.results[:3])
        return f"The traces are equal where both were recorded, and the results are not: {unequal}."
    return (
        "The two runs are identical in all that was recorded: every step, every output, every logged value."
    )


def _loose(found: Explanation, loose: Repeatability) -> str:
    """Return why a side does not come out again, without telling the same place twice."""
    if found.first is None or loose.first is None:
        return loose.sentence
    place = parted(found.first)
    return (
        loose.sentence.replace(f"part {place}", "part there too")
        if place == parted(loose.first)
        else loose.sentence
    )


def _operator(one: OperatorDifference) -> str:
    at = f" ({one.where})" if one.where else ""
    place = f"{f' in {one.module}' if one.module else ''}{at}"
    if one.operator == LINE:
        return f"The programs part{at}: {one.detail}"
    if one.kind == OPERATOR:
        backward = " of the backward pass" if one.backward else ""
        return f"The first operator{backward} with equal inputs and unequal outputs is {one.operator}{place}"
    if one.kind == ENTERED:
        return f"What differs enters at {one.operator}{place}: {one.detail}"
    return f"The programs do different things{at}: {one.detail}"


def _causes(found: Explanation, attribution: Attribution) -> str:
    texts = {one.id: one.text for one in found.differences}
    spent = f"{attribution.runs} re-run{'s' if attribution.runs != 1 else ''}"
    if not attribution.causes:
        tried = (
            f"None of the {len(texts)} differences that could be applied turns A's result into B's ({spent})"
        )
        return f"{tried}." if attribution.remainder else f"{tried}: the search ended at its limit."
    sentences = []
    for cause in attribution.causes:
        named = _together([texts[one] for one in cause.ids])
        into = (
            "turns A's result into B's" if cause.outcome == "b" else "changes A's result, though not into B's"
        )
        if len(cause.ids) == 1:
            sentences.append(f"{named} alone {into}.")
        elif cause.kind == CONJUNCTION:
            sentences.append(
                f"{named} {into.replace('turns', 'turn', 1).replace('changes', 'change', 1)} only together."
            )
        elif cause.kind == INDEPENDENT:
            sentences.append(
                f"{named} each change the result, and together {into.replace('turns', 'turn', 1)}."
            )
        else:
            sentences.append(f"{named} together {into.replace('turns', 'turn', 1)}.")
    innocent = len(attribution.innocent)
    if innocent:
        sentences.append(
            f"The other {innocent} difference{'s have' if innocent > 1 else ' has'} no part in it."
        )
    if attribution.remainder:
        sentences.append("All differences together do not give B's result: something else differs too.")
    sentences.append(f"The search took {spent}, of {found.runs} in all.")
    return " ".join(sentences)


def _together(texts: Sequence[str]) -> str:
    quoted = [f"[{text}]" for text in texts]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} and {quoted[-1]}"


def _untried(found: Explanation) -> str:
    likely = [one.text for one in found.differences[:3]]
    if not likely:
        return "Nothing that was recorded about how they came to be differs."
    return f"Most likely behind it: {'; '.join(likely)}. --attribute tries which of them it is."
