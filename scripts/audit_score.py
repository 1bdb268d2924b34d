"""Measure the auditor on its corpus, and write the numbers into their place in docs/audit.md.

    python scripts/audit_score.py                      all cases; prints the table and writes it
    python scripts/audit_score.py --half development   this half alone, with every case that disagrees;
                                                       writes nothing

The tables of benchmarks are taken from the cache, and imported where they are not there yet. Exits 1 when
recall or precision is below 0.9, or a clean case is called invalid.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "analysis" / "audit"))

from corpus.case import CASES, HALVES, half_of  # noqa: E402  the path and the threads come first
from corpus.measure import (  # noqa: E402
    Outcome,
    disagreements,
    markdown,
    measure,
    precision,
    recall,
)

from assay.foundation.files import write_atomic  # noqa: E402
from assay.foundation.places import cache_folder  # noqa: E402

DOCS = ROOT / "docs" / "audit.md"
BEGIN, END = "<!-- corpus: begin -->\n", "<!-- corpus: end -->\n"
ENOUGH = 0.9


def write(table: str, path: Path = DOCS) -> None:
    """Put the table between the marks of the documentation."""
    text = path.read_text(encoding="utf-8")
    before, begun, rest = text.partition(BEGIN)
    _, ended, after = rest.partition(END)
    if not (begun and ended):
        raise SystemExit(f"{path} has no place for the table: put {BEGIN.strip()} and {END.strip()} into it")
    write_atomic(path, f"{before}{BEGIN}\n{table}\n\n{END}{after}".encode())


def holds(outcomes: list[Outcome]) -> bool:
    """Say whether the auditor is good enough, and calls no clean case invalid."""
    rates = recall(outcomes).value, precision(outcomes).value
    clean = [one for one in outcomes if one.case.near]
    return min(rates) >= ENOUGH and all(
        severity != "invalidates" for one in clean for _, severity, _ in one.said
    )


def main() -> int:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--half", choices=HALVES, help="measure one half, and say which cases disagree")
    parser.add_argument("--cache", type=Path, default=cache_folder(), help="the folder of imported tables")
    given = parser.parse_args()
    halves = half_of()
    cases = [case for case in CASES if given.half in (None, halves[case.name])]
    with tempfile.TemporaryDirectory() as folder:
        outcomes = measure(Path(folder), given.cache, cases)
    table = markdown(outcomes)
    print(table)
    if given.half:
        print("", *disagreements(outcomes), sep="\n")
    else:
        write(table)
    return 0 if holds(outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
