"""Parametric spaces as a table describes them, with the key of what is wrong."""

from __future__ import annotations

import json
import tomllib

import pytest

from assay.contracts.space import Categorical, Condition, Integer, Ordinal, Real
from assay.foundation.errors import UsageError
from assay.foundation.seeding import Stream
from assay.spaces import parametric_table
from assay.spaces.parametric import FactorisedParametricSpace, ParametricSpace
from assay.spaces.parametric_table import parametric_space

TABLE = """
name = "perceptron"
revision = 2

[parameters.optimizer]
type = "categorical"
choices = ["sgd", "adam"]

[parameters.momentum]
type = "real"
low = 0
high = 0.9
step = 0.1
when = { optimizer = "sgd" }

[parameters.lr]
type = "real"
low = 1e-5
high = 1
log = true

[parameters.width]
type = "integer"
low = 16
high = 1024
step = 16

[parameters.depth]
type = "ordinal"
choices = [1, 2, 4]
when = { width = [16, 32] }
"""
PARAMETERS = (
    Categorical("optimizer", ("sgd", "adam")),
    Real("momentum", 0.0, 0.9, step=0.1, when=Condition("optimizer", ("sgd",))),
    Real("lr", 1e-5, 1.0, log=True),
    Integer("width", 16, 1024, step=16),
    Ordinal("depth", (1, 2, 4), when=Condition("width", (16, 32))),
)


def test_a_toml_table_is_a_space():
    """A table of TOML makes the space that the same declarations in Python make."""
    space = parametric_space(tomllib.loads(TABLE))
    assert (space.name, space.revision, space.parameters) == ("perceptron", 2, PARAMETERS)
    other = ParametricSpace("perceptron", PARAMETERS, 2)
    rng, same = Stream(0, ("x",)), Stream(0, ("x",))
    assert [space.sample(rng) for _ in range(50)] == [other.sample(same) for _ in range(50)]


def test_a_table_of_json_is_the_same_space():
    """What a card or a record carries as JSON is read as well."""
    table = json.loads(json.dumps(tomllib.loads(TABLE)))
    assert parametric_space(table).parameters == PARAMETERS


def test_the_class_is_that_of_the_parameters():
    """A table of unconditional choices is a factorised space."""
    parameters = {"a": {"type": "categorical", "choices": [True, False]}}
    assert type(parametric_space({"name": "flags", "parameters": parameters})) is FactorisedParametricSpace


def test_the_example_of_the_module_is_sound():
    """The table that the module's docstring shows is a space."""
    text = "\n".join(
        line[4:] for line in (parametric_table.__doc__ or "").splitlines() if line.startswith("    ")
    )
    names = [parameter.name for parameter in parametric_space(tomllib.loads(text)).parameters]
    assert names == ["optimizer", "learning_rate", "momentum"]


def changed(path, value):
    """Return the table with one key set, or left out where the value is None."""
    table = tomllib.loads(TABLE)
    *outer, last = path.split(".")
    place = table
    for key in outer:
        place = place[key]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return table


@pytest.mark.parametrize(
    ("path", "value", "where", "message"),
    [
        ("name", None, "name", "a space needs a name"),
        ("name", 3, "name", "got 3"),
        ("revision", 0, "revision", "a whole number from 1"),
        ("revision", True, "revision", "a whole number from 1"),
        ("parametres", {}, "parametres", "did you mean 'parameters'?"),
        ("parameters", {}, "parameters", "[parameters.NAME]"),
        ("parameters", [], "parameters", "[parameters.NAME]"),
        ("parameters.lr", 0.1, "parameters.lr", "expected a table"),
        ("parameters.lr.type", None, "parameters.lr.type", "one of categorical, ordinal, integer, real"),
        ("parameters.lr.type", "reel", "parameters.lr.type", "did you mean 'real'?"),
        ("parameters.lr.low", None, "parameters.lr", "missing required field 'low'"),
        ("parameters.lr.low", "1e-5", "parameters.lr.low", "expected 'float', got 'str'"),
        ("parameters.lr.log", "yes", "parameters.lr.log", "expected 'bool', got 'str'"),
        ("parameters.lr.lower", 0.0, "parameters.lr.lower", "did you mean 'low'?"),
        ("parameters.lr.name", "x", "parameters.lr.name", "known keys: type, low, high, log, step, when"),
        ("parameters.lr.low", 0.0, "parameters.lr.low", "a logarithm needs a positive 'low'"),
        ("parameters.lr.high", 1e-6, "parameters.lr.high", "'high' must be above 'low'"),
        ("parameters.width.low", 16.5, "parameters.width.low", "expected 'int', got 'float'"),
        ("parameters.width.high", 1023, "parameters.width.high", "high = 1008"),
        (
            "parameters.optimizer.choices",
            "sgd",
            "parameters.optimizer.choices",
            "expected 'array', got 'str'",
        ),
        ("parameters.optimizer.choices", [[1]], "parameters.optimizer.choices[0]", "got 'array'"),
        ("parameters.optimizer.choices", ["a", "a"], "parameters.optimizer.choices", "told apart"),
        ("parameters.momentum.when", "sgd", "parameters.momentum.when", "a table with one parent"),
        ("parameters.momentum.when", {}, "parameters.momentum.when", "a table with one parent"),
        ("parameters.momentum.when", {"optimizer": "sdg"}, "parameters.momentum.when", "did you mean sgd?"),
        ("parameters.momentum.when", {"width": 16}, "parameters.momentum.when", "a parent comes before"),
        ("parameters.depth.when", {"width": [16, 17]}, "parameters.depth.when", "the nearest is 16"),
        ("parameters.depth.when", {"lr": [0.1]}, "parameters.depth.when", "real number"),
    ],
)
def test_what_is_wrong_with_a_table_is_said_with_its_key(path, value, where, message):
    """An error names the key path of what is wrong, why, and what to write."""
    with pytest.raises(UsageError) as raised:
        parametric_space(changed(path, value))
    assert raised.value.where == where
    assert message in str(raised.value)
