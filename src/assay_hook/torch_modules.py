"""Watches calls of modules: the inputs of steps without a loader, and programs that only run forward.

Global hooks make every call of a module slower, and the compiler warns of them. They are there only while
a step is recorded that needs them, and never again once something was compiled.
"""

from __future__ import annotations

import sys
import weakref
from collections.abc import Sequence
from typing import Any

from . import fingerprint, imports, rows
from .torch_steps import PATIENCE_COMPILED, after_backward, on_backward, on_optimizer, on_recording, trace

_KEY = "assay_hook"
_HELD = 8  # rows of calls whose outputs have a graph: a backward pass may still follow


class _Modules:
    """The state of the watch."""

    def __init__(self) -> None:
        self.before: Any = None  # the dictionaries of global hooks
        self.after: Any = None
        self.compiled = False
        self.renew()

    def renew(self) -> None:
        """Begin again, as a forked child does."""
        self.depth = 0
        self.noted = False  # whether inputs were seen since the watch was armed
        self.roots: list[Any] = []
        self.names: dict[int, str] = {}
        self.outputs: list[tuple[str, str]] = []
        self.held: list[dict[str, Any]] = []

    @property
    def forward_only(self) -> bool:
        """Whether calls of modules are the steps of the program, as far as is known."""
        return not (trace.has_optimizer or trace.has_backward)

    def arm(self) -> None:
        """Watch the next outermost call, or all of them where they are the steps."""
        if self.before is None or self.compiled:
            return
        self.depth, self.noted = 0, False
        forward, tensors = self.forward_only, trace.level != "steps"
        if forward or tensors:
            self.before.setdefault(_KEY, _before_call)
            self.after.setdefault(_KEY, _after_call)
        elif not trace.has_loader:
            self.after.pop(_KEY, None)
            self.before.setdefault(_KEY, _note_inputs)
            self.before[_KEY] = _note_inputs

    def disarm(self) -> None:
        """Take the hooks away."""
        self.depth = 0
        if self.before is not None:
            self.before.pop(_KEY, None)
            self.after.pop(_KEY, None)


_modules = _Modules()


def install(_torch: Any) -> None:
    """Put the watch in place; call it once torch is imported."""
    module = sys.modules["torch.nn.modules.module"]
    _modules.before = getattr(module, "_global_forward_pre_hooks", None)
    _modules.after = getattr(module, "_global_forward_hooks", None)
    on_recording.append(_modules.arm)
    on_backward.append(_saw_backward)
    after_backward.append(_modules.arm)
    on_optimizer.append(_saw_training)
    rows.fork_hooks.append(_modules.renew)
    rows.exit_hooks.insert(0, _release)
    imports.after_import("torch._dynamo.eval_frame", _watch_compiler)


def uninstall() -> None:
    """Take every hook away."""
    _modules.disarm()


def loader_seen() -> None:
    """Take note that batches come from a loader: inputs of modules are not looked at any more."""
    if trace.level == "steps" and not _modules.forward_only:
        _modules.disarm()


def _saw_training() -> None:
    """An optimizer or a backward pass is there: calls of modules are no steps."""
    _modules.held.clear()
    if trace.level == "steps":
        _modules.disarm()
        if trace.recording:
            _modules.arm()


def _saw_backward() -> None:
    """Look away: a checkpoint runs modules again inside a backward pass."""
    if _modules.forward_only:
        trace.has_backward = True
        _modules.held.clear()
    _modules.disarm()


