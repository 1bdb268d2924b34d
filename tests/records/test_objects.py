"""Objects: content by its digest, and what is not what it is used as."""

from __future__ import annotations

from pathlib import Path

import pytest

from assay.foundation.documents import Format
from assay.foundation.errors import CorruptError
from assay.records.objects import Objects


@pytest.mark.parametrize("data", [b"\xff\xfe", b"[1]", b'"\\ud800"', b"[" * 5_000, b'{"format": "x"}'])
def test_an_object_of_another_kind_is_named(tmp_path: Path, data: bytes) -> None:
    """A record that points at a wrong object is told so, whatever its bytes are."""
    objects = Objects(tmp_path)
    digest = objects.put(data)
    with pytest.raises(CorruptError, match="not what it is used as"):
        objects.get_value(digest, Format)
