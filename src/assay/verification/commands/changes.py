"""All differences of two recorded commands that can be applied to the first, one by one and together."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from assay.records.commands import CommandRecord, provenance_of_command
from assay.records.store import Store
from assay.verification.commands.apply import Applied, apply
from assay.verification.commands.candidates_code import CodeCandidates
from assay.verification.commands.candidates_data import data_changes
from assay.verification.commands.candidates_launch import launch_changes
from assay.verification.commands.candidates_packages import package_changes, prepare
from assay.verification.commands.change import KINDS, Change

__all__ = ["Applied", "Change", "apply", "changes_between", "informed", "prepare"]

_WRITTEN = frozenset({"code", "configuration", "argument"})
_ARITHMETIC = frozenset({"variable", "threads", "package", "interpreter"})
_READ = frozenset({"data", "hash seed"})
# Kinds that can bring about that a field of the trace is the first to differ, where all before it are equal.
_BEHIND = {
    "order": _WRITTEN | _READ,
    "batch": _WRITTEN | _READ,
    "inputs": _WRITTEN | _READ,
    "hyperparameters": _WRITTEN,
    "python": _WRITTEN | _READ,
    "numpy": _WRITTEN | _READ,
    "torch": _WRITTEN | _READ,
    "outputs": _WRITTEN | _ARITHMETIC,
    "loss": _WRITTEN | _ARITHMETIC,
    "gradients": _WRITTEN | _ARITHMETIC,
    "weights": _WRITTEN | _ARITHMETIC,
}
_ASIDE = 3


def is_arithmetic(field: str) -> bool:
    """Say whether another arithmetic can make a field of the trace differ where all before it is equal."""
    return _BEHIND.get(field, frozenset()) >= _ARITHMETIC


def changes_between(store: Store, a: CommandRecord, b: CommandRecord) -> list[Change]:
    """Return what makes the second command of the first, likely changes first.

    Each is as small as it can be: a hunk of code, a key of a configuration, a file of data, an option, a
    variable, a package. What cannot be applied on this machine is listed too, with the reason; versions
    of packages are taken to be possible until `prepare` has got them.
    """
    one, two = provenance_of_command(store, a), provenance_of_command(store, b)
    code = CodeCandidates(store.objects, one, two)
    found = [
        *code.changes(),
        *data_changes(store.objects, one, two),
        *launch_changes(one, two, code.program_names()),
        *package_changes(one, two),
    ]
    return sorted(found, key=_order)


def informed(changes: Sequence[Change], field: str) -> list[Change]:
    """Return the changes ordered by what differs first: a field of `records.trace.FIELDS`.

    A learning rate that differs is seldom the work of threads, nor a gradient that of data where the
    batches are equal. What seldom is behind the field is about eight times less likely; nothing is left
    out.
    """
    behind = _BEHIND.get(field)
    made = [
        change
        if behind is None or change.kind in behind
        else msgspec.structs.replace(change, likelihood=change.likelihood + _ASIDE)
        for change in changes
    ]
    return sorted(made, key=_order)


def _order(change: Change) -> tuple[int, int, str]:
    return change.likelihood, KINDS.index(change.kind), change.id
