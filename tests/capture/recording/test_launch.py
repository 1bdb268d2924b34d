"""Tests of how a command is started, passed through and measured."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from assay.capture.recording.launch import HookSettings, Launch, hooked, launch
from assay.capture.recording.streams import KEPT, Kept
from assay.foundation.errors import UsageError

# A recorder as a process of its own, for what it does with its own descriptors and signals.
RECORDER = """\
import os, sys
from pathlib import Path
from assay.capture.recording.launch import Launch, launch
what = Launch(argv=tuple(sys.argv[2:]), folder=Path.cwd(), variables=dict(os.environ))
ended = launch(what, Path(sys.argv[1]))
sys.exit(ended.status)
"""


def recorder(live: Path, *argv: str) -> list[str]:
    return [sys.executable, "-c", RECORDER, str(live), *argv]


def quietly(live: Path, *argv: str, timeout: float | None = None) -> Launch:
    return Launch(argv=argv, folder=live, variables=dict(os.environ), quiet=True, timeout=timeout)


@pytest.mark.parametrize(
    ("script", "exit_status", "number"),
    [("exit 0", 0, None), ("exit 3", 3, None), ("kill -9 $$", None, 9), ("kill -TERM $$", None, 15)],
)
def test_how_a_command_ended_is_what_the_system_says(
    tmp_path: Path, script: str, exit_status: int | None, number: int | None
) -> None:
    """Exit statuses and signals come as they are, with times and memory that were measured."""
    ended = launch(quietly(tmp_path, "sh", "-c", script), tmp_path)
    assert (ended.exit_status, ended.signal) == (exit_status, number)
    assert ended.status == (exit_status if number is None else 128 + number)
    assert ended.peak_memory is not None
    assert ended.peak_memory > 100_000
    assert ended.started <= ended.ended


@pytest.mark.parametrize(("program", "status"), [("no-such-program", 127), ("./plain.txt", 126)])
def test_what_cannot_be_started_is_answered_as_a_shell_does(
    tmp_path: Path, program: str, status: int
) -> None:
    """A missing program is a usage error with status 127, one that cannot be run with 126."""
    (tmp_path / "plain.txt").write_text("x")
    with pytest.raises(UsageError) as refusal:
        launch(quietly(tmp_path, program), tmp_path)
    assert refusal.value.exit_status == status
    assert program in str(refusal.value)


def test_output_goes_through_byte_for_byte_and_is_kept(tmp_path: Path) -> None:
    """Both streams arrive unchanged, whatever bytes are in them, and input is the program's own."""
    script = (
        "from sys import stdin, stdout, stderr; d = stdin.buffer.read();"
        " stdout.buffer.write(d); stderr.buffer.write(d[::-1])"
    )
    data = bytes(range(256)) * 1000
    done = subprocess.run(
        recorder(tmp_path, sys.executable, "-c", script), input=data, capture_output=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, data, data[::-1])


def test_a_long_stream_keeps_its_head_and_tail() -> None:
    """Of more than two mebibytes the middle is left out, and how much is said."""
    kept = Kept()
    data = os.urandom(KEPT + 5_000_000)
    for start in range(0, len(data), 60_000):
        kept.add(data[start : start + 60_000])
    whole = kept.whole()
    assert whole.startswith(data[:KEPT] + b"\n[3,951,424 bytes left out]\n")
    assert whole.endswith(data[-KEPT:])
    assert len(whole) < 2 * KEPT + 100
    short = Kept()
    short.add(data[: KEPT + 10])
    assert short.whole() == data[: KEPT + 10]


def test_a_terminal_stays_a_terminal(tmp_path: Path) -> None:
    """The program finds a terminal of our size, and its line ends are not doubled."""
    ours, given = os.openpty()
    import fcntl
    import struct
    import termios

    fcntl.ioctl(given, termios.TIOCSWINSZ, struct.pack("HHHH", 33, 77, 0, 0))
    script = "import os; print(os.isatty(1), os.isatty(2), *os.get_terminal_size(1))"
    process = subprocess.Popen(
        recorder(tmp_path, sys.executable, "-c", script), stdin=given, stdout=given, stderr=given
    )
    os.close(given)
    assert process.wait(30) == 0
    assert os.read(ours, 1000) == b"True True 77 33\r\n"
    os.close(ours)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGHUP])
