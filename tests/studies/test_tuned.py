"""A tuned study planned: configurations from real strategies, refusals, and settling."""

from __future__ import annotations

from pathlib import Path

import pytest

from assay.foundation.errors import AssayError, StudyError
from assay.studies.load import LoadedStudy, load_study
from assay.studies.plan import make_plan
from assay.studies.tuned import plan_tuning, settle, settled, together
from assay.studies.tuning import tuning_root

HEAD = """\
name = "small"
replicates = 3
seed = 5
benchmarks = ["nas-bench-graph/cora"]
budget.evaluations = 20

[methods.random]
strategy = "random-search"

[methods.evolution]
strategy = "regularized-evolution"
"""
TUNING = """
[methods.evolution.tuning]
benchmarks = ["nas-bench-graph/photo", "nas-bench-201/cifar10"]
configurations = 3
replicates = 2
[methods.evolution.tuning.space]
population = [5, 20]
"""
OTHER = """
[methods.reinforce]
strategy = "reinforce"
[methods.reinforce.tuning]
benchmarks = ["nas-bench-graph/photo", "nas-bench-201/cifar10"]
configurations = 2
replicates = 3
[methods.reinforce.tuning.space]
learning_rate = [1, 0.1]
"""


def _study(folder: Path, text: str) -> LoadedStudy:
    path = folder / "study.toml"
    path.write_text(text)
    return load_study(path)


def _refused(folder: Path, cache: Path, text: str) -> AssayError:
    with pytest.raises(AssayError) as caught:
        plan_tuning(_study(folder, text), None, cache)
    return caught.value


def test_the_tuning_of_a_method_is_a_study_of_its_own(tmp_path: Path, cache: Path) -> None:
    """One method a configuration, the default first, no assessment, its own root, the study's budget."""
    (one,) = plan_tuning(_study(tmp_path, HEAD + TUNING), None, cache)
    study = one.plan.loaded.study
    assert one.configurations == ({"population": 10}, {"population": 5}, {"population": 20})
    assert tuple(study.methods) == one.names
    assert (study.seed, study.replicates) == (tuning_root(5), 2)
    assert (study.budget.evaluations, study.protocol.assessment) == (20, "none")
    assert len(one.plan.cells) == 3 * 2 * 2
    assert one.amount == 3 * 2 * 20
    assert "3 configurations x 2 replicates x 2 benchmarks x 20 evaluations = 240 evaluations" in one.text()


def test_nothing_in_the_identity_of_a_tuning_run_is_a_name(tmp_path: Path, cache: Path) -> None:
    """Another name of the study, of the method and another order of the keys give the same runs."""
    text = HEAD + TUNING.replace("population = [5, 20]", "population = [5, 20]\ntournament = [3]")
    other = HEAD + TUNING.replace("population = [5, 20]", "tournament = [3]\npopulation = [5, 20]")
    other = other.replace('"small"', '"other"').replace("methods.evolution", "methods.evo")
    (one,), (two,) = (plan_tuning(_study(tmp_path, some), None, cache) for some in (text, other))
    assert one.digest == two.digest


def test_tuning_runs_are_no_runs_of_the_study(tmp_path: Path, cache: Path) -> None:
    """Even the default configuration is searched with other seeds than the study searches it with."""
    loaded = _study(tmp_path, HEAD + TUNING)
    found = settle(loaded, None, cache)
    own = {cell.spec.run for cell in make_plan(found.loaded, None, cache).cells}
    assert not own & {cell.spec.run for cell in found.tunings[0].plan.cells}


def test_a_study_that_is_not_tuned_has_its_defaults_and_says_what_is_pending(
    tmp_path: Path, cache: Path, store: Path
) -> None:
    """The tuned method is left out until it is chosen; a plan without settling is refused."""
    from assay.records.store import Store

    loaded = _study(tmp_path, HEAD + TUNING)
    found = settle(loaded, None, cache)
    assert found.pending == ("evolution",)
    assert list(found.loaded.study.methods) == ["random", "evolution@default"]
    assert found.loaded.study.methods["evolution@default"].label == "evolution, defaults"
    with pytest.raises(StudyError, match="its configuration is not put in"):
        make_plan(loaded, None, cache)
    with pytest.raises(StudyError, match="no configuration is chosen yet for evolution"):
        settled(loaded, Store(store), cache)


def test_a_study_without_tuning_is_settled_as_it_is(tmp_path: Path, cache: Path) -> None:
    """The very same object: no identity can change."""
    loaded = _study(tmp_path, HEAD)
    assert settle(loaded, None, cache).loaded is loaded
    assert plan_tuning(loaded, None, cache) == ()


