"""HW-GPT-Bench's transformers against its code: choices, strings, dictionaries, and layers in use."""

from __future__ import annotations

import contextlib
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.contracts.space import AsGraph, Crossable, Enumerable, Factorised, Mutable, Neighbours
from assay.foundation.errors import UsageError
from assay.foundation.seeding import Stream
from assay.spaces.encodings import path_encoding
from assay.spaces.hw_gpt import HwGptLargeSpace, HwGptMediumSpace, HwGptSmallSpace, Transformer
from assay.testing.spaces import SpaceSuite

SMALL, MEDIUM, LARGE = HwGptSmallSpace(), HwGptMediumSpace(), HwGptLargeSpace()
ALL = pytest.mark.parametrize("space", [SMALL, MEDIUM, LARGE], ids=lambda space: space.name)

# What convert_arch_to_str of automl/HW-GPT-Bench, lib/utils.py, writes for EXAMPLE.
TEXT = "gpt-s-10-384-2-3-4-2-3-4-2-3-4-2-4-8-12-4-8-12-4-8-12-4-False"
EXAMPLE = {
    "sample_embed_dim": 384,
    "sample_n_layer": 10,
    "sample_n_head": [4, 8, 12] * 4,
    "sample_mlp_ratio": [2, 3, 4] * 4,
    "sample_bias": "False",
    "sample_layer_indices": list(range(10)),
}

NETWORKS = st.builds(
    Transformer,
    st.sampled_from(SMALL.embed_dims),
    st.booleans(),
    st.lists(
        st.tuples(st.sampled_from(SMALL.heads), st.sampled_from(SMALL.ratios)), min_size=10, max_size=12
    ).map(tuple),
)


class TestHwGptSmall(SpaceSuite):
    def make_space(self):
        return HwGptSmallSpace()


class TestHwGptMedium(SpaceSuite):
    draws = 100

    def make_space(self):
        return HwGptMediumSpace()


class TestHwGptLarge(SpaceSuite):
    draws = 100

    def make_space(self):
        return HwGptLargeSpace()


def test_choices_as_published():
    """The choices of the three spaces are those of `search_spaces`."""
    # automl/HW-GPT-Bench, lib/utils.py, search_spaces
    assert (SMALL.embed_dims, SMALL.depths, SMALL.heads) == ((192, 384, 768), (10, 11, 12), (4, 8, 12))
    assert (MEDIUM.embed_dims, MEDIUM.depths, MEDIUM.heads) == ((256, 512, 1024), (22, 23, 24), (8, 12, 16))
    assert (LARGE.embed_dims, LARGE.depths, LARGE.heads) == ((320, 640, 1280), (34, 35, 36), (8, 16, 20))
    assert SMALL.ratios == MEDIUM.ratios == LARGE.ratios == (2, 3, 4)


def test_sizes():
    """Three dimensions, two biases, and nine kinds of layer as many times as there are layers."""
    assert SMALL.size == 6 * (9**10 + 9**11 + 9**12) == 1_903_784_282_946
    assert MEDIUM.size == 6 * (9**22 + 9**23 + 9**24)
    assert LARGE.size == 6 * (9**34 + 9**35 + 9**36)


@ALL
def test_capabilities(space):
    """All but an index, over which nobody walks."""
    for capability in (Mutable, Neighbours, Crossable, AsGraph, Factorised):
        assert isinstance(space, capability)
    assert not isinstance(space, Enumerable)


def test_the_published_string_and_dictionary_agree():
    """A dictionary with lists for twelve layers is the string of the ten that are in use."""
    arch = SMALL.from_configuration(EXAMPLE)
    assert (
        arch == SMALL.parse(TEXT) == Transformer(384, bias=False, layers=(((4, 2), (8, 3), (12, 4)) * 4)[:10])
    )
    assert SMALL.format(arch) == TEXT
    config = SMALL.configuration(arch)
    assert config == {
        "sample_embed_dim": 384,
        "sample_n_layer": 10,
        "sample_n_head": ([4, 8, 12] * 4)[:10],
        "sample_mlp_ratio": ([2, 3, 4] * 4)[:10],
        "sample_bias": "False",
    }


