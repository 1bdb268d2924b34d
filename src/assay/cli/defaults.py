"""What `assay show RUN --defaults` prints: the values that a program worked with and never named."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from assay.cli.output import visible
from assay.provenance.commands import SOURCES, CommandProvenance, Setting
from assay.provenance.components import Plain

_WIDTH = 100
_LONGEST_VALUE = 60
_MOST_PLACES = 6
# Settings as PyTorch 2 and the interpreter come, which say nothing about a run. Where a version has another
# value, or a setting that is not listed, it is shown like any other.
_AS_THEY_COME: dict[str, tuple[Plain, ...]] = {
    "process.flush_denormal": (False,),
    "process.gil": (True,),
    "process.hash_randomization": (True,),
    "process.optimize": (0,),
    "torch.anomaly_mode": (False,),
    "torch.autocast.cache": (True,),
    "torch.autocast.cpu": ("bfloat16",),
    "torch.autocast.cuda": ("float16",),
    "torch.cuda.bf16_reduction": (True, [True, True]),
    "torch.cuda.fp16_accumulation": (False,),
    "torch.cuda.fp16_reduction": (True, [True, True]),
    "torch.cuda.tf32": (False,),
    "torch.cudnn.allow_tf32": (True,),
    "torch.cudnn.benchmark": (False,),
    "torch.cudnn.deterministic": (False,),
    "torch.cudnn.enabled": (True,),
    "torch.default_device": ("cpu",),
    "torch.default_dtype": ("float32",),
    "torch.deterministic_algorithms": (False,),
    "torch.deterministic_warn_only": (False,),
    "torch.dynamo.used": (False,),
    "torch.fill_uninitialized_memory": (True,),
    "torch.float32_matmul_precision": ("highest",),
    **{
        f"torch.fp32_precision.{backend}.{operation}": ("none",)
        for backend in ("generic", "cuda", "mkldnn")
        for operation in ("all", "matmul", "conv", "rnn")
    },
    "torch.fp32_precision.cuda.conv": ("none", "tf32"),
    "torch.fp32_precision.cuda.rnn": ("none", "tf32"),
    "torch.jit.fuses_on_cpu": (False,),
    "torch.jit.texpr_fuser": (True,),
    "torch.mkldnn.allow_tf32": (False,),
    "torch.mkldnn.deterministic": (False,),
    "torch.mkldnn.enabled": (True,),
    "torch.nnpack.enabled": (True,),
    "torch.opt_einsum.strategy": ("auto",),
    "torch.sdp.cudnn": (True,),
    "torch.sdp.efficient": (True,),
    "torch.sdp.flash": (True,),
    "torch.sdp.fp16_bf16_reduction": (False,),
    "torch.sdp.math": (True,),
    "torch.sdp.priority": ([1, 2, 0, 3, 4],),
}
# What was counted or seen rather than set: nobody names it, and no library changes it.
_FACTS = frozenset({"training", "parameters", "elements", "of", "calls", "dataset", "length"})


class _Owner(NamedTuple):
    """What holds a setting: its kind, its place, which is empty where there is only one, and its class."""

    kind: str
    place: str
    owner: str


def defaults(provenance: CommandProvenance) -> list[Setting]:
    """Return the settings that the program never named, by source and path."""
    return _ordered(setting for setting in provenance.settings if setting.named is False)


def as_they_come(numerics: Mapping[str, Plain]) -> dict[str, Plain]:
    """Return the settings in force that are as their libraries come."""
    # True is 1 in Python, and no setting is both.
    return {name: value for name, value in numerics.items() if value in _AS_THEY_COME.get(name, ())}


def default_lines(provenance: CommandProvenance) -> list[str]:
    """Return the lines that show the values that the program never named, equal ones together.

    What nobody saw whether it was named, such as a value that was set after its object was made, stands
    apart.
    """
    found = defaults(provenance)
    open_ones = _ordered(
        setting
        for setting in provenance.settings
        if setting.named is None and _split(setting.path)[1] not in _FACTS
    )
    usual = as_they_come(provenance.numerics)
    if not found and not open_ones:
        return ["no value was seen that the program left to a default", *_usual_lines(usual)]
    lines = []
    if found:
        many = len(found) > 1
        head = f"a library upgrade could change {'these' if many else 'this'} {_count(found, 'value')}, "
        lines += [f"{head}which the program never named", *_grouped(found)]
    if open_ones:
        lines += [f"not known whether the program named: {_count(open_ones, 'value')}", *_grouped(open_ones)]
    named = sum(setting.named is True for setting in provenance.settings)
    counted = f"named by the program: {named:,} of {named + len(found) + len(open_ones):,} values"
    return [*lines, counted, *_usual_lines(usual)]


def _usual_lines(usual: Mapping[str, Plain]) -> list[str]:
    if not usual:
        return []
    values = [f"{visible(name)} = {visible(_value(value))}" for name, value in sorted(usual.items())]
    count = f"{len(values):,} setting{'' if len(values) == 1 else 's'}"
    return [f"in force as the libraries come: {count}", *_packed("   ", values)]


def _ordered(settings: Iterable[Setting]) -> list[Setting]:
    order = {source: number for number, source in enumerate(SOURCES)}
    return sorted(settings, key=lambda one: (order.get(one.source, len(order)), one.source, one.path))


def _grouped(settings: Sequence[Setting]) -> list[str]:
    """Return the lines of settings by source; objects of one class with the same values share them."""
    by_source: dict[str, dict[_Owner, list[Setting]]] = {}
    for setting in settings:
        owner, _ = _split(setting.path)
        by_source.setdefault(setting.source, {}).setdefault(owner, []).append(setting)
    lines = []
    for source, objects in by_source.items():
        lines.append(f"  {visible(source)}")
        alike: dict[tuple[str, tuple[str, ...]], list[tuple[_Owner, Setting]]] = {}
        for owner, members in objects.items():
            values = tuple(f"{_split(one.path)[1]} = {_value(one.value)}" for one in members)
            alike.setdefault((owner.owner, values), []).append((owner, members[0]))
        for (name, values), places in alike.items():
            lines += _alike(name, values, places)
    return lines


def _alike(name: str, values: Sequence[str], places: Sequence[tuple[_Owner, Setting]]) -> list[str]:
    """Return the lines of objects of one class that have the same values: the values, then where they are."""
    lines = _packed(f"    {visible(name)}:", [visible(value) for value in values])
    shown = places if len(places) <= _MOST_PLACES else places[: _MOST_PLACES - 1]
    for owner, setting in shown:
        place = f"{owner.kind} {owner.place}" if owner.place.isdecimal() else owner.place
        text = ", ".join(part for part in (place, setting.where) if part)
        if text:
            lines.append(f"      at {visible(text)}")
    if len(shown) < len(places):
        lines.append(f"      and at {len(places) - len(shown):,} more places")
    return lines


def _packed(head: str, values: Sequence[str]) -> list[str]:
    """Return as few lines as hold a head and values after it; no value is broken."""
    lines = [head]
    for number, value in enumerate(values):
        text = f" {value}{',' if number < len(values) - 1 else ''}"
        if len(lines[-1]) + len(text) > _WIDTH and number:
            lines.append(" " * 7)
        lines[-1] += text
    return lines


def _split(path: str) -> tuple[_Owner, str]:
    """Return what holds a setting, and the setting's name: 'module net.bn1 BatchNorm2d.eps' ends in 'eps'."""
    head, _, name = path.rpartition(".")
    kind, _, rest = head.partition(" ")
    place, _, owner = rest.rpartition(" ")
    if ".group " in head:  # 'optimizer 0 SGD.group 0': the group belongs to the class
        before, _, number = head.rpartition(".group ")
        kind, _, rest = before.partition(" ")
        place, _, owner = rest.rpartition(" ")
        owner = f"{owner} group {number}"
    return _Owner(kind, place, owner or head), name


def _value(value: Plain) -> str:
    """Return a value on one line: a tensor by its shape and fingerprint, several numbers by their range."""
    if isinstance(value, dict) and isinstance(value.get("shape"), list) and "tensor" in value:
        sizes = "x".join(map(str, value["shape"]))
        return f"tensor {sizes} {str(value['tensor'])[:8]}"
    if isinstance(value, dict) and {"different", "least", "greatest"} == set(value):
        return f"{value['different']} values from {value['least']} to {value['greatest']}"
    if (
        isinstance(value, dict)
        and set(value) == {"different", "values"}
        and isinstance(value["values"], list)
    ):
        return f"{value['different']} values, {_short(' '.join(map(json.dumps, value['values'])))}"
    return _short(json.dumps(value, ensure_ascii=False))


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST_VALUE else f"{text[: _LONGEST_VALUE - 3]}..."


def _count(settings: Sequence[Setting], word: str) -> str:
    return f"{len(settings):,} {word}{'' if len(settings) == 1 else 's'}"
