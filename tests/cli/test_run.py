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
    assert answer.out.count("ValueError: seven") == 1
    assert "failed: 6 runs: ValueError: seven" in answer.out
    assert answer.err.count("failed:") == 1
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


def test_module_level_state_does_not_pass_between_runs(bench: Bench) -> None:
    """A method that counts in a module gives the same results with one worker and with several."""
    bench.write(
        "mine.py",
        METHOD.replace("class Mine:", "STATE = [0]\n\n\nclass Mine:").replace(
            "self.n += 1", "STATE[0] += 1; self.n += 1; [self.rng.bits() for _ in range(STATE[0] % 7)]"
        ),
    )
    bench.write("helper.py", HELPER)
    _edit(bench, "[[claims]]", '[methods.mine]\nstrategy = "mine.py:Mine"\n\n[[claims]]')
    bench("run", "study.toml", "--workers", "1")
    for workers in ("1", "3"):
        assert "identical 18/18" in bench("verify", "study.toml", "--workers", workers, "--sample", "99").out


def test_one_spelling_of_a_target_is_one_identity(bench: Bench) -> None:
    """'mine.py:Mine' and './mine.py:Mine' are the same runs with the same seeds."""
    _with_own_method(bench)
    bench("run", "study.toml")
    _edit(bench, '"mine.py:Mine"', '"./mine.py:Mine"')
    assert _due(bench) == {}
    assert "identical 18/18" in bench("verify", "study.toml", "--sample", "99").out


def test_one_method_under_two_names_is_refused(bench: Bench) -> None:
    """Twins would be the same runs counted twice."""
    _edit(bench, "[methods.evolution]", '[methods.again]\nstrategy = "random-search"\n\n[methods.evolution]')
    answer = bench("run", "study.toml", check=2)
    assert "'again' is 'random' under another name" in answer.err


def test_a_secret_in_a_hyperparameter_is_refused(bench: Bench) -> None:
    """What looks like a secret would stand in every record; nothing of it reaches the disk."""
    bench.write("loop.py", "def search(s, *, api_key: str = ''):\n    s.evaluate(s.space.at(0))\n")
    _edit(
        bench,
        'strategy = "random-search"',
        'loop = "loop.py:search"\nhyperparameters = { api_key = "sk-live-51HxYzAbCdEfGh1234567890" }',
    )
    answer = bench("run", "study.toml", check=2)
    assert "looks like a secret" in answer.err
    assert "api_key" in answer.err
    assert not list(bench.folder.glob("store/journals/*"))


def test_a_changed_data_file_re_runs_its_method(bench: Bench) -> None:
    """Declared files are part of a method's identity, whatever they hold."""
    _with_own_method(bench)
    bench.write("prior.json", "[1, 2]")
    _edit(bench, 'strategy = "mine.py:Mine"', 'strategy = "mine.py:Mine"\nfiles = ["prior.json"]')
    bench("run", "study.toml")
    bench.write("prior.json", "[1, 3]")
    due = _due(bench)
    assert set(due) == {"mine"}
    assert "prior.json" in due["mine"][0]


def test_a_file_that_changes_while_the_study_runs_fails_its_run(bench: Bench) -> None:
    """A method whose source was rewritten under it has no identity; its run is a failed record."""
    text = "def pick(space, rng):\n    return space.at(1)\n"
    rewrite = f"import pathlib; pathlib.Path('helper.py').write_text({text!r})"
    bench.write("mine.py", METHOD.replace("self.n += 1", f"self.n += 1\n        {rewrite}"))
    bench.write("helper.py", HELPER)
    _edit(bench, "[[claims]]", '[methods.mine]\nstrategy = "mine.py:Mine"\n\n[[claims]]')
    answer = bench("run", "study.toml", "--workers", "1", check=1)
    assert "changed while the study ran" in answer.out + answer.err


def test_what_a_method_prints_stays_out_of_the_json(bench: Bench) -> None:
    """Standard output carries only data, also when user code prints on import and in a run."""
    _with_own_method(bench)
    _edit(bench, "from helper import pick", "print('on import')\nfrom helper import pick", "mine.py")
    _edit(bench, "self.n += 1", "print('in a run'); self.n += 1", "mine.py")
    summary = json.loads(bench("run", "study.toml", "--json").out)
    assert summary["done"] == 18


def test_a_module_in_the_working_folder_shadows_nothing(bench: Bench) -> None:
    """Workers do not import what lies where the command was typed."""
    bench.write("numpy.py", "raise RuntimeError('not this one')\n")
    assert "12 runs done" in bench("run", "study.toml").out


def test_a_search_that_recommends_nothing_is_a_failed_run(bench: Bench) -> None:
    """There is nothing to seal: the cell fails with its name, each time, and the others are assessed."""
    bench.write("loop.py", "def search(s):\n    pass\n")
    _edit(bench, 'strategy = "random-search"', 'loop = "loop.py:search"')
    for _ in range(2):
        answer = bench("run", "study.toml", check=1)
        assert "the search recommends nothing" in answer.out
    assert len(bench.digests()) == 6


def test_names_that_look_alike_do_not_share_a_folder(bench: Bench) -> None:
    """Two study names that are one when made safe for a file system keep apart."""
    folders = set()
    for name in ("a b", "a-b", "研究", "实验", "../x"):
        path = bench.store.study_folder(name) if folders else None
        if path is None:
            bench("run", "study.toml")
            path = bench.store.study_folder(name)
        assert path.parent == bench.folder / "store" / "studies"
        folders.add(path)
    assert len(folders) == 5
