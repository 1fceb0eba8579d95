"""Whom the lists miss, from the visits to households that a lot drew: by county, with an interval."""

from __future__ import annotations

import dataclasses
import datetime as dt
import random

import pytest
from sqlalchemy import Engine

from scoring.missed import estimate_missed
from serving.cases.worklist import Why
from serving.storage import AssessmentStore
from serving.storage.case_tables import case_file
from serving.storage.leads import LeadStore
from serving.storage.worklists import WorklistStore
from serving.worklists.making import make_worklists
from serving.worklists.missed import audit_misses
from tests.serving.leads.conftest import FAR, PLATFORM, VILLAGE, a_body, a_lead
from tests.serving.leads.runs import MADE_ON, save_visit, terms


def test_misses_are_estimated_by_county_as_by_hand(engine: Engine, leads: LeadStore) -> None:
    on = dt.date(2026, 3, 10)
    for n in range(10):
        finding = "difficulty" if n < 3 else "not_met" if n == 9 else "no_difficulty"
        save_visit(engine, f"R{n}", VILLAGE, on, is_random=1, chance=0.05, finding=finding)
        save_visit(engine, f"R{n}", FAR, on, id=f"far{n}", submission_key=f"far{n}", is_random=1, chance=0.5)
        save_visit(engine, f"L{n}", VILLAGE, on, finding="difficulty")
    leads.add(PLATFORM, [a_lead(household="R0"), a_lead(household="R0", village=FAR)], on=MADE_ON)
    with engine.begin() as connection:
        # One of the three was identified within the grace.
        connection.execute(case_file.update().values(identified_on=dt.date(2026, 5, 1)))
    here, far = audit_misses(engine, "5", dt.date(2026, 1, 1), dt.date(2026, 6, 30), today=MADE_ON)
    assert (here.county, far.county) == ("500999", "510199")
    assert here.missed is not None
    # 10 visits at 1 in 20 are 200 households; of the 9 met 3 were in difficulty, 2 of them never identified.
    assert (here.missed.visits, here.missed.met, here.missed.found) == (10, 9, 3)
    assert here.missed.population == pytest.approx(200)
    assert here.missed.missed.value == pytest.approx(200 * 2 / 9)
    assert here.missed.undetected.value == pytest.approx(200 * 3 / 9)
    assert here.missed.missed.low < 200 * 2 / 9 < here.missed.missed.high
    assert far.missed is not None
    assert far.missed.missed.value == 0
    assert here.as_json()["estimate"]["first_on"] == "2026-03-10"
    (early,) = audit_misses(
        engine, "50", dt.date(2026, 1, 1), dt.date(2026, 6, 30), today=dt.date(2026, 4, 1)
    )
    assert early.missed is None
    assert audit_misses(engine, "52", dt.date(2026, 1, 1), dt.date(2026, 6, 30), today=MADE_ON) == []


def test_what_the_lot_estimates_is_what_there_is(
    assessments: AssessmentStore, engine: Engine, lists: WorklistStore
) -> None:
    """One household in ten is in difficulty, listed or not: half a year of lots says so, with its interval."""
    rng = random.Random(7)
    villages = [f"5009991{n:02}201" for n in range(10)]
    for village in villages:
        assessments.save([a_body(f"{village}-{n}", rng.random() / 10) for n in range(30)], [village] * 30)
    households = [f"{village}-{n}" for village in villages for n in range(30)]
    needy = set(rng.sample(households, 30))
    for month in range(6):
        day = dt.date(2026, month + 1, 1)
        more = dataclasses.replace(terms(random_share=1.0, made_on=day), seed=f"s{month}")
        (made,) = make_worklists(engine, lists, PLATFORM, "500999", more)
        assert made.lists is not None
        for one in made.lists.entries:
            if one.why is Why.RANDOM:
                finding = "difficulty" if one.household_id in needy else "no_difficulty"
                save_visit(
                    engine,
                    one.household_id,
                    one.village_code,
                    day,
                    is_random=1,
                    chance=one.chance,
                    finding=finding,
                )
    (found,) = audit_misses(
        engine, "500999", dt.date(2026, 1, 1), dt.date(2026, 12, 31), today=dt.date(2027, 6, 1)
    )
    assert found.missed is not None
    # The share in difficulty is 1 in 10 of everybody, of those not listed too, as scores tell nothing here.
    share = found.missed.missed.value / found.missed.population
    assert (
        found.missed.missed.low / found.missed.population
        < 0.1
        < found.missed.missed.high / found.missed.population
    )
    assert 0.05 < share < 0.16
    assert estimate_missed.__module__ == "scoring.missed"
