"""Whether a record comes out again here before anything is blamed on a difference."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from assay.capture.recording.launch import HookSettings
from assay.provenance.commands import Randomness
from assay.verification.commands.change import Change
from assay.verification.commands.explanation import (
    ELSEWHERE,
    HASH_ORDER,
    RACE,
    REPEATABLE,
    UNKNOWN,
    UNSEEDED,
    Repeatability,
)
from assay.verification.commands.repeat import Repeated, Repeater
from assay.verification.commands.seen import COMPUTED, Seen, Unequal, unequal
from assay.verification.commands.wording import parted

View = Callable[[Seen], Seen]
_SURE = 3  # repeats with one setting that must be equal
_SEEDS = 8  # hash seeds that are tried until one gives another result
LOOSE = ("unseeded", "entropy", "time as seed")
# A difference that shows here first came in by data, order or draws, not by arithmetic.
_GENERATORS = {
    "python": "Python's generator",
    "numpy": "NumPy's global generator",
    "torch": "torch's generator",
    "torch.cuda": "torch's generator of the GPU",
}
_LATE = ("start", "print", "fit", "log", "forward")
_DRAWN = ("order", "batch", "inputs", "python", "numpy", "torch")


def repeatability(
    repeater: Repeater, recorded: Seen, hook: HookSettings, side: str, *, view: View = lambda seen: seen
) -> Repeatability:
    """Repeat a record twice with its own settings, and say what it is if that is not equal twice.

    `hook` says how far each repeat goes, and `view` leaves of a run what is to be explained. A race is told
    from loose randomness by where the repeats part, and by whether a fixed hash seed or a single thread
    makes them equal.
    """
    one, two = repeater.run(hook=hook), repeater.run(hook=hook)
    off = [unequal(view(recorded), view(each.seen()), strict=True) for each in (one, two)]
    if not any(off):
        return Repeatability(side=side, kind=REPEATABLE, repeats=2)
    apart = _apart(one, two, view)
    if not apart:
        first = off[0].first
        return Repeatability(
            side=side,
            kind=ELSEWHERE,
            repeats=2,
            first=first,
            sentence=f"{side} does not come out again here: two repeats agree with each other and part from "
            f"it {_at(off[0])}, so that something that was not recorded, or cannot be set here, differs.",
        )
    return _Loose(repeater, hook, view).kind_of(side, apart)


def _apart(one: Repeated, two: Repeated, view: View) -> Unequal:
    return unequal(view(one.seen()), view(two.seen()), strict=True)


class _Loose:
    """A run that is not repeatable, and what can be behind it."""

    def __init__(self, repeater: Repeater, hook: HookSettings, view: View) -> None:
        self._repeater, self._hook, self._view = repeater, hook, view
        self._before = repeater.runs

    def kind_of(self, side: str, apart: Unequal) -> Repeatability:
        """Say what it is: loose randomness, the order of hashes, a race, or something else."""
        # What libraries draw for names of files and the like has no line of the user's.
        known = self._repeater.provenance.randomness
        sources = tuple(one for one in known if one.kind in LOOSE and one.where)
        first = apart.first
        found = Repeatability(side=side, kind=RACE, repeats=2, first=first, sources=sources)
        told = f"{side} is not repeatable even here: two repeats with its own settings part {_at(apart)}"
        if "PYTHONHASHSEED" not in self._repeater.restored.variables and self._follows_hash_seed():
            return self._counted(
                found,
                HASH_ORDER,
                f"{told}. Each value of PYTHONHASHSEED gives one result, and two of them another: the "
                "order of a set or the hash of a string decides something. Sort before use, or set "
                "PYTHONHASHSEED.",
            )
        if sources and (first is None or first.field in _DRAWN or first.kind in _LATE):
            sentence = f"{told}, because {_named(sources)}. No setting is to blame."
            return self._counted(found, UNSEEDED, sentence)
        if first is not None and first.field in ("python", "numpy", "torch"):
            sentence = f"{told}: {_GENERATORS[first.field]} was in another state, and nobody seeded it."
            return self._counted(found, UNSEEDED, sentence)
        return self._raced(found, told)

    def _raced(self, found: Repeatability, told: str) -> Repeatability:
        """Say what is left where no generator is behind it; threads are named where one settles it."""
        kind = RACE
        if self._equal(ONE_THREAD, self._runs(ONE_THREAD, 1)[0]):
            why = (
                f"with all generators equal: {_SURE} repeats with one thread are equal, which points to a "
                "race of threads"
            )
        elif found.first is not None and found.first.kind in COMPUTED:
            why = "with all generators equal: threads or processes race"
        else:
            # A clock, the number of a process or the name of a temporary file shows like this too.
            kind = UNKNOWN
            why = "and nothing that was recorded tells why: the time, or threads or processes that race"
        return self._counted(found, kind, f"{told}, {why}. No setting is to blame.")

    def _counted(self, found: Repeatability, kind: str, sentence: str) -> Repeatability:
        repeats = self._repeater.runs - self._before + found.repeats
        return msgspec.structs.replace(found, kind=kind, sentence=sentence, repeats=repeats)

    def _follows_hash_seed(self) -> bool:
        """Say whether each hash seed gives one result, and some two of them another.

        That repeats with one seed are equal says little: what seldom differs is equal under any setting.
        """
        base = self._runs(_hash_seed(0), 1)[0]
        if not self._equal(_hash_seed(0), base):
            return False
        for seed in range(1, _SEEDS):
            other = self._runs(_hash_seed(seed), 1)[0]
            if _apart(base, other, self._view):
                return self._equal(_hash_seed(seed), other)
        return False

    def _equal(self, change: Change, first: Repeated) -> bool:
        """Say whether all repeats with a change are equal to the first of them."""
        return not any(_apart(first, one, self._view) for one in self._runs(change, _SURE - 1))

    def _runs(self, change: Change, count: int) -> list[Repeated]:
        return [self._repeater.run((change,), hook=self._hook) for _ in range(count)]


def _hash_seed(seed: int) -> Change:
    return Change(
        id=f"hash seed {seed}",
        kind="hash seed",
        path="PYTHONHASHSEED",
        a=None,
        b=str(seed),
        text=f"PYTHONHASHSEED: absent -> {seed}",
        likelihood=0,
        variables={"PYTHONHASHSEED": str(seed)},
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


def _at(apart: Unequal) -> str:
    if apart.first is not None:
        return parted(apart.first)
    return f"in their results ({'; '.join(apart.counted[:2])})"
