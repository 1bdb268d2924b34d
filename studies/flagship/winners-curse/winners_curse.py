"""How much the best of n by one seed overstates itself on NAS-Bench-201; writes results.md.

python studies/flagship/winners-curse/winners_curse.py [--store FOLDER]
"""

from __future__ import annotations

import argparse
from itertools import pairwise
from pathlib import Path

import numpy as np

import assay
from assay.analysis.cells import make_cells
from assay.analysis.gather import gather_facts, gather_runs
from assay.foundation.places import cache_folder, store_folder
from assay.records.store import Store
from assay.statistics.intervals import welch_interval
from assay.statistics.rounding import interval_text
from assay.statistics.selection import table_gap
from assay.studies.plan import make_plan

HERE = Path(__file__).parent
BUDGETS = (1, 10, 30, 150, 1_000, 15_625)
SEEDS = (777, 888, 999)


def main() -> None:
    """Run the study, compute both, and write the results beside this file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--store", type=Path, default=store_folder())
    parser.add_argument("--out", type=Path, default=HERE / "results.md")
    arguments = parser.parse_args()
    assay.run(HERE / "study.toml", store=arguments.store)
    lines = [
        "# Winner's curse on the seeds of NAS-Bench-201: results",
        "",
        "Written by `winners_curse.py`; points of validation accuracy at 200 epochs.",
        "",
        *overstatement(),
        "",
        *gaps(arguments.store),
        "",
    ]
    arguments.out.write_text("\n".join(lines))
    print(arguments.out)


def overstatement() -> list[str]:
    """Return the table of what the best of n by one seed overstates, on each task."""
    head = [f"n = {n:,}" for n in BUDGETS]
    lines = [
        "## By how much the best of n by one seed exceeds the same architecture with another seed",
        "",
        f"| task | seeds | architectures | {' | '.join(head)} |",
        f"| --- | --- | ---: | {' | '.join('---:' for _ in BUDGETS)} |",
    ]
    for name in ("cifar10", "cifar100", "imagenet16-120"):
        benchmark = assay.open_benchmark(f"nas-bench-201/{name}")
        seeds = np.column_stack([benchmark.column("validation", f"seed={seed}") for seed in SEEDS])
        for count, label in ((2, "777, 888"), (3, "777, 888, 999")):
            whole = seeds[np.isfinite(seeds[:, :count]).all(axis=1), :count]
            found = table_gap(whole, BUDGETS)
            cells = " | ".join(f"{gap:.3f}" for gap in found.gap)
            lines.append(f"| {name} | {label} | {found.architectures:,} | {cells} |")
    return lines


def gaps(store: Path) -> list[str]:
    """Return the table of gaps between neighbouring methods, by what they recommend."""
    loaded = assay.load_study(HERE / "study.toml")
    plan = make_plan(loaded, None, cache_folder())
    opened = Store(store)
    methods = tuple(loaded.study.methods)
    facts = gather_facts(plan)
    cells = make_cells(gather_runs(plan, opened.runs(), opened), facts, methods)
    labels = {name: method.label or name for name, method in loaded.study.methods.items()}
    lines = [
        "## Gaps between neighbouring methods with 150 evaluations",
        "",
        f"Means over seeds of the recommended cell, {loaded.study.replicates} runs; 95 % Welch intervals.",
        "",
        "| task | better | next | gap |",
        "| --- | --- | --- | ---: |",
    ]
    for benchmark in facts:
        samples = {m: cells[benchmark, m].sample("signal").values for m in methods}
        order = sorted(methods, key=lambda m: -float(np.mean(samples[m])))
        for better, worse in pairwise(order):
            gap = welch_interval(samples[better], samples[worse], varied=("search seeds",))
            task = benchmark.partition("/")[2]
            lines.append(f"| {task} | {labels[better]} | {labels[worse]} | {interval_text(gap)} |")
    return lines


if __name__ == "__main__":
    main()
