"""The trace of programs with scikit-learn."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from assay_hook import fitted, rows

pytest.importorskip("sklearn")


def _load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("observed", Path(__file__).with_name("observed.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


observed = _load()

PROGRAM = """\
import hashlib
import pickle
import sys

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.cluster import KMeans
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler


class Centre(TransformerMixin, BaseEstimator):
    def __init__(self, factor=2):
        self.factor = factor

    def fit(self, X, y=None):
        self.mean_ = X.mean(0) * self.factor
        return self

    def transform(self, X):
        return X - self.mean_


stream = np.random.RandomState(0)
X = stream.randn(120, 4)
y = (X[:, 0] + 0.1 * stream.randn(120) > 0).astype(int)
kept = []


def keep(array):
    kept.append(np.ascontiguousarray(array).tobytes())


regression = LogisticRegression(C=0.5).fit(X, y)
keep(regression.coef_)
keep(regression.predict_proba(X))
score = regression.score(X, y)
forest = RandomForestClassifier(8, n_jobs=2, random_state=1).fit(X, y)
keep(forest.predict_proba(X))
pipeline = Pipeline([("scale", StandardScaler()), ("centre", Centre()), ("last", LogisticRegression())])
keep(pipeline.fit(X, y).predict(X))
search = GridSearchCV(pipeline, {"last__C": [0.1, 1.0]}, cv=2, n_jobs=2).fit(X, y)
keep(search.predict(X))
keep(KMeans(3, n_init=2, random_state=int(sys.argv[1])).fit(X).cluster_centers_)
keep(Centre(factor=3).fit_transform(X))
keep(clone(regression).fit(X, y).coef_)
keep(pickle.loads(pickle.dumps(forest)).predict(X))
keep(pickle.loads(pickle.dumps(regression.predict))(X))
print(hashlib.sha256(b"".join(kept)).hexdigest(), score)
"""
START = 37  # line of the first fit


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, list[dict[str, Any]]]:
    """Return the output and the rows of the program."""
    printed, found = observed.run(tmp_path_factory.mktemp("recorded"), PROGRAM, "0", budget=None)
    return str(printed), list(found)


def fits(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the rows of calls."""
    return list(observed.of(found, "row", kind="fit"))


def test_recorded_and_unrecorded_end_in_the_same_bits(
    recorded: tuple[str, list[dict[str, Any]]], tmp_path: Path
) -> None:
    """Forests on threads, searches in processes, clones and pickles give what they give without the hook."""
    assert observed.run(tmp_path, PROGRAM, "0", hook=False)[0] == recorded[0]


def test_each_outermost_call_is_a_row(recorded: tuple[str, list[dict[str, Any]]]) -> None:
    """Calls within calls, on threads and in joblib's processes have none; numbers count up."""
    found = fits(recorded[1])
    assert [row["name"] for row in found] == [
        "LogisticRegression.fit",
        "LogisticRegression.predict_proba",
        "LogisticRegression.score",
        "RandomForestClassifier.fit",
        "RandomForestClassifier.predict_proba",
        "Pipeline.fit",
        "Pipeline.predict",
        "GridSearchCV.fit",
        "GridSearchCV.predict",
        "KMeans.fit",
        "Centre.fit_transform",
        "LogisticRegression.fit",
        "RandomForestClassifier.predict",
        "LogisticRegression.predict",
    ]
    assert [row["n"] for row in found] == list(range(len(found)))
    assert {row["process"] for row in found} == {0}
    assert observed.line(found[0]) == START
    assert found[2]["value"] == float(recorded[0].split()[1])
    assert all(set(row["d"]) == {"inputs", "hyperparameters", "outputs"} for row in found)
    # The same estimator with the same data, from a clone.
    assert found[0]["d"] == found[11]["d"]
    assert observed.of(recorded[1], "end")[0]["steps"] == len(found)


def test_a_repeat_gives_the_same_rows_and_a_seed_shows(
    recorded: tuple[str, list[dict[str, Any]]], tmp_path: Path
) -> None:
    """Durations that a search keeps are no difference; another seed is, first in the hyperparameters."""
    _, again = observed.run(tmp_path, PROGRAM, "1", budget=None)
    first, second = fits(recorded[1]), fits(again)
    different = [position for position in range(len(first)) if first[position]["d"] != second[position]["d"]]
    assert different == [9]
    assert first[9]["d"]["inputs"] == second[9]["d"]["inputs"]
    assert first[9]["d"]["hyperparameters"] != second[9]["d"]["hyperparameters"]
    assert first[9]["d"]["outputs"] != second[9]["d"]["outputs"]


