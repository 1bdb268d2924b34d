"""Fitting a surrogate with an honest report: how well it predicts what was held out, and where not.

What is saved is the model that was measured: it is fitted on what is not held out, and on nothing else.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from typing import NamedTuple

import msgspec
import numpy as np
from msgspec import structs

from assay.benchmarks.surrogates.fit import (
    Encoder,
    Ensemble,
    Recipe,
    default_encodings,
    fit_ensemble,
    mean_of,
    predict,
)
from assay.benchmarks.surrogates.model import NOISELESS, PREFIX, Surrogate
from assay.benchmarks.surrogates.noise import Coverage, Noise, coverages, estimate_noise
from assay.benchmarks.surrogates.observations import Observations, split_by, without_method
from assay.benchmarks.surrogates.scores import Region, Scores, by_region, score
from assay.benchmarks.watching import progress
from assay.contracts.card import CostNote, ErrataNote, ExtraNote, ProtocolCard, SeedNote
from assay.contracts.evaluation import Fidelity
from assay.contracts.problem import Signal
from assay.foundation.errors import UsageError
from assay.foundation.seeding import Stream

HELD_OUT = 0.2
_SIZES = (100, 300, 1_000, 3_000, 10_000, 30_000)
_TRAININGS = 10
_FEWEST = 50


class CurvePoint(msgspec.Struct, frozen=True, kw_only=True):
    """The scores on the same held-out architectures of a surrogate that was fitted on fewer."""

    fitted_on: int
    scores: Scores


class NoiseRegion(msgspec.Struct, frozen=True, kw_only=True):
    """Standard deviations where the prediction is at least `above` (None: in the lowest region)."""

    above: float | None
    training: float
    model: float


class MethodScores(msgspec.Struct, frozen=True, kw_only=True):
    """The scores on what one search method visited, of a surrogate that is fitted on what others did."""

    method: str
    fitted_on: int
    scores: Scores


class SurrogateReport(msgspec.Struct, frozen=True, kw_only=True):
    """How a surrogate was fitted and how well it predicts; format 1.

    `scores` are on `held_out` architectures whose class of equivalent architectures is held out whole.
    `largest_class` is the size of the largest of these: where it is large and unlike all others, R2 and the
    errors of its region turn on it. `cross_validated` are the scores on all that was fitted on, each
    predicted by the one member that left its class out: of a weaker model, and of many more classes.
    `naive` are the scores of the same recipe where architectures are held out one by one; then
    `naive_shared` is the share of them with an equivalent one in the training set.
    Both are None where the space names no classes. `knows_noise` says whether trainings are told apart;
    where they are not, the noise of training is 0 in `noise_by_region`, which means unknown.
    """

    surrogate: str
    fitted_from: str
    source_digest: str
    signal: str
    fidelity: str
    unit: str
    seed: int
    recipe: Recipe
    architectures: int
    classes: int
    canonical_form: str | None
    fitted_on: int
    held_out: int
    largest_class: int
    scores: Scores
    cross_validated: Scores
    naive: Scores | None
    naive_shared: float | None
    curve: tuple[CurvePoint, ...]
    regions: tuple[Region, ...]
    knows_noise: bool
    noise_by_region: tuple[NoiseRegion, ...]
    coverages: tuple[Coverage, ...]
    cost: Scores | None
    methods: tuple[MethodScores, ...] = ()
    format: int = 1


class Fitted(NamedTuple):
    """A surrogate and its report."""

    surrogate: Surrogate
    report: SurrogateReport


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """What is fitted: the card of the numbers, which of its signals and fidelities, and their digest."""

    card: ProtocolCard
    signal: Signal
    fidelity: Fidelity
    digest: str


class _Fit(NamedTuple):
    encode: Encoder
    ensemble: Ensemble


class _Fitter(NamedTuple):
    recipe: Recipe
    signal: Signal
    threads: int

    def fit(self, data: Observations, rng: Stream) -> _Fit:
        encode = Encoder(data.space, self.recipe.encodings, data.archs)
        rows = encode(data.archs)
        return _Fit(encode, fit_ensemble(self.recipe, rows, data.values, data.classes, rng, self.threads))

    def score(self, fitted: _Fit, data: Observations) -> Scores:
        predicted = mean_of(predict(fitted.ensemble.members, fitted.encode(data.archs)))
        return score(data.values, predicted, self.signal.unit, maximize=self.signal.maximize)


def fit_surrogate(
    data: Observations,
    subject: Subject,
    name: str,
    *,
    seed: int = 0,
    recipe: Recipe | None = None,
    visits: Mapping[str, Iterable[Hashable]] | None = None,
    threads: int = 1,
) -> Fitted:
    """Fit a surrogate on observations, and report on a fifth of them, which are held out.

    `visits` are the architectures that each search method visited; with them every method is left out
    once. `threads` changes no bit. Raises `UsageError` for fewer than 50 classes of architectures.
    """
    recipe = recipe or Recipe(encodings=default_encodings(data.space))
    fitter = _Fitter(recipe, subject.signal, threads)
    rng = Stream(seed, ("surrogate", name, subject.signal.name, subject.fidelity.text()))
    classes = len(np.unique(data.classes))
    if classes < _FEWEST:
        raise UsageError(
            "there is too little to fit a surrogate on",
            why=f"{classes:,} different architectures, of which a fifth is held out; at least {_FEWEST}",
        )
    split = split_by(data.classes, HELD_OUT, rng.child("held-out"))
    train, test = data.take(split.train), data.take(split.test)
    progress("fitting", 0, 4)
    main = fitter.fit(train, rng.child("fit"))
    each = predict(main.ensemble.members, main.encode(test.archs))
    means = mean_of(each)
    noise = estimate_noise(train.trainings, main.ensemble.out_of_fold)
    knows_noise = bool(np.any(np.sum(~np.isnan(train.trainings), axis=1) > 1))
    costs = _fit_costs(fitter, train, main, rng.child("cost"))
    scores = score(test.values, means, subject.signal.unit, maximize=subject.signal.maximize)
    card = _card(subject, name, scores, has_costs=costs is not None, knows_noise=knows_noise)
    surrogate = Surrogate(
        card=card,
        encode=main.encode,
        members=main.ensemble.members,
        costs=() if costs is None else costs.members,
        smallest_cost=None if train.costs is None else float(train.costs.min()),
        noise=noise,
    )
    progress("what a naive split would say", 1, 4)
    naive, shared = _naive(fitter, data, rng) if data.canonical_form else (None, None)
    progress("learning curve", 2, 4)
    curve = _curve(fitter, train, test, rng)
    progress("methods left out", 3, 4)
    report = SurrogateReport(
        surrogate=card.benchmark,
        fitted_from=subject.card.benchmark,
        source_digest=subject.digest,
        signal=subject.signal.name,
        fidelity=subject.fidelity.text(),
        unit=subject.signal.unit,
        seed=seed,
        recipe=recipe,
        architectures=len(data.archs),
        classes=classes,
        canonical_form=data.canonical_form,
        fitted_on=len(train.archs),
        held_out=len(test.archs),
        largest_class=int(np.bincount(test.classes).max()),
        scores=scores,
        cross_validated=score(
            train.values, main.ensemble.out_of_fold, subject.signal.unit, maximize=subject.signal.maximize
        ),
        naive=naive,
        naive_shared=shared,
        curve=(*curve, CurvePoint(fitted_on=len(train.archs), scores=scores)),
        regions=by_region(test.values, means),
        noise_by_region=_by_region(noise),
        knows_noise=knows_noise,
        coverages=coverages(test.trainings, means, np.sqrt(mean_of((each - means) ** 2)), noise),
        cost=_cost_scores(costs, main, test),
        methods=_left_out(fitter, data, visits or {}, rng),
    )
    progress("fitted", 4, 4)
    return Fitted(surrogate, report)


def _fit_costs(fitter: _Fitter, train: Observations, main: _Fit, rng: Stream) -> Ensemble | None:
    if train.costs is None:
        return None
    short = structs.replace(fitter.recipe, members=2)
    return fit_ensemble(short, main.encode(train.archs), train.costs, train.classes, rng, fitter.threads)


def _cost_scores(costs: Ensemble | None, main: _Fit, test: Observations) -> Scores | None:
    if costs is None or test.costs is None:
        return None
    predicted = mean_of(predict(costs.members, main.encode(test.archs)))
    return score(test.costs, predicted, "seconds", maximize=False)


def _naive(fitter: _Fitter, data: Observations, rng: Stream) -> tuple[Scores, float]:
    """Return the scores where equivalent architectures may lie on both sides of the split."""
    alone = data._replace(classes=np.arange(len(data.archs)))
    split = split_by(alone.classes, HELD_OUT, rng.child("held-out-naively"))
    fitted = fitter.fit(alone.take(split.train), rng.child("fit-naively"))
    shared = np.isin(data.classes[split.test], data.classes[split.train])
    return fitter.score(fitted, alone.take(split.test)), float(np.mean(shared))


def _curve(fitter: _Fitter, train: Observations, test: Observations, rng: Stream) -> tuple[CurvePoint, ...]:
    """Return the scores by how much was fitted on; each training set holds the smaller ones."""
    order = np.unique(train.classes).tolist()
    rng.child("curve").shuffle(order)
    place = {number: i for i, number in enumerate(order)}
    rank = np.array([place[number] for number in train.classes.tolist()])
    sizes = np.cumsum(np.bincount(rank))
    points = []
    for size in _SIZES:
        if size >= len(train.archs):
            break
        part = train.take(np.flatnonzero(rank <= int(np.searchsorted(sizes, size))))
        fitted = fitter.fit(part, rng.child("fit-curve", size))
        points.append(CurvePoint(fitted_on=len(part.archs), scores=fitter.score(fitted, test)))
    return tuple(points)


def _left_out(
    fitter: _Fitter, data: Observations, visits: Mapping[str, Iterable[Hashable]], rng: Stream
) -> tuple[MethodScores, ...]:
    found = []
    for method in visits if len(visits) > 1 else ():
        split = without_method(data.archs, visits, method)
        if split is None or len(np.unique(data.classes[split.train])) < _FEWEST:
            continue
        fitted = fitter.fit(data.take(split.train), rng.child("fit-without", method))
        scores = fitter.score(fitted, data.take(split.test))
        found.append(MethodScores(method=method, fitted_on=len(split.train), scores=scores))
    return tuple(found)


def _by_region(noise: Noise) -> tuple[NoiseRegion, ...]:
    above = [None, *noise.edges.tolist()]
    rows = zip(above, noise.training.tolist(), noise.model.tolist(), strict=True)
    return tuple(NoiseRegion(above=a, training=t, model=m) for a, t, m in rows)


def _card(subject: Subject, name: str, scores: Scores, *, has_costs: bool, knows_noise: bool) -> ProtocolCard:
    """Return the card of a surrogate: that of the numbers it was fitted on, and that they are predicted."""
    card, signal = subject.card, subject.signal
    source = f"{card.benchmark}, card version {card.version}"
    trainings = tuple(range(_TRAININGS)) if knows_noise else ()
    what = (
        "a seed adds a normal draw with the noise that trainings have where such a value is predicted"
        if knows_noise
        else "the noise of training is not known: the source does not tell trainings apart"
    )
    tau = "none" if scores.kendall is None else f"{scores.kendall:.3f}"
    return structs.replace(
        card,
        benchmark=f"{PREFIX}{name.removeprefix(PREFIX)}",
        version=1,
        signals=(structs.replace(signal, description=f"predicted by a surrogate of {card.benchmark}"),),
        fidelities=(subject.fidelity,),
        seeds=SeedNote(
            seeds=trainings,
            aggregated=not knows_noise,
            policies=(NOISELESS, *[f"seed={k}" for k in trainings]),
            note=f"predicted: '{NOISELESS}' is the mean of the ensemble; {what}",
        ),
        test=None,
        no_test_because="a surrogate predicts what it was fitted on, which is no test metric",
        cost=CostNote(column="cost", unit="seconds", rule=f"predicted; as measured: {card.cost.rule}")
        if has_costs and card.cost
        else None,
        extras=(),
        extra_notes=(
            ExtraNote(
                column=signal.name,
                title=signal.metric,
                unit=signal.unit,
                origin="predicted",
                maximize=signal.maximize,
            ),
        ),
        prefix=False,
        source=f"a surrogate fitted on {source}",
        digest_of_source={card.benchmark: subject.digest},
        errata=(
            ErrataNote(
                summary="numbers are predicted by a surrogate and were not measured; on "
                f"{scores.n:,} held-out architectures Kendall's tau is {tau}",
                source="the surrogate's report",
            ),
            *card.errata,
        ),
    )
