"""Vectors by MLflow's protocol and by the Open Inference Protocol: the same scores, and nothing lenient."""

from __future__ import annotations

import json
import math
from typing import Any

import httpx
import numpy as np
import pytest

from features.engines.row import RowEngine
from serving.api.answers import ProblemAnswer
from serving.api.documentation import example_request
from serving.api.inference import MODEL, VECTORS
from serving.api.json_body import parse_json
from serving.api.score_request import RequestReader
from tests.serving.conftest import NAMES, VERSION, Client, a_household, a_request

INFER = f"/v2/models/{MODEL}/infer"
Row = list[float | None]


def rows_of(client: Client, request: dict[str, Any]) -> list[Row]:
    """The model's vector of each household of a request."""
    scorer = client.app.state.champion.scorer()
    read = RequestReader(scorer, 100).read(parse_json(json.dumps(request).encode()))
    engine: RowEngine = scorer.engine
    vectors = [engine.vector(one.rows, read.as_of, read.coverage) for one in read.households]
    return [[dict(zip(engine.names, one, strict=True))[name] for name in NAMES] for one in vectors]


@pytest.fixture
def request_() -> dict[str, Any]:
    made = a_request(*(a_household(f"H{n}", self_paid=n * 7_000) for n in range(4)))
    made["households"] += example_request()["households"]
    return made


@pytest.fixture
def rows(client: Client, request_: dict[str, Any]) -> list[Row]:
    found = rows_of(client, request_)
    assert any(one is None for row in found for one in row)
    return found


def tensors(rows: list[Row], **more: Any) -> dict[str, Any]:
    flat = [one for row in rows for one in row]
    shape = [len(rows), len(NAMES)]
    return {"inputs": [{"name": VECTORS, "shape": shape, "datatype": "FP64", "data": flat}], **more}


def by_feature(rows: list[Row]) -> dict[str, Any]:
    inputs = [
        {"name": name, "shape": [len(rows), 1], "datatype": "FP64", "data": [row[at] for row in rows]}
        for at, name in enumerate(NAMES)
    ]
    return {"inputs": inputs[::-1]}


def forms(rows: list[Row]) -> dict[str, dict[str, Any]]:
    """The same vectors in every form that `/invocations` takes."""
    backwards = list(range(len(NAMES)))[::-1]
    records = [dict(zip(NAMES, row, strict=True)) for row in rows]
    return {
        "split": {
            "dataframe_split": {
                "columns": [NAMES[at] for at in backwards],
                "data": [[row[at] for at in backwards] for row in rows],
            }
        },
        "records": {"dataframe_records": records},
        "instances by name": {"instances": records},
        "instances": {"instances": rows},
        "inputs": {"inputs": rows},
        "inputs by name": {"inputs": {name: [row[at] for row in rows] for at, name in enumerate(NAMES)}},
    }


def output(answer: httpx.Response, name: str) -> dict[str, Any]:
    assert answer.status_code == 200, answer.text
    found: dict[str, Any]
    (found,) = [one for one in answer.json()["outputs"] if one["name"] == name]
    assert len(found["data"]) == math.prod(found["shape"])
    return dict(found)


def test_every_protocol_gives_the_scores_of_the_signals(
    client: Client, request_: dict[str, Any], rows: list[Row]
) -> None:
    told = client.post("/v1/scores", json=request_).json()["results"]
    wanted = [(one["score"], one["log_odds"], one["grade"]) for one in told]
    assert len({one[0] for one in wanted}) > 2
    for name, body in forms(rows).items():
        found = client.post("/invocations", json=body).json()["predictions"]
        assert [(one["score"], one["log_odds"], one["grade"]) for one in found] == wanted, name
    nested = tensors(rows)
    nested["inputs"][0]["data"] = rows
    for body in (tensors(rows), by_feature(rows), nested):
        answer = client.post(INFER, json=body)
        columns = [output(answer, name)["data"] for name in ("score", "log_odds", "grade")]
        assert list(zip(*columns, strict=True)) == wanted
    for at, row in enumerate(rows):
        alone = client.post(f"/v2/models/{MODEL}/versions/{VERSION}/infer", json=tensors([row]))
        assert output(alone, "score")["data"] == [wanted[at][0]]


