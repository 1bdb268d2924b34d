"""Proves the cause of a difference: the named operator alone, on the recorded inputs, under both settings."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from assay.capture.recording.launch import HookSettings
from assay.foundation.errors import AssayError
from assay.verification.commands.apply import apply
from assay.verification.commands.change import Change
from assay.verification.commands.explanation import Proof
from assay.verification.commands.operators import OperatorDifference
from assay.verification.commands.repeat import Repeater
from assay.verification.commands.replay import Replay, compare_outputs, replay


def prove(
    repeater: Repeater, hook: HookSettings, operator: OperatorDifference, changes: Sequence[Change]
) -> Proof:
    """Keep the operator's inputs in one more repeat, run it alone with and without `changes`, and compare."""
    saving = msgspec.structs.replace(
        hook,
        operators=(operator.step, operator.step),
        save=(operator.step, operator.index),
    )
    kept = repeater.run(hook=saving, keep="saved").folder / "operator"
    if not (kept / "call.json").exists():
        return Proof(
            proved=False,
            sentence="The inputs of the operator could not be kept, so that it was not replayed.",
        )
    try:
        plain, changed = (_replayed(repeater, kept, chosen) for chosen in ((), changes))
        size = compare_outputs(plain, changed)
    except AssayError as error:
        return Proof(proved=False, sentence=f"The operator could not be replayed alone: {error.one_line()}.")
    if plain.digests == changed.digests:
        return Proof(
            proved=False,
            sentence="Replayed alone on the recorded inputs, the operator gives equal outputs under both "
            "settings: what surrounds it plays a part.",
        )
    return Proof(proved=True, sentence=_sentence(size.text()), size=size)


def _replayed(repeater: Repeater, folder: Path, changes: Sequence[Change]) -> Replay:
    applied = apply(changes, repeater.restored, repeater.variables(), store=None)
    return replay(folder, repeater.interpreter, applied.variables, applied.threads)


def _sentence(size: str) -> str:
    return (
        "Replayed alone on the recorded inputs under both settings, that operator gives outputs that "
        f"differ ({size}): the cause is proved."
    )
