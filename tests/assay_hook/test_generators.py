"""Reading the states of the process-wide generators."""

# ruff: noqa: NPY002, S311  the process-wide generators are what is tested

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import assay_hook
from assay_hook import generators


@pytest.fixture
def looked() -> Iterator[generators.Generators]:
    """Give a look at the generators that has just been taken, and put their states back afterwards."""
    python, numpy = random.getstate(), np.random.get_state()
    found = generators.Generators()
    found.changed()
    yield found
    random.setstate(python)
    np.random.set_state(numpy)


def test_nothing_changed_without_a_draw(looked: generators.Generators) -> None:
    """Two looks in a row find no change, and neither draws a number."""
    python, numpy = random.getstate(), np.random.get_state()[1].copy()

    assert looked.changed() == {}

    assert random.getstate() == python
    assert np.array_equal(np.random.get_state()[1], numpy)


def test_a_draw_is_a_change_of_one_generator(looked: generators.Generators) -> None:
    """What draws from one generator shows in its field alone, and once."""
    random.random()
    assert list(looked.changed()) == ["python"]
    np.random.rand()
    assert list(looked.changed()) == ["numpy"]
    assert looked.changed() == {}


def test_equal_states_have_equal_fingerprints(looked: generators.Generators) -> None:
    """The fingerprint is of the state, not of the way to it."""
    found = []
    for _ in range(2):
        random.seed(5)
        np.random.seed(5)
        random.random()
        found.append(looked.changed())
        random.seed(6)
        np.random.seed(6)
        looked.changed()
    assert found[0] == found[1]
    assert set(found[0]) == {"python", "numpy"}


def test_the_second_of_two_normal_variates_counts(looked: generators.Generators) -> None:
    """Python's cached normal variate is part of the state."""
    random.seed(1)
    random.gauss(0, 1)
    looked.changed()
    random.gauss(0, 1)
    assert list(looked.changed()) == ["python"]


def test_raw_memory_is_used_and_agrees_with_getstate() -> None:
    """Both twisters are read as memory in this interpreter, and hold what `getstate` says."""
    state = dict(generators.state("python"))["mt"]
    words = [int.from_bytes(state[at : at + 4], sys.byteorder) for at in range(0, 2500, 4)]
    assert (*words[1:], words[0]) == random.getstate()[1]
    state = dict(generators.state("numpy"))["mt"]
    assert state[:2496] == np.random.get_state()[1].tobytes()


def test_another_bit_generator_is_followed(looked: generators.Generators) -> None:
    """After `set_bit_generator` the new generator is the one that is looked at."""
    before = np.random.get_bit_generator()
    try:
        np.random.set_bit_generator(np.random.PCG64(3))
        assert list(looked.changed()) == ["numpy"]
        assert looked.changed() == {}
        np.random.rand()
        assert list(looked.changed()) == ["numpy"]
    finally:
        np.random.set_bit_generator(before)


def test_a_draw_that_is_overlooked_is_no_change(looked: generators.Generators) -> None:
    """What a package drew for itself is not told, what came before it is."""
    before = generators.state("python")
    random.random()
    generators.overlook("python", before)
    assert looked.changed() == {}
    random.random()
    before = generators.state("python")
    random.random()
    generators.overlook("python", before)
    assert list(looked.changed()) == ["python"]


def test_a_generator_that_refuses_is_left_out(
    looked: generators.Generators, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A state that cannot be read takes its own field away and no other."""
    monkeypatch.setattr(generators._readers["numpy"], "read", lambda: 1 // 0)
    random.random()
    np.random.rand()
    assert list(looked.changed()) == ["python"]
    assert looked.unreadable() == ("numpy",)


def test_torch_is_read_without_a_draw() -> None:
    """The state of torch's generator shows, and reading it draws nothing; nothing is imported for it."""
    program = """
import sys
from assay_hook import generators
looked = generators.Generators()
looked.changed()
assert "torch" not in sys.modules and "numpy" not in sys.modules
import torch
torch.manual_seed(0)
looked.changed()
first = torch.rand(3)
assert list(looked.changed()) == ["torch"]
torch.manual_seed(0)
for _ in range(3):
    looked.changed()
assert torch.equal(torch.rand(3), first)
"""
    folder = str(Path(assay_hook.__file__).parent.parent)
    subprocess.run([sys.executable, "-c", program], env={"PYTHONPATH": folder}, check=True)
