"""The page of a comparison: self-contained, safe, and the same on every build; what its sentences say."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from assay.analysis.comparison import Comparison, compare
from assay.publishing.comparison_page import build_comparison, encode_comparison, render_comparison
from assay.publishing.comparison_text import headline, sections, what_was_compared
from assay.publishing.page import POLICY
from assay.statistics.scores import Row, make_scores

NASTY = "<img src=x onerror=alert(1)>\"'&\x1b[2J\u202e"


def scores(n: int, tasks: int = 1, gap: float = 1.0, lost: int = 0, **options: object) -> Comparison:
    rows = [
        Row(
            method=method,
            task=f"t{t}",
            replicate=str(r),
            score=None if method == "a" and r < lost else gap * i + ((7 * r + 3 * t + i) % 5) / 5,
            failed=method == "a" and r < lost,
        )
        for t in range(tasks)
        for i, method in enumerate(("a", "b"))
        for r in range(n)
    ]
    return compare(make_scores(rows, **options))  # type: ignore[arg-type]


def said(found: Comparison, title: str) -> str:
    return " ".join(line for section in sections(found) if section.title == title for line in section.lines)


class Tags(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.words.append(data)


@pytest.fixture
def nasty() -> Comparison:
    """Return a comparison in which every name tries to act."""
    rows = [
        Row(method=f"{m}{NASTY}", task=f"t{NASTY}", replicate=f"{r}{NASTY}", score=i + r / 10)
        for i, m in enumerate("ab")
        for r in range(5)
    ]
    made = make_scores(rows, paired_by=f"split{NASTY}", varied=(f"seed{NASTY}",))
    return compare(made, name=f"x{NASTY}.csv", metric=f"acc{NASTY}")


def test_names_cannot_act_on_the_page(nasty: Comparison) -> None:
    """No element, attribute, script or control character comes from a name; the policy forbids the rest."""
    page = render_comparison(nasty, [NASTY], (), "blake3:" + "0" * 64)
    tags = Tags(page)
    assert not any(tag in ("script", "img", "iframe", "link", "object") for tag, _ in tags.seen)
    assert not any(name.startswith("on") for _, attributes in tags.seen for name in attributes)
    assert not any(c in page for c in "\x1b\u202e")
    assert ("meta", {"http-equiv": "Content-Security-Policy", "content": POLICY}) in tags.seen
    assert not re.search(r"""(?:src|href)=["'](?:https?:)?//""", page)


def test_equal_comparisons_give_equal_bytes(tmp_path: Path) -> None:
    """Two builds agree in every file; the JSON holds the findings and no number that is not finite."""
    for name in ("one", "two"):
        build_comparison(scores(5, tasks=7, lost=1), tmp_path / name, notes=["read"])
    files = sorted(p.relative_to(tmp_path / "one") for p in (tmp_path / "one").rglob("*") if p.is_file())
    assert [str(file) for file in files] == [
        "comparison.csv", "comparison.json", "index.html", "table.md", "table.tex",
    ]  # fmt: skip
    assert all((tmp_path / "one" / f).read_bytes() == (tmp_path / "two" / f).read_bytes() for f in files)
    data = json.loads(encode_comparison(scores(5, tasks=7, lost=1), ["read"]), parse_constant=pytest.fail)
    assert data["format"] == "assay-comparison"
    assert data["findings"][0]["lines"]
    assert data["comparison"]["tasks"][0]["cells"][0]["failed"] == 1


def test_the_verdict_names_what_holds() -> None:
    """A clear lead is told with its interval, its p and the probability of being better."""
    found = scores(10)
    assert headline(found).startswith("b is distinguished from every other method")
    line = said(found, "Differences that hold")
    assert re.search(r"b is better than the other: ahead of a by \+1\.0\d* \[.*\], adjusted p", line)
    assert "P(better) = 1.00 [" in line
    assert "larger is better" in what_was_compared(found)


def test_the_verdict_names_what_is_bold_and_does_not_hold() -> None:
    """A best mean that is not told from the second is said to be so."""
    found = scores(10, gap=0.01)
    assert "is not distinguished from" in headline(found)
    assert " over " in said(found, "Best, but not distinguishable from the second")
    assert said(found, "Differences that hold") == ""


def test_three_pairs_and_five_tasks_are_said_to_decide_nothing() -> None:
    """The least p of three pairs and of five families is told, with what would be needed."""
    found = scores(3, tasks=5, paired_by="data split")
    never = said(found, "What could never be significant here")
    assert "a sign-flip test of 3 pairs gives p = 0.25 at the least" in never
    assert "signed-rank test over 5 families gives p = 0.062 at the least" in never
    assert "6 are needed at least" in said(found, "Across tasks")
    assert "distinguished over" not in said(found, "Across tasks")


def test_three_independent_runs_are_said_to_decide_nothing() -> None:
    """A permutation test of three with three runs gives p = 0.1 at the least, whatever the scores."""
    never = said(scores(3), "What could never be significant here")
    assert "of 3 with 3 runs: a permutation test of so few gives p = 0.1 at the least" in never
    assert "(too few runs to decide)" in said(scores(3), "Best, but not distinguishable from the second")


