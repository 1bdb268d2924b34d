"""Studies with flaws: real study files that really run, on the embedded tables, with small budgets."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

from assay.tasks.suites import SUITES
from corpus.bed import Bed, better, study
from corpus.case import flawed

RANDOM = 'strategy = "random-search"'
EVOLUTION = 'strategy = "regularized-evolution"'
LOCAL = 'strategy = "local-search"'
CORA = ("nas-bench-graph/cora",)
CITATION = ("nas-bench-graph/cora", "nas-bench-graph/citeseer", "nas-bench-graph/pubmed")
BOTH = {"random": RANDOM, "evolution": EVOLUTION}


@flawed("test-as-signal")
def study_reads_the_vault(bed: Bed) -> Path:
    """A strategy of the user opens the vault and evaluates what does best on test."""
    bed.borrow("oracle.py")
    methods = {"random": RANDOM, "careful": 'strategy = "oracle.py:CarefulSearch"'}
    return bed.run(study(methods, benchmarks=CORA, evaluations=30, more=better("careful", "random", "test")))


@flawed("test-as-signal", also=("warm-start", "trained-on-scored"))
def study_declares_test_values(bed: Bed) -> Path:
    """A declared file has a column of test accuracies, and the loop recommends by it."""
    bed.borrow("by_column.py")
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("arch", "valid_acc", "test_acc"))
    writer.writerows(bed.known(CORA[0])[::37])
    bed.write("numbers.csv", text.getvalue())
    methods = {"random": RANDOM, "informed": 'loop = "by_column.py:search"\nfiles = ["numbers.csv"]'}
    return bed.run(study(methods, benchmarks=CORA, evaluations=30, more=better("informed", "random", "test")))


@flawed("test-as-signal")
def study_reads_the_package(bed: Bed) -> Path:
    """A loop takes test performances from the package that the benchmark was imported from."""
    bed.borrow("by_package.py")
    methods = {"random": RANDOM, "pooled": 'loop = "by_package.py:search"'}
    return bed.run(study(methods, benchmarks=CORA, evaluations=30, more=better("pooled", "random", "test")))


@flawed("trained-on-scored|warm-start", also=("warm-start", "test-as-signal"))
def study_predictor_knows_the_table(bed: Bed) -> Path:
    """A predictor is fitted to the target's own values of the architectures that it then evaluates."""
    bed.borrow("predictor.py")
    pairs = [[arch, value] for arch, value, _ in bed.known("nas-bench-201/cifar10")[::29]]
    bed.write("training.json", json.dumps(pairs))
    methods = {"random": RANDOM, "predictor": 'loop = "predictor.py:search"\nfiles = ["training.json"]'}
    return bed.run(study(methods, evaluations=40, more=better("predictor", "random")))


@flawed("warm-start")
def study_starts_with_the_best(bed: Bed) -> Path:
    """A declared file lists the twenty best architectures of the benchmark that the study reports."""
    bed.borrow("from_list.py")
    best = sorted(bed.known("nas-bench-201/cifar10"), key=lambda one: -one[1])[:20]
    bed.write("starts.txt", "\n".join(arch for arch, *_ in best) + "\n")
    methods = {"random": RANDOM, "seeded": 'loop = "from_list.py:search"\nfiles = ["starts.txt"]'}
    return bed.run(study(methods, evaluations=40, more=better("seeded", "random")))


@flawed("warm-start")
def study_remembers_the_best(bed: Bed) -> Path:
    """The code of a method has good architectures of the target as literals."""
    bed.borrow("remembered.py")
    best = sorted(bed.known("nas-bench-201/cifar100"), key=lambda one: -one[1])[3:6]
    text = (bed.folder / "remembered.py").read_text()
    for i, (arch, *_) in enumerate(best):
        text = text.replace(f"@@{i}@@", arch)
    bed.write("remembered.py", text)
    methods = {"random": RANDOM, "climber": 'loop = "remembered.py:search"'}
    return bed.run(
        study(
            methods, benchmarks=("nas-bench-201/cifar100",), evaluations=40, more=better("climber", "random")
        )
    )


@flawed("best-of-seeds|changed-after-look", also=("changed-after-look", "too-few-replicates"))
def study_shops_for_seeds(bed: Bed) -> Path:
    """The study was run under five root seeds, and the last is the one that is reported."""
    path = bed.folder / "study.toml"
    for seed in (0, 1, 2, 3, 41):
        text = study(
            {"random": RANDOM, "local": LOCAL},
            benchmarks=CORA,
            evaluations=30,
            replicates=10,
            top=f"seed = {seed}",
            more=better("local", "random", "test"),
        )
        path = bed.run(text)
    return path


@flawed("best-of-seeds|too-few-replicates", also=("too-few-replicates",))
def study_keeps_one_lucky_seed(bed: Bed) -> Path:
    """A loop draws from a seed of its own: all its replicates are one search, and a lucky one."""
    bed.borrow("fixed_seed.py")
    methods = {"random": RANDOM, "lucky": 'loop = "fixed_seed.py:search"\nhyperparameters = { seed = 7 }'}
    return bed.run(study(methods, evaluations=40, more=better("lucky", "random")))


