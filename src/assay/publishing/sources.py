"""What a reader needs beside the page: the study file, and the author's files as they ran."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from assay.capture.secrets import scrub
from assay.foundation.files import write_atomic
from assay.publishing.document import ReportDocument
from assay.records.store import Store
from assay.studies.load import LoadedStudy

FOLDER = "sources"


def write_sources(document: ReportDocument, loaded: LoadedStudy, store: Store, folder: Path) -> list[Path]:
    """Write the study file and the author's recorded files into `folder/sources`; return the paths.

    The files are those of the reported runs, from the store, without what looked like a secret.
    """
    contents: dict[PurePosixPath, bytes] = {}
    if loaded.path is not None:
        contents[PurePosixPath(loaded.path.name)] = scrub(loaded.text, code=True).encode()
    for evidence in document.components.evidence:
        for file in evidence.files:
            if file.path.startswith("<"):  # a command line, a notebook's cell: no file of that name
                continue
            contents[_inside(file.path)] = store.objects.get(file.content)
    written = []
    for name, content in sorted(contents.items()):
        path = folder / FOLDER / name
        write_atomic(path, content)
        written.append(path)
    return written


def _inside(shown: str) -> PurePosixPath:
    """Return a path that stays inside the folder, whatever a record says."""
    parts = [part for part in PurePosixPath(shown.replace("\\", "/")).parts if part not in ("/", ".", "..")]
    return PurePosixPath(*parts) if parts else PurePosixPath("unnamed")
