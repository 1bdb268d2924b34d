"""Digests of content: blake3 over bytes, files, arrays and canonical JSON (RFC 8785).

A digest is written as 64 hexadecimal digits. Values are digested only after typed decoding, in
the canonical form of RFC 8785: keys sorted, shortest numbers, integers above 2^53 as strings,
non-finite numbers refused. Structs that are digested leave out what has its default: a field that is
added later has a default, which means the old behaviour, and no old digest changes.

Arrays are digested by logical content (dtype, shape, little-endian
C-order values), never by the bytes of a container.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import rfc8785
from blake3 import blake3

from assay.foundation.errors import UsageError

SHORT = 12
_EXACT = 2**53


def digest_bytes(data: bytes | memoryview) -> str:
    """Return the digest of `data`."""
    return blake3(data).hexdigest()


def digest_file(path: Path) -> str:
    """Return the digest of the bytes of the file at `path`."""
    return blake3().update_mmap(path).hexdigest() if path.stat().st_size else blake3().hexdigest()


def digest_array(array: np.ndarray) -> str:
    """Return the digest of an array's logical content: dtype, shape and values in C order."""
    little = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
    head = f"{little.dtype.str}{little.shape}".encode()
    return blake3(head + b"\0" + little.tobytes()).hexdigest()


def canonical_bytes(value: Any) -> bytes:
    """Return the RFC 8785 form of a typed value; refuses non-finite numbers."""
    plain = msgspec.to_builtins(value, str_keys=True)
    try:
        return rfc8785.dumps(_exact(plain))
    except rfc8785.CanonicalizationError as error:
        raise UsageError("a value has no canonical form", why=str(error)) from None


def digest_value(value: Any) -> str:
    """Return the digest of a typed value's canonical form."""
    return blake3(canonical_bytes(value)).hexdigest()


def short(digest: str) -> str:
    """Return the first digits of a digest, as shown to people."""
    return digest[:SHORT]


def _exact(value: Any) -> Any:
    """Write integers that a double cannot hold as strings, as RFC 8785 section 3.2.2.3 advises."""
    if isinstance(value, Mapping):
        return {key: _exact(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_exact(item) for item in value]
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= _EXACT:
        return str(value)
    return value
