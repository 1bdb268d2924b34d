"""NATS-Bench size: the widths of the five layers of a network of fixed topology.

Source: Dong, Liu, Musial and Gabrys, "NATS-Bench: Benchmarking NAS Algorithms for Architecture Topology
and Size", IEEE TPAMI 2021. Checked against `exps/NATS-Bench/main-sss.py` (`traverse_net`) and
`xautodl/models/shape_infers/InferTinyCellNet.py` of D-X-Y/AutoDL-Projects (MIT).
"""

from __future__ import annotations

from functools import cached_property
from typing import ClassVar

from assay.contracts.space import Factor, Graph
from assay.foundation.errors import UnknownNameError
from assay.spaces._refuse import shown, unreadable
from assay.spaces.grid import GridSpace, Setting

WIDTHS = ("8", "16", "24", "32", "40", "48", "56", "64")
TOPOLOGY = "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|nor_conv_3x3~2|"
"""The cell that every network of the space has, in the form of NAS-Bench-201."""

# What the layer of each width is; the stem before them has the first width.
_LAYERS = ("cell", "residual", "cell", "residual", "cell")
_CHAIN = tuple((node, node + 1) for node in range(len(_LAYERS) + 1))


class NatsBenchSizeSpace(GridSpace):
    """The 32,768 networks of NATS-Bench's size search space: five widths of 8, 16, ..., 64 channels.

    An architecture is a tuple of five integers: for each layer, the position of its width in `WIDTHS`.
    The published form is '8:16:64:32:8', the widths of a cell, a residual block with stride 2, a cell,
    such a block, and a cell; all cells are `TOPOLOGY`.

    The index is the publication's: the files of NATS-Bench are in the order of these strings read as
    numbers, the last width changing fastest.

    The mutation 'factor' draws one of the five layers and another of its widths. It is the mutation of
    NATS-Bench's evolution (`mutate_size_func` in AutoDL-Projects, exps/NATS-algos/regularized_ea.py)
    but for one thing: that one draws among all eight widths, and so returns its parent one time in eight.
    """

    name = "nats-bench-size"
    revision = 1
    factors: ClassVar[tuple[Factor, ...]] = tuple(
        Factor(f"{layer} {i}", WIDTHS) for i, layer in enumerate(_LAYERS, start=1)
    )

    def parse(self, text: str) -> Setting:
        """Return the network of five widths joined by colons, blanks around them allowed.

        Raises `UsageError` for anything else, `UnknownNameError` for a width that the space lacks.
        """
        widths = [width.strip() for width in text.split(":")]
        if len(widths) != len(_LAYERS):
            raise unreadable(self.name, text, "it is not five widths joined by colons", self._example)
        for width in widths:
            if width not in WIDTHS:
                raise UnknownNameError(f"width of {self.name}", width, WIDTHS, where=shown(text))
        return tuple([WIDTHS.index(width) for width in widths])

    def format(self, arch: Setting) -> str:
        """Return the published string, such as '8:16:64:32:8'."""
        return ":".join([WIDTHS[i] for i in self._own(arch)])

    def graph(self, arch: Setting) -> Graph:
        """Return the chain of five layers, labelled as in 'cell 16', between 'input' and 'output'."""
        chosen = zip(_LAYERS, self._own(arch), strict=True)
        return Graph(("input", *[f"{layer} {WIDTHS[i]}" for layer, i in chosen], "output"), _CHAIN)

    @cached_property
    def _example(self) -> str:
        return "8:16:64:32:8"
