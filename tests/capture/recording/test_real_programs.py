"""Programs as people start them: a live notebook, torchrun, an old Python in a read-only environment."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from assay.provenance.commands import CommandProvenance
from assay.records.commands import CommandRecord, command_records, provenance_of_command
from assay.records.store import Store

QUIET = {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}

TRAINING = """\
import torch
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel

dist.init_process_group("gloo")
torch.manual_seed(0)
net = DistributedDataParallel(torch.nn.Linear(6, 2))
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
for step in range(5):
    optimizer.zero_grad()
    (net(torch.full((4, 6), float(dist.get_rank() + step))) ** 2).mean().backward()
    optimizer.step()
dist.destroy_process_group()
"""


@pytest.fixture
def execute(tmp_path: Path) -> Callable[..., tuple[CommandRecord, CommandProvenance]]:
    """Return a function that records a command and returns what was recorded last."""

    def run(*command: str, before: tuple[str, ...] = ()) -> tuple[CommandRecord, CommandProvenance]:
        recorder = [sys.executable, "-c", "from assay.cli.main import main; main()", "exec", "--quiet"]
        done = subprocess.run(
            [*before, *recorder, "--store", str(tmp_path / "store"), "--", *command],
            cwd=tmp_path,
            env=os.environ | QUIET,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        assert done.returncode == 0, done.stderr
        store = Store(tmp_path / "store")
        record = command_records(store)[-1]
        return record, provenance_of_command(store, record)

    return run


@pytest.mark.slow
def test_a_live_notebook_is_one_run_however_often_it_is_executed(tmp_path: Path, execute: Any) -> None:
    """Cells, modules, data and seeds of the kernel are seen; the identity has no number of its process."""
    jupyter = shutil.which("jupyter") or shutil.which("jupyter", path=str(Path(sys.executable).parent))
    if jupyter is None or subprocess.run([jupyter, "nbconvert", "--version"], check=False).returncode:
        pytest.skip("there is no jupyter with nbconvert here")
    (tmp_path / "helper.py").write_text("x = 5\n")
    (tmp_path / "data.csv").write_text("1,2\n")
    sources = [
        "import random, helper\nrandom.seed(3)\npassword = 'hunter2hunter2'",
        "open('data.csv').read()\nprint('total', random.random())",
    ]
    empty = {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None}
    cells = [{**empty, "id": f"cell-{number}", "source": text} for number, text in enumerate(sources)]
    book = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    (tmp_path / "book.ipynb").write_text(json.dumps(book))
    command = (jupyter, "nbconvert", "--to", "notebook", "--execute", "book.ipynb", "--output", "out.ipynb")
    first, _ = execute(*command)
    second, found = execute(*command)
    assert first.run == second.run
    assert sum(one.path.startswith("<cell ") for one in found.code) == 2
    assert {"helper.py", "book.ipynb"} <= {one.path for one in found.code}
    assert [one.path for one in found.data] == ["data.csv"]
    assert ("seeded", "python", 3) in [(one.kind, one.generator, one.value) for one in found.randomness]
    assert not any("said nothing any more" in text for text in found.not_observed)
    files = [path for path in (tmp_path / "store").rglob("*") if path.is_file()]
    assert not [path for path in files if b"hunter2hunter2" in path.read_bytes()]


@pytest.mark.slow
def test_both_ranks_of_torchrun_are_traced(tmp_path: Path, execute: Any) -> None:
    """Each rank has its steps, equal weights at the end, and the launcher is no rank."""
    torchrun = Path(sys.executable).parent / "torchrun"
    if not torchrun.exists():
        pytest.skip("there is no torchrun here")
    (tmp_path / "train.py").write_text(TRAINING)
    record, found = execute(str(torchrun), "--nproc_per_node", "2", "train.py")
    assert record.circumstances.steps == 5
    assert [one.role for one in found.processes] == ["rank 0", "rank 1", "main"]
    assert record.result.final["0.weights"] == record.result.final["1.weights"]
    assert record.result.final["0.loss"] != record.result.final["1.loss"]
    assert (found.distributed["backend"], found.distributed["world_size"]) == ("gloo", 2)


@pytest.mark.slow
def test_an_old_python_in_a_read_only_environment_is_observed(tmp_path: Path, execute: Any) -> None:
    """Nothing is written into an environment: the hook starts where no file can be made."""
    old = sorted((Path.home() / ".pyenv" / "versions").glob("3.8.*/bin/python"))
    if not old:
        pytest.skip("there is no Python 3.8 here")
    place = tmp_path / "environment"
    subprocess.run([old[-1], "-m", "venv", "--without-pip", place], check=True)
    mount = f"mount --bind {place} {place} && mount -o remount,ro,bind {place}"
    namespace = ("unshare", "--mount", "--map-root-user", "sh", "-c")
    if shutil.which("unshare") is None or subprocess.run([*namespace, mount], check=False).returncode:
        pytest.skip("this system lets nobody mount a file system of their own")
    (tmp_path / "train.py").write_text(
        "import random, sys\nrandom.seed(2)\nprint(sys.version_info[1], random.random())\n"
    )
    record, found = execute(
        str(place / "bin" / "python"), "train.py", before=(*namespace, f'{mount} && exec "$@"', "sh")
    )
    assert found.environment.python.startswith("3.8.")
    assert ("process-wide", "python") in [(one.kind, one.generator) for one in found.randomness]
    assert record.trace is not None
