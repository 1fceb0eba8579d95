"""A small country: places by their parents, households and jobs in them with planted marks, and callers.

Nothing here asks the code who may see what. Whether a place lies in another is read from `PARENTS`, and what a
role may do from `MAY`, both written down by hand.
"""

from __future__ import annotations

import copy
import datetime as dt
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from fastapi import FastAPI
from sqlalchemy import update

from serving.access import EVERYWHERE, Caller, Role, Scope
from serving.bulk import JobFolders, Mode, Order, ResultKind, RowPolicy
from serving.bulk.refused import SCHEMA
from serving.cases.correction import Refusal
from serving.cases.lead import make_lead
from serving.cases.list_making import Lists
from serving.cases.visit import read_visit
from serving.cases.worklist import Cut, Entry, Why
from serving.identity import Kind, Person
from serving.jobs import JobQueue, JobState
from serving.settings import Settings
from serving.storage import AssessmentStore, KeyStore
from serving.storage.cases import CaseStore
from serving.storage.corrections import CorrectionStore
from serving.storage.leads import LeadStore
from serving.storage.tables import job as job_table
from serving.storage.visits import VisitStore
from serving.storage.worklists import WorklistStore, new_worklist
from tests.serving.conftest import VERSION

COUNTRY = "*"
PARENTS = {
    "50": COUNTRY, "51": COUNTRY,
    "5009": "50", "5008": "50", "5101": "51",
    "500999": "5009", "500998": "5009", "500899": "5008", "510199": "5101",
    "500999100": "500999", "500999101": "500999", "500998100": "500998", "500899100": "500899",
    "510199100": "510199",
    "500999100201": "500999100", "500999100202": "500999100", "500999101201": "500999101",
    "500998100201": "500998100", "500899100201": "500899100", "510199100201": "510199100",
}  # fmt: skip
VILLAGES = tuple(one for one in PARENTS if one not in set(PARENTS.values()))
HERE, FAR = "500999100201", "510199100201"

READERS = {
    "platform", "province_official", "county_official", "township_official", "village_official", "helper",
}  # fmt: skip
MAY = {
    "read": READERS,
    "send": {"platform"},
    "job": {"platform"},
    "lead": READERS,
    "person": READERS - {"platform"},
    "reveal": {"township_official", "village_official", "helper"},
    "know": READERS | {"scientist", "auditor", "accounts", "monitor"},
    "watch": {"monitor"},
    "vector": {"platform", "scientist"},
    "move": {"county_official", "township_official", "village_official", "helper"},
    "visit": {"township_official", "village_official", "helper"},
    "plan": {"county_official", "township_official", "village_official"},
    "deliver": {"county_official", "township_official", "village_official", "helper"},
    "review": {"province_official", "county_official", "township_official"},
    "own": READERS | {"scientist", "auditor", "accounts", "monitor"},
    "accounts": {"accounts"},
    "audit": {"auditor"},
    "system": {"scientist", "auditor", "accounts", "monitor"},
}
"""What is done with a route, and the roles that may."""
FOR_PEOPLE = {"own", "move", "person", "visit", "plan", "deliver", "review", "accounts", "audit"}
"""What only somebody who is signed in may do."""

NO_ROLE = "no role"

ROLE_AREAS: dict[str, tuple[str | None, ...]] = {
    "platform": (
        COUNTRY, "50", "5009", "500999", "500999100", HERE, "500999100202", "500999101", "500998", "5008",
        "51",
    ),
    "province_official": ("50", "51"),
    "county_official": ("5009", "500999", "500998", "5008", "510199"),
    "township_official": ("500999100", "500999101", "510199100"),
    "village_official": (HERE, "500999100202", "500999101201", FAR),
    "helper": (HERE, "500999100202", FAR),
    "scientist": (None,),
    "auditor": (None,),
    "accounts": (None,),
    "monitor": (None,),
}  # fmt: skip
JOB_AREAS = (COUNTRY, "50", "500999", HERE, "500998", "51")
JOB_STATES = (JobState.QUEUED, JobState.SUCCEEDED, JobState.FAILED)
TODAY, BEFORE, LONG_AGO = "2026-10-31", "2026-09-30", "2026-08-31"
DATES = {"current": (TODAY,), "followed": (BEFORE, TODAY), "old": (LONG_AGO,)}
"""The states of a household, and the dates that it is assessed on."""
NAME, PHONE = "甲", "13800138000"
"""How every head of household is called, with the village's mark; one household a village has the phone."""
CORRECTIONS: dict[str, str] = {}
"""Village → a correction there that was refused; `stock` fills it."""
TWICE = "H-TWICE"
"""A key that two areas have stored, `HERE` and `FAR`."""


