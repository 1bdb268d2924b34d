"""The bodies of `assay table landscape` and `assay table reliability`."""

from __future__ import annotations

import math
from collections.abc import Sequence

from assay.analysis.landscape import Landscape, landscape
from assay.analysis.reliability import Agreement, Classes, Noise, Reliability, reliability
from assay.benchmarks.catalogue import expand, open_benchmark
from assay.cli.output import give, give_json, say, table
from assay.foundation.places import cache_folder

_FEW, _FEW_OF = 30, 0.01
"""Fewer architectures than these, or than this share of the space, are no picture of it."""
_UNRELIABLE = 0.1
"""A reliability below this is as good as none: nine tenths of the variation and more are noise."""


def show_landscape(names: Sequence[str], signal: str | None, fidelity: str | None, *, json: bool) -> int:
    """Print the landscape of each benchmark, side by side."""
    cache = cache_folder()
    found = []
    for name in expand(names, cache):
        say(f"walking through {name}")
        found.append(landscape(open_benchmark(name, cache).at(fidelity), signal))
    if json:
        give_json(found)
        return 0
    give(table(["", *[one.benchmark for one in found]], _rows(found), right=range(1, len(found) + 1)))
    say()
    for one in found:
        best = one.optima[0]
        others = f" and {one.equal_best:,} other{'s' * (one.equal_best > 1)} with the same value"
        shared = others if one.equal_best else ""
        say(f"{one.benchmark}: {best.value:.6g} {one.unit} is the best, of {best.arch}{shared}")
    for one in found:
        _warn_of_few(one.benchmark, one.architectures, one.architectures + one.missing)
    return 0


def _warn_of_few(name: str, known: int, whole: int) -> None:
    if known < _FEW or known < _FEW_OF * whole:
        few = f"{known:,} of {whole:,} architectures {'has' if known == 1 else 'have'} a value"
        say(f"warning: {name}: {few}; numbers of so few say nothing of the whole space")


def _rows(found: Sequence[Landscape]) -> list[list[str]]:
    facts = [
        ("signal", [f"{one.signal} at {one.fidelity}" for one in found]),
        ("architectures", [f"{one.architectures:,}" for one in found]),
        ("without a value", [f"{one.missing:,}" for one in found]),
        ("neighbours with a value, average", [f"{one.neighbours:.4g}" for one in found]),
        ("local optima", [f"{one.local_optima:,}" for one in found]),
        ("optima on plateaus", [f"{one.plateau_optima:,}" for one in found]),
        ("steepest ascent reaches the best", [f"{100 * one.reaches_best:.1f} %" for one in found]),
        ("autocorrelation of a walk, lag 1", [_number(one.autocorrelation[0]) for one in found]),
        ("correlation length", [_number(one.correlation_length) for one in found]),
        ("score and distance to the best", [_number(one.distance_correlation) for one in found]),
        ("farthest from the best, steps", [f"{one.farthest:,}" for one in found]),
    ]
    return [[title, *cells] for title, cells in facts]


def show_reliability(
    name: str,
    signal: str | None,
    fidelity: str | None,
    others: Sequence[str],
    columns: Sequence[str],
    *,
    json: bool,
) -> int:
    """Print how far the numbers of a benchmark can be trusted to rank architectures."""
    cache = cache_folder()
    opened = [open_benchmark(other, cache).at(fidelity) for other in expand(others, cache)]
    found = reliability(open_benchmark(name, cache).at(fidelity), signal, others=opened, columns=columns)
    if json:
        give_json(found)
        return 0
    give("\n\n".join(_sections(found)))
    _warn_of_few(name, found.architectures, found.size)
    return 0


def _sections(found: Reliability) -> list[str]:
    head = f"{found.benchmark}: {found.signal} at {found.fidelity} [{found.unit}]"
    parts = [f"{head}\n{_noise(found)}"]
    if found.agreements:
        columns = [
            "first",
            "second",
            "both",
            "spearman",
            "kendall",
            "top spearman",
            "top kendall",
            "top shared",
        ]
        rows = [_agreement(one) for one in found.agreements]
        few = f"\n!: fewer than {_FEW} architectures, too few for a correlation to say anything"
        marked = any(one.architectures < _FEW for one in found.agreements)
        parts.append(table(columns, rows, right=range(2, len(columns))) + (few if marked else ""))
    if found.classes is not None:
        parts.append(_classes(found.classes, found.unit))
    return parts


def _noise(found: Reliability) -> str:
    noise, unit = found.noise, found.unit
    if noise is None:
        number = f"at {found.fidelity} its table has one number an architecture"
        return f"  {number}, so that the noise of training cannot be seen"
    vary = f"  trainings of one architecture vary by {noise.sd:.3g} {unit} (standard deviation)"
    mean = f"of the mean of {noise.seeds:.3g} {noise.of_mean:.4f}"
    lines = [
        f"{vary}, of the best tenth by {noise.top_sd:.3g}",
        f"  reliability of one training {noise.icc:.4f}, {mean} ({noise.architectures:,} architectures)",
        _apart(noise),
    ]
    return "\n".join(lines)


def _apart(noise: Noise) -> str:
    if noise.of_mean < _UNRELIABLE:
        return "  no difference between architectures can be trusted: what they vary by is noise of training"
    distinct = f"  at most {noise.distinct:,} architectures can be picked so that any two differ by more"
    top = f"{noise.top_distinct:,} from the best tenth"
    return f"{distinct}\n  than noise does in 95 of 100 pairs, {top} by the noise there"


def _agreement(one: Agreement) -> list[str]:
    numbers = (one.spearman, one.kendall, one.top_spearman, one.top_kendall)
    return [
        one.first,
        one.second,
        f"{one.architectures:,}{'!' if one.architectures < _FEW else ''}",
        *map(_number, numbers),
        f"{100 * one.overlap:.0f} %",
    ]


def _classes(classes: Classes, unit: str) -> str:
    noise = "" if classes.noise is None else f"; training noise alone would make {classes.noise:.3g}"
    shared = f"{classes.shared:,} of them shared by {classes.members:,} architectures"
    lines = [
        f"{classes.form}: {classes.classes:,} classes, {shared}",
        f"  inside a class they vary by {classes.sd:.3g} {unit}{noise}",
        f"  the widest class spans {classes.largest:.4g} {unit}: {classes.example}",
    ]
    return "\n".join(lines)


def _number(value: float | None) -> str:
    return "none" if value is None or math.isnan(value) else f"{value:.3f}"
