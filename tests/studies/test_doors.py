"""The doors for code that keeps its own loop: a session, a script, and a command."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import assay
from assay.foundation.errors import AssayError, CodeError, UsageError
from assay.records.record import COMPLETED, FAILED, Record
from assay.records.store import Store

COMMAND = """\
import json, sys
problem = json.loads(sys.stdin.readline())["problem"]
def ask(message):
    print(json.dumps(message) if isinstance(message, dict) else message, flush=True)
    return json.loads(sys.stdin.readline())
assert problem["budget"]["evaluations"] == 6, problem
assert problem["size"] == 15625 and len(problem["factors"]) == 6
first = problem["first"]
assert "error" in ask("this is no JSON")
assert "error" in ask({"evaluate": "|not_an_op~0|"})
assert "error" in ask({"evaluate": ["a", "list"]})
assert "error" in ask([1, 2])
for left in range(5, -1, -1):
    answer = ask({"evaluate": first})
    assert answer["left"] == left and answer["value"] == answer["score"], answer
assert "stop" in ask({"evaluate": first})
print("I am not JSON lines", file=sys.stderr)
print(json.dumps({"recommend": [first]}), flush=True)
"""


def _study(method: assay.Method, evaluations: int = 6) -> assay.Study:
    return assay.Study(
        name="doors",
        methods={"mine": method},
        benchmarks=("nas-bench-201/cifar10",),
        budget=assay.Budget(evaluations=evaluations),
        replicates=1,
        protocol=assay.Protocol(assessment="none"),
    )


def _only_record(store: Path) -> Record:
    (run,) = Store(store, create=False).runs().values()
    return run.record


def test_a_command_speaks_json_lines(
    tmp_path: Path, cache: Path, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lines that are not understood are answered with an error and charge nothing."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "command.py").write_text(COMMAND)
    study = _study(assay.Method(command=(sys.executable, "command.py")))
    summary = assay.run(study, store=store, cache=cache, workers=1)
    assert summary.failed == ()
    record = _only_record(store)
    assert record.result.status == COMPLETED
    assert len(record.result.trajectory) == 6
    assert record.result.recommendation == (record.result.trajectory.archs[0],)


@pytest.mark.parametrize(
    ("text", "said"),
    [("import sys; sys.exit(3)", "status 3"), ("import os, signal; os.kill(os.getpid(), 9)", "status -9")],
)
def test_a_command_that_fails_is_a_failed_run(
    tmp_path: Path, cache: Path, store: Path, monkeypatch: pytest.MonkeyPatch, text: str, said: str
) -> None:
    """Its exit status is in the record."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "command.py").write_text(text)
    study = _study(assay.Method(command=(sys.executable, "command.py")))
    (failed,) = assay.run(study, store=store, cache=cache, workers=1).failed
    assert failed.error is not None
    assert said in failed.error.message


