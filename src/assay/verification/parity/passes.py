"""Runs one implementation of a network once: forward in both modes, backward, one update, all looked at."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from assay.foundation.errors import UsageError

_INPUT = re.compile(r"(float|int(\d+)):(\d+(?:,\d+)*)")


class Looked:
    """A tensor that was looked at: `what` says what it is, 'output', 'input', 'gradient' or 'value'."""

    def __init__(self, tensor: Any, what: str) -> None:
        self.what = what
        self._tensor = tensor.detach().clone()

    def same(self, other: Looked) -> bool:
        """Say whether both have the same shape and bits; NaN equals NaN."""
        import torch

        x, y = self._tensor, other._tensor
        return x.shape == y.shape and bool(torch.equal(torch.nan_to_num(x), torch.nan_to_num(y)))

    @property
    def scale(self) -> float:
        """The largest absolute value."""
        return float(self._tensor.double().abs().max()) if self._tensor.numel() else 0.0

    def distance(self, other: Looked, least: float) -> tuple[float, float]:
        """Return the largest difference, absolutely and relative to the largest value, or to `least`."""
        x, y = self._tensor.double(), other._tensor.double()
        if x.shape != y.shape:
            return float("inf"), float("inf")
        if not x.numel():
            return 0.0, 0.0
        absolute = float((x - y).abs().max())
        scale = max(self.scale, other.scale, least)
        return absolute, absolute / scale if scale else 0.0


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
        _weighted(output, seed).backward()
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
    """Return the inputs that texts such as 'float:8,3,32,32' and 'int10:8,16' describe."""
    import torch

    generator = torch.Generator().manual_seed(seed)
    found = []
    for text in inputs:
        match = _INPUT.fullmatch(text)
        if match is None:
            raise UsageError(
                f"'{text}' describes no input", hint="--input float:8,3,32,32, or --input int1000:8,16"
            )
        shape = tuple(map(int, match[3].split(",")))
        if match[2]:
            found.append(torch.randint(int(match[2]), shape, generator=generator))
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
            for tensor, kept, what in (
                (_first(given), entered, "the input"),
                (_first(output), found, "the output"),
            ):
                if tensor is not None and name not in kept:
                    kept[name] = Looked(tensor, what)

        handles.append(inner.register_forward_hook(look))
    try:
        output = module(*inputs)
    finally:
        for handle in handles:
            handle.remove()
    return found, entered, _first(output)


def _first(output: Any) -> Any:
    """Return the first floating tensor of what a module returned."""
    import torch

    if isinstance(output, torch.Tensor):
        return output
    if isinstance(output, Mapping):
        output = list(output.values())
    if isinstance(output, tuple | list):
        return next((found for one in output if (found := _first(one)) is not None), None)
    return None


def _weighted(output: Any, seed: int) -> Any:
    """Return a loss in which every output has its own fixed weight, so that none hides another."""
    import torch

    weights = torch.randn(output.shape, generator=torch.Generator().manual_seed(seed + 1))
    return (output * weights.to(output.dtype)).mean()


def _gradients(module: Any) -> dict[str, Looked]:
    """Return the gradients from the last parameter to the first, as backward reaches them."""
    named = [(name, one.grad) for name, one in module.named_parameters() if one.grad is not None]
    return _looked(reversed(named), "the gradient")


def _looked(named: Any, what: str) -> dict[str, Looked]:
    return {name: Looked(tensor, what if what != "value" else "the value") for name, tensor in named}


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
