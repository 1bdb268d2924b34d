"""Comparing methods: numbers in, typed results out, each with its assumptions and what varied.

Usable alone: every function takes plain arrays, or `Scores`, a table of tasks, methods and replicates.
A result prints itself with its basis, and `table()` gives its numbers in full; `assay.figure(result)`
draws it. Nothing draws from a process-wide generator: whoever randomises is given a `Stream`.

Every name is imported when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from assay.statistics.aggregates import AggregateIntervals, aggregate_intervals
    from assay.statistics.anytime import AnytimeRegret, anytime_area, incumbents
    from assay.statistics.basis import Basis, Result
    from assay.statistics.bayesian import RopeProbabilities, bayesian_sign, bayesian_signed_rank
    from assay.statistics.coverage import coverage_text, measured_coverage
    from assay.statistics.differences import (
        Difference,
        paired_difference,
        paired_differences,
        unpaired_difference,
        unpaired_differences,
    )
    from assay.statistics.equivalence import (
        Equivalence,
        NonInferiority,
        equivalence_test,
        non_inferiority_test,
    )
    from assay.statistics.families import FAMILIES_NEEDED, family_means, family_ranks, independent
    from assay.statistics.folds import CorrelatedT, FoldTest, correlated_t, nadeau_bengio
    from assay.statistics.friedman import (
        BonferroniDunn,
        Friedman,
        Nemenyi,
        bonferroni_dunn_test,
        critical_difference,
        friedman_test,
        nemenyi_test,
    )
    from assay.statistics.hierarchical import Hierarchical, bayesian_hierarchical
    from assay.statistics.improvement import (
        Improvement,
        ImprovementMatrix,
        improvement_matrix,
        probability_of_improvement,
    )
    from assay.statistics.improvement_over_random import RelativeImprovement, relative_improvement
    from assay.statistics.interval import Interval
    from assay.statistics.intervals import mean_interval, welch_interval
    from assay.statistics.luck import Luck, luck_by_cost, luck_of
    from assay.statistics.multiplicity import bonferroni, holm
    from assay.statistics.normalisation import Bounds, normalise, observed_bounds, stated_bounds
    from assay.statistics.pairwise import PairwiseTests, pairwise_sign_test, pairwise_signed_rank
    from assay.statistics.pareto import Attainment, Hypervolume, attainment, hypervolume
    from assay.statistics.permutation import PermutationTest, permute_means, sign_flip
    from assay.statistics.power import (
        ReplicatePlan,
        detectable_effect,
        noether_n,
        plan_replicates,
        t_power,
        t_power_n,
    )
    from assay.statistics.profiles import PerformanceProfile, performance_profile
    from assay.statistics.published import Published
    from assay.statistics.rank_intervals import RankIntervals, mean_rank_intervals
    from assay.statistics.ranks import average_ranks
    from assay.statistics.replication import (
        Confusion,
        NumberReplication,
        TableReplication,
        confusion,
        equivalence_margin,
        replicate_number,
        replicate_table,
    )
    from assay.statistics.scores import Row, Scores, make_scores
    from assay.statistics.search_effort import ExpectedBest, expected_best
    from assay.statistics.selection import (
        BbcCv,
        BestOfK,
        FreshSeedGap,
        TableGap,
        bbc_cv,
        best_of_k,
        expected_maximum,
        fresh_seed_gap,
        table_gap,
    )
    from assay.statistics.sequential import ConfidenceSequence, confidence_sequence
    from assay.statistics.signed_rank import SignedRank, SignTest, sign_test, signed_rank_test
    from assay.statistics.stability import RankStability, kendall_tau, rank_stability
    from assay.statistics.superiority import Superiority, cliffs_delta, probability_of_superiority
    from assay.statistics.table import Table
    from assay.statistics.targets import TargetTimes, target_times
    from assay.statistics.too_good import TooGood, too_good_test

__all__ = [
    "FAMILIES_NEEDED",
    "AggregateIntervals",
    "AnytimeRegret",
    "Attainment",
    "Basis",
    "BbcCv",
    "BestOfK",
    "BonferroniDunn",
    "Bounds",
    "ConfidenceSequence",
    "Confusion",
    "CorrelatedT",
    "Difference",
    "Equivalence",
    "ExpectedBest",
    "FoldTest",
    "FreshSeedGap",
    "Friedman",
    "Hierarchical",
    "Hypervolume",
    "Improvement",
    "ImprovementMatrix",
    "Interval",
    "Luck",
    "Nemenyi",
    "NonInferiority",
    "NumberReplication",
    "PairwiseTests",
    "PerformanceProfile",
    "PermutationTest",
    "Published",
    "RankIntervals",
    "RankStability",
    "RelativeImprovement",
    "ReplicatePlan",
    "Result",
    "RopeProbabilities",
    "Row",
    "Scores",
    "SignTest",
    "SignedRank",
    "Superiority",
    "Table",
    "TableGap",
    "TableReplication",
    "TargetTimes",
    "TooGood",
    "aggregate_intervals",
    "anytime_area",
    "attainment",
    "average_ranks",
    "bayesian_hierarchical",
    "bayesian_sign",
    "bayesian_signed_rank",
    "bbc_cv",
    "best_of_k",
    "bonferroni",
    "bonferroni_dunn_test",
    "cliffs_delta",
    "confidence_sequence",
    "confusion",
    "correlated_t",
    "coverage_text",
    "critical_difference",
    "detectable_effect",
    "equivalence_margin",
    "equivalence_test",
    "expected_best",
    "expected_maximum",
    "family_means",
    "family_ranks",
    "fresh_seed_gap",
    "friedman_test",
    "holm",
    "hypervolume",
    "improvement_matrix",
    "incumbents",
    "independent",
    "kendall_tau",
    "luck_by_cost",
    "luck_of",
    "make_scores",
    "mean_interval",
    "mean_rank_intervals",
    "measured_coverage",
    "nadeau_bengio",
    "nemenyi_test",
    "noether_n",
    "non_inferiority_test",
    "normalise",
    "observed_bounds",
    "paired_difference",
    "paired_differences",
    "pairwise_sign_test",
    "pairwise_signed_rank",
    "performance_profile",
    "permute_means",
    "plan_replicates",
    "probability_of_improvement",
    "probability_of_superiority",
    "rank_stability",
    "relative_improvement",
    "replicate_number",
    "replicate_table",
    "sign_flip",
    "sign_test",
    "signed_rank_test",
    "stated_bounds",
    "t_power",
    "t_power_n",
    "table_gap",
    "target_times",
    "too_good_test",
    "unpaired_difference",
    "unpaired_differences",
    "welch_interval",
]

_HOMES = {
    "aggregates": ("AggregateIntervals", "aggregate_intervals"),
    "anytime": ("AnytimeRegret", "anytime_area", "incumbents"),
    "basis": ("Basis", "Result"),
    "bayesian": ("RopeProbabilities", "bayesian_sign", "bayesian_signed_rank"),
    "coverage": ("coverage_text", "measured_coverage"),
    "differences": (
        "Difference",
        "paired_difference",
        "paired_differences",
        "unpaired_difference",
        "unpaired_differences",
    ),
    "equivalence": ("Equivalence", "NonInferiority", "equivalence_test", "non_inferiority_test"),
    "families": ("FAMILIES_NEEDED", "family_means", "family_ranks", "independent"),
    "folds": ("CorrelatedT", "FoldTest", "correlated_t", "nadeau_bengio"),
    "friedman": (
        "BonferroniDunn",
        "Friedman",
        "Nemenyi",
        "bonferroni_dunn_test",
        "critical_difference",
        "friedman_test",
        "nemenyi_test",
    ),
    "hierarchical": ("Hierarchical", "bayesian_hierarchical"),
    "improvement": ("Improvement", "ImprovementMatrix", "improvement_matrix", "probability_of_improvement"),
    "improvement_over_random": ("RelativeImprovement", "relative_improvement"),
    "interval": ("Interval",),
    "intervals": ("mean_interval", "welch_interval"),
    "luck": ("Luck", "luck_by_cost", "luck_of"),
    "multiplicity": ("bonferroni", "holm"),
    "normalisation": ("Bounds", "normalise", "observed_bounds", "stated_bounds"),
    "pairwise": ("PairwiseTests", "pairwise_sign_test", "pairwise_signed_rank"),
    "pareto": ("Attainment", "Hypervolume", "attainment", "hypervolume"),
    "permutation": ("PermutationTest", "permute_means", "sign_flip"),
    "power": ("ReplicatePlan", "detectable_effect", "noether_n", "plan_replicates", "t_power", "t_power_n"),
    "profiles": ("PerformanceProfile", "performance_profile"),
    "published": ("Published",),
    "rank_intervals": ("RankIntervals", "mean_rank_intervals"),
    "ranks": ("average_ranks",),
    "replication": (
        "Confusion",
        "NumberReplication",
        "TableReplication",
        "confusion",
        "equivalence_margin",
        "replicate_number",
        "replicate_table",
    ),
    "scores": ("Row", "Scores", "make_scores"),
    "search_effort": ("ExpectedBest", "expected_best"),
    "selection": (
        "BbcCv",
        "BestOfK",
        "FreshSeedGap",
        "TableGap",
        "bbc_cv",
        "best_of_k",
        "expected_maximum",
        "fresh_seed_gap",
        "table_gap",
    ),
    "sequential": ("ConfidenceSequence", "confidence_sequence"),
    "signed_rank": ("SignTest", "SignedRank", "sign_test", "signed_rank_test"),
    "stability": ("RankStability", "kendall_tau", "rank_stability"),
    "superiority": ("Superiority", "cliffs_delta", "probability_of_superiority"),
    "table": ("Table",),
    "targets": ("TargetTimes", "target_times"),
    "too_good": ("TooGood", "too_good_test"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module 'assay.statistics' has no attribute '{name}'")
    value = getattr(importlib.import_module(f"assay.statistics.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
