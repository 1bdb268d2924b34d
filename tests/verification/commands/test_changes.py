"""Differences of two recorded commands: listed in small parts, and made in a copy without harm outside."""

from __future__ import annotations

import hashlib
import os
from itertools import combinations
from pathlib import Path
from typing import Any

import msgspec
import pytest

from assay.capture.contents import Contents
from assay.capture.recording.restore import Restored, restore
from assay.capture.trees import keep_tree
from assay.foundation.digest import digest_bytes
from assay.foundation.errors import IntegrityError, UsageError
from assay.provenance.commands import CodeFile, CommandProvenance, DataFile
from assay.provenance.components import Arithmetic, ComponentDigests, Environment
from assay.records.commands import CommandCircumstances, CommandRecord, CommandResult
from assay.records.store import Store
from assay.verification.commands.candidates_launch import items_of
from assay.verification.commands.change import Change, FileWritten
from assay.verification.commands.changes import apply, changes_between, informed, prepare

TRAIN = "import torch\n\nlr = 0.1\n\nmomentum = 0.9\nprint('start')\n"
NONE = ComponentDigests(code="", data="", hyperparameters="", seeds="", protocol="")
WHEN = CommandCircumstances(started="", ended="", wall_seconds=0.0, host="")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def code(store: Store, path: str, text: str, role: str = "module", **more: Any) -> CodeFile:
    data = text.encode()
    digest = hashlib.sha256(more.pop("ran", text).encode()).hexdigest()
    return CodeFile(
        path=path, role=role, digest=digest, size=len(data), content=store.objects.put(data), **more
    )


def environment(**changes: Any) -> Environment:
    libraries = changes.pop("libraries", {"numpy": "2.4.6"})
    arithmetic = Arithmetic(
        interpreter=changes.pop("interpreter", "CPython 3.11.4 (GCC)"),
        machine="x86_64",
        libc="glibc 2.36",
        libraries=libraries,
        blas=(),
        threads={},
        capability=(),
        settings=changes.pop("settings", {}),
    )
    values = {
        "system": "Linux",
        "kernel": "Linux 6",
        "processor": "one",
        "cores": 2,
        "memory_bytes": 1,
        "python": "3.11.4",
        "virtual_environment": True,
        "packages": {"numpy": "2.4.6"},
    }
    return Environment(arithmetic=arithmetic, **(values | changes))


def record(store: Store, **provenance: Any) -> CommandRecord:
    provenance.setdefault("argv", ("python", "train.py"))
    result = CommandResult(status="completed", exit_status=0, signal=None)
    return CommandRecord(
        id="1",
        run="1",
        name="",
        components=NONE,
        result=result,
        result_digest=result.digest(),
        provenance=store.objects.put_value(CommandProvenance(**provenance)),
        circumstances=WHEN,
    )


def between(store: Store, a: dict[str, Any], b: dict[str, Any]) -> list[Change]:
    return changes_between(store, record(store, **a), record(store, **b))


def place(tmp_path: Path, files: dict[str, str], argv: tuple[str, ...] = ("python", "train.py")) -> Restored:
    folder = tmp_path / "copy"
    for name, text in files.items():
        path = folder / "tree" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return Restored(
        folder=folder,
        tree=folder / "tree",
        working=folder / "tree",
        argv=argv,
        paths=(),
        variables={},
        missing=(),
        notes=(),
    )


def texts(changes: list[Change]) -> list[str]:
    return [change.text for change in changes]


def test_equal_commands_have_no_changes(store: Store) -> None:
    """Two records of one thing differ in nothing."""
    same = {"code": (code(store, "train.py", TRAIN, "program"),), "environment": environment()}
    assert between(store, same, same) == []


def test_code_differs_by_hunk_and_each_can_be_made_alone(store: Store, tmp_path: Path) -> None:
    """Each hunk is a change with its line; any subset can be made; what only prints is unlikely."""
    new = TRAIN.replace("0.1", "0.2").replace("0.9", "0.8").replace("'start'", "'begin'")
    changes = between(
        store,
        {"code": (code(store, "train.py", TRAIN, "program"),)},
        {"code": (code(store, "train.py", new, "program"),)},
    )
    assert texts(changes) == [
        "train.py line 3: lr = 0.1 -> lr = 0.2",
        "train.py line 5: momentum = 0.9 -> momentum = 0.8",
        "train.py line 6: print('start') -> print('begin')",
    ]
    assert changes[0].likelihood < changes[2].likelihood
    for size in range(4):
        for some in combinations(changes, size):
            here = place(tmp_path, {"train.py": TRAIN})
            apply(some, here, {}, store=store)
            made = (here.tree / "train.py").read_text()
            assert ("0.2" in made, "0.8" in made, "begin" in made) == tuple(one in some for one in changes)
    assert made == new


