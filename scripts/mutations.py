"""Mutate programs, data and records at random, and measure what the safeguard catches of it.

    python scripts/mutations.py --results FILE         measures, adds each mutant to FILE, goes on where it
                                                       ended, and writes docs/safeguard.md
    python scripts/mutations.py --results FILE --show  writes the page from what is in FILE

The draws follow from --seed. NumPy 2.2.6 is got by pip; where it cannot be had, that mutator is left out.
Exits 1 if something was missed.
"""

from __future__ import annotations

import argparse
import itertools
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "verification"))

import msgspec  # noqa: E402  the path and the threads come first
from mutations.page import page  # noqa: E402
from mutations.projects import PROJECTS  # noqa: E402
from mutations.records import RecordMutation, mutate_records  # noqa: E402
from mutations.study import Bench, Caught, draws  # noqa: E402

from assay.foundation.files import write_atomic  # noqa: E402

DOCS = ROOT / "docs" / "safeguard.md"
NUMPY = "numpy==2.2.6"
# How many are drawn of each program in one round: those that start fast are drawn more often.
FAST, SLOW = 12, 1
SLOW_NAMES = ("pipeline", "network", "convolution")


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the results: a draw that gave no mutant, or one that did."""

    key: str
    caught: Caught | None = None
    record: RecordMutation | None = None


class Results:
    """A file of measured mutants, one a line, so that a study can be cut off and go on."""

    def __init__(self, path: Path) -> None:
        self._path = path
        lines = path.read_bytes().splitlines() if path.exists() else []
        read = [msgspec.json.decode(line, type=Measured) for line in lines]
        self.found = {one.key: one for one in read}

    def add(self, one: Measured) -> None:
        """Add a line, and say what it is."""
        self.found[one.key] = one
        with self._path.open("ab") as file:
            file.write(msgspec.json.encode(one) + b"\n")
        if one.caught:
            caught = one.caught
            print(f"{one.key} {caught.mutator}: {caught.text}: {caught.word} {caught.answer} {caught.named}")
            sys.stdout.flush()


def schedule(rounds: int) -> Iterator[tuple[str, int]]:
    """Yield which draw of which program comes next."""
    count = {project.name: itertools.count() for project in PROJECTS}
    for turn in range(rounds):
        for name, numbers in count.items():
            often = FAST if name not in SLOW_NAMES else SLOW * (name != SLOW_NAMES[turn % len(SLOW_NAMES)])
            for _ in range(often):
                yield name, next(numbers)


def measure_programs(results: Results, folder: Path, *, seed: int, rounds: int, minutes: float) -> None:
    """Measure the mutants of programs until the time is over."""
    packages = get_packages(folder / "packages")
    benches: dict[str, Bench] = {}
    until = time.monotonic() + 60 * minutes
    for name, number in schedule(rounds):
        key = f"{name}:{seed}:{number}"
        if key in results.found:
            continue
        if time.monotonic() > until:
            return
        project = next(one for one in PROJECTS if one.name == name)
        if name not in benches:
            benches[name] = Bench(project, folder / name, packages)
            benches[name].known = {
                (one.caught.mutator, one.caught.text)
                for one in results.found.values()
                if one.caught and one.caught.project == name
            }
        mutator, stream = next(itertools.islice(draws(seed, project), number, None))
        results.add(Measured(key=key, caught=benches[name].catch(mutator, stream)))


def get_packages(folder: Path) -> dict[str, Path]:
    """Return the folder of another NumPy; nothing where pip cannot get it."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--only-binary", ":all:"]
    done = subprocess.run([*command, "--target", str(folder), NUMPY], check=False, capture_output=True)
    if done.returncode:
        print(f"left out: pip cannot get {NUMPY}")
    return {} if done.returncode else {NUMPY: folder}


def measure_records(results: Results, folder: Path, *, seed: int) -> None:
    """Measure all mutated records anew: it takes a minute."""
    for one in mutate_records(folder, seed=seed):
        results.add(Measured(key=f"record:{seed}:{one.number}", record=one))


def main() -> int:
    """Measure, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--results", type=Path, required=True, help="the file of what was measured")
    parser.add_argument("--seed", type=int, default=1, help="of all draws")
    parser.add_argument("--rounds", type=int, default=12, help="rounds over the programs")
    parser.add_argument("--minutes", type=float, default=60.0, help="when no further program is mutated")
    parser.add_argument("--show", action="store_true", help="measure nothing, write the page")
    given = parser.parse_args()
    results = Results(given.results)
    print(f"seed {given.seed}")
    if not given.show:
        with tempfile.TemporaryDirectory(prefix="assay-mutations-") as folder:
            measure_programs(
                results, Path(folder), seed=given.seed, rounds=given.rounds, minutes=given.minutes
            )
            measure_records(results, Path(folder) / "records", seed=given.seed)
    caught = [one.caught for one in results.found.values() if one.caught]
    records = [one.record for one in results.found.values() if one.record]
    text, missed = page(caught, records, seed=given.seed)
    write_atomic(DOCS, text.encode())
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
