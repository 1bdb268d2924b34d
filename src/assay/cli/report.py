"""The body of `assay report`."""

from __future__ import annotations

from pathlib import Path

from assay.cli.output import give, say
from assay.foundation.places import cache_folder, store_folder
from assay.publishing.assemble import assemble
from assay.publishing.document import encode_document
from assay.publishing.report import build
from assay.publishing.sources import write_sources
from assay.publishing.summary import summary_text
from assay.records.store import Store
from assay.studies.load import load_study


def report(path: Path, store_path: Path | None, out: Path | None, *, json: bool) -> int:
    """Build the report of a study and print its results and where it is."""
    loaded = load_study(path)
    store = Store(store_path or store_folder(), create=False)
    document = assemble(loaded, store, cache_folder())
    folder = out or Path(f"{store.study_folder(loaded.study.name).name}-report")
    paths = build(document, folder)
    write_sources(document, loaded, store, folder)
    if json:
        give(encode_document(document).decode().removesuffix("\n"))
        return 0
    give(summary_text(document))
    say()
    say("report:")
    give(str(paths.page))
    return 0
