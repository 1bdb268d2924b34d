"""`assay table compare-cards`: what it prints for people and for machines."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from assay.benchmarks.importers import nas_bench_201
from assay.benchmarks.readings import HPOBenchSeeds
from assay.cli.compare_cards import compare_cards

PLAIN, READING = "nas-bench-201/cifar10", "nas-bench-201/cifar10@hpobench"


@pytest.fixture(autouse=True)
def _here(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Use the tests' tables, and make sure that NAS-Bench-201 has HPOBench's reading."""
    monkeypatch.setenv("ASSAY_CACHE", str(cache))
    readings = {"hpobench": HPOBenchSeeds(nas_bench_201.FAMILY)}
    monkeypatch.setattr(nas_bench_201.FAMILY, "readings", readings)


def test_a_person_reads_cards_numbers_and_sentences(capsys: pytest.CaptureFixture[str]) -> None:
    """The differing fields, both tables, the sentences and their sources are printed, in this order."""
    assert compare_cards([PLAIN], json=False) == 0
    out = capsys.readouterr().out
    heads = [
        "What the cards say differently",
        "The numbers, at the first fidelity and seed policy of each",
        f"{PLAIN} against the others",
        "What that means",
        "Who says so, and where",
    ]
    places = [out.index(head) for head in heads]
    assert places == sorted(places)
    assert "  the same: task, signal, selection on test, fidelity, prefix, crossing, source" in out
    assert "330.6 days" in out  # of simulated training for the whole space
    assert "https://github.com/automl/HPOBench/issues/138" in out


def test_a_machine_reads_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    """`--json` is one object with the cards' fields, facts, pairs and sentences."""
    assert compare_cards([PLAIN, READING], json=True) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["benchmarks"] == [PLAIN, READING]
    assert [facts["with_value"] for facts in found["facts"]] == [15_625, 15_625]
    assert found["pairs"][0]["best_of_first_in_second"]["rank"] == 1
    assert any("absent one took the value of 888" in text for text in found["quarrels"][READING])


def test_absent_tables_are_told_and_are_no_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where a source is absent, its card is printed, the status is 0, and standard error says why."""
    from assay.benchmarks import catalogue
    from assay.foundation.registry import Registry

    known = {"nas-bench-201-full": "assay.benchmarks.importers.nas_bench_201_full:FAMILY"}
    monkeypatch.setattr(catalogue, "FAMILIES", Registry("benchmark", "assay.benchmarks", known))
    monkeypatch.setenv("ASSAY_CACHE", str(tmp_path))
    assert compare_cards(["nas-bench-201-full/imagenet16-120"], json=False) == 0
    streams = capsys.readouterr()
    what, hint = streams.err.splitlines()
    assert what.startswith("no numbers of nas-bench-201-full/imagenet16-120, ")
    assert "the official file 'nats_bench.csv' is not here" in what
    command = "assay table import nas-bench-201-full [--reading NAME] --from FOLDER"
    assert hint == f"hint: {command}, for NAME each of hpobench, syne-tune, naslib, nats-bench-api"
    assert "The numbers" not in streams.out
    assert "naslib answers accuracy on x-test, where Assay answers it on x-valid" in streams.out
