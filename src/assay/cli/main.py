"""The command `assay`: options are declared here, bodies are imported when they are called.

Exit status: 0 if all that was asked held; 1 if a run failed, a verdict is worse than asked, or
something on disk is not what was written; 2 for a usage error; 130 after an interrupt.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from assay.cli import recorded, table_commands
from assay.cli.options import Json, RunName, StoreOption, StudyFile, Workers

app = typer.Typer(
    name="assay",
    help="Reproducible research on neural architectures, and benchmarks worth trusting.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.add_typer(table_commands.tables, name="table")


@app.callback(invoke_without_command=True)
def assay(version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    """Reproducible research on neural architectures, and benchmarks worth trusting."""
    if version:
        from importlib.metadata import version as installed

        print(f"assay {installed('assay')}")
        raise typer.Exit


@app.command()
def compare(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", help="A table: CSV, Parquet, JSON lines, MLflow or W&B export; '-' is stdin."
        ),
    ],
    method: Annotated[
        list[str] | None,
        typer.Option("--method", metavar="COL", help="Column of the methods; several are joined."),
    ] = None,
    task: Annotated[
        list[str] | None,
        typer.Option("--task", metavar="COL", help="Column of the tasks; several are joined."),
    ] = None,
    replicate: Annotated[
        list[str] | None,
        typer.Option("--replicate", metavar="COL", help="Column of the seeds or folds; several are joined."),
    ] = None,
    score: Annotated[
        list[str] | None,
        typer.Option("--score", metavar="COL", help="Column of the scores; several make the table wide."),
    ] = None,
    family: Annotated[
        str | None, typer.Option("--family", metavar="COL", help="Column of the families of tasks.")
    ] = None,
    where: Annotated[
        list[str] | None,
        typer.Option("--where", metavar="COL=VALUE", help="Read only such rows; may be repeated."),
    ] = None,
    minimize: Annotated[
        bool, typer.Option("--minimize", help="Smaller is better [default: guessed from the metric's name].")
    ] = False,
    maximize: Annotated[bool, typer.Option("--maximize", help="Larger is better.")] = False,
    paired_by: Annotated[
        str | None, typer.Option("--paired-by", metavar="SOURCE", help="What equal replicates share.")
    ] = None,
    unit: Annotated[
        str | None, typer.Option("--unit", metavar="TEXT", help="The one unit that all scores are in.")
    ] = None,
    order: Annotated[
        list[str] | None, typer.Option("--order", metavar="NAME,...", help="Methods that come first.")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", help="Folder [default: NAME-comparison].")] = None,
    json: Json = False,
) -> None:
    """Say which differences in a table of results hold, and write a table and figures for a paper."""
    from assay.analysis.reading.columns import Columns
    from assay.cli.compare import Told, conditions, direction
    from assay.cli.compare import compare_file as body

    columns = Columns(
        method=tuple(method or ()) or None,
        task=tuple(task or ()) or None,
        replicate=tuple(replicate or ()) or None,
        family=family,
        scores=tuple(score or ()),
        where=conditions(where),
    )
    told = Told(minimize=direction(minimize, maximize), paired_by=paired_by, unit=unit, order=order or ())
    raise typer.Exit(body(file, columns, told, out=out, json=json))


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


recorded.add_commands(app)


@app.command()
def register(
    study: StudyFile,
    store: StoreOption = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="File [default: NAME.registration.json beside the study].")
    ] = None,
    anchor: Annotated[
        str | None, typer.Option("--anchor", help="Outside witness: tag:NAME or timestamp:FILE.tsr.")
    ] = None,
    ca: Annotated[
        Path | None, typer.Option("--ca", help="Certificates (PEM) of the time-stamp authority.")
    ] = None,
    query: Annotated[
        Path | None, typer.Option("--query", help="Write a time-stamp query for the registration.")
    ] = None,
    json: Json = False,
) -> None:
    """Write down the plan of a study before it is run, and check who witnessed it."""
    from assay.cli.register import register_study as body

    raise typer.Exit(body(study, store, out, anchor=anchor, ca=ca, query=query, json=json))


@app.command()
def verify(
    study: Annotated[
        str, typer.Argument(metavar="STUDY|RUN", help="A study file (TOML), or a recorded command.")
    ],
    store: StoreOption = None,
    workers: Workers = None,
    sample: Annotated[int, typer.Option("--sample", help="Runs of a study to repeat, drawn by chance.")] = 30,
    seed: Annotated[int | None, typer.Option("--seed", help="Repeat an earlier draw of a study.")] = None,
    repeats: Annotated[int, typer.Option("--repeats", help="How often a command is repeated.")] = 3,
    as_recorded: Annotated[
        bool, typer.Option("--as-recorded", help="Set a command's threads and processor caps as recorded.")
    ] = False,
    until_decided: Annotated[
        bool, typer.Option("--until-decided", help="Repeat a command until the verdict is decided.")
    ] = False,
    margin: Annotated[
        str | None, typer.Option("--margin", metavar="METRIC=D", help="Equal within D, by a logged metric.")
    ] = None,
    at_least: Annotated[
        str, typer.Option("--at-least", metavar="VERDICT", help="What a command's verdict must reach.")
    ] = "identical",
    json: Json = False,
) -> None:
    """Repeat a random sample of a study's runs, or a recorded command, and say whether it is the same."""
    from assay.cli.verify import recorded_command, verify_recorded
    from assay.cli.verify import verify as body

    record = recorded_command(study, store)
    if record is None:
        raise typer.Exit(body(Path(study), store, workers, sample=sample, seed=seed, json=json))
    raise typer.Exit(
        verify_recorded(
            record,
            store,
            repeats=repeats,
            as_recorded=as_recorded,
            until_decided=until_decided,
            margin=margin,
            at_least=at_least,
            json=json,
        )
    )


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
def audit(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A study file (TOML), or a table of results.")],
    store: StoreOption = None,
    answers: Annotated[
        Path | None, typer.Option("--answers", help="Answers to the findings of a table (TOML).")
    ] = None,
    method: Annotated[
        str | None, typer.Option("--method", metavar="COL", help="Column of the methods [default: found].")
    ] = None,
    task: Annotated[
        str | None, typer.Option("--task", metavar="COL", help="Column of the tasks [default: found].")
    ] = None,
    replicate: Annotated[
        str | None, typer.Option("--replicate", metavar="COL", help="Column of the seeds or folds.")
    ] = None,
    score: Annotated[
        list[str] | None,
        typer.Option("--score", metavar="COL", help="Column of the scores; several make the table wide."),
    ] = None,
    family: Annotated[
        str | None, typer.Option("--family", metavar="COL", help="Column of the families of tasks.")
    ] = None,
    minimize: Annotated[
        bool | None,
        typer.Option("--minimize/--maximize", help="Which score is better [default: guessed from its name]."),
    ] = None,
    paired_by: Annotated[
        str | None, typer.Option("--paired-by", metavar="SOURCE", help="What equal replicates share.")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", help="Folder [default: NAME-audit].")] = None,
    json: Json = False,
) -> None:
    """Say what would make a reviewer doubt a study or a table of results, worst first."""
    from assay.analysis.reading.columns import Columns
    from assay.cli.audit import audit_file as body

    columns = Columns(method=method, task=task, replicate=replicate, family=family, scores=tuple(score or ()))
    raise typer.Exit(
        body(
            file,
            store,
            columns,
            minimize=minimize,
            paired_by=paired_by,
            answers=answers,
            out=out,
            json=json,
        )
    )


@app.command("plan-replicates")
def plan_replicates(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A study file (TOML), or a table of results as a pilot.")
    ],
    effect: Annotated[
        float, typer.Option("--effect", help="The difference that is to be seen, in the metric's unit.")
    ],
    power: Annotated[float, typer.Option("--power", help="How surely it is to be seen.")] = 0.8,
    alpha: Annotated[float, typer.Option("--alpha", help="The two-sided level of all comparisons.")] = 0.05,
    pair: Annotated[
        str | None, typer.Option("--pair", help="Two methods, as A,B [default: those of the claims, or all].")
    ] = None,
    task: Annotated[str | None, typer.Option("--task", help="Only this task.")] = None,
    store: StoreOption = None,
    json: Json = False,
) -> None:
    """Say how many replicates a wanted effect needs, from the spread of a pilot."""
    from assay.cli.plan_replicates import plan_replicates as body

    raise typer.Exit(
        body(file, store, effect=effect, power=power, alpha=alpha, pair=pair, task=task, json=json)
    )


