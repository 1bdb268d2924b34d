"""Two implementations of one network are found equal, and the first module that differs is named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from assay.foundation.errors import CodeError, UsageError
from assay.verification.parity.networks import DIFFERENT, IDENTICAL, NetworkParity, compare_networks
from assay.verification.parity.pairing import pair

pytest.importorskip("torch", reason="torch is not installed: networks are its modules")

CODE = """
import torch
from torch import nn


def plain():
    return nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten(), nn.Linear(288, 10)
    )


class Named(nn.Module):
    def __init__(self, momentum=0.1, eps=1e-5, slope=0.0, factor=1.0):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.bn = nn.BatchNorm2d(8, momentum=momentum, eps=eps)
        self.fc = nn.Linear(288, 10)
        self.slope, self.factor = slope, factor

    def forward(self, x):
        y = nn.functional.leaky_relu(self.bn(self.conv(x)), self.slope)
        return self.fc(y.flatten(1)) * self.factor


def reordered():
    made = Named()
    made.forward = lambda x: made.fc(torch.flatten((made.bn(made.conv(x)) * 3).relu() / 3, 1))
    return made


def trained(decay=0.0, loss="sum"):
    made = plain()

    def step(module, optimizer, x):
        optimizer.zero_grad()
        getattr(module(x) ** 2, loss)().backward()
        optimizer.step()

    return made, torch.optim.SGD(made.parameters(), lr=0.01, weight_decay=decay), step


class Small(nn.Module):
    def __init__(self, second=1.0, value=0.0, detached=False, typed=False):
        super().__init__()
        self.body = nn.Linear(4, 4)
        self.head = nn.Linear(4, 2)
        self.second, self.value, self.detached, self.typed = second, value, detached, typed

    def forward(self, x):
        y = self.body(x.float() if self.typed else x)
        out = self.head(y.detach() if self.detached else y)
        extra = torch.full_like(out, self.value)
        return {"features": y, "logits": self.second * out, "masked": torch.cat([out * 0, extra])}


class Attention(nn.Module):
    def __init__(self, weights=True):
        super().__init__()
        self.inner = nn.MultiheadAttention(8, 2, batch_first=True)
        self.weights = weights

    def forward(self, x):
        return self.inner(x, x, x, need_weights=self.weights)[0]


def unlearned():
    return nn.Linear(4, 4).requires_grad_(False)


def wrong():
    return 3


def failing():
    raise RuntimeError("no such thing")
"""


@pytest.fixture
def compare(tmp_path: Path) -> Any:
    (tmp_path / "nets.py").write_text(CODE)

    def run(a: str, b: str, inputs: tuple[str, ...] = ("float:4,3,8,8",), **settings: Any) -> NetworkParity:
        maps = settings.pop("maps", ())
        return compare_networks(
            f"nets.py:{a}",
            f"nets.py:{b}",
            folder=tmp_path,
            inputs=inputs,
            maps=maps,
            settings=({}, settings),
        )

    return run


def test_one_network_in_two_forms_is_identical(compare: Any) -> None:
    """Modules in a list and modules with names are paired, and agree in every stage."""
    found = compare("plain", "Named")
    assert found.verdict == IDENTICAL
    assert [one.stage for one in found.stages] == ["evaluation", "training", "buffers", "gradients"]
    assert found.paired == 9


@pytest.mark.parametrize(
    ("settings", "stage", "other", "constant"),
    [
        ({"eps": 1e-3}, "evaluation", "bn", "eps"),
        ({"momentum": 0.2}, "buffers", "bn.running_mean", "momentum"),
        ({"factor": 1.01}, "evaluation", "", None),
    ],
)
def test_the_first_module_that_differs_is_named(
    compare: Any, settings: dict[str, float], stage: str, other: str, constant: str | None
) -> None:
    """A changed constant is named with its module; a factor after the last module is the network's."""
    found = compare("plain", "Named", **settings)
    first = next(one for one in found.stages if one.verdict == DIFFERENT)
    assert (found.verdict, first.stage, first.other) == (DIFFERENT, stage, other)
    assert constant is None or constant in first.constants


def test_what_happens_between_modules_is_not_blamed_on_the_next_one(compare: Any) -> None:
    """Another slope in a function between two modules shows as an unequal input of the second."""
    found = compare("plain", "Named", slope=0.01)
    first = next(one for one in found.stages if one.verdict == DIFFERENT)
    assert (first.other, first.what) == ("fc", "the input")


