"""The operators of a window of steps: what each read, what it wrote, and which line asked for it.

A dispatch mode sees every operator below autograd, the backward pass included. It is entered when the
window begins and left when it ends. Three things are no inputs, though an operator is given them: memory
that nobody wrote yet, the old content of what is overwritten, and what a view only looks at. Under
`torch.compile` the mode makes a step run eagerly: such a step is worth something only if its row in the
trace is the recorded one.
"""

from __future__ import annotations

import os
import sys
import threading
from typing import Any

from . import configuration, fingerprint, rows, torch_steps
from .replay import save_call, save_results
from .torch_signatures import Signature, flatten, signature

_HERE = os.path.dirname(os.path.abspath(__file__))
_OTHER, _HOOK, _LOADING = 0, 1, 2
_LOADING_PARTS = tuple(
    os.path.join("torch", "utils", "data", part)
    for part in ("dataloader.py", "sampler.py", "distributed.py", "_utils", "datapipes")
)
_kinds_of_files: dict[str, int] = {}


def install(_torch: Any) -> None:
    """Log the operators of the steps that the recording asks for; call it once torch is imported."""
    settings = configuration.current()
    if settings is None or settings.operators is None:
        return
    window = _Window(settings)
    torch_steps.on_step_begin.append(window.begin)
    torch_steps.on_step_end.append(window.end)
    window.begin(torch_steps.trace.number)


class _Window:
    """Enters and leaves the mode at the edges of the window, in one thread."""

    def __init__(self, settings: Any) -> None:
        self.settings = settings
        self.first, self.last = settings.operators
        self.log: _Log | None = None
        self.mode: Any = None
        self.thread = 0

    def begin(self, step: int) -> None:
        """Note which step begins, and enter the mode with the first of the window."""
        torch = sys.modules.get("torch")
        if torch is None or not self.first <= step <= self.last:
            return
        if self.log is None:
            self.log = _Log(torch, self.settings)
            self.mode = _make_mode(self.log)
            self.thread = threading.get_ident()
            self.log.modules.watch()
            self.mode.__enter__()
        self.log.begin(step)

    def end(self, step: int) -> None:
        """Leave the mode with the last step of the window."""
        if self.log is None or step < self.last:
            return
        self.log.closed = True
        self.log.modules.leave()
        _note_compile()
        mode, self.mode = self.mode, None
        if mode is None:
            return
        if threading.get_ident() != self.thread:
            rows.missed("the steps change threads: operators of other threads were not logged")
            return
        dispatch: Any = sys.modules["torch.utils._python_dispatch"]
        # Leaving takes the topmost mode away, whosever it is.
        if dispatch._get_current_dispatch_mode() is mode:
            mode.__exit__(None, None, None)


def _note_compile() -> None:
    frames = sys.modules.get("torch._dynamo.eval_frame")
    # Also what torch itself keeps from being compiled stands there, with a null instead of a back end.
    if any(callable(backend) for backend in getattr(frames, "cached_backends", {}).values()):
        rows.missed("torch.compile: the steps whose operators were logged ran eagerly, uncompiled")


def _make_mode(log: _Log) -> Any:
    from importlib import import_module

    base: Any = import_module("torch.utils._python_dispatch").TorchDispatchMode

    class OperatorMode(base):  # type: ignore[misc]  # its class is known once torch is there
        """Tells the log what each operator reads and writes."""

        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            kwargs = kwargs or {}
            call = log.before(func, args, kwargs)
            result = func(*args, **kwargs)
            if call is not None:
                log.after(call, result)
            return result

    return OperatorMode()


class _Call:
    """One operator that runs, and the row about it."""

    __slots__ = ("generator", "name", "row", "saved", "signature", "tensors")

    def __init__(self, known: Signature, tensors: list[tuple[str, Any]], row: dict[str, Any]) -> None:
        self.signature = known
        self.tensors = tensors
        self.row = row
        self.generator: Any = None
        self.saved = False


