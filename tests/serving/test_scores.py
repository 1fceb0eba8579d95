"""`POST /v1/scores`: what is answered, what is refused, and that nothing submitted comes back."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from features.signals import REQUEST_FEEDS
from serving.api.answers import AssessmentAnswer, ProblemAnswer, ScoreAnswer
from serving.api.documentation import example_request
from tests.serving.conftest import Client, a_household, a_request
from tests.serving.hostile import CANARY, RULES, SYNTAX


def test_the_example_scores(client: Client, body: dict[str, Any]) -> None:
    answer = client.post("/v1/scores", json=body)
    assert answer.status_code == 200, answer.text
    made = ScoreAnswer.model_validate(answer.json(), strict=True)
    assert [one.household_id for one in made.results] == ["EXAMPLE-0001"]
    (told,) = made.results
    assert isinstance(told, AssessmentAnswer)
    assert told.suggested_action == "visit"
    assert {one.code for one in told.rule_hits} == {
        "medical_self_paid",
        "crop_loss",
        "out_of_work",
        "own_declaration",
    }
    assert told.latest_facts["illness"].records == 2
    assert made.model.version == told.model_version


def test_answers_come_in_the_order_of_the_request(client: Client) -> None:
    keys = ["H9", "H1", "H5"]
    request = a_request(*(a_household(key, self_paid=n * 9_000) for n, key in enumerate(keys, 1)))
    results = client.post("/v1/scores", json=request).json()["results"]
    assert [one["household_id"] for one in results] == keys
    alone = [
        client.post("/v1/scores", json=a_request(one)).json()["results"][0] for one in request["households"]
    ]
    assert results == alone


def test_a_row_may_repeat_its_households_key(client: Client, body: dict[str, Any]) -> None:
    before = client.post("/v1/scores", json=body).json()
    for rows in body["households"][0]["signals"].values():
        for row in rows:
            row["household_id"] = "EXAMPLE-0001"
    assert client.post("/v1/scores", json=body).json() == before


def test_a_key_changes_no_score(client: Client) -> None:
    results = client.post("/v1/scores", json=a_request(a_household("A"), a_household("zz-9"))).json()[
        "results"
    ]
    assert results[0]["score"] == results[1]["score"]


def test_a_silent_feed_is_named_and_never_routine(client: Client) -> None:
    request = a_request(a_household("A"), silent=("illness",))
    request["coverage"][0]["complete_until"] = "2024-01-01"
    result = client.post("/v1/scores", json=request).json()["results"][0]
    assert result["missing_feeds"] == ["illness"]
    assert result["stale_feeds"] == [request["coverage"][0]["feed"]]
    assert result["suggested_action"] != "routine"


def test_a_low_grade_behind_silent_feeds_is_not_called_low_risk(client: Client) -> None:
    told = client.post("/v1/scores", json=a_request(a_household("A"))).json()["results"][0]
    assert (told["grade"], told["grade_text"]["zh"]) == ("low", "低风险")
    without = a_request(a_household("A"), silent=("loan",))
    silent = client.post("/v1/scores", json=without).json()["results"][0]
    assert silent["grade"] == "low"
    assert silent["grade_text"] == {
        "zh": "数据不全，不作低风险看",
        "en": "data incomplete, not to be read as low risk",
    }


QUERIES = ["", "?reasons=0", "?fields=score,grade,reasons"]


@pytest.mark.parametrize("query", QUERIES)
@pytest.mark.parametrize("is_stale", [False, True], ids=["missing", "stale"])
def test_of_whom_no_department_told_anything_there_is_no_score(
    client: Client, is_stale: bool, query: str
) -> None:
    heard, unheard = a_household("A"), a_household("B")
    unheard["signals"]["household"][0]["village_code"] = "510999100201"
    request = a_request(unheard, heard)
    if is_stale:
        for row in request["coverage"]:
            row |= {"complete_until": "2023-12-31", "known_on": "2024-01-10"}
    answer = client.post(f"/v1/scores{query}", json=request)
    first, second = answer.json()["results"]
    assert first.keys() == {"household_id", "problem"}
    assert (first["household_id"], first["problem"]["code"]) == ("B", "nothing_known")
    assert first["problem"]["text"]["zh"].startswith("截至这一天，没有任何部门提供过这户的数据")
    assert ("score" in second) is not is_stale
    if not query:
        ScoreAnswer.model_validate(answer.json(), strict=True)


def test_one_department_that_was_heard_is_enough_for_a_score(client: Client) -> None:
    request = a_request(a_household("A"))
    request["coverage"] = [one for one in request["coverage"] if one["feed"] == "illness"]
    (told,) = client.post("/v1/scores", json=request).json()["results"]
    assert told["stale_feeds"] == []
    assert len(told["missing_feeds"]) > 3
    assert 0 < told["score"] < 1


@pytest.mark.parametrize("name", SYNTAX)
def test_what_is_not_strict_json_is_refused(client: Client, name: str) -> None:
    body, code = SYNTAX[name]
    answer = client.score(body)
    assert (answer.status_code, answer.json()["code"]) == (400, code)
    _check_problem(answer)


@pytest.mark.parametrize("name", RULES)
def test_what_breaks_a_rule_is_refused_at_its_place(client: Client, name: str) -> None:
    body, pointer, code = RULES[name]
    answer = client.score(body)
    assert answer.status_code == 422, answer.text
    assert (pointer, code) in {(one["pointer"], one["code"]) for one in answer.json()["errors"]}
    _check_problem(answer)


def test_the_corpus_is_large_enough() -> None:
    assert len(SYNTAX) + len(RULES) >= 60


def test_all_errors_are_told_at_once_but_no_more_than_a_hundred(client: Client) -> None:
    request = a_request(*(a_household(f"H{n}") for n in range(120)))
    for one in request["households"]:
        one["signals"]["illness"][0]["care"] = CANARY
    request["as_of_date"] = "yesterday"
    answer = client.post("/v1/scores", json=request)
    errors = answer.json()["errors"]
    assert len(errors) == 100
    assert errors[0]["pointer"] == "/as_of_date"
    assert errors[1]["pointer"] == "/households/0/signals/illness/0/care"


def test_many_unknown_names_are_one_error(client: Client, body: dict[str, Any]) -> None:
    body["households"][0]["signals"]["illness"][0].update({f"x{n}": 1 for n in range(9_000)})
    errors = client.post("/v1/scores", json=body).json()["errors"]
    assert [one["code"] for one in errors] == ["unknown_field"]


@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "", "application/xml", "application/json; charset=gbk", "application/jsonp", "text/json"],
)
def test_only_json_is_taken(client: Client, content_type: str) -> None:
    answer = client.score(b"{}", content_type)
    assert (answer.status_code, answer.json()["code"]) == (415, "media_type_unsupported")


@pytest.mark.parametrize(
    "content_type", ["application/json; charset=utf-8", 'Application/JSON;charset="UTF-8"']
)
def test_json_may_name_its_encoding(client: Client, body: dict[str, Any], content_type: str) -> None:
    assert client.score(json.dumps(body), content_type).status_code == 200


def test_a_packed_body_is_not_taken(client: Client) -> None:
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    assert client.post("/v1/scores", content=b"{}", headers=headers).status_code == 415


def test_a_body_that_says_it_is_too_large_is_refused(client: Client) -> None:
    answer = client.score(b" " * 200_001)
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


def test_a_body_without_a_length_is_refused_while_it_comes_in(client: Client) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while sent < 10_000_000:
            sent += 50_000
            yield b" " * 50_000

    headers = {"Content-Type": "application/json"}
    answer = client.post("/v1/scores", content=endless(), headers=headers)
    assert answer.status_code == 413


def test_a_slow_body_is_given_up(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    from starlette.requests import Request

    async def slow(_: Request) -> AsyncIterator[bytes]:
        await asyncio.sleep(60)
        yield b""

    monkeypatch.setattr(Request, "stream", slow)
    monkeypatch.setattr("serving.pace.STALL_SECONDS", 0.01)
    assert client.score(b"{}").status_code == 408


@pytest.mark.parametrize(
    "path", ["/v1/scores", "/v1/scores?" + CANARY, "/" + CANARY, "/v1/households/" + CANARY]
)
def test_canaries_come_back_nowhere(
    client: Client, path: str, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    bodies = [body for body, *_ in (*SYNTAX.values(), *RULES.values())]
    bodies.append(json.dumps({CANARY: CANARY, "households": [{CANARY: {CANARY: [CANARY]}}]}).encode())
    with caplog.at_level(logging.DEBUG, "fangfan"):
        for body in bodies:
            for method in ("POST", "PUT", "GET"):
                for accept in ("*/*", "text/html"):
                    headers = {"Content-Type": "application/json", "Accept": accept, "X-Any": CANARY}
                    answer = client.request(method, path, content=body, headers=headers)
                    assert CANARY not in answer.text
                    assert CANARY not in str(answer.headers)
    logged = "\n".join(f"{one.getMessage()} {vars(one).get('fields')}" for one in caplog.records)
    written = "".join(capsys.readouterr())
    assert "method" in logged
    assert CANARY not in logged + written


def test_a_failure_tells_neither_caller_nor_log_what_was_submitted(
    client: Client, body: dict[str, Any], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError(f"cannot handle {CANARY}")

    monkeypatch.setattr("serving.scorer.Scorer.score", fail)
    with caplog.at_level(logging.DEBUG):
        answer = client.post("/v1/scores", json=body)
    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    assert answer.headers["content-type"] == "application/problem+json"
    assert CANARY not in answer.text
    failures = [one for one in caplog.records if one.getMessage() == "failure"]
    assert len(failures) == 1
    assert vars(failures[0])["fields"]["error"] == "RuntimeError"
    assert not any(one.exc_info for one in caplog.records)
    assert CANARY not in str([vars(one) for one in caplog.records])


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
_PLACES = st.sampled_from(
    [("as_of_date",), ("coverage",), ("coverage", 0), ("households",), ("households", 0)]
    + [("coverage", 0, name) for name in ("feed", "area_code", "complete_from", "complete_until", "known_on")]
    + [("households", 0, name) for name in ("household_id", "signals")]
    + [("households", 0, "signals", feed) for feed in REQUEST_FEEDS]
    + [("households", 0, "signals", feed, 0) for feed in REQUEST_FEEDS]
    + [
        ("households", 0, "signals", feed, 0, field.surface)
        for feed, contract in REQUEST_FEEDS.items()
        for field in contract.fields
    ]
)


@given(_JSON)
@settings(max_examples=150, deadline=None, derandomize=True, database=None)
def test_any_json_is_answered_without_failing(client: Client, document: Any) -> None:
    assert client.score(json.dumps(document)).status_code in (400, 422)


@given(_PLACES, _JSON)
@settings(
    max_examples=400, deadline=None, derandomize=True, database=None,
    suppress_health_check=[HealthCheck.too_slow],
)  # fmt: skip
def test_any_value_anywhere_is_answered_without_failing(
    client: Client, place: tuple[Any, ...], value: Any
) -> None:
    document: Any = example_request()
    inner = document
    for step in place[:-1]:
        inner = inner[step]
    inner[place[-1]] = value
    answer = client.score(json.dumps(document))
    assert answer.status_code in (200, 400, 422), answer.text


@given(st.binary(max_size=200))
@settings(max_examples=150, deadline=None, derandomize=True, database=None)
def test_any_bytes_are_answered_without_failing(client: Client, body: bytes) -> None:
    assert client.score(body).status_code in (400, 422)


def _check_problem(answer: httpx.Response) -> None:
    assert answer.headers["content-type"] == "application/problem+json"
    told = ProblemAnswer.model_validate(answer.json(), strict=True)
    assert told.title
    assert told.detail
    assert told.way_out
    assert all(one.way_out for one in told.errors)
    assert CANARY not in answer.text
    assert "Traceback" not in answer.text
