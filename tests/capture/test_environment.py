from __future__ import annotations

import os
import platform
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import msgspec
import pytest

from assay.capture.arithmetic import arithmetic
from assay.capture.environment import (
    environment,
    installed_packages,
    is_installed_file,
    normalise,
    usable_cores,
)


def test_this_machine_is_described() -> None:
    """Kernel, Python, cores and memory are known, and the arithmetic is a part of it."""
    found = environment()
    assert found.kernel == f"{platform.system()} {platform.release()}"
    assert found.python == platform.python_version()
    assert found.virtual_environment == (sys.prefix != sys.base_prefix)
    assert found.memory_bytes is not None and found.memory_bytes > 1 << 20
    assert found.arithmetic is arithmetic()


def test_every_distribution_is_listed_as_python_finds_it() -> None:
    """Names of metadata folders give the same names and versions as their contents."""
    expected: dict[str, str] = {}
    for distribution in metadata.distributions():
        expected.setdefault(normalise(distribution.metadata["Name"]), distribution.version)
    assert installed_packages() == dict(sorted(expected.items()))


def test_the_first_folder_of_the_path_wins(tmp_path: Path) -> None:
    """Of two versions the importable one is listed; leftovers and other files are not."""
    for name in (
        "a/My_Pkg-1.0.dist-info",
        "b/my.pkg-2.0.dist-info",
        "a/~y_pkg-0.9.dist-info",
        "a/old-3.1-py3.11.egg-info",
    ):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "a" / "notes.txt").write_text("")
    path = [str(tmp_path / name) for name in ("a", "b", "gone")]
    assert installed_packages(path) == {"my-pkg": "1.0", "old": "3.1"}


@pytest.mark.skipif(
    not hasattr(os, "sched_setaffinity"), reason="this system cannot bind a process to a core"
)
def test_cores_are_those_that_the_process_may_use() -> None:
    """A process that is bound to one core counts one."""
    core = min(os.sched_getaffinity(0))
    script = (
        f"import os; os.sched_setaffinity(0, {{{core}}})\n"
        "from assay.capture.environment import usable_cores; print(usable_cores())"
    )
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "1"
    assert usable_cores() == len(os.sched_getaffinity(0))


def test_no_variable_of_the_process_is_recorded(tmp_path: Path) -> None:
    """A secret variable, and the user's home, are nowhere in the environment."""
    script = (
        "import msgspec; from assay.capture.environment import environment\n"
        "print(msgspec.json.encode(environment()).decode())"
    )
    variables = {**os.environ, "SERVICE_TOKEN": "swordfish-of-the-variable", "HOME": str(tmp_path)}
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, env=variables, check=True, capture_output=True, text=True)
    assert "swordfish" not in done.stdout
    assert str(tmp_path) not in done.stdout
    assert msgspec.json.decode(done.stdout)["python"] == platform.python_version()


def test_files_of_the_user_are_told_from_installed_ones(tmp_path: Path) -> None:
    """The standard library and site-packages are installed; a file of the user's is not."""
    import json

    assert is_installed_file(Path(json.__file__))
    assert is_installed_file(Path(pytest.__file__))
    assert not is_installed_file(tmp_path / "evo.py")
