"""The race on one benchmark: who is dropped, when, and how often it is the best."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.foundation.errors import UsageError
from assay.foundation.seeding import Stream
from assay.statistics.sequential import confidence_sequence
from assay.studies.racing import Dropped, Lane, Race, Racing, excluded, lane, least_gap, pair_alpha, problems

UNIT = (0.0, 1.0)


def _scores(means: dict[str, float], n: int, seed: int = 0) -> dict[str, dict[int, float]]:
    """Return scores that are 1 with the probability `mean`, else 0: the widest spread that there is."""
    rng = Stream(seed, ("race",))
    return {name: {r: float(rng.random() < mean) for r in range(n)} for name, mean in means.items()}


def _race(scores: dict[str, dict[int, float]], n: int, **changes: object) -> Lane:
    racing = Racing(**{"batch": 50, **changes})
    return lane("x", scores, racing=racing, replicates=n, bounds=UNIT)


def test_a_hopeless_method_is_dropped_at_a_look_and_by_a_bound_below_zero() -> None:
    """The bound is that of the sequence of differences, at alpha over all pairs."""
    scores = _scores({"a": 0.05, "b": 0.95, "c": 0.9}, 400)
    found = _race(scores, 400)
    assert [(out.method, out.by) for out in found.dropped] == [("a", "b")]
    (out,) = found.dropped
    assert out.after % 50 == 0 and out.after < 400 and out.high < 0.0
    difference = [scores["a"][r] - scores["b"][r] for r in range(out.after)]
    sequence = confidence_sequence(
        np.array(difference), varied=("seeds",), alpha=0.05 / 3, bounds=(-1.0, 1.0)
    )
    assert out.high == sequence.high[-1]


def test_a_look_waits_for_all_that_still_race() -> None:
    """One missing replicate holds the look back; what a dropped method lacks does not."""
    scores = _scores({"a": 0.02, "b": 0.95, "c": 0.9}, 400)
    whole = _race(scores, 400)
    after = whole.dropped[0].after
    short = {**scores, "a": {r: v for r, v in scores["a"].items() if r < after}}
    assert _race(short, 400) == whole
    held = {**scores, "b": {r: v for r, v in scores["b"].items() if r != 10}}
    assert (_race(held, 400).looked, _race(held, 400).admitted) == (0, 50)


@settings(max_examples=20)
@given(st.integers(0, 399))
def test_the_records_at_any_moment_lead_to_the_same_end(stop: int) -> None:
    """Runs that are made as they are admitted, after a stop anywhere, are those of the whole race."""
    scores = _scores({"a": 0.02, "b": 0.95, "c": 0.9}, 400)
    made: dict[str, dict[int, float]] = {name: {} for name in scores}
    for n in (stop, 400, 400, 400, 400, 400, 400, 400, 400):
        found = _race(made, 400)
        race = Race(racing=Racing(batch=50), lanes=(found,))
        for name, own in scores.items():
            made[name] |= {r: v for r, v in own.items() if r < n and race.admits(name, "x", r)}
    end = _race(scores, 400)
    kept = {out.method: out.after for out in end.dropped}
    assert {name: len(own) for name, own in made.items()} == {n: kept.get(n, 400) for n in scores}


def test_the_best_is_dropped_no_more_often_than_alpha() -> None:
    """Of equal methods with the widest spread, looked at every 10: at most 5 % of races drop any of them."""
    dropped = 0
    for seed in range(60):
        found = _race(_scores(dict.fromkeys("abcd", 0.5), 200, seed), 200, batch=10)
        dropped += bool(found.dropped)
    assert dropped / 60 <= 0.05


def test_bounds_that_contradict_each_other_exclude_nobody() -> None:
    """And what is equal excludes nothing."""
    same = np.full(100, 0.5)
    assert excluded({"a": same, "b": same}, UNIT, 0.05) == {}


def test_exchanging_names_exchanges_the_verdict() -> None:
    """The worse is out whatever it is called, and by the same bound."""
    good, bad = np.full(300, 0.95), np.full(300, 0.05)
    one, other = excluded({"a": good, "b": bad}, UNIT, 0.05), excluded({"a": bad, "b": good}, UNIT, 0.05)
    assert one["b"][1] == pytest.approx(other["a"][1])
    assert (one["b"][0], other["a"][0]) == ("a", "b")


def test_the_least_gap_shrinks_and_is_the_least() -> None:
    """More replicates show smaller gaps; a little less does not drop; one replicate shows nothing."""
    gaps = [least_gap(1.0, n, 0.01) for n in (50, 100, 400)]
    assert gaps == sorted(gaps, reverse=True) and all(gap is not None for gap in gaps)
    assert least_gap(1.0, 1, 0.01) is None
    assert least_gap(100.0, 100, 0.01) == pytest.approx(100 * gaps[1])
    values = np.zeros(100)
    assert excluded({"a": values, "b": values + gaps[1] * 1.001}, UNIT, 0.01)
    assert not excluded({"a": values, "b": values + gaps[1] * 0.999}, UNIT, 0.01)


def test_admission_ends_where_a_method_was_dropped() -> None:
    """Others go on to the end of the next batch."""
    out = Dropped(method="a", benchmark="x", after=10, by="b", high=-0.1)
    held = Lane(benchmark="x", looked=10, admitted=20, low=0.0, high=1.0, dropped=(out,))
    race = Race(racing=Racing(), lanes=(held,))
    assert [race.admits("a", "x", r) for r in (9, 10)] == [True, False]
    assert [race.admits("b", "x", r) for r in (10, 19, 20)] == [True, True, False]
    assert race.kept() == {("a", "x"): 10}


def test_what_cannot_be_meant_is_told() -> None:
    """A batch of nothing or of all, a level or a range that is none, a score out of range."""
    for wrong, key in (
        (Racing(batch=0), "batch"),
        (Racing(batch=20), "batch"),
        (Racing(alpha=1.0), "alpha"),
        (Racing(range=(1.0, 1.0)), "range"),
    ):
        assert [found[0] for found in problems(wrong, 20)] == [key]
    assert not list(problems(Racing(), 20))
    assert pair_alpha(Racing(), 4) == pytest.approx(0.05 / 6)
    with pytest.raises(UsageError, match="outside the range"):
        _race({"a": {0: 1.5}, "b": {0: 0.5}}, 60)
    assert msgspec.json.decode(msgspec.json.encode(Race(racing=Racing(), lanes=())), type=Race).format == 1