def test_comments_and_what_was_not_loaded_are_no_candidates(store: Store) -> None:
    """A comment is no change, and files that no run loaded are one line that is not tried."""
    changes = between(
        store,
        {"code": (code(store, "a.py", "x = 1\n", syntax="s"), code(store, "notes.py", "y\n", "untracked"))},
        {
            "code": (
                code(store, "a.py", "x = 1  # one\n", syntax="s"),
                code(store, "notes.py", "z\n", "untracked"),
            )
        },
    )
    assert [(change.text, change.possible) for change in changes] == [
        ("1 other file that neither run loaded", False)
    ]


def test_a_new_module_comes_with_the_hunk_that_imports_it(store: Store, tmp_path: Path) -> None:
    """An import and the file that it needs, and what that needs, are one change."""
    old, new = "x = 1\n", "import helper\nx = helper.x\n"
    extra = (code(store, "helper.py", "import deep\nx = deep.x\n"), code(store, "deep.py", "x = 2\n"))
    changes = between(
        store,
        {"code": (code(store, "train.py", old, "program"),)},
        {"code": (code(store, "train.py", new, "program"), *extra)},
    )
    (change,) = changes
    assert change.text.endswith("(with deep.py, helper.py)")
    here = place(tmp_path, {"train.py": old})
    apply(changes, here, {}, store=store)
    assert {path.name: path.read_text() for path in here.tree.iterdir()}["deep.py"] == "x = 2\n"


def test_a_file_that_was_not_loaded_is_not_taken_away(store: Store) -> None:
    """That B did not load a file is an effect; that it had no such file any more can be made."""
    a = {"code": (code(store, "train.py", "x\n", "program"), code(store, "old.py", "y\n"))}
    kept = between(store, a, {"code": (code(store, "train.py", "x\n", "program"),)})
    deleted = CodeFile(path="old.py", role="changed", digest="", size=0)
    gone = between(store, a, {"code": (code(store, "train.py", "x\n", "program"), deleted)})
    assert [(one.text, one.possible) for one in (*kept, *gone)] == [
        ("old.py was not loaded", False),
        ("old.py is gone", True),
    ]


def test_another_program_is_compared_line_by_line(store: Store, tmp_path: Path) -> None:
    """Two versions of a program under two names are hunks of one file, and no change of arguments."""
    changes = between(
        store,
        {"code": (code(store, "train_a.py", TRAIN, "program"),), "argv": ("python", "train_a.py")},
        {
            "code": (code(store, "train_b.py", TRAIN.replace("0.1", "0.3"), "program"),),
            "argv": ("python", "train_b.py"),
        },
    )
    assert texts(changes) == ["train_a.py line 3: lr = 0.1 -> lr = 0.3"]
    here = place(tmp_path, {"train_a.py": TRAIN}, ("python", "train_a.py"))
    assert apply(changes, here, {}, store=store).argv == ("python", "train_a.py")
    assert "0.3" in (here.tree / "train_a.py").read_text()


def test_configuration_differs_by_key(store: Store, tmp_path: Path) -> None:
    """One change a key, secrets unseen; a single one leaves all other bytes of the file as they were."""
    old = "optim:\n  lr: 0.1  # rate\n  name: sgd\napi_key: q8Zr4Tn2Lw9Kx7Vb\n"
    new = old.replace("0.1", "0.01").replace("sgd", "adam").replace("q8Zr4", "m3Jd6")
    changes = between(
        store,
        {"code": (code(store, "optim.yaml", old, "configuration"),)},
        {"code": (code(store, "optim.yaml", new, "configuration"),)},
    )
    assert "optim.yaml optim.lr: 0.1 -> 0.01" in texts(changes)
    assert "optim.yaml optim.name: sgd -> adam" in texts(changes)
    assert "q8Zr4" not in str(texts(changes))
    rate = [change for change in changes if change.path.endswith("optim.lr")]
    here = place(tmp_path, {"optim.yaml": old})
    apply(rate, here, {}, store=store)
    assert (here.tree / "optim.yaml").read_text() == old.replace("0.1", "0.01")


def test_what_differs_only_in_secrets_cannot_be_applied(store: Store) -> None:
    """A file whose kept contents are equal is listed with the reason."""
    (change,) = between(
        store,
        {"code": (code(store, "a.py", "key = '[secret removed]'\n", ran="1", scrubbed=True),)},
        {"code": (code(store, "a.py", "key = '[secret removed]'\n", ran="2", scrubbed=True),)},
    )
    assert not change.possible
    assert "secret" in change.why_not


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


