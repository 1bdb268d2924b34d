"""The difference of two configuration files by their keys: JSON, YAML, TOML and INI.

A value is replaced in A's text where it stands, so that everything else keeps its bytes; each such edit
is tried, and has to give A's values with that one changed. Keys that come or go, and values whose place
is not plain, need the file to be written anew from its values. What cannot be done faithfully is left to
the comparison of lines.
"""

from __future__ import annotations

import configparser
import json
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from io import StringIO
from pathlib import PurePosixPath
from typing import Any

from assay.verification.commands.change import Edit, KeyChange

SIZE_LIMIT = 1 << 18
CHANGES_LIMIT = 200
_FORMATS = {".json": "json", ".yaml": "yaml", ".yml": "yaml", ".toml": "toml", ".ini": "ini", ".cfg": "ini"}
_SECTION = re.compile(r"\s*\[([^\[\]]+)\]\s*(?:[#;].*)?$")
_ENTRY = re.compile(r"\s*([^\s=:\[#;][^=:]*?)\s*[=:]\s*(\S.*?)\s*$")
_NO_DEFAULTS = "\0none"  # so that the section DEFAULT is one like the others

Keys = tuple[str | int, ...]
ABSENT = object()  # stands for the value of a key that one side lacks


class _UnreadableError(ValueError):
    """A file that is not what its suffix says, or that says more than plain values."""


def format_of(path: str) -> str | None:
    """Return the format of a configuration file by its suffix; None for what is none."""
    return _FORMATS.get(PurePosixPath(path).suffix.lower())


def key_changes(a: str, b: str, form: str) -> list[tuple[KeyChange, Any, Any]] | None:
    """Return what makes A's values B's, leaf by leaf, with both values or `ABSENT`.

    Returns None where the texts cannot be read as `form`, are too large, or differ in what a change of
    keys cannot bring about.
    """
    if max(len(a), len(b)) > SIZE_LIMIT:
        return None
    try:
        old, new = _read(a, form), _read(b, form)
        found = list(_differences(old, new, ()))
        if len(found) > CHANGES_LIMIT:
            return None
        spans, texts = _spans(a, form), _spans(b, form)
        made = [_change(a, b, form, one, (old, spans, texts)) for one in found]
        whole = apply_keys(a, form, [change for change, _, _ in made])
        if not _same(_read(whole, form), new):
            return None
    except _UnreadableError:
        return None
    return made


def apply_keys(text: str, form: str, changes: Sequence[KeyChange]) -> str:
    """Return A's text with some of its values changed; raises `ValueError` where it cannot be done."""
    if all(change.edit for change in changes):
        for edit in sorted((c.edit for c in changes if c.edit), key=lambda e: e.start, reverse=True):
            text = text[: edit.start] + edit.text + text[edit.end :]
        return text
    return _written(_changed(_read(text, form), changes), form)


def key_text(keys: Keys) -> str:
    """Return the path of a key as people write it, such as 'optim.layers[2].lr'."""
    out = ""
    for key in keys:
        out += f"[{key}]" if isinstance(key, int) else f".{key}" if out else str(key)
    return out


def _differences(a: Any, b: Any, keys: Keys) -> Iterator[tuple[Keys, Any, Any]]:
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        for key in dict.fromkeys([*a, *b]):
            if not isinstance(key, str):
                raise _UnreadableError
            yield from _differences(a.get(key, ABSENT), b.get(key, ABSENT), (*keys, key))
    elif isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
        for place, (left, right) in enumerate(zip(a, b, strict=True)):
            yield from _differences(left, right, (*keys, place))
    elif not _same(a, b):
        if not keys:
            raise _UnreadableError
        yield keys, a, b


def _same(a: Any, b: Any) -> bool:
    """Say whether two values are equal, types and signs included; a NaN equals itself."""
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        return a.keys() == b.keys() and all(_same(a[key], b[key]) for key in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(_same, a, b))
    return type(a) is type(b) and repr(a) == repr(b)


def _change(
    a: str,
    b: str,
    form: str,
    difference: tuple[Keys, Any, Any],
    known: tuple[Any, Mapping[Keys, tuple[int, int]], Mapping[Keys, tuple[int, int]]],
) -> tuple[KeyChange, Any, Any]:
    """Return one change, with the edit of the text where one does exactly this."""
    keys, old, new = difference
    values, spans, texts = known
    if new is ABSENT:
        return KeyChange(keys=keys, removed=True), old, new
    plain = KeyChange(keys=keys, value=new)
    if keys not in spans or keys not in texts or "\n" in (text := b[slice(*texts[keys])]):
        return plain, old, new
    start, end = spans[keys]
    edited = KeyChange(keys=keys, value=new, edit=Edit(start=start, end=end, text=text))
    try:
        exact = _same(_read(apply_keys(a, form, [edited]), form), _changed(deepcopy(values), [plain]))
    except _UnreadableError:
        exact = False
    return edited if exact else plain, old, new