class _Log:
    """Writes the rows 'op'."""

    def __init__(self, torch: Any, settings: Any) -> None:
        self.torch = torch
        self.limit = settings.operator_limit
        save: Any = settings.save or (-1, -1)
        self.save = (save["step"], save["index"]) if isinstance(save, dict) else tuple(save)
        self.folder = os.path.join(settings.folder, "operator")
        self.modules = _Modules(torch)
        self.signatures: dict[Any, Signature | None] = {}
        self.unwritten: set[int] = set()  # storages that nothing wrote in full since they were made
        self.closed = False
        self.step = self.index = self.total = 0

    def begin(self, step: int) -> None:
        """Count the operators of this step from zero."""
        self.step, self.index = step, 0
        self.modules.stack.clear()

    def before(self, func: Any, args: Any, kwargs: Any) -> _Call | None:
        """Look at the inputs of an operator, None where it is not logged."""
        if self.closed:
            return None
        try:
            with rows.spend():
                return self._before(func, args, kwargs)
        except Exception as error:  # noqa: BLE001  the hook must never stop the program
            rows.failed("an operator", error)
            return None

    def after(self, call: _Call, result: Any) -> None:
        """Look at the outputs and write the row."""
        try:
            with rows.spend():
                self._after(call, result)
        except Exception as error:  # noqa: BLE001  the hook must never stop the program
            rows.failed("an operator", error)

    # -- Before ---------------------------------------------------------------------------------------------

    def _before(self, func: Any, args: Any, kwargs: Any) -> _Call | None:
        try:
            known = self.signatures[func]
        except KeyError:
            known = self.signatures[func] = signature(self.torch, func)
        if known is None or _left_out():
            return None
        if self.total >= self.limit:
            self.closed = True
            rows.missed(f"operators after the first {self.limit} were not logged (step {self.step})")
            return None
        tensors, scalars = flatten(self.torch, known, args, kwargs)
        backward, module = self.modules.place()
        row: dict[str, Any] = {
            "k": "op",
            "n": self.step,
            "i": self.index,
            "op": known.name,
            "m": module,
            "w": rows.where(),
            "b": backward,
            "s": known.seeded,
            "in": self._inputs(known, tensors),
            "sc": scalars,
        }
        self.index += 1
        self.total += 1
        call = _Call(known, tensors, row)
        if known.seeded:
            call.generator = _generator(self.torch, known, args, kwargs, tensors)
            row["in"].append(_state(call.generator))
        if self.save == (row["n"], row["i"]):
            call.saved = True
            save_call(self.torch, self.folder, func, args, kwargs, call.generator, row)
        return call

    def _inputs(self, known: Signature, tensors: list[tuple[str, Any]]) -> list[str]:
        if known.view and not known.entering:
            return []
        found = []
        for name, tensor in tensors:
            if name in known.ignored or (known.partial and name == "self" and self._is_unwritten(tensor)):
                continue
            if self.unwritten and not known.partial:
                self.unwritten.discard(_storage(tensor))
            found.append(fingerprint.digest_tensor(tensor))
        return found

    def _is_unwritten(self, tensor: Any) -> bool:
        return bool(self.unwritten) and _storage(tensor) in self.unwritten

    # -- After ----------------------------------------------------------------------------------------------

    def _after(self, call: _Call, result: Any) -> None:
        known, row = call.signature, call.row
        made = [] if known.view or known.uninitialised else self._made(known, result)
        mutated = self._mutated(call)
        if known.uninitialised:
            self._mark(result)
        if known.entering:
            # What comes in is no work of the operator: it counts as its input.
            row["in"] += [digest for digest in mutated if digest not in row["in"]]
        if call.generator is not None:
            made.append(_state(call.generator))
        row["out"], row["mut"] = made, mutated
        row["sh"] = (
            _shapes(tensor for _, tensor in call.tensors) + " -> " + _shapes(_tensors(self.torch, result))
        )
        rows.write(row)
        if call.saved:
            changed = [tensor for name, tensor in call.tensors if name in known.mutated]
            save_results(self.torch, self.folder, result, changed, made, mutated)

    def _made(self, known: Signature, result: Any) -> list[str]:
        values = result if isinstance(result, (tuple, list)) else (result,)
        found = []
        for place, value in enumerate(values):
            if known.is_returned_argument(place, len(values)) or place in known.scratch:
                continue
            for part in value if isinstance(value, (tuple, list)) else (value,):
                if isinstance(part, self.torch.Tensor):
                    if self.unwritten:
                        self.unwritten.discard(_storage(part))
                    found.append(fingerprint.digest_tensor(part))
                elif part is not None:
                    found.append(f"={part!r}")
        return found

    def _mutated(self, call: _Call) -> list[str]:
        known, found = call.signature, []
        for name, tensor in call.tensors:
            if name not in known.mutated:
                continue
            if self._is_unwritten(tensor):
                if known.partial or known.uninitialised:
                    continue
                if tensor.numel() * tensor.element_size() >= _bytes(tensor):
                    self.unwritten.discard(_storage(tensor))
            found.append(fingerprint.digest_tensor(tensor))
        return found

    def _mark(self, result: Any) -> None:
        for tensor in _tensors(self.torch, result):
            self.unwritten.add(_storage(tensor))


