"""NAS-Bench-301: the published surrogates over the cells of DARTS, where the user has their files.

Source: Siems et al., arXiv:2008.09777, 2020, and Zela et al., "Surrogate NAS Benchmarks", ICLR 2022;
`api.py`, `surrogate_models/{ensemble,utils}.py`, `surrogate_models/gradient_boosting/` and
`configspace.json` of automl/nasbench301 (Apache-2.0). An ensemble is a folder with a folder for each
member, of `surrogate_model.model`, `data_config.json` and `model_config.json` (whose 'model' is 'xgb',
'lgb', 'gnn_gin', ...; with '_time', it predicts the seconds of a training).

The published xgb and lgb members are pickles of the library's booster. The model is taken out of them
without unpickling (`booster_pickle`); a model that the library saved itself, as JSON, in its binary form
or as text, is read too. Graph networks are pickles of PyTorch, and are refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
from blake3 import blake3

from assay.benchmarks.surrogates.booster_pickle import LIGHTGBM, XGBOOST, read_booster_pickle
from assay.benchmarks.surrogates.configuration import ConfigurationRows
from assay.benchmarks.surrogates.forest import Forest
from assay.benchmarks.surrogates.lightgbm_text import read_lightgbm
from assay.benchmarks.surrogates.model import NOISELESS, PREFIX, Surrogate
from assay.benchmarks.surrogates.xgboost_binary import read_xgboost
from assay.contracts.card import CostNote, ErrataNote, ExtraNote, ProtocolCard, SeedNote
from assay.contracts.evaluation import Fidelity
from assay.contracts.problem import Signal
from assay.foundation.errors import AssayError, CorruptError, UnavailableError, UsageError
from assay.tasks.cards import task_card

MEMBER = "surrogate_model.model"
_LARGEST = 1 << 30


def read_members(folder: Path) -> tuple[Forest, ...]:
    """Return the members of an ensemble below a folder, in the order of their folders' names.

    Raises `UsageError` where there is none, `UnavailableError` for a kind that is not read (graph
    networks, the paths of BANANAS), and `IntegrityError`, with its file, for one that is damaged.
    """
    places = sorted(folder.rglob(MEMBER))
    if not places:
        raise UsageError(
            f"there is no {MEMBER} below this folder",
            where=str(folder),
            hint="name the folder of one ensemble, such as nb_models/xgb_v1.0, as it was unpacked",
        )
    kinds = {_config(place).get("model") for place in places}
    if len(kinds) > 1:
        raise UsageError(
            "the folder holds more than one ensemble",
            where=str(folder),
            why=", ".join(sorted(map(str, kinds))),
            hint="name the folder of one of them",
        )
    return tuple(_member(place) for place in places)


def read_nas_bench_301(folder: Path, runtime: Path | None = None) -> Surrogate:
    """Return the surrogate of NAS-Bench-301 from the folder of its ensemble, and that of its runtimes.

    Without `runtime` an evaluation counts as one.
    """
    members = read_members(folder)
    costs = () if runtime is None else read_members(runtime)
    digests = {
        f"{label}/{place.relative_to(base).as_posix()}": blake3(place.read_bytes()).hexdigest()
        for label, base in (("accuracy", folder), ("runtime", runtime))
        if base is not None
        for place in sorted(base.rglob(MEMBER))
    }
    return Surrogate(_card(digests, has_costs=bool(costs)), ConfigurationRows(), members, costs, None, None)


def _member(place: Path) -> Forest:
    config = _config(place)
    kind = str(config.get("model", "")).removesuffix("_time").removesuffix("_runtime")
    if kind not in ("xgb", "lgb"):
        raise UnavailableError(
            f"members of the kind '{kind[:40]}' are not read",
            where=str(place),
            why="they are pickles of PyTorch or scikit-learn, which run code when they are loaded",
            hint="the xgb and lgb ensembles of the same release are read",
        )
    if config.get("param:bananas_enc"):
        raise UnavailableError("members that read the paths of BANANAS are not read", where=str(place))
    if place.stat().st_size > _LARGEST:
        raise CorruptError("the member is too large to be one", where=str(place))
    try:
        forest = _read(place.read_bytes(), kind)
    except AssayError as error:
        raise error.at(str(place)) from None
    width = len(ConfigurationRows().columns)
    if len(forest.feature) and int(forest.feature.max()) >= width:
        raise CorruptError(
            "the member reads more numbers than an architecture has here",
            where=str(place),
            why=f"{int(forest.feature.max()) + 1}, and not {width}",
        )
    return forest


def _read(data: bytes, kind: str) -> Forest:
    if data[:1] != b"\x80":
        return read_lightgbm(data.decode("utf-8", "replace")) if kind == "lgb" else read_xgboost(data)
    booster = read_booster_pickle(data)
    if booster.kind != (LIGHTGBM if kind == "lgb" else XGBOOST):
        raise CorruptError(f"its configuration says '{kind}', and it is a {booster.kind.replace(' ', '.')}")
    if isinstance(booster.model, str):
        return read_lightgbm(booster.model, best_iteration=booster.best_iteration)
    return read_xgboost(booster.model)


def _config(place: Path) -> Mapping[str, Any]:
    path = place.with_name("model_config.json")
    try:
        config = msgspec.json.decode(path.read_bytes())
    except (OSError, msgspec.DecodeError) as error:
        raise CorruptError(
            "the configuration of a member cannot be read", where=str(path), why=str(error)
        ) from None
    if not isinstance(config, dict):
        raise CorruptError("the configuration of a member is no object", where=str(path))
    return config


def _card(digests: dict[str, str], *, has_costs: bool) -> ProtocolCard:
    seeds = tuple(range(10))
    return ProtocolCard(
        benchmark=f"{PREFIX}nas-bench-301",
        version=1,
        space="darts",
        task=task_card("cifar10"),
        signals=(
            Signal(
                name="validation",
                metric="accuracy",
                split="the validation split of NAS-Bench-301 (predicted)",
                unit="%",
            ),
        ),
        fidelities=(Fidelity(schedule="100-epochs"),),
        seeds=SeedNote(
            seeds=seeds,
            aggregated=False,
            policies=(NOISELESS, *[f"seed={seed}" for seed in seeds]),
            note="predicted: 'noiseless' is the mean of the members, as `query_mean`; a seed adds a normal "
            "draw with their standard deviation, as `query` with noise, but the same at every repeat",
        ),
        test=None,
        no_test_because="the published surrogates predict validation accuracy",
        cost=CostNote(column="cost", unit="seconds", rule="seconds of one training, predicted")
        if has_costs
        else None,
        extra_notes=(
            ExtraNote(column="validation", title="accuracy", unit="%", origin="predicted", maximize=True),
        ),
        source="NAS-Bench-301, files of the user",
        digest_of_source=digests,
        licence="Apache-2.0",
        citation="Zela, Siems, Zimmer, Lukasik, Keuper, Hutter. Surrogate NAS Benchmarks: Going Beyond the "
        "Limited Search Spaces of Tabular NAS Benchmarks. ICLR 2022.",
        errata=(
            ErrataNote(
                summary="numbers are predicted by a surrogate and were not measured",
                source="https://github.com/automl/nasbench301",
            ),
        ),
    )
