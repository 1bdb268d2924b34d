"""The page: self-contained, safe, accessible, and the same on every build."""

from __future__ import annotations

import re
import subprocess
import sys
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest

from assay.foundation.digest import digest_file
from assay.foundation.errors import StoreError
from assay.publishing.document import ANCHORS
from assay.publishing.report import POLICY, build

VOID = {"meta", "br", "link", "img", "input", "hr"}
_BUILD = """
import importlib.util, sys
from pathlib import Path
spec = importlib.util.spec_from_file_location("sample", sys.argv[1])
sample = importlib.util.module_from_spec(spec)
spec.loader.exec_module(sample)
from assay.publishing.report import build
build(sample.hostile(), Path(sys.argv[2]))
"""


class Page(HTMLParser):
    """Collects the elements of a page and checks that they are closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text: list[str] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" not in self.open:
            self.text.append(data)

    def all(self, *tags):
        return [attributes for tag, attributes in self.elements if tag in tags]


@pytest.fixture
def page(report):
    return Page(report.page.read_text())


def test_the_page_needs_nothing_else(report, page):
    """No element loads anything, and the policy of the page would forbid it."""
    tags = {tag for tag, _ in page.elements}
    assert not tags & {
        "script",
        "link",
        "img",
        "iframe",
        "object",
        "embed",
        "form",
        "base",
        "audio",
        "video",
        "image",
    }
    policy = next(a["content"] for a in page.all("meta") if a.get("http-equiv") == "Content-Security-Policy")
    assert policy == POLICY
    assert policy.startswith("default-src 'none'; style-src 'unsafe-inline';")
    for _, attributes in page.elements:
        assert not {"src", "srcset", "data", "action"} & set(attributes)
        assert not [name for name in attributes if name.startswith("on")]
    text = report.page.read_text()
    assert "@import" not in text
    assert set(re.findall(r"url\(([^)]{1})", text)) <= {"#"}


def test_links_lead_somewhere(report, page):
    """Each link leads to a place of the page, to a file beside it, or to a public address."""
    ids = [a["id"] for _, a in page.elements if a.get("id")]
    assert len(ids) == len(set(ids))
    for attributes in page.all("a"):
        href = attributes["href"]
        if href.startswith("#"):
            assert href[1:] in ids
        elif not href.startswith("https://"):
            assert (report.page.parent / href).is_file()
    used = {a["xlink:href"] for _, a in page.elements if "xlink:href" in a}
    assert {name for name in used if name.startswith("#")} <= {f"#{i}" for i in ids}


def test_every_anchor_of_the_document_is_in_the_page(reports):
    """A step may give any of the anchors as its evidence: a full report has all of them."""
    page = Page(reports["typical"].page.read_text())
    assert {anchor[1:] for anchor in ANCHORS} <= {a.get("id") for _, a in page.elements}


def test_a_reader_without_eyes_finds_the_way(page):
    """The page has landmarks, one first heading, headings in order, captions or names, and scopes."""
    assert page.all("html")[0]["lang"] == "en"
    assert [len(page.all(tag)) for tag in ("header", "main", "footer", "nav", "h1")] == [1, 1, 1, 1, 1]
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch(r"h[1-6]", tag)]
    assert all(later <= earlier + 1 for earlier, later in pairwise(levels))
    assert all(a.get("scope") in ("col", "row", "rowgroup") for a in page.all("th"))
    for attributes in page.all("svg"):
        assert attributes["aria-hidden"] == "true"
    pictures = [a for _, a in page.elements if a.get("role") == "img"]
    assert all(len(a["aria-label"]) > 20 for a in pictures)
    assert len(pictures) == len(page.all("figure"))
    sections = page.all("section")
    assert all(a["aria-labelledby"] for a in sections)


def test_hostile_text_is_text(reports):
    """Names, errors and addresses from outside are shown and never act, in any file of the report."""
    paths = reports["hostile"]
    text = paths.page.read_text()
    assert "<script" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;\\x1b[31m$x_{1}$ \\u202eevil" in text
    assert "<img" not in text
    assert 'href="javascript' not in text
    for path in (paths.page, *(p for p in paths.figures if p.suffix in (".svg", ".csv"))):
        content = path.read_bytes().decode()
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]", content), path
        if path.suffix == ".svg":
            assert "<script" not in content


def test_every_number_stands_with_n_and_its_interval(reports):
    """Each cell of the results has a mean, a range and a number of runs; leaders are marked in words."""
    text = reports["typical"].page.read_text()
    cells = re.findall(r'<td role="cell".*?</td>', text, flags=re.DOTALL)
    assert len(cells) == 48
    for cell in cells:
        assert re.search(r'<span class="mean">[\d.,]+</span>', cell)
        assert re.search(r"<small>\[[\d.,]+, [\d.,]+\]</small><small>n = 20</small>", cell)
    leaders = [cell for cell in cells if 'class="cell leads"' in cell]
    assert len(leaders) == 12
    assert all('<span class="unseen"> leads</span>' in cell for cell in leaders)
    near = [cell for cell in cells if "≈" in cell]
    assert near
    assert all("not distinguishable from the leader" in cell for cell in near)


def test_an_unfinished_cell_says_how_many_are_missing(sample, tmp_path):
    """A cell with fewer runs than planned shows both numbers."""
    document = sample.alone()
    rows = tuple(msgspec.structs.replace(row, planned=3) for row in document.analysis.results)
    analysis = msgspec.structs.replace(document.analysis, results=rows)
    paths = build(msgspec.structs.replace(document, analysis=analysis), tmp_path)
    assert paths.page.read_text().count("<small>n = 1 of 3</small>") == 2


def test_a_study_without_runs_is_told(reports):
    """With no completed run the page says so, and shows the failures with their errors."""
    text = reports["empty"].page.read_text()
    assert "No run has completed, so there is nothing to report yet." in text
    assert "4 runs gave no result" in text
    assert "KeyError" in text
    assert "No run of this study has been repeated yet" in text


def test_sections_without_data_are_left_out(reports):
    """A study without ranks, claims or costs has no empty section for them, and no link to one."""
    text = reports["alone"].page.read_text()
    for anchor in ("ranks", "claims"):
        assert f'id="{anchor}"' not in text
        assert f'href="#{anchor}"' not in text


def test_the_page_names_its_data(reports):
    """The page gives the digest of the file that it was made from."""
    paths = reports["typical"]
    assert digest_file(paths.data)[:12] in paths.page.read_text()


def test_the_page_is_small(reports):
    """Twelve benchmarks and four methods fit into 1.5 MB."""
    assert reports["typical"].page.stat().st_size < 1_500_000


@pytest.mark.parametrize(
    "rule", ["@media print", "prefers-color-scheme: dark", "max-width: 46rem", "break-inside: avoid"]
)
def test_the_page_suits_paper_dark_rooms_and_phones(reports, rule):
    """The style has rules for print, for dark mode and for narrow screens."""
    assert rule in reports["typical"].page.read_text()


def test_equal_documents_give_equal_bytes(tmp_path):
    """Two processes with different hash seeds write the same bytes in every file."""
    sample = Path(__file__).with_name("sample.py")
    for seed in ("1", "2"):
        command = [sys.executable, "-c", _BUILD, str(sample), str(tmp_path / seed)]
        subprocess.run(
            command, check=True, env={"PYTHONHASHSEED": seed, "PATH": "", "HOME": str(tmp_path / seed)}
        )
    kinds = (".html", ".json", ".svg", ".pdf", ".csv")
    files = sorted(p.relative_to(tmp_path / "1") for p in (tmp_path / "1").rglob("*") if p.suffix in kinds)
    files = [f for f in files if f.parts[0] in ("figures", "index.html", "report.json")]
    assert len(files) >= 2 + 3 * 15
    assert len(files) % 3 == 2
    for file in files:
        assert (tmp_path / "1" / file).read_bytes() == (tmp_path / "2" / file).read_bytes(), file


def test_a_report_replaces_the_one_before(sample, tmp_path):
    """Building into the same folder again replaces every file."""
    build(sample.empty(), tmp_path)
    paths = build(sample.alone(), tmp_path)
    assert "nothing to report" not in paths.page.read_text()


def test_a_folder_that_cannot_be_made_is_named(sample, tmp_path):
    """A file where the folder should be raises `StoreError` with the path."""
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(StoreError, match="taken"):
        build(sample.empty(), tmp_path / "taken")
