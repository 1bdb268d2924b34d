"""HW-GPT-Bench: decoder-only transformers of GPT-2's three sizes, with layers that may differ.

Source: Sukthanker et al., "HW-GPT-Bench: Hardware-Aware Architecture Benchmark for Language Models",
NeurIPS 2024, Datasets and Benchmarks. Choices, strings and dictionaries as in `lib/utils.py` of
automl/HW-GPT-Bench (Apache-2.0), sampling as in its `hwgpt/model/gpt/utils.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise, product
from typing import Any, ClassVar, NamedTuple

from assay.contracts.space import Factor, Graph
from assay.foundation.errors import UsageError
from assay.foundation.seeding import Stream
from assay.spaces._refuse import check_choices, check_mutation, foreign, shown, unreadable

Layer = tuple[int, int]

BIASES = (True, False)


class Transformer(NamedTuple):
    """An architecture: the embedding dimension, the bias of linear layers, and the layers in order.

    A layer is its number of heads, and the ratio of its MLP's width to the embedding dimension.
    """

    embed_dim: int
    bias: bool
    layers: tuple[Layer, ...]


class HwGptSpace:
    """Transformers with an embedding dimension, a number of layers, and heads and MLP ratio for each layer.

    The published dictionaries give heads and ratios for the largest number of layers, of which those in
    use count; here architectures have no others, so that what is equal up to unused layers is equal.

    The published form is 'gpt-s-10-768-<ratios>-<heads>-True', with one ratio and one number of heads for
    each layer; `configuration` and `from_configuration` convert to and from the published dictionary.

    *Samples are not uniform over architectures*: as in the published code, the embedding dimension, the
    number of layers, the bias, and the heads and ratio of each layer are each drawn uniformly, so that
    networks with fewer layers are as frequent as those with more, though there are fewer of them.

    The mutation 'factor' draws one of the choices in use and another value for it, as the published local
    search does but for choices of unused layers; layers that come are drawn as in a sample, those that go
    are the last. Neighbours are what it can reach. Crossover takes the dimension, the bias, the number of
    layers and each layer from either parent that has it.

    The space is not enumerable: no order of it is published, and nobody walks through it.
    """

    name: ClassVar[str]
    revision: ClassVar[int]
    scale: ClassVar[str]
    embed_dims: ClassVar[tuple[int, ...]]
    depths: ClassVar[tuple[int, ...]]
    heads: ClassVar[tuple[int, ...]]
    ratios: ClassVar[tuple[int, ...]] = (2, 3, 4)
    mutations = ("factor",)

    def __init__(self) -> None:
        self._kinds = tuple(product(self.heads, self.ratios))
        self.size = len(self.embed_dims) * len(BIASES) * sum(len(self._kinds) ** n for n in self.depths)
        heads, ratios = tuple(map(str, self.heads)), tuple(map(str, self.ratios))
        layers = range(max(self.depths))
        self.factors = (
            Factor("embed_dim", tuple(map(str, self.embed_dims))),
            Factor("bias", tuple(map(str, BIASES))),
            Factor("n_layer", tuple(map(str, self.depths))),
            *[Factor(f"n_head_{i}", heads) for i in layers],
            *[Factor(f"mlp_ratio_{i}", ratios) for i in layers],
        )
        self._spelling = re.compile(rf"\s*gpt-{self.scale}-([0-9]+(?:-[0-9]+)*)-(True|False)\s*")

    def contains(self, arch: Any) -> bool:
        """Say whether a value is (equal to) an architecture."""
        return (
            isinstance(arch, tuple)
            and len(arch) == len(Transformer._fields)
            and arch[0] in self.embed_dims
            and type(arch[1]) is bool
            and isinstance(arch[2], tuple)
            and len(arch[2]) in self.depths
            and all(layer in self._kinds for layer in arch[2])
        )

    def sample(self, rng: Stream) -> Transformer:
        """Return an architecture with each choice drawn uniformly, which is not uniform over them all."""
        depth = rng.choice(self.depths)
        return Transformer(rng.choice(self.embed_dims), rng.choice(BIASES), self._drawn(depth, rng))

    def parse(self, text: str) -> Transformer:
        """Return the architecture of a published string; raises `UsageError` for anything else."""
        match = self._spelling.fullmatch(text)
        if match is None:
            raise unreadable(self.name, text, f"it is not of the form gpt-{self.scale}-...", self._example)
        # No number of the space has more than four digits; a longer one is in no choice.
        depth, embed_dim, *rest = [int(number[:5]) for number in f"{match[1]}-0".split("-")]
        ratios, heads = rest[:depth], rest[depth:-1]
        if not len(ratios) == len(heads) == depth:
            why = f"{len(rest) - 1} numbers follow, where {depth} layers have {2 * depth} ratios and heads"
            raise unreadable(self.name, text, why, self._example)
        return self._checked(embed_dim, match[2] == "True", heads, ratios)

    def format(self, arch: Transformer) -> str:
        """Return the published string, such as 'gpt-s-10-768-<ratios>-<heads>-True'."""
        embed_dim, bias, layers = self._own(arch)
        heads, ratios = zip(*layers, strict=True)
        return "-".join(map(str, ("gpt", self.scale, len(layers), embed_dim, *ratios, *heads, bias)))

    def configuration(self, arch: Transformer) -> dict[str, Any]:
        """Return the published dictionary, with lists as long as there are layers."""
        embed_dim, bias, layers = self._own(arch)
        return {
            "sample_embed_dim": embed_dim,
            "sample_n_layer": len(layers),
            "sample_n_head": [heads for heads, _ in layers],
            "sample_mlp_ratio": [ratio for _, ratio in layers],
            "sample_bias": str(bias),
        }

    def from_configuration(self, config: Mapping[str, Any]) -> Transformer:
        """Return the architecture of a published dictionary, whose lists may be longer than its layers.

        The bias may be a string, as published, or a boolean; other entries, such as
        'sample_layer_indices', are passed over. Raises `UsageError` for what is no architecture.
        """
        names = [f"sample_{name}" for name in ("embed_dim", "bias", "n_layer", "n_head", "mlp_ratio")]
        missing = [name for name in names if name not in config]
        if missing:
            raise self._no_choice(f"the dictionary lacks {', '.join(missing)}")
        embed_dim, bias, depth, heads, ratios = (config[name] for name in names)
        if str(bias) not in {"True", "False"} or type(depth) is not int:
            raise self._no_choice(f"bias {shown(bias)}, {shown(depth)} layers")
        if not (isinstance(heads, Sequence) and isinstance(ratios, Sequence)):
            raise self._no_choice("heads and ratios are lists, one number for each layer")
        if min(len(heads), len(ratios)) < depth:
            raise self._no_choice(f"{len(heads)} heads and {len(ratios)} ratios for {depth} layers")
        return self._checked(embed_dim, str(bias) == "True", heads[:depth], ratios[:depth])

    def mutate(self, arch: Transformer, rng: Stream, kind: str) -> Transformer:
        """Return a copy with another value, uniform over the others, of one choice."""
        check_mutation(self.name, kind, self.mutations)
        embed_dim, bias, layers = self._own(arch)
        place = rng.below(3 + 2 * len(layers))
        if place == 0:
            return Transformer(_other(self.embed_dims, embed_dim, rng), bias, layers)
        if place == 1:
            return Transformer(embed_dim, not bias, layers)
        if place == 2:
            depth = _other(self.depths, len(layers), rng)
            grown = self._drawn(max(depth - len(layers), 0), rng)
            return Transformer(embed_dim, bias, (*layers[:depth], *grown))
        index, half = divmod(place - 3, 2)
        heads, ratio = layers[index]
        changed = (
            (heads, _other(self.ratios, ratio, rng)) if half else (_other(self.heads, heads, rng), ratio)
        )
        return Transformer(embed_dim, bias, (*layers[:index], changed, *layers[index + 1 :]))

    def neighbours(self, arch: Transformer) -> list[Transformer]:
        """Return the architectures with one other choice, or with layers more or less at the end."""
        embed_dim, bias, layers = self._own(arch)
        found = [Transformer(other, bias, layers) for other in self.embed_dims if other != embed_dim]
        found.append(Transformer(embed_dim, not bias, layers))
        found += [Transformer(embed_dim, bias, resized) for resized in self._resized(layers)]
        for index, (heads, ratio) in enumerate(layers):
            changes = [(other, ratio) for other in self.heads if other != heads]
            changes += [(heads, other) for other in self.ratios if other != ratio]
            for change in changes:
                found.append(Transformer(embed_dim, bias, (*layers[:index], change, *layers[index + 1 :])))
        return found

    def crossover(self, first: Transformer, second: Transformer, rng: Stream) -> Transformer:
        """Return a child whose choices are each from either parent, layers from one that has them."""
        parents = self._own(first), self._own(second)
        layers = []
        for index in range(len(parents[rng.below(2)].layers)):
            having = [parent for parent in parents if index < len(parent.layers)]
            layers.append(having[rng.below(len(having))].layers[index])
        return Transformer(parents[rng.below(2)].embed_dim, parents[rng.below(2)].bias, tuple(layers))

    def graph(self, arch: Transformer) -> Graph:
        """Return the chain of 'embedding 768 bias' and, for each layer, 'heads 12' and 'mlp 4'.

        Shortcuts past attention and MLP are the same for all and left out: with them, 36 layers would have
        3^36 paths.
        """
        embed_dim, bias, layers = self._own(arch)
        blocks = [label for heads, ratio in layers for label in (f"heads {heads}", f"mlp {ratio}")]
        labels = ("input", f"embedding {embed_dim}{' bias' if bias else ''}", *blocks, "output")
        return Graph(labels, tuple(pairwise(range(len(labels)))))

    def compose(self, indices: Sequence[int]) -> Transformer:
        """Return the architecture of one choice for each factor; those of unused layers do not count."""
        check_choices(self.name, indices, [len(factor.choices) for factor in self.factors])
        embed_dim, bias, depth, *rest = indices
        largest = max(self.depths)
        chosen = zip(rest[:largest], rest[largest:], strict=True)
        layers = tuple((self.heads[head], self.ratios[ratio]) for head, ratio in chosen)
        return Transformer(self.embed_dims[embed_dim], BIASES[bias], layers[: self.depths[depth]])

    def decompose(self, arch: Transformer) -> tuple[int, ...]:
        """Return the choice of each factor, the first one for layers that are not in use."""
        embed_dim, bias, layers = self._own(arch)
        unused = [0] * (max(self.depths) - len(layers))
        return (
            self.embed_dims.index(embed_dim),
            BIASES.index(bias),
            self.depths.index(len(layers)),
            *[self.heads.index(heads) for heads, _ in layers],
            *unused,
            *[self.ratios.index(ratio) for _, ratio in layers],
            *unused,
        )

    @property
    def _example(self) -> str:
        depth, largest = min(self.depths), max(self.embed_dims)
        ratios, heads = "-".join([str(self.ratios[0])] * depth), "-".join([str(self.heads[0])] * depth)
        return f"gpt-{self.scale}-{depth}-{largest}-{ratios}-{heads}-True"

    def _drawn(self, depth: int, rng: Stream) -> tuple[Layer, ...]:
        return tuple([rng.choice(self._kinds) for _ in range(depth)])

    def _resized(self, layers: tuple[Layer, ...]) -> Iterator[tuple[Layer, ...]]:
        """Yield the layers at every other depth, with everything that can come after them."""
        for depth in self.depths:
            if depth != len(layers):
                for grown in product(self._kinds, repeat=max(depth - len(layers), 0)):
                    yield (*layers[:depth], *grown)

    def _own(self, arch: Transformer) -> Transformer:
        """Return the architecture of an equal value; refuses what is not in the space."""
        if not self.contains(arch):
            raise foreign(self.name, arch, self._example)
        return Transformer(*arch)

    def _checked(
        self, embed_dim: Any, bias: bool, heads: Sequence[Any], ratios: Sequence[Any]
    ) -> Transformer:
        """Return the architecture of these choices; refuses the first that is none."""
        for what, chosen, known in (
            ("embedding dimension", [embed_dim], self.embed_dims),
            ("number of layers", [len(heads)], self.depths),
            ("number of heads", heads, self.heads),
            ("MLP ratio", ratios, self.ratios),
        ):
            for value in chosen:
                if value not in known:
                    known_text = ", ".join(map(str, known))
                    raise self._no_choice(f"{shown(value)} is no {what}; there are {known_text}")
        return Transformer(embed_dim, bias, tuple(zip(heads, ratios, strict=True)))

    def _no_choice(self, why: str) -> UsageError:
        what = "these are not choices of the space"
        return UsageError(what, where=self.name, why=why, hint=f"a published string is '{self._example}'")


class HwGptSmallSpace(HwGptSpace):
    """The transformers of GPT-S: 10 to 12 layers, embedding dimension up to 768; 1.9 x 10^12 of them."""

    name = "hw-gpt-s"
    revision = 1
    scale = "s"
    embed_dims = (192, 384, 768)
    depths = (10, 11, 12)
    heads = (4, 8, 12)


class HwGptMediumSpace(HwGptSpace):
    """The transformers of GPT-M: 22 to 24 layers, embedding dimension up to 1024; 5.4 x 10^23 of them."""

    name = "hw-gpt-m"
    revision = 1
    scale = "m"
    embed_dims = (256, 512, 1024)
    depths = (22, 23, 24)
    heads = (8, 12, 16)


class HwGptLargeSpace(HwGptSpace):
    """The transformers of GPT-L: 34 to 36 layers, embedding dimension up to 1280; 1.5 x 10^35 of them."""

    name = "hw-gpt-l"
    revision = 1
    scale = "l"
    embed_dims = (320, 640, 1280)
    depths = (34, 35, 36)
    heads = (8, 16, 20)


def _other(choices: Sequence[int], value: int, rng: Stream) -> int:
    """Return another choice, each of the others with equal probability."""
    place = rng.below(len(choices) - 1)
    return choices[place + (place >= choices.index(value))]
