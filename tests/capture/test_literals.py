from __future__ import annotations

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.capture.literals import scrub_source, secret_texts
from assay.capture.secrets import REMOVED

TOKEN = ("ghp_aB3dE6gH9jK2m", "N5pQ8sT1vW4yZ7abcdefghi")


@pytest.mark.parametrize(
    "code",
    [
        "password = b'swordfish'",
        "password = f'swordfish'",
        "password = f'{user}swordfish{x!r:>10}'",
        'password = """sword\\nswordfish\n"""',
        "password = (\n    'swordfish'  # one\n    'and more'\n)",
        "password = 'swordfish' + x",
        "password = rb'swordfish'",
        "password: str = 'swordfish'",
        "self.password = x = 'swordfish'",
        "user, password = 'me', 'swordfish'",
        "environ['API_KEY'] = 'swordfish'",
        "environ.setdefault('API_KEY','swordfish')",
        "value = getenv('API_KEY', 'swordfish')",
        "password = getenv('P') or 'swordfish'",
        "password = 'swordfish' if local else ask()",
        "conf = {'password': 'swordfish', 'n': 1}",
        "conf = {'credentials': ['swordfish', {'n': 'swordfish'}]}",
        "connect(user, password='swordfish')",
        "def connect(user, password='swordfish', /, *, host=''): pass",
        "async def connect(*, host, password='swordfish'): pass",
        "connect = lambda password='swordfish': password",
        "parser.add_argument('--password', default='swordfish')",
        "headers = [('client_secret', 'swordfish')]",
        "if (password := 'swordfish'): pass",
        "ok = password == 'swordfish'",
        "dbPassword = SecretStr('swordfish')",
        "password = 'swordfish'.encode()",
        "text = f\"{connect(password='swordfish')}\"",
        "password += 'swordfish'",
        "class A:\n    password: str = field(default_factory=lambda: 'swordfish')",
    ],
)
def test_a_literal_under_a_telling_name_is_removed(code: str) -> None:
    """In every form that Python has, the text is gone and the source is one still."""
    clean = scrub_source(f"é = 1\n{code}\n")
    assert "swordfish" not in clean
    assert "and more" not in clean
    assert REMOVED in clean
    ast.parse(clean)
    assert scrub_source(clean) == clean


def test_only_the_literal_is_replaced() -> None:
    """Text before and after it stays to the letter, on lines with wide characters and mixed line ends."""
    source = "\ufeffx = 'é\u2028'; password = b'swordfish'; y = '文'\r\n# note\rz = 1\x0c\npassword='a1'\n"
    expected = source.replace("swordfish", REMOVED).replace("'a1'", f"'{REMOVED}'")
    assert scrub_source(source) == expected


def test_a_token_in_pieces_is_put_together_and_removed() -> None:
    """A shape is found in the value of a literal, however it is written."""
    one, two = TOKEN
    for code in (f"x = '{one}' '{two}'", f"x = '\\x67{one[1:]}{two}'", f"x = b'{one}' \\\n  b'{two}'"):
        clean = scrub_source(f"{code}\n")
        assert two not in clean
        assert REMOVED in ast.literal_eval(clean.partition("=")[2].strip().removeprefix("b"))
    assert scrub_source(f'"""Documented.\n\nUse {one}{two} here."""\n') == (
        f'"""Documented.\n\nUse {REMOVED} here."""\n'
    )


@pytest.mark.parametrize(
    "code",
    [
        "password = config['password']",
        "password = getpass('Password: ')",
        "password = input('Enter password: ')",
        "password = os.environ['DB_PASSWORD']",
        "pad_token, mask_token = '<pad>', '[MASK]'",
        "def connect(password: str | None = None): pass",
        "token = tokens['first']",
        "OPERATIONS = ('nor_conv_3x3', 'skip_connect')",
        "password = f'{password}'",
        "key = 'valid'",
        "print('password')",
    ],
)
def test_code_that_only_reads_a_secret_stays(code: str) -> None:
    """Lookups, prompts, special tokens and placeholders are untouched."""
    assert scrub_source(code) == code


def test_what_is_no_python_goes_by_patterns() -> None:
    """A cell with a magic line, which no parser takes, loses its secrets all the same."""
    clean = scrub_source("%pip install x\npassword = b'swordfish'\n")
    assert clean == f"%pip install x\npassword = b'{REMOVED}'\n"
    assert secret_texts("%pip") == set()


def test_the_texts_of_secrets_are_told() -> None:
    """The values of the literals are returned, for other texts that quote the same source."""
    assert secret_texts("password = 'sword' 'fish'\nx = 'fine'\n") == {"swordfish"}


@given(st.text(max_size=40), st.sampled_from(["x", "password", "hub_token"]))
def test_any_text_in_a_literal_leaves_a_source(text: str, name: str) -> None:
    """Whatever a literal holds, the result parses, and an innocuous neighbour keeps its place."""
    clean = scrub_source(f"{name} = {text!r}\nlast = 1\n")
    assert isinstance(ast.parse(clean).body[-1], ast.Assign)
    assert clean.endswith("\nlast = 1\n")
