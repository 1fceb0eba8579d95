"""Made-up casework of two counties, as rows of the tables and as plain lists that an oracle counts from."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sqlalchemy import Connection

from scoring.themes import THEMES
from serving.cases.channel import Channel
from serving.cases.people import LEVELS
from serving.cases.state import CaseState
from serving.storage.case_tables import case_file, case_lead, household_grid, visit, worklist, worklist_entry

TODAY = dt.date(2026, 11, 16)
NOW = dt.datetime(2026, 11, 16, 2, tzinfo=dt.UTC)
COUNTIES = ("500999", "500998")
VILLAGES = tuple(
    f"{county}{town:03}{village:03}"
    for county in COUNTIES
    for town in (100, 101)
    for village in (201, 202, 203)
)


@dataclass
class Stock:
    """What was put in: cases, leads, list entries with their visits, as dicts; `grids` by household."""

    cases: list[dict[str, Any]] = field(default_factory=list)
    leads: list[dict[str, Any]] = field(default_factory=list)
    entries: list[dict[str, Any]] = field(default_factory=list)
    visits: list[dict[str, Any]] = field(default_factory=list)
    grids: dict[str, str] = field(default_factory=dict)


def make_stock(seed: int, count: int = 300) -> Stock:
    """Leads and cases at random, a list a county this month, and one of half a year ago."""
    rng = np.random.default_rng(seed)
    made = Stock()
    for at in range(count):
        village = str(rng.choice(VILLAGES, p=_uneven()))
        state = str(rng.choice([one.value for one in CaseState]))
        is_closed, is_joined = state in {"resolved", "excluded", "joined"}, state == "joined"
        due = (
            None if rng.random() < 0.3 or is_joined else TODAY + dt.timedelta(days=int(rng.integers(-40, 20)))
        )
        day = TODAY - dt.timedelta(days=int(rng.integers(0, 500)))
        key = f"C{at}"
        made.grids[key] = str(rng.integers(1, 4))
        made.cases.append({
            "id": f"{at:032x}", "household_id": key, "village_code": village, "state": state, "version": 1,
            "practice": "default@2020-01-01", "opened_on": day, "entered_on": day, "grade": 2, "theme": "illness",
            "is_hard": 0, "causes": ["01"], "is_without_labour": 0, "is_green_lane": 0, "relapses": 0,
            "owner": str(rng.choice((*LEVELS, "helper"))), "due_on": due, "changed_at": NOW,
            "closed_on": TODAY if is_closed else None,
        })  # fmt: skip
        made.leads.append({
            "id": f"{at:032x}", "case_id": f"{at:032x}", "household_id": key, "village_code": village,
            "channel": str(rng.choice([one.value for one in Channel])), "source": "signals", "code": "out_of_work",
            "theme": str(rng.choice(THEMES)), "occurred_on": day, "known_on": day, "received_at": NOW, "facts": {},
            "is_hard": 0, "event_key": f"{at}", "dedup_key": f"{at}",
        })  # fmt: skip
    for list_id, made_on in (("now", TODAY - dt.timedelta(days=9)), ("old", TODAY - dt.timedelta(days=180))):
        for at in range(count // 2):
            village = str(rng.choice(VILLAGES, p=_uneven()))
            key, score = f"L{list_id}{at}", None if rng.random() < 0.1 else float(rng.beta(2, 9))
            is_visited = rng.random() < 0.7
            made.entries.append({
                "worklist_id": f"{list_id}{village[:6]}", "household_id": key, "village_code": village, "grid": "",
                "place": at, "why": str(rng.choice(["hard", "score", "random", "added"])), "score": score,
                "is_tied": 0, "visit_id": f"v{key}" if is_visited else None, "made_on": made_on,
            })  # fmt: skip
            if is_visited:
                made.visits.append({
                    "id": f"v{key}", "household_id": key, "village_code": village, "submission_key": key,
                    "visited_on": made_on, "received_at": NOW, "visitor": "p1", "role": "village_official",
                    "is_random": 0, "body": {},
                    "finding": str(rng.choice(["difficulty", "no_difficulty", "not_met"], p=[0.3, 0.6, 0.1])),
                })  # fmt: skip
    return made


def put(connection: Connection, stock: Stock) -> None:
    """Store it."""
    heads = {(one["worklist_id"], one["made_on"]) for one in stock.entries}
    rows = [
        {
            "id": number, "area_code": number[3:], "made_on": day, "as_of_date": day, "model_version": "m",
            "terms": {}, "made_at": NOW,
        }
        for number, day in sorted(heads)
    ]  # fmt: skip
    entries = [{name: value for name, value in one.items() if name != "made_on"} for one in stock.entries]
    places = {one["household_id"]: one["village_code"] for one in stock.cases}
    grids = [
        {"household_id": key, "village_code": places[key], "grid": grid} for key, grid in stock.grids.items()
    ]
    for table, told in (
        (case_file, stock.cases), (case_lead, stock.leads), (worklist, rows), (visit, stock.visits),
        (worklist_entry, entries), (household_grid, grids),
    ):  # fmt: skip
        if told:
            connection.execute(table.insert(), told)


def counted(stock: Stock, area: str, escalation: dict[str, int]) -> dict[str, Any]:
    """The same counts by going through the lists: of cases, leads and entries inside an area."""
    cases = [one for one in stock.cases if one["village_code"].startswith(area)]
    year_ago = TODAY.replace(year=TODAY.year - 1)
    leads = [
        one for one in stock.leads if one["village_code"].startswith(area) and one["known_on"] > year_ago
    ]
    listed = [one for one in stock.entries if one["village_code"].startswith(area)]
    findings = {one["id"]: one["finding"] for one in stock.visits}
    compared = [
        one for one in listed
        if (TODAY - one["made_on"]).days < 92 and one["why"] != "random" and one["score"] is not None
        and findings.get(one["visit_id"] or "", "not_met") != "not_met"
    ]  # fmt: skip
    current = [one for one in listed if one["worklist_id"].startswith("now")]
    return {
        "leads": Counter((one["channel"], one["theme"]) for one in leads),
        # One that went on in another is counted there.
        "stages": Counter(one["state"] for one in cases if one["state"] != "joined"),
        "overdue": Counter(
            _told(one["owner"], (TODAY - one["due_on"]).days, escalation)
            for one in cases if _is_late(one) and one["closed_on"] is None
        ),
        "untold": sum(1 for one in cases if _is_late(one) and one["closed_on"] is not None),
        "listed": len(current),
        "visited": sum(1 for one in current if one["visit_id"]),
        "met": len(compared),
        "confirmed": sum(1 for one in compared if findings[one["visit_id"]] == "difficulty"),
        "expected": sum(one["score"] for one in compared),
    }  # fmt: skip


def _is_late(one: dict[str, Any]) -> bool:
    return one["due_on"] is not None and one["due_on"] < TODAY


def _told(owner: str, overdue: int, escalation: dict[str, int]) -> str:
    """Step by step: every so many days one level higher."""
    level = LEVELS.index(owner) if owner in LEVELS else 0
    told, day = "owner", escalation["first"]
    while day <= overdue:
        level = min(level + 1, len(LEVELS) - 1)
        told, day = LEVELS[level], day + escalation["each"]
    return told


def _uneven() -> list[float]:
    weights = [20, 9, 1, 6, 1, 1, 15, 15, 8, 2, 1, 1]
    return [one / sum(weights) for one in weights]
