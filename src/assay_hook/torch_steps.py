"""The step trace of a PyTorch program: what each optimizer step started from and what it led to.

A step is an outermost call of any optimizer's `step`; a program without an optimizer has the calls of
`backward` instead (`torch_autograd`), one that only runs its network the calls of modules (`torch_modules`).
A row of step k speaks of the time from the end of step k-1 to the end of step k, so that rows of two runs
can be compared whatever other steps each of them recorded.
"""

from __future__ import annotations

import functools
import os
import sys
import time
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

from . import configuration, fingerprint, rows
from .cadence import DENSE, Cadence
from .moments import before_first_step, name_rank, stop
from .torch_optimizers import KnownOptimizer, parameters_of

# Called with the number of a step: before anything of it happens (0: once torch is there), and after its row.
on_step_begin: list[Callable[[int], Any]] = []
on_step_end: list[Callable[[int], Any]] = []
# Called without arguments: when a recorded step begins, when an optimizer is first made or used, and before
# and after each backward pass that is looked at.
on_recording: list[Callable[[], Any]] = []
on_optimizer: list[Callable[[], Any]] = []
on_backward: list[Callable[[], Any]] = []
after_backward: list[Callable[[], Any]] = []

_UNREADABLE = "0" * 32
# Backward passes without any step until an optimizer is taken for one whose steps cannot be seen: many,
# for gradients may be accumulated; fewer where something is compiled; none where its `step` is.
PATIENCE, PATIENCE_COMPILED = 32, 4


