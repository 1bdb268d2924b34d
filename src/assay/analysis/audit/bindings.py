"""What the names of a Python file stand for: the file's own numbers, or something that was read."""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Iterator
from typing import NamedTuple

# A call by such a name brings data from outside the search, whatever it is asked of.
_READS = re.compile(
    r"^_?(?:open\w*|(?:\w+_)?read(?:er|s|lines|_\w+|text)?|(?:\w+_)?load(?:s|_\w+|txt)?|get_\w+|query\w*|"
    r"lookup\w*|fetch\w*|download\w*|genfromtxt|fromfile|DictReader|urlopen|execute|connect)$"
)
_SPEAKS = {"print", "getLogger", "debug", "info", "warning", "warn", "error", "critical", "exception", "log"}
_TELLS = {"help", "description", "epilog", "title", "label", "desc", "doc", "message", "msg"}
_SEVERAL = 3
_PLAIN = frozenset(dir(builtins))


class Bindings(NamedTuple):
    """The names that a file binds itself, those of them that hold what was read, and its own keys.

    `keys` are the texts under which the file puts numbers of its own into dictionaries.
    """

    own: frozenset[str]
    read: frozenset[str]
    keys: frozenset[str]

    def suspect(self, name: str) -> bool:
        """Say whether a name stands for something from elsewhere: it is read, or bound nowhere here."""
        return name in self.read or (name not in self.own and name not in _PLAIN)


def bindings(tree: ast.Module) -> Bindings:
    """Return what a file binds; an assignment from a reading call, or from what holds one, is read.

    Scopes are not told apart: a name that is read anywhere in the file counts as read.
    """
    own: set[str] = set()
    pairs: list[tuple[set[str], ast.AST]] = []
    for node in ast.walk(tree):
        own |= _bound(node)
        pairs += _assigned(node)
    given = {name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for name in _imported(node)}
    read: set[str] = set()
    grown = True
    while grown:
        before = len(read)
        for names, value in pairs:
            if _reads(value, read, given):
                read |= names
        grown = len(read) > before
    keys = {key for node in ast.walk(tree) for key, value in _put(node) if not _reads(value, read, given)}
    return Bindings(frozenset(own), frozenset(read), frozenset(keys))


def opens(call: ast.Call) -> bool:
    """Say whether a call reads from elsewhere, by its name."""
    return bool(_READS.match(_called(call.func)))


def spoken(tree: ast.Module) -> set[int]:
    """Return the ids of the constants that only people read: docstrings, messages, help and errors."""
    idle: set[int] = set()
    for node in ast.walk(tree):
        for part in _for_people(node):
            idle |= {id(one) for one in ast.walk(part) if isinstance(one, ast.Constant)}
    return idle


def _for_people(node: ast.AST) -> Iterator[ast.AST]:
    match node:
        case ast.Expr(value=ast.Constant()):
            yield node
        case ast.Raise(exc=ast.expr() as raised):
            yield raised
        case ast.Assert(msg=ast.expr() as message):
            yield message
        case ast.Call(func=function) if _called(function) in _SPEAKS:
            yield from (part for part in node.args if not isinstance(part, ast.Call | ast.Subscript))
        case ast.keyword(arg=str(name), value=value) if name in _TELLS:
            yield value
        case _:
            pass


def _called(function: ast.expr) -> str:
    match function:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return ""


def _bound(node: ast.AST) -> set[str]:
    match node:
        case ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()):
            return {name}
        case ast.arg(arg=name) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
            return {name}
        case ast.ClassDef(name=name):
            return {name}
        case ast.Import(names=names) | ast.ImportFrom(names=names):
            return {(alias.asname or alias.name).partition(".")[0] for alias in names}
    return set()


def _imported(node: ast.ImportFrom) -> set[str]:
    return {alias.asname or alias.name for alias in node.names}


def _assigned(node: ast.AST) -> list[tuple[set[str], ast.AST]]:
    """Return the names that a node binds to a value, each set with its value."""
    match node:
        case ast.Assign(targets=targets, value=value):
            return [(set().union(*map(_targets, targets)), value)]
        case ast.AnnAssign(target=target, value=ast.expr() as value):
            return [(_targets(target), value)]
        case (
            ast.AugAssign(target=target, value=value)
            | ast.NamedExpr(target=target, value=value)
            | ast.For(target=target, iter=value)
            | ast.comprehension(target=target, iter=value)
        ):
            return [(_targets(target), value)]
        case ast.withitem(context_expr=value, optional_vars=ast.expr() as target):
            return [(_targets(target), value)]
        case ast.FunctionDef(name=name):
            given = [one for one in ast.walk(node) if isinstance(one, ast.Return | ast.Yield)]
            return [({name}, one.value) for one in given if one.value is not None]
    return []


def _targets(target: ast.expr) -> set[str]:
    match target:
        case ast.Subscript(value=value):
            return _targets(value)
        case ast.Attribute(attr=name):
            return {name}
    return {one.id for one in ast.walk(target) if isinstance(one, ast.Name)}


def _put(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """Yield the texts under which a node puts something into a dictionary, each with what it puts."""
    match node:
        case ast.Dict(keys=keys, values=values):
            for one, value in zip(keys, values, strict=True):
                if isinstance(one, ast.Constant) and isinstance(one.value, str):
                    yield one.value, value
        case ast.Assign(targets=[ast.Subscript(slice=ast.Constant(value=str(key)))], value=value):
            yield key, value
        case _:
            pass


def _is_data(parts: list[ast.expr]) -> bool:
    """Say whether a container that is written out holds measured numbers."""
    numbers = [one for one in parts if isinstance(one, ast.Constant) and isinstance(one.value, float)]
    return len(numbers) >= _SEVERAL


def _reads(value: ast.AST, read: set[str], given: set[str]) -> bool:
    """Say whether an expression reads: by such a call, by a key of what is imported, or through a name."""
    for node in ast.walk(value):
        match node:
            case ast.Call(func=function) if _READS.match(_called(function)):
                return True
            case ast.Subscript(value=ast.Name(id=name)) if name in given:
                return True
            case ast.Dict(values=parts) | ast.List(elts=parts) | ast.Tuple(elts=parts) if _is_data(parts):
                return True
            case ast.Name(id=name) if name in read:
                return True
            case ast.Attribute(value=ast.Name(id="self"), attr=name) if name in read:
                return True
    return False
