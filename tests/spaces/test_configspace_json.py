"""Spaces from the JSON of ConfigSpace and of Syne Tune.

The files here are as ConfigSpace 0.4.21 and 1.2.2 and Syne Tune 0.16.0 write them.
"""

from __future__ import annotations

import json
from itertools import product

import pytest

from assay.contracts.space import Categorical, Condition, Integer, Ordinal, Real
from assay.foundation.errors import UsageError
from assay.foundation.seeding import Stream
from assay.spaces.configspace_json import from_configspace_json

BOOSTER = {"name": "booster", "type": "categorical", "choices": ["gblinear", "gbtree", "dart"]}
DEPTH = {"name": "depth", "type": "uniform_int", "lower": 3, "upper": 6, "log": False}
SIZE = {"name": "size", "type": "ordinal", "sequence": ["s", "m", "l", "xl"]}
RATE = {"name": "rate", "type": "uniform_float", "lower": 0.0, "upper": 1.0, "log": False}


def when(child, parent, kind, **more):
    """Return a condition as ConfigSpace writes it."""
    return {"child": child, "parent": parent, "type": kind, **more}


def read(*hyperparameters, conditions=(), **more):
    """Return the parameters of a ConfigSpace file with these parts."""
    data = {"hyperparameters": hyperparameters, "conditions": conditions, "forbiddens": [], **more}
    return from_configspace_json(json.dumps(data), "read").parameters


def test_the_old_form_of_configspace():
    """A file of json_format_version 0.2, whose defaults stand under 'default'."""
    text = """{
      "hyperparameters": [
        {"name": "alpha", "type": "uniform_float", "log": true, "lower": 0.0001, "upper": 1000.0,
         "default": 0.3},
        {"name": "momentum", "type": "uniform_float", "log": false, "lower": 0.0, "upper": 0.9, "q": 0.1,
         "default": 0.4},
        {"name": "nrounds", "type": "uniform_int", "log": true, "lower": 8, "upper": 2980, "default": 122},
        {"name": "units", "type": "uniform_int", "log": false, "lower": 16, "upper": 64, "q": 16,
         "default": 32},
        {"name": "booster", "type": "categorical", "choices": ["gblinear", "gbtree", "dart"],
         "default": "gbtree", "probabilities": [0.25, 0.25, 0.25]},
        {"name": "size", "type": "ordinal", "sequence": [1, 2, 4], "default": 1},
        {"name": "epochs", "type": "constant", "value": 50},
        {"name": "old", "type": "unparametrized", "value": "x"}
      ],
      "conditions": [{"child": "alpha", "parent": "booster", "type": "IN", "values": ["dart", "gbtree"]}],
      "forbiddens": [], "python_module_version": "0.4.21", "json_format_version": 0.2
    }"""
    space = from_configspace_json(text, "hpobench", revision=3)
    assert (space.name, space.revision) == ("hpobench", 3)
    assert space.parameters == (
        Real("momentum", 0.0, 0.9, step=0.1),
        Integer("nrounds", 8, 2980, log=True),
        Integer("units", 16, 64, step=16),
        Categorical("booster", ("gblinear", "gbtree", "dart")),
        Real("alpha", 1e-4, 1000.0, log=True, when=Condition("booster", ("dart", "gbtree"))),
        Ordinal("size", (1, 2, 4)),
        Categorical("epochs", (50,)),
        Categorical("old", ("x",)),
    )