def test_data_is_changed_in_the_copy_and_never_behind_a_link(store: Store, tmp_path: Path) -> None:
    """A linked folder becomes a folder of links where a file in it changes; the original keeps its bytes."""
    original = tmp_path / "original"
    (original / "sub").mkdir(parents=True)
    (original / "sub/x.csv").write_text("1\n")
    (original / "y.csv").write_text("same\n")
    content = store.objects.put(b"2\n")
    changes = between(
        store,
        {"data": (DataFile(path="data/sub/x.csv", digest=digest_bytes(b"1\n"), size=2),)},
        {"data": (DataFile(path="data/sub/x.csv", digest=content, size=2, content=content),)},
    )
    here = place(tmp_path, {"train.py": ""})
    (here.tree / "data").symlink_to(original)
    apply(changes, here, {}, store=store)
    assert (here.tree / "data/sub/x.csv").read_text() == "2\n"
    assert (original / "sub/x.csv").read_text() == "1\n"
    assert (here.tree / "data/y.csv").is_symlink()
    assert not (here.tree / "data").is_symlink()


def test_a_linked_file_and_a_hard_link_keep_their_bytes(store: Store, tmp_path: Path) -> None:
    """Edits and removals concern the copy's name alone, whatever other names a file has."""
    outside = tmp_path / "outside.py"
    outside.write_text(TRAIN)
    here = place(tmp_path, {"x": ""})
    (here.tree / "train.py").symlink_to(outside)
    os.link(outside, here.tree / "other.py")
    old = (code(store, "train.py", TRAIN), code(store, "other.py", TRAIN))
    new = (code(store, "train.py", "y = 1\n"), code(store, "other.py", "y = 1\n"))
    apply(between(store, {"code": old}, {"code": new}), here, {}, store=store)
    assert (here.tree / "train.py").read_text() == (here.tree / "other.py").read_text() == "y = 1\n"
    assert outside.read_text() == TRAIN


def test_data_comes_from_where_it_was_if_it_is_still_the_same(store: Store, tmp_path: Path) -> None:
    """Bytes that the store does not hold are taken from B's place, checked; else the change is impossible."""
    root = tmp_path / "b"
    root.mkdir()
    (root / "big.bin").write_bytes(b"new")
    a = {"data": (DataFile(path="big.bin", digest=digest_bytes(b"old"), size=3),)}
    b = {"data": (DataFile(path="big.bin", digest=digest_bytes(b"new"), size=3),), "root": str(root)}
    (change,) = between(store, a, b)
    here = place(tmp_path, {"big.bin": "old"})
    apply([change], here, {}, store=store)
    assert (here.tree / "big.bin").read_bytes() == b"new"
    (root / "big.bin").write_bytes(b"third")
    with pytest.raises(UsageError, match="changed since"):
        apply([change], here, {}, store=store)
    assert not between(store, a, b)[0].possible


def test_folders_of_data_differ_by_file(store: Store, tmp_path: Path) -> None:
    """Trees are compared by file; many files of one folder are one change."""
    trees = []
    for name, count in (("a", 3), ("b", 40)):
        folder = tmp_path / name / "data"
        (folder / "many").mkdir(parents=True)
        (folder / "x.txt").write_text(name)
        for i in range(count):
            (folder / "many" / f"{i}.txt").write_text(f"{i} of {count}")
        trees.append(keep_tree(store.objects, folder, Contents(tmp_path / "cache")))
    sides = [
        {
            "data": (DataFile(path="data", digest=tree.digest, size=1, folder=True, declared=True),),
            "root": str(tmp_path / name),
        }
        for tree, name in zip(trees, "ab", strict=True)
    ]
    changes = between(store, *sides)
    assert sorted(change.path for change in changes) == ["data/many/", "data/x.txt"]
    assert [len(change.files) for change in changes if change.members] == [40]
    here = place(tmp_path, {"data/x.txt": "a"})
    apply(changes, here, {}, store=store)
    assert (here.tree / "data/x.txt").read_text() == "b"
    assert len(list((here.tree / "data/many").iterdir())) == 40


def test_data_elsewhere_and_another_order_are_listed_only(store: Store) -> None:
    """Absolute places are not part of the copy, and an order of files is an effect."""
    files = [DataFile(path=f"/d/{i}", digest=str(i), size=1, order=i) for i in range(2)]
    turned = [
        DataFile(path="/d/0", digest="0", size=1, order=1),
        DataFile(path="/d/1", digest="x", size=1, order=0),
    ]
    changes = between(store, {"data": tuple(files)}, {"data": tuple(turned)})
    assert [change.kind for change in changes] == ["data", "order"]
    assert not any(change.possible for change in changes)


