"""Answers with `fields`: equal to whole answers where both tell something, small, and refused where unclear."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scoring.excerpt import FIELDS
from serving.api.documentation import example_request
from serving.api.excerpt_answers import ExcerptAnswer
from tests.serving.conftest import Client, a_household, a_request
from tests.serving.test_vectors import forms, rows_of

SILENT = ("missing_feeds", "stale_feeds", "partial_feeds")
ALWAYS = {"household_id", *SILENT}
TEXTS = {"grade": "grade_text", "suggested_action": "suggested_action_text"}


@pytest.fixture(scope="module")
def request_() -> dict[str, Any]:
    made = a_request(*(a_household(f"H{n}", self_paid=n * 9_000) for n in range(5)), silent=("loan",))
    made["households"] += example_request()["households"]
    return made


@pytest.fixture
def whole(client: Client, request_: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.post("/v1/scores", json=request_).json()["results"]
    assert len({one["grade"] for one in found}) > 1
    assert any(one["rule_hits"] for one in found)
    assert any(len(one["risk_reasons"]) > 1 for one in found)
    return found


def ask(client: Client, request: dict[str, Any], query: str) -> list[dict[str, Any]]:
    answer = client.post(f"/v1/scores?{query}", json=request)
    assert answer.status_code == 200, answer.text
    ExcerptAnswer.model_validate_json(answer.content, strict=True)
    results: list[dict[str, Any]] = answer.json()["results"]
    return results


def test_every_field_is_that_of_the_whole_answer(
    client: Client, request_: dict[str, Any], whole: list[dict[str, Any]]
) -> None:
    found = ask(client, request_, f"fields={','.join(FIELDS)}")
    for one, wanted in zip(found, whole, strict=True):
        assert set(one) == ALWAYS | set(FIELDS) | set(TEXTS.values())
        for name in set(one) - {"reasons"}:
            assert one[name] == wanted[name], name
        kept = ("code", "family", "contribution", "strength", "share")
        assert [{name: each[name] for name in kept} for each in one["reasons"]] == [
            {name: each[name] for name in kept} for each in wanted["risk_reasons"]
        ]
        for each, told in zip(one["reasons"], wanted["risk_reasons"], strict=True):
            for language, said in each["text"].items():
                # Every fact's value is said; dates and sources stand in the whole answer alone.
                assert told["text"][language]["name"] in said
                for fact in told["facts"]:
                    # What is yes or no is said as a statement.
                    if fact["unit"] != "yes/no":
                        assert fact["label"][language] in said
                        assert fact["value_text"][language] in said


def test_sentences_are_those_of_vectors(client: Client, request_: dict[str, Any]) -> None:
    rows = rows_of(client, request_)
    body = {**forms(rows)["records"], "params": {"reasons": 4}}
    vectors = client.post("/invocations", json=body).json()["predictions"]
    found = ask(client, request_, "fields=reasons")
    assert [[{"code": e["code"], **e["text"]} for e in one["reasons"]] for one in found] == [
        one["reasons"] for one in vectors
    ]


@settings(max_examples=40, deadline=None, derandomize=True, database=None)
@given(
    fields=st.lists(st.sampled_from(FIELDS), min_size=1, unique=True),
    words=st.sampled_from(["zh", "en", "none", None]),
    reasons=st.sampled_from([0, 1, 4, None]),
)
def test_any_choice_is_a_part_of_the_largest(
    client: Client, request_: dict[str, Any], fields: list[str], words: str | None, reasons: int | None
) -> None:
    query = f"fields={','.join(fields)}"
    query += f"&words={words}" if words else ""
    query += "" if reasons is None else f"&reasons={reasons}"
    languages = {"none": set(), None: {"zh", "en"}}.get(words, {words})
    largest = ask(client, request_, f"fields={','.join(FIELDS)}")
    for one, all_of_it in zip(ask(client, request_, query), largest, strict=True):
        texts = {TEXTS[name] for name in fields if name in TEXTS} if languages else set()
        assert set(one) == ALWAYS | set(fields) | texts
        for name in ALWAYS | (set(fields) - {"reasons", "rule_hits"}):
            assert one[name] == all_of_it[name]
        for name in texts:
            assert one[name] == {key: all_of_it[name][key] for key in languages}
        for name in {"reasons", "rule_hits"} & set(fields):
            wanted = (
                all_of_it[name][:reasons] if name == "reasons" and reasons is not None else all_of_it[name]
            )
            assert one[name] == [
                {**each, "text": {key: each["text"][key] for key in languages}}
                if languages
                else {key: value for key, value in each.items() if key != "text"}
                for each in wanted
            ]


@pytest.mark.parametrize(
    ("query", "pointers"),
    [
        ("fields=", ["/query/fields"]),
        ("fields=canary-4411", ["/query/fields"]),
        ("fields=score,", ["/query/fields"]),
        ("fields=score,score", ["/query/fields"]),
        ("fields=score&fields=grade", ["/query/fields"]),
        ("fields=Score", ["/query/fields"]),
        ("fields=score,%20grade", ["/query/fields"]),
        ("fields=risk_reasons", ["/query/fields"]),
        ("words=zh", ["/query/words"]),
        ("fields=score&words=", ["/query/words"]),
        ("fields=score&words=ug", ["/query/words"]),
        ("fields=score&words=zh&words=en", ["/query/words"]),
        ("fields=canary-4411&words=canary-4411&reasons=canary-4411",
         ["/query/reasons", "/query/fields", "/query/words"]),
    ],
)  # fmt: skip
def test_what_nobody_declared_is_refused_with_one_code(
    client: Client, body: dict[str, Any], query: str, pointers: list[str]
) -> None:
    answer = client.post(f"/v1/scores?{query}", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "request_invalid")
    errors = answer.json()["errors"]
    assert [one["pointer"] for one in errors] == pointers
    assert {one["code"] for one in errors if one["pointer"] != "/query/reasons"} == {"unknown_part"}
    assert "canary-4411" not in answer.text


def test_a_misspelt_name_is_refused(client: Client, body: dict[str, Any]) -> None:
    for query in ("reason=0", "fields=score&Words=zh", "canary-4411=1"):
        answer = client.post(f"/v1/scores?{query}", json=body)
        assert answer.status_code == 422
        (error,) = answer.json()["errors"]
        assert (error["pointer"], error["code"]) == ("/query", "unknown_field")
        assert error["way_out"].endswith("there are fields, reasons, words")
        assert "canary-4411" not in answer.text


def test_score_and_four_reasons_are_a_small_answer(client: Client) -> None:
    request = example_request()
    whole = client.post("/v1/scores?reasons=4", json=request).content
    small = client.post("/v1/scores?fields=score,grade,reasons&words=zh&reasons=4", json=request).content
    assert len(small) * 8 < len(whole)
