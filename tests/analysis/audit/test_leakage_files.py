"""What the files of a method give away: code that reaches for the test, and data of the target."""

from __future__ import annotations

import msgspec
import pytest

from assay.analysis.audit.facts import Source
from assay.analysis.audit.sources import forbidden, strings

LOOP = '''\
"""Searches; the test_accuracy is never looked at, and the vault stays closed."""
# test_acc is not read here


def search(session):
    """Draw at random."""
    latest_score = 0.0
    while not session.finished:
        score = session.evaluate(session.space.sample(session.rng))
        latest_score = max(latest_score, score)
'''

STUDY = """\
name = "files"
benchmarks = ["nas-bench-graph/cora"]
[budget]
evaluations = 10
[methods.random]
strategy = "random-search"
[methods.own]
loop = "own.py:search"
"""


@pytest.mark.parametrize(
    "line",
    [
        "from assay.tasks.vault import open_vault",
        "import nas_bench_graph",
        "import assay; table = assay.open_benchmark('nas-bench-graph/cora')",
        "acc = record.test_accuracy",
        "acc = row['test']",
        "acc = api.query(arch, split='test')",
        "acc = table.column('test')",
        "rows = open('data/vaults/cora.bin').read()",
        "column = 'x-test'",
        "import importlib; api = importlib.import_module('nats_bench')",
    ],
)
def test_code_that_reaches_for_the_test(line):
    """Imports, names, keys, keywords and paths count, with their line."""
    [seen] = forbidden("search.py", f"# a comment\n{line}\n")
    assert seen.line == 2


@pytest.mark.parametrize(
    "line",
    [
        "from assay.studies.session import BudgetSpent",
        "latest_score = contest_value = fastest_loss = 1",
        "self.test(arch)",
        "'''names test_acc in a docstring'''",
        "split = 'validation'",
        "import logging; log = logging.getLogger('test')",
        "# vault and test_accuracy in a comment",
    ],
)
def test_code_that_does_not(line):
    """Words that merely look alike, comments and docstrings do not count."""
    assert forbidden("search.py", f"{line}\n") == []


def test_other_languages_and_data():
    """Scripts lose their comments first; data count by their columns and keys."""
    assert [seen.line for seen in forbidden("run.sh", "# test_acc\ncat test_labels.csv\n")] == [2]
    assert forbidden("prior.csv", "arch,validation\na,1\n") == []
    assert forbidden("prior.csv", "arch,test\na,1\n")
    assert forbidden("prior.json", '{"arch": "a", "test-accuracy": 3}')
    assert forbidden("broken.py", "def (:\ntest_acc = 1\n")


def test_strings_of_files():
    """Constants of Python without docstrings, and what delimiters leave of data."""
    assert strings("a.py", '"""doc"""\nx = ["[0,0] gat", "b"]\n') == ["[0,0] gat", "b"]
    assert "[0,0,0,0] gat,gat" in strings("a.csv", 'arch,score\n"[0,0,0,0] gat,gat",1\n')


def test_a_study_is_audited_before_it_is_run(planned, found):
    """The files are read without a run, and the finding names file and line."""
    assert not found(planned(STUDY, own_dot_py=LOOP), "test-in-code")
    leaky = LOOP.replace("max(latest_score, score)", "session.vault.test_acc")
    finding = found(planned(STUDY, own_dot_py=leaky), "test-in-code")
    assert finding.severity == "invalidates"
    assert finding.evidence[0].place == "own.py:10"


def test_declared_files_of_the_target(planned, found):
    """A declared file that names the target invalidates; one of its lineage is doubtful; another is not."""
    text = STUDY.replace('["nas-bench-graph/cora"]', '["nas-bench-graph/cs"]')
    declared = text + 'files = ["prior/{}.csv"]\n'
    data = "arch,score\nx,1\n"
    own = planned(STUDY + 'files = ["prior/cora.csv"]\n', own_dot_py=LOOP, prior__cora_dot_csv=data)
    assert found(own, "warm-start").severity == "invalidates"
    kin = planned(declared.replace("{}", "arxiv"), own_dot_py=LOOP, prior__arxiv_dot_csv=data)
    assert found(kin, "warm-start").severity == "doubtful"
    other = planned(declared.replace("{}", "photo"), own_dot_py=LOOP, prior__photo_dot_csv=data)
    assert not found(other, "warm-start")