def test_hyperparameters_are_settings_and_defaults_are_marked(
    recorded: tuple[str, list[dict[str, Any]]],
) -> None:
    """What the program named is told from defaults, inside pipelines too, with the line of the object."""
    settings = {row["path"]: row for row in observed.of(recorded[1], "setting", source="estimator")}
    named = settings["estimator 0 LogisticRegression.C"]
    assert (named["value"], named["named"], observed.line(named)) == (0.5, True, START)
    hidden = settings["estimator 0 LogisticRegression.tol"]
    assert (hidden["value"], hidden["named"]) == (0.0001, False)
    assert settings["estimator 1 RandomForestClassifier.n_estimators"]["named"]
    assert settings["estimator 2 Pipeline.scale StandardScaler.with_mean"]["named"] is False
    assert settings["estimator 2 Pipeline.centre Centre.factor"]["value"] == 2
    assert settings["estimator 5 Centre.factor"]["named"]
    assert settings["estimator 6 LogisticRegression.C"]["named"], "a clone: another value than the default"


def test_what_looks_at_classes_sees_no_difference(tmp_path: Path) -> None:
    """Signatures, pickles by contents, available methods and subclasses stay."""
    program = """\
import inspect

import cloudpickle
from sklearn.base import BaseEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.svm import LinearSVC


class Own(LogisticRegression):
    def fit(self, X, y, extra=None):
        return super().fit(X, y)


print(inspect.signature(Own), inspect.signature(Own().fit), inspect.signature(Own.fit))
print(Own.fit.__qualname__, Own().fit.__name__, inspect.isfunction(Own.fit), inspect.ismethod(Own().fit))
print(b"assay" in cloudpickle.dumps(Own), b"assay" in cloudpickle.dumps(Own().fit))
for last in (LinearSVC(), Own()):
    print(hasattr(Pipeline([("last", last)]), "predict_proba"))
print(LogisticRegression.fit.__doc__ == LogisticRegression().fit.__doc__)
try:
    Own(wrong=1)
except TypeError as error:
    print(error)
"""
    printed, _ = observed.run(tmp_path, program)
    assert observed.run(tmp_path / "plain", program, hook=False)[0] == printed
    assert "False False\n" in printed


@pytest.mark.slow
def test_the_checks_of_estimators_give_the_same(tmp_path: Path) -> None:
    """scikit-learn's own checks pass, are skipped and fail as they do without the hook."""
    program = """\
import warnings

from sklearn.linear_model import LogisticRegression
from sklearn.utils.estimator_checks import check_estimator

warnings.simplefilter("ignore")
checks = check_estimator(LogisticRegression(), on_fail=None, on_skip=None)
print([(check["check_name"], check["status"]) for check in checks])
"""
    printed, _ = observed.run(tmp_path, program)
    assert observed.run(tmp_path / "plain", program, hook=False)[0] == printed


def test_an_unseeded_estimator_is_told_with_its_line(tmp_path: Path) -> None:
    """A draw from NumPy's process-wide generator inside an estimator is seen by its state."""
    program = """\
import numpy as np
from sklearn.cluster import KMeans
X = np.arange(40.0).reshape(20, 2)
KMeans(2, n_init=1, random_state=3).fit(X)
KMeans(2, n_init=1).fit(X)
"""
    _, found = observed.run(tmp_path, program)
    (row,) = observed.of(found, "random", generator="numpy")
    assert (row["kind"], observed.line(row)) == ("unseeded", 5)
    assert ["numpy" in row["d"] for row in fits(found)] == [False, True]


def test_a_failing_call_passes_through(tmp_path: Path) -> None:
    """An exception of an estimator is the program's, and the next call is a row again."""
    program = """\
import numpy as np
from sklearn.linear_model import LinearRegression
model = LinearRegression()
try:
    model.fit(np.ones((2, 1)), np.ones(3))
except ValueError:
    print("refused")
model.fit(np.ones((2, 1)), np.ones(2))
"""
    printed, found = observed.run(tmp_path, program)
    assert printed == "refused\n"
    assert [(row["n"], observed.line(row)) for row in fits(found)] == [(1, 8)]


