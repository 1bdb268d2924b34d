"""`assay run`: what is due runs, what stands does not, and a change re-runs what it must."""

from __future__ import annotations

import json

from bench import Bench

METHOD = '''
"""A method of the user's."""

from helper import pick


class Mine:
    """Samples, with a helper from beside it."""

    name = "mine"
    revision = 1
    requires = ()
    libraries = ()

    def __init__(self, problem, rng, *, twice: bool = False):
        self.space, self.rng, self.n, self.best = problem.space, rng, 0, None
        self.archs = {}

    def ask(self):
        from assay import Evaluate

        self.n += 1
        self.archs[self.n] = pick(self.space, self.rng)
        return Evaluate(self.n, self.archs[self.n])

    def tell(self, number, outcome):
        if self.best is None or outcome.score > self.best[0]:
            self.best = (outcome.score, self.archs[number])

    def recommend(self):
        return self.best[1]
'''
HELPER = "def pick(space, rng):\n    return space.sample(rng)\n"


def _due(bench: Bench, *extra: str) -> dict[str, list[str]]:
    """Return the due reasons by method, as the dry run says."""
    plan = json.loads(bench("run", "study.toml", "--dry-run", "--json", *extra).out)
    found: dict[str, list[str]] = {}
    for cell in plan["due"]:
        found.setdefault(cell["method"], []).append(cell["reason"])
    return found


def _edit(bench: Bench, old: str, new: str, file: str = "study.toml") -> None:
    path = bench.folder / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def _with_own_method(bench: Bench) -> None:
    bench.write("mine.py", METHOD)
    bench.write("helper.py", HELPER)
    _edit(bench, "[[claims]]", '[methods.mine]\nstrategy = "mine.py:Mine"\n\n[[claims]]')


def test_running_again_does_nothing(bench: Bench) -> None:
    """A second run finds every cell standing and writes no record."""
    assert "12 runs done" in bench("run", "study.toml").out
    before = bench.digests()
    assert len(before) == 12
    assert "nothing to do, all 12 runs stand" in bench("run", "study.toml").out
    assert all(run.attempts == 1 for run in bench.runs().values())
    assert bench.digests() == before


def test_a_dry_run_writes_nothing_and_says_why(bench: Bench) -> None:
    """Before anything ran, all is new; the dry run makes no store."""
    answer = bench("run", "study.toml", "--dry-run")
    assert "12 due" in answer.out
    assert "360 evaluations in all" in answer.out
    assert not (bench.folder / "store").exists()


def test_a_changed_hyperparameter_re_runs_that_method_only(bench: Bench) -> None:
    """The reason names the hyperparameter with its old and new value."""
    bench("run", "study.toml")
    _edit(bench, "population = 5", "population = 6")
    assert _due(bench) == {"evolution": ["hyperparameter changed: population 5 -> 6"] * 6}


def test_labels_comments_claims_and_names_re_run_nothing(bench: Bench) -> None:
    """What is in no identity changes nothing: label, comment, question, claim, names of method and study."""
    bench("run", "study.toml")
    before = bench.digests()
    _edit(bench, 'name = "small"', 'name = "renamed"  # a comment\nquestion = "why?"')
    _edit(bench, "[methods.evolution]", '[methods.evo]\nlabel = "E"')
    _edit(bench, 'better = "evolution"', 'better = "evo"')
    assert _due(bench) == {}
    assert "nothing to do" in bench("run", "study.toml").out
    assert bench.digests() == before


def test_a_source_file_re_runs_its_method_only_when_its_code_changes(bench: Bench) -> None:
    """Comments and docstrings change nothing; code does, also in a file that the method imports."""
    _with_own_method(bench)
    bench("run", "study.toml")
    _edit(bench, '"""Samples, with a helper from beside it."""', '"""Another docstring."""', "mine.py")
    _edit(bench, "def pick", "# a comment\ndef pick", "helper.py")
    assert _due(bench) == {}
    _edit(bench, "return space.sample(rng)", "space.sample(rng); return space.sample(rng)", "helper.py")
    due = _due(bench)
    assert set(due) == {"mine"}
    assert len(due["mine"]) == 6
    assert "helper.py" in due["mine"][0]


