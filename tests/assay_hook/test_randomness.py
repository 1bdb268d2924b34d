"""Seeds, draws and entropy of small programs, as the hook sees them."""

from __future__ import annotations

import importlib.util
import os
import pickle
import random
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import assay_hook
from assay_hook import seeds
from assay_hook.stand_ins import Group, StandIn


def _load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("observed", Path(__file__).with_name("observed.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


observed = _load()
PYENV = Path(os.environ.get("PYENV_ROOT", str(Path.home() / ".pyenv")))
OTHER = [path for minor in range(8, 15) for path in sorted(PYENV.glob(f"versions/3.{minor}.*/bin/python"))]


def told(rows: list[dict[str, Any]], **fields: Any) -> list[tuple[str, str, Any, int]]:
    """Return kind, generator, value and line of the rows about randomness."""
    found = observed.of(rows, "random", **fields)
    return [(row["kind"], row["generator"], row["value"], observed.line(row)) for row in found]


PYTHON = """\
import os, random, time, uuid, secrets, tempfile, copy, pickle
random.shuffle([1, 2, 3])
random.seed(7)
print(random.random(), random.choice(range(100)), random.gauss(0, 1), random.sample(range(9), 3))
own = random.Random(5)
print(own.random(), copy.deepcopy(own).random(), pickle.loads(pickle.dumps(own)).random())
other = random.Random()
random.seed(int(time.time()))
random.seed(time.time_ns() // 1000)
os.urandom(3)
uuid.uuid4()
secrets.token_hex(4)
tempfile.mkdtemp(dir=".")
"""


def test_python_sources_are_told_with_their_lines(tmp_path: Path) -> None:
    """Seeds, first draws, entropy and times as seeds each have the line that used them."""
    printed, rows = observed.run(tmp_path, PYTHON)

    found = told(rows)
    assert ("hash order", "hash", None, 0) in found
    assert ("unseeded", "python", None, 2) in found
    assert ("seeded", "python", 7, 3) in found
    assert ("process-wide", "python", None, 4) in found
    assert ("seeded", "random.Random", 5, 5) in found
    assert ("entropy", "random.Random", None, 7) in found
    assert [(kind, line) for kind, _, _, line in found if kind == "time as seed"] == [
        ("time as seed", 8),
        ("time as seed", 9),
    ]
    assert ("entropy", "os.urandom", None, 10) in found
    assert ("entropy", "uuid4", None, 11) in found
    assert ("entropy", "secrets", None, 12) in found
    assert not [row for row in found if row[3] in {6, 13}], "copies and names of files are no sources"
    assert observed.run(tmp_path / "plain", PYTHON, hook=False)[0] == printed


def test_hash_order_is_told_only_where_it_varies(tmp_path: Path) -> None:
    """With a fixed PYTHONHASHSEED there is no row."""
    _, rows = observed.run(tmp_path, "print(1)", variables={"PYTHONHASHSEED": "0"})
    assert not observed.of(rows, "random")


NUMPY = """\
import numpy as np
np.random.seed(3)
print(np.random.rand(3), np.random.permutation(5), np.random.randn())
a = np.random.default_rng()
b = np.random.default_rng(11)
c = np.random.RandomState()
seed = 5
d = np.random.RandomState(seed)
e = np.random.SeedSequence()
import pickle
pickle.loads(pickle.dumps(d))
print(b.random(), d.rand(), pickle.dumps(np.random.rand) == pickle.dumps(np.random.mtrand._rand.rand))
"""


def test_numpy_sources_are_told_with_their_lines(tmp_path: Path) -> None:
    """The classes that cannot be replaced are told apart by what stands in the line."""
    printed, rows = observed.run(tmp_path, NUMPY)

    found = told(rows)
    for expected in (
        ("seeded", "numpy", 3, 2),
        ("process-wide", "numpy", None, 3),
        ("entropy", "numpy.Generator", None, 4),
        ("seeded", "numpy.Generator", 11, 5),
        ("entropy", "numpy.RandomState", None, 6),
        ("seeded", "numpy.RandomState", 5, 8),
        ("entropy", "numpy.SeedSequence", None, 9),
    ):
        assert expected in found
    assert not [row for row in found if row[3] == 11]
    assert observed.run(tmp_path / "plain", NUMPY, hook=False)[0] == printed


def test_a_draw_without_a_seed_is_unseeded(tmp_path: Path) -> None:
    """NumPy's process-wide generator is unseeded until the program seeds it."""
    _, rows = observed.run(tmp_path, "import numpy\nnumpy.random.shuffle([1, 2])\nnumpy.random.seed(1)\n")
    assert ("unseeded", "numpy", None, 2) in told(rows)


def test_a_name_imported_later_costs_nothing_after_the_first_draw(tmp_path: Path) -> None:
    """After the first draw every namespace that drew holds the original functions again."""
    program = """\
import random
from random import random as draw
draw()
assert draw is random.random and type(random.random).__name__ == "builtin_function_or_method"
assert type(random.choice).__name__ == "method"
print("checked", type(draw) is type(len))
"""
    assert observed.run(tmp_path, program)[0] == "checked True\n"


def test_draws_while_a_package_is_imported_are_overlooked(tmp_path: Path) -> None:
    """A package that draws when it is imported is not what the program drew."""
    package = tmp_path / "site-packages" / "drawing"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("import random\nrandom.random()\n")
    program = (
        "import sys\nsys.path.insert(0, 'site-packages')\nimport drawing\nimport random\nrandom.random()\n"
    )
    _, rows = observed.run(tmp_path, program)
    assert told(rows, generator="python") == [("unseeded", "python", None, 5)]


def test_what_libraries_take_is_counted_and_has_no_line(tmp_path: Path) -> None:
    """Identifiers and generators that packages make for themselves are a number without a place."""
    package = tmp_path / "site-packages" / "labelling"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("import uuid\ndef label():\n    return uuid.uuid4()\n")
    program = """\
import sys
sys.path.insert(0, "site-packages")
import labelling
for _ in range(20):
    labelling.label()
"""
    _, rows = observed.run(tmp_path, program)
    (row,) = observed.of(rows, "random", kind="entropy", generator="uuid4")
    assert (row["where"], row["count"]) == ("", 20)


def test_forked_children_draw_from_what_they_inherit(tmp_path: Path) -> None:
    """A child that uses the state of its parent says so, one that seeds does not."""
    program = """\
import os, random
random.seed(0)
random.random()
for seeds in (False, True):
    child = os.fork()
    if not child:
        if seeds:
            random.seed(1)
        random.random()
        os._exit(0)
    os.waitpid(child, 0)
"""
    _, rows = observed.run(tmp_path, program)
    children = [(kind, value) for kind, _, value, line in told(rows, generator="python") if line == 9]
    assert children == [("worker stream", {"forked": True}), ("process-wide", None)]


@pytest.mark.skipif(not OTHER, reason="no other interpreters here")
@pytest.mark.parametrize("python", OTHER, ids=lambda path: path.parts[-3])
def test_other_interpreters_see_the_same(tmp_path: Path, python: Path) -> None:
    """Python 3.8 to 3.13 give the same rows and the same numbers."""
    printed, rows = observed.run(tmp_path, PYTHON, python=str(python))
    found = told(rows)
    assert ("unseeded", "python", None, 2) in found
    assert ("process-wide", "python", None, 4) in found
    assert ("entropy", "uuid4", None, 11) in found
    assert ("entropy", "secrets", None, 12) in found
    assert observed.run(tmp_path / "plain", PYTHON, python=str(python), hook=False)[0] == printed


TORCH = """\
import random
import sys

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset


class Data(Dataset):
    def __len__(self):
        return 4

    def __getitem__(self, index):
        return index + random.random() + np.random.rand() + torch.rand(())


if __name__ == "__main__":
    torch.manual_seed(3)
    weights = torch.rand(2)
    print(weights, torch.stack(list(DataLoader(Data(), num_workers=2))).sum())
    own = torch.Generator().manual_seed(5)

    @torch.compile(backend="eager")
    def step(x):
        return x + torch.rand(1) + random.randint(0, 5)

    random.seed(1)
    print(step(torch.ones(1)), random.random(), torch.rand(1, generator=own))
"""


@pytest.mark.slow
def test_torch_seeds_workers_and_the_compiler(tmp_path: Path) -> None:
    """Seeds have their line, workers their streams, and the compiler sees what it sees without the hook."""
    printed, rows = observed.run(tmp_path, TORCH)

    main = [row for row in rows if row["process"] == 0]
    assert ("seeded", "torch", 3, 18) in told(main)
    assert ("process-wide", "torch") in [row[:2] for row in told(main)]
    assert ("seeded", "python", 1, 27) in told(main)
    assert any(
        "torch.Generator" in row["text"] and ":21" in row["text"] for row in observed.of(main, "missed")
    )
    workers: dict[str, dict[int, int]] = {}
    for row in observed.of(rows, "random", kind="worker stream"):
        workers.setdefault(row["generator"], {})[row["value"]["worker"]] = row["value"]["seed"]
        assert row["generator"] == "torch" or observed.line(row) == 14
    assert set(workers) == {"python", "numpy", "torch"}
    assert all(seeds[1] == seeds[0] + 1 for seeds in workers.values())
    assert observed.run(tmp_path / "plain", TORCH, hook=False)[0] == printed


def test_generators_of_loaders_and_draws_before_the_first_module_have_their_line(tmp_path: Path) -> None:
    """A loader's generator is told where the loader is first used, an unseen draw where a network is made."""
    program = """\
import torch
from torch.utils.data import DataLoader
data = torch.randn(8, 2)

net = torch.nn.Linear(2, 1)
own = torch.Generator().manual_seed(7)
loader = DataLoader(data, 4, shuffle=True, generator=own)
for batch in loader:
    net(batch)
"""
    _, rows = observed.run(tmp_path, program)
    found = told(rows)
    assert ("seeded", "torch.Generator", 7, 8) in found
    assert ("unseeded", "torch", None, 5) in found
    assert not any("torch.Generator" in row["text"] for row in observed.of(rows, "missed"))


def test_a_torch_seed_given_unseen_is_found_by_its_state(tmp_path: Path) -> None:
    """A seed that no function of torch's was called for shows at the next look; draws before it count."""
    program = """\
import torch
torch.rand(1)
torch.default_generator.manual_seed(12)
"""
    _, rows = observed.run(tmp_path, program)
    assert ("seeded", "torch", 12, 0) in told(rows)
    _, rows = observed.run(tmp_path / "drawn", "import torch\ntorch.rand(1)\n")
    assert ("unseeded", "torch", None, 0) in told(rows)


# -- Parts --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("unit", [1, 1e3, 1e6, 1e9])
def test_the_present_time_is_told_from_a_seed(monkeypatch: pytest.MonkeyPatch, unit: float) -> None:
    """Now is recognised in each unit, yesterday and usual seeds are not."""
    now = 1_790_000_000.25
    monkeypatch.setattr(seeds.time, "time", lambda: now)
    assert seeds.is_of_time(int(now * unit))
    assert not seeds.is_of_time(int((now - 86_400) * unit))
    assert seeds.is_of_time(int(now * 1000) % 2**32)


def test_usual_seeds_are_never_taken_for_times_or_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    """No small or popular seed is blamed on the clock or on the number of the process."""
    for seed in (0, 1, 42, 123, 1234, 3407, 2024, 10_000, 20_240_101, 2**31 - 1, True):
        monkeypatch.setattr(seeds.os, "getpid", lambda seed=seed: int(seed) if int(seed) < 4096 else 7)
        assert not seeds.is_of_time(seed)
    monkeypatch.setattr(seeds.os, "getpid", lambda: 23_519)
    assert seeds.is_of_time(23_519)


def test_seeds_are_shown_plainly_and_without_secrets() -> None:
    """Long numbers, text, bytes and lists become what JSON can hold."""
    token = "ghp_" + "a1B2" * 9
    assert seeds.shown(2**70) == str(2**70)
    assert token not in str(seeds.shown(f"token {token}"))
    assert seeds.shown(b"abc").startswith("sha256 ")
    assert seeds.shown([1, (2, None)]) == [1, [2, None]]


def _quiet(original: Any) -> Any:
    def body(*arguments: Any, **named: Any) -> Any:
        return original(*arguments, **named)

    return body


def test_a_stand_in_is_not_told_apart() -> None:
    """It compares, hashes, pickles, binds and shows itself as what it stands for, also once settled."""
    module = ModuleType("module")
    module.random, module.choice = random.random, random.choice
    group = Group(module, ["random", "choice", "absent"], _quiet)
    group.arm()
    for name in ("random", "choice"):
        stand_in, original = module.__dict__[name], getattr(random, name)
        assert type(stand_in) is StandIn
        assert isinstance(stand_in, type(original))
        assert stand_in == original
        assert original == stand_in
        assert {original: 1}[stand_in] == 1
        assert repr(stand_in) == repr(original)
        assert pickle.dumps(stand_in) == pickle.dumps(original)
        assert stand_in.__name__ == original.__name__
        assert stand_in.__doc__ == original.__doc__
    holder = type("Holder", (), {"draw": StandIn(len, _quiet(len))})
    assert holder().draw("abc") == 3
    group.disarm()
    assert module.random is random.random


def test_uninstalling_puts_every_function_back() -> None:
    """A recording of a process that goes on leaves nothing behind."""
    program = """
import os, random, secrets, uuid
import numpy, numpy.random
owners = [os, random, secrets, uuid, numpy.random, random.Random, random.SystemRandom]
before = [dict(vars(owner)) for owner in owners]
from assay_hook import randomness
randomness.install_os(os)
randomness.install_random(random)
randomness.install_secrets(secrets)
randomness.install_uuid(uuid)
randomness.watch_numpy(numpy)
assert os.urandom is not before[0]["urandom"] and type(numpy.random.rand).__name__ == "StandIn"
randomness.uninstall()
for owner, old in zip(owners, before):
    assert all(vars(owner)[name] is value for name, value in old.items()), owner
"""
    folder = str(Path(assay_hook.__file__).parent.parent)
    subprocess.run([sys.executable, "-c", program], env={"PYTHONPATH": folder}, check=True)
