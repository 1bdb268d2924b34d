"""The commands as functions: what `assay run`, `assay verify` and `assay report` do, from Python."""

from __future__ import annotations

from pathlib import Path

from assay.capture.environment import usable_cores
from assay.foundation.places import cache_folder, store_folder
from assay.publishing.assemble import assemble
from assay.publishing.report import build
from assay.publishing.sources import write_sources
from assay.records.store import Store
from assay.studies.load import LoadedStudy, check_study, load_study
from assay.studies.run import RunSummary, Watcher, run_study
from assay.studies.study import Study
from assay.verification.verify import Verification, keep_verification, verify_study

AnyStudy = Study | LoadedStudy | Path | str


def run(
    study: AnyStudy,
    *,
    store: Path | str | None = None,
    cache: Path | str | None = None,
    workers: int | None = None,
    watcher: Watcher | None = None,
) -> RunSummary:
    """Run what is due of a study and return what was done.

    `study` is a `Study`, a loaded one, or the path of a study file; paths of methods in a `Study`
    are relative to the working folder. Workers default to one a core. Raises `StudyError`,
    `UnavailableError` and `StoreError`; a cell that fails is in the summary and raises nothing.
    """
    return run_study(
        _load(study),
        _store(store),
        _cache(cache),
        workers=usable_cores() or 1 if workers is None else workers,
        watcher=watcher,
    )


def verify(
    study: AnyStudy,
    *,
    sample: int = 30,
    seed: int | None = None,
    store: Path | str | None = None,
    cache: Path | str | None = None,
    workers: int | None = None,
) -> Verification:
    """Repeat a random sample of a study's runs in fresh processes and check what it stands on."""
    records = _store(store)
    found = verify_study(
        _load(study),
        records,
        _cache(cache),
        sample=sample,
        seed=seed,
        workers=usable_cores() or 1 if workers is None else workers,
    )
    keep_verification(records, found)
    return found


def report(
    study: AnyStudy,
    *,
    store: Path | str | None = None,
    cache: Path | str | None = None,
    out: Path | str | None = None,
) -> Path:
    """Write the report of a study and return the path of its HTML file."""
    loaded, records = _load(study), _store(store)
    folder = Path(out) if out else Path(f"{records.study_folder(loaded.study.name).name}-report")
    document = assemble(loaded, records, _cache(cache))
    write_sources(document, loaded, records, folder)
    return build(document, folder).page


def _load(study: AnyStudy) -> LoadedStudy:
    if isinstance(study, LoadedStudy):
        return study
    return check_study(study) if isinstance(study, Study) else load_study(study)


def _store(store: Path | str | None) -> Store:
    return Store(Path(store) if store else store_folder())


def _cache(cache: Path | str | None) -> Path:
    return Path(cache) if cache else cache_folder()
