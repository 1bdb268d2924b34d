"""Pairs the parameters and modules of two networks that should be the same; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from assay.foundation.errors import UsageError

Shape = tuple[int, ...]


class Pairing(msgspec.Struct, frozen=True, kw_only=True):
    """Which tensor of A is which of B, by name, and the modules that follow from it.

    `only_a` and `only_b` have no counterpart.
    """

    tensors: dict[str, str]
    modules: dict[str, str]
    only_a: tuple[str, ...]
    only_b: tuple[str, ...]


def pair(a: Mapping[str, Shape], b: Mapping[str, Shape], maps: Sequence[tuple[str, str]]) -> Pairing:
    """Pair tensors: as mapped, else of equal names, else in their order where kind and shape agree.

    A map (x, y) says that the module or tensor x of A is y of B, and so is all below it; the longest
    that fits decides. Raises `UsageError` for a map that fits nothing or pairs unequal shapes.
    """
    tensors: dict[str, str] = {}
    for left, right in maps:
        if not any(_below(name, left) for name in a) or not any(_below(name, right) for name in b):
            lacking = "the first" if not any(_below(name, left) for name in a) else "the second"
            raise UsageError(
                f"the map '{left}={right}' fits nothing in {lacking} network",
                hint="names are those of state_dict(), such as features.0",
            )
    for name in a:
        mapped = _mapped(name, maps)
        if mapped in b:
            tensors[name] = mapped
    for name, other in tensors.items():
        if a[name] != b[other]:
            raise UsageError(f"{name} has the shape {a[name]}, its counterpart {other} {b[other]}")
    rest_a = [name for name in a if name not in tensors]
    taken = set(tensors.values())
    rest_b = [name for name in b if name not in taken]
    tensors |= _in_order(rest_a, rest_b, a, b)
    taken = set(tensors.values())
    return Pairing(
        tensors=tensors,
        modules=_modules(tensors),
        only_a=tuple(name for name in a if name not in tensors),
        only_b=tuple(name for name in b if name not in taken),
    )


def _mapped(name: str, maps: Sequence[tuple[str, str]]) -> str:
    fitting = [(left, right) for left, right in maps if _below(name, left)]
    if not fitting:
        return name
    left, right = max(fitting, key=lambda one: len(one[0]))
    return right + name[len(left) :]


def _below(name: str, prefix: str) -> bool:
    return name == prefix or name.startswith(f"{prefix}.")


def _in_order(
    rest_a: Sequence[str], rest_b: Sequence[str], a: Mapping[str, Shape], b: Mapping[str, Shape]
) -> dict[str, str]:
    """Pair what is left in the order of definition, where the last part of the name and the shape agree."""
    found: dict[str, str] = {}
    left = list(rest_b)
    for name in rest_a:
        kind = (name.rpartition(".")[2], a[name])
        match = next((other for other in left if (other.rpartition(".")[2], b[other]) == kind), None)
        if match is not None:
            found[name] = match
            left.remove(match)
    return found


def _modules(tensors: Mapping[str, str]) -> dict[str, str]:
    """Return the modules that hold paired tensors, and those above them whose paths end alike."""
    found = {"": ""}
    for name, other in tensors.items():
        one, two = name.rpartition(".")[0], other.rpartition(".")[0]
        while one and two and one not in found:
            found[one] = two
            if one.rpartition(".")[2] != two.rpartition(".")[2]:
                break
            one, two = one.rpartition(".")[0], two.rpartition(".")[0]
    return found
