"""`log`: numbers that a program itself wants in its record, safe from a kill once the call returns."""

from __future__ import annotations

import sys
from time import perf_counter, time_ns
from typing import Any
from zlib import crc32

from . import configuration, rows

_LENGTH = 2000  # characters of a text that are kept
_LINES = 10_000  # of the program that are remembered

_keys: dict[str, str | None] = {}  # name -> its beginning in JSON, None where it names a secret
_places: dict[tuple[str, int, int], str] = {}  # (file, function, instruction) -> 'file:line' in JSON


def log(step: int | None = None, **values: Any) -> None:
    """Record named numbers or texts, at a step if one is given. Nothing happens outside a recording.

    Numbers of NumPy and PyTorch with one element are taken as what they hold. What was logged is safe from
    a kill of the process once this returns. Never raises.
    """
    settings = configuration.current()
    if settings is None:
        return
    since = perf_counter()
    try:
        if rows.ready():
            _log(settings.level, step, values)
    except rows.RAISED:
        raise
    except OSError:  # the recording is over
        pass
    except Exception as error:  # noqa: BLE001  a metric must not stop the program
        rows.failed("a logged value", error)
    rows.spent.seconds += perf_counter() - since


def _log(level: str, step: Any, values: dict[str, Any]) -> None:
    parts = []
    for name, value in values.items():
        key = _keys.get(name)
        if key is not None and type(value) is float and value - value == 0.0:
            parts.append(f"{key}{value!r}")
        else:
            parts.append(_pair(name, value))
    number = "null" if step is None else step if type(step) is int else int(step)
    clock = str(time_ns())  # to write a float would take three times as long
    row = f'{{"k":"log","t":{clock[:-9]}.{clock[-9:-3]},"n":{number}'
    if level != "off":  # the recorder makes the row of the trace
        row += f',"w":{_where()}' if step is not None else f',"w":{_where()},"s":{rows.steps()}'
    data = f'{row},"values":{{{",".join(parts)}}}}}'.encode()
    rows.put(b"%08x %b\n" % (crc32(data), data))


def _where() -> str:
    """Return, as JSON, the line of the user's code that logs."""
    frame = sys._getframe(3)
    code = frame.f_code  # to find the number of a line takes longer the longer the function is
    place = (code.co_filename, code.co_firstlineno, frame.f_lasti)
    known = _places.get(place)
    if known is None:
        known = rows.encode(rows.where(skip=3))
        if len(_places) < _LINES and rows.is_first_party(place[0]):
            _places[place] = known  # a line further out may be another one the next time
    return known


def _pair(name: str, value: Any) -> str:
    """Return a name and its value as JSON, without secrets."""
    key = _keys.get(name, "")
    if key == "":
        key = _key(name)
        if len(_keys) < _LINES:
            _keys[name] = key
    if key is None:
        return f"{rows.encode(name)}:{rows.encode(_removed())}"
    if type(value) is int or (type(value) is float and value - value == 0.0):
        return f"{key}{value!r}"
    return key + _converted(name, value)


def _key(name: str) -> str | None:
    from .secrets import is_named_secret

    return None if is_named_secret(name, "12345678") else f"{rows.encode(name)}:"


def _removed() -> str:
    from .secrets import REMOVED

    return REMOVED


def _converted(name: str, value: Any) -> str:
    """Return any other value as JSON: true numbers as numbers, the rest as text without its secrets."""
    if value is None or isinstance(value, bool):
        return rows.encode(value)
    if not isinstance(value, (str, bytes)) and hasattr(value, "item"):
        value = _item(value)
    if isinstance(value, (int, float)):
        return rows.encode(rows.plain(value))
    from .secrets import REMOVED, looks_secret

    text = value if isinstance(value, str) else str(rows.plain(value))
    return rows.encode(REMOVED if looks_secret(name, text) else text[:_LENGTH])


def _item(value: Any) -> Any:
    """Return what an array or tensor of one element holds, the value itself for a larger one."""
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(value, torch.Tensor):
        if value.numel() != 1:
            return f"tensor of shape {tuple(value.shape)}"
        from .fingerprint import quiet

        with quiet(torch):
            return value.item()
    return value.item() if getattr(value, "size", 1) == 1 else f"array of shape {tuple(value.shape)}"
