from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.capture import syntax
from assay.capture.syntax import syntax_digest

SOURCE = '''
"""A module."""
import math


class Search:
    """A class."""

    rate: float = 0.5

    def ask(self, k=3, *, flag=True):
        """A method."""
        return [f"{k!r:>{self.rate}} and {x}" for x in range(k) if x % 2 and flag]
'''


@pytest.mark.parametrize(
    "changed",
    [
        SOURCE.replace("import math", "import math  # for later"),
        SOURCE.replace('"""A method."""', '"""Another method, told at length."""'),
        SOURCE.replace('    """A class."""\n\n', ""),
        SOURCE.replace(
            "(self, k=3, *, flag=True)",
            "(\n        self,\n        k=3,\n        *,\n        flag=True,\n    )",
        ),
        SOURCE.replace("0.5", "(0.5)").replace("k=3", "k=0x3"),
        SOURCE.replace("\n", "\r\n"),
    ],
    ids=["comment", "docstring", "no docstring", "layout", "spelling", "line ends"],
)
def test_what_does_nothing_keeps_the_digest(changed: str) -> None:
    """Comments, docstrings, layout and the spelling of constants do not count."""
    assert changed != SOURCE
    assert syntax_digest(changed) == syntax_digest(SOURCE)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("0.5", "0.50001"),
        ("k=3", "k=3.0"),
        ("flag=True", "flag=1"),
        ("rate:", "pace:"),
        ("x % 2 and flag", "x % 2 or flag"),
        ("!r", "!s"),
        (":>", ":<"),
        ("import math", "import cmath"),
        ("        return", "        yield"),
        ("*, flag", "flag"),
        ('and {x}"', 'and {x} "'),
    ],
)
def test_every_other_change_alters_the_digest(old: str, new: str) -> None:
    """A changed constant, type of a constant, name, operator, format or statement counts."""
    assert SOURCE.count(old) >= 1
    assert syntax_digest(SOURCE.replace(old, new)) != syntax_digest(SOURCE)


def test_docstrings_count_where_code_reads_them() -> None:
    """A module that mentions __doc__ keeps its docstrings in the digest; a comment about it does not."""
    reader = SOURCE + "\nprint(Search.__doc__)\n"
    assert syntax_digest(reader) != syntax_digest(reader.replace("A class", "Another class"))
    getter = SOURCE + "\nimport inspect\nprint(inspect.getdoc(Search))\n"
    assert syntax_digest(getter) != syntax_digest(getter.replace("A class", "Another class"))
    comment = SOURCE + "\n# the __doc__ of Search is not read\n"
    assert syntax_digest(comment) == syntax_digest(SOURCE)
    mention = SOURCE.replace("A class.", "A class, see __doc__.")
    assert syntax_digest(mention) == syntax_digest(SOURCE)


def test_only_the_first_string_of_a_body_is_a_docstring() -> None:
    """A string statement further down is not dropped, nor is one that stands in an expression."""
    assert syntax_digest("x = 1\n'a'\n") != syntax_digest("x = 1\n'b'\n")
    assert syntax_digest("def f():\n    return 'a'\n") != syntax_digest("def f():\n    return 'b'\n")


LEAVES = st.one_of(
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False, min_value=0),
    st.booleans(),
    st.none(),
    st.text(max_size=6),
    st.binary(max_size=6),
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=4) | st.tuples(inner) | st.dictionaries(st.text(max_size=3), inner)
    ),
)


@given(VALUES, VALUES)
def test_digests_are_equal_exactly_when_the_trees_are(a: object, b: object) -> None:
    """For constant expressions the digest separates what the parser's own dump separates."""
    first, second = f"x = {a!r}\n", f"x = {b!r}\n"
    same = ast.dump(ast.parse(first)) == ast.dump(ast.parse(second))
    assert (syntax_digest(first) == syntax_digest(second)) == same


@given(st.text(alphabet=st.characters(blacklist_categories=("Cs", "Cc")), max_size=40))
def test_any_comment_keeps_the_digest(comment: str) -> None:
    """Whatever a comment says, the digest stays."""
    assert syntax_digest(f"x = 1  # {comment}\n") == syntax_digest("x=1")


def test_deep_nesting_is_digested() -> None:
    """A sum of 2,000 terms, which nests deeper than Python's calls may, has a digest."""
    source = "x = " + " + ".join(["1"] * 2_000)
    assert syntax_digest(source) != syntax_digest(source + " + 1")


@pytest.mark.parametrize("source", ["def f(:", "x = 1\0", "  x = 1"])
def test_what_is_no_python_is_a_syntax_error(source: str) -> None:
    """Every refusal of the parser is a SyntaxError, a null byte too."""
    with pytest.raises(SyntaxError):
        syntax_digest(source)


ODD = r"""
def f(a, /, b, *args, c=None, **kw) -> "int":
    global G
    x: (int) = 1; (y): int = 2
    with open(a) as p, open(b) as q: pass
    match a:
        case {"k": None, **rest} | [1, *_] if b: return rest
        case P(x=1, y=True) | None: pass
    try: pass
    except* ValueError as e: raise e from None
    async def g(): return [i async for i in h() if await i]
    z = f"{x}{y!r:>{a}}" "lit" f"{b:}" f"" f"{{}}" u"u" f"{x=}" rf"\d{x}" f"{'a' 'b'}"
    return lambda *a, k=3: {**a, "b": {*a}}, a[1:2, ..., ::3], -1, 1j, b"\xff", not a, (n := 1e999)
"""


def test_versions_of_python_agree() -> None:
    """Other interpreters on this machine compute the same digest of a source with every odd corner.

    3.12 added `type_params` and another parser of f-strings (PEP 695, 701), 3.13 defaults of type
    parameters (PEP 696) and optional fields of nodes.
    """
    script = (
        "import sys, types, hashlib, importlib.util\n"
        "stand_in = types.ModuleType('blake3'); stand_in.blake3 = hashlib.sha256\n"
        "sys.modules['blake3'] = stand_in\n"
        "spec = importlib.util.spec_from_file_location('syntax', sys.argv[1])\n"
        "module = importlib.util.module_from_spec(spec); spec.loader.exec_module(module)\n"
        "print(module.syntax_digest(sys.stdin.read()))\n"
    )
    answers = {}
    for program in _interpreters():
        command = [str(program), "-W", "ignore", "-c", script, syntax.__file__]
        done = subprocess.run(command, input=ODD, capture_output=True, text=True, check=True, timeout=60)
        answers[str(program)] = done.stdout
    if len(answers) < 2:
        pytest.skip("only one version of Python from 3.11 on is installed here: nothing to compare with")
    assert len(set(answers.values())) == 1, answers


def _interpreters() -> list[Path]:
    """Return one interpreter of each minor version from 3.11 on that lies beside the running one."""
    base = Path(sys.base_prefix)
    found = [Path(sys.executable)]
    for minor in range(11, 15):
        if minor != sys.version_info.minor:
            found += sorted(base.parent.glob(f"3.{minor}.*/bin/python3.{minor}"))[:1]
    return found
