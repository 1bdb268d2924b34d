"""The report in a terminal."""

from __future__ import annotations

import io

import msgspec
import pytest
from rich.console import Console

from assay.publishing.report import render
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


def _at(document, **levels):
    return msgspec.structs.replace(document, study=msgspec.structs.replace(document.study, **levels))


def test_another_fidelity_than_the_first_is_told(sample):
    """The answer, what was measured and the claims say at which fidelity; the first of a card goes unsaid."""
    document = sample.typical()
    plain = " ".join(summary_text(document, 400).split())
    assert "12-epochs" not in plain
    searched = " ".join(summary_text(_at(document, searched_at="12-epochs"), 400).split())
    assert "searched at 12-epochs." in searched
    assert " at 12-epochs " in searched.split("Level of verification")[0].split("searched at 12-epochs.")[1]
    both = _at(document, searched_at="12-epochs", reported_at="200-epochs")
    reported = " ".join(summary_text(both, 400).split())
    assert "searched at 12-epochs, signals reported at 200-epochs." in reported
    assert reported.count("12-epochs") == 1
    assert reported.count("at 200-epochs") > 1


def _with_rows(document, change):
    rows = tuple(change(row) for row in document.analysis.results)
    return msgspec.structs.replace(
        document, analysis=msgspec.structs.replace(document.analysis, results=rows)
    )


def test_a_leader_with_a_worse_mean_is_explained(sample):
    """Where the better mean lacks runs, the note says that they count as the worst."""
    document = sample.typical()
    facts = document.benchmarks[0]
    leader = next(r for r in document.analysis.results if r.benchmark == facts.name and r.leads)
    other = next(r for r in document.analysis.results if r.benchmark == facts.name and not r.leads)

    def swap(row):
        if row is not other:
            return row
        turn = 1 if (facts.test_maximize if row.reported == "test" else facts.maximize) else -1
        better = msgspec.structs.replace(
            leader.interval, mean=leader.interval.mean + turn, n=leader.interval.n - 2
        )
        return msgspec.structs.replace(row, interval=better, completed=row.completed - 2)

    text = " ".join(summary_text(_with_rows(document, swap), 200).split())
    assert "count as the worst" not in summary_text(document, 200)
    assert "leads although the mean of" in text
    assert "2 of 20 runs of" in text
    assert text.count("these count as the worst.") == 1


def test_nobody_leads_where_one_method_has_a_result(sample):
    """A method is not said to lead over methods of which no run has a result, on the console or the page."""

    def only_leaders(row):
        return row if row.leads else msgspec.structs.replace(row, interval=None, completed=0, text="no run")

    document = _with_rows(sample.typical(), only_leaders)
    assert " leads" not in summary_text(document)
    page = render(document, {}, {}, "0" * 64)
    assert "</strong> leads" not in page
    assert "leads</span>" not in page
    assert "</strong> leads" in render(sample.typical(), {}, {}, "0" * 64)
