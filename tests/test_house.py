"""The rules of the house that no linter knows."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SRC = ROOT / "src" / "assay"
SOURCES = sorted(SRC.rglob("*.py"))
HOOK = sorted((ROOT / "src" / "assay_hook").rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("test_*.py"))
PACKAGES = sorted(path.parent for path in SRC.rglob("__init__.py"))
LONGEST = 500
DEEPEST = 2

# What makes a command slow to start: none of it is needed to print help.
HEAVY = ("numpy", "scipy", "matplotlib", "optuna", "jinja2", "pandas", "torch", "rich.progress", "pooch")

# Written in the project's text, these point to work that was left undone or to a place that is not the
# reader's. The names of two of them are cut, so that this file holds to its own rule.
FORBIDDEN = {
    "unfinished work": r"\b(TO" r"DO|FIX" r"ME|XX" r"X)\b",
    "code that no test reaches": r"pragma: no " r"cover",
    "a type that is ignored without a reason": r"type: ignore\s*$",
    "a package registry's address": r"https?://\S*(pypi|pythonhosted|npmjs|registry|anaconda)",
    "a place on one machine": rf"{re.escape(str(ROOT.parent))}/",
}
TEXT = {".py", ".md", ".toml", ".txt", ".cff", ".yml", ".html", ".css", ".js", ".j2", ""}


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), filename=str(path))


def project_files() -> list[Path]:
    """Return the files that are, or would be, under version control."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    if listed.returncode:  # an unpacked archive
        listed_names = [
            name(path) for path in ROOT.rglob("*") if not path.relative_to(ROOT).parts[0].startswith(".")
        ]
    else:
        listed_names = listed.stdout.splitlines()
    return [path for path in map(ROOT.joinpath, listed_names) if path.is_file() and path.suffix in TEXT]


def python(code: str) -> str:
    """Run `code` in a fresh interpreter and return its last line."""
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=60
    )
    return done.stdout.splitlines()[-1]


def definitions(module: ast.Module) -> Iterator[tuple[str, ast.AST]]:
    """Yield the public functions, classes and methods; a protocol's methods stand under its docstring."""
    for node in module.body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield node.name, node
            for inner in node.body:
                if (
                    isinstance(inner, ast.FunctionDef)
                    and not inner.name.startswith("_")
                    and not _is_stub(inner)
                ):
                    yield f"{node.name}.{inner.name}", inner
        elif isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            yield node.name, node


def _is_stub(function: ast.FunctionDef) -> bool:
    (last,) = function.body[-1:]
    return isinstance(last, ast.Expr) and isinstance(last.value, ast.Constant) and last.value.value is ...


@pytest.mark.parametrize("package", PACKAGES, ids=name)
def test_every_room_says_what_it_is(package: Path) -> None:
    """The docstring of a package is a sentence about what is in it."""
    assert (ast.get_docstring(tree(package / "__init__.py")) or "").strip().endswith(".")


def test_every_folder_of_code_is_a_package() -> None:
    """No module lies in a folder without `__init__.py`, where it would be left out of imports and checks."""
    assert sorted({path.parent for path in SOURCES}) == PACKAGES


def test_folders_are_at_most_two_deep() -> None:
    """No package lies deeper than a room and one folder in it."""
    assert [name(path) for path in PACKAGES if len(path.relative_to(SRC).parts) > DEEPEST] == []


def test_files_can_be_read_in_one_go() -> None:
    """No file of the source is longer than 500 lines."""
    long = {
        name(path): lines for path in [*SOURCES, *HOOK] if (lines := path.read_text().count("\n")) > LONGEST
    }
    assert long == {}


def test_what_is_public_is_documented() -> None:
    """Every module, and every public function, class and method, has a docstring."""
    bare = [name(path) for path in [*SOURCES, *HOOK] if not ast.get_docstring(tree(path))]
    bare += [
        f"{name(path)}: {what}"
        for path in [*SOURCES, *HOOK]
        for what, node in definitions(tree(path))
        if not ast.get_docstring(node)  # type: ignore[arg-type]
    ]
    assert bare == []


def test_every_test_says_what_it_shows() -> None:
    """The docstring of a test is one sentence of behaviour."""
    bare = [
        f"{name(path)}: {node.name}"
        for path in TESTS
        for node in ast.walk(tree(path))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
        if not (ast.get_docstring(node) or "").rstrip().endswith(".")
    ]
    assert bare == []


