"""The stratified and the cluster bootstrap."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats
from scipy.special import ndtr

from assay.foundation.errors import UsageError
from assay.foundation.seeding import Stream
from assay.statistics.bootstrap import (
    Design,
    arrange,
    bootstrap,
    bootstrap_basis,
    designs,
    ends,
    expanded_level,
    percentiles,
)
from assay.statistics.scores import FAILED, OK, Row, Scores, make_scores


def stream(name: str = "test") -> Stream:
    return Stream(0, ("bootstrap", name))


def rows(values: dict[tuple[str, str], list[float | None]]) -> list[Row]:
    return [
        Row(method=method, task=task, replicate=str(r), score=score, failed=score is None)
        for (method, task), scores in values.items()
        for r, score in enumerate(scores)
    ]


def small(**options: object) -> Scores:
    table: dict[tuple[str, str], list[float | None]] = {
        ("a", "t2"): [3.0, 1.0, 2.0],
        ("a", "t1"): [5.0, None, 4.0],
        ("b", "t2"): [0.0, 7.0],
        ("b", "t1"): [9.0, 8.0, 6.0],
    }
    return make_scores(rows(table), **options)  # type: ignore[arg-type]


def test_cells_are_in_the_order_of_names_and_sizes() -> None:
    """Tasks are sorted by name and runs by score; a lost run is the worst of all."""
    cells = arrange(small())
    assert cells.tasks == ("t1", "t2")
    assert cells.sizes == ((3, 3), (3, 2))
    assert cells.values[0].tolist() == [-np.inf, 4.0, 5.0, 1.0, 2.0, 3.0]
    assert cells.lost == (1, 0)
    assert [len(part) for part in cells.by_task(1)] == [3, 2]


def test_a_smaller_score_that_is_better_is_turned() -> None:
    """On a task where smaller is better, scores are negated, and a lost run stays the worst."""
    cells = arrange(small(minimize=["t1"]))
    assert cells.values[0][:3].tolist() == [-np.inf, -5.0, -4.0]


def test_declared_runs_that_never_ran_are_lost() -> None:
    """With a declared number of runs each cell has as many, and what is missing is lost."""
    cells = arrange(small(planned=4))
    assert cells.sizes == ((4, 4), (4, 4))
    assert cells.lost == (3, 3)


def test_a_task_without_a_run_is_lost_whole() -> None:
    """A method that skipped a task has lost as many runs there as another method has."""
    table = make_scores(rows({("a", "t1"): [1.0, 2.0], ("a", "t2"): [1.0, 2.0], ("b", "t1"): [5.0, 6.0]}))
    cells = arrange(table)
    assert cells.sizes == ((2, 2), (2, 2))
    assert cells.lost == (0, 2)


def test_runs_are_drawn_within_tasks() -> None:
    """Every resample has as many runs of each task as the sample."""
    counts = Design((5, 3, 8)).counts(stream(), 0, 700)
    assert counts.shape == (16, 700)
    for start, size in ((0, 5), (5, 3), (8, 8)):
        assert (counts[start : start + size].sum(axis=0) == size).all()


@pytest.mark.parametrize("n", [2, 7, 100])
def test_draws_are_uniform_and_independent(n: int) -> None:
    """Counts have the mean, the variance and the covariance of a multinomial draw."""
    columns = 51_200
    counts = Design((n,)).counts(stream(f"uniform {n}"), 0, columns).astype(np.float64)
    # The total over columns of each item is binomial: chi-squared with n - 1 degrees of freedom.
    chi2 = float(((counts.sum(axis=1) - columns) ** 2 / columns).sum())
    assert stats.chi2.sf(chi2, n - 1) > 1e-4
    assert counts.var() == pytest.approx(1 - 1 / n, rel=0.02)
    assert np.mean((counts[0] - 1) * (counts[1] - 1)) == pytest.approx(-1 / n, abs=6 / columns**0.5)


def test_blocks_do_not_depend_on_what_is_drawn_with_them() -> None:
    """Resamples drawn together are those drawn block by block, and another shape changes none of them."""
    design = Design((4, 30))
    whole = design.counts(stream(), 0, 1100)
    parts = [design.counts(stream(), start, min(512, 1100 - start)) for start in (0, 512, 1024)]
    assert whole.tobytes() == np.concatenate(parts, axis=1).tobytes()


def test_designs_of_another_name_are_independent() -> None:
    """Two designs with names of their own draw different resamples."""
    first, second = (Design((9,), name=name).counts(stream(), 0, 50) for name in ("first", "second"))
    assert (first != second).any()


def test_families_are_drawn_whole() -> None:
    """All runs of a family are in a resample equally often, and as many families as there are."""
    design = Design((2, 3, 2), [(0, 2), (1,)])
    counts = design.counts(stream(), 0, 300)
    tasks = design.task_counts(counts)
    assert (counts == np.repeat(tasks, (2, 3, 2), axis=0)).all()
    assert (tasks[0] == tasks[2]).all()
    assert (tasks[0] + tasks[1] == 2).all()
    assert (design.drawn(counts) == counts.sum(axis=0)).all()
    assert design.total >= counts.sum(axis=0).max()


@pytest.mark.parametrize("groups", [None, [(0,), (1,), (2,)], [(0, 2), (1,)]])
def test_the_spread_is_that_of_the_draws(groups: list[tuple[int, ...]] | None) -> None:
    """The stated deviation of the number drawn among the first items is the one that is seen."""
    design = Design((6, 9, 5), groups)
    order = np.argsort(stream("order").indices(1000, (20,)), kind="stable")
    seen = np.cumsum(design.counts(stream(), 0, 20_480)[order], axis=0, dtype=np.float64).std(axis=1)
    np.testing.assert_allclose(design.spread(order)[1:], seen, rtol=0.05, atol=1e-6)


@pytest.mark.parametrize("threads", [2, 3])
def test_threads_do_not_change_a_byte(threads: int) -> None:
    """One thread and several give the same bytes."""
    designs_ = [Design((40, 60)), Design((7,), name="other")]

    def statistic(counts: list[np.ndarray]) -> np.ndarray:
        return np.stack([np.argmax(c, axis=0) / 3.0 for c in counts])

    found = [
        bootstrap(statistic, designs_, rng=stream(), resamples=9000, threads=n).tobytes()
        for n in (1, threads)
    ]
    assert found[0] == found[1]


def test_equal_streams_give_equal_draws_and_a_used_one_others() -> None:
    """The draws are a function of the stream and of what was drawn from it before."""
    rng = stream()

    def draw(rng: Stream) -> bytes:
        return bootstrap(lambda c: c[0], [Design((20,))], rng=rng, resamples=30).tobytes()

    first, second = draw(rng), draw(rng)
    assert first == draw(stream())
    assert first != second


def test_percentiles_are_numpys() -> None:
    """The ends are linear quantiles, as `numpy.quantile` has them."""
    draws = np.array([stream().normal() for _ in range(1)] + [float(i % 97) for i in range(499)])
    low, high = percentiles(np.stack([draws, 2 * draws]), 0.9)
    np.testing.assert_allclose(low, np.quantile([draws, 2 * draws], 0.05, axis=1))
    np.testing.assert_allclose(high, np.quantile([draws, 2 * draws], 0.95, axis=1))
    assert percentiles(np.array([4.0]), 0.95) == (4.0, 4.0)


def test_an_end_beside_a_lost_resample_is_lost() -> None:
    """An end that lies among resamples without a number is not a number either."""
    draws = np.array([-np.inf] * 10 + [1.0] * 90)
    assert percentiles(draws, 0.95) == (-np.inf, 1.0)
    assert ends(np.array([-np.inf, 1.0])) == (None, 1.0)


def test_few_units_are_read_at_a_wider_level() -> None:
    """Six families have the level of sqrt(6 / 5) t(5); degrees of freedom of runs add up over tasks."""
    cells = arrange(small())
    six = cells._replace(families=tuple((i,) for i in range(6)))
    expected = 2 * ndtr(2.570582 * math.sqrt(6 / 5)) - 1
    assert expanded_level(six, "families", 0.95) == pytest.approx(expected)
    one, many = (cells._replace(sizes=((5,) * tasks,)) for tasks in (1, 20))
    assert 0.95 < expanded_level(many, "runs", 0.95) < expanded_level(one, "runs", 0.95)
    assert expanded_level(cells._replace(sizes=((10**6,),)), "runs", 0.95) == pytest.approx(0.95, abs=1e-6)


def test_mistakes_are_told() -> None:
    """A word, a confidence and a number of resamples that make no sense are refused."""
    with pytest.raises(UsageError, match="cannot resample over 'seeds'"):
        designs(arrange(small()), "seeds")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="confidence"):
        expanded_level(arrange(small()), "runs", 1.0)
    with pytest.raises(UsageError, match="needs resamples"):
        bootstrap(lambda c: c[0], [Design((2,))], rng=stream(), resamples=0)


def test_the_basis_says_what_was_lost_and_what_is_not_decided() -> None:
    """Lost runs and few families are named, and too few families decide nothing."""
    scores = small()
    cells = arrange(scores)
    assert scores.status[1, 0, 1] == FAILED != OK

    def basis(over: str) -> tuple[str, bool]:
        found, decided = bootstrap_basis(
            scores,
            cells,
            over,
            procedure="p",
            source="s",
            seed=(stream(), 10),
            lost="worst",  # type: ignore[arg-type]
        )
        return found.text(), decided

    text, decided = basis("runs")
    assert decided
    assert "1 lost runs: worst" in text
    assert "different numbers of runs" in text
    assert "root 0, stream bootstrap/test, 10 resamples" in text
    text, decided = basis("families")
    assert not decided
    assert "6 are needed" in text