@given(NETWORKS)
def test_round_trips(arch):
    """Every choice of ten to twelve layers is an architecture, and both published forms read back."""
    assert SMALL.contains(arch)
    assert SMALL.parse(SMALL.format(arch)) == arch
    assert SMALL.from_configuration(SMALL.configuration(arch)) == arch
    assert SMALL.compose(SMALL.decompose(arch)) == arch


@given(NETWORKS, st.lists(st.integers(0, 2), min_size=4, max_size=4))
def test_unused_layers_do_not_count(arch, choices):
    """Architectures that differ in layers that are not in use are one."""
    depth = len(arch.layers)
    indices = list(SMALL.decompose(arch))
    for layer in range(depth, 12):
        indices[3 + layer], indices[15 + layer] = choices[layer - 10], choices[layer - 8]
    assert SMALL.compose(indices) == arch
    config = SMALL.configuration(arch)
    config["sample_n_head"] += choices
    assert SMALL.from_configuration(config) == arch


def test_a_boolean_bias_is_read():
    """The bias may be a boolean, as the published extremes have it, or a string."""
    # sample_config_max of hwgpt/model/gpt/utils.py sets it to True, sample_config to 'True' or 'False'.
    assert SMALL.from_configuration(EXAMPLE | {"sample_bias": False}).bias is False
    assert SMALL.from_configuration(EXAMPLE | {"sample_bias": "True"}).bias is True


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("gpt-s", "gpt-m", "not of the form gpt-s"),
        ("-False", "-no", "not of the form"),
        ("-False", "", "not of the form"),
        ("-4-False", "-False", "19 numbers follow, where 10 layers have 20"),
        ("-10-", "-9-", "20 numbers follow, where 9 layers have 18"),
        ("-10-", "-0-", "where 0 layers have 0"),
        ("-384-", "-385-", "385 is no embedding dimension"),
        ("-4-False", "-6-False", "6 is no number of heads"),
        ("-384-2-", "-384-5-", "5 is no MLP ratio"),
        ("-384-", f"-{'3' * 6000}-", "no embedding dimension"),
    ],
)
def test_refused_strings(old, new, why):
    """What is no architecture is refused, with the reason."""
    with pytest.raises(UsageError, match=why):
        SMALL.parse(TEXT.replace(old, new))


def test_a_depth_that_is_none_is_refused():
    """Nine layers are too few, in whatever form they come."""
    with pytest.raises(UsageError, match="9 is no number of layers; there are 10, 11, 12"):
        SMALL.parse("-".join(["gpt-s-9-384", *["2"] * 9, *["4"] * 9, "True"]))
    with pytest.raises(UsageError, match="9 is no number of layers"):
        SMALL.from_configuration(EXAMPLE | {"sample_n_layer": 9})


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"sample_n_head": [4] * 9}, "9 heads and 12 ratios for 10 layers"),
        ({"sample_n_head": 4}, "heads and ratios are lists"),
        ({"sample_bias": "yes"}, "bias 'yes'"),
        ({"sample_n_layer": "10"}, "'10' layers"),
        ({"sample_embed_dim": "384"}, "'384' is no embedding dimension"),
        ({"sample_mlp_ratio": [[2]] * 12}, r"\[2\] is no MLP ratio"),
    ],
)
def test_refused_dictionaries(change, why):
    """What is wrong in a dictionary is named."""
    with pytest.raises(UsageError, match=why):
        SMALL.from_configuration(EXAMPLE | change)


def test_an_incomplete_dictionary_is_refused():
    """What is missing is named."""
    with pytest.raises(UsageError, match="lacks sample_bias"):
        SMALL.from_configuration({key: value for key, value in EXAMPLE.items() if key != "sample_bias"})


@given(st.text(alphabet="gpt-s 0123456789TrueFals", max_size=80))
def test_any_text_is_read_or_refused(text):
    """Whatever the text, parse returns an architecture or raises `UsageError`."""
    with contextlib.suppress(UsageError):
        assert SMALL.contains(SMALL.parse("gpt-s-" + text))


