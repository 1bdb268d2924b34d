"""NAS-Bench-Macro: networks of eight layers, each one of three blocks.

Source: Su et al., "Prioritized Architecture Sampling with Monto-Carlo Tree Search", CVPR 2021, and
`train/model.py` and `train/train_benchmark.py` of xiusu/NAS-Bench-Macro (Apache-2.0).
"""

from __future__ import annotations

import re
from functools import cached_property
from typing import ClassVar

from assay.contracts.space import Factor, Graph
from assay.spaces._refuse import unreadable
from assay.spaces.grid import GridSpace, Setting

BLOCKS = ("Identity", "MB3_K3", "MB6_K5")
STAGES = (2, 3, 3)
"""How many layers each stage has; the first of a stage halves the resolution and doubles the channels."""

_LAYERS = sum(STAGES)
_SPELLING = re.compile(f"[0-{len(BLOCKS) - 1}]{{{_LAYERS}}}")
_CHAIN = tuple((node, node + 1) for node in range(_LAYERS + 1))


class NasBenchMacroSpace(GridSpace):
    """The 6,561 networks of NAS-Bench-Macro.

    An architecture is a tuple of eight integers: for each layer, the position of its block in `BLOCKS`.
    The published form is these eight digits, such as '02012100'.

    The index reads the digits to base 3, the first layer the most significant. It is the order in which
    the networks were trained; that of the published file follows no rule.

    The mutation 'factor' draws one of the eight layers and another of its blocks. The publication
    searches without mutation.

    Networks with equal `unique_string` are the same network, and were trained once: the published file
    repeats one training under each of their strings. Here they are different architectures.
    """

    name = "nas-bench-macro"
    revision = 1
    factors: ClassVar[tuple[Factor, ...]] = tuple(Factor(f"layer {i + 1}", BLOCKS) for i in range(_LAYERS))
    canonical_form = "nas-bench-macro-real-arch-v1"

    def parse(self, text: str) -> Setting:
        """Return the network of eight digits 0, 1 and 2; raises `UsageError` for anything else."""
        if not _SPELLING.fullmatch(text):
            raise unreadable(self.name, text, "it is not eight digits 0, 1 or 2", self._example)
        return tuple(map(int, text))

    def format(self, arch: Setting) -> str:
        """Return the published string, such as '02012100'."""
        return "".join(map(str, self._own(arch)))

    def graph(self, arch: Setting) -> Graph:
        """Return the chain of eight blocks between the nodes 'input' and 'output'."""
        return Graph(("input", *[BLOCKS[i] for i in self._own(arch)], "output"), _CHAIN)

    def unique_string(self, arch: Setting) -> str:
        """Return the string under which the network was trained (canonical form v1; 3,969 classes).

        It is `get_real_arch` of the published code: an identity that is not the first layer of its stage
        changes nothing, and goes to the stage's end.
        """
        digits = self.format(arch)
        stages, start = [], 0
        for length in STAGES:
            rest = digits[start + 1 : start + length].replace("0", "")
            stages.append((digits[start] + rest).ljust(length, "0"))
            start += length
        return "".join(stages)

    @cached_property
    def _example(self) -> str:
        return "02012100"