def test_hyperparameters_and_code_that_name_the_target(planned, found):
    """A hyperparameter with the benchmark's name invalidates; code that treats it apart is doubtful."""
    named = STUDY + 'hyperparameters = { start = "nas-bench-graph/cora" }\n'
    loop = LOOP.replace("search(session)", 'search(session, *, start: str = "")')
    assert found(planned(named, own_dot_py=loop), "warm-start").severity == "invalidates"
    apart = LOOP.replace("latest_score = 0.0", 'first = {"nas-bench-graph/cora": 3}')
    assert found(planned(STUDY, own_dot_py=apart), "warm-start").severity == "doubtful"
    assert not found(planned(STUDY, own_dot_py=LOOP), "warm-start")


def test_a_predictor_that_was_trained_on_what_it_reports(bent, found):
    """Reported architectures in a file invalidate, evaluated ones are doubtful, and others are nothing."""
    study = bent.facts.study
    record = study.of("local")[0]
    reported = record.result.recommendation[0]
    all_reported = {arch for one in study.of("local") for arch in one.result.recommendation}
    evaluated = next(arch for arch in record.result.trajectory.archs if arch not in all_reported)

    def given(arch, path="training.csv"):
        source = Source("local", path, f'arch,accuracy\n"{arch}",0.8\n', declared=True)
        return bent.but(sources=(source,))

    assert found(given(reported), "trained-on-evaluated").severity == "invalidates"
    assert found(given(evaluated), "trained-on-evaluated").severity == "doubtful"
    assert not found(given("[9,9,9,9] none"), "trained-on-evaluated")
    assert not found(given(reported, "photo.csv"), "trained-on-evaluated")


def test_hyperparameters_that_hold_what_is_evaluated(bent, found):
    """Architectures in the study file count as those in a file do."""
    study = bent.facts.study
    arch = study.of("local")[0].result.recommendation[0]
    method = study.loaded.study.methods["local"]
    given = msgspec.structs.replace(method, hyperparameters={"training": [arch]})
    methods = {**study.loaded.study.methods, "local": given}
    finding = found(bent.study(methods=methods), "trained-on-evaluated")
    assert finding.evidence[0].kind == "key"


def test_a_signal_that_no_card_has_is_a_finding(planned, found):
    """A study that cannot be planned for want of a test signal is audited by its file."""
    text = STUDY + '[protocol]\nsignal = "test"\n'
    facts = planned(text, own_dot_py=LOOP)
    assert found(facts, "test-as-signal").severity == "invalidates"
    assert "signal" in found(facts, "cannot-be-run").evidence[0].text


def test_tuning_that_is_refused_is_a_finding(planned, found):
    """A study that tunes on its own target cannot be run, and the audit says why."""
    tuning = (
        "[methods.random.tuning]\nconfigurations = 2\nreplicates = 1\n"
        'benchmarks = ["nas-bench-graph/cora"]\n[methods.random.tuning.space]\nreplacement = [true, false]\n'
    )
    text = STUDY.replace("[methods.own]", f"{tuning}\n[methods.own]")
    facts = planned(text, own_dot_py=LOOP)
    assert found(facts, "warm-start").severity == "invalidates"
    assert found(facts, "cannot-be-run").severity == "doubtful"
    assert not found(planned(STUDY, own_dot_py=LOOP), "cannot-be-run")


def test_a_start_that_stands_in_code_is_no_training_set(bent, found):
    """One architecture in a method's code is a point to start from; several are what it was trained on."""
    reported = sorted({arch for one in bent.facts.study.of("local") for arch in one.result.recommendation})

    def given(archs):
        text = f"training = {archs!r}\n"
        return bent.but(sources=(Source("local", "own.py", text, declared=False),))

    assert found(given(reported[:3]), "trained-on-evaluated")
    assert not found(given(reported[:1]), "trained-on-evaluated")
