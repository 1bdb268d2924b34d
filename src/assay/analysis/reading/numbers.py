"""What a cell of scores says: a number, a failure, or nothing; and what words for the state of a run mean."""

from __future__ import annotations

import math
import re
from typing import NamedTuple

from assay.analysis.reading.frame import Cell
from assay.foundation.text import shortened

NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,4})?")
_NEARLY = re.compile(r"[+-]?\d[\d.,' ]*([eE][+-]?\d+)?\s*(%|[^\W\d_]{0,4}|[±(].*|\+/?-.*)")
_COMMA = re.compile(r"[+-]?\d+,\d+([eE][+-]?\d+)?")
# What may as well be a separator of thousands: no cell of a column tells that it is not.
_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+")
_SPREAD = re.compile(r".*(±|\+/?-|\().*")

# No number is longer; and no pattern is tried on a text that could take it long.
_LONGEST = 80

NOTHING = {"", "-", "--", "—", "–", "?", "na", "n/a", "#n/a", "<na>", "nan", "null", "none", "missing"}
_INFINITE = {"inf", "-inf", "+inf", "infinity", "-infinity"}
FAILURES = {
    "fail",
    "failed",
    "failure",
    "error",
    "err",
    "crash",
    "crashed",
    "killed",
    "aborted",
    "diverged",
    "oom",
    "timeout",
    "timed out",
}
# States of MLflow (mlflow.entities.RunStatus) and of W&B (docs.wandb.ai, "Run states") among them.
FINISHED = {"finished", "ok", "done", "success", "succeeded", "successful", "complete", "completed", "passed"}
UNFINISHED = {"running", "scheduled", "pending", "queued", "preempted", "preempting", "unfinished"}
_WORDS = NOTHING | FAILURES | _INFINITE


class Reading(NamedTuple):
    """A score, or why there is none."""

    score: float | None
    failed: bool = False


class Style(NamedTuple):
    """How a whole column writes its numbers: with a percent sign after each, with decimal commas."""

    percent: bool = False
    comma: bool = False


PLAIN = Style()


class NotANumber(ValueError):  # noqa: N818  it is told to a person as a fact, never seen as an error
    """A cell that is neither a number nor a word for a failed or missing run; `why` says what it is."""

    def __init__(self, text: str, why: str, hint: str) -> None:
        super().__init__(why)
        self.what = f"'{shortened(text, 40)}' is not a number"
        self.why = why
        self.hint = hint


def style_of(cells: list[Cell], commas: bool) -> Style:
    """Return how a column writes its numbers; `commas` says that a comma separates no cells of the file.

    A sign of percent counts only where every number has one, a comma only where no number has a point
    and some cannot be in thousands.
    """
    texts = [_bare(cell) for cell in cells if isinstance(cell, str) and _bare(cell).lower() not in _WORDS]
    if not texts or any(isinstance(cell, int | float) for cell in cells if not isinstance(cell, bool)):
        return PLAIN
    percent = all(len(text) <= _LONGEST and text.endswith("%") for text in texts)
    bare = [text[:-1].rstrip() for text in texts] if percent else texts
    if all(NUMBER.fullmatch(text[:_LONGEST]) for text in bare):
        return Style(percent)
    fits = [len(text) <= _LONGEST and (_COMMA.fullmatch(text) or text.isdecimal()) for text in bare]
    decimal = any("," in text and not _THOUSANDS.fullmatch(text) for text in bare)
    return Style(percent, comma=True) if commas and decimal and all(fits) else PLAIN


def read_score(cell: Cell, style: Style = PLAIN) -> Reading:
    """Return what a cell of scores says in the style of its column; raises `NotANumber`.

    Words for a failure give a failed run; empty cells, NaN and infinities a run without a number.
    """
    if cell is None:
        return Reading(None)
    if isinstance(cell, bool):
        return Reading(float(cell))
    if isinstance(cell, int | float):
        return Reading(_finite(cell))
    text = _bare(cell)
    if len(text) > _LONGEST:
        raise NotANumber(text, "it is text", "write the number")
    written = text.removesuffix("%").rstrip() if style.percent else text
    written = written.replace(",", ".") if style.comma else written
    if NUMBER.fullmatch(written):
        return Reading(_finite(float(written)))
    word = text.lower()
    if word in NOTHING or word in _INFINITE:
        return Reading(None)
    if word in FAILURES:
        return Reading(None, failed=True)
    raise NotANumber(text, *_explained(text))


def looks_numeric(cells: list[Cell]) -> bool:
    """Say whether a column is one of numbers, though some cells may be missing, failed or ill-written."""
    numbers = others = 0
    for cell in cells:
        if isinstance(cell, bool) or cell is None:
            continue
        if isinstance(cell, int | float):
            numbers += 1
        elif (text := _bare(cell)).lower() not in _WORDS:
            like = len(text) <= _LONGEST and (NUMBER.fullmatch(text) or _NEARLY.fullmatch(text))
            numbers += bool(like)
            others += not like
    return numbers > others


def is_state(cells: list[Cell]) -> bool:
    """Say whether a column holds nothing but words for the state of a run."""
    words = {_word(cell) for cell in cells} - {""}
    return bool(words) and words <= FAILURES | FINISHED | UNFINISHED


def with_state(found: Reading, state: Cell) -> Reading:
    """Return the score of a run in this state: a failed or unfinished run has none, whatever it logged."""
    word = _word(state)
    if word in FAILURES:
        return Reading(None, failed=True)
    return Reading(None, found.failed) if word in UNFINISHED else found


def _bare(cell: str) -> str:
    """Return a text without the quote that keeps a spreadsheet from taking '-0.5' for a formula."""
    text = cell.strip()
    return text[1:] if text[:1] == "'" and text[1:2] in ("-", "+", "=", "@") else text


def _word(cell: Cell) -> str:
    return cell.strip().lower() if isinstance(cell, str) else ""


def _finite(value: float) -> float | None:
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _explained(text: str) -> tuple[str, str]:
    if _COMMA.fullmatch(text):
        return (
            "a comma stands in it: a decimal comma and a separator of thousands cannot be told apart",
            "write a decimal point, as in 0.93",
        )
    if _SPREAD.fullmatch(text) and text[:1] in "0123456789.+-":
        return (
            "it is a mean with its spread, not the score of one run",
            "give one row for each run: no test can be made from a summary",
        )
    if text[:1] in "0123456789.+-":
        return "a unit or another mark stands beside the digits", "write the number alone"
    return "it is text", "write the number, leave the cell empty for a missing run, or 'failed'"
