"""What bad input gets: one message with what, where, why and a hint; nothing is lost."""

from __future__ import annotations

import ctypes
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from bench import ASSAY, STUDY, Bench

CASES = [
    (
        'strategy = "random-search"',
        'strategy = "random-serch"',
        ["unknown strategy 'random-serch'", "'random-search'", "methods.random"],
    ),
    (
        "nas-bench-graph/cora",
        "nas-bench-graph/corra",
        ["unknown benchmark 'nas-bench-graph/corra'", "'nas-bench-graph/cora'", "benchmarks"],
    ),
    ("population = 5", "populaton = 5", ["populaton", "'population'", "methods.evolution.hyperparameters"]),
    (
        "population = 5",
        "population = 'five'",
        ["expected int", "'five'", "methods.evolution.hyperparameters.population"],
    ),
    ("population = 5", "population = nan", ["population", "nan"]),
    ("replicates = 3", "replicates = 'three'", ["expected 'int', got 'str'", "study.toml:2, replicates"]),
    ("replicates = 3", "replicats = 3", ["unknown key 'replicats'", "did you mean 'replicates'?"]),
    ("replicates = 3", "replicates = 1000000000", ["at most 100,000 replicates", "study.toml:2, replicates"]),
    ("replicates = 3", "replicates = 0", ["at least one replicate", "got 0"]),
    ("evaluations = 30", "evaluations = 0", ["must be positive", "budget.evaluations"]),
    ("evaluations = 30", "table_seconds = 100.0", ["no cost column", "budget.table_seconds"]),
    ("evaluations = 30", "evaluations = 30\ntable_seconds = 3", ["either evaluations or table_seconds"]),
    ("[methods.random]", "[protocol]\nsignal = 'test'\n[methods.random]", ["no signal 'test'", "validation"]),
    (
        "[methods.random]",
        "[protocol]\nseeds = 'seed=777'\n[methods.random]",
        ["no seed policy 'seed=777'", "published-mean"],
    ),
    (
        "[methods.random]",
        "[protocol]\nassessment = 'requird'\n[methods.random]",
        ["'required'", "protocol.assessment"],
    ),
    (
        "nas-bench-graph/proteins",
        "nas-bench-201/cifar10",
        ["requires an assessment", "nas-bench-201/cifar10", "where-available"],
    ),
    (
        'better = "evolution"',
        'better = "evolutoin"',
        ["unknown method 'evolutoin'", "'evolution'", "claims[0].better"],
    ),
    ('than = "random"', 'than = "evolution"', ["compares a method with itself"]),
    (
        'strategy = "random-search"',
        'strategy = "random-search"\nloop = "a.py:f"',
        ["exactly one of strategy, loop and command"],
    ),
    ('strategy = "random-search"', 'loop = "absent.py:f"', ["absent.py", "methods.random"]),
    ('strategy = "random-search"', 'command = ["./absent"]', ["./absent", "methods.random"]),
    ('name = "small"', "name = ", ["not TOML", "study.toml"]),
]


@pytest.mark.parametrize(("old", "new", "said"), CASES, ids=[new[:40] for _, new, _ in CASES])
def test_a_wrong_study_is_refused_with_place_and_hint(
    bench: Bench, old: str, new: str, said: list[str]
) -> None:
    """Each mistake ends with status 2, names its place and the nearest name, and runs nothing."""
    assert old in STUDY
    bench.write("study.toml", STUDY.replace(old, new, 1))
    answer = bench("run", "study.toml", check=2)
    for words in said:
        assert words in answer.err, answer.err
    assert not list(bench.folder.glob("store/journals/*"))


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (("run", "studdy.toml"), "did you mean 'study.toml'?"),
        (("table", "import", "nas-bench-grap"), "'nas-bench-graph'"),
        (("table", "show", "nas-bench-graph/cor"), "'nas-bench-graph/cora'"),
        (("show", "abc"), "no run starts with 'abc'"),
        (("run", "study.toml", "--workers", "-1"), "at least one worker"),
        (("run", "study.toml", "--rerun-on", "arithmetc"), "--rerun-on arithmetic"),
    ],
)
def test_a_wrong_command_suggests_the_right_one(bench: Bench, command: tuple[str, ...], said: str) -> None:
    """Unknown names get the nearest."""
    bench("run", "study.toml")
    assert said in bench(*command, check=2).err


def test_without_a_store_the_hint_says_what_to_do(bench: Bench) -> None:
    """Reading commands make no store; they say that there is none."""
    for command in (("ls",), ("verify", "study.toml"), ("report", "study.toml")):
        assert "there is no store here" in bench(*command, check=1).err
    assert not (bench.folder / "store").exists()


def test_a_store_of_a_newer_version_is_refused(bench: Bench) -> None:
    """Both versions are named, and nothing is written."""
    bench("run", "study.toml")
    (bench.folder / "store" / "format.json").write_text('{"format":"assay-store","version":9}')
    answer = bench("run", "study.toml", check=1)
    assert "version 9, this Assay reads up to 1" in answer.err


