"""Which architecture each row of a user's own table is of."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
import numpy as np

from assay.benchmarks.family import LISTED, Rows
from assay.benchmarks.importers.own_card import OwnFile, unknown_column
from assay.benchmarks.importers.own_columns import DataColumns
from assay.contracts.space import Enumerable, SearchSpace
from assay.foundation.digest import digest_value
from assay.foundation.errors import AssayError, UnknownNameError, UsageError
from assay.foundation.text import shortened
from assay.spaces.catalogue import SPACES, get_space
from assay.spaces.parametric import ParametricSpace
from assay.spaces.parametric_table import parametric_space

MOST_ARCHITECTURES = 50_000_000

_BARE = re.compile(r"[\w.:/+-]+")


class Placed(NamedTuple):
    """The space of a table, how many architectures it has, and the one of each row.

    `rows` are the listed architectures of a space without an index, `parameters` the JSON of a space of the
    table's own, in which the order of parameters counts.
    """

    space: str
    size: int
    places: np.ndarray
    rows: Rows | None = None
    parameters: str = ""

    @property
    def alike(self) -> str | None:
        """Why rows of different texts may be of one architecture, None where they are not."""
        if self.rows is None or self.rows.keys == self.rows.texts:
            return None
        return f"in {self.space}, equivalent architectures are one"


def place_rows(own: OwnFile, columns: DataColumns) -> Placed:
    """Return the architecture of each row; raises for a text that is none, with its row."""
    card = own.card
    if not isinstance(card.space, str) or not isinstance(card.architecture, str):
        return _by_parameters(own, columns)
    texts = columns.texts(card.architecture)
    if card.space == LISTED:
        return _listed(_printable(texts, columns, card.architecture), LISTED)
    try:
        space = get_space(card.space)
    except UnknownNameError as error:
        hint = f"{error.hint}; 'listed' is a space that is nothing but the rows"
        raise own.error(error.what, "space", hint=hint) from None
    return _in_space(space, texts, columns, card.architecture)


def own_space(own: OwnFile) -> tuple[ParametricSpace, str]:
    """Return the space that a card describes, and its description.

    Its name ends with a digest of its parameters, so that another space is another benchmark.
    """
    described = own.card.space if isinstance(own.card.space, dict) else {}
    try:
        plain = parametric_space(described)
    except UsageError as error:
        where = tuple((error.where or "").split("."))
        raise own.error(error.what, "space", *where, why=error.why, hint=error.hint) from None
    if plain.name in SPACES.names():
        hint = f'space = "{plain.name}", or another name'
        raise own.error(f"'{plain.name}' is the name of another space", "space", "name", hint=hint)
    return named_space(plain, plain.name)


def named_space(space: ParametricSpace, name: str) -> tuple[ParametricSpace, str]:
    """Return a space under a name that tells it from others of that name, and its description as JSON."""
    parameters = described_parameters(space)
    name = f"{name}-{digest_value(json.dumps(parameters))[:8]}"
    described = {"name": name, "parameters": parameters}
    return parametric_space(described), json.dumps(described)


def _in_space(space: SearchSpace[Any], texts: list[str], columns: DataColumns, column: str) -> Placed:
    """Place the rows of a space that has a name, by its index or as a list of its architectures."""
    if isinstance(space, Enumerable) and space.size > MOST_ARCHITECTURES:
        why = f"it has {space.size:,} architectures; at most {MOST_ARCHITECTURES:,} fit"
        raise UsageError("a table cannot cover this space", where=space.name, why=why)
    places: dict[str, int | str] = {}
    forms: dict[str, str] = {}
    # Published results are those of the canonical form, so that every spelling has the row of its own.
    form = getattr(space, "unique_string", space.format)
    for row, text in enumerate(texts):
        if text in places:
            continue
        try:
            arch = space.parse(text)
            if isinstance(space, Enumerable):
                places[text] = space.index(arch)
            else:
                places[text] = key = str(form(arch))
                forms.setdefault(key, space.format(arch))
        except AssayError as error:
            why = f"{error.what}{f': {error.why}' if error.why else ''}"
            what = f"this is no architecture of {space.name}"
            raise UsageError(what, where=columns.where(row, column), why=why, hint=error.hint) from None
    found = [places[text] for text in texts]
    if isinstance(space, Enumerable):
        return Placed(space.name, space.size, np.array(found, dtype=np.int64))
    return _listed([str(key) for key in found], space.name, forms)


def _by_parameters(own: OwnFile, columns: DataColumns) -> Placed:
    """Place the rows of a space that the card describes: each parameter has a column."""
    space, described = own_space(own)
    named = own.card.architecture if isinstance(own.card.architecture, dict) else {}
    parameters = [parameter.name for parameter in space.parameters]
    for name in named:
        if name not in parameters:
            raise own.error(f"the space has no parameter '{shortened(name, 40)}'", "architecture", name)
    cells = [columns.values(named.get(name, name)) for name in parameters]
    texts = []
    for row, values in enumerate(zip(*cells, strict=True)):
        given = {name: value for name, value in zip(parameters, values, strict=True) if value is not None}
        try:
            texts.append(space.format(_built(space, given)))
        except UsageError as error:
            place = f"{columns.path}, row {row + 1:,}"
            raise UsageError(error.what, where=place, why=error.why, hint=error.hint) from None
    if not isinstance(space, Enumerable) or space.size > MOST_ARCHITECTURES:
        return _listed(texts, LISTED)
    index = np.array([space.index(space.parse(text)) for text in texts], dtype=np.int64)
    return Placed(space.name, space.size, index, parameters=described)


def place_settings(settings: Sequence[Mapping[str, Any]], space: ParametricSpace | None, name: str) -> Placed:
    """Return the architecture of each of a list of settings, by a space where it can be read.

    Without one, or where it has no index, the settings themselves are the architectures.
    """
    if space is not None and isinstance(space, Enumerable) and space.size <= MOST_ARCHITECTURES:
        size = space.size
        try:
            places = np.array([space.index(space.build(one)) for one in settings], dtype=np.int64)
        except UsageError:
            pass  # rows outside their own space: they are listed
        else:
            _refuse_repeated(places.tolist())
            space, described = named_space(space, name)
            return Placed(space.name, size, places, parameters=described)
    texts = [",".join(f"{key}={_written(value)}" for key, value in one.items()) for one in settings]
    _refuse_repeated(texts)
    return _listed(texts, LISTED)


def described_parameters(space: ParametricSpace) -> dict[str, Any]:
    """Return the parameters of a space as `parametric_table` reads them."""
    found: dict[str, Any] = {}
    for parameter in space.parameters:
        table = msgspec.to_builtins(parameter)
        if "when" in table:
            table["when"] = {table["when"]["parent"]: table["when"]["values"]}
        found[parameter.name] = {key: value for key, value in table.items() if key != "name"}
    return found


def _refuse_repeated(places: Sequence[int | str]) -> None:
    if len(set(places)) < len(places):
        twice = next(one for one, count in Counter(places).items() if count > 1)
        first, second = [i for i, one in enumerate(places) if one == twice][:2]
        where = f"rows {first + 1:,} and {second + 1:,}"
        raise UsageError("two configurations are the same", where=where)


def parameter_columns(own: OwnFile, names: list[str]) -> list[str]:
    """Return the columns of the parameters of a card's own space; refuses those that are not there."""
    if isinstance(own.card.space, str):
        return []
    named = own.card.architecture if isinstance(own.card.architecture, dict) else {}
    wanted = []
    for parameter in own_space(own)[0].parameters:
        column = named.get(parameter.name, parameter.name)
        if column not in names:
            given = parameter.name in named
            key = ("architecture", parameter.name) if given else ("space", "parameters", parameter.name)
            raise unknown_column(own, column, names, key)
        wanted.append(column)
    return wanted