def is_inside(place: str, area: str | None) -> bool:
    """Whether a place is the area or lies in it, by the parents."""
    at: str | None = place
    while at is not None:
        if at == area:
            return True
        at = PARENTS.get(at)
    return False


def mark(place: str) -> str:
    return f"MARK<{place}>".replace("<", "-").replace(">", "-")


@dataclass(frozen=True)
class Household:
    """A stored household; `villages` are those that hold it."""

    key: str
    villages: tuple[str, ...]
    dates: tuple[str, ...]


@dataclass(frozen=True)
class Sender:
    """Somebody who asks. `role` is `None` where what they show is not in force, or there is nothing, and
    `NO_ROLE` where it is nobody's here. `is_signed_in`: with a session."""

    name: str
    role: str | None
    area: str | None
    headers: dict[str, str]
    is_signed_in: bool = False


HOUSEHOLDS = (
    *(Household(f"H-{village}-{state}", (village,), DATES[state]) for village in VILLAGES for state in DATES),
    Household(TWICE, (HERE, FAR), (TODAY,)),
)


def stock(app: FastAPI, settings: Settings, statement: dict[str, Any]) -> dict[tuple[str, JobState], str]:
    """Store every household and job; answers the jobs' numbers by area and state."""
    store = app.state.store
    store.save_release(VERSION, "0" * 64, 12)
    everywhere = Caller("stock", Role.PLATFORM, EVERYWHERE)
    for village in VILLAGES:
        for state in DATES:
            said = {Kind.NAME: f"{NAME}{mark(village)}"} | ({Kind.PHONE: PHONE} if state == "current" else {})
            app.state.identities.put(everywhere, f"H-{village}-{state}", village, [Person("head", said)])
    for one in HOUSEHOLDS:
        for village in one.villages:
            bodies = []
            for date in one.dates:
                body = copy.deepcopy(statement)
                body |= {"household_id": one.key, "as_of_date": date}
                body["monitoring_line"]["source"] = mark(village)
                bodies.append(body)
            store.save(bodies, [village] * len(bodies), Scope(village))
    stock_leads_and_lists(store, everywhere)
    queue, folders = JobQueue(store.engine, most_open=1_000), JobFolders(settings.jobs_folder)
    order = Order(dt.date.fromisoformat(TODAY), Mode.COMMIT, RowPolicy.PER_ROW, ResultKind.CSV, ())
    numbers = {}
    for area in JOB_AREAS:
        for state in JOB_STATES:
            with queue.writer.begin() as connection:
                job = queue.enqueue(
                    connection, "score", order.as_json(), dt.timedelta(hours=1),
                    area_code="" if area == COUNTRY else area,
                )  # fmt: skip
                if state is not JobState.QUEUED:
                    outcome = {"model_version": mark(area), "result_bytes": 1}
                    values = {"state": state, "finished_at": queue.now(), "outcome": outcome}
                    connection.execute(update(job_table).where(job_table.c.id == job.id).values(values))
            folder = folders.of(job.id)
            folder.path.mkdir()
            folder.result(ResultKind.CSV).write_text(mark(area), encoding="utf-8")
            row = [pa.array([one]) for one in ("household", 0, "household_id", "missing", mark(area), "")]
            pq.write_table(pa.table(row, names=SCHEMA.names).cast(SCHEMA), folder.errors)
            numbers[area, state] = job.id
    return numbers


