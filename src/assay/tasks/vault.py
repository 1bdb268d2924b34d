"""The vault: test columns, in files of their own that only this module reads and writes.

A vault is a dense file with one array `test` over the architectures of a search space, in the
order of the space's index. Its metadata names the benchmark, the digest of the protocol card and
the test metric. Strategies, tables, workers and trainers never get a path to one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import numpy as np

from assay.contracts.card import TestNote
from assay.foundation.dense import open_dense, write_dense
from assay.foundation.errors import CorruptError, IntegrityError, UsageError
from assay.foundation.seeding import Stream
from assay.statistics.luck import Luck, luck_by_cost, luck_of

_KIND = "assay-vault"


class _Meta(msgspec.Struct, frozen=True, kw_only=True):
    benchmark: str
    card: str
    test: TestNote


class Vault:
    """The test column of one benchmark, opened for the gate; answers recommendations in published form."""

    def __init__(self, note: TestNote, column: np.ndarray, index: Callable[[str], int]) -> None:
        self.note = note
        self.size = len(column)
        self._column = column
        self._index = index

    @property
    def metric(self) -> str:
        """The published name of the test metric, with its split."""
        return f"{self.note.metric} ({self.note.split})"

    def answer(self, recommendation: Sequence[str]) -> tuple[float, ...]:
        """Return one test value for each recommended architecture, NaN where the source has none."""
        values = []
        for text in recommendation:
            index = self._index(text)
            if not 0 <= index < self.size:
                raise UsageError(f"architecture '{text}' lies outside the vault's {self.size:,} rows")
            values.append(float(self._column[index]))
        return tuple(values)

    def luck(
        self,
        found: Sequence[float],
        *,
        signal: np.ndarray,
        maximize_signal: bool,
        budget: float,
        costs: np.ndarray | None,
        crossing: bool,
        varied: tuple[str, ...],
        rng: Stream | None,
    ) -> Luck:
        """Return how often random search of equal budget reports a test value as good as those found.

        `found` are test values that the gate has told, NaN for runs without one; `signal` (N,) is in
        the order of the space. `budget` is evaluations, or a sum of `costs` where those are given.
        Probabilities come out, the column does not.
        """
        values = np.asarray(found, dtype=np.float64)
        if costs is None:
            return luck_of(
                signal,
                self._column,
                int(budget),
                values,
                varied=varied,
                maximize=self.note.maximize,
                maximize_signal=maximize_signal,
                rng=rng,
            )
        if rng is None:
            raise UsageError("luck within a budget of cost is simulated, and needs a stream")
        return luck_by_cost(
            signal,
            self._column,
            costs,
            float(budget),
            values,
            varied=varied,
            rng=rng,
            crossing=crossing,
            maximize=self.note.maximize,
            maximize_signal=maximize_signal,
        )


def write_vault(path: Path, *, benchmark: str, card_digest: str, note: TestNote, column: np.ndarray) -> None:
    """Write the test column (float64, one value an architecture) of a benchmark."""
    meta = msgspec.to_builtins(_Meta(benchmark=benchmark, card=card_digest, test=note))
    write_dense(path, _KIND, meta, {"test": (("architecture",), np.asarray(column, dtype=np.float64))})


def open_vault(path: Path, *, benchmark: str, card_digest: str, index: Callable[[str], int]) -> Vault:
    """Open the vault of a benchmark after checking that it belongs to this benchmark and card.

    `index` turns the published form of an architecture into its row. Raises `IntegrityError` for a
    file that is damaged or belongs to something else.
    """
    file = open_dense(path, _KIND)
    try:
        meta = msgspec.convert(file.meta, _Meta)
        column = file.arrays["test"]
    except (msgspec.ValidationError, KeyError) as error:
        raise CorruptError("this is not a vault of this format", where=str(path), why=str(error)) from None
    for what, found, due in (("benchmark", meta.benchmark, benchmark), ("card", meta.card, card_digest)):
        if found != due:
            raise IntegrityError(
                f"the vault belongs to another {what}",
                where=str(path),
                why=f"{found} found, {due} expected",
                hint=f"import it again: assay table import {benchmark.partition('/')[0]}",
            )
    return Vault(meta.test, column, index)


def missing(values: Sequence[float]) -> bool:
    """Tell whether a test value is absent from the source."""
    return any(math.isnan(value) for value in values)
