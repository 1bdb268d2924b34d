"""Explanations of small programs: causes are named, chance and times are not blamed on a setting."""

from __future__ import annotations

import sys
from typing import Any

import msgspec

from assay.records.commands import put_command
from assay.verification.commands.explain import explain
from assay.verification.commands.explanation import CHANCE, PARTLY, UNKNOWN, Explanation


def explained(lab: Any, a: Any, b: Any, **settings: Any) -> Explanation:
    return explain(lab.store, a, b, cache=lab.cache, **({"attributed": True} | settings))


def test_a_cause_is_confirmed_before_it_is_named(lab: Any) -> None:
    """A and A with the cause are run once more, and counted."""
    a, b = lab.record("RATE = 1\nprint('value', RATE)\n"), lab.record("RATE = 2\nprint('value', RATE)\n")
    found = explained(lab, a, b)
    assert found.answer == "explained"
    assert found.attribution is not None
    # Both twice, the search, and the confirmation of A and of A with the cause.
    assert found.runs == 4 + found.attribution.runs + 2
    assert "RATE = 1 -> RATE = 2" in found.paragraph


def test_chance_is_not_blamed_on_a_difference(lab: Any, by_turns: str) -> None:
    """Each side came out alike when it was repeated, and what seemed the cause does not when tried again."""
    program = f"SCRIPT = 'abaabbba'\n{by_turns}print('value', value)\n"
    a, b = lab.record(program, "--tag", "x"), lab.record(program, "--tag", "y")
    found = explained(lab, a, b)
    assert found.answer == CHANCE, found.paragraph
    assert "no setting is to blame" in found.paragraph
    assert all(one.part != "cause" for one in found.differences)


def test_a_file_that_holds_the_time_is_not_explained_by_an_argument(lab: Any) -> None:
    """Where only a file differs, it must come out again before anything is blamed for it."""
    program = "import time\nprint('value', 1)\nopen('log.txt', 'w').write(str(time.time_ns()))\n"
    found = explained(lab, lab.record(program, "--tag", "x"), lab.record(program, "--tag", "y"))
    assert found.answer == UNKNOWN, found.paragraph
    assert "log.txt differs" in found.paragraph
    assert found.attribution is None


def test_the_time_beside_a_result_does_not_hide_the_cause(lab: Any) -> None:
    """Only what differs between A and B must come out again: a log with the time in both is no obstacle."""
    program = (
        "import time, sys\nopen('log.txt', 'w').write(str(time.time_ns()))\n"
        "print('value', sys.argv[1], f'took {time.time_ns()} ns')\n"
    )
    found = explained(lab, lab.record(program, "1"), lab.record(program, "2"))
    assert found.answer == "explained", found.paragraph
    assert [cause.ids for cause in found.attribution.causes] == [(found.differences[0].id,)]


def test_nothing_is_explained_where_only_times_differ(lab: Any) -> None:
    """Two runs of one program that prints how long it took are identical."""
    program = "import time\nprint('value', 1, f'took {time.time_ns()} ns')\n"
    found = explained(lab, lab.record(program), lab.record(program))
    assert (found.answer, found.runs) == ("identical", 0), found.paragraph


def test_exit_statuses_are_told_and_explained(lab: Any) -> None:
    """Success and failure differ; the status 0 is told as 0."""
    program = "import sys\nraise SystemExit(int(sys.argv[1]))\n"
    found = explained(lab, lab.record(program, "0"), lab.record(program, "4"))
    assert found.answer == "explained", found.paragraph
    assert "exit status 0 and exit status 4" in found.paragraph


def test_programs_of_another_language_are_compared_by_what_they_print(lab: Any) -> None:
    """Nothing is seen inside a shell: two outputs are not identical for want of a trace."""
    a, b = (lab.command(["sh", "-c", f"echo {word}"]) for word in ("one", "two"))
    found = explained(lab, a, b)
    assert found.answer == "explained", found.paragraph
    assert "line 1 of what it prints" in found.paragraph


def test_traces_of_other_digests_are_no_difference(lab: Any) -> None:
    """Where another digest made the fingerprints they are left out, which is noted, and results count."""
    from assay.records.trace import load_trace, make_steps

    program = "import sys\nprint('value', 1)\n"
    a, b = lab.record(program), lab.record(program)
    trace = load_trace(lab.store, b)
    assert trace is not None
    other = "xxh3-128" if trace.algorithm != "xxh3-128" else "blake2b-128"
    b = msgspec.structs.replace(b, trace=lab.store.objects.put(make_steps(trace.steps, other)))
    put_command(lab.store, b)
    found = explained(lab, a, b)
    assert any("cannot be compared" in note for note in found.notes)
    assert not found.results
    assert "Their steps cannot be" in found.paragraph
    assert found.runs == 0


def test_a_command_that_is_python_of_another_name_is_repeated(lab: Any) -> None:
    """`python -c` has no file, and is explained all the same."""
    a, b = (lab.command([sys.executable, "-c", f"print('value', {n})"]) for n in (1, 2))
    assert explained(lab, a, b).answer == "explained"


def test_what_makes_a_third_result_is_partly_an_explanation(lab: Any) -> None:
    """A change that turns A into neither A nor B is told as that, and is not called the cause."""
    program = "import os, sys\nprint('value', sys.argv[1], 'second' in os.environ.get('PYTHONPATH', ''), 1)\n"
    a, b = (
        lab.record(program, number, variables={"PYTHONPATH": f"/nowhere/{name}"})
        for number, name in (("1", "first"), ("2", "second"))
    )
    found = explained(lab, a, b)
    assert found.answer == PARTLY, found.paragraph
    assert "alone changes A's result into a third one, neither A's nor B's." in found.paragraph
    assert "something else differs too" in found.paragraph
    assert {one.kind: one.part for one in found.differences} == {
        "argument": "partial",
        "variable": "not applicable",
    }
    assert found.proof is None
