"""`POST /v1/what-if` and `GET /v1/measures`: what is answered, what is refused, and that nothing comes back."""

from __future__ import annotations

import copy
import json
import logging
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from features.policy.measures import measures
from serving.api.answers import ProblemAnswer
from serving.api.documentation import example_what_if
from serving.api.what_if_answers import MeasureCatalogue, WhatIfAnswer
from serving.storage import tables
from tests.serving import hostile, hostile_plans
from tests.serving.conftest import Client, a_household, a_request
from tests.serving.hostile import CANARY

PATH = "/v1/what-if"
JSON = {"Content-Type": "application/json"}


@pytest.fixture
def plan() -> dict[str, Any]:
    return copy.deepcopy(example_what_if())


def post(client: Client, body: bytes | str) -> httpx.Response:
    return client.post(PATH, content=body, headers=JSON)


def ask(client: Client, request: dict[str, Any], *chosen: dict[str, Any]) -> dict[str, Any]:
    answer = client.post(PATH, json={**request, "measures": list(chosen)})
    assert answer.status_code == 200, answer.text
    WhatIfAnswer.model_validate(answer.json(), strict=True)
    made: dict[str, Any] = answer.json()
    return made


def heard_until(request: dict[str, Any]) -> dict[str, Any]:
    """The request with departments that were heard until its date: else there is no score to change."""
    day = request["as_of_date"]
    heard = [
        {**row, "complete_from": min(row["complete_from"], day), "complete_until": day, "known_on": day}
        for row in request["coverage"]
    ]
    return {**request, "coverage": heard}


def test_the_example_is_answered(client: Client, plan: dict[str, Any]) -> None:
    made = ask(client, plan, *plan["measures"])
    # 10 months from 1 January until 31 October.
    assert {one["code"]: (one["payments"], one["counted_yuan"]) for one in made["measures"]} == {
        "public_welfare_post": (10, 6_000.0), "reimbursement": (1, 8_000.0), "dibao": (12, 5_880.0),
    }  # fmt: skip
    income = made["reference_income"]
    # The account has 25,600 − 2,100 − 9,800 for four.
    assert (income["basis"], income["members"]) == ("account", 4)
    assert income["before"]["total_yuan"] == 13_700
    assert income["after"]["total_yuan"] == 13_700 + 6_000 + 8_000 + 5_880
    assert income["before"]["gap_yuan"] == 4 * 8_700 - 13_700
    assert income["line"]["is_assumption"] is True
    assert made["period"]["counted_from"] == "2025-11-01"
    assert made["period"]["planned_until"] == "2027-10-31"
    assert made["model"]["nature"] == "association_not_effect"
    assert made["matching"]["labour"]["state"] == "met"


def test_the_facts_as_they_are_score_as_they_do(client: Client, plan: dict[str, Any]) -> None:
    chosen = plan.pop("measures")
    scored = client.post("/v1/scores", json=plan).json()["results"][0]
    made = ask(client, plan, *chosen)
    assert made["model"]["before"] == {name: scored[name] for name in ("score", "grade", "grade_text")}
    assert made["model_in_service"] == client.post("/v1/scores", json=plan).json()["model"]
    nothing = ask(client, plan)
    assert nothing["model"]["before"] == nothing["model"]["after"]
    assert nothing["reference_income"]["before"] == nothing["reference_income"]["after"]
    assert nothing["reference_income"]["change_yuan"] == 0


def test_a_bill_that_is_paid_is_scored_as_a_smaller_bill(client: Client) -> None:
    """The changed facts are what the same facts would be if a department had delivered them."""
    before, after = a_household("A", self_paid=30_000), a_household("A", self_paid=30_000)
    (claim,) = after["signals"]["illness"]
    claim["reimbursed_yuan"], claim["self_paid_yuan"] = 15_000 + 20_000, 10_000
    made = ask(client, a_request(before), {"code": "reimbursement", "amount_yuan": 20_000})
    scored = client.post("/v1/scores", json=a_request(after)).json()["results"][0]
    assert made["model"]["after"]["score"] == scored["score"]
    assert made["model"]["before"]["score"] != scored["score"]


def test_where_income_is_not_known_nothing_is_worked_out(client: Client) -> None:
    made = ask(client, a_request(a_household("A"), silent=("income",)), {"code": "dibao"})
    assert made["reference_income"] is None
    assert made["reference_income_text"]["zh"].startswith("没有收支细账")
    assert made["measures"][0]["counted_yuan"] is None
    assert "无法计算" in made["measures"][0]["text"]["zh"]
    # The plan changes the income feed as well, and nobody can see it.
    assert made["model"]["unseen_feeds"] == ["income"]
    assert "收入记录没有数据或已过期" in made["model"]["text"]["zh"]


