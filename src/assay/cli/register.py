"""The body of `assay register`."""

from __future__ import annotations

from pathlib import Path

import msgspec

from assay.cli.output import give, give_json, say, visible
from assay.foundation.places import store_folder
from assay.records.store import Store
from assay.studies.history import History, load_history
from assay.studies.load import LoadedStudy, load_study
from assay.studies.registration import (
    Registration,
    changes,
    deviations,
    load_registration,
    meaning_of,
    register,
    registration_path,
    save_registration,
)
from assay.studies.witness import ANCHORED, Status, check_witness, keep_anchor, registration_status
from assay.studies.witness_time import write_query


class Registered(msgspec.Struct, frozen=True, kw_only=True):
    """What `assay register --json` prints."""

    path: str
    registration: Registration
    status: Status
    deviations: tuple[str, ...]


def register_study(
    path: Path,
    store_path: Path | None,
    out: Path | None,
    *,
    anchor: str | None,
    ca: Path | None,
    query: Path | None,
    json: bool,
) -> int:
    """Register a study, or check its registration; the exit status is 0 if what was asked for holds."""
    loaded = load_study(path)
    written = out or registration_path(loaded)
    registration = load_registration(written)
    if registration is None:
        registration = register(loaded)
        save_registration(written, registration)
        say("the plan of the study is registered")
    else:
        say("the plan of the study was registered before; the file is left as it is")
    status = check_witness(written, anchor, ca) if anchor else registration_status(written)
    if anchor and status.state == ANCHORED:
        keep_anchor(written, status, ca)
    found = Registered(
        path=str(written),
        registration=registration,
        status=status,
        deviations=deviations(registration, loaded, _history(loaded, store_path), status.when),
    )
    give_json(found) if json else _show(found)
    if query is not None:
        write_query(written, query)
        say(f"time-stamp query: {visible(str(query))}; send it to an authority, and keep its reply")
    changed = bool(changes(registration.plan, meaning_of(loaded)))
    if changed:
        say("the study is no longer the one that was registered; --out names a file for a new registration")
    return 1 if changed or (anchor and status.state != ANCHORED) else 0


def _history(loaded: LoadedStudy, store_path: Path | None) -> History:
    """Return what was run of a study; there need not be a store yet."""
    folder = store_path or store_folder()
    if not folder.exists():
        return History()
    return load_history(Store(folder, create=False), loaded.study.name)


def _show(found: Registered) -> None:
    registration, plan = found.registration, found.registration.plan
    give(f"registration: {visible(found.path)}")
    give(f"  written {registration.when}, digest {registration.digest}")
    give(
        f"  {len(plan.hypotheses)} hypotheses, {len(plan.methods)} methods, {len(plan.benchmarks)} benchmarks"
    )
    give(f"  {plan.replicates:,} replicates of {plan.budget.text()}")
    give(f"  stopping rule: {visible(plan.stopping) or 'the planned replicates'}")
    give(f"  exclusions: {visible('; '.join(plan.exclusions)) or 'none'}")
    give(f"registered: {found.status.state}")
    give(f"  {visible(found.status.why)}")
    for deviation in found.deviations:
        give(f"deviation: {visible(deviation)}")
