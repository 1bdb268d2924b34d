"""Tests of `assay parity`, for networks and for strategies: exit statuses, JSON, and what is refused."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from bench import Bench

Run = Callable[..., subprocess.CompletedProcess[str]]
NETWORKS = """
from torch import nn


def net(slope=0.01):
    return nn.Sequential(nn.Linear(8, 4), nn.LeakyReLU(slope), nn.Linear(4, 2))
"""


def test_parity_takes_shapes_as_its_help_writes_them(assay: Run, tmp_path: Path) -> None:
    """A shape without a type is of floats; equal networks give 0, others 1 with the module's constant."""
    pytest.importorskip("torch", reason="torch is not installed: networks are its modules")
    (tmp_path / "nets.py").write_text(NETWORKS)
    same = assay("parity", "nets.py:net", "nets.py:net", "--input", "16x8")
    assert (same.returncode, "verdict: identical" in same.stdout) == (0, True), same.stderr
    other = assay("parity", "nets.py:net", "nets.py:net", "--input", "16x8", "--b", "slope=0.2", "--json")
    assert other.returncode == 1
    assert json.loads(other.stdout)["verdict"] == "different"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--input", "16by8"), "describes no input"),
        (("--input", "16x8", "--map", "0"), "maps nothing"),
        (("--input", "16x8", "--a", "slope"), "sets nothing"),
    ],
)
def test_bad_input_of_parity_is_refused(
    assay: Run, tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    """The status is 2, the message says what is wrong, and there is no traceback."""
    pytest.importorskip("torch", reason="torch is not installed: networks are its modules")
    (tmp_path / "nets.py").write_text(NETWORKS)
    made = assay("parity", "nets.py:net", "nets.py:net", *arguments)
    assert made.returncode == 2
    assert said in made.stderr
    assert "Traceback" not in made.stderr


EVOLUTION = "regularized-evolution"
OWN = """
import msgspec
from assay.strategies.random_search import RandomSearch


class Lazy(RandomSearch):
    name = "lazy"

    def ask(self):
        asked = super().ask()
        first = self.__dict__.setdefault("first", asked)
        return msgspec.structs.replace(asked, arch=first.arch)
"""
ON_A_TABLE = ("--benchmark", "nas-bench-graph/cora", "--evaluations", "30", "--replicates", "40")


def test_strategies_that_behave_alike_are_told_with_what_would_be_found(bench: Bench) -> None:
    """A strategy and itself with other draws give 0, and the difference that could be missed."""
    same = bench("parity", EVOLUTION, EVOLUTION, *ON_A_TABLE)
    assert "verdict: no difference found" in same.out
    assert "30 evaluations a run on nas-bench-graph/cora; a difference of" in same.out
    assert "80 of 80 runs" in same.err


def test_strategies_of_other_settings_are_told_apart(bench: Bench) -> None:
    """Another population changes the behaviour: the status is 1, and the setting is named beside it."""
    other = bench(
        "parity", EVOLUTION, EVOLUTION, *ON_A_TABLE, "--a", "population=4", "--b", "population=20", check=1
    )
    assert "verdict: different" in other.out
    assert "  setting population: 4 in A, 20 in B" in other.out


def test_the_answer_about_strategies_as_json(bench: Bench) -> None:
    """Machines get the test with all features, and a strategy of the user's own can be a side."""
    bench.write("mine.py", OWN)
    made = bench("parity", "random-search", "mine.py:Lazy", *ON_A_TABLE, "--json", check=1)
    found = json.loads(made.out)
    assert found["test"]["differ"]
    assert found["benchmark"] == "nas-bench-graph/cora"
    assert found["evaluations"] == 30
    assert all(0 <= one["p"] <= 1 for one in found["test"]["differences"])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("random-serch", "random-search", *ON_A_TABLE), "random-search"),
        (("random-search", "random-search", "--benchmark", "nas-bench-graph/cara"), "nas-bench-graph/cora"),
        ((EVOLUTION, EVOLUTION, *ON_A_TABLE, "--a", "populaton=4"), "population"),
        ((EVOLUTION, EVOLUTION, *ON_A_TABLE, "--a", "population"), "sets nothing"),
        ((EVOLUTION, EVOLUTION, *ON_A_TABLE, "--a", f"population={'[' * 50_000}"), "wrong type"),
        ((EVOLUTION, EVOLUTION, *ON_A_TABLE, "--a", 'population="\udcff"'), "no UTF-8 text"),
    ],
    ids=["strategy", "benchmark", "hyperparameter", "setting", "deep", "no text"],
)
def test_bad_input_about_strategies_is_refused(bench: Bench, arguments: tuple[str, ...], said: str) -> None:
    """The status is 2, the message names what was meant, and there is no traceback."""
    assert said in bench("parity", *arguments, check=2).err
