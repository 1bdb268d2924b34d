"""Finds secrets in what is captured, and takes them out.

Three signs: the name of a value (`API_KEY=...`, `--password ...`), the published shape of a token,
and text too random to be anything else. Digests are not secrets: hexadecimal is left alone unless
its name says otherwise. Whatever is taken out leaves `[secret removed]`.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable

REMOVED = "[secret removed]"

# Names whose value is a secret whatever it looks like, and names for which it must look random
# too: `pad_token = "<pad>"` is a term of the trade.
_STRONG = re.compile(
    r"(?i)(?:^|[_.-])(?:\w*passwo?r?d|pass|passphrase|pwd|secret|credentials?|api[_-]?key|secret[_-]?key"
    r"|access[_-]?key(?:[_-]id)?|private[_-]?key|auth[_-]?token|access[_-]?token|client[_-]?secret)(?:$|[_.\d-])"
)
_WEAK = re.compile(r"(?i)(?:^|[_.-])(?:token|auth|cookie|session[_-]?id|key|credential)s?(?:$|[_.\d-])")
_NOT_A_VALUE = re.compile(r"(?i)(?:none|null|true|false|str|bytes|bool|optional|\d|\*+|[$<%{].*)?|\[.*\]")
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
_QUOTED = r"\"[^\"\n]*\"|'[^'\n]*'"
_NAME = r"(?P<name>(?<![A-Za-z0-9_.])(?<![A-Za-z0-9_.]-)[A-Za-z_][A-Za-z0-9_.-]{0,200})"
_ASSIGNED = (
    rf"(?P<head>{_NAME}['\"]?\]?(?:[ \t]*:[ \t]*[A-Za-z_][\w.|\[\] ]{{0,60}}?)?[ \t]*(?:=>|:=|==|=|:)[ \t]*)"
)
_LITERALS = re.compile(rf"{_ASSIGNED}(?P<value>{_QUOTED})")
_VALUES = re.compile(rf"{_ASSIGNED}(?P<value>{_QUOTED}|[^\s,;&'\"]+)")
_FLAGS = re.compile(rf"(?P<head>(?<![\w-])--?{_NAME}[ \t]+)(?P<value>{_QUOTED}|[^\s'\"-][^\s'\"]*)")
_RANDOM = re.compile(r"(?<![\w+/-])(?:[\w+-]{32,}={0,2}|[A-Za-z0-9+/]{40})(?![\w+/=-])")


def looks_secret(name: str, value: str) -> bool:
    """Say whether a value under this name should stay where it is; the name may be empty."""
    if _is_named_secret(name, value):
        return True
    return scrub(value) != value


def scrub(text: str, *, code: bool = False) -> str:
    """Return the text with every secret replaced by `[secret removed]`.

    With `code`, for source files: only literals in quotes count as named values, and random text
    stays, for code is full of names and data that only look like them.
    """
    text = _PRIVATE_KEY.sub(REMOVED, text)
    text = _URL_PASSWORD.sub(rf"\1{REMOVED}@", text)
    text = _URL_USER.sub(rf"\1{REMOVED}@", text)
    text = _SHAPES.sub(REMOVED, text)
    text = _HEADER.sub(rf"\1{REMOVED}", text)
    text = (_LITERALS if code else _VALUES).sub(_named, text)
    if code:
        return text
    text = _FLAGS.sub(_named, text)
    return _RANDOM.sub(lambda match: REMOVED if _is_random(match[0], 4.2) else match[0], text)


def scrub_arguments(arguments: Iterable[str]) -> tuple[str, ...]:
    """Return a command line with its secrets replaced, such as the value after `--password`."""
    shown: list[str] = []
    before = ""
    for argument in arguments:
        name = before.lstrip("-") if before.startswith("-") and "=" not in before else ""
        shown.append(REMOVED if name and _is_named_secret(name, argument) else scrub(argument))
        before = argument
    return tuple(shown)


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
    quote = value[0] if value[0] in "'\"" else ""
    # Without quotes, a closing bracket belongs to the text around: `f(password=None)`.
    bare = value.strip(quote) if quote else value.rstrip(")]}>:")
    after = "" if quote else value[len(bare) :]
    if not quote and _REFERENCE.fullmatch(value):  # `password = config.password` holds none
        return match[0]
    if not _is_named_secret(match["name"], bare):
        return match[0]
    return f"{match['head']}{quote}{REMOVED}{quote}{after}"


def _is_named_secret(name: str, value: str) -> bool:
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
