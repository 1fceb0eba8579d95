"""Commands that score: every household of a database, a whole province, and the bundle that it takes."""

from __future__ import annotations

import datetime as dt
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from features.screen import show_table
from serving.command import AuditKeyFile, DatabaseOption, RegistryOption, RegistrySeconds, SigningKeys
from serving.errors import ServingError
from serving.leads.commands import leads_of_run

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from pyspark.sql import SparkSession

    from scoring import Bundle
    from serving.batch import Summary
    from serving.province import ProvinceRun

CHAMPION = "champion"

errors = Console(stderr=True)


def score(
    signals: Annotated[Path, typer.Option(help="Folder that `python -m features intake` wrote")],
    as_of: Annotated[str, typer.Option(help="Date to score on, YYYY-MM-DD: only what was known then counts")],
    database: DatabaseOption,
    bundle: Annotated[
        Path | None, typer.Option(help="Folder of a model bundle; if not given, the model in service")
    ] = None,
    health: Annotated[
        bool, typer.Option(help="Judge the deliveries first: nothing is scored from a feed that is at fault")
    ] = True,
    kept_models: Annotated[
        Path | None,
        typer.Option(envvar="FANGFAN_KEPT_MODELS_DIR", help="Folder that keeps every model that scored"),
    ] = None,
    is_to_leads: Annotated[
        bool, typer.Option("--leads", help="Turn the run into leads as well (`leads from-run`)")
    ] = False,
    signing_keys: SigningKeys = None,
    audit_key_file: AuditKeyFile = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of a table")] = False,
) -> None:
    """Score every household registered on a date and store the answers."""
    from features.health import Deliveries, check_health
    from serving.batch import score_all
    from serving.kept_models import KeptModels
    from serving.storage import AssessmentStore, Run, open_database
    from serving.storage.corrections import approved_corrections

    started = time.perf_counter()
    day = _date(as_of)
    store = AssessmentStore(open_database(database))
    try:
        with _progress(shown=not as_json) as tell:
            delivered = Deliveries.load(signals)
            model, folder = _given_or_in_service(bundle, database, signing_keys)
            KeptModels(kept_models).keep(folder)
            judged = None
            if health:
                judged = check_health(
                    delivered, day, progress=lambda feed, done, total: tell(f"health: {feed}", done, total)
                )
            corrected = approved_corrections(store.engine)
            summary = score_all(delivered.signals, day, model, store, tell, judged, corrected)
            found = None
            if is_to_leads:
                found = leads_of_run(
                    database, audit_key_file, Run(day, model.manifest.version), model.manifest.region, tell
                )
    finally:
        store.engine.dispose()
    seconds = time.perf_counter() - started
    if as_json:
        told = {**summary.as_json(), "seconds": round(seconds, 2)}
        if found is not None:
            told["leads"] = found.as_json()
        print(json.dumps(told, ensure_ascii=False))
    else:
        show_table(_table(summary, seconds))
        if found is not None:
            added = found.added
            Console().print(f"{added.new:,} new leads, {added.cases_opened:,} cases opened")
    _tell_nothing_known(summary.nothing_known)
    if summary.blocked_feeds:
        errors.print(
            f"Blocked, and so counted as missing: {', '.join(summary.blocked_feeds)}. "
            "`python -m features health` says why and what to do.",
            style="red",
        )


class Engine(StrEnum):
    """What works the vectors out."""

    DUCKDB = "duckdb"
    SPARK = "spark"


def score_province(
    signals: Annotated[Path, typer.Option(help="Folder that `python -m features intake` wrote")],
    as_of: Annotated[str, typer.Option(help="Date to score on, YYYY-MM-DD: only what was known then counts")],
    out: Annotated[Path, typer.Option(help="Empty folder, or one of an unfinished run, which is continued")],
    model: Annotated[
        str, typer.Option(help="Folder of a bundle, or `champion`: the registry's, or the service's own")
    ] = CHAMPION,
    registry: Annotated[
        str | None, typer.Option(help="Address of the MLflow registry that has the champion")
    ] = None,
    registry_seconds: RegistrySeconds = 60,
    signing_keys: SigningKeys = None,
    engine: Annotated[
        Engine, typer.Option(help="duckdb on this machine, or an existing Spark")
    ] = Engine.DUCKDB,
    health: Annotated[
        bool, typer.Option(help="Judge the deliveries first: nothing is scored from a feed that is at fault")
    ] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of a table")] = False,
) -> None:
    """Score a whole province on a date into Parquet files by county, with a summary by area."""
    from serving.province import score_province as run_province

    started = time.perf_counter()
    day = _date(as_of)
    with _progress(shown=not as_json) as tell:
        tell("model", 0, 0)
        bundle, folder = _bundle(model, registry, out, signing_keys, registry_seconds)
        if engine is Engine.SPARK:
            from serving.province.spark import score_province_on_spark

            session = _spark_session()
            made = score_province_on_spark(session, signals, day, folder, out, health=health, progress=tell)
        else:
            made = run_province(signals, day, bundle, out, health=health, progress=tell)
    seconds = time.perf_counter() - started
    if as_json:
        told = {
            "out": str(made.out), "households": made.households, "buckets": made.buckets,
            "resumed": made.resumed, "seconds": round(seconds, 2), "stages": made.stages,
            "province": made.summary["province"], "blocked_feeds": made.summary["blocked_feeds"],
        }  # fmt: skip
        print(json.dumps(told, ensure_ascii=False))
    else:
        show_table(_province_table(made, seconds))
    _tell_nothing_known(made.summary["province"]["nothing_known"])
    if made.summary["blocked_feeds"]:
        errors.print(
            f"Blocked, and so counted as missing, in {len(made.summary['blocked_feeds'])} counties: "
            "`python -m features health` says why and what to do.",
            style="red",
        )