def test_of_whom_no_department_told_anything_nothing_is_worked_out(
    client: Client, plan: dict[str, Any]
) -> None:
    for row in plan["coverage"]:
        row |= {"complete_until": "2023-12-31", "known_on": "2024-01-10"}
    answer = client.post(PATH, json=plan)
    assert (answer.status_code, answer.json()["code"]) == (409, "nothing_known")
    _check_problem(answer)
    # One that was heard is enough.
    plan["coverage"][0] |= {"complete_until": plan["as_of_date"], "known_on": plan["as_of_date"]}
    assert client.post(PATH, json=plan).status_code == 200


def test_a_silent_register_is_no_household_without_labour(client: Client) -> None:
    made = ask(client, a_request(a_household("A"), silent=("member",)), {"code": "dibao"})
    assert made["matching"]["labour"]["state"] == "unknown"


def test_order_and_repetition_change_no_byte(client: Client, plan: dict[str, Any]) -> None:
    first = client.post(PATH, json=plan)
    assert client.post(PATH, json=plan).content == first.content
    plan["measures"].reverse()
    assert client.post(PATH, json=plan).content == first.content


def test_nothing_is_stored(client: Client, plan: dict[str, Any]) -> None:
    def rows() -> dict[str, int]:
        with client.app.state.store.engine.connect() as connection:
            return {
                table.name: connection.scalar(select(func.count()).select_from(table)) or 0
                for table in tables.METADATA.sorted_tables
            }

    before = rows()
    client.post(PATH, json=plan)
    assert before
    assert rows() == before


@pytest.mark.parametrize("name", [*hostile.SYNTAX, *hostile_plans.SYNTAX])
def test_what_is_not_strict_json_is_refused(client: Client, name: str) -> None:
    body, code = {**hostile.SYNTAX, **hostile_plans.SYNTAX}[name]
    answer = post(client, body)
    assert (answer.status_code, answer.json()["code"]) == (400, code)
    _check_problem(answer)


@pytest.mark.parametrize("name", hostile_plans.RULES)
def test_a_plan_that_breaks_a_rule_is_refused(client: Client, name: str) -> None:
    body, pointer, code = hostile_plans.RULES[name]
    answer = post(client, body)
    assert (answer.status_code, answer.json()["code"]) == (422, "request_invalid")
    assert (pointer, code) in [(one["pointer"], one["code"]) for one in answer.json()["errors"]]
    _check_problem(answer)


@pytest.mark.parametrize("name", hostile.RULES)
def test_a_household_that_breaks_a_rule_is_refused_as_for_a_score(client: Client, name: str) -> None:
    body, pointer, code = hostile.RULES[name]
    document = json.loads(body)
    if isinstance(document, dict):
        document["measures"] = [{"code": "dibao"}]
    answer = post(client, json.dumps(document).encode())
    assert answer.status_code == 422
    errors = [(one["pointer"], one["code"]) for one in answer.json()["errors"]]
    only_one = name == "household twice"
    assert (("/households", "wrong_number") if only_one else (pointer, code)) in errors
    _check_problem(answer)


def test_every_error_of_household_and_plan_is_told_at_once(client: Client, plan: dict[str, Any]) -> None:
    plan["coverage"][0]["feed"] = CANARY
    plan["households"][0]["signals"]["illness"][0]["total_yuan"] = -1
    plan["measures"] = [{"code": CANARY}, {"code": "job", "persons": "2", "amount_yuan": -5}]
    answer = client.post(PATH, json=plan)
    assert {(one["pointer"], one["code"]) for one in answer.json()["errors"]} == {
        ("/coverage/0/feed", "unknown_category"),
        ("/households/0/signals/illness/0/total_yuan", "out_of_range"),
        ("/measures/0/code", "unknown_measure"),
        ("/measures/1/persons", "wrong_type"),
        ("/measures/1/amount_yuan", "out_of_range"),
    }
    _check_problem(answer)


def test_size_and_media_type_are_bounded(client: Client) -> None:
    answer = post(client, b" " * 200_001)
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")
    answer = client.post(PATH, content=b"{}", headers={"Content-Type": "text/plain"})
    assert (answer.status_code, answer.json()["code"]) == (415, "media_type_unsupported")
    assert client.get(PATH).status_code == 405


