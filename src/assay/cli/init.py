"""The body of `assay init`."""

from __future__ import annotations

from pathlib import Path

from assay.cli.output import give, say
from assay.foundation.errors import UsageError
from assay.foundation.files import write_atomic

TEMPLATE = """# A study: search methods on benchmarks, many times each, under one budget and one protocol.
#
#   assay run {file} --dry-run    what would run, why, and what it would cost
#   assay run {file}              run it; again: nothing; after an interrupt: go on
#   assay verify {file}           repeat a random sample in fresh processes
#   assay report {file}           one HTML file with results, figures and evidence

name = "{name}"
question = "Does regularized evolution find better architectures than random search?"

# Independent repeats of every method on every benchmark. More later extend the study: the runs
# that are there stand, and the report says that it was extended.
replicates = 10
seed = 0

# `assay table ls` lists the benchmarks. A whole family is "nas-bench-graph/*"; a suite is named
# with  suite = "graphs-v1"  instead.
benchmarks = ["nas-bench-graph/cora", "nas-bench-graph/citeseer", "nas-bench-graph/pubmed"]

[budget]
evaluations = 100        # or: table_seconds = 20000.0, where the benchmark's card has a cost

[protocol]
signal = "validation"    # what the methods see; never the test metric
# seeds = "mean-of-available"    # a seed policy of the card; each card has its default
assessment = "required"  # or "where-available", or "none": the test metric, asked once, at the end
simulated_workers = 1    # time on a table is virtual: 1 to 1,024

# Each method is a strategy (a registered name or "file.py:Class"), a loop of your own
# (loop = "file.py:function"), or a command that speaks JSON lines (command = ["./search"]).
[methods.random]
strategy = "random-search"
label = "Random search"  # labels are shown, and change nothing else

[methods.evolution]
strategy = "regularized-evolution"
label = "Regularized evolution"
hyperparameters = {{ population = 20, tournament = 5 }}

# What you expect, written before the run. Each claim ends as supported, refuted or undecided.
[[claims]]
better = "evolution"
than = "random"
metric = "test"
margin = 0.0
"""


def init(path: Path) -> int:
    """Write a commented study file; an existing one is left alone."""
    try:
        taken = path.exists()
    except OSError as error:
        raise UsageError("the file cannot be written", where=str(path)[:80], why=error.strerror) from None
    if taken:
        raise UsageError(
            "the file exists and was left alone", where=str(path), hint=f"assay init {path.stem}-2.toml"
        )
    name = path.stem
    write_atomic(path, TEMPLATE.format(file=path, name=name.replace("\\", "/").replace('"', "'")).encode())
    give(str(path))
    say(f"next: assay run {path} --dry-run")
    return 0
