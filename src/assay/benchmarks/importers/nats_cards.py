"""Protocol cards and official files of NATS-Bench and of NAS-Bench-201 v1.1.

Read at the source: nats_bench 1.8 (`api_utils.py`, `api_topology.py`, `api_size.py`), the README of
D-X-Y/NATS-Bench, and the history of files in the interface of NAS-Bench-201. `unverified`, as section 2.4
of the paper is commonly cited: latency was measured on an NVIDIA GTX 1080 Ti.
"""

from __future__ import annotations

from assay.benchmarks.importers.nats_states import TRAININGS, Layout
from assay.benchmarks.sources import OfficialFile, OfficialFiles
from assay.contracts.card import (
    CostNote,
    ErrataNote,
    ExtraNote,
    ProtocolCard,
    SeedNote,
    TestNote,
)
from assay.contracts.problem import Signal
from assay.tasks.cards import task_card

_REPOSITORY = "https://github.com/D-X-Y/NATS-Bench"
_LICENCE = "MIT, as the repository says; the files state none"
_CITATION = """@article{dong2021nats,
  title   = {{NATS-Bench}: Benchmarking {NAS} Algorithms for Architecture Topology and Size},
  author  = {Dong, Xuanyi and Liu, Lu and Musial, Katarzyna and Gabrys, Bogdan},
  journal = {IEEE Transactions on Pattern Analysis and Machine Intelligence},
  year    = {2021},
  doi     = {10.1109/TPAMI.2021.3054824}
}
"""
_CITATION_201 = """@inproceedings{dong2020nasbench201,
  title     = {{NAS-Bench-201}: Extending the Scope of Reproducible Neural Architecture Search},
  author    = {Dong, Xuanyi and Yang, Yi},
  booktitle = {International Conference on Learning Representations},
  year      = {2020}
}
"""


def _nats(space: str, base: str) -> OfficialFiles:
    folder, single = f"{base}-simple", f"{base}.pickle.pbz2"
    return OfficialFiles(
        name=f"nats-bench-{space}",
        version=base.removeprefix(f"NATS-{space}-"),
        homepage=_REPOSITORY,
        licence=_LICENCE,
        citation=_CITATION,
        obtain=f"download {folder}.tar (and unpack it: tar xf {folder}.tar) or {single} from the links in "
        f"the README of {_REPOSITORY}, which lead to Google Drive, Dropbox, OneDrive and Baidu",
        files=(
            OfficialFile(name=folder, is_folder=True),
            OfficialFile(name=f"{base}-full", is_folder=True),
            OfficialFile(name=single),
        ),
        optional=frozenset({f"{base}-full", single}),
        any_one=True,
    )


NATS_TSS = _nats("tss", "NATS-tss-v1_0-3ffb9")
NATS_SSS = _nats("sss", "NATS-sss-v1_0-50262")
NB201_PTH = OfficialFiles(
    name="nas-bench-201-v1.1",
    version="v1_1-096897",
    homepage="https://github.com/D-X-Y/NAS-Bench-201",
    licence=_LICENCE,
    citation=_CITATION_201,
    obtain="download NAS-Bench-201-v1_1-096897.pth from the link in the README of "
    "https://github.com/D-X-Y/NAS-Bench-201, which leads to Google Drive",
    files=(
        OfficialFile(name="NAS-Bench-201-v1_1-096897.pth"),
        OfficialFile(name="NAS-Bench-201-v1_1-archive", is_folder=True),
    ),
    optional=frozenset({"NAS-Bench-201-v1_1-archive"}),
    any_one=True,
)

