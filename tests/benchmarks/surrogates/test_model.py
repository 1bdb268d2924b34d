"""A saved surrogate: read back without running anything, and used as a benchmark."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assay.benchmarks.surrogates.model import (
    SurrogateBenchmark,
    open_surrogate,
    read_surrogate,
    save_surrogate,
    surrogate_names,
    surrogate_path,
)
from assay.benchmarks.surrogates.report import Fitted
from assay.contracts.evaluation import Evaluation
from assay.foundation.errors import IntegrityError, UnavailableError, UnknownNameError, UsageError


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, fitted: Fitted) -> Path:
    """Return a cache folder with the fitted surrogate."""
    folder = tmp_path_factory.mktemp("surrogates")
    save_surrogate(fitted.surrogate, surrogate_path(folder, fitted.report.surrogate))
    return folder


@pytest.fixture
def opened(place: Path) -> SurrogateBenchmark:
    """Return the surrogate as a benchmark."""
    return open_surrogate("surrogate:nas-bench-201/cifar10", place)


def test_a_surrogate_comes_back_as_it_was(
    place: Path, fitted: Fitted, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every array is equal byte by byte, and no LightGBM is needed to use it."""
    monkeypatch.setitem(sys.modules, "lightgbm", None)
    opened = open_surrogate("nas-bench-201/cifar10", place)
    before, after = fitted.surrogate, opened.surrogate
    assert (after.card, after.encode.names) == (before.card, before.encode.names)
    for first, second in zip(before.members + before.costs, after.members + after.costs, strict=True):
        assert all(
            np.asarray(a).tobytes() == np.asarray(b).tobytes() for a, b in zip(first, second, strict=True)
        )
    archs = [opened.space.at(i) for i in range(0, 15_625, 500)]
    direct = SurrogateBenchmark(before, opened.space, "").predict(archs)
    for one, two in zip(direct, opened.predict(archs), strict=True):
        assert one.tobytes() == two.tobytes()


def test_equal_surrogates_are_equal_files(place: Path, fitted: Fitted, tmp_path: Path) -> None:
    """Saving what was read gives the same bytes."""
    path = surrogate_path(place, "nas-bench-201/cifar10")
    save_surrogate(read_surrogate(path).surrogate, tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == path.read_bytes()


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(where=st.floats(0, 1, exclude_max=True), change=st.integers(1, 255))
def test_a_damaged_surrogate_is_named(place: Path, tmp_path: Path, where: float, change: int) -> None:
    """A changed byte anywhere raises with the name of the file."""
    data = bytearray(surrogate_path(place, "nas-bench-201/cifar10").read_bytes())
    data[int(where * len(data))] ^= change
    (tmp_path / "damaged.surrogate").write_bytes(data)
    with pytest.raises(IntegrityError, match=r"damaged\.surrogate"):
        read_surrogate(tmp_path / "damaged.surrogate")


def test_a_surrogate_that_was_cut_short_is_named(place: Path, tmp_path: Path) -> None:
    """A part of a file is no surrogate."""
    data = surrogate_path(place, "nas-bench-201/cifar10").read_bytes()
    (tmp_path / "short.surrogate").write_bytes(data[: len(data) // 2])
    with pytest.raises(IntegrityError, match=r"short\.surrogate"):
        read_surrogate(tmp_path / "short.surrogate")


def test_names_find_their_surrogate_and_no_other_place(place: Path) -> None:
    """A typo suggests the nearest, and no name leads out of the folder."""
    assert surrogate_names(place) == ["nas-bench-201/cifar10"]
    with pytest.raises(UnknownNameError, match="cifar10'"):
        open_surrogate("nas-bench-201/cifar11", place)
    for name in ("../x", "a//b", "/etc/passwd", ".hidden", ""):
        with pytest.raises(UsageError, match="no name"):
            surrogate_path(place, name)


def test_the_card_says_that_numbers_are_predicted(opened: SurrogateBenchmark) -> None:
    """Its name, its extra note, its first erratum and its source say so; there is no test metric."""
    card = opened.card
    assert card.benchmark == opened.name == "surrogate:nas-bench-201/cifar10"
    assert [note.origin for note in card.extra_notes] == ["predicted"]
    assert "predicted" in card.errata[0].summary
    assert "not measured" in card.errata[0].summary
    assert card.test is None
    assert opened.card_digest == card.meaning()


def test_it_answers_as_a_table_does(opened: SurrogateBenchmark) -> None:
    """One architecture, a batch and the whole column give the same bits; costs are never below the data's."""
    evaluate = opened.evaluator("validation", None, opened.default_fidelity)
    archs = [opened.space.at(i) for i in range(0, 15_625, 1_000)]
    found = [evaluate(arch) for arch in archs]
    assert all(isinstance(one, Evaluation) for one in found)
    batch = opened.predict(archs)
    assert [one.value for one in found] == batch.means.tolist()
    assert [one.cost for one in found] == batch.costs.tolist()
    assert min(batch.costs) >= opened.surrogate.smallest_cost > 0
    assert opened.column("validation")[::1_000].tolist() == batch.means.tolist()
    assert opened.best("validation") == opened.column("validation").max()


def test_a_training_is_drawn_once_and_repeats_to_the_bit(opened: SurrogateBenchmark, place: Path) -> None:
    """The same training of the same architecture has the same noise in whatever order it is asked for."""
    archs = [opened.space.at(i) for i in range(100)]
    values = [opened.evaluator("validation", "seed=3")(arch).value for arch in archs]
    again = open_surrogate(opened.name, place)
    backwards = [again.evaluator("validation", "seed=3")(arch).value for arch in reversed(archs)]
    assert values == backwards[::-1]
    assert values == again.column("validation", "seed=3")[:100].tolist()
    assert values != [opened.evaluator("validation", "seed=4")(arch).value for arch in archs]


def test_the_noise_of_trainings_is_that_of_the_region(opened: SurrogateBenchmark) -> None:
    """Over many architectures the draws have mean 0 and the standard deviation of the model's noise."""
    archs = [opened.space.at(i) for i in range(0, 15_625, 10)]
    means, _, noises, _ = opened.predict(archs)
    values = np.array([opened.evaluator("validation", "seed=0")(arch).value for arch in archs])
    standard = (values - means) / noises
    assert abs(standard.mean()) < 0.1
    assert standard.std() == pytest.approx(1.0, abs=0.06)


def test_what_it_lacks_is_said(opened: SurrogateBenchmark) -> None:
    """Another signal, fidelity, policy or architecture, and a continued training, are refused by name."""
    with pytest.raises(UnknownNameError, match="signal"):
        opened.evaluator("test")
    with pytest.raises(UnknownNameError, match="fidelity"):
        opened.at("12-epochs")
    with pytest.raises(UnknownNameError, match="seed policy"):
        opened.evaluator("validation", "seed=777")
    with pytest.raises(UnavailableError, match="continues no training"):
        opened.evaluator("validation", continues=opened.default_fidelity)
    with pytest.raises(UsageError, match="not an architecture"):
        opened.evaluator("validation")((9,) * 6)
