"""Where Assay keeps things. These variables, with NO_COLOR, are the only ones that configure it."""

from __future__ import annotations

import os
from pathlib import Path


def cache_folder() -> Path:
    """Return the folder of imported tables: ASSAY_CACHE, or ~/.cache/assay."""
    named = os.environ.get("ASSAY_CACHE")
    return Path(named) if named else Path.home() / ".cache" / "assay"


def store_folder() -> Path:
    """Return the folder of records: ASSAY_STORE, or .assay in the working folder."""
    named = os.environ.get("ASSAY_STORE")
    return Path(named) if named else Path(".assay")
