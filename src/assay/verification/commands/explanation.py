"""What `assay explain` answers: one paragraph that a person understands, and the evidence under it."""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from assay.provenance.commands import Randomness
from assay.verification.commands.attribute import CONJUNCTION, INDEPENDENT, Attribution
from assay.verification.commands.operators import (
    ENTERED,
    GENERATOR,
    LINE,
    OPERATOR,
    SCALAR,
    OperatorDifference,
)
from assay.verification.commands.replay import Size
from assay.verification.commands.traces import TraceDifference
from assay.verification.commands.wording import parted

# The digests in a line about data that is gone.
_RECORDED = re.compile(r": recorded \w+, now \w+")
# What `Repeatability.kind` can be.
REPEATABLE, UNSEEDED, HASH_ORDER, RACE, ELSEWHERE, UNKNOWN = (
    "repeatable",
    "unseeded",
    "hash order",
    "race",
    "elsewhere",
    "unrepeatable",
)
CHANCE, EXPLAINED, PARTLY = "chance", "explained", "partly explained"


class Repeatability(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a record comes out again here, with its own settings.

    `kind` is 'repeatable', 'unseeded' (a generator that nobody seeded, the clock, entropy), 'hash order'
    (it follows PYTHONHASHSEED), 'race' (processes or threads in another order), 'unrepeatable' (nothing tells
    why) or 'elsewhere' (repeats agree with each other, not with the record). `sources` are the recorded
    uses of randomness that can be it.
    """

    side: str
    kind: str
    repeats: int
    sentence: str = ""
    sources: tuple[Randomness, ...] = ()
    first: TraceDifference | None = None


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """One difference between two provenances, as it is listed: `part` says what was found out about it.

    `part` is 'cause', 'partial' (it changes A, but into neither A nor B), 'innocent', 'undecided', 'not
    applicable' or '' where nothing was tried.
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

    `answer` is 'identical', 'explained' (the causes were found), 'partly explained' (what was found changes
    A, but into neither A nor B), 'located' (where, not yet why), 'unseeded', 'hash order', 'race',
    'unrepeatable' (it differs from repeat to repeat, and nothing tells why), 'chance' (what seemed to be the
    cause was not when it was tried again) or 'unexplained'. `obstacles` say why nothing was tried though that
    was asked for; `untraced` that the traces could not be compared. `runs` counts the re-runs, `bound` is the
    most that was foreseen.
    """

    a: str
    b: str
    answer: str
    paragraph: str
    differences: tuple[Listed, ...] = ()
    first: TraceDifference | None = None
    results: tuple[str, ...] = ()
    obstacles: tuple[str, ...] = ()
    untraced: bool = False
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
    if found.answer == CHANCE:
        parts.append(_chance(found))
    elif found.attribution is not None:
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
    if found.untraced:
        return (
            "The two runs are identical in what can be compared: output, exit status, files and logged "
            "values. Their steps cannot be."
        )
    return (
        "The two runs are identical in all that was recorded: every traced step, every output file, every "
        "logged value."
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
    line = one.operator == LINE
    at = f" ({one.where})" if one.where else ""
    what = (
        f"the line {one.where}" if line else f"{one.operator}{f' in {one.module}' if one.module else ''}{at}"
    )
    if one.kind == OPERATOR:
        first = "line" if line else "operator of the backward pass" if one.backward else "operator"
        named = f"{one.where} ({one.shapes})" if line else what
        return f"The first {first} with equal inputs and unequal outputs is {named}"
    if one.kind == ENTERED:
        return _entered(one, what)
    detail = one.detail.removeprefix("another line: ")
    return f"The programs do different things{'' if one.where in detail else at}: {detail}"


def _entered(one: OperatorDifference, what: str) -> str:
    """Say how a difference came in that no operator made."""
    if one.which == SCALAR:
        return f"The first difference is a number in the call of {what}: {one.detail.partition(': ')[2]}"
    if one.which == GENERATOR:
        return f"The first difference is that {what} draws from a generator in another state"
    if one.detail.startswith("data of another shape"):
        return f"What differs enters at {what}: {one.detail}"
    return f"Other data enters at {what}: one of its inputs differs, and nothing before it made that"


def _causes(found: Explanation, attribution: Attribution) -> str:
    texts = {one.id: one.text for one in found.differences}
    spent = f"{attribution.runs} re-run{'s' if attribution.runs != 1 else ''}"
    if not attribution.causes:
        return _no_cause(found, attribution, spent)
    sentences = []
    for cause in attribution.causes:
        named = _together([texts[one] for one in cause.ids])
        into = (
            "turns A's result into B's"
            if cause.outcome == "b"
            else "changes A's result into a third one, neither A's nor B's"
        )
        plural = into.replace("turns", "turn", 1).replace("changes", "change", 1)
        if len(cause.ids) == 1:
            sentences.append(f"{named} alone {into}.")
        elif cause.kind == CONJUNCTION:
            sentences.append(f"{named} {plural} only together.")
        elif cause.kind == INDEPENDENT:
            sentences.append(f"{named} each change the result, and together {plural}.")
        else:
            sentences.append(f"{named} together {plural}.")
    innocent = len(attribution.innocent)
    if innocent:
        sentences.append(
            f"The other {innocent} difference{'s have' if innocent > 1 else ' has'} no part in it."
        )
    if attribution.remainder:
        sentences.append("All differences together do not give B's result: something else differs too.")
    sentences.append(f"The search took {spent}, of {found.runs} in all.")
    return " ".join(sentences)


def _chance(found: Explanation) -> str:
    texts = {one.id: one.text for one in found.differences}
    causes = found.attribution.causes if found.attribution else ()
    named = _together([texts[one] for cause in causes for one in cause.ids])
    return (
        f"{named} seemed to be behind it, and when A was run again as it was and with that, the results were "
        "others than before: chance decides, and no setting is to blame."
    )


def _no_cause(found: Explanation, attribution: Attribution, spent: str) -> str:
    """Say that nothing turned A into B, and what could not be tried."""
    untried = [one.text for one in found.differences if one.part == "not applicable"]
    tried = len(found.differences) - len(untried)
    if not tried:
        sentence = "No difference was recorded that can be tried."
    elif attribution.remainder:
        which = "The one difference" if tried == 1 else f"None of the {tried} differences"
        verb = "does not turn" if tried == 1 else "turns"
        sentence = f"{which} that can be tried {verb} A's result into B's ({spent})."
    else:
        sentence = f"The search ended at its limit before a cause was sure ({spent})."
    return (
        f"{sentence} What differs too and cannot be tried: {'; '.join(untried[:3])}." if untried else sentence
    )


def _together(texts: Sequence[str]) -> str:
    quoted = [f"[{text}]" for text in texts]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} and {quoted[-1]}"


def _untried(found: Explanation) -> str:
    likely = [one.text for one in found.differences[:3]]
    behind = f"Most likely behind it: {'; '.join(likely)}." if likely else ""
    if found.obstacles:
        why = "; ".join(
            _RECORDED.sub(" is not what it was", one).replace("missing: ", "") for one in found.obstacles[:3]
        )
        return f"No cause could be tried, for a run cannot be repeated ({why}). {behind}".rstrip()
    if not likely:
        return "Nothing that was recorded about how they came to be differs."
    return f"{behind} --attribute tries which of them it is."
