"""Differences of data: by file, made in a copy and never behind a link."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from made_up import TRAIN, between, code, place, texts

from assay.capture.contents import Contents
from assay.capture.trees import keep_tree
from assay.foundation.digest import digest_bytes
from assay.foundation.errors import UsageError
from assay.provenance.commands import DataFile
from assay.records.store import Store
from assay.verification.commands.changes import apply


def test_data_is_changed_in_the_copy_and_never_behind_a_link(store: Store, tmp_path: Path) -> None:
    """A linked folder becomes a folder of links where a file in it changes; the original keeps its bytes."""
    original = tmp_path / "original"
    (original / "sub").mkdir(parents=True)
    (original / "sub/x.csv").write_text("1\n")
    (original / "y.csv").write_text("same\n")
    content = store.objects.put(b"2\n")
    changes = between(
        store,
        {"data": (DataFile(path="data/sub/x.csv", digest=digest_bytes(b"1\n"), size=2),)},
        {"data": (DataFile(path="data/sub/x.csv", digest=content, size=2, content=content),)},
    )
    here = place(tmp_path, {"train.py": ""})
    (here.tree / "data").symlink_to(original)
    apply(changes, here, {}, store=store)
    assert (here.tree / "data/sub/x.csv").read_text() == "2\n"
    assert (original / "sub/x.csv").read_text() == "1\n"
    assert (here.tree / "data/y.csv").is_symlink()
    assert not (here.tree / "data").is_symlink()


def test_a_linked_file_and_a_hard_link_keep_their_bytes(store: Store, tmp_path: Path) -> None:
    """Edits and removals concern the copy's name alone, whatever other names a file has."""
    outside = tmp_path / "outside.py"
    outside.write_text(TRAIN)
    here = place(tmp_path, {"x": ""})
    (here.tree / "train.py").symlink_to(outside)
    os.link(outside, here.tree / "other.py")
    old = (code(store, "train.py", TRAIN), code(store, "other.py", TRAIN))
    new = (code(store, "train.py", "y = 1\n"), code(store, "other.py", "y = 1\n"))
    apply(between(store, {"code": old}, {"code": new}), here, {}, store=store)
    assert (here.tree / "train.py").read_text() == (here.tree / "other.py").read_text() == "y = 1\n"
    assert outside.read_text() == TRAIN


def test_data_comes_from_where_it_was_if_it_is_still_the_same(store: Store, tmp_path: Path) -> None:
    """Bytes that the store does not hold are taken from B's place, checked; else the change is impossible."""
    root = tmp_path / "b"
    root.mkdir()
    (root / "big.bin").write_bytes(b"new")
    a = {"data": (DataFile(path="big.bin", digest=digest_bytes(b"old"), size=3),)}
    b = {"data": (DataFile(path="big.bin", digest=digest_bytes(b"new"), size=3),), "root": str(root)}
    (change,) = between(store, a, b)
    here = place(tmp_path, {"big.bin": "old"})
    apply([change], here, {}, store=store)
    assert (here.tree / "big.bin").read_bytes() == b"new"
    (root / "big.bin").write_bytes(b"third")
    with pytest.raises(UsageError, match="changed since"):
        apply([change], here, {}, store=store)
    assert not between(store, a, b)[0].possible


def test_folders_of_data_differ_by_file(store: Store, tmp_path: Path) -> None:
    """Trees are compared by file; many files of one folder are one change."""
    trees = []
    for name, count in (("a", 3), ("b", 40)):
        folder = tmp_path / name / "data"
        (folder / "many").mkdir(parents=True)
        (folder / "x.txt").write_text(name)
        for i in range(count):
            (folder / "many" / f"{i}.txt").write_text(f"{i} of {count}")
        trees.append(keep_tree(store.objects, folder, Contents(tmp_path / "cache")))
    sides = [
        {
            "data": (DataFile(path="data", digest=tree.digest, size=1, folder=True, declared=True),),
            "root": str(tmp_path / name),
        }
        for tree, name in zip(trees, "ab", strict=True)
    ]
    changes = between(store, *sides)
    assert sorted(change.path for change in changes) == ["data/many/", "data/x.txt"]
    assert [len(change.files) for change in changes if change.members] == [40]
    here = place(tmp_path, {"data/x.txt": "a"})
    apply(changes, here, {}, store=store)
    assert (here.tree / "data/x.txt").read_text() == "b"
    assert len(list((here.tree / "data/many").iterdir())) == 40


def test_data_elsewhere_and_another_order_are_listed_only(store: Store) -> None:
    """Absolute places are not part of the copy, and an order of files is an effect."""
    files = [DataFile(path=f"/d/{i}", digest=str(i), size=1, order=i) for i in range(2)]
    turned = [
        DataFile(path="/d/0", digest="0", size=1, order=1),
        DataFile(path="/d/1", digest="x", size=1, order=0),
    ]
    changes = between(store, {"data": tuple(files)}, {"data": tuple(turned)})
    assert [change.kind for change in changes] == ["data", "order"]
    assert not any(change.possible for change in changes)


def test_files_of_a_declared_folder_that_were_opened_in_another_order_are_listed(store: Store) -> None:
    """The order within a folder is kept beside its tree."""
    sides = [store.objects.put(text.encode()) for text in ("1.png\n2.png\n", "2.png\n1.png\n")]
    data = [
        [DataFile(path="images", digest="0" * 64, size=2, declared=True, folder=True, content=content)]
        for content in sides
    ]
    changes = between(store, {"data": data[0]}, {"data": data[1]})
    assert texts(changes) == [
        "files were opened in another order (where A opened images/1.png, B opened images/2.png)"
    ]
    assert not changes[0].possible
