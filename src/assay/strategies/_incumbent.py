"""What every strategy keeps: which request is which architecture, and the best one told so far."""

from __future__ import annotations

from collections.abc import Hashable

from assay.contracts.evaluation import Evaluate, Evaluation, Outcome
from assay.foundation.errors import UsageError


class Incumbent:
    """Numbers requests, matches outcomes to them, and keeps the best architecture told so far.

    `best` is None before the first success; of equal scores the first told stays. A failure, and a
    score that is not a number, never becomes the incumbent.
    """

    __slots__ = ("_next", "_outstanding", "best", "score")

    def __init__(self) -> None:
        self.best: Hashable | None = None
        self.score = float("-inf")
        self._next = 0
        self._outstanding: dict[int, Hashable] = {}

    @property
    def outstanding(self) -> int:
        """How many requests have no outcome yet."""
        return len(self._outstanding)

    def request(self, arch: Hashable) -> Evaluate:
        """Return the next request, for `arch` at the problem's own signal and fidelity."""
        number = self._next
        self._next = number + 1
        self._outstanding[number] = arch
        return Evaluate(number, arch)

    def settle(self, id: int, outcome: Outcome) -> tuple[Hashable, float | None]:
        """Return the architecture of a request with its score, None for a failure."""
        try:
            arch = self._outstanding.pop(id)
        except KeyError:
            raise UsageError(
                f"told the outcome of request {id}, which is not outstanding",
                hint="each request is told once, by the id of its Evaluate",
            ) from None
        if not isinstance(outcome, Evaluation):
            return arch, None
        score = outcome.score
        if score > self.score:
            self.best = arch
            self.score = score
        return arch, score
