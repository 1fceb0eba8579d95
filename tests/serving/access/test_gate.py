"""Keys, the gate and what it lets be seen of them: in headers alone, alike in refusal, gone when revoked."""

from __future__ import annotations

import datetime as dt
import logging
import re
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute, iter_route_contexts
from sqlalchemy import text
from starlette.requests import Request
from starlette.routing import BaseRoute, Mount

from serving.access import EVERYWHERE, NOWHERE, Caller, Role
from serving.access.area import check_within
from serving.access.caller import scope_of
from serving.access.gate import Gate
from serving.access.kept import KEPT_SECONDS, Kept
from serving.access.local import Access, is_loopback
from serving.access.policy import POLICIES, policy_table
from serving.access.scope import Scope
from serving.app import create_app
from serving.console.texts import texts
from serving.errors import AccessError, Problem, SettingsError
from serving.logs import JsonLines
from serving.settings import Settings
from serving.storage import KeyStore, open_database
from serving.storage.audit_actions import Action
from serving.storage.keys import parse_key
from tests.serving.conftest import Client

ROOT = Path(__file__).resolve().parents[3]
DAY = dt.timedelta(days=1)


def routes_of(app: FastAPI) -> dict[str, BaseRoute]:
    found: dict[str, BaseRoute] = {}
    for one in iter_route_contexts(app.routes):
        if isinstance(one.original_route, Mount):
            found[f"GET {one.path}"] = one.original_route
        else:
            assert one.methods, f"{one.path}: nobody knows how to ask who may use it"
            found |= {f"{method} {one.path}": one.original_route for method in one.methods - {"HEAD"}}
    return found


def test_every_route_has_a_policy_and_every_policy_a_route(client: Client) -> None:
    routes = routes_of(client.app)
    assert set(routes) == set(POLICIES), "add a line to serving/access/policy.py"
    # The gate stands before the routes of the API; what it does not see has to be public.
    public = sorted(name for name, policy in POLICIES.items() if policy.roles is None)
    assert {name for name, one in routes.items() if not isinstance(one, APIRoute)} <= set(public)
    assert public == [
        "GET /health/live", "GET /health/ready", "GET /openapi.json", "GET /ping", "GET /sign-in", "GET /static",
        "GET /v2/health/live", "GET /v2/health/ready", "POST /sign-in",
    ]  # fmt: skip


def test_a_route_without_a_policy_is_nobodys(bundle_dir: Path, tmp_path: Path) -> None:
    app = create_app(Settings(bundle_dir, f"sqlite:///{tmp_path}/s.db"))
    app.add_api_route("/v1/forgotten", lambda: {"secret": 1}, dependencies=[])
    with Client(app) as client:
        answer = client.get("/v1/forgotten")
        assert (answer.status_code, answer.json()["code"]) == (403, "role_not_allowed")
        assert client.get("/v1/forgotten", headers={"Authorization": ""}).status_code == 401


def test_the_documentation_has_every_action_of_the_log_and_no_other() -> None:
    page = (ROOT / "docs" / "reference" / "access.md").read_text(encoding="utf-8")
    (row,) = [line for line in page.splitlines() if line.startswith("| `action` |")]
    assert re.findall(r"`(\w+)`", row)[1:] == [one.value for one in Action]


def test_the_documentation_has_the_table_and_the_openapi_document_too(client: Client) -> None:
    page = (ROOT / "docs" / "reference" / "access.md").read_text(encoding="utf-8")
    assert policy_table() in page, "put what `python -m serving policy` prints into docs/reference/access.md"
    document = client.get("/openapi.json").json()
    schemes = document["components"]["securitySchemes"]
    assert [(name, one["type"]) for name, one in schemes.items()] == [
        ("key", "http"), ("token", "http"), ("session", "apiKey"),
    ]  # fmt: skip
    for name, policy in POLICIES.items():
        method, path = name.split()
        if path in document["paths"]:
            operation = document["paths"][path][method.lower()]
            assert ("security" in operation) == (policy.roles is not None)
            assert {name for one in operation.get("security", ()) for name in one} <= set(schemes)
            if policy.roles is not None:
                assert operation["x-roles"] == sorted(policy.roles)
                assert {"401", "403"} <= set(operation["responses"])


@pytest.fixture
def keys(database_url: str) -> Any:
    store = KeyStore(open_database(database_url))
    yield store
    store.engine.dispose()


