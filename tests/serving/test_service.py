"""Start, health, the model's card, the OpenAPI document, and stored assessments over HTTP."""

from __future__ import annotations

import json
import logging
import re
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from fastapi.routing import APIRoute, iter_route_contexts

import serving.models.service_models
from features import CONTRACTS, FEATURES
from features.signals import REQUEST_FEEDS
from scoring import load_bundle
from serving.api.answers import ProblemAnswer
from serving.api.documentation import example_request, row_schema
from serving.api.model_card_answers import ModelCard
from serving.api.stored_answers import StoredAssessmentAnswer
from serving.app import create_app
from serving.errors import SettingsError, StorageError
from serving.logs import JsonLines
from serving.problems import PROBLEMS
from serving.settings import Settings
from serving.storage import AssessmentStore
from tests.serving.conftest import VERSION, Client, a_household, a_request


def a_service(bundle_dir: Path, folder: Path) -> Client:
    return Client(create_app(Settings(bundle_dir=bundle_dir, database_url=f"sqlite:///{folder}/s.db")))


def test_it_lives_before_it_is_ready(
    bundle_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go = threading.Event()

    def slow(directory: Path, admitted: str | None) -> Any:
        assert go.wait(30)
        return load_bundle(directory, admitted)

    monkeypatch.setattr(serving.models.service_models, "load_bundle", slow)
    with a_service(bundle_dir, tmp_path) as client:
        assert client.get("/health/live").json() == {"status": "live"}
        for answer in (client.get("/health/ready"), client.get("/v1/model"), client.score(b"{}")):
            assert (answer.status_code, answer.json()["code"]) == (503, "model_loading")
            assert answer.headers["retry-after"] == "5"
        assert client.page("/").status_code == 200
        go.set()
        assert client.app.state.champion.wait(300)
        assert client.get("/health/ready").json() == {"status": "ready", "model_version": VERSION}


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (lambda folder: (folder / "manifest.json").unlink(), "has no manifest.json"),
        (lambda folder: (folder / "model.txt").write_text("tree", encoding="utf-8"), "sha256 differs"),
        (
            lambda folder: (folder / "manifest.json").write_text("{", encoding="utf-8"),
            "not of the known form",
        ),
        (lambda folder: (folder / "more.py").write_text("", encoding="utf-8"), "nothing more"),
    ],
)
def test_a_broken_bundle_leaves_the_process_alive(
    bundle_dir: Path, tmp_path: Path, harm: Any, said: str
) -> None:
    broken = tmp_path / "broken"
    broken.mkdir()
    for path in bundle_dir.iterdir():
        (broken / path.name).write_bytes(path.read_bytes())
    harm(broken)
    with a_service(broken, tmp_path) as client:
        assert client.app.state.champion.wait(300)
        answer = client.get("/health/ready")
        assert (answer.status_code, answer.json()["code"]) == (503, "model_failed")
        assert said in answer.json()["detail"]
        assert str(tmp_path) not in answer.text
        assert client.score(b"{}").status_code == 503
        assert client.get("/health/live").status_code == 200


