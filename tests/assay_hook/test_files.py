from __future__ import annotations

import hashlib
from typing import Any

import pytest


def test_each_way_of_opening_is_seen_in_its_order(any_hook: Any) -> None:
    """Paths of every type are told of once, with the first mode, in the order of first opening."""
    for name in ("a.txt", "b.txt", "c.txt", "d.txt"):
        any_hook.write(name, "x")
    text = """
        import io, os, pathlib, sqlite3
        open("b.txt").close()
        open(b"a.txt", "rb").close()
        pathlib.Path("c.txt").read_text()
        os.close(os.open(pathlib.Path("d.txt"), os.O_RDWR))
        open("e.txt", "w").close()
        open("e.txt").close()
        open("f.txt", "a").close()
        open("g.txt", "x").close()
        open("b.txt", "r+").close()
        os.close(os.open("h.txt", os.O_WRONLY | os.O_CREAT | os.O_TRUNC))
        sqlite3.connect("i.db").execute("create table t (x)").connection.commit()
        sqlite3.connect(":memory:")
        reader, writer = os.pipe()
        open(reader).close()
        for name in ("missing.txt", "."):
            try:
                open(name)
            except OSError:
                pass
    """
    seen = any_hook.program(text)
    assert seen.stderr == ""
    listed = [(path, mode) for row in seen.of("opened") for path, mode in row["files"]]
    expected = [
        ("b", "r"),
        ("a", "r"),
        ("c", "r"),
        ("d", "u"),
        ("e", "w"),
        ("f", "a"),
        ("g", "w"),
        ("h", "w"),
    ]
    folder = any_hook.folder
    assert listed[:8] == [(f"{folder}/{name}.txt", mode) for name, mode in expected]
    assert [path for path, _ in listed[8:] if "/i.db" not in path] == []


def test_a_file_that_appears_later_is_told_of_then(any_hook: Any) -> None:
    """Looking for a file that is not there leaves nothing, and reading it later does."""
    text = """
        import os
        try:
            open("late.txt")
        except FileNotFoundError:
            pass
        fd = os.open("late.tmp", os.O_CREAT | os.O_WRONLY); os.rename("late.tmp", "late.txt")
        open("late.txt").close()
    """
    assert any_hook.program(text).opened() == {"late.tmp": "a", "late.txt": "r"}


def test_the_same_name_in_another_folder_is_another_file(any_hook: Any) -> None:
    """A relative name is looked at anew when the working folder has changed."""
    any_hook.write("one/x.txt", "1")
    any_hook.write("two/x.txt", "2")
    text = "import os\nfor f in ('one', '../two', '../one'):\n    os.chdir(f); open('x.txt').close()\n"
    seen = any_hook.program(text)
    paths = [path for row in seen.of("opened") for path, _ in row["files"]]
    assert paths == [f"{any_hook.folder}/{name}/x.txt" for name in ("one", "two")]


def test_what_belongs_to_python_and_the_system_is_left_out(any_hook: Any) -> None:
    """Its library, caches, devices, the recording itself and sources that are read again are no data."""
    any_hook.write("helper.py", "def f():\n    raise ValueError\n")
    text = """
        import inspect, json, os, traceback, helper
        open(json.__file__).close()
        open(os.devnull, "w").close()
        open("/proc/self/status").close()
        open(os.path.join(os.environ["ASSAY_HOOK"], "hook.json")).close()
        os.makedirs("x/__pycache__"); open("x/__pycache__/y.pyc", "w").close()
        inspect.getsource(helper.f)
        try:
            helper.f()
        except ValueError:
            traceback.format_exc()
    """
    seen = any_hook.program(text)
    assert (seen.stderr, seen.opened()) == ("", {})