def test_reasons_are_those_of_the_signals_in_codes_and_words(
    client: Client, request_: dict[str, Any], rows: list[Row]
) -> None:
    told = client.post("/v1/scores", json=request_).json()["results"]
    codes = [[one["code"] for one in each["risk_reasons"]][:3] for each in told]
    assert max(map(len, codes)) == 3
    found = client.post("/invocations", json={**forms(rows)["records"], "params": {"reasons": 3}})
    assert [[one["code"] for one in each["reasons"]] for each in found.json()["predictions"]] == codes
    answer = client.post(INFER, json=tensors(rows, parameters={"reasons": 3}, id="7"))
    assert answer.json()["id"] == "7"
    padded = output(answer, "reason_codes")
    assert padded["shape"] == [len(rows), 3]
    assert np.reshape(padded["data"], padded["shape"]).tolist() == [
        one + [""] * (3 - len(one)) for one in codes
    ]
    name = told[-1]["risk_reasons"][0]["text"]["zh"]["name"]
    assert name in output(answer, "reasons_zh")["data"][3 * (len(rows) - 1)]
    assert client.post("/invocations", json=forms(rows)["records"]).json()["predictions"][0].keys() == {
        "score", "log_odds", "grade",
    }  # fmt: skip


def test_what_the_protocols_say_of_server_and_model(client: Client) -> None:
    assert client.get("/ping").status_code == 200
    assert client.get("/v2/health/live").json() == {"live": True}
    assert client.get("/v2/health/ready").json() == {"ready": True}
    assert client.get("/v2").json()["name"] == MODEL
    for at in (f"/v2/models/{MODEL}", f"/v2/models/{MODEL}/versions/{VERSION}"):
        assert client.get(f"{at}/ready").json() == {"name": MODEL, "version": VERSION, "ready": True}
        described = client.get(at).json()
        assert described["inputs"][0] == {"name": VECTORS, "datatype": "FP64", "shape": [-1, len(NAMES)]}
        assert [one["name"] for one in described["inputs"][1:]] == list(NAMES)
    for at in ("/v2/models/x/ready", f"/v2/models/{MODEL}/versions/x", "/v2/models/x"):
        assert client.get(at).json()["code"] == "model_not_found"


GOOD: Row = [1.0] * len(NAMES)


def tensor(**changed: Any) -> dict[str, Any]:
    made = tensors([GOOD])
    made["inputs"][0].update(changed)
    return made


def split(**changed: Any) -> dict[str, Any]:
    return {"dataframe_split": {"columns": list(NAMES), "data": [GOOD], **changed}}


