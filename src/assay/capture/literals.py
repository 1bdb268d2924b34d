"""Takes secrets out of Python sources: string literals, found in the syntax tree by what names them.

A literal is named by what it is assigned to, passed for, keyed by, compared with or the default of,
in whatever form it is written: bytes, f-strings, triple quotes, pieces in parentheses. It is
replaced in the text by its position, so that the rest of the source stays as it was.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from itertools import pairwise

from assay.capture.secrets import REMOVED, is_named_secret, scrub, scrub_shapes
from assay.capture.syntax import parse

_FORMATTED = tuple(getattr(ast, name) for name in ("JoinedStr", "TemplateStr") if hasattr(ast, name))
# Calls that hand on the text that they are given, by the last part of their name.
_WRAPPERS = frozenset(
    (
        *("str", "bytes", "bytearray", "SecretStr", "SecretBytes", "field", "Field"),
        *("join", "encode", "decode", "strip", "dedent", "cleandoc"),
        *("fromhex", "unhexlify", "b16decode", "b32decode", "b64decode", "urlsafe_b64decode"),
    )
)
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n|$)")  # lines as Python counts them

_Span = tuple[int, int]


def scrub_source(text: str) -> str:
    """Return a Python source without its secrets; one that this Python cannot parse goes by patterns."""
    mark = "\ufeff" if text.startswith("\ufeff") else ""
    body = text.removeprefix(mark)
    try:
        tree = parse(body)
    except SyntaxError:
        return scrub(text, code=True)
    return mark + scrub(_replaced(body, _replacements(tree, body)), code=True)


def secret_texts(text: str) -> set[str]:
    """Return the texts of the literals of a Python source that are secrets for their name."""
    try:
        return {_text(literal) for literal in _secrets(parse(text.removeprefix("\ufeff")))}
    except SyntaxError:
        return set()


def _replacements(tree: ast.Module, text: str) -> dict[_Span, str]:
    """Return what stands in place of each literal that is, or holds, a secret."""
    outer = _formatted(tree)
    span = _Spans(text)
    found: dict[_Span, str] = {}
    for node in ast.walk(tree):
        if _is_literal(node) and id(node) not in outer and scrub_shapes(_text(node)) != _text(node):
            found[span(node)] = _shapeless(node, text[slice(*span(node))])
    for literal in _secrets(tree):
        whole = outer.get(id(literal), literal)
        found[span(whole)] = _removed(whole)
    return found


def _formatted(tree: ast.Module) -> dict[int, ast.AST]:
    """Return the outermost f-string around each node that is in one, by the node's id.

    A position inside an f-string is exact from Python 3.12 only, so that they go as a whole.
    """
    outer: dict[int, ast.AST] = {}
    for node in ast.walk(tree):
        if isinstance(node, _FORMATTED):
            for part in ast.walk(node):
                outer.setdefault(id(part), node)
    return outer


def _secrets(tree: ast.Module) -> Iterator[ast.expr]:
    """Yield the literals that are secrets for their name; pieces of a sum are judged as one text."""
    for name, value in _named(tree):
        if name:
            for group in _groups(value):
                if is_named_secret(name, "".join(map(_text, group))):
                    yield from (node for node in group if any(map(str.isalnum, _text(node))))


def _replaced(text: str, replacements: dict[_Span, str]) -> str:
    pieces, position = [], 0
    for (start, end), new in sorted(replacements.items()):
        pieces += [text[position:start], new]
        position = end
    return "".join([*pieces, text[position:]])


class _Spans:
    """Turns the position of a node, lines and UTF-8 columns, into places in the text."""

    def __init__(self, text: str) -> None:
        self._lines = _LINE.findall(text)
        self._starts = [0]
        for line in self._lines:
            self._starts.append(self._starts[-1] + len(line))

    def __call__(self, node: ast.AST) -> _Span:
        """Return start and end of a node in the text."""
        start = self._place(node.lineno, node.col_offset)  # type: ignore[attr-defined]
        return start, self._place(node.end_lineno, node.end_col_offset)  # type: ignore[attr-defined]

    def _place(self, line: int, column: int) -> int:
        return self._starts[line - 1] + len(self._lines[line - 1].encode()[:column].decode())


def _is_literal(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str | bytes)


def _text(node: ast.AST) -> str:
    """Return the text of a literal; of an f-string, the fixed parts of it."""
    if isinstance(node, _FORMATTED):
        return "".join(map(_text, node.values))
    value = node.value if isinstance(node, ast.Constant) else ""
    if isinstance(value, bytes):
        return value.decode("latin-1")
    return value if isinstance(value, str) else ""


def _removed(node: ast.AST) -> str:
    is_bytes = isinstance(node, ast.Constant) and isinstance(node.value, bytes)
    return repr(REMOVED.encode() if is_bytes else REMOVED)


def _shapeless(node: ast.AST, raw: str) -> str:
    """Return a literal without the tokens in it: as it is written, unless it hides them in pieces."""
    kept = scrub_shapes(raw)
    try:
        value = ast.Constant(ast.literal_eval(f"({kept})"))
    except (SyntaxError, ValueError):
        return _removed(node)
    return kept if scrub_shapes(_text(value)) == _text(value) else _removed(node)


def _named(tree: ast.Module) -> Iterator[tuple[str, ast.expr]]:
    """Yield each expression that a name stands for, with that name."""
    for node in ast.walk(tree):
        match node:
            case ast.Assign(targets=targets, value=value):
                for target in targets:
                    yield from _assigned(target, value)
            case (
                ast.AnnAssign(target=target, value=ast.expr() as value)
                | ast.AugAssign(target=target, value=value)
                | ast.NamedExpr(target=target, value=value)
            ):
                yield from _assigned(target, value)
            case ast.keyword(arg=str(name), value=value):
                yield name, value
            case ast.arguments():
                yield from _defaults(node)
            case ast.expr():
                yield from _paired(node)


def _paired(node: ast.expr) -> Iterator[tuple[str, ast.expr]]:
    """Yield what stands beside its name in an expression: keys, arguments, pairs, comparisons."""
    match node:
        case ast.Dict(keys=keys, values=values):
            yield from _keyed((key, value) for key, value in zip(keys, values, strict=True) if key)
        case ast.Call(args=args, keywords=keywords):  # setdefault("API_KEY", "..."), an option's default
            yield from _keyed(pairwise(args))
            defaults = [keyword.value for keyword in keywords if keyword.arg == "default"]
            yield from _keyed((argument, value) for argument in args for value in defaults)
        case ast.Tuple(elts=[first, second]):
            yield from _keyed([(first, second)])
        case ast.Compare(left=left, comparators=comparators):
            sides = [left, *comparators]
            for one, other in pairwise(sides):
                yield _name(one), other
                yield _name(other), one


def _assigned(target: ast.expr, value: ast.expr) -> Iterator[tuple[str, ast.expr]]:
    if (
        isinstance(target, ast.Tuple | ast.List)
        and isinstance(value, ast.Tuple | ast.List)
        and len(target.elts) == len(value.elts)
    ):
        for one, other in zip(target.elts, value.elts, strict=True):
            yield from _assigned(one, other)
    else:
        yield _name(target), value


def _name(target: ast.expr) -> str:
    match target:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case ast.Subscript(slice=ast.Constant(value=str(name))):
            return name
    return ""


def _keyed(pairs: Iterable[tuple[ast.expr, ast.expr]]) -> Iterator[tuple[str, ast.expr]]:
    for key, value in pairs:
        match key:
            case ast.Constant(value=str(name)):
                yield name.lstrip("-"), value


def _defaults(arguments: ast.arguments) -> Iterator[tuple[str, ast.expr]]:
    positional = [*arguments.posonlyargs, *arguments.args]
    after = positional[len(positional) - len(arguments.defaults) :]
    values = [*arguments.defaults, *arguments.kw_defaults]
    for argument, value in zip([*after, *arguments.kwonlyargs], values, strict=True):
        if value is not None:
            yield argument.arg, value


def _groups(value: ast.expr) -> Iterator[list[ast.expr]]:
    """Yield the literals that an expression may have as its value; those that are added, together."""
    stack = [value]
    while stack:
        node = stack.pop()
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            yield _added(node)
        elif _is_literal(node) or isinstance(node, _FORMATTED):
            yield [node]
        else:
            stack += _inner(node)


def _inner(node: ast.expr) -> list[ast.expr]:
    """Return the parts of an expression that its value may come from."""
    match node:
        case (
            ast.Tuple(elts=parts)
            | ast.List(elts=parts)
            | ast.Set(elts=parts)
            | ast.Dict(values=parts)
            | ast.BoolOp(values=parts)
        ):
            return parts
        case ast.IfExp(body=one, orelse=other) | ast.BinOp(left=one, right=other):
            return [one, other]
        case (
            ast.Lambda(body=one)
            | ast.Starred(value=one)
            | ast.Subscript(value=one)
            | ast.NamedExpr(value=one)
            | ast.Await(value=one)
        ):
            return [one]
        case ast.Call():
            return _handed_on(node)
    return []


def _added(node: ast.expr) -> list[ast.expr]:
    """Return the literals of a sum, in the order of the text."""
    found, stack = [], [node]
    while stack:
        one = stack.pop()
        if isinstance(one, ast.BinOp) and isinstance(one.op, ast.Add):
            stack += [one.right, one.left]
        else:
            found += [literal for group in _groups(one) for literal in group]
    return found


def _handed_on(call: ast.Call) -> list[ast.expr]:
    if _name(call.func) not in _WRAPPERS:
        return []
    named = [keyword.value for keyword in call.keywords if (keyword.arg or "").startswith("default")]
    on = [call.func.value] if isinstance(call.func, ast.Attribute) else []
    return [*on, *call.args, *named]