def test_the_process_can_be_left_after_a_call(tmp_path: Path) -> None:
    """`stop_after` ends the process once the row of that call is written."""
    program = """\
import numpy as np
from sklearn.preprocessing import StandardScaler
for call in range(40):
    StandardScaler().fit(np.arange(4.0).reshape(2, 2))
    print(call)
"""
    printed, found = observed.run(tmp_path, program, stop_after=2)
    assert printed.split() == ["0", "1"]
    assert observed.of(found, "stopped")[0]["n"] == 2
    assert [row["n"] for row in fits(found)] == [0, 1, 2]


# -- Fingerprints -------------------------------------------------------------------------------------------


def test_equal_contents_have_equal_fingerprints() -> None:
    """Order of axes in memory and kinds of containers do not matter, values and dtypes do."""
    array = np.arange(6.0).reshape(2, 3)
    assert fitted.digest(array) == fitted.digest(np.asfortranarray(array))
    assert fitted.digest(array) != fitted.digest(array.astype(np.float32))
    assert fitted.digest(array) != fitted.digest(array + 1e-16 + np.eye(2, 3) * 1e-15)
    assert fitted.digest({1, 2, "a"}) == fitted.digest({"a", 2, 1})
    assert fitted.digest([1]) != fitted.digest([True])
    assert fitted.digest(np.array(["a", None], dtype=object)) != fitted.digest(
        np.array(["b", None], dtype=object)
    )


def test_sparse_matrices_and_tables_are_read() -> None:
    """Values, places and names count."""
    sparse = pytest.importorskip("scipy.sparse")
    pandas = pytest.importorskip("pandas")
    matrix = sparse.random(5, 4, density=0.5, random_state=0, format="csr")
    assert fitted.digest(matrix) == fitted.digest(matrix.copy())
    assert fitted.digest(matrix) != fitted.digest(matrix * 2)
    assert fitted.digest(matrix.tocoo()) == fitted.digest(matrix.copy().tocoo())
    table = pandas.DataFrame({"a": [1, 2], "b": ["x", "y"]})
    assert fitted.digest(table) == fitted.digest(table.copy())
    assert fitted.digest(table) != fitted.digest(table.rename(columns={"a": "c"}))
    assert fitted.digest(table["a"]) != fitted.digest(table["a"].iloc[::-1])


def test_bytes_between_fields_do_not_count() -> None:
    """A structured array has padding that nobody wrote."""
    kind = np.dtype([("flag", "u1"), ("value", "f8")], align=True)
    first, second = (np.frombuffer(bytes([fill]) * 32, dtype="u1").copy().view(kind) for fill in (0, 255))
    for array in (first, second):
        array["flag"], array["value"] = 1, 2.0
    assert first.tobytes() != second.tobytes()
    assert fitted.digest(first) == fitted.digest(second)


def test_what_cannot_be_read_is_said_and_nothing_is_used_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """An iterator stays whole, a cycle ends, and a refusing object is noted."""
    said: list[str] = []
    monkeypatch.setattr(rows, "missed", said.append)
    numbers = iter([1, 2])
    fitted.digest(numbers)
    assert list(numbers) == [1, 2]
    cycle: list[Any] = [1]
    cycle.append(cycle)
    fitted.digest(cycle)

    class Refuses:
        def __getstate__(self) -> Any:
            raise ValueError

    fitted.digest(Refuses())
    assert len(said) == 1
    assert "Refuses" in said[0]


def test_durations_are_no_result() -> None:
    """Attributes and keys that hold times are left out, hyperparameters too, others are not."""

    class Estimator:
        def __init__(self, **held: Any) -> None:
            vars(self).update(held)

        def get_params(self, deep: bool) -> dict[str, Any]:
            return {"alpha": deep}

    one = Estimator(alpha=1, refit_time_=0.5, results_={"mean_fit_time": 1, "score": 2})
    two = Estimator(alpha=9, refit_time_=0.7, results_={"mean_fit_time": 3, "score": 2})
    three = Estimator(alpha=1, refit_time_=0.5, results_={"mean_fit_time": 1, "score": 3})
    assert fitted.digest_learned(one) == fitted.digest_learned(two)
    assert fitted.digest_learned(one) != fitted.digest_learned(three)
    assert fitted.parameters(SimpleNamespace()) == {}
