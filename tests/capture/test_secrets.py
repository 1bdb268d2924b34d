from __future__ import annotations

import base64
import hashlib
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.capture.secrets import (
    REMOVED,
    looks_secret,
    scrub,
    scrub_arguments,
    secret_paths,
    strip_credentials,
)

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


def test_an_argument_is_removed_with_its_spaces() -> None:
    """The value behind a name goes as a whole, beside the name or in one argument with it."""
    shown = scrub_arguments(
        ["--password", "correct horse", "--api-key=correct horse", "PASSWORD=a b", "k=a b"]
    )
    assert shown == ("--password", REMOVED, f"--api-key={REMOVED}", f"PASSWORD={REMOVED}", "k=a b")


@pytest.mark.parametrize(
    "line",
    [
        "password = b'swordfish'",
        'password = f"swordfish"',
        'password = """\n+swordfish\n+"""',
        'password = (\n+    "swordfish"\n+    "swordfish"\n+)',
        "environ.setdefault('API_KEY', 'swordfish')",
        '{"dbPassword": "swordfish"}',
    ],
)
def test_a_patch_loses_every_form_of_literal(line: str) -> None:
    """Text of another language or in a patch goes by patterns, which know Python's forms too."""
    assert "swordfish" not in scrub(f"+{line}\n")


SECRET_HYPERPARAMETERS = {
    "api_key": "of words",
    "openaiApiKey": "swordfish",
    "hub": {"password": "swordfish", "hf_token": "swordfish1"},
    "credentials": {"user": "swordfish", "list": ["swordfish"]},
    "token": "0123456789abcdef0123",
    "note": "see " + TOKENS["GitHub"],
    "url": "https://me:swordfish@host/x",
    "nested": [{"deep": base64.b64encode(hashlib.sha512(b"x").digest()[:33]).decode()}],
}


def test_secrets_in_hyperparameters_are_named_by_their_path() -> None:
    """A telling name, a published shape, and a generated key are found at any depth."""
    assert secret_paths(SECRET_HYPERPARAMETERS) == [
        *("api_key", "openaiApiKey", "hub.password", "hub.hf_token"),
        *("credentials.user", "credentials.list[0]", "token", "note", "url", "nested[0].deep"),
    ]
    assert secret_paths({TOKENS["GitHub"]: 1}) == [REMOVED]


@pytest.mark.parametrize("token", TOKENS.values(), ids=TOKENS.keys())
def test_tokens_in_hyperparameters_are_found_under_any_name(token: str) -> None:
    """Every published shape is refused, whatever it is called."""
    assert secret_paths({"a": [token]}) == ["a[0]"]


INNOCUOUS = {
    "architecture": "|nor_conv_3x3~0|+|nor_conv_3x3~0|avg_pool_3x3~1|+|skip_connect~0|none~1|nor_conv_1x1~2|",
    "genotype": "Genotype(normal=[('sep_conv_3x3', 0), ('dil_conv_5x5', 1)], normal_concat=range(2, 6))",
    "mobile": "MBConv3_K5_E6_SE025-MBConv6_K3_E4_SE0-FusedMBConv4_K3",
    "model": "timm/vit_base_patch16_clip_224.laion2b_ft_in12k_in1k",
    "layers": "Conv3x3BN64ReLUConv3x3BN128ReLUMaxPool2x2FC10",
    "checkpoint": "EfficientNet-B0-ImageNet-Pretrained-2023-Checkpoint",
    "blocks": ["inverted_residual_k3_e6", "InvertedResidualBlockK3E6WithSqueezeAndExcitation"],
    "parent": hashlib.sha256(b"x").hexdigest(),
    "cache_key": hashlib.sha256(b"x").hexdigest()[:12],
    "uuid": str(uuid.UUID(int=0x1234567890ABCDEF1234567890ABCDEF)),
    "path": "/data/Users/Someone/Experiment2023/Run_12_ModelA/weights_epoch_200.pth",
    "forty": "/usr/lib/Python3/SomePackage/moduleName1",
    "private_key": "~/.ssh/id_rsa",
    "api_key": None,
    "password": "",
    "api_token": "${API_TOKEN}",
    "pad_token": "<pad>",
    "mask_token": "[MASK]",
    "token": "sep_conv_3x3_stride2",
    "key": "cifar10-valid-accuracy-200",
    "tokens": 512,
    "pass": "first",
    "passes": ["forward", "backward"],
    "tokenizer": "SentencePieceTokenizer32000",
    "monkey": "business",
    "bits": "010011010111",
    "note": "population of 50, tournament of 10; see section 4.2 (Real et al., 2019)",
}


