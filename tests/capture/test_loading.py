from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from assay.capture.loading import PREFIX, load_component
from assay.foundation.errors import CodeError


def refused(target: str, folder: Path) -> CodeError:
    with pytest.raises(CodeError) as error:
        load_component(target, folder)
    assert "Traceback" not in str(error.value)
    return error.value


def test_a_class_is_loaded_with_its_siblings(tmp_path: Path) -> None:
    """The component comes back under a name that is relative to the folder, with its closure."""
    (tmp_path / "evo.py").write_text(
        "import helper\nfrom helper import K\nclass Evo:\n    k = helper.K + K\n"
    )
    (tmp_path / "helper.py").write_text("K = 20\n")
    loaded = load_component("./evo.py:Evo", tmp_path)
    assert loaded.value.k == 40
    assert loaded.name == "evo.py:Evo"
    assert list(loaded.files) == ["evo.py", "helper.py"]


def test_two_folders_may_have_helpers_of_one_name(tmp_path: Path) -> None:
    """Modules of one name in two folders never meet, and imports inside functions find their own."""
    for name, value in (("one", 1), ("two", 2)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "search.py").write_text(
            "import helper\ndef now(): return helper.VALUE\ndef later():\n    import helper, late\n"
            "    return helper.VALUE, late.VALUE\n"
        )
        (tmp_path / name / "helper.py").write_text(f"VALUE = {value}\n")
        (tmp_path / name / "late.py").write_text(f"VALUE = {-value}\n")
    one = {f: load_component(f"one/search.py:{f}", tmp_path).value for f in ("now", "later")}
    two = {f: load_component(f"two/search.py:{f}", tmp_path).value for f in ("now", "later")}
    assert (one["now"](), two["now"]()) == (1, 2)
    assert (one["later"](), two["later"]()) == ((1, -1), (2, -2))


def test_nothing_of_the_process_changes(tmp_path: Path) -> None:
    """The path, the plain module names and the folder itself are as before."""
    (tmp_path / "evo.py").write_text("import importlib\nx = importlib.import_module('helper_of_evo').X\n")
    (tmp_path / "helper_of_evo.py").write_text("X = 3\n")
    path, files = list(sys.path), sorted(tmp_path.iterdir())
    assert load_component("evo.py:x", tmp_path).value == 3
    assert sys.path == path
    assert sorted(tmp_path.iterdir()) == files
    assert "helper_of_evo" not in sys.modules
    assert "evo" not in sys.modules


def test_unchanged_code_is_loaded_once_and_changed_code_anew(tmp_path: Path) -> None:
    """The same content gives the same object; a change of a helper in the same second is seen."""
    (tmp_path / "evo.py").write_text("import helper\nclass Evo:\n    k = helper.K\n")
    (tmp_path / "helper.py").write_text("K = 1\n")
    first = load_component("evo.py:Evo", tmp_path).value
    assert load_component("evo.py:Evo", tmp_path).value is first
    (tmp_path / "helper.py").write_text("K = 2\n")
    assert load_component("evo.py:Evo", tmp_path).value.k == 2
    assert first.k == 1


def test_packages_and_relative_imports_work(tmp_path: Path) -> None:
    """A file in a package may import relatively, up to the top of the package."""
    (tmp_path / "pkg" / "sub").mkdir(parents=True)
    (tmp_path / "pkg" / "__init__.py").write_text("A = 1\n")
    (tmp_path / "pkg" / "sub" / "__init__.py").write_text("")
    (tmp_path / "pkg" / "base.py").write_text("B = 10\n")
    (tmp_path / "pkg" / "sub" / "evo.py").write_text(
        "from .. import A, base\nfrom ..base import B\nimport pkg.base as again\n"
        "value = A + base.B + B + again.B\n"
    )
    assert load_component("pkg/sub/evo.py:value", tmp_path).value == 31


def test_a_users_file_may_have_the_name_of_an_installed_module(tmp_path: Path) -> None:
    """As for a script, the user's file goes first for the user's code, and only for it."""
    (tmp_path / "evo.py").write_text("import colorsys, random\nvalue = colorsys.MINE\n")
    (tmp_path / "colorsys.py").write_text("import random\nMINE = 7\n")
    assert load_component("evo.py:value", tmp_path).value == 7
    import colorsys

    assert hasattr(colorsys, "rgb_to_hsv")


