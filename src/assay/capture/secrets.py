"""Finds secrets in what is captured: one set of rules, which the hook in a recorded process has too."""

from __future__ import annotations

from assay_hook.secrets import (
    REMOVED,
    is_named_secret,
    looks_secret,
    scrub,
    scrub_arguments,
    scrub_shapes,
    secret_paths,
    strip_credentials,
)

__all__ = [
    "REMOVED",
    "is_named_secret",
    "looks_secret",
    "scrub",
    "scrub_arguments",
    "scrub_shapes",
    "secret_paths",
    "strip_credentials",
]
