"""Digests of syntax trees: equal for sources that differ in comments, layout or docstrings only.

The tree is written in a form of its own and not with `ast.dump`, whose output changes between
minor versions of Python: each node as its class and its fields by name, without what is empty,
without positions, and without what a parser derives (`ctx`) or only notes (`kind`, `type_comment`).
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any

from blake3 import blake3

_SCHEME = b"assay-syntax-v1\0"
_LEFT_OUT = frozenset({"ctx", "kind", "type_comment", "type_ignores"})
_DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
_READERS = frozenset({"__doc__", "getdoc"})


def syntax_digest(source: str | bytes | ast.Module, *, docstrings: bool | None = None) -> str:
    """Return the digest of a module's syntax tree, the same on every supported Python.

    Comments, layout and docstrings do not count. Docstrings do where `docstrings` says so; by
    default where the source itself reads them (`__doc__`, `getdoc`), for then they are data.
    Raises `SyntaxError` for what this Python cannot parse.
    """
    tree = source if isinstance(source, ast.Module) else parse(source)
    keep = reads_docstrings(tree) if docstrings is None else docstrings
    hasher = blake3(_SCHEME)
    for token in _tokens(tree, docstrings=keep):
        hasher.update(len(token).to_bytes(8, "little") + token)
    return hasher.hexdigest()


def parse(source: str | bytes) -> ast.Module:
    """Return the syntax tree of a module; any refusal is a `SyntaxError`."""
    try:
        return ast.parse(source)
    except (ValueError, RecursionError, MemoryError) as error:  # a null byte; nesting too deep
        raise SyntaxError(str(error) or "nested too deeply") from None


def reads_docstrings(tree: ast.Module) -> bool:
    """Say whether the code reads a docstring, so that a change of one may change what it does."""
    own = {id(node.body[0].value) for node in ast.walk(tree) if _has_docstring(node)}  # type: ignore[attr-defined]
    return any(_reads(node) for node in ast.walk(tree) if id(node) not in own)


def _reads(node: ast.AST) -> bool:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name) | ast.Constant(value=str(name)):
            return name in _READERS
        case ast.alias(name=name):
            return name in _READERS
    return False


def _has_docstring(node: ast.AST) -> bool:
    if not isinstance(node, _DOCUMENTED) or not node.body:
        return False
    match node.body[0]:
        case ast.Expr(value=ast.Constant(value=str())):
            return True
    return False


def _tokens(tree: ast.Module, *, docstrings: bool) -> Iterator[bytes]:
    """Yield the tree as tokens, depth first; a stack of our own, for sources nest deep."""
    stack: list[Any] = [tree]
    while stack:
        item = stack.pop()
        if isinstance(item, bytes):
            yield item
        elif isinstance(item, ast.AST):
            yield b"(" + type(item).__name__.encode()
            stack.append(b")")
            stack.extend(reversed(_fields(item, docstrings=docstrings)))
        elif isinstance(item, list):
            yield b"["
            stack.append(b"]")
            stack.extend(reversed(item))
        else:
            yield _constant(item)


def _fields(node: ast.AST, *, docstrings: bool) -> list[Any]:
    """Return names and values of a node's fields in turn, without the empty ones."""
    flat: list[Any] = []
    for name, field in ast.iter_fields(node):
        value = _normal(node, name, field, docstrings=docstrings)
        is_absent = value is None and not isinstance(node, ast.Constant)
        if name in _LEFT_OUT or is_absent or value == []:
            continue
        flat += [b"." + name.encode(), value]
    return flat


def _normal(node: ast.AST, name: str, value: Any, *, docstrings: bool) -> Any:
    """Return a field's value without its docstring, and with f-strings as every version splits them."""
    if name == "body" and not docstrings and _has_docstring(node):
        return value[1:]
    if name == "values" and isinstance(node, ast.JoinedStr):
        return _pieces(value)
    if (
        isinstance(node, ast.FormattedValue)
        and isinstance(value, ast.JoinedStr)
        and not _pieces(value.values)
    ):
        return None  # an empty format, as in f"{x:}"
    return value


def _pieces(values: list[ast.expr]) -> list[ast.expr]:
    """Return the parts of an f-string with its text in one piece each, as versions split it differently."""
    merged: list[ast.expr] = []
    for value in values:
        last = merged[-1] if merged else None
        if isinstance(value, ast.Constant) and isinstance(last, ast.Constant):
            merged[-1] = ast.Constant(value=str(last.value) + str(value.value))
        elif not (isinstance(value, ast.Constant) and value.value == ""):
            merged.append(value)
    return merged


def _constant(value: Any) -> bytes:
    """Return a constant with its type, so that 1, 1.0, True and '1' are four values."""
    if isinstance(value, str):
        return b"str:" + value.encode("utf-8", "surrogatepass")
    if isinstance(value, bytes):
        return b"bytes:" + value
    if type(value) is int:
        return b"int:" + hex(value).encode()  # repr refuses more than 4,300 digits
    return f"{type(value).__name__}:{value!r}".encode()
