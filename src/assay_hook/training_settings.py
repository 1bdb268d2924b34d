"""The settings of the objects that train: optimizers, schedulers, scalers of gradients, data loaders.

They are told at the first step, with the values that they work with then; those made later, at once.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from typing import Any

from . import rows, settings
from .construction import Argument, Book, Call, Watches, arguments_of
from .module_settings import in_force, is_named

_MOST_OBJECTS = 100  # of one kind; the folds of a validation make the same ones again and again
# Arguments that are data, or told of elsewhere.
_LEFT_OUT = {"params", "optimizer", "dataset"}


class Objects:
    """The objects of one kind, each told once."""

    def __init__(self, tell: Callable[[Any, Call], None]) -> None:
        self.book = Book(self._made)
        self.is_after_first_step = False
        self._tell = rows.guarded(tell)
        self._told: set[int] = set()

    def tell_all(self) -> None:
        """Write the settings of the objects that were not told yet."""
        for call in self.book.calls:
            self._tell_one(call.object(), call)
        self.is_after_first_step = True

    def clear(self) -> None:
        """Forget everything."""
        self.book.clear()
        self.book.made = 0
        self.is_after_first_step = False
        self._told.clear()

    def _made(self, made: Any, call: Call) -> None:
        if self.is_after_first_step:
            self._tell_one(made, call)

    def _tell_one(self, made: Any, call: Call) -> None:
        if made is None or call.number in self._told or len(self._told) >= _MOST_OBJECTS:
            return
        self._told.add(call.number)
        self._tell(made, call)


def write_arguments(
    path: str, arguments: Iterable[tuple[Argument, Any, bool]], call: Call, source: str
) -> None:
    """Write the arguments of a call: each with the value in force, and whether it was set later."""
    for argument, value, changed in arguments:
        if argument.name in _LEFT_OUT or argument.name.startswith("_"):
            continue
        named = is_named(call, argument, changed=changed)
        settings.write(f"{path}.{argument.name}", value, source, named=named, where=call.where)


def _given(call: Call) -> Iterable[tuple[Argument, Any, bool]]:
    return ((argument, argument.value, False) for argument in arguments_of(call))


def _below(owner: type) -> list[type]:
    """Return the classes that are derived from a class, those from them too."""
    found: dict[type, None] = {}
    waiting = [owner]
    while waiting:
        inner: type
        for inner in waiting.pop().__subclasses__():
            if inner not in found:
                found[inner] = None
                waiting.append(inner)
    return list(found)


# -- Optimizers ---------------------------------------------------------------------------------------------


class Optimizers(Objects):
    """The optimizers, with the settings of each of their groups of parameters."""

    def __init__(self, parameter_owners: Callable[[], dict[int, str]]) -> None:
        super().__init__(self._tell_optimizer)
        self._owners = parameter_owners
        self._keys: dict[int, list[frozenset[str]]] = {}  # what the program named in each group

    def watch(self, torch: Any, watches: Watches) -> None:
        """Watch the constructors of torch's optimizers, and the groups that are added to any optimizer."""
        base = torch.optim.Optimizer
        for owner in (base, *_below(base)):
            if owner.__module__.startswith("torch.optim."):
                watches.constructor(owner, self.book)

        def note(_function: Any, args: Any, kwargs: Any) -> None:
            try:
                self._added(*(*args, *kwargs.values())[:2])
            except Exception as error:  # noqa: BLE001  the program goes on with its optimizer
                rows.failed("a group of parameters", error)

        watches.function(base, "add_param_group", note)

    def clear(self) -> None:
        """Forget everything."""
        super().clear()
        self._keys.clear()

    def _added(self, optimizer: Any, group: Any) -> None:
        call = self.book.call_of(optimizer)
        if call is not None and isinstance(group, dict):
            self._keys.setdefault(call.number, []).append(frozenset(group))

    def _tell_optimizer(self, optimizer: Any, call: Call) -> None:
        path = f"optimizer {call.number} {type(optimizer).__name__}"
        named = _Named(optimizer, call)
        keys = self._keys.get(call.number, [])
        owners = self._owners()
        for number, group in enumerate(optimizer.param_groups):
            place = f"{path}.group {number}"
            given = keys[number] if number < len(keys) else frozenset()
            for name, value in group.items():
                if name not in {"params", "param_names"}:
                    settings.write(
                        f"{place}.{name}",
                        value,
                        "optimizer",
                        named=named.of(name, value, given),
                        where=call.where,
                    )
            self._tell_parameters(place, group["params"], owners, call.where)
        groups = optimizer.param_groups
        for name, value in optimizer.defaults.items():
            if any(group.get(name) is not value and group.get(name) != value for group in groups):
                settings.write(
                    f"{path}.defaults.{name}",
                    value,
                    "optimizer",
                    named=named.of(name, value, frozenset()),
                    where=call.where,
                )

    def _tell_parameters(self, place: str, parameters: Any, owners: dict[int, str], where: str) -> None:
        counts: dict[str, int] = {}
        for parameter in parameters:
            owner = owners.get(id(parameter), "other")
            counts[owner] = counts.get(owner, 0) + 1
        elements = sum(parameter.numel() for parameter in parameters)
        facts = {"parameters": len(parameters), "elements": elements, "of": dict(sorted(counts.items()))}
        for name, value in facts.items():
            settings.write(f"{place}.{name}", value, "optimizer", where=where)


