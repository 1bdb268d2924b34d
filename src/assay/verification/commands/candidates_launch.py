"""Differences in how two commands were started: variables, threads, arguments, interpreter, machine."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePath
from typing import NamedTuple

from assay.capture.secrets import REMOVED
from assay.provenance.commands import CommandProvenance
from assay.verification.commands.change import Change, arrow, impossible, likely
from assay_hook.variables import PATH

HASH_SEED = "PYTHONHASHSEED"
_ARITHMETIC = re.compile(
    r"(?:OMP|MKL|OPENBLAS|GOTO|BLIS|VECLIB_MAXIMUM|NUMEXPR_NUM)_(?:NUM_)?THREADS|MKL_\w+|ATEN_CPU_CAPABILITY"
    r"|(?:ONEDNN|DNNL)_\w+|CUBLAS_WORKSPACE_CONFIG|NVIDIA_TF32_OVERRIDE|TORCH_ALLOW_TF32_CUBLAS_OVERRIDE"
    r"|OPENBLAS_CORETYPE|NPY_(?:DIS|EN)ABLE_CPU_FEATURES|TF_\w+|PYTHONHASHSEED"
)
_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OMP_THREAD_LIMIT", "MKL_DYNAMIC", "OMP_DYNAMIC")
# Kernels of PyTorch for the CPU, each a subset of the next; ATEN_CPU_CAPABILITY asks for a smaller one.
_CAPABILITIES = ("default", "avx2", "avx512")
_PYTHON = re.compile(r"(?:pythonw?|pypy)[\d.]*(?:\.exe)?")
_OPTION = re.compile(r"-(?!\d|\.\d|inf\b|nan\b|$)", re.IGNORECASE)
_OVERRIDE = re.compile(r"[+~]{0,2}[\w./@]+=")


def variable_changes(a: CommandProvenance, b: CommandProvenance) -> Iterator[Change]:
    """Yield the recorded environment variables that differ, each a change."""
    one, two = variables_of(a), variables_of(b)
    for name in sorted({*one, *two}):
        old, new = one.get(name), two.get(name)
        if old == new:
            continue
        change = Change(
            id=f"variable:{name}",
            kind="hash seed" if name == HASH_SEED else "variable",
            path=name,
            a=old,
            b=new,
            text=f"{name}: {arrow(old, new)}",
            likelihood=0 if _ARITHMETIC.fullmatch(name) else 3,
            variables={name: new},
        )
        if name == PATH:
            yield impossible(change, "what is found there is tried: code by file, packages by version")
        elif REMOVED in (old or "") or REMOVED in (new or ""):
            yield impossible(change, "its value was taken out as a secret")
        else:
            yield change


def variables_of(provenance: CommandProvenance) -> dict[str, str]:
    """Return the recorded environment variables, those of the arithmetic included."""
    environment = provenance.environment
    return {**(environment.arithmetic.settings if environment else {}), **provenance.variables}


def number_changes(a: CommandProvenance, b: CommandProvenance) -> Iterator[Change]:
    """Yield what PyTorch computed with where no variable says it: threads, and the processor's kernels."""
    one, two = variables_of(a), variables_of(b)
    old, new = (side.numerics.get("torch.num_threads") for side in (a, b))
    explained = any(one.get(name) != two.get(name) for name in _THREADS)
    if isinstance(old, int) and isinstance(new, int) and old != new and not explained:
        yield Change(
            id="threads:torch",
            kind="threads",
            path="torch.num_threads",
            a=str(old),
            b=str(new),
            text=f"threads of torch: {old} -> {new}",
            likelihood=0,
            threads=new,
        )
    name = "ATEN_CPU_CAPABILITY"
    able = [str(side.numerics.get("torch.cpu_capability") or "") for side in (a, b)]
    if all(able) and able[0] != able[1] and one.get(name) == two.get(name):
        yield _capability(able[0], able[1], name)


def _capability(old: str, new: str, name: str) -> Change:
    ranks = [_CAPABILITIES.index(one.lower()) if one.lower() in _CAPABILITIES else -1 for one in (old, new)]
    change = Change(
        id="variable:torch.cpu_capability",
        kind="variable",
        path="torch.cpu_capability",
        a=old,
        b=new,
        text=f"kernels of torch for the processor: {old} -> {new}",
        likelihood=0,
        variables={name: new.lower()},
    )
    if 0 <= ranks[1] < ranks[0]:
        return change
    return impossible(change, f"a processor with {old} cannot be made to take the kernels for {new}")


def interpreter_changes(a: CommandProvenance, b: CommandProvenance) -> Iterator[Change]:
    """Yield another interpreter as one change, which brings the packages of its environment with it."""
    old, new = (_interpreter(side) for side in (a, b))
    if not old or not new or old == new:
        return
    change = Change(
        id="interpreter",
        kind="interpreter",
        path="interpreter",
        a=old,
        b=new,
        text=f"{arrow(old, new)} (and the packages of its environment)",
        likelihood=3,
        interpreter=b.interpreter,
    )
    found = bool(b.interpreter) and Path(b.interpreter).is_file()
    yield change if found else impossible(change, "the other interpreter is not on this machine")


