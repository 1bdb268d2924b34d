from __future__ import annotations

from pathlib import Path

import pytest

from assay.capture.closure import closure
from assay.foundation.errors import CodeError


def write(folder: Path, **files: str) -> Path:
    """Write files; a double underscore in a name is a slash, and each gets '.py'."""
    for name, text in files.items():
        path = folder / (name.replace("__", "/") + ".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def names(file: Path, root: Path | None = None) -> list[str]:
    return list(closure(file, root))


def test_siblings_and_their_imports_are_followed(tmp_path: Path) -> None:
    """The closure is transitive, ends at cycles, and leaves out the standard library and NumPy."""
    write(
        tmp_path,
        main="import os, numpy\nimport helper\nfrom other import thing\n",
        helper="import deep\n",
        other="import main\nthing = 1\n",
        deep="",
        unrelated="",
    )
    assert names(tmp_path / "main.py") == ["deep.py", "helper.py", "main.py", "other.py"]


def test_packages_bring_their_init_and_submodules(tmp_path: Path) -> None:
    """A dotted import, a submodule taken by name and a relative import are found with each __init__."""
    write(tmp_path, main="import pkg.sub.leaf\nfrom pkg import peer\n", pkg__peer="from . import third\n")
    write(tmp_path, pkg__sub__leaf="from ..fourth import x\n", pkg__third="", pkg__fourth="x = 1\n")
    for folder in ("pkg", "pkg/sub"):
        (tmp_path / folder / "__init__.py").write_text("")
    assert names(tmp_path / "main.py") == [
        "main.py",
        *("pkg/__init__.py", "pkg/fourth.py", "pkg/peer.py", "pkg/sub/__init__.py", "pkg/sub/leaf.py"),
        "pkg/third.py",
    ]


def test_a_file_of_a_package_brings_the_inits_above_it(tmp_path: Path) -> None:
    """Python runs the __init__ of the packages around a module, so they belong to it."""
    write(tmp_path, pkg__evo="x = 1\n")
    (tmp_path / "pkg/__init__.py").write_text("import common\n")
    write(tmp_path, common="")
    assert names(tmp_path / "pkg/evo.py", tmp_path) == ["common.py", "pkg/__init__.py", "pkg/evo.py"]


@pytest.mark.parametrize(
    "line",
    [
        "def f():\n    import helper\n",
        "try:\n    import helper\nexcept ImportError:\n    pass\n",
        "import importlib\nimportlib.import_module('helper')\n",
        "from importlib import import_module\nm = import_module('helper')\n",
        "m = __import__('helper')\n",
        "from helper import *\n",
    ],
)
def test_imports_anywhere_in_the_code_count(tmp_path: Path, line: str) -> None:
    """An import in a function, in a try, or by a literal name is followed."""
    write(tmp_path, main=line, helper="")
    assert names(tmp_path / "main.py") == ["helper.py", "main.py"]


def test_the_root_of_the_study_is_searched_too(tmp_path: Path) -> None:
    """A file in a subfolder finds a module at the root, and paths are relative to the root."""
    write(tmp_path, methods__evo="import common\n", common="")
    assert names(tmp_path / "methods/evo.py", tmp_path) == ["common.py", "methods/evo.py"]


def test_a_folder_of_data_is_no_package(tmp_path: Path) -> None:
    """A folder without Python that is named like an installed library changes nothing; one with counts."""
    write(tmp_path, main="import scipy\nimport mine.part\n", mine__part="")
    (tmp_path / "scipy").mkdir()
    (tmp_path / "scipy" / "weights.bin").write_bytes(b"")
    assert names(tmp_path / "main.py") == ["main.py", "mine/part.py"]


def test_a_helper_with_a_syntax_error_is_named_with_its_line(tmp_path: Path) -> None:
    """The file and line that cannot be parsed are said, though another file imports it."""
    write(tmp_path, main="import helper\n", helper="x = 1\ndef f(:\n")
    with pytest.raises(CodeError) as error:
        closure(tmp_path / "main.py")
    assert error.value.where == f"{tmp_path / 'helper.py'}, line 2"


def test_the_order_is_that_of_the_paths(tmp_path: Path) -> None:
    """Equal files give an equal closure, whatever the order of the imports."""
    write(tmp_path, main="import b, a\n", a="", b="")
    one = names(tmp_path / "main.py")
    write(tmp_path, main="import a, b\n")
    assert names(tmp_path / "main.py") == one == sorted(one)
