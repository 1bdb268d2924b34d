"""The search for the changes that make two runs differ: all causes, few tests, nothing claimed untested."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.foundation.errors import UsageError
from assay.verification.commands.attribute import Attribution, attribute, worst_case
from assay.verification.commands.change import Change

Truth = Callable[[frozenset[str]], str]


def changes(n: int, likelihood: Callable[[int], int] = lambda _: 3) -> list[Change]:
    return [
        Change(id=f"c{i:02}", kind="code", path=f"p{i}", a="1", b="2", text=f"c{i}", likelihood=likelihood(i))
        for i in range(n)
    ]


class Counted:
    """A truth that remembers what it was asked."""

    def __init__(self, truth: Truth) -> None:
        self.truth = truth
        self.asked: list[frozenset[str]] = []

    def __call__(self, ids: frozenset[str]) -> Any:
        self.asked.append(ids)
        return self.truth(ids)


def all_of(*sets: set[str], moves: set[str] = frozenset()) -> Truth:
    """B with all elements of any set; another result where one that moves A is among them."""

    def truth(ids: frozenset[str]) -> str:
        if any(one <= ids for one in sets):
            return "b"
        return "other" if ids & moves else "a"

    return truth


def found(result: Attribution) -> set[tuple[str, ...]]:
    return {cause.ids for cause in result.causes}


def antichain(sets: list[frozenset[str]]) -> set[frozenset[str]]:
    return {one for one in sets if not any(other < one for other in sets)}


def test_one_cause_among_many_is_found_and_the_others_are_innocent() -> None:
    """One change of twenty is named with few tests; the nineteen others are shown innocent."""
    test = Counted(all_of({"c13"}))
    result = attribute(changes(20), test, limit=100)
    assert found(result) == {("c13",)}
    assert result.causes[0].kind == "single"
    assert len(result.innocent) == 19
    assert result.undecided == ()
    assert result.complete
    assert not result.remainder
    assert result.runs == len(test.asked) == len(set(test.asked)) < 12


def test_the_likeliest_change_costs_two_runs() -> None:
    """Where the likeliest change is the cause, two runs settle it: it alone, and all others without it."""
    test = Counted(all_of({"c07"}))
    result = attribute(changes(20, lambda i: 0 if i == 7 else 6), test, limit=100)
    assert found(result) == {("c07",)}
    assert result.runs == 2
    assert not result.remainder
    assert test.asked == [frozenset({"c07"}), frozenset(one.id for one in changes(20)) - {"c07"}]


def test_a_conjunction_is_told_from_independent_causes() -> None:
    """Two settings that act only together are a conjunction; two that each move A are independent."""
    together = attribute(changes(12), all_of({"c02", "c09"}), limit=100).causes
    apart = attribute(changes(12), all_of({"c02", "c09"}, moves={"c02", "c09"}), limit=100).causes
    one = attribute(changes(12), all_of({"c02", "c09"}, moves={"c09"}), limit=100).causes
    assert [(cause.ids, cause.kind) for cause in (*together, *apart, *one)] == [
        (("c02", "c09"), "conjunction"),
        (("c02", "c09"), "independent"),
        (("c02", "c09"), "mixed"),
    ]
    assert apart[0].alone == {"c02": "other", "c09": "other"}


def test_every_smallest_set_is_found() -> None:
    """Two changes that each give B, and a pair that also does, are three causes."""
    result = attribute(changes(10), all_of({"c01"}, {"c05"}, {"c07", "c08"}), limit=100)
    assert found(result) == {("c01",), ("c05",), ("c07", "c08")}
    assert result.complete


def test_a_remainder_is_said_and_what_leaves_a_is_still_found() -> None:
    """Where all changes together do not give B, the changes that move A are named with that outcome."""
    result = attribute(changes(8), all_of(moves={"c03", "c06"}), limit=100)
    assert result.remainder
    assert found(result) == {("c03",), ("c06",)}
    assert {cause.outcome for cause in result.causes} == {"other"}
    nothing = attribute(changes(8), all_of(), limit=100)
    assert nothing.remainder
    assert nothing.causes == ()
    assert nothing.runs == 1
    assert len(nothing.innocent) == 8


def test_what_breaks_the_program_is_set_aside() -> None:
    """A change that makes the program fail does not hide the cause, and stays undecided itself."""

    def truth(ids: frozenset[str]) -> str:
        return "broken" if "c04" in ids else all_of({"c01"})(ids)

    result = attribute(changes(8), truth, limit=100)
    assert found(result) == {("c01",)}
    assert result.broken == (("c04",),)
    assert result.undecided == ("c04",)
    assert not result.complete


def test_the_limit_holds_and_what_is_known_is_told() -> None:
    """With too few runs nothing is claimed beyond what was tested, and the narrowest set is given."""
    test = Counted(all_of({"c03", "c15"}))
    result = attribute(changes(20), test, limit=4)
    assert len(test.asked) == result.runs <= 4
    assert not result.complete
    assert result.causes == ()
    assert {"c03", "c15"} <= set(result.smallest) < {one.id for one in changes(20)}
    assert set(result.innocent) | set(result.undecided) == {one.id for one in changes(20)}


def test_a_cause_without_the_runs_for_its_kind_is_undecided() -> None:
    """A set that was found just before the limit is reported, and its kind is left open."""
    whole = attribute(changes(20), all_of({"c03", "c15"}), limit=100)
    kinds = {
        cause.kind
        for limit in range(1, whole.runs)
        for cause in attribute(changes(20), all_of({"c03", "c15"}), limit=limit).causes
    }
    assert kinds <= {"undecided", "conjunction"}
    assert kinds


def test_tests_that_disagree_are_no_evidence_for_b() -> None:
    """A set whose repeated tests disagree is listed as unstable and is never a cause."""
    turns = iter(range(1000))

    def truth(ids: frozenset[str]) -> Any:
        if "c02" in ids and len(ids) < 4:
            return "b" if next(turns) % 2 else "a"
        return "b" if len(ids) >= 4 else "a"

    result = attribute(changes(5), truth, limit=200, repeats=2)
    assert result.unstable
    assert not set(result.unstable) & found(result)


def test_equal_ids_and_a_limit_of_nothing_are_refused() -> None:
    """A caller's mistake is said as such."""
    with pytest.raises(UsageError, match="one id"):
        attribute([*changes(2), *changes(1)], all_of(), limit=9)
    with pytest.raises(UsageError, match="at least one run"):
        attribute(changes(2), all_of(), limit=0)


