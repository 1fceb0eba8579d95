"""The routes of leads and lists: strict in what they take, exact in what they tell."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scoring.capacity import Capacity, Quota
from serving.access import Role
from serving.api.lead_answers import (
    AddedAnswer,
    ClustersAnswer,
    EntryAnswer,
    LeadsAnswer,
    ListingAnswer,
    WorklistAnswer,
)
from serving.api.lead_request import MOST_ITEMS, example_leads
from serving.app import create_app
from serving.cases.lead_code import SWEEP_CHECKS
from serving.leads.clusters import Cluster, Clusters, Rules
from serving.settings import Settings
from serving.storage import AccountStore
from serving.storage.worklists import WorklistStore
from serving.worklists.making import Terms, make_worklists
from tests.serving.access.people import ORIGIN, RIGHT, CheapPasswords
from tests.serving.conftest import Client
from tests.serving.leads.conftest import DAY, NEXT_DOOR, PLATFORM, VILLAGE, a_body
from tests.serving.leads.runs import RUN

ONE: dict[str, Any] = {
    "household_id": "H0-1", "village_code": VILLAGE, "channel": "declaration", "occurred_on": "2026-10-20",
    "known_on": "2026-10-25", "cause": "01",
}  # fmt: skip


@pytest.fixture(scope="module")
def client(bundle_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    folder = tmp_path_factory.mktemp("leads")
    app = create_app(Settings(bundle_dir, f"sqlite:///{folder}/s.db", public_origin=ORIGIN))
    with Client(app) as made:
        app.state.store.save_release("m", "0" * 64, 12)
        bodies = [a_body(f"H0-{n}", n / 100, "high" if n >= 18 else "low") for n in range(20)]
        app.state.store.save(bodies, [VILLAGE] * 20)
        lists = WorklistStore(app.state.store.engine, app.state.store.audit)
        terms = Terms.of(
            RUN, Capacity(Quota(share=0.15), "village"), DAY, "CN-50", random_share=0.5, seed="s"
        )
        make_worklists(app.state.store.engine, lists, PLATFORM, "500999", terms)
        yield made


def send(client: Client, *items: dict[str, Any], **more: Any) -> Any:
    return client.post("/v1/leads", json={"leads": list(items)}, **more)


def signed_in(client: Client, role: Role, area: str) -> dict[str, str]:
    desk = client.app.state.desk
    store: AccountStore = desk.accounts
    with store.writer.begin() as connection:
        made = store.add_in(
            connection, f"w-{role[:4]}{area}", role, area, CheapPasswords().hash(RIGHT), dt.timedelta(days=1)
        )
        store.change_in(connection, made, is_start_password=0)
        shown = desk.signed_in.sessions.open_in(connection, made.id)
    own_page = {"Origin": ORIGIN, "Sec-Fetch-Site": "same-origin"}
    return {"Cookie": f"__Host-fangfan={shown}", "Authorization": "", **own_page}


def test_leads_of_four_channels_come_into_one_case(client: Client) -> None:
    example = [{**one, "household_id": "H0-2"} for one in example_leads()["leads"]]
    first = send(client, *example)
    assert first.status_code == 200, first.text
    assert AddedAnswer.model_validate(first.json()).model_dump() == {
        "new": 4, "repeated": 0, "cases_opened": 1, "cases_joined": 0,
    }  # fmt: skip
    assert send(client, *example).json()["repeated"] == 4
    found = LeadsAnswer.model_validate(client.get("/v1/leads?household_id=H0-2").json())
    assert {one.channel for one in found.leads} == {"declaration", "grid", "sweep", "department"}
    # The declaration and the health office tell of one illness.
    assert len({one.event_key for one in found.leads}) == 3
    sweep = next(one for one in found.leads if one.channel == "sweep")
    assert (sweep.code, sweep.facts, sweep.is_hard) == ("gap_water", {"group": "marginal"}, True)
    assert sweep.text.zh == "饮水安全未保障"


def test_a_sweep_without_a_gap_makes_no_lead(client: Client) -> None:
    swept = {**ONE, "channel": "sweep", "checks": dict.fromkeys(SWEEP_CHECKS, True)}
    del swept["cause"]
    assert send(client, swept).json() == {"new": 0, "repeated": 0, "cases_opened": 0, "cases_joined": 0}
    none = {**swept, "checks": dict.fromkeys(SWEEP_CHECKS, False), "household_id": "H0-4"}
    assert send(client, none).json()["new"] == 6


WRONG: list[tuple[dict[str, Any], str, str]] = [
    ({"cause": "77"}, "/cause", "unknown_category"),
    ({"cause": ["01"]}, "/cause", "unknown_category"),
    ({"channel": "score"}, "/channel", "unknown_category"),
    ({"channel": None}, "/channel", "unknown_category"),
    ({"village_code": "500999"}, "/village_code", "malformed"),
    ({"village_code": "５００９９９１００２０１"}, "/village_code", "malformed"),
    ({"household_id": "a b"}, "/household_id", "malformed"),
    ({"household_id": 7}, "/household_id", "not_text"),
    ({"occurred_on": "2026-02-30"}, "/occurred_on", "not_a_date"),
    ({"occurred_on": "2026-10-26"}, "/occurred_on", "after_known"),
    ({"known_on": "2199-01-01"}, "/known_on", "out_of_range"),
    ({"known_on": "2019-12-31", "occurred_on": "2019-12-01"}, "/known_on", "out_of_range"),
    ({"occurred_on": "1900-01-01"}, "/occurred_on", "out_of_range"),
    ({"occurred_on": "2019-12-31"}, "/occurred_on", "out_of_range"),
    ({"amount_yuan": -1}, "/amount_yuan", "out_of_range"),
    ({"amount_yuan": True}, "/amount_yuan", "out_of_range"),
    ({"amount_yuan": "9"}, "/amount_yuan", "out_of_range"),
    ({"note": "张三很穷"}, "", "unknown_field"),
    ({"checks": {}}, "", "unknown_field"),
    ({"channel": "sweep", "checks": {"food": True}}, "/checks/water", "missing"),
    ({"channel": "sweep", "checks": dict.fromkeys(SWEEP_CHECKS, 1)}, "/checks/food", "wrong_type"),
    ({"channel": "department", "department": "health", "code": "gap_water"}, "/code", "unknown_category"),
    ({"channel": "department", "department": "him", "code": "crop_loss"}, "/department", "unknown_category"),
]


@pytest.mark.parametrize(("change", "at", "code"), WRONG)
def test_what_is_wrong_is_named_and_never_repeated(
    client: Client, change: dict[str, Any], at: str, code: str
) -> None:
    answer = send(client, {**ONE, "household_id": "H-WRONG"}, {**ONE, **change})
    assert answer.status_code == 422, answer.text
    errors = {(one["pointer"], one["code"]) for one in answer.json()["errors"]}
    assert (f"/leads/1{at}", code) in errors or (
        (at, code) == ("/occurred_on", "not_a_date") and any(one[0] == f"/leads/1{at}" for one in errors)
    ), errors
    assert "张三" not in answer.text
    # All or nothing: the sound one was not taken.
    assert client.get("/v1/leads?household_id=H-WRONG").json()["leads"] == []


def test_the_first_day_of_the_policy_is_taken(client: Client) -> None:
    first = {**ONE, "household_id": "H-FIRST", "occurred_on": "2020-01-01"}
    assert send(client, first).json()["new"] == 1
    refused = send(client, {**first, "occurred_on": "1900-01-01"}).json()["errors"]
    # Told once, and with the way out.
    assert [one["pointer"] for one in refused] == ["/leads/0/occurred_on"]
    assert "2020-01-01" in refused[0]["way_out"]
    assert "1900" not in json.dumps(refused)


def test_a_household_has_so_many_leads_that_are_open(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("serving.api.leads.MOST_OPEN_LEADS", 6)
    many = [{**ONE, "household_id": "H-MANY", "occurred_on": f"2026-10-{10 + n}"} for n in range(7)]
    other = {**ONE, "household_id": "H-OTHER"}
    assert send(client, *many[:5]).json()["new"] == 5
    answer = send(client, other, many[5], many[0], many[6])
    assert answer.status_code == 422, answer.text
    assert [(one["pointer"], one["code"]) for one in answer.json()["errors"]] == [
        (f"/leads/{at}", "too_many") for at in (1, 2, 3)
    ]
    assert "visit" in answer.json()["errors"][0]["way_out"]
    assert "H-MANY" not in answer.text
    # All or nothing; what is there already is no more of it.
    assert client.get("/v1/leads?household_id=H-OTHER").json()["leads"] == []
    assert send(client, *many[:5], other).json() == {
        "new": 1, "repeated": 5, "cases_opened": 1, "cases_joined": 0,
    }  # fmt: skip
    assert send(client, many[5]).json()["new"] == 1
    assert send(client, many[6]).status_code == 422
    # A household without a case has none of this many either, in one request.
    anew = [{**one, "household_id": "H-ANEW"} for one in many]
    assert [one["code"] for one in send(client, *anew).json()["errors"]] == ["too_many"] * 7


def test_documents_that_are_none(client: Client) -> None:
    documents: list[Any] = [{}, [], {"leads": []}, {"leads": {}}, {"leads": [ONE], "more": 1}, {"leads": [1]},
                     {"leads": [ONE] * (MOST_ITEMS + 1)}]  # fmt: skip
    for document in documents:
        assert client.post("/v1/leads", json=document).status_code == 422
    many = client.post("/v1/leads", json={"leads": [{}] * MOST_ITEMS}).json()
    assert len(many["errors"]) == 100
    text = json.dumps({"leads": [ONE]})
    for body, status in (("null", 422), (text[:-1], 400), (text.replace('"01"', "NaN"), 400),
                         (text.replace('"cause"', '"cause": "02", "cause"'), 400)):  # fmt: skip
        answer = client.post(
            "/v1/leads", content=body, headers={"Content-Type": "application/json", **client.headers}
        )
        assert answer.status_code == status


def test_a_key_of_a_request_is_answered_once(client: Client) -> None:
    headers = {"Idempotency-Key": "k-1", **client.headers}
    one = {**ONE, "household_id": "H0-6"}
    first = send(client, one, headers=headers)
    again = send(client, one, headers=headers)
    assert (first.json()["new"], again.json()) == (1, first.json())
    assert again.headers["Idempotency-Replayed"] == "true"
    other = send(client, {**one, "cause": "07"}, headers=headers)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    # A refused request gives its key back.
    headers["Idempotency-Key"] = "k-2"
    assert send(client, {**one, "cause": "x"}, headers=headers).status_code == 422
    assert send(client, one, headers=headers).json()["repeated"] == 1


def test_a_key_of_a_request_is_its_senders_own(client: Client) -> None:
    one = {**ONE, "household_id": "H0-8"}
    keys = [client.make_key(Role.PLATFORM, "500999") for _ in range(2)]
    first, other = (send(client, one, headers={"Idempotency-Key": "k-1", **key}) for key in keys)
    assert [one.json()["cases_opened"] for one in (first, other)] == [1, 0]
    assert "Idempotency-Replayed" not in other.headers


def test_people_send_for_their_area_and_not_for_departments(client: Client) -> None:
    cadre = signed_in(client, Role.VILLAGE_OFFICIAL, VILLAGE)
    assert send(client, {**ONE, "household_id": "H0-7", "channel": "grid"}, headers=cadre).json()["new"] == 1
    outside = send(client, {**ONE, "village_code": NEXT_DOOR}, headers=cadre).json()
    assert [(one["pointer"], one["code"]) for one in outside["errors"]] == [
        ("/leads/0/village_code", "outside_area")
    ]
    report = {**ONE, "channel": "department", "department": "health", "code": "serious_illness"}
    del report["cause"]
    refused = send(client, report, headers=cadre).json()
    assert [one["code"] for one in refused["errors"]] == ["unknown_category"]


def test_a_list_is_read_explained_and_added_to(client: Client) -> None:
    found = WorklistAnswer.model_validate(client.get("/v1/worklists/500999?limit=2").json())
    assert (found.total, len(found.entries)) == (5, 2)
    rest = client.get(f"/v1/worklists/500999?limit=100&cursor={found.next_cursor}").json()
    places = [one.place for one in found.entries] + [one["place"] for one in rest["entries"]]
    assert (places, rest["next_cursor"]) == ([1, 2, 3, 4, 5], None)
    assert client.get("/v1/worklists/500999?why=random").json()["total"] == 2
    for wrong in ("why=x", "cursor=x", "limit=0", "made_on=x"):
        assert client.get(f"/v1/worklists/500999?{wrong}").status_code == 422
    assert client.get("/v1/worklists/500999?made_on=2026-01-01").json()["code"] == "worklist_not_found"
    told = ListingAnswer.model_validate(client.get("/v1/households/H0-19/listing").json())
    assert (told.why, told.rank, told.households) == ("listed_score", 1, 20)
    assert told.text.zh.startswith("已列入走访名单")
    # A program adds nobody by hand.
    body = {"household_id": "H0-0", "reason": "household_request"}
    assert client.post("/v1/worklists/500999/entries", json=body).status_code == 403
    cadre = signed_in(client, Role.TOWNSHIP_OFFICIAL, VILLAGE[:9])
    before = client.get("/v1/households/H0-0/listing").json()["why"]
    made = client.post(f"/v1/worklists/{VILLAGE}/entries", json=body, headers=cadre)
    entry = EntryAnswer.model_validate(made.json())
    assert before == "listed_random" or (entry.why, entry.reason) == ("added", "household_request")
    bodies: list[Any] = [{**body, "reason": "张三"}, {"household_id": "H0-0"}, {**body, "more": 1}, []]
    for one in bodies:
        answer = client.post(f"/v1/worklists/{VILLAGE}/entries", json=one, headers=cadre)
        assert (answer.status_code, "张三" in answer.text) == (422, False)
    nobody = client.post(
        f"/v1/worklists/{VILLAGE}/entries", json={**body, "household_id": "H-NO"}, headers=cadre
    )
    assert (nobody.status_code, nobody.json()["code"]) == (404, "household_not_found")


def test_queries_of_leads(client: Client) -> None:
    for wrong in ("area=x", "channel=x", "theme=x", "code=x", "hard=1", "since=x", "cursor=x", "limit=201",
                  "household_id=a&case_id=b", "disagreement=x"):  # fmt: skip
        assert client.get(f"/v1/leads?{wrong}").status_code == 422, wrong
    page = client.get("/v1/leads?limit=1&area=500999&hard=true&since=2026-10-01").json()
    assert (len(page["leads"]), page["leads"][0]["is_hard"]) == (1, True)
    more = client.get(f"/v1/leads?limit=1&cursor={page['next_cursor']}").json()
    assert more["leads"][0]["id"] != page["leads"][0]["id"]


def test_small_clusters_are_told_by_nothing(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    day, towns = dt.date(2026, 10, 31), ("500999101", "500999102", "500999103", "500999104")
    counted = ((4, 0.04), (9, 0.2), (1, 0.93), (2, 0.31))
    found = tuple(
        Cluster(town, "illness", observed, 1.23456, 0, 4, p_value, is_warning=False)
        for town, (observed, p_value) in sorted(zip(towns, counted, strict=True), key=lambda one: one[1][1])
    )
    rules = Rules(30, 12, 6, 0.1, is_assumption=True)
    made = Clusters(day, day, rules, ("500999",), (), found)
    monkeypatch.setattr("serving.board.find_clusters", lambda *_: made)
    told = client.get("/v1/areas/500999/clusters").json()["clusters"]
    # What is small has neither a number, nor what it could be worked out of, nor a place by it.
    assert [(one["area_code"], one["observed"], one["p_value"], one["expected"]) for one in told] == [
        (towns[1], 9, 0.2, 1.2), (towns[0], None, None, 1.2), (towns[2], None, None, 1.2),
        (towns[3], None, None, 1.2),
    ]  # fmt: skip
    key = client.make_key(Role.COUNTY_OFFICIAL, "500999")
    own = client.get("/v1/areas/500999/clusters", headers=key).json()["clusters"]
    assert [(one["observed"], one["p_value"]) for one in own] == sorted(counted, key=lambda one: one[1])
    assert own[0]["expected"] == 1.23456


def test_clusters_are_told_inside_alone(client: Client) -> None:
    found = client.get("/v1/areas/500999/clusters?as_of_date=2026-10-31").json()
    told = ClustersAnswer.model_validate(found)
    # Its ledger knows nothing of the past yet.
    assert (told.unjudged, told.warnings, told.is_assumption) == (["500999"], 0, True)
    key = client.make_key(Role.COUNTY_OFFICIAL, "500998")
    assert client.get("/v1/areas/500999/clusters", headers=key).json()["code"] == "area_not_found"
    assert client.get("/v1/areas/500999/clusters?as_of_date=2001-01-01").status_code == 422
    assert client.get("/v1/areas/500999/clusters?cursor=x").status_code == 422
