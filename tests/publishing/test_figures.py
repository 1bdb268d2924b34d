"""The figures: one look, bytes that never change, text that can be read."""

from __future__ import annotations

import csv
import io
import re
import xml.etree.ElementTree as ET
from itertools import combinations, pairwise

import matplotlib as mpl
import msgspec
import pytest
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextPath

from assay.publishing.curves import regret_over_evaluations
from assay.publishing.document import decode_document, encode_document
from assay.publishing.figures import draw_all
from assay.publishing.style import drawing, look

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def drawn(sample):
    return {figure.id: figure for figure in draw_all(sample.typical())}


def test_the_figures_of_a_study(drawn):
    """A study with costs and several methods has six figures, each told in words and with data."""
    assert list(drawn) == ["lifecycle", "results", "regret-evaluations", "regret-seconds", "ranks", "cost"]
    for figure in drawn.values():
        assert figure.explanation.endswith(".")
        assert figure.alt.endswith(".")
        assert figure.pdf.startswith(b"%PDF-1.")
        assert {len(row) for row in figure.data.rows} == {len(figure.data.columns)}
        assert {len(row) for row in figure.short.rows} == {len(figure.short.columns)}


def test_only_figures_with_data_are_drawn(sample):
    """A study without costs, ranks or completed runs has no empty figures."""
    assert [figure.id for figure in draw_all(sample.empty())] == ["lifecycle"]
    assert "ranks" not in [figure.id for figure in draw_all(sample.alone())]
    assert not {"cost"} & {figure.id for figure in draw_all(sample.hostile())}


def test_looks_are_distinct():
    """Of 56 methods no two share colour, line and marker, and neighbours differ in all three."""
    looks = [(look(i).colour, str(look(i).line), look(i).marker) for i in range(56)]
    assert len(set(looks)) == 56
    for one, other in pairwise(looks):
        assert all(a != b for a, b in zip(one, other, strict=True))


def test_the_users_settings_decide_nothing_and_stand(sample):
    """A user's matplotlib settings change no byte, and are as they were after drawing."""
    document = sample.alone()
    before = draw_all(document)
    with mpl.rc_context({"font.size": 30, "axes.facecolor": "red", "svg.fonttype": "path"}):
        kept = dict(mpl.rcParams)
        assert draw_all(document) == before
        assert dict(mpl.rcParams) == kept


def test_a_document_from_disk_gives_the_same_figures(sample):
    """Reading a document again changes no byte of its figures."""
    document = sample.hostile()
    assert draw_all(decode_document(encode_document(document))) == draw_all(document)


def test_svg_files_are_whole_and_bare(drawn):
    """Each SVG is well-formed, names itself, and holds no script, no style sheet and no foreign address."""
    for figure in drawn.values():
        root = ET.fromstring(figure.svg)  # noqa: S314  written a moment ago
        assert root.findtext(f"{SVG}title") == figure.title
        assert root.findtext(f"{SVG}desc") == figure.alt
        tags = {element.tag.removeprefix(SVG) for element in root.iter()}
        assert not tags & {"script", "style", "metadata", "image", "foreignObject"}
        bare = figure.svg.replace("http://www.w3.org/2000/svg", "").replace(
            "http://www.w3.org/1999/xlink", ""
        )
        assert "http" not in bare


def test_files_hold_no_date(drawn):
    """Neither SVG nor PDF says when it was made."""
    for figure in drawn.values():
        assert not re.search(r"\d{4}-\d\d-\d\d", figure.svg)
        assert b"Date" not in figure.pdf


def test_the_csv_holds_every_point(sample, drawn):
    """The data beside a regret figure are the curves in full precision."""
    document = sample.typical()
    rows = list(csv.DictReader(io.StringIO(drawn["regret-evaluations"].data.csv().decode())))
    curve = next(c for c in document.analysis.curves if c.axis == "evaluations")
    own = [r for r in rows if (r["benchmark"], r["method"]) == (curve.benchmark, curve.method)]
    assert [float(row["mean"]) for row in own] == curve.mean
    assert len(rows) == 12 * 4 * len(curve.x)


