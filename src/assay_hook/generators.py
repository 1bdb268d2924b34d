"""Reads the states of the process-wide generators as raw memory, and says which were drawn from.

Python's generator and NumPy's global one keep a Mersenne Twister of 624 words and a position: 2,500 bytes
that lie at a known address. Reading them there is a hundred times cheaper than `getstate`; the layout is
checked against `getstate` once, and what does not check is read the slow way. Nothing is ever drawn.
"""

from __future__ import annotations

import ctypes
import struct
import sys
import weakref
from typing import Any

from . import fingerprint

NAMES = ("python", "numpy", "torch")
_WORDS = 624
_SIZE = 4 * _WORDS + 4


def _memory(address: int) -> Any:
    return (ctypes.c_char * _SIZE).from_address(address)


def _slow(state: Any) -> bytes:
    return repr(state).encode()


class _Python:
    """The generator behind the functions of the module `random`."""

    def __init__(self) -> None:
        self._inst: Any = None
        self._memory: Any = None

    def read(self) -> Any:
        module = sys.modules.get("random")
        inst = getattr(module, "_inst", None)
        if inst is None:
            return None
        if inst is not self._inst:
            self._find(inst)
        state = _slow(inst.getstate()) if self._memory is None else self._memory.raw
        gauss = inst.gauss_next  # the second of a pair of normal variates, kept for the next call
        return (("mt", state),) if gauss is None else (("mt", state), ("gauss", _slow(gauss)))

    def _find(self, inst: Any) -> None:
        self._inst, self._memory = inst, None
        state = inst.getstate()[1]
        if sys.implementation.name != "cpython" or len(state) != _WORDS + 1:
            return
        base = next((kind for kind in type(inst).__mro__ if kind.__module__ == "_random"), None)
        if base is None:
            return
        raw = ctypes.string_at(id(inst), base.__basicsize__)
        place = raw.find(struct.pack(f"={_WORDS}I", *state[:-1]))
        if place >= 4 and raw[place - 4 : place] == struct.pack("=i", state[-1]):
            self._memory = _memory(id(inst) + place - 4)


class _NumPy:
    """The generator behind the functions of `numpy.random`; its cache of one normal variate is not read."""

    def __init__(self) -> None:
        self._bits: Any = None
        self._memory: Any = None

    def read(self) -> Any:
        module = sys.modules.get("numpy.random.mtrand")
        shared = getattr(module, "_rand", None)
        if shared is None:
            return None
        bits = shared._bit_generator  # another one after `numpy.random.set_bit_generator`
        if bits is not self._bits:
            self._find(bits)
        return (("mt", _slow(_plain(bits.state)) if self._memory is None else self._memory.raw),)

    def _find(self, bits: Any) -> None:
        self._bits, self._memory = bits, None
        state = bits.state
        if state.get("bit_generator") != "MT19937":
            return
        memory = _memory(bits.ctypes.state_address)
        inner = state["state"]
        if memory.raw == inner["key"].astype("=u4").tobytes() + struct.pack("=i", inner["pos"]):
            self._memory = memory


def _plain(state: Any) -> Any:
    """Return a state whose arrays are whole when written out."""
    if isinstance(state, dict):
        return {key: _plain(value) for key, value in state.items()}
    return state.tolist() if hasattr(state, "tolist") else state


class _Torch:
    """The default generator of the processor, and those of the accelerators that are in use."""

    def __init__(self) -> None:
        self._devices: Any = ()

    def read(self) -> Any:
        torch = sys.modules.get("torch")
        generator = getattr(torch, "default_generator", None)
        if torch is None or generator is None:
            return None
        state = generator.get_state()
        parts = (("cpu", ctypes.string_at(state.data_ptr(), state.numel())),)
        cuda = getattr(torch, "cuda", None)
        if cuda is None or not getattr(cuda, "_initialized", False):
            return parts
        return parts + self._of_devices(torch)

    def _of_devices(self, torch: Any) -> Any:
        if torch.cuda.is_current_stream_capturing():  # a state must not be read while a graph is captured
            return self._devices
        found = []
        for number, generator in enumerate(torch.cuda.default_generators):
            state = generator.get_state()  # seed and offset, kept on the host: nothing waits for the device
            found.append((f"cuda:{number}", ctypes.string_at(state.data_ptr(), state.numel())))
        self._devices = tuple(found)
        return self._devices


_readers: dict[str, Any] = {"python": _Python(), "numpy": _NumPy(), "torch": _Torch()}
_at_import: dict[str, Any] = {}


def state(name: str) -> Any:
    """Return the state of 'python', 'numpy' or 'torch' to compare with another, None where not imported."""
    return _readers[name].read()


def remember(name: str) -> None:
    """Take the present state of a generator for the one it started with; call it once it is imported."""
    parts = state(name)
    if parts is not None:
        _at_import.setdefault(name, parts)


def started_with(name: str) -> Any:
    """Return the state that `remember` took, None where it took none."""
    return _at_import.get(name)


_all: Any = weakref.WeakSet()


def overlook(name: str, before: Any) -> None:
    """Take what was just drawn for not drawn, as by a package for purposes of its own.

    `before` is the state before that; who had seen another one still sees a change.
    """
    now = state(name)
    if _at_import.get(name) == before:
        _at_import[name] = now
    for generators in _all:
        generators.replace(name, before, now)


class Generators:
    """Compares the process-wide generators with how they were at the last look."""

    def __init__(self) -> None:
        self._last: dict[str, Any] = {}
        self._off: set[str] = set()
        _all.add(self)

    def replace(self, name: str, before: Any, now: Any) -> None:
        """Take a state for another one that was seen at the last look."""
        if self._last.get(name) == before:
            self._last[name] = now

    def changed(self) -> dict[str, str]:
        """Return a fingerprint of each generator whose state is another one than at the last look.

        The first look compares with the state at import: a generator that nothing drew from and nothing
        seeded has a state of its own in every process, which says nothing about the run.
        """
        found = {}
        last = self._last
        for name in NAMES:
            if name in self._off:
                continue
            try:
                now = _readers[name].read()
            except Exception:  # noqa: BLE001  an unusual build: this generator is not observed
                self._off.add(name)
                continue
            if now is None:
                continue
            before = last.get(name) or _at_import.get(name)
            last[name] = now
            if now != before:
                found[name] = _digest(now, before)
        return found

    def unreadable(self) -> tuple[str, ...]:
        """Return the generators that could not be read and are left out."""
        return tuple(sorted(self._off))


def _digest(now: Any, before: Any) -> str:
    """Return the fingerprint of the parts that changed."""
    known = dict(before or ())
    hasher = fingerprint.new()
    for part, data in now:
        if known.get(part) != data:
            hasher.update(f"{part}:{len(data)};".encode())
            hasher.update(data)
    return str(hasher.hexdigest())
