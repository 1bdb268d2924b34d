"""The document of a report: its bytes, and what is refused."""

from __future__ import annotations

import json
import math
from pathlib import Path

import msgspec
import numpy as np
import pytest
from msgspec import UNSET

from assay.foundation.digest import digest_file
from assay.foundation.errors import CorruptError, StoreError, UsageError, VersionError
from assay.foundation.seeding import StreamUse
from assay.publishing.document import (
    StreamGroup,
    decode_document,
    encode_document,
    group_streams,
    read_document,
    write_document,
)

GOLDEN = Path(__file__).parent / "golden"


@pytest.mark.parametrize("name", ["typical", "hostile", "alone", "empty", "judged_small"])
def test_a_document_survives_writing_and_reading(sample, tmp_path, name):
    """What is read is equal to what was written, and writing it again gives the same bytes."""
    document = getattr(sample, name)()
    path = tmp_path / "report.json"
    digest = write_document(document, path)
    read = read_document(path)
    assert encode_document(read) == path.read_bytes() == encode_document(document)
    plain = {"judgement": UNSET}
    assert msgspec.structs.replace(read, **plain) == msgspec.structs.replace(document, **plain)
    assert digest == digest_file(path)


@pytest.mark.parametrize("version", [1, 2])
def test_every_version_is_still_read(version):
    """The golden file of each version is read, and written again as it is."""
    data = (GOLDEN / f"report-v{version}.json").read_bytes()
    document = decode_document(data)
    assert document.version == version
    assert document.study.name == "first light"
    assert encode_document(document) == data


def test_version_1_has_no_judgement_and_version_2_has_all_its_parts():
    """A report of before has an empty judgement; the golden one of now has every part filled."""
    old = decode_document((GOLDEN / "report-v1.json").read_bytes())
    assert old.judgement is UNSET
    assert old.judged().comparison is None
    new = decode_document((GOLDEN / "report-v2.json").read_bytes()).judged()
    assert all(getattr(new, name) for name in new.__struct_fields__)


def test_a_failed_run_and_an_array_survive(sample):
    """What is not finite, and what is an array, is read in the judgement as it was written."""
    document = sample.hostile()
    read = decode_document(encode_document(document)).judged()
    before = document.judged()
    values = [value for row in read.luck for value in row.luck.values]
    assert sum(map(math.isnan, values)) == 1
    np.testing.assert_equal(values, [value for row in before.luck for value in row.luck.values])
    typical = sample.typical().judged().comparison
    again = decode_document(encode_document(sample.typical())).judged().comparison
    np.testing.assert_array_equal(again.pairwise.adjusted, typical.pairwise.adjusted)


def test_keys_are_sorted(sample):
    """Every object of the file has its keys in order, so that a difference between files is a difference."""

    def ordered(pairs):
        assert [key for key, _ in pairs] == sorted(key for key, _ in pairs)
        return dict(pairs)

    json.loads(encode_document(sample.alone()), object_pairs_hook=ordered)


def test_a_newer_version_is_refused(sample):
    """A report of a later version raises `VersionError` and says what to do."""
    newer = encode_document(sample.alone()).replace(b'"version": 2\n}', b'"version": 3\n}')
    with pytest.raises(VersionError, match=r"version 3.*\n.*\n.*upgrade Assay"):
        decode_document(newer)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "not what its format prescribes"),
        (b'{"format": "assay-report", "version": 1}', "missing required field"),
        (b'{"format": "assay-table", "version": 1}', "its format is 'assay-table'"),
        (b"\xff\xfe", "not what its format prescribes"),
    ],
)
def test_what_is_no_report_is_refused(data, message):
    """Other bytes raise `CorruptError`, which says what is wrong."""
    with pytest.raises(CorruptError, match=message):
        decode_document(data)


def test_a_file_that_is_absent_is_named(tmp_path):
    """Reading a report that does not exist raises `StoreError` with its path."""
    with pytest.raises(StoreError, match=r"nowhere\.json"):
        read_document(tmp_path / "nowhere.json")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_a_number_that_is_not_finite_is_refused(sample, value):
    """NaN and infinity raise `UsageError` with their place; JSON would turn them into null."""
    document = sample.alone()
    row = msgspec.structs.replace(document.analysis.curves[0], mean=[value])
    analysis = msgspec.structs.replace(document.analysis, curves=(row,))
    with pytest.raises(UsageError, match=r"report\.analysis\.curves\[0\]\.mean\[0\]"):
        encode_document(msgspec.structs.replace(document, analysis=analysis))


@pytest.mark.parametrize("field", ["methods", "benchmarks"])
def test_results_of_the_unlisted_are_refused(sample, field):
    """A result of a method or benchmark that the document does not list raises, written or read."""
    document = sample.alone()
    with pytest.raises(UsageError, match=f"the {field[:-1]} '.*', which it does not list"):
        encode_document(msgspec.structs.replace(document, **{field: ()}))
    plain = json.loads(encode_document(document)) | {field: []}
    with pytest.raises(CorruptError, match="contradicts itself"):
        decode_document(json.dumps(plain).encode())


def test_streams_are_counted_by_their_first_names():
    """Streams are grouped by the names that they share; streams and words are added up."""
    uses = [
        StreamUse(("strategy", "rs", "cora", 0), 3),
        StreamUse(("strategy", "rs", "cora", 1), 4),
        StreamUse(("root",), 1),
    ]
    assert group_streams(uses) == (
        StreamGroup(path="root", streams=1, draws=1),
        StreamGroup(path="strategy / rs / …", streams=2, draws=7),
    )
