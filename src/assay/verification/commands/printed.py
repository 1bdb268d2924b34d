"""What a program printed, without what no two runs share: durations, moments and places.

A line is compared as it stands but for these, so that a program that tells how long it took is not called
another one for it. What is left out is narrow on purpose: a number counts unless its unit or its name says
that it is a time.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

import msgspec

from assay.records.trace import Trace
from assay_hook.secrets import REMOVED

_NUMBER = r"[-+]?\d+(?:[.,]\d+)*(?:[eE][-+]?\d+)?"
_TIMED = (
    # 2026-11-24T16:42:23.5, 16:42:23, and the 00:12<00:03 of a progress bar
    r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?",
    r"\b\d{1,3}:\d\d(?::\d\d)?(?:[.,]\d+)?\b",
    # 3.2 s, 15 ms, 120 it/s
    rf"{_NUMBER} ?(?:s|secs?|seconds?|ms|msecs?|us|usecs?|µs|ns|minutes?|hours?)\b(?!/)",
    rf"{_NUMBER} ?(?:[a-zA-Z]+/s(?:ec(?:ond)?)?|s/[a-z]+|ms/[a-z]+)\b",
)
_NAMED = re.compile(
    r"(?i)(\b(?:\w+[_ ])?(?:time|elapsed|took|duration|runtime|walltime|eta|latency|throughput|seconds|secs)"
    rf"(?:_[a-z]+)?\b\"?(?: ?\([a-z/]+\))?(?: ?[:=] ?| ))({_NUMBER})"
)
_TIMES = re.compile("|".join(_TIMED))
# Names that are drawn anew for each run: of temporary files, and addresses of objects.
_DRAWN = re.compile(r"\b0x[0-9a-fA-F]{6,}\b|/tmp/[\w./-]+|\btmp[a-z0-9_]{8}\b")
_FIGURE = re.compile(r"\d")
_DURATION = re.compile(
    r"(?i)(?:^|[_/. -])(?:time|elapsed|duration|runtime|walltime|seconds|secs|sec|ms|eta|latency"
    r"|throughput|timestamp|(?:steps?|samples|images|tokens|it|examples|epochs)_?per_?sec(?:ond)?)"
    r"(?:$|[_/. -])"
)


def is_duration(name: str) -> bool:
    """Say whether a logged value is a time or a speed by its name, which no two runs share."""
    return _DURATION.search(name) is not None


def masked(line: str, places: Mapping[str, str] | None = None) -> str:
    """Return a line without times, drawn names and the folders in `places`, which get their names there."""
    for folder, name in sorted((places or {}).items(), key=lambda one: -len(one[0])):
        line = line.replace(folder, name) if len(folder) > 1 else line
    line = _NAMED.sub(r"\1<time>", line)
    return _DRAWN.sub("<drawn>", _TIMES.sub("<time>", line))


def without_times(trace: Trace, printed: bytes, places: Mapping[str, str] | None = None) -> Trace:
    """Return a trace whose fingerprints of printed lines are those of the lines without times.

    A line in which only a time or a drawn name had a figure is left out, for whether such a name has one is
    chance, and lines without figures are not in a trace. A fingerprint stays where no line of `printed` has
    it, as when a secret was removed from the line.
    """
    if not any(row["kind"] == "print" for row in trace.steps):
        return trace
    changed, without = {}, set()
    for line in dict.fromkeys(printed.decode("utf-8", "surrogateescape").split("\n")):
        clean = masked(line, places)
        if clean != line:
            changed[_fingerprint(line)] = _fingerprint(clean)
            if not _FIGURE.search(clean):
                without.add(_fingerprint(line))
    steps: list[dict[str, Any]] = []
    printed_before: Counter[int] = Counter()
    for row in trace.steps:
        if row["kind"] != "print":
            steps.append(row)
        elif not without.intersection(value for value in row.values() if isinstance(value, str)):
            kept = {
                key: changed.get(value, value) if isinstance(value, str) else value
                for key, value in row.items()
            }
            process = row.get("process", 0)
            steps.append({**kept, "step": printed_before[process]})
            printed_before[process] += 1
    return msgspec.structs.replace(trace, steps=steps)


def first_other_line(a: list[str], b: list[str]) -> int | None:
    """Return the number, from 1, of the first line that differs, None where all are equal.

    What a secret was removed from equals every text in its place.
    """
    for number, (one, two) in enumerate(zip(a, b, strict=False), start=1):
        if one != two and not (_fits(one, two) or _fits(two, one)):
            return number
    return None if len(a) == len(b) else min(len(a), len(b)) + 1


def lines_of(printed: bytes, places: Mapping[str, str] | None = None) -> list[str]:
    """Return the lines of an output without times; what a progress bar wrote over is left out."""
    text = printed.decode("utf-8", "surrogateescape").replace("\r\n", "\n")
    return [masked(line.rpartition("\r")[2], places) for line in text.rstrip("\n").split("\n")]


def _fits(removed: str, line: str) -> bool:
    if REMOVED not in removed:
        return False
    return re.fullmatch(".*".join(map(re.escape, removed.split(REMOVED))), line) is not None


def _fingerprint(line: str) -> str:
    return hashlib.blake2b(line.encode("utf-8", "surrogateescape"), digest_size=16).hexdigest()
