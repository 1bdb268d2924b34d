"""The exception tree and the shape of its messages."""

from __future__ import annotations

import inspect
import pickle
import re

import pytest

from assay.foundation import errors
from assay.foundation.errors import AssayError, StoreError, UnknownNameError, UsageError, nearest


def test_a_message_is_what_where_why_and_hint() -> None:
    """Each part has its own labelled line, in this order."""
    error = StoreError("cannot write", where="a/b.toml", why="disk full", hint="free some space")
    assert str(error) == "cannot write\n  where: a/b.toml\n  why:   disk full\n  hint:  free some space"


def test_parts_that_are_unknown_are_left_out() -> None:
    """A part that was not given leaves no empty line behind."""
    assert str(AssayError("wrong", hint="do this")) == "wrong\n  hint:  do this"
    assert str(AssayError("wrong")) == "wrong"


def test_an_unknown_name_suggests_the_nearest() -> None:
    """A typo is answered with the name that was probably meant."""
    error = UnknownNameError("strategy", "randm-search", ["random-search", "reinforce"], where="study.toml")
    assert str(error) == (
        "unknown strategy 'randm-search'\n  where: study.toml\n  hint:  did you mean 'random-search'?"
    )
    assert error.name == "randm-search"


def test_an_unknown_name_without_a_near_one_lists_all() -> None:
    """A name that is like none of the known ones is answered with all of them, sorted."""
    assert UnknownNameError("space", "zzz", ["b-space", "a-space"]).hint == "known: a-space, b-space"
    assert UnknownNameError("space", "zzz", []).hint == "known: none"


def test_nearest_refuses_what_is_far() -> None:
    """No suggestion is better than a wild one."""
    assert nearest("citseer", ["citeseer", "cora"]) == "citeseer"
    assert nearest("mnist", ["citeseer", "cora"]) is None


@pytest.mark.parametrize("kind", [StoreError, UsageError, errors.CorruptError])
def test_errors_cross_process_boundaries(kind: type[AssayError]) -> None:
    """An error that was raised in a worker arrives with its type and all of its parts."""
    error = kind("what", where="where", why="why", hint="hint")
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is kind
    assert (copy.what, copy.where, copy.why, copy.hint) == ("what", "where", "why", "hint")
    assert str(copy) == str(error)


def test_an_unknown_name_crosses_process_boundaries() -> None:
    """An error with a constructor of its own arrives with the same message."""
    error = UnknownNameError("strategy", "randm", ["random"])
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is UnknownNameError
    assert str(copy) == str(error)


def test_the_drawn_tree_is_the_tree_of_classes() -> None:
    """The docstring of the module draws every error under the one that it derives from."""
    drawn: dict[str, str] = {}
    path: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        found = re.match(r"^    ([│├└─ ]*)(\w+Error)\b", line)
        if found:
            depth = len(found[1]) // 4
            path[depth:] = [found[2]]
            drawn[found[2]] = path[depth - 1] if depth else "Exception"
    classes = {
        name: kind.__base__.__name__
        for name, kind in inspect.getmembers(errors, inspect.isclass)
        if issubclass(kind, AssayError)
    }
    assert drawn == classes
