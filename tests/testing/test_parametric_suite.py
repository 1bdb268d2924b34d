"""The suite's tests of parameters pass sound spaces and catch each planted defect."""

from __future__ import annotations

from unittest import SkipTest

import msgspec
import pytest

from assay.contracts.space import Categorical, Condition, Integer, Ordinal, Real
from assay.foundation.errors import UsageError
from assay.spaces.nas_bench_201 import NasBench201Space
from assay.spaces.parametric import ParametricSpace
from assay.testing.spaces import SpaceSuite
from assay.testing.toy_space import ToySpace

PARAMETERS = (
    Categorical("optimizer", ("sgd", "adam")),
    Real("momentum", 0.0, 1.0, when=Condition("optimizer", ("sgd",))),
    Integer("width", 1, 64, log=True),
    Ordinal("size", ("small", "large")),
)


class Sound(ParametricSpace):
    def __init__(self):
        super().__init__("sound", PARAMETERS)


class NameTwice(Sound):
    def __init__(self):
        super().__init__()
        self.parameters = (*self.parameters, Real("width", 0.0, 1.0))


class ParentComesAfter(Sound):
    def __init__(self):
        super().__init__()
        self.parameters = self.parameters[::-1]


class ConditionNeverHolds(Sound):
    def __init__(self):
        super().__init__()
        never = msgspec.structs.replace(self.parameters[1], when=Condition("optimizer", ("rmsprop",)))
        self.parameters = (self.parameters[0], never, *self.parameters[2:])


class ConditionIsEmpty(Sound):
    def __init__(self):
        super().__init__()
        never = msgspec.structs.replace(self.parameters[1], when=Condition("optimizer", ()))
        self.parameters = (self.parameters[0], never, *self.parameters[2:])


class ValuesOfInactive(Sound):
    def values(self, arch):
        return {"momentum": 0.5} | super().values(arch)


class ValuesWithout(Sound):
    def values(self, arch):
        return {name: value for name, value in super().values(arch).items() if name != "size"}


class ValuesInAnotherOrder(Sound):
    def values(self, arch):
        return dict(reversed(super().values(arch).items()))


class ValuesAreTexts(Sound):
    def values(self, arch):
        return {name: str(value) for name, value in super().values(arch).items()}


class ValuesOutside(Sound):
    def values(self, arch):
        return super().values(arch) | {"width": 65}


class ValuesAreUnlisted(Sound):
    def values(self, arch):
        return super().values(arch) | {"size": "medium"}


class BuildForgets(Sound):
    def build(self, values):
        return super().build({**values, "size": "small"})


class BuildWantsOrder(Sound):
    def build(self, values):
        return super().build(dict(zip(sorted(values), values.values(), strict=True)))


class BuildIgnoresWhatIsUnknown(Sound):
    def build(self, values):
        return super().build({name: value for name, value in values.items() if name != "no parameter"})


class BuildIgnoresWhatIsInactive(Sound):
    def build(self, values):
        active = {name: value for name, value in values.items() if name != "momentum"}
        return super().build(values if values.get("optimizer") == "sgd" else active)


class BuildHasDefaults(Sound):
    def build(self, values):
        return super().build({"size": "small", **values})


class BuildRaisesKeyError(Sound):
    def build(self, values):
        return super().build({**values, "size": values["size"]})


class BuildDoesNotSayWhich(Sound):
    def build(self, values):
        try:
            return super().build(values)
        except UsageError:
            raise UsageError("something does not fit") from None


# Each defect, and the test that is made to catch it.
DEFECTS: list[tuple[type, str]] = [
    (NameTwice, "test_parameters_are_declared_in_order"),
    (ParentComesAfter, "test_parameters_are_declared_in_order"),
    (ConditionNeverHolds, "test_parameters_are_declared_in_order"),
    (ConditionIsEmpty, "test_parameters_are_declared_in_order"),
    (ValuesOfInactive, "test_values_are_those_of_the_active_parameters"),
    (ValuesWithout, "test_values_are_those_of_the_active_parameters"),
    (ValuesInAnotherOrder, "test_values_are_those_of_the_active_parameters"),
    (ValuesAreTexts, "test_values_are_those_of_the_active_parameters"),
    (ValuesOutside, "test_values_are_those_of_the_active_parameters"),
    (ValuesAreUnlisted, "test_values_are_those_of_the_active_parameters"),
    (BuildForgets, "test_build_undoes_values"),
    (BuildWantsOrder, "test_build_undoes_values"),
    (BuildIgnoresWhatIsUnknown, "test_build_refuses_what_does_not_fit"),
    (BuildIgnoresWhatIsInactive, "test_build_refuses_what_does_not_fit"),
    (BuildHasDefaults, "test_build_refuses_what_does_not_fit"),
    (BuildRaisesKeyError, "test_build_refuses_what_does_not_fit"),
    (BuildDoesNotSayWhich, "test_build_refuses_what_does_not_fit"),
]
TESTS = sorted({test for _, test in DEFECTS})


def suite(space):
    """Return the suite on a space."""

    class Suite(SpaceSuite):
        def make_space(self):
            return space()

    return Suite()


@pytest.mark.parametrize("test", TESTS)
@pytest.mark.parametrize("space", [Sound, ToySpace])
def test_sound_spaces_pass(space, test):
    """A space without a defect passes, with conditions and without."""
    getattr(suite(space), test)()


@pytest.mark.parametrize(("defect", "test"), DEFECTS, ids=lambda value: getattr(value, "__name__", value))
def test_planted_defect_is_caught(defect, test):
    """Each defect fails the test that is made for it, with a message of its own."""
    with pytest.raises((AssertionError, UsageError)) as caught:
        getattr(suite(defect), test)()
    assert str(caught.value)


@pytest.mark.parametrize("test", TESTS)
def test_spaces_without_parameters_are_skipped(test):
    """A space that has no parameters skips the tests, with the reason."""
    with pytest.raises(SkipTest, match="is not Parametric"):
        getattr(suite(NasBench201Space), test)()
