"""Whether a record comes out again here before anything is blamed on a difference."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from assay.capture.recording.launch import HookSettings
from assay.provenance.commands import Randomness
from assay.records.trace import Trace
from assay.verification.commands.change import Change
from assay.verification.commands.explanation import (
    ELSEWHERE,
    HASH_ORDER,
    RACE,
    REPEATABLE,
    UNSEEDED,
    Repeatability,
)
from assay.verification.commands.repeat import Repeated, Repeater
from assay.verification.commands.traces import TraceDifference, first_difference
from assay.verification.commands.verify import judged
from assay.verification.commands.wording import parted

LOOSE = ("unseeded", "entropy", "time as seed")
# A difference that shows here first came in by data, order or draws, not by arithmetic.
_GENERATORS = {
    "python": "Python's generator",
    "numpy": "NumPy's global generator",
    "torch": "torch's generator",
    "torch.cuda": "torch's generator of the GPU",
}
_DRAWN = ("order", "batch", "inputs", "python", "numpy", "torch")


def repeatability(repeater: Repeater, trace: Trace, hook: HookSettings, side: str) -> Repeatability:
    """Repeat a record twice with its own settings, and say what it is if that is not equal twice.

    `hook` says how far each repeat goes. A race is told from loose randomness by where the repeats part,
    and by whether a fixed hash seed or a single thread makes them equal.
    """
    one, two = repeater.run(hook=hook), repeater.run(hook=hook)
    off = [first_difference(judged(trace), until(judged(r.trace), hook.stop_after)) for r in (one, two)]
    if off == [None, None]:
        return Repeatability(side=side, kind=REPEATABLE, repeats=2)
    apart = _apart(one, two)
    if apart is None:
        first = off[0]
        return Repeatability(
            side=side,
            kind=ELSEWHERE,
            repeats=2,
            first=first,
            sentence=f"{side} does not come out again here: two repeats agree with each other and part from "
            f"it {_at(first)}, so that something that was not recorded, or cannot be set here, differs.",
        )
    return _loose(repeater, hook, side, apart)


def until(trace: Trace, step: int | None) -> Trace:
    """Return a trace up to and with a step; all of it without one."""
    if step is None:
        return trace
    return msgspec.structs.replace(
        trace, steps=[row for row in trace.steps if row["step"] <= step and row["kind"] != "end"]
    )


def _apart(one: Repeated, two: Repeated) -> TraceDifference | None:
    return first_difference(judged(one.trace), judged(two.trace))


def _loose(repeater: Repeater, hook: HookSettings, side: str, apart: TraceDifference) -> Repeatability:
    # What libraries draw for names of files and the like has no line of the user's.
    sources = tuple(one for one in repeater.provenance.randomness if one.kind in LOOSE and one.where)
    found = Repeatability(side=side, kind=RACE, repeats=2, first=apart, sources=sources)
    told = f"{side} is not repeatable even here: two repeats with its own settings part {_at(apart)}"
    if "PYTHONHASHSEED" not in repeater.restored.variables and _settles(repeater, hook, HASH_SEED):
        return msgspec.structs.replace(
            found,
            kind=HASH_ORDER,
            repeats=4,
            sentence=f"{told}. With PYTHONHASHSEED=0 they are equal: the order of a set or the hash of a "
            "string decides something. Sort before use, or set PYTHONHASHSEED.",
        )
    if sources and (apart.field in _DRAWN or apart.kind in ("start", "print", "fit", "log", "forward")):
        return msgspec.structs.replace(
            found, kind=UNSEEDED, sentence=f"{told}, because {_named(sources)}. No setting is to blame."
        )
    if apart.field in ("python", "numpy", "torch"):
        return msgspec.structs.replace(
            found,
            kind=UNSEEDED,
            sentence=f"{told}: {_GENERATORS[apart.field]} was in another state, and nobody seeded it.",
        )
    single = _settles(repeater, hook, ONE_THREAD)
    why = "with one thread they are equal, so that threads race" if single else "threads or processes race"
    return msgspec.structs.replace(
        found, repeats=4, sentence=f"{told}, with all generators equal: {why}. No setting is to blame."
    )


HASH_SEED = Change(
    id="hash seed fixed",
    kind="hash seed",
    path="PYTHONHASHSEED",
    a=None,
    b="0",
    text="PYTHONHASHSEED: absent -> 0",
    likelihood=0,
    variables={"PYTHONHASHSEED": "0"},
)
ONE_THREAD = Change(
    id="one thread",
    kind="threads",
    path="threads",
    a=None,
    b="1",
    text="one thread",
    likelihood=0,
    variables={"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
    threads=1,
)


def _settles(repeater: Repeater, hook: HookSettings, change: Change) -> bool:
    """Say whether two repeats with a change are equal to each other."""
    return _apart(repeater.run((change,), hook=hook), repeater.run((change,), hook=hook)) is None


def _named(sources: Sequence[Randomness]) -> str:
    shown = [_source(one) for one in sources[:3]]
    more = len(sources) - len(shown)
    return "; ".join(shown) + (f"; and {more} more" if more else "")


def _source(one: Randomness) -> str:
    place = f" ({one.where})" if one.where else ""
    generator = _GENERATORS.get(one.generator, f"a generator of {one.generator}")
    if one.kind == "time as seed":
        return f"the clock seeds {generator}{place}"
    if one.kind == "entropy":
        return f"{one.generator} brings in entropy of the operating system{place}"
    return f"{generator} is drawn from without a seed{place}"


def _at(difference: TraceDifference | None) -> str:
    return "in a place that was not compared" if difference is None else parted(difference)
