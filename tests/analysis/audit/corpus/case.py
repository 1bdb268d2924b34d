"""What a case of the corpus is: a study or a table, built in a folder, with the flaws that were put in.

The corpus measures the auditor, so that it knows nothing of the auditor's rules: flaws are named after
what is wrong, and a test maps those names to findings.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from corpus.bed import Bed

FLAWS = {
    "test-as-signal": "a choice was made by the test metric",
    "trained-on-scored": "a predictor is scored on what it was trained on",
    "warm-start": "the search began with what is known to be good on the target",
    "best-of-seeds": "the best of several seeds is reported as one run",
    "unequal-budget": "methods had unequal budgets",
    "unequal-tuning": "methods were tuned unequally",
    "unequal-recipe": "methods were trained by unequal recipes",
    "mixed-arithmetic": "numbers of one study come from several arithmetics",
    "too-few-replicates": "too few replicates for what is claimed",
    "saturated": "tasks that everybody solves decide nothing",
    "pool-dependent": "an order that turns round when other methods leave",
    "no-random-search": "a search without the random-search baseline",
    "confounded-environment": "the environment differs with the method",
    "duplicates": "test data were seen in training or choosing",
    "changed-after-look": "claims or replicates came after a look",
    "failures-concentrated": "failures concentrate in one method",
    "dependent-tasks": "tasks of one family are counted as independent",
    "hyperparameters-after-test": "hyperparameters were changed after the test was seen",
}
STUDY, TABLE = FORMS = ("study", "table")
DEVELOPMENT, HELD_OUT = HALVES = ("development", "held-out")


class Case(NamedTuple):
    """One case. A clean one has no `planted` flaw and is a near miss of `near`.

    An entry of `planted` with bars, such as 'a|b', is found by either and counts for the first. `also`
    are flaws that it is fair to name, and that need not be found.
    """

    name: str
    form: str
    planted: tuple[str, ...]
    near: str | None
    also: tuple[str, ...]
    why: str
    build: Callable[[Bed], Path]

    @property
    def flaw(self) -> str:
        """The flaw that the case is about, whether it has it or nearly so."""
        return self.near or self.planted[0].partition("|")[0]

    @property
    def fair(self) -> set[str]:
        """All flaws that it is fair to name."""
        return {flaw for entry in self.planted for flaw in entry.split("|")} | set(self.also)


CASES: list[Case] = []

Build = Callable[[Bed], Path]


def flawed(*planted: str, also: tuple[str, ...] = ()) -> Callable[[Build], Build]:
    """Add a case with these flaws; its docstring says where they are."""
    return _adder(planted, None, also)


def clean(near: str, also: tuple[str, ...] = ()) -> Callable[[Build], Build]:
    """Add a case without a flaw that is a near miss of `near`; its docstring says why it is not one."""
    return _adder((), near, also)


def _adder(planted: tuple[str, ...], near: str | None, also: tuple[str, ...]) -> Callable[[Build], Build]:
    named = {flaw for entry in planted for flaw in entry.split("|")} | {*also, *([near] if near else [])}
    if not named <= set(FLAWS):
        raise ValueError(f"unknown flaws: {sorted(named - set(FLAWS))}")

    def add(build: Build) -> Build:
        form = STUDY if build.__module__.rpartition(".")[2].startswith("studies") else TABLE
        name = build.__name__.replace("_", "-")
        CASES.append(Case(name, form, planted, near, also, (build.__doc__ or "").strip(), build))
        return build

    return add


def half_of() -> dict[str, str]:
    """Return the half of each case: within a flaw, flawed or clean, they take turns.

    The order is that of a digest of their names, and the first half of a flaw alternates as well, so
    that no hand chose which half a case is in.
    """
    groups: dict[tuple[bool, str], list[Case]] = {}
    for case in CASES:
        groups.setdefault((case.near is None, case.flaw), []).append(case)
    halves = {}
    for place, (_, group) in enumerate(sorted(groups.items())):
        ordered = sorted(group, key=lambda case: sha256(case.name.encode()).hexdigest())
        halves |= {case.name: HALVES[(place + i) % 2] for i, case in enumerate(ordered)}
    return halves