def _left_out() -> bool:
    """Say whether the operator is the hook's own, or one of data loading, which keeps no fixed time."""
    frame: Any = sys._getframe(4)
    while frame is not None and frame.f_code.co_filename.endswith("_python_dispatch.py"):
        frame = frame.f_back
    if frame is not None and _kind_of(frame.f_code.co_filename) == _HOOK:
        return True
    while frame is not None:
        if _kind_of(frame.f_code.co_filename) == _LOADING:
            return True
        frame = frame.f_back
    return False


def _kind_of(filename: str) -> int:
    kind = _kinds_of_files.get(filename)
    if kind is None:
        kind = _HOOK if filename.startswith(_HERE) else _OTHER
        if any(part in filename for part in _LOADING_PARTS):
            kind = _LOADING
        _kinds_of_files[filename] = kind
    return kind


class _Modules:
    """Which module runs: a stack kept by global forward hooks, and for autograd which module made a node."""

    def __init__(self, torch: Any) -> None:
        self.torch = torch
        self.stack: list[tuple[Any, str]] = []
        self.names: dict[int, str] = {}
        self.root: Any = None
        self.made: dict[int, str] = {}  # number of an autograd node -> the module whose forward made it
        self.hooks: list[Any] = []
        self.node = getattr(torch._C, "_current_autograd_node", None)
        self.sequence = getattr(getattr(torch._C, "_autograd", None), "_get_sequence_nr", None)

    def watch(self) -> None:
        """Follow the calls of modules."""
        module = self.torch.nn.modules.module
        self.hooks = [
            module.register_module_forward_pre_hook(rows.guarded(self._enter)),
            module.register_module_forward_hook(rows.guarded(self._leave)),
        ]

    def leave(self) -> None:
        """Follow them no more."""
        for hook in self.hooks:
            hook.remove()
        self.hooks = []

    def place(self) -> tuple[bool, str]:
        """Return whether autograd runs the operator, and the module it belongs to."""
        node = self.node() if self.node is not None else None
        if node is not None:
            number = getattr(node, "_sequence_nr", None)
            return True, self.made.get(number(), "") if number is not None else ""
        module = self.stack[-1][1] if self.stack else ""
        if self.sequence is not None and self.torch.is_grad_enabled():
            # Autograd makes the node right before the operator runs.
            self.made.setdefault(self.sequence() - 1, module)
        return False, module

    def _enter(self, module: Any, _arguments: Any) -> None:
        if not self.stack or id(module) not in self.names:
            if not self.stack:
                self._name(module)
            else:
                self.names[id(module)] = f"{self.stack[-1][1]}.{type(module).__name__}"
        self.stack.append((module, self.names[id(module)]))

    def _leave(self, module: Any, _arguments: Any, _output: Any) -> None:
        while self.stack and self.stack.pop()[0] is not module:
            pass

    def _name(self, root: Any) -> None:
        if root is self.root and id(root) in self.names:
            return
        self.root = root
        kind = type(root).__name__
        self.names = {id(module): f"{kind}.{path}" if path else kind for path, module in root.named_modules()}


def _generator(torch: Any, known: Signature, args: Any, kwargs: Any, tensors: list[tuple[str, Any]]) -> Any:
    """Return the generator that a seeded operator draws from."""
    given = known.argument("generator", args, kwargs)
    if given is not None:
        return given
    device = (
        tensors[0][1].device if tensors else torch.device(known.argument("device", args, kwargs) or "cpu")
    )
    if device.type == "cuda":
        return torch.cuda.default_generators[device.index or 0]
    return torch.default_generator


def _state(generator: Any) -> str:
    return fingerprint.digest_tensor(generator.get_state())


def _storage(tensor: Any) -> int:
    try:
        storage = tensor.untyped_storage() if hasattr(tensor, "untyped_storage") else tensor.storage()
        return int(storage._cdata)
    except (RuntimeError, NotImplementedError, AttributeError):  # sparse, or a wrapper
        return 0


def _bytes(tensor: Any) -> int:
    storage = tensor.untyped_storage() if hasattr(tensor, "untyped_storage") else tensor.storage()
    return int(storage.nbytes())


def _tensors(torch: Any, value: Any) -> list[Any]:
    if isinstance(value, torch.Tensor):
        return [value]
    if isinstance(value, (tuple, list)):
        return [tensor for part in value for tensor in _tensors(torch, part)]
    return []


def _shapes(tensors: Any) -> str:
    found = [
        f"{fingerprint.dtype_name(tensor.dtype)}[{','.join(map(str, tensor.shape))}]" for tensor in tensors
    ]
    shown = found if len(found) <= 8 else [*found[:8], f"{len(found) - 8} more"]
    return ", ".join(shown)
