"""Commands about leads: those of a run, and warnings of clusters."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from features.policy import DEFAULT_REGION
from features.screen import show_table
from serving.access.commands import OPERATOR, AsJson, AuditKeyFile, opened
from serving.errors import ServingError
from serving.operating import DatabaseOption

if TYPE_CHECKING:
    from serving.leads.clusters import Clusters
    from serving.leads.from_run import RunLeads
    from serving.storage import Run

leads = typer.Typer(name="leads", help="Leads: those of a scored run.", no_args_is_help=True)

AreaOption = Annotated[str, typer.Option(help="Area code")]
RegionOption = Annotated[str, typer.Option(help="Policy region whose numbers hold")]


@leads.command("from-run")
def from_run(
    database: DatabaseOption,
    area: Annotated[str, typer.Option(help="Area code, at least a province's")],
    as_of: Annotated[str | None, typer.Option(help="The run's date; the latest if left out")] = None,
    model: Annotated[str | None, typer.Option(help="The run's model; the one of most households")] = None,
    on: Annotated[str | None, typer.Option(help="Day on which cases are opened; today if left out")] = None,
    region: RegionOption = DEFAULT_REGION,
    audit_key_file: AuditKeyFile = None,
    as_json: AsJson = False,
) -> None:
    """Turn a stored run into leads: every threshold that was reached, and every high score.

    Nothing is added twice; a run that was broken off goes on when it is started again.
    """
    from serving.cases.clocks import china_today
    from serving.leads.from_run import add_run_leads
    from serving.storage.cases import CaseStore
    from serving.storage.leads import LeadStore
    from serving.storage.runs import get_run

    with opened(database, audit_key_file) as (store, log):
        log.check_key()
        engine = store.engine
        run = get_run(engine, check_area("--area", area), day_of("--as-of", as_of), model)
        ledger = LeadStore(engine, log, CaseStore(engine, log), region)
        made = add_run_leads(engine, ledger, OPERATOR, run, on=day_of("--on", on) or china_today(), area=area)
    if as_json:
        print(json.dumps(made.as_json()))
        return
    table = Table(title=f"Leads as of {run.as_of_date} by {run.model_version}", title_justify="left")
    table.add_column("")
    table.add_column("count", justify="right")
    for name, value in list(made.as_json().items())[2:]:
        table.add_row(name.replace("_", " "), f"{value:,}")
    show_table(table)


def leads_of_run(
    database: str,
    audit_key_file: Path | None,
    run: Run,
    region: str,
    progress: Callable[[str, int, int], None],
) -> RunLeads:
    """The leads of a run that was just stored, for the command that scored it."""
    from serving.cases.clocks import china_today
    from serving.leads.from_run import add_run_leads
    from serving.storage.cases import CaseStore
    from serving.storage.leads import LeadStore

    with opened(database, audit_key_file) as (store, log):
        log.check_key()
        ledger = LeadStore(store.engine, log, CaseStore(store.engine, log), region)
        return add_run_leads(store.engine, ledger, OPERATOR, run, on=china_today(), progress=progress)


def clusters(
    database: DatabaseOption,
    area: AreaOption,
    as_of: Annotated[str | None, typer.Option(help="Last day that is looked at; today if left out")] = None,
    region: RegionOption = DEFAULT_REGION,
    is_all: Annotated[bool, typer.Option("--all", help="Also what is as expected")] = False,
    as_json: AsJson = False,
) -> None:
    """Warn of townships with more new events of a theme than their past and their county let expect."""
    from serving.cases.clocks import china_today
    from serving.leads.clusters import find_clusters
    from serving.storage import open_database

    engine = open_database(database)
    try:
        last = day_of("--as-of", as_of) or china_today()
        made = find_clusters(engine, check_area("--area", area), last, region)
    finally:
        engine.dispose()
    shown = [one for one in made.found if is_all or one.is_warning]
    if as_json:
        told = {
            "as_of": made.as_of.isoformat(), "since": made.since.isoformat(), **vars(made.rules),
            "judged": list(made.judged), "unjudged": list(made.unjudged),
            "clusters": [one.as_json() for one in shown],
        }  # fmt: skip
        print(json.dumps(told))
        return
    show_table(_table(made, is_all))


def _table(made: Clusters, is_all: bool) -> Table:
    table = Table(title=f"New events from {made.since} to {made.as_of}", title_justify="left")
    for heading in ("township", "theme", "events", "expected", "95 %", "p"):
        table.add_column(heading)
    for one in made.found:
        if is_all or one.is_warning:
            table.add_row(
                one.area_code, one.theme, str(one.observed), f"{one.expected:.1f}", f"{one.low}–{one.high}",
                f"{one.p_value:.2g}",
            )  # fmt: skip
    assumed = " (assumptions)" if made.rules.is_assumption else ""
    table.caption = (
        f"{len(made.judged)} counties judged, {len(made.unjudged)} with too little past; "
        f"{100 * made.rules.false_share:.0f} % of warnings may be false{assumed}"
    )
    return table


def check_area(option: str, area: str) -> str:
    """The area code that an option gives; raises `ServingError` for what is none."""
    from features.errors import FeaturesError
    from features.regions import check_area_code

    try:
        return check_area_code(area)
    except FeaturesError as error:
        raise ServingError(f"{option}: {error}") from None


def day_of(option: str, text: str | None) -> dt.date | None:
    """The day that an option gives, if any; raises `ServingError` for what is none."""
    try:
        return dt.datetime.strptime(text, "%Y-%m-%d").date() if text else None
    except ValueError:
        raise ServingError(f"{option}: give a date that exists, as YYYY-MM-DD") from None