class Trace:
    """The state of the step trace of this process."""

    def __init__(self) -> None:
        self.enabled = False
        self.level = "steps"
        self.stop_after: int | None = None
        self.renew()

    def renew(self) -> None:
        """Begin again at step 0, as a forked child does."""
        settings = configuration.current() or configuration.Configuration(os.curdir)
        self.level = settings.level
        self.stop_after = stop = settings.stop_after
        windows = settings.windows if stop is None else (*settings.windows, (stop, stop))
        self.cadence = Cadence(settings.budget, settings.every, windows, time.perf_counter())
        self.number = 0
        self.recording = True
        self.frame = 0  # of the outermost call of `step` that runs
        self.optimizers: dict[int, KnownOptimizer] = {}
        self.made_optimizers = 0
        self.ended: dict[int, str | None] = {}  # the weights of optimizers whose place another one has taken
        self.has_optimizer = False
        self.has_backward = False
        self.has_loader = False
        self.has_stepped = False
        self.patience = PATIENCE
        self.leaves: list[Any] = []  # weak references to the weights of a program without an optimizer
        self.gradients: str | None = None
        self.generators: Any = _generators()
        self._names: dict[str, list[str]] = {}
        self._mark = rows.spent.seconds
        self.started = False
        self.clear()

    def clear(self) -> None:
        """Forget what was gathered for the row under way."""
        self.orders: list[str] = []
        self.batches: list[str] = []
        self.inputs: list[str] = []
        self.outputs: list[str] = []
        self.losses: list[str] = []
        self.value: float | None = None

    # -- Rows -----------------------------------------------------------------------------------------------

    def write(self, kind: str, name: str = "", where: str = "", **fields: str | None) -> None:
        """Write a row of the trace with these fields and what was gathered since the last one."""
        found = {"order": chain(self.orders), "batch": chain(self.batches), "inputs": chain(self.inputs)}
        found.update(outputs=chain(self.outputs), loss=chain(self.losses))
        if self.generators is not None and (kind != "start" or not self.started):
            found.update(self.generators.changed())
        found.update(fields)
        row: dict[str, Any] = {"k": "row", "kind": kind, "n": self.number, "name": name, "where": where}
        row["value"] = self.value
        row["d"] = {field: digest for field, digest in found.items() if digest}
        if self.level != "steps":
            torch_modules().write_outputs()
        rows.flush()
        rows.write(row)

    def start(self, name: str, weights: str | None) -> None:
        """Write the row of the state before the first step of an optimizer, or of the program."""
        if not self.started:
            name_rank()
        kept = self.__dict__.copy()
        self.clear()
        self.write("start", name, weights=weights)
        for gathered in ("orders", "batches", "inputs", "outputs", "losses", "value"):
            setattr(self, gathered, kept[gathered])
        if not self.started:
            self.started = True
            before_first_step()

    def tensors(self, kind: str, names: Sequence[str], digests: Sequence[str]) -> None:
        """Write the fingerprints of single tensors; their names only where they changed."""
        if list(names) != self._names.get(kind):
            self._names[kind] = list(names)
            rows.write({"k": "names", "kind": kind, "names": self._names[kind]})
        d = "".join(digest or _UNREADABLE for digest in digests)
        rows.write({"k": "tensors", "n": self.number, "kind": kind, "d": d})

    # -- From step to step ----------------------------------------------------------------------------------

    def advance(self) -> None:
        """End the step under way and begin the next."""
        number = self.number
        for hook in on_step_end:
            hook(number)
        if self.recording:
            self._settle(number)
        self.number = number = number + 1
        rows.set_steps(number)
        self.recording = number == self.cadence.next
        for hook in on_step_begin:
            hook(number)
        if self.recording:
            self.begin()

    def begin(self) -> None:
        """Make ready to record what follows."""
        for hook in on_recording:
            hook()

    def _settle(self, number: int) -> None:
        """Tell the cadence what the recorded step cost, and stop here where that was asked for."""
        self.clear()
        if self.stop_after is not None and number >= self.stop_after:
            rows.set_steps(number + 1)
            stop(number)
        spent = rows.spent.seconds
        self.cadence.recorded(number, spent - self._mark, time.perf_counter())
        self._mark = spent

    def saw_optimizer(self) -> None:
        """Take note that the program has an optimizer: backward passes and forwards are no steps then."""
        if not self.has_optimizer:
            self.has_optimizer = True
            for hook in on_optimizer:
                hook()

    def known(self, optimizer: Any) -> KnownOptimizer:
        """Return what is known of an optimizer; write its start row the first time."""
        known = self.optimizers.get(id(optimizer))
        if known is None or known.reference() is not optimizer:
            if known is not None and known.number is not None:
                self.ended[known.number] = known.last
            number = self.made_optimizers if self.number < DENSE else None
            known = self.optimizers[id(optimizer)] = KnownOptimizer(optimizer, number)
            self.made_optimizers += 1
            self.start(known.name, known.weights.digest(parameters_of(optimizer)))
        return known

    # -- Optimizer steps ------------------------------------------------------------------------------------

    def before(self, optimizer: Any, has_closure: bool) -> None:
        """Look at the gradients that a recorded step starts from."""
        self.saw_optimizer()
        known = self.known(optimizer)
        self.gradients = None
        if not has_closure:  # a closure runs backward inside the step: what is there now is stale
            self.gradients = self._gradients(known, optimizer)

    def after(self, optimizer: Any, where: str) -> None:
        """Write the row of a recorded step."""
        known = self.known(optimizer)
        parameters = parameters_of(optimizer)
        if self.gradients is None:
            self.gradients = self._gradients(known, optimizer)
        known.last = known.weights.digest(known.state(optimizer))
        hyperparameters = known.hyperparameters(optimizer)
        self.write(
            "step",
            known.name,
            where,
            gradients=self.gradients,
            weights=known.last,
            hyperparameters=hyperparameters,
        )
        if self.level != "steps":
            self.tensors("weight", parameter_names(parameters), known.each["weight"].each(parameters))

    def _gradients(self, known: KnownOptimizer, optimizer: Any) -> str:
        parameters = parameters_of(optimizer)
        with sys.modules["torch"]._C.DisableTorchFunction():
            gradients = [parameter.grad for parameter in parameters]
        if self.level != "steps":
            self.tensors("gradient", parameter_names(parameters), known.each["gradient"].each(gradients))
        return known.gradients.digest(gradients)


def chain(digests: Sequence[str]) -> str | None:
    """Return one digest for several in order, None for none."""
    if not digests:
        return None
    return digests[0] if len(digests) == 1 else fingerprint.digest_value(list(digests))


def _generators() -> Any:
    try:
        from .generators import Generators
    except Exception as error:  # noqa: BLE001  a trace without generators is better than none
        rows.failed("the generators", error)
        return None
    return Generators()


def torch_modules() -> Any:
    """Return the part that watches modules."""
    return import_module("assay_hook.torch_modules")


def parameter_names(parameters: Sequence[Any]) -> list[str]:
    """Return the paths of parameters in the modules that were seen."""
    return list(torch_modules().parameter_names(parameters))


trace = Trace()


# -- Hooks --------------------------------------------------------------------------------------------------

_is_compiling: Any = None  # torch.compiler.is_compiling: a constant to the compiler, which then sees no hook


def _before_step(optimizer: Any, args: Any, kwargs: Any) -> None:
    if _is_compiling is not None and _is_compiling():
        return
    state = trace
    if not state.enabled:
        return
    frame = sys._getframe(1)
    if state.frame and _is_inside(state.frame, frame):
        return  # an optimizer that calls another one, or the `step` of its base class
    state.frame = id(frame)
    if state.recording:
        with rows.spend():
            _recorded_before(optimizer, args, kwargs)


