"""The record of a run: a result whose bytes identity and arithmetic fix, and the circumstances."""

from __future__ import annotations

import math
from typing import Any

import msgspec
import numpy as np
from blake3 import blake3

from assay.contracts.seal import Seal
from assay.foundation.digest import canonical_bytes
from assay.foundation.seeding import StreamUse

FORMAT = 1
COMPLETED = "completed"
FAILED = "failed"


class Trajectory(msgspec.Struct, frozen=True, kw_only=True):
    """The evaluations of a run in the order in which they were told, as little-endian columns.

    `archs` are the published string forms, each once; `code` (u4) points into them. `value` (f8)
    is NaN where `status` (u1, see `Status`) is not OK. `cost` (f8) is the charge of each, `time`
    (f8) the virtual moment at which it ended, `asked` (u4) its place in the order of asking.
    """

    archs: list[str]
    code: bytes
    value: bytes
    status: bytes
    cost: bytes
    time: bytes
    asked: bytes

    def __len__(self) -> int:
        return len(self.status)

    def column(self, name: str) -> np.ndarray:
        """Return a column as a read-only array."""
        kind = {"code": "<u4", "asked": "<u4", "status": "u1"}.get(name, "<f8")
        return np.frombuffer(getattr(self, name), dtype=kind)

    def strings(self) -> list[str]:
        """Return the architecture of each evaluation in its published form."""
        return [self.archs[i] for i in self.column("code").tolist()]

    def digest(self) -> str:
        """Return the digest of the logical content."""
        hasher = blake3(b"assay-trajectory-v1\0")
        hasher.update("\n".join(self.archs).encode())
        for column in (self.code, self.value, self.status, self.cost, self.time, self.asked):
            hasher.update(b"\0" + len(column).to_bytes(8, "little"))
            hasher.update(column)
        return hasher.hexdigest()


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What a run found. Equal identity and arithmetic give equal bytes."""

    status: str
    trajectory: Trajectory
    recommendation: tuple[str, ...]
    streams: tuple[StreamUse, ...]
    budget_read: bool

    def digest(self) -> str:
        """Return the digest of the result: of the trajectory's digest and the other fields."""
        facts = [
            self.status,
            self.trajectory.digest(),
            list(self.recommendation),
            [[list(use.path), use.draws] for use in self.streams],
            self.budget_read,
        ]
        return blake3(b"assay-result-v1\0" + canonical_bytes(facts)).hexdigest()


class RunError(msgspec.Struct, frozen=True, kw_only=True):
    """Why a run failed: the exception's type, its message, and the frames of the user's code."""

    kind: str
    message: str
    frames: tuple[str, ...] = ()


class Circumstances(msgspec.Struct, frozen=True, kw_only=True):
    """How a run went; in no digest of results. Times in seconds, moments in UTC.

    `defaults` names the hyperparameters that nobody chose: the value is in the identity, who set it
    is not. `plan` is the digest of what the study promised when this ran: replicates, budget, methods,
    benchmarks and claims.
    """

    writer: str
    attempt: int
    started: str
    ended: str
    wall_seconds: float
    thinking_seconds: float
    host: str
    environment: str
    arithmetic: str
    evidence: str
    plan: str = ""
    defaults: tuple[str, ...] = ()
    error: RunError | None = None


class ComponentDigests(msgspec.Struct, frozen=True, kw_only=True):
    """The digest of each part of an identity; the parts themselves are objects of the store."""

    code: str
    data: str
    hyperparameters: str
    seeds: str
    protocol: str


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """The sealed evidence of one run."""

    run: str
    strategy: str
    benchmark: str
    replicate: int
    components: ComponentDigests
    result: Result
    result_digest: str
    circumstances: Circumstances
    format: int = FORMAT

    def seal(self) -> Seal:
        """Return what the test gate accepts in exchange for test metrics."""
        return Seal(
            run=self.run,
            benchmark=self.benchmark,
            recommendation=self.result.recommendation,
            trajectory=self.result.trajectory.digest(),
        )


def finite_or_none(value: Any) -> float | None:
    """Return a float for JSON: None where it is not finite."""
    number = float(value)
    return number if math.isfinite(number) else None
