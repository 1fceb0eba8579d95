"""What is told of a household of which nothing is known: its scores, their course, its visits, its area."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from sqlalchemy import select

from scoring import Bundle
from scoring.silence import unscored
from serving.access import OPEN, Caller, Role, Scope
from serving.api.history_answers import HistoryAnswer
from serving.api.stored_answers import StoredAssessmentAnswer
from serving.app import create_app
from serving.batch import score_all
from serving.cases.run_leads import find_run_leads
from serving.console.listing import UNHEARD, UnheardPage, listing_view
from serving.console.texts import texts
from serving.settings import Settings
from serving.storage import AssessmentStore, Run
from serving.storage.tables import assessment
from tests.serving.areas.test_summaries import a_body
from tests.serving.casework.county import silent_statement, statement
from tests.serving.conftest import Client
from tests.serving.unheard.county import AS_OF, HEARD, NEAR, SILENT, records_of, signals_of


def test_the_interface_tells_that_nothing_is_known(service: Client) -> None:
    told = service.get("/v1/households/Q0").json()
    StoredAssessmentAnswer.model_validate(told)
    assert told["as_of_date"] == str(AS_OF)
    assert told["nothing_known"]["as_of_date"] == "2026-11-20"
    assert "没有数据不等于没有风险" in told["nothing_known"]["text"]["zh"]
    assert service.get("/v1/households/H0").json()["nothing_known"] is None
    assert service.get(f"/v1/households/Q0?as_of_date={AS_OF}").json()["nothing_known"] is None
    for path in ("/v1/households/Q2", "/v1/households/Q0?as_of_date=2026-11-20"):
        answer = service.get(path)
        assert (answer.status_code, answer.json()["code"]) == (409, "nothing_known")
    # Elsewhere and nowhere are the same.
    outside = service.make_key(Role.PLATFORM, HEARD[:6])
    for key in ("Q0", "Q2", "NOBODY"):
        assert service.get(f"/v1/households/{key}", headers=outside).status_code == 404


def test_a_history_tells_that_a_later_run_knew_nothing(service: Client) -> None:
    told = {key: service.get(f"/v1/households/{key}/scores").json() for key in ("Q0", "Q2", "H0")}
    for one in told.values():
        HistoryAnswer.model_validate(one)
    assert {key: [one["as_of_date"] for one in told[key]["scores"]] for key in told} == {
        "Q0": [str(AS_OF)], "Q2": [], "H0": ["2026-11-20", str(AS_OF)],
    }  # fmt: skip
    for key in ("Q0", "Q2"):
        assert told[key]["nothing_known"]["as_of_date"] == "2026-11-20"
        assert "illness" in told[key]["nothing_known"]["missing_feeds"]
    assert told["H0"]["nothing_known"] is None
    # Of all scores, and not of the period that is asked for.
    early = service.get("/v1/households/Q0/scores?to=2026-10-01").json()
    assert (early["scores"], early["nothing_known"]["as_of_date"]) == ([], "2026-11-20")
    outside = service.make_key(Role.PLATFORM, HEARD[:6])
    for key in ("Q0", "Q2", "NOBODY"):
        assert service.get(f"/v1/households/{key}/scores", headers=outside).status_code == 404


def test_a_course_is_cut_where_nothing_was_known(store: AssessmentStore) -> None:
    days = [AS_OF + dt.timedelta(days=one) for one in (0, 10, 20)]
    store.save_release("m", "0" * 64, 12)
    for day in days:
        said = silent_statement if day == days[1] else statement
        store.save([statement("H0", day), said("Q0", day)], [HEARD, SILENT])
    records = records_of(store)
    assert [one.is_cut for one in records.find(OPEN, "H0").course] == [False, False, False]
    assert [one.is_cut for one in records.find(OPEN, "Q0").course] == [True, False]


def test_a_household_without_a_score_is_read_and_not_missed(bundle: Bundle, store: AssessmentStore) -> None:
    """The log has one outcome for one reading of a page."""
    score_all(signals_of(), AS_OF, bundle, store)
    records = records_of(store)
    for key in ("Q0", "NOBODY"):
        assert records.find(OPEN, key).course == ()
    assert [one.outcome for one in records.audit.search(household_id="Q0")] == ["shown"]
    assert [one.outcome for one in records.audit.search(household_id="NOBODY")] == ["not_found"]


def test_who_moved_to_where_nothing_is_known_is_visited_there(
    bundle: Bundle, bundle_dir: Path, tmp_path: Path
) -> None:
    """And nothing is asked or told of what was on record where it was, unless its case is still there."""
    with Client(create_app(Settings(bundle_dir, f"sqlite:///{tmp_path}/scores.db"))) as client:
        store: AssessmentStore = client.app.state.store
        score_all(signals_of(yuan=10_000.0), AS_OF, bundle, store)
        caller = Caller("k", Role.TOWNSHIP_OFFICIAL, Scope(HEARD[:9]))
        key = client.make_key(caller.role, caller.scope.prefix)
        with store.engine.connect() as connection:
            body = connection.execute(select(assessment.c.body).where(assessment.c.household_id == "H3"))
            said = body.scalar_one()

        def is_told() -> bool:
            sheet = client.get("/households/H3/sheet", headers={**key, "Accept": "text/html"})
            assert sheet.status_code == 200
            return "报销以后自己出了" in sheet.text

        assert is_told()
        silence = {"missing_feeds": ["illness"], "stale_feeds": [], "partial_feeds": []}
        moved = unscored({**said, **silence, "as_of_date": "2026-11-20"})
        store.save([moved], [NEAR])
        assert not is_told()
        told = client.get("/v1/households/H3").json()
        assert (told["village_code"], told["nothing_known"]["as_of_date"]) == (HEARD, "2026-11-20")
        assert told["elsewhere"] == [{"village_code": NEAR, "as_of_date": "2026-11-20"}]
        with store.writer.begin() as connection:
            client.app.state.work.cases.open_in(
                connection, household_id="H3", village_code=HEARD, opened_on=AS_OF, grade=1,
                theme="illness", is_hard=False, disagreement=None, causes=(),
            )  # fmt: skip
        assert is_told()


def test_a_summary_tells_how_many(service: Client) -> None:
    official = service.make_key(Role.COUNTY_OFFICIAL, SILENT[:6])
    told = service.get(f"/v1/areas/{SILENT[:6]}/summary", headers=official).json()
    assert (told["as_of_date"], told["households"], told["nothing_known"]) == ("2026-11-20", 3, 3)
    assert told["expected"] == {"count": 0.0, "low": 0.0, "high": 0.0}
    assert told["grades"] == {"high": 0, "medium": 0, "low": 0}
    assert told["feeds"]["illness"]["state"] == "unknown"
    # To others three are too few to be told.
    assert service.get(f"/v1/areas/{SILENT[:6]}/summary").json()["nothing_known"] is None


@pytest.mark.parametrize(
    ("stood", "is_lead"), [(None, True), ("high", True), ("medium", False), ("low", False)]
)
def test_what_a_model_makes_of_no_data_opens_no_case(stood: str | None, is_lead: bool) -> None:
    alert = {"code": "crop_loss", "cause": None, "feature": "disaster_crop_loss_percent_12m", "value": 90.0}
    hit = {**alert, "level": "line", "is_assumption": False}
    standing = {"as_of_date": "2026-09-30", "grade": stood, "rule_hits": [hit], "feeds": ["disaster"]}
    said = a_body("H1", "high", 0.6, **({} if stood is None else {"standing": standing}))
    codes = [one.code for one in find_run_leads(said, "500999100201", "CN-50")]
    assert codes == ["crop_loss"] * (stood is not None) + ["score"] * is_lead


def test_a_kept_link_to_those_of_whom_nothing_is_known_says_that_there_are_none() -> None:
    view = listing_view(UnheardPage((), 0), Run(AS_OF, "m"), UNHEARD, "", 1, 0, "zh")
    assert [one["text"] for one in view["actions"] if one["is_chosen"]] == [texts("zh")["unheard"]]
    assert "没有数据不等于没有风险" in view["subtitle"]