def test_tuning_on_the_lineage_of_what_is_reported_is_refused(tmp_path: Path, cache: Path) -> None:
    """The benchmark itself, and another of one lineage: arxiv, cs and physics share the Microsoft graph."""
    same = _refused(tmp_path, cache, HEAD + TUNING.replace("graph/photo", "graph/cora"))
    assert "would be tuned on nas-bench-graph/cora" in same.what
    assert "methods.evolution.tuning" in (same.where or "")
    text = (HEAD + TUNING).replace("nas-bench-graph/cora", "nas-bench-graph/arxiv")
    lineage = _refused(tmp_path, cache, text.replace("nas-bench-graph/photo", "nas-bench-graph/cs"))
    assert "Microsoft Academic Graph" in (lineage.why or "")
    suites = HEAD.replace('benchmarks = ["nas-bench-graph/cora"]', 'suite = "embedded-v1"')
    assert "one lineage" in (_refused(tmp_path, cache, suites + TUNING).why or "")


EQUAL = (HEAD + TUNING + OTHER.replace("[1, 0.1]", "[0.1, 0.2]")).replace('"nas-bench-graph/photo", ', "")


def test_equal_tuning_budgets_are_allowed(tmp_path: Path, cache: Path) -> None:
    """Equal is the product of configurations, replicates and the budget of a run."""
    two = plan_tuning(_study(tmp_path, EQUAL), None, cache)
    assert [one.amount for one in two] == [3 * 2 * 20, 2 * 3 * 20]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("replicates = 3\n[methods.reinforce", "replicates = 4\n[methods.reinforce"),
        (
            "replicates = 3\n[methods.reinforce",
            "replicates = 3\nbudget.table_seconds = 20_000\n[methods.reinforce",
        ),
        ('cifar10"]\nconfigurations = 2', 'cifar100"]\nconfigurations = 2'),
    ],
)
def test_unequal_tuning_budgets_are_refused_unless_declared(
    tmp_path: Path, cache: Path, old: str, new: str
) -> None:
    """More runs, another unit and other benchmarks are all unequal; a study may declare them."""
    assert EQUAL.count(old) == 1
    text = EQUAL.replace(old, new)
    assert "unequal tuning budgets" in _refused(tmp_path, cache, text).what
    declared = text.replace("seed = 5", 'seed = 5\ntuning_budget = "declared"')
    assert len(plan_tuning(_study(tmp_path, declared), None, cache)) == 2


def test_values_are_taken_as_the_method_takes_them(tmp_path: Path, cache: Path) -> None:
    """An integer for a float is that float, and so is listed twice beside it; a wrong type is named."""
    text = HEAD + OTHER.replace("[1, 0.1]", "[1, 1.0]")
    assert "listed twice" in _refused(tmp_path, cache, text).what
    wrong = _refused(tmp_path, cache, HEAD + TUNING.replace("[5, 20]", '[5, "many"]'))
    assert "population" in str(wrong)
    assert "study.toml:" in str(wrong)
    unknown = _refused(tmp_path, cache, HEAD + TUNING.replace("population = [5, 20]", "populatoin = [5]"))
    assert "did you mean 'population'?" in str(unknown)
    refused = _refused(tmp_path, cache, HEAD + TUNING.replace("[5, 20]", "[0, 20]"))
    assert "population" in str(refused)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("configurations = 3", "configuratoins = 3", "did you mean 'configurations'?"),
        ("replicates = 2", 'replicates = "two"', "methods.evolution.tuning.replicates"),
        ("configurations = 3", "configurations = 1", "two configurations at least"),
        ("[methods.evolution.tuning.space]\npopulation = [5, 20]", "", "space"),
        ("seed = 5", 'seed = 5\ntuning_budget = "equals"', "did you mean 'equal'?"),
        ("[methods.random]", '["methods"."evolution@default"]', "is the name of the defaults of"),
    ],
)
def test_a_block_that_is_wrong_is_refused_with_its_place(
    tmp_path: Path, old: str, new: str, says: str
) -> None:
    """Key path, line and the nearest name, as for every other key of a study."""
    text = HEAD + TUNING
    assert old in text
    with pytest.raises(StudyError) as caught:
        _study(tmp_path, text.replace(old, new, 1) if "replicates" not in old else _second(text, old, new))
    assert says in str(caught.value)
    assert "study.toml" in str(caught.value)


def _second(text: str, old: str, new: str) -> str:
    head, tail = text.split("[methods.evolution.tuning]")
    return f"{head}[methods.evolution.tuning]{tail.replace(old, new)}"


def test_all_tuning_is_one_plan_for_the_workers(tmp_path: Path, cache: Path) -> None:
    """Each run stands there once, with the parts and the evidence of all."""
    tunings = plan_tuning(_study(tmp_path, HEAD + TUNING + OTHER.replace("[1, 0.1]", "[0.1]")), None, cache)
    whole = together(tunings[0].plan.loaded, tunings)
    assert len(whole.cells) == len({cell.spec.run for cell in whole.cells}) == 12 + 12
    assert {cell.spec.components.code for cell in whole.cells} <= set(whole.documents)
