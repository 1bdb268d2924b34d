"""FBNet: image classifiers of 22 layers, each one of nine blocks.

Source: Wu et al., "FBNet", CVPR 2019, in the form of Li et al., "HW-NAS-Bench", ICLR 2021. Blocks,
layers and the keys of the cost tables as in `hw_nas_bench_api/hw_nas_bench_api.py` and
`hw_nas_bench_api/fbnet_models/model_infer.py` of GATECH-EIC/HW-NAS-Bench (MIT).
"""

from __future__ import annotations

import re
from functools import cache
from typing import ClassVar, NamedTuple

from assay.contracts.space import Factor, Graph
from assay.foundation.errors import UnknownNameError
from assay.spaces._refuse import unreadable
from assay.spaces.product import Choices, ProductSpace

BLOCKS = ("k3_e1", "k3_e1_g2", "k3_e3", "k3_e6", "k5_e1", "k5_e1_g2", "k5_e3", "k5_e6", "skip")
LAYERS = 22

_SKIP = BLOCKS.index("skip")
_STEM_CHANNELS = 16
_STAGES = ((1, 16), (4, 24), (4, 32), (4, 64), (4, 112), (4, 184), (1, 352))  # layers and channels
_CHAIN = tuple((node, node + 1) for node in range(LAYERS + 1))
# Of each block but 'skip': expansion, kernel, groups.
_SHAPES = ((1, 3, 1), (1, 3, 2), (3, 3, 1), (6, 3, 1), (1, 5, 1), (1, 5, 2), (3, 5, 1), (6, 5, 1))
_LIST = r"\[\s*([0-9]{1,2}(?:\s*,\s*[0-9]{1,2})*)\s*\](?:\s*\*\s*([0-9]{1,2}))?"
_LISTS = re.compile(rf"\s*{_LIST}(?:\s*\+\s*{_LIST})*\s*")
_LETTER = re.compile("[A-Za-z]")


class Layer(NamedTuple):
    """One searchable layer: the side of its square input in pixels, channels in and out, and stride."""

    side: int
    channels_in: int
    channels_out: int
    stride: int


class _Setting(NamedTuple):
    """What the network around the layers is for one data set."""

    side: int
    stem_stride: int
    strides: tuple[int, ...]
    head_channels: int
    classes: int


_SETTINGS = {
    "cifar100": _Setting(32, 1, (1, 1, 2, 2, 1, 2, 1), 1504, 100),
    "ImageNet": _Setting(224, 2, (1, 2, 2, 2, 1, 2, 1), 1984, 1000),
}
DATASETS = tuple(_SETTINGS)


class FbnetSpace(ProductSpace):
    """The 9^22 networks of the FBNet space, about 10^21.

    An architecture is a tuple of 22 integers: for each layer, the position of its block in `BLOCKS`.
    The published form is their list, such as '[0, 0, 8, ...]'; `parse` also reads the names of the blocks,
    separated by commas, and lists that are written as '[0]*21+[1]*1'.

    The mutation 'factor' draws one of the 22 layers and another of its blocks; HW-NAS-Bench publishes no
    mutation. The space is not enumerable: no table of it exists, only one of its blocks' costs.
    """

    name = "fbnet"
    revision = 1
    factors: ClassVar[tuple[Factor, ...]] = tuple(Factor(f"layer {i + 1}", BLOCKS) for i in range(LAYERS))

    def parse(self, text: str) -> Choices:
        """Return the network of a list of 22 block numbers or names.

        Raises `UsageError` for anything else, `UnknownNameError` for a block that is none.
        """
        arch = _named(text) if _LETTER.search(text) else self._numbers(text)
        if len(arch) != LAYERS:
            why = f"it has {len(arch)} blocks, where a network has {LAYERS}"
            raise unreadable(self.name, text, why, self._example)
        if not self.contains(arch):
            raise unreadable(self.name, text, f"blocks go from 0 to {_SKIP}", self._example)
        return arch

    def format(self, arch: Choices) -> str:
        """Return the published list, such as '[0, 0, 8, ...]'."""
        return str(list(self._own(arch)))

    def graph(self, arch: Choices) -> Graph:
        """Return the chain of 22 blocks between the nodes 'input' and 'output'.

        The stem, the head, and the shortcuts inside of blocks are the same for all and left out.
        """
        return Graph(("input", *[BLOCKS[i] for i in self._own(arch)], "output"), _CHAIN)

    def block_keys(self, arch: Choices, dataset: str) -> tuple[str, ...]:
        """Return the keys of a network's parts in the published cost tables, from input to output.

        The parts are the stem, the 22 layers, the head, the pooling and the classifier; the published
        cost of the network is the sum of theirs. `dataset` is 'cifar100' or 'ImageNet'; raises
        `UnknownNameError` for another.
        """
        stem, blocks, head = _keys(_known(dataset))
        return (*stem, *[keys[i] for keys, i in zip(blocks, self._own(arch), strict=True)], *head)

    def _numbers(self, text: str) -> Choices:
        """Return the blocks of a sum of lists, each perhaps repeated."""
        if not _LISTS.fullmatch(text):
            raise unreadable(self.name, text, "it is no list of block numbers", self._example)
        blocks: list[int] = []
        for numbers, times in re.findall(_LIST, text):
            blocks += [*map(int, numbers.split(","))] * int(times or 1)
        return tuple(blocks)

    @property
    def _example(self) -> str:
        return str([i % len(BLOCKS) for i in range(LAYERS)])


