"""The user's own files stay as they are while a run is repeated."""

from __future__ import annotations

from pathlib import Path

import pytest

from assay.verification.commands.originals import Originals


def test_what_a_repeat_writes_is_noted_and_taken_back(tmp_path: Path) -> None:
    """A file that was there is put back with its time, one that was not is taken away."""
    old, new, left = (tmp_path / name for name in ("old.txt", "new.txt", "left.txt"))
    old.write_text("mine")
    left.write_text("left")
    before = old.stat().st_mtime_ns
    originals = Originals({"old.txt": old, "new.txt": new, "left.txt": left}, tmp_path / "kept")
    with originals.held():
        old.write_text("overwritten")
        new.write_text("made")
    assert (old.read_text(), old.stat().st_mtime_ns) == ("mine", before)
    assert not new.exists()
    assert set(originals.digests) == set(originals.met) == {"old.txt", "new.txt"}


def test_files_are_put_back_when_a_repeat_fails(tmp_path: Path) -> None:
    """An interruption leaves nothing overwritten."""
    path = tmp_path / "result.txt"
    path.write_text("mine")

    def interrupted() -> None:
        with Originals({"r": path}, tmp_path / "kept").held():
            path.unlink()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert path.read_text() == "mine"
    assert not list(tmp_path.glob(".*"))


def test_small_data_is_copied_and_what_stays_linked_is_watched(tmp_path: Path) -> None:
    """A repeat appends to a copy of a small file; a change of a linked folder is told."""
    tree, small, folder = tmp_path / "tree", tmp_path / "runs.csv", tmp_path / "images"
    tree.mkdir()
    folder.mkdir()
    small.write_text("run 0\n")
    (tree / "runs.csv").symlink_to(small)
    (tree / "images").symlink_to(folder)
    (tree / "inside").symlink_to(tree / "runs.csv")
    originals = Originals({}, tmp_path / "kept")
    originals.own_links(tree)
    with originals.held():
        (tree / "runs.csv").write_text("run 1\n")
        (tree / "images" / "cache.bin").write_text("x")
    assert small.read_text() == "run 0\n"
    assert (tree / "images").is_symlink()
    assert list(originals.changed) == [str(folder)]


def test_a_device_is_not_kept(tmp_path: Path) -> None:
    """A record that names an endless device among its outputs makes nobody copy it."""
    originals = Originals({"/dev/zero": Path("/dev/zero")}, tmp_path / "kept")
    with originals.held():
        pass
    assert not originals.met
    assert Path("/dev/zero").exists()
