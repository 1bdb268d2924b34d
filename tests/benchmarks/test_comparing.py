"""Comparing cards: in what they differ, what it does to the numbers, and what is refused."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from msgspec import structs

from assay.benchmarks import catalogue
from assay.benchmarks.catalogue import card_of, open_benchmark
from assay.benchmarks.comparing import CardComparison, compare_cards
from assay.benchmarks.family import Family, Rows, TableContent, write_table
from assay.benchmarks.importers import nas_bench_201
from assay.benchmarks.own import mark_own
from assay.benchmarks.quarrels import Standing, quarrels
from assay.benchmarks.readings import HPOBenchSeeds
from assay.contracts.card import ProtocolCard
from assay.contracts.problem import Signal
from assay.foundation.errors import IntegrityError, UnknownNameError, UsageError
from assay.foundation.registry import Registry

PLAIN, READING = "nas-bench-201/cifar10", "nas-bench-201/cifar10@hpobench"


@pytest.fixture(autouse=True)
def _with_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make sure that NAS-Bench-201 has HPOBench's reading."""
    readings = {"hpobench": HPOBenchSeeds(nas_bench_201.FAMILY)}
    monkeypatch.setattr(nas_bench_201.FAMILY, "readings", readings)


@pytest.fixture
def compared(cache: Path) -> CardComparison:
    """Return NAS-Bench-201 on CIFAR-10 beside its reading."""
    return compare_cards([PLAIN], cache)


def test_one_name_stands_for_its_readings(compared: CardComparison) -> None:
    """A benchmark alone is compared with its readings, itself first, and every field is said for each."""
    assert compared.benchmarks == (PLAIN, READING)
    assert [facts.benchmark for facts in compared.facts] == [PLAIN, READING]
    assert all(len(field.says) == 2 for field in compared.fields)
    differing = {field.name for field in compared.fields if field.differs}
    assert differing == {"seeds", "cost", "test"}
    assert compared.absent == ()


def test_a_reading_alone_is_held_against_its_benchmark(cache: Path, compared: CardComparison) -> None:
    """The name of a reading stands for the benchmark and that reading."""
    assert compare_cards([READING], cache) == compared


def test_numbers_are_those_of_the_tables(compared: CardComparison, cache: Path) -> None:
    """Means, counts, ranks and costs equal what is counted from the columns by other means."""
    a, b = (open_benchmark(name, cache) for name in (PLAIN, READING))
    x, y = a.column("validation"), b.column("validation")
    pair = compared.pairs[0]
    assert pair.common == 15_625
    assert pair.mean_absolute_difference == pytest.approx(np.mean(np.abs(x - y)))
    assert pair.unequal == int((np.abs(x - y) > 1e-4).sum())
    assert pair.spearman == pytest.approx(np.corrcoef(ranks(x), ranks(y))[0, 1])
    top = np.argsort(-x, kind="stable")[:1_562]
    assert pair.top == len(top)
    assert pair.top_kendall == pytest.approx(kendall(x[top], y[top]))
    assert pair.best_of_first_in_second == standing(y, int(np.argmax(x)))
    assert pair.best_of_second_in_first == standing(x, int(np.argmax(y)))
    facts = compared.facts[1]
    assert facts.best == y.max()
    assert facts.best_architecture == b.space.format(b.space.at(int(np.argmax(y))))
    assert facts.cost_median == np.median(b.costs)
    assert facts.cost_total == pytest.approx(compared.facts[0].cost_total * 3 * 199 / 200)


def standing(values: np.ndarray, index: int) -> Standing:
    return Standing(1 + int((values > values[index]).sum()), values[index])


def ranks(values: np.ndarray) -> np.ndarray:
    """Return mean ranks."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    means: np.ndarray = (ends - (counts - 1) / 2)[inverse]
    return means


def kendall(x: np.ndarray, y: np.ndarray) -> float:
    """Return Kendall's tau-b from all pairs."""
    a, b = (np.sign(v[:, None] - v[None, :]) for v in (x, y))
    return float((a * b).sum() / np.sqrt((a * a).sum() * (b * b).sum()))


def test_quarrels_are_in_words(compared: CardComparison) -> None:
    """The sentences name both systems, the numbers and the reason, and cite where it is said."""
    text = " ".join(compared.quarrels[READING])
    assert "hpobench the mean of all seeds once an absent one took the value of 888" in text
    assert "'best' is 91.607 % (the mean of the seeds that exist) for Assay and 91.607 %" in text
    assert "charged 2.98 times that for Assay" in text
    assert "hpobench has no test metric" not in text  # for neither has
    assert any("issues/138" in note.source for note in compared.notes[READING])
    assert PLAIN not in compared.notes


