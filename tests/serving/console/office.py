"""A running service of two villages with cases, a worklist with households drawn by lot, identities and people."""

from __future__ import annotations

import datetime as dt
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI
from sqlalchemy import Row, select

from serving.access import EVERYWHERE, Caller, Role
from serving.access.passwords import Passwords
from serving.api.score_request import RequestReader
from serving.app import create_app
from serving.cases.run_leads import find_run_leads
from serving.identity import Kind, Person
from serving.identity.keyring import new_ring, save_ring
from serving.identity.suites import Suite
from serving.settings import Settings
from serving.storage.case_tables import case_file, household_grid, visit, worklist, worklist_entry
from serving.storage.leads import LeadStore
from tests.serving.conftest import VERSION, a_household, a_request

TOWN, HERE, THERE = "500999100", "500999100201", "500999100202"
PASSWORD = "Visit-them-all-1"
PEOPLE = {
    "village": (Role.VILLAGE_OFFICIAL, HERE),
    "visitor": (Role.VILLAGE_OFFICIAL, HERE),
    "neighbour": (Role.VILLAGE_OFFICIAL, THERE),
    "township": (Role.TOWNSHIP_OFFICIAL, TOWN),
    "county": (Role.COUNTY_OFFICIAL, "500999"),
}
COUNT, ELSEWHERE = 34, 4
"""Households of the own village, and of the other one."""
LISTED = range(6)
"""Numbers of the households on the worklist; the first two were drawn by lot, and none has a case."""
DRAWN = range(2)
OPENED_DAYS_AGO = 4


def key(number: int) -> str:
    return f"H{number:03}"


class Office:
    """The service at an address, and what lies in its database."""

    def __init__(self, app: FastAPI, address: str) -> None:
        self.app = app
        self.address = address

    @property
    def today(self) -> dt.date:
        today: dt.date = self.app.state.work.my_list.today()
        return today

    def visits(self, household_id: str) -> list[Row[Any]]:
        with self.app.state.store.engine.connect() as connection:
            return list(connection.execute(select(visit).where(visit.c.household_id == household_id)))

    def case(self, household_id: str) -> Row[Any]:
        query = select(case_file).where(case_file.c.household_id == household_id)
        with self.app.state.store.engine.connect() as connection:
            found: Row[Any] = connection.execute(query).one()
        return found

    def cases(self, state: str = "found") -> list[str]:
        """Households of the own village whose case is open and stands so, in order."""
        query = select(case_file.c.household_id).where(
            case_file.c.village_code == HERE, case_file.c.closed_on.is_(None), case_file.c.state == state
        )
        with self.app.state.store.engine.connect() as connection:
            return sorted(connection.execute(query).scalars())


@contextmanager
def open_office(
    bundle_dir: Path, folder: Path, certificate: Path | None = None, **more: Any
) -> Iterator[Office]:
    """The running service, with further settings; over TLS where there is a certificate with its key."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        address = f"{'https' if certificate else 'http'}://127.0.0.1:{listening.getsockname()[1]}"
        if certificate:
            more["public_origin"] = address
        settings = Settings(bundle_dir, f"sqlite:///{folder}/s.db", **more)
        save_ring(new_ring(Suite.AES_256_GCM), settings.identity_keys_path)
        app = create_app(settings)
        config = uvicorn.Config(app, log_config=None, access_log=False, ssl_certfile=certificate)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            while not server.started:
                time.sleep(0.05)
            assert app.state.champion.wait(300)
            made = Office(app, address)
            stock(made)
            yield made
        finally:
            server.should_exit = True
            thread.join(20)


def stock(office: Office) -> None:
    """Households with bills that grow by their number, three months of scores, leads of the last, and people."""
    app = office.app
    store, scorer = app.state.store, app.state.champion.scorer()
    store.save_release(VERSION, "0" * 64, 12)
    numbers = range(COUNT + ELSEWHERE)
    villages = [HERE if number < COUNT else THERE for number in numbers]
    leads = []
    everybody = Caller("stock", Role.PLATFORM, EVERYWHERE)
    for month, factor in (("2026-08-31", 300), ("2026-09-30", 700), ("2026-10-31", 1_500)):
        households = [a_household(key(number), self_paid=float(factor * number)) for number in numbers]
        for one, village in zip(households, villages, strict=True):
            one["signals"]["household"][0]["village_code"] = village
        sent = a_request(*households)
        sent["as_of_date"] = month
        request = RequestReader(scorer, 1_000).read(sent)
        bodies = scorer.score(request.households, request.as_of, request.coverage)
        store.save(bodies, villages)
        leads = [
            lead
            for body, village in zip(bodies, villages, strict=True)
            for lead in find_run_leads(body, village, "CN-50")
        ]
    ledger = LeadStore(store.engine, store.audit, app.state.work.cases)
    ledger.add(everybody, leads, on=office.today - dt.timedelta(days=OPENED_DAYS_AGO))
    for number, village in zip(numbers, villages, strict=True):
        said = {
            Kind.NAME: "张三丰",
            Kind.PHONE: f"1380013{number:04}",
            Kind.ADDRESS: "重庆市巫山县双河镇一组",
        }
        app.state.identities.put(everybody, key(number), village, [Person("head", said)])
    with store.writer.begin() as connection:
        connection.execute(
            worklist.insert().values(
                id="a" * 32, area_code=TOWN, made_on=office.today, as_of_date=dt.date(2026, 10, 31),
                model_version=VERSION, terms={}, made_at=dt.datetime.now(dt.UTC),
            )
        )  # fmt: skip
        for place, number in enumerate(LISTED, 1):
            is_drawn = number in DRAWN
            connection.execute(
                worklist_entry.insert().values(
                    worklist_id="a" * 32, household_id=key(number), village_code=HERE, grid="", place=place,
                    why="random" if is_drawn else "score", score=0.01, is_tied=0,
                    chance=0.125 if is_drawn else None,
                )
            )  # fmt: skip
        for number, village in zip(numbers, villages, strict=True):
            connection.execute(
                household_grid.insert().values(
                    household_id=key(number), village_code=village, grid=f"{number % 5 + 1}"
                )
            )
    accounts, hashed = app.state.desk.accounts, Passwords().hash(PASSWORD)
    with accounts.writer.begin() as connection:
        for name, (role, area) in PEOPLE.items():
            one = accounts.add_in(connection, name, role, area, hashed, dt.timedelta(days=9))
            accounts.change_in(connection, one, is_start_password=0)
