"""The unit of a table: declared, or known from a metric that is a bounded share; and the order of methods."""

from __future__ import annotations

from pathlib import Path

import pytest

from assay.analysis.comparison import compare
from assay.analysis.reading.read import read_table
from assay.foundation.errors import UnknownNameError, UsageError


def table(folder: Path, metric: str, scale: float = 1.0, odd: float = 1.0) -> Path:
    """Return a table of two methods on seven tasks; `odd` scales the last task alone."""
    lines = [f"method,task,seed,{metric}"]
    lines += [
        f"{m},t{t},{s},{(0.5 + 0.1 * i + s / 100) * scale * (odd if t == 6 else 1.0):.4f}"
        for t in range(7)
        for i, m in enumerate(("Ours", "base"))
        for s in range(5)
    ]
    path = folder / "t.csv"
    path.write_text("\n".join(lines))
    return path


@pytest.mark.parametrize(
    ("metric", "scale"), [("acc", 1.0), ("test_accuracy", 100.0), ("mAP", 1.0), ("F1", 90.0)]
)
def test_a_bounded_share_is_a_unit_and_is_told(tmp_path: Path, metric: str, scale: float) -> None:
    """Scores of one share are compared by signed ranks, and a note says why."""
    read = read_table(table(tmp_path, metric, scale))
    assert set(read.scores.units) == {metric}
    assert any("in one unit" in note for note in read.notes)
    found = compare(read.scores).pairwise
    assert found is not None
    assert found.test == "signed-rank"


@pytest.mark.parametrize(
    ("metric", "scale", "odd"),
    [
        ("acc", 1.0, 100.0),
        ("acc", 200.0, 1.0),
        ("score", 1.0, 1.0),
        ("accuracy_gain", 1.0, 1.0),
        ("acc", -1.0, 1.0),
    ],
)
def test_other_scores_have_no_unit(tmp_path: Path, metric: str, scale: float, odd: float) -> None:
    """Fractions beside percent, values out of bounds and other metrics are compared by signs."""
    read = read_table(table(tmp_path, metric, scale, odd))
    assert set(read.scores.units) == {""}
    assert not any("in one unit" in note for note in read.notes)


def test_a_declared_unit_stands(tmp_path: Path) -> None:
    """`unit` settles it, and an empty one is a mistake."""
    path = table(tmp_path, "score", 1e3)
    assert set(read_table(path, unit="ms").scores.units) == {"ms"}
    with pytest.raises(UsageError, match="a unit needs a name"):
        read_table(path, unit=" ")


def test_methods_stand_in_the_order_asked_for(tmp_path: Path) -> None:
    """Those named come first, the others in their natural order; an unknown name is refused."""
    path = table(tmp_path, "acc")
    assert read_table(path).scores.methods == ("base", "Ours")
    assert read_table(path, order=["Ours"]).scores.methods == ("Ours", "base")
    with pytest.raises(UnknownNameError, match="ours"):
        read_table(path, order=["ours"])


def test_the_order_is_natural_whichever_replicates_there_are(tmp_path: Path) -> None:
    """A method that lacks the first seed keeps its place."""
    path = tmp_path / "t.csv"
    path.write_text("method,task,seed,acc\nb,x,1,0.1\nb,x,2,0.2\na,x,2,0.3\na,x,3,0.4\n")
    assert read_table(path).scores.methods == ("a", "b")
