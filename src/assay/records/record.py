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
from assay.provenance.components import ComponentDigests

FORMAT = 1
COMPLETED = "completed"
FAILED = "failed"
COLUMNS = {"code": "<u4", "value": "<f8", "status": "u1", "cost": "<f8", "time": "<f8", "asked": "<u4"} | {
    "level": "<u2"
}


class Trajectory(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """The evaluations of a run in the order in which they were told, as little-endian columns.

    `archs` are the published string forms, each once; `code` (u4) points into them. `value` (f8)
    is NaN where `status` (u1, see `Status`) is not OK. `cost` (f8) is the charge of each, `time`
    (f8) the virtual moment at which it ended, `asked` (u4) its place in the order of asking.

    `levels` names what was evaluated (see `contracts.evaluation.Level`), the study's own first, and
    `level` (u2) points into it; both are empty where every evaluation was at the study's own.
    """

    archs: list[str]
    code: bytes
    value: bytes
    status: bytes
    cost: bytes
    time: bytes
    asked: bytes
    levels: tuple[str, ...] = ()
    level: bytes = b""

    def __len__(self) -> int:
        return len(self.status)

    def column(self, name: str) -> np.ndarray:
        """Return a column as a read-only array."""
        return np.frombuffer(getattr(self, name), dtype=COLUMNS[name])

    def strings(self) -> list[str]:
        """Return the architecture of each evaluation in its published form."""
        return [self.archs[i] for i in self.column("code").tolist()]

    def own_values(self) -> np.ndarray:
        """Return `value` with NaN for the evaluations at another level than the study's own.

        Numbers of two levels are never mixed in one incumbent.
        """
        values = self.column("value")
        return np.where(self.column("level") == 0, values, np.nan) if self.level else values

    def digest(self) -> str:
        """Return the digest of the logical content: each string and column by name, type and length.

        Empty columns are left out, so that one which is added later changes no old digest.
        """
        hasher = blake3(b"assay-trajectory-v1\0")
        for arch in self.archs:
            encoded = arch.encode()
            hasher.update(len(encoded).to_bytes(8, "little") + encoded)
        for level in self.levels:
            encoded = level.encode()
            hasher.update(b"\0level\0" + len(encoded).to_bytes(8, "little") + encoded)
        for name, kind in COLUMNS.items():
            column: bytes = getattr(self, name)
            if column:
                hasher.update(f"\0{name}\0{kind}\0".encode() + len(column).to_bytes(8, "little"))
                hasher.update(column)
        return hasher.hexdigest()


class SearchOf(msgspec.Struct, frozen=True, kw_only=True, tag="search"):
    """What a record of a search is about: the strategy, loop or command, the benchmark, the replicate."""

    strategy: str
    benchmark: str
    replicate: int


class Result(msgspec.Struct, frozen=True, kw_only=True, tag="search"):
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


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """The sealed evidence of one run.

    `about` and `result` carry a tag: searches are the first kind of run, and others will have their own.
    """

    run: str
    about: SearchOf
    components: ComponentDigests
    result: Result
    result_digest: str
    circumstances: Circumstances
    format: int = FORMAT

    @property
    def strategy(self) -> str:
        """The name of the strategy, loop or command."""
        return self.about.strategy

    @property
    def benchmark(self) -> str:
        """The name of the benchmark."""
        return self.about.benchmark

    @property
    def replicate(self) -> int:
        """The replicate, from 0."""
        return self.about.replicate

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
