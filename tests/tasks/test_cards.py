"""Task cards and suites."""

from __future__ import annotations

import pytest

from assay.foundation.errors import UnknownNameError
from assay.tasks.cards import TASKS, task_card
from assay.tasks.suites import SUITES, suite


def test_tasks_of_one_lineage_of_images_are_one_family() -> None:
    """CIFAR-10 and CIFAR-100 share lineage and family; ImageNet16-120 has its own of both."""
    assert task_card("cifar10").family == task_card("cifar100").family
    assert task_card("cifar10").lineage == task_card("cifar100").lineage == ("80 million tiny images",)
    assert task_card("imagenet16-120").family != task_card("cifar10").family
    assert not set(task_card("imagenet16-120").lineage) & set(task_card("cifar10").lineage)


def test_graph_tasks_are_grouped_by_kind() -> None:
    """Nine graph tasks fall into four families."""
    families: dict[str, set[str]] = {}
    for card in TASKS.values():
        families.setdefault(card.family, set()).add(card.name)
    assert families["citation"] == {"cora", "citeseer", "pubmed", "arxiv"}
    assert families["coauthor"] == {"cs", "physics"}
    assert families["copurchase"] == {"photo", "computers"}
    assert families["proteins"] == {"proteins"}


def test_only_proteins_is_measured_by_roc_auc() -> None:
    """ogbn-proteins: rocauc; ogbn-arxiv: accuracy (OGB, nodeproppred/master.csv, 'eval metric')."""
    assert {card.name for card in TASKS.values() if card.metric == "ROC-AUC"} == {"proteins"}
    assert (task_card("arxiv").classes, task_card("arxiv").examples) == (40, 169_343)


def test_suites_have_versions_and_nest() -> None:
    """Suites are named with a version, and the suite of all is the union of the other two."""
    assert all(name.rpartition("-")[2].startswith("v") for name in SUITES)
    assert set(suite("embedded-v1").members) == {
        *suite("graphs-v1").members,
        *suite("cells-v1").members,
    }
    assert (len(suite("graphs-v1").members), len(suite("cells-v1").members)) == (9, 3)


def test_unknown_names_suggest_the_nearest() -> None:
    """A misspelt task or suite gets the nearest."""
    with pytest.raises(UnknownNameError, match="did you mean 'pubmed'"):
        task_card("pubmeds")
    with pytest.raises(UnknownNameError, match="did you mean 'graphs-v1'"):
        suite("graph-v1")