@pytest.mark.parametrize("path", HOOK, ids=name)
def test_the_hook_runs_in_any_python(path: Path) -> None:
    """The hook is written in the grammar of Python 3.8 and loads nothing but the standard library at once."""
    module = ast.parse(path.read_text(), feature_version=(3, 8))
    loaded = [
        alias.name.split(".")[0]
        for node in module.body
        if isinstance(node, ast.Import)
        for alias in node.names
    ]
    loaded += [
        (node.module or "").split(".")[0]
        for node in module.body
        if isinstance(node, ast.ImportFrom) and not node.level
    ]
    assert set(loaded) <= sys.stdlib_module_names


def test_only_the_restricted_reader_touches_pickle() -> None:
    """No other module imports a library that runs what it reads."""
    guilty = []
    for path in SOURCES:
        for node in ast.walk(tree(path)):
            imported = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            imported += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            guilty += [
                name(path)
                for item in imported
                if item.split(".")[0] in ("pickle", "cloudpickle", "dill", "shelve")
            ]
    assert sorted(set(guilty)) == ["src/assay/benchmarks/importers/restricted.py"]


def test_no_process_wide_generator_is_used() -> None:
    """The source uses nothing of `random`, and of `numpy.random` the bit generator alone."""
    guilty = []
    # The conformance suites disturb these generators, to see whether a component minds.
    for path in [path for path in SOURCES if path.parent != SRC / "testing"]:
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.Import | ast.ImportFrom):
                module = node.module if isinstance(node, ast.ImportFrom) else None
                if module == "random" or "random" in [alias.name for alias in node.names if module is None]:
                    guilty.append(f"{name(path)}: random")
            if isinstance(node, ast.Attribute) and ast.unparse(node.value) in ("np.random", "numpy.random"):
                guilty += [f"{name(path)}: {ast.unparse(node)}"] if node.attr != "Philox" else []
    assert guilty == []


@pytest.mark.parametrize("what", FORBIDDEN)
def test_the_text_is_free_of(what: str) -> None:
    """Nothing in the project points to unfinished work or to one person's machine."""
    pattern = re.compile(FORBIDDEN[what], re.MULTILINE)
    found = [
        f"{name(path)}: {match[0].strip()}"
        for path in project_files()
        for match in pattern.finditer(path.read_text(errors="ignore"))
    ]
    assert found == []


@pytest.mark.parametrize("module", ["assay", "assay.cli.main"])
def test_an_import_is_light(module: str) -> None:
    """Importing the package or its command loads no numerical library."""
    assert python(f"import sys, {module}; print([m for m in {HEAVY} if m in sys.modules])") == "[]"


@pytest.mark.parametrize(
    "arguments", [["--help"], ["--version"], ["run", "--help"], ["table", "--help"]], ids=" ".join
)
def test_help_is_light(arguments: list[str]) -> None:
    """Help and version load no numerical library: they are answered from declarations."""
    code = (
        f"import sys; sys.argv = ['assay', *{arguments}]\n"
        "from assay.cli.main import main\n"
        "try: main()\n"
        "except SystemExit as end: assert not end.code, end.code\n"
        f"print([m for m in {HEAVY} if m in sys.modules])"
    )
    assert python(code) == "[]"


def test_the_floors_hold() -> None:
    """A room imports only rooms below it, as pyproject.toml states."""
    command = [Path(sys.executable).with_name("lint-imports"), "--no-logo", "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_every_direct_dependency_is_pinned() -> None:
    """constraints.txt is sorted and holds one exact version of all that pyproject.toml names."""
    lines = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if not line.startswith("#")]
    assert lines == sorted(lines, key=str.lower)
    pinned = {_normal(line.split("==")[0]) for line in lines if re.fullmatch(r"[\w.-]+==[\w.!+-]+", line)}
    assert len(pinned) == len(lines)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = [
        *project["build-system"]["requires"],
        *project["project"]["dependencies"],
        *(item for extra in project["project"]["optional-dependencies"].values() for item in extra),
        *project["dependency-groups"]["dev"],
    ]
    names = {_normal(re.split(r"[\[<>=~! ]", item)[0]) for item in wanted} - {"assay"}
    assert names - pinned == set()


def _normal(distribution: str) -> str:
    return re.sub(r"[-_.]+", "-", distribution).lower()


def test_every_target_is_explained() -> None:
    """`make` lists each target with a sentence, and the targets that the README leads to are among them."""
    done = subprocess.run(
        ["make", "--no-print-directory"], cwd=ROOT, check=True, capture_output=True, text=True
    )
    listed = re.findall(r"^  make ([a-z-]+) +\S", done.stdout, re.MULTILINE)
    assert {"demo", "test", "lint", "bench", "docs", "clean", "lock", "help"} <= set(listed)
    declared = re.search(r"^\.PHONY: (.+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert declared is not None
    assert set(listed) == set(declared[1].split()) - {"python"}
