from __future__ import annotations

import os
import shutil
from pathlib import Path

import msgspec
import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from assay.capture.contents import Contents
from assay.capture.trees import (
    TreeDifference,
    keep_tree,
    measure_tree,
    real_name,
    tree_difference,
    tree_files,
    written_name,
)
from assay.foundation.errors import CorruptError, UsageError
from assay.records.objects import Objects


@pytest.fixture
def objects(tmp_path: Path) -> Objects:
    return Objects(tmp_path / "store" / "objects")


@pytest.fixture
def known(tmp_path: Path) -> Contents:
    return Contents(tmp_path / "cache")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with files in two folders, an empty one and a link."""
    made = tmp_path / "data"
    for name, text in {"a.txt": "1", "sub/b.txt": "2", "sub/deep/c.txt": "33", "zero": ""}.items():
        (made / name).parent.mkdir(parents=True, exist_ok=True)
        (made / name).write_text(text)
    (made / "empty").mkdir()
    (made / "link").symlink_to("sub/b.txt")
    return made


def test_a_tree_lists_all_its_files(folder: Path, objects: Objects, known: Contents) -> None:
    """Files and links are there by path; counts and bytes are those of the folder."""
    tree = keep_tree(objects, folder, known)
    found = tree_files(objects, tree.digest)
    assert list(found) == ["a.txt", "link", "sub/b.txt", "sub/deep/c.txt", "zero"]
    assert found["a.txt"] == known.digest(folder / "a.txt")
    assert found["link"] == "-> sub/b.txt"
    assert (tree.files, tree.size, tree.left_out) == (5, 4, ())


def test_permissions_times_and_place_are_not_in_the_digest(
    folder: Path, tmp_path: Path, objects: Objects, known: Contents
) -> None:
    """A copy elsewhere with other permissions has the same digest; an empty folder counts."""
    shutil.copytree(folder, tmp_path / "copy", symlinks=True)
    (tmp_path / "copy" / "a.txt").chmod(0o700)
    first = keep_tree(objects, folder, known)
    assert keep_tree(objects, tmp_path / "copy", known) == first
    (tmp_path / "copy" / "empty").rmdir()
    assert keep_tree(objects, tmp_path / "copy", known).digest != first.digest


def test_each_kind_of_difference_is_named(folder: Path, objects: Objects, known: Contents) -> None:
    """Changed, added, removed and renamed files are told apart; an empty file is never renamed."""
    before = keep_tree(objects, folder, known).digest
    (folder / "a.txt").write_text("one")
    (folder / "sub" / "deep" / "c.txt").rename(folder / "moved.txt")
    (folder / "sub" / "deep").rmdir()
    (folder / "new").mkdir()
    (folder / "new" / "file").write_text("new")
    (folder / "zero").rename(folder / "nought")
    (folder / "link").unlink()
    (folder / "link").symlink_to("a.txt")
    after = keep_tree(objects, folder, known).digest
    found = {one.path: one for one in tree_difference(objects, before, after)}
    assert {path: one.kind for path, one in found.items()} == {
        "a.txt": "changed",
        "link": "changed",
        "moved.txt": "renamed",
        "new/file": "added",
        "nought": "added",
        "zero": "removed",
    }
    assert found["moved.txt"].before == "sub/deep/c.txt"
    assert found["link"] == TreeDifference(path="link", kind="changed", a="-> sub/b.txt", b="-> a.txt")
    assert (found["new/file"].a, found["new/file"].b) == (None, known.digest(folder / "new" / "file"))
    assert tree_difference(objects, before, before) == []


def test_a_file_that_becomes_a_folder_and_an_empty_folder_are_differences(
    tmp_path: Path, objects: Objects, known: Contents
) -> None:
    """A file in the place of a folder is removed and added; an empty folder ends in a slash."""
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "name").write_text("file")
    before = keep_tree(objects, tmp_path / "x", known).digest
    (tmp_path / "x" / "name").unlink()
    (tmp_path / "x" / "name").mkdir()
    after = keep_tree(objects, tmp_path / "x", known).digest
    found = tree_difference(objects, before, after)
    assert [(one.path, one.kind) for one in found] == [("name", "removed"), ("name/", "added")]


def test_one_flipped_bit_in_ten_thousand_files_is_named(
    tmp_path: Path, objects: Objects, known: Contents
) -> None:
    """The one image whose bit flipped is named, though its size and time are as before."""
    images = tmp_path / "images"
    for number in range(10_000):
        path = images / f"{number % 20:02d}" / f"{number:05d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(number.to_bytes(8, "little"))
    before = keep_tree(objects, images, known)
    one = images / "13" / "07813.png"
    state = one.stat()
    data = bytearray(one.read_bytes())
    data[3] ^= 1
    one.write_bytes(data)
    os.utime(one, ns=(state.st_atime_ns, state.st_mtime_ns))
    after = keep_tree(objects, images, known)
    assert (before.files, before.size) == (10_000, 80_000)
    found = tree_difference(objects, before.digest, after.digest)
    assert [(difference.path, difference.kind) for difference in found] == [("13/07813.png", "changed")]


def test_links_are_not_followed_to_folders_and_go_round_no_circle(
    tmp_path: Path, objects: Objects, known: Contents
) -> None:
    """A link up is kept as such; a folder outside is named as left out; a file outside counts by content."""
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    (there / "blob").write_text("v1")
    (here / "up").symlink_to("..")
    (here / "self").symlink_to(".")
    (here / "nowhere").symlink_to("absent")
    (here / "blob").symlink_to("../there/blob")
    tree = keep_tree(objects, here, known)
    found = tree_files(objects, tree.digest)
    assert found["self"] == "-> ."
    assert found["nowhere"] == "-> absent"
    assert found["blob"] == f"{known.digest(there / 'blob')} -> ../there/blob"
    assert len(found) == 4
    assert [text.partition(":")[0] for text in tree.left_out] == ["up"]
    (there / "blob").write_text("v2")
    changed = keep_tree(objects, here, known)
    assert [one.path for one in tree_difference(objects, tree.digest, changed.digest)] == ["blob"]


def test_what_is_no_file_is_left_out_and_named(folder: Path, objects: Objects, known: Contents) -> None:
    """A pipe is named, and hangs nothing."""
    os.mkfifo(folder / "sub" / "pipe")
    tree = keep_tree(objects, folder, known)
    assert tree.left_out == ("sub/pipe: it is no file, folder or link",)
    with pytest.raises(UsageError, match="no such folder"):
        keep_tree(objects, folder / "absent", known)


def test_names_that_are_not_utf8_survive(tmp_path: Path, objects: Objects, known: Contents) -> None:
    """Two names that differ in such a byte, or look like its writing, stay two names."""
    here = tmp_path / "here"
    here.mkdir()
    names = [os.fsdecode(name) for name in (b"caf\xe9", b"caf\xe8", b"caf\\xe9", "café".encode(), b"a\nb")]
    for number, name in enumerate(names):
        (here / name).write_text(str(number))
    found = tree_files(objects, keep_tree(objects, here, known).digest)
    assert {real_name(written) for written in found} == set(names)
    assert r"caf\xe9" in found


def test_a_deep_folder_is_no_problem(tmp_path: Path, objects: Objects, known: Contents) -> None:
    """A thousand folders in one another are walked."""
    path = tmp_path / "deep"
    path.mkdir()
    inner = path
    for _ in range(1_000):
        inner = inner / "d"
        inner.mkdir()
    (inner / "f").write_text("x")
    try:
        found = tree_files(objects, keep_tree(objects, path, known).digest)
    finally:
        (inner / "f").unlink()
        for _ in range(1_000):  # so deep that whoever cleans up here would not come through
            inner.rmdir()
            inner = inner.parent
    assert list(found) == ["d/" * 1_000 + "f"]


@pytest.mark.parametrize("name", ["..", ".", "", "a/b", "/etc/passwd", "nul\0"])
def test_a_node_with_a_name_that_leads_out_is_refused(objects: Objects, name: str) -> None:
    """A node of somebody else's cannot name a file elsewhere."""
    digest = objects.put(msgspec.json.encode([[name, "file", 1, "0" * 64]]))
    with pytest.raises(CorruptError, match="name that no file has"):
        tree_files(objects, digest)


