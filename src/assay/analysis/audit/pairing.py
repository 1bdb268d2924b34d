"""The rule about pairs: replicates that share a source and are not compared as pairs, or the reverse."""

from __future__ import annotations

import math

import numpy as np

from assay.analysis.audit.facts import Facts, TableFacts
from assay.analysis.audit.finding import DOUBTFUL, IN_A_TABLE, Doubt, Evidence, Rule, table_only
from assay.statistics.scores import OK, Scores

_CORRELATED = 0.5
_FEW = 10


def _pairing(facts: Facts) -> Doubt | None:
    scores, table = facts.scores, facts.table
    if scores is None or table is None or not _labelled_alike(table):
        return None
    found = []
    strong, weak, n = _correlations(scores)
    if scores.paired_by is None and strong:
        for task, a, b, r in strong:
            text = (
                f"replicates of {a} and {b} go together: correlation {r:.2f} over {n[task, a, b]} replicates"
            )
            found.append(Evidence(kind="cell", place=task, text=text))
        title = "The data are paired, and are compared as if they were not"
        return Doubt(DOUBTFUL, title, found)
    if scores.paired_by is not None and weak and not strong:
        for task, a, b, r in weak:
            pairs = n[task, a, b]
            text = f"by {scores.paired_by}: the correlation of {a} and {b} is {r:.2f} over {pairs} pairs"
            found.append(Evidence(kind="cell", place=task, text=text))
        return Doubt(DOUBTFUL, "Pairs are declared, and the scores show nothing that they share", found)
    return None


def _labelled_alike(table: TableFacts) -> bool:
    """Say whether replicates have labels and methods share them; else their order means nothing."""
    layout = table.layout
    column = layout.replicate if layout.replicate is not None else layout.fold
    if column is None:
        return False
    labels: dict[str, set[str]] = {}
    for row in range(len(table.frame.rows)):
        labels.setdefault(table.name(row, "method"), set()).add(table.cell(row, column))
    return bool(set.intersection(*labels.values()))


_Correlation = tuple[str, str, str, float]


def _correlations(
    scores: Scores,
) -> tuple[list[_Correlation], list[_Correlation], dict[tuple[str, str, str], int]]:
    """Return the pairs whose replicates clearly go together, those that clearly do not, and their n."""
    strong, weak, counts = [], [], {}
    for t, task in enumerate(scores.tasks):
        for a in range(len(scores.methods)):
            for b in range(a + 1, len(scores.methods)):
                both = (scores.status[t, a] == OK) & (scores.status[t, b] == OK)
                x, y = scores.values[t, a][both], scores.values[t, b][both]
                if len(x) < 5 or float(x.std()) == 0.0 or float(y.std()) == 0.0:
                    continue
                r = float(np.clip(np.corrcoef(x, y)[0, 1], -1.0, 1.0))
                one = (task, scores.methods[a], scores.methods[b], r)
                counts[one[:3]] = len(x)
                # Fisher's transformation: 3.3 standard errors is p < 0.001 two-sided.
                z = math.atanh(min(abs(r), 0.999999)) * math.sqrt(len(x) - 3)
                if r >= _CORRELATED and z > 3.3:
                    strong.append(one)
                elif len(x) >= _FEW and r < 0.1:
                    weak.append(one)
    pairs = max(1, len(counts))
    return (strong if len(strong) * 2 >= pairs else []), (weak if len(weak) * 2 > pairs else []), counts


def _pairs_seen(facts: Facts) -> str:
    if facts.table is None:
        return table_only(facts)
    return "" if _labelled_alike(facts.table) else f"{IN_A_TABLE}: methods share no labels of replicates"


RULES = (
    Rule(
        id="pairing",
        about="paired data compared as unpaired, or the reverse",
        why="Pairs that share a source are compared by their differences; what shares nothing is no pair.",
        source="Bouthillier et al., MLSys 2021; Fisher 1921 (transformation of the correlation)",
        remedy="Say what equal replicates share (--paired-by SOURCE), or nothing where they share nothing.",
        find=_pairing,
        sees=_pairs_seen,
    ),
)
