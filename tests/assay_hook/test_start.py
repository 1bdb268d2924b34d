from __future__ import annotations

import signal
import subprocess
from collections.abc import Callable
from typing import Any

import pytest


def test_a_program_is_told_of_from_its_first_to_its_last_moment(any_hook: Any) -> None:
    """The file begins with the process and ends with its end, and the program notices nothing."""
    seen = any_hook.program("import sys; print(sys.argv[1:]); sys.exit(3)", "--lr", "0.1")
    assert (seen.status, seen.stdout, seen.stderr) == (3, "['--lr', '0.1']\n", "")
    (rows,) = seen.processes
    assert [rows[0]["k"], rows[-1]["k"]] == ["process", "end"]
    assert rows[0]["role"] == "main"
    assert rows[0]["program"].endswith("train.py --lr 0.1")
    assert rows[-1]["exception"] is None
    assert rows[-1]["tracing"] > 0
    assert "could not be observed" not in seen.missed()


def test_an_exception_is_reported_as_without_the_hook(any_hook: Any) -> None:
    """The traceback of a failing program is the same to the byte, and the last row names the exception."""
    any_hook.write("helper.py", "def fail():\n    raise ValueError('x')\n")
    text = "import helper\ntry:\n    {}['a']\nexcept KeyError:\n    helper.fail()\n"
    plain = any_hook.program(text, recorded=False)
    seen = any_hook.program(text)
    assert (seen.status, seen.stderr) == (1, plain.stderr)
    assert seen.of("end")[0]["exception"] == "ValueError"


LISTING = """
import sys
names = [repr(name) for name in sorted(sys.modules)]
print("\\n".join(names + ["---"] + sys.path))
try:
    import sitecustomize
    print(sitecustomize.__file__)
except ImportError as error:
    print(error.name)
"""
# What the hook needs of the standard library. A folder's own module of such a name would not be found.
ALLOWED = {
    *(
        "__future__",
        "_blake2",
        "_collections",
        "_ctypes",
        "_functools",
        "_hashlib",
        "_heapq",
        "_json",
        "_locale",
    ),
    *("_operator", "_sha3", "_sre", "_struct", "_typing", "_weakrefset", "atexit", "collections"),
    *("contextlib", "copy", "copyreg", "ctypes", "enum", "errno", "fcntl", "functools", "hashlib", "heapq"),
    *("importlib", "itertools", "json", "keyword", "math", "operator", "re", "reprlib", "sre_compile"),
    *("sre_constants", "sre_parse", "struct", "types", "typing", "warnings", "weakref", "zlib"),
}


def test_only_the_package_of_the_hook_is_added(any_hook: Any) -> None:
    """The path is what it was; beside the hook a few modules of the standard library are loaded early."""
    without, with_hook = any_hook.program(LISTING, recorded=False), any_hook.program(LISTING)
    parts = [seen.stdout.partition("---\n") for seen in (without, with_hook)]
    assert parts[0][2] == parts[1][2]
    added = set(parts[1][0].split()) - set(parts[0][0].split())
    tops = {name.strip("'").partition(".")[0] for name in added}
    assert "assay_hook" in tops
    assert tops - ALLOWED == {"assay_hook"}
    assert with_hook.processes


def test_another_sitecustomize_still_runs(any_hook: Any) -> None:
    """One that stands on the path is imported as if it had been found first."""
    site = any_hook.write("other/sitecustomize.py", "import sys; sys.mark = 'chained'\n")
    text = "import sys, sitecustomize; print(sys.mark, sitecustomize.__file__)"
    seen = any_hook.program(text, variables={"PYTHONPATH": str(site.parent)})
    assert seen.stdout == f"chained {site}\n"
    assert seen.of("process")


