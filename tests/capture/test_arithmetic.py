from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib import metadata

import numpy as np
import pytest

from assay.capture.arithmetic import SETTINGS, arithmetic
from assay.capture.secrets import REMOVED

PRINT = """
import msgspec
from assay.capture.arithmetic import arithmetic
print(msgspec.json.encode(arithmetic()).decode())
"""


def in_process(before: str = "", **variables: str) -> dict[str, object]:
    """Return the arithmetic of a new process with these variables and nothing else of SETTINGS."""
    kept = {name: value for name, value in os.environ.items() if name not in SETTINGS}
    command = [sys.executable, "-c", f"{before}\n{PRINT}"]
    done = subprocess.run(command, env={**kept, **variables}, check=True, capture_output=True, text=True)
    answer: dict[str, object] = json.loads(done.stdout)
    return answer


def test_this_process_is_described() -> None:
    """Interpreter, libraries and processor features are those that Python and NumPy report."""
    found = arithmetic()
    assert f"{sys.version_info[0]}.{sys.version_info[1]}.{sys.version_info[2]}" in found.interpreter
    assert found.libraries == {name: metadata.version(name) for name in ("numpy", "scipy")}
    config = np.show_config(mode="dicts")
    assert isinstance(config, dict)
    assert set(found.capability) == {
        *config["SIMD Extensions"]["baseline"],
        *config["SIMD Extensions"]["found"],
    }
    assert found.settings["OMP_NUM_THREADS"] == "1"
    assert found.threads and all(count == 1 for count in found.threads.values())


def test_threads_are_those_in_force() -> None:
    """The number of threads follows the variable that the library obeys."""
    one, two = in_process(OPENBLAS_NUM_THREADS="1"), in_process(OPENBLAS_NUM_THREADS="2")
    if "openblas" not in dict(one["threads"]):  # type: ignore[call-overload]  # JSON
        pytest.skip("this NumPy is not built with OpenBLAS, whose variable the test sets")
    assert (one["threads"], two["threads"]) == ({"openblas": 1}, {"openblas": min(2, os.cpu_count() or 1)})


def test_what_else_is_imported_does_not_matter() -> None:
    """A process that loaded SciPy's own linear algebra answers as one that did not."""
    assert in_process("import scipy.linalg, sqlite3") == in_process()


def test_disabled_processor_features_are_not_in_use() -> None:
    """A feature that a variable switches off is gone from the capability, and the variable is kept."""
    plain = in_process()
    features = [name for name in plain["capability"] if name in _dispatched()]  # type: ignore[attr-defined]  # JSON
    if not features:
        pytest.skip("NumPy found no processor feature beyond its baseline here: there is none to disable")
    without = in_process(NPY_DISABLE_CPU_FEATURES=" ".join(features))
    assert not set(features) & set(without["capability"])  # type: ignore[call-overload]  # JSON
    assert without["settings"] == {"NPY_DISABLE_CPU_FEATURES": " ".join(features)}


def _dispatched() -> set[str]:
    config = np.show_config(mode="dicts")
    assert isinstance(config, dict)
    return set(config["SIMD Extensions"]["found"])


def test_only_listed_variables_are_recorded_and_secrets_never() -> None:
    """Other variables are not read, and a token in a listed one is removed."""
    token = "hf_" + "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7"
    found = in_process(SERVICE_PASSWORD="swordfish", XLA_FLAGS=f"--key={token}", PYTHONHASHSEED="0")
    assert found["settings"] == {"XLA_FLAGS": REMOVED, "PYTHONHASHSEED": "0"}
    assert "swordfish" not in json.dumps(found)


def test_the_answer_is_read_once() -> None:
    """A second call gives the same object."""
    assert arithmetic() is arithmetic()
