"""Identities over HTTP and on the page: shapes, refusals, one answer for elsewhere and nowhere."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from serving.access import EVERYWHERE, Caller, Role
from serving.access.purpose import REVEAL_PURPOSES
from serving.api.identity_request import MOST_PERSONS, example_identity
from serving.app import create_app
from serving.errors import IdentityError
from serving.identity.keyring import load_ring, new_ring, save_ring
from serving.identity.suites import Suite
from serving.settings import Settings
from serving.storage.tables import identity
from tests.serving.conftest import Client, a_household, a_request
from tests.serving.identity.conftest import HERE, NUMBER, PHONE, ZHANG, close

FAR = "510199100201"
PATH = "/v1/households/H1/identity"


@pytest.fixture(scope="module")
def service(bundle_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    settings = Settings(
        bundle_dir, f"sqlite:///{tmp_path_factory.mktemp('identity')}/s.db", reveals_per_hour=40
    )
    save_ring(new_ring(Suite.SM4_GCM), settings.identity_keys_path)
    with Client(create_app(settings)) as client:
        assert client.app.state.champion.wait(300)
        store = client.app.state.store
        body = client.post("/v1/scores", json=a_request(a_household("H1"))).json()["results"][0]
        store.save_release(body["model_version"], "0" * 64, 12)
        store.save([body, {**body, "household_id": "H2"}], [HERE, HERE])
        assert client.request("PUT", PATH, json=example_identity()).status_code == 200
        yield client


@pytest.fixture
def helper(service: Client) -> dict[str, str]:
    return service.make_key(Role.HELPER, HERE)


def changed(place: tuple[str | int, ...], value: Any) -> dict[str, Any]:
    made: Any = copy.deepcopy(example_identity())
    at = made
    for step in place[:-1]:
        at = at[step]
    at[place[-1]] = value
    return dict(made)


def test_a_record_is_masked_until_it_is_revealed(service: Client, helper: dict[str, str]) -> None:
    sent = example_identity()["persons"][0]
    masked = service.get(PATH).json()
    assert masked["is_masked"] is True
    assert masked["persons"] == [{
        "person_id": "head", "name": "张**", "id_number": "1101**********002X", "phone": "138****8000",
        "address": "重庆市示例县****",
    }]  # fmt: skip
    shown = service.post(f"{PATH}/reveal", json={"purpose": "visit"}, headers=helper)
    assert shown.headers["cache-control"] == "no-store"
    assert shown.json() == {**masked, "is_masked": False, "persons": [sent]}
    assert service.request("PUT", PATH, json=example_identity()).json() == masked
    assert service.post("/v1/households/lookup", json={"phone": f"+86 {PHONE}"}).json() == {
        "household_ids": ["H1"]
    }
    assert service.post("/v1/households/lookup", json={"id_number": NUMBER.lower()}).json() == {
        "household_ids": ["H1"]
    }


BAD_BODIES: list[tuple[Any, set[tuple[str, str]]]] = [
    ([], {("", "not_an_object")}),
    ({}, {("/village_code", "missing"), ("/persons", "missing")}),
    (changed(("village_code",), "5009"), {("/village_code", "malformed")}),
    (changed(("village_code",), 500999100201), {("/village_code", "malformed")}),
    (changed(("village_code",), None), {("/village_code", "malformed")}),
    (changed(("persons",), []), {("/persons", "not_a_list")}),
    (changed(("persons",), [{"person_id": f"M{n}", "name": "张三"} for n in range(MOST_PERSONS + 1)]), {("/persons", "not_a_list")}),
    (changed(("persons",), example_identity()["persons"] * 2), {("/persons/1/person_id", "repeated")}),
    (changed(("persons", 0), {"person_id": "head"}), {("/persons/0", "empty")}),
    (changed(("persons", 0), "head"), {("/persons/0", "not_an_object"), ("/persons/0/person_id", "missing")}),
    (changed(("persons", 0, "person_id"), 5), {("/persons/0/person_id", "not_text")}),
    (changed(("persons", 0, "person_id"), NUMBER), {("/persons/0/person_id", "key_is_a_number_of_somebody")}),
    (changed(("persons", 0, "age"), 50), {("/persons/0", "unknown_field")}),
    (changed(("persons", 0, "name"), None), {("/persons/0/name", "not_text")}),
    (changed(("persons", 0, "name"), " "), {("/persons/0/name", "empty")}),
    (changed(("persons", 0, "id_number"), NUMBER[:-1] + "1"), {("/persons/0/id_number", "id_number_checksum")}),
    (changed(("persons", 0, "phone"), 13800138000), {("/persons/0/phone", "not_text")}),
    (changed(("extra",), 1), {("", "unknown_field")}),
]  # fmt: skip


@pytest.mark.parametrize(("body", "wanted"), BAD_BODIES)
def test_a_body_that_breaks_a_rule_is_told_where_and_how(
    service: Client, body: Any, wanted: set[tuple[str, str]]
) -> None:
    before = service.get(PATH).json()
    answer = service.request("PUT", PATH, json=body)
    assert answer.status_code == 422
    errors = answer.json()["errors"]
    assert {(one["pointer"], one["code"]) for one in errors} == wanted
    assert all(one["way_out"] for one in errors)
    assert not any(one in answer.text for one in (NUMBER, PHONE, "张三", "示例"))
    assert service.get(PATH).json() == before


@pytest.mark.parametrize("key", [NUMBER, PHONE, "a b", "户", "x" * 65])
def test_a_key_that_is_none_is_refused(service: Client, key: str) -> None:
    answer = service.request("PUT", f"/v1/households/{key}/identity", json=example_identity())
    assert [one["pointer"] for one in answer.json()["errors"]] == ["/path/household_id"]
    assert service.get(f"/v1/households/{key}/identity").status_code == 404


@pytest.mark.parametrize(
    "body",
    [{}, {"id_number": NUMBER, "phone": PHONE}, {"name": "张三"}, {"phone": "12"}, [], {"phone": None}],
)
def test_a_lookup_is_for_one_number(service: Client, body: Any) -> None:
    answer = service.post("/v1/households/lookup", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "request_invalid")
    assert NUMBER not in answer.text


def test_elsewhere_and_nowhere_are_answered_alike(service: Client) -> None:
    far = service.make_key(Role.PLATFORM, FAR)
    elsewhere, nowhere = (
        service.post("/v1/households/lookup", json={"phone": one}, headers=far)
        for one in (PHONE, "13900139000")
    )
    assert (elsewhere.content, elsewhere.status_code) == (nowhere.content, nowhere.status_code)
    assert elsewhere.json() == {"household_ids": []}
    other = service.make_key(Role.HELPER, FAR)
    asks: list[tuple[str, str, Any]] = [("GET", "", None), ("POST", "/reveal", {"purpose": "visit"})]
    for method, end, body in asks:
        answers = [
            service.request(method, f"/v1/households/{key}/identity{end}", json=body, headers=other)
            for key in ("H1", "H-NOBODY")
        ]
        assert {one.status_code for one in answers} == {404}
        assert len({one.content for one in answers}) == 1
    assert answers[0].json()["code"] == "identity_not_found"


def test_a_purpose_is_asked_for_and_kept(service: Client, helper: dict[str, str]) -> None:
    wrong: list[Any] = [
        {},
        {"purpose": "curiosity"},
        {"purpose": ["visit"]},
        {"purpose": "visit", "why": "x"},
        [],
    ]
    for body in wrong:
        assert service.post(f"{PATH}/reveal", json=body, headers=helper).status_code == 422
    for purpose in REVEAL_PURPOSES:
        assert service.post(f"{PATH}/reveal", json={"purpose": purpose}, headers=helper).status_code == 200
    log = service.app.state.store.audit.search(key_id=helper["Authorization"][10:22])
    assert [one.purpose for one in log] == list(REVEAL_PURPOSES)[::-1]


def test_reveals_are_bounded(service: Client, helper: dict[str, str]) -> None:
    answers = [service.post(f"{PATH}/reveal", json={"purpose": "help"}, headers=helper) for _ in range(41)]
    assert [one.status_code for one in answers] == [200] * 40 + [429]
    assert 3_500 < int(answers[-1].headers["retry-after"]) <= 3_600


def test_the_page_shows_it_masked_and_in_clear_once_asked(service: Client, helper: dict[str, str]) -> None:
    official = service.make_key(Role.COUNTY_OFFICIAL, "500999")
    for headers, may in ((helper, True), (official, False)):
        page = service.get("/households/H1", headers={**headers, "Accept": "text/html"}).text
        assert "张**" in page
        assert "138****8000" in page
        assert PHONE not in page
        assert ('action="/households/H1/reveal"' in page) is may
    assert "identity" not in service.get("/households/H2", headers=helper).text
    shown = service.post("/households/H1/reveal?lang=en", data={"purpose": "contact"}, headers=helper)
    assert (shown.status_code, PHONE in shown.text, "张三" in shown.text) == (200, True, True)
    assert "logged" in shown.text
    assert 'method="post"' not in shown.text
    # Once: the page itself is masked again.
    assert PHONE not in service.get("/households/H1", headers=helper).text
    form = {"headers": {"Content-Type": "application/x-www-form-urlencoded"}}
    wrong: list[dict[str, Any]] = [
        {"data": {"purpose": "x"}}, {"data": {}}, {"json": {"purpose": "visit"}}, {"content": b"purpose=visit"},
        {"content": b"purpose=visit&purpose=help", **form}, {"data": {"purpose": "visit" * 100}},
    ]  # fmt: skip
    for given in wrong:
        refused = service.post(
            "/households/H1/reveal", **{**given, "headers": {**helper, **given.get("headers", {})}}
        )
        assert refused.status_code in {413, 415, 422}
        assert PHONE not in refused.text


def test_a_form_that_does_not_come_to_an_end_is_given_up(
    service: Client, helper: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("serving.console.fields.MOST_SECONDS", 0.1)

    async def drip() -> AsyncIterator[bytes]:
        yield b"purpose="
        await asyncio.sleep(5)
        yield b"visit"

    headers = {**helper, "Content-Type": "application/x-www-form-urlencoded"}
    answer = service.post("/households/H1/reveal", content=drip(), headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (408, "body_too_slow")


def test_somebody_with_a_case_and_without_a_score_is_revealed_as_well(
    service: Client, helper: dict[str, str]
) -> None:
    path = "/v1/households/H-CASE/identity"
    assert service.request("PUT", path, json=example_identity()).status_code == 200
    # Nothing else is stored of them yet: there is no page.
    asked = {"data": {"purpose": "visit"}, "headers": helper}
    assert service.post("/households/H-CASE/reveal", **asked).status_code == 404
    lead = {"household_id": "H-CASE", "village_code": HERE, "occurred_on": "2026-10-20", "channel": "grid"}
    sent = service.post("/v1/leads", json={"leads": [{**lead, "cause": "07"}]})
    assert (sent.status_code, sent.json()["cases_opened"]) == (200, 1)
    page = service.get("/households/H-CASE", headers={**helper, "Accept": "text/html"}).text
    assert 'action="/households/H-CASE/reveal"' in page
    shown = service.post("/households/H-CASE/reveal", **asked)
    assert (shown.status_code, PHONE in shown.text) == (200, True)


def test_a_page_says_that_an_identity_cannot_be_read(service: Client, helper: dict[str, str]) -> None:
    store = service.app.state.identities
    assert service.request("PUT", "/v1/households/H2/identity", json=example_identity()).status_code == 200
    key = {one.key_id for one in _rows(service, "H2")}
    store.vault.data_keys.destroy(key)
    page = service.get("/households/H2", headers=helper)
    assert page.status_code == 200
    assert "身份信息暂时无法读取" in page.text
    answer = service.get("/v1/households/H2/identity")
    assert (answer.status_code, answer.json()["code"]) == (503, "identity_unreadable")


def _rows(service: Client, key: str) -> list[Any]:

    with service.app.state.store.engine.connect() as connection:
        return [one for one in connection.execute(identity.select()) if one.household_id == key]


def test_without_a_ring_nothing_is_kept(bundle_dir: Path, tmp_path: Path) -> None:
    settings = Settings(bundle_dir, f"sqlite:///{tmp_path}/s.db")
    with Client(create_app(settings)) as client:
        for method, path, body in (
            ("PUT", PATH, example_identity()),
            ("GET", PATH, None),
            ("POST", "/v1/households/lookup", {"phone": PHONE}),
        ):
            answer = client.request(method, path, json=body)
            assert (answer.status_code, answer.json()["code"]) == (503, "identity_not_set_up")
    assert not settings.identity_keys_path.exists()


def test_a_service_does_not_start_on_identities_without_their_ring(bundle_dir: Path, tmp_path: Path) -> None:
    settings = Settings(bundle_dir, f"sqlite:///{tmp_path}/s.db")
    save_ring(new_ring(Suite.AES_256_GCM), settings.identity_keys_path)
    app = create_app(settings)

    app.state.identities.put(Caller("k", Role.PLATFORM, EVERYWHERE), "H1", HERE, [ZHANG])
    close(app.state.identities)
    kept = load_ring(settings.identity_keys_path)
    settings.identity_keys_path.unlink()
    with pytest.raises(IdentityError, match=r"their key ring .* is missing"):
        create_app(settings)
    save_ring(kept, settings.identity_keys_path)
    close(create_app(settings).state.identities)
