"""Finds secrets in what is captured, and takes them out.

Three signs: the name of a value (`API_KEY=...`, `--password ...`), the published shape of a token,
and text too random to be anything else. Digests are not secrets: hexadecimal is left alone unless
its name says otherwise. Whatever is taken out leaves `[secret removed]`.
"""

from __future__ import annotations

import functools
import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any

REMOVED = "[secret removed]"

# Names whose value is a secret whatever it looks like, and names for which it must look random
# too: `pad_token = "<pad>"` is a term of the trade.
_STRONG = re.compile(
    r"(?i)(?:^|[_.-])(?:\w*passwo?r?ds?|passphrase|pwd|secrets?|credentials?|api[_-]?keys?|secret[_-]?key"
    r"|access[_-]?key(?:[_-]id)?|private[_-]?key|(?:auth|access|api|hf|hub|github|gitlab|wandb|bearer|refresh)"
    r"[_-]?token|wandb[_-]?key|client[_-]?secret)(?:$|[_.\d-])"
    # A forward_pass is none; DB_PASS, user_pass and --pass are.
    r"|(?:^|(?:^|[_.-])(?:db|user|login|admin|root|my|smtp|mail|ftp|ssh|proxy|redis|pg|(?:my)?sql)[_.-]?)pass$"
    r"|(?-i:(?<=[A-Z0-9]_)PASS)$"
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
_CONSTANT = re.compile(r"[A-Z]+(?:_[A-Z]+)+")  # the name of a variable: `name = "GITHUB_TOKEN"`
_REFERENCE = re.compile(r"[A-Za-z_][\w.]*[(\[].*|[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+")

# Every repetition is bounded: a patch may hold a megabyte without a space.
# Published shapes: GitHub, GitLab, Hugging Face, OpenAI and Anthropic, Slack, AWS, Google, npm,
# PyPI, Stripe, and JSON web tokens (RFC 7519).
_SHAPES = re.compile(
    r"""(?x)
    (?<![A-Za-z0-9])(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|glpat-[\w-]{16,})
    |(?<![A-Za-z0-9])hf_[A-Za-z0-9]{20,}
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
_URL_PASSWORD = re.compile(r"\b([A-Za-z][A-Za-z0-9+.-]{0,30}://)[^\s/@:'\"]{0,200}:[^\s/'\"]{0,500}@")
_URL_USER = re.compile(r"\b(https?://)[^\s/@'\"]{1,500}@")
_HEADER = re.compile(
    r"(?i)\b((?:authorization['\"]?\s*[:=]\s*['\"]?)?(?:bearer|basic|token)\s+)(?=\S{0,200}\d)[\w.+/=~-]{12,}"
)
# As Python writes text, and other languages too; in a patch, each line has a sign before it.
_PREFIX = r"(?:(?<![A-Za-z0-9_])[rRbBuUfF]{1,2})?"
_SIMPLE = rf"{_PREFIX}(?:\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*')"
_TRIPLE = rf"{_PREFIX}(?:\"\"\"[\s\S]{{0,4000}}?\"\"\"|\'\'\'[\s\S]{{0,4000}}?\'\'\')"
_BREAK = r"[ \t]*(?:\r?\n[+ -]?[ \t]*)?"
_PIECES = rf"\({_BREAK}{_SIMPLE}(?:{_BREAK}{_SIMPLE}){{0,200}}"
# A quoted text inside another one, as JSON within JSON has it.
_ESCAPED = r"\\{1,7}\"[^\"\\\n]*\\{1,7}\"|\\{1,7}'[^'\\\n]*\\{1,7}'"
_QUOTED = rf"{_TRIPLE}|{_PIECES}|{_SIMPLE}|{_ESCAPED}"
_NAME = r"(?P<name>(?<![A-Za-z0-9_.])(?<![A-Za-z0-9_.]-)[A-Za-z_][A-Za-z0-9_.-]{0,200})"
_TYPE = r"[A-Za-z_][\w.\[\]]{0,60}(?:[ \t]?\|[ \t]?[\w.\[\]]{1,60}){0,5}"
_ASSIGNED = re.compile(rf"{_NAME}\\{{0,7}}['\"]?\]?(?:[ \t]*:[ \t]*{_TYPE})?[ \t]*(?:=>|:=|==|=|:)[ \t]*")
_PAIRED = re.compile(rf"['\"]-{{0,2}}{_NAME}['\"][ \t]*,[ \t]*")
_FLAGGED = re.compile(rf"(?<![\w-])--?{_NAME}[ \t]+")
_LITERAL = re.compile(_QUOTED)
_TEXT = re.compile(rf"{_TRIPLE}|{_SIMPLE}")
_VALUE = re.compile(rf"{_QUOTED}|[^\s,;&'\"]+")
_ARGUMENT = re.compile(rf"{_QUOTED}|[^\s'\"-][^\s'\"]*")
_QUOTE = re.compile(r"""(\(?\s*[+-]?\s*[rRbBuUfF]{0,2})(\\{0,7}(?:\"{3}|'{3}|["']))""")
# The literals of a source, with its comments, in which an apostrophe opens none. One that does not end
# counts too: a search that cannot fail takes no second look.
_LITERALS = re.compile(
    r"""#[^\n]*|\"{3}(?:[^\\]|\\.)*?(?:\"{3}|\Z)|'{3}(?:[^\\]|\\.)*?(?:'{3}|\Z)"""
    r"""|"(?:[^"\\\n]|\\.)*"?|'(?:[^'\\\n]|\\.)*'?""",
    re.DOTALL,
)
_BRACED = re.compile(r"(\{[^{}]*\})")  # what an f-string computes is code
_SHELL = re.compile(r"(?m)^[ \t]*(?:[\w., ]+=[ \t]*)?[!%](?!%)[^\n]*")  # a notebook's line for the shell
_SHELL_CELL = re.compile(r"\s*%%(?!time|timeit|capture|prun)\w")
_IN_ASSIGNED = re.compile(rf"{_NAME}=")
_IN_FLAGGED = re.compile(rf"(?<![\w-])--{_NAME}(?:[ \t]+|=)")
_IN_LITERAL = re.compile(r"[^\s,;&|'\"\\()<>]+")
_COLOUR = re.compile("\x1b\\[[0-9;]*[A-Za-z]")
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
    stays, for code is full of names and data that only look like them. A text for terminals loses its
    colours where it held a secret.
    """
    if "\x1b[" in text:
        plain = _COLOUR.sub("", text)
        clean = scrub(plain, code=code)
        return text if clean == plain else clean
    if code:
        return _scrub_code(text)
    text = scrub_shapes(text)
    text = _without(_PAIRED, _TEXT, text)
    text = _without(_ASSIGNED, _VALUE, text)
    text = _without(_FLAGGED, _ARGUMENT, text)
    return _RANDOM.sub(lambda match: REMOVED if _is_random(match[0], 4.2) else match[0], text)


def _scrub_code(text: str) -> str:
    """Return a source without its secrets; what a notebook gives to the shell is no code."""
    if _SHELL_CELL.match(text):
        return scrub(text)
    if "!" in text or "%" in text:
        text = _SHELL.sub(lambda match: scrub(match[0]), text)
    text = scrub_shapes(text)
    text = _without(_PAIRED, _TEXT, text)
    text = _without(_ASSIGNED, _LITERAL, text)
    shell = "get_ipython()." in text
    return _LITERALS.sub(lambda match: _scrub_literal(match[0], shell=shell), text)


def _scrub_literal(text: str, *, shell: bool) -> str:
    """Return a literal without what it gives a telling name, `PASSWORD=...` or `--password ...`.

    Outside of commands for the shell such a value needs a digit: help texts name their options so.
    """
    if text[0] == "#" or ("=" not in text and "--" not in text):
        return text
    accept = None if shell else _holds_digit
    parts = _BRACED.split(text)
    for place in range(0, len(parts), 2):
        for head in (_IN_ASSIGNED, _IN_FLAGGED):
            parts[place] = _without(head, _IN_LITERAL, parts[place], accept)
    return "".join(parts)


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


def _without(
    head: re.Pattern[str],
    value: re.Pattern[str],
    text: str,
    accept: Callable[[str], bool] | None = None,
) -> str:
    """Return the text without the values that stand behind the telling names in it.

    What follows another name is looked at again from the end of that name on: it may hold names too.
    """
    pieces, done, at = [], 0, 0
    while True:
        found = head.search(text, at)
        if found is None:
            break
        at = found.end("name")
        if not _may_be_secret(found["name"]):
            continue
        written = value.match(text, found.end())
        clean = _cleaned(found["name"], written[0]) if written is not None else None
        if written is None or clean is None or (accept is not None and not accept(written[0])):
            continue
        pieces += [text[done : found.end()], clean]
        done = at = written.end()
    return "".join([*pieces, text[done:]])


def _holds_digit(text: str) -> bool:
    return any(map(str.isdigit, text))


@functools.lru_cache(maxsize=4096)
def _may_be_secret(name: str) -> bool:
    name = _words(name)
    return bool(_STRONG.search(name) or _WEAK.search(name))


def _cleaned(name: str, value: str) -> str | None:
    """Return what stands in place of a value that is a secret by its name and looks; it keeps its quotes."""
    quoted = _QUOTE.match(value)
    before, quote = quoted.groups() if quoted else ("", "")
    # Without quotes, a closing bracket belongs to the text around: `f(password=None)`.
    bare = value[len(before) :].strip(quote) if quote else value.rstrip(")]}>:")
    after = "" if quote else value[len(bare) :]
    if not quote and _REFERENCE.fullmatch(value):  # `password = config.password` holds none
        return None
    if not is_named_secret(name, bare):
        return None
    return f"{before}{quote}{REMOVED}{quote}{after}"


def is_named_secret(name: str, value: str) -> bool:
    """Say whether a value is a secret for its name."""
    name = _words(name)
    if _NOT_A_VALUE.fullmatch(value) or (_CONSTANT.fullmatch(value) and _STRONG.search(value)):
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
