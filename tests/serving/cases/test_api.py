"""`/v1/cases` over HTTP: people move cases once, everybody reads inside their area, and nothing leaks."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest

from serving.access import OPEN, Role
from serving.api.case_answers import CasesAnswer, MovedAnswer, NoticeAnswer, WholeCaseAnswer
from serving.api.case_request import EXAMPLE_ORDER, read_order
from serving.app import create_app
from serving.cases.clocks import china_day
from serving.identity import Kind, Person
from serving.identity.keyring import new_ring, save_ring
from serving.identity.suites import Suite
from serving.settings import Settings
from serving.storage import AuditLog
from serving.storage.cases import CaseStore
from tests.serving.access.callers import person
from tests.serving.access.people import ORIGIN
from tests.serving.conftest import Client

VILLAGE = "500119100201"
CANARIES = ("王小明", "11010519491231002X", "13800138000", "重庆市南川区某镇某村1组")


class World:
    """A running service with a household whose identity is stored, and one open case of it."""

    def __init__(self, client: Client) -> None:
        self.client = client
        audit: AuditLog = client.app.state.store.audit
        self.store = CaseStore(client.app.state.store.engine, audit)
        self.people = {
            role: person(client.app, role, VILLAGE[:length])
            for role, length in ((Role.COUNTY_OFFICIAL, 6), (Role.TOWNSHIP_OFFICIAL, 9),
                                 (Role.VILLAGE_OFFICIAL, 12), (Role.HELPER, 12))
        }  # fmt: skip
        self.elsewhere = person(client.app, Role.TOWNSHIP_OFFICIAL, "500119101")
        self.count = 0

    @property
    def today(self) -> dt.date:
        return china_day(dt.datetime.now(dt.UTC))

    def open(self) -> dict[str, Any]:
        self.count += 1
        key = f"CASE-{self.count}"
        said = {Kind.NAME: CANARIES[0], Kind.ID_NUMBER: CANARIES[1], Kind.PHONE: CANARIES[2],
                Kind.ADDRESS: CANARIES[3]}  # fmt: skip
        self.client.app.state.identities.put(OPEN, key, VILLAGE, [Person("head", said)])
        with self.store.writer.begin() as connection:
            case = self.store.open_in(
                connection, household_id=key, village_code=VILLAGE, opened_on=self.today, grade=1,
                theme="illness", is_hard=True, disagreement=None, causes=["01"],
            )  # fmt: skip
        return {"case_id": case.id, "version": 1, "household_id": key}

    def post(self, role: Role, case: dict[str, Any], move: str, key: str | None = None, **facts: Any) -> Any:
        body = {"version": case["version"], "move": move, "facts": facts}
        headers = {**self.people[role], **({"Idempotency-Key": key} if key else {})}
        return self.client.post(f"/v1/cases/{case['case_id']}/moves", json=body, headers=headers)

    def move(self, role: Role, case: dict[str, Any], move: str, **facts: Any) -> dict[str, Any]:
        answer = self.post(role, case, move, **facts)
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = MovedAnswer.model_validate(answer.json()).model_dump(mode="json")["case"]
        return made

    def reviewed(self) -> dict[str, Any]:
        today = self.today.isoformat()
        case = self.move(Role.TOWNSHIP_OFFICIAL, self.open(), "alert")
        case = self.move(Role.VILLAGE_OFFICIAL, case, "verify", visited_on=today)
        return self.move(
            Role.VILLAGE_OFFICIAL, case, "review", authorised_on=today, compared_on=today, reviewed_on=today,
            attendance=20, published_on=today, ends_on=(self.today + dt.timedelta(days=5)).isoformat(),
        )  # fmt: skip


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("cases")
    # No model is needed for cases, and none is there.
    settings = Settings(folder / "no-bundle", f"sqlite:///{folder}/s.db", public_origin=ORIGIN)
    save_ring(new_ring(Suite.AES_256_GCM), settings.identity_keys_path)
    with Client(create_app(settings)) as client:
        del client._http.headers["authorization"]
        yield World(client)


def test_a_case_is_moved_and_told(world: World) -> None:
    case = world.reviewed()
    assert (case["state"], case["version"], case["owner"]) == ("reviewing", 4, "township_official")
    answer = world.client.get(f"/v1/cases/{case['case_id']}", headers=world.people[Role.TOWNSHIP_OFFICIAL])
    told = WholeCaseAnswer.model_validate(answer.json())
    assert told.case.model_dump(mode="json") == case
    assert {one.move for one in told.moves} == {"submit", "send_back", "exclude"}
    assert [one.move for one in told.history] == ["alert", "verify", "review"]
    refused = world.post(
        Role.TOWNSHIP_OFFICIAL, case, "submit", checked_on=world.today.isoformat(), objections=0
    )
    assert refused.status_code == 422
    assert refused.json()["code"] == "move_not_allowed"
    assert [one["code"] for one in refused.json()["errors"]] == ["notice_running"]


def test_the_same_key_moves_once(world: World) -> None:
    case = world.open()
    first = world.post(Role.TOWNSHIP_OFFICIAL, case, "alert", key="k-1")
    again = world.post(Role.TOWNSHIP_OFFICIAL, case, "alert", key="k-1")
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json()
    assert again.headers["Idempotency-Replayed"] == "true"
    other = world.post(Role.TOWNSHIP_OFFICIAL, case, "exclude", key="k-1", reason="declined")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    # Without a key it is another request, of somebody who saw an old version.
    late = world.post(Role.TOWNSHIP_OFFICIAL, case, "alert")
    assert (late.status_code, late.json()["code"]) == (409, "case_changed")
    # A refusal keeps no key: mended, the request is taken under the same one.
    assert world.post(Role.TOWNSHIP_OFFICIAL, case, "alert", key="k-2").status_code == 409
    assert world.post(Role.TOWNSHIP_OFFICIAL, {**case, "version": 2}, "exclude", key="k-2",
                      reason="declined").status_code == 201  # fmt: skip


def test_a_key_answers_nobody_but_who_sent_it(world: World) -> None:
    case = world.open()
    assert world.post(Role.VILLAGE_OFFICIAL, case, "alert", key="own").status_code == 201
    # Of the same area and with the same request: what the other asks for is another request, and late.
    other = world.post(Role.HELPER, case, "alert", key="own")
    assert (other.status_code, other.json()["code"]) in {(409, "case_changed"), (422, "move_not_allowed")}
    assert "Idempotency-Replayed" not in other.headers
    # Who is answered again has read the household again.
    audit = world.client.app.state.store.audit
    before = audit.search(household_id=case["household_id"])
    assert world.post(Role.VILLAGE_OFFICIAL, case, "alert", key="own").status_code == 201
    after = audit.search(household_id=case["household_id"])
    assert [one.action for one in after[: len(after) - len(before)]] == ["household_read"]
    assert after[0].role == Role.VILLAGE_OFFICIAL


def test_only_somebody_who_is_signed_in_moves_a_case(world: World) -> None:
    case = world.open()
    body = {"version": 1, "move": "alert", "facts": {}}
    for role, area in (
        (Role.TOWNSHIP_OFFICIAL, VILLAGE[:9]),
        (Role.COUNTY_OFFICIAL, VILLAGE[:6]),
        (Role.PLATFORM, "*"),
    ):
        key = world.client.make_key(role, area)
        answer = world.client.post(f"/v1/cases/{case['case_id']}/moves", json=body, headers=key)
        assert (answer.status_code, answer.json()["code"]) == (403, "role_not_allowed")
        told = world.client.get(f"/v1/cases/{case['case_id']}", headers=key).json()
        assert (told["case"]["version"], told["moves"]) == (1, [])
    # From another page the browser's session counts for nothing.
    other = {**world.people[Role.TOWNSHIP_OFFICIAL], "Origin": "https://evil.test"}
    answer = world.client.post(f"/v1/cases/{case['case_id']}/moves", json=body, headers=other)
    assert (answer.status_code, answer.json()["code"]) == (403, "origin_not_own")


def test_a_case_elsewhere_is_nowhere(world: World) -> None:
    case = world.open()
    nowhere = "0" * 32
    bodies = {"json": {"version": 1, "move": "alert", "facts": {}}}
    for method, end, more in (("GET", "", {}), ("POST", "/moves", bodies)):
        answers = [
            world.client.request(method, f"/v1/cases/{number}{end}", headers=world.elsewhere, **more)
            for number in (case["case_id"], nowhere, "no-case", "%F0%9F%92%A9")
        ]
        assert {one.status_code for one in answers} == {404}
        assert len({one.content for one in answers}) == 1
    answers = [
        world.client.get(f"/v1/cases/notice/{number}", headers=world.elsewhere)
        for number in (world.reviewed()["case_id"], nowhere)
    ]
    assert {one.status_code for one in answers} == {404}
    listed = world.client.get("/v1/cases", headers=world.elsewhere).json()
    assert listed == {"total": 0, "cases": [], "next_cursor": None}


def test_the_notice_shows_days_and_no_person(world: World) -> None:
    case = world.reviewed()
    answer = world.client.get(
        f"/v1/cases/notice/{case['case_id']}", headers=world.people[Role.VILLAGE_OFFICIAL]
    )
    told = NoticeAnswer.model_validate(answer.json())
    assert told.ends_on == (world.today + dt.timedelta(days=5)).isoformat()
    for language in ("zh", "en"):
        page = "\n".join(told.lines[language])
        assert told.ends_on in page
        assert told.number in page
    # What the case, its leads or the identity could give away; of health and money nothing either. What is
    # there by right is taken out first: numbers and days are made of digits, too.
    left = answer.text
    for one in (told.number, told.published_on, told.ends_on, VILLAGE):
        left = left.replace(one, "")
    for canary in (*CANARIES, case["household_id"], "01", "illness", "因病", "sudden", "marginal", "高风险"):
        assert canary not in left
    before = world.open()
    early = world.client.get(f"/v1/cases/notice/{before['case_id']}", headers=world.people[Role.HELPER])
    assert (early.status_code, early.json()["code"]) == (409, "notice_not_open")
    # A case that was sent back has none that hangs.
    case = world.move(Role.TOWNSHIP_OFFICIAL, case, "send_back", reason="notice_faulty")
    late = world.client.get(f"/v1/cases/notice/{case['case_id']}", headers=world.people[Role.HELPER])
    assert late.status_code == 409


def test_no_answer_about_a_case_holds_a_persons_data(world: World) -> None:
    case = world.reviewed()
    for path in ("/v1/cases", f"/v1/cases/{case['case_id']}", f"/v1/cases/notice/{case['case_id']}"):
        text = world.client.get(path, headers=world.people[Role.COUNTY_OFFICIAL]).text
        assert not [one for one in CANARIES if one in text]


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        ([], {""}),
        ({}, {"/version", "/move"}),
        ({"version": 0, "move": "alert"}, {"/version"}),
        ({"version": True, "move": "alert"}, {"/version"}),
        ({"version": 1.5, "move": "alert"}, {"/version"}),
        ({"version": 2**40, "move": "alert"}, {"/version"}),
        ({"version": 1, "move": "decide"}, {"/move"}),
        ({"version": 1, "move": ["alert"]}, {"/move"}),
        ({"version": 1, "move": "alert", "facts": []}, {"/facts"}),
        ({"version": 1, "move": "alert", "note": "张三"}, {""}),
    ],
)
def test_a_body_that_is_no_order(world: World, body: Any, pointers: set[str]) -> None:
    case = world.open()
    answer = world.client.post(
        f"/v1/cases/{case['case_id']}/moves", json=body, headers=world.people[Role.TOWNSHIP_OFFICIAL]
    )
    assert (answer.status_code, answer.json()["code"]) == (422, "request_invalid")
    assert {one["pointer"] for one in answer.json()["errors"]} == pointers
    assert "张三" not in answer.text


def test_facts_that_are_wrong_are_told_and_not_repeated(world: World) -> None:
    case = world.move(Role.TOWNSHIP_OFFICIAL, world.open(), "alert")
    answer = world.post(Role.VILLAGE_OFFICIAL, case, "verify", visited_on="13800138000", note="张三")
    assert answer.status_code == 422
    assert {(one["pointer"], one["code"]) for one in answer.json()["errors"]} == {
        ("/facts", "unknown_field"), ("/facts/visited_on", "not_a_date")
    }  # fmt: skip
    assert not [one for one in ("张三", "13800138000", "note") if one in answer.text]


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("state=solved", "state"), ("state=", "state"), ("state=found&state=alerted", "state"), ("owner=platform", "owner"),
        ("due=never", "due"), ("theme=x", "theme"), ("grade=0", "grade"), ("grade=x", "grade"), ("area=5", "area"),
        ("area=', ''", "area"), ("limit=0", "limit"), ("limit=101", "limit"), ("cursor=x", "cursor"),
        ("cursor=WyIiLDEsIngiXQ==", "cursor"), ("cursor=WyJ4IiwxLCJ4Il0", "cursor"), ("told=nobody", "told"),
    ],
)  # fmt: skip
def test_a_query_that_is_none(world: World, query: str, name: str) -> None:
    answer = world.client.get(f"/v1/cases?{query}", headers=world.people[Role.COUNTY_OFFICIAL])
    assert answer.status_code == 422
    assert [one["pointer"] for one in answer.json()["errors"]] == [f"/query/{name}"]


def test_a_list_is_filtered_and_paged(world: World) -> None:
    excluded = [
        world.move(Role.COUNTY_OFFICIAL, world.open(), "exclude", reason="deceased") for _ in range(3)
    ]
    county = world.people[Role.COUNTY_OFFICIAL]

    def listed(query: str) -> CasesAnswer:
        return CasesAnswer.model_validate(world.client.get(f"/v1/cases?{query}", headers=county).json())

    page = listed("state=excluded&limit=2")
    assert len(page.cases) == 2
    assert page.total >= 3
    every = [one.case_id for one in page.cases]
    while page.next_cursor is not None:
        page = listed(f"state=excluded&limit=2&cursor={page.next_cursor}")
        every += [one.case_id for one in page.cases]
    assert len(set(every)) == len(every) == page.total
    assert {one["case_id"] for one in excluded} <= set(every)
    assert listed("area=500119101").total == 0
    assert listed(f"area={VILLAGE}&state=excluded,found&grade=1&theme=illness").total >= 3
    assert listed("owner=village_official&state=excluded").total == page.total


def test_the_example_is_an_order() -> None:
    order = read_order(EXAMPLE_ORDER)
    assert order.move == "green_lane"
    assert order.fingerprint("a") != order.fingerprint("b")
