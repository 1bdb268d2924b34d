"""The report in a terminal."""

from __future__ import annotations

import io

import msgspec
import pytest
from rich.console import Console

from assay.publishing.summary import results_table, summary_text


def test_every_number_has_its_interval_and_n(sample):
    """Each row of the table shows a mean, an interval and the number of runs."""
    text = summary_text(sample.typical())
    rows = [line for line in text.splitlines() if line.count("[") == 1 and "  20" in line]
    assert len(rows) >= 4 * 12
    assert text.count(" leads\n") == 12
    assert "≈ leader" in text


@pytest.mark.parametrize("width", [60, 80, 110, 200])
def test_lines_keep_to_the_width(sample, width):
    """No line is wider than the terminal."""
    assert max(map(len, summary_text(sample.hostile(), width).splitlines())) <= width


def test_nothing_hostile_acts(sample):
    """Escapes in a name are written out, and markup of rich stays literal text."""
    assert "\x1b" not in summary_text(sample.hostile())
    sink = io.StringIO()
    Console(file=sink, force_terminal=True, color_system="truecolor", width=200).print(
        results_table(sample.hostile())
    )
    assert "\\x1b[31m$x_{1}$" in sink.getvalue()


def test_no_leader_of_one(sample):
    """A method alone is not said to lead."""
    assert "leads" not in summary_text(sample.alone())


def test_an_empty_study_is_told(sample):
    """Without a completed run the table says so in each row."""
    text = summary_text(sample.empty())
    assert text.count("no run completed") == 4
    assert "No number yet" in text


def test_a_verdict_stands_with_its_scope_and_n(sample):
    """Each verdict says on which tasks and by how many replicates, before the results."""
    text = summary_text(sample.typical())
    assert "supported on these 9 tasks, 20 replicates" in " ".join(text.split())
    assert "undecided on these 9 tasks, 20 replicates" in " ".join(text.split())
    assert text.index("undecided") < text.index("nas-bench-graph/cora")


def test_what_is_wrong_with_the_protocol_is_told(sample):
    """Problems of validity stand under the claim that they concern, and the registration at the end."""
    document = sample.typical()
    claim = msgspec.structs.replace(document.analysis.claims[0], validity=("unequal budgets",), lacks="tasks")
    analysis = msgspec.structs.replace(document.analysis, claims=(claim,))
    text = " ".join(summary_text(msgspec.structs.replace(document, analysis=analysis)).split())
    assert "Protocol: Unequal budgets." in text
    assert "no number of replicates decides it" in text
    assert "Registration: self-declared: no outside witness was named. 1 deviation from the plan." in text
