"""The FBNet space against the code of HW-NAS-Bench: lists, blocks, and the keys of the cost tables."""

from __future__ import annotations

import contextlib
from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.benchmarks.importers.restricted import load_plain
from assay.contracts.space import AsGraph, Crossable, Enumerable, Factorised, Mutable, Neighbours
from assay.foundation.errors import UnknownNameError, UsageError
from assay.foundation.seeding import Stream
from assay.spaces.fbnet import BLOCKS, DATASETS, LAYERS, FbnetSpace, layers
from assay.testing.spaces import SpaceSuite

SPACE = FbnetSpace()
NETWORKS = st.tuples(*[st.integers(0, 8)] * LAYERS)


class TestFbnet(SpaceSuite):
    def make_space(self):
        return FbnetSpace()


def test_size():
    """22 layers of nine blocks: 9^22 networks."""
    assert SPACE.size == 9**22 == 984_770_902_183_611_232_881


def test_capabilities():
    """All but an index, over which nobody walks."""
    for capability in (Mutable, Neighbours, Crossable, AsGraph, Factorised):
        assert isinstance(SPACE, capability)
    assert not isinstance(SPACE, Enumerable)


def test_samples_are_uniform_in_every_layer():
    """Each layer has each block equally often."""
    rng, draws = Stream(0, ("test",)), 3_600
    counts: list[Counter[int]] = [Counter() for _ in range(LAYERS)]
    for _ in range(draws):
        for layer, block in enumerate(SPACE.sample(rng)):
            counts[layer][block] += 1
    # Six standard deviations of a count with expectation 400.
    assert all(abs(layer[block] - 400) < 120 for layer in counts for block in range(9))


@given(NETWORKS)
def test_lists_and_names_are_read(arch):
    """The printed list, one without blanks, and the blocks' names give the network."""
    text = SPACE.format(arch)
    assert text == str(list(arch))
    names = [BLOCKS[i] for i in arch]
    for spelled in (
        text,
        text.replace(" ", ""),
        f"  {text}\n",
        str(names),
        ",".join(names),
        ", ".join(names),
    ):
        assert SPACE.parse(spelled) == arch


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # The three networks of the notebook example.ipynb of GATECH-EIC/HW-NAS-Bench.
        ("[0]*22", (0,) * 22),
        ("[0]*21+[1]*1", (0,) * 21 + (1,)),
        ("[0]*20+[1]*2", (0,) * 20 + (1, 1)),
        ("[8] * 10 + [1, 2] * 6", (8,) * 10 + (1, 2) * 6),
    ],
)
def test_repeated_lists_are_read(text, expected):
    """Lists as people write them in Python are read, and nothing is evaluated."""
    assert SPACE.parse(text) == expected


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[0]*21", "it has 21 blocks"),
        ("[0]*99+[0]*99", "it has 198 blocks"),
        ("[9]*22", "blocks go from 0 to 8"),
        ("[0]*22*2", "no list of block numbers"),
        ("[0]*22,", "no list of block numbers"),
        ("[]", "no list of block numbers"),
        ("[-1]*22", "no list of block numbers"),
        ("(0)*22", "no list of block numbers"),
        ("skip,skip", "it has 2 blocks"),
    ],
)
def test_refused_lists(text, why):
    """What is no list of 22 blocks is refused, with the reason."""
    with pytest.raises(UsageError, match=why):
        SPACE.parse(text)


def test_unknown_block_suggests_the_nearest():
    """A block that is none raises the house's error."""
    with pytest.raises(UnknownNameError, match="did you mean 'k3_e6'"):
        SPACE.parse(",".join(["k3_e7"] * 22))


@given(st.text(alphabet="[]()*+, 0189k35_eg2skip", max_size=60))
def test_any_text_is_read_or_refused(text):
    """Whatever the text, parse returns a network or raises `UsageError`."""
    with contextlib.suppress(UsageError):
        assert SPACE.contains(SPACE.parse(text))


def test_layers_for_cifar100():
    """Sides, channels and strides for images of 32 pixels."""
    # The stages of fbnet_get_metrics (hw_nas_bench_api.py): layers 1, 4, 4, 4, 4, 4, 1; channels 16, 24, 32,
    # 64, 112, 184, 352; strides 1, 1, 2, 2, 1, 2, 1 for cifar100.
    table = layers("cifar100")
    assert [layer.side for layer in table] == [32] * 6 + [16] * 4 + [8] * 8 + [4] * 4
    assert [layer.channels_out for layer in table] == (
        [16] + [24] * 4 + [32] * 4 + [64] * 4 + [112] * 4 + [184] * 4 + [352]
    )
    assert [i for i, layer in enumerate(table) if layer.stride == 2] == [5, 9, 17]


