"""The routes of visits, corrections and plans, asked by people who are signed in."""

from __future__ import annotations

import copy
import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from serving.access import Role
from serving.api.elimination_answers import EliminationAnswer, RelapsesAnswer
from serving.api.plan_answers import CaseMeasuresAnswer, ChangedMeasureAnswer
from serving.api.visit_answers import CorrectionsAnswer, RecordedAnswer, ReviewAnswer, VisitsAnswer
from serving.api.visit_documentation import EXAMPLE_DELIVERY, EXAMPLE_MEASURE, EXAMPLE_VISIT
from serving.app import create_app
from serving.cases.clocks import china_day
from serving.settings import Settings
from serving.storage.case_tables import case_file
from serving.storage.cases import CaseStore
from serving.storage.keys import utc_now
from tests.serving.access.callers import person
from tests.serving.access.people import ORIGIN
from tests.serving.casework.county import FAR, VILLAGE, statement
from tests.serving.conftest import Client

DAY = dt.date(2026, 10, 31)
TODAY = china_day(utc_now())
# As the service documents them, but of today: it knows no other day.
VISIT = copy.deepcopy({**EXAMPLE_VISIT, "visited_on": TODAY.isoformat()})
VISIT["account"]["lines"][-1]["occurred_on"] = (TODAY - dt.timedelta(days=145)).isoformat()
MEASURE = {
    **EXAMPLE_MEASURE, "starts_on": TODAY.isoformat(), "due_on": (TODAY + dt.timedelta(30)).isoformat()
}  # fmt: skip
DELIVERY = {**EXAMPLE_DELIVERY, "delivered_on": TODAY.isoformat()}
KEY = "H-VISITED"