def test_more_replicates_and_methods_leave_existing_runs_alone(bench: Bench) -> None:
    """An extended study keeps every record it had, byte for byte."""
    bench("run", "study.toml")
    before = bench.digests()
    _edit(bench, "replicates = 3", "replicates = 4")
    _edit(bench, "[[claims]]", '[methods.local]\nstrategy = "local-search"\n\n[[claims]]')
    due = _due(bench)
    assert due["random"] == ["new replicate"] * 2
    assert due["local"] == ["new method"] * 8
    bench("run", "study.toml")
    after = bench.digests()
    assert len(after) == 24
    assert {run: after[run] for run in before} == before


def test_a_longer_budget_extends_each_run(bench: Bench) -> None:
    """Each longer run begins with the evaluations of the shorter, and the reason says what happened."""
    bench("run", "study.toml")
    _edit(bench, "evaluations = 30", "evaluations = 45")
    assert "budget longer: 30 -> 45 evaluations" in _due(bench)["random"][0]
    answer = bench("run", "study.toml")
    assert "12 runs extend earlier ones" in answer.out


def test_a_failed_cell_is_a_record_and_stops_no_other(bench: Bench) -> None:
    """The error is kept, the exit status is 1, the others complete, and the cell is due again."""
    bench.write(
        "mine.py",
        METHOD.replace("self.n += 1", "self.n += 1\n        if self.n == 7: raise ValueError('seven')"),
    )
    bench.write("helper.py", HELPER)
    _edit(bench, "[[claims]]", '[methods.mine]\nstrategy = "mine.py:Mine"\n\n[[claims]]')
    answer = bench("run", "study.toml", check=1)
    assert "ValueError: seven" in answer.out
    runs = bench.runs().values()
    failed = [run for run in runs if not run.completed]
    assert len(failed) == 6
    assert len(bench.digests()) == 12
    record = failed[0].record
    assert record.circumstances.error is not None
    assert record.circumstances.error.frames[-1].startswith("mine.py:")
    assert len(record.result.trajectory) == 6
    assert set(_due(bench)["mine"]) == {"failed before: ValueError: seven"}
    assert "ValueError" in bench("show", record.run[:12]).out


def test_a_worker_that_always_dies_is_a_failure_of_its_cell(bench: Bench) -> None:
    """A method that kills its process is recorded as such, and the others complete."""
    bench.write("mine.py", METHOD.replace("self.n += 1", "import os; os._exit(9)"))
    bench.write("helper.py", HELPER)
    _edit(bench, "[[claims]]", '[methods.mine]\nstrategy = "mine.py:Mine"\n\n[[claims]]')
    _edit(bench, "replicates = 3", "replicates = 1")
    answer = bench("run", "study.toml", check=1)
    assert "WorkerDied" in answer.out
    assert len(bench.digests()) == 4


def test_assessments_are_counted_once(bench: Bench) -> None:
    """Running again asks the vault nothing, and every line of the ledger belongs to a run."""
    from assay.tasks.ledger import Ledger

    bench("run", "study.toml")
    ledger = Ledger(bench.folder / "store")
    entries = ledger.entries()
    assert len(entries) == 12
    bench("run", "study.toml")
    assert ledger.entries() == entries
    assert {entry.run for entry in entries} == set(bench.runs())


def test_another_arithmetic_is_said_and_repeated_on_request(bench: Bench) -> None:
    """Standing runs of another thread setting stay, are named with the difference, and rerun on request."""
    bench("run", "study.toml")
    before = bench.digests()
    bench.environment["OPENBLAS_NUM_THREADS"] = "2"
    answer = bench("run", "study.toml", "--dry-run")
    assert "12 stand, 0 due" in answer.out
    assert "settings.OPENBLAS_NUM_THREADS: 1 -> 2" in answer.out
    assert "12 runs done" in bench("run", "study.toml", "--rerun-on", "arithmetic").out
    assert all(run.attempts == 2 and not run.conflict for run in bench.runs().values())
    assert bench.digests() == before