def test_the_present_form_of_configspace():
    """A file of format version 0.4, with a chain of conditions that is written before its parents."""
    text = """{"name": "mixed", "hyperparameters": [
      {"type": "uniform_int", "name": "aa_deep", "lower": 1, "upper": 5, "default_value": 3, "log": false,
       "meta": null},
      {"type": "uniform_int", "name": "max_depth", "lower": 3, "upper": 15, "default_value": 9,
       "log": false, "meta": null},
      {"type": "categorical", "name": "booster", "choices": ["gblinear", "gbtree", "dart"],
       "weights": null, "default_value": "gblinear", "meta": null}],
      "conditions": [
        {"type": "AND", "child": "aa_deep", "conditions": [
          {"type": "NEQ", "child": "aa_deep", "parent": "max_depth", "value": 7},
          {"type": "LT", "child": "aa_deep", "parent": "max_depth", "value": 10}]},
        {"type": "IN", "child": "max_depth", "parent": "booster", "values": ["gbtree", "dart"]}],
      "forbiddens": [], "python_module_version": "1.2.2", "format_version": 0.4}"""
    assert from_configspace_json(text, "mixed").parameters == (
        Categorical("booster", ("gblinear", "gbtree", "dart")),
        Integer("max_depth", 3, 15, when=Condition("booster", ("gbtree", "dart"))),
        Integer("aa_deep", 1, 5, when=Condition("max_depth", (3, 4, 5, 6, 8, 9))),
    )


@pytest.mark.parametrize(
    ("condition", "values"),
    [
        ({"type": "EQ", "parent": "booster", "value": "dart"}, ("dart",)),
        ({"type": "NEQ", "parent": "booster", "value": "dart"}, ("gblinear", "gbtree")),
        ({"type": "IN", "parent": "depth", "values": [6, 3]}, (6, 3)),
        ({"type": "GT", "parent": "size", "value": "m"}, ("l", "xl")),
        ({"type": "LT", "parent": "depth", "value": 5}, (3, 4)),
        ({"type": "OR", "conditions": [{"type": "EQ", "parent": "size", "value": "s"},
                                       {"type": "GT", "parent": "size", "value": "l"}]}, ("s", "xl")),
        ({"type": "AND", "conditions": [{"type": "NEQ", "parent": "size", "value": "m"},
                                        {"type": "GT", "parent": "size", "value": "s"}]}, ("l", "xl")),
    ],
)  # fmt: skip
def test_conditions_become_the_values_of_the_parent(condition, values):
    """Equalities, comparisons and their conjunctions are lists of the values for which they hold."""
    *_, rate = read(BOOSTER, DEPTH, SIZE, RATE, conditions=[{"child": "rate", **condition}])
    assert rate.when.values == values


def test_several_conditions_on_one_child_hold_together():
    """Conditions that are listed one after the other are joined by AND."""
    conditions = [
        {"child": "rate", "type": "NEQ", "parent": "size", "value": "m"},
        {"child": "rate", "type": "GT", "parent": "size", "value": "s"},
    ]
    assert read(SIZE, RATE, conditions=conditions)[1].when == Condition("size", ("l", "xl"))


def test_a_logarithmic_integer_can_be_a_parent():
    """The values of an integer are listed, in whatever scale it is drawn."""
    condition = {"child": "rate", "type": "GT", "parent": "depth", "value": 4}
    assert read({**DEPTH, "log": True}, RATE, conditions=[condition])[1].when.values == (5, 6)


