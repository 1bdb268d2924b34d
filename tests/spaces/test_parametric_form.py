"""Spaces of named parameters: what they read, write, build and refuse."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.contracts.space import Categorical, Condition, Enumerable, Integer, Ordinal, Real
from assay.foundation.errors import UsageError
from assay.foundation.seeding import Stream
from assay.spaces.parametric import ParametricSpace

TRAINING = (
    Categorical("optimizer", ("sgd", "adam", "a, b=c", "")),
    Real("lr", 1e-5, 1.0, log=True),
    Real("momentum", 0.0, 0.9, step=0.1, when=Condition("optimizer", ("sgd",))),
    Integer("width", 16, 1024, log=True),
    Ordinal("depth", (1, 2, 4, 8)),
    Categorical("bias", (True, False)),
    Integer("steps", -10, 90, step=10),
)
SETTING = {"optimizer": "adam", "lr": 0.1, "width": 64, "depth": 4, "bias": True, "steps": 0}


def training():
    return ParametricSpace("training", TRAINING)


def test_the_published_form_is_read_in_any_order_and_spelling():
    """Parameters come in any order, with blanks, numbers in any spelling, and texts quoted or not."""
    space = training()
    arch = ("sgd", 0.001, 0.3, 64, 4, False, 20)
    text = "optimizer=sgd,lr=0.001,momentum=0.3,width=64,depth=4,bias=false,steps=20"
    assert space.format(arch) == text
    assert space.parse(", ".join(reversed(text.split(",")))) == arch
    other = 'lr = 1e-3, momentum=.30, depth=4.0 ,width= 64,bias="false", steps=2e1,optimizer="sgd"'
    assert space.parse(other) == arch


def test_texts_that_would_mislead_are_quoted():
    """A choice with a comma, an equals sign or nothing in it is written as in JSON."""
    space = training()
    for choice, written in (("a, b=c", '"a, b=c"'), ("", '""')):
        text = space.format(space.build({**SETTING, "optimizer": choice}))
        assert text.startswith(f"optimizer={written},lr=0.1,")
        assert space.parse(text)[0] == choice


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("optimizer=adam", "the value of 'lr' is missing"),
        ("lr=0.1,lr=0.2", "it has 'lr' twice"),
        ("learning=0.1", "unknown parameter of the space training 'learning'"),
        ("widht=16", "did you mean 'width'?"),
        ("lr=0.1,", "it ends with a comma"),
        ("lr=0.1,,width=16", "it is not name=value,name=value"),
        ('optimizer="adam', "it is not name=value,name=value"),
        ('optimizer="\\x"', "this is no value of 'optimizer'"),
        ("optimizer=adma", "did you mean adam?"),
        ("lr=2", "the nearest is 1.0"),
        ("lr=nan", "it takes a number from 1e-05 to 1.0 (log)"),
        ("lr=fast", "it takes a number from 1e-05 to 1.0 (log)"),
        ("width=" + "9" * 5000, "this is no value of 'width'"),
        ("width=1e400", "the nearest is 1024"),
        ("width=16.5", "the nearest is 16"),
        ("depth=3", "did you mean 2?"),
        ("steps=14", "the nearest is 10"),
        ("momentum=0.44", "the nearest is 0.4"),
        ("momentum=-9", "the nearest is 0.0"),
    ],
)
def test_what_cannot_be_read_is_an_error_that_says_why(text, message):
    """A text that is no setting names the parameter, why, and the nearest value."""
    with pytest.raises(UsageError) as raised:
        training().parse(text)
    assert message in str(raised.value)


def test_no_text_is_slow_to_refuse():
    """Long texts of blanks, quotes and backslashes are refused in linear time."""
    space = training()
    for text in (" " * 200_000, "a" + " " * 200_000, "lr=" + " " * 200_000 + '"', 'lr="' + "\\\\" * 100_000):
        with pytest.raises(UsageError):
            space.parse(text)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"momentum": 0.3}, "'optimizer' is adam; it would have to be sgd"),
        ({"optimizer": "sgd"}, "'optimizer' is sgd, which makes it active"),
        ({"bias": 1}, "got 1; it takes one of true, false"),
        ({"depth": True}, "got True; it takes one of 1, 2, 4, 8"),
        ({"depth": 10**400}, "this is no value of 'depth'"),
        ({"width": 16.5}, "the nearest is 16"),
        ({"width": "16"}, "it takes a whole number from 16 to 1024 (log)"),
        ({"width": 10**5000}, "the nearest is 1024"),
        ({"lr": True}, "this is no value of 'lr'"),
        ({"lr": float("inf")}, "the nearest is 1.0"),
        ({"steps": None}, "this is no value of 'steps'"),
        ({"optimizer": ["sgd"]}, "this is no value of 'optimizer'"),
        ({"weight": 1}, "unknown parameter of the space training 'weight'"),
    ],
)
def test_values_that_do_not_fit_are_refused(change, message):
    """What is no setting names the parameter, why, and the nearest value."""
    with pytest.raises(UsageError) as raised:
        training().build({**SETTING, **change})
    assert message in str(raised.value)


def test_numbers_of_any_type_build():
    """Numbers of NumPy, whole floats and integers for reals become the declared types."""
    space = training()
    given = {"lr": 1, "width": np.int64(64), "depth": np.float32(4), "bias": np.True_, "steps": 0.0}
    arch = space.build({**SETTING, **given, "optimizer": np.str_("adam")})
    assert arch == ("adam", 1.0, None, 64, 4, True, 0)
    assert [type(value) for value in arch] == [str, float, type(None), int, int, bool, int]
    assert space.build({**SETTING, "optimizer": "sgd", "momentum": np.float32(0.3)})[2] == 0.3
    assert not space.contains(("adam", 1, None, 64, 4, True, 0))
    assert not space.contains(("adam", 1.0, None, 64, 4, 1, 0))


def test_zero_has_one_form():
    """A negative zero is zero."""
    space = ParametricSpace("zero", (Real("x", -1.0, 1.0),))
    assert space.format(space.parse("x=-0.0")) == space.format((-0.0,)) == "x=0.0"


SGD = Condition("optimizer", ("sgd",))
OPTIMIZER = Categorical("optimizer", ("sgd", "adam"))


@pytest.mark.parametrize(
    ("parameters", "where", "message"),
    [
        ((), "parameters", "more than one value"),
        ((Categorical("c", ("a",)),), "parameters", "more than one value"),
        (("lr",), "parameters", "a parameter is Categorical, Ordinal, Integer or Real"),
        ((Real("a=b", 0.0, 1.0),), "parameters", "'a=b' cannot name a parameter"),
        ((Real(" a", 0.0, 1.0),), "parameters", "' a' cannot name a parameter"),
        ((OPTIMIZER, Real("optimizer", 0, 1)), "parameters.optimizer", "two parameters are named"),
        ((Categorical("c", ()),), "parameters.c.choices", "a list of choices"),
        ((Categorical("c", "ab"),), "parameters.c.choices", "a list of choices"),
        ((Ordinal("c", (1, 1.0)),), "parameters.c.choices", "1 and 1.0 are equal, or are written alike"),
        ((Ordinal("c", (1, True)),), "parameters.c.choices", "1 and True are equal"),
        ((Categorical("c", ("1", 1)),), "parameters.c.choices", "'1' and 1 are equal, or are written alike"),
        ((Categorical("c", ("a", None)),), "parameters.c.choices", "got None"),
        ((Ordinal("c", (0.1, float("nan"))),), "parameters.c.choices", "finite"),
        ((Real("r", 1.0, 1.0),), "parameters.r.high", "low = 1.0, high = 1.0"),
        ((Real("r", 2.0, 1.0),), "parameters.r.high", "'high' must be above 'low'"),
        ((Real("r", float("nan"), 1.0),), "parameters.r.low", "finite"),
        ((Real("r", 0.0, float("inf")),), "parameters.r.high", "finite"),
        ((Real("r", "0", 1.0),), "parameters.r.low", "must be a number"),
        ((Real("r", 0.0, 1.0, log=True),), "parameters.r.low", "a logarithm needs a positive 'low'"),
        ((Real("r", 0.1, 1.0, log=True, step=0.1),), "parameters.r.step", "exclude each other"),
        ((Real("r", 0.0, 1.0, step=0.3),), "parameters.r.high", "high = 0.9"),
        ((Real("r", 0.0, 1.0, step=0.0),), "parameters.r.step", "must be positive"),
        ((Real("r", 0.0, 1.0, step=1e-17),), "parameters.r.step", "not below the precision"),
        ((Integer("n", 0.5, 3),), "parameters.n.low", "must be a whole number"),
        ((Integer("n", 0, 2**60),), "parameters.n.high", "exact as a float"),
        ((Integer("n", 0, 5, step=2),), "parameters.n.high", "high = 4"),
        ((Real("m", 0, 1, when=SGD), OPTIMIZER), "parameters.m.when", "a parent comes before"),
        ((OPTIMIZER, Real("m", 0, 1, when=Condition("optimiser", ("sgd",)))), "parameters.m.when",
         "did you mean 'optimizer'?"),
        ((OPTIMIZER, Real("m", 0, 1, when=Condition("optimizer", ("sdg",)))), "parameters.m.when",
         "'optimizer' is never 'sdg'"),
        ((OPTIMIZER, Real("m", 0, 1, when=Condition("optimizer", ()))), "parameters.m.when", "lists"),
        ((OPTIMIZER, Real("m", 0, 1, when=Condition("optimizer", "sgd"))), "parameters.m.when", "lists"),
        ((OPTIMIZER, Real("m", 0, 1, when={"optimizer": "sgd"})), "parameters.m.when", "names a parent"),
        ((Real("x", 0, 1), Real("m", 0, 1, when=Condition("x", (0.5,)))), "parameters.m.when", "real number"),
        ((Real("x", 0, 1, when=Condition("x", (0.5,))),), "parameters.x.when", "what is not there"),
    ],
)  # fmt: skip
def test_parameters_that_cannot_be_are_refused(parameters, where, message):
    """A name, a bound, a choice or a condition that is unsound is an error with its place."""
    with pytest.raises(UsageError) as raised:
        ParametricSpace("unsound", parameters)
    assert raised.value.where == where
    assert message in str(raised.value)


def test_what_is_given_becomes_plain():
    """Lists, whole floats and numbers of NumPy in a declaration become plain, hashable values."""
    space = ParametricSpace(
        "plain",
        [
            Ordinal("n", [np.int64(1), 2]),
            Real("x", 0, np.float32(1), when=Condition("n", [1.0, np.int32(1)])),
        ],
    )
    assert space.parameters == (Ordinal("n", (1, 2)), Real("x", 0.0, 1.0, when=Condition("n", (1,))))
    assert hash(space.parameters)
    assert Ordinal("n", (1, 2)) != Categorical("n", (1, 2))


def test_steps_are_decimal():
    """The third tenth is 0.3, as people write it, and not 0.30000000000000004."""
    space = ParametricSpace("steps", (Real("x", 0.0, 1.0, step=0.1),))
    texts = [space.format(space.at(i)) for i in range(space.size)]
    assert texts == [f"x={i / 10}" for i in range(11)]
    assert space.build({"x": 0.1 + 0.2}) == (0.3,)


names = st.from_regex(r'[^\s=,"]{1,6}', fullmatch=True).filter(str.isprintable)
choices = st.lists(st.one_of(st.text(max_size=5), st.integers(-9, 9), st.booleans(), st.floats(-9, 9)),
                   min_size=2, max_size=4)  # fmt: skip


@st.composite
def spaces(draw):
    """Return a space of up to four parameters, of which some depend on the first."""
    found = []
    for name in draw(st.lists(names, min_size=1, max_size=4, unique=True)):
        when = Condition(found[0].name, found[0].choices[:1]) if found and draw(st.booleans()) else None
        kinds = st.sampled_from(["real", "log", "integer", "ordinal"]) if found else st.just("categorical")
        match draw(kinds):
            case "real":
                found.append(Real(name, -1.5, draw(st.floats(0, 1e9)), when=when))
            case "log":
                found.append(Integer(name, 2, draw(st.integers(3, 10**6)), log=True, when=when))
            case "integer":
                low, step = draw(st.integers(-9, 9)), draw(st.integers(1, 3))
                found.append(Integer(name, low, low + step * draw(st.integers(0, 3)), step=step, when=when))
            case kind:
                make = Categorical if kind == "categorical" else Ordinal
                found.append(make(name, tuple(distinct(draw(choices))), when=when))
    return ParametricSpace("any", found)


def distinct(values):
    """Return values that are neither equal nor written alike."""
    texts = {}
    for value in [*values, "x", "y"]:
        if value not in texts.values():
            texts.setdefault(str(value).lower(), value)
    return list(texts.values())


@given(spaces(), st.integers(0, 2**32))
def test_every_setting_reads_back(space, seed):
    """Whatever the names and texts, the form of a setting reads back, and so do its values."""
    rng = Stream(seed, ("property",))
    arch, other = space.sample(rng), space.sample(rng)
    for one in (arch, other, space.crossover(arch, other, rng), space.mutate(arch, rng, "one-parameter")):
        assert space.contains(one)
        text = space.format(one)
        assert text.isprintable()
        assert space.parse(text) == one
        assert space.parse(" " + text.replace("=", " = ", 1) + " ") == one
        assert space.build(space.values(one)) == one
    if isinstance(space, Enumerable):
        assert space.at(space.index(arch)) == arch


def test_optuna_suggests_settings():
    """A trial of Optuna suggests each active parameter, and its values build a setting."""
    optuna = pytest.importorskip("optuna")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    space = training()
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    for _ in range(100):
        trial, values = study.ask(), {}
        for one in space.parameters:
            if one.when is None or values.get(one.when.parent) in one.when.values:
                match one:
                    case Categorical() | Ordinal():
                        values[one.name] = trial.suggest_categorical(one.name, one.choices)
                    case Integer():
                        values[one.name] = trial.suggest_int(
                            one.name, one.low, one.high, step=one.step, log=one.log
                        )
                    case Real():
                        values[one.name] = trial.suggest_float(
                            one.name, one.low, one.high, step=one.step, log=one.log
                        )
        arch = space.build(values)
        assert space.contains(arch)
        assert space.values(arch).keys() == values.keys()