@pytest.mark.parametrize(("dataset", "side"), [("cifar100", 4), ("ImageNet", 7)])
def test_layers_follow_each_other(dataset, side):
    """What a layer gives is what the next reads, down to the side that the head reads."""
    table = layers(dataset)
    assert len(table) == LAYERS
    for layer, after in pairwise(table):
        assert after.channels_in == layer.channels_out
        assert after.side == layer.side // layer.stride
    assert table[-1].side // table[-1].stride == side


def test_keys_on_imagenet():
    """The parts of a network have the keys that the published code looks up."""
    # Recorded from fbnet_get_metrics of hw_nas_bench_api.py, called with this list and a table that notes
    # what it is asked for.
    keys = SPACE.block_keys(SPACE.parse("[0,1,2,3,4,5,6,7,8]+[0]*12+[8]"), "ImageNet")
    assert len(keys) == 26
    assert keys[:4] == (
        "ConvNorm_H224_W224_Cin3_Cout16_kernel3_stride2_group1",
        "ConvBlock_H112_W112_Cin16_Cout16_exp1_kernel3_stride1_group1",
        "ConvBlock_H112_W112_Cin16_Cout24_exp1_kernel3_stride2_group2",
        "ConvBlock_H56_W56_Cin24_Cout24_exp3_kernel3_stride1_group1",
    )
    assert keys[5:10] == (
        "ConvBlock_H56_W56_Cin24_Cout24_exp1_kernel5_stride1_group1",
        "ConvBlock_H56_W56_Cin24_Cout32_exp1_kernel5_stride2_group2",
        "ConvBlock_H28_W28_Cin32_Cout32_exp3_kernel5_stride1_group1",
        "ConvBlock_H28_W28_Cin32_Cout32_exp6_kernel5_stride1_group1",
        "Skip_H28_W28_Cin32_Cout32_stride1",
    )
    assert keys[-4:] == (
        "Skip_H7_W7_Cin184_Cout352_stride1",
        "ConvNorm_H7_W7_Cin352_Cout1984_kernel1_stride1_group1",
        "AvgP_H7_W7_Cin1984_Cout1984_kernel7_stride1",
        "FC_Cin1984_Cout1000",
    )


def test_keys_of_the_head_on_cifar100():
    """The head is narrower, and the classifier has 100 classes."""
    assert SPACE.block_keys((0,) * 22, "cifar100")[-3:] == (
        "ConvNorm_H4_W4_Cin352_Cout1504_kernel1_stride1_group1",
        "AvgP_H4_W4_Cin1504_Cout1504_kernel4_stride1",
        "FC_Cin1504_Cout100",
    )


def test_every_key_is_in_the_published_table(shared):
    """Every block of every layer, for both data sets, has an entry for every metric."""
    path = shared / "data/hw-nas-bench/HW-NAS-Bench-v1_0.pickle"
    if not path.exists():
        pytest.skip(f"{path.name} is not among the shared data")
    tables = load_plain(path.read_bytes())["fbnet"]
    for dataset in DATASETS:
        wanted = {key for block in range(9) for key in SPACE.block_keys((block,) * LAYERS, dataset)}
        for metric, table in tables.items():
            assert wanted <= set(table), f"{metric} on {dataset}"


def test_unknown_data_set_suggests_the_nearest():
    """A data set without tables is refused by name."""
    with pytest.raises(UnknownNameError, match="did you mean 'cifar100'"):
        SPACE.block_keys((0,) * 22, "cifar10")
    with pytest.raises(UnknownNameError, match="data set of fbnet"):
        layers("imagenet22k")


@given(NETWORKS, st.integers(0, 2**32))
def test_mutants_differ_in_one_layer(arch, seed):
    """A mutation changes one layer, to one of its neighbours."""
    mutant = SPACE.mutate(arch, Stream(seed, ("test",)), "factor")
    assert sum(a != b for a, b in zip(arch, mutant, strict=True)) == 1
    assert mutant in SPACE.neighbours(arch)


def test_neighbours_are_176():
    """Eight other blocks for each of 22 layers."""
    assert len(set(SPACE.neighbours((4,) * 22))) == 176


@pytest.mark.parametrize("stray", [None, [0] * 22, (0,) * 21, (9,) * 22, (True,) * 22, "[0]*22"])
def test_foreign_values_are_refused(stray):
    """Values of another kind raise one message."""
    assert SPACE.contains(stray) is False
    for call in (SPACE.format, SPACE.graph, SPACE.neighbours, SPACE.decompose):
        with pytest.raises(UsageError, match="not an architecture of the space"):
            call(stray)


def test_graph_is_the_chain():
    """Blocks stand one after the other."""
    graph = SPACE.graph((8, *[0] * 21))
    assert graph.labels == ("input", "skip", *["k3_e1"] * 21, "output")
    assert graph.edges == tuple((i, i + 1) for i in range(23))