@pytest.mark.parametrize("path", ["../x", "/x", "a/../../x", "<cell>", ".", "outside/0/../../../x"])
def test_a_path_out_of_the_copy_is_refused(store: Store, tmp_path: Path, path: str) -> None:
    """No record can make a change write outside of the copy."""
    change = Change(
        id="x",
        kind="data",
        path=path,
        a=None,
        b=None,
        text="x",
        likelihood=1,
        files=(FileWritten(path=path, content=store.objects.put(b"x")),),
    )
    before = {str(one) for one in tmp_path.rglob("*")}
    with pytest.raises(IntegrityError):
        apply([change], place(tmp_path, {}), {}, store=store)
    assert {str(one) for one in tmp_path.rglob("*")} == before


def test_a_file_that_is_not_the_recorded_one_is_not_edited(store: Store, tmp_path: Path) -> None:
    """Line numbers of one text are never used on another."""
    changes = between(
        store, {"code": (code(store, "a.py", "x = 1\n"),)}, {"code": (code(store, "a.py", "x = 2\n"),)}
    )
    with pytest.raises(UsageError, match="not what the record holds"):
        apply(changes, place(tmp_path, {"a.py": "y\nx = 1\n"}), {}, store=store)


def test_a_restored_record_becomes_the_other(store: Store, tmp_path: Path) -> None:
    """On what `restore` makes, all changes together give B's files, code outside of the root included."""
    old = {"train.py": TRAIN, "outside/0/lib.py": "x = 1\n", "c.json": '{"a": 1}'}
    new = {"train.py": TRAIN.replace("0.9", "0.5"), "outside/0/lib.py": "x = 2\n", "c.json": '{"a": 2}'}
    roles = {"train.py": "program", "c.json": "configuration"}
    records = [
        record(
            store,
            code=tuple(code(store, path, text, roles.get(path, "module")) for path, text in files.items()),
            root="/r/project",
            outside=("/r/libs",),
        )
        for files in (old, new)
    ]
    restored = restore(store, records[0], tmp_path / "restored", cache=tmp_path / "cache")
    applied = apply(changes_between(store, *records), restored, {}, store=store)
    assert applied.argv[1:] == ("train.py",)
    made = {
        path: ((restored.folder if path.startswith("outside") else restored.tree) / path).read_text()
        for path in new
    }
    assert made == new


def test_what_differs_first_orders_the_changes(store: Store) -> None:
    """Threads come behind code where hyperparameters differ first, and before it where gradients do."""
    changes = between(
        store,
        {"numerics": {"torch.num_threads": 1}, "code": (code(store, "train.py", TRAIN),)},
        {
            "numerics": {"torch.num_threads": 2},
            "code": (code(store, "train.py", TRAIN.replace("0.1", "0.2")),),
        },
    )
    first = {field: informed(changes, field)[0].kind for field in ("hyperparameters", "gradients", "other")}
    assert first == {"hyperparameters": "code", "gradients": "threads", "other": "threads"}


def test_a_list_in_another_order_is_one_change(store: Store, tmp_path: Path) -> None:
    """Lines that only moved are not taken apart, for a list without one of them is another list."""
    one = code(store, "order.txt", "a.png\nb.png\nc.png\n", role="argument")
    two = code(store, "order.txt", "c.png\na.png\nb.png\n", role="argument")
    changes = between(store, {"code": [one]}, {"code": [two]})
    assert texts(changes) == ["order.txt has its lines in another order"]
    copy = place(tmp_path, {"order.txt": "a.png\nb.png\nc.png\n"})
    apply(changes, copy, {}, store=store)
    assert (copy.tree / "order.txt").read_text() == "c.png\na.png\nb.png\n"


def test_files_of_a_declared_folder_that_were_opened_in_another_order_are_listed(store: Store) -> None:
    """The order within a folder is kept beside its tree."""
    sides = [store.objects.put(text.encode()) for text in ("1.png\n2.png\n", "2.png\n1.png\n")]
    data = [
        [DataFile(path="images", digest="0" * 64, size=2, declared=True, folder=True, content=content)]
        for content in sides
    ]
    changes = between(store, {"data": data[0]}, {"data": data[1]})
    assert texts(changes) == [
        "files were opened in another order (where A opened images/1.png, B opened images/2.png)"
    ]
    assert not changes[0].possible


def test_another_search_path_is_listed_and_not_tried(store: Store) -> None:
    """What it leads to is tried by file and by version, so that one cause is not told twice."""
    changes = between(store, {}, {"variables": {"PYTHONPATH": "/there"}})
    assert [(change.path, change.possible) for change in changes] == [("PYTHONPATH", False)]