def test_samples_are_those_of_the_publication():
    """Dimension, bias, number of layers, and the kind of each layer are each drawn uniformly."""
    rng, draws = Stream(0, ("test",)), 3_600
    counts: dict[str, Counter] = {name: Counter() for name in ("embed_dim", "bias", "depth", "first", "last")}
    for _ in range(draws):
        arch = SMALL.sample(rng)
        seen = (arch.embed_dim, arch.bias, len(arch.layers), arch.layers[0], arch.layers[-1])
        for counter, value in zip(counts.values(), seen, strict=True):
            counter[value] += 1
    for counter, choices in zip(counts.values(), (3, 2, 3, 9, 9), strict=True):
        expected = draws / choices
        assert len(counter) == choices
        assert all(abs(count - expected) < 6 * expected**0.5 for count in counter.values())


def test_neighbours_of_each_depth():
    """Two dimensions, a bias, four changes a layer, and what can come or go at the end."""
    for depth, resized in ((10, 9 + 81), (11, 1 + 9), (12, 2)):
        arch = Transformer(192, bias=True, layers=((4, 2),) * depth)
        assert len(set(SMALL.neighbours(arch))) == 2 + 1 + 4 * depth + resized


@given(NETWORKS, st.integers(0, 2**32))
def test_mutants_are_neighbours(arch, seed):
    """A mutation reaches neighbours only."""
    assert SMALL.mutate(arch, Stream(seed, ("test",)), "factor") in set(SMALL.neighbours(arch))


def test_mutation_draws_the_choices_in_use_alike():
    """Each of 3 + 2 x 10 choices changes equally often."""
    arch, rng, draws = SMALL.parse(TEXT), Stream(0, ("test",)), 11_500
    moved: Counter[str] = Counter()
    for _ in range(draws):
        mutant = SMALL.mutate(arch, rng, "factor")
        if len(mutant.layers) != len(arch.layers):
            moved["depth"] += 1
        elif mutant.layers == arch.layers:
            moved["bias" if mutant.bias != arch.bias else "embed_dim"] += 1
        else:
            moved["layer"] += 1
    assert all(abs(moved[name] - 500) < 6 * 500**0.5 for name in ("depth", "bias", "embed_dim"))
    assert moved["layer"] == draws - sum(moved[name] for name in ("depth", "bias", "embed_dim"))


@given(NETWORKS, NETWORKS, st.integers(0, 2**32))
def test_children_take_what_their_parents_have(first, second, seed):
    """Dimension, bias, depth and each layer of a child are those of a parent that has them."""
    child = SMALL.crossover(first, second, Stream(seed, ("test",)))
    assert SMALL.contains(child)
    assert child.embed_dim in {first.embed_dim, second.embed_dim}
    assert len(child.layers) in {len(first.layers), len(second.layers)}
    for i, layer in enumerate(child.layers):
        assert layer in {parent.layers[i] for parent in (first, second) if i < len(parent.layers)}


@pytest.mark.parametrize(
    "stray",
    [
        None,
        TEXT,
        (384, False),
        Transformer(384, 0, ((4, 2),) * 10),
        Transformer(384, bias=True, layers=((5, 2),) * 10),
        Transformer(385, bias=True, layers=((4, 2),) * 10),
        Transformer(384, bias=True, layers=((4, 2),) * 9),
        (384, True, [(4, 2)] * 10),
    ],
)
def test_foreign_values_are_refused(stray):
    """Values of another kind, and of another space, raise one message."""
    assert SMALL.contains(stray) is False
    for call in (SMALL.format, SMALL.graph, SMALL.neighbours, SMALL.decompose, SMALL.configuration):
        with pytest.raises(UsageError, match="not an architecture of the space"):
            call(stray)


def test_graph_is_the_chain():
    """Embedding, attention and MLP of each layer stand one after the other."""
    graph = SMALL.graph(SMALL.parse(TEXT))
    assert graph.labels[:6] == ("input", "embedding 384", "heads 4", "mlp 2", "heads 8", "mlp 3")
    assert len(graph.labels) == 2 + 2 * 10 + 1
    assert graph.edges == tuple((i, i + 1) for i in range(22))
    arch = LARGE.sample(Stream(0, ("test",)))
    assert len(path_encoding(LARGE, [arch]).columns) == 1
