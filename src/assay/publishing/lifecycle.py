"""The lifecycle of a study: ten steps, each met or not by evidence in the store."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from assay.analysis.judgement import RegistrationFacts
from assay.analysis.model import Analysis, Counts, Step, VerificationSummary
from assay.publishing.document import Components
from assay.publishing.words import verified_now
from assay.records.store import Run
from assay.studies.plan import Plan
from assay.studies.witness import ANCHORED
from assay.tasks.ledger import Entry

# With three runs a side, no two-sided rank test reaches 5 %: the smallest p is 2 / C(6, 3) = 0.1;
# with four it is 2 / C(8, 4) = 0.029.
ENOUGH_REPLICATES = 4
# 29 identical repeats bound the share of runs that can differ below a tenth.
ENOUGH_VERIFIED = 0.1


def lifecycle(
    plan: Plan,
    runs: Mapping[str, Run],
    *,
    components: Components,
    counts: Counts,
    analysis: Analysis,
    entries: Sequence[Entry],
    registration: RegistrationFacts | None,
    verification: VerificationSummary | None,
) -> tuple[Step, ...]:
    """Return the ten steps in order; nothing counts as met without evidence."""
    return (
        _registration(registration),
        _code(components),
        _data(plan),
        _environment(components, counts),
        _seeds(runs, counts),
        _protocol(plan, runs, counts),
        _replicates(plan, counts),
        _assessment(plan, runs, entries),
        _statistics(analysis),
        _verification(verification),
    )


def _registration(registration: RegistrationFacts | None) -> Step:
    """Met by a plan that an outside witness vouches for, and that the study kept to."""
    state, summary = "not recorded", "nothing is known of a registered plan"
    if registration is not None:
        departed = len(registration.deviations)
        kept = (
            f"; {departed} {'deviation' if departed == 1 else 'deviations'} from the plan" if departed else ""
        )
        summary = f"{registration.state}: {registration.why}{kept}"
        state = "met" if registration.state == ANCHORED and not departed else "not met"
    return Step(id="registration", title="Registered", state=state, summary=summary, evidence="#registration")


def _code(components: Components) -> Step:
    kept = {file.path for evidence in components.evidence for file in evidence.files}
    own = {path for path in kept if not path.startswith("<")}  # arguments are no file
    state = "met" if components.evidence else "not recorded"
    files = f"{len(own)} of the author's files beside this report" if own else "no files of the author's"
    return Step(
        id="code",
        title="Code shared",
        state=state,
        summary=f"{len(components.code)} components identified, {files}",
        evidence="#code",
    )


def _data(plan: Plan) -> Step:
    cards = [benchmark.card for benchmark in plan.benchmarks.values()]
    open_cards = [card.benchmark for card in cards if not card.digest_of_source or not card.licence]
    return Step(
        id="data",
        title="Data described",
        state="not met" if open_cards else "met",
        summary=f"{len(cards)} tables with card, source digest and licence"
        if not open_cards
        else f"without source digest or licence: {', '.join(open_cards)}",
        evidence="#cards",
    )


def _environment(components: Components, counts: Counts) -> Step:
    kinds = {use.arithmetic for use in components.environments}
    if not kinds:
        return Step(
            id="environment",
            title="Environment recorded",
            state="not recorded",
            summary="no run completed",
            evidence="#environment",
        )
    mixed = len(kinds) > 1
    return Step(
        id="environment",
        title="Environment recorded",
        state="not met" if mixed else "met",
        summary=f"mixed: {len(kinds)} arithmetics in one study"
        if mixed
        else f"one arithmetic in all {counts.completed:,} runs",
        evidence="#environment",
    )


def _seeds(runs: Mapping[str, Run], counts: Counts) -> Step:
    recorded = sum(bool(run.record.result.streams) for run in runs.values() if run.stands)
    met = counts.completed > 0 and recorded == counts.completed
    return Step(
        id="seeds",
        title="Seeds recorded",
        state="met" if met else "not recorded",
        summary=f"named streams with their draws in {recorded:,} of {counts.completed:,} runs",
        evidence="#seeds",
    )


def _protocol(plan: Plan, runs: Mapping[str, Run], counts: Counts) -> Step:
    study = plan.loaded.study
    budget = study.budget.evaluations
    short = sum(
        run.stands and budget is not None and len(run.record.result.trajectory) < budget
        for run in runs.values()
    )
    early = f"; {short:,} runs ended before it was spent" if short else ""
    return Step(
        id="protocol",
        title="One protocol",
        state="met" if counts.attempted else "not recorded",
        summary=f"at most {study.budget.text()} on the {study.protocol.signal} signal for each method{early}",
        evidence="#cards",
    )


def _replicates(plan: Plan, counts: Counts) -> Step:
    planned = plan.loaded.study.replicates
    whole = counts.completed == counts.planned
    met = whole and planned >= ENOUGH_REPLICATES
    summary = f"{planned} runs of each method on each benchmark"
    if not whole:
        summary = f"{counts.completed:,} of {counts.planned:,} planned runs completed"
    elif not met:
        summary += f"; fewer than {ENOUGH_REPLICATES} separate no two methods"
    return Step(
        id="replicates",
        title="Replicates",
        state="met" if met else "not met",
        summary=summary,
        evidence="#counts",
    )


def _assessment(plan: Plan, runs: Mapping[str, Run], entries: Sequence[Entry]) -> Step:
    if plan.loaded.study.protocol.assessment == "none":
        return _step_assessment("not applicable", "the study asks for no test metric")
    testable = {name for name, benchmark in plan.benchmarks.items() if benchmark.card.test is not None}
    if not testable:
        return _step_assessment("not applicable", "no benchmark of the study has a test metric")
    sealed = [run.record for run in runs.values() if run.stands and run.record.benchmark in testable]
    answered = {entry.seal for entry in entries if entry.values is not None}
    done = sum(record.seal().digest() in answered for record in sealed)
    summary = f"{done:,} of {len(sealed):,} sealed searches assessed on {len(testable)} benchmarks"
    without = len(plan.benchmarks) - len(testable)
    if without:
        summary += f"; {without} have no test metric"
    times = Counter(entry.run for entry in entries)
    again = sum(times[record.run] > 1 for record in sealed)
    if again:
        return _step_assessment("not met", f"{summary}; {again:,} runs were assessed more than once")
    return _step_assessment("met" if sealed and done == len(sealed) else "not met", summary)


def _step_assessment(state: str, summary: str) -> Step:
    return Step(id="assessment", title="Assessed once", state=state, summary=summary, evidence="#mileage")


def _statistics(analysis: Analysis) -> Step:
    rows = [row for row in analysis.results if row.interval is not None]
    bounded = [row for row in rows if row.interval is not None and row.interval.low is not None]
    met = bool(rows) and len(bounded) == len(analysis.results)
    return Step(
        id="statistics",
        title="Statistics",
        state="met" if met else "not met",
        summary=f"{len(bounded)} of {len(analysis.results)} results with an interval and what varied in it",
        evidence="#results",
    )


def _verification(verification: VerificationSummary | None) -> Step:
    state = "not met"
    if verification is None:
        state, summary = "not recorded", "no run has been repeated yet"
    elif not verified_now(verification):
        summary = verification.sentence
    elif verification.findings:
        summary = f"{len(verification.findings)} findings: {verification.findings[0]}"
    elif not verification.verdict.startswith("identical") or verification.bound is None:
        summary = f"{verification.verdict}: {verification.sentence}"
    elif verification.bound > ENOUGH_VERIFIED:
        summary = f"too few repeated: {verification.sentence}"
    else:
        state, summary = "met", verification.sentence
    return Step(id="verification", title="Verified", state=state, summary=summary, evidence="#verification")
