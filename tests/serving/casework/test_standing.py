"""Whose word an alert stands or falls by: its own village's, up to the day of the run."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from serving.access import EVERYWHERE, Scope
from serving.storage.standing import StandingStore
from tests.serving.casework.county import FAR, NEXT, VILLAGE, CountyOffice, account, statement

SAID_ON, RUN_ON = dt.date(2026, 3, 31), dt.date(2026, 4, 30)
BILL: dict[str, Any] = {
    "code": "medical_self_paid", "cause": "01", "feature": "illness_self_paid_yuan_12m", "value": 62_000.0,
    "level": 20_000.0, "is_assumption": True,
}  # fmt: skip


def say(office: CountyOffice, village: str, day: dt.date, **more: Any) -> None:
    """An alert of a day, or what is given in its place."""
    body = statement("H1", day, "low", **{"rule_hits": [BILL], **more})
    office.assessments.save_release("m", "0" * 64, 12)
    office.assessments.save([body], [village])


def stood_since(office: CountyOffice, village: str = VILLAGE, within: Scope = EVERYWHERE) -> str | None:
    """Since when the alert stands on in a run that is told nothing of illness."""
    silent = statement("H1", RUN_ON, "low", missing_feeds=["illness"], suggested_action="routine")
    (made,) = StandingStore(office.engine).stand_on([silent], [village], RUN_ON, within)
    assert (made["suggested_action"] == "visit") == ("standing" in made)
    return made["standing"]["as_of_date"] if "standing" in made else None


def test_what_is_said_elsewhere_ends_no_alert_and_feigns_none(office: CountyOffice) -> None:
    say(office, VILLAGE, SAID_ON)
    # Under the same key, by whoever writes for the village next to it.
    say(office, NEXT, SAID_ON + dt.timedelta(days=9), rule_hits=[], suggested_action="routine")
    assert stood_since(office) == str(SAID_ON)
    say(office, VILLAGE, SAID_ON + dt.timedelta(days=1), rule_hits=[], suggested_action="routine")
    say(office, NEXT, SAID_ON + dt.timedelta(days=10))
    assert stood_since(office) is None


def test_an_alert_moves_with_its_household_inside_of_the_county(office: CountyOffice) -> None:
    say(office, VILLAGE, SAID_ON)
    assert stood_since(office, NEXT) == str(SAID_ON)
    assert stood_since(office, FAR) is None
    # Who may write for the new village alone is told nothing of the former one.
    assert stood_since(office, NEXT, Scope(NEXT)) is None
    assert stood_since(office, NEXT, Scope(NEXT[:9])) == str(SAID_ON)


def test_a_high_grade_stands_on_where_every_department_is_silent_whatever_the_model_makes_of_it(
    office: CountyOffice,
) -> None:
    office.assessments.save_release("m", "0" * 64, 12)
    office.assessments.save([statement("H1", SAID_ON, "high")], [VILLAGE])
    nothing = statement("H1", RUN_ON, "high", missing_feeds=["illness"])
    store = StandingStore(office.engine)
    (heard,) = store.stand_on([nothing], [VILLAGE], RUN_ON, unheard={NEXT})
    (unheard,) = store.stand_on([nothing], [VILLAGE], RUN_ON, unheard={VILLAGE})
    assert "standing" not in heard
    assert (unheard["standing"]["grade"], unheard["standing"]["as_of_date"]) == ("high", str(SAID_ON))


@pytest.mark.parametrize(("finding", "ends"), [("no_difficulty", True), ("not_met", False)])
def test_a_visit_of_after_the_day_of_the_run_changes_nothing_of_it(
    office: CountyOffice, finding: str, *, ends: bool
) -> None:
    say(office, VILLAGE, SAID_ON)
    office.on(SAID_ON + dt.timedelta(days=2))
    office.open_case("H1")
    parts: dict[str, Any] = {"account": account(20_000)} if finding != "not_met" else {}
    office.on(RUN_ON + dt.timedelta(days=1))
    office.visit("H1", finding=finding, **parts)
    assert stood_since(office) == str(SAID_ON)
    office.on(RUN_ON)
    office.visit("H1", finding=finding, **parts)
    assert (stood_since(office) is None) == ends