def test_a_table_that_cannot_be_had_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without its source a benchmark has its card compared, and its numbers are said to be absent."""
    known = {
        "nas-bench-201": "assay.benchmarks.importers.nas_bench_201:FAMILY",
        "nas-bench-201-full": "assay.benchmarks.importers.nas_bench_201_full:FAMILY",
    }
    monkeypatch.setattr(catalogue, "FAMILIES", Registry("benchmark", "assay.benchmarks", known))
    name = "nas-bench-201-full/cifar100"
    found = compare_cards([name], tmp_path)
    assert found.benchmarks[1:] == tuple(
        f"{name}@{reading}" for reading in ("hpobench", "syne-tune", "naslib", "nats-bench-api")
    )
    assert [one.benchmark for one in found.absent] == list(found.benchmarks)
    assert "nats_bench.csv" in found.absent[0].why
    assert found.facts == found.pairs == ()
    assert "sees test images" in " ".join(found.quarrels[f"{name}@syne-tune"])
    assert "'12-epochs' unless told otherwise" in " ".join(found.quarrels[f"{name}@nats-bench-api"])
    assert "different images" in " ".join(found.quarrels[f"{name}@naslib"])


def test_what_cannot_be_compared_is_refused(cache: Path) -> None:
    """Other search spaces, one benchmark without readings, unknown names and no name are user's mistakes."""
    with pytest.raises(UsageError, match="of different search spaces"):
        compare_cards([PLAIN, "nas-bench-graph/cora"], cache)
    with pytest.raises(UsageError, match="nothing to compare nas-bench-graph/cora with"):
        compare_cards(["nas-bench-graph/cora"], cache)
    with pytest.raises(UsageError, match="nothing to compare no benchmark"):
        compare_cards([], cache)
    with pytest.raises(UnknownNameError, match="nas-bench-201/cifar11"):
        compare_cards(["nas-bench-201/cifar11"], cache)


def test_a_damaged_table_is_not_an_absent_one(tmp_path: Path) -> None:
    """Damage is an error and no reason to leave numbers out."""
    compare_cards([PLAIN], tmp_path)
    path = tmp_path / "tables/nas-bench-201/cifar10.table"
    data = bytearray(path.read_bytes())
    data[-100] ^= 1
    path.write_bytes(bytes(data))
    with pytest.raises(IntegrityError):
        compare_cards([PLAIN], tmp_path)


class Listed:
    """A user's own table of five networks, in an order of rows that is given."""

    revision = 1
    title = "a list"
    tasks = ("one",)
    signals: Mapping[str, str] = {"validation": "value"}
    readings: Mapping[str, Family] = {}

    def __init__(self, name: str, rows: dict[str, float], unit: str = "%", *, maximize: bool = True) -> None:
        self.name = name
        self._rows = rows
        self._signal = Signal(
            name="validation", metric="score", split="validation", unit=unit, maximize=maximize
        )

    def card(self, task: str) -> ProtocolCard:
        plain = card_of("nas-bench-graph/cora")
        return structs.replace(
            plain,
            benchmark=f"{self.name}/{task}",
            space="listed",
            signals=(self._signal,),
            test=None,
            extras=(),
        )

    def read(self, task: str, place: Path) -> TableContent:
        del task, place
        names = tuple(self._rows)
        return TableContent(
            columns={"value": (("architecture",), np.array(list(self._rows.values())))},
            test=None,
            rows=Rows(keys=names, texts=names),
        )


def test_rows_are_matched_by_architecture_not_by_place(tmp_path: Path) -> None:
    """Two lists in different orders, each with a network that the other lacks, are compared by name."""
    nan = float("nan")
    first = Listed("mine", {"a": 1.0, "b": 2.0, "c": 3.0, "d": nan, "only": 9.0})
    second = Listed("yours", {"c": 30.0, "other": 5.0, "b": 20.0, "a": 10.0, "d": 7.0})
    for family in (first, second):
        write_table(family, "one", tmp_path, tmp_path)  # type: ignore[arg-type]
        mark_own(family.name, tmp_path)
    pair = compare_cards(["mine/one", "yours/one"], tmp_path).pairs[0]
    assert pair.common == 3  # a, b and c
    assert pair.mean_absolute_difference == pytest.approx((9 + 18 + 27) / 3)
    assert pair.spearman == pair.kendall == pytest.approx(1.0)
    assert pair.best_of_first_in_second is None  # 'only' has no row there
    assert pair.best_of_second_in_first == Standing(2, 3.0)  # 'c', behind 'only'


def test_other_units_are_not_subtracted_and_errors_are_turned(tmp_path: Path) -> None:
    """An error rate ranks against an accuracy by what is better, and no difference is made of the two."""
    rows = {"a": 1.0, "b": 2.0, "c": 3.0}
    errors = {name: 1 - value / 100 for name, value in rows.items()}
    for family in (Listed("mine", rows), Listed("yours", errors, "fraction", maximize=False)):
        write_table(family, "one", tmp_path, tmp_path)  # type: ignore[arg-type]
        mark_own(family.name, tmp_path)
    found = compare_cards(["mine/one", "yours/one"], tmp_path)
    pair = found.pairs[0]
    assert pair.mean_absolute_difference is None
    assert pair.unequal is None
    assert pair.kendall == pytest.approx(1.0)
    assert pair.best_of_first_in_second == Standing(1, 0.97)
    assert pair.best_of_second_in_first == Standing(1, 3.0)
    assert "'best' is 3.000 % for mine/one and 0.97 fraction for yours/one" in found.quarrels["yours/one"][-1]


def test_half_a_table_is_said_to_be_half(compared: CardComparison) -> None:
    """Where some architectures have no value, the sentences begin with how many do and what lacks."""
    cards = {name: card_of(name) for name in compared.benchmarks}
    first, second = compared.facts
    half = structs.replace(second, with_value=8_169, lacking=("their file is not here",))
    pair = structs.replace(compared.pairs[0], common=8_169)
    said = quarrels(cards, (first, half), (pair,))[READING]
    place = next(i for i, text in enumerate(said) if "8,169 of 15,625" in text)
    assert "rests on the 8,169 that have one in both" in said[place]
    assert said[place + 1] == "Their file is not here."
    assert not any("rests on" in text for text in compared.quarrels[READING])
