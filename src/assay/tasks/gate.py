"""The test gate: sealed searches in, test metrics out, every answer counted in the ledger."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec

from assay.contracts.seal import Assessment, Seal, Unavailable
from assay.tasks.ledger import Entry, Ledger
from assay.tasks.vault import missing


class Answers(Protocol):
    """What the gate asks for test values; a `Vault` in practice."""

    @property
    def metric(self) -> str:
        """The published name of the test metric."""
        ...

    def answer(self, recommendation: Sequence[str]) -> tuple[float, ...]:
        """Return one test value for each architecture in published form."""
        ...


class NoTest(msgspec.Struct, frozen=True):
    """A benchmark without a test metric, and why, as its card says."""

    reason: str


Vaults = Callable[[str], Answers | NoTest]


def assess(seals: Sequence[Seal], vaults: Vaults, ledger: Ledger) -> list[Assessment | Unavailable]:
    """Return the assessment of each seal, in order.

    Idempotent: a seal that the ledger knows gets its stored answer and counts once; a changed seal
    of the same run is another seal and counts again. New answers are durable in the ledger before
    any is returned. Safe for several processes at once. Whatever `vaults` or the architectures
    raise is raised before anything is counted; `CorruptError` where the ledger is not intact.
    """
    digests = [seal.digest() for seal in seals]
    with ledger.locked() as book:
        known = {line.entry.seal: line.entry for line in book.lines}
        opened: dict[str, Answers | NoTest] = {}
        fresh: list[Entry] = []
        for seal, digest in zip(seals, digests, strict=True):
            if digest in known:
                continue
            if seal.benchmark not in opened:
                opened[seal.benchmark] = vaults(seal.benchmark)
            known[digest] = _answer(seal, digest, opened[seal.benchmark])
            fresh.append(known[digest])
        book.append(fresh)
    return [_told(known[digest]) for digest in digests]


def _answer(seal: Seal, digest: str, source: Answers | NoTest) -> Entry:
    """Look the recommendation up, or say why there is no test value."""
    facts = Entry(seal=digest, run=seal.run, benchmark=seal.benchmark, recommendation=seal.recommendation)
    if isinstance(source, NoTest):
        return msgspec.structs.replace(facts, unavailable=source.reason)
    if not seal.recommendation:
        return msgspec.structs.replace(facts, unavailable="the search recommends nothing")
    values = source.answer(seal.recommendation)
    if missing(values):
        reason = "the source has no test value for what is recommended"
        return msgspec.structs.replace(facts, unavailable=reason)
    return msgspec.structs.replace(facts, metric=source.metric, values=values)


def _told(entry: Entry) -> Assessment | Unavailable:
    if entry.values is None or entry.metric is None:
        reason = entry.unavailable or "no reason was recorded"
        return Unavailable(seal=entry.seal, benchmark=entry.benchmark, reason=reason)
    return Assessment(seal=entry.seal, benchmark=entry.benchmark, metric=entry.metric, values=entry.values)