NAMES = st.text(st.characters(exclude_characters="/\0"), min_size=1, max_size=4).filter(
    lambda name: name not in (".", "..")
)
TREES = st.recursive(
    st.binary(max_size=3), lambda inner: st.dictionaries(NAMES, inner, max_size=4), max_leaves=12
).filter(lambda tree: isinstance(tree, dict))


def _write(folder: Path, tree: dict[str, object]) -> None:
    folder.mkdir()
    for name, inner in tree.items():
        place = Path(f"{folder}/{name}")
        _write(place, inner) if isinstance(inner, dict) else place.write_bytes(inner)  # type: ignore[arg-type]


@given(TREES, TREES)
def test_digests_are_equal_exactly_where_the_files_are(
    tmp_path_factory: pytest.TempPathFactory, one: dict[str, object], two: dict[str, object]
) -> None:
    """Any two folders have one digest if and only if they hold the same; nodes are canonical JSON."""
    top = tmp_path_factory.mktemp("trees")
    known = Contents(top / "cache")
    trees = []
    for name, tree in (("one", one), ("two", two), ("again", one)):
        _write(top / name, tree)
        trees.append(measure_tree(top / name, known))
    first, second, again = trees
    assert (first.tree.digest == second.tree.digest) == (one == two)
    assert first.tree == again.tree
    for data in first.nodes.values():
        assert rfc8785.dumps(msgspec.json.decode(data)) == data
    differing = tree_difference(first, first.tree.digest, second.tree.digest, other=second)
    assert bool(differing) == (one != two)


@given(st.text(st.characters(codec=None, exclude_categories=()), max_size=12))
def test_a_written_name_leads_back(name: str) -> None:
    """Every name that a file system can hold is written as valid text and read back."""
    try:
        name = os.fsdecode(os.fsencode(name))
    except UnicodeEncodeError:
        return
    written_name(name).encode()
    assert real_name(written_name(name)) == name