def test_dotted_attributes_are_found(tmp_path: Path) -> None:
    """'file.py:Outer.Inner' names a class inside a class."""
    (tmp_path / "evo.py").write_text("class Outer:\n    class Inner:\n        x = 5\n")
    assert load_component("evo.py:Outer.Inner", tmp_path).value.x == 5


def test_dataclasses_work_in_a_loaded_file(tmp_path: Path) -> None:
    """What looks its own module up by name, as dataclasses do, finds it."""
    (tmp_path / "evo.py").write_text(
        "from __future__ import annotations\nfrom dataclasses import dataclass, field\n"
        "@dataclass\nclass Evo:\n    k: int = 3\n    seen: list[int] = field(default_factory=list)\n"
    )
    value = load_component("evo.py:Evo", tmp_path).value
    assert value() == value(3, [])
    assert value.__module__.startswith(PREFIX)


def test_a_missing_file_suggests_the_nearest(tmp_path: Path) -> None:
    """A typo in the file's name is answered with the file that is there."""
    (tmp_path / "evolution.py").write_text("")
    assert refused("evolutoin.py:Evo", tmp_path).hint == "did you mean 'evolution.py'?"


def test_a_missing_attribute_suggests_the_nearest(tmp_path: Path) -> None:
    """A typo in the class's name is answered with the class that is there, or with all that are."""
    (tmp_path / "evo.py").write_text("class Evolution: pass\nclass Other: pass\n")
    assert refused("evo.py:Evolutoin", tmp_path).hint == "did you mean 'Evolution'?"
    assert refused("evo.py:Xyz", tmp_path).hint == "it defines: Evolution, Other"


@pytest.mark.parametrize("target", ["evo.py", "evo:Evo", "evo.py:", "", ":"])
def test_a_target_of_another_form_is_refused(tmp_path: Path, target: str) -> None:
    """Only 'file.py:Name' names a component in a file."""
    assert "search.py:Evolution" in str(refused(target, tmp_path))


def test_a_syntax_error_is_told_with_file_and_line(tmp_path: Path) -> None:
    """The message has the file, the line and the line's text."""
    (tmp_path / "evo.py").write_text("x = 1\nclass Evo\n    pass\n")
    error = refused("evo.py:Evo", tmp_path)
    assert error.where == f"{tmp_path / 'evo.py'}, line 2"
    assert "class Evo" in str(error.why)


def test_what_a_file_raises_is_told_with_the_users_line(tmp_path: Path) -> None:
    """Type, message and the user's own line are said, also when a helper raises."""
    (tmp_path / "evo.py").write_text("import helper\n")
    (tmp_path / "helper.py").write_text("def f():\n    return {}['gone']\n\nf()\n")
    error = refused("evo.py:Evo", tmp_path)
    assert error.where == "helper.py, line 2"
    assert error.why == "KeyError: 'gone' at `return {}['gone']`"


def test_a_missing_module_suggests_the_nearest_file(tmp_path: Path) -> None:
    """An import of nothing hints at the file beside it that is meant, or at installing."""
    (tmp_path / "evo.py").write_text("import helpr\n")
    (tmp_path / "helper.py").write_text("")
    assert refused("evo.py:Evo", tmp_path).hint == "did you mean 'helper'?"
    (tmp_path / "evo.py").write_text("import zzqx_no_such\n")
    assert "zzqx_no_such" in str(refused("evo.py:Evo", tmp_path).hint)


def test_a_script_that_exits_is_refused_with_a_hint(tmp_path: Path) -> None:
    """A file that ends the process when imported does not end Assay."""
    (tmp_path / "evo.py").write_text("import sys\nsys.exit(3)\n")
    assert "__main__" in str(refused("evo.py:Evo", tmp_path).hint)


