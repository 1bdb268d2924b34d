"""Arguments and options that several commands have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

StudyFile = Annotated[Path, typer.Argument(metavar="STUDY", help="A study file (TOML).")]
StoreOption = Annotated[
    Path | None, typer.Option("--store", help="Folder of records [default: ASSAY_STORE, or .assay].")
]
RunName = Annotated[
    str, typer.Argument(metavar="RUN", help="First digits of a run's id, or a command's name.")
]
Workers = Annotated[int | None, typer.Option("--workers", help="Worker processes [default: one a core].")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
