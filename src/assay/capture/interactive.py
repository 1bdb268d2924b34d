"""The source of code that stands in no file: a notebook, an interactive session, standard input."""

from __future__ import annotations

import ast
import linecache
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import BuiltinFunctionType, CodeType, FrameType, FunctionType, ModuleType
from typing import Any

from assay.capture.closure import syntax_error
from assay.foundation.errors import CodeError

_TO_A_FILE = "move the code to a file and name it as 'file.py:Name'"


def refuse_unnamed(component: Any) -> None:
    """Raise `CodeError` for what is no class or function, and for a lambda."""
    if not isinstance(component, type | FunctionType):
        raise CodeError(
            f"a {type(component).__name__} cannot be identified",
            why="only classes and functions have a source",
            hint="pass the class or function, and its arguments as hyperparameters",
        )
    if component.__name__ == "<lambda>":
        raise CodeError("a lambda cannot be identified", hint="give it a name with def")


def refuse_held(component: type | FunctionType) -> None:
    """Raise `CodeError` for what holds values of the function around it, which no source shows."""
    held = sorted({name for function in _functions(component) for name in function.__code__.co_freevars})
    held = [name for name in held if name != "__class__"]  # what `super()` needs
    if held:
        raise CodeError(
            f"'{component.__qualname__}' cannot be identified",
            why=f"it takes {', '.join(held)} from the function around it",
            hint="define it at the top of a file, and pass such values as hyperparameters",
        )


def object_sources(component: type | FunctionType) -> dict[str, bytes]:
    """Return the source of a class or function, and of all that it uses of its own module.

    Raises `CodeError` where there is no source, and where it uses a global value that is neither
    code nor a plain constant.
    """
    sources: dict[str, bytes] = {}
    _collect(component, component.__qualname__, sources)
    return dict(sorted(sources.items()))


def frame_sources(frame: FrameType) -> dict[str, bytes]:
    """Return the source of the cell that a frame runs, and of the code of other cells that it uses."""
    lines = linecache.getlines(frame.f_code.co_filename, frame.f_globals)
    if not lines:
        raise CodeError(
            "the code that runs here cannot be identified",
            where=frame.f_code.co_filename,
            why="Python does not keep the source of what is typed or piped in",
            hint="write it to a file and run that",
        )
    cell = "".join(lines)
    sources = {"<cell>": cell.encode()}
    try:
        code = compile(cell, "<cell>", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    except SyntaxError as error:
        raise syntax_error(Path(frame.f_code.co_filename), error) from None
    for name in sorted(_names(code)):
        value = frame.f_globals.get(name)
        if isinstance(value, type | FunctionType) and value.__module__ == frame.f_globals.get("__name__"):
            _collect(value, name, sources)
        elif _is_constant(value) and not name.startswith("__"):
            sources[f"<{name}>"] = f"{name} = {value!r}".encode()
    return dict(sorted(sources.items()))


def _collect(component: type | FunctionType, name: str, sources: dict[str, bytes]) -> None:
    """Add the source of `component`, and of the code of its module that it uses, to `sources`."""
    key = f"<{name}>"
    if key in sources:
        return
    sources[key] = _source(component).encode()
    for scope, used in _globals_used(component):
        value = scope[used]
        if isinstance(value, type | FunctionType):
            if value.__module__ == component.__module__:
                refuse_unnamed(value)
                refuse_held(value)
                _collect(value, used, sources)
        elif _is_constant(value):
            sources[f"<{used}>"] = f"{used} = {value!r}".encode()
        elif not isinstance(value, ModuleType | BuiltinFunctionType):
            raise CodeError(
                f"'{component.__qualname__}' cannot be identified",
                why=f"it uses the global '{used}', a {type(value).__name__} whose content no source shows",
                hint=_TO_A_FILE,
            )


def _source(component: type | FunctionType) -> str:
    """Return the source of a function, or of a class by way of one of its methods.

    `inspect` finds a class through the file of its module, which a notebook does not have.
    """
    for function in _functions(component):
        lines = linecache.getlines(function.__code__.co_filename)
        source = _definition("".join(lines), component.__qualname__)
        if source:
            return source
    raise CodeError(
        f"'{component.__qualname__}' cannot be identified",
        why="Python does not keep the source of what is typed or piped in, nor of a class without methods",
        hint=_TO_A_FILE,
    )


def _definition(source: str, qualname: str) -> str | None:
    """Return the text of the last definition of a dotted name in a source, decorators included."""
    try:
        body: list[ast.stmt] = ast.parse(source).body
    except SyntaxError:  # a line of a notebook that is not Python
        return None
    found: ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef | None = None
    for name in qualname.split("."):
        kinds = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
        same = [node for node in body if isinstance(node, kinds) and node.name == name]
        if not same:
            return None
        found = same[-1]
        body = found.body
    if found is None:
        return None
    first = min([found.lineno, *(decorator.lineno for decorator in found.decorator_list)])
    return textwrap.dedent("".join(source.splitlines(keepends=True)[first - 1 : found.end_lineno]))


def _functions(component: type | FunctionType) -> Iterator[FunctionType]:
    """Yield a function, or the functions that a class defines."""
    if isinstance(component, FunctionType):
        yield component
        return
    for value in vars(component).values():
        unwrapped = [value, *(getattr(value, name, None) for name in ("__func__", "fget", "fset", "fdel"))]
        yield from (item for item in unwrapped if isinstance(item, FunctionType))


def _globals_used(component: type | FunctionType) -> Iterator[tuple[Mapping[str, Any], str]]:
    """Yield the module's globals and each name of it that the component's code may read."""
    for function in _functions(component):
        for name in sorted(_names(function.__code__)):
            if name in function.__globals__:
                yield function.__globals__, name
    if isinstance(component, type):
        for base in component.__bases__:
            if base.__module__ == component.__module__:
                yield {base.__name__: base}, base.__name__


def _names(code: CodeType) -> set[str]:
    """Return the global and attribute names of a code object and of those inside it."""
    names = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            names |= _names(constant)
    return names


def _is_constant(value: Any) -> bool:
    if isinstance(value, tuple):
        return all(map(_is_constant, value))
    return type(value) in (bool, int, float, complex, str, bytes)
