"""Usual values in storage and service, and the comparison with the assessment before."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest

from features.usual import UsualHere, UsualValues
from serving.api.answers import AssessmentAnswer
from serving.api.documentation import example_request
from serving.api.stored_answers import StoredAssessmentAnswer
from serving.app import create_app
from serving.settings import Settings
from serving.storage import AssessmentStore, UsualStore, open_database
from tests.serving.conftest import VERSION, Client, a_household, a_request

VILLAGE = "500999100201"
BILLS = "illness_self_paid_yuan_12m"
SEPTEMBER, OCTOBER = dt.date(2026, 9, 30), dt.date(2026, 10, 31)


def values(area: str, as_of: dt.date, bills: float) -> UsualValues:
    return UsualValues(area, as_of, {BILLS: bills})


@pytest.fixture
def store(tmp_path: Path) -> UsualStore:
    made = UsualStore(open_database(f"sqlite:///{tmp_path}/scores.db"))
    made.save([values(VILLAGE, SEPTEMBER, 700.0), values(VILLAGE, OCTOBER, 850.25)])
    made.save([values("500999100", SEPTEMBER, 900.0)])
    return made


def test_the_latest_values_known_on_the_date_are_found(store: UsualStore) -> None:
    town = {BILLS: 900.0}
    assert store.find([VILLAGE], OCTOBER) == {VILLAGE: UsualHere({BILLS: 850.25}, town)}
    assert store.find([VILLAGE], dt.date(2026, 10, 30)) == {VILLAGE: UsualHere({BILLS: 700.0}, town)}
    assert store.find([VILLAGE], dt.date(2026, 9, 29)) == {VILLAGE: UsualHere()}
    assert store.find(["500999100999"], OCTOBER) == {"500999100999": UsualHere({}, town)}
    assert store.find([], OCTOBER) == {}


def test_values_of_the_same_day_are_replaced(store: UsualStore) -> None:
    store.save([values(VILLAGE, OCTOBER, 1.0)])
    store.save([])
    assert store.find([VILLAGE], OCTOBER)[VILLAGE].village == {BILLS: 1.0}


@pytest.fixture
def own(bundle_dir: Path, tmp_path: Path) -> Any:
    app = create_app(Settings(bundle_dir, f"sqlite:///{tmp_path}/scores.db"))
    with Client(app) as client:
        assert app.state.champion.wait(300)
        yield client


def test_the_service_says_what_is_usual_around_a_household(store: UsualStore, own: Client) -> None:
    answer = own.post("/v1/scores", json=a_request(a_household("H1", self_paid=60_000))).json()["results"][0]
    AssessmentAnswer.model_validate(answer, strict=True)
    facts = [fact for reason in answer["risk_reasons"] for fact in reason["facts"]]
    (bills,) = [fact for fact in facts if fact["feature"] == BILLS]
    assert (bills["usual_village"], bills["usual_town"]) == (850.25, 900.0)
    assert bills["usual_text"]["zh"] == "本村一般850元，本乡镇一般900元"
    assert bills["sources"] == [{"feed": "illness", "latest_on": "2026-03-14", "state": "fresh"}]
    assert bills["source_text"]["zh"] == "医保，最近记录2026-03-14，数据新"
    assert all(fact["usual_text"] is None for fact in facts if fact["feature"] != BILLS)


def scored(own: Client, key: str, as_of: str, self_paid: float) -> dict[str, Any]:
    body = {**a_request(a_household(key, self_paid=self_paid)), "as_of_date": as_of}
    found: dict[str, Any] = own.post("/v1/scores", json=body).json()["results"][0]
    return found


def test_a_stored_answer_says_what_changed(own: Client) -> None:
    store: AssessmentStore = own.app.state.store
    store.save_release(VERSION, "0" * 64, 12)
    store.save_release("other", "1" * 64, 12)
    former = scored(own, "H2", "2026-10-25", 100.0)
    latter = scored(own, "H2", "2026-10-31", 60_000.0)
    store.save([former], [VILLAGE])
    assert own.get("/v1/households/H2").json()["changes"] is None
    # Of one date's two assessments, the one of the same model is compared with.
    store.save([{**former, "model_version": "other", "score": 0.9}, latter], [VILLAGE] * 2)
    changes = own.get("/v1/households/H2").json()["changes"]
    assert (changes["basis"], changes["former_date"]) == ("contributions", "2026-10-25")
    assert changes["former_score"] == former["score"]
    whole = sum(one["difference"] for one in changes["families"])
    assert whole == pytest.approx(latter["log_odds"] - former["log_odds"], rel=0, abs=1e-10)
    assert changes["families"][0]["family"] == "01"
    for language in ("zh", "en"):
        suffix = "?lang=en" if language == "en" else ""
        page = own.page(f"/households/H2{suffix}").text
        assert all(said in page for said in changes["text"][language])


def test_another_model_is_not_compared(own: Client) -> None:
    store: AssessmentStore = own.app.state.store
    store.save_release(VERSION, "0" * 64, 12)
    store.save_release("other", "1" * 64, 12)
    former = {**scored(own, "H3", "2026-10-25", 100.0), "model_version": "other"}
    store.save([former, scored(own, "H3", "2026-10-31", 60_000.0)], [VILLAGE] * 2)
    changes = own.get("/v1/households/H3").json()["changes"]
    assert (changes["basis"], changes["families"]) == ("other_model", [])
    assert changes["text"]["zh"][0] == "与2026-10-25相比，模型已更换，评分不能直接比较。"


def test_answers_written_before_all_this_are_still_answered_and_shown(own: Client) -> None:
    store: AssessmentStore = own.app.state.store
    store.save_release(VERSION, "0" * 64, 12)
    new = own.post("/v1/scores", json=example_request()).json()["results"][0]
    later = ("log_odds", "base_log_odds", "families", "not_listed", "disagreement")
    old = {name: value for name, value in new.items() if name not in later}
    for reason in (*old["risk_reasons"], *old["protective_reasons"]):
        for name in ("share", "firmness"):
            del reason[name]
        for fact in reason["facts"]:
            for name in ("usual_village", "usual_town", "usual_text", "sources", "source_text"):
                del fact[name]
    store.save([old, {**new, "as_of_date": "2026-11-15"}], [VILLAGE] * 2)
    key = new["household_id"]
    answer = own.get(f"/v1/households/{key}?as_of_date=2026-10-31").json()
    StoredAssessmentAnswer.model_validate(answer, strict=True)
    assert own.page(f"/households/{key}?as_of_date=2026-10-31").status_code == 200
    assert own.get(f"/v1/households/{key}").json()["changes"]["basis"] == "no_contributions"
