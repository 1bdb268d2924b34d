"""What the numbers of TransNAS-Bench-101 mean: its tasks, schedules, metrics, errata and source."""

from __future__ import annotations

from typing import NamedTuple

from assay.benchmarks.sources import OfficialFile, OfficialFiles
from assay.contracts.card import CostNote, ErrataNote, ExtraNote, SeedNote, TaskCard
from assay.contracts.evaluation import Fidelity

FILE = "transnas-bench_v10141024.pth"
CODE = "yawen-d/TransNASBench at 6d4231b"
CONFIGS = "configs/train_from_scratch of yawen-d/TransNASBench at fcd4e9c"

SOURCE = OfficialFiles(
    name="transnas-bench-101",
    version="v10141024",
    homepage="https://github.com/yawen-d/TransNASBench",
    licence="MIT (the repository; of the file: not stated)",
    citation="""@inproceedings{duan2021transnas,
  title     = {{TransNAS-Bench-101}: Improving Transferability and Generalizability of Cross-Task
               Neural Architecture Search},
  author    = {Duan, Yawen and Chen, Xin and Xu, Hang and Chen, Zewei and Liang, Xiaodan
               and Zhang, Tong and Li, Zhenguo},
  booktitle = {Proceedings of the IEEE/CVF Conference on Computer Vision and Pattern Recognition},
  pages     = {5251--5260},
  year      = {2021}
}
""",
    obtain=f"download {FILE} from one of the two places that README.md of "
    "https://github.com/yawen-d/TransNASBench names",
    files=(OfficialFile(name=FILE),),
)


class Metric(NamedTuple):
    """A validation metric: its signal and column, and as published, without the split, what it is."""

    signal: str
    published: str
    title: str
    unit: str
    maximize: bool


class Task(NamedTuple):
    """A task: its card, the epochs of its schedule, and its metrics, the first that of the test."""

    card: TaskCard
    epochs: int
    metrics: tuple[Metric, ...]


_LOSS = Metric("validation_loss", "loss", "cross-entropy", "nats", maximize=False)
_TOP1 = Metric("validation", "top1", "accuracy", "%", maximize=True)
_TOP5 = Metric("validation_top5", "top5", "top-5 accuracy", "%", maximize=True)
_SQUARES = Metric("validation", "loss", "mean squared error", "MSE", maximize=False)
_IOU = Metric("validation", "mIoU", "mean intersection over union", "%", maximize=True)
_PIXELS = Metric("validation_accuracy", "acc", "accuracy of pixels", "%", maximize=True)
_SSIM = Metric("validation", "ssim", "structural similarity (SSIM)", "fraction", maximize=True)
_L1 = Metric("validation_l1", "l1_loss", "mean absolute error", "L1", maximize=False)
_CLASSES, _PICTURES = (_TOP1, _TOP5, _LOSS), (_SSIM, _L1)


def _card(
    name: str, title: str, metric: Metric, classes: int | None = None, lineage: tuple[str, ...] = ()
) -> TaskCard:
    return TaskCard(
        name=name,
        version="transnas-bench-101",
        title=title,
        family="taskonomy",
        lineage=("Taskonomy", *lineage),
        metric=metric.title,
        classes=classes,
        split="lists of buildings for training, validation and test ('final5k')",
        source=f"{CONFIGS}; lib/data/taskonomy_dataset.py of {CODE}",
    )


# The labels of two tasks are of the 1,000 classes of ImageNet and the 365 of Places, as Taskonomy has them.
TASKS = {
    "class_scene": Task(
        _card("class_scene", "Scenes of indoor images, 47 of 365 classes", _TOP1, 47, ("Places",)),
        25,
        _CLASSES,
    ),
    "class_object": Task(
        _card("class_object", "Objects of indoor images, 75 of 1,000 classes", _TOP1, 75, ("ImageNet",)),
        25,
        _CLASSES,
    ),
    "room_layout": Task(
        _card("room_layout", "Layout of rooms: nine numbers of a bounding box", _SQUARES), 25, (_SQUARES,)
    ),
    "jigsaw": Task(
        _card("jigsaw", "Jigsaw: which of 1,000 permutations nine tiles are in", _TOP1, 1_000), 10, _CLASSES
    ),
    "segmentsemantic": Task(
        _card("segmentsemantic", "Semantic segmentation of indoor images", _IOU, 17),
        30,
        (_IOU, _PIXELS, _LOSS),
    ),
    "normal": Task(_card("normal", "Surface normals of indoor images", _SSIM), 30, _PICTURES),
    "autoencoder": Task(_card("autoencoder", "Autoencoding of indoor images", _SSIM), 30, _PICTURES),
}

SEEDS = SeedNote(
    seeds=(),
    aggregated=True,
    policies=("published",),
    note="one training each. The training script's seed is 666 unless another is given "
    f"(scripts/train_a_net.sh of {CODE}); the file names none",
)
COST = CostNote(
    column="time_elapsed",
    unit="seconds",
    rule="seconds from the start of training to the end of the epoch, validating and testing after every "
    "epoch included, as the training code counts them; on how many devices is not stated",
)
EXTRAS = (
    ExtraNote(
        column="inference_time",
        title="latency of one image of 720 x 1080",
        unit="seconds",
        origin="measured",
        device="a GPU that is not named",
    ),
    ExtraNote(
        column="encoder_params", title="parameters of the encoder", unit="as published", origin="counted"
    ),
    ExtraNote(column="model_params", title="parameters", unit="as published", origin="counted"),
    ExtraNote(
        column="encoder_FLOPs", title="operations of the encoder", unit="as published", origin="counted"
    ),
    ExtraNote(column="model_FLOPs", title="operations", unit="as published", origin="counted"),
)
ERRATA = (
    ErrataNote(
        summary="the API's `get_single_metric` gives the best epoch by default, chosen for each metric by "
        "itself, test metrics included, and takes the highest number for the best, of losses too. Here each "
        "epoch is a fidelity, and the test metric is that of the last one",
        source=f"api/api.py of {CODE}",
    ),
    ErrataNote(
        summary="the published SSIM is computed with a data range of 1, on images from -1 to 1",
        source=f"normal/config.py and autoencoder/config.py in {CONFIGS}",
    ),
    ErrataNote(
        summary="unverified: no official file was at hand when this importer was written. The names and "
        "nesting of the file, the prefix of its validation metrics, and the form and origin of its times are "
        "as its API, its README and the training code have them",
        source=f"api/api.py, README.md and lib/models of {CODE}",
    ),
)
JIGSAW = ErrataNote(
    summary="validation and test images are flipped, recoloured and made grey at random, and their "
    "permutation is drawn at random: the same network validated again gives another number",
    source=f"jigsaw/config.py in {CONFIGS}, `val_transform_fn`",
)


def fidelities(epochs: int) -> tuple[Fidelity, ...]:
    """Return the end of a schedule, then its epochs from the first; a later one continues an earlier one."""
    schedule = f"{epochs}-epochs"
    earlier = (Fidelity(schedule=schedule, epoch=epoch) for epoch in range(1, epochs))
    return (Fidelity(schedule=schedule), *earlier)
