"""A household's history: whole, in order, page by page, and nobody else's."""

from __future__ import annotations

import copy
import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from serving.access import OPEN, Caller, Role, Scope
from serving.api.history_answers import HistoryAnswer
from serving.storage import AssessmentStore, AuditLog, HistoryStore, Mark, open_database
from tests.serving.conftest import Client, a_household, a_request
from tests.serving.readers import AUDIT_KEY

VILLAGE, OTHER = "500999100201", "510199100201"


def stored(body: dict[str, Any], day: str, version: str = "m1", score: float = 0.2) -> dict[str, Any]:
    made = copy.deepcopy(body)
    return made | {"as_of_date": day, "model_version": version, "score": score}


@pytest.fixture(scope="module")
def statement(client: Client) -> dict[str, Any]:
    answer: dict[str, Any] = client.post("/v1/scores", json=a_request(a_household("H"))).json()
    return dict(answer["results"][0])


@pytest.fixture
def stores(database_url: str) -> Iterator[tuple[AssessmentStore, HistoryStore]]:
    engine = open_database(database_url)
    audit = AuditLog(engine, AUDIT_KEY)
    store = AssessmentStore(engine, audit)
    for version in ("m1", "m2"):
        store.save_release(version, "0" * 64, 12)
    yield store, HistoryStore(engine, audit)
    engine.dispose()


def test_pages_hold_every_assessment_once_newest_first(
    stores: tuple[AssessmentStore, HistoryStore], statement: dict[str, Any]
) -> None:
    store, history = stores
    written = [
        (f"2026-{month:02}-28", version)
        for month in range(1, 8)
        for version in (("m1", "m2") if month % 2 else ("m1",))
    ]
    for day, version in written:
        store.save([stored(statement, day, version)], [VILLAGE])
    store.save([stored(statement, "2026-05-05", score=0.9)], [OTHER])
    caller = Caller("k", Role.PLATFORM, Scope("50"))
    for limit in (1, 2, 3, 50):
        found, after = [], None
        while True:
            page = history.list(caller, "H", limit=limit, after=after)
            assert page is not None
            assert len(page.items) <= limit
            found += [
                (one.latest.body["as_of_date"], one.latest.body["model_version"], one.former)
                for one in page.items
            ]
            after = page.after
            if after is None:
                break
            assert Mark.read(after.text) == after
        # The later of two models of a date was written later.
        assert [one[:2] for one in found] == [*reversed(written)]
        for day, version, former in found:
            dates = sorted({one for one, _ in written if one < day})
            if not dates:
                assert former is None
                continue
            versions = [one for at, one in written if at == dates[-1]]
            # Of the date before, the same model's, or the one written last.
            wanted = version if version in versions else versions[-1]
            assert former is not None
            assert (former.body["as_of_date"], former.body["model_version"]) == (dates[-1], wanted)


def test_a_period_is_a_part_and_an_empty_one_is_no_stranger(
    stores: tuple[AssessmentStore, HistoryStore], statement: dict[str, Any]
) -> None:
    store, history = stores
    for month in (1, 2, 3):
        store.save([stored(statement, f"2026-0{month}-28")], [VILLAGE])
    page = history.list(OPEN, "H", since=dt.date(2026, 2, 1), until=dt.date(2026, 2, 28))
    assert page is not None
    (only,) = page.items
    # The one before the period is still the one before.
    assert only.former is not None
    assert only.former.body["as_of_date"] == "2026-01-28"
    empty = history.list(OPEN, "H", since=dt.date(2030, 1, 1))
    assert empty is not None
    assert empty.items == ()
    assert history.list(OPEN, "NOBODY") is None
    assert history.list(Caller("k", Role.PLATFORM, Scope("51")), "H") is None
    assert history.find(Caller("k", Role.PLATFORM, Scope("51")), "H", dt.date(2026, 1, 28)) is None
    found = [one.outcome for one in history.audit.search(household_id="H")]
    assert found == ["not_found", "not_found", "shown", "shown"]


@given(st.text(max_size=80))
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_no_mark_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no mark"):
        Mark.read(text)


@pytest.mark.parametrize("at", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_a_mark_beyond_time_is_none(at: str) -> None:
    with pytest.raises(ValueError, match="no mark"):
        Mark.read(Mark(dt.date(2026, 1, 28), dt.datetime.fromisoformat(at), 1).text)


@given(st.dates(), st.datetimes(timezones=st.just(dt.UTC)), st.integers(1, 2**63 - 1))
def test_a_mark_is_read_as_it_was_written(day: dt.date, at: dt.datetime, number: int) -> None:
    mark = Mark(day, at, number)
    assert Mark.read(mark.text) == mark


@pytest.fixture(scope="module")
def followed(client: Client, statement: dict[str, Any]) -> dict[str, Any]:
    store: AssessmentStore = client.app.state.store
    store.save_release(statement["model_version"], "0" * 64, 12)
    store.save_release("m2", "0" * 64, 12)
    bodies = [
        copy.deepcopy(statement) | {"household_id": "H-HISTORY", "as_of_date": day}
        for day in ("2026-08-31", "2026-09-30")
    ]
    bodies[1]["families"][0]["contribution"] += 0.5
    bodies[1]["log_odds"] += 0.5
    bodies.append(copy.deepcopy(bodies[1]) | {"as_of_date": "2026-10-31", "model_version": "m2"})
    store.save(bodies, [VILLAGE] * 3)
    return statement


def test_the_route_says_what_moved_under_one_model_and_that_another_scored(
    client: Client, followed: dict[str, Any]
) -> None:
    told = client.get("/v1/households/H-HISTORY/scores").json()
    HistoryAnswer.model_validate(told)
    other, moved, first = told["scores"]
    assert first["changes"] is None
    assert moved["changes"]["basis"] == "contributions"
    summed = sum(one["difference"] for one in moved["changes"]["families"])
    assert summed == pytest.approx(moved["changes"]["log_odds_difference"], abs=1e-9) == pytest.approx(0.5)
    assert other["changes"]["basis"] == "other_model"
    assert other["changes"]["log_odds_difference"] is None
    assert other["monitoring_line"]["effective_from"]
    assert told["next_cursor"] is None
    page = client.get("/v1/households/H-HISTORY/scores?limit=2").json()
    rest = client.get(f"/v1/households/H-HISTORY/scores?limit=2&cursor={page['next_cursor']}").json()
    assert page["scores"] + rest["scores"] == told["scores"]
    assert [
        one["as_of_date"]
        for one in client.get("/v1/households/H-HISTORY/scores?to=2026-09-30").json()["scores"]
    ] == ["2026-09-30", "2026-08-31"]


@pytest.mark.parametrize(
    ("query", "at"),
    [
        ("from=2026-13-01", "from"), ("to=yesterday", "to"), ("limit=0", "limit"), ("limit=101", "limit"),
        ("limit=1e2", "limit"), ("limit=٣", "limit"), ("cursor=AAAA", "cursor"),
        ("from=2026-02-01&to=2026-01-01", "from"), ("limit=1&limit=2", "limit"),
        (f"cursor={'A' * 5000}", "cursor"),
    ],
)  # fmt: skip
def test_a_bad_query_is_refused_without_being_repeated(client: Client, query: str, at: str) -> None:
    answer = client.get(f"/v1/households/H-HISTORY/scores?{query}")
    assert answer.status_code == 422
    assert [one["pointer"] for one in answer.json()["errors"]] == [f"/query/{at}"]
    assert query.partition("=")[2] not in answer.text or at == "limit"
