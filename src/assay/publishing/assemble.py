"""Puts a report together from a study, its records, its ledger and its latest verification."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Container, Iterable, Mapping, Sequence
from importlib import metadata
from pathlib import Path

from msgspec import UNSET, UnsetType

from assay.analysis.analyse import analyse
from assay.analysis.cells import make_cells
from assay.analysis.gather import gather_claims, gather_conduct, gather_facts, gather_runs
from assay.analysis.judgement import judge
from assay.analysis.model import Analysis, Counts, MethodInfo, Mileage
from assay.analysis.tuning import tuning_report
from assay.foundation.digest import digest_bytes, digest_value
from assay.foundation.seeding import SCHEME, StreamUse
from assay.provenance.components import CodeEvidence, DataIdentity, Environment
from assay.publishing.document import (
    Command,
    Components,
    EnvironmentUse,
    FailedRun,
    ReportDocument,
    SeedFacts,
    StudyFacts,
    group_streams,
)
from assay.publishing.lifecycle import lifecycle
from assay.publishing.registered import find_registration, registration_facts
from assay.publishing.verified import latest_verification
from assay.publishing.words import listed
from assay.records.record import RunError
from assay.records.store import Run, Store, check
from assay.studies.history import History, extensions, load_history
from assay.studies.load import LoadedStudy
from assay.studies.methods import MethodPlan
from assay.studies.plan import Plan, make_plan, shared_identities
from assay.studies.raced import without_raced
from assay.studies.registration import registered_claims
from assay.studies.tuned import settled
from assay.tasks.ledger import Entry, Ledger


def assemble(loaded: LoadedStudy, store: Store, cache: Path) -> ReportDocument:
    """Return the report of a study as it stands in the store; refuses what is not intact."""
    found = settled(loaded, store, cache)
    plan = make_plan(found.loaded, None, cache)
    recorded = store.runs()
    plan = without_raced(plan, recorded)
    runs = {cell.spec.run: recorded[cell.spec.run] for cell in plan.cells if cell.spec.run in recorded}
    for run in runs.values():
        check(run.record)
    history = load_history(store, plan.loaded.study.name)
    registration, why = find_registration(loaded)
    facts = gather_facts(plan)
    data = gather_runs(plan, runs, store)
    cells = make_cells(data, facts, tuple(plan.loaded.study.methods))
    claims = gather_claims(plan, registered_claims(registration))
    judgement = judge(
        plan,
        cells,
        facts,
        claims,
        cache,
        tuning=tuning_report(found, store, recorded, cells, facts),
        registration=registration_facts(loaded, registration, why, history),
    )
    analysis = analyse(
        data,
        facts,
        tuple(plan.loaded.study.methods),
        plan.loaded.study.replicates,
        claims,
        plan.loaded.study.seed,
        gather_conduct(plan, runs, history),
        judgement.comparison,
    )
    counts = _counts(plan, runs, analysis)
    verification = latest_verification(plan, runs, store)
    components = _components(plan, runs, store)
    entries = Ledger(store.folder).entries()
    return ReportDocument(
        study=_study_facts(found.loaded, history, plan),
        lifecycle=lifecycle(
            plan,
            runs,
            components=components,
            counts=counts,
            analysis=analysis,
            entries=entries,
            registration=judgement.registration,
            verification=verification,
        ),
        counts=counts,
        methods=tuple(_method_info(method) for method in plan.methods),
        benchmarks=tuple(facts.values()),
        analysis=analysis,
        judgement=judgement,
        cards=tuple(benchmark.card for benchmark in plan.benchmarks.values()),
        components=components,
        mileage=_mileage(plan, _runs_of_study(recorded, history, plan), entries),
        verification=verification,
        failures=_failures(plan, runs),
        how_to_repeat=_commands(plan),
    )


def _study_facts(loaded: LoadedStudy, history: History, plan: Plan) -> StudyFacts:
    study = loaded.study
    protocol = study.protocol
    at = f" at {protocol.fidelity}" if protocol.fidelity else ""
    at += f", reported at {protocol.reported}" if protocol.reported else ""
    words = (
        f"signal {protocol.signal}{at}, seed policy {protocol.seeds or 'the default of each card'}, "
        f"assessment {protocol.assessment}, {protocol.simulated_workers} simulated "
        f"{'worker' if protocol.simulated_workers == 1 else 'workers'}"
    )
    searched, reported = fidelities_told(plan)
    return StudyFacts(
        name=study.name,
        question=study.question,
        digest=digest_bytes(loaded.text.encode()) if loaded.text else digest_value(study),
        protocol=words,
        budget=study.budget.text(),
        assay_version=metadata.version("assay"),
        notes=tuple(extensions(history)),
        searched_at=searched,
        reported_at=reported,
    )


def fidelities_told(plan: Plan) -> tuple[str | UnsetType, str | UnsetType]:
    """Return what a study searches and reports at, as far as `StudyFacts` has to say so."""
    reported = plan.loaded.study.protocol.reported
    levels = [
        (table.card.fidelities[0], table.default_fidelity, table.at(reported).default_fidelity)
        for table in plan.benchmarks.values()
    ]
    if all(first == searched == told for first, searched, told in levels):
        return UNSET, UNSET
    names = listed(sorted({searched.text() for _, searched, _ in levels}))
    same = all(searched == told for _, searched, told in levels)
    return names, UNSET if same else listed(sorted({told.text() for *_, told in levels}))


def _counts(plan: Plan, runs: Mapping[str, Run], analysis: Analysis) -> Counts:
    attempted = [runs[cell.spec.run] for cell in plan.cells if cell.spec.run in runs]
    return Counts(
        planned=len(plan.cells),
        attempted=len(attempted),
        completed=sum(run.stands for run in attempted),
        failed=sum(not run.stands for run in attempted),
        reported=sum(row.completed for row in analysis.results if row.interval is not None),
    )


def _method_info(method: MethodPlan) -> MethodInfo:
    identity = method.identity
    own = [name for name in identity.files if not name.startswith("<")]
    if own and not identity.distribution:
        code = f"{len(own)} {'file' if len(own) == 1 else 'files'} of the author"
    else:
        version = f" {identity.version}" if identity.version else ""
        code = f"{identity.distribution or 'unknown'}{version}, revision {identity.revision}"
    libraries = ", ".join(f"{name} {version}" for name, version in identity.libraries.items())
    rows = tuple(
        {"name": name, "value": value, "default": name in method.defaults}
        for name, value in method.hyperparameters.items()
    )
    return MethodInfo(
        name=method.name,
        label=method.label,
        strategy=method.door.target,
        code=f"{code}, with {libraries}" if libraries else code,
        hyperparameters=rows,
    )


def _components(plan: Plan, runs: Mapping[str, Run], store: Store) -> Components:
    identities = [method.identity for method in plan.methods]
    kinds = dict.fromkeys(method.door.kind for method in plan.methods)
    for benchmark in plan.benchmarks.values():
        for kind in kinds:
            identities += shared_identities(benchmark, kind)
    codes = {digest_value(identity): identity for identity in identities}
    completed = [run.record for run in runs.values() if run.stands]
    evidence = sorted({record.circumstances.evidence for record in completed})
    uses = Counter(
        (record.circumstances.arithmetic, record.circumstances.environment) for record in completed
    )
    streams: list[StreamUse] = [use for record in completed for use in record.result.streams]
    return Components(
        code=tuple(codes.values()),
        evidence=tuple(store.objects.get_value(digest, CodeEvidence) for digest in evidence),
        data=tuple(
            DataIdentity(benchmark=name, card=benchmark.card_digest, table=benchmark.table_digest)
            for name, benchmark in plan.benchmarks.items()
        ),
        environments=tuple(
            EnvironmentUse(
                arithmetic=arithmetic,
                runs=count,
                environment=store.objects.get_value(environment, Environment),
            )
            for (arithmetic, environment), count in sorted(uses.items())
        ),
        seeds=SeedFacts(
            root=plan.loaded.study.seed,
            scheme=SCHEME,
            replicates=plan.loaded.study.replicates,
            streams=group_streams(streams),
        ),
    )


def _mileage(plan: Plan, runs: Container[str], entries: Sequence[Entry]) -> tuple[Mileage, ...]:
    answered = [entry for entry in entries if entry.values is not None]
    return tuple(
        Mileage(
            benchmark=name,
            this_study=_labels(entry for entry in answered if entry.benchmark == name and entry.run in runs),
            in_store=_labels(entry for entry in answered if entry.benchmark == name),
            status="self-declared",
        )
        for name, benchmark in plan.benchmarks.items()
        if benchmark.card.test is not None
    )


def _runs_of_study(recorded: Mapping[str, Run], history: History, plan: Plan) -> set[str]:
    """Return every run ever made under a plan of this study, whether it still belongs to it or not.

    A method that was changed after its test results were seen has looked at the test set before.
    """
    plans = {digest_value(planned.facts) for planned in history.plans}
    made = {run for run, merged in recorded.items() if merged.record.circumstances.plan in plans}
    return made | {cell.spec.run for cell in plan.cells}


def _labels(entries: Iterable[Entry]) -> int:
    """Return how many test values were told: one for each recommended architecture."""
    return sum(len(entry.values or ()) for entry in entries)


def _failures(plan: Plan, runs: Mapping[str, Run]) -> tuple[FailedRun, ...]:
    failed = []
    for cell in plan.cells:
        run = runs.get(cell.spec.run)
        if run is None or run.stands:
            continue
        error = run.record.circumstances.error
        if run.conflict:
            error = RunError(kind="Conflict", message=f"{len(run.conflict)} completed attempts disagree")
        failed.append(
            FailedRun(
                run=cell.spec.run,
                method=cell.method,
                benchmark=cell.benchmark,
                replicate=cell.replicate,
                error=f"{error.kind}: {error.message}" if error else "unknown",
            )
        )
    return tuple(failed)


def _commands(plan: Plan) -> tuple[Command, ...]:
    path = plan.loaded.path
    file = shlex.quote(path.name if path else f"{plan.loaded.study.name}.toml")
    families = sorted({name.split("/")[0] for name in plan.benchmarks})
    return (
        Command(
            purpose=f"have Assay {metadata.version('assay')}, which made this report", line="assay --version"
        ),
        *(
            Command(purpose=f"bring the tables of {family}", line=f"assay table import {family}")
            for family in families
        ),
        Command(purpose="run the study", line=f"assay run {file}"),
        Command(purpose="repeat a sample of its runs", line=f"assay verify {file} --sample 30"),
        Command(purpose="write this report", line=f"assay report {file}"),
    )
