"""Hyperparameters in an identity: each value as its own JSON text.

RFC 8785 knows one kind of number, so that 3 and 3.0 would have one digest, though a program tells
them apart. As text, every value keeps its type and all its digits.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from assay.provenance.components import Plain


def encode_hyperparameters(values: Mapping[str, Plain]) -> dict[str, str]:
    """Return the JSON text of each value, keys sorted; refuses non-finite numbers with ValueError."""
    return {
        name: json.dumps(value, sort_keys=True, allow_nan=False, separators=(",", ":"), ensure_ascii=False)
        for name, value in sorted(values.items())
    }


def decode_hyperparameters(texts: Mapping[str, str]) -> dict[str, Plain]:
    """Return the values that `encode_hyperparameters` wrote."""
    return {name: json.loads(text) for name, text in texts.items()}
