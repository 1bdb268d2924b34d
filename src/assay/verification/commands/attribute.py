"""The smallest sets of changes that turn one result into another, found by testing subsets; pure.

A test says what A becomes with some of the changes: A's own result, B's, another one, or a failure. One
smallest set is found by looking for the last change that is needed, in the manner of QuickXplain
(Junker, AAAI 2004): binary search over prefixes, split where half of the probability lies, so that
likely changes first cost little. All of them are found by a tree of hitting sets (Reiter, Artificial
Intelligence 1987): each element of a known set is left out in turn, and what is left is tested.

Every set that is returned was tested and gave its outcome, and without any one of its elements it did
not. That there is no further set holds where a set that reaches B still does so with more changes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate
from typing import Literal, Protocol

import msgspec

from assay.foundation.errors import UsageError

Outcome = Literal["a", "b", "other", "broken"]
SINGLE, INDEPENDENT, CONJUNCTION, MIXED, UNDECIDED = (
    "single",
    "independent",
    "conjunction",
    "mixed",
    "undecided",
)
# The number of causes that are expected before anything is known.
_EXPECTED = 1.3
# How much less likely a change is that stood among others which together changed nothing.
_UNMOVED = 0.1
_LIKELY_ENOUGH = 0.4


class Candidate(Protocol):
    """What is asked of a change."""

    @property
    def id(self) -> str:
        """What names it among the others."""

    @property
    def likelihood(self) -> int:
        """How likely it is to matter: from 0, each number half as likely as the one before."""


class Cause(msgspec.Struct, frozen=True, kw_only=True):
    """A smallest set of changes with an effect: without any one of them the `outcome` is not reached.

    `outcome` is 'b', or 'other' where all changes together do not give B. `alone` holds what each of the
    set does by itself, where that was tested. `kind` is 'single'; 'independent' where each alone already
    changes A; 'conjunction' where none alone does; 'mixed' where some do; 'undecided' where the runs
    did not last.
    """

    ids: tuple[str, ...]
    kind: str
    outcome: Outcome
    alone: dict[str, Outcome]


class Attribution(msgspec.Struct, frozen=True, kw_only=True):
    """What makes B of A.

    `innocent` were shown to have no part in it: they are in no smallest set, or (where the search is not
    `complete`) stood only among changes that together left A as it is. `undecided` are all others.
    `broken` are smallest sets that make the program fail; `unstable` sets whose repeated tests disagreed.
    `smallest` is the smallest set known to have the effect where the runs ended before any cause was
    certain. `runs` counts the tests, `bound` is the most that one cause of at most two changes costs.
    `remainder` says that all changes together do not give B, so that something else differs too.
    """

    causes: tuple[Cause, ...]
    innocent: tuple[str, ...]
    undecided: tuple[str, ...]
    broken: tuple[tuple[str, ...], ...] = ()
    unstable: tuple[tuple[str, ...], ...] = ()
    smallest: tuple[str, ...] = ()
    runs: int = 0
    bound: int = 0
    complete: bool = True
    remainder: bool = False


def worst_case(changes: int, elements: int, sets: int = 1) -> int:
    """Return the most tests that `attribute` makes where B has `sets` smallest sets of at most `elements`.

    It holds for results that stay B's when further changes are added. Without repeats.
    """
    if changes <= 1:
        return changes
    elements = min(elements, changes)
    depth = math.ceil(math.log2(changes + 1)) + 2
    # Where a change is left out, the rest may fail to give B: once for each way to hit all sets.
    left_out = sum(int(elements**level) for level in range(1, sets + 1))
    minimal = 2 * elements if elements > 2 else elements
    return 2 + sets * ((elements + 1) * depth + minimal) + left_out


def attribute(
    changes: Sequence[Candidate],
    test: Callable[[frozenset[str]], Outcome],
    *,
    limit: int,
    repeats: int = 1,
) -> Attribution:
    """Find every smallest set of changes that turns A into B, with few tests and at most `limit`.

    `test` says what A becomes with the changes of a set. The empty set is taken to be A and is not
    tested, and no set is tested twice, but for `repeats`: answers that disagree count as another result.
    Where all changes together do not give B (`remainder`), the smallest sets that leave A are found
    instead. Raises `UsageError` for ids that stand twice and for a limit or repeats below 1.
    """
    ids = [change.id for change in changes]
    if len(set(ids)) != len(ids):
        raise UsageError(
            "two changes have one id", why=", ".join(sorted({i for i in ids if ids.count(i) > 1}))
        )
    if limit < 1 or repeats < 1:
        raise UsageError("a search makes at least one run", why=f"limit {limit}, repeats {repeats}")
    search = _Search(changes, test, limit, repeats)
    try:
        search.run()
    except _SpentError:
        search.complete = False
    return search.result(ids)


class _SpentError(Exception):
    """The limit of runs is reached."""


class _Search:
    """The state of one search: what was asked, and what is known so far."""

    def __init__(
        self,
        changes: Sequence[Candidate],
        test: Callable[[frozenset[str]], Outcome],
        limit: int,
        repeats: int,
    ) -> None:
        ordered = sorted(changes, key=lambda change: change.likelihood)  # stable: equal ones as given
        self.order = [change.id for change in ordered]
        self.test = test
        self.limit = limit
        self.repeats = repeats
        self.prior = _prior([change.likelihood for change in ordered], self.order)
        self.known: dict[frozenset[str], Outcome] = {frozenset(): "a"}
        self.runs = 0
        self.found: list[frozenset[str]] = []
        self.broken: list[frozenset[str]] = []
        self.unstable: list[frozenset[str]] = []
        self.holds: Callable[[Outcome], bool] = _is_b
        self.remainder = False
        self.complete = True

    def ask(self, ids: Iterable[str]) -> Outcome:
        """Return what A becomes with these changes; tested once."""
        subset = frozenset(ids)
        if subset not in self.known:
            self.known[subset] = self._tested(subset)
        return self.known[subset]

    def _tested(self, subset: frozenset[str]) -> Outcome:
        if self.runs + self.repeats > self.limit:
            raise _SpentError
        self.runs += self.repeats
        answers = [self.test(subset) for _ in range(self.repeats)]
        if len(set(answers)) > 1:
            self.unstable.append(subset)
            return "other"
        return answers[0]

    def run(self) -> None:
        """Search for everything; what is found stays where the runs end early."""
        universe = list(self.order)
        if not universe:
            self.remainder = True
            return
        if not self._likely_one_is_all(universe):
            universe = self._without_breakers(universe)
            if self.ask(universe) != "b":
                self.remainder = True
                self.holds = _leaves_a
        if not self.holds(self.ask(universe)):
            self.complete = not self.broken
            return
        self._hitting_sets(universe)
        self.complete = self.complete and not self.broken

    def _likely_one_is_all(self, universe: Sequence[str]) -> bool:
        """Say whether the likeliest change is B and the others do nothing: two runs."""
        first = universe[0]
        if len(universe) == 1 or _alone(first, universe, self.prior) < _LIKELY_ENOUGH:
            return False
        if self.ask([first]) != "b" or self.ask(universe[1:]) != "a":
            return False
        self.found.append(frozenset([first]))
        # What the others do not do together, none of them hinders.
        self.known.setdefault(frozenset(universe), "b")
        return True

    def _without_breakers(self, universe: list[str]) -> list[str]:
        """Return the changes without the smallest sets that make the program fail."""
        while universe and self.ask(universe) == "broken":
            breaker = self._minimal(universe, lambda outcome: outcome == "broken")
            self.broken.append(breaker)
            universe = [one for one in universe if one not in breaker]
        return universe

    def _hitting_sets(self, universe: Sequence[str]) -> None:
        """Find all smallest sets: leave out one element of each known set, in every way."""
        closed: list[frozenset[str]] = []
        level: list[frozenset[str]] = [frozenset()]
        while level:
            following: dict[frozenset[str], None] = {}
            for without in level:
                if any(done <= without for done in closed):
                    continue
                rest = [one for one in universe if one not in without]
                outcome = self.ask(rest)
                if not self.holds(outcome):
                    closed.append(without)
                    self.complete = self.complete and outcome != "broken"
                    continue
                one = next((found for found in self.found if not found & without), None) or self._next(rest)
                for element in self._in_order(one):
                    following[without | {element}] = None
            level = list(following)

    def _next(self, universe: Sequence[str]) -> frozenset[str]:
        """Find one more smallest set and what its elements do alone."""
        found = self._minimal(universe, self.holds)
        self.found.append(found)
        for one in self._in_order(found):
            self.ask([one])
        return found

    def _minimal(self, universe: Sequence[str], holds: Callable[[Outcome], bool]) -> frozenset[str]:
        """Return a smallest set with the effect among changes that together have it."""
        found: list[str] = []
        rest = list(universe)
        while position := self._last_needed(rest, found, holds):
            found.append(rest[position - 1])
            rest = rest[: position - 1]
        return self._reduced(found, holds)

    def _last_needed(
        self, rest: Sequence[str], found: Sequence[str], holds: Callable[[Outcome], bool]
    ) -> int:
        """Return how many of `rest` are needed beside `found`; with one fewer, the effect is gone."""
        low, high = (-1 if found else 0), len(rest)
        masses = self._masses(rest, found)
        while high - low > 1:
            middle = _half(masses, low, high)
            if holds(self.ask([*found, *rest[:middle]])):
                high = middle
            else:
                low = middle
        return high

    def _masses(self, rest: Sequence[str], found: Sequence[str]) -> list[float]:
        """Return how likely it is that exactly so many of `rest` are needed, from 0 to all of them.

        Half of it is spread evenly, so that a misleading order costs one test and not all.
        """
        chances = self._chances(rest, found)
        none_after = 1.0
        informed = [0.0] * (len(rest) + 1)
        for place in range(len(rest), 0, -1):
            informed[place] = none_after * chances[place - 1]
            none_after *= 1.0 - chances[place - 1]
        informed[0] = none_after if found else 0.0
        total = sum(informed)
        even = 0.5 / len(informed)
        return [0.5 * mass / total + even for mass in informed]

    def _chances(self, rest: Sequence[str], found: Sequence[str]) -> list[float]:
        """Return the probability of each change to be needed, given what earlier tests showed."""
        unmoved = self._together("a")
        chances = {one: self.prior[one] * (_UNMOVED if one in unmoved else 1.0) for one in rest}
        pool = set(rest)
        for subset, outcome in self.known.items():
            # What moved A without a change that is found already holds another that moves it.
            moved = [one for one in rest if one in subset and one not in unmoved]
            if outcome == "other" and found and subset <= pool and moved:
                chances |= {one: max(chances[one], 0.9 / len(moved)) for one in moved}
        return [min(chances[one], 0.95) for one in rest]

    def _reduced(self, found: Sequence[str], holds: Callable[[Outcome], bool]) -> frozenset[str]:
        """Return a set from which nothing can be taken; that it is one already is shown by tests."""
        subset = frozenset(found)
        again = len(subset) > 1
        while again:
            again = False
            for one in self._in_order(subset):
                if len(subset) > 1 and holds(self.ask(subset - {one})):
                    subset, again = subset - {one}, True
        return subset

    def _together(self, wanted: Outcome) -> frozenset[str]:
        """Return the changes that stood in any tested set with this outcome."""
        empty: frozenset[str] = frozenset()
        return empty.union(*(subset for subset, outcome in self.known.items() if outcome == wanted))

    def _in_order(self, ids: frozenset[str]) -> list[str]:
        return [one for one in self.order if one in ids]

    def result(self, ids: Sequence[str]) -> Attribution:
        """Return what is known, in the order in which the changes were given."""

        def given(some: Iterable[str]) -> tuple[str, ...]:
            chosen = set(some)
            return tuple(one for one in ids if one in chosen)

        caught = frozenset().union(*self.found, *self.broken)
        others = [one for one in ids if one not in caught]
        if not self.complete:
            unmoved = frozenset().union(*(known for known, outcome in self.known.items() if outcome == "a"))
            moving = [
                known for known, outcome in self.known.items() if outcome == "other" and len(known) == 1
            ]
            unmoved -= frozenset().union(*moving)
            others = [one for one in others if one in unmoved]
        breaking = frozenset().union(*self.broken) - frozenset().union(*self.found)
        reached = [known for known, outcome in self.known.items() if self.holds(outcome)]
        narrowed = min(reached, key=len, default=frozenset()) if not self.found else frozenset()
        return Attribution(
            causes=tuple(self._cause(found, given(found)) for found in self.found),
            innocent=tuple(others),
            undecided=tuple(one for one in ids if one in breaking or not (one in caught or one in others)),
            broken=tuple(given(found) for found in self.broken),
            unstable=tuple(given(found) for found in self.unstable),
            smallest=given(narrowed),
            runs=self.runs,
            bound=worst_case(len(ids), 2) * self.repeats,
            complete=self.complete,
            remainder=self.remainder,
        )

    def _cause(self, found: frozenset[str], ids: tuple[str, ...]) -> Cause:
        alone = {one: self.known[frozenset([one])] for one in ids if frozenset([one]) in self.known}
        moved = [outcome in {"other", "b"} for outcome in alone.values()]
        if len(ids) == 1:
            kind = SINGLE
        elif len(alone) < len(ids):
            kind = UNDECIDED
        else:
            kind = INDEPENDENT if all(moved) else MIXED if any(moved) else CONJUNCTION
        return Cause(ids=ids, kind=kind, outcome=self.known[found], alone=alone)


def _is_b(outcome: Outcome) -> bool:
    return outcome == "b"


def _leaves_a(outcome: Outcome) -> bool:
    return outcome in {"b", "other"}


def _prior(likelihoods: Sequence[int], ids: Sequence[str]) -> dict[str, float]:
    """Return the probability of each change to be needed: halved with each step of likelihood."""
    weights = [0.5 ** min(max(value, 0), 40) for value in likelihoods]
    total = sum(weights)
    return {
        one: min(0.9, max(1e-6, _EXPECTED * weight / total)) for one, weight in zip(ids, weights, strict=True)
    }


def _alone(first: str, universe: Sequence[str], prior: dict[str, float]) -> float:
    """Return how likely it is that the first change is needed and no other."""
    return prior[first] * math.prod(1.0 - prior[one] for one in universe if one != first)


def _half(masses: Sequence[float], low: int, high: int) -> int:
    """Return the place strictly between `low` and `high` up to which about half of the mass lies."""
    sums = list(accumulate(masses[low + 1 : high + 1]))
    half = sums[-1] / 2
    return low + 1 + min(range(len(sums) - 1), key=lambda place: abs(sums[place] - half))
