"""The page of an audit: every finding leads to what it names, and nothing on it acts."""

from __future__ import annotations

import re

from assay.analysis.audit.audit import audit
from assay.analysis.audit.gather import gather_table
from assay.publishing.audit_page import build_audit, encode_audit
from assay.studies.auditing import Answer

TABLE = "method,task,seed,accuracy,selected_by\n" + "".join(
    f"{method},<i>t</i>,{seed},{70 + (seed * 7 + i * 3) % 11}.{seed}{i},test\n"
    for i, method in enumerate(("alpha", "beta"))
    for seed in range(3)
)


def page_of(folder, answers=()):
    (folder / "results.csv").write_text(TABLE, encoding="utf-8")
    facts = gather_table(folder / "results.csv")
    found = audit(facts, answers)
    return build_audit(found, facts, folder / "page"), found


def test_links_lead_to_anchors(tmp_path):
    """Each link inside the page has its target, and the rows that findings name are on it."""
    paths, _ = page_of(tmp_path)
    page = paths.page.read_text()
    targets = re.findall(r'href="#([^"]+)"', page)
    assert targets
    for target in targets:
        assert f'id="{target}"' in page, target
    assert 'id="line-2"' in page


def test_nothing_on_the_page_acts(tmp_path):
    """Text of the table is escaped; there is no script, no handler and no address to load from."""
    page = page_of(tmp_path)[0].page.read_text()
    assert "<i>t</i>" not in page
    assert "&lt;i&gt;t" in page
    assert "<script" not in page
    assert not re.search(r"\son[a-z]+=", page)
    assert not re.search(r'(?:src|href)="(?:https?:)?//', page)


def test_answered_findings_have_a_section(tmp_path):
    """The reason is shown with the finding, below those that are open."""
    paths, found = page_of(tmp_path, [Answer(finding="test-as-signal", reason="told on page 3")])
    page = paths.page.read_text()
    assert page.index("Answered by the authors") < page.index("told on page 3")
    assert found.holds
    assert encode_audit(found) == paths.data.read_bytes()
