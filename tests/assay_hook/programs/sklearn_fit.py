"""A pipeline of scikit-learn with a forest and a cross-validation."""

from __future__ import annotations

import numpy as np
from _shared import arguments, digest
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler


def main() -> None:
    """Fit and score two models."""
    given = arguments(3)
    draw = np.random.RandomState(given.seed)
    inputs = draw.normal(size=(120, 5))
    labels = (inputs[:, 0] + inputs[:, 1] > 0).astype(int)
    train, test, train_labels, test_labels = train_test_split(inputs, labels, random_state=given.seed)
    line = make_pipeline(StandardScaler(), LogisticRegression(C=0.5)).fit(train, train_labels)
    forest = RandomForestClassifier(given.steps * 5, random_state=given.seed).fit(train, train_labels)
    print("accuracy", line.score(test, test_labels), forest.score(test, test_labels))
    print("folds", cross_val_score(LogisticRegression(), inputs, labels, cv=3).tolist())
    print(digest([line[-1].coef_, forest.predict_proba(test)]))


main()
