"""Scored again long after the data ended; what stands on where feeds fell silent; and what is told of both."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from features.health import Health, Verdict
from scoring.statement import put_into_words
from scoring.texts import LANGUAGES, percent
from serving.access import Scope
from serving.batch import score_all
from serving.cases.correction import CorrectionState, Refusal
from serving.cases.run_leads import find_run_leads
from serving.champion import Champion
from serving.console.correction_view import NOT_RESCORED, reviewed_view
from serving.console.listing import grade_mark, hits_of
from serving.console.plan_effect import PlanEffects
from serving.console.texts import texts
from serving.console.visit_history import visits_view
from serving.storage import HistoryStore, VillageStore
from serving.storage.household_record import RecordStore
from tests.serving.casework.county import NEIGHBOUR, NEXT, TOWN, TOWN_ID, VILLAGE, account
from tests.serving.casework.test_corrections import (
    BETTER,
    EXAMPLE,
    KEYS,
    SCORED_ON,
    Scored,
    corrected_bill,
    county_signals,
    service_of,
)
from tests.serving.console.test_plan_effect import Always, plan_of

LONG_AFTER = dt.date(2027, 9, 1)
"""Every feed but the slowest has run out by then."""
ACCIDENT = {
    "member_id": EXAMPLE["signals"]["member"][0]["member_id"], "kind": "traffic", "injury": "severe",
    "loss_yuan": 3_000, "compensated_yuan": 0,
}  # fmt: skip


@pytest.fixture(scope="module")
def scored(bundle_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scored]:
    yield from service_of(bundle_dir, tmp_path_factory.mktemp("rescoring"))


def stored(scored: Scored, key: str) -> Any:
    found = scored.client.app.state.store.find(TOWN, key)
    assert found is not None
    return found.latest


def test_long_after_the_data_ended_only_the_correction_moves_the_score(scored: Scored) -> None:
    key = KEYS[0]
    before = scored.told(key)
    assert before["rule_hits"]
    scored.office.on(LONG_AFTER)
    done = scored.correct(key)
    assert scored.rescorer.rescore(scored.champion, done) == "done"
    after = scored.told(key)
    assert (after["as_of_date"], after["corrected_on"]) == (str(SCORED_ON), str(LONG_AFTER))
    assert after["score"] == pytest.approx(scored.by_hand(key, SCORED_ON, SCORED_ON), abs=1e-12)
    for name in ("missing_feeds", "stale_feeds", "partial_feeds", "monitoring_line"):
        assert after[name] == before[name]
    assert after["changes"]["basis"] == "contributions"
    past = HistoryStore(scored.office.engine, scored.office.audit)
    again = past.find_corrected(TOWN, done.id)
    assert again is not None
    assert again.former is not None
    assert (again.latest.body["score"], again.former.body["score"]) == (after["score"], before["score"])
    assert past.find_corrected(TOWN, "0" * 32) is None
    # A second one is compared with the first, of the same day.
    scored.office.clock += dt.timedelta(hours=1)
    row = {name: value for name, value in EXAMPLE["signals"]["illness"][-1].items() if name != "known_on"}
    more = scored.correct(key, {"feed": "illness", "row": {**row, "occurred_on": "2026-09-09"}})
    assert scored.rescorer.rescore(scored.champion, more) == "done"
    assert scored.told(key)["changes"]["former_score"] == after["score"]


def test_a_correction_that_is_scored_late_takes_none_back(scored: Scored) -> None:
    key = KEYS[1]
    scored.office.on(SCORED_ON + dt.timedelta(days=2))
    first = scored.correct(key)
    scored.office.on(SCORED_ON + dt.timedelta(days=9))
    row = {name: value for name, value in EXAMPLE["signals"]["illness"][-1].items() if name != "known_on"}
    second = scored.correct(key, {"feed": "illness", "row": {**row, "occurred_on": "2026-09-09"}})
    assert scored.rescorer.rescore(scored.champion, second) == "done"
    both = scored.told(key)
    assert len(both["corrections"]) == 2
    # The model was off when the first was approved; its reviewer says it again.
    scored.office.on(SCORED_ON + dt.timedelta(days=11))
    assert scored.rescorer.rescore(scored.champion, first) == "done"
    again = scored.told(key)
    assert (again["score"], again["corrections"], again["corrected_on"]) == (
        both["score"],
        both["corrections"],
        both["corrected_on"],
    )
    replayed = scored.client.get(f"/v1/households/{key}/scores/{SCORED_ON}/replay").json()
    assert replayed["is_equal"], replayed["differences"]


def test_a_correction_scores_nobody_of_another_county(scored: Scored) -> None:
    key = KEYS[2]
    scored.office.on(SCORED_ON + dt.timedelta(days=2))
    done = scored.correct(key)
    before = scored.told(key)
    # Another county knows a household of the same key, and approves what was wrong of that one.
    theirs = replace(done, village_code="510199100201")
    assert scored.rescorer.rescore(scored.champion, theirs) == "not_registered"
    assert scored.told(key) == before


def test_a_what_if_is_worked_out_on_the_facts_that_the_score_was(scored: Scored) -> None:
    plan = plan_of("temporary_relief")
    scorer = Always(scored.champion.scorer())
    effects = PlanEffects(cast(Champion, scorer), scored.rescorer.signals, VillageStore(scored.office.engine))
    body = scored.told(plan.case.household_id)
    assert body["corrected_on"]
    plain = effects.find(TOWN, plan, SCORED_ON)
    told = effects.find(TOWN, plan, SCORED_ON, dt.date.fromisoformat(body["corrected_on"]))
    assert plain is not None
    assert told is not None
    assert told["reference_income"]["change_yuan"] == 3_000
    history = scored.client.get(f"/v1/households/{plan.case.household_id}/scores?to={SCORED_ON}").json()[
        "scores"
    ]
    assert plain["model"]["before"]["score"] == pytest.approx(history[-1]["score"])
    assert told["model"]["before"]["score"] == pytest.approx(body["score"])


@pytest.mark.parametrize(("happened_on", "code"), [("2026-11-01", "done"), ("2027-08-30", "data_ended")])
def test_a_fact_of_a_later_day_counts_there_or_waits_for_data(
    scored: Scored, happened_on: str, code: str
) -> None:
    key = KEYS[1 if code == "done" else 2]
    before = scored.told(key)
    scored.office.on(LONG_AFTER)
    done = scored.correct(key, {"feed": "accident", "row": {**ACCIDENT, "occurred_on": happened_on}})
    assert scored.rescorer.rescore(scored.champion, done) == code
    after = scored.told(key)
    if code == "data_ended":
        # What stood, stands: neither score nor alert went with the data.
        assert after == before
        return
    assert (after["as_of_date"], after["corrected_on"]) == (happened_on, str(LONG_AFTER))
    assert after["latest_facts"]["accident"]["occurred_on"] == happened_on
    assert "severe_accident" in {one["code"] for one in after["rule_hits"]}
    replayed = scored.client.get(f"/v1/households/{key}/scores/{happened_on}/replay").json()
    assert replayed["is_equal"], replayed["differences"]


def test_what_stood_stands_on_in_a_silent_run_until_somebody_has_looked(scored: Scored) -> None:
    key, visited = KEYS[3], KEYS[4]
    before = stored(scored, key)
    scored.office.on(SCORED_ON + dt.timedelta(days=9))
    scored.office.open_case(visited)
    scored.office.visit(visited, account=account(20_000))
    scored.score(LONG_AFTER)
    after = stored(scored, key)
    assert "illness" in after.body["stale_feeds"]
    lapsed = {one["code"] for one in before.body["rule_hits"]} - {
        one["code"] for one in after.body["rule_hits"]
    }
    assert lapsed
    standing = after.body["standing"]
    assert (standing["as_of_date"], {one["code"] for one in standing["rule_hits"]}) == (
        str(SCORED_ON),
        lapsed,
    )
    assert after.body["suggested_action"] == "visit"
    # It is the lead that it was, and no new one.
    was, is_now = (
        {
            (one.code, one.source, one.occurred_on, one.known_on)
            for one in find_run_leads(said.body, VILLAGE, "CN-50")
            if one.is_hard
        }
        for said in (before, after)
    )
    assert is_now == was
    told = scored.told(key)
    assert told["changes"]["basis"] == "data_silent"
    assert {one["code"] for one in told["changes"]["lapsed_hits"]} == lapsed
    assert put_into_words(after.body)["standing"]["text"] == standing["text"]
    replayed = scored.client.get(f"/v1/households/{key}/scores/{LONG_AFTER}/replay").json()
    assert replayed["is_equal"], replayed["differences"]
    # Lists say it as well, and draw no low risk.
    assert hits_of(after.body, "zh")[-1].endswith(f"（{SCORED_ON}的评估，此后数据过期）")
    assert (after.body["grade"], grade_mark(after.body)) == ("low", "none")
    # Somebody was met there since.
    assert "standing" not in stored(scored, visited).body
    # The next silent run has it from the one before, and running it again changes nothing.
    later = LONG_AFTER + dt.timedelta(days=20)
    scored.score(later)
    assert stored(scored, key).body["standing"]["as_of_date"] == str(SCORED_ON)
    assert scored.score(later).saved.changed == 0


def test_a_feed_that_the_run_did_not_believe_is_not_believed_again(bundle_dir: Path, tmp_path: Path) -> None:
    for scored in service_of(bundle_dir, tmp_path):
        key, store = KEYS[0], scored.client.app.state.store
        blocked = Verdict("illness", VILLAGE[:6], dt.date(2026, 9, 1), "blocked", "unit_slip")
        score_all(county_signals(), SCORED_ON, scored.bundle, store, health=Health(SCORED_ON, (blocked,)))
        before = scored.told(key)
        assert "illness" in before["stale_feeds"]
        scored.office.clock = dt.datetime.now(dt.UTC) + dt.timedelta(hours=1)
        done = scored.correct(key)
        assert scored.rescorer.rescore(scored.champion, done) == "done"
        after = scored.told(key)
        assert after["corrections"]
        for name in ("score", "feed_faults", "stale_feeds"):
            assert after[name] == before[name]
        replayed = scored.client.get(f"/v1/households/{key}/scores/{SCORED_ON}/replay").json()
        assert replayed["is_equal"], replayed["differences"]
        told = reviewed_view(
            done,
            HistoryStore(scored.office.engine, scored.office.audit).find_corrected(TOWN, done.id),
            None,
            "zh",
        )
        assert texts("zh")["rescored_feed_silent"].format(feed="医疗报销", date=SCORED_ON) in told["told"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_whoever_reviews_is_told_what_became_of_it(scored: Scored, language: str) -> None:
    words, key = texts(language), KEYS[5]
    scored.office.on(LONG_AFTER + dt.timedelta(days=40 if language == "zh" else 41))
    before = stored(scored, key).body
    done = scored.correct(key)
    past = HistoryStore(scored.office.engine, scored.office.audit)
    assert past.find_corrected(TOWN, done.id) is None
    for outcome, name in NOT_RESCORED.items():
        told = reviewed_view(done, None, outcome, language)
        assert told["told"] == [words[name]]
    assert scored.rescorer.rescore(scored.champion, done) == "done"
    told = reviewed_view(done, past.find_corrected(TOWN, done.id), None, language)
    assert key in told["title"]
    said = " ".join(told["told"])
    now = stored(scored, key).body
    for one in (
        now["as_of_date"],
        percent(before["score"]),
        percent(now["score"]),
        now["grade_text"][language],
    ):
        assert one in said
    # That the feed of the correction is silent on that day is no secret.
    contract = done.correction.contract
    silent = words["rescored_feed_silent"].format(
        feed=contract.zh if language == "zh" else contract.en, date=now["as_of_date"]
    )
    assert (silent in told["told"]) == ("illness" in {*now["stale_feeds"], *now["missing_feeds"]})
    assert told["household_id"] == key
    assert not {"62,000", "self_paid"} & set(said.split())


def test_what_is_said_of_the_key_in_another_village_is_not_what_stood(scored: Scored) -> None:
    key, foreign_on = KEYS[2], LONG_AFTER + dt.timedelta(days=60)
    own = stored(scored, key).body
    standing = {"as_of_date": str(foreign_on), "grade": "high", "rule_hits": [], "feeds": ["illness"]}
    foreign = {**own, "as_of_date": str(foreign_on), "suggested_action": "visit", "standing": standing}
    scored.client.app.state.store.save([foreign], [NEXT], Scope(NEXT))
    scored.office.on(foreign_on + dt.timedelta(days=1))
    done = scored.correct(key)
    assert scored.rescorer.rescore(scored.champion, done) == "done"
    found = HistoryStore(scored.office.engine, scored.office.audit).find_corrected(TOWN, done.id)
    assert found is not None
    assert found.latest.body["as_of_date"] == own["as_of_date"]
    assert found.latest.body.get("standing") == own.get("standing")


def test_the_history_of_visits_has_the_corrections_as_far_as_the_reader_may_see(scored: Scored) -> None:
    key = KEYS[6]
    scored.office.on(SCORED_ON + dt.timedelta(days=3))
    # Of one proposed, one taken and one left: each stands with the visit that found it.
    refused = {"feed": "accident", "row": {**ACCIDENT, "occurred_on": "2026-09-01"}}
    done = scored.correct(key)
    scored.office.visit(key, corrections=[refused])
    (waiting,) = scored.office.corrections.list(TOWN, CorrectionState.PROPOSED).items
    scored.office.corrections.review(TOWN, TOWN_ID, waiting.id, refusal=Refusal.NO_PROOF)
    scored.office.visit(key, corrections=[corrected_bill()])
    records = RecordStore(scored.office.engine, scored.office.audit, scored.office.now)
    record = records.find(TOWN, key)
    body = stored(scored, key).body

    def shown(*, is_told: bool) -> list[dict[str, Any]]:
        view = visits_view(record.visits, record.corrections, body, "zh", is_told=is_told)
        return [fact for one in view for fact in one["corrections"]]

    assert {one["state"] for one in shown(is_told=True)} == {"等待审核", "已采用", "不采用"}
    taken = next(one for one in shown(is_told=True) if one["state"] == "已采用")
    values = {one["value"] for one in taken["row"]}
    assert {"100元", str(BETTER["occurred_on"])} <= values
    compared = {one["label"]: (one["former"], one["value"], one["is_changed"]) for one in taken["compared"]}
    assert compared["合规自付"] == (texts("zh")["correction_unlisted"], "100元", True)
    assert (BETTER["occurred_on"], BETTER["occurred_on"], False) in compared.values()
    left = next(one for one in shown(is_told=False) if one["state"] == "不采用")
    assert "原因：依据不足，请补充凭证后再提" in left["course"]
    assert left["compared"] is None
    assert taken["department"]
    assert texts("zh")["correction_not_counted"] in taken["course"]
    assert scored.rescorer.rescore(scored.champion, done) == "done"
    body = stored(scored, key).body
    taken = next(one for one in shown(is_told=True) if one["state"] == "已采用")
    is_newest = body.get("corrected_on") == str(scored.office.visits.today)
    assert (texts("zh")["correction_not_counted"] in taken["course"]) == (not is_newest)
    assert all(not one["is_told"] for one in shown(is_told=False))
    # Nobody elsewhere reads any of it.
    assert records.find(NEIGHBOUR, key).corrections == {}
    assert scored.office.corrections.find(NEIGHBOUR, done.id) is None
    found = scored.office.corrections.find(TOWN, done.id)
    assert found == done
