"""Runs one implementation of a network once: forward in both modes, backward, one update, all looked at."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from assay.foundation.errors import UsageError

_INPUT = re.compile(r"(?:float:|int(\d+):)?(\d+(?:[x,]\d+)*)")


class Looked:
    """Tensors that were looked at: `what` says what they are, 'output', 'input', 'gradient' or 'value'."""

    def __init__(self, tensors: Sequence[Any], what: str) -> None:
        self.what = what
        self._tensors = [tensor.detach().clone() for tensor in tensors]

    def same(self, other: Looked) -> bool:
        """Say whether both have the same shapes and values; NaN equals NaN, and nothing else.

        Where one module returns more tensors than the other, those that both return are compared.
        """
        import torch

        return all(
            x.shape == y.shape
            and bool(torch.equal(x.isnan(), y.isnan()))
            and bool(torch.equal(_known(x), _known(y)))
            for x, y in zip(self._tensors, other._tensors, strict=False)
        )

    @property
    def count(self) -> int:
        """The number of tensors."""
        return len(self._tensors)

    @property
    def scale(self) -> float:
        """The largest absolute value that is finite."""
        return max((_largest(_finite(one)) for one in self._tensors), default=0.0)

    def distance(self, other: Looked, least: float) -> tuple[float, float]:
        """Return the largest difference, absolutely and relative to the largest value, or to `least`.

        Both are infinite where shapes differ, or where only one value is finite.
        """
        found = [_distance(x, y, least) for x, y in zip(self._tensors, other._tensors, strict=False)]
        return max(found, key=lambda one: one[1], default=(0.0, 0.0))


def _distance(x: Any, y: Any, least: float) -> tuple[float, float]:
    import torch

    if x.shape != y.shape:
        return math.inf, math.inf
    one, two = x.double(), y.double()
    finite = one.isfinite() & two.isfinite()
    apart = ~finite & (one != two) & ~(one.isnan() & two.isnan())
    if bool(apart.any()):
        return math.inf, math.inf
    absolute = _largest(torch.where(finite, one - two, 0.0))
    scale = max(_largest(_finite(x)), _largest(_finite(y)), least)
    return absolute, absolute / scale if scale else 0.0


def _known(tensor: Any) -> Any:
    """Return a tensor in which NaN is 0 and the infinities are what they were."""
    return (
        tensor.nan_to_num(nan=0.0, posinf=math.inf, neginf=-math.inf)
        if tensor.is_floating_point()
        else tensor
    )


def _finite(tensor: Any) -> Any:
    wide = tensor.double()
    return wide[wide.isfinite()]


def _largest(tensor: Any) -> float:
    return float(tensor.abs().max()) if tensor.numel() else 0.0


class Pass:
    """What one implementation did: by stage, then by name in the order of execution."""

    def __init__(self) -> None:
        self.stages: dict[str, dict[str, Looked]] = {}
        self.inputs: dict[str, dict[str, Looked]] = {}
        self.constants: dict[str, dict[str, str]] = {}


class Implementation:
    """A network with its optimizer and training step, where there are any."""

    def __init__(self, module: Any, optimizer: Any = None, step: Callable[..., Any] | None = None) -> None:
        self.module = module
        self.optimizer = optimizer
        self.step = step

    @classmethod
    def made(cls, maker: Callable[..., Any], settings: Mapping[str, Any], seed: int) -> Implementation:
        """Build a network, with torch's generator set for it and left as it was."""
        import torch

        with _seeded(seed):
            made = maker(**settings)
        parts = made if isinstance(made, tuple) else (made,)
        if not parts or len(parts) > 3 or not isinstance(parts[0], torch.nn.Module):
            raise UsageError(
                "what was made is no network",
                why=f"got {type(made).__name__}",
                hint="return the module, (module, optimizer), or (module, optimizer, step)",
            )
        return cls(*parts)

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the shape of every parameter and buffer by its name."""
        return {name: tuple(tensor.shape) for name, tensor in self.module.state_dict().items()}

    def take(self, other: Implementation, names: Mapping[str, str]) -> None:
        """Copy the paired tensors of another implementation into this one."""
        import torch

        theirs, ours = other.module.state_dict(), self.module.state_dict()
        with torch.no_grad():
            for name, mine in names.items():
                ours[mine].copy_(theirs[name])

    def double(self) -> Implementation:
        """Return it in double precision; the optimizer keeps its parameters, which change in place."""
        self.module.double()
        return self


def run_pass(one: Implementation, inputs: Sequence[str], seed: int, double: bool) -> Pass:
    """Run an implementation on drawn inputs and return all that was looked at."""
    found = Pass()
    given = drawn(inputs, seed, double)
    found.constants = {name: _constants(module) for name, module in one.module.named_modules()}
    one.module.eval()
    with _seeded(seed):
        found.stages["evaluation"], found.inputs["evaluation"], _ = _forward(one.module, given)
    one.module.train()
    if one.step is None:
        with _seeded(seed):
            found.stages["training"], found.inputs["training"], output = _forward(one.module, given)
        found.stages["buffers"] = _looked(one.module.named_buffers(), "value")
        one.module.zero_grad(set_to_none=True)
        loss = _weighted(output, seed)
        if loss is not None:
            loss.backward()
        if one.optimizer is not None:
            found.stages["gradients"] = _gradients(one.module)
            one.optimizer.step()
    else:
        with _seeded(seed):
            one.step(one.module, one.optimizer, *given)
        found.stages["buffers"] = _looked(one.module.named_buffers(), "value")
    found.stages.setdefault("gradients", _gradients(one.module))
    if one.optimizer is not None:
        found.stages["update"] = _looked(one.module.named_parameters(), "value")
    return found


def drawn(inputs: Sequence[str], seed: int, double: bool) -> list[Any]:
    """Return the inputs that texts such as '8x3x32x32', 'float:8,3,32,32' and 'int10:8,16' describe."""
    import torch

    generator = torch.Generator().manual_seed(seed)
    found = []
    for text in inputs:
        match = _INPUT.fullmatch(text)
        if match is None:
            raise UsageError(
                f"'{text}' describes no input", hint="--input float:8,3,32,32, or --input int1000:8,16"
            )
        shape = tuple(map(int, re.split("[x,]", match[2])))
        if 0 in shape:
            raise UsageError(f"'{text}' holds nothing", hint="every number of a shape is at least 1")
        if match[1]:
            found.append(torch.randint(int(match[1]), shape, generator=generator))
        else:
            tensor = torch.randn(shape, generator=generator)
            found.append(tensor.double() if double else tensor)
    if not found:
        raise UsageError("a network needs inputs", hint="--input float:8,3,32,32")
    return found


def _forward(module: Any, inputs: Sequence[Any]) -> tuple[dict[str, Looked], dict[str, Looked], Any]:
    """Run a forward pass and return outputs, inputs, and what came out at the end.

    A module's output is looked at after those of the modules in it.
    """
    found: dict[str, Looked] = {}
    entered: dict[str, Looked] = {}
    handles = []
    for name, inner in module.named_modules():

        def look(_module: Any, given: Any, output: Any, name: str = name) -> None:
            for tensors, kept, what in (
                (_tensors(given), entered, "the input"),
                (_tensors(output), found, "the output"),
            ):
                if tensors and name not in kept:
                    kept[name] = Looked(tensors, what)

        handles.append(inner.register_forward_hook(look))
    try:
        output = module(*inputs)
    finally:
        for handle in handles:
            handle.remove()
    return found, entered, _tensors(output)


def _tensors(output: Any) -> list[Any]:
    """Return all tensors of what a module was given or returned; those of a mapping by its keys' order."""
    import torch

    if isinstance(output, torch.Tensor):
        return [output]
    if isinstance(output, Mapping):
        output = list(output.values())
    if isinstance(output, tuple | list):
        return [tensor for one in output for tensor in _tensors(one)]
    return []


