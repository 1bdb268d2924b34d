"""What every result of this room says beside its numbers: procedure, assumptions, n, and what varied."""

from __future__ import annotations

import msgspec

from assay.foundation.errors import UsageError
from assay.foundation.seeding import Stream, as_stream
from assay.foundation.text import one_line
from assay.statistics.table import Table


class Basis(msgspec.Struct, frozen=True, kw_only=True):
    """What a result stands on, in words that a paper can print.

    `source` is paper and equation; `n` counts what was observed, such as {'tasks': 14}; `varied`
    names the sources of variation that the result speaks of; `seed` names the stream of a randomised
    procedure; `cautions` are what a reader must know before leaning on the number.
    """

    procedure: str
    source: str
    n: dict[str, int]
    varied: tuple[str, ...]
    assumptions: tuple[str, ...] = ()
    zeros: str = ""
    ties: str = ""
    correction: str = ""
    seed: str = ""
    cautions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse sources of variation that are one text, which would be taken letter by letter."""
        checked_varied(self.varied)

    def text(self) -> str:
        """Return the basis as indented lines, one fact each."""
        counted = ", ".join(f"{count:,} {name}" for name, count in self.n.items())
        facts = (
            ("procedure", f"{self.procedure} ({self.source})"),
            ("n", counted),
            ("varied", ", ".join(self.varied) or "not declared"),
            ("assumes", "; ".join(self.assumptions)),
            ("zeros", self.zeros),
            ("ties", self.ties),
            ("correction", self.correction),
            ("seed", self.seed),
            *(("caution", caution) for caution in self.cautions),
        )
        return "\n".join(f"  {label:<11}{text}" for label, text in facts if text)


def checked_varied(varied: object) -> None:
    """Raise `UsageError` unless the sources of variation are a tuple of texts."""
    if not isinstance(varied, tuple) or not all(isinstance(one, str) for one in varied):
        raise UsageError(
            "what varied is a tuple of names",
            why=f"varied is {type(varied).__name__} {one_line(repr(varied)[:60])}",
            hint='varied=("search seeds",), with the comma',
        )


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """The base of every typed result: it prints itself with its basis, and turns into a table."""

    basis: Basis

    def sentence(self) -> str:
        """Return what was found, in one sentence."""
        raise NotImplementedError

    def table(self) -> Table:
        """Return the numbers in full."""
        raise NotImplementedError

    def __str__(self) -> str:
        return f"{self.sentence()}\n{self.basis.text()}"


def seed_text(rng: Stream, resamples: int | None = None) -> str:
    """Return the name of a stream as a basis prints it: 'root 0, stream compare/iqm, 10,000 resamples'."""
    path = "/".join(str(name) for name in as_stream(rng).path)
    drawn = f", {resamples:,} resamples" if resamples else ""
    return f"root {rng.root}, stream {path}{drawn}"
