"""Failed cells by what ended them."""

from __future__ import annotations

from assay.foundation.errors import CodeError
from assay.records.record import RunError
from assay.studies.failures import Failed, causes


def _failed(replicate: int, error: RunError | None) -> Failed:
    return Failed(run=f"{replicate:064d}", method="m", benchmark="a/b", replicate=replicate, error=error)


def test_equal_messages_are_one_cause() -> None:
    """The most frequent message comes first, with the cells that it ended in their order."""
    errors = ["seven", "six", "six"]
    found = causes([_failed(i, RunError(kind="ValueError", message=m)) for i, m in enumerate(errors)])
    assert [cause.what for cause in found] == ["ValueError: six", "ValueError: seven"]
    assert [one.replicate for one in found[0].failed] == [1, 2]


def test_a_deliberate_error_is_taken_apart() -> None:
    """What, why and hint of Assay's own message stand apart, on one line each."""
    error = CodeError("it asks too much", where="here", why="of: this", hint="ask less")
    (cause,) = causes([_failed(0, RunError(kind="CodeError", message=str(error)))])
    assert (cause.what, cause.why, cause.hint) == ("it asks too much", "of: this", "ask less")


def test_lines_that_look_like_labels_are_no_parts() -> None:
    """A message of several lines without Assay's labels keeps its first line and its exception."""
    (cause,) = causes([_failed(0, RunError(kind="KeyError", message="a\nb: c"))])
    assert (cause.what, cause.why, cause.hint) == ("KeyError: a", "", "")


def test_no_error_is_told_as_unknown() -> None:
    """A failed record without an error, or with an empty message, is a cause as well."""
    found = causes([_failed(0, None), _failed(1, RunError(kind="KeyError", message=""))])
    assert [cause.what for cause in found] == ["unknown: no message", "KeyError: no message"]
