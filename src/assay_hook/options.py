"""Options that a program was given, from the parsers of command lines and configurations.

argparse, click (and Typer over it) and Hydra. Each is patched where it was just imported.
"""

from __future__ import annotations

import _thread
from typing import Any

from . import imports, rows
from .secrets import REMOVED, is_named_secret, scrub

_LENGTH = 2000  # characters of a text that are kept
_SETTINGS = 5000  # settings of one parser
_DEPTH = 12
_local = _thread._local()
_originals: list[tuple[Any, str, Any]] = []


def install() -> None:
    """Watch the parsers."""
    imports.after_import("argparse", _watch_argparse)
    imports.after_import("click.core", _watch_click)
    imports.after_import("hydra.core.utils", _watch_hydra)


def uninstall() -> None:
    """Put back what was patched."""
    while _originals:
        owner, name, original = _originals.pop()
        setattr(owner, name, original)


def _patch(owner: Any, name: str, replacement: Any) -> None:
    original = getattr(owner, name)
    for attribute in ("__module__", "__name__", "__qualname__", "__doc__"):
        setattr(replacement, attribute, getattr(original, attribute, None))
    replacement.__wrapped__ = original
    _originals.append((owner, name, original))
    setattr(owner, name, replacement)


# -- Telling ------------------------------------------------------------------------------------------------


def tell(path: str, value: Any, source: str, named: bool | None, where: str) -> None:
    """Write one setting, without secrets; the last part of the path is the name that says what it is."""
    plain = clean(path.rpartition(".")[2], rows.plain(value))
    row = {"k": "setting", "path": path, "value": plain, "source": source, "named": named, "where": where}
    rows.write(row)


def clean(name: str, value: Any) -> Any:
    """Return a plain value without its secrets, long text cut short."""
    if isinstance(value, str):
        shown = REMOVED if is_named_secret(name, value) else scrub(value)
        return shown if len(shown) <= _LENGTH else shown[:_LENGTH] + "..."
    if isinstance(value, dict):
        return {scrub(key): clean(key, inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [clean(name, inner) for inner in value]
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return REMOVED if is_named_secret(name, str(value)) else value
    return value


# -- argparse -----------------------------------------------------------------------------------------------


def _watch_argparse(argparse: Any) -> None:
    parser_class = argparse.ArgumentParser
    get_values = parser_class._get_values

    def _get_values(self: Any, action: Any, arg_strings: Any) -> Any:
        given = getattr(_local, "given", None)
        if given is not None and (action.option_strings or arg_strings):
            given.add(action.dest)
        try:
            return get_values(self, action, arg_strings)
        except BaseException as error:
            rows.hide(error)
            raise

    _patch(parser_class, "_get_values", _get_values)
    for name in ("parse_known_args", "parse_known_intermixed_args"):
        _patch(parser_class, name, _telling(getattr(parser_class, name)))


def _telling(parse: Any) -> Any:
    """Return a method of a parser that tells what it found; of one parser inside another, the outer tells."""

    def telling(self: Any, args: Any = None, namespace: Any = None, **more: Any) -> Any:
        outermost = getattr(_local, "given", None) is None
        if outermost:
            _local.given = set()
        given: set[str] = _local.given
        try:
            result = parse(self, args, namespace, **more)
        except BaseException as error:
            rows.hide(error)
            raise
        finally:
            if outermost:
                _local.given = None
        if outermost:
            _tell_arguments(result[0], given)
        return result

    return telling


@rows.guarded
def _tell_arguments(namespace: Any, given: set[str]) -> None:
    with rows.spend():
        where = rows.where()
        for name, value in list(vars(namespace).items())[:_SETTINGS]:
            if not name.startswith("_"):
                tell(f"arguments.{name}", value, "arguments", name in given, where)


# -- click --------------------------------------------------------------------------------------------------


def _watch_click(core: Any) -> None:
    command_class = core.Command
    parse = command_class.parse_args

    def parse_args(self: Any, ctx: Any, args: Any) -> Any:
        try:
            result = parse(self, ctx, args)
        except BaseException as error:
            rows.hide(error)
            raise
        _tell_context(self, ctx)
        return result

    _patch(command_class, "parse_args", parse_args)


@rows.guarded
def _tell_context(command: Any, context: Any) -> None:
    with rows.spend():
        where = rows.where()
        parts, above = [], context
        while getattr(above, "parent", None) is not None:
            parts.append(str(above.info_name))
            above = above.parent
        prefix = ".".join(["arguments", *reversed(parts)])
        hidden = {each.name for each in command.params if getattr(each, "hide_input", False)}
        for name, value in list(context.params.items())[:_SETTINGS]:
            shown = REMOVED if name in hidden else value
            tell(f"{prefix}.{name}", shown, "arguments", _is_given(context, name), where)


def _is_given(context: Any, name: str) -> bool | None:
    """Say whether a parameter was given, on the command line, in a variable or when asked for."""
    find = getattr(context, "get_parameter_source", None)
    source = getattr(find(name) if find is not None else None, "name", "")
    known = {"DEFAULT": False, "COMMANDLINE": True, "ENVIRONMENT": True, "PROMPT": True}
    return known.get(source)


# -- Hydra --------------------------------------------------------------------------------------------------


def _watch_hydra(utils: Any) -> None:
    run = utils.run_job

    def run_job(*given: Any, **named: Any) -> Any:
        config = named.get("config", given[1] if len(given) > 1 else None)
        _tell_configuration(config)
        try:
            return run(*given, **named)
        except BaseException as error:
            rows.hide(error)
            raise

    _patch(utils, "run_job", run_job)


@rows.guarded
def _tell_configuration(config: Any) -> None:
    """Write a composed configuration without Hydra's own part, its interpolations as they are written.

    To resolve them would call functions of the program, which may draw or ask the clock.
    """
    import omegaconf

    with rows.spend():
        where = rows.where()
        tree = omegaconf.OmegaConf.to_container(config, resolve=False, throw_on_missing=False)
        leaves: list[tuple[str, Any]] = []
        if isinstance(tree, dict):
            tree.pop("hydra", None)
            _flatten("hydra", tree, leaves)
        for path, value in leaves[:_SETTINGS]:
            tell(path, value, "configuration", None, where)


def _flatten(path: str, value: Any, leaves: list[tuple[str, Any]], depth: int = 0) -> None:
    if isinstance(value, dict) and value and depth < _DEPTH:
        for key, inner in value.items():
            _flatten(f"{path}.{key}", inner, leaves, depth + 1)
    else:
        leaves.append((path, value))
