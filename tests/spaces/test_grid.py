"""Grids of hyperparameters."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.foundation.errors import UnknownNameError, UsageError
from assay.spaces.grid import FcnetSpace, MlpSpace


def test_sizes_as_published():
    """62,208 settings: Klein and Hutter 2019, abstract; 30,000: Eggensperger et al. 2021, the tabular MLP."""
    assert FcnetSpace().size == 62_208
    assert MlpSpace().size == 30_000


@given(st.integers(0, 62_207))
def test_the_published_form_is_read_in_any_order(index):
    """A setting is read from its hyperparameters in any order and with blanks."""
    space = FcnetSpace()
    arch = space.at(index)
    assert space.index(arch) == index
    parts = space.format(arch).split(",")
    assert space.parse(" , ".join(reversed(parts))) == arch


def test_numbers_are_read_in_any_spelling():
    """A value is found by its number, however it is written."""
    space = MlpSpace()
    text = "alpha=1e-8,batch_size=4,depth=1,learning_rate_init=1.00000,width=16"
    assert space.format(space.parse(text)).startswith("alpha=1e-08,batch_size=4")


@pytest.mark.parametrize(
    ("text", "kind", "message"),
    [
        ("depth=1", UsageError, "lacks alpha"),
        ("depth=1,depth=2", UsageError, "has 'depth' twice"),
        ("size=1", UsageError, "'size' is none of its hyperparameters"),
        ("alpha=0.5", UnknownNameError, "unknown value of 'alpha'"),
        ("", UsageError, "is none of its hyperparameters"),
    ],
)
def test_what_is_not_on_the_grid_is_refused(text, kind, message):
    """A text that is no setting is an error that says why."""
    with pytest.raises(kind) as raised:
        MlpSpace().parse(text)
    assert message in str(raised.value)
