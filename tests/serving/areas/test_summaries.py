"""Counts by area: kept with the assessments whatever happens to them, and told inside the caller's area."""

from __future__ import annotations

import copy
import datetime as dt
import random
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, select

from scoring.silence import unscored
from serving.access import Caller, Role, Scope
from serving.api.area_answers import AreaSummaryAnswer
from serving.app import create_app
from serving.settings import Settings
from serving.storage import AssessmentStore, Run, SummaryStore, open_database
from serving.storage.area_counts import UNITS
from serving.storage.tables import assessment, unheard_household
from tests.serving.conftest import Client, a_household, a_request
from tests.serving.postgres import Server

VILLAGES = ("500999100201", "500999100202", "500999101201", "500998100201", "510199100201")
DAY = dt.date(2026, 10, 31)
RUN = Run(DAY, "m")
ACTION = {"high": "visit", "medium": "watch", "low": "routine"}


def a_body(key: str, grade: str = "low", score: float = 0.1, **more: Any) -> dict[str, Any]:
    return {
        "household_id": key, "as_of_date": "2026-10-31", "model_version": "m", "score": score, "grade": grade,
        "suggested_action": ACTION[grade], "risk_reasons": [], "protective_reasons": [], "rule_hits": [],
        "themes": [{"theme": "illness", "score": score}], "missing_feeds": [], "stale_feeds": [],
        "partial_feeds": [], **more,
    }  # fmt: skip


@pytest.fixture
def store(database_url: str) -> Iterator[AssessmentStore]:
    made = AssessmentStore(open_database(database_url))
    made.save_release("m", "0" * 64, 12)
    yield made
    made.engine.dispose()


def recount(store: AssessmentStore) -> dict[str, tuple[int, dict[str, int], int, dict[str, int]]]:
    """What is stored, counted by hand: households, grades, sum of scores, feeds of which nothing is known."""
    found: dict[str, tuple[int, Counter[str], int, Counter[str]]] = {}
    with store.engine.connect() as connection:
        rows = [
            tuple(one) for one in connection.execute(select(assessment.c.village_code, assessment.c.body))
        ]
        keys = [(one.household_id, one.village_code) for one in connection.execute(select(assessment))]
        for one in connection.execute(select(unheard_household)):
            rows.append((one.village_code, {**one.feeds, "grade": "nothing known", "score": 0}))
            keys.append((one.household_id, one.village_code))
    # Nobody of a run is told both ways.
    assert len(set(keys)) == len(keys)
    for village, body in rows:
        for length in (2, 4, 6, 9, 12):
            was = found.get(village[:length], (0, Counter(), 0, Counter()))
            silent = Counter(body["missing_feeds"] + body["stale_feeds"])
            found[village[:length]] = (
                was[0] + 1, was[1] + Counter([body["grade"]]), was[2] + round(body["score"] * UNITS),
                was[3] + silent,
            )  # fmt: skip
    return {area: (n, dict(g), s, dict(u)) for area, (n, g, s, u) in found.items()}


def counted(store: AssessmentStore) -> dict[str, tuple[int, dict[str, int], int, dict[str, int]]]:
    return {
        area: (
            one.households,
            dict(+(one.grades + Counter({"nothing known": one.nothing_known}))),
            one.score_units,
            dict(one.unknown),
        )
        for area, one in SummaryStore(store.engine).counts(RUN).items()
    }


@pytest.mark.parametrize("seed", range(3))
def test_counts_are_those_of_the_stored_rows_after_any_writes(store: AssessmentStore, seed: int) -> None:
    rng = random.Random(seed)
    scopes = [Scope(""), Scope("50"), Scope("500999"), Scope("51")]
    for _ in range(12):
        within = rng.choice(scopes)
        places = [one for one in VILLAGES if within.contains(one)]
        keys = rng.sample([f"H{n}" for n in range(12)], rng.randint(1, 8))
        bodies = [
            a_body(
                key, rng.choice(list(ACTION)), rng.random(),
                missing_feeds=rng.choice([[], ["illness"]]), stale_feeds=rng.choice([[], ["income"]]),
            )
            for key in keys
        ]  # fmt: skip
        bodies = [unscored(one) if rng.random() < 0.3 else one for one in bodies]
        stamp = SummaryStore(store.engine).stamp(RUN)
        saved = store.save(bodies, [rng.choice(places) for _ in keys], within)
        assert counted(store) == recount(store)
        if saved.new or saved.changed:
            assert SummaryStore(store.engine).stamp(RUN) != stamp


