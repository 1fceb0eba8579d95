"""Corrections: reviewed by another person, laid over facts from then on, and the household scored again."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, select, update
from sqlalchemy.exc import OperationalError

from features import CONTRACTS, Coverage, Signals, build_vectors, take_in
from features.neighbourhood import with_neighbourhood
from features.signals import REQUEST_FEEDS
from scoring import load_bundle
from serving.api.documentation import example_request
from serving.app import create_app
from serving.around import Around
from serving.batch import score_all
from serving.cases.correction import CorrectionState, Refusal
from serving.errors import Problem
from serving.kept_models import KeptModels
from serving.rescoring import Rescorer
from serving.settings import Settings
from serving.signals_folder import SignalsFolder
from serving.storage import UsualStore, VillageStore
from serving.storage.corrections import StoredCorrection, approved_corrections
from serving.storage.tables import api_key, assessment, webhook, webhook_delivery
from tests.serving.casework.county import (
    CADRE,
    HELPER,
    NEIGHBOUR,
    NEXT,
    TOWN,
    TOWN_ID,
    VILLAGE,
    CountyOffice,
    silent_statement,
    statement,
)
from tests.serving.conftest import Client

SCORED_ON, VISITED_ON = dt.date(2026, 10, 31), dt.date(2026, 11, 2)
(EXAMPLE,) = example_request()["households"]
KEY = "C-0001"
KEYS = ("C-0001", "C-0002", "C-0003", "C-0004", "C-0005", "C-0006", "C-0007")
"""Households that are alike, one a test."""
BILL = next(one for one in EXAMPLE["signals"]["illness"] if one["self_paid_yuan"] > 0)
BETTER = {**BILL, "reimbursed_yuan": BILL["total_yuan"] - 100, "self_paid_yuan": 100}
WHICH = {name: BILL[name] for name in ("occurred_on", "member_id", "care")}


def corrected_bill() -> dict[str, Any]:
    row = {name: value for name, value in BETTER.items() if name != "known_on"}
    return {"feed": "illness", "row": row, "replaces": WHICH}


def county_signals() -> Signals:
    tables = {
        feed: take_in(
            feed,
            [{**row, "household_id": key} for key in KEYS for row in EXAMPLE["signals"].get(feed, ())],
        ).accepted
        for feed in CONTRACTS
    }
    return Signals(tables, Coverage.from_rows(example_request()["coverage"], REQUEST_FEEDS))


class Scored:
    """A service with a few households, scored before anybody went there, and the office beside it."""

    def __init__(self, client: Client, settings: Settings, bundle_dir: Path) -> None:
        self.client = client
        self.champion = client.app.state.champion
        self.bundle = load_bundle(bundle_dir)
        self.office = CountyOffice(settings.database_url)
        # One log is written by one key.
        for store in (self.office, self.office.visits, self.office.corrections, self.office.cases):
            store.audit = client.app.state.store.audit
        around = Around(VillageStore(self.office.engine), UsualStore(self.office.engine), 0)
        folder = SignalsFolder(settings.signals_dir, self.office.corrections)
        self.rescorer = Rescorer(self.office.engine, folder, around, self.office.now)

    def score(self, day: dt.date) -> Any:
        told = approved_corrections(self.office.engine)
        made = score_all(county_signals(), day, self.bundle, self.client.app.state.store, corrections=told)
        of_day = assessment.c.as_of_date == day, assessment.c.written_at > (at := self.written_at(day))
        with self.office.engine.begin() as connection:
            connection.execute(update(assessment).where(*of_day).values(written_at=at))
        return made

    def written_at(self, day: dt.date) -> dt.datetime:
        """When the scores of a day are written: in its evening, whatever the clock of the machine says."""
        return dt.datetime.combine(day, dt.time(12), dt.UTC)

    def correct(self, key: str, correction: dict[str, Any] | None = None) -> StoredCorrection:
        """A bill, or what is given, is told right at a visit of today, and the township approves it."""
        self.office.visit(key, corrections=[correction or corrected_bill()])
        (waiting,) = self.office.corrections.list(TOWN, CorrectionState.PROPOSED).items
        done = self.office.corrections.review(TOWN, TOWN_ID, waiting.id, refusal=None)
        assert done is not None
        return done

    def by_hand(self, key: str, day: dt.date, known_on: dt.date) -> float:
        """The score of a household whose bill was told right, worked out from changed tables."""
        signals = county_signals()
        rows = [
            {**BETTER, "household_id": key, "known_on": known_on.isoformat()}
            if {name: one[name] for name in WHICH} == WHICH
            else {**one, "household_id": key}
            for one in EXAMPLE["signals"]["illness"]
        ]
        changed = {**signals.tables, "illness": take_in("illness", rows).accepted}
        told = with_neighbourhood(Signals(changed, signals.coverage), [day])
        vectors = build_vectors(told, [day], region="CN-50")
        own = vectors[vectors.index.get_level_values(0) == key]
        return float(self.bundle.model.score(own)[0])

    def told(self, key: str, day: dt.date | None = None) -> Any:
        query = f"?as_of_date={day}" if day else ""
        answer = self.client.get(f"/v1/households/{key}{query}")
        assert answer.status_code == 200, answer.text
        return answer.json()


@pytest.fixture(scope="module")
def scored(bundle_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scored]:
    yield from service_of(bundle_dir, tmp_path_factory.mktemp("corrections"))


def service_of(bundle_dir: Path, folder: Path) -> Iterator[Scored]:
    """A service whose households were scored on `SCORED_ON`."""
    settings = Settings(
        bundle_dir, f"sqlite:///{folder}/s.db", signals_dir=folder / "signals",
        kept_models_dir=folder / "models", lookup_seconds=0,
    )  # fmt: skip
    county_signals().save(folder / "signals")
    KeptModels(settings.kept_models_dir).keep(bundle_dir)
    with Client(create_app(settings)) as client:
        assert client.app.state.champion.wait(300)
        made = Scored(client, settings, bundle_dir)
        made.score(SCORED_ON)
        yield made
        made.office.close()


def test_an_approved_correction_changes_what_is_scored_from_then_on(scored: Scored) -> None:
    key = KEYS[0]
    before = scored.told(key)
    scored.office.on(VISITED_ON)
    done = scored.correct(key)
    assert scored.rescorer.rescore(scored.champion, done) == "done"
    assert scored.rescorer.rescore(scored.champion, done) == "done"

    # The departments' facts of the day that its data reach to, told right: nothing else moved.
    after = scored.told(key)
    assert after["as_of_date"] == SCORED_ON.isoformat()
    assert after["corrected_on"] == VISITED_ON.isoformat()
    assert after["corrections"] == [{"feed": "illness", "approved_on": VISITED_ON.isoformat()}]
    assert after["score"] == pytest.approx(scored.by_hand(key, SCORED_ON, SCORED_ON), abs=1e-12)
    assert after["score"] != before["score"]
    assert after["changes"]["basis"] == "contributions"
    moved = {one["family"] for one in after["changes"]["families"] if abs(one["difference"]) > 1e-9}
    assert moved
    assert (after["changes"]["former_score"], after["stale_feeds"]) == (
        before["score"],
        before["stale_feeds"],
    )
    # The former score is what it was, and both are in the history.
    history = scored.client.get(f"/v1/households/{key}/scores").json()["scores"]
    assert [one["as_of_date"] for one in history] == [str(SCORED_ON)] * 2
    assert [one["score"] for one in history] == [after["score"], before["score"]]
    for one in history:
        at = f"/v1/households/{key}/scores/{SCORED_ON}/replay"
        replayed = scored.client.get(at, params={"written_at": one["written_at"]}).json()
        assert replayed["is_equal"], replayed["differences"]
        assert replayed["stored"]["score"] == replayed["replayed"]["score"] == one["score"]
    for wrong in ("2026-11-02", "2026-11-02T02:00:00", "yesterday", "9999-12-31T23:59:59-23:00"):
        assert scored.client.get(at, params={"written_at": wrong}).status_code == 422
    for nobody_wrote in ("2020-01-01T00:00:00Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"):
        answer = scored.client.get(at, params={"written_at": nobody_wrote})
        assert answer.json()["code"] == "score_not_found", nobody_wrote
    # What a list is made from is the run, and stays so.
    run = scored.client.app.state.store.find_run(TOWN)
    assert run is not None
    assert run.as_of_date == SCORED_ON
    assert scored.told(KEYS[1])["as_of_date"] == SCORED_ON.isoformat()


def test_other_systems_are_told_of_a_score_that_was_made_again(scored: Scored) -> None:
    key = KEYS[5]
    engine = scored.office.engine
    with engine.begin() as connection:
        known = connection.execute(select(api_key.c.id)).scalars().first()
        for number, area in enumerate((VILLAGE[:6], VILLAGE, "500998")):
            connection.execute(webhook.insert().values(
                id=f"wh_{number}", key_id=known, area_code=area, url="https://x.example", sealed_secret="s",
                created_at=scored.office.now(),
            ))  # fmt: skip
    before = scored.told(key)
    scored.office.on(VISITED_ON)
    done = scored.correct(key)
    for _ in range(2):
        assert scored.rescorer.rescore(scored.champion, done) == "done"
    after = scored.told(key)
    with engine.connect() as connection:
        sent = connection.execute(select(webhook_delivery)).all()
    # Once to each whose area it lies in, however often it is asked for.
    assert sorted(one.webhook_id for one in sent) == ["wh_0", "wh_1"]
    assert sent[0].event == sent[1].event
    assert sent[0].event["type"] == "household.rescored"
    data = sent[0].event["data"]
    assert data["correction_id"] == done.id
    assert (data["former_grade"], data["former_as_of_date"]) == (before["grade"], before["as_of_date"])
    assert (data["grade"], data["as_of_date"]) == (after["grade"], after["as_of_date"])
    assert data["household_id"] == key
    assert not {"row", "replaces", "self_paid_yuan"} & set(data)

    def fail(connection: Any, cursor: Any, sql: str, *more: Any) -> None:
        if "webhook_delivery" in sql and sql.startswith("INSERT"):
            raise OperationalError("", {}, Exception("injected"))

    other = scored.correct(KEYS[6])
    event.listen(engine, "before_cursor_execute", fail)
    try:
        assert scored.rescorer.rescore(scored.champion, other) == "failed"
    finally:
        event.remove(engine, "before_cursor_execute", fail)
    # The assessment and the event are there together, or neither is; the approval stands.
    assert scored.told(KEYS[6])["as_of_date"] == SCORED_ON.isoformat()
    assert scored.rescorer.rescore(scored.champion, other) == "done"
    with engine.begin() as connection:
        assert len(connection.execute(select(webhook_delivery)).all()) == 4
        connection.execute(update(webhook).values(ended_at=scored.office.now()))


def test_a_batch_sees_corrections_of_up_to_its_date(scored: Scored) -> None:
    key, approved_on = KEYS[1], VISITED_ON + dt.timedelta(days=1)
    scored.office.on(approved_on)
    scored.correct(key)
    again = scored.score(SCORED_ON).saved
    assert (again.unchanged, again.changed, again.new) == (len(KEYS), 0, 0)
    scored.score(approved_on)
    told = scored.told(key)
    assert told["as_of_date"] == approved_on.isoformat()
    assert told["score"] == pytest.approx(scored.by_hand(key, approved_on, approved_on), abs=1e-12)
    assert told["corrections"] == [{"feed": "illness", "approved_on": approved_on.isoformat()}]
    assert "corrections" not in scored.told(KEYS[4])


def test_the_days_own_score_stays_beside_the_corrected_one(scored: Scored) -> None:
    key, today = KEYS[2], VISITED_ON + dt.timedelta(days=2)
    scored.score(today)
    morning = scored.told(key)
    # The approval comes after the score, on the same day.
    scored.office.clock = scored.written_at(today) + dt.timedelta(seconds=1)
    done = scored.correct(key)
    scored.office.clock += dt.timedelta(seconds=1)
    assert scored.rescorer.rescore(scored.champion, done) == "done"
    evening = scored.told(key)
    assert (morning["as_of_date"], evening["as_of_date"]) == (str(today), str(today))
    assert evening["corrections"]
    assert evening["changes"] is not None
    history = scored.client.get(f"/v1/households/{key}/scores").json()["scores"]
    of_day = [one["score"] for one in history if one["as_of_date"] == str(today)]
    assert of_day == [evening["score"], morning["score"]]


@pytest.mark.parametrize("code", ["signals_not_kept", "not_registered"])
def test_an_approval_stands_where_nothing_can_be_scored(scored: Scored, code: str, tmp_path: Path) -> None:
    scored.office.on(VISITED_ON)
    done = scored.correct(KEYS[3] if code == "signals_not_kept" else KEYS[4])
    former = scored.rescorer.signals
    folder = None if code == "signals_not_kept" else tmp_path / "others"
    if folder is not None:
        empty = {name: one.schema.empty_table() for name, one in CONTRACTS.items()}
        Signals(empty, Coverage()).save(folder)
    scored.rescorer.signals = SignalsFolder(folder, scored.office.corrections)
    assert scored.rescorer.rescore(scored.champion, done) == code
    scored.rescorer.signals = former
    assert scored.office.corrections.list(TOWN, CorrectionState.PROPOSED).items == ()
    assert done.household_id in scored.office.corrections.approved_of([done.household_id])


def test_a_correction_is_reviewed_once_by_another_person(office: CountyOffice) -> None:
    office.on(VISITED_ON)
    office.open_case(KEY)
    office.assessments.save_release("m", "0" * 64, 12)
    office.assessments.save([statement(KEY, SCORED_ON)], [VILLAGE])
    office.visit(KEY, corrections=[corrected_bill(), {"feed": "illness", "replaces": WHICH}])
    page = office.corrections.list(TOWN, CorrectionState.PROPOSED)
    assert (page.total, {one.proposer for one in page.items}) == (2, {CADRE.key_id})
    first, second = page.items
    # Whoever proposed it does not review it, in whatever role they come back.
    with pytest.raises(Problem) as refused:
        office.corrections.review(TOWN, CADRE.key_id, first.id, refusal=None)
    assert refused.value.code == "correction_own"
    elsewhere = replace(NEIGHBOUR, scope=type(NEIGHBOUR.scope)("500999101"))
    assert office.corrections.review(elsewhere, "p9", first.id, refusal=None) is None
    assert office.corrections.review(TOWN, TOWN_ID, "0" * 32, refusal=None) is None
    assert office.corrections.list(elsewhere).items == ()
    done = office.corrections.review(TOWN, TOWN_ID, first.id, refusal=None)
    assert done is not None
    assert (done.state, done.reviewer) == (CorrectionState.APPROVED, TOWN_ID)
    logged = len(office.audit.search(household_id=first.household_id, limit=1_000))
    assert office.corrections.review(TOWN, TOWN_ID, first.id, refusal=None) == done
    # Nothing is changed, and it is read once more.
    entries = office.audit.search(household_id=first.household_id, limit=1_000)
    assert (len(entries), entries[0].action) == (logged + 1, "household_read")
    with pytest.raises(Problem) as refused:
        office.corrections.review(TOWN, TOWN_ID, first.id, refusal=Refusal.NO_PROOF)
    assert refused.value.code == "correction_reviewed"
    left = office.corrections.review(TOWN, TOWN_ID, second.id, refusal=Refusal.NO_PROOF)
    assert left is not None
    assert (left.state, left.why, done.why) == (CorrectionState.REFUSED, Refusal.NO_PROOF, None)
    assert office.corrections.review(TOWN, TOWN_ID, second.id, refusal=Refusal.NO_PROOF) == left
    with pytest.raises(Problem) as refused:
        office.corrections.review(TOWN, TOWN_ID, second.id, refusal=Refusal.MISTAKEN)
    assert refused.value.code == "correction_reviewed"
    told = office.corrections.approved_of([KEY, "H-NOBODY"])
    assert {key: [one.as_json() for one in found] for key, found in told.items()} == {
        KEY: [{"feed": "illness", "approved_on": VISITED_ON.isoformat()}]
    }
    assert approved_corrections(office.engine) == told
    assert office.corrections.approved_of([KEY], office.now() - dt.timedelta(seconds=1)) == {}
    assert office.actions().count("correction_reviewed") == 4


def test_nobody_corrects_the_facts_of_another_villages_household(office: CountyOffice) -> None:
    office.on(VISITED_ON)
    office.assessments.save_release("m", "0" * 64, 12)
    office.assessments.save([statement(KEY, SCORED_ON)], [NEXT])
    # Whoever sends a lead may name any household in their own village, and goes there then.
    office.open_case(KEY)
    with pytest.raises(Problem) as refused:
        office.visit(KEY, corrections=[corrected_bill()])
    assert [(one.pointer, one.code) for one in refused.value.errors] == [("/corrections", "not_scored")]
    assert office.corrections.list(TOWN).total == 0
    office.visit(KEY)


def test_facts_are_corrected_where_a_run_knew_nothing_of_the_household(office: CountyOffice) -> None:
    """Whoever goes there sees what the departments do not tell."""
    office.on(VISITED_ON)
    office.assessments.save_release("m", "0" * 64, 12)
    office.assessments.save(
        [silent_statement(KEY, SCORED_ON), silent_statement(KEYS[1], SCORED_ON)], [VILLAGE, NEXT]
    )
    office.visit(KEY, corrections=[corrected_bill()])
    assert [one.household_id for one in office.corrections.list(TOWN).items] == [KEY]
    # In its own village alone.
    office.open_case(KEYS[1])
    with pytest.raises(Problem) as refused:
        office.visit(KEYS[1], corrections=[corrected_bill()])
    assert [one.code for one in refused.value.errors] == ["not_scored"]


def test_a_household_is_not_moved_by_a_correction(desk: CountyOffice) -> None:
    desk.on(VISITED_ON)
    desk.open_case(KEY)
    row = {"occurred_on": "2021-03-01", "village_code": "500999100202", "background": "other", "land_mu": 3}
    with pytest.raises(Problem) as refused:
        desk.visit(KEY, HELPER, corrections=[{"feed": "household", "row": row}])
    assert [one.code for one in refused.value.errors] == ["other_village"]
