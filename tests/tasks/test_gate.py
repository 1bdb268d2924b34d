"""The test gate, the vault and what they count."""

from __future__ import annotations

import math
import multiprocessing
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from assay.contracts.card import TestNote
from assay.contracts.seal import Assessment, Seal, Unavailable
from assay.foundation.dense import write_dense
from assay.foundation.errors import CorruptError, IntegrityError, UsageError
from assay.tasks.gate import NoTest, assess
from assay.tasks.ledger import Ledger
from assay.tasks.vault import Vault, open_vault, write_vault

NOTE = TestNote(
    metric="accuracy", split="test", unit="fraction", maximize=True, evidence="made for this test"
)
COLUMN = np.array([0.25, 0.5, math.nan, 0.75])


def seal(run: int, *recommendation: str, benchmark: str = "toy/one") -> Seal:
    """Return the seal of a run that recommends these."""
    return Seal(run=f"run-{run}", benchmark=benchmark, recommendation=recommendation, trajectory="t" * 64)


class Vaults:
    """Opens the toy vault by name, and counts how often."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "one.vault"
        self.opened = 0
        if not self.path.exists():
            write_vault(self.path, benchmark="toy/one", card_digest="c" * 64, note=NOTE, column=COLUMN)

    def __call__(self, benchmark: str) -> Vault | NoTest:
        self.opened += 1
        if benchmark == "toy/none":
            return NoTest("the source holds validation only")
        return open_vault(self.path, benchmark="toy/one", card_digest="c" * 64, index=int)


@pytest.fixture
def vaults(tmp_path: Path) -> Vaults:
    return Vaults(tmp_path)


def told(answers: Sequence[Assessment | Unavailable]) -> list[tuple[float, ...] | str]:
    """Return the values or the reasons."""
    return [a.values if isinstance(a, Assessment) else a.reason for a in answers]


def test_a_seal_gets_its_test_values(tmp_path: Path, vaults: Vaults) -> None:
    """A recommendation, also of several architectures, gets its values in its own order."""
    ledger = Ledger(tmp_path)
    answers = assess([seal(1, "1"), seal(2, "3", "0")], vaults, ledger)
    assert told(answers) == [(0.5,), (0.75, 0.25)]
    assert isinstance(answers[0], Assessment)
    assert answers[0].metric == "accuracy (test)"
    assert answers[0].seal == seal(1, "1").digest()
    assert ledger.mileage("toy/one") == 3


def test_assessing_is_idempotent(tmp_path: Path, vaults: Vaults) -> None:
    """The same seal gets the stored answer, within a batch and between, and counts once."""
    ledger = Ledger(tmp_path)
    first = assess([seal(1, "1"), seal(1, "1")], vaults, ledger)
    size = (tmp_path / "ledger/ledger.jsonl").stat().st_size
    vaults.path.unlink()
    assert assess([seal(1, "1")], vaults, ledger) == first[:1] == first[1:]
    assert (tmp_path / "ledger/ledger.jsonl").stat().st_size == size
    assert ledger.mileage("toy/one") == 1


def test_a_changed_seal_counts_again(tmp_path: Path, vaults: Vaults) -> None:
    """Another recommendation or trajectory of the same run is another look at the labels."""
    ledger = Ledger(tmp_path)
    changed = Seal(run="run-1", benchmark="toy/one", recommendation=("1",), trajectory="u" * 64)
    assess([seal(1, "1"), seal(1, "3"), changed], vaults, ledger)
    assert ledger.mileage("toy/one") == 3
    assert ledger.mileage("toy/one", {"run-1"}) == 3


def test_what_has_no_test_value_is_said(tmp_path: Path, vaults: Vaults) -> None:
    """No test metric, no recommendation and a missing value each give their reason, and no mileage."""
    ledger = Ledger(tmp_path)
    answers = assess([seal(1, "1", benchmark="toy/none"), seal(2), seal(3, "0", "2")], vaults, ledger)
    assert told(answers) == [
        "the source holds validation only",
        "the search recommends nothing",
        "the source has no test value for what is recommended",
    ]
    assert ledger.mileage("toy/none") == ledger.mileage("toy/one") == 0
    assert len(ledger.entries()) == 3
    assert told(assess([seal(2)], vaults, ledger)) == ["the search recommends nothing"]


def test_nothing_is_counted_when_a_seal_is_wrong(tmp_path: Path, vaults: Vaults) -> None:
    """An architecture outside the vault stops the batch before anything is counted."""
    ledger = Ledger(tmp_path)
    with pytest.raises(UsageError):
        assess([seal(1, "1"), seal(2, "99")], vaults, ledger)
    assert ledger.entries() == []


def test_a_vault_is_opened_once_a_batch(tmp_path: Path, vaults: Vaults) -> None:
    """Thousands of seals of one benchmark open its vault once, and each is answered and counted."""
    ledger = Ledger(tmp_path)
    seals = [seal(n, str((0, 1, 3)[n % 3])) for n in range(1200)]
    assert told(assess(seals, vaults, ledger)) == [((0.25, 0.5, 0.75)[n % 3],) for n in range(1200)]
    assert vaults.opened == 1
    assert ledger.mileage("toy/one") == 1200


def _assess_in_process(folder: Path, first: int, answers: multiprocessing.Queue[list[object]]) -> None:
    ledger, vaults = Ledger(folder), Vaults(folder)
    seen: list[object] = []
    for start in range(first, first + 40, 5):
        seen += told(assess([seal(n, str(n % 2)) for n in range(start, start + 5)], vaults, ledger))
    answers.put(seen)


def test_processes_count_each_seal_once(tmp_path: Path, vaults: Vaults) -> None:
    """Four processes that assess overlapping seals at once agree, and each seal counts once."""
    context = multiprocessing.get_context("fork")
    answers = context.Queue()
    firsts = (0, 0, 20, 20)
    processes = [
        context.Process(target=_assess_in_process, args=(tmp_path, first, answers)) for first in firsts
    ]
    for process in processes:
        process.start()
    seen = [answers.get(timeout=60) for _ in processes]
    for process in processes:
        process.join()
        assert process.exitcode == 0
    assert all(answer == [((0.25, 0.5)[n % 2],) for n in range(40)] for answer in seen)
    ledger = Ledger(tmp_path)
    assert ledger.mileage("toy/one") == 60
    assert ledger.check().n == 60


def test_a_broken_ledger_answers_nothing(tmp_path: Path, vaults: Vaults) -> None:
    """The gate refuses to answer from a ledger that is not intact."""
    ledger = Ledger(tmp_path)
    assess([seal(n, "1") for n in range(3)], vaults, ledger)
    path = tmp_path / "ledger/ledger.jsonl"
    path.write_bytes(path.read_bytes().replace(b"[0.5]", b"[0.9]", 1))
    with pytest.raises(CorruptError, match="line 1"):
        assess([seal(0, "1")], vaults, ledger)


def test_a_vault_belongs_to_a_benchmark_and_a_card(vaults: Vaults) -> None:
    """A vault of another benchmark, or written under another card, is refused."""
    with pytest.raises(IntegrityError, match="another benchmark"):
        open_vault(vaults.path, benchmark="toy/two", card_digest="c" * 64, index=int)
    with pytest.raises(IntegrityError, match="another card"):
        open_vault(vaults.path, benchmark="toy/one", card_digest="d" * 64, index=int)


def test_a_table_is_no_vault(tmp_path: Path) -> None:
    """A dense file of another kind is not opened as a vault."""
    write_dense(tmp_path / "x", "assay-table", {}, {"test": (("architecture",), COLUMN)})
    with pytest.raises(UsageError, match="kind 'assay-table'"):
        open_vault(tmp_path / "x", benchmark="toy/one", card_digest="c" * 64, index=int)
