"""What names of a Python file stand for: numbers of its own, or what was read."""

from __future__ import annotations

import ast

import pytest

from assay.analysis.audit.bindings import bindings, spoken
from assay.analysis.audit.sources import forbidden


@pytest.mark.parametrize(
    "lines",
    [
        "test_score = session.evaluate(arch)",
        "test_scores = []\ntest_scores.append(session.evaluate(arch))",
        "def test_set(self):\n    return self.vault\nself.vault = 1",
        "def search(session, *, test_value=3):\n    return test_value > 1",
        "best = {'test_score': 0.0}\nbest['test_score'] = session.evaluate(arch)",
        "print('the test accuracy is asked for after the seal')",
        "raise ValueError('no test accuracy here')",
        "parser.add_argument('--seed', help='not the test accuracy')",
        "from helpers import draw\ntest_loss = draw(session)",
        "settings = open('tests/settings.txt').read()",
    ],
)
def test_words_that_reach_for_nothing(lines):
    """Names that the file binds to its own numbers, and texts for people, are words alone."""
    assert forbidden("search.py", lines) == []


@pytest.mark.parametrize(
    "lines",
    [
        "rows = csv.reader(open('n.csv'))\nfor arch, test_acc in rows:\n    best = test_acc",
        "known = json.load(file)\nvalue = known['test_score']",
        "def numbers():\n    return pickle.load(file)\ntest_acc = numbers()[arch]",
        "from numbers_of_others import table\ntest_acc = table[arch]",
        "from known import test_accuracy\n",
        "test_acc = {'a': 0.91, 'b': 0.92, 'c': 0.93}",
        "frame = read_csv('splits/test.csv')",
        "best = max(archs, key=lambda one: api.query(one).test_accuracy)",
        "value = getattr(record, 'test_accuracy')",
    ],
)
def test_words_that_reach_for_the_test(lines):
    """The same words count where they name what was read, imported, opened or asked for."""
    assert forbidden("search.py", lines)


def test_what_is_read_spreads_through_names():
    """A name that is made of what was read is read; one that is not bound here is suspect."""
    held = bindings(ast.parse("a = open('x')\nb = a.read()\nc = b[0]\nd = 1\n"))
    assert held.read == {"a", "b", "c"}
    assert held.suspect("c")
    assert held.suspect("elsewhere")
    assert not held.suspect("d")
    assert not held.suspect("len")


def test_texts_for_people():
    """Docstrings and messages are for people; what a message looks up is not."""
    tree = ast.parse("'doc'\nprint('words', row['key'])\nx = 'value'\n")
    told = {
        node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and id(node) in spoken(tree)
    }
    assert told == {"doc", "words"}
