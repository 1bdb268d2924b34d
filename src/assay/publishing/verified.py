"""The latest verification of a study as a report may tell it: of the runs that stand now, or outdated."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from assay.analysis.model import VerificationSummary
from assay.publishing.words import NOT_VERIFIED
from assay.records.store import Run, Store
from assay.studies.plan import Plan
from assay.studies.run import claim_runs
from assay.verification.verify import Verification, load_verification, results_digest


def latest_verification(plan: Plan, runs: Mapping[str, Run], store: Store) -> VerificationSummary | None:
    """Return the latest verification under a study's name, None where there is none.

    One of other runs, or of other results, has the verdict `NOT_VERIFIED` and a sentence that says what
    changed; its counts are of the runs that were repeated then, and nothing of it bounds those of now.
    """
    found = load_verification(store, plan.loaded.study.name)
    if found is None:
        return None
    if found.plan != results_digest(plan, runs):
        return _outdated(found, "results changed since")
    if not set(claim_runs(plan)) & runs.keys() <= {run.run for run in found.runs}:
        return _outdated(found, "claims changed since, and runs that they rest on were not repeated")
    return found.summary


def _outdated(found: Verification, why: str) -> VerificationSummary:
    repeated, day = len(found.runs), found.summary.when[:10]
    were = f"verified {'was 1 run' if repeated == 1 else f'were {repeated:,} runs'} on {day}"
    return msgspec.structs.replace(
        found.summary,
        verdict=NOT_VERIFIED,
        sentence=f"{NOT_VERIFIED}: {why} ({were})",
        bound=None,
        findings=(),
    )
