"""What a report says of the registration of its study: its status, and what departs from it."""

from __future__ import annotations

from assay.analysis.judgement import RegistrationFacts
from assay.foundation.errors import CorruptError, VersionError
from assay.studies.history import History
from assay.studies.load import LoadedStudy
from assay.studies.registration import (
    Registration,
    deviations,
    load_registration,
    registration_path,
)
from assay.studies.witness import registration_status

NOT_REGISTERED = "not registered"


def find_registration(written: LoadedStudy) -> tuple[Registration | None, str]:
    """Return the registration beside a study as it was written, or why there is none that counts."""
    path = registration_path(written)
    try:
        found = load_registration(path)
    except (CorruptError, VersionError) as error:
        return None, f"{path.name} does not count: {error.one_line()}"
    return found, "" if found else "no plan was registered before the runs"


def registration_facts(
    written: LoadedStudy, registration: Registration | None, why: str, history: History
) -> RegistrationFacts:
    """Return the status of a registration, its witness asked again, and the deviations from it.

    `written` is the study as it was written, before tuning put its choices in; `why` is said where there
    is no registration.
    """
    if registration is None:
        return RegistrationFacts(state=NOT_REGISTERED, why=why)
    status = registration_status(registration_path(written))
    return RegistrationFacts(
        state=status.state,
        why=status.why,
        witness=status.witness,
        written=registration.when,
        witnessed=status.when,
        digest=registration.digest,
        hypotheses=len(registration.plan.hypotheses),
        stopping=registration.plan.stopping,
        exclusions=registration.plan.exclusions,
        deviations=deviations(registration, written, history, status.when),
    )