def _watch_compiler(module: Any) -> None:
    """Take the hooks away for good as soon as anything is compiled."""
    kind = getattr(module, "_TorchDynamoContext", None)
    if kind is None:
        _modules.compiled = True
        _modules.disarm()
        return
    original = kind.__init__

    def __init__(self: Any, callback: Any, *args: Any, **kwargs: Any) -> None:  # noqa: N807  the original's
        if callback is not None and callback is not False and not _modules.compiled:
            _modules.compiled = True
            _modules.disarm()
            trace.patience = min(trace.patience, PATIENCE_COMPILED)
            rows.missed("inputs and outputs of modules, from the first use of torch.compile on")
        original(self, callback, *args, **kwargs)

    __init__.__wrapped__ = original  # type: ignore[attr-defined]
    called = kind.__call__

    def __call__(self: Any, fn: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N807  the same
        if self.callback and hasattr(getattr(fn, "__self__", None), "param_groups"):
            trace.patience = 0  # its steps will run without hooks
            rows.missed("the steps of a compiled optimizer; backward passes stand for them")
        return called(self, fn, *args, **kwargs)

    __call__.__wrapped__ = called  # type: ignore[attr-defined]
    kind.__init__, kind.__call__ = __init__, __call__


# -- Hooks --------------------------------------------------------------------------------------------------


def _note_inputs(_module: Any, args: Any) -> None:
    """Look at the arguments of one call, and at no other until the watch is armed again."""
    _modules.before.pop(_KEY, None)
    if trace.enabled and trace.recording and not trace.has_loader and not _is_traced():
        with rows.spend():
            _inputs(args, sys._getframe(1))


def _before_call(module: Any, args: Any) -> None:
    _modules.depth += 1
    if _modules.depth == 1 and trace.enabled and trace.recording and not _is_traced():
        with rows.spend():
            _outermost(module)
            if not trace.has_loader and (_modules.forward_only or not _modules.noted):
                _modules.noted = True
                _inputs(args, sys._getframe(1))


def _after_call(module: Any, _args: Any, output: Any) -> None:
    depth = _modules.depth = _modules.depth - 1
    if depth < 0:  # armed inside a call
        _modules.depth = 0
        return
    if not trace.enabled or _is_traced():
        return
    if trace.recording and trace.level != "steps":
        with rows.spend():
            _note_output(module, output)
    if not depth and _modules.forward_only:
        _forward_row(module, output)
    elif not depth and not trace.recording:
        _modules.disarm()


def _is_traced() -> bool:
    torch = sys.modules["torch"]
    return torch._C._get_tracing_state() is not None


@rows.guarded
def _inputs(args: Any, frame: Any) -> None:
    kwargs = frame.f_locals.get("kwargs") or {}  # global hooks are not given them
    trace.inputs.append(fingerprint.digest_value([args, dict(kwargs)]))


@rows.guarded
def _outermost(module: Any) -> None:
    """Keep the paths of the modules below an outermost one."""
    if not any(reference() is module for reference in _modules.roots):
        _modules.roots.append(weakref.ref(module))
    _modules.names = {id(inner): name for name, inner in module.named_modules()}


@rows.guarded
def _note_output(module: Any, output: Any) -> None:
    name = _modules.names.get(id(module), type(module).__name__)
    _modules.outputs.append((name, fingerprint.digest_value(output)))


@rows.guarded
def write_outputs() -> None:
    """Write the outputs of modules that were gathered; called before a row of the trace."""
    found, _modules.outputs = _modules.outputs, []
    if found:
        trace.tensors("output", [name for name, _ in found], [digest for _, digest in found])


@rows.guarded
def _forward_row(module: Any, output: Any) -> None:
    """End the step that an outermost call is, where the program only runs forward."""
    torch = sys.modules["torch"]
    if trace.recording:
        with rows.spend():
            digest = fingerprint.digest_value(output)
            if _has_graph(torch, output):
                _hold(module, digest)
                return
            _release()
            _write(type(module).__name__, rows.where(), [], digest)
    trace.advance()


def _hold(module: Any, digest: str) -> None:
    """Keep a call that a backward pass may follow; the oldest is let go when there are many."""
    held = _modules.held
    held.append(
        {"name": type(module).__name__, "where": rows.where(), "inputs": trace.inputs, "digest": digest}
    )
    trace.inputs = []
    if len(held) > _HELD:
        _release(1)


def _release(count: int | None = None) -> None:
    """Write calls that were held."""
    ready = _modules.held[:count]
    del _modules.held[: len(ready)]
    for call in ready:
        _write(call["name"], call["where"], call["inputs"], call["digest"])
        trace.advance()


def _write(name: str, where: str, inputs: Sequence[str], digest: str) -> None:
    trace.inputs = list(inputs) or trace.inputs
    trace.outputs = [digest]
    if not trace.started:
        trace.start("", _weights())
    trace.write("forward", name, where)


def _weights() -> str | None:
    for reference in _modules.roots:
        module = reference()
        if module is not None:
            return fingerprint.digest_group(list(module.parameters()))
    return None


def _has_graph(torch: Any, output: Any) -> bool:
    if isinstance(output, torch.Tensor):
        return bool(output.requires_grad)
    if isinstance(output, (list, tuple)):
        return any(_has_graph(torch, item) for item in output)
    if hasattr(output, "values") and callable(output.values):
        return any(_has_graph(torch, item) for item in output.values())
    return False


def parameter_names(parameters: Sequence[Any]) -> list[str]:
    """Return the paths of parameters in the modules that were seen, 'parameter 3' for unknown ones."""
    known: dict[int, str] = {}
    roots = [root for root in (reference() for reference in _modules.roots) if root is not None]
    for number, root in enumerate(roots):
        prefix = f"{type(root).__name__}#{number}." if len(roots) > 1 else ""
        for name, parameter in root.named_parameters():
            known.setdefault(id(parameter), prefix + name)
    return [known.get(id(parameter), f"parameter {i}") for i, parameter in enumerate(parameters)]
