"""The probability that one method beats another."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from assay.foundation.errors import UnknownNameError, UsageError
from assay.foundation.seeding import Stream
from assay.statistics.bootstrap import arrange, designs, expanded_level
from assay.statistics.improvement import improvement_matrix, probability_of_improvement, superiority_per_task
from assay.statistics.scores import FAILED, OK, Scores

OVER = ("runs", "tasks", "families")


def stream(name: str = "test") -> Stream:
    return Stream(0, ("improvement", name))


def normals(name: str, *shape: int) -> np.ndarray:
    rng = Stream(1, ("improvement", name))
    return np.array([rng.normal() for _ in range(math.prod(shape))]).reshape(shape)


def table(values: np.ndarray, families: tuple[str, ...] | None = None) -> Scores:
    """Return scores from (tasks, methods, runs), NaN for a failed run."""
    tasks, methods, runs = values.shape
    names = tuple(f"task {t:02}" for t in range(tasks))
    return Scores(
        methods=tuple(f"method {m}" for m in range(methods)),
        tasks=names,
        families=families or names,
        units=("",) * tasks,
        maximize=np.ones(tasks, dtype=bool),
        replicates=tuple(str(r) for r in range(runs)),
        values=values,
        status=np.where(np.isnan(values), FAILED, OK).astype(np.int8),
        varied=("search seeds",),
    )


def found(scores: Scores, **options: Any) -> np.ndarray:
    """Return probabilities, lower and upper ends of all pairs: (3, methods, methods)."""
    result = improvement_matrix(scores, **({"rng": stream(), "resamples": 400} | options))
    return np.stack([result.probability, result.low, result.high])


def naive(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.mean((a[:, None] > b[None]) + 0.5 * (a[:, None] == b[None])))


def test_the_published_value_comes_out(case: Callable[[str], dict[str, Any]]) -> None:
    """The value of rliable's own test is met, with different numbers of runs."""
    one = case("rliable-metrics")
    a, b = (np.array(one["inputs"][name], dtype=np.float64).T for name in "xy")
    found = superiority_per_task(list(a), list(b)).mean()
    assert found == pytest.approx(one["expected"]["poi_x_over_y"], abs=one["tolerance"]["all"])


@given(
    st.lists(st.integers(-3, 3), min_size=1, max_size=12),
    st.lists(st.integers(-3, 3), min_size=1, max_size=12),
)
def test_it_is_mann_whitneys_u(a: list[int], b: list[int]) -> None:
    """On one task it is scipy's U statistic over its largest value, ties one half."""
    mine, others = np.array(a, dtype=np.float64), np.array(b, dtype=np.float64)
    u = stats.mannwhitneyu(mine, others).statistic / (len(a) * len(b))
    assert superiority_per_task([mine], [others])[0] == pytest.approx(u, abs=1e-12)


@pytest.mark.parametrize("decimals", [0, 6])
def test_every_resample_over_runs_is_the_naive_probability(decimals: int) -> None:
    """Both ends agree to 1e-12 with probabilities of resamples that are written out, ties or not."""
    scores = table(np.round(normals("naive", 3, 2, 8), decimals))
    cells = arrange(scores)
    rng = stream()
    parent = rng.child("bootstrap", str(rng.bits()))
    plans = [designs(cells, "runs", name)[0] for name in ("first", "second")]
    first, second = (np.split(plan.counts(parent, 0, 400), 3) for plan in plans)
    a, b = (cells.by_task(m) for m in (0, 1))
    drawn = [
        np.mean([naive(np.repeat(a[t], first[t][:, i]), np.repeat(b[t], second[t][:, i])) for t in range(3)])
        for i in range(400)
    ]
    level = expanded_level(cells, "runs", 0.95)
    ends = np.quantile(drawn, [0.5 - level / 2, 0.5 + level / 2])
    expected = [np.mean([naive(x, y) for x, y in zip(a, b, strict=True)]), *ends]
    np.testing.assert_allclose(found(scores)[:, 0, 1], expected, rtol=0, atol=1e-12)


