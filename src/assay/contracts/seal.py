"""Seals and assessments: what passes through the test gate."""

from __future__ import annotations

import msgspec

from assay.foundation.digest import digest_value


class Seal(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A finished search, frozen: the run, what it recommends, and the digest of its trajectory."""

    run: str
    benchmark: str
    recommendation: tuple[str, ...]
    trajectory: str

    def digest(self) -> str:
        """Return the digest that names this seal."""
        return digest_value(self)


class Assessment(msgspec.Struct, frozen=True, kw_only=True):
    """The test metrics of a sealed search, one value for each recommended architecture."""

    seal: str
    benchmark: str
    metric: str
    values: tuple[float, ...]


class Unavailable(msgspec.Struct, frozen=True, kw_only=True):
    """The answer of a benchmark without a test metric."""

    seal: str
    benchmark: str
    reason: str
