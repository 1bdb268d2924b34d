"""A fitted surrogate: saved as plain arrays with a card, and used as a benchmark.

In the cache:

    <cache>/surrogates/<name>.surrogate   the trees and the noise as arrays; the card in the metadata
    <cache>/surrogates/<name>.json        the report of how well it predicts what was held out

Nothing in either is ever run. Its numbers are predicted, and the card says so.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import msgspec
import numpy as np

from assay.benchmarks.surrogates.configuration import ENCODING, ConfigurationRows
from assay.benchmarks.surrogates.fit import Encoder, mean_of, predict
from assay.benchmarks.surrogates.forest import Forest, from_arrays, to_arrays
from assay.benchmarks.surrogates.noise import Noise
from assay.benchmarks.tabular import Columns
from assay.contracts.card import ProtocolCard
from assay.contracts.evaluation import Evaluation, Fidelity, Outcome, Status
from assay.contracts.problem import Signal
from assay.contracts.space import Enumerable, SearchSpace
from assay.foundation.dense import open_dense, write_dense
from assay.foundation.errors import CorruptError, UnavailableError, UnknownNameError, UsageError
from assay.foundation.seeding import Stream
from assay.spaces.catalogue import get_space

KIND = "assay-surrogate"
PREFIX = "surrogate:"
REVISION = 1
"""Rises when the same arrays give other numbers; it is part of the identity of a run."""
NOISELESS = "noiseless"
"""The seed policy under which a surrogate answers with its mean; 'seed=k' adds the noise of training k."""

_ENUMERATED = 1_000_000
_AXES = {"edges": ("edge",), "training": ("region",), "model": ("region",)}


class Rows(Protocol):
    """Turns architectures into rows of numbers; `names` says which way, `reference` what it needs for it."""

    names: tuple[str, ...]
    reference: tuple[Hashable, ...]

    def __call__(self, archs: Sequence[Hashable]) -> np.ndarray:
        """Return one row for each architecture."""
        ...


class Meta(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The metadata of a surrogate file; `reference` are architectures in their published form."""

    card: ProtocolCard
    encodings: tuple[str, ...]
    reference: tuple[str, ...]
    smallest_cost: float | None


class Surrogate(NamedTuple):
    """What is saved: the members of the ensemble, those that predict the cost, and the noise.

    `costs` is empty where an evaluation counts as one. Without `noise`, a training differs from the mean
    by the spread of the ensemble, as in NAS-Bench-301.
    """

    card: ProtocolCard
    encode: Rows
    members: tuple[Forest, ...]
    costs: tuple[Forest, ...]
    smallest_cost: float | None
    noise: Noise | None


class Predictions(NamedTuple):
    """For each architecture: the mean of the members, their spread, the noise of one training, the cost."""

    means: np.ndarray
    spreads: np.ndarray
    noises: np.ndarray
    costs: np.ndarray


def surrogate_path(cache: Path, name: str) -> Path:
    """Return where a surrogate lies in the cache; raises `UsageError` for a name that leaves it."""
    plain = name.removeprefix(PREFIX)
    parts = plain.split("/")
    if not all(parts) or any(part.startswith(".") or not part.isprintable() for part in parts):
        raise UsageError(f"'{name}' is no name for a surrogate", hint="such as my-surrogate or family/task")
    return (cache / "surrogates").joinpath(*parts[:-1], f"{parts[-1]}.surrogate")


def save_surrogate(surrogate: Surrogate, path: Path) -> None:
    """Write a surrogate, whole or not at all."""
    space = get_space(surrogate.card.space)
    meta = Meta(
        card=surrogate.card,
        encodings=surrogate.encode.names,
        reference=tuple(space.format(arch) for arch in surrogate.encode.reference),
        smallest_cost=surrogate.smallest_cost,
    )
    arrays = to_arrays(surrogate.members, "value")
    if surrogate.costs:
        arrays |= to_arrays(surrogate.costs, "cost")
    if surrogate.noise is not None:
        arrays |= {
            f"noise.{name}": (_AXES[name], values) for name, values in surrogate.noise._asdict().items()
        }
    write_dense(path, KIND, msgspec.to_builtins(meta), arrays)


