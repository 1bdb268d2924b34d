from __future__ import annotations

from typing import Any


def _lines(seen: Any) -> list[dict[str, Any]]:
    return [row for row in seen.of("row") if row["kind"] == "print"]


def test_lines_with_numbers_are_the_steps_of_a_plain_program(any_hook: Any) -> None:
    """Each has a fingerprint that depends on nothing but its text, and the line that printed it."""
    text = """
        import sys
        print("start")
        for x in (1, 1, 2):
            print("x", x)
        sys.stdout.write("a 3")
        sys.stdout.write("\\nb 4\\nrest 5")
    """
    plain = any_hook.program(text, recorded=False)
    seen = any_hook.program(text)
    assert seen.stdout == plain.stdout
    rows = _lines(seen)
    digests = [row["d"]["outputs"] for row in rows]
    assert [row["n"] for row in rows] == [0, 1, 2, 3, 4]
    assert digests[0] == digests[1] != digests[2]
    assert [row["where"].rpartition(":")[2] for row in rows] == ["5", "5", "5", "7", "7"]
    assert all(len(digest) == 32 for digest in digests)


def test_the_stream_is_what_it_was(any_hook: Any) -> None:
    """Its type, descriptor, buffer, pickling by name and replacement work as without the hook."""
    text = """
        import contextlib, io, sys
        print(type(sys.stdout).__name__, sys.stdout.fileno(), sys.stdout.isatty())
        print(sys.stdout is sys.__stdout__)
        sys.stdout.buffer.write(b"bytes\\n")
        with contextlib.redirect_stdout(io.StringIO()) as caught:
            print(1)
        print(repr(caught.getvalue()), sys.stdout.write("") == 0)

        class Tee:
            def write(self, text): return sys.__stdout__.write(text.upper())
            def flush(self): sys.__stdout__.flush()

        sys.stdout = Tee()
        print("tee 1")
    """
    plain = any_hook.program(text, recorded=False)
    seen = any_hook.program(text)
    assert (seen.stdout, seen.stderr) == (plain.stdout, plain.stderr)
    assert len(_lines(seen)) == 3


def test_a_program_with_torch_has_better_steps(hook: Any) -> None:
    """Where torch or scikit-learn is imported before the first number, lines are no steps."""
    hook.write("sklearn.py", "")
    text = "import sys, sklearn\nprint(1)\nprint('write' in vars(sys.stdout))\n"
    seen = hook.program(text)
    assert seen.stdout == "1\nFalse\n"
    assert _lines(seen) == []


def test_children_print_no_steps(hook: Any) -> None:
    """Only the main process's lines count."""
    text = """
        import os, subprocess, sys
        if os.fork() == 0:
            print("forked 1", flush=True)
            os._exit(0)
        os.wait()
        subprocess.check_call([sys.executable, "-c", "print('started 2')"])
        print("main 3")
    """
    assert len(_lines(hook.program(text))) == 1


def test_errors_of_the_program_are_told_as_without_the_hook(hook: Any) -> None:
    """No line of the hook stands in the traceback of a call that the program got wrong."""
    text = """
        import random, sys, traceback
        for wrong in (lambda: sys.stdout.write(3), lambda: random.choice([]), lambda: random.seed([])):
            try:
                wrong()
            except Exception:
                print(traceback.format_exc(), file=sys.stderr)
    """
    assert hook.program(text).stderr == hook.program(text, recorded=False).stderr