@app.command()
def generalise(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A study file (TOML), or a table of results.")],
    method: Annotated[
        str | None, typer.Option("--method", help="This method in full [default: all, in short].")
    ] = None,
    store: StoreOption = None,
    json: Json = False,
) -> None:
    """Say where methods win and lose, and which families of tasks their standing hangs on."""
    from assay.cli.generalise import generalise as body

    raise typer.Exit(body(file, store, method=method, json=json))


@app.command()
def cheaper(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A study file (TOML), or a table of results.")],
    tolerance: Annotated[
        float, typer.Option("--tolerance", help="Share of the pairs that may be misplaced.")
    ] = 0.05,
    store: StoreOption = None,
    json: Json = False,
) -> None:
    """Say which few tasks and replicates keep the ranking of the methods, and how often they do not."""
    from assay.cli.cheaper import show_cheaper as body

    raise typer.Exit(body(file, store, tolerance=tolerance, json=json))


@app.command()
def ls(
    store: StoreOption = None,
    study: Annotated[Path | None, typer.Option("--study", help="Only the runs of this study.")] = None,
    failed: Annotated[bool, typer.Option("--failed", help="Only the runs that failed.")] = False,
    kind: Annotated[
        str | None, typer.Option("--kind", help="Only runs of this kind: search or command.")
    ] = None,
    json: Json = False,
) -> None:
    """List the recorded runs: searches and commands."""
    from assay.cli.runs import ls as body

    raise typer.Exit(body(store, study, failed=failed, kind=kind, json=json))


@app.command()
def show(
    run: RunName,
    store: StoreOption = None,
    defaults: Annotated[
        bool, typer.Option("--defaults", help="Only the values that a command's program never named.")
    ] = False,
    json: Json = False,
) -> None:
    """Show a run: its result, circumstances, and the five components."""
    from assay.cli.runs import show as body

    raise typer.Exit(body(run, store, defaults=defaults, json=json))


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


def main() -> None:
    """Run the command line; a user's mistake prints one message and no traceback."""
    from assay.foundation.errors import AssayError, StoreError

    try:
        if sys.argv[1:2] == ["exec"]:
            from assay.cli.exec import execute_quickly

            status = execute_quickly(sys.argv[2:])
            if status is not None:
                sys.exit(status)
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