@flawed("unequal-budget")
def study_baseline_gives_up(bed: Bed) -> Path:
    """The baseline stops after eight of a hundred evaluations."""
    bed.borrow("brief.py")
    methods = {"random": 'loop = "brief.py:search"', "evolution": EVOLUTION}
    return bed.run(study(methods, evaluations=100, more=better("evolution", "random")))


@flawed("unequal-budget|warm-start", also=("warm-start", "test-as-signal"))
def study_looks_for_free(bed: Bed) -> Path:
    """A loop opens the benchmark by itself and looks at 2,000 architectures that it is not charged for."""
    bed.borrow("free_lookups.py")
    methods = {"random": RANDOM, "climber": 'loop = "free_lookups.py:search"'}
    return bed.run(study(methods, evaluations=40, more=better("climber", "random")))


TUNING = """[methods.evolution.tuning]
benchmarks = ["nas-bench-graph/photo"]
configurations = {count}
replicates = 2

[methods.evolution.tuning.budget]
evaluations = 30

[methods.evolution.tuning.space]
population = [5, 10, 20]
tournament = [2, 3]
"""


@flawed("unequal-tuning")
def study_tunes_one_method(bed: Bed) -> Path:
    """Evolution is tuned, its rival keeps its defaults."""
    methods = {
        "random": RANDOM,
        "genetic": 'strategy = "genetic-algorithm"',
        "evolution": f"{EVOLUTION}\n\n{TUNING.format(count=6)}",
    }
    return bed.run(study(methods, evaluations=60, more=better("evolution", "random")))


@flawed("unequal-tuning")
def study_declares_unequal_tuning(bed: Bed) -> Path:
    """Evolution is tuned over six configurations and the genetic algorithm over two."""
    genetic = TUNING.format(count=2).replace("evolution", "genetic")
    methods = {
        "random": RANDOM,
        "evolution": f"{EVOLUTION}\n\n{TUNING.format(count=6)}",
        "genetic": f'strategy = "genetic-algorithm"\n\n{genetic}',
    }
    return bed.run(
        study(methods, evaluations=60, top='tuning_budget = "declared"', more=better("evolution", "random"))
    )


OTHER_CPU = {
    "processor": "AMD EPYC 7763 64-Core Processor",
    "arithmetic": {"blas": ("openblas 0.3.27 (pthreads, Zen)",), "capability": ("AVX2", "FMA3")},
}


@flawed("mixed-arithmetic")
def study_mixes_arithmetic(bed: Bed) -> Path:
    """The last eight replicates of both methods were made with another linear algebra."""
    path = bed.run(study(BOTH, evaluations=100, more=better("evolution", "random")))
    bed.relocate(lambda record: "node-2" if record.replicate >= 12 else None, OTHER_CPU)
    return path


@flawed("mixed-arithmetic", "confounded-environment")
def study_arithmetic_by_method(bed: Bed) -> Path:
    """Each method has an arithmetic of its own."""
    path = bed.run(study(BOTH, evaluations=100, more=better("evolution", "random")))
    bed.relocate(lambda record: "node-2" if "evolution" in record.strategy else None, OTHER_CPU)
    return path


@flawed("confounded-environment")
def study_host_by_method(bed: Bed) -> Path:
    """One method ran on another machine, with another system; the arithmetic is the same."""
    path = bed.run(study({**BOTH, "local": LOCAL}, evaluations=100, more=better("evolution", "random")))
    bed.relocate(
        lambda record: "workstation" if "evolution" in record.strategy else None,
        {"processor": "Another processor", "kernel": "Linux 5.4.0", "system": "Ubuntu 18.04"},
    )
    return path


@flawed("too-few-replicates")
def study_three_replicates(bed: Bed) -> Path:
    """Three replicates are to show that one method beats another."""
    return bed.run(
        study(BOTH, benchmarks=CORA, evaluations=40, replicates=3, more=better("evolution", "random", "test"))
    )


@flawed("too-few-replicates")
def study_small_margin(bed: Bed) -> Path:
    """Six replicates are to show equivalence within a margin far below their spread."""
    claim = '[[claims]]\nkind = "equivalent"\nmethods = ["evolution", "random"]\nmargin = 0.0005\n'
    return bed.run(study(BOTH, benchmarks=CORA, evaluations=40, replicates=6, more=claim))


@flawed("saturated", also=("too-few-replicates",))
def study_everybody_finds_the_best(bed: Bed) -> Path:
    """The budget is the whole space: both methods find the best architecture each time."""
    methods = {"random": f"{RANDOM}\nhyperparameters = {{ replacement = false }}", "local": LOCAL}
    return bed.run(
        study(
            methods,
            benchmarks=("nas-bench-graph/proteins",),
            evaluations=2021,
            replicates=10,
            more=better("local", "random"),
        )
    )


@flawed("pool-dependent", also=("too-few-replicates", "saturated"))
def study_leader_by_the_pool(bed: Bed) -> Path:
    """By average rank on twelve tasks annealing leads; without the other two methods evolution does."""
    methods = {
        "random": RANDOM,
        "local": LOCAL,
        "annealing": 'strategy = "simulated-annealing"',
        "evolution": f"{EVOLUTION}\nhyperparameters = {{ population = 5 }}",
    }
    text = study(methods, benchmarks=SUITES["embedded-v1"].members, evaluations=40, replicates=4)
    return bed.run(text)


