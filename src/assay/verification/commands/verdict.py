"""The verdict on a recorded command from its repeats, by the design's table; pure."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence

import msgspec
import numpy as np
from scipy.special import betaincinv, stdtrit

from assay.foundation.errors import UsageError
from assay.verification.commands.printed import is_duration

# Best first: `--at-least WORD` holds for this word and those before it.
WORDS = ("identical", "equivalent", "consistent", "unstable", "undecided", "diverged", "incomparable")
CONFIDENCE = 0.95
RARE = 0.10  # `diverged` needs instability to be rarer than this, at CONFIDENCE
ENOUGH = math.ceil(math.log(1 - CONFIDENCE) / math.log1p(-RARE))  # 29 repeats that all agree


class OneRepeat(msgspec.Struct, frozen=True, kw_only=True):
    """What one repeat showed: `outcome` is a digest of all that was compared, `detail` the first difference.

    `metrics` are the last logged values, by name; `ended` says that it ended as the record did.
    """

    same: bool
    outcome: str
    detail: str = ""
    metrics: dict[str, float] = {}
    ended: bool = True


class Margin(msgspec.Struct, frozen=True, kw_only=True):
    """A margin that was fixed before the repeats: within it, values of `metric` are as good as equal."""

    metric: str
    width: float


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """A word of the design's table, with its numbers.

    `same` of `repeats` were identical with the record. `rate` is the share of repeats that differ from
    the most common outcome, with the exact interval (Clopper and Pearson 1934) at 95 %; for identical
    repeats the upper end bounds how often a repeat would differ.
    """

    word: str
    same: int
    repeats: int
    sentence: str
    rate: float | None = None
    low: float | None = None
    high: float | None = None

    def text(self) -> str:
        """Return the verdict as people read it, such as 'identical 3/3'."""
        counted = self.word in ("identical", "undecided", "diverged")
        return f"{self.word} {self.same}/{self.repeats}" if counted and self.repeats else self.word

    def reaches(self, word: str) -> bool:
        """Say whether the verdict is at least as good as `word`."""
        return WORDS.index(self.word) <= WORDS.index(word)


def check_word(word: str) -> str:
    """Return `word` if it is one of the table; raises `UsageError` naming them."""
    if word not in WORDS:
        raise UsageError(f"no verdict is called '{word}'", hint=f"one of: {', '.join(WORDS)}")
    return word


def check_margin(margin: Margin, recorded: Mapping[str, float]) -> None:
    """Raise `UsageError` for a margin of a metric that the record has not."""
    if margin.metric not in recorded:
        raise UsageError(
            f"no metric '{margin.metric}' was logged by the record",
            why=f"logged: {', '.join(sorted(recorded)) or 'nothing'}",
            hint="log it with assay.log(NAME=value), or leave the margin out",
        )


def judge(
    repeats: Sequence[OneRepeat],
    *,
    recorded: Mapping[str, float],
    obstacles: Sequence[str] = (),
    margin: Margin | None = None,
    located: str | None = None,
    foreign: Sequence[str] = (),
) -> Verdict:
    """Return the verdict. `obstacles` say why nothing can be compared; `foreign` how this arithmetic differs.

    `recorded` are the record's last logged values; `located` names the cause of the difference where it
    was found.
    """
    if obstacles or not repeats:
        return _plain("incomparable", repeats, "; ".join(obstacles) or "nothing was repeated")
    same, total = sum(one.same for one in repeats), len(repeats)
    if same == total:
        return _identical(total)
    judged = _within(repeats, recorded, margin) if margin else None
    if judged:
        return judged
    outcomes = Counter(one.outcome for one in repeats)
    if len(outcomes) > 1:
        return _varying(repeats, outcomes, recorded)
    return _agreeing(repeats, located, foreign)


def _agreeing(repeats: Sequence[OneRepeat], located: str | None, foreign: Sequence[str]) -> Verdict:
    """Judge repeats that agree with each other and not with the record."""
    same, total, detail = sum(one.same for one in repeats), len(repeats), repeats[0].detail
    if located:
        return _plain("diverged", repeats, f"{detail}; the cause: {located}")
    if total >= ENOUGH:
        bound = 1 - (1 - CONFIDENCE) ** (1 / total)
        sentence = (
            f"{detail}; all {total} repeats agree with each other, so that at 95 % confidence chance "
            f"plays a part in less than {_percent(bound)} of them"
        )
        return _plain("diverged", repeats, sentence, high=bound)
    why = f"; here the arithmetic is another: {', '.join(foreign[:4])}" if foreign else ""
    return _plain(
        "undecided", repeats, f"{detail}; {same} of {total} repeats are identical with the record{why}"
    )


def rate_interval(count: int, total: int) -> tuple[float, float]:
    """Return the exact 95 % interval of a share (Clopper and Pearson, Biometrika 1934)."""
    tail = (1 - CONFIDENCE) / 2
    low = 0.0 if count == 0 else float(betaincinv(count, total - count + 1, tail))
    high = 1.0 if count == total else float(betaincinv(count + 1, total - count, 1 - tail))
    return low, high


def _identical(total: int) -> Verdict:
    bound = 1 - (1 - CONFIDENCE) ** (1 / total)
    return Verdict(
        word="identical",
        same=total,
        repeats=total,
        sentence=f"{total} of {total} repeats are identical with the record; at 95 % confidence a repeat "
        f"differs in at most {_percent(bound)} of the cases",
        rate=0.0,
        low=0.0,
        high=bound,
    )


def _varying(repeats: Sequence[OneRepeat], outcomes: Counter[str], recorded: Mapping[str, float]) -> Verdict:
    """Judge repeats that differ among themselves: unstable, or consistent where enough of them say so."""
    total, same = len(repeats), sum(one.same for one in repeats)
    off = total - outcomes.most_common(1)[0][1]
    low, high = rate_interval(off, total)
    if off == total - 1:
        high = 1.0  # no outcome came twice: it may be that none ever does
    detail = next(one.detail for one in repeats if not one.same)
    text = (
        f"repeats on this machine differ among themselves: {len(outcomes)} outcomes in {total}, "
        f"{off} off the most common one ({_percent(low)} to {_percent(high)}); {same} identical with the "
        f"record; {detail}"
    )
    inside = _predicted(repeats, recorded)
    if inside:
        return _plain("consistent", repeats, f"{inside}; {text}", rate=off / total, low=low, high=high)
    return _plain("unstable", repeats, text, rate=off / total, low=low, high=high)


def _predicted(repeats: Sequence[OneRepeat], recorded: Mapping[str, float]) -> str | None:
    """Say that every recorded metric lies in the 95 % prediction interval of five or more repeats."""
    names = sorted(
        name for name in recorded if not is_duration(name) and all(name in one.metrics for one in repeats)
    )
    if len(repeats) < 5 or not names or not all(one.ended for one in repeats):
        return None
    for name in names:
        values = np.array([one.metrics[name] for one in repeats])
        spread = float(values.std(ddof=1)) * math.sqrt(1 + 1 / len(values))
        # All metrics together: each gets its share of the error (Bonferroni).
        reach = float(stdtrit(len(values) - 1, 1 - (1 - CONFIDENCE) / (2 * len(names)))) * spread
        if not abs(recorded[name] - float(values.mean())) <= reach:
            return None
    return f"the recorded {', '.join(names)} lie within what the repeats predict (no evidence of equality)"


def _within(repeats: Sequence[OneRepeat], recorded: Mapping[str, float], margin: Margin) -> Verdict | None:
    """Return `equivalent` where two one-sided tests put the difference within the margin, else None."""
    check_margin(margin, recorded)
    values = [one.metrics.get(margin.metric) for one in repeats]
    if any(value is None for value in values) or not all(one.ended for one in repeats):
        return None
    off = np.array(values, dtype=float) - recorded[margin.metric]
    spread = float(off.std(ddof=1)) if len(off) > 1 else 0.0
    reach = float(stdtrit(len(off) - 1, CONFIDENCE)) * spread / math.sqrt(len(off)) if spread else 0.0
    largest = max(abs(float(off.mean()) - reach), abs(float(off.mean()) + reach))
    if not largest < margin.width or len(off) < 2:
        return None
    return _plain(
        "equivalent",
        repeats,
        f"{margin.metric} differs from the record by {float(off.mean()):+.6g}, with 95 % confidence by less "
        f"than {largest:.6g}: within the margin of {margin.width:g} that was fixed before",
    )


def _plain(
    word: str,
    repeats: Sequence[OneRepeat],
    sentence: str,
    *,
    rate: float | None = None,
    low: float | None = None,
    high: float | None = None,
) -> Verdict:
    same = sum(one.same for one in repeats)
    return Verdict(
        word=word, same=same, repeats=len(repeats), sentence=sentence, rate=rate, low=low, high=high
    )


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"
