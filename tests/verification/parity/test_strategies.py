"""Two implementations of a strategy are told apart on a real table, and equal ones are not."""

from __future__ import annotations

from pathlib import Path

import pytest

from assay.foundation.errors import UnknownNameError
from assay.verification.parity.strategies import Side, compare_strategies

BENCHMARK = "nas-bench-201/cifar100"


def evolution(mutation: str) -> Side:
    return Side(target="regularized-evolution", hyperparameters={"mutation": mutation})


def test_two_kinds_of_mutation_are_told_apart(cache: Path) -> None:
    """Node-then-edge and uniform-edge mutation behave differently, by the edges that they change first."""
    found = compare_strategies(
        evolution("node-then-edge"),
        evolution("uniform-edge"),
        benchmark=BENCHMARK,
        cache=cache,
        replicates=30,
    )
    assert found.test.differ
    assert found.test.differences[0].feature == "share of changes at decision 1"
    assert found.settings == {"mutation": ("node-then-edge", "uniform-edge")}


def test_one_strategy_is_not_told_from_itself(cache: Path, tmp_path: Path) -> None:
    """The same strategy under a name of its own, with other draws, is found no different."""
    (tmp_path / "copy.py").write_text(
        "from assay.strategies.regularized_evolution import RegularizedEvolution\n\n\n"
        "class Copy(RegularizedEvolution):\n    name = 'copy'\n"
    )
    found = compare_strategies(
        evolution("uniform-edge"),
        Side(target="copy.py:Copy", hyperparameters={"mutation": "uniform-edge"}, folder=tmp_path),
        benchmark=BENCHMARK,
        cache=cache,
        replicates=20,
    )
    assert not found.test.differ
    assert "no proof of equality" in found.test.sentence()


def test_an_unknown_benchmark_is_refused_by_name(cache: Path) -> None:
    """A benchmark that does not exist is named with the nearest one."""
    with pytest.raises(UnknownNameError, match="nas-bench-201/cifar10"):
        compare_strategies(
            evolution("uniform-edge"), evolution("uniform-edge"), benchmark="nas-bench-201/cifar", cache=cache
        )


@pytest.mark.slow
def test_a_thousand_replicates_also_tell_the_results_apart(cache: Path) -> None:
    """At 1,000 replicates what is recommended differs too, by a fifth of a standard deviation."""
    found = compare_strategies(
        evolution("node-then-edge"),
        evolution("uniform-edge"),
        benchmark=BENCHMARK,
        cache=cache,
        replicates=1000,
    )
    value = next(one for one in found.test.differences if one.feature == "value of what is recommended")
    assert value.p <= 0.05
    assert -0.35 < value.effect < -0.05


@pytest.mark.slow
def test_equal_strategies_on_a_table_alarm_at_most_as_often_as_said(cache: Path) -> None:
    """Over 100 pairs of one strategy with other draws, alarms at 10 % stay within what chance allows."""
    alarms = sum(
        compare_strategies(
            evolution("uniform-edge"),
            evolution("uniform-edge"),
            benchmark=BENCHMARK,
            cache=cache,
            replicates=20,
            alpha=0.1,
            seed=seed,
        ).test.differ
        for seed in range(100)
    )
    # The 99.9 % point of a binomial with n = 100 and p = 0.1 is 20.
    assert alarms <= 20