def test_a_broken_sitecustomize_is_reported_as_ever(any_hook: Any) -> None:
    """What site.py says of a failing one, it still says, and the program runs."""
    site = any_hook.write("other/sitecustomize.py", "raise RuntimeError('broken')\n")
    variables = {"PYTHONPATH": str(site.parent)}
    plain = any_hook.program("print(1)", recorded=False, variables=variables)
    seen = any_hook.program("print(1)", variables=variables)
    assert (seen.status, seen.stdout, seen.stderr) == (0, "1\n", plain.stderr)
    assert "RuntimeError" in seen.stderr


def test_programs_are_seen_however_they_are_started(any_hook: Any) -> None:
    """A module, a command of the line and the standard input are programs, and code files are named."""
    any_hook.write("tool/__init__.py", "")
    any_hook.write("tool/__main__.py", "import tool.part\n")
    any_hook.write("tool/part.py", "X = 1\n")
    seen = any_hook.run("-m", "tool")
    code = {row["module"]: row["file"] for row in seen.of("code")}
    assert {"tool", "tool.part", "__main__"} == set(code)
    assert code["__main__"] == str(any_hook.folder / "tool" / "__main__.py")
    assert any_hook.run("-c", "print(2)").stdout == "2\n"
    seen = any_hook.run("-", stdin="print(3)")
    assert seen.stdout == "3\n"
    assert len(seen.processes) == 3
    assert "read from the standard input" in seen.missed()


@pytest.mark.parametrize("option", ["-I", "-S", "-E"])
def test_an_isolated_interpreter_is_left_alone(any_hook: Any, option: str) -> None:
    """Options that skip the path or its customisation skip the hook in silence."""
    seen = any_hook.run(option, "-c", "print(1)")
    assert (seen.status, seen.stdout, seen.stderr, seen.processes) == (0, "1\n", "", [])


@pytest.mark.parametrize("version", ["2.7", "3.6"])
def test_a_python_that_is_too_old_runs_as_ever(
    hook: Any, version: str, python_of: Callable[[str], str]
) -> None:
    """Below 3.8 nothing is recorded, and nothing is said."""
    hook.python = python_of(version)
    seen = hook.run("-c", "import sys; print('assay_hook' in sys.modules)")
    assert (seen.status, seen.stdout, seen.stderr, seen.processes) == (0, "False\n", "", [])


@pytest.mark.parametrize("damage", ["folder", "rows", "not json", "format"])
def test_without_a_recording_the_program_runs(any_hook: Any, damage: str) -> None:
    """Where the folder is gone, cannot be written, or is of another format, nothing is recorded or said."""
    if damage == "folder":
        any_hook.live = any_hook.live.parent / "gone"
        any_hook.live.mkdir()
    elif damage == "rows":
        (any_hook.live / "rows").rmdir()
        (any_hook.live / "rows").write_text("a file, in which no file can be made")
    else:
        text = "{" if damage == "not json" else '{"format": 99}'
        (any_hook.live / "hook.json").write_text(text)
    if damage == "folder":
        any_hook.write("train.py", "print(open('train.py').read()[:5])")
        done = subprocess.run(
            [any_hook.python, "train.py"],
            cwd=any_hook.folder,
            env=any_hook.environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, "print\n", "")
        return
    seen = any_hook.program("print(open('train.py').read()[:5])")
    assert (seen.status, seen.stdout, seen.stderr, seen.processes) == (0, "print\n", "", [])


def test_a_folder_that_goes_away_takes_nothing_with_it(any_hook: Any) -> None:
    """A program whose recording is deleted under it runs on, and so do the children that it starts."""
    text = """
        import os, shutil, subprocess, sys
        shutil.rmtree(os.environ["ASSAY_HOOK"])
        open("out.txt", "w").write("7")
        if os.fork() == 0:
            open("child.txt", "w").write("8")
            os._exit(0)
        os.wait()
        subprocess.check_call([sys.executable, "-c", "print(9, flush=True)"])
        print(open("out.txt").read(), open("child.txt").read())
    """
    seen = any_hook.program(text)
    assert (seen.status, seen.stdout, seen.stderr) == (0, "9\n7 8\n", "")


