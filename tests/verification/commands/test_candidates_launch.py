"""Differences in how two commands were started: arguments, variables, threads, interpreter, packages."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import pytest
from made_up import between, environment, place, texts

from assay.foundation.errors import UsageError
from assay.provenance.commands import CommandProvenance
from assay.records.store import Store
from assay.verification.commands.candidates_launch import items_of
from assay.verification.commands.changes import apply, prepare


def test_arguments_differ_by_option(store: Store, tmp_path: Path) -> None:
    """Options in any spelling, flags, overrides and places are changes that can be made in any company."""
    a = ("python", "train.py", "--lr", "0.1", "data/a", "--amp", "optim.wd=1", "--out=x")
    b = ("python", "train.py", "--lr", "-0.2", "data/b", "--seed=3", "optim.wd=2", "--out=y")
    changes = between(store, {"argv": a}, {"argv": b})
    assert sorted(texts(changes)) == [
        "--amp: given -> absent",
        "--lr: 0.1 -> -0.2",
        "--out: x -> y",
        "--seed: absent -> 3",
        "argument 2: data/a -> data/b",
        "optim.wd: 1 -> 2",
    ]
    assert changes[-1].path == "--out"  # a place to write to is the least likely
    here = place(tmp_path, {}, a)
    assert sorted(apply(changes, here, {}, store=store).argv) == sorted(b)
    one = [change for change in changes if change.path == "--seed"]
    assert apply(one, here, {}, store=store).argv == (*a[:5], "--seed=3", *a[5:])


def test_an_option_takes_a_negative_number() -> None:
    """What begins with a sign and a digit is a value, and a dash alone is one too."""
    assert [(item.name, item.shown) for item in items_of(["x", "--a", "-1", "-b", "-c", "-", "--d"])] == [
        ("argument 1", "x"),
        ("--a", "-1"),
        ("-b", "given"),
        ("-c", "-"),
        ("--d", "given"),
    ]


def test_a_secret_argument_is_not_applied(store: Store) -> None:
    """An argument that was taken out of the record is listed and never put in place."""
    (change,) = between(
        store,
        {"argv": ("python", "t.py")},
        {"argv": ("python", "t.py", "--token", "[secret removed]"), "removed": (3,)},
    )
    assert not change.possible


def test_variables_and_threads(store: Store, tmp_path: Path) -> None:
    """Variables are set, changed or unset; a number of threads that none explains is a change of its own."""
    changes = between(
        store,
        {
            "variables": {"OMP_NUM_THREADS": "1", "TZ": "UTC"},
            "environment": environment(settings={"MKL_CBWR": "AVX2"}),
            "numerics": {"torch.num_threads": 1},
        },
        {
            "variables": {"OMP_NUM_THREADS": "2", "PYTHONHASHSEED": "7"},
            "environment": environment(settings={"MKL_CBWR": "AVX2"}),
            "numerics": {"torch.num_threads": 2},
        },
    )
    assert [(change.text, change.kind) for change in changes] == [
        ("OMP_NUM_THREADS: 1 -> 2", "variable"),
        ("PYTHONHASHSEED: absent -> 7", "hash seed"),
        ("TZ: UTC -> absent", "variable"),
    ]
    before = {"TZ": "UTC", "OMP_NUM_THREADS": "1", "HOME": "/h"}
    applied = apply(changes, place(tmp_path, {}), before, store=None)
    assert applied.variables == {"OMP_NUM_THREADS": "2", "PYTHONHASHSEED": "7", "HOME": "/h"}
    assert before["TZ"] == "UTC"
    (threads,) = between(
        store, {"numerics": {"torch.num_threads": 1}}, {"numerics": {"torch.num_threads": 4}}
    )
    assert apply([threads], place(tmp_path, {}), {}, store=None).threads == 4


def test_the_kernels_of_a_lesser_processor_can_be_asked_for(store: Store) -> None:
    """AVX2 can be had on a processor with AVX-512, and not the other way round."""
    sides = [{"numerics": {"torch.cpu_capability": name}} for name in ("AVX512", "AVX2")]
    (down,), (up,) = between(store, *sides), between(store, *reversed(sides))
    assert down.variables == {"ATEN_CPU_CAPABILITY": "avx2"}
    assert (down.possible, up.possible) == (True, False)


def test_another_machine_is_listed_and_not_applied(store: Store, tmp_path: Path) -> None:
    """A processor cannot be changed; asking for it all the same is a mistake that is said."""
    (change,) = between(store, {"environment": environment()}, {"environment": environment(processor="two")})
    assert change.text == "processor: one -> two"
    with pytest.raises(UsageError, match="cannot be applied"):
        apply([change], place(tmp_path, {}), {}, store=store)


def test_another_interpreter_brings_its_packages(store: Store, tmp_path: Path) -> None:
    """With the interpreter, folders of single packages are left out; one that is gone is not possible."""
    there = tmp_path / "python3.12"
    there.write_text("")
    versions = {"interpreter": "CPython 3.12.1 (GCC)", "packages": {"numpy": "2.2.6"}}
    changes = between(
        store,
        {"environment": environment()},
        {"environment": environment(**versions), "interpreter": str(there)},
    )
    assert texts(changes) == [
        "numpy 2.4.6 -> 2.2.6",
        "CPython 3.11.4 (GCC) -> CPython 3.12.1 (GCC) (and the packages of its environment)",
    ]
    with_folder = [msgspec.structs.replace(changes[0], folders=("/x",)), changes[1]]
    applied = apply(with_folder, place(tmp_path, {}), {"PYTHONPATH": "/mine"}, store=None)
    assert (applied.interpreter, applied.first) == (str(there), ())
    alone = apply(with_folder[:1], place(tmp_path, {}), {"PYTHONPATH": "/mine"}, store=None)
    assert alone.variables["PYTHONPATH"] == os.pathsep.join(["/x", "/mine"])
    with pytest.raises(UsageError, match="no folder yet"):
        apply(changes[:1], place(tmp_path, {}), {}, store=None)
    there.unlink()
    assert not between(
        store,
        {"environment": environment()},
        {"environment": environment(interpreter="other"), "interpreter": str(there)},
    )[0].possible


def test_packages_that_were_not_loaded_come_together_and_last(store: Store, tmp_path: Path) -> None:
    """Packages that nothing is known to have used are one change; without A's Python, none can be had."""
    many = {f"tool-{i}": "1" for i in range(9)}
    newer = {f"tool-{i}": "2" for i in range(9)}
    a, b = (
        {"environment": environment(packages={"numpy": version, **tools})}
        for version, tools in (("2.4.6", many), ("2.2.6", newer))
    )
    changes = between(store, a, b)
    assert texts(changes) == [
        "numpy 2.4.6 -> 2.2.6",
        "9 packages that are not known to have been loaded",
    ]
    assert changes[1].members[0] == "tool-0 2"
    sides = [CommandProvenance(argv=(), **side) for side in (a, b)]
    prepared = prepare(changes, tmp_path, a=sides[0], b=sides[1])
    assert [change.possible for change in prepared] == [False, False]
    assert "interpreter is not on this machine" in prepared[0].why_not


def test_another_search_path_is_listed_and_not_tried(store: Store) -> None:
    """What it leads to is tried by file and by version, so that one cause is not told twice."""
    changes = between(store, {}, {"variables": {"PYTHONPATH": "/there"}})
    assert [(change.path, change.possible) for change in changes] == [("PYTHONPATH", False)]
