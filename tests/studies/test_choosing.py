"""What tuning runs choose, and how a choice is frozen."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.foundation.errors import CorruptError, VersionError
from assay.records.store import Store
from assay.studies.choosing import (
    Frozen,
    TunedConfiguration,
    TunedMethod,
    choose,
    freeze,
    load_frozen,
)


def _tuned(method: str, plan: str, chosen: int = 1, score: float = 0.25) -> TunedMethod:
    tried = tuple(
        TunedConfiguration(values={"a": i}, digest=f"digest-{i}", score=score - i / 10, runs=(f"{plan}-{i}",))
        for i in range(2)
    )
    return TunedMethod(method=method, plan=plan, benchmarks=("b",), configurations=tried, chosen=chosen)


def test_the_least_score_is_chosen_and_the_earlier_of_equals() -> None:
    """Configurations without a score are never chosen, even where nothing else is left."""
    assert choose([0.3, 0.2, 0.2]) == 1
    assert choose([None, 0.9, None]) == 1
    assert choose([None, None]) is None
    assert choose([]) is None


@given(st.lists(st.one_of(st.none(), st.floats(-5, 5)), min_size=1, max_size=9), st.integers(0, 8))
def test_losing_a_score_never_makes_a_configuration_the_choice(
    scores: list[float | None], place: int
) -> None:
    """A failed run improves nothing."""
    lost = [None if i == place else score for i, score in enumerate(scores)]
    assert choose(lost) != place
    if choose(scores) != place:
        assert choose(lost) == choose(scores)


def test_a_choice_is_frozen_once_and_stands(store: Path) -> None:
    """Freezing the same again writes nothing, and keeps the moment; an absent document is an empty one."""
    held = Store(store)
    assert load_frozen(held, "s") == Frozen()
    first = freeze(held, "s", [_tuned("x", "p1")])
    path = held.study_folder("s") / "tuning.json"
    before = path.stat().st_mtime_ns
    assert freeze(held, "s", [_tuned("x", "p1")]) == first == load_frozen(held, "s")
    assert path.stat().st_mtime_ns == before
    assert first.methods[0].when
    assert first.methods[0].earlier == 0


def test_a_method_that_is_tuned_anew_says_so_and_leaves_the_others_alone(store: Path) -> None:
    """A choice that rests on other runs takes the place of the method's, and counts those before it."""
    held = Store(store)
    first = freeze(held, "s", [_tuned("x", "p1"), _tuned("y", "p2")])
    after = freeze(held, "s", [_tuned("x", "p3"), _tuned("y", "p2")])
    assert [one.earlier for one in after.methods] == [1, 0]
    assert after.methods[1] == first.methods[1]
    assert after.find("p1") is None


def test_a_renamed_method_keeps_its_choice(store: Path) -> None:
    """The choice belongs to its runs, not to a name."""
    held = Store(store)
    first = freeze(held, "s", [_tuned("x", "p1")])
    after = freeze(held, "s", [_tuned("z", "p1")])
    assert after.methods[0] == msgspec.structs.replace(first.methods[0], method="z")


def test_choices_agree_by_runs_and_scores() -> None:
    """The moment and the method's name decide nothing; another choice or score does."""
    one = _tuned("x", "p1")
    assert one.agrees(msgspec.structs.replace(one, when="later", earlier=3, method="y"))
    assert not one.agrees(_tuned("x", "p1", chosen=0))
    assert not one.agrees(_tuned("x", "p1", score=0.3))
    assert _tuned("x", "p1", chosen=0).same
    assert not one.same


def test_a_document_that_is_damaged_or_newer_is_refused(store: Path) -> None:
    """Neither is read as no choice."""
    held = Store(store)
    freeze(held, "s", [_tuned("x", "p1")])
    path = held.study_folder("s") / "tuning.json"
    path.write_text(path.read_text().replace('"format": 1', '"format": 2'))
    with pytest.raises(VersionError):
        load_frozen(held, "s")
    path.write_text("{}x")
    with pytest.raises(CorruptError):
        load_frozen(held, "s")
