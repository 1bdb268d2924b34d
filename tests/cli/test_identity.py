"""Promise 2: the same identity gives the same bytes, whatever the workers or the interruptions."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from bench import Bench

MANY = """\
name = "many"
replicates = 12
suite = "embedded-v1"

[budget]
evaluations = 60

[protocol]
assessment = "where-available"

[methods.random]
strategy = "random-search"

[methods.evolution]
strategy = "regularized-evolution"

[methods.local]
strategy = "local-search"
"""
CELLS = 12 * 12 * 3

MakeBench = Callable[..., Bench]


def test_the_number_of_workers_changes_no_byte(make_bench: MakeBench) -> None:
    """One worker and three give equal results and equal assessments for every run."""
    found = []
    for workers in ("1", "3"):
        bench = make_bench(f"with-{workers}", [("study.toml", MANY)])
        bench("run", "study.toml", "--workers", workers)
        found.append((bench.digests(), _assessed(bench)))
    assert len(found[0][0]) == CELLS
    assert found[0] == found[1]


def _assessed(bench: Bench) -> dict[str, object]:
    from assay.tasks.ledger import Ledger

    return {entry.run: (entry.seal, entry.values) for entry in Ledger(bench.folder / "store").entries()}


@pytest.mark.parametrize("share", [0.02, 0.2, 0.5, 0.8, 1.0])
def test_a_killed_study_resumes_to_the_same_bytes(
    make_bench: MakeBench, calm: tuple[dict[str, str], dict[str, object]], share: float
) -> None:
    """After kill -9 of all processes at some share of the work, `assay run` ends as if undisturbed."""
    bench = make_bench("killed", [("study.toml", MANY)])
    process = bench.start("run", "study.toml")
    _wait_until(lambda: _recorded(bench) >= share * CELLS, process)
    _kill_all(process.pid)
    process.communicate()
    before = bench.digests()
    assert 0 < len(before) <= CELLS
    assert len(before) < CELLS or share == 1.0
    assert set(before.items()) <= set(calm[0].items())
    bench("run", "study.toml")
    assert (bench.digests(), _assessed(bench)) == calm
    assert "nothing to do" in bench("run", "study.toml").out


@pytest.fixture(scope="module")
def calm(cache: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, str], dict[str, object]]:
    """Return the results and assessments of the study when nothing disturbs it."""
    bench = Bench(tmp_path_factory.mktemp("calm"), cache)
    bench.write("study.toml", MANY)
    bench("run", "study.toml")
    return bench.digests(), _assessed(bench)


def _recorded(bench: Bench) -> int:
    """Count the records on disk by their frames, without opening the store."""
    from assay.records import journal

    return sum(
        sum(1 for _ in journal.read(path))
        for path in bench.folder.glob("store/journals/*.open")
        if path.exists()
    )


def _wait_until(done: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(FileNotFoundError):
            if done():
                return
        time.sleep(0.005)


def _children(process: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{process}/task/{process}/children").read_text().split()]


def _kill_all(coordinator: int) -> None:
    """Kill a coordinator and its workers at once, as a power button would."""
    children = []
    with contextlib.suppress(FileNotFoundError):
        children = _children(coordinator)
    for process in (coordinator, *children):
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)


def test_a_killed_worker_costs_nothing(make_bench: MakeBench) -> None:
    """When a worker is killed, the coordinator gives its cells to another and ends whole."""
    bench = make_bench("one", [("study.toml", MANY)])
    process = bench.start("run", "study.toml", "--workers", "2")
    deadline = time.monotonic() + 20
    killed = False
    while not killed and time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(FileNotFoundError):
            children = _children(process.pid)
            if children and list((bench.folder / "store").glob("journals/*.open")):
                os.kill(children[0], signal.SIGKILL)
                killed = True
        time.sleep(0.01)
    out, err = process.communicate(timeout=60)
    assert killed
    assert process.returncode == 0, out + err
    assert len(bench.digests()) == CELLS


def test_two_runs_at_once_lose_and_double_nothing(make_bench: MakeBench) -> None:
    """Two `assay run` of one study in one store both finish, and each run is there once."""
    from assay.tasks.ledger import Ledger

    bench = make_bench("both", [("study.toml", MANY)])
    processes = [bench.start("run", "study.toml", "--workers", "1") for _ in range(2)]
    for process in processes:
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, out + err
    assert len(bench.digests()) == CELLS
    assert all(not run.conflict for run in bench.runs().values())
    entries = Ledger(bench.folder / "store").entries()
    assert len(entries) == len({entry.seal for entry in entries}) == 9 * 12 * 3


def test_the_interrupt_key_keeps_finished_cells_and_prints_how_to_go_on(make_bench: MakeBench) -> None:
    """SIGINT ends with status 130, the literal command, and records that stand."""
    bench = make_bench("interrupted", [("study.toml", MANY.replace("replicates = 12", "replicates = 60"))])
    process = bench.start("run", "study.toml", "--workers", "1")
    _wait_until(lambda: _recorded(bench) > 10, process)
    os.kill(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, out + err
    assert "assay run study.toml --workers 1" in err
    assert "Traceback" not in err
    assert not list(bench.folder.glob("store/journals/*.open"))
    kept = bench.digests()
    assert len(kept) > 0
    bench("run", "study.toml")
    assert set(kept.items()) <= set(bench.digests().items())
    assert all(run.attempts == 1 for run in bench.runs().values())
