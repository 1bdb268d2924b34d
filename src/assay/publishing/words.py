"""Numbers and sentences as people read them; the same in HTML, in figures and in the terminal."""

from __future__ import annotations

import math
from collections.abc import Sequence

from msgspec import UNSET

from assay.analysis.model import ResultRow, VerificationSummary
from assay.foundation.text import one_line
from assay.publishing.document import ReportDocument
from assay.statistics.interval import Interval

# The verdict of a verification that was of other runs, or of other results, than those of a report.
NOT_VERIFIED = "not verified"


def plain(value: float, significant: int = 4) -> str:
    """Return a number with this many significant digits, thousands separated, no exponent if readable."""
    if value == 0:
        return "0"
    if not math.isfinite(value):
        return {math.inf: "∞", -math.inf: "−∞"}.get(value, "–")
    size = math.floor(math.log10(abs(value)))
    if size < -4 or size > 11:
        return f"{value:.{significant - 1}e}"
    decimals = max(0, significant - 1 - size)
    text = f"{value:,.{decimals}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def brief(value: float) -> str:
    """Return a number in at most seven characters, as '147M', for the end of a bar."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size * 100 or (abs(value) >= size and letter != "k"):
            return f"{plain(value / size, 3)}{letter}"
    return plain(value, 3)


def whole(value: int) -> str:
    """Return an integer with its thousands separated."""
    return f"{value:,}"


def decimals_of(interval: Interval) -> int:
    """Return the decimals that an interval deserves: two digits of its half-width."""
    if interval.low is None or interval.high is None or interval.high <= interval.low:
        size = math.floor(math.log10(abs(interval.mean))) if interval.mean else 0
        return min(8, max(0, 3 - size))
    half = (interval.high - interval.low) / 2
    return min(8, max(0, 1 - math.floor(math.log10(half))))


def mean_of(interval: Interval, sign: bool = False) -> str:
    """Return the mean, rounded by its uncertainty."""
    return f"{interval.mean:{'+' if sign else ''},.{decimals_of(interval)}f}"


def range_of(interval: Interval, sign: bool = False) -> str:
    """Return '[low, high]', or 'no interval' where a single run gives none."""
    if interval.low is None or interval.high is None:
        return "no interval"
    form = f"{'+' if sign else ''},.{decimals_of(interval)}f"
    return f"[{interval.low:{form}}, {interval.high:{form}}]"


def with_interval(interval: Interval, sign: bool = False) -> str:
    """Return 'mean [low, high], n = 10'."""
    return f"{mean_of(interval, sign)} {range_of(interval, sign)}, n = {interval.n}"


def about_interval(interval: Interval) -> str:
    """Return what an interval is, such as '95 % t interval over search seeds'."""
    over = listed(interval.varied) or "nothing that is named"
    return f"{interval.confidence * 100:g} % {interval.method} interval over {over}"


def listed(items: Sequence[str]) -> str:
    """Return 'a, b and c'."""
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} and {items[-1]}"


def counted(n: int, one: str, many: str | None = None) -> str:
    """Return '1 run' or '12 runs'."""
    return f"{n:,} {one if n == 1 else many or one + 's'}"


def seconds(value: float) -> str:
    """Return a duration in the unit that people would choose."""
    for size, unit in ((86_400.0, "days"), (3_600.0, "h"), (60.0, "min")):
        if value >= 2 * size:
            return f"{plain(value / size, 3)} {unit}"
    return f"{plain(value, 3)} s"


def sentence(text: str) -> str:
    """Return text as a sentence: a capital at its beginning, one full stop at its end."""
    line = text.strip()
    if not line:
        return ""
    return line[0].upper() + line[1:] + ("" if line[-1] in ".!?…" else ".")


def labels(document: ReportDocument) -> dict[str, str]:
    """Return what each method is called in the report; names that results alone know stand for themselves."""
    return {m.name: one_line(m.label or m.name) for m in document.methods}


def measure(row: ResultRow, document: ReportDocument) -> str:
    """Return what a result is of, such as 'test accuracy, %', or 'accuracy, %, on x-valid' for a signal."""
    unit = f", {row.unit}" if row.unit else ""
    if row.reported == "test":
        return one_line(f"test {row.metric}{unit}")
    splits = {facts.name: facts.split for facts in document.benchmarks}
    return one_line(f"{row.metric}{unit}, on {splits.get(row.benchmark, row.reported)}{told_at(document)}")


def told_at(document: ReportDocument) -> str:
    """Return ' at 200-epochs', the fidelity of signals, where it is not the first of each card; else ''."""
    study = document.study
    told = study.searched_at if study.reported_at is UNSET else study.reported_at
    return "" if told is UNSET else f" at {told}"


def _fidelities(document: ReportDocument) -> str:
    """Say what was searched and reported at, where it is not the first fidelity of each card."""
    study = document.study
    if study.searched_at is UNSET:
        return ""
    reported = "" if study.reported_at is UNSET else f", signals reported at {study.reported_at}"
    return f"searched at {study.searched_at}{reported}"


def verified_now(verification: VerificationSummary | None) -> bool:
    """Say whether there is a verification, and of the runs that stand now."""
    return verification is not None and verification.verdict != NOT_VERIFIED


def level_of_verification(verification: VerificationSummary | None) -> str:
    """Return how far the numbers were checked, in words: the verdict, or that there is none and why."""
    if verification is None:
        return "not verified yet"
    return verification.verdict if verified_now(verification) else verification.sentence


def headline(document: ReportDocument) -> str:
    """Return the result of the study in one sentence."""
    if not document.counts.completed:
        return "No run has completed, so there is nothing to report yet."
    parts = [part for part in (_ranking(document), _claims(document), _fidelities(document)) if part]
    return sentence("; ".join(parts) or f"{counted(document.counts.completed, 'run')} completed")


def _ranking(document: ReportDocument) -> str:
    ranks = document.analysis.ranks
    names = labels(document)
    if ranks is None or len(ranks.rows) < 2:
        rows = [row for row in document.analysis.results if row.interval is not None]
        methods = sorted({row.method for row in rows})
        if len(methods) != 1:
            return ""
        benchmarks = len({row.benchmark for row in rows})
        return f"{names.get(methods[0], methods[0])} was run on {counted(benchmarks, 'benchmark')}, alone"
    best = min(row.overall for row in ranks.rows)
    first = listed([names.get(row.method, row.method) for row in ranks.rows if row.overall == best])
    verb = "has" if sum(row.overall == best for row in ranks.rows) == 1 else "share"
    return (
        f"{first} {verb} the best average rank, {best:.2f} of {len(ranks.rows)}, "
        f"over {counted(ranks.tasks, 'task')} of {counted(len(ranks.families), 'family', 'families')}"
        f"{_what_is_ranked(document)}"
    )


def _what_is_ranked(document: ReportDocument) -> str:
    """Say on how many tasks the ranks are of test metrics, where it is not on all."""
    ranked = {
        task
        for tasks in (document.analysis.ranks.families.values() if document.analysis.ranks else ())
        for task in tasks
    }
    signal = {row.benchmark for row in document.analysis.results if row.reported != "test"} & ranked
    if not signal or signal == ranked:
        return " (validation)" if signal else ""
    return f" (test on {len(ranked) - len(signal)}, validation on {len(signal)})"


def _claims(document: ReportDocument) -> str:
    claims = document.analysis.claims
    if not claims:
        return ""
    verdicts = [claim.verdict for claim in claims]
    where = " on these tasks" if all(claim.scope != "tasks" for claim in claims) else ""
    limits = f"{where}, with {counted(document.components.seeds.replicates, 'replicate')}"
    if len(verdicts) == 1:
        return f"its one claim is {verdicts[0]}{limits}"
    if len(set(verdicts)) == 1:
        both = "both" if len(verdicts) == 2 else f"all {len(verdicts)}"
        return f"{both} claims are {verdicts[0]}{limits}"
    order = ("supported", "refuted", "undecided", "untested")
    found = [f"{verdicts.count(verdict)} {verdict}" for verdict in order if verdict in verdicts]
    return f"of {len(verdicts)} claims, {listed(found)}{limits}"