def test_a_command_that_just_ends_has_searched(
    tmp_path: Path, cache: Path, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a recommendation, the best evaluated architecture is recommended; without any, none is."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "command.py").write_text("import sys; sys.stdin.readline()")
    assay.run(
        _study(assay.Method(command=(sys.executable, "command.py"))), store=store, cache=cache, workers=1
    )
    assert _only_record(store).result.recommendation == ()


def test_a_search_in_a_with_block_is_recorded_and_assessed(cache: Path, store: Path) -> None:
    """The block ends quietly when the budget is spent; the record is sealed; the vault answers once."""
    with assay.search("nas-bench-graph/cora", evaluations=20, name="walk", store=store, cache=cache) as s:
        arch = s.space.sample(s.rng)
        while True:
            s.evaluate(arch)
            arch = s.space.mutate(arch, s.rng, s.space.mutations[0])
    assert s.record is not None
    assert len(s.record.result.trajectory) == 20
    assert _only_record(store) == s.record
    first, second = s.assess(), s.assess()
    assert first == second
    assert 0 < first.values[0] < 1


def test_a_search_that_raises_is_a_failed_record_and_the_error_goes_on(cache: Path, store: Path) -> None:
    """What the block raised is raised, and what it evaluated is kept."""
    search = assay.search("nas-bench-graph/cora", evaluations=20, store=store, cache=cache)

    def loop() -> None:
        with search as s:
            s.evaluate(s.space.sample(s.rng))
            s.evaluate(1 / 0)

    with pytest.raises(ZeroDivisionError):
        loop()
    record = _only_record(store)
    assert record.result.status == FAILED
    assert len(record.result.trajectory) == 1
    with pytest.raises(UsageError, match="finished search"):
        search.assess()


def test_a_search_refuses_what_is_not_in_the_space(cache: Path, store: Path) -> None:
    """A stray value costs nothing and says where values come from."""
    with assay.search("nas-bench-graph/cora", evaluations=2, store=store, cache=cache) as s:
        with pytest.raises(CodeError, match="not in the space"):
            s.evaluate((1, 2, 3))
        with pytest.raises(AssayError):
            s.evaluate("no architecture")
        s.evaluate("[0,1,2,3] gcn,gcn,gcn,gcn")
    assert s.record is not None
    assert len(s.record.result.trajectory) == 1


SCRIPT = """\
import sys
import assay
from helper import start
with assay.search("nas-bench-graph/cora", evaluations=5, store=sys.argv[1], cache=sys.argv[2]) as s:
    while True:
        s.evaluate(start(s.space, s.rng))
print(s.record.run)
"""


def test_the_code_of_a_script_is_its_identity(tmp_path: Path, cache: Path, store: Path) -> None:
    """Comments change nothing; code does, also in a file that the script imports."""
    script, helper = tmp_path / "script.py", tmp_path / "helper.py"

    def run() -> str:
        done = subprocess.run(
            [sys.executable, str(script), str(store), str(cache)],
            capture_output=True,
            text=True,
            check=True,
            cwd=tmp_path,
        )
        return done.stdout.strip()

    script.write_text(SCRIPT)
    helper.write_text("def start(space, rng):\n    return space.sample(rng)\n")
    first = run()
    script.write_text(SCRIPT + "# a comment\n")
    assert run() == first
    helper.write_text("def start(space, rng):\n    space.sample(rng)\n    return space.sample(rng)\n")
    assert run() != first
    runs = Store(store, create=False).runs()
    assert runs[first].attempts == 2
    assert not runs[first].conflict


def test_a_search_that_evaluates_nothing_is_a_failed_record(cache: Path, store: Path) -> None:
    """There is nothing to seal, and the script is told so."""
    with (
        pytest.raises(CodeError, match="recommends nothing"),
        assay.search("nas-bench-graph/cora", evaluations=2, store=store, cache=cache),
    ):
        pass
    assert _only_record(store).result.status == FAILED


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            {"evaluations": 2, "hyperparameters": {"api_key": "ghp_abcdefghijklmnopqrstuvwxyz0123456789"}},
            "secret",
        ),
        ({"evaluations": 2, "hyperparameters": {"rate": float("nan")}}, "'rate' of 'search'"),
        ({"evaluations": 2, "hyperparameters": {"x": object()}}, "'x' of 'search'"),
        ({"table_seconds": 100.0}, "no cost column"),
        ({"evaluations": 2, "signal": "test"}, "no signal 'test'"),
        ({}, "either evaluations or table_seconds"),
    ],
)
def test_a_search_is_checked_before_it_starts(
    cache: Path, store: Path, arguments: dict[str, object], said: str
) -> None:
    """What a record cannot hold, or a card lacks, is refused before the first evaluation."""
    with pytest.raises(AssayError, match=said):
        assay.search("nas-bench-graph/cora", store=store, cache=cache, **arguments)  # type: ignore[arg-type]
    assert not list(store.glob("journals/*"))