class Town:
    """A service with one household, and the people who ask it."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.cadre = self._person("village_official", VILLAGE)
        self.town = self._person("township_official", VILLAGE[:9])
        self.county = self._person("county_official", VILLAGE[:6])
        self.stranger = self._person("village_official", FAR)

    def _person(self, role: str, area: str) -> dict[str, str]:
        return {**person(self.client.app, role, area), "Authorization": ""}

    def ask(self, method: str, path: str, who: dict[str, str], status: int = 200, **more: Any) -> Any:
        answer = self.client.request(method, path, headers=who, **more)
        assert answer.status_code == status, answer.text
        return answer.json()


@pytest.fixture(scope="module")
def town(bundle_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    folder = tmp_path_factory.mktemp("casework")
    settings = Settings(bundle_dir, f"sqlite:///{folder}/s.db", public_origin=ORIGIN)
    with Client(create_app(settings)) as client:
        store = client.app.state.store
        store.save_release("m", "0" * 64, 12)
        store.save([statement(KEY, DAY)], [VILLAGE])
        yield Town(client)


def test_from_the_visit_to_the_delivery(town: Town) -> None:
    path = f"/v1/households/{KEY}/visits"
    visit = {
        **VISIT,
        "answers": [{"family": "01", "is_agreed": False, "why": "outdated"}],
    }
    recorded = RecordedAnswer.model_validate(town.ask("POST", path, town.cadre, json=visit))
    assert recorded.is_new
    assert recorded.case_id is not None
    again = RecordedAnswer.model_validate(town.ask("POST", path, town.cadre, json=visit))
    assert (again.visit_id, again.is_new) == (recorded.visit_id, False)
    other = {**visit, "finding": "no_difficulty", "causes": []}
    assert town.ask("POST", path, town.cadre, 422, json=other)["code"] == "submission_key_reused"

    told = VisitsAnswer.model_validate(town.ask("GET", path, town.county))
    (one,) = told.visits
    assert one.account is not None
    # 26,000 + 4,200 − 1,300 − 14,800.50, shared by three, and the line of the year with its mark.
    assert (one.account.total_yuan, one.account.net_yuan) == (14_099.5, 28_900)
    assert one.account.per_person_yuan == pytest.approx(14_099.5 / 3)
    assert (one.account.line_yuan, one.account.line_is_assumption, one.account.is_over_line) == (
        8700,
        True,
        False,
    )
    assert one.answered is not None
    assert one.answered.model_dump() == {"as_of_date": DAY.isoformat(), "model_version": "m"}
    assert one.answers[0].why_text is not None
    assert one.answers[0].why_text.zh == "情况已过时"

    waiting = CorrectionsAnswer.model_validate(town.ask("GET", "/v1/corrections?state=proposed", town.town))
    assert (waiting.total, waiting.corrections[0].is_own) == (1, False)
    number = waiting.corrections[0].correction_id
    order: dict[str, Any] = {"json": {"is_approved": True}}
    refused = town.ask("POST", f"/v1/corrections/{number}/review", town.cadre, 403, **order)
    assert refused["code"] == "role_not_allowed"
    wrong: tuple[tuple[dict[str, Any], str], ...] = (
        ({"is_approved": "yes"}, "wrong_type"), ({"is_approved": False}, "missing"),
        ({"is_approved": False, "why": "x"}, "unknown_category"), ({"is_approved": True, "why": "no_proof"}, "not_taken"),
    )  # fmt: skip
    for body, code in wrong:
        answer = town.ask("POST", f"/v1/corrections/{number}/review", town.town, 422, json=body)
        assert [one["code"] for one in answer["errors"]] == [code], body
    reviewed = ReviewAnswer.model_validate(
        town.ask("POST", f"/v1/corrections/{number}/review", town.town, **order)
    )
    # This service keeps no signals: the correction counts all the same.
    assert (reviewed.correction.state, reviewed.rescored) in {
        ("approved", "signals_not_kept"), ("approved", "failed"),
    }  # fmt: skip
    refused_for = {"is_approved": False, "why": "no_proof"}
    late = town.ask("POST", f"/v1/corrections/{number}/review", town.county, 409, json=refused_for)
    assert late["code"] == "correction_reviewed"

    measures = f"/v1/cases/{recorded.case_id}/measures"
    made = ChangedMeasureAnswer.model_validate(town.ask("POST", measures, town.cadre, json=MEASURE))
    assert (made.is_new, made.measure.department, made.measure.planned_yuan) == (
        True,
        "medical_insurance",
        8000,
    )
    given = f"{measures}/{made.measure.measure_id}/deliveries"
    ChangedMeasureAnswer.model_validate(town.ask("POST", given, town.cadre, json=DELIVERY))
    more = {**DELIVERY, "submission_key": "delivery-too-much-1", "amount_yuan": 0.01}
    over = town.ask("POST", given, town.cadre, 422, json=more)
    assert [one["code"] for one in over["errors"]] == ["more_than_planned"]
    plan = CaseMeasuresAnswer.model_validate(town.ask("GET", measures, town.town))
    assert [one.delivered_yuan for one in plan.measures] == [8000]
    assert {one.code for one in plan.problems} == {"labour_without_work"}
    assert plan.what_if == []


def test_a_household_of_elsewhere_is_nowhere(town: Town) -> None:
    for path in (f"/v1/households/{KEY}/visits", "/v1/households/H-NOBODY/visits"):
        visit = {**VISIT, "submission_key": "visit-of-a-stranger"}
        answers = [
            town.client.request("POST", path, headers=town.stranger, json=visit),
            town.client.request("GET", path, headers=town.stranger),
        ]
        assert [one.status_code for one in answers] == [404, 404]
        assert {one.json()["code"] for one in answers} == {"household_not_found"}
    case = CaseStore(town.client.app.state.store.engine, town.client.app.state.store.audit)
    with case.writer.begin() as connection:
        opened = case.open_in(
            connection, household_id="H-2", village_code=VILLAGE, opened_on=DAY, grade=1, theme="illness",
            is_hard=False, disagreement=None, causes=[],
        )  # fmt: skip
    bodies = {
        town.client.request("GET", f"/v1/cases/{one}/measures", headers=town.stranger).content
        for one in (opened.id, "0" * 32)
    }
    assert len(bodies) == 1


def test_conditions_and_relapses_are_told(town: Town) -> None:
    store = town.client.app.state.store
    cases = CaseStore(store.engine, store.audit)
    with cases.writer.begin() as connection:
        followed, resolved = (
            cases.open_in(
                connection, household_id=key, village_code=VILLAGE, opened_on=DAY, grade=1, theme="illness",
                is_hard=False, disagreement=None, causes=[],
            )
            for key in ("H-FOLLOWED", "H-RESOLVED")
        )  # fmt: skip
        gone = update(case_file).where(case_file.c.id == resolved.id)
        connection.execute(gone.values(state="resolved", closed_on=dt.date(2026, 9, 1)))
    path = f"/v1/cases/{followed.id}/elimination"
    told = EliminationAnswer.model_validate(town.ask("GET", path, town.county))
    assert (told.is_open, len(told.conditions)) == (False, 7)
    assert [one.code for one in told.conditions[0].unmet] == ["not_identified"]
    (labour,) = (one for one in told.conditions if one.code == "labour")
    assert (labour.is_met, labour.evidence[0].value_text.zh) == (True, "有劳动力")
    assert town.ask("GET", path, town.stranger, 404)["code"] == "case_not_found"

    assert town.ask("GET", "/v1/relapses", town.town) == {"total": 0, "cases": []}
    for day, grade in ((dt.date(2026, 8, 1), "low"), (DAY, "medium")):
        store.save([statement("H-RESOLVED", day, grade)], [VILLAGE])
    page = RelapsesAnswer.model_validate(town.ask("GET", "/v1/relapses", town.town))
    (one,) = page.cases
    assert (page.total, one.household_id, one.grade_then, one.grade_now) == (1, "H-RESOLVED", "low", "medium")
    assert [sign.text.zh for sign in one.signs] == ["消除后风险等级上升"]
    assert town.ask("GET", "/v1/relapses", town.stranger)["total"] == 0
    assert town.ask("GET", "/v1/relapses?limit=0", town.town, 422)["code"] == "request_invalid"


def test_no_key_of_anybody_hands_in_a_visit(town: Town) -> None:
    for role, area in ((Role.PLATFORM, "*"), (Role.VILLAGE_OFFICIAL, VILLAGE), (Role.HELPER, VILLAGE)):
        key = town.client.make_key(role, area)
        answer = town.client.request("POST", f"/v1/households/{KEY}/visits", headers=key, json=VISIT)
        assert (answer.status_code, answer.json()["code"]) == (403, "role_not_allowed")


@pytest.mark.parametrize(
    "query", ["state=gone", "limit=0", "limit=101", "offset=-1", "state=proposed&state=refused"]
)
def test_a_query_that_is_none_is_refused(town: Town, query: str) -> None:
    assert town.ask("GET", f"/v1/corrections?{query}", town.town, 422)["code"] == "request_invalid"
