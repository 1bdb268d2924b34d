"""Methods compared across families of tasks: by rank as a whole, and by pairs."""

from __future__ import annotations

import msgspec
import numpy as np

from assay.foundation.seeding import Stream
from assay.statistics.families import family_means, family_ranks, never_run
from assay.statistics.friedman import Friedman, friedman_test
from assay.statistics.pairwise import PairwiseTests, pairwise_sign_test, pairwise_signed_rank
from assay.statistics.scores import Scores


def friedman_across(scores: Scores, seed: int, alpha: float) -> Friedman:
    """Return Friedman's test of the average ranks within families, ranked anew within each."""
    ranks = family_ranks(scores)[1]
    stream = Stream(seed, ("compare", "friedman"))
    found = friedman_test(-ranks, methods=scores.methods, alpha=alpha, rng=stream)
    lost = int(np.isnan(scores.means()).sum())
    cautions = (f"{lost} cells with failed or missing runs rank last",) if lost else ()
    basis = msgspec.structs.replace(
        found.basis,
        ties=f"{found.basis.ties}; average ranks within families, ranked anew for the statistic",
        cautions=(*found.basis.cautions, *cautions),
    )
    return msgspec.structs.replace(found, basis=basis, average_ranks=_average_ranks(ranks))


def pairwise_across(scores: Scores, alpha: float) -> PairwiseTests:
    """Return the test of all pairs across families: by signed ranks of one declared unit, else by signs."""
    if not one_unit(scores):
        return pairwise_sign_test(scores, alpha=alpha)
    missing = never_run(scores)
    absent = np.array([missing[list(tasks)].any(axis=0) for tasks in scores.by_family().values()])
    means = family_means(scores)[1]
    found = pairwise_signed_rank(means, scores.methods, alpha=alpha, absent=absent)
    if absent.any():
        return found
    return msgspec.structs.replace(found, average_ranks=_average_ranks(family_ranks(scores)[1]))


def _average_ranks(ranks: np.ndarray) -> tuple[float, ...]:
    """Return the one average rank that a comparison shows: over families, of the ranks within each."""
    return tuple(np.sort(ranks, axis=0).mean(axis=0).tolist())


def one_unit(scores: Scores) -> bool:
    """Tell whether all tasks have one unit, and somebody declared it."""
    return bool(scores.units[0]) and len(set(scores.units)) == 1
