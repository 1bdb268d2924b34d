"""Differences of texts as hunks: each alone is a program, all together are B, and no others count."""

from __future__ import annotations

import ast
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.verification.commands.change import Edit
from assay.verification.commands.hunks import apply_edits, described, hunks, lines_of, sentence

A = """import torch

def train(model):
    opt = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=0.0001)
    for step in range(10):
        loss = model()
        loss.backward()
        opt.step()
"""


def texts(a: str, b: str) -> list[str]:
    return [sentence(*described(a, one)) for one in hunks(a, b, python=True)]


def test_a_changed_argument_is_named_by_itself() -> None:
    """Of a long line only the words that differ are shown, with the line's number."""
    assert texts(A, A.replace("momentum=0.9", "momentum=0.8")) == ["line 4: momentum=0.9 -> momentum=0.8"]


def test_lines_that_change_side_by_side_are_apart() -> None:
    """Two changed lines under each other are two hunks."""
    a, b = "lr = 0.1\nmomentum = 0.9\n", "lr = 0.2\nmomentum = 0.8\n"
    assert texts(a, b) == ["line 1: lr = 0.1 -> lr = 0.2", "line 2: momentum = 0.9 -> momentum = 0.8"]


def test_what_changes_no_syntax_is_no_hunk() -> None:
    """Comments, empty lines and docstrings are left out; beside them a real change stays."""
    b = A.replace("def train(model):\n", 'def train(model):\n    """Train it."""\n    # steps\n\n')
    assert hunks(A, b, python=True) == []
    assert texts(A, b.replace("range(10)", "range(20)")) == [
        "line 5: for step in range(10): -> for step in range(20):"
    ]


def test_hunks_that_need_each_other_to_parse_are_one() -> None:
    """A statement that is opened in one place and closed in another is one hunk."""
    a = "x = f(1)\ny = 2\nz = 3\nw = 4\n"
    b = "x = (f(1)\ny = 2\nz = 3)\nw = 4\n".replace("y = 2", "+ 2").replace("z = 3", "+ 3")
    found = hunks(a, b, python=True)
    assert len(found) == 1
    assert apply_edits(a, found) == b


def test_a_new_block_around_old_lines_is_one_hunk() -> None:
    """A header and the indentation of its body belong together."""
    a = "a = 1\nb = 2\nc = 3\n\nd = 4\n"
    b = "a = 1\nif a:\n    b = 2\n\n    c = 3\n\nd = 5\n"
    found = hunks(a, b, python=True)
    for size in range(len(found) + 1):
        for some in combinations(found, size):
            ast.parse(apply_edits(a, some))
    assert len(found) == 2
    assert ast.dump(ast.parse(apply_edits(a, found))) == ast.dump(ast.parse(b))


def test_secrets_are_never_shown() -> None:
    """The text of a hunk has no secret in it."""
    a = 'api_key = "q8Zr4Tn2Lw9Kx7Vb"\n'
    b = 'api_key = "m3Jd6Hs1Pf5Gc0Ry"\n'
    (found,) = hunks(a, b, python=True)
    shown = sentence(*described(a, found))
    assert "q8Zr4" not in shown
    assert "m3Jd6" not in shown


def test_new_and_longer_blocks_say_how_many_lines() -> None:
    """Lines that only one side has are counted and begin with their first."""
    assert texts("a = 1\n", "a = 1\nb = 2\n") == ["after line 1: absent -> b = 2"]
    (text,) = texts("a = 1\nb = 2\nc = 3\n", "a = 1\nprint(a)\n")
    assert text == "lines 2 to 3: 2 lines (b = 2) -> print(a)"


def test_any_text_and_its_bytes_survive() -> None:
    """Other line ends, no final line feed and bytes that are no UTF-8 come through unchanged."""
    a = b"x\r\ny\r\n\xff end".decode("utf-8", "surrogateescape")
    b = b"x\r\nz\r\n\xfe end".decode("utf-8", "surrogateescape")
    assert apply_edits(a, hunks(a, b, python=False)) == b
    assert "".join(lines_of(a)) == a


def test_edits_that_overlap_are_refused() -> None:
    """Two edits of one line are a mistake, and so is one beyond the end."""
    with pytest.raises(ValueError, match="overlap"):
        apply_edits("a\nb\n", [Edit(start=0, end=2, text="x\n"), Edit(start=1, end=2, text="y\n")])
    with pytest.raises(ValueError, match="outside"):
        apply_edits("a\n", [Edit(start=1, end=3, text="")])


statement = st.sampled_from(
    [
        "a = 1\n",
        "b = f(2)\n",
        "if a:\n    b = 2\n",
        "for i in a:\n    b = 3\n    c = 4\n",
        "def g():\n    return (1 +\n        2)\n",
        "x = '''one\ntwo\n'''\n",
        "\n",
        "# a comment\n",
        "try:\n    a = 5\nexcept E:\n    pass\n",
    ]
)
program = st.lists(statement, max_size=8).map("".join)


@settings(max_examples=120, deadline=None)
@given(program, program)
def test_hunks_give_b_and_each_alone_parses(a: str, b: str) -> None:
    """For any two programs: each hunk alone and all but it parse, and all together are B's program."""
    found = hunks(a, b, python=True)
    for place, one in enumerate(found):
        ast.parse(apply_edits(a, [one]))
        ast.parse(apply_edits(a, [*found[:place], *found[place + 1 :]]))
    stripped = [ast.dump(ast.parse(text)) for text in (apply_edits(a, found), b)]
    assert stripped[0] == stripped[1]


@settings(max_examples=60, deadline=None)
@given(st.text(alphabet="ab\n\r", max_size=30), st.text(alphabet="ab\n\r", max_size=30))
def test_hunks_of_any_text_give_b(a: str, b: str) -> None:
    """For any two texts the hunks together give the second, byte for byte."""
    assert apply_edits(a, hunks(a, b, python=False)) == b
