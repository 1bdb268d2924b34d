"""How many runs it takes to find which of many differences make two runs differ, by simulation.

    python benchmarks/attribution.py

Each draw hides one smallest set of causes among n differences, all of which together give B. Three
searches: the one of `assay.verification.commands.attribute`, which ends when it has shown that there is
no other set and what each cause does alone; each difference alone, which finds no conjunction; and each
alone and then each pair until one gives B, which shows no minimum and no other set. The order of
likelihood is either uninformative or puts each cause among the first third in nine of ten draws. Draws
come from named streams of root 0, so that the table is the same at every run.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable
from itertools import combinations

from assay.foundation.seeding import Stream
from assay.verification.commands.attribute import Outcome, attribute, worst_case
from assay.verification.commands.change import Change

DRAWS = 500
SIZES = (6, 20, 60)
ORDERS = ("no order", "informative order")
TRUTHS = ("one cause", "two independent causes", "a conjunction of two")


def differences(n: int, causes: set[str], order: str, rng: Stream) -> list[Change]:
    """Return n differences; with an informative order, causes are mostly among the likely ones."""
    made = []
    for i in range(n):
        name = f"c{i:02}"
        likelihood = rng.below(9)
        if order == "no order":
            likelihood = 3
        elif name in causes and rng.random() < 0.9:
            likelihood = rng.below(3)
        made.append(Change(id=name, kind="code", path=name, a="", b="", text=name, likelihood=likelihood))
    return made


def truth_of(causes: set[str], kind: str) -> Callable[[frozenset[str]], Outcome]:
    """Return what A becomes with some of the differences."""

    def truth(ids: frozenset[str]) -> Outcome:
        if causes <= ids:
            return "b"
        return "other" if kind == "two independent causes" and causes & ids else "a"

    return truth


def pairs_until_found(n: int, causes: set[str]) -> int:
    """Return the runs of trying each alone and then each pair in turn, until one gives B."""
    names = [f"c{i:02}" for i in range(n)]
    sets = [{one} for one in names] + [set(pair) for pair in combinations(names, 2)]
    return 1 + next(place for place, one in enumerate(sets) if causes <= one)


def row(n: int, kind: str, order: str) -> str:
    """Return one line of the table, over all draws."""
    runs, pairs, found = [], [], 0
    elements = 1 if kind == "one cause" else 2
    for draw in range(DRAWS):
        rng = Stream(0, ("attribution", n, kind, order, draw))
        causes = set(rng.sample([f"c{i:02}" for i in range(n)], elements))
        changes = differences(n, causes, order, rng)
        result = attribute(changes, truth_of(causes, kind), limit=10_000)
        found += result.complete and [set(cause.ids) for cause in result.causes] == [causes]
        runs.append(result.runs)
        pairs.append(pairs_until_found(n, causes))
    deciles = statistics.quantiles(runs, n=10)
    cells = (
        *(
            n,
            kind,
            order,
            f"{found}/{DRAWS}",
            f"{statistics.mean(runs):.1f}",
            f"{deciles[-1]:.0f}",
            max(runs),
        ),
        *(worst_case(n, elements), "-" if kind.startswith("a conj") else n, f"{statistics.mean(pairs):.1f}"),
    )
    return f"| {' | '.join(map(str, cells))} |"


def main() -> None:
    """Print the table."""
    head = (
        *("differences", "truth", "order", "all found", "mean runs", "9 of 10 within", "most runs"),
        *("bound", "each alone", "pairs until found, mean"),
    )
    print(f"| {' | '.join(head)} |\n|{'---|' * len(head)}")
    for n in SIZES:
        for kind in TRUTHS:
            for order in ORDERS:
                print(row(n, kind, order))


if __name__ == "__main__":
    main()