def test_a_name_is_no_formula(sample):
    """A method whose name begins like a formula is text in a spreadsheet."""
    document = sample.alone()
    curves = tuple(msgspec.structs.replace(c, method="=1+1") for c in document.analysis.curves)
    method = msgspec.structs.replace(document.methods[0], name="=1+1")
    analysis = msgspec.structs.replace(document.analysis, curves=curves)
    with drawing():
        figure = regret_over_evaluations(
            msgspec.structs.replace(document, methods=(method,), analysis=analysis)
        )
    assert b",'=1+1," in figure.data.csv()


def test_equal_points_are_drawn_once_and_nothing_is_lost(sample):
    """A curve that never moves is drawn with two points, while its data keep them all."""
    document = sample.alone()
    flat = [
        msgspec.structs.replace(c, mean=[0.5] * 150, low=[0.5] * 150, high=[0.5] * 150)
        for c in document.analysis.curves
    ]
    analysis = msgspec.structs.replace(document.analysis, curves=tuple(flat))
    with drawing():
        figure = regret_over_evaluations(msgspec.structs.replace(document, analysis=analysis))
    assert len(figure.svg) < 12_000
    assert len(figure.data.rows) == 300


def _crowded(sample):
    """Return a study with labels that are far too long."""
    document = sample.hostile()
    methods = tuple(
        msgspec.structs.replace(m, label=f"{m.label} with an extraordinarily long explanation")
        for m in document.methods
    )
    return msgspec.structs.replace(document, methods=methods)


@pytest.mark.parametrize("name", ["typical", "hostile", "alone", "crowded"])
def test_texts_do_not_overlap(sample, drawn, name):
    """No two texts of a figure touch, and none leaves the sheet, in the widest of the fonts."""
    made = {"typical": drawn.values, "crowded": lambda: draw_all(_crowded(sample))}
    for figure in made.get(name, lambda: draw_all(getattr(sample, name)()))():
        boxes = list(_texts(figure.svg))
        assert len(boxes) >= 2
        width, height = (float(v) for v in re.search(r'viewBox="0 0 (\S+) (\S+)"', figure.svg).groups())
        for text, (left, top, right, bottom) in boxes:
            assert left >= -1 and right <= width + 1, (figure.id, text)
            assert top >= -1 and bottom <= height + 1, (figure.id, text)
        for (one, a), (other, b) in combinations(boxes, 2):
            apart = a[2] <= b[0] + 0.5 or b[2] <= a[0] + 0.5 or a[3] <= b[1] + 0.5 or b[3] <= a[1] + 0.5
            assert apart, (figure.id, one, other)


def _texts(svg):
    """Yield each text of an SVG with its box, measured in DejaVu Sans."""
    root = ET.fromstring(svg)  # noqa: S314  written a moment ago
    for element in root.iter(f"{SVG}text"):
        style = dict(part.split(": ") for part in element.get("style").split("; "))
        size = float(style["font-size"].removesuffix("px"))
        font = FontProperties(family="DejaVu Sans", weight=int(style.get("font-weight", "400")))
        ink = TextPath((0, 0), element.text or " ", size=size, prop=font, usetex=False).get_extents()
        turn = element.get("transform")
        if "x" in element.attrib:
            x, y = float(element.get("x")), float(element.get("y"))
        else:
            x, y = (float(v) for v in re.search(r"translate\((\S+) (\S+)\)", turn).groups())
        start = {"middle": ink.width / 2, "end": ink.width}.get(style.get("text-anchor"), 0.0)
        if turn and "rotate(-90" in turn:
            yield element.text, (x - ink.ymax, y - ink.width + start, x - ink.ymin, y + start)
        else:
            yield element.text, (x - start, y - ink.ymax, x - start + ink.width, y - ink.ymin)
