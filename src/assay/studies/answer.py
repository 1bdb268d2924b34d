"""What a witness answers about a registration."""

from __future__ import annotations

import msgspec


class Answer(msgspec.Struct, frozen=True):
    """Whether a witness vouches for a registration, why or why not, and for which moment if for any."""

    holds: bool
    why: str
    when: str | None = None

    @classmethod
    def no(cls, why: str) -> Answer:
        """Return that a witness does not vouch."""
        return cls(False, why)

    @classmethod
    def yes(cls, why: str, when: str | None = None) -> Answer:
        """Return that a witness vouches."""
        return cls(True, why, when)
