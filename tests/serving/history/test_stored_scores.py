"""Households scored by their keys: as from their signals, to the bit, and only those that may be seen."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest

from features.signals import REQUEST_FEEDS
from features.signals.buckets import Buckets
from features.signals.coverage import COLUMNS
from serving.access import Role
from serving.app import create_app
from serving.cases.clocks import china_today
from serving.settings import Settings
from tests.serving.conftest import Client
from tests.serving.history.conftest import DATES, Past

DAY = DATES[2]


def ask(past: Past, ids: Any, query: str = "", **more: Any) -> Any:
    return past.client.post(f"/v1/scores{query}", json={"as_of_date": str(DAY), "household_ids": ids}, **more)


def raw_request(past: Past, ids: list[str]) -> dict[str, Any]:
    """The same households as a client would send them, read from the files in another way."""
    assert past.settings.signals_dir is not None
    stored = Buckets.open(past.settings.signals_dir)
    households = []
    for one in ids:
        rows = stored.household_rows(one)
        signals: dict[str, Any] = {}
        for feed, contract in REQUEST_FEEDS.items():
            if rows.get(feed) and feed != "neighbourhood":
                signals[feed] = [
                    {
                        field.surface: _surface(row[field.column], is_money=field.surface != field.column)
                        for field in contract.fields
                        if row[field.column] is not None
                    }
                    for row in rows[feed]
                ]
        households.append({"household_id": one, "signals": signals})
    coverage = [
        {name: str(getattr(delivery, name)) for name in COLUMNS}
        for delivery in stored.coverage.deliveries
        if delivery.feed in REQUEST_FEEDS and delivery.feed != "neighbourhood"
    ]
    return {"as_of_date": str(DAY), "coverage": coverage, "households": households}


def _surface(value: Any, *, is_money: bool) -> Any:
    if is_money:
        return value / 100
    return value.isoformat() if hasattr(value, "isoformat") else value


def test_stored_households_score_as_their_signals_do_to_the_bit(past: Past) -> None:
    ids = list(past.households[5:45:2])
    assert len(ids) == 20
    by_key = ask(past, ids)
    assert by_key.status_code == 200, by_key.text
    sent = past.client.post("/v1/scores", json=raw_request(past, ids))
    assert sent.status_code == 200, sent.text[:2000]
    assert by_key.json() == sent.json()
    assert [one["household_id"] for one in by_key.json()["results"]] == ids
    assert len({one["score"] for one in by_key.json()["results"]}) > 5
    brief = ask(past, ids[:2], "?reasons=0").json()["results"]
    assert [one["score"] for one in brief] == [one["score"] for one in by_key.json()["results"][:2]]
    assert "risk_reasons" not in brief[0]


def test_outside_and_nowhere_are_answered_alike_and_logged(past: Past) -> None:
    ids = [past.households[0], "NOBODY-1", past.households[1]]
    inside = ask(past, ids).json()["results"]
    assert [one.get("problem", {}).get("code") for one in inside] == [None, "household_not_found", None]
    elsewhere = past.client.make_key(Role.PLATFORM, "51")
    outside = ask(past, ids, headers=elsewhere).json()["results"]
    assert [one["problem"] for one in outside] == [inside[1]["problem"]] * 3
    log = past.client.app.state.store.audit
    found = [(one.action, one.outcome, one.area) for one in log.search(household_id=ids[0], limit=2)]
    assert found == [("household_scored", "not_found", "51"), ("household_scored", "shown", "")]
    assert log.search(household_id="NOBODY-1", limit=1)[0].outcome == "not_found"
    assert log.verify().faults == ()


@pytest.mark.parametrize(
    ("ids", "pointer", "code"),
    [
        ([], "/household_ids", "wrong_number"),
        (["A"] * 2, "/household_ids/1", "repeated_household"),
        ([f"H{n}" for n in range(1_001)], "/household_ids", "wrong_number"),
        ("H", "/household_ids", "wrong_type"),
        ({"H": 1}, "/household_ids", "wrong_type"),
        (None, "/household_ids", "missing"),
        ([None], "/household_ids/0", "missing"),
        ([7], "/household_ids/0", None),
        ([["H"]], "/household_ids/0", None),
        (["x" * 500], "/household_ids/0", None),
        (["a b\n"], "/household_ids/0", None),
    ],
)
def test_a_request_that_breaks_a_rule_is_refused(
    past: Past, ids: Any, pointer: str, code: str | None
) -> None:
    answer = ask(past, ids)
    assert answer.status_code == 422, answer.text
    (error,) = answer.json()["errors"]
    assert error["pointer"] == pointer
    assert code in (None, error["code"])


@pytest.mark.parametrize("day", ["", [], 0, False, {}, "2026-02-30"])
def test_a_day_that_is_none_is_told(past: Past, day: Any) -> None:
    answer = past.client.post("/v1/scores", json={"as_of_date": day, "household_ids": ["H1"]})
    assert answer.status_code == 422
    assert [one["pointer"] for one in answer.json()["errors"]] == ["/as_of_date"]


def test_both_forms_at_once_are_refused(past: Past) -> None:
    body = {"as_of_date": str(DAY), "household_ids": ["H"], "households": []}
    answer = past.client.post("/v1/scores", json=body)
    assert [one["code"] for one in answer.json()["errors"]] == ["unknown_field"]
    early = past.client.post("/v1/scores", json={"as_of_date": "1990-01-01", "household_ids": ["H"]})
    assert early.json()["errors"][0]["code"] == "before_policy"
    to_come = str(china_today() + dt.timedelta(days=1))
    late = past.client.post("/v1/scores", json={"as_of_date": to_come, "household_ids": ["H"]})
    assert [(one["pointer"], one["code"]) for one in late.json()["errors"]] == [
        ("/as_of_date", "in_the_future")
    ]


def test_without_a_folder_or_with_a_harmed_one_it_is_said(
    past: Past, bundle_dir: Path, tmp_path: Path
) -> None:
    body = {"as_of_date": str(DAY), "household_ids": ["H"]}
    for folder, status, code in (
        (None, 409, "signals_not_kept"),
        (tmp_path / "absent", 503, "signals_failed"),
    ):
        settings = Settings(bundle_dir, f"sqlite:///{tmp_path}/{status}.db", signals_dir=folder)
        with Client(create_app(settings)) as own:
            assert own.app.state.champion.wait(300)
            answer = own.post("/v1/scores", json=body)
            assert (answer.status_code, answer.json()["code"]) == (status, code)
            assert str(tmp_path) not in answer.text
