"""Local workers: all jobs are done once, and a worker's death loses none."""

from __future__ import annotations

from pathlib import Path

import pytest

from assay.execution.local import LocalWorkers, WorkerRefusalError
from assay.foundation.errors import UsageError

HERE = str(Path(__file__).parent)


@pytest.fixture(autouse=True)
def _importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", HERE)


def _run(
    folder: Path,
    jobs: list[str],
    *,
    workers: int = 2,
    target: str = "jobs:Echo",
) -> tuple[dict[int, str], dict[int, int]]:
    answers: dict[int, str] = {}
    deaths: dict[int, int] = {}

    def on_answer(number: int, answer: bytes) -> None:
        assert number not in answers
        answers[number] = answer.decode()

    def on_death(number: int, status: int) -> None:
        deaths[number] = status

    pool = LocalWorkers(target, str(folder).encode(), workers=workers)
    pool.run([job.encode() for job in jobs], on_answer, on_death)
    return answers, deaths


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_every_job_is_answered_once(tmp_path: Path, workers: int) -> None:
    """Any number of workers answers every job, and each worker ends by itself."""
    jobs = [f"job{i}" for i in range(40)]
    answers, deaths = _run(tmp_path, jobs, workers=workers)
    assert answers == {i: job[::-1] for i, job in enumerate(jobs)}
    assert deaths == {}
    assert 1 <= len(list(tmp_path.glob("closed-*"))) <= workers


def test_a_job_whose_worker_dies_is_done_by_another(tmp_path: Path) -> None:
    """A job that killed its worker once is repeated, and its neighbours are not lost."""
    jobs = ["a", "once-x", "b", "once-y", "c"]
    answers, deaths = _run(tmp_path, jobs)
    assert answers == {i: job[::-1] for i, job in enumerate(jobs)}
    assert deaths == {}


def test_a_job_that_always_kills_is_given_up_alone(tmp_path: Path) -> None:
    """A job that kills every worker is reported with the signal, and all others are done."""
    jobs = ["a", "die", "b", "c"]
    answers, deaths = _run(tmp_path, jobs)
    assert answers == {0: "a", 2: "b", 3: "c"}
    assert deaths == {1: -9}


def test_what_user_code_prints_does_not_disturb_the_answers(tmp_path: Path) -> None:
    """Standard output of a job goes to standard error, and its answer comes through."""
    answers, _ = _run(tmp_path, ["print", "x"], workers=1)
    assert answers == {0: "tnirp", 1: "x"}


def test_a_refusal_is_shown_as_it_is(tmp_path: Path) -> None:
    """What a worker refuses ends the run with the worker's own message."""
    with pytest.raises(WorkerRefusalError, match="this worker refuses"):
        _run(tmp_path, ["a"], target="jobs:Refuses")


def test_no_workers_is_a_usage_error(tmp_path: Path) -> None:
    """Zero workers is refused before anything starts."""
    with pytest.raises(UsageError, match="at least one worker"):
        _run(tmp_path, ["a"], workers=0)


def test_no_jobs_starts_no_process(tmp_path: Path) -> None:
    """An empty list of jobs is done at once."""
    assert _run(tmp_path, []) == ({}, {})
    assert list(tmp_path.iterdir()) == []
