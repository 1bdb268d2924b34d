"""Watches backward passes: the losses they start from, and whole steps where there is no optimizer.

What is replaced is the function through which `torch.autograd.backward` and `torch.autograd.grad` reach
the engine, not these two themselves: the compiler knows them by identity.
"""

from __future__ import annotations

import struct
import sys
import weakref
from collections.abc import Sequence
from typing import Any

from . import fingerprint, rows
from .torch_steps import after_backward, chain, on_backward, parameter_names, trace

_NO_DATA = {"FakeTensor", "FunctionalTensor"}
_UNPACK = {"float32": "<f", "float64": "<d", "float16": "<e"}
_original: Any = None
_group = fingerprint.Group()


def install(torch: Any) -> None:
    """Put the watch in place; call it once torch is imported."""
    global _original  # noqa: PLW0603  settled once
    module = sys.modules["torch.autograd"]
    original = getattr(module, "_engine_run_backward", None)
    if original is None or _original is not None:
        if original is None:
            rows.missed(
                "this version of torch has another autograd engine: backward passes were not observed"
            )
        return
    _original = original

    def _engine_run_backward(t_outputs: Any, *args: Any, **kwargs: Any) -> Any:
        if (trace.has_stepped and not trace.recording) or not _is_watched(torch, t_outputs):
            return original(t_outputs, *args, **kwargs)
        accumulates = bool(kwargs.get("accumulate_grad"))
        with rows.spend():
            before = _before(torch, t_outputs, args, accumulates)
        results = original(t_outputs, *args, **kwargs)
        if before is not None:
            with rows.spend():
                _after(before, results)
            _advance()
        elif trace.recording:
            _rearm()
        return results

    _engine_run_backward.__wrapped__ = original  # type: ignore[attr-defined]
    module._engine_run_backward = _engine_run_backward  # type: ignore[attr-defined]


def uninstall() -> None:
    """Put the original back."""
    global _original  # noqa: PLW0603  the same
    if _original is not None:
        sys.modules["torch.autograd"]._engine_run_backward = _original  # type: ignore[attr-defined]
        _original = None


def _is_watched(torch: Any, outputs: Sequence[Any]) -> bool:
    """Say whether a backward pass is one that the program started, with data, in its own process."""
    if not trace.enabled:
        return False
    current = getattr(torch._C, "_current_graph_task_id", None)
    if current is not None and current() != -1:  # inside another one, as a checkpoint has it
        return False
    functorch = getattr(torch._C, "_functorch", None)
    if functorch is not None and functorch.peek_interpreter_stack() is not None:
        return False
    return not any(type(output).__name__ in _NO_DATA for output in outputs)


class _Pass:
    """A backward pass that is a step of its own."""

    def __init__(self, name: str, where: str, leaves: Sequence[Any]) -> None:
        self.name, self.where, self.leaves = name, where, leaves
        self.weights = _group.digest(leaves) if leaves else ""


_UNRECORDED = _Pass("", "", ())


@rows.guarded
def _before(torch: Any, outputs: Sequence[Any], args: Any, accumulates: bool) -> _Pass | None:
    """Look at the losses; return the pass where it is a step, None where an optimizer makes the steps."""
    state = trace
    if state.recording:
        _note_losses(outputs)
    for hook in on_backward:
        hook()
    if state.has_stepped:
        return None
    if state.has_optimizer and state.patience > 0:
        state.patience -= 1
        return None
    state.has_backward = True
    name = "backward" if accumulates else "grad"
    if not state.recording:
        return _UNRECORDED
    leaves = (
        _leaves(torch, outputs) if accumulates else [leaf for leaf in args[3] if hasattr(leaf, "data_ptr")]
    )
    state.leaves = [weakref.ref(leaf) for leaf in leaves]
    made = _Pass(name, rows.where(), leaves)
    if not state.started:
        state.start("", made.weights)
    return made


@rows.guarded
def _after(made: Any, results: Any) -> None:
    """Write the row of a pass that is a step."""
    if made is _UNRECORDED:
        return
    if made.name == "backward":
        with sys.modules["torch"]._C.DisableTorchFunction():
            gradients = [leaf.grad for leaf in made.leaves]
    else:
        gradients = list(results)
    digest = fingerprint.digest_group(gradients)
    if trace.level != "steps":
        names = parameter_names(made.leaves)
        trace.tensors("gradient", names, fingerprint.Group().each(gradients))
        trace.tensors("weight", names, fingerprint.Group().each(made.leaves))
    trace.write("backward", made.name, made.where, weights=made.weights, gradients=digest)


@rows.guarded
def _advance() -> None:
    trace.advance()


@rows.guarded
def _rearm() -> None:
    for hook in after_backward:
        hook()


def _note_losses(outputs: Sequence[Any]) -> None:
    """Keep the fingerprint of what a backward pass starts from, and its value where it is one number."""
    losses = [output for output in outputs if hasattr(output, "data_ptr")]
    digest = chain([digest for digest in map(fingerprint.digest_tensor, losses) if digest])
    if digest is not None:
        trace.losses.append(digest)
    if len(losses) == 1 and losses[0].numel() == 1:
        trace.value = _value(losses[0])


def _value(loss: Any) -> float | None:
    """Return a single element as a number, without an operator that a mode could see."""
    plain = fingerprint.plain_view(sys.modules["torch"], loss)
    form = _UNPACK.get(fingerprint.dtype_name(loss.dtype))
    if plain is not None and form is not None:
        return float(struct.unpack(form, plain[1])[0])
    with fingerprint.quiet(sys.modules["torch"]):
        return float(loss.detach())


def _leaves(torch: Any, outputs: Sequence[Any]) -> list[Any]:
    """Return the leaves that a backward pass will give gradients to, in an order fixed by the graph."""
    leaves: dict[int, Any] = {}
    seen = set()
    with torch._C.DisableTorchFunction():
        ahead = [output.grad_fn if hasattr(output, "grad_fn") else output.node for output in outputs]
    while ahead:
        node = ahead.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        leaf = getattr(node, "variable", None)
        if leaf is not None:
            leaves.setdefault(id(leaf), leaf)
        ahead.extend(following for following, _ in reversed(node.next_functions))
    return list(leaves.values())