def test_a_key_is_stored_as_a_hash(keys: KeyStore) -> None:
    made, entry = keys.add(Role.COUNTY_OFFICIAL, "500999", "county system", DAY)
    assert len(made.secret) == 43
    assert made.secret not in repr(made) + str(made) + repr(entry)
    with keys.engine.connect() as connection:
        rows = [str(tuple(one)) for one in connection.execute(text("SELECT * FROM api_key"))]
    assert made.secret not in "".join(rows)
    shown = parse_key(f"Bearer {made.text}")
    assert shown is not None
    assert keys.find_caller(shown) == Caller(made.key_id, Role.COUNTY_OFFICIAL, Scope("500999"))
    assert keys.revoke(made.key_id) == keys.revoke(made.key_id)
    assert keys.find_caller(shown) is None
    assert [one.state(keys.now()) for one in keys.list()] == ["revoked"]
    with pytest.raises(AccessError, match="no key of that id"):
        keys.revoke("0" * 12)


def test_a_key_ends_by_itself(keys: KeyStore) -> None:
    made, _ = keys.add(Role.AUDITOR, None, "auditor", DAY)
    shown = parse_key(f"Bearer {made.text}")
    assert shown is not None
    assert keys.find_caller(shown) == Caller(made.key_id, Role.AUDITOR, NOWHERE)
    start = keys.now()
    keys.now = lambda: start + DAY
    assert keys.find_caller(shown) is None
    assert [one.state(keys.now()) for one in keys.list()] == ["expired"]


@pytest.mark.parametrize(
    ("role", "area"),
    [
        (Role.PLATFORM, None), (Role.PLATFORM, ""), (Role.PROVINCE_OFFICIAL, "*"),
        (Role.PROVINCE_OFFICIAL, "500999"), (Role.COUNTY_OFFICIAL, "50"), (Role.TOWNSHIP_OFFICIAL, "500999"),
        (Role.VILLAGE_OFFICIAL, "500999100"), (Role.HELPER, None), (Role.ACCOUNTS, "50"),
        (Role.SCIENTIST, "*"), (Role.AUDITOR, "50"),
    ],
)  # fmt: skip
def test_a_role_has_an_area_of_its_kind(role: Role, area: str | None) -> None:
    with pytest.raises(AccessError, match=r"needs an area: give its code|give it no area"):
        scope_of(role, area)


@pytest.mark.parametrize(
    ("role", "area", "prefix"),
    [(Role.PLATFORM, "*", ""), (Role.COUNTY_OFFICIAL, "5009", "5009"), (Role.ACCOUNTS, None, None)],
)
def test_the_scope_of_a_role(role: Role, area: str | None, prefix: str | None) -> None:
    assert scope_of(role, area) == Scope(prefix)


def test_nowhere_holds_nothing_and_everywhere_all() -> None:
    assert not NOWHERE.contains("")
    assert EVERYWHERE.contains("500999100201")
    assert not Scope("500999100201").contains("500999")
    with pytest.raises(Problem) as refused:
        check_within(Caller("k", Role.PLATFORM, Scope("51")), ["510199100201", "500999100201"])
    assert [one.pointer for one in refused.value.errors] == ["/households/1/signals/household"]


@pytest.mark.parametrize(
    "headers",
    [
        [], [("Authorization", "")], [("Authorization", "Bearer")], [("Authorization", "Bearer x")],
        [("X-Api-Key", "{key}")], [("Cookie", "key={key}")], [("Authorization", "{key}")],
        [("Authorization", "Bearer {key} ")], [("Authorization", "Bearer {key}"), ("Authorization", "Bearer {key}")],
    ],
)  # fmt: skip
def test_a_key_is_taken_from_one_header_alone(client: Client, headers: list[tuple[str, str]]) -> None:
    key = client.headers["Authorization"].removeprefix("Bearer ")
    scope = {
        "type": "http", "method": "GET", "path": "/v1/model", "query_string": f"key={key}&access_token={key}".encode(),
        "headers": [(name.lower().encode(), value.format(key=key).encode()) for name, value in headers],
        "route": routes_of(client.app)["GET /v1/model"],
    }  # fmt: skip
    gate = Gate(KeyStore(client.app.state.store.engine), Access.KEYS)
    with pytest.raises(Problem) as refused:
        client.run(gate.admit(Request(scope)))
    assert refused.value.code == "key_not_accepted"
    assert refused.value.headers == {"WWW-Authenticate": 'Bearer realm="fangfan"'}