def test_children_have_files_of_their_own(any_hook: Any) -> None:
    """A fork, and the workers of multiprocessing however started, tell what they did themselves."""
    text = """
        import multiprocessing, os, sys, subprocess

        def work(name):
            open(name, "w").close()

        if __name__ == "__main__":
            open("before.txt", "w").close()
            for method in ("fork", "spawn"):
                process = multiprocessing.get_context(method).Process(target=work, args=(method + ".txt",))
                process.start()
                process.join()
            if os.fork() == 0:
                work("forked.txt")
                os._exit(5)
            os.wait()
            if os.fork() == 0:
                os._exit(0)
            os.wait()
            subprocess.check_call([sys.executable, "-c", "open('run.txt', 'w')"])
    """
    seen = any_hook.program(text)
    assert (seen.status, seen.stderr) == (0, "")
    by_file = {}
    for rows in seen.processes:
        process = rows[0]
        names = [path for row in rows if row["k"] == "opened" for path, _ in row["files"]]
        for name in names:
            by_file[name.rpartition("/")[2]] = (process["role"], bool(process.get("forked")), rows[-1]["k"])
    assert by_file["before.txt"] == ("main", False, "end")
    assert by_file["fork.txt"] == by_file["forked.txt"] == ("child", True, "end")
    assert by_file["spawn.txt"] == by_file["run.txt"] == ("child", False, "end")
    pids = [rows[0]["pid"] for rows in seen.processes]
    assert len(pids) == len(set(pids))
    main = next(rows for rows in seen.processes if rows[0]["role"] == "main")
    assert (
        sum("before.txt" in str(row) for rows in seen.processes for row in rows if row["k"] == "opened") == 1
    )
    assert all(rows[0]["ppid"] == main[0]["pid"] for rows in seen.processes if rows[0].get("forked"))


def test_a_child_out_of_reach_is_told_of(any_hook: Any) -> None:
    """Python processes that are started without the path or customisation are named as not observed."""
    text = """
        import os, subprocess, sys
        os.environ["PYTHONPATH"] = os.getcwd()
        subprocess.check_call([sys.executable, "-c", "print(1, flush=True)"])
    """
    seen = any_hook.program(text)
    assert seen.stdout == "1\n"
    assert len(seen.processes) == 1
    assert "the recording does not reach it" in seen.missed()


def test_what_was_logged_survives_a_kill(any_hook: Any) -> None:
    """A process that is killed right after 1,000 values has lost none."""
    text = """
        import os, signal, assay_hook
        for step in range(1000):
            assay_hook.log(step=step, loss=1 / (step + 1))
        os.kill(os.getpid(), signal.SIGKILL)
    """
    seen = any_hook.program(text)
    assert seen.status == -signal.SIGKILL
    assert [row["values"]["loss"] for row in seen.of("log")] == [1 / (step + 1) for step in range(1000)]
    assert seen.of("end") == []


def test_a_process_that_leaves_at_once_says_what_it_gathered(any_hook: Any) -> None:
    """os._exit keeps its status, and the paths that waited are written."""
    seen = any_hook.program("import os\nopen('a.txt', 'w').close()\nos._exit(4)")
    assert seen.status == 4
    assert seen.opened()["a.txt"] == "w"
    assert seen.processes[0][-1]["k"] == "end"


def test_the_end_of_the_stack_is_no_end_of_the_program(any_hook: Any) -> None:
    """A program that recurses until it is stopped, while the hook looks on, goes on as without it."""
    text = """
        import assay_hook

        def fall(depth):
            try:
                open("f%d" % depth, "w").close()
                assay_hook.log(depth=float(depth))
                print(depth) if depth % 200 == 0 else None
                return fall(depth + 1)
            except RecursionError:
                return depth

        print(fall(1) > 900, fall(1) > 900)
    """
    seen = any_hook.program(text)
    assert (seen.status, seen.stderr) == (0, "")
    assert seen.stdout.endswith("True True\n")