def _built(space: ParametricSpace, given: Mapping[str, Any]) -> Any:
    """Return a setting; the cells of a text file are read as the published form has them."""
    if any(isinstance(value, str) for value in given.values()):
        texts = (
            f"{name}={json.dumps(value) if isinstance(value, str) else _text(value)}"
            for name, value in given.items()
        )
        return space.parse(",".join(texts))
    return space.build(given)


def _written(value: Any) -> str:
    """Return a value of a setting that has no space: texts that could be misread are as in JSON."""
    if isinstance(value, str):
        return value if _BARE.fullmatch(value) else json.dumps(value)
    return _text(value)


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else repr(value)


def brought_space(placed: Placed) -> dict[str, Any]:
    """Return the description of a table's own space as the content of a table has it."""
    return {"parameters": placed.parameters} if placed.parameters else {}


def _printable(texts: list[str], columns: DataColumns, column: str) -> list[str]:
    """Refuse rows without a name, and names that could not be shown or typed."""
    for row, text in enumerate(texts):
        if not text or not text.isprintable():
            why = (
                "it is empty" if not text else f"got {shortened(text, 60)}, with characters that no one sees"
            )
            raise UsageError("this names no architecture", where=columns.where(row, column), why=why)
    return texts


def _listed(keys: list[str], space: str, forms: Mapping[str, str] = {}) -> Placed:
    """Place rows by their keys, in the order in which these come first; `forms` are the published ones."""
    places: dict[str, int] = {}
    index = np.array([places.setdefault(key, len(places)) for key in keys], dtype=np.int64)
    names = tuple(places)
    return Placed(space, len(names), index, Rows(keys=names, texts=tuple(forms.get(k, k) for k in names)))
