"""The published surrogates of NAS-Bench-301, in the layout in which they are published.

The members in `published/` are no files of NAS-Bench-301, which cannot be copied here: they were fitted on
numbers made for this test, by XGBoost 1.2.0 and LightGBM 2.3.1, and pickled as its code pickles them; the
expected predictions are those libraries' own.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from assay.benchmarks.surrogates.configuration import ConfigurationRows
from assay.benchmarks.surrogates.model import (
    SurrogateBenchmark,
    open_surrogate,
    save_surrogate,
    surrogate_path,
)
from assay.benchmarks.surrogates.nas_bench_301 import read_members, read_nas_bench_301
from assay.foundation.errors import CorruptError, UnavailableError, UnsafePickleError, UsageError
from assay.spaces.catalogue import get_space

PUBLISHED = Path(__file__).parent / "published"
DARTS = get_space("darts")
GENOTYPE = (
    "Genotype(normal=[('sep_conv_3x3', 0), ('max_pool_3x3', 1), ('max_pool_3x3', 0), ('dil_conv_5x5', 2), "
    "('sep_conv_5x5', 1), ('sep_conv_3x3', 2), ('dil_conv_3x3', 0), ('sep_conv_3x3', 2)], "
    "normal_concat=range(2, 6), reduce=[('sep_conv_3x3', 0), ('skip_connect', 1), ('skip_connect', 0), "
    "('max_pool_3x3', 2), ('avg_pool_3x3', 1), ('dil_conv_3x3', 2), ('max_pool_3x3', 1), "
    "('avg_pool_3x3', 3)], reduce_concat=range(2, 6))"
)
NAN = -1.0
# `Configuration.get_array()` of ConfigSpace 0.4.12, built from its sources at tag v0.4.12, for GENOTYPE with
# `fixed_hyperparameters` of nasbench301/api.py in the space of nasbench301/configspace.json, changed as
# `ConfigLoader.load_config_space` does; nan became -1, as in `lgboost.py` and `xgboost.py`.
VECTOR = [
    0.5863451791322545, 0, 0, 0, 0.16666444442962952, 0.3099999239999697, 0, 0, 0, 0, 3, 0, 3, 2,
    0.003149999006299998, 1, 3, 1, 1, 3, 5, 0.000749999001499998, 0, 0, -3.6888794541139363,
    0.8988764044943821, -8.111728083308073, 0.009949999019899998, 1e-12, 0, 0, 0.7051278400653053,
    NAN, 3, NAN, NAN, 0, NAN, 6, NAN, 4, 3, NAN, 5, 0, NAN, 1, NAN, 2, NAN, 0, NAN, 1, 5, NAN, NAN,
]  # fmt: skip


def lay_out(folder: Path, library: str, kind: str) -> Path:
    """Lay an ensemble of two members out as NAS-Bench-301 does, and return its folder."""
    for seed in (0, 1):
        member = folder / f"{library}_v1.0" / f"surrogate_{seed}"
        member.mkdir(parents=True)
        shutil.copy(PUBLISHED / f"{library}-{seed}.model", member / "surrogate_model.model")
        (member / "model_config.json").write_text(json.dumps({"model": kind, "param:bananas_enc": False}))
        (member / "data_config.json").write_text(json.dumps({"seed": seed}))
    return folder / f"{library}_v1.0"


@pytest.fixture
def opened(tmp_path: Path) -> SurrogateBenchmark:
    """Return the surrogate of both ensembles, read, saved and opened again."""
    surrogate = read_nas_bench_301(lay_out(tmp_path, "xgb", "xgb"), lay_out(tmp_path, "lgb", "lgb_time"))
    save_surrogate(surrogate, surrogate_path(tmp_path, "nas-bench-301"))
    return open_surrogate("surrogate:nas-bench-301", tmp_path)


def test_a_genotype_is_the_vector_of_configspace() -> None:
    """All 56 numbers are equal to the bit."""
    assert ConfigurationRows()([DARTS.parse(GENOTYPE)])[0].tolist() == VECTOR


@pytest.mark.parametrize("library", ["lgb", "xgb"])
def test_members_predict_what_their_library_predicts(library: str, tmp_path: Path) -> None:
    """LightGBM's members agree to the bit; XGBoost 1.2 adds the base score last, in float32."""
    expected = json.loads((PUBLISHED / f"{library}.json").read_text())
    rows = ConfigurationRows()([DARTS.parse(text) for text in expected["genotypes"]])
    for member, wanted in zip(
        read_members(lay_out(tmp_path, library, library)), expected["predictions"], strict=True
    ):
        found = member.predict(rows)
        if library == "lgb":
            assert found.tolist() == wanted
        else:
            assert np.max(np.abs(found - np.array(wanted))) <= 8 * np.spacing(np.float32(95))


