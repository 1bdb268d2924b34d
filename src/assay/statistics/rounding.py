"""Numbers for people: as many digits as the uncertainty leaves standing."""

from __future__ import annotations

import math

from assay.statistics.interval import Interval

_ALONE = 4
_PRECISION = 15
_POSITIONAL = range(-5, 7)


def rounded(value: float, half_width: float | None, digits: int = 2) -> str:
    """Return 'value ± half width', the half width with `digits` significant digits: '0.8123 ± 0.0032'.

    A value without a half width has four significant digits; with one of zero, six decimals at
    most. Below 10^-5 and from 10^7 on it is '(1.2346 ± 0.0032)e-08'. No value is given more than
    the 15 significant digits that a double holds.
    """
    if not math.isfinite(value) or half_width is None or not math.isfinite(half_width) or half_width < 0:
        return f"{value:.{_ALONE}g}"
    if half_width == 0:
        return f"{_at(value, -6).rstrip('0').rstrip('.')} ± 0"
    # The size of the half width once it is rounded: 0.00996 becomes 0.010.
    size = _exponent(float(f"{half_width:.{digits - 1}e}"))
    last, top = size - digits + 1, max(size, _exponent(value))
    if top - last >= _PRECISION:
        return f"{value:.{_PRECISION}g} ± {half_width:.{digits - 1}e}"
    if top in _POSITIONAL:
        return f"{_at(value, last)} ± {_at(half_width, last)}"
    value, half_width = _scaled(value, top), _scaled(half_width, top)
    return f"({_at(value, last - top)} ± {_at(half_width, last - top)})e{top:+03d}"


def interval_text(interval: Interval) -> str:
    """Return a mean rounded by half the width of its interval, or the mean alone where there is none."""
    if interval.low is None or interval.high is None:
        return rounded(interval.mean, None)
    return rounded(interval.mean, interval.high / 2 - interval.low / 2)


def _exponent(value: float) -> int:
    return math.floor(math.log10(abs(value))) if value else -400


def _scaled(value: float, exponent: int) -> float:
    """Return value / 10^exponent, in two steps that neither overflow nor vanish."""
    first = exponent // 2
    return value / 10.0**first / 10.0 ** (exponent - first)


def _at(value: float, last: int) -> str:
    """Return a value with its last digit at 10^last; never '-0'."""
    text = f"{round(value, -last):.{max(0, -last)}f}"
    return text.lstrip("-") if float(text) == 0 else text