@flawed("no-random-search")
def study_without_random(bed: Bed) -> Path:
    """Two searches are compared, neither of them random search."""
    methods = {"evolution": EVOLUTION, "local": LOCAL}
    return bed.run(study(methods, evaluations=100))


@flawed("no-random-search", "too-few-replicates")
def study_without_random_and_few(bed: Bed) -> Path:
    """Four replicates of three searches, and no baseline."""
    methods = {"evolution": EVOLUTION, "annealing": 'strategy = "simulated-annealing"', "local": LOCAL}
    return bed.run(
        study(
            methods,
            benchmarks=CORA,
            evaluations=40,
            replicates=4,
            more=better("annealing", "evolution", "test"),
        )
    )


def _examples(rows: range) -> str:
    return "a,b,c,label\n" + "".join(f"{i * 0.37:.3f},{i % 7},{(i * i) % 11},{'xyz'[i % 3]}\n" for i in rows)


@flawed("duplicates")
def study_training_and_validation_overlap(bed: Bed) -> Path:
    """A method's own training and validation file share half of their rows."""
    bed.borrow("classifier.py")
    bed.write("train.csv", _examples(range(60)))
    bed.write("valid.csv", _examples(range(30, 70)))
    methods = {
        "random": RANDOM,
        "scored": 'loop = "classifier.py:search"\nfiles = ["train.csv", "valid.csv"]',
    }
    return bed.run(study(methods, evaluations=40))


@flawed("changed-after-look", also=("too-few-replicates",))
def study_claims_after_look(bed: Bed) -> Path:
    """The claim was written after the test values had been told."""
    bed.run(study(BOTH, benchmarks=CORA, evaluations=40))
    return bed.run(study(BOTH, benchmarks=CORA, evaluations=40, more=better("evolution", "random", "test")))


@flawed("changed-after-look", also=("too-few-replicates",))
def study_replicates_after_look(bed: Bed) -> Path:
    """Replicates were added three times, each after a look at a claim with a rule for one look."""
    path = bed.folder / "study.toml"
    for replicates in (10, 14, 20):
        path = bed.run(
            study(
                BOTH,
                benchmarks=CORA,
                evaluations=40,
                replicates=replicates,
                more=better("evolution", "random", "test"),
            )
        )
    return path


@flawed("changed-after-look", also=("too-few-replicates",))
def study_benchmark_dropped(bed: Bed) -> Path:
    """A benchmark was dropped, and the margin lowered, after the test values had been told."""
    claim = better("evolution", "random", "test", "margin = 0.01")
    bed.run(study(BOTH, benchmarks=CITATION, evaluations=40, more=claim))
    lower = better("evolution", "random", "test", "margin = 0.0")
    return bed.run(study(BOTH, benchmarks=CITATION[:2], evaluations=40, more=lower))


@flawed("failures-concentrated")
def study_one_method_fails(bed: Bed) -> Path:
    """One method gives up where its start is bad, which is often: its mean is that of lucky starts."""
    bed.borrow("fragile.py")
    fragile = 'loop = "fragile.py:search"\nhyperparameters = { patience = 87.0 }'
    return bed.run(
        study({"random": RANDOM, "fragile": fragile}, evaluations=60, more=better("fragile", "random"))
    )


@flawed("dependent-tasks", also=("too-few-replicates",))
def study_citation_graphs_as_tasks(bed: Bed) -> Path:
    """A claim about tasks in general rests on three graphs of one family."""
    claim = better("evolution", "random", "signal", 'scope = "tasks"')
    return bed.run(study(BOTH, benchmarks=CITATION, evaluations=100, more=claim))


@flawed("hyperparameters-after-test", also=("changed-after-look", "too-few-replicates"))
def study_retuned_after_test(bed: Bed) -> Path:
    """Evolution was given three populations, one after another, with the test asked for each time."""
    path = bed.folder / "study.toml"
    for population in (10, 20, 5):
        evolution = f"{EVOLUTION}\nhyperparameters = {{ population = {population} }}"
        path = bed.run(
            study(
                {"random": RANDOM, "evolution": evolution},
                benchmarks=CORA,
                evaluations=40,
                more=better("evolution", "random", "test"),
            )
        )
    return path


@flawed("hyperparameters-after-test", also=("changed-after-look", "too-few-replicates"))
def study_settings_file_after_test(bed: Bed) -> Path:
    """The settings of a loop stand in a declared file, which was changed after the test was told."""
    bed.borrow("settings.py")
    path = bed.folder / "study.toml"
    for start in (3, 12):
        bed.write("settings.json", json.dumps({"start": start, "kind": 0}))
        methods = {"random": RANDOM, "climber": 'loop = "settings.py:search"\nfiles = ["settings.json"]'}
        path = bed.run(
            study(methods, benchmarks=CORA, evaluations=40, more=better("climber", "random", "test"))
        )
    return path