def pull(
    registry: RegistryOption,
    out: Annotated[Path, typer.Option(help="Folder for the bundle; replaced once the new one is checked")],
    alias: Annotated[str, typer.Option(help="Which version")] = CHAMPION,
    seconds: RegistrySeconds = 60,
    signing_keys: SigningKeys = None,
) -> None:
    """Fetch a bundle from the registry and check it."""
    with errors.status("fetching and checking the bundle"):
        fetched = _fetch(alias, registry, out, signing_keys, seconds)
    print(f"{alias}: model {fetched.manifest.version} is in {out}, every check passed")


def _fetch(alias: str, registry: str, out: Path, signing_keys: Path | None, seconds: int) -> Bundle:
    from serving.models.registry import pull_bundle

    return pull_bundle(registry, alias, out, _keys(signing_keys), float(seconds))


def _given_or_in_service(
    bundle: Path | None, database: str | None, signing_keys: Path | None
) -> tuple[Bundle, Path]:
    """The bundle of a folder, or else the one in service, and where it lies."""
    from serving.models.service_models import bundle_in_service, load_signed

    if bundle is None:
        return bundle_in_service(database, signing_keys)
    return load_signed(bundle, _keys(signing_keys)), bundle


def _keys(signing_keys: Path | None) -> Sequence[Ed25519PublicKey]:
    from scoring.signature import load_public_keys

    return load_public_keys(signing_keys) if signing_keys else ()


def _bundle(
    model: str, registry: str | None, out: Path, signing_keys: Path | None, seconds: int
) -> tuple[Bundle, Path]:
    """The bundle that is asked for, and where it lies."""
    from serving.settings import Settings

    if model != CHAMPION:
        return _given_or_in_service(Path(model), None, signing_keys)
    if registry is None:
        # The one bundle of a service without a store needs no database that says which.
        own = Settings.of_command("")
        if own.bundle_dir is None and own.models_dir is None:
            raise ServingError(
                "--model champion: say --registry, or set FANGFAN_MODELS_DIR or FANGFAN_BUNDLE_DIR as the "
                "service has it"
            )
        return _given_or_in_service(own.bundle_dir if own.models_dir is None else None, None, signing_keys)
    # Beside the run's files and hidden from their readers, with the tables that are made of it.
    folder = out / ".model" / CHAMPION
    folder.parent.mkdir(parents=True, exist_ok=True)
    return _fetch(CHAMPION, registry, folder, signing_keys, seconds), folder


def _spark_session() -> SparkSession:
    try:
        from pyspark.sql import SparkSession
    except ImportError:
        raise ServingError("--engine spark: pyspark is not installed; `make spark` installs it") from None
    return SparkSession.builder.appName("fangfan-province").getOrCreate()


@contextmanager
def _progress(*, shown: bool) -> Iterator[Callable[[str, int, int], None]]:
    """A bar on a terminal; elsewhere nothing."""
    with Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
        console=errors, disable=not shown or not sys.stderr.isatty(), transient=True,
    ) as bar:  # fmt: skip
        task = bar.add_task("signals and model", total=None)

        def tell(step: str, done: int, total: int) -> None:
            bar.update(task, description=step, completed=done, total=total or None)

        yield tell


def _date(text: str) -> dt.date:
    from serving.cases.clocks import china_today

    try:
        day = dt.datetime.strptime(text, "%Y-%m-%d").date()
    except ValueError:
        raise ServingError("--as-of: give a date that exists, as YYYY-MM-DD") from None
    if day > china_today():
        raise ServingError(f"--as-of {day}: nothing is known on a day to come; give today at the latest")
    return day


def _tell_nothing_known(households: int) -> None:
    if households:
        errors.print(
            f"Of {households:,} households nothing is known: every department's feed is missing or out of "
            "date. They have no score, and that is no low risk. `python -m features health` says why.",
            style="red",
        )


def _table(summary: Summary, seconds: float) -> Table:
    table = Table(title=f"Scored as of {summary.as_of_date} by {summary.model_version}", title_justify="left")
    table.add_column("")
    table.add_column("households", justify="right")
    table.add_row("all", f"{summary.households:,}")
    table.add_row("nothing known, no score", f"{summary.nothing_known:,}")
    for grade, count in summary.grades.items():
        table.add_row(f"grade {grade}", f"{count:,}")
    for action, count in summary.actions.items():
        table.add_row(f"suggested {action}", f"{count:,}")
    for name, count in summary.saved.counts.items():
        table.add_row(f"stored rows {name}", f"{count:,}")
    table.add_row("concerned by a local fault of a feed", f"{summary.flagged_households:,}")
    table.caption = f"{seconds:.1f} seconds"
    return table


def _province_table(made: ProvinceRun, seconds: float) -> Table:
    province = made.summary["province"]
    table = Table(
        title=f"Scored as of {made.summary['as_of_date']} by {made.summary['model_version']}",
        title_justify="left",
    )
    table.add_column("")
    table.add_column("households", justify="right")
    table.add_row("all", f"{made.households:,}")
    table.add_row("nothing known, no score", f"{province['nothing_known']:,}")
    for grade, count in province["grades"].items():
        table.add_row(f"grade {grade}", f"{count:,}")
    for action, count in province["actions"].items():
        table.add_row(f"suggested {action}", f"{count:,}")
    table.caption = f"{seconds:.1f} seconds; {made.resumed} of {made.buckets} buckets were there"
    return table
