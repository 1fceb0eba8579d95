"""Every list and board at the size of a province: milliseconds of each request, beside what is asked for.

    python -m benchmarks.lists [--database postgresql] [--json]

A million households with assessments, fifty thousand leads in cases, lists of four months and their visits,
read by people of each level through the application itself, in this process. Beside the time on the clock
stands that of this process's own work: on a machine that others use, the first tells of them. PostgreSQL is
a server of its own, started as the tests start one; its work is in the time on the clock alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import statistics
import tempfile
import time
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Self

import httpx
import numpy as np
import typer
from fastapi import FastAPI
from rich.console import Console
from sqlalchemy import Engine, text

from benchmarks.lists.casework import fill_casework, fill_log
from benchmarks.lists.pages import LEVELS, Ask, Doors, all_asks
from benchmarks.lists.people import Province, Statements, fill_people
from scoring.capacity import Capacity, Quota
from serving.access import Caller, Role, Scope
from serving.app import create_app
from serving.cases.clocks import china_day
from serving.heap import set_aside
from serving.settings import Settings
from serving.storage import AuditLog, open_database
from serving.storage.keys import utc_now
from serving.storage.worklists import WorklistStore
from serving.worklists.making import Terms, make_worklists

console = Console(stderr=True)
GOALS = {"sqlite": 200.0, "postgresql": 100.0}
"""What p99 of a page may be, in milliseconds."""
_AREAS = 6
"""Of a level, in turns."""


class Database(StrEnum):
    """What keeps the province."""

    SQLITE = "sqlite"
    POSTGRESQL = "postgresql"


def main(
    database: Annotated[Database, typer.Option(help="What keeps the province")] = Database.SQLITE,
    households: Annotated[int, typer.Option(help="How many are assessed", min=11_286)] = 1_000_000,
    leads: Annotated[int, typer.Option(help="How many leads there are", min=100)] = 50_000,
    entries: Annotated[int, typer.Option(help="Entries of the audit log", min=1_000)] = 200_000,
    repeats: Annotated[int, typer.Option(help="Requests of each kind", min=5)] = 40,
    only: Annotated[str, typer.Option(help="Routes that have this in their name")] = "",
    data: Annotated[Path | None, typer.Option(help="Keep the SQLite file here for another time")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object")] = False,
) -> None:
    """Every list and board at the size of a province: milliseconds of each request, beside what is asked for.

    Measure p50 and p99 of every request, in milliseconds, beside what is asked for.
    """
    with contextlib.ExitStack() as stack:
        folder = data or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.mkdir(parents=True, exist_ok=True)
        url = f"sqlite:///{folder}/s.db"
        if database is Database.POSTGRESQL:
            # Only here: without the tests' server the rest runs.
            from tests.serving.postgres import run_server

            url = stack.enter_context(run_server()).new_database()
        told = measure(folder, url, households, leads, entries, repeats, only)
    if as_json:
        print(json.dumps(told))
        return
    goal = GOALS[told["database"]]
    print(f"{told['database']}: {told['households']:,} households, {leads:,} leads; p99 may be {goal:.0f} ms")
    print("filled in", ", ".join(f"{value:.0f} s ({key})" for key, value in told["seconds"].items()))
    for one in told["requests"]:
        mark = "" if one["p99_ms"] <= goal else "  TOO SLOW"
        print(
            f"{one['route']:44} {one['what']:16} {one['level']:9} p50 {one['p50_ms']:7.1f}  "
            f"p99 {one['p99_ms']:7.1f}  own p99 {one['own_p99_ms']:7.1f}{mark}"
        )


def measure(
    folder: Path, url: str, households: int, leads: int, entries: int, repeats: int, only: str
) -> dict[str, Any]:
    """Fill a database, unless the folder has it, and time what is asked of it."""
    province = Province.of(households, china_day(utc_now()))
    seconds: dict[str, float] = {}
    is_filled = url.startswith("sqlite") and (folder / "s.db").exists()
    with console.status("a model"):
        statements = Statements(folder / "model", province.run.as_of_date)
    engine = open_database(url)
    app = create_app(Settings(statements.bundle_dir, url, jobs_dir=folder / "jobs"))
    if not is_filled:
        fill(engine, province, statements, app.state.store.audit, leads, entries, seconds)
    doors = Doors(engine)
    with Reader(app) as reader:
        requests = [
            _told(one, reader.ask(one, province, doors, repeats))
            for one in all_asks(province.today)
            if only in one.route
        ]
    engine.dispose()
    return {
        "database": engine.dialect.name, "households": len(province.villages) * province.per_village,
        "leads": leads, "seconds": seconds, "requests": requests,
    }  # fmt: skip


def fill(
    engine: Engine, province: Province, statements: Statements, audit: AuditLog, leads: int, entries: int,
    seconds: dict[str, float],
) -> None:  # fmt: skip
    """Fill the database; `seconds` is told how long each part took."""
    with _timed(seconds, "assessments"):
        fill_people(engine, province, statements)
    with _timed(seconds, "casework"):
        fill_casework(engine, province, leads)
    with _timed(seconds, "log"):
        fill_log(engine, audit, province, entries)
    with _timed(seconds, "statistics"), engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT").execute(text("ANALYZE"))
    with _timed(seconds, "lists"):
        terms = Terms.of(
            province.run, Capacity(Quota(share=0.02), "village"), province.today, "CN-50", seed="b"
        )
        caller = Caller("benchmark", Role.PLATFORM, Scope("50"))
        make_worklists(engine, WorklistStore(engine, audit), caller, "50", terms)


@contextlib.contextmanager
def _timed(seconds: dict[str, float], name: str) -> Iterator[None]:
    started = time.perf_counter()
    with console.status(name):
        yield
    seconds[name] = round(time.perf_counter() - started, 1)


class Reader:
    """Asks the application in this process, one request after the other."""

    def __init__(self, app: FastAPI) -> None:
        self.app = app
        self._runner = asyncio.Runner()
        self._rng = np.random.default_rng(2)

    def __enter__(self) -> Self:
        self._runner.__enter__()
        # As the running service does.
        self.app.state.champion.after_loading = set_aside
        self._lifespan = self.app.router.lifespan_context(self.app)
        self._runner.run(self._lifespan.__aenter__())
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        self._http = httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1")
        self.app.state.champion.wait(120)
        return self

    def __exit__(self, *_: object) -> None:
        self._runner.run(self._http.aclose())
        self._runner.run(self._lifespan.__aexit__(None, None, None))
        self._runner.__exit__(None, None, None)

    def ask(self, one: Ask, province: Province, doors: Doors, repeats: int) -> list[tuple[float, float]]:
        """Seconds on the clock and of own work of each request, after one of each area to begin with."""
        made = [self._made(one, province, doors) for _ in range(_AREAS)]
        for given in made:
            self._send(**given)
        spent = []
        for n in range(repeats):
            started, worked = time.perf_counter(), time.process_time()
            self._send(**made[n % len(made)])
            spent.append((time.perf_counter() - started, time.process_time() - worked))
        return spent

    def _made(self, one: Ask, province: Province, doors: Doors) -> dict[str, Any]:
        at = int(self._rng.integers(len(province.villages)))
        village = province.villages[at]
        length = LEVELS.get(one.level)
        area = None if length is None else village[:length] or "*"
        headers = {**doors.headers(one.role, area)}
        if one.is_page:
            headers["Accept"] = "text/html"
        places = {
            "area": area, "village": village, "county": village[:6],
            "household": province.household(at, int(self._rng.integers(province.per_village))),
        }  # fmt: skip
        if one.first is not None:
            first = self._send("GET", one.first.format(**places), headers)
            places["cursor"] = first.json()["next_cursor"] or ""
        path = one.path.format(**places).removesuffix("cursor=")
        if one.form is None:
            return {"method": "GET", "path": path, "headers": headers}
        form = {name: value.format(**places) for name, value in one.form.items()}
        return {"method": "POST", "path": path, "headers": headers, "form": form}

    def _send(
        self, method: str, path: str, headers: dict[str, str], form: dict[str, str] | None = None
    ) -> httpx.Response:
        answer = self._runner.run(self._http.request(method, path, headers=headers, data=form))
        if answer.status_code != 200 and not (answer.status_code == 404 and "area_not_found" in answer.text):
            raise RuntimeError(f"{method} {path}: {answer.status_code} {answer.text[:300]}")
        return answer


def _told(one: Ask, spent: list[tuple[float, float]]) -> dict[str, Any]:
    clock, own = ([1_000 * each[at] for each in spent] for at in (0, 1))
    told = {
        "route": one.route, "what": one.what, "level": one.level,
        "p50_ms": round(statistics.median(clock), 1), "p99_ms": round(float(np.quantile(clock, 0.99)), 1),
        "own_p50_ms": round(statistics.median(own), 1), "own_p99_ms": round(float(np.quantile(own, 0.99)), 1),
    }  # fmt: skip
    console.print(told["route"], told["what"], told["level"], told["p50_ms"], told["p99_ms"])
    return told


if __name__ == "__main__":
    typer.run(main)
