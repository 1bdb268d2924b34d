"""A scikit-learn pipeline with a split and a forest beside it."""

import numpy as np
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler


def main():
    """Fit two models and compare them."""
    table = np.loadtxt("data/wine.csv", delimiter=",", skiprows=1)
    inputs, labels = table[:, :-1], table[:, -1].astype(int)
    train, held, train_labels, held_labels = train_test_split(
        inputs, labels, test_size=0.3, random_state=11, stratify=labels
    )
    linear = make_pipeline(StandardScaler(), LogisticRegression(C=0.5, max_iter=200))
    linear.fit(train, train_labels)
    forest = RandomForestClassifier(n_estimators=12, max_depth=4, random_state=5)
    forest.fit(train, train_labels)
    mixed = 0.6 * linear.predict_proba(held) + 0.4 * forest.predict_proba(held)
    print("accuracy", float((mixed.argmax(1) == held_labels).mean()))
    print("loss", float(-np.log(mixed[np.arange(len(held)), held_labels] + 1e-12).mean()))
    with open("result.bin", "wb") as file:
        file.write(mixed.tobytes() + linear[-1].coef_.tobytes())


main()