def test_rounding_is_told_from_a_difference(compare: Any) -> None:
    """Scaling up and down again rounds differently, and is called rounding."""
    found = compare("plain", "reordered")
    assert found.verdict == "equal up to rounding"


def test_a_training_step_is_compared_to_its_update(compare: Any) -> None:
    """Weight decay shows in the update alone, another loss in the gradients."""
    decayed = compare("trained", "trained", decay=1e-3)
    assert next(one.stage for one in decayed.stages if one.verdict == DIFFERENT) == "update"
    summed = compare("trained", "trained", loss="mean")
    assert next(one.stage for one in summed.stages if one.verdict == DIFFERENT) == "gradients"
    assert compare("trained", "trained").verdict == IDENTICAL


@pytest.mark.parametrize(
    ("b", "inputs", "maps", "message"),
    [
        ("wrong", ("float:4,3,8,8",), (), "no network"),
        ("failing", ("float:4,3,8,8",), (), "no such thing"),
        ("Named", ("8by8",), (), "describes no input"),
        ("Named", ("0x3x8x8",), (), "holds nothing"),
        ("trained", ("4x3x8x8",), (), "do not return the same"),
        ("Named", ("float:4,3,7,8",), (), "failed on the inputs"),
        ("Named", ("float:4,3,8,8",), (("9", "conv"),), "fits nothing in the first"),
        ("Named", ("float:4,3,8,8",), (("0", "fc"),), "has the shape"),
    ],
)
def test_bad_input_is_refused_with_its_reason(
    compare: Any, b: str, inputs: tuple[str, ...], maps: tuple[tuple[str, str], ...], message: str
) -> None:
    """What is no network, fails, or does not fit gives one message that says so."""
    with pytest.raises((UsageError, CodeError), match=message):
        compare("plain", b, inputs, maps=maps)


def test_maps_go_before_names_and_order() -> None:
    """The longest map decides, equal names come next, and the rest pairs by kind and shape in order."""
    a = {"x.w": (2,), "x.b": (2,), "same": (3,), "first.w": (4,), "second.w": (4,), "lost": (7,)}
    b = {"y.w": (2,), "z": (2,), "same": (3,), "one.w": (4,), "two.w": (4,), "other": (8,)}
    found = pair(a, b, [("x", "y"), ("x.b", "z")])
    assert found.tensors == {
        "x.w": "y.w",
        "x.b": "z",
        "same": "same",
        "first.w": "one.w",
        "second.w": "two.w",
    }
    assert (found.only_a, found.only_b) == (("lost",), ("other",))


def test_every_output_of_a_network_counts(compare: Any) -> None:
    """A second output that is another one is no identity, though the first is equal."""
    assert compare("Small", "Small", ("16x4",)).verdict == IDENTICAL
    found = compare("Small", "Small", ("16x4",), second=1.5)
    assert found.stages[0].verdict == DIFFERENT
    assert found.stages[0].relative > 0


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 3.4028234663852886e38])
def test_what_is_not_finite_is_equal_to_itself_only(compare: Any, value: float) -> None:
    """NaN is not nought, infinity is not the largest number, and neither hides what else differs."""
    found = compare("Small", "Small", ("16x4",), value=value)
    assert found.verdict == DIFFERENT
    assert found.stages[0].name == ""


def test_a_gradient_that_only_one_has_is_a_difference(compare: Any) -> None:
    """A branch that is cut off gives its parameters no gradient, which is not passed over."""
    found = compare("Small", "Small", ("16x4",), detached=True)
    first = next(one for one in found.stages if one.verdict == DIFFERENT)
    assert (first.stage, first.name.partition(".")[0]) == ("gradients", "body")


def test_code_of_one_precision_is_compared_in_that(compare: Any) -> None:
    """Where nothing runs in double precision, equal bits are equal, and the finding says what it lacks."""
    found = compare("Small", "Small", ("16x4",), typed=True)
    assert found.verdict == IDENTICAL
    assert "double precision" in found.not_doubled


def test_a_network_without_gradients_is_compared_forward(compare: Any) -> None:
    """Nothing that can be learned is no failure."""
    assert compare("unlearned", "unlearned", ("16x4",)).verdict == IDENTICAL


def test_an_inner_output_that_one_leaves_out_is_no_difference(compare: Any) -> None:
    """Attention without its weights computes the same, though its module returns less."""
    assert compare("Attention", "Attention", ("4x5x8",), weights=False).verdict != DIFFERENT
