"""Tables that bring a space of their own: parameters with a column each, or a configspace.json."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from own_files import HEAD, SIGNAL, write_csv

from assay.benchmarks.catalogue import open_benchmark
from assay.benchmarks.importers.own_card import OwnFile, read_card
from assay.benchmarks.importers.own_columns import DataColumns, read_columns
from assay.benchmarks.importers.own_rows import named_space, own_space, place_rows, place_settings
from assay.benchmarks.importers.own_table import import_own
from assay.contracts.space import Categorical, Condition, Enumerable, Integer, Ordinal, Parameter, Real
from assay.foundation.errors import AssayError, StudyError, UsageError
from assay.spaces.parametric import ParametricSpace
from assay.spaces.parametric_table import parametric_space

SPACE = """architecture = { rate = "lr" }

[space]
name = "sweep"

[space.parameters.optimizer]
type = "categorical"
choices = ["sgd", "adam"]

[space.parameters.rate]
type = "ordinal"
choices = [0.01, 0.1]

[space.parameters.momentum]
type = "ordinal"
choices = [0.5, 0.9]
when = { optimizer = ["sgd"] }

[fidelity]
schedule = "all"
"""
COLUMNS = ("optimizer", "lr", "momentum", "acc")
ROWS = [("sgd", 0.1, 0.9, 1.0), ("sgd", "1e-2", "0.50", 2.0), ("adam", 0.1, None, 3.0)]


def _read(
    folder: Path, rows: list[tuple[object, ...]] = ROWS, space: str = SPACE
) -> tuple[OwnFile, DataColumns]:
    write_csv(folder / "results.csv", COLUMNS, rows)
    (folder / "card.toml").write_text(HEAD + space + SIGNAL)
    own = read_card(folder / "card.toml")
    return own, read_columns(own.data, lambda names: names)


def test_rows_are_settings_of_the_space(tmp_path: Path) -> None:
    """Texts and numbers in any spelling are read as the space reads them; empty cells are inactive."""
    own, columns = _read(tmp_path)
    space, _ = own_space(own)
    assert isinstance(space, Enumerable)
    import_own(own.file.path, tmp_path / "cache")
    table = open_benchmark("mine/cifar10", tmp_path / "cache")
    for text, value in (
        ("optimizer=sgd,rate=0.1,momentum=0.9", 1.0),
        ("optimizer=sgd,rate=0.01,momentum=0.5", 2.0),
        ("optimizer=adam,rate=0.1", 3.0),
    ):
        assert table.column("validation")[table.space.index(table.space.parse(text))] == value
    assert columns.rows == 3


def test_a_finite_space_gives_rows_its_own_index(tmp_path: Path) -> None:
    """Rows are at the indices of the space that the table brings, and its description reads back as it."""
    own, columns = _read(tmp_path)
    placed = place_rows(own, columns)
    space = parametric_space(json.loads(placed.parameters))
    assert isinstance(space, Enumerable)
    assert (placed.space, placed.size, placed.rows) == (space.name, 6, None)
    texts = [space.format(space.at(int(place))) for place in placed.places]
    assert texts[0] == "optimizer=sgd,rate=0.1,momentum=0.9"
    assert len(set(placed.places.tolist())) == 3


def test_another_space_has_another_name(tmp_path: Path) -> None:
    """The name carries a digest of the parameters: a card whose space changed means something else."""
    first = own_space(_read(tmp_path)[0])[0].name
    second = own_space(_read(tmp_path, space=SPACE.replace("0.9]", "0.99]"))[0])[0].name
    assert first.startswith("sweep-")
    assert first != second


@pytest.mark.parametrize(
    ("row", "what"),
    [
        (("rmsprop", 0.1, 0.9, 1.0), "no value of 'optimizer'"),
        (("sgd", 0.2, 0.9, 1.0), "no value of 'rate'"),
        (("adam", 0.1, 0.9, 1.0), "is not active"),
        (("sgd", 0.1, None, 1.0), "is missing"),
        (('sgd",rate="0.1', 0.1, 0.9, 1.0), "no value of 'optimizer'"),
    ],
)
def test_a_row_outside_the_space_is_told(row: tuple[object, ...], what: str, tmp_path: Path) -> None:
    """The error says which row, and why; cells cannot smuggle in another parameter."""
    own, columns = _read(tmp_path, [ROWS[0], row])
    with pytest.raises(UsageError) as caught:
        place_rows(own, columns)
    assert what in caught.value.what
    assert "row 2" in (caught.value.where or "")


@pytest.mark.parametrize(
    ("old", "new", "where"),
    [
        ('choices = ["sgd", "adam"]', "choices = []", "card.toml:13, space.parameters.optimizer.choices"),
        ('type = "ordinal"', 'type = "order"', "space.parameters.rate.type"),
        ('optimizer = ["sgd"]', 'optimiser = ["sgd"]', "space.parameters.momentum.when"),
        ('name = "sweep"', 'name = "nas-bench-201"', "card.toml:9, space.name"),
        ('rate = "lr"', 'rate = "l"', "card.toml:6, architecture.rate"),
        ('rate = "lr"', 'rat = "lr"', ""),
        ('{ rate = "lr" }', '"lr"', "card.toml:6, architecture"),
    ],
)
def test_a_mistake_in_the_space_is_told_with_its_place(
    old: str, new: str, where: str, tmp_path: Path
) -> None:
    """Errors of the space name the line and the key of the card."""
    write_csv(tmp_path / "results.csv", COLUMNS, ROWS)
    (tmp_path / "card.toml").write_text(HEAD + SPACE.replace(old, new, 1) + SIGNAL)
    with pytest.raises(StudyError) as caught:
        import_own(tmp_path / "card.toml", tmp_path / "cache")
    assert where in (caught.value.where or "")


@pytest.mark.parametrize(
    "parameters",
    [
        (Categorical("a", ("x", "y")), Ordinal("b", (1, 2, 4), Condition("a", ("x",)))),
        (Integer("n", 1, 9, step=2), Real("r", 0.0, 0.5, step=0.1)),
        (Integer("n", 1, 1024, log=True), Real("r", 1e-4, 0.1, log=True), Categorical("c", (True, False))),
    ],
)
def test_the_description_of_a_space_reads_back_as_the_space(parameters: tuple[Parameter, ...]) -> None:
    """Every kind of parameter, with scales, steps and conditions, survives being described."""
    space = ParametricSpace("described", parameters)
    named, described = named_space(space, "mine")
    again = parametric_space(json.loads(described))
    assert type(again) is type(space)
    assert again.name == named.name
    assert again.parameters == space.parameters


def test_settings_without_a_readable_space_are_listed() -> None:
    """Of a folder whose space cannot be read, the rows are the space; texts that mislead are quoted."""
    settings = [{"a": "x,b=1", "c": 0.5}, {"a": "y", "c": True}]
    placed = place_settings(settings, None, "box")
    assert placed.rows is not None
    assert placed.rows.texts == ('a="x,b=1",c=0.5', "a=y,c=true")
    np.testing.assert_array_equal(placed.places, [0, 1])
    with pytest.raises(AssayError, match="two configurations are the same"):
        place_settings([settings[0], settings[0]], None, "box")