def open_surrogate(name: str, cache: Path) -> SurrogateBenchmark:
    """Open a surrogate of the cache by its name, with or without 'surrogate:'.

    Every byte is verified. Raises `UnknownNameError` where there is none of that name, and
    `IntegrityError`, with the file, for one that is damaged.
    """
    path = surrogate_path(cache, name)
    if not path.exists():
        raise UnknownNameError("surrogate", name.removeprefix(PREFIX), surrogate_names(cache))
    return read_surrogate(path)


def surrogate_names(cache: Path) -> list[str]:
    """Return the names of the surrogates in the cache, sorted, without 'surrogate:'."""
    folder = cache / "surrogates"
    found = (path.relative_to(folder) for path in folder.rglob("*.surrogate"))
    return sorted(path.as_posix().removesuffix(".surrogate") for path in found)


def read_surrogate(path: Path) -> SurrogateBenchmark:
    """Open a surrogate file; raises as `open_surrogate` does."""
    file = open_dense(path, KIND)
    try:
        meta = msgspec.convert(file.meta, Meta)
        space = get_space(meta.card.space)
        reference = [space.parse(text) for text in meta.reference]
        encode: Rows = (
            ConfigurationRows()
            if meta.encodings == (ENCODING,)
            else Encoder(space, meta.encodings, reference)
        )
        noise = (
            Noise(*(file.arrays[f"noise.{name}"] for name in _AXES)) if _has(file.arrays, "noise") else None
        )
        costs = from_arrays(file.arrays, "cost") if _has(file.arrays, "cost") else ()
        members = from_arrays(file.arrays, "value")
    except (msgspec.ValidationError, KeyError, ValueError, TypeError) as error:
        raise CorruptError(
            "the metadata of the surrogate is damaged", where=str(path), why=str(error)
        ) from None
    found = Surrogate(meta.card, encode, members, costs, meta.smallest_cost, noise)
    return SurrogateBenchmark(found, space, file.digest)


def _has(arrays: dict[str, np.ndarray], prefix: str) -> bool:
    return any(name.startswith(f"{prefix}.") for name in arrays)


