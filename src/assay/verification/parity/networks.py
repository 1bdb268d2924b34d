"""Compares two implementations of what should be one network or training step: same weights, same inputs.

Forward passes, buffers, gradients and one update are compared in this order, and the first module whose
inputs are equal and whose outputs are not is named. What differs is computed again in double precision: a
difference that shrinks with the precision is rounding, another one is real.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from assay.capture.loading import load_component
from assay.foundation.errors import CodeError, UsageError
from assay.verification.parity.pairing import Pairing, pair
from assay.verification.parity.passes import Implementation, Pass, run_pass

IDENTICAL, ROUNDING, DIFFERENT = "identical", "equal up to rounding", "different"
STAGES = ("evaluation", "training", "buffers", "gradients", "update")
_DOUBLE = 1e-9  # relative: rounding in double precision stays far below, a real difference above
_NOUGHT = 1e-6  # of the largest value of a stage: below, a value is as good as none
_SHOWN = 12


class StageParity(msgspec.Struct, frozen=True, kw_only=True):
    """What one stage showed: the first thing that differs, and by how much, absolutely and relatively.

    `name` is of A, `other` of B. `double` is the relative difference of the stage in double precision.
    """

    stage: str
    verdict: str
    compared: int
    name: str = ""
    other: str = ""
    what: str = ""
    absolute: float = 0.0
    relative: float = 0.0
    double: float = 0.0
    constants: dict[str, tuple[str, str]] = {}


class NetworkParity(msgspec.Struct, frozen=True, kw_only=True):
    """Whether two implementations are the same; `only_a` and `only_b` are tensors without a counterpart.

    `not_doubled` says why nothing could be computed in double precision; what differs then counts.
    """

    a: str
    b: str
    verdict: str
    stages: tuple[StageParity, ...]
    paired: int
    only_a: tuple[str, ...]
    only_b: tuple[str, ...]
    not_doubled: str = ""

    def sentence(self) -> str:
        """Return the finding in one sentence."""
        first = next((one for one in self.stages if one.verdict == DIFFERENT), None)
        if first is None:
            stages = ", ".join(one.stage for one in self.stages)
            return f"Both are {self.verdict} in {stages}, with {self.paired} tensors copied from A to B."
        constants = "; ".join(f"{name} is {x} and {y}" for name, (x, y) in first.constants.items())
        return (
            f"They differ in {first.stage}: {first.what} of {first.name or 'the network'} "
            f"({first.other or 'the network'} in B) by {first.relative:.2g} relatively, "
            f"{self._doubled(first)}{f'; {constants}' if constants else ''}."
        )

    def _doubled(self, first: StageParity) -> str:
        if self.not_doubled:
            return f"and whether that is rounding cannot be said ({self.not_doubled})"
        return f"and by {first.double:.2g} in double precision"


def compare_networks(
    a: str,
    b: str,
    *,
    folder: Path,
    inputs: Sequence[str],
    maps: Sequence[tuple[str, str]] = (),
    settings: tuple[Mapping[str, Any], Mapping[str, Any]] = ({}, {}),
    seed: int = 0,
) -> NetworkParity:
    """Compare the networks that two functions or classes make, 'file.py:Name' each.

    A function returns the module, or (module, optimizer), or (module, optimizer, step) where
    step(module, optimizer, *inputs) makes one training step. `inputs` are texts such as
    'float:8,3,32,32' or 'int10:8,16' (integers below 10), one an argument. Raises `UsageError` for inputs
    or maps that do not fit and `CodeError` for code that fails.
    """
    makers = [load_component(target, folder).value for target in (a, b)]

    def build(double: bool) -> tuple[Implementation, Implementation, Pairing]:
        made = [
            _built(maker, target, given, seed)
            for maker, target, given in zip(makers, (a, b), settings, strict=True)
        ]
        pairing = pair(made[0].shapes(), made[1].shapes(), maps)
        made[1].take(made[0], pairing.tensors)
        if double:
            made = [one.double() for one in made]
        return made[0], made[1], pairing

    single = _passes(build, inputs, seed, double=False)
    precise, not_doubled = _precise(build, inputs, seed)
    pairing = single[2]
    stages = tuple(_stages(single, precise))
    worst = max((one.verdict for one in stages), key=(IDENTICAL, ROUNDING, DIFFERENT).index)
    if pairing.only_a or pairing.only_b:
        worst = DIFFERENT
    return NetworkParity(
        a=a,
        b=b,
        verdict=worst,
        stages=stages,
        paired=len(pairing.tensors),
        only_a=pairing.only_a[:_SHOWN],
        only_b=pairing.only_b[:_SHOWN],
        not_doubled=not_doubled,
    )


def _built(maker: Callable[..., Any], target: str, settings: Mapping[str, Any], seed: int) -> Implementation:
    try:
        return Implementation.made(maker, settings, seed)
    except UsageError:
        raise
    except Exception as error:
        raise CodeError(
            "a network could not be built", where=target, why=f"{type(error).__name__}: {error}"
        ) from error


_Passes = tuple[Pass, Pass, Pairing]
_Build = Callable[[bool], tuple[Implementation, Implementation, Pairing]]


def _passes(build: _Build, inputs: Sequence[str], seed: int, *, double: bool) -> _Passes:
    """Return the passes of both implementations on the same inputs."""
    one, two, pairing = build(double)
    if (one.optimizer is None) != (two.optimizer is None) or (one.step is None) != (two.step is None):
        raise UsageError(
            "the two do not return the same: one has an optimizer or a training step, and the other has none",
            hint="return the module, (module, optimizer), or (module, optimizer, step) from both",
        )
    try:
        return run_pass(one, inputs, seed, double), run_pass(two, inputs, seed, double), pairing
    except UsageError:
        raise
    except Exception as error:
        raise CodeError(
            "a network failed on the inputs",
            why=f"{type(error).__name__}: {error}",
            hint="--input 8x3x32x32 for images, --input int1000:8x16 for tokens",
        ) from error


def _precise(build: _Build, inputs: Sequence[str], seed: int) -> tuple[_Passes | None, str]:
    """Return the passes in double precision, or why there are none: some code computes in one type only."""
    try:
        return _passes(build, inputs, seed, double=True), ""
    except CodeError as error:
        why = (error.why or error.what).partition("\n")[0]
        return None, f"it does not run in double precision: {why}"


def _stages(single: _Passes, precise: _Passes | None) -> list[StageParity]:
    a, b, pairing = single
    found = []
    for stage in STAGES:
        if stage not in a.stages or stage not in b.stages:
            continue
        names = pairing.modules if stage in ("evaluation", "training") else pairing.tensors
        found.append(_stage(stage, a, b, names, precise))
    return found


def _stage(stage: str, a: Pass, b: Pass, names: Mapping[str, str], precise: _Passes | None) -> StageParity:
    """Compare one stage; what is named is the first real difference, else the first that rounds."""
    one, two = a.stages[stage], b.stages[stage]
    exact_one, exact_two = (one.stages[stage] for one in precise[:2]) if precise else ({}, {})
    shared = [name for name in one if names.get(name) in two]
    # What should cancel to zero, such as the gradient of a bias before a normalisation, is all rounding: it
    # is measured by what else there is in the stage.
    least = _NOUGHT * max((looked.scale for looked in one.values()), default=0.0)
    rounding: StageParity | None = None
    for name in shared:
        other = names[name]
        x, y = one[name], two[other]
        whole = name != "" or x.count == y.count  # what the networks return is all of it compared
        if whole and x.same(y):
            continue
        absolute, relative = x.distance(y, least) if whole else (math.inf, math.inf)
        double = relative
        if whole and name in exact_one and other in exact_two:
            double = exact_one[name].distance(exact_two[other], least)[1]
        found = StageParity(
            stage=stage,
            verdict=ROUNDING if double <= _DOUBLE else DIFFERENT,
            compared=len(shared),
            name=name,
            other=other,
            what=_what(stage, a, b, name, other),
            absolute=absolute,
            relative=relative,
            double=double,
            constants=_constants(
                a.constants.get(_module(stage, name), {}), b.constants.get(_module(stage, other), {})
            ),
        )
        if found.verdict == DIFFERENT:
            return found
        rounding = rounding or found
    return rounding or StageParity(stage=stage, verdict=IDENTICAL, compared=len(shared))


def _what(stage: str, a: Pass, b: Pass, name: str, other: str) -> str:
    """Return what of a module differs: its input, if that already does, for it then lies before it."""
    one, two = a.inputs.get(stage, {}).get(name), b.inputs.get(stage, {}).get(other)
    entered = one is not None and two is not None and not one.same(two)
    return "the input" if entered else a.stages[stage][name].what


def _module(stage: str, name: str) -> str:
    return name if stage in ("evaluation", "training") else name.rpartition(".")[0]


def _constants(one: Mapping[str, str], two: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    return {
        name: (one.get(name, "absent"), two.get(name, "absent"))
        for name in sorted({*one, *two})
        if one.get(name) != two.get(name)
    }
