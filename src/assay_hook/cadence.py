"""Which steps are recorded: the first ones densely, then as many as a budget of time allows.

Pure logic. After the dense start, step k is recorded when k is a multiple of the stride, a power of two, so
that two runs with other strides still have steps in common and a difference can be found by bisection.
"""

from __future__ import annotations

from collections.abc import Sequence

DENSE = 16  # steps 0..15 are always recorded
ROWS = 20_000  # recorded steps until the stride doubles, and again after as many more
_NEVER = 1 << 62
_WIDEST = 1 << 40


class Cadence:
    """Decides step by step; `next` is the number of the next step to record.

    `budget` is the share of the time that recording may take, None records every step. `every` and
    `windows` (first and last step) add steps whatever the budget says. Times are in seconds.
    """

    def __init__(
        self,
        budget: float | None = 0.03,
        every: int | None = None,
        windows: Sequence[Sequence[int]] = (),
        now: float = 0.0,
    ) -> None:
        self.budget = budget
        self.every = every if every and every > 0 else None
        self.windows = sorted((int(first), int(last)) for first, last in windows)
        self.stride = 1
        self.next = 0
        self._floor = 1  # the stride that the number of rows allows
        self._rows = 0
        self._room = ROWS
        self._since = now  # when the last recorded step ended
        self._last = -1  # the last recorded step
        self._cost = 0.0  # of a recorded step, a running mean
        self._length = 0.0  # of a step without its recording, the same
        self._all_cost = 0.0  # of every recorded step after the first two
        self._all_time = 0.0  # since then, recording and all

    def recorded(self, step: int, cost: float, now: float) -> int:
        """Take note that a step was recorded in `cost` seconds; return the next step to record."""
        steps = max(step - self._last, 1)
        length = max(now - self._since - cost, 0.0) / steps
        # The first steps are long for other reasons: kernels are chosen, memory is asked for.
        weight = 0.25 if self._last > 1 else 1.0
        if self._last >= 1:
            self._all_cost += cost
            self._all_time += now - self._since
        self._cost += weight * (cost - self._cost)
        self._length += weight * (length - self._length)
        self._since, self._last = now, step
        self._rows += 1
        if self.budget is not None:
            self._adapt(step)
        self.next = self._following(step)
        return self.next

    def share(self) -> float:
        """Return the share of the time that recording takes at the present stride."""
        total = self.stride * self._length + self._cost
        return self._cost / total if total else 0.0

    def _adapt(self, step: int) -> None:
        if self._rows >= self._room:
            self._floor *= 2
            self._room += ROWS
        if step >= DENSE - 1 and self.budget is not None:
            share = self.share()
            if share > self.budget or self._all_cost > self.budget * self._all_time:
                self.stride *= 2
            # Far below: with half the stride it would still be within.
            elif share < self.budget / 3 and self.stride > 1:
                self.stride //= 2
        self.stride = min(max(self.stride, self._floor), _WIDEST)

    def _following(self, step: int) -> int:
        """Return the first step after `step` that is to be recorded."""
        after = step + 1
        if after < DENSE or self.budget is None:
            return after
        return min(_multiple(after, self.stride), self._asked(after))

    def _asked(self, after: int) -> int:
        """Return the first step from `after` on that was asked for, whatever the budget says."""
        found = _multiple(after, self.every) if self.every else _NEVER
        for first, last in self.windows:
            if last >= after:
                return min(found, max(first, after))
        return found


def _multiple(start: int, of: int) -> int:
    """Return the first multiple of `of` that is not below `start`."""
    return -(-start // of) * of
