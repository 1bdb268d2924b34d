"""The judgement on the page: its sections, its figures, and what they may not do."""

from __future__ import annotations

import math
import re

import msgspec
import pytest
from msgspec import UNSET

from assay.publishing.document import decode_document, encode_document
from assay.publishing.judgement_figures import draw_judgement, pooled_luck, renamed
from assay.publishing.judgement_views import judgement_sections
from assay.publishing.report import render

ALL = (
    "comparison",
    "luck",
    "effects",
    "stability",
    "generalisation",
    "ablations",
    "tuning",
    "published",
    "registration",
)


@pytest.fixture(scope="module")
def drawn(sample):
    """Return the figures of a full judgement."""
    return draw_judgement(sample.typical())


def test_every_part_has_its_section_in_order(sample, drawn):
    """A full judgement has nine sections, each with a sentence of what it means."""
    found = judgement_sections(sample.typical(), drawn)
    assert tuple(section.id for section in found) == ALL
    assert all(section.lead.endswith(".") for section in found)


def test_a_report_without_a_judgement_has_no_section(sample):
    """A report of version 1 shows what it showed."""
    assert judgement_sections(sample.alone(), draw_judgement(sample.alone())) == ()


def test_figures_have_ids_of_their_own(drawn):
    """No two figures of the judgement share an id, also where two are of one kind."""
    ids = [figure.id for own in drawn.values() for figure in own]
    assert len(ids) == len(set(ids)) >= 12
    assert {"differences-1", "differences-2", "published-1", "confusion-1", "luck"} <= set(ids)


def test_a_renamed_figure_keeps_its_references(drawn):
    """All ids of its panels, and what refers to them, begin with the new name."""
    one = renamed(drawn["luck"][0], "other")
    names = re.findall(r'(?: id="|url\(#|xlink:href="#)([a-z]+)-', "".join(one.panels))
    assert names
    assert set(names) == {"other"}


def test_differences_of_different_units_do_not_share_an_axis(drawn):
    """The differences in percent and those in fractions are two figures, and say so."""
    titles = [one.title for one in drawn["comparison"] if one.id.startswith("differences")]
    assert [title.rpartition(", ")[2] for title in titles] == ["fraction", "%"]


def test_a_failed_run_counts_against_its_method_in_the_pool(sample):
    """The pooled luck of a method holds every run of every benchmark, failed ones as probability 1."""
    rows = sample.typical().judged().luck
    pooled = pooled_luck(rows)["random"]
    assert len(pooled.at_least) == 12 * 20
    failed = [p for value, p in zip(pooled.values, pooled.at_least, strict=True) if math.isnan(value)]
    assert failed == [1.0]


def test_problems_of_tuning_and_deviations_are_visible(sample, drawn):
    """A frozen choice that is not what its runs choose, the untuned and the deviations are told in words."""
    found = {section.id: section for section in judgement_sections(sample.typical(), drawn)}
    first, second, *_ = found["tuning"].blocks
    assert (first.title, first.tone) == ("Problems", "bad")
    assert "is not what its runs choose" in first.lines[0]
    assert "declared defaults: Random search." in second.lines[1]
    assert found["registration"].blocks[1].title == "Deviations from the plan"


def test_the_smallest_effect_is_told_for_each_claim(sample, drawn):
    """The mean over the benchmarks is a sentence, and each benchmark is a row."""
    found = {section.id: section for section in judgement_sections(sample.typical(), drawn)}["effects"]
    assert "show a difference of" in found.blocks[0].lines[0]
    assert len(found.blocks[1].table.rows) == 13


def test_refuted_claims_are_as_prominent_as_supported_ones(sample):
    """Every claim is an article with heading, verdict and scope, whatever the verdict."""
    document = sample.typical()
    claim = document.analysis.claims[0]
    verdicts = ("supported", "refuted", "undecided", "untested")
    claims = tuple(msgspec.structs.replace(claim, id=word, verdict=word) for word in verdicts)
    analysis = msgspec.structs.replace(document.analysis, claims=claims)
    page = render(msgspec.structs.replace(document, analysis=analysis, judgement=UNSET), (), {}, "00" * 32)
    shapes = re.findall(r'<article class="claim is-(\w+)">\n<h3>.*?</h3>\n<p class="ruling">', page)
    assert shapes == list(verdicts)
    assert page.index('id="claims"') < page.index('id="lifecycle"') < page.index('id="results"')


def test_mileage_stands_beside_each_reported_test_number(reports):
    """Each benchmark with a test metric says in the table of results how often its labels were asked."""
    page = reports["typical"].page.read_text()
    assert page.count("test asked 80 times, 96 in the store") == 9


def test_too_few_runs_see_no_effect_however_large(sample, drawn):
    """Where no difference could be told by so few runs, the report says so and shows no number."""
    document = sample.typical()
    rows = tuple(msgspec.structs.replace(row, effect=math.inf) for row in document.judged().detectable)
    judgement = msgspec.structs.replace(document.judged(), detectable=rows)
    changed = decode_document(encode_document(msgspec.structs.replace(document, judgement=judgement)))
    found = {section.id: section for section in judgement_sections(changed, drawn)}["effects"]
    assert "show no difference, however large" in found.blocks[0].lines[0]
    assert {row[-1] for row in found.blocks[1].table.rows} == {"none, however large"}