def test_a_transaction_that_fails_leaves_the_counts(store: AssessmentStore) -> None:
    store.save([a_body("A")], [VILLAGES[0]])
    before = counted(store)
    with store.writer.connect() as connection:
        transaction = connection.begin()
        store.save_in(connection, [a_body("B"), a_body("A", "high", 0.9)], list(VILLAGES[:2]))
        transaction.rollback()
    assert counted(store) == before == recount(store)


def test_writers_at_once_lose_no_count(store: AssessmentStore) -> None:
    errors: list[Exception] = []

    def write(writer: int) -> None:
        try:
            for n in range(8):
                keys = [f"{writer}-{n}", "shared"]
                bodies = [a_body(key, score=writer / 10 + n / 100) for key in keys]
                store.save(bodies, [VILLAGES[writer % 2], VILLAGES[2]])
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=write, args=(n,)) for n in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert errors == []
    assert counted(store) == recount(store)
    assert counted(store)["50"][0] == 33


@pytest.fixture(scope="module")
def service(bundle_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """60 households in one village, a small village beside it, and one where nothing is known of illness."""
    settings = Settings(bundle_dir, f"sqlite:///{tmp_path_factory.mktemp('areas')}/s.db")
    with Client(create_app(settings)) as client:
        store: AssessmentStore = client.app.state.store
        store.save_release("m", "0" * 64, 12)
        assert client.app.state.champion.wait(300)
        real = client.post("/v1/scores", json=a_request(a_household("H"))).json()["results"][0]

        def put(village: str, count: int, high: int, **more: Any) -> None:
            bodies = []
            for n in range(count):
                grade = "high" if n < high else "low"
                own = a_body(f"{village}-{n}", grade, 0.5 if n < high else 0.05, **more)
                bodies.append({**copy.deepcopy(real), **own})
            store.save(bodies, [village] * count)

        put(VILLAGES[0], 60, 20)
        put(VILLAGES[1], 40, 2)
        put(VILLAGES[2], 30, 10, missing_feeds=["illness"])
        put(VILLAGES[3], 25, 5)
        put(VILLAGES[4], 3, 1)
        yield client


def summary(client: Client, area: str, role: Role = Role.PLATFORM, own: str = "*", query: str = "") -> Any:
    return client.get(f"/v1/areas/{area}/summary{query}", headers=client.make_key(role, own))


def test_an_area_is_told_with_those_below_it(service: Client) -> None:
    told = summary(service, "500999", Role.COUNTY_OFFICIAL, "500999").json()
    AreaSummaryAnswer.model_validate(told)
    assert (told["households"], told["grades"]) == (130, {"high": 32, "medium": 0, "low": 98})
    assert (told["level"], told["below"]["level"], told["is_small_kept_back"]) == (
        "county",
        "township",
        False,
    )
    assert [one["area_code"] for one in told["below"]["areas"]] == ["500999100", "500999101"]
    assert told["expected"]["count"] == pytest.approx(32 * 0.5 + 98 * 0.05)
    deviation = (32 * 0.25 + 98 * 0.05 * 0.95) ** 0.5
    assert told["expected"]["high"] - told["expected"]["count"] == pytest.approx(1.96 * deviation, rel=1e-3)
    # A feed that is silent is unknown, and in the part above in part.
    assert told["feeds"]["illness"] == {"state": "partly", "unknown": 30, "partial": 0}
    assert told["below"]["areas"][1]["feeds"]["illness"]["state"] == "unknown"


def test_small_counts_are_for_the_areas_own_official(service: Client) -> None:
    small = VILLAGES[1]
    own = summary(service, small, Role.VILLAGE_OFFICIAL, small).json()
    assert own["grades"] == {"high": 2, "medium": 0, "low": 38}
    for role, area in ((Role.COUNTY_OFFICIAL, "500999"), (Role.PLATFORM, "*"), (Role.HELPER, small)):
        other = summary(service, small, role, area).json()
        AreaSummaryAnswer.model_validate(other)
        assert (other["households"], other["grades"]) == (40, None)
        assert other["is_small_kept_back"]
        # The town would give it away, were its other village told.
        town = summary(service, small[:9], role, area)
        if role is not Role.HELPER:
            assert town.json()["grades"]
            assert [one["grades"] for one in town.json()["below"]["areas"]] == [None, None]
    tiny = summary(service, VILLAGES[4]).json()
    assert tiny["households"] is None
    assert tiny["expected"] is None
    assert summary(service, VILLAGES[4], Role.VILLAGE_OFFICIAL, VILLAGES[4]).json()["households"] == 3


def test_how_many_have_a_score_is_told_by_no_figure_beside_it(service: Client) -> None:
    store: AssessmentStore = service.app.state.store
    town = "520999100"
    # High, low, and of which nothing is known.
    for village, counts in {"201": (3, 0, 17), "202": (3, 47, 0), "203": (10, 20, 30)}.items():
        grades = [
            grade for grade, count in zip(("high", "low", None), counts, strict=True) for _ in range(count)
        ]
        bodies = [a_body(f"{village}-{n}", grade or "low") for n, grade in enumerate(grades)]
        said = [one if grade else unscored(one) for one, grade in zip(bodies, grades, strict=True)]
        store.save(said, [town + village] * len(said))
    told = summary(service, town).json()
    AreaSummaryAnswer.model_validate(told)
    assert (told["nothing_known"], told["grades"]) == (47, {"high": 16, "medium": 0, "low": 67})
    first, second, third = told["below"]["areas"]
    for one in (first, third):
        assert [one[name] for name in ("grades", "themes", "nothing_known", "expected")] == [None] * 4
    assert [one["households"] for one in told["below"]["areas"]] == [20, 50, 60]
    # Of the village that is heard its feeds tell as much; its high ones are few.
    assert [second[name] for name in ("nothing_known", "grades", "expected")] == [0, None, None]
    own = summary(service, town, Role.TOWNSHIP_OFFICIAL, town).json()
    assert own["expected"] is not None


def test_outside_and_nowhere_are_alike(service: Client) -> None:
    wanted = summary(service, "990000", Role.COUNTY_OFFICIAL, "500999")
    assert (wanted.status_code, wanted.json()["code"]) == (404, "area_not_found")
    for area in ("50", "5009", "500998", VILLAGES[4], "51", "5", "50099", "nonsense"):
        answer = summary(service, area, Role.COUNTY_OFFICIAL, "500999")
        assert (answer.status_code, answer.content) == (404, wanted.content)
    late = summary(service, "500999", Role.COUNTY_OFFICIAL, "500999", "?as_of_date=2020-01-01")
    assert late.content == wanted.content


def test_looking_outside_takes_the_same_steps_as_looking_nowhere(service: Client) -> None:
    steps: list[str] = []

    def note(_: Any, __: Any, statement: str, *___: Any) -> None:
        if "area_summary" in statement:
            steps.append(statement)

    engine = service.app.state.store.engine
    event.listen(engine, "before_cursor_execute", note)
    told = []
    for area in ("990000", "500998", "50", VILLAGES[3]):
        summary(service, area, Role.COUNTY_OFFICIAL, "500999")
        told.append(list(steps))
        steps.clear()
    event.remove(engine, "before_cursor_execute", note)
    assert told == [told[0]] * 4


def test_the_areas_below_come_in_pages(service: Client) -> None:
    whole = summary(service, "50").json()
    first = summary(service, "5009", query="?limit=1").json()
    assert first["below"]["count"] == 2
    rest = summary(service, "5009", query=f"?limit=1&cursor={first['below']['next_cursor']}").json()
    found = [one["area_code"] for one in first["below"]["areas"] + rest["below"]["areas"]]
    assert found == ["500998", "500999"]
    assert rest["below"]["next_cursor"] is None
    assert whole["below"]["level"] == "city"
    for query in ("limit=0", "limit=201", "cursor=x", "as_of_date=nonsense"):
        answer = summary(service, "50", query=f"?{query}")
        assert answer.status_code == 422


@pytest.mark.parametrize("locale", ["zh-CN", "en-US", "cs-CZ"])
def test_areas_below_are_found_in_whatever_order_the_server_has(postgres: Server, locale: str) -> None:
    store = AssessmentStore(open_database(postgres.new_database(icu_locale=locale)))
    store.save_release("m", "0" * 64, 12)
    villages = [*VILLAGES, "500999ZZZ201", "50099A100201"]
    store.save([a_body(one) for one in villages], villages)
    summaries = SummaryStore(store.engine)
    for area in {one[:length] for one in villages for length in (2, 4, 6, 9)}:
        found = summaries.find(Caller("k", Role.PLATFORM, Scope("")), area)
        assert found is not None
        lower = next(length for length in (4, 6, 9, 12) if length > len(area))
        expected = Counter(one[:lower] for one in villages if one.startswith(area))
        assert {code: one.households for code, one in found.below.items()} == expected
    store.engine.dispose()