def test_a_revoked_key_is_refused_when_it_is_forgotten(client: Client) -> None:
    clock = [0.0]
    store = KeyStore(client.app.state.store.engine)
    gate = Gate(store, Access.KEYS, kept=Kept(now=lambda: clock[0]))
    header = client.make_key(Role.SCIENTIST, None)["Authorization"]
    route = routes_of(client.app)["GET /v1/model"]

    def admit() -> str | None:
        scope = {"type": "http", "method": "GET", "path": "/v1/model", "query_string": b"",
                 "headers": [(b"authorization", header.encode())], "route": route}  # fmt: skip
        try:
            client.run(gate.admit(Request(scope)))
        except Problem as problem:
            return problem.code
        return None

    assert admit() is None
    store.revoke(header.split("_")[1])
    clock[0] += KEPT_SECONDS + 0.1
    assert [admit(), admit()] == ["key_not_accepted"] * 2


def test_no_key_is_logged_or_told(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    header = client.make_key(Role.SCIENTIST, None)
    with caplog.at_level(logging.DEBUG):
        answers = [client.get(path, headers=header) for path in ("/v1/model", "/v1/households/H", "/nothing")]
    assert [one.status_code for one in answers] == [200, 403, 404]
    secret = header["Authorization"].split("_", 2)[2]
    lines = "".join(JsonLines().format(one) for one in caplog.records)
    assert secret not in lines + "".join(one.text + str(one.headers) for one in answers)
    page = client.get("/", headers={**header, "Accept": "text/html"})
    assert page.status_code == 403
    assert texts("zh")["problem_role"] in page.text


def test_open_access_is_for_this_machine(bundle_dir: Path, tmp_path: Path) -> None:
    settings = Settings(bundle_dir, f"sqlite:///{tmp_path}/s.db", access=Access.OPEN)
    with Client(create_app(settings)) as client:
        bare = {"Authorization": "", "Accept": "text/html"}
        for host in ("127.0.0.1:8000", "localhost", "[::1]:8000"):
            for language, query in (("zh", "/"), ("en", "/?lang=en")):
                page = client.get(query, headers={**bare, "Host": host})
                assert page.status_code == 200
                assert texts(language)["open_access"] in page.text
        for more in ({"Host": "evil.example"}, {"Host": "127.0.0.1.evil.example"}, {"Host": "127.0.0.1", "X-Forwarded-For": "10.0.0.1"},
                     {"Host": "127.0.0.1", "Forwarded": "for=10.0.0.1"}, {"Host": ""}):  # fmt: skip
            answer = client.get("/v1/model", headers={**bare, **more})
            assert (answer.status_code, answer.json()["code"]) == (403, "not_local")
        # A page of another site sends a form that makes a job, to this machine's own name.
        form = {
            "data": {"as_of_date": "2026-10-31"},
            "files": {"household": ("household.csv", b"household_id")},
        }
        for origin, status in (("http://evil.example", 403), ("null", 403), ("http://localhost:3000", 403),
                               ("http://localhost:8000", 422)):  # fmt: skip
            sent = {"Host": "localhost:8000", "Authorization": "", "Origin": origin}
            assert client.post("/v1/jobs", headers=sent, **form).status_code == status
    with Client(create_app(Settings(bundle_dir, f"sqlite:///{tmp_path}/s.db"))) as client:
        assert texts("zh")["open_access"] not in client.page("/").text


def test_open_access_elsewhere_is_refused_in_a_sentence(bundle_dir: Path) -> None:
    with pytest.raises(SettingsError, match=r"FANGFAN_ACCESS=open .* FANGFAN_ACCESS=keys"):
        Settings(bundle_dir, "sqlite:///x.db", host="0.0.0.0", access=Access.OPEN)
    environment = {"FANGFAN_BUNDLE_DIR": "b", "FANGFAN_DATABASE_URL": "sqlite:///x.db"}
    assert Settings.from_environment(environment).access is Access.KEYS
    made = Settings.from_environment({**environment, "FANGFAN_ACCESS": "open"})
    assert made.access is Access.OPEN
    assert Settings.from_environment(made.environment()) == made
    with pytest.raises(SettingsError, match="keys or open"):
        Settings.from_environment({**environment, "FANGFAN_ACCESS": "none"})
    assert [is_loopback(one) for one in ("127.0.0.2", "::1", "LOCALHOST", "0.0.0.0", "a.localhost.b", "")] == [
        True, True, True, False, False, False,
    ]  # fmt: skip
