"""The safeguard is mutation-tested: a few mutants here, the whole study in `scripts/mutations.py`."""

from __future__ import annotations

import itertools
import sys
from pathlib import Path

import pytest

from assay.foundation.seeding import Stream

sys.path.insert(0, str(Path(__file__).parent))

from mutations.mutators import MUTATORS
from mutations.page import misses, page
from mutations.projects import PROJECTS
from mutations.records import RECORD_MUTATORS, mutate_records
from mutations.study import Bench, Caught, draws

SEED = 11
FEW = ("seed", "constant, small", "bit", "argument", "off by one", "renamed", "comment", "formatting")
# Record mutations that are only found by a repeat, which takes a second: one of each is enough here.
REPEATED = ("forged", "trace swapped")


def project(name: str):
    return next(one for one in PROJECTS if one.name == name)


@pytest.fixture(scope="module")
def bench(tmp_path_factory) -> Bench:
    return Bench(project("least_squares"), tmp_path_factory.mktemp("bench"))


@pytest.mark.parametrize("name", FEW)
def test_a_mutant_of_the_numpy_program_is_caught_and_named(name, bench):
    """Each kind of mutation is caught by identity and verdict and named; controls are not flagged."""
    mutator = next(one for one in MUTATORS if one.name == name)
    caught = bench.catch(mutator, Stream(SEED, ("mutation", name)))
    assert caught is not None
    assert misses(caught) == []


def chosen() -> list[int]:
    numbers = iter(range(10_000))
    found = []
    for name, _, count in RECORD_MUTATORS:
        own = list(itertools.islice(numbers, count))
        found += own[:1] if any(part in name for part in REPEATED) else own[:: 1 + count // 10]
    return found


def test_no_mutated_record_is_judged_as_if_nothing_had_happened(tmp_path):
    """A record or a part of it that was changed is refused, or does not come out as identical."""
    found = list(mutate_records(tmp_path, seed=SEED, numbers=chosen()))
    assert {one.mutator for one in found} == {name for name, _, _ in RECORD_MUTATORS}
    assert [one for one in found if one.outcome in ("missed", "crashed")] == []


def test_equal_seeds_draw_equal_mutations(tmp_path):
    """The mutants of a study follow from its seed."""
    made = []
    for number in range(2):
        told = []
        for draw, (mutator, stream) in enumerate(itertools.islice(draws(SEED, project("configured")), 12)):
            folder = tmp_path / f"{number}-{draw}"
            project("configured").write(folder)
            mutant = mutator.make(folder, stream)
            told.append((mutator.name, mutant.text if mutant else None))
        made.append(told)
    assert made[0] == made[1]


def test_an_unnoticed_mutant_stands_among_the_misses():
    """A mutant whose result differs and whose verdict is identical is a miss, on the page too."""
    unnoticed = Caught(
        project="configured",
        mutator="bit",
        text="bit 3 of byte 200",
        result=True,
        trace=True,
        identity=True,
        verdict=False,
        word="identical 2/2",
        answer="identical",
        named="listed",
    )
    text, missed = page([unnoticed], [], seed=SEED)
    assert len(missed) == 2
    assert "the verdict is identical 2/2, though the result differs" in text


@pytest.mark.slow
@pytest.mark.parametrize("name", [one.name for one in PROJECTS])
def test_every_kind_of_mutation_is_caught_in_every_program(name, tmp_path):
    """One mutant of each kind that a program can have is caught and named."""
    found = Bench(project(name), tmp_path)
    for mutator, stream in itertools.islice(draws(SEED, project(name)), len(MUTATORS)):
        caught = found.catch(mutator, stream)
        assert caught is None or misses(caught) == []
