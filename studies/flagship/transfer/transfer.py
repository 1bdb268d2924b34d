"""Do conclusions about search methods carry over between families of tables? Writes results.md."""

from __future__ import annotations

import argparse
from pathlib import Path

import msgspec
import numpy as np

import assay
from assay.analysis.cells import make_cells
from assay.analysis.gather import gather_facts, gather_runs
from assay.analysis.transfer import transfer
from assay.foundation.places import cache_folder, store_folder
from assay.foundation.seeding import Stream
from assay.records.store import Store
from assay.statistics.families import family_ranks
from assay.statistics.scores import Row, Scores, make_scores
from assay.studies.plan import make_plan
from assay.studies.tuned import settled

HERE = Path(__file__).parent
DEFAULT = "@default"
TITLES = {
    "nas-bench-201": "NAS-Bench-201",
    "nas-bench-graph": "NAS-Bench-Graph",
    "fcnet": "FCNet",
    "hpobench-mlp": "HPOBench's MLP",
}


def main() -> None:
    """Run the study, rank the methods in every family, and write the results beside this file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--store", type=Path, default=store_folder())
    parser.add_argument("--out", type=Path, default=HERE / "results.md")
    arguments = parser.parse_args()
    assay.run(HERE / "study.toml", store=arguments.store)
    tuned, defaults, labels = scores_of(arguments.store)
    lines = [
        "# Do conclusions transfer? Results",
        "",
        "Written by `transfer.py`; normalised regret of the validation signal, 150 evaluations, 100 runs.",
        "",
        "## Average ranks in each family of tables (1 is best)",
        "",
        *ranks(tuned, labels),
        "",
        "With the defaults:",
        "",
        *ranks(defaults, labels),
        "",
        "## Leaving one family out",
        "",
        *left_out(tuned, labels),
        "",
    ]
    arguments.out.write_text("\n".join(lines))
    print(arguments.out)


def scores_of(store: Path) -> tuple[Scores, Scores, dict[str, str]]:
    """Return the regrets of the tuned methods, those of the defaults, and the methods' labels."""
    opened = Store(store)
    written = assay.load_study(HERE / "study.toml")
    loaded = settled(written, opened, cache_folder()).loaded
    plan = make_plan(loaded, None, cache_folder())
    facts = gather_facts(plan)
    cells = make_cells(gather_runs(plan, opened.runs(), opened), facts, tuple(loaded.study.methods))
    rows: dict[bool, list[Row]] = {True: [], False: []}
    for benchmark, fact in facts.items():
        for name in written.study.methods:
            # Where the default was chosen, the method stands once, and is both.
            for kind, method in ((True, name), (False, f"{name}{DEFAULT}")):
                own = cells.get((benchmark, method)) or cells[benchmark, name]
                values = own.sample("signal").values
                for replicate, regret in enumerate((fact.best - values) / (fact.best - fact.reference)):
                    rows[kind].append(
                        Row(method=name, task=benchmark, replicate=str(replicate), score=float(regret))
                    )
    made = [
        make_scores(
            rows[kind],
            families={benchmark: benchmark.partition("/")[0] for benchmark in facts},
            units=dict.fromkeys(facts, "normalised regret"),
            minimize=facts,
            planned=written.study.replicates,
            varied=("search seeds",),
        )
        for kind in (True, False)
    ]
    labels = {name: method.label or name for name, method in written.study.methods.items()}
    return made[0], made[1], labels


def ranks(scores: Scores, labels: dict[str, str]) -> list[str]:
    """Return the table of average ranks by family."""
    families, found = family_ranks(scores)
    lines = [
        f"| method | {' | '.join(TITLES[family] for family in families)} |",
        f"| --- | {' | '.join('---:' for _ in families)} |",
    ]
    for m in np.argsort(found.mean(axis=0), kind="stable"):
        cells = " | ".join(f"{rank:.2f}" for rank in found[:, m])
        lines.append(f"| {labels[scores.methods[m]]} | {cells} |")
    return lines


def left_out(scores: Scores, labels: dict[str, str]) -> list[str]:
    """Return the table of rank correlations between each family and the others."""
    lines = [
        "Kendall's tau-b of the rankings on the family left out and on the other three, with a 95 %",
        "bootstrap interval over runs, for these tasks; and the best method on either side.",
        "",
        "| left out | tasks | tau | interval | best there | best elsewhere |",
        "| --- | ---: | ---: | --- | --- | --- |",
    ]
    for family, title in TITLES.items():
        inside = [task for task, own in zip(scores.tasks, scores.families, strict=True) if own == family]
        outside = [task for task in scores.tasks if task not in inside]
        rng = Stream(0, ("flagship", "transfer", family))
        found = transfer(scores.only(tasks=outside), scores.only(tasks=inside), rng=rng)
        best = [
            ", ".join(labels[row.method] for row in found.rows if side(row) == min(map(side, found.rows)))
            for side in (_held_out, _development)
        ]
        interval = f"{found.low:.2f} to {found.high:.2f}"
        lines.append(f"| {title} | {len(inside)} | {found.tau:.2f} | {interval} | {best[0]} | {best[1]} |")
    return lines


def _held_out(row: msgspec.Struct) -> float:
    return float(row.held_out)  # type: ignore[attr-defined]


def _development(row: msgspec.Struct) -> float:
    return float(row.development)  # type: ignore[attr-defined]


if __name__ == "__main__":
    main()