def test_canaries_come_back_nowhere(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    bodies = [body for body, *_ in (*hostile_plans.SYNTAX.values(), *hostile_plans.RULES.values())]
    with caplog.at_level(logging.DEBUG, "fangfan"):
        for body in bodies:
            answer = post(client, body)
            assert CANARY not in answer.text + str(answer.headers)
    logged = "\n".join(f"{one.getMessage()} {vars(one).get('fields')}" for one in caplog.records)
    assert PATH in logged
    assert CANARY not in logged


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
_PARTS = ("code", "starts_on", "ends_on", "amount_yuan", "persons")
_VALUES = (
    _JSON
    | st.sampled_from(sorted(measures()))
    | st.dates().map(str)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.integers(-5, 30)
)


@given(st.lists(st.dictionaries(st.sampled_from(_PARTS), _VALUES) | _JSON, max_size=3))
@settings(max_examples=300, deadline=None, derandomize=True, database=None)
def test_any_plan_is_answered_without_failing(client: Client, chosen: list[Any]) -> None:
    answer = post(client, json.dumps({**example_what_if(), "measures": chosen}).encode())
    assert answer.status_code in (200, 400, 422), answer.text


@given(
    chosen=st.lists(st.sampled_from(sorted(measures())), unique=True, max_size=8),
    as_of=st.dates().filter(lambda day: day.year >= 2020),
    data=st.data(),
)
@settings(
    max_examples=150, deadline=None, derandomize=True, database=None,
    suppress_health_check=[HealthCheck.too_slow],
)  # fmt: skip
def test_any_date_is_answered_without_failing(
    client: Client, chosen: list[str], as_of: Any, data: Any
) -> None:
    request = heard_until({**example_what_if(), "as_of_date": str(as_of)})
    starts = st.none() | st.integers(-3, 370).map(
        lambda days: str(as_of.fromordinal(min(as_of.toordinal() + days, 3_652_059)))
    )
    request["measures"] = [{"code": code, "starts_on": data.draw(starts)} for code in chosen]
    answer = client.post(PATH, json=request)
    assert answer.status_code in (200, 422), answer.text


@given(_JSON)
@settings(max_examples=100, deadline=None, derandomize=True, database=None)
def test_any_json_is_answered_without_failing(client: Client, document: Any) -> None:
    assert post(client, json.dumps(document).encode()).status_code in (400, 422)


def test_the_first_day_of_the_policy_is_answered(client: Client, plan: dict[str, Any]) -> None:
    plan["as_of_date"] = str(client.app.state.champion.scorer().first_day)
    plan["households"][0]["signals"]["household"][0] |= {
        "occurred_on": "2019-01-01",
        "known_on": "2019-01-01",
    }
    made = ask(client, heard_until(plan))
    assert made["measures"] == []
    answer = client.post(PATH, json={**heard_until(plan), "measures": [{"code": "dibao"}]})
    codes = [one["code"] for one in answer.json().get("errors", [])]
    assert (answer.status_code, codes) in ((200, []), (422, ["not_in_force"]))


def test_the_catalogue_is_public_and_whole(client: Client) -> None:
    answer = client.get("/v1/measures")
    made = MeasureCatalogue.model_validate(answer.json(), strict=True)
    assert [one.code for one in made.measures] == list(measures())
    assert len(made.groups) == 14
    assert made.region == "CN-50"
    by_code = {one.code: one for one in made.measures}
    (dibao,) = by_code["dibao"].entries
    assert (dibao.amount_yuan, dibao.is_assumption, dibao.effective_from) == (490, False, "2021-01-01")
    assert "重庆日报" in dibao.source
    assert by_code["microloan"].entries[0].effective_until == "2025-12-31"
    assumed = {one.code for one in made.measures if any(entry.is_assumption for entry in one.entries)}
    assert assumed == {
        "production_grant", "contract_farming", "job", "travel_subsidy", "public_welfare_post", "house_repair",
        "yulu", "student_grant", "tekun", "disability_allowance", "donation", "microloan",
    }  # fmt: skip


def test_the_documented_body_is_what_is_taken(client: Client) -> None:
    document = client.get("/openapi.json").json()
    content = document["paths"][PATH]["post"]["requestBody"]["content"]["application/json"]
    assert client.post(PATH, json=content["example"]).status_code == 200
    schema = content["schema"]
    assert schema["required"] == ["as_of_date", "coverage", "households", "measures"]
    assert schema["properties"]["households"]["maxItems"] == 1
    item = schema["properties"]["measures"]["items"]
    assert tuple(item["properties"]) == _PARTS
    assert item["properties"]["code"]["enum"] == list(measures())
    # The body of a score is as it was.
    scores = document["paths"]["/v1/scores"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert all("measures" not in one["properties"] for one in scores["anyOf"])


def _check_problem(answer: httpx.Response) -> None:
    assert answer.headers["content-type"] == "application/problem+json"
    told = ProblemAnswer.model_validate(answer.json(), strict=True)
    assert told.way_out
    assert all(one.way_out for one in told.errors)
    assert CANARY not in answer.text