def _weighted(outputs: Sequence[Any], seed: int) -> Any:
    """Return a loss in which every output has its own fixed weight, so that none hides another.

    It is None where nothing that came out can be differentiated.
    """
    import torch

    generator = torch.Generator().manual_seed(seed + 1)
    # Weights are drawn for every output, so that one without a gradient does not move those of the next.
    weights = [torch.randn(one.shape, generator=generator) for one in outputs]
    losses = [
        (one * weight.to(one.dtype)).mean()
        for one, weight in zip(outputs, weights, strict=True)
        if one.requires_grad
    ]
    return sum(losses[1:], losses[0]) if losses else None


def _gradients(module: Any) -> dict[str, Looked]:
    """Return the gradients from the last parameter to the first, as backward reaches them; none is nought."""
    import torch

    named = [
        (name, torch.zeros_like(one) if one.grad is None else one.grad)
        for name, one in module.named_parameters()
    ]
    return _looked(reversed(named), "the gradient")


def _looked(named: Any, what: str) -> dict[str, Looked]:
    return {name: Looked([tensor], what if what != "value" else "the value") for name, tensor in named}


def _constants(module: Any) -> dict[str, str]:
    """Return the plain values that a module holds, such as eps and momentum."""
    return {
        name: repr(value)
        for name, value in vars(module).items()
        if not name.startswith("_") and isinstance(value, bool | int | float | str | tuple)
    }


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Set torch's process-wide generator for a piece of the user's code, and put it back."""
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield
