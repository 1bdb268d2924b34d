"""`assay table landscape` and `reliability`, as a user reads them."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from msgspec import structs

from assay.analysis.landscape import Landscape
from assay.analysis.reliability import Agreement, Noise, Reliability
from assay.cli import landscape as commands
from assay.cli.landscape import show_landscape, show_reliability

NAME = "nas-bench-201/cifar10"


@pytest.fixture(autouse=True)
def _here(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSAY_CACHE", str(cache))


def test_few_values_are_warned_of_and_none_is_none(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Three of 15,625 architectures get a warning, no 'nan', and equals of the best are counted."""
    whole = commands.landscape

    def sparse(*arguments: object) -> Landscape:
        made = whole(*arguments)  # type: ignore[arg-type]
        return structs.replace(
            made, architectures=3, missing=15_622, autocorrelation=(math.nan,) * 8, equal_best=2
        )

    show_landscape([NAME], None, None, json=False)
    said = capsys.readouterr()
    assert "warning" not in said.err
    assert "with the same value" not in said.err
    monkeypatch.setattr(commands, "landscape", sparse)
    show_landscape([NAME], None, None, json=False)
    said = capsys.readouterr()
    assert "nan" not in said.out.replace(NAME, "")
    assert f"warning: {NAME}: 3 of 15,625 architectures have a value" in said.err
    assert "and 2 others with the same value" in said.err


NOISE = Noise(
    architectures=9, seeds=3, icc=0.9, of_mean=0.96, sd=1, top_sd=1, gap=1, distinct=5, top_distinct=2
)


@pytest.mark.parametrize(
    ("noise", "sentence"),
    [
        (NOISE, "at most 5 architectures can be picked so that any two differ by more"),
        (structs.replace(NOISE, of_mean=0.01), "no difference between architectures can be trusted"),
        (None, "at 12-epochs its table has one number an architecture"),
    ],
)
def test_reliability_says_what_it_means(
    noise: Noise | None,
    sentence: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Noise is told by its size, at its fidelity; a correlation of three architectures is marked."""
    agreement = Agreement(
        first="a",
        second="b",
        architectures=3,
        pearson=1,
        spearman=1,
        kendall=1,
        top_spearman=None,
        top_kendall=None,
        overlap=1,
    )
    made = Reliability(
        benchmark=NAME,
        signal="validation",
        fidelity="12-epochs",
        unit="%",
        architectures=3,
        size=15_625,
        noise=noise,
        agreements=(agreement,),
        classes=None,
    )
    monkeypatch.setattr(commands, "reliability", lambda *_, **__: made)
    show_reliability(NAME, None, None, (), (), json=False)
    said = capsys.readouterr()
    assert sentence in said.out
    assert "   3!" in said.out
    assert "!: fewer than 30 architectures" in said.out
    assert "warning: nas-bench-201/cifar10: 3 of 15,625 architectures have a value" in said.err
