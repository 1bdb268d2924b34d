"""A holdout that answers submissions of predictions through a policy, and counts every answer.

    <folder>/holdout.json   the labels' digest, the policy, its state, and each answer by the digest of
                            its losses; format 1. It holds the key of the policy's noise: whoever
                            can read it can subtract the noise, so that it belongs beside the labels,
                            out of the reach of those who submit.
    <folder>/lock           held while a submission is answered: answers are in one order

A submission with the losses of one that was made before gets its stored answer and spends nothing, so
that asking again averages no noise away. Changing a single prediction makes another submission: whoever
can do that thousands of times can average, and a leaderboard limits how often one may ask.
"""

from __future__ import annotations

import math
import secrets
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np

from assay.foundation.digest import digest_array
from assay.foundation.documents import read_document, write_document
from assay.foundation.errors import IntegrityError, UsageError
from assay.foundation.files import exclusive
from assay.foundation.seeding import Stream
from assay.tasks.policies import Answer, AnyPolicy, State

Loss = Callable[[np.ndarray, np.ndarray], np.ndarray]

_LARGEST = 1 << 40


class _Book(msgspec.Struct, frozen=True, kw_only=True):
    labels: str
    policy: AnyPolicy
    key: int
    state: State = State()
    answers: dict[str, Answer] = {}
    format: int = 1


def zero_one(labels: np.ndarray, predictions: np.ndarray) -> np.ndarray:
    """Return 1 for each example that is predicted wrongly, else 0."""
    return np.asarray(labels != predictions, dtype=np.float64)


class Holdout:
    """Labels that are asked through a policy; safe for several processes at once."""

    def __init__(
        self, labels: np.ndarray, policy: AnyPolicy, folder: Path, *, effect: float, loss: Loss = zero_one
    ) -> None:
        """Open a holdout, or make it.

        `effect` is the smallest difference in risk that matters: a policy that cannot show it on so
        few labels is refused before anything is asked. Raises `UsageError` for that, and
        `IntegrityError` where the folder belongs to other labels or another policy.
        """
        if labels.ndim != 1 or not len(labels):
            raise UsageError("a holdout needs a vector of labels", why=f"its shape is {labels.shape}")
        self.labels, self.policy, self.folder, self.loss = labels, policy, folder, loss
        self._refuse_blind(effect)
        with exclusive(folder / "lock"):
            book = self._read()
            if book is None:
                key = secrets.randbits(53)
                write_document(self._path, _Book(labels=digest_array(labels), policy=policy, key=key))
            elif book.labels != digest_array(labels) or book.policy != policy:
                other = "policy" if book.labels == digest_array(labels) else "labels"
                raise IntegrityError(
                    f"the holdout was opened with other {other} before",
                    where=str(folder),
                    why="its answers so far stand for those",
                    hint="another folder makes a new holdout",
                )

    def describe(self) -> str:
        """Say what can be seen, before the first submission."""
        return self.policy.describe(len(self.labels))

    @property
    def mileage(self) -> int:
        """How many distinct submissions were answered."""
        book = self._read()
        return len(book.answers) if book else 0

    def submit(self, predictions: np.ndarray, *, train_risk: float | None = None) -> Answer:
        """Return what the policy tells of these predictions; durable before it is told.

        Raises `UsageError` for predictions of another shape, losses that are not finite, and a budget
        that is spent.
        """
        if predictions.shape != self.labels.shape:
            raise UsageError(
                "a submission has one prediction for each example",
                why=f"{predictions.shape} predictions, {self.labels.shape} labels",
            )
        losses = np.asarray(self.loss(self.labels, predictions), dtype=np.float64)
        if losses.shape != self.labels.shape or not np.isfinite(losses).all():
            raise UsageError("a loss is one finite number for each example")
        digest = digest_array(losses)
        with exclusive(self.folder / "lock"):
            book = self._read()
            if book is None:
                raise IntegrityError("the holdout's book is gone", where=str(self._path))
            if digest in book.answers:
                return book.answers[digest]
            noise = Stream(book.key, ("holdout", book.state.queries))
            state, answer = self.policy.answer(book.state, losses, noise, train_risk)
            answers = {**book.answers, digest: answer}
            write_document(self._path, msgspec.structs.replace(book, state=state, answers=answers))
        return answer

    @property
    def _path(self) -> Path:
        return self.folder / "holdout.json"

    def _read(self) -> _Book | None:
        return read_document(self._path, _Book, 1, "a holdout's book")

    def _refuse_blind(self, effect: float) -> None:
        if not (math.isfinite(effect) and effect > 0):
            raise UsageError("the effect of interest is positive", why=f"got {effect}")
        n = len(self.labels)
        step = self.policy.smallest_step(n)
        if step <= effect:
            return
        enough = 1
        while self.policy.smallest_step(enough) > effect and enough < _LARGEST:
            enough *= 2
        needed = f"about {enough:,} examples" if enough < _LARGEST else "no number of examples"
        raise UsageError(
            f"this policy cannot show a difference of {effect:g} on {n:,} examples",
            why=f"{self.describe()}; the smallest step that is surely seen is {step:.3g}",
            hint=f"{needed} would do, or a larger effect of interest, or another policy",
        )
