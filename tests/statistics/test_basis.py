"""What a result stands on is checked where every result is made."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from assay.foundation.errors import UsageError
from assay.foundation.seeding import Stream
from assay.statistics.basis import Basis, seed_text
from assay.statistics.intervals import mean_interval
from assay.statistics.permutation import permute_means, sign_flip

SAMPLE = list(range(20))


@pytest.mark.parametrize("varied", ["seeds", ["seeds"], (1,), None])
def test_what_varied_is_a_tuple_of_names(varied: Any) -> None:
    """One text would be taken letter by letter, and is refused by intervals and by every basis."""
    with pytest.raises(UsageError, match="tuple of names"):
        Basis(procedure="p", source="s", n={}, varied=varied)
    with pytest.raises(UsageError, match="tuple of names"):
        mean_interval(SAMPLE, rng=Stream(0, ("a",)), varied=varied)
    assert Basis(procedure="p", source="s", n={}, varied=("seeds",)).varied == ("seeds",)


@pytest.mark.parametrize("rng", [0, np.random.default_rng(0)], ids=["number", "generator"])
def test_procedures_that_draw_need_a_stream(rng: Any) -> None:
    """Intervals, permutations and their bases refuse anything else in the same words."""
    for draw in (
        lambda: mean_interval(SAMPLE, rng=rng, varied=("seeds",)),
        lambda: sign_flip(SAMPLE, rng=rng, source="data split", varied=("seeds",)),
        lambda: permute_means(SAMPLE, SAMPLE, rng=rng, varied=("seeds",)),
        lambda: seed_text(rng),
    ):
        with pytest.raises(UsageError, match="given a Stream"):
            draw()
