"""Every result has its figure: legible, the same in every process, with its data, words and definition."""

from __future__ import annotations

import csv
import hashlib
import importlib
import io
import os
import pkgutil
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import matplotlib as mpl
import pytest

import assay.statistics
from assay.foundation.errors import UsageError
from assay.publishing import sheet
from assay.publishing.plots import figure, figures
from assay.publishing.plots.registry import draw
from assay.publishing.sheet import Drawn
from assay.publishing.style import look
from assay.statistics.basis import Result

ROOT = Path(__file__).parents[3]
HELPERS = Path(__file__).with_name("conftest.py")
DEFINITIONS = ROOT / "docs" / "figures.md"
COLUMN, PAGE = 240.0, 516.0
SMALLEST = 5.4
LARGE = re.compile("twenty|many")
SVG = "{http://www.w3.org/2000/svg}"

# Of each form of drawing one case: these are drawn three times over.
SOME = ("pairwise", "differences", "anytime", "rope", "pareto", "proxy", "specification", "confusion")

# Results that no figure makes clearer than their own sentence, and why.
WITHOUT = {
    "PermutationTest": "one statistic and one p-value: its interval stands in the figure of Difference",
    "SignedRank": "two rank sums and one p-value: pairs of methods stand in the figure of PairwiseTests",
    "SignTest": "three counts and one p-value: they stand in the comparison matrix",
}


def result_types() -> dict[str, type[Result]]:
    """Return every type of result that `assay.statistics` defines."""
    for module in pkgutil.iter_modules(assay.statistics.__path__):
        importlib.import_module(f"assay.statistics.{module.name}")
    found, open_ = {}, [Result]
    while open_:
        kind = open_.pop()
        open_ += kind.__subclasses__()
        if kind is not Result and kind.__module__.startswith("assay.statistics"):
            found[kind.__name__] = kind
    return found


@pytest.fixture(scope="module")
def some(samples):
    cases = samples.typical()
    return {name: figures(cases[name], methods=samples.METHODS) for name in SOME}


def without_pdf(samples, cases):
    """Draw cases without the PDF, which takes the longest."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sheet, "to_pdf", lambda *_: b"%PDF-1.4")
        return {name: figures(result, methods=samples.METHODS) for name, result in cases.items()}


@pytest.fixture(scope="module")
def drawn(samples, some):
    """Every case that is not large."""
    cases = samples.typical() | {n: result for n, result in samples.nasty().items() if not LARGE.search(n)}
    return some | without_pdf(samples, {n: result for n, result in cases.items() if n not in some})


@pytest.fixture(scope="module")
def large(samples):
    return without_pdf(samples, {n: result for n, result in samples.nasty().items() if LARGE.search(n)})


def test_every_type_of_result_has_a_figure():
    """Each result type of the statistics has a figure, or a reason why not; no reason outlives its type."""
    kinds = result_types()
    without = {name for name, kind in kinds.items() if draw.dispatch(kind) is draw.dispatch(object)}
    assert without == set(WITHOUT)
    assert len(kinds) > 20


def test_figures_are_told_in_words_and_have_data(drawn):
    """Each figure has a sentence, a description, a table, a PDF, and a width of one or two columns."""
    for name, several in drawn.items():
        for one in several:
            assert one.explanation.endswith("."), name
            assert one.explanation.count("\n") == 0
            assert one.alt.endswith("."), name
            assert one.pdf.startswith(b"%PDF-1.")
            assert {len(row) for row in one.data.rows} <= {len(one.data.columns)}, name
            assert {len(row) for row in one.short.rows} <= {len(one.short.columns)}, name
            wide = float(re.search(r'viewBox="0 0 (\S+) ', one.svg)[1])
            assert COLUMN <= wide <= PAGE + 0.01, name


def test_definitions_exist(drawn):
    """The definition that a figure points to is a heading of the page, and no heading is without a figure."""
    if not DEFINITIONS.exists():
        pytest.skip("docs/figures.md is absent: this is an installed copy without documentation")
    page = DEFINITIONS.read_text(encoding="utf-8")
    headings = {
        re.sub(r"[^\w -]", "", h.lower()).replace(" ", "-")
        for h in re.findall(r"^## (.+)$", page, re.MULTILINE)
    }
    pointed = {
        one.definition.removeprefix("docs/figures.md#") for several in drawn.values() for one in several
    }
    assert pointed == headings


def check_texts(drawn, texts, overlaps):
    """Assert that no two texts touch, that none leaves the sheet, and that all are large enough to read."""
    for name, several in drawn.items():
        for one in several:
            width, height = (float(v) for v in re.search(r'viewBox="0 0 (\S+) (\S+)"', one.svg).groups())
            boxes = list(texts(one.svg))
            assert boxes, name
            for text, (left, top, right, bottom) in boxes:
                assert left >= -1 and right <= width + 1, (name, one.id, text)
                assert top >= -1 and bottom <= height + 1, (name, one.id, text)
            assert overlaps(boxes) == [], (name, one.id)
            sizes = [float(size) for size in re.findall(r"font-size: ([\d.]+)px", one.svg)]
            assert min(sizes) >= SMALLEST, name


def test_texts_can_be_read(drawn, texts, overlaps):
    """No two texts of a figure touch, none leaves the sheet, and none is smaller than 5.4 points."""
    check_texts(drawn, texts, overlaps)


@pytest.mark.slow
def test_texts_of_large_figures_can_be_read(large, texts, overlaps):
    """The same of figures of twenty methods, of many tasks and of hundreds of specifications."""
    check_texts(large, texts, overlaps)


def test_files_are_whole_and_bare(drawn):
    """Each SVG is well-formed, and holds no script, style sheet, picture or foreign address, and no date."""
    for name, several in drawn.items():
        for one in several:
            root = ET.fromstring(one.svg)  # noqa: S314  written a moment ago
            assert root.findtext(f"{SVG}desc") == one.alt, name
            tags = {element.tag.removeprefix(SVG) for element in root.iter()}
            assert not tags & {"script", "style", "metadata", "image", "foreignObject"}, name
            bare = re.sub(r"http://www\.w3\.org/(2000/svg|1999/xlink)", "", one.svg)
            assert "http" not in bare, name
            assert b"Date" not in one.pdf, name
            assert len(one.svg) < 400_000, (name, len(one.svg))


def test_equal_results_give_equal_bytes(samples, some):
    """Drawing again gives the same SVG, PDF, data and words, whatever the user's settings are."""
    cases = samples.typical()
    with mpl.rc_context({"font.size": 30, "axes.facecolor": "red", "svg.fonttype": "path"}):
        for name in SOME:
            assert figures(cases[name], methods=samples.METHODS) == some[name], name