def _interpreter(side: CommandProvenance) -> str:
    return side.environment.arithmetic.interpreter if side.environment else ""


def machine_changes(a: CommandProvenance, b: CommandProvenance) -> Iterator[Change]:
    """Yield what is another machine: listed, and not to be applied."""
    one, two = _machine(a), _machine(b)
    for name in one:
        if one[name] != two[name] and one[name] and two[name]:
            change = Change(
                id=f"machine:{name}",
                kind="machine",
                path=name,
                a=one[name],
                b=two[name],
                text=f"{name}: {arrow(one[name], two[name])}",
                likelihood=9,
            )
            yield impossible(change, "it belongs to another machine")


def _machine(side: CommandProvenance) -> dict[str, str]:
    environment = side.environment
    world = side.distributed.get("world_size", side.numerics.get("distributed.world_size"))
    facts = {"devices": ", ".join(side.devices), "processes": str(world) if world is not None else ""}
    if environment is not None:
        facts |= {
            "processor": environment.processor or "",
            "C library": environment.arithmetic.libc or "",
            "system": environment.system,
            "cores": str(environment.cores or ""),
        }
    return {
        name: facts.get(name, "")
        for name in ("devices", "processes", "processor", "C library", "system", "cores")
    }


class Item(NamedTuple):
    """An option with its value, or a positional argument: its name, and its place in the arguments."""

    name: str
    shown: str
    start: int
    end: int


def items_of(argv: Sequence[str]) -> list[Item]:
    """Return the arguments by option; an option has the argument after it, unless that is one too.

    `--name value`, `--name=value`, `name=value` and flags go by their name, what is left by its place. An
    interpreter at the front is left out. A name that comes again is numbered.
    """
    found: list[Item] = []
    counts: dict[str, int] = {}
    place = 1 if argv and _PYTHON.fullmatch(PurePath(argv[0]).name) else 0
    while place < len(argv):
        name, shown, length = _item(argv, place)
        counts[name] = counts.get(name, 0) + 1
        numbered = name if counts[name] == 1 and name != "argument" else f"{name} {counts[name]}"
        found.append(Item(numbered, shown, place, place + length))
        place += length
    return found


def _item(argv: Sequence[str], place: int) -> tuple[str, str, int]:
    word = argv[place]
    name, equals, value = word.partition("=")
    dashed = _OPTION.match(word) is not None
    if equals and (dashed or _OVERRIDE.match(word)):
        return name, value, 1
    if not dashed:
        return "argument", word, 1
    following = argv[place + 1] if place + 1 < len(argv) else "--"
    # `--multirun lr=0.1` is a flag and an override far more often than an option with such a value.
    if _OPTION.match(following) or _OVERRIDE.match(following):
        return word, "given", 1
    return word, following, 2


def argument_changes(
    a: CommandProvenance, b: CommandProvenance, renamed: Mapping[str, str]
) -> Iterator[Change]:
    """Yield the options and positional arguments that differ; `renamed` are programs that are one file."""
    one, two = ({item.name: item for item in items_of(side.argv)} for side in (a, b))
    before = 1 if a.argv and _PYTHON.fullmatch(PurePath(a.argv[0]).name) else 0
    for name, item in two.items():
        if name in one:
            before = one[name].end
            same = a.argv[one[name].start : one[name].end] == b.argv[item.start : item.end]
            if not same and renamed.get(PurePath(one[name].shown).name) != PurePath(item.shown).name:
                yield _argument(b, one[name], item, one[name].start)
        else:
            yield _argument(b, None, item, before)
    for name, item in one.items():
        if name not in two:
            yield _argument(b, item, None, item.start)


def _argument(b: CommandProvenance, one: Item | None, two: Item | None, start: int) -> Change:
    name = (one or two).name  # type: ignore[union-attr]  # one of them is there
    old, new = one.shown if one else None, two.shown if two else None
    words = b.argv[two.start : two.end] if two else ()
    change = Change(
        id=f"argument:{name}",
        kind="argument",
        path=name,
        a=old,
        b=new,
        text=f"{name}: {arrow(old, new)}",
        likelihood=likely(name, 1),
        arguments=(start, one.end if one else start, words),
    )
    if two and (REMOVED in "".join(words) or set(range(two.start, two.end)) & set(b.removed)):
        return impossible(change, "its value was taken out as a secret")
    return change


def folder_changes(a: CommandProvenance, b: CommandProvenance) -> Iterator[Change]:
    """Yield another working folder: listed, for what a program finds there is not known."""
    if a.folder != b.folder:
        change = Change(
            id="working folder",
            kind="argument",
            path="working folder",
            a=a.folder,
            b=b.folder,
            text=f"working folder: {arrow(a.folder, b.folder)}",
            likelihood=6,
        )
        yield impossible(change, "a run is repeated in its own working folder")


def launch_changes(a: CommandProvenance, b: CommandProvenance, renamed: Mapping[str, str]) -> list[Change]:
    """Return all differences in how two commands were started."""
    return [
        *argument_changes(a, b, renamed),
        *folder_changes(a, b),
        *variable_changes(a, b),
        *number_changes(a, b),
        *interpreter_changes(a, b),
        *machine_changes(a, b),
    ]
