"""A database with an audit log, and leads as tests write them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Engine

from serving.access import EVERYWHERE, Caller, Role, Scope
from serving.cases.lead import Lead, make_lead
from serving.storage import AssessmentStore, AuditLog, open_database
from serving.storage.cases import CaseStore
from serving.storage.leads import LeadStore
from serving.storage.worklists import WorklistStore

PLATFORM = Caller("platform", Role.PLATFORM, EVERYWHERE)
VILLAGE, NEXT_DOOR, FAR = "500999100201", "500999100202", "510199100201"
DAY = dt.date(2026, 10, 31)
NOW = dt.datetime(2026, 11, 1, 2, tzinfo=dt.UTC)


def official(area: str) -> Caller:
    """Somebody of an area."""
    return Caller(f"a{area}"[:12], Role.COUNTY_OFFICIAL, Scope(area))


def a_lead(code: str = "serious_illness", household: str = "H1", **more: Any) -> Lead:
    given = {
        "village": VILLAGE, "source": "health", "occurred_on": dt.date(2026, 10, 20),
        "known_on": dt.date(2026, 10, 25), "facts": {}, **more,
    }  # fmt: skip
    return make_lead(
        household, given["village"], code, given["source"], occurred_on=given["occurred_on"],
        known_on=given["known_on"], region="CN-50", facts=given["facts"],
    )  # fmt: skip


def a_score(household: str = "H1", **more: Any) -> Lead:
    facts = {"score": 0.4, "grade": "high", "disagreement": None, "causes": ["01"], **more.pop("facts", {})}
    return a_lead(
        "score", household, source="m", facts=facts, **{"occurred_on": DAY, "known_on": DAY, **more}
    )


def a_body(
    key: str, score: float = 0.1, grade: str = "low", hits: tuple[str, ...] = (), **more: Any
) -> dict[str, Any]:
    """A stored statement, as far as lists look at it."""
    action = "visit" if hits or grade == "high" else "routine"
    rule_hits = [
        {"code": one, "cause": "01", "feature": "illness_self_paid_yuan_12m", "value": 2.0, "level": 1.0,
         "is_assumption": False}
        for one in hits
    ]  # fmt: skip
    latest = {"illness": {"records": 1, "occurred_on": "2026-10-10", "known_on": "2026-10-15"}}
    return {
        "household_id": key, "as_of_date": DAY.isoformat(), "model_version": "m", "score": score,
        "log_odds": 0.0, "grade": grade, "suggested_action": action, "risk_reasons": [{"code": "01", "family": "x"}],
        "protective_reasons": [], "rule_hits": rule_hits, "disagreement": None, "latest_facts": latest,
        "themes": [{"theme": "illness", "score": score}], "missing_feeds": [], "stale_feeds": [],
        "partial_feeds": [], **more,
    }  # fmt: skip


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    made = open_database(database_url)
    yield made
    made.dispose()


@pytest.fixture
def audit(engine: Engine) -> AuditLog:
    return AuditLog(engine, b"k" * 32)


@pytest.fixture
def leads(engine: Engine, audit: AuditLog) -> LeadStore:
    return LeadStore(engine, audit, CaseStore(engine, audit, lambda: NOW), now=lambda: NOW)


@pytest.fixture
def lists(engine: Engine, audit: AuditLog) -> WorklistStore:
    return WorklistStore(engine, audit, lambda: NOW)


@pytest.fixture
def assessments(engine: Engine, audit: AuditLog) -> AssessmentStore:
    made = AssessmentStore(engine, audit)
    made.save_release("m", "0" * 64, 12)
    return made
