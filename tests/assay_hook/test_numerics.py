"""Numerical settings in force, as small programs have them."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import assay_hook
from assay_hook import numerics, rows, secrets, variables


def _load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("observed", Path(__file__).with_name("observed.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


observed = _load()


def in_child(program: str) -> str:
    """Run a program that can import the hook, with warnings as errors, and return what it printed."""
    folder = str(Path(assay_hook.__file__).parent.parent)
    command = [sys.executable, "-W", "error", "-c", program]
    ended = subprocess.run(command, env={"PYTHONPATH": folder}, check=True, capture_output=True, text=True)
    assert not ended.stderr
    return ended.stdout


def test_nothing_is_imported_for_it() -> None:
    """A program without NumPy gets facts of the interpreter, and no new module beside the hook's."""
    program = """
import sys
from assay_hook import numerics
before = set(sys.modules)
values = numerics.in_force()
assert set(sys.modules) == before, set(sys.modules) - before
print(sorted({name.partition(".")[0] for name in values}))
"""
    assert in_child(program) == "['process']\n"


def test_numpy_is_described_with_its_linear_algebra() -> None:
    """Build, kernels and threads of the library that NumPy loaded are told."""
    program = """
import os
os.environ["OPENBLAS_NUM_THREADS"] = "1"
import numpy
from assay_hook import numerics
values = numerics.in_force()
assert values["numpy.version"] == numpy.__version__
assert isinstance(values["numpy.cpu_features"], list) and values["numpy.blas"]
print(values.get("openblas.threads"))
"""
    assert in_child(program) in {"1\n", "None\n"}, "one thread, or another library"


def test_torch_settings_follow_the_program() -> None:
    """What the program set is what is told, nothing is initialised, and no warning is made."""
    program = """
import sys, torch
from assay_hook import numerics
torch.ones(2).sum()
before = numerics.in_force()
torch.set_num_threads(2 if before["torch.num_threads"] == 1 else 1)
torch.use_deterministic_algorithms(True, warn_only=True)
torch.backends.cudnn.benchmark = True
torch.set_default_dtype(torch.float64)
torch.set_default_device("cpu")
torch.set_flush_denormal(True)
torch.backends.cuda.enable_flash_sdp(False)
loaded = set(sys.modules)
after = numerics.in_force()
assert set(sys.modules) == loaded
assert not torch.cuda.is_initialized()
print(sorted(name for name in after if after[name] != before.get(name)))
assert len(before["torch.build"]) == 16 and before["torch.cpu_capability"]
"""
    changed = set(eval(in_child(program)))  # noqa: S307  a list of names that the line above printed
    assert changed >= {
        "torch.num_threads",
        "torch.deterministic_algorithms",
        "torch.deterministic_warn_only",
        "torch.cudnn.benchmark",
        "torch.default_dtype",
        "torch.sdp.flash",
    }
    assert changed <= {
        "torch.num_threads",
        "torch.openmp_threads",
        "openmp.threads",
        "mkl.threads",
        "torch.deterministic_algorithms",
        "torch.deterministic_warn_only",
        "torch.cudnn.benchmark",
        "torch.default_dtype",
        "torch.sdp.flash",
        "process.flush_denormal",
    }


def test_newer_precision_settings_do_not_stop_it() -> None:
    """Where torch refuses the older getters, the newer ones are told."""
    program = """
import torch
if not hasattr(torch.backends.cuda.matmul, "fp32_precision"):
    print("tf32")
else:
    torch.backends.cuda.matmul.fp32_precision = "tf32"
    torch.backends.cudnn.conv.fp32_precision = "ieee"
    from assay_hook import numerics
    print(numerics.in_force()["torch.fp32_precision.cuda.matmul"])
"""
    assert in_child(program) == "tf32\n"


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Collect the rows instead of writing them, with nothing told before."""
    numerics.uninstall()
    found: list[dict[str, Any]] = []
    monkeypatch.setattr(rows, "write", found.append)
    return found


def test_only_what_changed_is_told_again(
    written: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second row has the settings that changed since the first, and no row means no change."""
    monkeypatch.setattr(numerics, "in_force", lambda: {"a": 1, "b": 2})
    numerics.note("first step")
    numerics.note("exit")
    monkeypatch.setattr(numerics, "in_force", lambda: {"a": 1, "b": 3})
    monkeypatch.setenv("OMP_NUM_THREADS", "77")
    numerics.exit_row()

    told = [(row["when"], row["values"]) for row in written if row["k"] == "numerics"]
    assert told == [("first step", {"a": 1, "b": 2}), ("exit", {"b": 3})]
    assert [row["values"]["OMP_NUM_THREADS"] for row in written if row["k"] == "variables"][-1] == "77"


def test_a_getter_that_refuses_is_left_out() -> None:
    """One setting that cannot be read takes no other with it."""
    values: dict[str, Any] = {}
    numerics.gather(
        values, "x", iter([("bad", lambda: 1 // 0), ("none", lambda: None), ("nan", lambda: 1e999)])
    )
    assert values == {"x.nan": "inf"}


def test_libraries_that_differ_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two copies of one library with other settings give a mapping, equal ones a number."""
    answers = {"/a/libopenblas-1.so": 1, "/b/libopenblas-2.so": 2, "/c/libgomp.so.1": 4, "/d/libcompat.so": 9}
    monkeypatch.setattr(numerics, "_mapped", lambda: list(answers))
    monkeypatch.setattr(numerics, "_ask", lambda path, *_: answers[path])
    assert numerics._libraries() == {
        "openblas.threads": {"libopenblas-1.so": 1, "libopenblas-2.so": 2},
        "openblas.kernels": {"libopenblas-1.so": 1, "libopenblas-2.so": 2},
        "openmp.threads": 4,
    }


def test_a_library_is_never_loaded_to_be_asked(tmp_path: Path) -> None:
    """A path of no loaded library, or of none at all, has no answer."""
    assert numerics._ask(str(tmp_path / "libopenblas.so"), ("openblas_get_num_threads",), None) is None


def test_variables_are_listed_by_name_without_addresses_and_secrets() -> None:
    """Only listed names are kept; addresses never; what looks like a secret is replaced."""
    token = "ghp_" + "a1B2" * 9
    given = {
        "OMP_NUM_THREADS": "2",
        "RANK": "1",
        "TORCH_LOGS": f"all,{token}",
        "TORCH_API_TOKEN": "hunter2hunter2",
        "NCCL_COMM_ID": "10.0.0.1:5000",
        "MASTER_ADDR": "10.0.0.1",
        "HOME": "/home/me",
        "AWS_SECRET_ACCESS_KEY": "abc",
    }
    assert variables.in_force(given) == {
        "OMP_NUM_THREADS": "2",
        "RANK": "1",
        "TORCH_API_TOKEN": secrets.REMOVED,
        "TORCH_LOGS": secrets.REMOVED,
    }


def test_a_program_has_its_row_at_the_end(tmp_path: Path) -> None:
    """Without any step the settings are told at exit."""
    _, found = observed.run(tmp_path, "import numpy\n", variables={"MKL_CBWR": "AVX2"})
    (row,) = observed.of(found, "numerics")
    assert row["when"] == "exit"
    assert "numpy.version" in row["values"]
    assert observed.of(found, "variables")[-1]["values"]["MKL_CBWR"] == "AVX2"
