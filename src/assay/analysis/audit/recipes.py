"""The rule about tuning and training recipes that go with the method."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from assay.analysis.audit.columns import Told, first_rows, seen_in, told_by, words
from assay.analysis.audit.facts import Facts, StudyFacts, TableFacts
from assay.analysis.audit.finding import DOUBTFUL, Doubt, Evidence, Rule
from assay.studies.study import Method
from assay.studies.tuning import TUNED_DEFAULT

_TUNING = {"tuned", "tuning", "hpo", "configurations", "configs", "tuner", "sweep", "sweeps", "untuned"}
_RECIPE = {
    *("recipe", "augmentation", "augmentations", "augment", "aug", "cutout", "mixup", "cutmix"),
    *("autoaugment", "randaugment", "schedule", "scheduler", "pretraining", "protocol"),
    *("preprocessing", "resolution", "teacher", "distillation", "ema", "swa", "ensemble", "ensembling"),
    *("regularisation", "regularization", "epochs"),
}
# What a method may need a value of its own for: a doubt only where one method alone has another value.
_SETTING = {
    *("optimizer", "optimiser", "batch", "batchsize", "dropout", "droppath", "decay", "smoothing"),
    *("momentum", "warmup", "clipping", "crop", "normalisation", "normalization"),
}
_SETTINGS = {
    *("hyperparameters", "hyperparameter", "hparams", "hyperparams", "settings", "setting", "parameters"),
    *("params", "configuration", "config", "defaults", "default"),
}
_TUNED = {"tuned", "optimised", "optimized", "searched", "hpo", "grid", "optuna", "swept", "tuning"}
_UNTUNED = {"default", "defaults", "untuned", "manual", "paper", "original", "none", "fixed", "published"}
_OF_SEARCH = {"search", "searching", "supernet"}


def _unequal_tuning(facts: Facts) -> Doubt | None:
    title = "Some methods were tuned, or trained by another recipe, and others were not"
    if facts.table is not None:
        found = list(_of_table(facts.table))
        return Doubt(DOUBTFUL, title, found) if found else None
    found = list(_tuning_of_study(facts.study)) if facts.study is not None else []
    return Doubt(DOUBTFUL, title, found) if found else None


def _of_table(table: TableFacts) -> Iterator[Evidence]:
    for told in told_by(table, _TUNING | _RECIPE):
        if told.aligned() and _is_settled(told) and not _OF_SEARCH & set(words(told.name)):
            yield from first_rows(table, told)
    for told in told_by(table, _SETTING):
        if _one_apart(told):
            yield from first_rows(table, told)
    for told in told_by(table, _SETTINGS - _TUNING):
        if _some_tuned(told):
            yield from first_rows(table, told)


def _is_settled(told: Told) -> bool:
    """Say whether a column holds settings: numbers that differ from run to run were measured."""
    if told.numbers() is None:
        return True
    return all(len(set(values)) <= max(2, len(values) // 3) for values in told.values.values())


def _one_apart(told: Told) -> bool:
    """Say whether all methods but one share a setting, so that it is a recipe and no choice of each."""
    sets = [frozenset(values) for values in told.values.values()]
    kinds = sorted((sets.count(one) for one in set(sets)), reverse=True)
    return told.aligned() and len(sets) > 2 and kinds == [len(sets) - 1, 1]


def _some_tuned(told: Told) -> bool:
    """Say whether a column calls the settings of one method tuned and those of another default."""
    said = [{word for value in values for word in words(value)} for values in told.values.values()]
    tuned = [bool(one & _TUNED) and not one & {"not", "no", "untuned"} for one in said]
    plain = [bool(one & _UNTUNED) and not one & _TUNED for one in said]
    return any(tuned) and any(plain)


def _tuning_of_study(study: StudyFacts) -> Iterator[Evidence]:
    methods = study.loaded.study.methods
    tuned = {name: method.tuning for name, method in methods.items() if method.tuning is not None}
    if not tuned:
        return
    chosen = {} if study.plan is None else {one.name: one.hyperparameters for one in study.plan.methods}
    for name, method in methods.items():
        if name in tuned or not _choices(name, method, chosen):
            continue
        place, line = study.key("methods", name)
        listed = ", ".join(sorted(chosen.get(name, method.hyperparameters))) or "its hyperparameters"
        text = f"{name} has {listed} and is not tuned; tuned: {', '.join(tuned)}"
        yield Evidence(kind="key", place=place, line=line, text=text)
    amounts = {
        name: (one.configurations, one.replicates, one.budget, one.suite, one.benchmarks)
        for name, one in tuned.items()
    }
    if len(set(map(repr, amounts.values()))) > 1:
        for name, one in tuned.items():
            place, line = study.key("methods", name, "tuning")
            budget = f" x {one.budget.text()}" if one.budget is not None else ""
            text = f"{name}: {one.configurations} configurations x {one.replicates} replicates{budget}"
            yield Evidence(kind="key", place=place, line=line, text=text)


def _choices(name: str, method: Method, chosen: Mapping[str, object]) -> bool:
    """Say whether there would be something to tune; random search, and defaults of a tuned one, have not."""
    if name.endswith(TUNED_DEFAULT) or method.strategy == "random-search":
        return False
    return bool(chosen.get(name) or method.hyperparameters)


RULES = (
    Rule(
        id="unequal-tuning",
        about="tuning, and training recipes",
        why="A tuned method against one with defaults compares the tuning; a recipe can outweigh the search.",
        source="Yang, Esperança and Carlucci, ICLR 2020; Lindauer and Hutter, JMLR 2020",
        remedy="Tune every method with the same budget, or none, and train what they find by one recipe.",
        find=_unequal_tuning,
        sees=seen_in(_TUNING | _RECIPE | _SETTING | _SETTINGS, ""),
        one_sided=True,
    ),
)
