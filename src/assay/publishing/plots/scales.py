"""Axes that hold any numbers: ticks that fit, common factors for the huge, a place for zero on a log axis."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes

from assay.publishing.plots.canvas import SIZE, finite
from assay.publishing.sheet import log_ticks, width_of
from assay.publishing.words import plain

_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)
_RESOLUTION = 1e-12  # a span below this share of the numbers is no span
_FACTOR_FROM, _FACTOR_BELOW = 1e5, 1e-3
_OFFSET_BELOW = 1e-4
_LARGEST = 1e120  # beyond it, and below its inverse, the ends of a logarithmic axis would overflow
_RATIO = 30.0  # of largest to smallest, from which a logarithmic axis is the clearer one


class Scale(NamedTuple):
    """The limits of an axis; `note` is what its label must add, `zero` where 0 lies on a log axis."""

    low: float
    high: float
    note: str
    log: bool = False
    zero: float | None = None

    def place(self, values: Iterable[float | None]) -> np.ndarray:
        """Return where numbers are drawn: within twice the span of the limits, NaN for none."""
        raw = np.array([math.nan if value is None else float(value) for value in values], dtype=float)
        if self.log:
            floor = self.zero or self.low
            return np.asarray(np.clip(raw, floor, self.high * (self.high / self.low)))
        span = self.high - self.low
        return np.asarray(np.clip(raw, self.low - span, self.high + span))

    def label(self, text: str) -> str:
        """Return the label of the axis with its note."""
        return f"{text} ({self.note})" if self.note else text


def spread(values: Iterable[float | None], *, share: float = 0.06) -> tuple[float, float]:
    """Return limits with some air around the finite ones of these numbers; equal numbers get air too."""
    known = finite(values)
    low, high = (min(known), max(known)) if known else (0.0, 1.0)
    size = max(abs(low), abs(high))
    if high - low <= _RESOLUTION * size or high == low:
        pad = size * 0.05 or 0.5
        return low - pad, high + pad
    pad = (high - low) * share
    return low - pad, high + pad


def linear(axes: Axes, which: str, low: float, high: float, points: float) -> Scale:
    """Make a linear axis of so many points from `low` to `high`, with round ticks that do not touch."""
    factor, offset = _factor(low, high), 0.0
    size = max(abs(low), abs(high))
    if high - low < _OFFSET_BELOW * size:
        offset = _offset(low, high)
        factor = _factor(low - offset, high - offset)
    most = int(points // (17.0 if which == "y" else 19.0))
    places, names = [(low + high) / 2], [""]
    for count in range(max(2, min(6, most)), 0, -1):
        places, names = _ticks(low, high, count, factor, offset)
        if len(places) <= 1 or _fit(names, (places[1] - places[0]) / (high - low) * points, which):
            break
    axis = axes.xaxis if which == "x" else axes.yaxis
    axis.set_ticks(places, labels=names)
    (axes.set_xlim if which == "x" else axes.set_ylim)(low, high)
    return Scale(low, high, _note(factor, offset))


def logarithmic(axes: Axes, which: str, values: Iterable[float | None], points: float) -> Scale:
    """Make a logarithmic axis for these numbers; zeros, if any, get a place of their own at its foot."""
    known = finite(values)
    positive = [min(max(value, 1 / _LARGEST), _LARGEST) for value in known if value > 0]
    low, high = (min(positive), max(positive)) if positive else (0.1, 1.0)
    zero = None
    if any(value <= 0 for value in known):
        zero = 10.0 ** (math.floor(math.log10(low) - 1e-9) - (1.0 if low < high else 0.0))
        zero = max(zero, low * 1e-2)
    bottom = zero if zero is not None else low
    ratio = max(high / bottom, 1.6)
    air = ratio**0.04
    axes_low, axes_high = bottom / (air if zero is None else 1.0), bottom * ratio * air
    log_ticks(axes, which, low, max(high, low * 1.0001), max(2, int(points // 38)))
    axis = axes.xaxis if which == "x" else axes.yaxis
    places = [float(place) for place in axis.get_majorticklocs()]
    names = [label.get_text() for label in axis.get_ticklabels()]
    if len(places) < 1:
        places, names = [low], [plain(low, 3)]
    if zero is not None:
        apart = [(p, n) for p, n in zip(places, names, strict=True) if p > zero * ratio**0.12]
        places, names = [zero, *(p for p, _ in apart)], ["0", *(n for _, n in apart)]
    names = [
        name if 1e-4 <= p < 1e12 or name == "0" else _power(p) for p, name in zip(places, names, strict=True)
    ]
    axis.set_ticks(places, labels=names)
    (axes.set_xlim if which == "x" else axes.set_ylim)(axes_low, axes_high)
    return Scale(axes_low, axes_high, "", True, zero)


def wants_log(values: Iterable[float | None]) -> bool:
    """Say whether numbers that are not negative span so many sizes that a log axis shows them better."""
    known = finite(values)
    positive = [value for value in known if value > 0]
    return bool(positive) and min(known) >= 0 and max(positive) / min(positive) >= _RATIO


def share_axis(axes: Axes, which: str, points: float) -> Scale:
    """Make an axis for shares and probabilities: 0 to 1."""
    axis = axes.xaxis if which == "x" else axes.yaxis
    few = points < 70
    axis.set_ticks([0, 0.5, 1] if few else [0, 0.25, 0.5, 0.75, 1])
    axis.set_ticklabels(["0", ".5", "1"] if few else ["0", ".25", ".5", ".75", "1"])
    (axes.set_xlim if which == "x" else axes.set_ylim)(0.0, 1.0)
    return Scale(0.0, 1.0, "")


def whole_axis(axes: Axes, which: str, low: int, high: int, points: float) -> Scale:
    """Make an axis for ranks and counts: ticks at whole numbers that do not touch."""
    every = next(
        step
        for step in (1, 2, 5, 10, 20, 50, 100, 1000, 10**9)
        if (high - low) / step * (width_of(str(high), SIZE) + 4.0) <= points
    )
    places = sorted({low, *range(every * math.ceil((low + 1) / every), high + 1, every)})
    axis = axes.xaxis if which == "x" else axes.yaxis
    axis.set_ticks(places, labels=[str(place) for place in places])
    (axes.set_xlim if which == "x" else axes.set_ylim)(low - 0.15, high + 0.15)
    return Scale(low - 0.15, high + 0.15, "")


def _power(value: float) -> str:
    """Return a positive number as '5×10¹³', and a power of ten without its factor."""
    exponent = math.floor(math.log10(value) + 1e-9)
    factor = f"{value / 10.0**exponent:.3g}"
    return f"{'' if factor == '1' else factor + '×'}10{str(exponent).translate(_SUPERSCRIPTS)}"


def _factor(low: float, high: float) -> int:
    """Return the power of ten that the numbers of an axis share, a multiple of three; 0 for readable ones."""
    size = max(abs(low), abs(high))
    if size == 0 or _FACTOR_BELOW <= size < _FACTOR_FROM:
        return 0
    return 3 * math.floor(math.log10(size) / 3)


def _offset(low: float, high: float) -> float:
    """Return a round number near the numbers of an axis that differ only in their last digits."""
    unit = 10.0 ** math.ceil(math.log10(high - low))
    return math.floor((low + high) / 2 / unit) * unit


def _note(factor: int, offset: float) -> str:
    parts = [f"×10{str(factor).translate(_SUPERSCRIPTS)}"] if factor else []
    parts += [f"{'+' if offset > 0 else '−'} {plain(abs(offset), 12)}"] if offset else []
    return ", ".join(parts)


def _ticks(low: float, high: float, count: int, factor: int, offset: float) -> tuple[list[float], list[str]]:
    span = (high - low) / count
    power = 10.0 ** math.floor(math.log10(span))
    step = next(k * power for k in _STEPS if k * power >= span * 0.999)
    first = math.ceil((low - offset) / step - 1e-6)
    last = math.floor((high - offset) / step + 1e-6)
    unit = 10.0**factor
    decimals = max(0, -math.floor(math.log10(step / unit) + 1e-9))
    if not math.isclose(step / unit * 10**decimals, round(step / unit * 10**decimals), rel_tol=1e-6):
        decimals += 1
    places = [i * step for i in range(first, last + 1)]
    names = [f"{place / unit:,.{decimals}f}".replace("-", "−") for place in places]
    return [place + offset for place in places], names


def _fit(names: list[str], apart: float, which: str) -> bool:
    if which == "y":
        return apart >= 10.0
    wide = [width_of(name, SIZE) for name in names]
    return all((a + b) / 2 + 5.0 <= apart for a, b in itertools.pairwise(wide))
