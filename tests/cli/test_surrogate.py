"""Fitting a surrogate from the command line, and importing those of NAS-Bench-301."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from bench import Bench

from assay.benchmarks.surrogates.model import open_surrogate
from assay.cli import surrogate
from assay.foundation.errors import UnknownNameError, UsageError

PUBLISHED = Path(__file__).parents[1] / "benchmarks" / "surrogates" / "published"
PROTEINS = "nas-bench-graph/proteins"


@pytest.fixture(scope="session")
def lightgbm() -> Any:
    """Return LightGBM, imported outside all tests: what it imports draws from `random`."""
    return pytest.importorskip("lightgbm", reason="LightGBM, of the extra 'surrogates', fits the trees")


@pytest.fixture
def own_cache(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a cache of this test's own, with the tables of all."""
    folder = tmp_path / "own-cache"
    folder.mkdir()
    (folder / "tables").symlink_to(cache / "tables")
    monkeypatch.setenv("ASSAY_CACHE", str(folder))
    return folder


def _fit(benchmark: str, **changed: Any) -> int:
    settings: dict[str, Any] = {"signal": None, "fidelity": None, "seed": 0, "out": None, "records": None}
    return surrogate.fit(benchmark, **(settings | {"json": False} | changed))


def test_a_table_is_fitted_saved_and_reported(
    own_cache: Path, capsys: pytest.CaptureFixture[str], lightgbm: Any
) -> None:
    """The report is printed and kept, and the surrogate is a benchmark."""
    assert _fit(PROTEINS) == 0
    text = capsys.readouterr()
    assert "held out" in text.out and "sparse tau" in text.out
    assert "their noise is unknown" in text.out
    assert "predicted" in text.err
    found = json.loads((own_cache / "surrogates" / f"{PROTEINS}.json").read_text())
    assert found["scores"]["kendall"] > 0.3
    opened = open_surrogate(found["surrogate"], own_cache)
    assert opened.space.name == "nas-bench-graph-proteins"
    assert opened.card.seeds.policies == ("noiseless",)


def test_what_searches_evaluated_is_fitted_and_each_method_left_out(
    own_cache: Path, bench: Bench, capsys: pytest.CaptureFixture[str], lightgbm: Any
) -> None:
    """With records the surrogate stands on the evaluations in the store alone."""
    study = (bench.folder / "study.toml").read_text().replace("evaluations = 30", "evaluations = 60")
    bench.write("study.toml", study)
    bench("run", "study.toml")
    capsys.readouterr()
    store = next(path.parent for path in bench.folder.rglob("format.json"))
    assert _fit("nas-bench-graph/cora", records=store, out="searched", json=True) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["surrogate"] == "surrogate:searched"
    assert found["architectures"] < 1_000
    assert [one["method"] for one in found["methods"]]


def test_a_store_without_such_searches_is_named(own_cache: Path, bench: Bench) -> None:
    """Nothing is fitted on nothing."""
    bench("run", "study.toml")
    store = next(path.parent for path in bench.folder.rglob("format.json"))
    with pytest.raises(UsageError, match="no search in this store"):
        _fit("nas-bench-201/cifar10", records=store)


def test_typing_mistakes_suggest_what_was_meant(own_cache: Path) -> None:
    """Benchmark, signal and fidelity are checked before anything is fitted."""
    with pytest.raises(UnknownNameError, match="proteins"):
        _fit("nas-bench-graph/protein")
    with pytest.raises(UnknownNameError, match="validation"):
        _fit(PROTEINS, signal="validatoin")
    with pytest.raises(UnknownNameError, match="fidelity"):
        _fit(PROTEINS, fidelity="7-epochs")


def test_the_surrogates_of_nas_bench_301_are_imported(
    own_cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A folder in the published layout becomes a surrogate of the cache."""
    for seed in (0, 1):
        member = tmp_path / "xgb_v1.0" / str(seed)
        member.mkdir(parents=True)
        shutil.copy(PUBLISHED / f"xgb-{seed}.model", member / "surrogate_model.model")
        (member / "model_config.json").write_text('{"model": "xgb"}')
    assert surrogate.import_nas_bench_301(tmp_path / "xgb_v1.0", runtime=None, out=None, json=True) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["members"] == 2
    assert open_surrogate(found["benchmark"], own_cache).space.name == "darts"


def test_without_a_folder_the_command_says_how_to_get_one(own_cache: Path) -> None:
    """The archives are not fetched: the hint is the command with a folder."""
    with pytest.raises(UsageError, match=r"nas-bench-301 --from FOLDER"):
        surrogate.import_nas_bench_301(None, runtime=None, out=None, json=False)