def layers(dataset: str) -> tuple[Layer, ...]:
    """Return the 22 searchable layers of the networks for a data set, 'cifar100' or 'ImageNet'.

    Raises `UnknownNameError` for another.
    """
    setting = _SETTINGS[_known(dataset)]
    side, before = setting.side // setting.stem_stride, _STEM_CHANNELS
    found = []
    for (depth, channels), first_stride in zip(_STAGES, setting.strides, strict=True):
        for stride in (first_stride, *[1] * (depth - 1)):
            found.append(Layer(side, before, channels, stride))
            side, before = side // stride, channels
    return tuple(found)


@cache
def _keys(dataset: str) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...], tuple[str, ...]]:
    """Return the keys of the stem, those of each layer's nine blocks, and those of the head."""
    setting, table = _SETTINGS[dataset], layers(dataset)
    side = table[-1].side // table[-1].stride
    last, head = table[-1].channels_out, setting.head_channels
    stem = f"{_square(setting.side)}_Cin3_Cout{_STEM_CHANNELS}_kernel3_stride{setting.stem_stride}"
    return (
        (f"ConvNorm_{stem}_group1",),
        tuple(tuple(_block_key(layer, block) for block in range(len(BLOCKS))) for layer in table),
        (
            f"ConvNorm_{_square(side)}_Cin{last}_Cout{head}_kernel1_stride1_group1",
            f"AvgP_{_square(side)}_Cin{head}_Cout{head}_kernel{side}_stride1",
            f"FC_Cin{head}_Cout{setting.classes}",
        ),
    )


def _block_key(layer: Layer, block: int) -> str:
    place = f"{_square(layer.side)}_Cin{layer.channels_in}_Cout{layer.channels_out}"
    if block == _SKIP:
        return f"Skip_{place}_stride{layer.stride}"
    expansion, kernel, groups = _SHAPES[block]
    return f"ConvBlock_{place}_exp{expansion}_kernel{kernel}_stride{layer.stride}_group{groups}"


def _square(side: int) -> str:
    return f"H{side}_W{side}"


def _named(text: str) -> Choices:
    """Return the blocks of a list of names, with or without brackets and quotes."""
    names = [part.strip(" \t\n'\"") for part in text.strip().removeprefix("[").removesuffix("]").split(",")]
    for name in names:
        if name not in BLOCKS:
            raise UnknownNameError("block of fbnet", name[:40], BLOCKS, where=text[:80])
    return tuple(map(BLOCKS.index, names))


def _known(dataset: str) -> str:
    if dataset not in _SETTINGS:
        raise UnknownNameError("data set of fbnet", dataset, DATASETS)
    return dataset
