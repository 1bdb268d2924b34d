"""Differences of code and configuration: by hunk and by key, each of which can be made alone."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

from made_up import TRAIN, between, code, place, texts

from assay.provenance.commands import CodeFile
from assay.records.store import Store
from assay.verification.commands.changes import apply


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


def test_a_list_in_another_order_is_one_change(store: Store, tmp_path: Path) -> None:
    """Lines that only moved are not taken apart, for a list without one of them is another list."""
    one = code(store, "order.txt", "a.png\nb.png\nc.png\n", role="argument")
    two = code(store, "order.txt", "c.png\na.png\nb.png\n", role="argument")
    changes = between(store, {"code": [one]}, {"code": [two]})
    assert texts(changes) == ["order.txt has its lines in another order"]
    copy = place(tmp_path, {"order.txt": "a.png\nb.png\nc.png\n"})
    apply(changes, copy, {}, store=store)
    assert (copy.tree / "order.txt").read_text() == "c.png\na.png\nb.png\n"