def test_a_failed_import_can_be_tried_again(tmp_path: Path) -> None:
    """A file that failed leaves no half-made modules behind."""
    (tmp_path / "evo.py").write_text("import flag\nassert flag.path.exists(), 'not yet'\nEvo = 1\n")
    (tmp_path / "flag.py").write_text(f"from pathlib import Path\npath = Path({str(tmp_path / 'go')!r})\n")
    assert "not yet" in str(refused("evo.py:Evo", tmp_path).why)
    (tmp_path / "go").touch()
    assert load_component("evo.py:Evo", tmp_path).value == 1


COUNTER = "import helper\nseen = []\ndef count():\n    seen.append(1)\n    return len(seen), helper.count()\n"
HELPER = (
    "import itertools\nn = itertools.count(1)\ndef count():\n    import late\n    return next(n), late.up()\n"
)
LATE = "n = 0\ndef up():\n    global n\n    n += 1\n    return n\n"


def test_a_fresh_load_starts_with_no_state_of_an_earlier_one(tmp_path: Path) -> None:
    """Counters of the file, of its helper and of a module that is imported late start anew each time."""
    for name, text in (("evo.py", COUNTER), ("helper.py", HELPER), ("late.py", LATE)):
        (tmp_path / name).write_text(text)
    for _ in range(3):
        count = load_component("evo.py:count", tmp_path, fresh=True).value
        assert count() == (1, (1, 1))
        assert count() == (2, (2, 2))
    assert load_component("evo.py:count", tmp_path).value() == (3, (3, 3))


def test_a_fresh_load_leaves_one_scope_and_one_name(tmp_path: Path) -> None:
    """The modules of earlier loads are gone, also those of earlier content, and names stay the same."""
    (tmp_path / "evo.py").write_text("class Evo: pass\n")
    before = {name for name in sys.modules if name.startswith(PREFIX)}
    first = load_component("evo.py:Evo", tmp_path, fresh=True).value
    again = load_component("evo.py:Evo", tmp_path, fresh=True).value
    assert again is not first
    assert again.__module__ == first.__module__
    (tmp_path / "evo.py").write_text("class Evo: k = 1\n")
    assert load_component("evo.py:Evo", tmp_path, fresh=True).value.k == 1
    added = {name for name in sys.modules if name.startswith(PREFIX)} - before
    assert {name.partition(".")[0] for name in added} == {min(added)}


def test_packages_are_loaded_fresh_too(tmp_path: Path) -> None:
    """State in the __init__ of a package and in a relative import starts anew."""
    (tmp_path / "pkg").mkdir()
    (tmp_path / "pkg" / "__init__.py").write_text("seen = []\n")
    (tmp_path / "pkg" / "evo.py").write_text(
        "from . import seen\ndef count():\n    seen.append(1)\n    return len(seen)\n"
    )
    values = [load_component("pkg/evo.py:count", tmp_path, fresh=True).value() for _ in range(3)]
    assert values == [1, 1, 1]


def test_changes_of_loaded_files_are_noticed(tmp_path: Path) -> None:
    """A changed or removed file of the closure is named, also one of equal size and time; others are not."""
    (tmp_path / "evo.py").write_text("import helper\nx = 1\n")
    (tmp_path / "helper.py").write_text("K = 1\n")
    (tmp_path / "other.py").write_text("K = 1\n")
    loaded = load_component("evo.py:x", tmp_path)
    assert loaded.changed() == []
    (tmp_path / "other.py").write_text("K = 2\n")
    assert loaded.changed() == []
    stat = (tmp_path / "helper.py").stat()
    (tmp_path / "helper.py").write_text("K = 2\n")
    os.utime(tmp_path / "helper.py", ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert loaded.changed() == ["helper.py"]
    (tmp_path / "evo.py").unlink()
    assert loaded.changed() == ["evo.py", "helper.py"]


def test_a_file_that_was_only_touched_did_not_change(tmp_path: Path) -> None:
    """Another time with the same bytes is no change; for an old file, an equal time is enough."""
    (tmp_path / "evo.py").write_text("x = 1\n")
    os.utime(tmp_path / "evo.py", (1, 1))
    loaded = load_component("evo.py:x", tmp_path)
    assert not loaded.states["evo.py"].is_racy
    (tmp_path / "evo.py").touch()
    assert loaded.changed() == []
    (tmp_path / "evo.py").write_text("x = 2\n")
    assert loaded.changed() == ["evo.py"]
