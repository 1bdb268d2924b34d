"""Records where randomness comes from: seeds, draws from process-wide generators, entropy, hash order.

Functions of modules get stand-ins (`stand_ins.py`); those that draw are gone after the first draw. What
cannot be replaced without being noticed, NumPy's classes and whatever of torch a compiler looks at, is
judged by the states of the generators instead, when `look` is called. No number is ever drawn for it, and
nothing is imported: what installs is called once a module is imported.
"""

from __future__ import annotations

import functools
import sys
import types
from collections.abc import Callable
from typing import Any

from . import generators, imports, rows, seeds
from .random_sources import (
    begin,
    depth,
    draws,
    end,
    entropy,
    generator_seen,
    look,
    nested,
    overlook,
    seeded,
    sources,
    unwatch,
    watching,
)
from .stand_ins import Group, StandIn, rearm, settle

__all__ = ["generator_seen", "look", "unwatch"]  # and what installs, for `start`

_CALLS = 1000  # of a source of entropy; then it is no longer watched

_PYTHON_DRAWS = (  # noqa: SIM905  a list of words reads best as such
    "random uniform triangular randint choice randrange sample shuffle choices normalvariate lognormvariate"
    " expovariate vonmisesvariate gammavariate gauss betavariate binomialvariate paretovariate weibullvariate"
    " getrandbits randbytes"
).split()
_NUMPY_OTHERS = frozenset(
    {"seed", "get_state", "set_state", "default_rng", "set_bit_generator", "get_bit_generator", "test"}
)


_replaced: list[tuple[Any, str, Any, Any]] = []  # (module or class, name, original, what stands there now)


def _put(owner: Any, name: str, value: Any) -> None:
    _replaced.append((owner, name, owner.__dict__.get(name), value))
    setattr(owner, name, value)


def _stand_in(module: Any, name: str, body: Callable[[Any], Any]) -> None:
    original = module.__dict__.get(name)
    if callable(original):
        _put(module, name, StandIn(original, body(original)))


def _wrap(owner: Any, name: str, body: Callable[[Any], Any]) -> None:
    """Replace a function written in Python by another one, which still pickles by its name."""
    original = owner.__dict__.get(name)
    if callable(original):
        _put(owner, name, functools.wraps(original)(body(original)))


def uninstall() -> None:
    """Put everything back that still stands where it was put."""
    for owner, name, original, value in reversed(_replaced):
        if type(value) is StandIn:
            settle(value)
        if owner.__dict__.get(name) is value:
            setattr(owner, name, original)
    _replaced.clear()
    end()


def _draws(source: str) -> Callable[[Any], Any]:
    """Return what makes the body of a function that draws from this process-wide generator."""

    def body_of(original: Any) -> Any:
        def body(*args: Any, **kwargs: Any) -> Any:
            before = draws(source, sys._getframe(1))
            try:
                result = original(*args, **kwargs)
            except BaseException as error:
                rows.hide(error)
                raise
            if before is not None:
                overlook(source, before)
            return result

        return body

    return body_of


def _seeds(generator: str, source: str = "") -> Callable[[Any], Any]:
    """Return what makes the body of a function whose first argument is a seed."""

    def body_of(original: Any) -> Any:
        def body(*args: Any, **kwargs: Any) -> Any:
            with nested():
                try:
                    result = original(*args, **kwargs)
                except BaseException as error:
                    rows.hide(error)
                    raise
                given = args[0] if args else kwargs.get("a", kwargs.get("seed"))
                if not hasattr(given, "random") and not hasattr(given, "capsule"):  # a generator is no seed
                    seeded(generator, given, sys._getframe(1), source)
            return result

        return body

    return body_of


def _states(source: str) -> Callable[[Any], Any]:
    """Return what makes the body of a function that restores a state."""

    def body_of(original: Any) -> Any:
        def body(*args: Any, **kwargs: Any) -> Any:
            with nested():
                result = original(*args, **kwargs)
                frame = sys._getframe(1)
                # Code that torch compiled puts states back in the name of the function it was made from.
                if not seeds.is_users(frame) or seeds.says(frame, "state"):
                    seeded(source, "a saved state", frame, source)
            return result

        return body

    return body_of


def _entropies(generator: str, done: Callable[[], Any] | None = None) -> Callable[[Any], Any]:
    """Return what makes the body of a function that gives entropy; `done` is called when enough was seen."""

    def body_of(original: Any) -> Any:
        calls = 0

        def body(*args: Any, **kwargs: Any) -> Any:
            nonlocal calls
            if calls >= _CALLS:
                return original(*args, **kwargs)
            calls += 1
            if calls == _CALLS and done is not None:
                done()
            with nested():
                entropy(generator)
                return original(*args, **kwargs)

        return body

    return body_of


# -- Python -------------------------------------------------------------------------------------------------


def install_os(os: Any) -> None:
    """Begin in this process, and watch the entropy that the system gives."""
    begin()
    original = os.urandom
    stand_in = StandIn(original, original)
    rearm(stand_in, _entropies("os.urandom", lambda: settle(stand_in))(original))
    _put(os, "urandom", stand_in)


