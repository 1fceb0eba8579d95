"""Leads, cases, lists, visits and corrections of a made-up province, lying in it by chance."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import numpy as np
from sqlalchemy import Engine

from benchmarks.lists.people import Province
from benchmarks.lists.writer import Writer
from scoring.themes import THEMES
from serving.access import Caller, Role, Scope
from serving.cases.channel import Channel
from serving.cases.people import LEVELS
from serving.cases.state import CLOSED, CaseState
from serving.cases.visit import Finding, VisitForm
from serving.storage import AuditLog
from serving.storage.audit_actions import Action
from serving.storage.case_tables import case_file, case_lead, correction, visit, worklist, worklist_entry
from serving.storage.database import WRITES

LISTED_SHARE, VISITED_SHARE = 0.02, 0.85
"""Of the households of a village listed in a month, and of a past month's list visited."""
PAST_MONTHS = 3
_STATES = {
    CaseState.FOUND: 0.2, CaseState.ALERTED: 0.1, CaseState.VERIFYING: 0.1, CaseState.REVIEWING: 0.05,
    CaseState.APPROVING: 0.05, CaseState.HELPING: 0.15, CaseState.FOLLOWING: 0.15, CaseState.RESOLVED: 0.1,
    CaseState.EXCLUDED: 0.1,
}  # fmt: skip
_IDENTIFIED = {CaseState.HELPING, CaseState.FOLLOWING, CaseState.RESOLVED}
_CODES = ("serious_illness", "severe_accident", "out_of_work", "score", "gap_water")
_LEADS_A_CASE = 1.5
_CORRECTED_SHARE = 0.05
_ENTRIES_AT_ONCE = 5_000


def fill_casework(engine: Engine, province: Province, leads: int) -> None:
    """Leads and the cases that they are in, past lists with their visits, and what visits corrected."""
    rng = np.random.default_rng(3)
    cases = list(_cases(province, round(leads / _LEADS_A_CASE), rng))
    with Writer(engine) as writer:
        writer.write_mappings(case_file, cases)
        writer.write_mappings(case_lead, list(_leads(province, cases, leads, rng)))
        for month in range(1, 1 + PAST_MONTHS):
            lists, entries, visits = _month(province, month, rng)
            writer.write_mappings(worklist, lists)
            writer.write_mappings(visit, visits)
            writer.write_mappings(worklist_entry, entries)
            writer.write_mappings(correction, list(_corrections(visits, month == 1, rng)))


def fill_log(engine: Engine, audit: AuditLog, province: Province, entries: int) -> None:
    """Entries of the audit log, as its readers left them: a page of households at a time."""
    rng = np.random.default_rng(4)
    writer = engine.execution_options(**WRITES)
    for start in range(0, entries, _ENTRIES_AT_ONCE):
        at = rng.integers(len(province.villages), size=min(_ENTRIES_AT_ONCE, entries - start))
        caller = Caller(f"k{start:011x}", Role.VILLAGE_OFFICIAL, Scope(province.villages[int(at[0])]))
        read = [audit.household(province.household(int(one), 0)) for one in at]
        with writer.begin() as connection:
            audit.append(connection, caller, Action.HOUSEHOLD_LISTED, read)


def _cases(province: Province, count: int, rng: np.random.Generator) -> Iterator[dict[str, Any]]:
    households = len(province.villages) * province.per_village
    states = rng.choice([one.value for one in _STATES], count, p=list(_STATES.values()))
    for n, at in enumerate(rng.choice(households, count, replace=False).tolist()):
        village, number = divmod(at, province.per_village)
        opened = province.today - dt.timedelta(days=int(rng.integers(1, 365)))
        near = province.today + dt.timedelta(days=int(rng.integers(-60, 60)))
        is_closed, state = states[n] in CLOSED, str(states[n])
        # Of some that are excluded the result waits to be told.
        is_untold = states[n] == CaseState.EXCLUDED and rng.random() < 0.3
        yield {
            "id": f"{n:032x}", "household_id": province.household(village, number),
            "village_code": province.villages[village], "state": state, "version": 1,
            "practice": "default@2020-01-01", "opened_on": opened, "entered_on": opened,
            "grade": 1 + int(rng.integers(3)), "theme": str(rng.choice(THEMES)),
            "is_hard": int(rng.random() < 0.3), "disagreement": "score_only" if rng.random() < 0.05 else None,
            "causes": ["01"], "is_without_labour": 0, "is_green_lane": 0, "relapses": 0,
            "identified_on": opened if states[n] in _IDENTIFIED else None,
            "owner": str(rng.choice(LEVELS)),
            "due_on": near if is_untold or not is_closed else None,
            "closed_on": province.today if is_closed else None, "closed_as": state if is_closed else None,
            "last_visited_on": opened if rng.random() < 0.5 else None, "changed_at": province.now,
        }  # fmt: skip