def test_code_that_ran_is_told_of_with_its_bytes(any_hook: Any) -> None:
    """Each first-party module has a row with the digest of its file, and installed ones have none."""
    path = any_hook.write("pack/part.py", "X = 1\n")
    any_hook.write("lib/site-packages/lib.py", "")
    any_hook.write("extra.py", "Y = 2\n")
    text = """
        import sys, json
        sys.path.insert(0, "lib/site-packages")
        import lib, pack.part, pack.part
        exec(compile(open("extra.py").read(), "extra.py", "exec"), {})
        eval("1 + 1")
    """
    seen = any_hook.program(text)
    code = {row["module"]: row for row in seen.of("code")}
    assert set(code) == {"__main__", "pack.part", ""}
    assert code["pack.part"]["file"] == str(path)
    assert code["pack.part"]["digest"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert code["pack.part"]["size"] == path.stat().st_size
    assert code[""]["file"] == str(any_hook.folder / "extra.py")


def test_code_in_an_archive_is_the_archive(any_hook: Any) -> None:
    """A program in a zip file is told of as that file."""
    import zipfile

    with zipfile.ZipFile(any_hook.folder / "app.zip", "w") as archive:
        archive.writestr("__main__.py", "print(1)")
    seen = any_hook.run("app.zip")
    assert seen.stdout == "1\n"
    (row,) = seen.of("code")
    assert (row["file"], row["module"]) == (str(any_hook.folder / "app.zip"), "__main__")


def test_cells_of_a_notebook_are_kept_without_secrets(any_hook: Any) -> None:
    """The source of a cell is written once, its secrets removed."""
    text = """
        import linecache
        source = "x = 1\\napi_key = 'abcd1234efgh5678'\\n"
        for name in ("<ipython-input-1-abc>", "/nowhere/ipykernel_1/2.py"):
            linecache.cache[name] = (len(source), None, source.splitlines(True), name)
            for _ in range(2):
                exec(compile(source, name, "exec"), {})
    """
    seen = any_hook.program(text)
    cells = seen.of("cell")
    assert [row["name"] for row in cells] == ["<ipython-input-1-abc>", "/nowhere/ipykernel_1/2.py"]
    assert cells[0]["source"] == "x = 1\napi_key = '[secret removed]'\n"
    assert "abcd1234" not in str(seen.processes)


@pytest.mark.parametrize("count", [3000, pytest.param(100_000, marks=pytest.mark.slow)])
def test_many_files_are_all_seen(hook: Any, count: int) -> None:
    """Every path of a large data set is told of once, in rows of bounded size."""
    text = """
        import os, sys
        os.mkdir("data")
        for i in range(int(sys.argv[1])):
            os.close(os.open("data/%d.bin" % i, os.O_WRONLY | os.O_CREAT | os.O_TRUNC))
        for i in range(0, int(sys.argv[1]), 10):
            open("data/%d.bin" % i).close()
    """
    seen = hook.program(text, str(count))
    paths = [path for row in seen.of("opened") for path, _ in row["files"]]
    assert len(paths) == len(set(paths)) == count
    assert paths[:2] == [f"{hook.folder}/data/{i}.bin" for i in range(2)]
    assert max(len(row["files"]) for row in seen.of("opened")) <= 64


def test_paths_that_wait_are_written_before_a_step(hook: Any) -> None:
    """What was gathered stands before a row that calls for it."""
    text = """
        from assay_hook import rows
        open("a.txt", "w").close()
        open("b.txt", "w").close()
        rows.flush()
        rows.write({"k": "row"})
    """
    kinds = [row["k"] for row in hook.program(text).processes[0]]
    assert "opened" in kinds[: kinds.index("row")]


def test_functions_that_open_in_compiled_code_are_noted(hook: Any) -> None:
    """A reader of images is wrapped once imported, acts as before, and its path is told of."""
    hook.write("cv2.py", "def imread(filename, flags=1):\n    'Reads.'\n    return (filename, flags)\n")
    hook.write("picture.png", "x")
    text = """
        import cv2
        print(cv2.imread("picture.png"), cv2.imread(filename="picture.png", flags=2), cv2.imread.__doc__)
        try:
            cv2.imread()
        except TypeError as error:
            print(error)
    """
    plain = hook.program(text, recorded=False)
    seen = hook.program(text)
    assert seen.stdout == plain.stdout
    assert seen.opened() == {"picture.png": "r"}


def test_names_in_bytes_do_not_warn(any_hook: Any) -> None:
    """Under -bb, where comparing bytes with text is an error, paths of both kinds are opened."""
    any_hook.write("train.py", "open('x', 'w').close(); open(b'x').close(); open('x').close()")
    seen = any_hook.run("-bb", "train.py")
    assert (seen.status, seen.stderr, seen.opened()) == (0, "", {"x": "w"})
    assert "could not be observed" not in seen.missed()


def test_what_is_not_seen_is_said(hook: Any) -> None:
    """One sentence says that files opened by compiled code are mostly not seen."""
    assert hook.program("print(1)").missed().count("compiled code") == 1