class SurrogateBenchmark:
    """A benchmark whose numbers a surrogate predicts; it answers as `TableBenchmark` does.

    A repeat is equal to the bit: the noise of training k of an architecture is drawn from the stream
    ("evaluation", benchmark, architecture, k). Safe to share between threads.
    """

    def __init__(self, surrogate: Surrogate, space: SearchSpace[Any], digest: str) -> None:
        self.name = surrogate.card.benchmark
        self.card = surrogate.card
        self.space = space
        self.surrogate = surrogate
        self.default_fidelity = surrogate.card.fidelities[0]
        self.card_digest = surrogate.card.meaning()
        self.table_digest = digest
        self.charges_seconds = bool(surrogate.costs)
        self._answers: dict[tuple[Hashable, int | None], Outcome] = {}

    def at(self, fidelity: Fidelity | str | None) -> SurrogateBenchmark:
        """Return the benchmark itself, which has one fidelity; raises `UnknownNameError` for another."""
        self.fidelity(fidelity)
        return self

    @property
    def default_policy(self) -> str:
        """The seed policy that the card names first."""
        return self.card.seeds.policies[0]

    def signal(self, name: str) -> Signal:
        """Return the signal of the card; an unknown name raises `UnknownNameError`."""
        for signal in self.card.signals:
            if signal.name == name:
                return signal
        raise UnknownNameError("signal", name, [s.name for s in self.card.signals], where=self.name)

    def fidelity(self, fidelity: Fidelity | str | None) -> Fidelity:
        """Return the fidelity of the card, given as such or as its text; raises `UnknownNameError`."""
        text = fidelity.text() if isinstance(fidelity, Fidelity) else fidelity
        if text is not None and text != self.default_fidelity.text():
            raise UnknownNameError("fidelity", text, [self.default_fidelity.text()], where=self.name)
        return self.default_fidelity

    def predict(self, archs: Sequence[Hashable]) -> Predictions:
        """Return the predictions for architectures of the space, each independent of the others."""
        model = self.surrogate
        rows = model.encode(archs)
        each = predict(model.members, rows)
        means = mean_of(each)
        spreads = np.sqrt(mean_of((each - means) ** 2))
        noises = spreads if model.noise is None else model.noise.training[model.noise.region(means)]
        costs = np.ones(len(archs))
        if model.costs:
            costs = np.maximum(mean_of(predict(model.costs, rows)), model.smallest_cost or 0.0)
        return Predictions(means, spreads, noises, costs)

    def column(self, signal: str, policy: str | None = None, fidelity: Fidelity | None = None) -> np.ndarray:
        """Return the predictions over the whole space; `UnavailableError` where that is too large."""
        size = self._enumerable().size
        if size > _ENUMERATED:
            raise UnavailableError(f"the space {self.space.name} is too large to predict all of it")
        return self.lookup(np.arange(size), signal, policy, fidelity).values

    def lookup(
        self,
        indices: np.ndarray,
        signal: str,
        policy: str | None = None,
        fidelity: Fidelity | None = None,
    ) -> Columns:
        """Return the columns of a batch of architectures, given by their indices in a space that has them."""
        maximize = self.signal(signal).maximize
        self.fidelity(fidelity)
        training = self._training(policy)
        space = self._enumerable()
        archs = [space.at(i) for i in np.asarray(indices).tolist()]
        found = self.predict(archs)
        draws = np.array([self._draw(arch, training) for arch in archs])
        values = found.means + draws * found.noises
        statuses = np.full(len(archs), Status.OK.value, dtype=np.uint8)
        return Columns(values, values if maximize else -values, found.costs, statuses)

    def evaluator(
        self,
        signal: str,
        policy: str | None = None,
        fidelity: Fidelity | None = None,
        continues: Fidelity | None = None,
    ) -> Callable[[Hashable], Outcome]:
        """Return a function from an architecture to its outcome, which is predicted once and kept.

        The function raises `UsageError` for what is not an architecture of the space.
        """
        maximize = self.signal(signal).maximize
        self.fidelity(fidelity)
        if continues is not None:
            raise UnavailableError("a surrogate continues no training", where=self.name)
        training = self._training(policy)

        def evaluate(arch: Hashable) -> Outcome:
            if not self.space.contains(arch):
                raise UsageError(f"{arch!r} is not an architecture of {self.space.name}", where=self.name)
            if (arch, training) not in self._answers:
                means, _, noises, costs = self.predict([arch])
                value = float(means[0] + self._draw(arch, training) * noises[0])
                score = value if maximize else -value
                self._answers[arch, training] = Evaluation(value, score, float(costs[0]))
            return self._answers[arch, training]

        return evaluate

    def best(self, signal: str, policy: str | None = None, fidelity: Fidelity | None = None) -> float:
        """Return the best predicted value in a space that can be walked through, in the card's unit."""
        values = self.column(signal, policy, fidelity)
        return float(values.max() if self.signal(signal).maximize else values.min())

    def reference(self, signal: str, policy: str | None = None, fidelity: Fidelity | None = None) -> float:
        """Return the median predicted value over a space that can be walked through."""
        return float(np.median(self.column(signal, policy, fidelity)))

    def _enumerable(self) -> Enumerable[Any]:
        if not isinstance(self.space, Enumerable):
            raise UnavailableError(f"the space {self.space.name} has no index", where=self.name)
        return self.space

    def _training(self, policy: str | None) -> int | None:
        """Return the number of the training that a seed policy asks for, None for the mean."""
        asked = policy or self.default_policy
        if asked not in self.card.seeds.policies:
            raise UnknownNameError("seed policy", asked, self.card.seeds.policies, where=self.name)
        return None if asked == NOISELESS else int(asked.removeprefix("seed="))

    def _draw(self, arch: Hashable, training: int | None) -> float:
        if training is None:
            return 0.0
        return Stream(0, ("evaluation", self.name, self.space.format(arch), training)).normal()
