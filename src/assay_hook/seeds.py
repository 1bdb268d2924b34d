"""Judges seeds: what a seed was made of, and what a NumPy generator was seeded with where nobody can look."""

from __future__ import annotations

import os
import re
import sys
import time
from typing import Any

from . import rows

_UNITS = (1, 1000, 1_000_000, 1_000_000_000)
_WINDOW = 5.0  # seconds between the reading of a clock and its use as a seed
_LIMITS = (2**32, 2**32 - 1, 2**31, 2**31 - 1)  # what programs cut a seed to
# Numbers of processes that are seeds far more often; below 1,000 a number says nothing either way.
_POPULAR = frozenset({1000, 1024, 1111, 1234, 1337, 2048, 2222, 3333, 3407, 4096, 4242, 4321, 5555, 5678})
_TEXT = 200

_MAKERS = "RandomState|SeedSequence|PCG64DXSM|PCG64|Philox|SFC64|MT19937"
_CALL = re.compile(rf"\b({_MAKERS})\s*\(\s*(?:seed\s*=\s*|entropy\s*=\s*)?([^(),]*?)\s*([(),]|$)")
_DOTTED = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*")


def shown(seed: Any) -> Any:  # noqa: PLR0911  one return a kind of seed
    """Return a seed as a row can hold it: a number, a short text without secrets, or a digest."""
    if seed is None or isinstance(seed, bool):
        return seed
    if isinstance(seed, (int, float)) or hasattr(seed, "__index__"):
        number = seed if isinstance(seed, float) else int(seed)
        return number if isinstance(number, float) or abs(number) < 2**63 else str(number)
    if isinstance(seed, str):
        return _scrubbed(seed)
    if isinstance(seed, (bytes, bytearray)):
        import hashlib

        return "sha256 " + hashlib.sha256(seed).hexdigest()[:32]
    if isinstance(seed, (list, tuple)) and len(seed) <= 16:
        return [shown(part) for part in seed]
    entropy = getattr(seed, "entropy", None)  # a numpy.random.SeedSequence
    if entropy is not None:
        return shown(entropy)
    return _scrubbed(str(seed.tolist())) if hasattr(seed, "tolist") else rows.named(seed)


def _scrubbed(text: str) -> str:
    from .secrets import scrub

    return scrub(text)[:_TEXT]


def is_of_time(seed: Any) -> bool:
    """Say whether a seed is the present time, in s, ms, us or ns, or the number of this process."""
    if isinstance(seed, bool) or not (isinstance(seed, float) or hasattr(seed, "__index__")):
        return False
    number = float(seed)
    if number >= 1000 and number == os.getpid():
        return number not in _POPULAR and not 1900 <= number <= 2100
    now = time.time()
    if any(abs(number - now * unit) <= _WINDOW * unit for unit in _UNITS):
        return True
    # Cut to 32 bits, milliseconds can still be told from other numbers; shorter units cannot.
    milliseconds = now * 1000
    return number > 1_000_000 and any(abs(number - milliseconds % cut) <= _WINDOW * 1000 for cut in _LIMITS)


class Unknown:
    """A seed that is there and could not be read."""


def numpy_seed(frame: Any) -> tuple[str, Any]:
    """Return which generator of NumPy a line makes, and with which seed: None, a value or `Unknown`.

    NumPy takes entropy also for `RandomState(seed)`, and throws it away; its classes cannot be replaced. So
    the line is read, and its names are looked up where it runs. The name is '' where the line says nothing.
    """
    found = _CALL.search(_line(frame))
    if found is None:
        return "", Unknown
    name, argument, after = found.groups()
    if not argument:
        return name, (None if after == ")" else Unknown)
    if after == "(":
        return name, Unknown
    return name, _value(argument, frame)


def _value(text: str, frame: Any) -> Any:
    if text == "None":
        return None
    try:
        return int(text.replace("_", ""), 0)
    except ValueError:
        pass
    if not _DOTTED.fullmatch(text):
        return Unknown
    first, *rest = text.split(".")
    value = frame.f_locals.get(first, frame.f_globals.get(first, Unknown))
    for name in rest:  # in the instance alone: a property would run code of the program
        value = getattr(value, "__dict__", {}).get(name, Unknown)
    return value


def is_of_numpy(frame: Any) -> bool:
    """Say whether a frame is of NumPy's own random package: copies and unpickling, which set the state."""
    return str(frame.f_globals.get("__name__", "")).startswith("numpy.random")


_API = ("random", "secrets", "uuid", "os")
_PYTHON = os.path.join(os.path.dirname(os.path.abspath(os.__file__)), "")


def asking(frame: Any) -> Any:
    """Return the innermost frame that is neither the hook's nor of Python's modules for randomness."""
    own = __name__.rpartition(".")[0] + "."
    while frame is not None:
        name = str(frame.f_globals.get("__name__", ""))
        if name not in _API and not name.startswith(own):
            return frame
        frame = frame.f_back
    return None


def is_users(frame: Any) -> bool:
    """Say whether a frame is of the user's own code."""
    name = frame.f_code.co_filename
    return rows.is_first_party(name) or (
        name.startswith("<") and frame.f_globals.get("__name__") == "__main__"
    )


def is_of_python(frame: Any) -> bool:
    """Say whether a frame is of Python's standard library, which makes names of files and keys for itself."""
    name = frame.f_code.co_filename
    return name.startswith(_PYTHON) and "site-packages" not in name


def says(frame: Any, text: str) -> bool:
    """Say whether the line that runs in a frame has this text."""
    return text in _line(frame)


def _line(frame: Any) -> str:
    import linecache

    return linecache.getline(frame.f_code.co_filename, frame.f_lineno)


def is_importing(frame: Any) -> bool:
    """Say whether a module outside the user's code is being imported where this frame runs."""
    while frame is not None:
        name = frame.f_code.co_filename
        if name.startswith("<frozen importlib"):
            return True
        if rows.is_first_party(name):
            return False
        frame = frame.f_back
    return False


def unseen_generators() -> list[str]:
    """Return the lines of the user's code that make a `torch.Generator`; its seed cannot be observed."""
    import linecache

    found = []
    program = getattr(sys, "argv", None) or [""]  # `__main__` has lost the name of its file at exit
    for file in [program[0], *(getattr(module, "__file__", None) for module in list(sys.modules.values()))]:
        if not isinstance(file, str) or not file.endswith(".py") or not rows.is_first_party(file):
            continue
        for number, line in enumerate(linecache.getlines(rows.absolute(file)), 1):
            if "torch.Generator(" in line and not line.lstrip().startswith("#"):
                found.append(f"{rows.absolute(file)}:{number}")
    return sorted(set(found))