def stock_corrections(app: FastAPI) -> None:
    """A correction in each village, with the village's mark in it, that was proposed and refused by others."""
    engine, audit = app.state.store.engine, app.state.store.audit
    then = dt.datetime(2024, 5, 5, 4, tzinfo=dt.UTC)
    visits = VisitStore(engine, audit, CaseStore(engine, audit), lambda: then)
    corrections = CorrectionStore(engine, audit)
    everywhere = Caller("stock", Role.TOWNSHIP_OFFICIAL, EVERYWHERE)
    for village in VILLAGES:
        key = f"H-{village}-old"
        row = {"occurred_on": "2024-05-01", "member_id": mark(village), "is_subsidised": False}
        document = {
            "submission_key": f"stock-visit-{village}", "visited_on": "2024-05-05", "finding": "no_difficulty",
            "corrections": [{"feed": "insurance", "row": row}],
        }  # fmt: skip
        visits.record(everywhere, "pstock00001", key, read_visit(document, key, dt.date(2024, 5, 5)))
    for one in corrections.list(everywhere, limit=100).items:
        corrections.review(everywhere, "pstock00002", one.id, refusal=Refusal.NO_PROOF)
        CORRECTIONS[one.village_code] = one.id


def stock_cases(app: FastAPI) -> dict[str, str]:
    """Open a case in every village, of a household that bears its mark; answers the cases' ids by village."""
    store = CaseStore(app.state.store.engine, app.state.store.audit)
    numbers = {}
    for village in VILLAGES:
        with store.writer.begin() as connection:
            case = store.open_in(
                connection, household_id=f"{mark(village)}CASE", village_code=village,
                opened_on=dt.date.fromisoformat(TODAY), grade=1, theme="illness", is_hard=True,
                disagreement=None, causes=[],
            )  # fmt: skip
        numbers[village] = case.id
    return numbers


def stock_leads_and_lists(store: AssessmentStore, everywhere: Caller) -> None:
    """A marked lead in each village, and a list with one marked entry a village for each county."""
    day = dt.date.fromisoformat(TODAY)
    audit = store.audit
    assert audit is not None
    leads = LeadStore(store.engine, audit, CaseStore(store.engine, audit))
    leads.add(
        everywhere,
        [
            make_lead(
                f"H-{village}-current", village, "serious_illness", mark(village), occurred_on=day,
                known_on=day, region="CN-50",
            )
            for village in VILLAGES
        ],
        on=day,
    )  # fmt: skip
    lists = WorklistStore(store.engine, audit)
    for county in sorted({village[:6] for village in VILLAGES}):
        cuts = {
            (village, ""): Cut(
                (Entry(f"H-{village}-followed", village, mark(village), 1, Why.SCORE, 0.1),), 1, 0, 0.1, 0,
                (), {},
            )
            for village in VILLAGES
            if village.startswith(county)
        }  # fmt: skip
        made = new_worklist(county, day, day, VERSION, leads.now())
        terms = {"revisit_days": 90, "is_by_grid": False, "lists": Lists(cuts, 0, 0).told()}
        lists.save(everywhere, made, Lists(cuts, 0, 0), terms)


def make_senders(app: FastAPI) -> list[Sender]:
    """One caller for each role and area, and everybody whose key is not in force."""
    store = KeyStore(app.state.store.engine)
    day = dt.timedelta(days=1)

    def header(key: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {key}"}

    made = []
    for role, areas in ROLE_AREAS.items():
        for area in areas:
            key, _ = store.add(Role(role), area, "test", day)
            made.append(Sender(f"key of {role} of {area}", role, area, header(key.text)))
    sound, _ = store.add(Role.PLATFORM, COUNTRY, "test", day)
    ended, _ = store.add(Role.PLATFORM, COUNTRY, "test", day)
    store.revoke(ended.key_id)
    then = KeyStore(store.engine, now=lambda: dt.datetime(2025, 1, 1, tzinfo=dt.UTC))
    past, _ = then.add(Role.PLATFORM, COUNTRY, "test", day)
    other = "A" if sound.secret[0] != "A" else "B"
    for name, headers in {
        "nobody": {"Authorization": ""},
        "basic": {"Authorization": "Basic dXNlcjp3b3Jk"},
        "unknown": header(f"ff_{'0' * 12}_{sound.secret}"),
        "wrong secret": header(f"ff_{sound.key_id}_{other}{sound.secret[1:]}"),
        "revoked": header(ended.text),
        "expired": header(past.text),
    }.items():
        made.append(Sender(name, None, None, headers))
    return made
