"""HELP's latencies (Lee et al., NeurIPS 2021): NAS-Bench-201's cells on 27 devices.

Source: for each device `data/nasbench201/latency/<device>.pt` of HayeonLee/HELP at 45f70eb, written by
`torch.save`: a list of 15,625 milliseconds in the order that `str_arch2idx.pt` gives. Four of the columns
are HW-NAS-Bench's on CIFAR-10. There is no accuracy in it: its signals are the latencies.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from msgspec import structs

from assay.benchmarks.family import Family, TableContent, table_space
from assay.benchmarks.importers.hw_nas_bench import cell_order, compiled_away, numbers, passes_on
from assay.benchmarks.importers.streamed import load_torch
from assay.benchmarks.sources import OfficialFile, OfficialFiles, absent, find_official
from assay.contracts.card import ErrataNote, ExtraNote, ProtocolCard, SeedNote
from assay.contracts.evaluation import Fidelity
from assay.contracts.problem import Signal
from assay.contracts.space import Enumerable
from assay.foundation.errors import CorruptError
from assay.tasks.cards import task_card

INDEX = "str_arch2idx.pt"

_COMMIT = "45f70eb92d0d735970a33b608d1544ad3c52f285"
_REPOSITORY = "HayeonLee/HELP at 45f70eb"
_FOLDER = f"https://raw.githubusercontent.com/HayeonLee/HELP/{_COMMIT}/data/nasbench201"
_DIGESTS = (
    ("1080ti_1", "4028f52b2c2441da126932e3827ae11a7f76d39818c4374c1b9ab9df236e23f4"),
    ("1080ti_256", "435af0ccfab01f5dc55dc9f2e8b90ca37b396b2656e327bba5ee0b6eb9c24464"),
    ("1080ti_32", "affce4fcdcf6f28622365995ef2ec018bb07d448add59f80633c0978c393cdea"),
    ("2080ti_1", "38cf0e8f698abf8696c69b41a358fe9ddedf5d54cb1ae6f85b04dd8a8f89a1b3"),
    ("2080ti_256", "daee655c44c46955d8318ddf0fa39254e70bab1ae723a6abc53d7b7e4e1561ae"),
    ("2080ti_32", "ebc603ad325850663fc56c8e0fde52fadea28e585a8405864baa20f986eaf29d"),
    ("essential_ph_1", "a97165c8669a216b9ca046041c83a07352bd07f2a42e2d8fea8b51e7ddbcabf0"),
    ("eyeriss", "6f1dd2f8c0442289a09ab78e63e49bde96489f6d455cc33d5fa5aed37edb5d03"),
    ("fpga", "6a0333c1476a3ab039d8c39e5d42ac99efe9e7f3ff521289569013fa84233b28"),
    ("gold_6226", "6a00f63d14f67f8007ec04519f638a90aa6ed5357cf5c0e60c391df37f186c99"),
    ("gold_6240", "ac6dd41f183de69bba21dec3954ac73333b7dec871e0defbcce0572d82536890"),
    ("pixel2", "051845ddefc2bc138f21e2217f6c7827fe280c78375cbfb4b5bd252a888cb950"),
    ("pixel3", "cf1387da12e06b1d4541ce85f3ca4869d551084e09daf4acf024b6e21a80d465"),
    ("raspi4", "2fae425c50bcaef7aacc5391244cd0af98bfc7fba689a8741e461cb18192f57c"),
    ("samsung_a50", "0872cb4ec8ecc7ea1b3bd8c98dd705f2d0f6e4940f3af833b313e484de39b155"),
    ("samsung_s7", "dbae32364b882022adb044b2aa1af77b66f43a180930d9be4d4c13532429f0ea"),
    ("silver_4114", "0cce9dc9ba62ad81c21275298a88cb0e4534db6474a878f089df0abb13293421"),
    ("silver_4210r", "f976049bda39abde94b8f8cac90140cb78a5069fc145c462d6d6bc2f8450727a"),
    ("titan_rtx_1", "a854dac331e2a37d7dcd6ee1f63d1bc6d73ead3aeb0a86f803f45ea1b294859e"),
    ("titan_rtx_256", "cff1fba40b1743d3716cfb74c86ac2463d0682c146f356fa9095ac0d02dfb2a5"),
    ("titan_rtx_32", "1258bee5501fe191530b9898a4f55a122ab30beec9c6ea74598c47a0173babed"),
    ("titanx_1", "3461cc686263bd0ce4d4cd915bfc2fe067deb139cc68da387741bd6443434cb0"),
    ("titanx_256", "04ddb80719515687bd3d722235cd5da821b50bd453a9e580b1e9d321dfb92941"),
    ("titanx_32", "9c4ca69131e34451fb1e104caa47efbe12ffec3cc47bf051613674d7af044ff2"),
    ("titanxp_1", "935aa0041c6592bed90f2f94ff3b4d40e892c066467864b704e6583682a57b20"),
    ("titanxp_256", "9f03206bc62b0dcfc882820de07f55dc1fb7f43f57dfc977e4f0f4b019cb5041"),
    ("titanxp_32", "4b6db63c7a9fb55177aa2649d70031dd86d2ed1609467ef5803dc1089a73cb1b"),
)
SOURCE = OfficialFiles(
    name="help",
    version=_COMMIT[:7],
    homepage="https://github.com/HayeonLee/HELP",
    licence="MIT",
    citation="""@inproceedings{lee2021help,
  title     = {{HELP}: Hardware-Adaptive Efficient Latency Prediction for {NAS} via Meta-Learning},
  author    = {Lee, Hayeon and Lee, Sewoong and Chong, Song and Hwang, Sung Ju},
  booktitle = {Advances in Neural Information Processing Systems},
  year      = {2021}
}
""",
    obtain="download the files of data/nasbench201/latency, and data/nasbench201/str_arch2idx.pt, of "
    "https://github.com/HayeonLee/HELP into one folder",
    files=(
        OfficialFile(
            name=INDEX,
            sha256="e1d7b7cc7cf51d7c3cd6f9e726e7395bea87d7ba674e26202fb8633f963aef0d",
            url=f"{_FOLDER}/{INDEX}",
        ),
        *(
            OfficialFile(name=f"{name}.pt", sha256=digest, url=f"{_FOLDER}/latency/{name}.pt")
            for name, digest in _DIGESTS
        ),
    ),
)


class Device(NamedTuple):
    """What a column was timed on, or modelled as; `batch` is None where it is not stated."""

    title: str
    batch: int | None = None
    origin: str = "measured"


_GPUS = {
    "1080ti": "NVIDIA GeForce GTX 1080 Ti",
    "2080ti": "NVIDIA GeForce RTX 2080 Ti",
    "titan_rtx": "NVIDIA Titan RTX",
    "titanx": "NVIDIA Titan X",
    "titanxp": "NVIDIA Titan Xp",
}
_HW_NAS_BENCH = {
    "eyeriss": Device("Eyeriss", 1, "simulated"),
    "fpga": Device("FPGA", 1, "simulated"),
    "pixel3": Device("Google Pixel 3", 1),
    "raspi4": Device("Raspberry Pi 4", 1),
}
_COMPILED = ("pixel3", "raspi4")
DEVICES: dict[str, Device] = {
    **{f"{name}_{batch}": Device(title, batch) for name, title in _GPUS.items() for batch in (1, 32, 256)},
    "gold_6226": Device("Intel Xeon Gold 6226"),
    "gold_6240": Device("Intel Xeon Gold 6240"),
    "silver_4114": Device("Intel Xeon Silver 4114"),
    "silver_4210r": Device("Intel Xeon Silver 4210R"),
    "essential_ph_1": Device("Essential PH-1"),
    "pixel2": Device("Google Pixel 2"),
    "samsung_a50": Device("Samsung Galaxy A50"),
    "samsung_s7": Device("Samsung Galaxy S7"),
    **_HW_NAS_BENCH,
}

_ERRATA = (
    ErrataNote(
        summary="the columns of Eyeriss, the FPGA, the Pixel 3 and the Raspberry Pi 4 are HW-NAS-Bench's on "
        "CIFAR-10; for which data set the others were timed is not stated",
        source=f"equal to the numbers that README.md of GATECH-EIC/HW-NAS-Bench prints; {_REPOSITORY}",
    ),
    ErrataNote(
        summary="four of the phones have whole milliseconds: of 15,625 latencies 39 to 79 differ",
        source=f"essential_ph_1, pixel2, samsung_a50 and samsung_s7 of {_REPOSITORY}",
    ),
    ErrataNote(
        summary="cells that pass nothing from their input to their output seem to be compiled away on the "
        "Pixel 3 and the Raspberry Pi 4: of these 341, 283 and 289 lie below every other cell, down to "
        "0.003 ms, and are missing here",
        source=f"pixel3.pt and raspi4.pt of {_REPOSITORY}",
    ),
    ErrataNote(
        summary="Eyeriss and the FPGA are models, not devices: of 15,625 latencies 27 and 84 differ",
        source=f"eyeriss.pt and fpga.pt of {_REPOSITORY}",
    ),
)


class HelpLatency:
    """Latencies of 15,625 cells on 27 devices, each a signal."""

    name = "help-latency"
    revision = 1
    title = "HELP: latency of NAS-Bench-201's cells on 27 devices"
    tasks = ("cifar10",)

    def __init__(self, source: OfficialFiles = SOURCE) -> None:
        self.source = source
        self.readings: dict[str, Family] = {}
        self.signals = {name: name for name in DEVICES}

    def space(self, task: str) -> str:  # noqa: ARG002  there is one task
        """Return the name of the search space."""
        return "nas-bench-201"

    def card(self, task: str) -> ProtocolCard:
        """Return the protocol card of the task."""
        return ProtocolCard(
            benchmark=f"{self.name}/{task}",
            version=1,
            space=self.space(task),
            task=structs.replace(
                task_card(task),
                version="help",
                metric="latency",
                split="no data: it stands for the size of its images and the number of its classes",
            ),
            signals=tuple(
                Signal(
                    name=name,
                    metric="latency",
                    split="no data",
                    unit="ms",
                    maximize=False,
                    description=f"{device.origin}, {device.title}{_batch(device)}",
                )
                for name, device in DEVICES.items()
            ),
            fidelities=(Fidelity(schedule="inference of one batch"),),
            seeds=SeedNote(
                seeds=(),
                aggregated=True,
                policies=("published",),
                note="one number each; of how many inferences is not stated in the repository",
            ),
            test=None,
            no_test_because="latency is no metric of a test split",
            cost=None,
            # Signals, and columns beside: their origin and device are stated as those of every latency.
            extras=tuple(DEVICES),
            extra_notes=tuple(
                ExtraNote(
                    column=name,
                    title=f"latency{_batch(device)}",
                    unit="ms",
                    origin=device.origin,
                    device=device.title,
                )
                for name, device in DEVICES.items()
            ),
            source=f"{self.source.name} {self.source.version}",
            digest_of_source={file.name: file.sha256 for file in self.source.files if file.sha256},
            licence=self.source.licence,
            citation=self.source.citation,
            errata=_ERRATA,
        )

    def read(self, task: str, place: Path) -> TableContent:
        """Return the latencies by cell; a device whose file is not there is missing, and said to be."""
        space = table_space(self.space(task))
        index = find_official(self.source, INDEX, place)
        order = _order(space, load_torch(index.path), str(index.path))
        dead = ~np.array([passes_on(space.at(i)) for i in range(space.size)])
        sources, columns, dropped = {INDEX: index.sha256 or ""}, {}, []
        for name in DEVICES:
            columns[name] = (("architecture",), np.full(space.size, np.nan))
            if not (place / f"{name}.pt").exists():
                dropped.append(f"the file of {name} is not there, and its latencies are missing")
                continue
            found = find_official(self.source, f"{name}.pt", place)
            sources[f"{name}.pt"] = found.sha256 or ""
            values = columns[name][1]
            values[order] = numbers(load_torch(found.path), name, space.size, str(found.path))
            gone = ~np.isfinite(values) | (values <= 0)
            away = compiled_away(values, dead) if name in _COMPILED else np.zeros_like(dead)
            values[gone | away] = np.nan
            if gone.any():
                dropped.append(f"{gone.sum():,} latencies of {name} are not above zero, and missing")
            if away.any():
                dropped.append(
                    f"{away.sum():,} latencies of {name} are of cells that pass nothing on and were compiled "
                    "away, and are missing"
                )
        if len(sources) == 1:
            raise absent(self.source, self.source.files[1].name, place)
        return TableContent(columns=columns, test=None, sources=sources, dropped=tuple(dropped))


def _batch(device: Device) -> str:
    if device.batch is None:
        return ""
    return " of one image" if device.batch == 1 else f" of a batch of {device.batch}"


def _order(space: Enumerable[Any], table: Any, where: str) -> np.ndarray:
    """Return the index in the space of each published place; every cell has one."""
    if not isinstance(table, dict) or sorted(table.values(), key=str) != sorted(range(space.size), key=str):
        raise CorruptError("the file does not give every cell a place of its own", where=where)
    texts = sorted(table, key=table.__getitem__)
    return cell_order(space, texts, where)


FAMILY = HelpLatency()
