"""How far latencies of one device hold for another, on NAS-Bench-201; writes results.md.

Needs HELP's files: `assay table fetch help-latency`. Without them it says so and writes nothing.
"""

from __future__ import annotations

import argparse
from itertools import combinations, permutations
from pathlib import Path

import numpy as np
from scipy import stats

import assay
from assay.foundation.errors import UnavailableError

HERE = Path(__file__).parent
TOP = 0.1


def main() -> None:
    """Measure all pairs of devices and write the results beside this file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=HERE / "results.md")
    arguments = parser.parse_args()
    try:
        latencies = assay.open_benchmark("help-latency/cifar10")
    except UnavailableError as error:
        print(f"untested: table absent\n{error}")
        return
    devices = [signal.name for signal in latencies.card.signals]
    columns = {device: latencies.column(device) for device in devices}
    accuracy = assay.open_benchmark("nas-bench-201/cifar10").column("validation")
    lines = [
        "# Hardware does not transfer: results",
        "",
        f"Written by `hardware.py`: {len(devices)} devices, {len(devices) * (len(devices) - 1) // 2} pairs.",
        "",
        *transfer(columns, accuracy),
        "",
        *limits(columns, accuracy),
        "",
    ]
    arguments.out.write_text("\n".join(lines))
    print(arguments.out)


def transfer(columns: dict[str, np.ndarray], accuracy: np.ndarray) -> list[str]:
    """Return rank correlations and the overlap of Pareto sets over all pairs of devices."""
    shared = np.isfinite(np.stack(list(columns.values()))).all(axis=0)
    top = np.zeros(len(accuracy), dtype=bool)
    top[np.argsort(-accuracy, kind="stable")[: round(TOP * len(accuracy))]] = True
    fronts = {device: front(accuracy, column, shared) for device, column in columns.items()}
    rows = []
    for a, b in combinations(columns, 2):
        both = np.isfinite(columns[a]) & np.isfinite(columns[b])
        all_cells = stats.spearmanr(columns[a][both], columns[b][both]).statistic
        best = stats.spearmanr(columns[a][both & top], columns[b][both & top]).statistic
        jaccard = len(fronts[a] & fronts[b]) / len(fronts[a] | fronts[b])
        rows.append((all_cells, best, jaccard, a, b))
    numbers = np.array([row[:3] for row in rows])
    close = numbers[:, 0] > 0.9
    names = ("Spearman, all cells", "Spearman, most accurate tenth", "Jaccard index of Pareto sets")
    lines = [
        f"## Pairs of devices ({shared.sum():,} cells have a latency on all)",
        "",
        "| | least | 10 % | median | 90 % | most |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for name, column in zip(names, numbers.T, strict=True):
        lines.append(f"| {name} | {_five(column)} |")
    lines.append(f"| the same, {close.sum()} pairs with Spearman above .9 | {_five(numbers[close, 2])} |")
    worst = min(rows)
    sizes = sorted(len(one) for one in fronts.values())
    lines += [
        "",
        f"The least alike are {worst[3]} and {worst[4]}. A Pareto set has {sizes[0]} to {sizes[-1]} cells.",
    ]
    return lines


def limits(columns: dict[str, np.ndarray], accuracy: np.ndarray) -> list[str]:
    """Return what becomes of a cell that was chosen within the limit of another device."""
    top = np.argsort(-accuracy, kind="stable")[: round(TOP * len(accuracy))]
    limit = {device: float(np.nanmedian(column[top])) for device, column in columns.items()}
    chosen = {}
    for device, column in columns.items():
        within = np.where(column <= limit[device], accuracy, -np.inf)
        chosen[device] = int(within.argmax())
    excess, lost = [], []
    for source, target in permutations(columns, 2):
        latency = columns[target][chosen[source]]
        if np.isfinite(latency):
            excess.append(latency / limit[target] - 1)
            lost.append(accuracy[chosen[target]] - accuracy[chosen[source]])
    over = np.array(excess) > 0
    kept = np.array(lost)[~over]
    share, often = f"{100 * over.mean():.1f} % of {len(over)} ordered pairs", np.array(excess)[over]
    by = f"by {100 * np.median(often):.1f} % in the median and {100 * often.max():.0f} % at most"
    less = f"{kept.mean():.3f} points less accurate than the choice by that device's own latencies"
    return [
        "## The most accurate cell within the median latency of the most accurate tenth",
        "",
        f"- Chosen on one device, it exceeds the limit of another in {share}, then {by}.",
        f"- Where it keeps the limit, it is {less}, on average, and {kept.max():.3f} at most.",
    ]


def front(accuracy: np.ndarray, latency: np.ndarray, usable: np.ndarray) -> set[int]:
    """Return the cells that no usable cell beats in accuracy without being slower."""
    places = np.flatnonzero(usable)
    order = places[np.lexsort((-accuracy[places], latency[places]))]
    best, found = -np.inf, set()
    for place in order.tolist():
        if accuracy[place] > best:
            best = accuracy[place]
            found.add(place)
    return found


def _five(values: np.ndarray) -> str:
    found = np.quantile(values, [0, 0.1, 0.5, 0.9, 1])
    return " | ".join(f"{value:.2f}" for value in found)


if __name__ == "__main__":
    main()