BAD: dict[str, tuple[str, Any, str]] = {
    "no form": ("/invocations", {}, "wrong_number"),
    "two forms": ("/invocations", {"instances": [GOOD], "inputs": [GOOD]}, "wrong_number"),
    "unknown form": ("/invocations", {"csv": "1"}, "unknown_field"),
    "not an object": ("/invocations", [GOOD], "wrong_type"),
    "no rows": ("/invocations", split(data=[]), "wrong_number"),
    "too many rows": ("/invocations", {"dataframe_records": [{}] * 1_001}, "wrong_number"),
    "unknown column": ("/invocations", split(columns=[*NAMES[1:], "CANARY"]), "unknown_field"),
    "missing column": ("/invocations", split(columns=NAMES[1:], data=[GOOD[1:]]), "missing"),
    "doubled column": ("/invocations", split(columns=[*NAMES[1:], NAMES[1]]), "repeated_field"),
    "column of another kind": ("/invocations", split(columns=[*NAMES[1:], 7]), "wrong_type"),
    "short row": ("/invocations", split(data=[GOOD[1:]]), "wrong_shape"),
    "row of no list": ("/invocations", split(data=[7]), "wrong_type"),
    "text": ("/invocations", split(data=[["CANARY", *GOOD[1:]]]), "wrong_type"),
    "flag": ("/invocations", split(data=[[True, *GOOD[1:]]]), "wrong_type"),
    "nested value": ("/invocations", split(data=[[[1], *GOOD[1:]]]), "wrong_type"),
    "index of another length": ("/invocations", split(index=[1, 2]), "wrong_shape"),
    "uneven columns": ("/invocations", {"inputs": {n: [1] * (1 + (n == NAMES[3])) for n in NAMES}}, "wrong_shape"),
    "mixed instances": ("/invocations", {"instances": [GOOD, {}]}, "wrong_type"),
    "too many reasons": ("/invocations", {**split(), "params": {"reasons": 5}}, "out_of_range"),
    "reasons as a flag": ("/invocations", {**split(), "params": {"reasons": True}}, "out_of_range"),
    "unknown parameter": ("/invocations", {**split(), "params": {"CANARY": 1}}, "unknown_field"),
    "no inputs": (INFER, {"inputs": []}, "missing"),
    "inputs absent": (INFER, {}, "wrong_type"),
    "another type of tensor": (INFER, tensor(datatype="FP32"), "unknown_category"),
    "shape too large": (INFER, tensor(shape=[2, len(NAMES)]), "wrong_shape"),
    "shape of none": (INFER, tensor(shape=[0, len(NAMES)], data=[]), "wrong_number"),
    "shape below zero": (INFER, tensor(shape=[-1, len(NAMES)]), "wrong_shape"),
    "shape of three": (INFER, tensor(shape=[1, 1, len(NAMES)]), "wrong_shape"),
    "shape of one": (INFER, tensor(shape=[len(NAMES)]), "wrong_shape"),
    "shape of a flag": (INFER, tensor(shape=[True, len(NAMES)]), "wrong_shape"),
    "enormous shape": (INFER, tensor(shape=[2**40, 2**40]), "wrong_shape"),
    "text in a tensor": (INFER, tensor(data=["1", *GOOD[1:]]), "wrong_type"),
    "an unknown tensor": (INFER, tensor(name="CANARY", shape=[len(NAMES)]), "unknown_field"),
    "a tensor without a name": (INFER, tensor(name=None), "wrong_type"),
    "outputs": (INFER, {**tensor(), "outputs": [{"name": "score"}]}, "unknown_field"),
    "an id of another kind": (INFER, {**tensor(), "id": 7}, "wrong_type"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_what_breaks_a_rule_is_refused_without_its_values(client: Client, name: str) -> None:
    at, body, code = BAD[name]
    answer = client.post(at, json=body)
    assert answer.status_code == 422, answer.text
    assert code in {one.code for one in ProblemAnswer.model_validate(answer.json()).errors}
    assert "CANARY" not in answer.text


@pytest.mark.parametrize("form", ["dataframe_records", "instances", "inputs"])
def test_a_value_of_another_kind_is_pointed_at_by_its_features_name(client: Client, form: str) -> None:
    good = dict.fromkeys(NAMES, 1.0)
    answer = client.post("/invocations", json={form: [good, {**good, NAMES[3]: "CANARY"}]})
    assert [one["pointer"] for one in answer.json()["errors"]] == [f"/{form}/1/{NAMES[3]}"]
    assert "CANARY" not in answer.text


SHARE, FLAG = (
    NAMES.index("illness_self_paid_to_income_share_12m"),
    NAMES.index("composition_is_without_labour"),
)


def with_value(value: float) -> dict[str, tuple[str, dict[str, Any], str]]:
    """The second of two vectors with a value in every form: address, body, and where the value stands."""
    rows = [GOOD, [value if at == SHARE else one for at, one in enumerate(GOOD)]]
    name, backwards = NAMES[SHARE], len(NAMES) - 1 - SHARE
    places = {
        "split": f"/dataframe_split/data/1/{backwards}", "records": f"/dataframe_records/1/{name}",
        "instances by name": f"/instances/1/{name}", "instances": f"/instances/1/{SHARE}",
        "inputs": f"/inputs/1/{SHARE}", "inputs by name": f"/inputs/{name}/1",
    }  # fmt: skip
    made = {form: ("/invocations", body, places[form]) for form, body in forms(rows).items()}
    made["tensor"] = (INFER, tensors(rows), f"/inputs/0/data/{len(NAMES) + SHARE}")
    nested = tensors(rows)
    nested["inputs"][0]["data"] = rows
    made["nested tensor"] = (INFER, nested, f"/inputs/0/data/1/{SHARE}")
    made["a tensor each"] = (INFER, by_feature(rows), f"/inputs/{backwards}/data/1")
    return made


@pytest.mark.parametrize("form", with_value(1.0))
@pytest.mark.parametrize("value", [-1e308, 1.7976931348623157e308, -9.87654321e14, 2**63 - 1])
def test_a_value_that_no_signals_give_is_refused_as_signals_are(
    client: Client, form: str, value: float
) -> None:
    at, body, place = with_value(value)[form]
    answer = client.post(at, json=body)
    assert answer.status_code == 422, answer.text
    (error,) = answer.json()["errors"]
    assert (error["pointer"], error["code"]) == (place, "out_of_range")
    assert NAMES[SHARE] in error["way_out"]
    assert not any(one in answer.text for one in ("308", "9.87", "987", "9223"))
    sound, good, _ = with_value(0.25)[form]
    assert client.post(sound, json=good).status_code == 200
    request = a_request(a_household("H1"))
    request["households"][0]["signals"]["illness"][0]["self_paid_yuan"] = value
    assert [one["code"] for one in client.post("/v1/scores", json=request).json()["errors"]] == [
        "out_of_range"
    ]


@pytest.mark.parametrize(
    ("value", "status"), [(0, 200), (1, 200), (None, 200), (1.5, 422), (-1, 422), (2, 422)]
)
def test_limits_are_each_features_own(client: Client, value: float | None, status: int) -> None:
    rows = [[value if at == FLAG else one for at, one in enumerate(GOOD)]]
    assert client.post("/invocations", json={"instances": rows}).status_code == status
    assert client.post(INFER, json=tensors(rows)).status_code == status


@pytest.mark.parametrize("at", ["/invocations", INFER])
@pytest.mark.parametrize(
    ("body", "code"),
    [(b'{"a": 1, "a": 2}', "json_duplicate_key"), (b'{"a": NaN}', "json_not_finite"),
     (b'{"a": 1e400}', "json_not_finite"), (b"[" * 40, "json_too_deep"), (b"{", "json_malformed")],
)  # fmt: skip
def test_json_is_as_strict_as_elsewhere(client: Client, at: str, body: bytes, code: str) -> None:
    answer = client.post(at, content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert client.post(at, content=body, headers={"Content-Type": "text/csv"}).status_code == 415


@pytest.mark.parametrize("count", range(5))
def test_as_many_reasons_as_are_asked_for(client: Client, body: dict[str, Any], count: int) -> None:
    whole = client.post("/v1/scores", json=body)
    answer = client.post(f"/v1/scores?reasons={count}", json=body)
    (told,), (full,) = answer.json()["results"], whole.json()["results"]
    if count:
        for kind in ("risk_reasons", "protective_reasons"):
            assert told[kind] == full[kind][:count]
        assert {**told, "risk_reasons": 0, "protective_reasons": 0} == {
            **full, "risk_reasons": 0, "protective_reasons": 0,
        }  # fmt: skip
    else:
        assert told == {name: full[name] for name in told}
        assert {"score", "grade", "rule_hits", "suggested_action", "missing_feeds"} <= told.keys()
        assert len(answer.content) < len(whole.content) / 3


@pytest.mark.parametrize("query", ["5", "-1", "", "1.0", "%201", "１", "1&reasons=1", "true", "1_0"])
def test_any_other_number_of_reasons_is_refused(client: Client, body: dict[str, Any], query: str) -> None:
    answer = client.post(f"/v1/scores?reasons={query}", json=body)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/query/reasons"
