"""The rule about tasks that are made of the same data and are counted as independent."""

from __future__ import annotations

import re
from collections.abc import Callable

from assay.analysis.audit.facts import Facts, StudyFacts
from assay.analysis.audit.finding import DOUBTFUL, NOTE, Doubt, Evidence, Rule, anything
from assay.statistics.families import FAMILIES_NEEDED
from assay.studies.study import TASKS as TASKS_SCOPE
from assay.tasks.cards import TASKS

# Names of data sets that others are made of.
_DATA = {
    *("mnist", "cifar", "cifar10", "cifar100", "svhn", "imagenet", "imagenet1k", "imagenette", "coco"),
    *("celeba", "cub", "stl10", "voc", "ptb", "wikitext", "enwik8", "librispeech", "squad"),
    *("fashionmnist", "emnist", "kmnist", "tinyimagenet", "movielens", "criteo", "qm9"),
}
# Endings that make variants of one data set: corruptions, folds and parts, resolutions, sizes, levels.
_VARIANTS = {
    *("brightness", "contrast", "defocus", "elastic", "fog", "frost", "gaussian", "glass", "impulse"),
    *("jpeg", "compression", "motion", "pixelate", "shot", "snow", "zoom", "blur", "noise", "saturate"),
    *("spatter", "speckle", "transform", "corrupted", "corruption", "severity", "occlusion", "adversarial"),
    *("fold", "folds", "split", "part", "subset", "shard", "sample", "half", "quarter", "fraction", "frac"),
    *("rotated", "rotation", "rot", "scaled", "resized", "flipped", "inverted", "permuted", "shuffled"),
    *("grey", "gray", "greyscale", "grayscale", "lowres", "highres", "hires", "res", "px", "pixels"),
    *("noisy", "clean", "small", "medium", "large", "tiny", "mini", "full", "big", "short", "long"),
    *("copy", "variant", "version", "v", "level", "easy", "hard", "expert", "replay", "mixed", "random"),
    *("shots", "percent", "pct", "bootstrap", "resample", "seed", "resolution"),
    *("light", "heavy", "mild", "strong", "weak", "low", "high", "raw"),
    *("upsampled", "downsampled", "cropped", "masked", "translated", "sheared", "stretched"),
}
_WORD = re.compile(r"[a-z]+|[0-9]+(?:\.[0-9]+)?")
_PART = re.compile(r"[^a-z0-9.%]+")
_TELLING = 3


def _dependent_tasks(facts: Facts) -> Doubt | None:
    if facts.study is not None:
        return _shared_lineages(facts.study)
    scores = facts.scores
    if scores is None or len(set(scores.families)) < len(scores.tasks):
        return None
    found = [
        Evidence(
            kind="cell", place=", ".join(tasks), text=f"tasks of one {what}, each counted as independent"
        )
        for what, tasks in alike(scores.tasks)
    ]
    if not found:
        return None
    counted = len(scores.tasks) >= FAMILIES_NEEDED
    return Doubt(DOUBTFUL if counted else NOTE, "Tasks of one family are counted as independent", found)


def _shared_lineages(study: StudyFacts) -> Doubt | None:
    """Find families that share a lineage, where a claim counts families as independent."""
    scoped = [i for i, c in enumerate(study.loaded.study.claims) if c.scope == TASKS_SCOPE]
    owners: dict[str, dict[str, str]] = {}
    for name, card in study.cards.items():
        for lineage in card.task.lineage:
            owners.setdefault(lineage, {}).setdefault(card.task.family, name)
    shared = {lineage: names for lineage, names in owners.items() if len(names) > 1}
    if not scoped or not shared:
        return None
    found = [
        Evidence(kind="card", place=", ".join(names.values()), text=f"families of one lineage: {lineage}")
        for lineage, names in shared.items()
    ]
    place, line = study.key("claims", scoped[0], "scope")
    found.append(Evidence(kind="key", place=place, line=line, text="counts families as independent"))
    return Doubt(DOUBTFUL, "Families of one lineage are counted as independent", found)


def alike(tasks: tuple[str, ...]) -> list[tuple[str, list[str]]]:
    """Return groups of tasks that are made of the same data, each with what says so.

    Cards put them into one family, their names hold one known data set, they differ in an ending that
    makes variants, or in a number alone where other tasks do not: numbers by themselves may be those of
    a catalogue.
    """
    found: list[tuple[str, list[str]]] = []
    listed: set[str] = set()
    numbered = _grouped(tasks, _without_numbers)
    for what, groups in (
        ("family", _grouped(tasks, _family)),
        ("data set", _grouped(tasks, _data_set)),
        ("name", _grouped(tasks, _without_variant)),
        ("name", numbered if len(numbered) > 1 else {}),
    ):
        for name, members in groups.items():
            if len(members) > 1 and not set(members) <= listed:
                found.append((f"{what} ({name})", members))
                listed |= set(members)
    return found


def _grouped(tasks: tuple[str, ...], by: Callable[[str], str]) -> dict[str, list[str]]:
    """Return the tasks by what a function says of their names; those of which it says nothing are apart."""
    found: dict[str, list[str]] = {}
    apart: dict[str, list[str]] = {}
    for task in tasks:
        bare = task.lower().rpartition("/")[2]
        key = by(bare)
        (found if key else apart).setdefault(key or bare, []).append(task)
    return {**found, **{name: own for name, own in apart.items() if name not in found}}


def _family(task: str) -> str:
    card = TASKS.get(task) or TASKS.get(task.replace("-", "").replace("_", ""))
    return card.family if card else ""


def _data_set(task: str) -> str:
    parts = [part for part in _PART.split(task) if part]
    for i, part in enumerate(parts):
        if part == "cifar" and parts[i + 1 : i + 2] in (["10"], ["100"]):
            return f"cifar{parts[i + 1]}"
        if part in _DATA:
            return part
    return ""


def _without_variant(task: str) -> str:
    """Return a name without the endings that make variants; empty where numbers alone would go."""
    parts = [part for part in _PART.split(task) if part]
    kept = list(parts)
    telling = False
    while len(kept) > 1 and (ending := _variant(kept[-1])) is not None:
        telling = telling or ending
        kept.pop()
    return "-".join(kept) if telling and len("".join(kept)) >= _TELLING else ""


def _variant(part: str) -> bool | None:
    """Say whether an ending tells of a variant by a word or per cent (True), by a number alone (False)."""
    told = _WORD.findall(part)
    letters = [word for word in told if word[0].isalpha()]
    if not all(word in _VARIANTS for word in letters):
        return None
    return bool(letters) or "%" in part


def _without_numbers(task: str) -> str:
    stem = re.sub(
        r"([-_. ]?(v?[0-9]+|[a-d]|fold|split|part|subset|noisy|small|large|copy|rotated|clean))+$", "", task
    )
    return stem if len(stem) > 1 else ""


RULES = (
    Rule(
        id="dependent-tasks",
        about="tasks of one family or lineage counted as independent",
        why="Tasks that are made of the same data agree with each other, and count as one.",
        source="Demšar, JMLR 2006 (independence of data sets); lineages of the protocol cards",
        remedy="Average tasks of one family first: name the column of families, as in --family.",
        find=_dependent_tasks,
        sees=anything,
        one_sided=True,
    ),
)