def test_without_changes_everything_is_remainder() -> None:
    """Two runs with nothing to change are not tested and not explained."""
    result = attribute([], all_of(), limit=9)
    assert (result.remainder, result.runs, result.causes) == (True, 0, ())


def test_the_same_input_gives_the_same_answer() -> None:
    """Two searches of one truth are equal in every field and ask the same questions."""
    first, second = (Counted(all_of({"c03", "c11"}, {"c05"}, moves={"c03"})) for _ in range(2))
    assert attribute(changes(14), first, limit=99) == attribute(changes(14), second, limit=99)
    assert first.asked == second.asked


ids = st.integers(2, 14).flatmap(
    lambda n: st.tuples(
        st.just(n),
        st.lists(st.frozensets(st.integers(0, n - 1), min_size=1, max_size=3), min_size=1, max_size=3),
        st.frozensets(st.integers(0, n - 1)),
        st.lists(st.integers(0, 8), min_size=n, max_size=n),
    )
)


@settings(max_examples=150, deadline=None)
@given(ids)
def test_all_smallest_sets_are_found_within_the_bound(drawn: Any) -> None:
    """For any monotone truth and any order of likelihood: exactly the smallest sets, within the bound."""
    n, sets, moving, likelihoods = drawn
    wanted = antichain([frozenset(f"c{i:02}" for i in one) for one in sets])
    test = Counted(all_of(*wanted, moves={f"c{i:02}" for i in moving}))
    result = attribute(changes(n, likelihoods.__getitem__), test, limit=10_000)
    assert {frozenset(cause.ids) for cause in result.causes} == wanted
    assert result.complete
    assert not result.remainder
    assert len(test.asked) == len(set(test.asked)) == result.runs
    assert result.runs <= worst_case(n, max(map(len, wanted)), len(wanted))
    assert set(result.innocent) == {one.id for one in changes(n)} - frozenset().union(*wanted)


@settings(max_examples=150, deadline=None)
@given(st.integers(1, 6), st.data())
def test_what_is_claimed_of_any_truth_was_tested(n: int, data: Any) -> None:
    """For truths without any order, each cause has its effect, and loses it without any one element."""
    names = [one.id for one in changes(n)]
    subsets = [frozenset(some) for size in range(1, n + 1) for some in combinations(names, size)]
    outcomes = dict(
        zip(
            subsets,
            data.draw(
                st.lists(
                    st.sampled_from(["a", "b", "other", "broken"]),
                    min_size=len(subsets),
                    max_size=len(subsets),
                )
            ),
            strict=True,
        )
    )
    test = Counted(outcomes.__getitem__)
    result = attribute(changes(n), test, limit=data.draw(st.integers(1, 80)))
    told = {frozenset(): "a"} | outcomes
    held = {"b", "other"} if result.remainder else {"b"}
    for cause in result.causes:
        assert told[frozenset(cause.ids)] == cause.outcome
        assert cause.outcome in held
        assert all(told[frozenset(cause.ids) - {one}] not in held for one in cause.ids)
        assert all(told[frozenset([one])] == outcome for one, outcome in cause.alone.items())
    assert all(told[frozenset(one)] == "broken" for one in result.broken)
    parts = [*result.innocent, *result.undecided, *{one for cause in result.causes for one in cause.ids}]
    assert sorted(parts) == names