@pytest.mark.parametrize("name", INNOCUOUS)
def test_the_hyperparameters_of_the_trade_pass(name: str) -> None:
    """Architectures, names of models, digests, paths, special tokens and words are never refused."""
    assert secret_paths({name: INNOCUOUS[name]}) == []


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats(), st.lists))
def test_what_holds_no_text_holds_no_secret(value: object) -> None:
    """Numbers and switches pass under any name."""
    assert secret_paths({"password": value}) == []


@pytest.mark.parametrize(
    "text",
    [
        "RuntimeError: cannot log in with password=swordfish and more",
        "error: password=swordfish",
        "INFO:connecting:api_key=swordfish",
        'cmd="export PASSWORD=swordfish"',
        '{"cmd": "curl --api-key=swordfish host"}',
        "message='password: swordfish'",
        r'{"settings": "{\"api_key\": \"swordfish\"}"}',
        "\x1b[0;31mpassword\x1b[39m=\x1b[33m'swordfish'\x1b[0m",
        "\x1b[0;31mpassword=swordfish\x1b[0m",
        "postgres://me:pass@swordfish@host/db",
        "run(['x', '--password', 'swordfish'])",
    ],
)
def test_a_name_behind_another_name_counts(text: str) -> None:
    """What stands before a telling name, such as a level of logging or a key, does not hide it."""
    clean = scrub(text)
    assert "swordfish" not in clean
    assert scrub(clean) == clean


@pytest.mark.parametrize(
    "code",
    [
        "%env API_KEY=swordfish\nx = 1\n",
        "x = 1\n!export PASSWORD=swordfish && run\n",
        "found = !mysql --password swordfish\n",
        "%%bash\nexport PASSWORD=swordfish\n",
        "get_ipython().run_line_magic('env', 'API_KEY=swordfish')\n",
        "get_ipython().system('login --password swordfish')\n",
        "os.system('export PASSWORD=swordfish9')\n",
        "url = f'{host}?api_key=swordfish9'\n",
        "note = 'log in with --api-key=swordfish9'\n",
    ],
)
def test_commands_in_code_lose_their_secrets(code: str) -> None:
    """What a cell or a literal hands to the shell is read as the shell would read it."""
    clean = scrub(code, code=True)
    assert "swordfish" not in clean
    assert clean.count("\n") == code.count("\n")


@pytest.mark.parametrize(
    "code",
    [
        "# don't\nconnect(password=my_password1)\n",
        "text = f'{connect(password=my_password1)}'\n",
        '"""Usage: --password=PASSWORD --api-key KEY, password=your_password."""\n',
        "forward_pass = 'early'\nclass_pass = 'late'\n",
        "ENV_GITHUB_TOKEN = 'GITHUB_TOKEN'\n",
    ],
)
def test_code_that_only_names_a_secret_stays(code: str) -> None:
    """Variables, help texts, the passes of a network and names of variables are no secrets."""
    assert scrub(code, code=True) == code


@pytest.mark.parametrize("piece", ["a=", '\\"', "'a',", "--a ", '"""', "#'", "{", "a: "])
@pytest.mark.parametrize("code", [False, True])
def test_no_text_is_looked_at_again_and_again(piece: str, code: bool) -> None:
    """A text made to start every pattern at each place comes back; else this would take minutes."""
    text = piece * (120_000 // len(piece))
    assert scrub(text, code=code) == text
