"""Pages of a run beside the rows themselves, on SQLite and on PostgreSQL: which run, whom, in which order."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Iterator
from typing import Any

import pytest

from serving.access import Caller, Role, Scope
from serving.storage import AssessmentStore, AuditLog, Run, assessments, open_database
from tests.serving.readers import AUDIT_KEY

VILLAGES = ("500999100201", "500999100202", "500999101201", "500998100201", "510199100201")
ACTIONS = ("visit", "watch", "routine")
AREAS = sorted({one[:length] for one in VILLAGES for length in (2, 4, 6, 8, 9, 12)} | {"52", "50%", "50099_"})
RUNS = (("2026-09-30", "m"), ("2026-10-31", "m"), ("2026-10-31", "n"))

Row = dict[str, Any]


@pytest.fixture
def store(database_url: str) -> Iterator[AssessmentStore]:
    engine = open_database(database_url)
    made = AssessmentStore(engine, AuditLog(engine, AUDIT_KEY))
    for version in ("m", "n"):
        made.save_release(version, "0" * 64, 12)
    yield made
    engine.dispose()


def fill(store: AssessmentStore) -> list[Row]:
    """Three runs, each of some villages, with scores of which many are the same; in the order of writing."""
    chance, rows = random.Random(7), []
    for day, version in RUNS:
        for village in VILLAGES:
            if (day, version, village) == ("2026-10-31", "n", VILLAGES[4]):
                continue
            for n in range(12):
                # Two villages may each know a household of one key.
                body = {
                    "household_id": f"H{n}-{village[:4]}", "as_of_date": day, "model_version": version,
                    "score": chance.choice((0.1, 0.2, 0.3)), "grade": "low", "risk_reasons": [],
                    "suggested_action": chance.choice(ACTIONS), "protective_reasons": [], "rule_hits": [],
                }  # fmt: skip
                store.save([body], [village], Scope(village))
                rows.append({**body, "village_code": village})
    return rows


def expected(rows: list[Row], run: Run, caller: Caller, area: str, action: str | None) -> list[Row]:
    """Everybody who is to be shown, by going through all rows."""
    chosen = [
        one
        for one in rows
        if (one["as_of_date"], one["model_version"]) == (run.as_of_date.isoformat(), run.model_version)
        and one["village_code"].startswith(caller.scope.prefix or "")
        and one["village_code"].startswith(area)
        and action in (None, one["suggested_action"])
    ]
    return sorted(chosen, key=lambda one: (-one["score"], one["household_id"], one["village_code"]))


def test_pages_of_a_run_are_its_rows(store: AssessmentStore, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = fill(store)
    for prefix in ("", *AREAS):
        caller = Caller("k", Role.PLATFORM, Scope(prefix))
        seen = [one for one in rows if one["village_code"].startswith(prefix)]
        run = store.find_run(caller)
        if not seen:
            assert run is None
            continue
        if len(prefix) != 8:
            assert run == Run(dt.date(2026, 10, 31), seen[-1]["model_version"])
        run = run or Run(dt.date(2026, 10, 31), "m")
        for area in ("", *AREAS):
            for action in (None, *ACTIONS):
                told = expected(rows, run, caller, area, action)
                page = store.list_run(caller, run, area=area, action=action, limit=7, offset=3)
                keys = [(one.body["household_id"], one.village_code) for one in page.items]
                assert keys == [(one["household_id"], one["village_code"]) for one in told[3:10]]
                assert page.total == len(told)
    monkeypatch.setattr(assessments, "MOST_LISTED", 9)
    everywhere = Caller("k", Role.PLATFORM, Scope(""))
    run = Run(dt.date(2026, 10, 31), "m")
    told = expected(rows, run, everywhere, "", "watch")
    assert len(told) > 10
    page = store.list_run(everywhere, run, action="watch", limit=7, offset=7)
    assert [one.body["household_id"] for one in page.items] == [one["household_id"] for one in told[7:9]]
    assert page.total == 10
    assert store.list_run(everywhere, run, limit=7, offset=14).items == ()
    assert store.list_run(everywhere, run).total == 60