def test_a_fault_while_loading_is_told_by_its_kind(
    bundle_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError("a secret place")

    monkeypatch.setattr(serving.models.service_models, "load_bundle", fail)
    with a_service(bundle_dir, tmp_path) as client:
        assert client.app.state.champion.wait(10)
        answer = client.get("/health/ready")
    assert answer.status_code == 503
    assert "OSError" in answer.text
    assert "secret" not in answer.text


def test_the_models_card_is_public_and_whole(client: Client) -> None:
    answer = client.get("/v1/model")
    card = ModelCard.model_validate(answer.json(), strict=True)
    assert card.version == VERSION
    assert [one.name for one in card.features] == list(FEATURES)
    assert 0 < card.grade_borders.medium_from <= card.grade_borders.high_from < 1
    assert "golden" not in answer.text


def test_a_stored_assessment_is_answered(client: Client) -> None:
    request = a_request(a_household("STORED-1", self_paid=30_000))
    body = client.post("/v1/scores", json=request).json()["results"][0]
    store: AssessmentStore = client.app.state.store
    store.save_release(VERSION, "0" * 64, 12)
    older = {**body, "as_of_date": "2026-09-30", "score": 0.001}
    store.save([body, older], ["500999100201"] * 2)
    latest = client.get("/v1/households/STORED-1").json()
    place: dict[str, Any] = {"village_code": "500999100201", "elsewhere": [], "nothing_known": None}
    assert {**latest, "changes": None} == {**body, **place, "changes": None}
    assert (latest["changes"]["former_date"], latest["changes"]["former_score"]) == ("2026-09-30", 0.001)
    first = client.get("/v1/households/STORED-1?as_of_date=2026-09-30").json()
    assert first == {**older, **place, "changes": None}
    StoredAssessmentAnswer.model_validate(client.get("/v1/households/STORED-1").json(), strict=True)
    answer = client.get("/v1/households/STORED-1?as_of_date=2026-08-31")
    assert (answer.status_code, answer.json()["code"]) == (404, "household_not_found")
    for query in ("as_of_date=soon", "as_of_date=", "as_of_date=2026-09-30&as_of_date=2026-10-31"):
        answer = client.get(f"/v1/households/STORED-1?{query}")
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["pointer"] == "/query/as_of_date"


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/v1/nothing", 404, "not_found"),
        ("GET", "/v1/scores", 405, "method_not_allowed"),
        ("DELETE", "/v1/households/x", 405, "method_not_allowed"),
        ("POST", "/health/live", 405, "method_not_allowed"),
        ("TRACE", "/v1/model", 405, "method_not_allowed"),
        ("GET", "/v1/scores/", 404, "not_found"),
        ("GET", "/docs", 404, "not_found"),
    ],
)
def test_every_error_is_a_problem(client: Client, method: str, path: str, status: int, code: str) -> None:
    answer = client.request(method, path)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert (status == 405) == ("allow" in answer.headers)
    ProblemAnswer.model_validate(answer.json(), strict=True)
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_storage_that_fails_is_a_problem(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    from sqlalchemy.exc import OperationalError

    def fail(*_: object) -> None:
        raise OperationalError("select CANARY", {}, Exception("CANARY"))

    monkeypatch.setattr(type(client.app.state.store.engine), "connect", fail)
    for path in ("/v1/households/x", "/health/ready"):
        answer = client.get(path)
        assert (answer.status_code, answer.json()["code"]) == (503, "storage_failed")
        assert "CANARY" not in answer.text
    assert client.page("/households/x").status_code == 503


def _names(node: Any) -> set[str]:
    if isinstance(node, dict):
        return set(node).union(*(_names(one) for one in node.values()))
    if isinstance(node, list):
        return set().union(*(_names(one) for one in node))
    return {node} if isinstance(node, str) and re.fullmatch(r"\w+", node) else set()


def test_no_field_anywhere_is_named_decision(client: Client) -> None:
    document = client.get("/openapi.json").json()
    assert not [name for name in _names(document) if "decision" in name.lower()]
    assert not [name for name in _names(client.get("/v1/model").json()) if "decision" in name.lower()]
    answer = client.post("/v1/scores", json=example_request()).json()
    assert not [name for name in _names(answer) if "decision" in name.lower()]


FILES = [
    "application/vnd.apache.parquet",
    "text/csv",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
]


def test_every_route_and_every_problem_is_documented(client: Client) -> None:
    document = client.get("/openapi.json").json()
    routes = [
        one
        for one in iter_route_contexts(client.app.routes)
        if isinstance(one.original_route, APIRoute) and one.include_in_schema
    ]
    assert len(routes) >= 12
    documented = json.dumps(document)
    for route in routes:
        assert route.path
        for method in route.methods or ():
            operation = document["paths"][route.path][method.lower()]
            assert operation["summary"]
            for status, response in operation["responses"].items():
                kinds = list(response["content"])
                wanted = ["application/json"] if status.startswith("2") else ["application/problem+json"]
                if status == "200" and (route.path.endswith("/result") or route.path == "/metrics"):
                    wanted = ["text/plain"] if route.path == "/metrics" else FILES
                assert kinds == wanted
    answered_by_framework = {"request_malformed", "not_found", "method_not_allowed"}
    for code in PROBLEMS.keys() - answered_by_framework:
        assert f"`{code}`" in documented, code


def test_the_documented_body_is_what_the_contracts_ask(client: Client) -> None:
    document = client.get("/openapi.json").json()
    content = document["paths"]["/v1/scores"]["post"]["requestBody"]["content"]["application/json"]
    assert client.post("/v1/scores", json=content["examples"]["signals"]["value"]).status_code == 200
    signals = content["schema"]["anyOf"][0]["properties"]["households"]["items"]["properties"]["signals"][
        "properties"
    ]
    assert list(signals) == list(REQUEST_FEEDS)
    for name, contract in REQUEST_FEEDS.items():
        schema = signals[name]["items"]
        assert list(schema["properties"]) == [one.surface for one in contract.fields]
        for one in contract.fields:
            assert one.zh in schema["properties"][one.surface]["description"]
            assert one.en in schema["properties"][one.surface]["description"]


@pytest.mark.parametrize("feed", REQUEST_FEEDS)
def test_a_field_that_is_documented_as_required_is_required(client: Client, feed: str) -> None:
    for name in row_schema(CONTRACTS[feed])["required"]:
        document = example_request()
        del document["households"][0]["signals"][feed][0][name]
        assert client.post("/v1/scores", json=document).status_code == 422, name


def test_the_log_has_the_route_and_not_the_address(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "fangfan"):
        client.get("/v1/households/SECRET1?as_of_date=2026-10-31")
        client.page("/households/SECRET2")
        client.page("/?find=SECRET3")
        client.get("/static/SECRET4")
    lines = [json.loads(JsonLines().format(one)) for one in caplog.records]
    assert [one["route"] for one in lines] == [
        "/v1/households/{household_id}", "/households/{household_id}", "/", "/static/",
    ]  # fmt: skip
    wanted = {"at", "level", "event", "method", "route", "status", "ms"}
    assert all(set(one) - {"problem"} == wanted for one in lines)
    assert "SECRET" not in json.dumps(lines)


def test_settings_are_read_once_with_clear_errors(tmp_path: Path) -> None:
    environment = {
        "FANGFAN_BUNDLE_DIR": str(tmp_path), "FANGFAN_DATABASE_URL": "sqlite:///x.db", "FANGFAN_PORT": "9000"
    }  # fmt: skip
    made = Settings.from_environment(environment, host="0.0.0.0")
    assert (made.bundle_dir, made.port, made.host) == (tmp_path, 9000, "0.0.0.0")
    assert made.max_body_bytes == 2_000_000
    for wrong, said in [
        ({"FANGFAN_PORT": "many"}, "FANGFAN_PORT"), ({"FANGFAN_PORT": "70000"}, "FANGFAN_PORT"),
        ({"FANGFAN_MAX_BODY_BYTES": "0"}, "FANGFAN_MAX_BODY_BYTES"),
        ({"FANGFAN_BUNDLE_DIR": ""}, "--models`, FANGFAN_MODELS_DIR.*--bundle`, FANGFAN_BUNDLE_DIR"),
        ({"FANGFAN_DATABASE_URL": ""}, "--database`, FANGFAN_DATABASE_URL"),
    ]:  # fmt: skip
        with pytest.raises(SettingsError, match=said):
            Settings.from_environment({**environment, **wrong})


@pytest.mark.parametrize(
    "url", ["nonsense", "postgresql://x/y", "sqlite://", "sqlite:///:memory:", "sqlite:////no/such/x.db"]
)
def test_a_database_that_cannot_be_is_refused(bundle_dir: Path, url: str) -> None:
    with pytest.raises(StorageError):
        create_app(Settings(bundle_dir=bundle_dir, database_url=url))


def test_starting_imports_neither_the_model_library_nor_the_registry() -> None:
    code = (
        "import sys, serving.app, serving.__main__; "
        "sys.exit(bool({'lightgbm', 'mlflow', 'sklearn', 'shap', 'training'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-W", "error", "-c", code], check=False).returncode == 0
