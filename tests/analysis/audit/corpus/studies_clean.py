"""Studies that nearly have a flaw, and have none."""

from __future__ import annotations

import json
from pathlib import Path

from assay.foundation.seeding import Stream
from corpus.bed import Bed, better, study
from corpus.case import clean
from corpus.studies_flawed import BOTH, CITATION, CORA, EVOLUTION, RANDOM, TUNING, _examples

CELLS = ("nas-bench-201/cifar10", "nas-bench-201/imagenet16-120")
CLAIM = better("evolution", "random")


@clean("test-as-signal")
def study_speaks_of_tests(bed: Bed) -> Path:
    """A loop has 'test' and 'vault' in its comments and names, and reads neither."""
    bed.borrow("wordy.py")
    return bed.run(study({"random": RANDOM, "wordy": 'loop = "wordy.py:search"'}, evaluations=100))


@clean("test-as-signal")
def study_declares_settings(bed: Bed) -> Path:
    """A declared file has hyperparameters only."""
    bed.borrow("settings.py")
    bed.write("settings.json", json.dumps({"start": 10, "kind": 0, "test_fraction": 0.2}))
    methods = {"random": RANDOM, "climber": 'loop = "settings.py:search"\nfiles = ["settings.json"]'}
    return bed.run(study(methods, benchmarks=CORA, evaluations=60, replicates=30))


@clean("trained-on-scored")
def study_learns_as_it_goes(bed: Bed) -> Path:
    """A predictor is fitted to the evaluations of its own run, within the budget."""
    bed.borrow("online_predictor.py")
    methods = {"random": RANDOM, "online": 'loop = "online_predictor.py:search"'}
    return bed.run(study(methods, evaluations=60))


@clean("warm-start")
def study_ordinary_design(bed: Bed) -> Path:
    """A declared file lists an initial design: uniform draws, none of them good."""
    bed.borrow("from_list.py")
    rng = Stream(0, ("corpus", "design"))
    known = bed.known("nas-bench-201/cifar10")
    drawn = [known[rng.below(len(known))] for _ in range(40)]
    ordinary = [arch for arch, value, _ in drawn if value < 89.0][:15]
    bed.write("starts.txt", "\n".join(ordinary) + "\n")
    methods = {"random": RANDOM, "designed": 'loop = "from_list.py:search"\nfiles = ["starts.txt"]'}
    return bed.run(study(methods, evaluations=60))


@clean("best-of-seeds")
def study_restarts_within_budget(bed: Bed) -> Path:
    """A loop climbs five times and gives the best of the five, all within one budget."""
    bed.borrow("restarts.py")
    methods = {"random": RANDOM, "restarts": 'loop = "restarts.py:search"'}
    return bed.run(study(methods, evaluations=100))


@clean("unequal-budget")
def study_equal_seconds(bed: Bed) -> Path:
    """The budget is in seconds of the table: the numbers of evaluations differ, the cost does not."""
    return bed.run(study(BOTH, budget="table_seconds = 250000", more=CLAIM))


@clean("unequal-tuning")
def study_equal_tuning(bed: Bed) -> Path:
    """Both methods that have hyperparameters were tuned with one budget, on another family."""
    genetic = TUNING.format(count=4).replace("evolution", "genetic")
    methods = {
        "random": RANDOM,
        "evolution": f"{EVOLUTION}\n\n{TUNING.format(count=4)}",
        "genetic": f'strategy = "genetic-algorithm"\n\n{genetic}',
    }
    return bed.run(study(methods, evaluations=100, more=CLAIM))


@clean("mixed-arithmetic")
def study_two_hosts_one_arithmetic(bed: Bed) -> Path:
    """Half of the replicates of both methods ran on another host, in the same arithmetic."""
    path = bed.run(study(BOTH, evaluations=100, more=CLAIM))
    bed.relocate(lambda record: "node-2" if record.replicate % 2 else None, {"memory_bytes": 64 << 30})
    return path


