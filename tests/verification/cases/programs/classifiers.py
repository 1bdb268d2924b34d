"""Fits classifiers of scikit-learn."""

from __future__ import annotations

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler


def main() -> None:
    """Fit and score."""
    draws = np.random.RandomState(0)  # noqa: NPY002  as programs have it
    inputs = draws.normal(size=(150, 5))
    labels = (inputs[:, 0] + 0.5 * draws.normal(size=150) > 0).astype(int)
    scaled = StandardScaler().fit_transform(inputs)
    model = LogisticRegression(C=1.0, max_iter=200).fit(scaled, labels)
    print("accuracy", model.score(scaled, labels), model.coef_.tolist())


main()
