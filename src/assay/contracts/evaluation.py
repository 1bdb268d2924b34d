"""What a strategy asks for and what it is told."""

from __future__ import annotations

from collections.abc import Hashable
from enum import Enum
from typing import Any

import msgspec


class Fidelity(msgspec.Struct, frozen=True, omit_defaults=True):
    """How thoroughly an architecture is trained.

    One fidelity continues another only if all but the epoch are equal and the card says `prefix`.
    `schedule` names the published training schedule; `epoch` counts from 1, None is its last.
    """

    schedule: str
    epoch: int | None = None
    data_fraction: float = 1.0
    width: int | None = None

    def text(self) -> str:
        """Return the fidelity as people write it, such as '200-epochs' or '200-epochs@12'."""
        parts = [self.schedule if self.epoch is None else f"{self.schedule}@{self.epoch}"]
        if self.data_fraction != 1.0:
            parts.append(f"data={self.data_fraction:.12g}")
        if self.width is not None:
            parts.append(f"width={self.width}")
        return " ".join(parts)


class Level(msgspec.Struct, frozen=True):
    """What is evaluated: which signal, at which fidelity. Numbers of two levels are never compared."""

    signal: str
    fidelity: Fidelity

    def text(self) -> str:
        """Return the level as people write it, such as 'validation at 12-epochs'."""
        return f"{self.signal} at {self.fidelity.text()}"


class Evaluate(msgspec.Struct, frozen=True):
    """A request to evaluate one architecture; `id` is the asker's own and unique in the run.

    Without `fidelity` and `signal` it is at the problem's own. `continues` is the id of an evaluation
    that was told, of the same architecture and signal at an earlier epoch of the same schedule; then
    only what is added is charged.
    """

    id: int
    arch: Hashable
    fidelity: Fidelity | None = None
    continues: int | None = None
    signal: str | None = None


class Work(msgspec.Struct, frozen=True):
    """A request that is not an evaluation, such as training a supernet; metered by the driver."""

    id: int
    kind: str
    spec: dict[str, Any]


class Wait(Enum):
    """`WAIT`: nothing to ask until something is told. `DONE`: nothing to ask any more."""

    WAIT = "wait"
    DONE = "done"


WAIT = Wait.WAIT
DONE = Wait.DONE


class Evaluation(msgspec.Struct, frozen=True):
    """What a strategy may see of one architecture.

    `value` is in the unit of the card; `score` is the value turned so that larger is better.
    `cost` is what the card charges, in its unit (seconds, or 1.0 an evaluation without one).
    """

    value: float
    score: float
    cost: float


class Status(Enum):
    """How one evaluation ended. The integer is what the journal stores."""

    OK = 0
    MISSING = 1
    NOT_FINITE = 2
    FAILED = 3
    OVER_BUDGET = 4


class Failure(msgspec.Struct, frozen=True):
    """An evaluation that gave no number: the status, why, and what it cost all the same."""

    status: Status
    reason: str
    cost: float = 0.0


Request = Evaluate | Work | Wait
Outcome = Evaluation | Failure
