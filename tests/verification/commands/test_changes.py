"""Differences of two recorded commands together: none, all of them, in order, and without harm outside."""

from __future__ import annotations

from pathlib import Path

import pytest
from made_up import TRAIN, between, code, environment, place, record

from assay.capture.recording.restore import restore
from assay.foundation.errors import IntegrityError, UsageError
from assay.records.store import Store
from assay.verification.commands.change import Change, FileWritten
from assay.verification.commands.changes import apply, changes_between, informed


def test_equal_commands_have_no_changes(store: Store) -> None:
    """Two records of one thing differ in nothing."""
    same = {"code": (code(store, "train.py", TRAIN, "program"),), "environment": environment()}
    assert between(store, same, same) == []


@pytest.mark.parametrize("path", ["../x", "/x", "a/../../x", "<cell>", ".", "outside/0/../../../x"])
def test_a_path_out_of_the_copy_is_refused(store: Store, tmp_path: Path, path: str) -> None:
    """No record can make a change write outside of the copy."""
    change = Change(
        id="x",
        kind="data",
        path=path,
        a=None,
        b=None,
        text="x",
        likelihood=1,
        files=(FileWritten(path=path, content=store.objects.put(b"x")),),
    )
    before = {str(one) for one in tmp_path.rglob("*")}
    with pytest.raises(IntegrityError):
        apply([change], place(tmp_path, {}), {}, store=store)
    assert {str(one) for one in tmp_path.rglob("*")} == before


def test_a_file_that_is_not_the_recorded_one_is_not_edited(store: Store, tmp_path: Path) -> None:
    """Line numbers of one text are never used on another."""
    changes = between(
        store, {"code": (code(store, "a.py", "x = 1\n"),)}, {"code": (code(store, "a.py", "x = 2\n"),)}
    )
    with pytest.raises(UsageError, match="not what the record holds"):
        apply(changes, place(tmp_path, {"a.py": "y\nx = 1\n"}), {}, store=store)


def test_a_restored_record_becomes_the_other(store: Store, tmp_path: Path) -> None:
    """On what `restore` makes, all changes together give B's files, code outside of the root included."""
    old = {"train.py": TRAIN, "outside/0/lib.py": "x = 1\n", "c.json": '{"a": 1}'}
    new = {"train.py": TRAIN.replace("0.9", "0.5"), "outside/0/lib.py": "x = 2\n", "c.json": '{"a": 2}'}
    roles = {"train.py": "program", "c.json": "configuration"}
    records = [
        record(
            store,
            code=tuple(code(store, path, text, roles.get(path, "module")) for path, text in files.items()),
            root="/r/project",
            outside=("/r/libs",),
        )
        for files in (old, new)
    ]
    restored = restore(store, records[0], tmp_path / "restored", cache=tmp_path / "cache")
    applied = apply(changes_between(store, *records), restored, {}, store=store)
    assert applied.argv[1:] == ("train.py",)
    made = {
        path: ((restored.folder if path.startswith("outside") else restored.tree) / path).read_text()
        for path in new
    }
    assert made == new


def test_what_differs_first_orders_the_changes(store: Store) -> None:
    """Threads come behind code where hyperparameters differ first, and before it where gradients do."""
    changes = between(
        store,
        {"numerics": {"torch.num_threads": 1}, "code": (code(store, "train.py", TRAIN),)},
        {
            "numerics": {"torch.num_threads": 2},
            "code": (code(store, "train.py", TRAIN.replace("0.1", "0.2")),),
        },
    )
    first = {field: informed(changes, field)[0].kind for field in ("hyperparameters", "gradients", "other")}
    assert first == {"hyperparameters": "code", "gradients": "threads", "other": "threads"}