def test_cells_without_runs_are_named_and_are_no_defeat() -> None:
    """A method that was run on six of nine tasks is compared on six, and no run is said to have failed."""
    rows = [
        Row(method=m, task=f"t{t}", replicate=str(r), score=i + r / 10)
        for t in range(9)
        for i, m in enumerate("ab" if t < 6 else "a")
        for r in range(5)
    ]
    found = compare(make_scores(rows))
    across = said(found, "Across tasks")
    assert "b is better than a: 6 wins, 0 ties, 0 losses, adjusted p = 0.031" in across
    assert "need every method on every task" in across
    lost = said(found, "Missing and failed runs")
    assert "b has no run on t6, t7 and t8: across tasks it is compared on the others" in lost
    assert "failed" not in lost
    assert not any("failed" in line for section in sections(found) for line in section.lines)


def test_a_single_run_gives_no_test() -> None:
    """One run of each method: no interval, and it is said."""
    assert "no interval and no test" in said(scores(1), "What could never be significant here")


def test_lost_runs_are_told_with_their_method() -> None:
    """How many, of which method, where; and what a lost run costs."""
    found = scores(10, tasks=2, lost=2)
    lost = said(found, "Missing and failed runs")
    assert "4 runs failed and 0 ended without a number, of 40" in lost
    assert "a lost 4 runs on t0 and t1" in lost
    assert "never bold" in lost


def test_small_samples_print_the_measured_coverage() -> None:
    """Below ten replicates the report says how often such intervals hold the truth."""
    assert "overage" in said(scores(5), "To keep in mind")
    assert "overage" not in said(scores(10), "To keep in mind")


def test_the_selection_of_the_best_is_warned_of() -> None:
    """Choosing the best and testing it on the same runs is named on every page."""
    assert "its lead is still a selection" in said(scores(10), "To keep in mind")


def test_pairs_across_tasks_are_named_from_six_families_on() -> None:
    """Eight tasks on which b leads: the pair is told with its wins."""
    across = said(scores(5, tasks=8), "Across tasks")
    assert "b is better than a: 8 wins, 0 ties, 0 losses, adjusted p = 0.0078" in across


def many(methods: int, tasks: int = 8, n: int = 5) -> Comparison:
    rows = [
        Row(
            method=f"m{m:02d}",
            task=f"t{t}",
            replicate=str(r),
            score=m / 100 + ((7 * r + 3 * t + m) % 11) / 10,
        )
        for t in range(tasks)
        for m in range(methods)
        for r in range(n)
    ]
    return compare(make_scores(rows))


def test_lists_of_names_say_how_many_more_there_are() -> None:
    """No list ends silently: after the first names stands the number of the others."""
    lines = [line for section in sections(many(20)) for line in section.lines]
    listed = [line for line in lines if "not distinguished from m" in line]
    assert listed
    assert all(re.search(r" and \d+ more", line) for line in listed)
    assert len(headline(many(20))) < 250


def test_a_comparison_without_power_says_so_first() -> None:
    """Where no pair could have been told apart across tasks, headline and verdict begin with that."""
    found = many(20)
    assert headline(found).startswith(
        "Across tasks nothing could be distinguished with 8 families and 190 pairs"
    )
    assert sections(found)[0].title == "What could never be significant here"


def test_a_decided_comparison_is_not_said_to_be_undecidable() -> None:
    """Of three methods with four runs the clear one holds, and is not among what could never be."""
    rows = [
        Row(method=m, task="t", replicate=str(r), score=v + ((3 * r + i) % 4) / 10)
        for i, (m, v) in enumerate((("a", 0.0), ("b", 9.0), ("c", 0.05)))
        for r in range(6)
    ]
    found = compare(make_scores(rows))
    assert "b is better than both others" in said(found, "Differences that hold")
    assert said(found, "What could never be significant here") == ""


def test_single_runs_come_to_the_point() -> None:
    """Leads of single runs are left to the table, and reasons that are the same are one line."""
    found = scores(1, tasks=3)
    assert said(found, "Best, but not distinguishable from the second") == ""
    never = said(found, "What could never be significant here")
    assert never.count("with a single run of a method") == 1
    assert headline(found).startswith("Each method has a single run on each task")


def test_equal_means_are_no_lead() -> None:
    """A tie is said to be one."""
    rows = [
        Row(method=m, task="t", replicate=str(r), score=float((r + i) % 5))
        for i, m in enumerate("ab")
        for r in range(5)
    ]
    assert "a and b have equal means" in said(
        compare(make_scores(rows)), "Best, but not distinguishable from the second"
    )


def test_counts_have_their_grammar() -> None:
    """One loss, one family, one of two tasks."""
    rows = [
        Row(method=m, task=f"t{t}", replicate=str(r), score=i * (1.0 if t else -1.0) + r / 10)
        for t in range(12)
        for i, m in enumerate("ab")
        for r in range(5)
    ]
    found = compare(make_scores(rows, minimize=["t3"]))
    across = said(found, "Across tasks")
    assert "2 losses" in across
    assert "smaller is better on 1 of 12 tasks" in what_was_compared(found)
    assert "the size below 4 that was measured" in said(scores(4), "To keep in mind")


def test_many_methods_have_a_row_each_on_the_page() -> None:
    """Forty methods on eight tasks are turned, with a cue that the table scrolls."""
    page = render_comparison(many(20), [], (), "blake3:" + "0" * 64)
    assert '<th scope="col" role="columnheader">t0 ↑' in page
    assert "9 columns: the table scrolls sideways" in page
