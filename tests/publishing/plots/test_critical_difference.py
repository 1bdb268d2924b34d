"""Critical-difference diagrams: nothing overlaps, and bars say who belongs to them."""

from __future__ import annotations

import re

import pytest

from assay.publishing import sheet
from assay.publishing.plots import figure, figures


@pytest.fixture(autouse=True)
def _no_pdf(monkeypatch):
    monkeypatch.setattr(sheet, "to_pdf", lambda *_: b"%PDF-1.4")


@pytest.mark.parametrize("k", range(2, 21))
def test_labels_never_overlap(samples, texts, overlaps, k):
    """From two to twenty methods, with short and with long names, no two labels share a place."""
    for methods in (tuple(f"m{i}" for i in range(k)), samples.names(k)):
        boxes = list(texts(figure(samples.nemenyi(13, methods)).svg))
        assert sum(bool(re.search(r"\d\.\d\d$", text)) for text, _ in boxes) >= k
        assert overlaps(boxes) == [], k


def test_what_a_diagram_prints(samples):
    """N, k, the level, the test, the correction and the rule for zeros stand in the figure."""
    svg = figure(samples.compared(14, samples.METHODS)).svg
    words = " ".join(re.findall(r"<text[^>]*>([^<]*)</text>", svg))
    assert "N = 14 tasks, k = 4, α = 0.05" in words
    assert "signed-rank test of all pairs; Holm over 6 pairs; zeros: split" in words


def test_nemenyi_warns_and_shows_its_distance(samples):
    """Nemenyi's diagram prints the critical difference and that its verdicts depend on the pool."""
    svg = figure(samples.nemenyi(14, samples.METHODS)).svg
    words = " ".join(re.findall(r"<text[^>]*>([^<]*)</text>", svg))
    assert "CD = 1.25" in words  # Demšar, JMLR 2006, p. 12: four methods, fourteen data sets
    assert "Caution" in words and "pool" in words


def test_below_six_families_there_is_no_bar(samples):
    """Where nothing is decided no group is drawn, and the sentence says so."""
    one = figure(samples.compared(5, samples.METHODS, decided=False))
    assert "too few independent tasks" in one.explanation
    assert {row[2] for row in one.data.rows} == {""}


def test_the_data_name_the_groups(samples):
    """Each method's row has its rank and the numbers of the groups that it belongs to."""
    result = samples.compared(14, samples.METHODS)
    rows = {row[0]: row for row in figure(result).data.rows}
    for i, clique in enumerate(result.cliques, 1):
        for name in result.methods:
            assert (str(i) in str(rows[name][2]).split()) == (name in clique)
    assert [rows[name][1] for name in result.methods] == list(result.average_ranks)


def test_the_matrix_stands_beside_it(samples):
    """A test of all pairs has two figures, and the matrix holds every ordered pair."""
    result = samples.compared(14, samples.METHODS)
    diagram, matrix = figures(result)
    assert (diagram.id, matrix.id) == ("critical-difference", "comparison-matrix")
    rows = {row[:2]: row for row in matrix.data.rows}
    assert len(rows) == 12
    a, b = result.methods[:2]
    assert rows[a, b][2] == result.mean_difference[0, 1] == -rows[b, a][2]
    assert rows[a, b][3:6] == (result.wins[0, 1], result.ties[0, 1], result.losses[0, 1])
