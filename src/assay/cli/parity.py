"""The body of `assay parity`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from assay.cli.output import give, give_json, say, table, visible
from assay.foundation.errors import UsageError
from assay.foundation.places import cache_folder
from assay.verification.parity.networks import IDENTICAL, NetworkParity, compare_networks
from assay.verification.parity.strategies import Side, StrategyParity, compare_strategies

_SHOWN = 8


def parity_of_networks(
    a: str,
    b: str,
    *,
    inputs: Sequence[str],
    maps: Sequence[str],
    given: tuple[Sequence[str], Sequence[str]],
    seed: int,
    json: bool,
) -> int:
    """Compare two networks or training steps; 0 only if they are equal, at most up to rounding."""
    found = compare_networks(
        a,
        b,
        folder=Path(),
        inputs=inputs,
        maps=[_map(text) for text in maps],
        settings=(_settings(given[0]), _settings(given[1])),
        seed=seed,
    )
    give_json(found) if json else _show_networks(found)
    return 0 if found.verdict != "different" else 1


def parity_of_strategies(
    a: str,
    b: str,
    *,
    benchmark: str,
    given: tuple[Sequence[str], Sequence[str]],
    replicates: int,
    evaluations: int,
    alpha: float,
    seed: int,
    json: bool,
) -> int:
    """Compare two strategies by their behaviour on a table; 0 only if no difference was found."""
    sides = [
        Side(target=target, hyperparameters=_settings(texts))
        for target, texts in zip((a, b), given, strict=True)
    ]
    found = compare_strategies(
        *sides,
        benchmark=benchmark,
        cache=cache_folder(),
        replicates=replicates,
        evaluations=evaluations,
        alpha=alpha,
        seed=seed,
        on_run=_told,
    )
    give_json(found) if json else _show_strategies(found)
    return 1 if found.test.differ else 0


def _told(done: int, of: int) -> None:
    if done % max(1, of // 10) == 0:
        say(f"{done:,} of {of:,} runs")


def _map(text: str) -> tuple[str, str]:
    left, equals, right = text.partition("=")
    if not (left and equals and right):
        raise UsageError(f"'{text}' maps nothing", hint="--map features.0=stem.conv")
    return left, right


def _settings(texts: Sequence[str]) -> dict[str, Any]:
    """Read settings such as 'population=10'; a value that is no JSON is text."""
    found: dict[str, Any] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not (name and equals):
            raise UsageError(f"'{text}' sets nothing", hint="--a population=10")
        try:
            found[name] = msgspec.json.decode(value)
        except UnicodeEncodeError:
            raise UsageError("a setting holds bytes that are no UTF-8 text", where=visible(name)) from None
        except (msgspec.DecodeError, RecursionError):
            found[name] = value
    return found


def _show_networks(found: NetworkParity) -> None:
    give(f"verdict: {found.verdict}")
    give(f"  {visible(found.sentence())}")
    rows = [
        [one.stage, one.verdict, f"{one.compared:,}", *_first(one.verdict, one.name, one.other, one.what)]
        for one in found.stages
    ]
    give(table(["stage", "verdict", "compared", "first difference in A", "in B"], rows, right=(2,)))
    for side, names in (("A", found.only_a), ("B", found.only_b)):
        if names:
            give(f"only in {side}: {visible(', '.join(names))}; --map X=Y names the counterpart")


def _first(verdict: str, name: str, other: str, what: str) -> list[str]:
    return (
        ["", ""] if verdict == IDENTICAL else [f"{what} of {name or 'the network'}", other or "the network"]
    )


def _show_strategies(found: StrategyParity) -> None:
    give(f"verdict: {'different' if found.test.differ else 'no difference found'}")
    give(f"  {visible(found.test.sentence())}")
    for name, (x, y) in found.settings.items():
        give(f"  setting {visible(name)}: {visible(repr(x))} in A, {visible(repr(y))} in B")
    rows = [
        [one.feature, f"{one.a:.6g}", f"{one.b:.6g}", f"{one.effect:+.2f}", f"{one.p:.4f}"]
        for one in found.test.differences[:_SHOWN]
    ]
    give(table(["feature", "A", "B", "effect (sd)", "adjusted p"], rows, right=(1, 2, 3, 4)))
    give(
        f"{found.evaluations} evaluations a run on {found.benchmark}; a difference of "
        f"{found.test.detectable:.2f} standard deviations is found in four of five cases"
    )