def test_secrets_of_the_command_line_are_not_written(any_hook: Any) -> None:
    """A password among the arguments is in no row."""
    seen = any_hook.program("print(1)", "--password", "hunter2hunter2", "--url", "https://me:pw123@host/x")
    text = str(seen.processes)
    assert "hunter2" not in text
    assert "pw123" not in text
    assert "[secret removed]" in seen.of("process")[0]["program"]


def test_only_listed_variables_are_written(hook: Any) -> None:
    """A variable that decides bits is written, any other is not, and a later value is told later."""
    text = "import os\nos.environ['OMP_NUM_THREADS'] = '7'\n"
    seen = hook.program(text, variables={"OMP_NUM_THREADS": "3", "MY_VALUE": "precious"})
    values = [row["values"] for row in seen.of("variables")]
    assert [found["OMP_NUM_THREADS"] for found in values] == ["3", "7"]
    assert "precious" not in str(seen.processes)


def test_a_restored_run_finds_its_code_elsewhere(hook: Any) -> None:
    """Folders of the recorded machine are replaced on the path before the program looks there."""
    hook.write("new/part.py", "print('new')\n")
    old = str(hook.folder / "old")
    paths = [[old, str(hook.folder / "new")]]
    seen = hook.program("import part", variables={"PYTHONPATH": old}, paths=paths)
    assert seen.stdout == "new\n"


def test_level_off_makes_no_trace(hook: Any) -> None:
    """At the level 'off' code and files are told of, and no row of a trace is made."""
    text = "import assay_hook\nprint('loss 1')\nassay_hook.log(loss=1.0)\nopen('out.txt', 'w')\n"
    seen = hook.program(text, level="off")
    assert seen.of("code")
    assert seen.of("log")
    assert seen.opened() == {"out.txt": "w"}
    assert seen.of("row") == []


def test_ranks_of_a_launcher_are_told_apart(hook: Any) -> None:
    """A process with a rank is called by it, and what it starts itself is its child."""
    text = """
        import subprocess, sys
        subprocess.check_call([sys.executable, "-c", "pass"])
    """
    seen = hook.program(text, variables={"RANK": "1"})
    assert [row["role"] for row in seen.of("process")] == ["rank 1", "child"]


def test_a_running_process_begins_and_ends_a_recording(hook: Any) -> None:
    """Between start_late and stop_late files and code are told of, and afterwards all is as before."""
    hook.write("helper.py", "X = 1\n")
    text = """
        import os, sys, argparse, random
        sys.path.insert(0, os.environ["HOOK_PACKAGE"])
        import helper
        from assay_hook import configuration, start
        exit, finders, parse = os._exit, list(sys.meta_path), argparse.ArgumentParser.parse_known_args
        open("before.txt", "w").close()
        start.start_late(configuration.read(os.environ["LIVE"]))
        open("during.txt", "w").close()
        start.stop_late()
        open("after.txt", "w").close()
        assert os._exit is exit and sys.meta_path == finders
        assert argparse.ArgumentParser.parse_known_args is parse
        start.start_late(configuration.read(os.environ["LIVE"]))
        open("again.txt", "w").close()
        start.stop_late()
    """
    package = str(hook.folder.parent / "package")
    from_here = {"HOOK_PACKAGE": package, "LIVE": str(hook.live)}
    from pathlib import Path

    source = Path(__file__).resolve().parents[2] / "src" / "assay_hook"
    Path(package).mkdir()
    (Path(package) / "assay_hook").symlink_to(source)
    seen = hook.program(text, recorded=False, variables=from_here)
    assert (seen.status, seen.stderr) == (0, "")
    first, second = seen.processes
    assert [first[-1]["k"], second[-1]["k"]] == ["end", "end"]
    assert seen.opened() == {"during.txt": "w", "again.txt": "w"}
    assert {row["module"] for row in first if row["k"] == "code"} >= {"__main__", "helper"}
    assert "before the recording began" in seen.missed()
