"""Tables for a paper: what is bold, and that nothing in a name acts."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.analysis.comparison import Comparison, compare
from assay.publishing.papertables import latex_text, markdown_text, paper_table, to_latex, to_markdown
from assay.statistics.scores import Row, make_scores

HOSTILE = [
    r"\input{/etc/passwd}",
    r"\write18{rm -rf /}",
    "^^5cinput{x}",
    "a % b & c # d $ e _ f ~ g",
    "[1em] {x} \\\\ \\end{tabular}",
    "*",
    "<script>alert(1)</script>",
    "| x | y |\n|---|---|",
    "[click](javascript:alert(1)) ![i](http://x/y.png)",
    "`code` **bold** _it_ www.evil.example https://evil.example @someone",
    "=HYPERLINK(1)",
    "\x1b]0;title\x07 \u202eturned",
]


def table(methods: list[str], tasks: tuple[str, ...] = ("t",), failed: str = "") -> Comparison:
    rows = [
        Row(
            method=method,
            task=task,
            replicate=str(r),
            score=None if method == failed and r == 0 else 10.0 * i + r % 3,
            failed=method == failed and r == 0,
        )
        for task in tasks
        for i, method in enumerate(methods)
        for r in range(10)
    ]
    return compare(make_scores(rows))


def unescaped(text: str) -> str:
    """Return LaTeX without what stands for one character."""
    text = re.sub(r"\\(?:text[a-z]+|char34|char96)\{\}|\\[{}$&#%_]|\$[^$]*\$", "", text)
    return re.sub(r"-\{\}|\{[\[\]*]\}", "", text)


@given(st.text())
def test_no_character_of_a_name_acts_in_latex(name: str) -> None:
    """Once the escapes are taken out, no character that LaTeX obeys is left, and no line ends."""
    assert not set(unescaped(latex_text(name))) & set('\\{}$&#%_^~[]*\n\r<>|"')


@given(st.text())
def test_no_character_of_a_name_acts_in_markdown(name: str) -> None:
    """No markup, tag, entity, cell or link of a name is left."""
    text = markdown_text(name)
    plain = re.sub(r"\\[\\`*_\[\]|~$^]|&(amp|lt|gt|#64|#58);|&#46;", "", text)
    assert not set(plain) & set("\\`*_[]|~$^<>&@\n\r")
    assert "://" not in plain
    assert "www." not in plain


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_leaves_the_tables_whole(name: str) -> None:
    """The table keeps its rows and cells, whatever a method and a task are called."""
    found = paper_table(table(["plain", name], tasks=(name, "t2")))
    latex, markdown = to_latex(found), to_markdown(found)
    assert latex.count("\\begin{") == latex.count("\\end{") == 2
    body = latex[latex.index("\\midrule") : latex.index("\\bottomrule")]
    rows = [line for line in body.split("\n")[1:] if line.strip()]
    assert len(rows) == 2
    assert all(len(re.findall(r"(?<!\\)&", row)) == 2 and row.endswith(" \\\\") for row in rows)
    lines = [line for line in markdown.split("\n") if line.startswith("|")]
    assert len(lines) == 4
    assert all(len(re.findall(r"(?<!\\)\|", line)) == 4 for line in lines)
    assert "<script" not in markdown
    assert not any(c in latex + markdown for c in "\x1b\x07\u202e")


def test_the_best_is_bold_and_a_tie_is_marked() -> None:
    """One bold cell a task, also in LaTeX and Markdown."""
    found = paper_table(table(["low", "high"], tasks=("a", "b")))
    assert [[cell.bold for cell in cells] for _, cells in found.rows] == [[True, False]] * 2 or [
        [cell.bold for cell in cells] for _, cells in found.rows
    ] == [[False, True]] * 2
    assert to_latex(found).count(r"\textbf{") == 2
    assert to_markdown(found).count("**") == 4


def test_a_method_that_failed_is_never_bold() -> None:
    """The highest mean of completed runs is marked with a dagger, the best of the others is bold."""
    found = paper_table(table(["low", "high"], failed="high"))
    (_, cells), heads = found.rows[0], found.heads
    marks = dict(zip(heads, cells, strict=True))
    assert not marks["high"].bold
    assert marks["high"].mark == "†"
    assert marks["low"].bold
    assert any("†" in note for note in found.notes)
    assert r"$^{\dagger}$" in to_latex(found)


def test_many_methods_stand_in_rows() -> None:
    """More methods than a page is wide are turned, so that each has a row."""
    found = paper_table(table([f"m{i}" for i in range(12)]))
    assert found.corner == "method"
    assert len(found.rows) == 12
    assert found.heads == ("t ↑",)


def test_numbers_are_set_with_a_minus() -> None:
    """A hyphen is no minus in LaTeX."""
    rows = [
        Row(method=m, task="t", replicate=str(r), score=v + np.sin(r))
        for m, v in (("a", -5.0), ("b", -7.0))
        for r in range(9)
    ]
    text = to_latex(paper_table(compare(make_scores(rows))))
    assert "$-$4." in text or "$-$5." in text
    assert not re.search(r"[ \[{]-\d", text)


def test_a_task_has_one_precision() -> None:
    """The means of a task stand in the same decimals, however unlike their spreads are."""
    rows = [
        Row(method=m, task="t", replicate=str(r), score=0.9 + width * (r - 2))
        for m, width in (("a", 1e-4), ("b", 1e-3), ("c", 1e-2))
        for r in range(5)
    ]
    (_, cells) = paper_table(compare(make_scores(rows))).rows[0]
    assert [cell.mean for cell in cells] == ["0.9000", "0.9000", "0.9000"]


def test_single_runs_have_no_bold_and_no_mark() -> None:
    """Nothing was tested, so nothing is bold, and scores stand in their own digits."""
    rows = [
        Row(method=m, task=t, replicate="1", score=v)
        for t in ("x", "y")
        for m, v in (("a", 0.5), ("b", 0.512))
    ]
    found = paper_table(compare(make_scores(rows)))
    cells = [cell for _, line in found.rows for cell in line]
    assert [cell.mean for cell in cells] == ["0.500", "0.512"] * 2
    assert not any(cell.bold or cell.mark or cell.interval for cell in cells)
    assert "95%" not in to_latex(found).replace("\\", "")
    assert "Welch" not in to_markdown(found)


def test_what_cannot_be_decided_has_a_mark_of_its_own() -> None:
    """Three runs against three can decide nothing, which is not the same as no difference."""
    rows = [
        Row(method=m, task="t", replicate=str(r), score=v + r)
        for m, v in (("a", 0.0), ("b", 9.0))
        for r in range(3)
    ]
    found = paper_table(compare(make_scores(rows)))
    assert [cell.mark for cell in found.rows[0][1]] == ["‡", ""]
    assert any(note.startswith("‡ too few runs") for note in found.notes)


def test_ranks_and_arrows_stand_in_the_table() -> None:
    """From six families on there is a row of average ranks; each task has the direction of its scores."""
    found = paper_table(table(["low", "high"], tasks=tuple("abcdef")))
    assert found.rows[0][0] == "a ↑"
    name, cells = found.rows[-1]
    assert (name, sorted(cell.mean for cell in cells)) == ("average rank", ["1.00", "2.00"])
    assert all(name != "average rank" for name, _ in paper_table(table(["low", "high"])).rows)


def test_hyphens_are_plain_and_other_scripts_name_an_engine() -> None:
    """One hyphen is itself, two are no dash; characters beyond ASCII are told with what sets them."""
    assert latex_text("NAS-Bench--x") == "NAS-Bench-{}-x"
    assert "XeLaTeX" in to_latex(paper_table(table(["α", "b"])))
    assert "XeLaTeX" not in to_latex(paper_table(table(["a-1", "b"])))
