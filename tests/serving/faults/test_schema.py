"""Every documented route, asked what its own OpenAPI document makes up: right, wrong and in between.

No answer is a fault of the service, and each is one that the document announces, in the documented shape.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import APIOperation, BaseSchema, Case, CheckFunction, GenerationMode
from starlette.types import ASGIApp, Receive, Scope, Send

from serving.access import Role
from serving.access.policy import POLICIES
from serving.api.inference import MODEL
from serving.app import create_app
from serving.identity import Kind, Person
from serving.identity.keyring import new_ring, save_ring
from serving.identity.suites import Suite
from serving.settings import Settings
from serving.storage import KeyStore
from serving.storage.cases import CaseStore
from tests.serving.access.callers import person
from tests.serving.access.people import ORIGIN
from tests.serving.conftest import VERSION, Client, a_household, a_request
from tests.serving.identity.conftest import PLATFORM
from tests.serving.postgres import Server

KEY, VILLAGE, DAY = "STORED-1", "500999100201", "2026-10-31"
ROUTES = [one for one in POLICIES if re.match(r"\w+ /(v1|v2|health|ping|invocations|metrics)", one)]
AREAS = {Role.PLATFORM: "*", Role.VILLAGE_OFFICIAL: VILLAGE, Role.MONITOR: None}
"""Of the callers that are asked with, the first whom a route admits."""
STORED = {"household_id": KEY, "as_of_date": DAY, "area_code": VILLAGE, "name": MODEL, "version": VERSION}
STORAGE = (
    "/v1/households", "/v1/areas", "/v1/jobs", "/v1/models", "/v1/cases", "/v1/leads", "/v1/worklists",
    "/v1/corrections",
)  # fmt: skip
"""Addresses whose parameters reach the database."""
EXAMPLES = 15
NAMES = ("not_a_server_error", "status_code_conformance", "content_type_conformance",
         "response_schema_conformance", "negative_data_rejection")  # fmt: skip


@dataclass
class Asked:
    """A service and the document that it gave of itself."""

    client: Client
    document: dict[str, Any]
    keys: dict[Role, dict[str, str]]
    people: dict[str, str]
    is_postgres: bool

    @cached_property
    def schema(self) -> BaseSchema:
        made = schemathesis.openapi.from_dict(self.document)
        made.app = without_lifespan(self.client.app)
        return made

    def operation(self, route: str) -> APIOperation[Any, Any, Any, Any]:
        method, path = route.split()
        return self.schema[path][method]

    def headers(self, route: str) -> dict[str, str]:
        policy = POLICIES[route]
        if policy.for_people:
            return self.people
        role = next((one for one in AREAS if policy.admits(one, is_signed_in=False)), Role.PLATFORM)
        return self.keys[role]


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def asked(
    request: pytest.FixtureRequest, bundle_dir: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Asked]:
    folder = tmp_path_factory.mktemp("schema")
    url = f"sqlite:///{folder}/s.db"
    if request.param == "postgresql":
        server: Server = request.getfixturevalue("postgres")
        url = server.new_database()
    made = Settings(
        bundle_dir, url, jobs_dir=folder / "jobs", max_jobs=100_000, max_jobs_per_caller=100_000,
        max_body_bytes=200_000,
        reveals_per_hour=100_000, lookups_per_hour=100_000, public_origin=ORIGIN,
    )  # fmt: skip
    save_ring(new_ring(Suite.AES_256_GCM), made.identity_keys_path)
    app = create_app(made)
    with Client(app) as client:
        assert app.state.champion.wait(300)
        body = client.post("/v1/scores", json=a_request(a_household(KEY))).json()["results"][0]
        app.state.store.save_release(VERSION, "0" * 64, 12)
        app.state.store.save([body], [VILLAGE])
        app.state.identities.put(PLATFORM, KEY, VILLAGE, [Person("head", {Kind.NAME: "乙"})])
        keys = KeyStore(app.state.store.engine)
        day = dt.timedelta(days=1)
        headers = {
            role: {"Authorization": f"Bearer {keys.add(role, area, 'test', day)[0].text}"}
            for role, area in AREAS.items()
        }
        # A request with a session has no key beside it.
        people = {**person(app, Role.TOWNSHIP_OFFICIAL, VILLAGE[:9]), "Authorization": ""}
        STORED["case_id"] = stored_case(app)
        document = client.get("/openapi.json").json()
        yield Asked(client, document, headers, people, request.param == "postgresql")


def stored_case(app: FastAPI) -> str:
    store = CaseStore(app.state.store.engine, app.state.store.audit)
    with store.writer.begin() as connection:
        return store.open_in(
            connection, household_id=KEY, village_code=VILLAGE, opened_on=dt.date.fromisoformat(DAY), grade=1,
            theme="illness", is_hard=True, disagreement=None, causes=["01"],
        ).id  # fmt: skip


def without_lifespan(app: FastAPI) -> ASGIApp:
    """The service as it runs already: it is neither started nor ended once more."""

    async def requests_alone(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        await app(scope, receive, send)

    return requests_alone


def checks(route: str) -> list[CheckFunction]:
    # MLflow's own server answers a line's end there, and calls it JSON.
    names = [one for one in NAMES if not (route == "GET /ping" and one == "response_schema_conformance")]
    return [getattr(schemathesis.checks, one) for one in names]


def test_every_documented_route_is_asked(asked: Asked) -> None:
    documented = {f"{m.upper()} {path}" for path, of in asked.document["paths"].items() for m in of}
    assert documented == set(ROUTES)
    assert len(documented) >= 30


@pytest.mark.parametrize("mode", list(GenerationMode))
@pytest.mark.parametrize("route", ROUTES)
def test_no_answer_is_a_fault(asked: Asked, route: str, mode: GenerationMode) -> None:
    if asked.is_postgres and not route.split()[1].startswith(STORAGE):
        pytest.skip("it asks no database")
    operation, headers, wanted = asked.operation(route), asked.headers(route), checks(route)
    cases = operation.as_strategy(mode)
    if "{" in route and (mode is GenerationMode.POSITIVE or operation.body):
        # What is stored is found by no accident.
        cases |= operation.as_strategy(mode, path_parameters=STORED)

    @settings(max_examples=EXAMPLES, derandomize=True, deadline=None, database=None,
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(case=cases)
    def ask(case: Case[Any]) -> None:
        answer = case.call(headers=headers)
        case.validate_response(answer, checks=wanted)

    try:
        ask()
    except Unsatisfiable:
        # A route without parameters has nothing that could be wrong.
        assert mode is GenerationMode.NEGATIVE


HOSTILE = ("%00", "a%00b", "%ff%fe", "%ed%a0%80", "%F0%9F%98%80", "a" * 4_000, "%2e%2e%2f", "..%5c", "1%27%20OR%201=1--", "%25s",
           "%0d%0aX-A:b", "-1", str(2**64), "NaN", "2026-02-30", "9999-12-31", "0001-01-01", "%E2%80%AE", "{0.__class__}")  # fmt: skip


@pytest.mark.parametrize("route", [one for one in ROUTES if "{" in one])
def test_no_address_is_a_fault(asked: Asked, route: str) -> None:
    """What a database takes for the end of a text, or for an order, in every place of every address."""
    method, path = route.split()
    headers = asked.headers(route)
    more: dict[str, Any] = {"json": {}} if method in {"POST", "PUT"} else {}
    for value in HOSTILE:
        known = {name: STORED.get(name, "0" * 32) for name in re.findall(r"{(\w+)}", path)}
        for name in known:
            url = path.format(**known | {name: value})
            answer = asked.client.request(method, url, headers=headers, **more)
            assert answer.status_code < 500, (url, answer.text)
        for name in (
            "as_of_date",
            "from",
            "to",
            "limit",
            "offset",
            "cursor",
            "model_version",
            "before",
            "purpose",
            "area",
            "household_id",
            "case_id",
            "since",
            "made_on",
            "why",
        ):
            answer = asked.client.request(
                method, f"{path.format(**known)}?{name}={value}", headers=headers, **more
            )
            assert answer.status_code < 500, (name, value, answer.text)