@clean("confounded-environment")
def study_environments_balanced(bed: Bed) -> Path:
    """Two processors and kernels, each with every second replicate of every method."""
    path = bed.run(study(BOTH, evaluations=100, more=CLAIM))
    bed.relocate(
        lambda record: "node-2" if record.replicate % 2 else None,
        {"processor": "Another processor", "kernel": "Linux 6.1.0", "cores": 64},
    )
    return path


@clean("too-few-replicates")
def study_ten_replicates_huge_effect(bed: Bed) -> Path:
    """Ten replicates, and a difference of several spreads."""
    return bed.run(study(BOTH, evaluations=250, replicates=10, more=CLAIM))


@clean("saturated")
def study_one_saturated_of_four(bed: Bed) -> Path:
    """On the small space of one benchmark many runs find the best; on the other three hardly any."""
    benchmarks = ("nas-bench-graph/proteins", "nas-bench-201/cifar10", "nas-bench-201/cifar100", CELLS[1])
    claim = better("evolution", "random", "signal", f'on = ["{benchmarks[1]}"]')
    return bed.run(study(BOTH, benchmarks=benchmarks, evaluations=250, replicates=10, more=claim))


@clean("no-random-search")
def study_uniform_by_hand(bed: Bed) -> Path:
    """The random baseline is a loop of the user's own, named 'uniform'."""
    bed.borrow("uniform.py")
    methods = {"uniform": 'loop = "uniform.py:search"', "evolution": EVOLUTION}
    return bed.run(study(methods, evaluations=100, more=better("evolution", "uniform")))


@clean("duplicates")
def study_training_and_validation_apart(bed: Bed) -> Path:
    """A method's own training and validation file share no row; the training file repeats some of its own."""
    bed.borrow("classifier.py")
    bed.write("train.csv", _examples(range(40)) + _examples(range(5)).split("\n", 1)[1])
    bed.write("valid.csv", _examples(range(40, 70)))
    methods = {
        "random": RANDOM,
        "scored": 'loop = "classifier.py:search"\nfiles = ["train.csv", "valid.csv"]',
    }
    return bed.run(study(methods, evaluations=60))


@clean("changed-after-look")
def study_words_changed(bed: Bed) -> Path:
    """After the first run only words were changed: the question and a label."""
    text = study(BOTH, evaluations=100, more=CLAIM)
    bed.run(text)
    worded = text.replace("Which search finds more?", "Which of the two finds better cells?")
    return bed.run(worded.replace(RANDOM, f'{RANDOM}\nlabel = "Random search"'))


@clean("changed-after-look")
def study_looks_are_paid_for(bed: Bed) -> Path:
    """Replicates were added after a look, and the claim has the rule that allows that."""
    claim = better("evolution", "random", "signal", 'rule = "always-valid"')
    stopping = '[plan]\nstopping = "when the claim is decided, at 40 replicates at the latest"\n'
    bed.run(study(BOTH, evaluations=250, replicates=20, more=stopping + claim))
    return bed.run(study(BOTH, evaluations=250, replicates=40, more=stopping + claim))


@clean("failures-concentrated")
def study_one_run_of_fifty_fails(bed: Bed) -> Path:
    """One run of fifty of one method ended for want of memory."""
    bed.borrow("fragile.py")
    fragile = 'loop = "fragile.py:search"\nhyperparameters = { rarely = 51 }'
    return bed.run(study({"random": RANDOM, "fragile": fragile}, evaluations=40, replicates=50))


@clean("dependent-tasks")
def study_these_tasks_only(bed: Bed) -> Path:
    """Three graphs of one family, and the claim is about these alone."""
    claim = better("evolution", "random", "signal")
    return bed.run(study(BOTH, benchmarks=CITATION, evaluations=250, replicates=30, more=claim))


@clean("hyperparameters-after-test")
def study_settings_before_test(bed: Bed) -> Path:
    """Hyperparameters were changed while no test was asked for; then the test was asked once."""
    for population, mode in ((10, "none"), (20, "required")):
        evolution = f"{EVOLUTION}\nhyperparameters = {{ population = {population} }}"
        path = bed.run(
            study(
                {"random": RANDOM, "evolution": evolution},
                benchmarks=CORA,
                evaluations=60,
                replicates=30,
                protocol=f'assessment = "{mode}"',
            )
        )
    return path
