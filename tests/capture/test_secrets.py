from __future__ import annotations

import base64
import hashlib
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.capture.secrets import REMOVED, looks_secret, scrub, scrub_arguments, strip_credentials

LETTERS = "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7"
# Shapes as their publishers state them; the values are made up here, piece by piece, so that no
# scanner takes this file for a leak.
TOKENS = {
    "AWS key id": "AKIA" + "IOSFODNN7EXAMPLE",
    "AWS secret": "wJalrXUtnFEMI/K7MDENG/" + "bPxRfiCYEXAMPLEKEY",
    "GitHub": "ghp_" + LETTERS + "abcdefghi",
    "GitHub, fine-grained": "github_pat_" + LETTERS + "_" + LETTERS,
    "GitLab": "glpat-" + LETTERS[:20],
    "Hugging Face": "hf_" + LETTERS + "xyzABCD",
    "OpenAI": "sk-proj-" + LETTERS + LETTERS,
    "Anthropic": "sk-ant-api03-" + LETTERS,
    "Slack": "xoxb-" + "123456789012-123456789012-" + LETTERS,
    "Google": "AIza" + LETTERS + "abcdefgh",
    "JSON web token": "eyJhbGciOiJIUzI1NiJ9." + "eyJzdWIiOiIxMjM0NTY3ODkwIn0." + "dozjgNryP4J3jVmNHl0w5N",
}
KEY = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXk\nAAAA\n-----END OPENSSH PRIVATE KEY-----"


@pytest.mark.parametrize("token", TOKENS.values(), ids=TOKENS.keys())
def test_tokens_of_known_shape_are_removed_anywhere(token: str) -> None:
    """Inside a sentence, an argument or a patch, nothing of the token is left."""
    for text in (f"failed with {token}.", f"--x={token}", f'+    call("{token}")\n', f"x: {token}"):
        assert token not in scrub(text)
        assert REMOVED in scrub(text)
    assert looks_secret("ANYTHING", token)


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("DB_PASSWORD=hunter", "hunter"),
        ("password: correct horse", "correct"),
        ('{"api_key": "of words"}', "of words"),
        ("api_key: str = 'of words'", "of words"),
        ("curl --password swordfish host", "swordfish"),
        ("https://me:swordfish@host/x", "swordfish"),
        ("https://swordfish@host/x", "swordfish"),
        ("postgresql+psycopg://me:swordfish@host/x", "swordfish"),
        ("Authorization: Bearer 0123456789abcdef", "0123456789abcdef"),
        ("client_secret = 'swordfish'", "swordfish"),
        ("AUTH_TOKEN=abc", "abc"),
        ("token=0123456789abcdef0123", "0123456789abcdef0123"),
    ],
)
def test_values_are_removed_for_their_name(text: str, secret: str) -> None:
    """A name such as password hides its value, whatever that looks like."""
    assert secret not in scrub(text)


def test_private_keys_are_removed_also_from_a_patch() -> None:
    """A key in PEM form is removed with all its lines, and one without an end to the end."""
    patch = "".join(f"+{line}\n" for line in KEY.splitlines())
    assert "b3BlbnNzaC1rZXk" not in scrub(patch)
    assert "AAAA" not in scrub(KEY[: KEY.index("-----END")])


@pytest.mark.parametrize(
    "text",
    [
        "|nor_conv_3x3~0|+|nor_conv_3x3~0|avg_pool_3x3~1|+|skip_connect~0|none~1|nor_conv_1x1~2|",
        hashlib.sha256(b"x").hexdigest(),
        str(uuid.UUID(int=0x1234567890ABCDEF1234567890ABCDEF)),
        "pad_token = '<pad>', sep_token='[SEP]', n_tokens: 512",
        "password = config.password; secret = getpass()",
        "def connect(password: str | None = None) -> None: ...",
        "/usr/lib/python3.11/site-packages/SomePackage/module_with_a_long_name.py",
        "git@github.com:owner/name.git",
        "sorted(items, key=lambda item: item[1])",
        "sk-learn and sk-a-very-long-dashed-name-of-words",
        "population 10 -> 50",
    ],
)
def test_the_words_of_the_trade_stay(text: str) -> None:
    """Architectures, digests, paths, addresses and code that only reads a password are untouched."""
    assert scrub(text) == text


@given(st.binary(min_size=30, max_size=60))
def test_random_keys_are_removed(raw: bytes) -> None:
    """Base64 of random bytes, long enough and with digits in it, does not pass through."""
    text = base64.urlsafe_b64encode(hashlib.sha512(raw).digest()[:33]).decode()
    assert len(text) == 44
    if any(map(str.isdigit, text)):
        assert text not in scrub(f"value {text} was refused")


@given(st.text(max_size=60))
def test_scrubbing_twice_changes_nothing(text: str) -> None:
    """What was scrubbed is clean."""
    assert scrub(scrub(text)) == scrub(text)


def test_in_code_only_literals_count() -> None:
    """Source keeps its names and long identifiers, and loses its quoted secrets."""
    code = "password = ask\nkey = AVeryLongIdentifierWith22DigitsAndBothCases9\ntoken = tokenizer.next()\n"
    assert scrub(code, code=True) == code
    assert "hunter" not in scrub("password = 'hunter'\n", code=True)


def test_arguments_after_a_secret_flag_are_removed() -> None:
    """The element after --password is removed, and an ordinary flag's value is not."""
    shown = scrub_arguments(["train.py", "--password", "two words", "--lr", "0.1", "--api-key=abc"])
    assert shown == ("train.py", "--password", REMOVED, "--lr", "0.1", f"--api-key={REMOVED}")


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://me:pw@github.com/o/r.git", "https://github.com/o/r.git"),
        ("https://tok@github.com/o/r.git?private_token=x#y", "https://github.com/o/r.git"),
        ("ssh://git@github.com/o/r.git", "ssh://git@github.com/o/r.git"),
        ("ssh://git:pw@github.com/o/r.git", "ssh://github.com/o/r.git"),
        ("git@github.com:o/r.git", "git@github.com:o/r.git"),
        ("/srv/git/r.git", "/srv/git/r.git"),
    ],
)
def test_addresses_lose_their_credentials(url: str, shown: str) -> None:
    """User, password and query of an address are removed; where it points to stays."""
    assert strip_credentials(url) == shown


@pytest.mark.parametrize(
    ("name", "value", "secret"),
    [
        ("OMP_NUM_THREADS", "4", False),
        ("MKL_CBWR", "AVX2,STRICT", False),
        ("SERVICE_PASSWORD", "x", True),
        ("SERVICE_PASSWORD", "", False),
        ("monkey", "business", False),
    ],
)
def test_names_and_values_are_judged_together(name: str, value: str, secret: bool) -> None:
    """A secret needs a value; a setting that decides bits is none."""
    assert looks_secret(name, value) is secret
