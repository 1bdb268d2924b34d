"""Finds secrets in what is captured, and takes them out.

Three signs: the name of a value (`API_KEY=...`, `--password ...`), the published shape of a token,
and text too random to be anything else. Digests are not secrets: hexadecimal is left alone unless
its name says otherwise. Whatever is taken out leaves `[secret removed]`.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

REMOVED = "[secret removed]"

# Names whose value is a secret whatever it looks like, and names for which it must look random
# too: `pad_token = "<pad>"` is a term of the trade.
_STRONG = re.compile(
    r"(?i)(?:^|[_.-])(?:\w*passwo?r?ds?|pass|passphrase|pwd|secrets?|credentials?|api[_-]?keys?|secret[_-]?key"
    r"|access[_-]?key(?:[_-]id)?|private[_-]?key|(?:auth|access|api|hf|hub|github|gitlab|wandb|bearer|refresh)"
    r"[_-]?token|wandb[_-]?key|client[_-]?secret)(?:$|[_.\d-])"
)
_WEAK = re.compile(r"(?i)(?:^|[_.-])(?:token|auth|cookie|session[_-]?id|key|credential)s?(?:$|[_.\d-])")
# Names that no hyperparameter has; `pass` may be a word of a method.
_REFUSED = re.compile(
    r"(?i)(?:^|[_.-])(?:\w*passwo?r?ds?|passphrase|pwd|secrets?|credentials?|api[_-]?keys?|secret[_-]?key"
    r"|access[_-]?key(?:[_-]id)?|private[_-]?key|(?:auth|access|api|hf|hub|github|gitlab|wandb|bearer|refresh)"
    r"[_-]?token|wandb[_-]?key)(?:$|[_.\d-])"
)
_PLACE = re.compile(r"(?:~|\.{1,2})?(?:/[\w.-]+)+/?")  # a path of a file says where, not what
# Nothing, a type, a placeholder, or a variable: `None`, `str`, `<pad>`, `${NAME}`, `%s`, `[SEP]`.
_NOT_A_VALUE = re.compile(
    r"(?i)(?:none|null|true|false|str|bytes|bool|optional|\d|\*+|[{<%$]{1,3}|\{{1,2}[\w.!: -]*\}{0,2}"
    r"|<[^<>]*>?|\$\{{0,2}\(?(?-i:[A-Z_][A-Z0-9_]*)[})]{0,2}|%(?:\(\w+\))?[sdr])?|\[[\w .-]*\]?"
)
_REFERENCE = re.compile(r"[A-Za-z_][\w.]*[(\[].*|[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+")

# Every repetition is bounded: a patch may hold a megabyte without a space.
# Published shapes: GitHub, GitLab, Hugging Face, OpenAI and Anthropic, Slack, AWS, Google, npm,
# PyPI, Stripe, and JSON web tokens (RFC 7519).
_SHAPES = re.compile(
    r"""(?x)
    \b(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|glpat-[\w-]{16,})
    |\bhf_[A-Za-z0-9]{20,}
    |(?<![A-Za-z0-9]-)\bsk-(?=[\w-]{0,200}\d)[\w-]{20,400}
    |\bxox[abeoprs]-[A-Za-z0-9-]{10,}|https://hooks\.slack\.com/services/[A-Za-z0-9/]+
    |\b(?:AKIA|ASIA|AGPA|AIDA|AROA)[A-Z0-9]{16}\b
    |\bAIza[\w-]{35}|\bya29\.[\w-]{20,}
    |\bnpm_[A-Za-z0-9]{36}|\bpypi-(?=[\w-]{0,200}\d)[\w-]{32,400}
    |\b[sr]k_(?:live|test)_[A-Za-z0-9]{16,}
    |(?<![\w-])eyJ[\w-]{8,4000}\.[\w-]{8,4000}\.[\w-]*
    """
)
_PRIVATE_KEY = re.compile(
    r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY.*?(?:-----END [A-Z0-9 ]*PRIVATE KEY[ A-Z]*-----|\Z)", re.DOTALL
)
_URL_PASSWORD = re.compile(r"\b([A-Za-z][A-Za-z0-9+.-]{0,30}://)[^\s/@:'\"]{0,200}:[^\s/@'\"]{0,500}@")
_URL_USER = re.compile(r"\b(https?://)[^\s/@'\"]{1,500}@")
_HEADER = re.compile(
    r"(?i)\b((?:authorization['\"]?\s*[:=]\s*['\"]?)?(?:bearer|basic|token)\s+)(?=\S{0,200}\d)[\w.+/=~-]{12,}"
)
# As Python writes text, and other languages too; in a patch, each line has a sign before it.
_PREFIX = r"(?:(?<![A-Za-z0-9_])[rRbBuUfF]{1,2})?"
_SIMPLE = rf"{_PREFIX}(?:\"[^\"\n]*\"|'[^'\n]*')"
_TRIPLE = rf"{_PREFIX}(?:\"\"\"[\s\S]{{0,4000}}?\"\"\"|\'\'\'[\s\S]{{0,4000}}?\'\'\')"
_BREAK = r"[ \t]*(?:\r?\n[+ -]?[ \t]*)?"
_PIECES = rf"\({_BREAK}{_SIMPLE}(?:{_BREAK}{_SIMPLE}){{0,200}}"
_QUOTED = rf"{_TRIPLE}|{_PIECES}|{_SIMPLE}"
_NAME = r"(?P<name>(?<![A-Za-z0-9_.])(?<![A-Za-z0-9_.]-)[A-Za-z_][A-Za-z0-9_.-]{0,200})"
_ASSIGNED = (
    rf"(?P<head>{_NAME}['\"]?\]?(?:[ \t]*:[ \t]*[A-Za-z_][\w.|\[\] ]{{0,60}}?)?[ \t]*(?:=>|:=|==|=|:)[ \t]*)"
)
_LITERALS = re.compile(rf"{_ASSIGNED}(?P<value>{_QUOTED})")
_VALUES = re.compile(rf"{_ASSIGNED}(?P<value>{_QUOTED}|[^\s,;&'\"]+)")
_PAIRS = re.compile(rf"(?P<head>['\"]-{{0,2}}{_NAME}['\"][ \t]*,[ \t]*)(?P<value>{_TRIPLE}|{_SIMPLE})")
_QUOTE = re.compile(r"""(\(?\s*[+-]?\s*[rRbBuUfF]{0,2})(\"{3}|'{3}|["'])""")
_FLAGS = re.compile(rf"(?P<head>(?<![\w-])--?{_NAME}[ \t]+)(?P<value>{_QUOTED}|[^\s'\"-][^\s'\"]*)")
_OPTION = re.compile(r"(-{0,2}([A-Za-z_][\w.-]*)[=:])(.+)", re.DOTALL)
_RANDOM = re.compile(r"(?<![\w+/-])(?:[\w+-]{32,}={0,2}|[A-Za-z0-9+/]{40})(?![\w+/=-])")
_KEY_LIKE = re.compile(r"(?<![\w+/=-])(?<!\w\.)[\w+/-]{32,}={0,2}(?![\w+/=-]|\.\w)")


def looks_secret(name: str, value: str) -> bool:
    """Say whether a value under this name should stay where it is; the name may be empty."""
    if is_named_secret(name, value):
        return True
    return scrub(value) != value


def scrub(text: str, *, code: bool = False) -> str:
    """Return the text with every secret replaced by `[secret removed]`.

    With `code`, for source files: only literals in quotes count as named values, and random text
    stays, for code is full of names and data that only look like them.
    """
    text = scrub_shapes(text)
    text = _PAIRS.sub(_named, text)
    text = (_LITERALS if code else _VALUES).sub(_named, text)
    if code:
        return text
    text = _FLAGS.sub(_named, text)
    return _RANDOM.sub(lambda match: REMOVED if _is_random(match[0], 4.2) else match[0], text)


def scrub_shapes(text: str) -> str:
    """Return the text without what has the shape of a secret, whatever its name."""
    text = _PRIVATE_KEY.sub(REMOVED, text)
    text = _URL_PASSWORD.sub(rf"\1{REMOVED}@", text)
    text = _URL_USER.sub(rf"\1{REMOVED}@", text)
    text = _SHAPES.sub(REMOVED, text)
    return _HEADER.sub(rf"\1{REMOVED}", text)


def scrub_arguments(arguments: Iterable[str]) -> tuple[str, ...]:
    """Return a command line with its secrets replaced, each argument by itself, spaces and all.

    The name of a value stands before it, `--password VALUE`, or in it, `--password=VALUE`.
    """
    shown: list[str] = []
    before = ""
    for argument in arguments:
        name = before.lstrip("-") if before.startswith("-") and "=" not in before else ""
        option = _OPTION.fullmatch(argument)
        if name and is_named_secret(name, argument):
            shown.append(REMOVED)
        elif option and is_named_secret(option[2], option[3].strip()):
            shown.append(f"{option[1]}{REMOVED}")
        else:
            shown.append(scrub(argument))
        before = argument
    return tuple(shown)


def secret_paths(value: Any) -> list[str]:
    """Return the key paths of what looks like a secret in plain hyperparameters, such as 'hub.token'.

    Stricter than `scrub`, for what it names is refused and not merely hidden: a value needs a
    telling name and substance, the published shape of a token, or the mixture of a generated key.
    Architectures, digests, paths of files and words pass.
    """
    return list(_secrets(value, "", ""))


def _secrets(value: Any, path: str, name: str) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            shown = scrub(str(key))
            place = f"{path}.{shown}" if path else shown
            if _is_token(str(key)):
                yield place
            else:  # what stands under `credentials` is one of them
                yield from _secrets(inner, place, name if _REFUSED.search(_words(name)) else str(key))
    elif isinstance(value, (list, tuple)):
        for position, inner in enumerate(value):
            yield from _secrets(inner, f"{path}[{position}]", name)
    elif isinstance(value, str) and (_is_token(value) or _is_refused(_words(name), value)):
        yield path


def _is_token(text: str) -> bool:
    """Say whether text is a secret whatever its name."""
    if scrub_shapes(text) != text:
        return True
    return any(_is_generated(match[0]) for match in _KEY_LIKE.finditer(text))


def _is_refused(name: str, value: str) -> bool:
    """Say whether a value under this name is a secret for its name."""
    if _NOT_A_VALUE.fullmatch(value) or _PLACE.fullmatch(value):
        return False
    if _REFUSED.search(name):
        return len(value) >= 4 or any(map(str.isdigit, value))
    if not _WEAK.search(name) and not _STRONG.search(name):
        return False
    # `token = "sep_conv_3x3"` and `key = "valid-accuracy"` are made of words; a token is one run.
    return any(_is_random(run, 3.0) for run in re.findall(r"[A-Za-z0-9]{16,}", value))


def _is_generated(text: str) -> bool:
    """Say whether text is a generated key rather than a name made of words, numbers and separators.

    A key has long stretches without a separator, hardly a character twice in a row of its length,
    and few runs of small letters: in base 64, one character in twelve stands in a run of four.
    """
    stretch = max(map(len, re.split(r"[-_/]", text)))
    in_words = sum(map(len, re.findall(r"[a-z]{4,}", text)))
    bits = min(math.log2(len(text)) - 0.95, 4.8)
    return stretch >= 14 and in_words <= 0.4 * len(text) and _is_random(text, max(bits, 4.2))


def _words(name: str) -> str:
    """Return a name with the words of camel case apart."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)


def strip_credentials(url: str) -> str:
    """Return the address of a repository without user, password and query; `git@host:path` stays."""
    scheme, slashes, rest = url.partition("://")
    if not slashes:
        return scrub(url)
    host, slash, path = rest.partition("/")
    user, at, bare = host.rpartition("@")
    keep = f"{user}@" if at and scheme.endswith("ssh") and ":" not in user else ""
    return scrub(f"{scheme}://{keep}{bare}{slash}{path.partition('?')[0].partition('#')[0]}")


def _named(match: re.Match[str]) -> str:
    """Replace the value of a match when its name and looks say that it is secret; keep its quotes."""
    value = match["value"]
    quoted = _QUOTE.match(value)
    before, quote = quoted.groups() if quoted else ("", "")
    # Without quotes, a closing bracket belongs to the text around: `f(password=None)`.
    bare = value[len(before) :].strip(quote[:1]) if quote else value.rstrip(")]}>:")
    after = "" if quote else value[len(bare) :]
    if not quote and _REFERENCE.fullmatch(value):  # `password = config.password` holds none
        return match[0]
    if not is_named_secret(match["name"], bare):
        return match[0]
    return f"{match['head']}{before}{quote}{REMOVED}{quote}{after}"


def is_named_secret(name: str, value: str) -> bool:
    """Say whether a value is a secret for its name."""
    name = _words(name)
    if _NOT_A_VALUE.fullmatch(value):
        return False
    if _STRONG.search(name):
        return True
    return bool(_WEAK.search(name)) and len(value) >= 16 and _is_random(value, 3.0)


def _is_random(text: str, bits: float) -> bool:
    """Say whether text is as mixed as a generated key: letters, digits, and entropy per character.

    For a long one (above 4 bits) both cases are asked for, which leaves out digests and UUIDs.
    """
    kinds = [any(map(test, text)) for test in (str.isdigit, str.isalpha)]
    if bits > 4:
        kinds += [any(map(str.islower, text)), any(map(str.isupper, text))]
    if not all(kinds):
        return False
    counts = Counter(text).values()
    return -sum(n / len(text) * math.log2(n / len(text)) for n in counts) >= bits