def test_few_runs_rarely_exclude_one_half() -> None:
    """Of 300 tables of five null runs each at most 5 % have an interval that excludes 0.5, in 13 % before."""
    wrong = 0
    for i in range(300):
        _, low, high = found(table(normals(f"few {i}", 1, 2, 5)), resamples=1000)
        wrong += not low[0, 1] <= 0.5 <= high[0, 1]
    assert wrong / 300 <= 0.05


@pytest.mark.parametrize("over", OVER)
def test_a_method_beats_its_double_half_the_time(over: str) -> None:
    """Against its own copy a method has probability 0.5, within its interval."""
    values = np.round(normals("double", 7, 1, 9), 1)
    probability, low, high = found(table(np.repeat(values, 2, axis=1)), over=over)
    assert (probability == 0.5).all()
    assert (low <= 0.5).all()
    assert (high >= 0.5).all()


@pytest.mark.parametrize("over", OVER)
def test_rows_and_columns_mirror_each_other(over: str) -> None:
    """P(a > b) and P(b > a) add to one, and the ends of one are those of the other from above."""
    probability, low, high = found(table(normals("mirror", 6, 3, 8)), over=over)
    np.testing.assert_allclose(probability + probability.T, 1, atol=1e-15)
    np.testing.assert_allclose(low + high.T, 1, atol=1e-15)


@pytest.mark.parametrize("over", OVER)
def test_order_means_nothing(over: str) -> None:
    """Runs, tasks and methods in another order leave every number as it is, to the last bit."""
    values = normals("order", 7, 3, 8)
    values[2, 1, 3] = np.nan
    scores = table(values)
    shuffled = msgspec.structs.replace(scores, values=values[:, :, ::-1], status=scores.status[:, :, ::-1])
    shuffled = shuffled.only(methods=scores.methods[::-1], tasks=scores.tasks[3:] + scores.tasks[:3])
    assert found(scores, over=over).tobytes() == found(shuffled, over=over)[:, ::-1, ::-1].tobytes()


@pytest.mark.parametrize("over", OVER)
def test_a_monotone_change_of_each_task_means_nothing(over: str) -> None:
    """Only the order of scores within a task counts, whatever the scale of the task."""
    values = np.round(normals("monotone", 6, 3, 8), 1)
    changed = np.stack([np.exp((t + 1) * task) - 100 * t for t, task in enumerate(values)])
    assert found(table(values), over=over).tobytes() == found(table(changed), over=over).tobytes()


@pytest.mark.parametrize("over", OVER)
def test_a_pair_is_its_cell_of_the_matrix(over: str) -> None:
    """One pair alone has the numbers that it has among others, either way round."""
    scores = table(normals("pair", 6, 3, 8))
    matrix = found(scores, over=over)
    for a, b in ((0, 2), (2, 0)):
        pair = probability_of_improvement(
            scores, f"method {a}", f"method {b}", rng=stream(), over=over, resamples=400
        )
        assert [pair.probability, pair.low, pair.high] == matrix[:, a, b].tolist()
        assert np.mean(pair.per_task) == pytest.approx(pair.probability)


@given(st.data())
def test_a_lost_run_improves_nothing(data: st.DataObject) -> None:
    """Whatever run of a method fails, neither its probability nor an end rises."""
    tasks, runs = data.draw(st.integers(1, 7)), data.draw(st.integers(2, 6))
    values = np.round(normals(f"lost {data.draw(st.integers(0, 9))}", tasks, 2, runs), 1)
    worse = values.copy()
    for _ in range(data.draw(st.integers(1, 6))):
        worse[data.draw(st.integers(0, tasks - 1)), 0, data.draw(st.integers(0, runs - 1))] = np.nan
    over = data.draw(st.sampled_from(OVER))
    before, after = (
        np.nan_to_num(found(table(v), over=over, resamples=40)[:, 0, 1]) for v in (values, worse)
    )
    assert (after <= before).all()


