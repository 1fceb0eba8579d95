"""Pages of leads, cases and worklists at the size of a province: ``python -m benchmarks.worklists --help``.

A million assessments, fifty thousand leads in cases, and a list for each county, as a month of Chongqing
could have them. The assessments are stored without their answers: no page of these reads them. Beside the
time on the clock stands that of this process's own work: on a machine that others use, the first tells of
them.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from typing import Annotated, Any

import numpy as np
import typer
from sqlalchemy import Engine, text

from scoring.capacity import Capacity, Quota
from scoring.themes import THEMES
from serving.access import Caller, Role, Scope
from serving.cases.case import Case
from serving.cases.state import CaseState
from serving.storage import AuditLog, Run, open_database
from serving.storage.area_counts import AreaCounts, areas_of
from serving.storage.case_list import CaseFilter
from serving.storage.case_tables import case_file, case_lead
from serving.storage.cases import CaseStore
from serving.storage.leads import LeadFilter, LeadStore
from serving.storage.page_mark import read_mark
from serving.storage.tables import area_summary, model_release
from serving.storage.worklists import WorklistStore
from serving.worklists.listing import ListingDesk
from serving.worklists.making import Terms, make_worklists

RUN = Run(dt.date(2026, 10, 31), "m")
MADE_ON = dt.date(2026, 11, 1)
COUNTIES, TOWNS, VILLAGES = 38, 27, 11
PLATFORM = Caller("benchmark", Role.PLATFORM, Scope("50"))
GOALS = {"sqlite": 200.0, "postgresql": 100.0}
"""What p99 of a page may be, in milliseconds."""
COLUMNS = (
    "household_id", "as_of_date", "model_version", "village_code", "score", "grade", "suggested_action",
    "body", "written_at",
)  # fmt: skip
BODY = '{"rule_hits":[]}'


def main(
    households: Annotated[int, typer.Option(help="How many are assessed", min=10_000)] = 1_000_000,
    leads: Annotated[int, typer.Option(help="How many leads there are", min=100)] = 50_000,
    repeats: Annotated[int, typer.Option(help="Pages of each kind", min=5)] = 60,
    database: Annotated[
        str | None, typer.Option(help="An empty, migrated PostgreSQL database instead of a SQLite file")
    ] = None,
    with_plans: Annotated[bool, typer.Option("--plans", help="Print the query plans as well")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object")] = False,
) -> None:
    """Measure p50 and p99 of every page, in milliseconds, beside what is asked for."""
    with tempfile.TemporaryDirectory() as folder:
        engine = open_database(database or f"sqlite:///{folder}/s.db")
        told = measure(engine, households, leads, repeats)
        if with_plans:
            for line in plans(engine):
                print(line)
        engine.dispose()
    if as_json:
        print(json.dumps(told))
        return
    goal = GOALS[told["database"]]
    print(f"{told['database']}: {told['households']:,} households, {told['leads']:,} leads")
    print(f"{told['entries']:,} entries, made in {told['making_seconds']:.1f} s; p99 may be {goal:.0f} ms")
    for name, one in told["pages"].items():
        mark = "" if one["p99_ms"] <= goal else "  TOO SLOW"
        print(
            f"{name:28} p50 {one['p50_ms']:8.1f}   p99 {one['p99_ms']:8.1f}   own work p50 "
            f"{one['own_p50_ms']:7.1f}  p99 {one['own_p99_ms']:7.1f}{mark}"
        )


def measure(engine: Engine, households: int, leads: int, repeats: int) -> dict[str, Any]:
    """Fill a database and time its pages."""
    villages = [
        f"50{1 + county:04}{town:03}{village:03}"
        for county in range(COUNTIES)
        for town in range(TOWNS)
        for village in range(VILLAGES)
    ]
    per_village = max(1, round(households / len(villages)))
    fill_assessments(engine, villages, per_village)
    fill_leads(engine, villages, per_village, leads)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE"))
    audit = AuditLog(engine, b"b" * 32)
    cases, lists = CaseStore(engine, audit), WorklistStore(engine, audit)
    ledger, desk = LeadStore(engine, audit, cases), ListingDesk(engine, audit)
    terms = Terms.of(RUN, Capacity(Quota(share=0.01), "village"), MADE_ON, "CN-50", seed="b")
    started = time.perf_counter()
    made = make_worklists(engine, lists, PLATFORM, "50", terms)
    seconds = time.perf_counter() - started
    rng = np.random.default_rng(2)

    def some(length: int) -> str:
        return str(villages[rng.integers(len(villages))][:length])

    def official(area: str) -> Caller:
        return Caller("benchmark", Role.COUNTY_OFFICIAL, Scope(area))

    def second_page(area: str) -> None:
        caller = official(area)
        first = ledger.page(caller, LeadFilter(area=area))
        if first.after:
            day, number = read_mark(first.after, (dt.date, str))
            ledger.page(caller, LeadFilter(area=area), after=(day, number))

    levels = {"village": 12, "township": 9, "county": 6, "province": 2}
    pages: dict[str, Callable[[], Any]] = {}
    for level, length in levels.items():

        def leads_page(length: int = length) -> None:
            area = some(length)
            ledger.page(official(area), LeadFilter(area=area))

        def theme_page(length: int = length) -> None:
            area = some(length)
            ledger.page(official(area), LeadFilter(area=area, theme="illness", is_hard=True))

        def case_page(length: int = length) -> None:
            area = some(length)
            cases.list(official(area), CaseFilter(area=area))

        def list_page(length: int = length) -> None:
            area = some(length)
            lists.page(official(area), area)

        pages |= {
            f"leads, {level}": leads_page, f"leads of a theme, {level}": theme_page,
            f"cases, {level}": case_page, f"worklist, {level}": list_page,
        }  # fmt: skip
    pages["leads, next page, county"] = lambda: second_page(some(6))
    pages["disagreement, county"] = lambda: ledger.page(
        PLATFORM, LeadFilter(area=some(6), disagreement="score_only")
    )
    pages["why listed"] = lambda: desk.find(
        PLATFORM, f"H{rng.integers(len(villages))}-{rng.integers(per_village)}"
    )
    return {
        "database": engine.dialect.name, "households": per_village * len(villages), "leads": leads,
        "entries": sum(len(one.lists.entries) for one in made if one.lists), "making_seconds": seconds,
        "pages": {name: _times(asked, repeats) for name, asked in pages.items()},
    }  # fmt: skip


def _times(asked: Callable[[], Any], repeats: int) -> dict[str, float]:
    spent, own = [], []
    asked()
    for _ in range(repeats):
        started, worked = time.perf_counter(), time.process_time()
        asked()
        spent.append((time.perf_counter() - started) * 1_000)
        own.append((time.process_time() - worked) * 1_000)
    return {
        "p50_ms": statistics.median(spent), "p99_ms": float(np.quantile(spent, 0.99)),
        "own_p50_ms": statistics.median(own), "own_p99_ms": float(np.quantile(own, 0.99)),
    }  # fmt: skip


def fill_assessments(engine: Engine, villages: list[str], per_village: int) -> None:
    """A run of scores, and its counts by area."""
    rng = np.random.default_rng(1)
    now = dt.datetime.now(dt.UTC)
    areas: dict[str, AreaCounts] = {}
    with engine.begin() as connection:
        release = {"version": "m", "manifest_sha256": "0" * 64, "horizon_months": 12, "first_used_at": now}
        connection.execute(model_release.insert().values(release))
    stamp = now.isoformat(timespec="microseconds")
    for start in range(0, len(villages), 200):
        rows: list[tuple[Any, ...]] = []
        for at in range(start, min(start + 200, len(villages))):
            village = villages[at]
            rows += [
                (f"H{at}-{n}", RUN.as_of_date.isoformat(), "m", village, score, "low", "routine", BODY, stamp)
                for n, score in enumerate(rng.beta(1, 40, per_village).tolist())
            ]
            for area in areas_of(village):
                areas.setdefault(area, AreaCounts()).add(AreaCounts(per_village))
        _copy(engine, rows)
    with engine.begin() as connection:
        connection.execute(
            area_summary.insert(),
            [
                {
                    "area_code": area, "as_of_date": RUN.as_of_date, "model_version": "m",
                    "counts": one.as_json(), "revision": 1,
                }
                for area, one in areas.items()
            ],
        )  # fmt: skip


def _copy(engine: Engine, rows: list[tuple[Any, ...]]) -> None:
    """Rows by the driver itself: a million by the way of objects take minutes."""
    names = ", ".join(COLUMNS)
    raw = engine.raw_connection()
    try:
        cursor: Any = raw.cursor()
        if engine.dialect.name == "sqlite":
            cursor.execute("BEGIN IMMEDIATE")
            marks = ", ".join("?" * len(COLUMNS))
            cursor.executemany(f"INSERT INTO assessment ({names}) VALUES ({marks})", rows)
            cursor.execute("COMMIT")
        else:
            with cursor.copy(f"COPY assessment ({names}) FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
            raw.commit()
    finally:
        raw.close()


def fill_leads(engine: Engine, villages: list[str], per_village: int, count: int) -> None:
    """Leads of a year, of which two thirds have a case of their own."""
    rng = np.random.default_rng(3)
    now = dt.datetime.now(dt.UTC)
    states = [CaseState.FOUND, CaseState.ALERTED, CaseState.VERIFYING, CaseState.HELPING, CaseState.FOLLOWING]
    codes = ("serious_illness", "severe_accident", "out_of_work", "score", "gap_water")
    opened: dict[str, tuple[str, str]] = {}
    cases, leads = [], []
    for n in range(count):
        at = int(rng.integers(len(villages)))
        household = f"H{at}-{int(rng.integers(max(1, per_village * 2 // 3)))}"
        day = RUN.as_of_date - dt.timedelta(days=int(rng.integers(365)))
        theme = str(rng.choice(THEMES))
        if household not in opened:
            opened[household] = (f"{len(opened):032x}", villages[at])
            cases.append(
                _case_row(opened[household][0], household, villages[at], day, theme, states, rng, now)
            )
        code = str(rng.choice(codes))
        leads.append({
            "id": f"{int(rng.integers(2**62)):x}{n:x}", "case_id": opened[household][0],
            "household_id": household,
            "village_code": villages[at], "channel": "score" if code == "score" else "department",
            "source": "health", "code": code, "theme": theme, "occurred_on": day, "known_on": day,
            "received_at": now, "facts": {"causes": ["01"], "grade": "high", "score": 0.4},
            "is_hard": int(code != "score"), "event_key": f"{n:064x}", "dedup_key": f"{n:064x}",
        })  # fmt: skip
    for table, rows in ((case_file, cases), (case_lead, leads)):
        for start in range(0, len(rows), 5_000):
            with engine.begin() as connection:
                connection.execute(table.insert(), rows[start : start + 5_000])


def _case_row(
    number: str, household: str, village: str, day: dt.date, theme: str, states: list[CaseState],
    rng: np.random.Generator, now: dt.datetime,
) -> dict[str, Any]:  # fmt: skip
    names = {one for one in Case.__dataclass_fields__ if one in case_file.c}
    given = {
        "id": number, "household_id": household, "village_code": village,
        "state": states[int(rng.integers(len(states)))].value, "version": 1, "practice": "default@2020-01-01",
        "opened_on": day, "entered_on": day, "grade": 1 + int(rng.integers(3)), "theme": theme,
        "is_hard": int(rng.random() < 0.3), "disagreement": "score_only" if rng.random() < 0.05 else None,
        "causes": ["01"], "is_without_labour": 0, "is_green_lane": 0, "relapses": 0,
        "owner": "village_official", "due_on": day + dt.timedelta(days=15), "changed_at": now,
    }  # fmt: skip
    return {name: value for name, value in given.items() if name in names or name in case_file.c}


def plans(engine: Engine) -> Iterator[str]:
    """How the database reads the pages: each statement that was sent, with its plan."""
    from sqlalchemy import event

    sent: list[tuple[str, Any]] = []

    def note(_: Any, __: Any, statement: str, given: Any, *___: Any) -> None:
        if statement.startswith("SELECT") and ("case_lead" in statement or "worklist" in statement):
            sent.append((statement, given))

    event.listen(engine, "before_cursor_execute", note)
    audit = AuditLog(engine, b"b" * 32)
    ledger, lists = LeadStore(engine, audit, CaseStore(engine, audit)), WorklistStore(engine, audit)
    for area in ("500001001001", "500001001", "500001", "50"):
        caller = Caller("benchmark", Role.COUNTY_OFFICIAL, Scope(area))
        ledger.page(caller, LeadFilter(area=area))
        lists.page(caller, area)
    event.remove(engine, "before_cursor_execute", note)
    explain = "EXPLAIN QUERY PLAN" if engine.dialect.name == "sqlite" else "EXPLAIN"
    with engine.connect() as connection:
        for statement, given in sent:
            yield " ".join(statement.split())[:160]
            with contextlib.suppress(Exception):
                for row in connection.exec_driver_sql(f"{explain} {statement}", given):
                    yield f"    {row[-1]}"


if __name__ == "__main__":
    typer.run(main)