def _leads(
    province: Province, cases: list[dict[str, Any]], count: int, rng: np.random.Generator
) -> Iterator[dict[str, Any]]:
    for n in range(count):
        case = cases[n if n < len(cases) else int(rng.integers(len(cases)))]
        code = str(rng.choice(_CODES))
        known = case["opened_on"] if n < len(cases) else _after(case["opened_on"], province.today, rng)
        yield {
            # By chance, as they are: a page's order is not that of the rows.
            "id": f"{int(rng.integers(2**62)):016x}{n:016x}", "case_id": case["id"],
            "household_id": case["household_id"], "village_code": case["village_code"],
            "channel": (Channel.SCORE if code == "score" else Channel.DEPARTMENT).value, "source": "health",
            "code": code, "theme": case["theme"], "occurred_on": known, "known_on": known,
            "received_at": province.now, "facts": {"causes": ["01"], "grade": "high", "score": 0.4},
            "is_hard": int(code != "score"), "event_key": f"{n:064x}", "dedup_key": f"{n:064x}",
        }  # fmt: skip


def _after(day: dt.date, today: dt.date, rng: np.random.Generator) -> dt.date:
    return day + dt.timedelta(days=int(rng.integers((today - day).days + 1)))


def _month(
    province: Province, month: int, rng: np.random.Generator
) -> tuple[list[dict[str, Any]], list[dict[str, Any]], list[dict[str, Any]]]:
    """Lists of a past month, their entries, and the visits that came of most of them."""
    made_on = province.today - dt.timedelta(days=30 * month)
    head = {"as_of_date": made_on, "model_version": "m", "terms": {}, "made_at": province.now}
    lists = [
        {"id": f"{month}{one}", "area_code": one, "made_on": made_on, **head} for one in province.counties
    ]
    entries, visits = [], []
    body = {**VisitForm("key", made_on, Finding.DIFFICULTY, causes=("01",)).kept(), "answered": None}
    for at, village in enumerate(province.villages):
        chosen = rng.choice(province.per_village, rng.binomial(province.per_village, LISTED_SHARE), False)
        for place, number in enumerate(chosen.tolist(), start=1):
            household, key = province.household(at, number), f"{month}-{at}-{number}"
            is_random, is_visited = bool(rng.random() < 0.05), bool(rng.random() < VISITED_SHARE)
            score = float(rng.beta(2, 20))
            entries.append({
                "worklist_id": f"{month}{village[:6]}", "household_id": household, "village_code": village,
                "grid": "", "place": place, "why": "random" if is_random else "score", "score": score,
                "is_tied": 0, "chance": 0.002 if is_random else None, "visit_id": key if is_visited else None,
            })  # fmt: skip
            if is_visited:
                visits.append({
                    "id": key, "household_id": household, "village_code": village, "submission_key": key,
                    "visited_on": made_on + dt.timedelta(days=3), "received_at": province.now,
                    "visitor": "p0", "role": "village_official", "is_random": int(is_random),
                    "chance": 0.002 if is_random else None,
                    "finding": (Finding.DIFFICULTY if rng.random() < score else Finding.NO_DIFFICULTY).value,
                    "body": body,
                })  # fmt: skip
    return lists, entries, visits


def _corrections(
    visits: list[dict[str, Any]], is_waiting: bool, rng: np.random.Generator
) -> Iterator[dict[str, Any]]:
    for one in visits:
        if rng.random() < _CORRECTED_SHARE:
            yield {
                "id": f"c{one['id']}", "visit_id": one["id"], "household_id": one["household_id"],
                "village_code": one["village_code"], "feed": "water",
                "row": {"is_safe": True, "occurred_on": one["visited_on"].isoformat()}, "replaces": None,
                "state": "proposed" if is_waiting else "approved",
                "proposed_at": one["received_at"] - dt.timedelta(minutes=int(rng.integers(50_000))),
                "reviewed_at": None if is_waiting else one["received_at"],
                "reviewer": None if is_waiting else "p1",
            }  # fmt: skip