def digest(names: list[str], several: dict[str, tuple[Drawn, ...]]) -> str:
    """Return the digest of all that some figures are made of."""
    found = hashlib.sha256()
    for name in names:
        for one in several[name]:
            found.update(one.svg.encode() + one.pdf + one.data.csv() + one.alt.encode())
    return found.hexdigest()


def elsewhere(names: list[str]) -> str:
    """Return the digest of figures that another process drew with another hash seed."""
    code = (
        "import hashlib, importlib.util\n"
        f"spec = importlib.util.spec_from_file_location('made', {str(HELPERS)!r})\n"
        "module = importlib.util.module_from_spec(spec); spec.loader.exec_module(module)\n"
        "from assay.publishing.plots import figures\n"
        "samples = module.load(); cases = samples.typical()\n"
        "found = hashlib.sha256()\n"
        f"for name in {names!r}:\n"
        "    for one in figures(cases[name], methods=samples.METHODS):\n"
        "        found.update(one.svg.encode() + one.pdf + one.data.csv() + one.alt.encode())\n"
        "print(found.hexdigest())"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "4321"}
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=300, env=environment
    )
    return done.stdout.split()[-1]


def test_a_fresh_process_gives_the_same_bytes(some):
    """Another process with another hash seed draws the same bytes."""
    assert elsewhere(list(SOME)) == digest(list(SOME), some)


@pytest.mark.slow
def test_every_figure_is_the_same_in_a_fresh_process(samples):
    """Another process with another hash seed draws the same bytes of every figure."""
    typical = {name: figures(result, methods=samples.METHODS) for name, result in samples.typical().items()}
    assert elsewhere(list(typical)) == digest(list(typical), typical)


def test_the_text_of_users_commands_nothing(samples, monkeypatch):
    """Names that look like markup, formulas, mathematics or orders to a terminal stay names."""
    monkeypatch.setattr(sheet, "to_pdf", lambda *_: b"%PDF-1.4")
    labels = {name: f"{samples.HOSTILE} {i}" for i, name in enumerate(samples.METHODS)}
    for name, result in samples.typical().items():
        for one in figures(result, methods=samples.METHODS, labels=labels):
            ET.fromstring(one.svg)  # noqa: S314  written a moment ago
            assert "<script" not in one.svg, name
            assert "\x1b" not in one.svg + one.alt + one.explanation, name
    hostile = figure({"=1+1": samples.difference(0.1, 0.2, "better")})
    assert b"'=1+1" in hostile.data.csv()


def test_a_method_has_one_hue_everywhere(samples):
    """The order of the methods decides the hue, also in a figure that shows only some of them."""
    order = ("zebra", *samples.METHODS)
    some = samples.aggregate(("TPE", "random"), (0.4, 0.6), 0.1)
    for one in (figure(some, methods=order), figure({"TPE": samples.areas(0.2)}, methods=order)):
        assert look(order.index("TPE")).colour.lower() in one.svg.lower()
        assert look(order.index("zebra")).colour.lower() not in one.svg.lower()


def test_the_order_of_what_is_given_changes_nothing(samples):
    """Results by name are drawn in the order of the study, not in that of a dictionary."""
    items = samples.typical()["expected best"]
    turned = dict(reversed(items.items()))
    assert figure(items, methods=samples.METHODS) == figure(turned, methods=samples.METHODS)


def test_the_csv_has_the_numbers_in_full(samples, drawn):
    """The data beside a figure are the numbers of the result, none of them rounded."""
    result = samples.typical()["aggregates"]
    rows = list(csv.DictReader(io.StringIO(drawn["aggregates"][0].data.csv().decode())))
    by_name = {row["method"]: row for row in rows}
    for name, value, low in zip(result.methods, result.estimates, result.lows, strict=True):
        assert by_name[name]["estimate"] == ("" if value is None else repr(value))
        assert by_name[name]["low"] == ("" if low is None else repr(low))


def test_what_has_no_figure_is_refused(samples):
    """A type without a figure, results of several types and an empty result say what is wrong."""
    with pytest.raises(UsageError, match="no figure for int"):
        figure(3)
    with pytest.raises(UsageError, match="results of one type"):
        figure({"a": samples.areas(0.1), "b": samples.gained(0.1)})
    with pytest.raises(UsageError, match="no common figure"):
        figure({"a": samples.proxied(5)})
    with pytest.raises(UsageError, match="one type"):
        figure({})


def test_a_title_is_the_title(samples):
    """A title that is given names the figure, in its file too, and is escaped there."""
    one = figure(samples.areas(0.1), title="Mine & yours")
    assert one.title == "Mine & yours"
    assert "<title>Mine &amp; yours</title>" in one.svg