def test_the_surrogate_answers_as_the_ensemble(opened: SurrogateBenchmark) -> None:
    """Without noise it is the mean of the members (`query_mean`), and the runtime is the charged cost."""
    expected = [json.loads((PUBLISHED / f"{name}.json").read_text()) for name in ("xgb", "lgb")]
    evaluate = opened.evaluator("validation")
    for i, text in enumerate(expected[0]["genotypes"]):
        found = evaluate(DARTS.parse(text))
        assert found.value == pytest.approx(np.mean([p[i] for p in expected[0]["predictions"]]), abs=1e-4)
        costs = opened.surrogate.costs
        row = ConfigurationRows()([DARTS.parse(text)])
        assert found.cost == pytest.approx(np.mean([member.predict(row)[0] for member in costs]))
    assert opened.card.extra_notes[0].origin == "predicted"


def test_noise_is_the_spread_of_the_members_and_repeats(opened: SurrogateBenchmark) -> None:
    """As `query` with noise, the standard deviation is that of the members; but a repeat is the same."""
    arch = DARTS.parse(GENOTYPE)
    means, spreads, noises, _ = opened.predict([arch])
    assert noises.tolist() == spreads.tolist()
    each = [member.predict(opened.surrogate.encode([arch]))[0] for member in opened.surrogate.members]
    assert spreads[0] == pytest.approx(np.std(each))
    draws = [opened.evaluator("validation", f"seed={k}")(arch).value for k in range(10)]
    assert len(set(draws)) == 10
    assert draws == [opened.evaluator("validation", f"seed={k}")(arch).value for k in range(10)]
    assert max(abs(draw - means[0]) for draw in draws) < 5 * spreads[0]


def test_graph_networks_are_refused_by_name(tmp_path: Path) -> None:
    """Pickles of PyTorch are not opened."""
    with pytest.raises(UnavailableError, match="'gnn_gin'") as caught:
        read_members(lay_out(tmp_path, "xgb", "gnn_gin"))
    assert "surrogate_model.model" in str(caught.value)


def test_a_folder_without_members_says_what_is_looked_for(tmp_path: Path) -> None:
    """The hint names a folder as it is unpacked."""
    with pytest.raises(UsageError, match="surrogate_model"):
        read_members(tmp_path)


def test_two_ensembles_are_not_mixed(tmp_path: Path) -> None:
    """The folder above all ensembles is no ensemble."""
    lay_out(tmp_path, "xgb", "xgb")
    lay_out(tmp_path, "lgb", "lgb")
    with pytest.raises(UsageError, match="more than one ensemble"):
        read_members(tmp_path)


def test_a_member_of_another_library_than_it_says_is_refused(tmp_path: Path) -> None:
    """A pickle of XGBoost in a folder of LightGBM is named with both."""
    with pytest.raises(CorruptError, match="says 'lgb'"):
        read_members(lay_out(tmp_path, "xgb", "lgb"))


def test_a_member_that_is_no_booster_is_refused_unrun(tmp_path: Path) -> None:
    """A pickle that would run something is named with its file."""
    folder = lay_out(tmp_path, "xgb", "xgb")
    bad = folder / "surrogate_1" / "surrogate_model.model"
    bad.write_bytes(b"\x80\x03cposix\nsystem\nX\x04\x00\x00\x00true\x85R.")
    with pytest.raises(UnsafePickleError, match=r"posix\.system") as caught:
        read_members(folder)
    assert str(bad) in str(caught.value)


def test_a_member_without_a_configuration_is_named(tmp_path: Path) -> None:
    """What kind a member is, is not guessed."""
    folder = lay_out(tmp_path, "xgb", "xgb")
    (folder / "surrogate_0" / "model_config.json").unlink()
    with pytest.raises(CorruptError, match="configuration of a member"):
        read_members(folder)
