"""What the step trace keeps of each optimizer: never the optimizer itself, nor its parameters."""

from __future__ import annotations

import marshal
import weakref
from typing import Any

from . import fingerprint, rows


class KnownOptimizer:
    """What is known of one optimizer: its number, its memory, and its weights when it went away."""

    def __init__(self, optimizer: Any, number: int) -> None:
        self.name = f"{type(optimizer).__name__}#{number}"
        self.weights = fingerprint.Group()
        self.gradients = fingerprint.Group()
        self.each = {"weight": fingerprint.Group(), "gradient": fingerprint.Group()}
        self.last: str | None = None
        self._plain = b""
        self._hyperparameters = ""
        self._parameters = [weakref.ref(parameter) for parameter in parameters_of(optimizer)]
        self._buffered = buffered_modules(self._parameters)
        self.reference = weakref.ref(optimizer, rows.guarded(self._gone))

    def state(self, optimizer: Any) -> list[Any]:
        """Return the parameters, and the buffers of their networks that are kept: running statistics."""
        parameters = parameters_of(optimizer)
        if len(parameters) != len(self._parameters):  # a group of parameters was added
            self._parameters = [weakref.ref(parameter) for parameter in parameters]
            self._buffered = buffered_modules(self._parameters)
        return parameters + self._buffers()

    def _buffers(self) -> list[Any]:
        modules = [reference() for reference in self._buffered]
        return [buffer for module in modules if module is not None for buffer in _kept(module)]

    def hyperparameters(self, optimizer: Any) -> str:
        """Return the fingerprint of the groups of parameters without the parameters."""
        groups = [[item for item in group.items() if item[0] != "params"] for group in optimizer.param_groups]
        try:
            plain = marshal.dumps(groups, 2)
        except ValueError:  # a learning rate that is a tensor
            return fingerprint.digest_value(groups)
        if plain != self._plain:
            self._plain = plain
            self._hyperparameters = fingerprint.digest_value(groups)
        return self._hyperparameters

    def final_weights(self) -> str | None:
        """Return the fingerprint of the weights as they are, or as they were when the optimizer went."""
        optimizer = self.reference()
        if optimizer is not None:
            self.last = self.weights.digest(self.state(optimizer))
        return self.last

    def _gone(self, _reference: Any) -> None:
        # What the optimizer held is still there while it goes.
        parameters = [reference() for reference in self._parameters]
        if parameters and all(parameter is not None for parameter in parameters):
            with rows.spend():
                self.last = self.weights.digest(parameters + self._buffers())


def parameters_of(optimizer: Any) -> list[Any]:
    """Return the parameters of an optimizer in order."""
    return [parameter for group in optimizer.param_groups for parameter in group["params"]]


def buffered_modules(parameters: list[Any]) -> list[Any]:
    """Return, as weak references, the modules with buffers in the networks that hold these parameters."""
    try:
        from .torch_objects import living_networks

        ours = {id(reference()) for reference in parameters}
        found = []
        for network in living_networks():
            modules = list(network.modules())
            if any(id(own) in ours for module in modules for own in module._parameters.values()):
                found += [module for module in modules if _kept(module)]
        return [weakref.ref(module) for module in {id(module): module for module in found}.values()]
    except Exception as error:  # noqa: BLE001  a trace without buffers is better than none
        rows.failed("the buffers of networks", error)
        return []


def _kept(module: Any) -> list[Any]:
    """Return the buffers of a module that belong to its state."""
    passing = module.__dict__.get("_non_persistent_buffers_set", ())
    buffers = module.__dict__.get("_buffers") or {}
    return [buffer for name, buffer in buffers.items() if buffer is not None and name not in passing]