@pytest.mark.parametrize(
    ("parts", "more", "where", "message"),
    [
        ([{"type": "normal_float", "name": "x", "mu": 0, "sigma": 1}], {}, "hyperparameters[0].type",
         "normal_float"),
        ([{**BOOSTER, "weights": [0.5, 0.3, 0.2]}], {}, "hyperparameters[0].weights", "equally likely"),
        ([{**RATE, "lower": 0.1, "log": True, "q": 0.1}], {}, "hyperparameters[0].q", "'q' and 'log'"),
        ([{**RATE, "lower": "0"}], {}, "hyperparameters[0].lower", "expected a number"),
        ([{**RATE, "lower": None}], {}, "hyperparameters[0].lower", "expected a number"),
        ([{**DEPTH, "lower": 2.5}], {}, "hyperparameters[0]", "expected a whole number"),
        ([{**RATE, "name": 3}], {}, "hyperparameters[0].name", "expected a text"),
        ([{**RATE, "upper": -1}], {}, "parameters.rate.high", "'high' must be above 'low'"),
        ([RATE, RATE], {}, "hyperparameters[1]", "two hyperparameters are named 'rate'"),
        (["rate"], {}, "hyperparameters[0]", "expected a JSON object"),
        ([{**BOOSTER, "choices": "ab"}], {}, "hyperparameters[0].choices", "expected a JSON list"),
        ([{**BOOSTER, "choices": ["a", None]}], {}, "parameters.booster.choices", "got None"),
        ([{"type": "constant", "name": "c"}, RATE], {}, "parameters.c.choices", "got None"),
        ([BOOSTER], {"forbiddens": [{"type": "EQUALS"}]}, "forbiddens", "forbids combinations"),
        ([BOOSTER, RATE], {"conditions": [{"child": "x"}]}, "conditions[0].child", "named 'x'"),
        ([BOOSTER, RATE], {"conditions": {"child": "x"}}, "conditions", "expected a JSON list"),
        ([BOOSTER, RATE], {"conditions": [when("rate", "x", "EQ")]},
         "conditions[0].parent", "named 'x'"),
        ([BOOSTER, RATE], {"conditions": [when("rate", "booster", "XOR")]},
         "conditions[0].type", "'XOR'"),
        ([BOOSTER, RATE], {"conditions": [when("rate", "booster", "IN", values=[[]])]},
         "conditions[0]", "plain values"),
        ([BOOSTER, RATE], {"conditions": [when("rate", "booster", "EQ", value="x")]},
         "parameters.rate.when", "'booster' is never 'x'"),
        ([RATE, BOOSTER], {"conditions": [when("booster", "rate", "GT", value=0.5)]},
         "conditions[0]", "cannot be listed"),
        ([BOOSTER, SIZE], {"conditions": [when("size", "booster", "NEQ", value="x")]},
         "conditions[0].value", "no value"),
        ([BOOSTER, SIZE, RATE], {"conditions": [
            {"child": "rate", "type": "AND", "conditions": [
                {"type": "EQ", "parent": "booster", "value": "dart"},
                {"type": "EQ", "parent": "size", "value": "s"}]}]},
         "conditions[0]", "booster and size"),
        ([BOOSTER, SIZE], {"conditions": [
            {"child": "size", "type": "EQ", "parent": "booster", "value": "dart"},
            {"child": "booster", "type": "EQ", "parent": "size", "value": "s"}]},
         "conditions", "go in a circle"),
    ],
)  # fmt: skip
def test_what_a_parametric_space_cannot_say_is_refused(parts, more, where, message):
    """A file that means something else is an error with its place, and no other space."""
    with pytest.raises(UsageError) as raised:
        read(*parts, **more)
    assert raised.value.where == where
    assert message in str(raised.value)


SYNE_TUNE = """{
  "lr": {"domain_cls": "Float", "domain_kwargs": {"lower": 1e-06, "upper": 1}, "sampler_cls": "LogUniform",
         "sampler_kwargs": {"base": 2.718281828459045}},
  "mom": {"domain_cls": "Float", "domain_kwargs": {"lower": 0, "upper": 0.99}, "sampler_cls": "Uniform",
          "sampler_kwargs": {}},
  "w": {"domain_cls": "Integer", "domain_kwargs": {"lower": 16, "upper": 1024}, "sampler_cls": "LogUniform",
        "sampler_kwargs": {"base": 2.718281828459045}},
  "l": {"domain_cls": "Integer", "domain_kwargs": {"lower": 1, "upper": 5}, "sampler_cls": "Uniform",
        "sampler_kwargs": {}},
  "opt": {"domain_cls": "Categorical", "domain_kwargs": {"categories": ["sgd", "adam"]},
          "sampler_cls": "Uniform", "sampler_kwargs": {}},
  "b": {"domain_cls": "OrdinalNearestNeighbor", "domain_kwargs": {"categories": [16, 32, 64],
        "log_scale": false}},
  "c": {"domain_cls": "Ordinal", "domain_kwargs": {"categories": ["s", "m"]}, "sampler_cls": "Uniform",
        "sampler_kwargs": {}},
  "f": {"domain_cls": "FiniteRange", "domain_kwargs": {"lower": 0.1, "upper": 1.0, "log_scale": false,
        "cast_int": false, "size": 10}},
  "g": {"domain_cls": "FiniteRange", "domain_kwargs": {"lower": 8, "upper": 128, "log_scale": true,
        "cast_int": true, "size": 5}},
  "epochs": 27
}"""


