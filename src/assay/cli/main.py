"""The command `assay`: options are declared here, bodies are imported when they are called.

Exit status: 0 if all that was asked held; 1 if a run failed, a verdict is worse than asked, or
something on disk is not what was written; 2 for a usage error; 130 after an interrupt.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    name="assay",
    help="Reproducible research on neural architectures, and benchmarks worth trusting.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
tables = typer.Typer(
    help="Import and list tables of published results.", no_args_is_help=True, rich_markup_mode=None
)
app.add_typer(tables, name="table")

StudyFile = Annotated[Path, typer.Argument(metavar="STUDY", help="A study file (TOML).")]
StoreOption = Annotated[
    Path | None, typer.Option("--store", help="Folder of records [default: ASSAY_STORE, or .assay].")
]
Workers = Annotated[int | None, typer.Option("--workers", help="Worker processes [default: one a core].")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]


@app.callback(invoke_without_command=True)
def assay(version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    """Reproducible research on neural architectures, and benchmarks worth trusting."""
    if version:
        from importlib.metadata import version as installed

        print(f"assay {installed('assay')}")
        raise typer.Exit


@app.command()
def init(path: Annotated[Path, typer.Argument(metavar="FILE")] = Path("study.toml")) -> None:
    """Write a commented study file to start from."""
    from assay.cli.init import init as body

    raise typer.Exit(body(path))


@app.command()
def run(
    study: StudyFile,
    store: StoreOption = None,
    workers: Workers = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would run, why, and its cost.")
    ] = False,
    rerun_on: Annotated[
        str | None, typer.Option("--rerun-on", help="'arithmetic': repeat cells of another arithmetic.")
    ] = None,
    json: Json = False,
) -> None:
    """Run what is due of a study. Running again does nothing; after an interrupt it goes on."""
    from assay.cli.run import run as body

    raise typer.Exit(body(study, store, workers, dry_run=dry_run, rerun_on=rerun_on, json=json))


@app.command()
def verify(
    study: StudyFile,
    store: StoreOption = None,
    workers: Workers = None,
    sample: Annotated[int, typer.Option("--sample", help="Runs to repeat, drawn by chance.")] = 30,
    seed: Annotated[int | None, typer.Option("--seed", help="Repeat an earlier draw.")] = None,
    json: Json = False,
) -> None:
    """Repeat a random sample of a study's runs in fresh processes, and check what it stands on."""
    from assay.cli.verify import verify as body

    raise typer.Exit(body(study, store, workers, sample=sample, seed=seed, json=json))


@app.command()
def report(
    study: StudyFile,
    store: StoreOption = None,
    out: Annotated[Path | None, typer.Option("--out", help="Folder [default: NAME-report].")] = None,
    json: Json = False,
) -> None:
    """Write the report of a study: one HTML file, its JSON, and the figures."""
    from assay.cli.report import report as body

    raise typer.Exit(body(study, store, out, json=json))


@app.command()
def ls(
    store: StoreOption = None,
    study: Annotated[Path | None, typer.Option("--study", help="Only the runs of this study.")] = None,
    failed: Annotated[bool, typer.Option("--failed", help="Only the runs that failed.")] = False,
    json: Json = False,
) -> None:
    """List the recorded runs."""
    from assay.cli.runs import ls as body

    raise typer.Exit(body(store, study, failed=failed, json=json))


@app.command()
def show(
    run: Annotated[str, typer.Argument(metavar="RUN")], store: StoreOption = None, json: Json = False
) -> None:
    """Show a run: its result, circumstances, and the five components."""
    from assay.cli.runs import show as body

    raise typer.Exit(body(run, store, json=json))


@app.command()
def diff(
    a: Annotated[str, typer.Argument(metavar="A")],
    b: Annotated[str, typer.Argument(metavar="B")],
    store: StoreOption = None,
    json: Json = False,
) -> None:
    """Show only what differs between two runs."""
    from assay.cli.runs import diff as body

    raise typer.Exit(body(a, b, store, json=json))


@app.command()
def doctor(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER")] = Path(),
    store: StoreOption = None,
    json: Json = False,
) -> None:
    """Say what on this machine stands in the way of identical results."""
    from assay.cli.doctor import doctor as body

    raise typer.Exit(body(folder, store, json=json))


@tables.command("import")
def table_import(
    family: Annotated[str, typer.Argument(metavar="FAMILY", help="Such as nas-bench-graph.")],
    json: Json = False,
) -> None:
    """Bring a family of tables from its installed package into the cache."""
    from assay.cli.tables import import_tables as body

    raise typer.Exit(body(family, json=json))


@tables.command("ls")
def table_ls(json: Json = False) -> None:
    """List the benchmarks, and which are imported."""
    from assay.cli.tables import list_tables as body

    raise typer.Exit(body(json=json))


@tables.command("show")
def table_show(benchmark: Annotated[str, typer.Argument(metavar="BENCHMARK")], json: Json = False) -> None:
    """Show the protocol card of a benchmark: what its numbers mean."""
    from assay.cli.tables import show_card as body

    raise typer.Exit(body(benchmark, json=json))


def main() -> None:
    """Run the command line; a user's mistake prints one message and no traceback."""
    from assay.foundation.errors import AssayError, StoreError

    try:
        app()
    except AssayError as error:
        from assay.cli.output import fail

        fail(error)
        sys.exit(error.exit_status)
    except OSError as error:
        if isinstance(error, BrokenPipeError):
            # Whoever read our output has gone, such as `head`; nothing is wrong here.
            sys.stderr.close()
            sys.exit(0)
        from assay.cli.output import fail

        fail(StoreError(error.strerror or str(error), where=error.filename and str(error.filename)))
        sys.exit(1)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(130)
