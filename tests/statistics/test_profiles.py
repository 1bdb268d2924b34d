"""Performance profiles and their bands."""

from __future__ import annotations

import math
from typing import Any

import msgspec
import numpy as np
import pytest

from assay.foundation.errors import UsageError
from assay.foundation.seeding import Stream
from assay.statistics.bootstrap import arrange, designs, expanded_level
from assay.statistics.profiles import POINTS, PerformanceProfile, performance_profile
from assay.statistics.scores import FAILED, OK, Scores

TAUS = [-1.0, -0.1, 0.0, 0.4, 2.0]
OVER = ("runs", "tasks", "families")


def stream() -> Stream:
    return Stream(0, ("profiles", "test"))


def normals(name: str, *shape: int) -> np.ndarray:
    rng = Stream(1, ("profiles", name))
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
    )


def profile(scores: Scores, taus: list[float] | None = None, **options: Any) -> PerformanceProfile:
    return performance_profile(
        scores, TAUS if taus is None else taus, **({"rng": stream(), "resamples": 400} | options)
    )


def numbers(found: PerformanceProfile) -> np.ndarray:
    return np.stack([found.shares, found.lows, found.highs])


@pytest.mark.parametrize("over", OVER)
def test_every_resample_is_the_naive_profile(over: str) -> None:
    """Shares and bands agree to 1e-12 with shares of resamples that are written out."""
    scores = table(normals("naive", 13, 2, 6), tuple(f"family {t // 2}" for t in range(13)))
    cells = arrange(scores)
    [design] = designs(cells, over)  # type: ignore[arg-type]
    rng = stream()
    counts = design.counts(rng.child("bootstrap", str(rng.bits())), 0, 400)
    above = np.array([[row > tau for tau in TAUS] for row in cells.values], dtype=np.float64)
    drawn = above @ counts.astype(np.float64) / counts.sum(axis=0)
    level = expanded_level(cells, over, 0.95)  # type: ignore[arg-type]
    ends = np.quantile(drawn, [0.5 - level / 2, 0.5 + level / 2], axis=-1)
    expected = [above.mean(axis=-1), *ends]
    np.testing.assert_allclose(numbers(profile(scores, over=over)), expected, rtol=0, atol=1e-12)


def test_above_is_strict() -> None:
    """A run whose score equals the threshold is not above it."""
    scores = table(np.array([[[1.0, 2.0, 2.0, 3.0]]]))
    assert profile(scores, [0.0, 1.0, 2.0, 3.0]).shares.tolist() == [[1.0, 0.75, 0.25, 0.0]]


def test_a_profile_falls_and_its_band_holds_it() -> None:
    """Shares never rise with the threshold and lie within their bands."""
    found = performance_profile(table(normals("falls", 6, 3, 20)), rng=stream(), resamples=400)
    assert found.taus.shape == (POINTS,)
    assert (np.diff(found.shares, axis=1) <= 0).all()
    assert (found.lows <= found.shares).all()
    assert (found.shares <= found.highs).all()
    assert found.shares[:, -1].min() == 0.0


@pytest.mark.parametrize("over", OVER)
def test_order_means_nothing(over: str) -> None:
    """Runs, tasks, methods and thresholds in another order leave every number, to the last bit."""
    values = normals("order", 7, 3, 8)
    values[2, 1, 3] = np.nan
    scores = table(values)
    shuffled = msgspec.structs.replace(scores, values=values[:, :, ::-1], status=scores.status[:, :, ::-1])
    shuffled = shuffled.only(methods=scores.methods[::-1], tasks=scores.tasks[3:] + scores.tasks[:3])
    there, here = (numbers(profile(*both, over=over)) for both in ((scores, TAUS), (shuffled, TAUS[::-1])))
    assert there.tobytes() == here[:, ::-1].tobytes()


def test_a_monotone_change_of_scores_and_thresholds_means_nothing() -> None:
    """Scores and thresholds that are changed alike have the same profile."""
    values = normals("monotone", 6, 2, 8)
    plain = profile(table(values))
    changed = profile(table(np.exp(values)), np.exp(TAUS).tolist())
    assert numbers(plain).tobytes() == numbers(changed).tobytes()


def test_lost_runs_lie_above_nothing() -> None:
    """A lost run lowers the profile everywhere, and the band with it."""
    values = normals("lost", 6, 2, 8)
    worse = values.copy()
    worse[1:4, 0, 2] = np.nan
    before, after = profile(table(values)), profile(table(worse))
    assert (numbers(after)[:, 0] <= numbers(before)[:, 0]).all()
    assert (numbers(after)[:, 1] == numbers(before)[:, 1]).all()
    assert after.lost == (3, 0)
    assert "lies above no threshold" in str(after)


def test_too_few_families_have_no_band() -> None:
    """Below six families the shares stand without a band over tasks."""
    found = profile(table(normals("few", 5, 2, 8)), over="tasks")
    assert np.isnan(found.lows).all()
    assert not np.isnan(found.shares).any()
    assert found.table().rows[0][3:] == (None, None)


def test_threads_do_not_change_a_byte() -> None:
    """One thread and two give the same bytes."""
    scores = table(normals("threads", 4, 3, 10))
    one, two = (numbers(profile(scores, resamples=5000, threads=n)).tobytes() for n in (1, 2))
    assert one == two


def test_the_sentence_and_the_table_name_threshold_and_methods() -> None:
    """The sentence has the middle threshold, and the table a row for each method and threshold."""
    found = profile(table(normals("words", 6, 2, 8)))
    assert "The share of runs above 0 is method 0" in found.sentence()
    assert "bands over runs" in str(found)
    assert len(found.table().rows) == 2 * len(TAUS)


@pytest.mark.parametrize("taus", [[], [float("nan")], [[1.0]]])
def test_thresholds_must_be_numbers(taus: list[Any]) -> None:
    """No thresholds, some that are not finite and a table of them are refused."""
    with pytest.raises(UsageError, match="finite thresholds"):
        profile(table(normals("mistakes", 2, 2, 3)), taus)


def test_a_table_of_lost_runs_has_no_thresholds() -> None:
    """Where every run is lost there is no range to take thresholds from."""
    with pytest.raises(UsageError, match="every run is lost"):
        performance_profile(table(np.full((2, 1, 3), np.nan)), rng=stream())
