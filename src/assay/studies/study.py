"""The study: methods x benchmarks x replicates, a budget, a protocol, and claims."""

from __future__ import annotations

from typing import Any

import msgspec

from assay.contracts.problem import Budget

ASSESSMENTS = ("required", "where-available", "none")


class Protocol(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What every method is given and how it is scored.

    `signal` is what strategies see. `seeds` names a seed policy of the cards (None: each card's
    default). `assessment` says whether the test metric is asked for: 'required', 'where-available'
    or 'none'. Time on a table is virtual, so that `simulated_workers` changes no run time.
    """

    signal: str = "validation"
    seeds: str | None = None
    assessment: str = "required"
    simulated_workers: int = 1


class Method(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A search method: exactly one of a strategy, a loop, or a command.

    `strategy` is a registered name or 'file.py:Class'; `loop` is 'file.py:function', called with
    a session; `command` speaks JSON lines. `files` are files and folders that the method reads, and
    that are part of its identity besides its code. `label` is shown and in no identity.
    """

    strategy: str | None = None
    loop: str | None = None
    command: tuple[str, ...] | None = None
    files: tuple[str, ...] = ()
    label: str | None = None
    hyperparameters: dict[str, Any] = {}


class Claim(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True, forbid_unknown_fields=True):
    """An assertion: `better` beats `than` in the mean of `metric` by more than `margin`.

    `metric` is 'test' or 'signal'; `on` lists benchmarks (empty: all of the study that have it).
    """

    better: str
    than: str
    metric: str = "test"
    margin: float = 0.0
    on: tuple[str, ...] = ()
    confidence: float = 0.95


class Study(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A study as written. Its name, question, labels and claims are in no identity."""

    name: str
    methods: dict[str, Method]
    budget: Budget
    question: str = ""
    benchmarks: tuple[str, ...] = ()
    suite: str | None = None
    replicates: int = 10
    seed: int = 0
    protocol: Protocol = Protocol()
    claims: tuple[Claim, ...] = ()