_SEEDS = {
    "nats-bench-tss": "200 epochs: 777, 888 and 999, and nearly half of the architectures lack 999; 12 "
    "epochs: 111, "
    "and on CIFAR-10 777 as well",
    "nats-bench-sss": "90 epochs and 1 epoch: 777; 12 epochs: 777, 888 and 999",
    "nas-bench-201-v1.1": "200 epochs: 777, 888 and 999, of which 2,225 architectures have one, 5,439 two "
    "and 7,961 "
    "three, as the authors say; 12 epochs: one, and on CIFAR-10 two",
}
_COST = CostNote(
    column="cost",
    unit="seconds",
    rule="the rule of `simulate_train_eval` of nats_bench: the times of training up to the epoch, and one "
    "validation (the mean of their times); equal over seeds but where the import said otherwise (then the "
    "mean); continuing a training is charged the difference, so that the earlier validation pays for the "
    "later",
)
_EXTRAS = (
    ExtraNote(
        column="train_acc", title="training accuracy at the end", unit="%", origin="measured", maximize=True
    ),
    ExtraNote(column="params", title="parameters", unit="millions", origin="counted"),
    ExtraNote(column="flops", title="operations of one inference", unit="millions", origin="counted"),
    ExtraNote(
        column="latency",
        title="latency of a batch of 256",
        unit="seconds",
        origin="measured",
        device="NVIDIA GTX 1080 Ti",
    ),
)
_TEST_SPLITS = {
    "cifar10": "the 10,000 test images ('ori-test' of 'cifar10'), by networks that were trained anew on "
    "training and "
    "validation images together",
    "cifar100": "x-test: half of the 10,000 test images, the other half being x-valid",
    "imagenet16-120": "x-test: half of the 6,000 test images, the other half being x-valid",
}
_ISSUE = f"{_REPOSITORY}/issues/"
_API = "nats_bench 1.8, api_utils.py"
_ERRATA = (
    ErrataNote(
        summary="not every architecture has every seed; what is absent is missing here, never filled in",
        source=f"{_ISSUE}30",
    ),
    ErrataNote(
        summary="the parameters of some architectures differ between their seeds (204 at 200 epochs of the "
        "topology files); that of seed 888 is taken, as the official interface does",
        source=f"{_ISSUE}36",
    ),
    ErrataNote(
        summary="times are one number for all epochs and seeds of an architecture: not measurements of "
        "trainings",
        source=f"{_ISSUE}54",
    ),
    ErrataNote(
        summary="the official interface answers for 12 epochs, and of one seed by chance, unless it is told "
        "otherwise; "
        "here the longest schedule and the mean of the seeds come first",
        source=f"{_ISSUE}11 and https://github.com/D-X-Y/AutoDL-Projects/issues/97",
    ),
    ErrataNote(
        summary="CIFAR-10 has two keys: 'cifar10-valid' (trained on half of the training images; "
        "validation) and "
        "'cifar10' (trained on all; test); their test accuracies are different numbers",
        source=f"{_ISSUE}35",
    ),
)
_POOLED = ErrataNote(
    summary="asked for an epoch before the last of the longest schedule, `simulate_train_eval` answers with "
    "the accuracy "
    "on validation and test data together; such numbers are left out here",
    source=f"{_API}, simulate_train_eval ('valtest-accuracy')",
)


def nats_card(family: str, task: str, space: str, layout: Layout, source: OfficialFiles) -> ProtocolCard:
    """Return the protocol card of a task of NATS-Bench or of NAS-Bench-201 v1.1."""
    training, longest = TRAININGS[task], layout.schedules[0]
    split = f"{training.valid} of '{training.trained}'" if task == "cifar10" else training.valid
    return ProtocolCard(
        benchmark=f"{family}/{task}",
        version=1,
        space=space,
        task=task_card(task),
        signals=(Signal(name="validation", metric="accuracy", split=split, unit="%"),),
        fidelities=layout.fidelities(task),
        seeds=SeedNote(
            seeds=layout.seeds,
            aggregated=False,
            policies=("mean-of-available", "require", *(f"seed={seed}" for seed in layout.seeds)),
            note=f"{_SEEDS[family]}; at a schedule that was not trained with a seed it is missing",
        ),
        test=TestNote(
            metric="accuracy",
            split=_TEST_SPLITS[task],
            unit="%",
            maximize=True,
            evidence=f"`eval_acc1es['{training.test}@{longest.epochs - 1}']` of "
            f"'{training.trained_for_test}' after "
            f"{longest.epochs} epochs, mean over the seeds, as `get_more_info` gives it as 'test-accuracy' "
            f"({_API})",
        ),
        cost=_COST,
        extras=tuple(note.column for note in _EXTRAS),
        extra_notes=_EXTRAS,
        prefix=True,
        source=f"{source.name} {source.version}",
        digest_of_source={},
        licence=source.licence,
        citation=source.citation,
        errata=_ERRATA if task in longest.every_epoch else (*_ERRATA, _POOLED),
    )
