"""Commands about cases: list them, what is overdue and who is told, whose risk may be back, the moves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from features.screen import show_table
from serving.access.caller import Caller
from serving.access.scope import ALL_AREAS, Scope
from serving.cases.state import CaseState
from serving.command import OPERATOR, AsJson, AuditKeyFile, DatabaseOption, opened

if TYPE_CHECKING:
    import datetime as dt

    from serving.cases.case import Case
    from serving.storage.case_list import CaseFilter

MOST_CASES = 10_000
PAGE = Path("docs/explanation/cases.md")

cases = typer.Typer(
    name="cases", help="Cases: list, overdue, relapses, diagram of moves.", no_args_is_help=True
)

AreaOption = Annotated[str, typer.Option(help=f"Area code; '{ALL_AREAS}' for everywhere")]
LimitOption = Annotated[int, typer.Option(help="How many at most", min=1, max=MOST_CASES)]


@cases.command("list")
def list_cases(
    database: DatabaseOption,
    area: AreaOption = ALL_AREAS,
    state: Annotated[CaseState | None, typer.Option(help="Of one state alone")] = None,
    limit: LimitOption = 100,
    audit_key_file: AuditKeyFile = None,
    as_json: AsJson = False,
) -> None:
    """List cases, the nearest deadline first. That they were read is logged."""
    from serving.storage.case_list import CaseFilter

    _tell(database, audit_key_file, area, CaseFilter(states=(state,) if state else ()), limit, as_json)


@cases.command()
def overdue(
    database: DatabaseOption,
    area: AreaOption = ALL_AREAS,
    limit: LimitOption = 100,
    audit_key_file: AuditKeyFile = None,
    as_json: AsJson = False,
) -> None:
    """List what is overdue, the longest first, and the level that is told of it."""
    from serving.storage.case_list import CaseFilter, Due

    _tell(database, audit_key_file, area, CaseFilter(due=Due.OVERDUE), limit, as_json)


@cases.command()
def relapses(
    database: DatabaseOption,
    area: AreaOption = ALL_AREAS,
    limit: LimitOption = 100,
    audit_key_file: AuditKeyFile = None,
    as_json: AsJson = False,
) -> None:
    """List resolved cases with a new lead or a higher grade since: to be looked at, nothing is changed."""
    from serving.storage.elimination import EliminationStore

    caller = Caller(OPERATOR.key_id, OPERATOR.role, Scope.of(area))
    with opened(database, audit_key_file) as (keys, log):
        log.check_key()
        page = EliminationStore(keys.engine, log).relapse_watch(caller, limit=limit)
    told = [
        {
            "case_id": one.case.id, "household_id": one.case.household_id, "area_code": one.case.village_code,
            "closed_on": one.case.closed_on.isoformat() if one.case.closed_on else None,
            "signs": list(one.signs), "new_leads": one.new_leads,
            "grade_then": one.grade_then, "grade_now": one.grade_now,
        }
        for one in page.items
    ]  # fmt: skip
    if as_json:
        print(json.dumps({"total": page.total, "cases": told}, ensure_ascii=False))
        return
    table = Table(title=f"{page.total:,} resolved cases to look at", title_justify="left")
    for heading in ("case", "household", "area", "resolved on", "new leads", "grade then", "grade now"):
        table.add_column(heading)
    for line in told:
        table.add_row(
            str(line["case_id"]), *(str(line[key] or "–") for key in (
                "household_id", "area_code", "closed_on", "new_leads", "grade_then", "grade_now",
            )),
        )  # fmt: skip
    show_table(table)


@cases.command()
def diagram(
    write: Annotated[
        Path | None, typer.Option(help=f"Write it into a page that has the marks, such as {PAGE}")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Draw the table of moves (Mermaid), or write it with its tables into a page."""
    from serving.cases.diagram import diagram as drawn
    from serving.cases.diagram import put_into

    if write is not None:
        write.write_text(put_into(write.read_text(encoding="utf-8")), encoding="utf-8")
    print(json.dumps({"mermaid": drawn()}, ensure_ascii=False) if as_json else drawn())


def _tell(
    database: str, audit_key_file: Path | None, area: str, asked: CaseFilter, limit: int, as_json: bool
) -> None:
    from serving.storage.cases import CaseStore

    caller = Caller(OPERATOR.key_id, OPERATOR.role, Scope.of(area))
    with opened(database, audit_key_file) as (keys, log):
        log.check_key()
        store = CaseStore(keys.engine, log)
        page, today = store.list(caller, asked, limit), store.today
    told = [_entry(one, today) for one in page.items]
    if as_json:
        print(json.dumps({"total": page.total, "cases": told}, ensure_ascii=False))
        return
    table = Table(title=f"{page.total:,} cases", title_justify="left")
    for heading in ("case", "household", "area", "state", "owner", "due", "days left", "told"):
        table.add_column(heading)
    for one in told:
        table.add_row(
            one["case_id"], one["household_id"], one["area_code"], one["state"], one["owner"],
            one["due_on"] or "–", "–" if one["days_left"] is None else str(one["days_left"]),
            one["escalated_to"] or "–",
        )  # fmt: skip
    show_table(table)


def _entry(case: Case, today: dt.date) -> dict[str, Any]:
    from serving.cases.clocks import standing_of

    stands = standing_of(case.due_on, today, case.owner, case.village_code) if case.due_on else None
    return {
        "case_id": case.id,
        "household_id": case.household_id,
        "area_code": case.village_code,
        "state": case.state.value,
        "version": case.version,
        "grade": case.grade,
        "theme": case.theme,
        "owner": case.owner,
        "opened_on": case.opened_on.isoformat(),
        "due_on": case.due_on.isoformat() if case.due_on else None,
        "days_left": stands.days_left if stands else None,
        "escalated_to": stands.escalated_to if stands else None,
    }
