"""The commands about recorded commands: options are declared here, bodies are imported when called."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from assay.cli.options import Json, RunName, StoreOption


def add_commands(app: typer.Typer) -> None:
    """Add the commands to the program."""
    app.command("exec", context_settings={"allow_interspersed_args": False}, options_metavar="[OPTIONS] --")(
        exec_command
    )
    for command in (restore, explain, parity):
        app.command()(command)


def exec_command(
    command: Annotated[
        list[str] | None,
        typer.Argument(metavar="COMMAND ...", help="The command, as it is run without Assay."),
    ] = None,
    name: Annotated[str, typer.Option("--name", help="A name for the run [default: its script].")] = "",
    trace: Annotated[
        str, typer.Option("--trace", metavar="LEVEL", help="off, steps, tensors or operators.")
    ] = "steps",
    trace_budget: Annotated[
        str,
        typer.Option(
            "--trace-budget", metavar="SHARE", help="Share of the time for the trace, or 'all' steps."
        ),
    ] = "3%",
    trace_window: Annotated[
        str | None, typer.Option("--trace-window", metavar="A:B", help="Steps whose operators are logged.")
    ] = None,
    data: Annotated[
        list[Path] | None,
        typer.Option("--data", metavar="PATH", help="A file or folder of data; may be repeated."),
    ] = None,
    output: Annotated[
        list[Path] | None,
        typer.Option("--output", metavar="PATH", help="A file or folder that is written; may be repeated."),
    ] = None,
    store: StoreOption = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="Say nothing beside the command.")] = False,
    rehash: Annotated[
        bool, typer.Option("--rehash", help="Read all data again, whatever is remembered of it.")
    ] = False,
) -> None:
    """Run a command and record it: code, data, settings, randomness, environment and each step."""
    from assay.cli.exec import execute as body

    raise typer.Exit(
        body(
            command or [],
            name=name,
            trace=trace,
            budget=trace_budget,
            window=trace_window,
            data=data or [],
            outputs=output or [],
            store_path=store,
            quiet=quiet,
            rehash=rehash,
        )
    )


def restore(
    run: RunName,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A new or empty folder.")],
    store: StoreOption = None,
    json: Json = False,
) -> None:
    """Make the files of a recorded command again in a folder, so that it runs again."""
    from assay.cli.restore import restore_run as body

    raise typer.Exit(body(run, folder, store, json=json))


def explain(
    a: Annotated[str, typer.Argument(metavar="A", help="A recorded command.")],
    b: Annotated[
        str | None, typer.Argument(metavar="[B]", help="Another one [default: A repeated now].")
    ] = None,
    store: StoreOption = None,
    locate: Annotated[
        bool, typer.Option("--locate", help="Repeat both to find the first operator that differs.")
    ] = False,
    attribute: Annotated[
        bool, typer.Option("--attribute", help="Find the smallest sets of changes that turn A into B.")
    ] = False,
    limit: Annotated[int, typer.Option("--limit", help="Re-runs at most for --attribute.")] = 60,
    json: Json = False,
) -> None:
    """Say where and why two recorded commands differ."""
    from assay.cli.explain import explain_runs as body

    raise typer.Exit(body(a, b, store, locate=locate, attribute=attribute, limit=limit, json=json))


def parity(
    a: Annotated[str, typer.Argument(metavar="A", help="file.py:function of a network; or a strategy.")],
    b: Annotated[str, typer.Argument(metavar="B", help="The other implementation.")],
    inputs: Annotated[
        list[str] | None,
        typer.Option("--input", help="Shape of an input of networks, such as float:8,3,32,32."),
    ] = None,
    maps: Annotated[
        list[str] | None, typer.Option("--map", metavar="A=B", help="Names that differ between networks.")
    ] = None,
    given_a: Annotated[
        list[str] | None, typer.Option("--a", metavar="NAME=VALUE", help="An argument of A.")
    ] = None,
    given_b: Annotated[
        list[str] | None, typer.Option("--b", metavar="NAME=VALUE", help="An argument of B.")
    ] = None,
    benchmark: Annotated[
        str | None, typer.Option("--benchmark", help="Compare search strategies on this table.")
    ] = None,
    replicates: Annotated[int, typer.Option("--replicates", help="Searches of each strategy.")] = 1000,
    evaluations: Annotated[int, typer.Option("--evaluations", help="Evaluations of each search.")] = 100,
    alpha: Annotated[float, typer.Option("--alpha", help="Rate of false alarms.")] = 0.05,
    seed: Annotated[int, typer.Option("--seed", help="Seed of inputs or searches.")] = 0,
    json: Json = False,
) -> None:
    """Say whether two implementations of a network, a training step or a strategy are the same."""
    from assay.cli.parity import parity_of_networks, parity_of_strategies

    given = (given_a or [], given_b or [])
    if benchmark is None:
        status = parity_of_networks(
            a, b, inputs=inputs or [], maps=maps or [], given=given, seed=seed, json=json
        )
    else:
        status = parity_of_strategies(
            a,
            b,
            benchmark=benchmark,
            given=given,
            replicates=replicates,
            evaluations=evaluations,
            alpha=alpha,
            seed=seed,
            json=json,
        )
    raise typer.Exit(status)
