"""A cause is proved by the operator alone: what each way of its two replays is told as."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from assay.capture.recording.launch import HookSettings
from assay.capture.recording.restore import Restored
from assay.verification.commands.change import Change
from assay.verification.commands.explanation import Proof
from assay.verification.commands.operators import OPERATOR, OperatorDifference
from assay.verification.commands.proof import prove

# Stands for the interpreter of a program: it takes the arguments of the replay, and calls no operator.
REPLAY = """\
#!{python}
import json, os, struct, sys
folder, label = sys.argv[2], sys.argv[sys.argv.index("--label") + 1]
threads = sys.argv[sys.argv.index("--threads") + 1] if "--threads" in sys.argv else "0"
mode = os.environ.get("MODE", "")
if mode == "fails":
    print(json.dumps({{"format": 1, "failed": "RuntimeError: no kernel"}}))
    raise SystemExit(1)
if mode == "garbled":
    sys.stdout.buffer.write(b'[["\\xff"')
    raise SystemExit(0)
value = 1.0 + (2.0**-23 if mode == "other" or threads == "2" else 0.0)
shape = [1] if mode != "shape" else [1, 1]
place = os.path.join(folder, "outputs-" + label)
os.makedirs(place, exist_ok=True)
open(os.path.join(place, "output-0.bin"), "wb").write(struct.pack("<f", value))
outputs = [{{"dtype": "float32", "shape": shape, "file": "output-0.bin", "digest": repr((value, shape))}}]
json.dump({{"format": 1, "outputs": outputs}}, open(os.path.join(place, "outputs.json"), "w"))
print(json.dumps({{"format": 1, "digests": [[one["digest"] for one in outputs]] * 2, "torch": "2.13.0"}}))
"""
OPERATOR_DIFFERENCE = OperatorDifference(
    process=0,
    step=4,
    index=7,
    operator="aten.mm.default",
    module="",
    where="train.py:3",
    backward=False,
    kind=OPERATOR,
    detail="",
    inputs_equal=True,
)


class Replayable:
    """A repeater whose repeats keep the inputs of an operator, if they are to; `asked` is how it was run."""

    def __init__(self, folder: Path, *, kept: bool = True) -> None:
        self.folder, self.kept = folder, kept
        self.asked: list[HookSettings] = []
        self.interpreter = str(folder / "python")
        (folder / "python").write_text(REPLAY.format(python=sys.executable))
        (folder / "python").chmod(0o755)
        places = dict.fromkeys(("folder", "tree", "working"), folder)
        self.restored = Restored(
            **places, argv=("python", "train.py"), paths=(), variables={}, missing=(), notes=()
        )

    def variables(self) -> dict[str, str]:
        return {"PATH": "/usr/bin:/bin"}

    def run(self, *, hook: HookSettings, keep: str) -> Any:
        self.asked.append(hook)
        if self.kept:
            (self.folder / keep / "operator").mkdir(parents=True)
            (self.folder / keep / "operator" / "call.json").write_text("{}")
        return SimpleNamespace(folder=self.folder / keep)


def change(**fields: Any) -> Change:
    return Change(
        id="it", kind="variable", path="it", a="1", b="2", text="it: 1 -> 2", likelihood=0, **fields
    )


def proof(folder: Path, made: Change, *, kept: bool = True) -> Proof:
    repeater: Any = Replayable(folder, kept=kept)
    return prove(repeater, HookSettings(stop_after=4), OPERATOR_DIFFERENCE, [made])


@pytest.mark.parametrize(
    "made", [change(variables={"MODE": "other"}), change(threads=2)], ids=["variable", "threads"]
)
def test_other_outputs_under_the_changed_setting_prove_it(tmp_path: Path, made: Change) -> None:
    """One unit in the last place is enough, and is told."""
    found = proof(tmp_path, made)
    assert found.proved
    assert found.size is not None
    assert (found.size.max_ulp, found.size.differing, found.size.total) == (1, 1, 1)
    assert "1 of 1 numbers differ, by at most 1 ulp" in found.sentence
    assert found.sentence.endswith("the cause is proved.")


def test_equal_outputs_prove_nothing(tmp_path: Path) -> None:
    """An operator that gives the same under both settings is not what the cause acts on alone."""
    found = proof(tmp_path, change(variables={"MODE": "same"}))
    assert (found.proved, found.size) == (False, None)
    assert "what surrounds it plays a part" in found.sentence


@pytest.mark.parametrize(
    ("mode", "said"),
    [
        ("fails", "RuntimeError: no kernel"),
        ("garbled", "the operator cannot be replayed"),
        ("shape", "not of the same types and shapes"),
    ],
)
def test_a_replay_that_goes_wrong_is_told_and_proves_nothing(tmp_path: Path, mode: str, said: str) -> None:
    """Whatever the other process answers, it is a sentence and no error."""
    found = proof(tmp_path, change(variables={"MODE": mode}))
    assert not found.proved
    assert "could not be replayed alone" in found.sentence
    assert said in found.sentence


def test_inputs_that_were_not_kept_are_told(tmp_path: Path) -> None:
    """Without the inputs nothing is replayed."""
    found = proof(tmp_path, change(threads=2), kept=False)
    assert not found.proved
    assert "could not be kept" in found.sentence


def test_the_repeat_keeps_the_inputs_of_that_operator_and_goes_no_further(tmp_path: Path) -> None:
    """Only the operators of its step are logged, and the repeat is left where it was to be left."""
    repeater: Any = Replayable(tmp_path)
    prove(repeater, HookSettings(stop_after=4), OPERATOR_DIFFERENCE, [change(threads=2)])
    (hook,) = repeater.asked
    assert (hook.operators, hook.save, hook.stop_after) == ((4, 4), (4, 7), 4)