def install_random(random: Any) -> None:
    """Watch Python's process-wide generator, and the generators that the program makes."""
    generators.remember("python")
    source = sources["python"]
    source.group = Group(random, _PYTHON_DRAWS, _draws("python"))
    source.arm()
    _stand_in(random, "seed", _seeds("python", "python"))
    _stand_in(random, "setstate", _states("python"))
    _wrap(random.Random, "seed", _instances)
    for name in ("random", "getrandbits", "randbytes"):
        _wrap(random.SystemRandom, name, _entropies("random.SystemRandom"))


def _instances(original: Any) -> Any:
    """Return the body of the method that seeds a generator which the program makes for itself."""

    def body(self: Any, *args: Any, **kwargs: Any) -> Any:
        with nested():
            result = original(self, *args, **kwargs)
            given = args[0] if args else kwargs.get("a")
            _note_instance(self, given, sys._getframe(1))
        return result

    return body


@rows.guarded
def _note_instance(instance: Any, seed: Any, frame: Any) -> None:
    frame = seeds.asking(frame)
    if frame is None:
        return
    if instance is sys.modules["random"]._inst:
        seeded("python", seed, frame, "python")
    # A copy is made without a seed as well, and gets its state later.
    elif seed is not None or seeds.says(frame, "Random("):
        seeded("random.Random", seed, frame)


def install_uuid(uuid: Any) -> None:
    """Watch identifiers made of entropy, or of the time."""
    for name in ("uuid1", "uuid4"):
        _wrap(uuid, name, _entropies(name))


def install_secrets(secrets: Any) -> None:
    """Watch the functions of `secrets`, which are methods bound before anything else could watch them."""
    for name in ("randbits", "choice", "randbelow", "token_bytes"):
        original = secrets.__dict__.get(name)
        if isinstance(original, types.MethodType):
            _stand_in(secrets, name, _entropies("secrets"))
        else:
            _wrap(secrets, name, _entropies("secrets"))


# -- NumPy --------------------------------------------------------------------------------------------------


def watch_numpy(numpy: Any) -> None:
    """Watch `numpy.random`, once it is imported; NumPy 2 does that late."""
    imports.after_import(f"{numpy.__name__}.random", _watch_numpy)


def _watch_numpy(module: Any) -> None:
    generators.remember("numpy")
    names = [name for name in module.__all__ if name not in _NUMPY_OTHERS]
    source = sources["numpy"]
    source.group = Group(module, names, _draws("numpy"))
    source.arm()
    for owner in (module, sys.modules.get(f"{module.__name__}.mtrand")):
        if owner is not None:
            _stand_in(owner, "seed", _seeds("numpy", "numpy"))
    _stand_in(module, "set_state", _states("numpy"))
    _stand_in(module, "default_rng", _seeds("numpy.Generator"))
    bits = sys.modules.get(f"{module.__name__}.bit_generator")
    if bits is None or not hasattr(bits, "randbits"):
        rows.missed("entropy that NumPy's generators take could not be observed")
        return
    _stand_in(bits, "randbits", _numpy_entropy)


def _numpy_entropy(original: Any) -> Any:
    """Return the body of the function by which NumPy's generators take entropy."""

    def body(*args: Any, **kwargs: Any) -> Any:
        with nested():
            _judge_numpy(sys._getframe(1))
            return original(*args, **kwargs)

    return body


@rows.guarded
def _judge_numpy(frame: Any) -> None:
    if depth() > 1 or seeds.is_of_numpy(frame) or seeds.is_importing(frame):
        return
    name, seed = seeds.numpy_seed(frame)
    if not name or (name == "RandomState" and seed is seeds.Unknown):
        place = rows.where()
        if place:
            rows.missed(f"whether the NumPy generator made at {place} was seeded could not be read")
        return
    seeded(f"numpy.{name}", seed if name == "RandomState" else None, frame)


# -- Torch --------------------------------------------------------------------------------------------------


def watch_torch(torch: Any) -> None:
    """Watch torch's functions that seed, each still one function under two names; `look` sees draws."""
    generators.remember("torch")
    watching.torch_seed = torch.default_generator.initial_seed()
    imports.after_import("torch._dynamo", _watch_compiler)
    for package, generator in ((torch, "torch"), (torch.cuda, "torch.cuda")):
        inner = getattr(package, "random", None)
        source = "torch" if package is torch else ""
        for name in ("manual_seed", "manual_seed_all", "seed", "seed_all"):
            original = package.__dict__.get(name)
            if original is not None and getattr(inner, name, None) is original:
                _wrap(package, name, _seeds(generator, source))
                _put(inner, name, package.__dict__[name])


def _watch_compiler(dynamo: Any) -> None:
    """Put functions that draw back as soon as something is to be compiled."""
    _wrap(dynamo, "optimize", _compiles)


def _compiles(original: Any) -> Any:
    def body(*args: Any, **kwargs: Any) -> Any:
        rows.guarded(unwatch)()
        return original(*args, **kwargs)

    return body
