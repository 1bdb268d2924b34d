"""The body of `assay exec`."""

from __future__ import annotations

import os
import re
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assay.capture.recording.launch import LEVELS, Ended, HookSettings, Launch
from assay.capture.recording.live import any_dead
from assay.capture.recording.record import NotSealedError, record_command, recover
from assay.foundation.errors import UsageError, nearest
from assay.foundation.places import cache_folder, store_folder

if TYPE_CHECKING:
    from assay.records.commands import CommandRecord

_SHARE = re.compile(r"(\d+(?:\.\d+)?)\s*%")
_WINDOW = re.compile(r"(\d+)(?::(\d+))?")
_GIB = 2**30


# The options of the command line by their names in `execute`; the program's own parser has the same.
TEXTS = {
    "--name": "name",
    "--trace": "trace",
    "--trace-budget": "budget",
    "--trace-window": "window",
    "--store": "store_path",
}
LISTS = {"--data": "data", "--output": "outputs"}
FLAGS = {"--quiet": "quiet", "--rehash": "rehash"}


def execute_quickly(arguments: Sequence[str]) -> int | None:
    """Run `assay exec` with these arguments; None for what the usual parser has to answer.

    That parser takes a tenth of a second to import, which the program would wait for.
    """
    told = parse_quickly(arguments)
    if told is None:
        return None
    sys.meta_path.insert(0, _WithoutPandas())
    return execute(**told)


class _WithoutPandas:
    """Lets pyarrow do without pandas, which it imports where it can: that takes as long as all the rest.

    For the recorder's own process alone, which is that of the command line.
    """

    def find_spec(self, name: str, _path: object = None, _target: object = None) -> None:
        """Raise for pandas, and leave every other module to the other finders."""
        if name == "pandas":
            raise ModuleNotFoundError("pandas is not needed here", name=name)


def parse_quickly(arguments: Sequence[str]) -> dict[str, Any] | None:
    """Return the keywords of `execute`; None for anything that is not plainly right."""
    told: dict[str, Any] = {"name": "", "trace": "steps", "budget": "3%", "window": None, "data": []}
    told.update(outputs=[], store_path=None, quiet=False, rehash=False)
    rest = list(arguments)
    while rest and rest[0].startswith("-"):
        option, equals, value = rest.pop(0).partition("=")
        if option == "--" and not equals:
            break
        if option in FLAGS and not equals:
            told[FLAGS[option]] = True
            continue
        if (option not in TEXTS and option not in LISTS) or not (equals or rest):
            return None
        value = value if equals else rest.pop(0)
        if option in LISTS:
            told[LISTS[option]].append(Path(value))
        else:
            told[TEXTS[option]] = Path(value) if option == "--store" else value
    return {**told, "command": rest} if rest else None


def execute(
    command: Sequence[str],
    *,
    name: str,
    trace: str,
    budget: str,
    window: str | None,
    data: Sequence[Path],
    outputs: Sequence[Path],
    store_path: Path | None,
    quiet: bool,
    rehash: bool,
) -> int:
    """Run a command, record it, and return its own exit status; 128 + n where signal n ended it."""
    if not command:
        raise UsageError("there is no command", hint="assay exec -- python train.py")
    hook = _hook(trace, budget, window)
    _check_data(data)
    store = (store_path or store_folder()).absolute()
    _recover(store, quiet=quiet)
    what = Launch(argv=tuple(command), folder=Path.cwd(), variables=dict(os.environ), hook=hook)
    try:
        record, ended = record_command(
            store,
            what,
            name=name,
            data=data,
            outputs=outputs,
            cache=cache_folder(),
            force_hash=rehash,
        )
    except NotSealedError as error:
        from assay.cli.output import fail

        fail(error)
        return error.ended.status
    if not quiet:
        _tell(store, record, ended)
    return ended.status


def _hook(trace: str, budget: str, window: str | None) -> HookSettings:
    if trace not in LEVELS:
        near = nearest(trace, LEVELS)
        raise UsageError(
            f"unknown level of trace '{trace}'",
            hint=f"did you mean '{near}'?" if near else f"one of {', '.join(LEVELS)}",
        )
    steps = _window(window)
    if steps is not None and trace != "operators":
        raise UsageError(
            "a window of steps is for the operators", hint="--trace operators --trace-window 10:12"
        )
    return HookSettings(
        level=trace,
        budget=_share(budget),
        operators=(steps or (0, 0)) if trace == "operators" else None,
        windows=(steps,) if steps else (),
    )


def _share(text: str) -> float | None:
    """Return the share of time in '3%'; None for 'all', which records every step."""
    if text == "all":
        return None
    found = _SHARE.fullmatch(text.strip())
    if found is None or not 0 < float(found[1]) <= 100:
        raise UsageError(
            f"'{text}' is no share of the time", hint="--trace-budget 3%, or 'all' for every step"
        )
    return float(found[1]) / 100


def _window(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    found = _WINDOW.fullmatch(text)
    first, last = (int(found[1]), int(found[2] or found[1])) if found else (1, 0)
    if first > last:
        raise UsageError(f"'{text}' is no window of steps", hint="--trace-window 10:12, both ends included")
    return first, last


def _check_data(data: Sequence[Path]) -> None:
    if any(not path.exists() for path in data):
        from assay.capture.recording.files import check_declared

        check_declared(data, "--data")


def _recover(folder: Path, *, quiet: bool) -> None:
    """Seal what an earlier recorder left; whatever stands in the way of that must not stop this command."""
    if not any_dead(folder):
        return
    from assay.cli.output import say
    from assay.records.store import Store

    try:
        found = recover(Store(folder), cache_folder())
    except Exception as error:  # noqa: BLE001  of another run, and said where runs are listed
        if not quiet:
            say(f"a run whose recorder died could not be sealed: {error}")
        return
    if found and not quiet:
        say(f"sealed {len(found)} runs whose recorder died: {', '.join(record.id[:8] for record in found)}")


def _tell(folder: Path, record: CommandRecord, ended: Ended) -> None:
    """Say in one line what was recorded, and in another how it ended where that needs saying."""
    from assay.cli.commands import made
    from assay.cli.output import say, visible
    from assay.records.commands import provenance_of_command
    from assay.records.store import Store

    store = Store(folder, create=False)
    provenance = provenance_of_command(store, record)
    facts = [visible(record.name), made(record, store.objects)]
    facts.append(f"{_counted(len(provenance.data), 'file')} of data")
    if not provenance.processes:
        facts[1:2] = ["nothing observed inside"]
    say(f"recorded as {record.id[:8]} ({', '.join(facts)}){_end(ended)}")


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


def _end(ended: Ended) -> str:
    if ended.signal is None:
        return f", exit status {ended.exit_status}" if ended.exit_status else ""
    text = f", killed by {signal_name(ended.signal)}"
    memory = _memory()
    if ended.signal == signal.SIGKILL and ended.peak_memory and memory:
        text += f"; its peak memory was {ended.peak_memory / _GIB:.1f} of {memory / _GIB:.1f} GiB"
        text += ": out of memory?" if ended.peak_memory > memory / 2 else ""
    return text


def _memory() -> int | None:
    """Return the memory that a process may have here: that of its group, else of the machine."""
    from assay.capture.environment import environment

    for path in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        try:
            limit = int(Path(path).read_text())
        except (OSError, ValueError):
            continue
        if limit < 2**60:
            return limit
    return environment().memory_bytes


def signal_name(number: int) -> str:
    """Return the name of a signal, such as 'SIGKILL'."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
