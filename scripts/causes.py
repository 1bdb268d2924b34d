"""Run every planted cause through `explain`, and write what was found into docs/explained.md.

    python scripts/causes.py                      all cases, one after the other; writes the table
    python scripts/causes.py --only threads mkl   these alone, with their paragraphs; writes nothing
    python scripts/causes.py --results FILE       keeps what was measured, and does not measure it again

Exits 1 when a case is not explained as planted.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"
os.environ["OMP_WAIT_POLICY"] = "PASSIVE"

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "verification" / "cases"))

import msgspec  # noqa: E402  the path and the threads come first
from planted.case import Case  # noqa: E402
from planted.causes import CASES  # noqa: E402
from planted.measure import Row, UnavailableError, measure, row_of  # noqa: E402

from assay.capture.environment import environment  # noqa: E402
from assay.foundation.files import write_atomic  # noqa: E402

DOCS = ROOT / "docs" / "explained.md"
BEGIN, END = "<!-- cases: begin -->\n", "<!-- cases: end -->\n"
HEAD = (
    "| Planted | Found | Answer | The runs part at | Named | Searched | Re-runs | Seconds |\n"
    "|---|---|---|---|---|---|---|---|"
)


def run(case: Case, *, quiet: bool) -> Row:
    """Measure one case in a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="assay-case-") as folder:
        try:
            outcome = measure(case, Path(folder))
        except UnavailableError as error:
            return Row(name=case.name, title=case.title, skipped=str(error))
    row = row_of(outcome)
    print(f"{case.name}: {'found' if not row.wrong else '; '.join(row.wrong)}", flush=True)
    if not quiet:
        print(f"  {row.paragraph}", flush=True)
    return row


def measured(path: Path | None) -> dict[str, Row]:
    """Return what was measured before, by the name of the case."""
    if path is None or not path.exists():
        return {}
    rows = [msgspec.json.decode(line, type=Row) for line in path.read_bytes().splitlines()]
    return {row.name: row for row in rows}


def table(rows: list[Row]) -> str:
    """Return the rows as a table, and what they sum up to."""
    lines = [line_of(row) for row in rows]
    ran = [row for row in rows if not row.skipped]
    right = [row for row in ran if not row.wrong]
    total = sum(row.runs for row in ran)
    blamed = sum(bool(row.blamed) for row in ran)
    summary = (
        f"{len(right)} of {len(ran)} cases are answered as planted, with {total} re-runs in "
        f"{sum(row.seconds for row in ran) / 60:.0f} minutes, recording included. A difference that has no "
        f"part was blamed in {blamed} of them."
    )
    missed = [f"- {row.title}: {'; '.join(row.wrong)}." for row in ran if row.wrong]
    missed += [f"- {row.title}: not run, {row.skipped}." for row in rows if row.skipped]
    python = "{}.{}".format(*sys.version_info)
    place = (
        f"Measured with Python {python}, PyTorch {version('torch')}, NumPy "
        f"{version('numpy')} on {environment().processor}, {os.cpu_count()} cores shared with other work."
    )
    parts = [HEAD + "\n" + "\n".join(lines), place, summary]
    return "\n\n".join([*parts, "Not as planted:\n\n" + "\n".join(missed)] if missed else parts)


def line_of(row: Row) -> str:
    """Return one line of the table."""
    if row.skipped:
        return f"| {row.title} | not run | | | | | | |"
    cells = (
        row.title,
        "no" if row.wrong else "yes",
        row.answer,
        row.parted,
        row.named,
        f"{row.searched} of at most {row.bound}" if row.bound else "",
        str(row.runs),
        f"{row.seconds:.0f}",
    )
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"


def write(text: str, path: Path = DOCS) -> None:
    """Put the table between the marks of the documentation."""
    page = path.read_text(encoding="utf-8")
    before, begun, rest = page.partition(BEGIN)
    _, ended, after = rest.partition(END)
    if not (begun and ended):
        raise SystemExit(f"{path} has no place for the table: put {BEGIN.strip()} and {END.strip()} into it")
    write_atomic(path, f"{before}{BEGIN}\n{text}\n\n{END}{after}".encode())


def main() -> int:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description="Measure explain on the planted causes.")
    parser.add_argument("--only", nargs="+", choices=[case.name for case in CASES])
    parser.add_argument("--results", type=Path)
    given = parser.parse_args()
    known = measured(given.results)
    rows = []
    for case in CASES:
        if given.only and case.name not in given.only:
            continue
        row = known.get(case.name) or run(case, quiet=not given.only)
        rows.append(row)
        if given.results and case.name not in known:
            with given.results.open("ab") as file:
                file.write(msgspec.json.encode(row) + b"\n")
    if not given.only:
        write(table(rows))
    return int(any(row.wrong for row in rows))


if __name__ == "__main__":
    sys.exit(main())