def test_a_signal_to_the_recorder_reaches_the_program(tmp_path: Path, number: signal.Signals) -> None:
    """What the recorder gets goes on to the program, once, whose answer is passed through."""
    script = (
        "import signal, sys, time\n"
        "got = []\n"
        f"signal.signal({int(number)}, lambda *_: got.append(1))\n"
        "print('ready', flush=True)\n"
        "while not got: time.sleep(0.01)\n"
        "time.sleep(0.2)\n"
        "sys.exit(40 + len(got))\n"
    )
    process = subprocess.Popen(recorder(tmp_path, sys.executable, "-c", script), stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    process.send_signal(number)
    assert process.wait(30) == 41
    process.stdout.close()


def test_a_signal_that_ends_the_program_is_its_status(tmp_path: Path) -> None:
    """A program that does not handle the signal ends with 128 and its number."""
    process = subprocess.Popen(recorder(tmp_path, "sleep", "60"))
    time.sleep(0.5)
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 128 + signal.SIGTERM


def test_a_reader_that_goes_ends_the_program_as_without_us(tmp_path: Path) -> None:
    """When nobody reads our output any more, the program's next write fails."""
    process = subprocess.Popen(recorder(tmp_path, "yes"), stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.read(2) == b"y\n"
    process.stdout.close()
    assert process.wait(30) == 128 + signal.SIGPIPE


@pytest.mark.parametrize("shell", [False, True])
@pytest.mark.parametrize("terminal", [False, True])
def test_the_program_outlives_a_recorder_that_is_killed(tmp_path: Path, terminal: bool, shell: bool) -> None:
    """After `kill -9` of the recorder the program runs to its end, and what it prints still arrives."""
    (tmp_path / "train.py").write_text(
        "import sys, time\nfor step in range(30):\n    print('step', step, flush=True)\n"
        "    time.sleep(0.05)\nprint('end', file=sys.stderr)\nopen('done', 'w').close()\n"
    )
    script = "i=0; while [ $i -lt 30 ]; do echo step $i; i=$((i+1)); sleep 0.05; done; touch done"
    argv = ("sh", "-c", script) if shell else (sys.executable, "train.py")
    ours, given = os.openpty() if terminal else os.pipe()
    process = subprocess.Popen(recorder(tmp_path, *argv), stdout=given, stderr=given, cwd=tmp_path)
    os.close(given)
    seen = os.read(ours, 10_000)
    while b"step 3" not in seen:
        seen += os.read(ours, 10_000)
    process.kill()
    assert process.wait(30) == -signal.SIGKILL
    try:
        while data := os.read(ours, 10_000):
            seen += data
    except OSError:  # what a pseudo-terminal answers at its end
        pass
    os.close(ours)
    steps = [line.strip() for line in seen.splitlines() if line.startswith(b"step")]
    assert steps == [b"step %d" % step for step in range(30)]
    assert shell or b"end" in seen
    assert (tmp_path / "done").exists()


def test_what_the_program_leaves_running_can_write_on(tmp_path: Path) -> None:
    """A background process is not waited for, and what it writes later still arrives."""
    script = "(sleep 2; echo late) & echo now"
    process = subprocess.Popen(recorder(tmp_path, "sh", "-c", script), stdout=subprocess.PIPE)
    assert process.stdout is not None
    begun = time.monotonic()
    assert process.wait(30) == 0
    assert time.monotonic() - begun < 20
    assert process.stdout.read() == b"now\nlate\n"
    process.stdout.close()


def test_a_command_that_runs_past_its_time_is_ended_with_its_children(tmp_path: Path) -> None:
    """A time limit ends the whole group of a quiet command, and says so."""
    marker = tmp_path / "late"
    script = f"(sleep 3; touch {marker}) & sleep 60"
    ended = launch(quietly(tmp_path, "sh", "-c", script, timeout=0.3), tmp_path)
    assert ended.timed_out
    assert ended.signal == signal.SIGTERM
    time.sleep(3)
    assert not marker.exists()


def test_the_hook_is_first_on_the_path_and_told_its_settings(tmp_path: Path) -> None:
    """`PYTHONPATH` keeps what was there, no secret is in `hook.json`, and the settings arrive."""
    variables = hooked({"PYTHONPATH": "/a:/b", "SECRET": "hunter2hunter2"}, tmp_path)
    site, *rest = variables["PYTHONPATH"].split(":")
    assert [path.name for path in Path(site).iterdir() if path.suffix == ".py"] == ["sitecustomize.py"]
    assert rest == ["/a", "/b"]
    assert hooked(variables, tmp_path)["PYTHONPATH"] == variables["PYTHONPATH"]
    what = Launch(
        argv=("true",),
        folder=tmp_path,
        variables={**os.environ, "API_KEY": "hunter2hunter2"},
        hook=HookSettings(level="operators", operators=(3, 4), windows=((3, 4),)),
        quiet=True,
    )
    launch(what, tmp_path / "live")
    text = (tmp_path / "live" / "hook.json").read_text()
    assert "hunter2" not in text
    told = json.loads(text)
    found = (told["format"], told["level"], told["operators"], told["windows"])
    assert found == (1, "operators", [3, 4], [[3, 4]])


def test_a_command_is_followed_while_it_runs(tmp_path: Path) -> None:
    """The caller is asked from time to time, also from another thread than the main one."""
    calls: list[int] = []
    thread = threading.Thread(
        target=lambda: launch(quietly(tmp_path, "sleep", "1"), tmp_path, lambda: calls.append(1))
    )
    thread.start()
    thread.join(30)
    assert len(calls) >= 2