def test_families_count_alike() -> None:
    """Three tasks of one family weigh as much as one task of another, however tasks are resampled."""
    a, b = np.ones((4, 1, 5)), np.array([0.0, 2.0, 2.0, 2.0])[:, None, None] * np.ones((4, 1, 5))
    scores = table(np.concatenate([a, b], axis=1), ("one", "three", "three", "three"))
    for over in OVER:
        assert found(scores, over=over)[0, 0, 1] == pytest.approx(0.5, abs=1e-15)


def test_runs_may_differ_in_number() -> None:
    """Methods with different numbers of runs are compared, and none of them is lost."""
    values = normals("ragged", 6, 2, 6)
    scores = table(values)
    status = scores.status.copy()
    status[:, 1, 4:] = 0
    ragged = msgspec.structs.replace(scores, status=status)
    probability, low, high = found(ragged)[:, 0, 1]
    assert probability == pytest.approx(np.mean([naive(t[0], t[1, :4]) for t in values]), abs=1e-15)
    assert low < probability < high


def test_threads_do_not_change_a_byte() -> None:
    """One thread and two give the same bytes."""
    scores = table(normals("threads", 4, 3, 10))
    one, two = (found(scores, resamples=5000, threads=n).tobytes() for n in (1, 2))
    assert one == two


def test_the_interval_covers() -> None:
    """With 20 runs of five tasks the interval holds the true 0.5 in about 95 of 100 tables."""
    tables = 300
    values = normals("coverage", 5, 2 * tables, 20)
    held = []
    for i in range(tables):
        scores = table(values[:, 2 * i : 2 * i + 2])
        pair = probability_of_improvement(scores, "method 0", "method 1", rng=stream(str(i)), resamples=300)
        held.append(pair.low <= 0.5 <= pair.high)  # type: ignore[operator]
    assert np.mean(held) == pytest.approx(0.945, abs=3 * (0.95 * 0.05 / tables) ** 0.5)


def test_too_few_families_have_no_interval() -> None:
    """Below six families nothing is said across tasks, in the pair and in the matrix."""
    scores = table(normals("few", 5, 2, 6))
    pair = probability_of_improvement(
        scores, "method 0", "method 1", rng=stream(), over="tasks", resamples=50
    )
    assert pair.low is pair.high is None
    assert "no interval" in pair.sentence()
    matrix = improvement_matrix(scores, rng=stream(), over="tasks", resamples=50)
    assert np.isnan(matrix.low).all()
    assert matrix.table().rows[0][3:] == (None, None)


def test_results_say_what_they_mean() -> None:
    """Sentence, basis and tables name the methods, the tie rule and what was resampled."""
    scores = table(normals("words", 6, 2, 6))
    pair = probability_of_improvement(scores, "method 0", "method 1", rng=stream(), resamples=50)
    assert "A run of method 0 beats a run of method 1" in str(pair)
    assert "an equal score counts one half" in str(pair)
    assert "search seeds" in str(pair)
    assert pair.table().columns == ("task", "P(method 0 > method 1)", "low", "high")
    assert len(pair.table().rows) == 7
    matrix = improvement_matrix(scores, rng=stream(), resamples=50)
    assert "beats a run of another method" in matrix.sentence()
    assert len(matrix.table().rows) == 2


def test_mistakes_are_told() -> None:
    """An unknown method, a method against itself and a lone method are refused."""
    scores = table(normals("mistakes", 2, 2, 3))
    with pytest.raises(UnknownNameError, match="method 1"):
        probability_of_improvement(scores, "method 0", "methd 1", rng=stream())
    with pytest.raises(UsageError, match="with itself"):
        probability_of_improvement(scores, "method 0", "method 0", rng=stream())
    with pytest.raises(UsageError, match="two methods"):
        improvement_matrix(scores.only(methods=["method 0"]), rng=stream())
