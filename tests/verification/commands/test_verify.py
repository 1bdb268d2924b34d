"""A recorded command is repeated and judged: what counts, how many repeats, and when they end."""

from __future__ import annotations

from typing import Any

import pytest

from assay.foundation.errors import UsageError
from assay.verification.commands.verdict import Margin
from assay.verification.commands.verify import CommandVerification, verify_command

LOGGED = (
    "import assay_hook, time\n{by}print('value', 1)\nassay_hook.log(score={score}, seconds=time.time())\n"
)


def verified(lab: Any, program: str, *arguments: str, outputs: tuple[str, ...] = (), **settings: Any) -> Any:
    found: CommandVerification = verify_command(
        lab.store, lab.record(program, *arguments, outputs=outputs), **settings
    )
    return found


@pytest.mark.parametrize(
    "program",
    [
        "import time\nprint('value', 1, f'took {time.perf_counter():.6f} s')\n",
        "import time, assay_hook\nassay_hook.log(loss=1.5, seconds=time.time())\n",
        "raise SystemExit(3)\n",
    ],
    ids=["printed", "logged", "failing"],
)
def test_only_results_count(lab: Any, program: str) -> None:
    """Durations that are printed or logged are no difference, and a failure repeats like a success."""
    assert verified(lab, program, repeats=2).verdict.text() == "identical 2/2"


@pytest.mark.parametrize(
    ("output", "said"),
    [
        ("print('value', value)", "line 1 of the output"),
        ("sys.stdout.buffer.write(b'%d' % value)", "line 1 of what it prints"),
        ("open('r.txt', 'w').write(str(value))", "r.txt differs"),
        ("raise SystemExit(value)", "ended with exit status"),
        ("import assay_hook; assay_hook.log(score=value)", ""),
    ],
    ids=["print", "buffer", "file", "status", "log"],
)
def test_every_result_counts(lab: Any, by_turns: str, output: str, said: str) -> None:
    """What differs in one repeat is an instability, whichever way it shows, and then there are three."""
    found = verified(lab, f"SCRIPT = 'aba'\n{by_turns}{output}\n", repeats=1)
    assert found.verdict.word == "unstable", found.verdict.sentence
    assert len(found.repeats) == 3
    assert said in found.repeats[0].detail
    assert found.verdict.same == 2


def test_repeats_that_agree_are_one_outcome(lab: Any, by_turns: str) -> None:
    """Repeats are compared with each other: all alike is undecided until 29 of them, which diverged."""
    program = f"SCRIPT = 'abb'\n{by_turns}print('value', value)\n"
    found = verified(lab, program, repeats=2)
    assert found.verdict.text() == "undecided 0/3"
    assert {one.outcome for one in found.repeats} == {"outcome 1"}


def test_until_decided_ends_at_29(lab: Any, by_turns: str) -> None:
    """29 repeats that agree with each other and not with the record are a divergence."""
    program = f"SCRIPT = 'ab'\n{by_turns}print('value', value)\n"
    found = verified(lab, program, repeats=1, until_decided=True)
    assert found.verdict.text() == "diverged 0/29"


def test_until_decided_ends_at_the_first_other_outcome(lab: Any, by_turns: str) -> None:
    """Once repeats differ among themselves, more of them decide nothing."""
    found = verified(
        lab, f"SCRIPT = 'abbbbc'\n{by_turns}print('value', value)\n", repeats=1, until_decided=True
    )
    assert (found.verdict.word, len(found.repeats)) == ("unstable", 5)


def test_a_margin_is_of_a_metric_that_was_logged(lab: Any) -> None:
    """A margin of a name that is not there is refused before anything is repeated."""
    record = lab.record("print('value', 1)\n")
    with pytest.raises(UsageError, match="no metric 'score'"):
        verify_command(lab.store, record, margin=Margin(metric="score", width=1.0))


def test_a_margin_makes_equivalent_what_is_near(lab: Any, by_turns: str) -> None:
    """Values within the margin are equivalent, also where repeats are to go on until it is decided."""
    program = f"SCRIPT = 'abcb'\n{LOGGED.format(by=by_turns, score='value')}"
    margin = Margin(metric="score", width=5.0)
    found = verified(lab, program, margin=margin, until_decided=True)
    assert found.verdict.word == "equivalent", found.verdict.sentence


def test_at_least_one_repeat_is_asked_for(lab: Any) -> None:
    """No repeats, no verdict."""
    with pytest.raises(UsageError, match="at least once"):
        verify_command(lab.store, lab.record("print(1)\n"), repeats=0)


def test_a_failing_repeat_says_why(lab: Any, by_turns: str, monkeypatch: Any) -> None:
    """The last line of its standard error is told, on one line, without secrets and terminal commands."""
    monkeypatch.setenv("API_TOKEN", "s3cr3t-0123456789-value")
    program = (
        f"SCRIPT = 'ab'\n{by_turns}\n"
        "if count:\n    raise ValueError('cannot \\x1b[2J read with ' + os.environ['API_TOKEN'])\nprint(1)\n"
    )
    found = verified(lab, program)
    detail = found.repeats[0].detail
    assert (
        "ended with exit status 1, saying: ValueError: cannot \\x1b[2J read with [secret removed]" in detail
    )
    assert detail in found.verdict.sentence
    assert "s3cr3t" not in repr(found)


def test_what_a_failing_program_says_as_it_did_is_no_difference(lab: Any) -> None:
    """A failure that repeats is identical, whatever it says of the time."""
    program = "import sys, time\nsys.exit(f'at {time.time_ns()}')\n"
    assert verified(lab, program, repeats=2).verdict.text() == "identical 2/2"


def test_notes_are_about_the_repeat(lab: Any) -> None:
    """That the program is in no repository is no news of a repeat."""
    assert not any("repository" in note for note in verified(lab, "print('value', 1)\n", repeats=1).notes)


def test_a_secret_argument_is_told_once(lab: Any) -> None:
    """A command with a secret among its arguments cannot be repeated, which is said in one sentence."""
    found = verified(lab, "print('value', 1)\n", "--token", "ghp_0123456789abcdefghijklmnopqrstuvwxyz")
    assert (found.verdict.word, found.verdict.sentence) == (
        "incomparable",
        "argument 3 was a secret and is not in the record",
    )
