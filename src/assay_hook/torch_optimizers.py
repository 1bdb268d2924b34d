"""What the step trace keeps of each optimizer: never the optimizer itself, nor its parameters."""

from __future__ import annotations

import marshal
import weakref
from typing import Any

from . import fingerprint, rows


class KnownOptimizer:
    """What is known of one optimizer: its number, its memory, and its weights when it went away.

    Of two runs each may record other steps. So an optimizer has a number, and its weights count at the end,
    only where it made a step among the first ones, which every run records: `number` is None otherwise.
    """

    def __init__(self, optimizer: Any, number: int | None) -> None:
        self.name = type(optimizer).__name__ + ("" if number is None else f"#{number}")
        self.number = number
        self.weights = fingerprint.Group()
        self.gradients = fingerprint.Group()
        self.each = {"weight": fingerprint.Group(), "gradient": fingerprint.Group()}
        self.last: str | None = None
        self._plain = b""
        self._hyperparameters = ""
        self._parameters = [weakref.ref(parameter) for parameter in parameters_of(optimizer)]
        self._buffers = buffers_of_networks(self._parameters)
        self.reference = weakref.ref(optimizer, rows.guarded(self._gone))

    def state(self, optimizer: Any) -> list[Any]:
        """Return the parameters, and the buffers of their networks that are kept: running statistics."""
        parameters = parameters_of(optimizer)
        if len(parameters) != len(self._parameters):  # a group of parameters was added
            self._parameters = [weakref.ref(parameter) for parameter in parameters]
            self._buffers = buffers_of_networks(self._parameters)
        return parameters + [buffer for buffers in self._buffers for buffer in buffers.kept()]

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
        """Return the fingerprint of the weights as they are, or as they were when the optimizer went.

        None where they went with it in one cycle: those of the last recorded step may be long past.
        """
        optimizer = self.reference()
        if optimizer is not None:
            self.last = self.weights.digest(self.state(optimizer))
        return self.last

    def _gone(self, _reference: Any) -> None:
        # What the optimizer held is still there while it goes, unless a cycle is collected.
        parameters = [reference() for reference in self._parameters]
        self.last = None
        if parameters and all(parameter is not None for parameter in parameters):
            with rows.spend():
                kept = [buffer for buffers in self._buffers for buffer in buffers.kept()]
                self.last = self.weights.digest(parameters + kept)
        self._buffers = []


class _Buffers:
    """The buffers of one module: they are looked at as long as the optimizer lives, which may be longer.

    An optimizer keeps its parameters alive, and so do these with what belongs to them.
    """

    def __init__(self, module: Any) -> None:
        self._module = weakref.ref(module)
        self._read(module)

    def _read(self, module: Any) -> None:
        self._all = module.__dict__.get("_buffers") or {}
        self._passing = module.__dict__.get("_non_persistent_buffers_set", ())

    def kept(self) -> list[Any]:
        """Return the buffers that belong to the state of the module."""
        module = self._module()
        if module is not None:
            self._read(module)
        return [
            buffer for name, buffer in self._all.items() if buffer is not None and name not in self._passing
        ]


def parameters_of(optimizer: Any) -> list[Any]:
    """Return the parameters of an optimizer in order."""
    return [parameter for group in optimizer.param_groups for parameter in group["params"]]


def buffers_of_networks(parameters: list[Any]) -> list[_Buffers]:
    """Return the buffers of the networks that hold these parameters, module by module."""
    try:
        from .torch_objects import living_networks

        ours = {id(reference()) for reference in parameters}
        found: dict[int, _Buffers] = {}
        for network in living_networks():
            modules = list(network.modules())
            if any(id(own) in ours for module in modules for own in module._parameters.values()):
                found.update((id(module), _Buffers(module)) for module in modules)
        return [buffers for buffers in found.values() if buffers.kept()]
    except Exception as error:  # noqa: BLE001  a trace without buffers is better than none
        rows.failed("the buffers of networks", error)
        return []