def test_the_form_of_syne_tune():
    """A configspace.json of Syne Tune's blackbox repository, with a constant among its domains."""
    space = from_configspace_json(SYNE_TUNE, "blackbox")
    *exact, finite, whole, epochs = space.parameters
    assert exact == [
        Real("lr", 1e-6, 1.0, log=True),
        Real("mom", 0.0, 0.99),
        Integer("w", 16, 1024, log=True),
        Integer("l", 1, 5),
        Categorical("opt", ("sgd", "adam")),
        Ordinal("b", (16, 32, 64)),
        Ordinal("c", ("s", "m")),
    ]
    assert finite.choices == pytest.approx([i / 10 for i in range(1, 11)])
    assert (whole, epochs) == (Ordinal("g", (8, 16, 32, 64, 128)), Categorical("epochs", (27,)))
    # 0.30000000000000004 is what Syne Tune computes; a table may have another last digit.
    values = space.values(space.sample(Stream(0, ("x",))))
    assert space.values(space.build({**values, "f": 0.3}))["f"] == pytest.approx(0.3)


@pytest.mark.parametrize(
    ("domain", "where", "message"),
    [
        ({"domain_cls": "Function", "domain_kwargs": {}}, "x.domain_cls", "'Function'"),
        ({"domain_cls": "Float", "domain_kwargs": {"lower": 0}}, "x.domain_kwargs.upper", "a number"),
        ({"domain_cls": "Float"}, "x.domain_kwargs", "expected a JSON object"),
        ({"domain_cls": "Float", "domain_kwargs": {"lower": 0, "upper": 1},
          "sampler_cls": "ReverseLogUniform"},
         "x.sampler_cls", "not drawn uniformly"),
        ({"domain_cls": "FiniteRange", "domain_kwargs": {"lower": 0, "upper": 1, "size": 10**9}},
         "x.domain_kwargs", "cannot be listed"),
        ({"domain_cls": "FiniteRange", "domain_kwargs": {"lower": 0, "upper": 1, "size": 3,
          "log_scale": True}},
         "x.domain_kwargs", "cannot be listed"),
        ([1, 2], "parameters.x.choices", "got [1, 2]"),
    ],
)  # fmt: skip
def test_what_syne_tune_draws_otherwise_is_refused(domain, where, message):
    """A domain that is not drawn uniformly, or is none, is an error with its place."""
    with pytest.raises(UsageError) as raised:
        from_configspace_json(json.dumps({"x": domain}), "blackbox")
    assert raised.value.where == where
    assert message in str(raised.value)


@pytest.mark.parametrize("text", ["", "[", "[]", "{}", "null", "[" * 100_000, b"\xff", '"hyperparameters"'])
def test_what_is_no_configuration_space_is_refused(text):
    """A text that is no JSON object is a usage error."""
    with pytest.raises(UsageError):
        from_configspace_json(text, "nothing")


def test_a_finite_file_can_be_enumerated():
    """A file of choices is a space with an index over all that its conditions admit."""
    data = {"hyperparameters": [BOOSTER, {**DEPTH, "name": "d"}], "conditions": [
        {"child": "d", "parent": "booster", "type": "EQ", "value": "dart"}]}  # fmt: skip
    space = from_configspace_json(json.dumps(data), "finite")
    every = {(booster, d if booster == "dart" else None)
             for booster, d in product(BOOSTER["choices"], (3, 4, 5, 6))}  # fmt: skip
    assert {space.at(i) for i in range(space.size)} == every
