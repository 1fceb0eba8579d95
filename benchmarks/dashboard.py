"""The manager's counts with made-up casework: ``python -m benchmarks.dashboard --help``.

Villages of some 90 households, as Chongqing has them; leads and cases lie in them by chance. Asked is an
answer within 200 ms in SQLite for 1,000,000 households and 50,000 leads.
"""

from __future__ import annotations

import datetime as dt
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from sqlalchemy import Connection, Engine

from scoring.themes import THEMES
from serving.access import Scope
from serving.cases.channel import Channel
from serving.cases.people import LEVELS
from serving.cases.state import CaseState
from serving.casework_desk import CaseworkDesk
from serving.storage import open_database
from serving.storage.case_tables import case_file, case_lead, visit, worklist, worklist_entry
from serving.storage.casework import CaseworkStore

PER_VILLAGE = 90
COUNTIES, TOWNS, VILLAGES = 38, 27, 11
TODAY = dt.date(2026, 11, 15)
LISTED_SHARE = 0.02
NOW = dt.datetime(2026, 11, 15, tzinfo=dt.UTC)


def main(
    households: Annotated[int, typer.Option(help="How many there are", min=1_000)] = 1_000_000,
    leads: Annotated[int, typer.Option(help="How many leads, each with a case", min=100)] = 50_000,
    repeats: Annotated[int, typer.Option(help="Readings of each; the median counts", min=1)] = 7,
    database: Annotated[str | None, typer.Option(help="An empty PostgreSQL database instead")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object")] = False,
) -> None:
    """Measure, in milliseconds, what each level's page reads."""
    with tempfile.TemporaryDirectory() as folder:
        engine = open_database(database or f"sqlite:///{Path(folder) / 's.db'}")
        told = measure(engine, households, leads, repeats)
        engine.dispose()
    if as_json:
        print(json.dumps(told))
        return
    for name, value in told.items():
        print(f"{name:32} {value:>12,.1f}")


def measure(engine: Engine, households: int, leads: int, repeats: int) -> dict[str, float]:
    """Fill a database and time reading it."""
    villages = [
        f"50{1 + number // (TOWNS * VILLAGES) % COUNTIES:04}"
        f"{number // VILLAGES % TOWNS:03}{number % VILLAGES:03}"
        for number in range(max(1, households // PER_VILLAGE))
    ]
    villages = list(dict.fromkeys(villages))
    with engine.begin() as connection:
        fill(connection, villages, leads)
    store = CaseworkStore(engine, lambda: TODAY)
    village = villages[0]
    asked: dict[str, Callable[[], Any]] = {
        "province_by_city_ms": lambda: store.count(Scope("50"), "50", 4),
        "city_by_county_ms": lambda: store.count(Scope("50"), village[:4], 6),
        "county_by_township_ms": lambda: store.count(Scope("50"), village[:6], 9),
        "township_by_village_ms": lambda: store.count(Scope("50"), village[:9], 12),
        "village_by_grid_ms": lambda: store.count(Scope("50"), village, 13),
        "small_kept_back_anew_ms": lambda: CaseworkDesk(store).snapshot("50"),
    }
    told = {"households": float(len(villages) * PER_VILLAGE), "leads": float(leads)}
    for name, work in asked.items():
        spent = []
        for _ in range(repeats):
            started = time.perf_counter()
            work()
            spent.append((time.perf_counter() - started) * 1_000)
        told[name] = statistics.median(spent)
    return told


def fill(connection: Connection, villages: list[str], leads: int) -> None:
    """Store leads, a case each, three months' lists and the visits that came of most of their places."""
    rng = np.random.default_rng(1)
    places = [villages[at] for at in rng.integers(0, len(villages), leads)]
    days = [TODAY - dt.timedelta(days=int(one)) for one in rng.integers(0, 500, leads)]
    states = rng.choice(
        [one.value for one in CaseState], leads, p=[0.2, 0.1, 0.1, 0.05, 0.05, 0.15, 0.15, 0.1, 0.1]
    )
    themes, channels = rng.choice(THEMES, leads), rng.choice([one.value for one in Channel], leads)
    owners = rng.choice(LEVELS, leads)
    due = [TODAY + dt.timedelta(days=int(one)) for one in rng.integers(-60, 60, leads)]

    def cases() -> Iterator[dict[str, Any]]:
        for at in range(leads):
            is_closed = states[at] in {CaseState.RESOLVED, CaseState.EXCLUDED}
            yield {
                "id": f"{at:032x}", "household_id": f"H{at}", "village_code": places[at],
                "state": str(states[at]), "version": 1, "practice": "default",
                "opened_on": days[at], "entered_on": days[at],
                "grade": 2, "theme": str(themes[at]), "is_hard": 0, "causes": ["01"], "is_without_labour": 0,
                "is_green_lane": 0, "relapses": 0, "owner": str(owners[at]),
                "due_on": None if is_closed else due[at], "closed_on": due[at] if is_closed else None,
                "changed_at": NOW,
            }  # fmt: skip

    def raised() -> Iterator[dict[str, Any]]:
        for at in range(leads):
            yield {
                "id": f"{at:032x}", "case_id": f"{at:032x}", "household_id": f"H{at}",
                "village_code": places[at], "channel": str(channels[at]),
                "source": "signals", "code": "illness_self_paid",
                "theme": str(themes[at]), "occurred_on": days[at], "known_on": days[at], "received_at": NOW,
                "facts": {"feature": "illness_self_paid_yuan_12m", "value": 23_456.0, "level": 20_000.0},
                "is_hard": 0, "event_key": f"{at:064x}", "dedup_key": f"{at:064x}",
            }  # fmt: skip

    for table, rows in ((case_file, cases()), (case_lead, raised())):
        connection.execute(table.insert(), list(rows))
    for month in range(3):
        _list(connection, villages, month, rng)


def _list(connection: Connection, villages: list[str], month: int, rng: np.random.Generator) -> None:
    made_on = TODAY - dt.timedelta(days=30 * month + 5)
    counties = sorted({one[:6] for one in villages})
    head = {"as_of_date": made_on, "model_version": "m", "terms": {}, "made_at": NOW}
    connection.execute(
        worklist.insert(),
        [{"id": f"{month}{one}", "area_code": one, "made_on": made_on, **head} for one in counties],
    )
    entries, visits = [], []
    for at, village in enumerate(villages):
        for place in range(1, 1 + rng.binomial(PER_VILLAGE, LISTED_SHARE)):
            key = f"{month}-{at}-{place}"
            is_visited, score = rng.random() < 0.85, float(rng.beta(2, 20))
            entries.append({
                "worklist_id": f"{month}{village[:6]}", "household_id": key, "village_code": village,
                "grid": "", "place": place, "why": "score", "score": score, "is_tied": 0,
                "visit_id": key if is_visited else None,
            })  # fmt: skip
            if is_visited:
                visits.append({
                    "id": key, "household_id": key, "village_code": village, "submission_key": key,
                    "visited_on": made_on, "received_at": NOW, "visitor": "p0", "role": "village_official",
                    "is_random": 0, "finding": "difficulty" if rng.random() < score else "no_difficulty",
                    "body": {"account": None, "guarantees": None, "answers": [], "causes": ["01"]},
                })  # fmt: skip
    connection.execute(visit.insert(), visits)
    connection.execute(worklist_entry.insert(), entries)


if __name__ == "__main__":
    typer.run(main)
