"""Commands about worklists: make them, the grids they are cut by, and estimate whom they miss."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from features.policy import DEFAULT_REGION
from features.screen import show_table
from serving.command import (
    OPERATOR,
    AsJson,
    AuditKeyFile,
    DatabaseOption,
    opened,
    opened_database,
    opened_log,
)
from serving.errors import ServingError
from serving.leads.commands import AreaOption, RegionOption, check_area, day_of

if TYPE_CHECKING:
    from serving.worklists.making import Made
    from serving.worklists.missed import CountyMissed

worklists = typer.Typer(name="worklists", help="Whom to visit: the lists of an area.", no_args_is_help=True)

MOST_TOLD = 100


@worklists.command()
def make(
    database: DatabaseOption,
    area: AreaOption,
    as_of: Annotated[str | None, typer.Option(help="The run's date; the latest if left out")] = None,
    model: Annotated[str | None, typer.Option(help="The run's model; the one of most households")] = None,
    made_on: Annotated[str | None, typer.Option(help="Day of the lists; today if left out")] = None,
    bundle: Annotated[
        Path | None, typer.Option(help="Folder of the bundle that scored, if no store of models has it")
    ] = None,
    share: Annotated[
        float | None, typer.Option(help="Share of the households that can be visited, instead of the model's")
    ] = None,
    is_by_grid: Annotated[bool, typer.Option("--by-grid", help="A list for each grid of a village")] = False,
    random_share: Annotated[
        float | None, typer.Option(help="Visits by lot, as a share of the others; the policy's if left out")
    ] = None,
    seed: Annotated[str | None, typer.Option(help="Draw the lot of an earlier list again")] = None,
    region: RegionOption = DEFAULT_REGION,
    is_dry: Annotated[bool, typer.Option("--dry-run", help="Keep nothing: tell what would be")] = False,
    audit_key_file: AuditKeyFile = None,
    as_json: AsJson = False,
) -> None:
    """Cut the lists of an area's villages to what can be visited, and draw some households by lot beside
    them.

    An area has one making a day; made again it stays as it is. A province's is made county by county, and
    goes on where it was broken off.
    """
    from serving.cases.clocks import china_today
    from serving.settings import Settings
    from serving.storage.runs import get_run
    from serving.storage.worklists import WorklistStore
    from serving.worklists.capacity import get_capacity
    from serving.worklists.making import Terms, make_worklists

    if random_share is not None and not 0 <= random_share <= 1:
        raise ServingError("--random-share: give a share from 0 to 1")
    check_area("--area", area)
    settings = Settings.of_command(database, audit_key_file=audit_key_file)
    with opened_log(settings) as (store, log):
        log.check_key()
        run = get_run(store.engine, area, day_of("--as-of", as_of), model)
        folders = [bundle] if bundle else settings.bundle_folders
        terms = Terms.of(
            run, get_capacity(run.model_version, share, folders),
            day_of("--made-on", made_on) or china_today(), region,
            random_share=random_share, seed=seed, is_by_grid=is_by_grid,
        )  # fmt: skip
        lists = WorklistStore(store.engine, log)
        made = make_worklists(store.engine, lists, OPERATOR, area, terms, is_dry=is_dry)
    if as_json:
        told = {
            "made_on": terms.made_on.isoformat(), "as_of_date": run.as_of_date.isoformat(),
            "model_version": run.model_version, "is_dry_run": is_dry, **terms.as_json(),
            "areas": [one.as_json() for one in made],
        }  # fmt: skip
        print(json.dumps(told))
        return
    title = f"Lists of {terms.made_on} as of {run.as_of_date}{' (nothing kept)' if is_dry else ''}"
    show_table(_made_table(title, made))


@worklists.command()
def grids(
    source: Annotated[Path, typer.Argument(help=".csv, .xlsx or .parquet")],
    database: DatabaseOption,
    audit_key_file: AuditKeyFile = None,
    as_json: AsJson = False,
) -> None:
    """Take in which grid of its village each household lies in, from a table.

    Columns: household_id, village_code, grid (empty: in none any more). Whoever is not in the table stays
    where they are. Sound rows are kept whatever the others are. Exit code 1 where rows were refused.
    """
    from serving.storage.grids import GridStore
    from serving.worklists.grid_table import import_grids

    with opened(database, audit_key_file) as (store, log):
        log.check_key()
        made = import_grids(GridStore(store.engine, log), OPERATOR, source)
    if as_json:
        errors = [one.as_json() for one in made.errors]
        print(json.dumps({**made.as_json(), "errors": errors}, ensure_ascii=False))
    else:
        print(", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in made.as_json().items()))
        for one in made.errors[:MOST_TOLD]:
            print(f"- row {one.row}, {one.field}: {one.code}: {one.way_out_zh} / {one.way_out}")
        if len(made.errors) > MOST_TOLD:
            print(f"and {len(made.errors) - MOST_TOLD} more: --json lists all")
    raise typer.Exit(1 if made.errors else 0)


def audit_misses(
    database: DatabaseOption,
    area: AreaOption,
    since: Annotated[str | None, typer.Option(help="First day of visits by lot; a year ago")] = None,
    until: Annotated[str | None, typer.Option(help="Last day; today")] = None,
    grace_months: Annotated[
        int,
        typer.Option(help="Identified so many months after the visit is not missed", min=0, max=24),
    ] = 3,
    as_json: AsJson = False,
) -> None:
    """Estimate by county how many households in difficulty nobody found, from the visits drawn by lot."""
    from features.dates import months_before
    from serving.cases.clocks import china_today
    from serving.worklists.missed import audit_misses as estimate

    check_area("--area", area)
    now = china_today()
    last = day_of("--until", until) or now
    first = day_of("--since", since) or months_before(last, 12)
    if first > last:
        raise ServingError("--since: give a day on or before --until")
    with opened_database(database) as engine:
        made = estimate(engine, area, first, last, today=now, grace_months=grace_months)
    if as_json:
        told = {
            "since": first.isoformat(), "until": last.isoformat(), "grace_months": grace_months,
            "counties": [one.as_json() for one in made],
        }  # fmt: skip
        print(json.dumps(told))
        return
    show_table(_missed_table(made))


def _made_table(title: str, made: list[Made]) -> Table:
    table = Table(title=title, title_justify="left")
    headings = (
        "area",
        "households",
        "visits",
        "always",
        "by score",
        "nothing known",
        "by lot",
        "above capacity",
        "tied",
        "left out",
    )
    for heading in headings:
        table.add_column(heading, justify="left" if heading == "area" else "right")
    for one in made:
        told = one.as_json()
        if one.lists is None:
            table.add_row(one.area_code, "made before", *[""] * (len(headings) - 2))
            continue
        numbers = [
            told["households"], told["visits"], told["hard"], told["score"], told["unheard"],
            told["random"],
            sum(cut["above_capacity"] for cut in told["lists"]),
            sum(cut["tied_unlisted"] for cut in told["lists"]),
            sum(sum(cut["left_out"].values()) for cut in told["lists"]),
        ]  # fmt: skip
        table.add_row(one.area_code, *(f"{number:,}" for number in numbers))
    return table


def _missed_table(made: list[CountyMissed]) -> Table:
    table = Table(title="Missed, estimated from visits by lot", title_justify="left")
    for heading in ("county", "visits", "met", "in difficulty", "missed", "95 %", "of households"):
        table.add_column(heading)
    for one in made:
        found = one.missed
        if found is None:
            table.add_row(one.county, "too early", *[""] * 5)
            continue
        ends = f"{found.missed.low:.0f}–{found.missed.high:.0f}"
        table.add_row(
            one.county, str(found.visits), str(found.met), str(found.found), f"{found.missed.value:.0f}",
            ends, f"{found.population:,.0f}",
        )  # fmt: skip
    return table
