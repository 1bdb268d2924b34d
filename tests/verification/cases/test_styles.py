"""Programs of every style are recorded alike twice, come out again, and nothing is blamed."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from planted.measure import record

from assay.records.store import Store
from assay.records.trace import load_trace
from assay.verification.commands.explain import explain
from assay.verification.commands.seen import COMPUTED, judged
from assay.verification.commands.traces import first_difference
from assay.verification.commands.verify import verify_command

STYLES = Path(__file__).resolve().parents[2] / "assay_hook" / "programs"
NAMES = sorted(path.stem for path in STYLES.glob("*.py") if not path.stem.startswith("_"))
QUICK = ("plain_loop", "numpy_only", "loader_augment")
# A program in which the hook sees no computation is known by what it prints.
PRINTED = ("numpy_only",)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] * (name not in QUICK)) for name in NAMES]
)
def test_a_program_of_this_style_agrees_with_itself(name: str, tmp_path: Path) -> None:
    """Two records agree in every step, a repeat is identical, and no cause is found for no difference."""
    project, store = tmp_path / "project", Store(tmp_path / "store")
    project.mkdir()
    for file in (f"{name}.py", "_shared.py"):
        shutil.copy(STYLES / file, project / file)
    a, b = (record(store, project, [f"{name}.py"], tmp_path / "cache") for _ in range(2))
    traces = [load_trace(store, one) for one in (a, b)]
    kinds = {row["kind"] for row in traces[0].steps}
    assert kinds & set(COMPUTED) or name in PRINTED
    assert len(traces[0].steps) == len(traces[1].steps)
    assert first_difference(*map(judged, traces)) is None
    verified = verify_command(store, a, repeats=1)
    assert verified.verdict.text() == "identical 1/1", verified
    found = explain(store, a, b, cache=tmp_path / "cache", locate=True, attributed=True)
    assert found.answer == "identical", found.paragraph
    assert found.attribution is None
    assert found.runs == 0


def test_a_repeat_finds_modules_by_the_recorded_search_path(tmp_path: Path) -> None:
    """PYTHONPATH belongs to the command: a repeat from another shell has the recorded one, in its copy."""
    project, store = tmp_path / "project", Store(tmp_path / "store")
    (project / "src").mkdir(parents=True)
    (project / "src" / "found.py").write_text("VALUE = 3\n")
    (project / "train.py").write_text("import found\nprint('value', found.VALUE)\n")
    search = {"PYTHONPATH": str(project / "src")}
    made = record(store, project, ["train.py"], tmp_path / "cache", variables=search)
    (project / "src" / "found.py").write_text("VALUE = 4\n")
    assert verify_command(store, made, repeats=1).verdict.text() == "identical 1/1"
