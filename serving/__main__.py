"""Command line of the service: ``python -m serving --help``."""

from __future__ import annotations

import datetime as dt
import json
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from features.errors import FeaturesError
from scoring.errors import ScoringError
from serving.errors import ServingError

if TYPE_CHECKING:
    from serving.batch import Summary

app = typer.Typer(
    help="Score households, keep the answers, and show them.", no_args_is_help=True, add_completion=False
)
errors = Console(stderr=True)

_REGISTRY_CLIENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    # A registry that does not answer is told within a minute.
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
}

BundleDir = Annotated[Path, typer.Option(help="Folder of the model bundle")]
DatabaseUrl = Annotated[str, typer.Option(help="Database of the assessments, sqlite:////path/to/file.db")]


@app.command()
def score(
    signals: Annotated[Path, typer.Option(help="Folder that `python -m features intake` wrote")],
    as_of: Annotated[str, typer.Option(help="Date to score on, YYYY-MM-DD: only what was known then counts")],
    bundle: BundleDir,
    database: DatabaseUrl,
    health: Annotated[
        bool, typer.Option(help="Judge the deliveries first: nothing is scored from a feed that is at fault")
    ] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of a table")] = False,
) -> None:
    """Score every household registered on a date and store the answers."""
    from features.health import Deliveries, check_health
    from scoring import load_bundle
    from serving.batch import score_all
    from serving.storage import AssessmentStore, open_database

    started = time.perf_counter()
    day = _date(as_of)
    store = AssessmentStore(open_database(database))
    try:
        with Progress(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
            console=errors, disable=as_json or not sys.stderr.isatty(), transient=True,
        ) as bar:  # fmt: skip
            task = bar.add_task("signals and model", total=None)

            def tell(step: str, done: int, total: int) -> None:
                bar.update(task, description=step, completed=done, total=total or None)

            delivered, model = Deliveries.load(signals), load_bundle(bundle)
            judged = None
            if health:
                judged = check_health(
                    delivered, day, progress=lambda feed, done, total: tell(f"health: {feed}", done, total)
                )
            summary = score_all(delivered.signals, day, model, store, tell, judged)
    finally:
        store.engine.dispose()
    seconds = time.perf_counter() - started
    if as_json:
        print(json.dumps({**summary.as_json(), "seconds": round(seconds, 2)}, ensure_ascii=False))
    else:
        Console().print(_table(summary, seconds))
    if summary.blocked_feeds:
        errors.print(
            f"Blocked, and so counted as missing: {', '.join(summary.blocked_feeds)}. "
            "`python -m features health` says why and what to do.",
            style="red",
        )


@app.command()
def run(
    bundle: Annotated[Path | None, typer.Option(help="Folder of the model bundle")] = None,
    database: Annotated[str | None, typer.Option(help="Database, sqlite:////path/to/file.db")] = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on")] = None,
) -> None:
    """Run the API and the console. What is not given here is read from FANGFAN_* variables."""
    # Requests are answered by several threads; each prediction needs no threads of its own.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    import uvicorn

    from serving.app import create_app
    from serving.guard import configure_logging
    from serving.settings import Settings

    settings = Settings.from_environment(bundle_dir=bundle, database_url=database, host=host, port=port)
    service = create_app(settings)
    configure_logging()
    # The server's own access log would hold addresses, and so keys of households; `Guard` writes another.
    uvicorn.run(
        service, host=settings.host, port=settings.port, access_log=False, log_config=None,
        server_header=False, timeout_graceful_shutdown=10,
    )  # fmt: skip


@app.command()
def pull(
    registry: Annotated[str, typer.Option(help="Address of the MLflow registry")],
    out: Annotated[Path, typer.Option(help="Folder for the bundle; replaced once the new one is checked")],
    alias: Annotated[str, typer.Option(help="Which version")] = "champion",
) -> None:
    """Fetch a bundle from the registry and check it."""
    path = registry.removeprefix("sqlite:///")
    if path != registry and not Path(path).is_file():
        # The registry's own client would make an empty database there and then find nothing in it.
        raise ServingError(f"--registry: there is no file {path}")
    for name, value in _REGISTRY_CLIENT.items():
        os.environ.setdefault(name, value)
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    from scoring.registry import fetch_bundle

    try:
        with errors.status("fetching and checking the bundle"):
            fetched = fetch_bundle(alias, registry, out)
    except SQLAlchemyError:
        raise ServingError("--registry: this is not a database of MLflow") from None
    except MlflowException as error:
        said = str(error.message).splitlines()[0]
        raise ServingError(f"--registry: the registry cannot be used: {said}") from None
    print(f"{alias}: model {fetched.manifest.version} is in {out}, every check passed")


def _date(text: str) -> dt.date:
    try:
        return dt.datetime.strptime(text, "%Y-%m-%d").date()
    except ValueError:
        raise ServingError("--as-of: give a date that exists, as YYYY-MM-DD") from None


def _table(summary: Summary, seconds: float) -> Table:
    table = Table(title=f"Scored as of {summary.as_of_date} by {summary.model_version}", title_justify="left")
    table.add_column("")
    table.add_column("households", justify="right")
    table.add_row("all", f"{summary.households:,}")
    for grade, count in summary.grades.items():
        table.add_row(f"grade {grade}", f"{count:,}")
    for action, count in summary.actions.items():
        table.add_row(f"suggested {action}", f"{count:,}")
    for name, count in vars(summary.saved).items():
        table.add_row(f"stored rows {name}", f"{count:,}")
    table.add_row("concerned by a local fault of a feed", f"{summary.flagged_households:,}")
    table.caption = f"{seconds:.1f} seconds"
    return table


def main() -> None:
    """Run the command line; a refused request is one sentence and exit code 2."""
    try:
        app()
    except (ServingError, FeaturesError, ScoringError) as error:
        errors.print(str(error), style="red", highlight=False, markup=False, soft_wrap=True)
        raise SystemExit(2) from None
    except OSError as error:
        errors.print(f"{error.strerror}: {error.filename}", style="red", highlight=False, soft_wrap=True)
        raise SystemExit(2) from None


if __name__ == "__main__":
    main()