def _changed(values: Any, changes: Sequence[KeyChange]) -> Any:
    """Return the values with the changes made in them."""
    for change in changes:
        inner = values
        for key in change.keys[:-1]:
            inner = inner[key]
        if change.removed:
            del inner[change.keys[-1]]
        else:
            inner[change.keys[-1]] = change.value
    return values


def _read(text: str, form: str) -> Any:
    readers: dict[str, Callable[[str], Any]] = {
        "json": json.loads,
        "toml": tomllib.loads,
        "yaml": _read_yaml,
        "ini": _read_ini,
    }
    try:
        return readers[form](text)
    except (ValueError, RecursionError, configparser.Error) as error:
        raise _UnreadableError(str(error)) from None


def _written(values: Any, form: str) -> str:
    if form == "json":
        return json.dumps(values, indent=2, ensure_ascii=False) + "\n"
    if form == "yaml":
        import yaml  # type: ignore[import-untyped]  # it ships no types

        return str(yaml.safe_dump(values, sort_keys=False, allow_unicode=True))
    if form == "ini":
        parser = _ini()
        parser.read_dict(values)
        out = StringIO()
        parser.write(out)
        return out.getvalue()
    raise _UnreadableError("TOML is edited and not written anew")


def _read_yaml(text: str) -> Any:
    try:
        import yaml
    except ImportError:  # it is the user's library, and no dependency
        raise _UnreadableError("PyYAML is not installed") from None
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise _UnreadableError(str(error)) from None


def _ini() -> configparser.RawConfigParser:
    parser = configparser.RawConfigParser(default_section=_NO_DEFAULTS, allow_no_value=True)
    parser.optionxform = str  # type: ignore[method-assign, assignment]  # its documented way to keep case
    return parser


def _read_ini(text: str) -> Any:
    parser = _ini()
    parser.read_string(text)
    return {section: dict(parser[section]) for section in parser.sections()}


def _spans(text: str, form: str) -> dict[Keys, tuple[int, int]]:
    """Return where in the text the value under each path of keys stands, as far as that is plain."""
    found: dict[Keys, tuple[int, int]] = {}
    try:
        if form == "json":
            _span_json(text, _blank(text, 0), (), found)
        elif form == "yaml":
            import yaml

            _span_yaml(yaml.compose(text, yaml.SafeLoader), (), found)
        else:
            found = _span_lines(text)
    except RecursionError:
        raise _UnreadableError from None
    return found


_BLANK = re.compile(r"[ \t\r\n]*")
_DECODER = json.JSONDecoder()


def _blank(text: str, place: int) -> int:
    match = _BLANK.match(text, place)
    return match.end() if match else place


def _span_json(text: str, start: int, keys: Keys, found: dict[Keys, tuple[int, int]]) -> int:
    """Note where the values of a JSON text stand, which is known to be valid; return where one ends."""
    if text[start] not in "{[":
        _, end = _DECODER.raw_decode(text, start)
        found[keys] = (start, end)
        return end
    place, number, closing = _blank(text, start + 1), 0, "}" if text[start] == "{" else "]"
    while text[place] != closing:
        key: str | int = number
        if closing == "}":
            key, place = _DECODER.raw_decode(text, place)
            place = _blank(text, _blank(text, place) + 1)
        place = _blank(text, _span_json(text, place, (*keys, key), found))
        if text[place] == ",":
            place = _blank(text, place + 1)
        number += 1
    found[keys] = (start, place + 1)
    return place + 1


def _span_yaml(node: Any, keys: Keys, found: dict[Keys, tuple[int, int]]) -> None:
    if node is None:
        return
    found[keys] = (node.start_mark.index, node.end_mark.index)
    if node.id == "mapping":
        for key, value in node.value:
            if key.id == "scalar":
                _span_yaml(value, (*keys, key.value), found)
    elif node.id == "sequence":
        for place, value in enumerate(node.value):
            _span_yaml(value, (*keys, place), found)


def _span_lines(text: str) -> dict[Keys, tuple[int, int]]:
    """Return the places of values that stand on one line under the header of their section."""
    found: dict[Keys, tuple[int, int]] = {}
    section: Keys = ()
    place = 0
    for line in text.splitlines(keepends=True):
        if header := _SECTION.match(line.rstrip("\r\n")):
            section = tuple(part.strip().strip("\"'") for part in header[1].split("."))
        elif entry := _ENTRY.match(line.rstrip("\r\n")):
            value = _without_comment(entry[2])
            keys = (*section, entry[1].strip("\"'"))
            found[keys] = (place + entry.start(2), place + entry.start(2) + len(value))
            found[".".join(map(str, section)), keys[-1]] = found[keys]
        place += len(line)
    return found


def _without_comment(value: str) -> str:
    if value[:1] in "\"'" and value.count(value[0]) >= 2:
        return value[: value.index(value[0], 1) + 1]
    return re.split(r"\s+[#;]", value)[0]
