"""Examples in two splits: told by a column, or found in declared files."""

from __future__ import annotations

import io

import numpy as np
import pytest

from assay.analysis.audit.facts import Source
from assay.analysis.audit.gather import _text

ROWS = [f"{i},{i * i % 97},{i * 7 % 31}.5" for i in range(40)]


@pytest.mark.parametrize(
    ("column", "value", "fires"),
    [
        ("duplicates_train_test", "20", True),
        ("train_test_overlap", "3.5%", True),
        ("leaked_examples", "yes", True),
        ("images_seen_in_train_and_test", "1e3", True),
        ("train_test_overlap", "0", False),
        ("train_test_overlap", "0.0%", False),
        ("test_duplicates_removed", "20", False),
        ("shared_split", "1", False),
        ("test_first_seen", "2024-05-02", False),
        ("overlap", "16", False),
    ],
)
def test_a_column_that_counts_shared_examples(table, rows, found, column, value, fires):
    """More than none of them is a doubt; what was removed, and an overlap of something else, is not."""
    text = rows(head=column, tail=lambda _m, t, _r: value if t == "wine" else "0")
    finding = found(table(text), "overlapping-splits")
    assert (finding is not None) == fires
    if finding is not None:
        assert finding.severity == "doubtful"
        assert len(finding.evidence) == 1


def _declared(bent, **files):
    sources = tuple(
        Source("local", name.replace("__", "/").replace("_dot_", "."), text, declared=True)
        for name, text in files.items()
    )
    return bent.but(sources=sources)


def _csv(rows):
    return "x,y,z\n" + "\n".join(rows) + "\n"


@pytest.mark.parametrize(("shared", "severity"), [(0, None), (1, "doubtful"), (10, "invalidates")])
def test_declared_files_that_share_rows(bent, found, shared, severity):
    """A tenth of shared rows invalidates, and fewer are doubtful."""
    facts = _declared(
        bent, train_dot_csv=_csv(ROWS[:20]), valid_dot_csv=_csv(ROWS[20 - shared : 40 - shared])
    )
    finding = found(facts, "overlapping-splits")
    assert (finding.severity if finding else None) == severity


def test_files_that_are_no_splits_of_each_other(bent, found):
    """Labels repeat by their nature, one split has no other, and other stems are other data."""
    labels = "\n".join(str(i % 2) for i in range(30))
    for files in (
        {"train_y_dot_csv": labels, "test_y_dot_csv": labels},
        {"train_a_dot_csv": _csv(ROWS), "train_b_dot_csv": _csv(ROWS)},
        {"train_a_dot_csv": _csv(ROWS), "test_b_dot_csv": _csv(ROWS)},
        {"first_dot_csv": _csv(ROWS), "second_dot_csv": _csv(ROWS)},
    ):
        assert not found(_declared(bent, **files), "overlapping-splits")


def test_numbers_of_rows_make_no_difference(bent, found):
    """Rows that are equal but for their own number are equal."""
    train = "\n".join(f"{i},{row.partition(',')[2]},a" for i, row in enumerate(ROWS[:20]))
    test = "\n".join(f"{i},{row.partition(',')[2]},a" for i, row in enumerate(ROWS[5:25]))
    assert found(_declared(bent, train_dot_csv=train, test_dot_csv=test), "overlapping-splits")


def test_indices_in_one_file(bent, found):
    """Lists of examples under the names of splits are compared."""
    both = '{"train": [1,2,3,4,5,6], "test": [6,7,8,9,10,11]}'
    apart = both.replace("[6,", "[12,")
    assert found(_declared(bent, splits_dot_json=both), "overlapping-splits")
    assert not found(_declared(bent, splits_dot_json=apart), "overlapping-splits")


def test_arrays_are_read_as_rows():
    """An array becomes a line for each example; what is no array is no text."""
    out = io.BytesIO()
    np.save(out, np.arange(6).reshape(3, 2))
    assert _text("train.npy", out.getvalue()) == "0,1\n2,3\n4,5"
    assert _text("train.npy", b"\x93NUMPY nothing") is None