def test_a_full_disk_stops_cleanly_and_the_study_resumes(bench: Bench) -> None:
    """When a journal cannot grow, the run says why; with space again it ends in the same bytes."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))

    done = subprocess.run(
        [str(ASSAY), "run", "study.toml", "--workers", "1"],
        cwd=bench.folder,
        env=bench.environment,
        capture_output=True,
        text=True,
        preexec_fn=limit,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert "cannot write" in done.stderr
    assert "Traceback" not in done.stderr
    kept = bench.digests()
    assert 0 < len(kept) < 12
    bench("run", "study.toml")
    assert len(bench.digests()) == 12
    assert set(kept.items()) <= set(bench.digests().items())


PR_CAPBSET_DROP = 24
# CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_FOWNER: what lets root pass by permissions.
POWERS = (1, 2, 3)


def _without_powers() -> None:
    """Make a root process mind permissions once it runs another program; others mind them anyway."""
    for power in POWERS:
        ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, power, 0, 0, 0)


@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux's capabilities, for tests that run as root")
def test_a_store_without_permission_says_so_and_the_study_resumes(bench: Bench) -> None:
    """A store that cannot be written is named; with permission, the same command goes on."""

    def run() -> subprocess.CompletedProcess[str]:
        command = [str(ASSAY), "run", "study.toml", "--workers", "1"]
        return subprocess.run(
            command,
            cwd=bench.folder,
            env=bench.environment,
            capture_output=True,
            text=True,
            preexec_fn=_without_powers,
            check=False,
        )

    folder = bench.folder / "store"
    folder.mkdir(mode=0o500)
    refused = run()
    assert refused.returncode == 1
    assert "Permission denied" in refused.stderr
    assert str(folder.name) in refused.stderr
    assert "Traceback" not in refused.stderr
    folder.chmod(0o700)
    assert "12 runs done" in run().stdout
    (folder / "journals").chmod(0o500)
    bench.write("study.toml", STUDY.replace("replicates = 3", "replicates = 4"))
    refused = run()
    assert (refused.returncode, "Traceback" in refused.stderr) == (1, False)
    assert "Permission denied" in refused.stderr
    (folder / "journals").chmod(0o700)
    assert "4 runs done" in run().stdout


def test_a_store_in_the_way_of_a_file_says_so(bench: Bench) -> None:
    """A file where the store should be is a message, not a traceback."""
    bench.write("store", "I am a file")
    answer = bench("run", "study.toml", check=1)
    assert "store" in answer.err
    assert (bench.folder / "store").read_text() == "I am a file"


def test_names_cannot_command_the_terminal(bench: Bench) -> None:
    """Escape sequences in a study are shown as text."""
    bench.write("study.toml", STUDY.replace('name = "small"', 'name = "evil\\u001b[2J"'))
    answer = bench("run", "study.toml")
    assert "\x1b" not in answer.out + answer.err
    assert "\\x1b[2J" in answer.out


def test_init_leaves_an_existing_file_alone(bench: Bench) -> None:
    """A second init of the same name is refused, and the first file stays."""
    bench("init", "fresh.toml")
    before = Path(bench.folder / "fresh.toml").read_text()
    assert "left alone" in bench("init", "fresh.toml", check=2).err
    assert (bench.folder / "fresh.toml").read_text() == before
    assert "60 due" in bench("run", "fresh.toml", "--dry-run").out


@pytest.mark.parametrize("place", ["study.toml", "store/format.json", "store/journals"])
def test_a_folder_in_the_place_of_a_file_is_a_message(bench: Bench, place: str) -> None:
    """Whatever the file system refuses ends in one message."""
    bench("run", "study.toml")
    path = bench.folder / place
    if path.is_dir():
        path.rename(path.with_name("aside"))
        path.write_text("a file")
    else:
        path.unlink()
        path.mkdir()
    assert "error:" in bench("run", "study.toml", check=None).err


@pytest.mark.parametrize("ignored", [False, True])
def test_a_terminated_run_ends_like_an_interrupted_one(bench: Bench, ignored: bool) -> None:
    """SIGTERM lets workers finish, also in the background, and leaves no process and no open journal."""
    bench.write("study.toml", STUDY.replace("replicates = 3", "replicates = 400"))
    # A shell without job control starts what is in the background with the interrupt ignored.
    before = signal.signal(signal.SIGINT, signal.SIG_IGN) if ignored else signal.getsignal(signal.SIGINT)
    try:
        process = bench.start("run", "study.toml", "--workers", "1")
    finally:
        signal.signal(signal.SIGINT, before)
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and not list(bench.folder.glob("store/journals/*.open")):
        time.sleep(0.01)
    process.terminate()
    out, err = process.communicate(timeout=30)
    assert process.returncode == 130, out + err
    assert "To go on:" in err
    assert not list(bench.folder.glob("store/journals/*.open"))


def test_a_worker_ends_with_its_coordinator(bench: Bench) -> None:
    """When the coordinator is killed, a worker that is stuck in user code does not stay behind."""
    bench.write("stuck.py", "import time\n\n\ndef search(s):\n    time.sleep(600)\n")
    bench.write("study.toml", STUDY.replace('strategy = "random-search"', 'loop = "stuck.py:search"'))
    process = bench.start("run", "study.toml", "--workers", "1")
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and not list(bench.folder.glob("store/journals/*.open")):
        time.sleep(0.01)
    worker = Path("/proc") / children.read_text().split()[0]
    process.kill()
    process.communicate()
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and worker.exists():
        time.sleep(0.05)
    assert not worker.exists()