def _after_step(optimizer: Any, _args: Any, _kwargs: Any) -> None:
    if _is_compiling is not None and _is_compiling():
        return
    state = trace
    if not state.enabled or state.frame != id(sys._getframe(1)):
        return
    state.frame = 0
    state.has_stepped = True
    if state.recording:
        with rows.spend():
            _recorded_after(optimizer)
    elif state.cadence.next > state.number + 1 and not on_step_begin:
        state.number += 1  # most steps of a long run end here
        rows.set_steps(state.number)
        return
    _advance()


def _is_inside(outermost: int, frame: Any) -> bool:
    """Say whether the outermost call of `step` is still running around this one."""
    code = frame.f_code
    frame = frame.f_back
    while frame is not None:
        if id(frame) == outermost and frame.f_code.co_filename == code.co_filename:
            return True
        frame = frame.f_back
    return False


@rows.guarded
def _recorded_before(optimizer: Any, args: Any, kwargs: Any) -> None:
    closure = args[1] if len(args) > 1 else kwargs.get("closure")
    trace.before(optimizer, has_closure=callable(closure))


@rows.guarded
def _recorded_after(optimizer: Any) -> None:
    trace.after(optimizer, rows.where(3))


@rows.guarded
def _advance() -> None:
    trace.advance()


def _watch_optimizers(torch: Any) -> None:
    module = sys.modules["torch.optim.optimizer"]
    if not hasattr(module, "register_optimizer_step_pre_hook"):
        rows.missed("this version of torch has no hooks for all optimizers: steps were not observed")
        return
    _undo.append(module.register_optimizer_step_pre_hook(_before_step).remove)
    _undo.append(module.register_optimizer_step_post_hook(_after_step).remove)
    original = torch.optim.Optimizer.__init__

    @functools.wraps(original)
    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:  # noqa: N807  the original's name
        original(self, *args, **kwargs)
        if not trace.has_optimizer:
            rows.guarded(trace.saw_optimizer)()

    torch.optim.Optimizer.__init__ = __init__
    _undo.append(lambda: setattr(torch.optim.Optimizer, "__init__", original))


_undo: list[Callable[[], Any]] = []


def install(torch: Any) -> None:
    """Begin the trace; call it once torch is imported."""
    global _is_compiling  # noqa: PLW0603  settled once
    settings = configuration.current()
    if settings is None or settings.level == "off":
        return
    _is_compiling = getattr(getattr(torch, "compiler", None), "is_compiling", None)
    trace.renew()
    trace.enabled = True
    _watch_optimizers(torch)
    for name in _PARTS:
        rows.guarded(_install_part)(name, torch)
    if hasattr(os, "register_at_fork"):  # after the module `random`, which seeds itself anew in a child
        os.register_at_fork(after_in_child=_forked)
    rows.exit_hooks.append(finish)
    trace.begin()


_PARTS = ("torch_autograd", "torch_modules")


@rows.guarded
def _forked() -> None:
    """Begin again in a child: only what it draws itself counts as drawn."""
    if configuration.current() is None or not trace.enabled:
        return
    trace.renew()
    if trace.generators is not None:
        trace.generators.changed()
    trace.begin()


def _install_part(name: str, torch: Any) -> None:
    import_module("assay_hook." + name).install(torch)


def uninstall() -> None:
    """End the trace of a process that goes on."""
    trace.enabled = False
    for name in _PARTS:
        rows.guarded(import_module("assay_hook." + name).uninstall)()
    while _undo:
        rows.guarded(_undo.pop())()


@rows.guarded
def finish() -> None:
    """Write the row of the state at the end of the process."""
    if not trace.enabled or not trace.started:
        return
    trace.write("end", weights=_last_weights())


def _last_weights() -> str | None:
    """Return one fingerprint over the weights of all optimizers, None where some could not be read."""
    found = dict(trace.ended)
    for known in trace.optimizers.values():
        if known.number is not None:
            found[known.number] = known.final_weights()
    if None in found.values():
        rows.missed("the weights at the end: an optimizer was collected in a cycle with its network")
        return None
    last = [digest for _, digest in sorted(found.items())]
    leaves = [reference() for reference in trace.leaves]
    if leaves and all(leaf is not None for leaf in leaves):
        last.append(fingerprint.digest_group(leaves))
    return chain([digest for digest in last if digest])