class _Named:
    """Tells which values of an optimizer's groups the program named."""

    def __init__(self, optimizer: Any, call: Call) -> None:
        self.call = call
        self.arguments = {argument.name: argument for argument in arguments_of(call)}
        # An optimizer that is not torch's own hands its base class a table of all that it was given.
        self.is_foreign = call.function is getattr(_optimizer_class().__init__, "__wrapped__", None)
        self.defaults = optimizer.defaults

    def of(self, name: str, value: Any, given: frozenset[str]) -> bool | None:
        """Say whether the program named the value of a group; `given` are the names in the group itself."""
        if name in given:
            return True
        if self.is_foreign:
            return True if self.call.by_program and name in self.defaults else None
        argument = self.arguments.get(name)
        if argument is None:
            return None
        changed = not argument.given and settings.plain(argument.value) != settings.plain(value)
        return is_named(self.call, argument, changed=changed)


def _optimizer_class() -> Any:
    return sys.modules["torch"].optim.Optimizer


# -- Schedulers, precision, loaders -------------------------------------------------------------------------


class Schedulers(Objects):
    """The schedules of learning rates: arguments, and what they made of them."""

    def __init__(self) -> None:
        super().__init__(self._tell_scheduler)

    def watch(self, torch: Any, watches: Watches) -> None:
        """Watch the constructors of torch's schedulers."""
        module = torch.optim.lr_scheduler
        base = getattr(module, "LRScheduler", None) or vars(module)["_LRScheduler"]
        plateau = module.ReduceLROnPlateau
        for owner in dict.fromkeys((base, *_below(base), plateau, *_below(plateau))):
            if owner.__module__.startswith("torch.optim."):
                watches.constructor(owner, self.book)

    @staticmethod
    def _tell_scheduler(scheduler: Any, call: Call) -> None:
        path = f"scheduler {call.number} {type(scheduler).__name__}"
        write_arguments(path, _given(call), call, "scheduler")
        told = {argument.name for argument in arguments_of(call)} | _LEFT_OUT
        for name, value in vars(scheduler).items():
            if not name.startswith("_") and name not in told:
                settings.write(f"{path}.{name}", value, "scheduler", where=call.where)


class Scalers(Objects):
    """The scalers of gradients for mixed precision."""

    def __init__(self) -> None:
        super().__init__(self._tell_scaler)

    def watch(self, torch: Any, watches: Watches) -> None:
        """Watch the constructors of the scalers."""
        base = getattr(torch.amp, "GradScaler", None) or torch.cuda.amp.GradScaler
        for owner in (base, *_below(base)):
            if owner.__module__.startswith("torch."):
                watches.constructor(owner, self.book)

    @staticmethod
    def _tell_scaler(scaler: Any, call: Call) -> None:
        path = f"amp {call.number} {type(scaler).__name__}"
        inside = vars(scaler)
        arguments = list(arguments_of(call))
        found = ((one, inside.get(f"_{one.name}", one.value), False) for one in arguments)
        write_arguments(path, found, call, "amp")


class Loaders(Objects):
    """The data loaders: each is told when it is made, for the next epoch may make another."""

    def __init__(self) -> None:
        super().__init__(self._tell_loader)
        self.is_after_first_step = True
        self._forms: list[Any] = []

    def clear(self) -> None:
        """Forget everything."""
        super().clear()
        self.is_after_first_step = True
        self._forms = []

    def watch(self, torch: Any, watches: Watches) -> None:
        """Watch the constructor of the loader."""
        watches.constructor(torch.utils.data.DataLoader, self.book)

    def _tell_loader(self, loader: Any, call: Call) -> None:
        found = [(one, _in_loader(loader, one)) for one in arguments_of(call)]
        form = [call.where, *((one.name, value) for one, value in found)]
        if form in self._forms:
            return
        path = f"loader {len(self._forms)} {type(loader).__name__}"
        self._forms.append(form)
        made = {"sampler", "batch_sampler"}  # by the loader, where they are not given
        write_arguments(path, ((one, value, one.name in made) for one, value in found), call, "loader")
        facts = {"dataset": settings.name_of(loader.dataset).strip("<>"), "length": _length(loader)}
        if type(loader.sampler).__module__.startswith("torch."):
            for name, value in vars(loader.sampler).items():
                if type(value) in {int, float, bool} and not name.startswith("_"):
                    facts[f"sampler.{name}"] = value
        for name, value in facts.items():
            settings.write(f"{path}.{name}", value, "loader", where=call.where)


def _in_loader(loader: Any, argument: Argument) -> Any:
    """Return what a loader works with where its attribute of that name does not say it plainly."""
    name = argument.name
    if name in {"sampler", "batch_sampler", "collate_fn", "worker_init_fn"}:
        inside = getattr(loader, name)
        return None if inside is None else settings.name_of(inside).strip("<>")
    if name == "generator":
        return (
            None if loader.generator is None else f"torch.Generator, seed {loader.generator.initial_seed()}"
        )
    if name == "multiprocessing_context":
        context = loader.multiprocessing_context
        return None if context is None else context.get_start_method()
    return in_force(loader, argument)[0]


def _length(loader: Any) -> int | None:
    """Return the number of samples, None for a stream."""
    if "IterableDataset" in {owner.__name__ for owner in type(loader.dataset).__mro__}:
        return None
    try:
        return len(loader.dataset)
    except Exception:  # noqa: BLE001  a data set without a length is none of the hook's business
        return None
