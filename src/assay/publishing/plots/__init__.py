"""Every figure of the workbench: `figure(result)` draws any result in one colour-blind-safe style."""

from assay.publishing.plots import (
    bayesian,
    chance,
    comparisons,
    conclusions,
    costs,
    critical_difference,
    design,
    estimates,
    matrices,
    pareto,
    profiles,
    progress,
    replication,
    scatter,
    specification,
    stability,
    tuning,
)
from assay.publishing.plots.costs import CostStack
from assay.publishing.plots.matrices import RankGrid, rank_grid
from assay.publishing.plots.pareto import ParetoFronts
from assay.publishing.plots.progress import AnytimeCurves, RunCurve
from assay.publishing.plots.registry import figure, figures
from assay.publishing.plots.replication import ReproducedNumber, Reproduction
from assay.publishing.plots.scatter import ProxyScatter

# Imported for what they register: each knows the figures of some types.
GROUPS = (
    bayesian,
    chance,
    comparisons,
    conclusions,
    costs,
    critical_difference,
    design,
    estimates,
    matrices,
    pareto,
    profiles,
    progress,
    replication,
    scatter,
    specification,
    stability,
    tuning,
)

__all__ = [
    "AnytimeCurves",
    "CostStack",
    "ParetoFronts",
    "ProxyScatter",
    "RankGrid",
    "ReproducedNumber",
    "Reproduction",
    "RunCurve",
    "figure",
    "figures",
    "rank_grid",
]
