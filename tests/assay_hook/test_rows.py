from __future__ import annotations

from typing import Any

from assay_hook import rows


def test_a_torn_line_ends_the_file(any_hook: Any) -> None:
    """Of a row whose writing was cut short, and of what follows, nothing is read."""
    seen = any_hook.program("import assay_hook\nassay_hook.log(loss=0.5)\nassay_hook.log(loss=0.25)\n")
    (path,) = (any_hook.live / "rows").iterdir()
    whole = path.read_bytes()
    cut = whole.index(b'"loss":0.25') + 4
    path.write_bytes(whole[:cut] + b"\n" + whole.splitlines()[0] + b"\n")
    (reread,) = any_hook.read()
    assert reread == seen.processes[0][: len(reread)]
    assert [row["values"]["loss"] for row in reread if row["k"] == "log"] == [0.5]


def test_threads_write_whole_lines(any_hook: Any) -> None:
    """Rows of threads that write at once are all there, none torn, each thread's in its order."""
    text = """
        import threading, assay_hook

        def work(name):
            for step in range(500):
                assay_hook.log(step=step, **{name: step})

        threads = [threading.Thread(target=work, args=("t%d" % i,)) for i in range(8)]
        [thread.start() for thread in threads]
        [thread.join() for thread in threads]
    """
    seen = any_hook.program(text)
    logged = seen.of("log")
    assert len(logged) == 4000
    for i in range(8):
        assert [row["n"] for row in logged if f"t{i}" in row["values"]] == list(range(500))
    assert seen.processes[0][-1]["k"] == "end"


def test_values_that_json_has_no_word_for(any_hook: Any) -> None:
    """Non-finite numbers are text, enumerations their values, objects the names of their classes."""
    text = """
        import enum, pathlib
        from assay_hook import rows

        class Kind(str, enum.Enum):
            A = "a"

        class Size(enum.IntEnum):
            ONE = 1

        values = [float("nan"), float("inf"), -float("inf"), Kind.A, Size.ONE]
        values += [pathlib.Path("p"), {2, 1}, len, object()]
        rows.write({"k": "setting", "value": values + [{1: (True, None)}]})
        loop = []
        loop.append(loop)
        rows.write({"k": "setting", "value": loop})
    """
    seen = any_hook.program(text)
    first, second = (row["value"] for row in seen.of("setting"))
    assert first[:7] == ["nan", "inf", "-inf", "a", 1, "p", ["1", "2"]]
    assert first[7:] == ["builtins.len", "<builtins.object>", {"1": [True, None]}]
    assert "..." in str(second)


def test_a_program_that_closes_all_files_is_not_written_into(any_hook: Any) -> None:
    """After closerange, rows go on in the hook's file, and a file that gets the same number stays clean."""
    text = """
        import os, fcntl, assay_hook
        from assay_hook import rows
        assay_hook.log(loss=1.0)
        number = rows._state.file.descriptor
        os.closerange(3, 8192)
        assay_hook.log(loss=2.0)
        number = rows._state.file.descriptor
        os.closerange(3, 8192)
        mine = os.open("mine.txt", os.O_RDWR | os.O_CREAT)
        os.dup2(mine, number)
        for step in range(200):
            assay_hook.log(loss=3.0)
        print(number > 200, os.fstat(mine).st_size)
    """
    seen = any_hook.program(text)
    logged = [row["values"]["loss"] for row in seen.of("log")]
    high, size = seen.stdout.split()
    assert high == "True"
    assert logged[:2] == [1.0, 2.0]
    assert len(logged) > 130  # a few rows pass before it is looked at
    assert int(size) < 64 * 200


def test_descriptors_of_the_program_are_as_without_the_hook(any_hook: Any) -> None:
    """The first file that a program opens gets the number that it gets unrecorded."""
    text = "import os; print(os.open('train.py', os.O_RDONLY))"
    assert any_hook.program(text).stdout == any_hook.program(text, recorded=False).stdout


def test_where_names_the_innermost_line_of_the_user(any_hook: Any) -> None:
    """Lines of installed code and of the hook are passed over; with none of the user's the answer is ''."""
    any_hook.write("inner.py", "from assay_hook import rows\ndef ask():\n    return rows.where()\n")
    any_hook.write("lib/site-packages/lib.py", "def call(function):\n    return function()\n")
    text = """
        import sys
        sys.path.insert(0, "lib/site-packages")
        import inner, lib
        from assay_hook import rows
        print(inner.ask(), lib.call(rows.where))
    """
    seen = any_hook.program(text)
    folder = any_hook.folder
    assert seen.stdout.split() == [f"{folder}/inner.py:3", f"{folder}/train.py:6"]
    assert any_hook.run("-c", "\nfrom assay_hook import rows; print(rows.where())").stdout == "<string>:2\n"


def test_where_is_right_after_the_folder_changes(any_hook: Any) -> None:
    """A script that was started by a relative name is named by its full path, wherever the program goes."""
    text = "import os; os.chdir('/')\nfrom assay_hook import rows\nprint(rows.where())"
    assert any_hook.program(text).stdout == f"{any_hook.folder}/train.py:3\n"


def test_a_guarded_function_fails_in_silence_and_once(any_hook: Any) -> None:
    """The same failure is told of once, with the line of the hook but no content of the program's."""
    text = """
        from assay_hook import rows

        @rows.guarded
        def fails():
            raise ValueError("private")

        print([fails(), fails()])
        rows.missed("one")
        rows.missed("one")
    """
    seen = any_hook.program(text)
    texts = [row["text"] for row in seen.of("missed")]
    assert seen.stdout == "[None, None]\n"
    assert texts.count("one") == 1
    assert sum("fails could not be observed: ValueError" in text for text in texts) == 1
    assert "private" not in str(texts)


def test_an_interrupt_is_never_swallowed() -> None:
    """KeyboardInterrupt inside a part of the hook reaches the program."""

    @rows.guarded
    def interrupted() -> None:
        raise KeyboardInterrupt

    try:
        interrupted()
    except KeyboardInterrupt:
        return
    raise AssertionError("the interrupt was swallowed")


def test_nested_time_counts_once(monkeypatch: Any) -> None:
    """Seconds inside two spends are added once, and those outside not at all."""
    clock = iter([10.0, 13.0, 20.0, 21.5])
    monkeypatch.setattr(rows.time, "perf_counter", lambda: next(clock))
    spent = rows.Spent()
    with spent, spent:
        pass
    with spent:
        pass
    assert spent.seconds == 4.5


def test_nothing_is_written_outside_a_recording() -> None:
    """Without a recording, rows, gaps and values go nowhere and fail nowhere."""
    import assay_hook

    rows.write({"k": "log"})
    rows.missed("something that this test looked for")
    assay_hook.log(loss=0.1)
    assert rows._state.file is None


def test_a_role_is_said_again_when_it_changes(hook: Any) -> None:
    """A process that turns out to be a worker says so in another row about itself."""
    seen = hook.program("from assay_hook import rows\nrows.set_role('loader worker')\n")
    assert [row["role"] for row in seen.of("process")] == ["main", "loader worker"]


def test_a_traceback_has_no_line_of_the_hook(hook: Any) -> None:
    """An exception that passes through a patched function shows the program's own frames only."""
    text = """
        import argparse

        def broken(text):
            raise RuntimeError(text)

        parser = argparse.ArgumentParser()
        parser.add_argument("--x", type=broken)
        parser.parse_args(["--x", "1"])
    """
    plain = hook.program(text, recorded=False)
    seen = hook.program(text)
    assert "RuntimeError" in plain.stderr
    assert seen.stderr == plain.stderr
