"""The choices of a tuning block: which configurations are run, and what a block cannot be."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.contracts.problem import Budget
from assay.studies.tuning import (
    Tuning,
    choose_configurations,
    configuration_text,
    problems,
    tuning_root,
)

SPACE = {"tournament": (2, 5), "population": (5, 10, 20)}


def _block(**changes: object) -> Tuning:
    fields: dict[str, object] = {
        "space": SPACE,
        "configurations": 4,
        "replicates": 2,
        "suite": "development-v1",
    }
    return Tuning(**{**fields, **changes})  # type: ignore[arg-type]  what a file might say


def test_the_whole_grid_is_run_where_it_is_small_enough_and_the_default_comes_first() -> None:
    """A default inside the grid is run once; one outside it is one more."""
    inside = choose_configurations(SPACE, {"population": 10, "tournament": 2}, 6, 0)
    assert inside[0] == {"population": 10, "tournament": 2}
    assert len(inside) == 6
    outside = choose_configurations(SPACE, {"population": 10, "tournament": 3}, 99, 0)
    assert outside[0] == {"population": 10, "tournament": 3}
    assert outside[1:] == [{"population": p, "tournament": t} for p in (5, 10, 20) for t in (2, 5)]


@given(
    st.dictionaries(st.sampled_from("abcd"), st.lists(st.integers(), min_size=1, max_size=4, unique=True)),
    st.integers(2, 40),
    st.integers(0, 2**53 - 1),
)
def test_a_sample_holds_the_default_and_distinct_combinations_of_the_grid(
    space: dict[str, list[int]], number: int, root: int
) -> None:
    """At most so many, all different, all but the default from the lists; the same again from one root."""
    default = dict.fromkeys(space, 0)
    found = choose_configurations(space, default, number, root)
    assert found[0] == default
    assert len(found) <= number
    assert len({configuration_text(one) for one in found}) == len(found)
    assert all(one[key] in space[key] for one in found[1:] for key in space)
    assert found == choose_configurations(dict(reversed(space.items())), default, number, root)


def test_a_larger_number_keeps_what_a_smaller_one_drew() -> None:
    """So that no tuning run is wasted when more configurations are asked for."""
    space = {"a": tuple(range(10)), "b": tuple(range(10))}
    default = {"a": 99, "b": 99}
    found = [choose_configurations(space, default, n, 7) for n in (5, 12, 101)]
    texts = [{configuration_text(one) for one in some} for some in found]
    assert texts[0] < texts[1] < texts[2]
    assert len(texts[2]) == 101


def test_another_root_draws_another_sample() -> None:
    """The sample depends on the seed of the study."""
    space = {"a": tuple(range(50)), "b": tuple(range(50))}
    one, other = (choose_configurations(space, {"a": 0, "b": 0}, 10, root) for root in (1, 2))
    assert one != other


def test_the_root_of_tuning_is_made_by_name_and_is_not_the_seed() -> None:
    """Tuning runs share no stream with the runs of the study; the value is pinned, for run ids rest on it."""
    roots = [tuning_root(seed) for seed in range(20)]
    assert len(set(roots)) == 20
    assert not set(roots) & set(range(20))
    assert all(0 <= root < 2**53 for root in roots)
    assert tuning_root(0) == 238810770774216


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"suite": None}, ("benchmarks",)),
        ({"benchmarks": ("nas-bench-graph/cora",)}, ("benchmarks",)),
        ({"configurations": 1}, ("configurations",)),
        ({"replicates": 0}, ("replicates",)),
        ({"space": {}}, ("space",)),
        ({"space": {"population": ()}}, ("space", "population")),
        ({"space": {"a": tuple(range(1001)), "b": tuple(range(1000))}}, ("space",)),
        ({"budget": Budget()}, ("budget",)),
        ({"budget": Budget(evaluations=0)}, ("budget",)),
        ({"budget": Budget(evaluations=1, table_seconds=1.0)}, ("budget",)),
        ({"budget": Budget(table_seconds=float("inf"))}, ("budget",)),
    ],
)
def test_a_block_that_cannot_be_meant_is_named_by_its_key(
    changes: dict[str, object], key: tuple[str, ...]
) -> None:
    """Each problem has the key at which it stands; a sound block has none."""
    assert [problem.key for problem in problems(_block(**changes))] == [key]
    assert not list(problems(_block()))
