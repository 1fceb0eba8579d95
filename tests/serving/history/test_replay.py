"""A past score made again: equal to the bit whatever arrived since, and honest where the past was changed."""

from __future__ import annotations

import datetime as dt
import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from sqlalchemy import select, update

from features import Signals, build_vectors
from features.health import apply_health
from features.neighbourhood import with_neighbourhood
from scoring import load_bundle
from serving.api.history_answers import ReplayAnswer
from serving.errors import Problem, ServingError
from serving.jobs import JobState
from serving.kept_models import KeptModels
from serving.storage import FROM_FILES
from serving.storage.tables import assessment
from tests.serving.conftest import VERSION, make_bundle
from tests.serving.history.conftest import BLOCKED_ON, DATES, Past, as_delivered_on, blocking, changed
from tests.serving.jobs.orders import AS_OF, Desk, csv_files, tables_of


def replay(past: Past, household: str, day: dt.date, **more: Any) -> Any:
    return past.client.get(f"/v1/households/{household}/scores/{day}/replay", **more)


def of(past: Past, day: dt.date) -> list[str]:
    """The households that were assessed on a date."""
    found = []
    for one in past.households:
        if past.client.get(f"/v1/households/{one}?as_of_date={day}").status_code == 200:
            found.append(one)
    return found


def test_every_replay_equals_what_was_stored_on_its_day(past: Past, bundle_dir: Path) -> None:
    """The oracle is the batch engine over the signals as they stood on the day; they were never stored."""
    model, late, moved = load_bundle(bundle_dir).model, 0, 0
    for day in DATES:
        then = as_delivered_on(past.signals, day)
        if day == BLOCKED_ON:
            then = apply_health(then, blocking(past.county))
        vectors = build_vectors(with_neighbourhood(then, [day]), [day], region="CN-50")
        oracle = dict(zip(vectors.index.get_level_values(0), model.score(vectors).tolist(), strict=True))
        assert len(oracle) > 100
        for household in list(oracle)[::12]:
            answer = replay(past, household, day)
            assert answer.status_code == 200, answer.text
            told = ReplayAnswer.model_validate(answer.json())
            assert told.is_equal, told.differences
            assert (told.differences, told.changes) == ([], None)
            assert told.stored.score == told.replayed.score == oracle[household]
            late += bool(told.known_later.records)
            moved += told.known_later.is_score_changed
    # Something did arrive late, and would have changed scores: the equality above was worth asserting.
    assert late > 10
    assert moved > 2


def test_a_blocked_feed_is_not_believed_in_the_replay_either(past: Past) -> None:
    told = past.client.get(f"/v1/households/{past.households[0]}?as_of_date={BLOCKED_ON}").json()
    assert [one["state"] for one in told["feed_faults"]] == ["blocked"]
    # The month after it was fine, so that the feed is there and begins late.
    assert "illness" in told["partial_feeds"]
    assert replay(past, past.households[0], BLOCKED_ON).json()["is_equal"]


def _with_bill(signals: Signals, household: str, known_on: dt.date) -> Signals:
    """A large bill of two months before the last date."""
    table = signals.tables["illness"]
    row = dict.fromkeys(table.column_names)
    row |= {
        "household_id": household, "member_id": "M", "occurred_on": dt.date(2026, 7, 1),
        "known_on": known_on, "is_known_on_estimated": False, "care": "inpatient", "total_fen": 9_000_000,
        "reimbursed_fen": 1_000_000, "self_paid_fen": 8_000_000, "is_serious_disease": False,
    }  # fmt: skip
    return changed(signals, "illness", pa.concat_tables([table, pa.Table.from_pylist([row], table.schema)]))


@pytest.fixture
def restored(past: Past) -> Any:
    yield past
    past.store(past.signals)


def test_a_record_that_arrives_late_changes_nothing_and_is_told(restored: Past) -> None:
    past, day = restored, DATES[2]
    household = of(past, day)[3]
    before = replay(past, household, day).json()
    past.store(_with_bill(past.signals, household, day + dt.timedelta(days=1)))
    after = replay(past, household, day).json()
    assert after["is_equal"]
    assert after["replayed"] == before["replayed"]
    records = after["known_later"]["records"].get("illness", 0)
    assert records == before["known_later"]["records"].get("illness", 0) + 1
    assert after["known_later"]["is_score_changed"]
    assert after["known_later"]["score"] > before["known_later"]["score"]


def test_a_past_that_was_changed_is_told_and_worded(restored: Past) -> None:
    past, day = restored, DATES[2]
    household = of(past, day)[3]
    # Somebody wrote a record into the past: it claims to have been known then.
    past.store(_with_bill(past.signals, household, day - dt.timedelta(days=3)))
    told = replay(past, household, day).json()
    ReplayAnswer.model_validate(told)
    assert not told["is_equal"]
    (difference,) = told["differences"]
    assert (difference["code"], difference["feeds"]) == ("records_changed", ["illness"])
    assert {"score", "log_odds", "families", "latest_facts"} <= set(difference["fields"])
    assert difference["text"]["zh"]
    assert difference["text"]["en"]
    assert told["changes"]["latter_score"] == told["replayed"]["score"] > told["stored"]["score"]
    moved = sum(one["difference"] for one in told["changes"]["families"])
    assert moved == pytest.approx(told["changes"]["log_odds_difference"], abs=1e-9)


def test_an_amount_that_was_changed_is_told(restored: Past) -> None:
    past, day = restored, DATES[2]
    table = past.signals.tables["illness"]
    seen = table.filter(
        pc.and_(
            pc.less_equal(table["known_on"], pa.scalar(day)),
            pc.greater(table["occurred_on"], pa.scalar(day - dt.timedelta(days=200))),
        )
    )
    household = next(one for one in of(past, day) if one in set(seen["household_id"].to_pylist()))
    at = table.schema.get_field_index("self_paid_fen")
    own = pc.equal(table["household_id"], household)
    amounts = pc.if_else(own, pc.add(table["self_paid_fen"], 3_000_000), table["self_paid_fen"])
    past.store(changed(past.signals, "illness", table.set_column(at, table.schema.field(at), amounts)))
    codes = [one["code"] for one in replay(past, household, day).json()["differences"]]
    assert codes == ["values_changed"]


def test_coverage_that_was_taken_back_is_told(restored: Past) -> None:
    past, day = restored, DATES[2]
    without = [one for one in past.signals.coverage.deliveries if one.feed != "illness"]
    past.store(Signals(past.signals.tables, type(past.signals.coverage)(without)))
    told = replay(past, of(past, day)[0], day).json()
    found = {one["code"]: one["feeds"] for one in told["differences"]}
    assert found["coverage_changed"] == ["illness"]


def test_what_is_not_kept_is_said(past: Past, tmp_path: Path) -> None:
    household = of(past, DATES[0])[0]
    assert replay(past, household, dt.date(2024, 1, 1)).json()["code"] == "score_not_found"
    assert replay(past, "H-NOBODY", DATES[0]).json()["code"] == "score_not_found"
    assert replay(past, household, DATES[0], params={"model_version": "other"}).status_code == 404
    assert replay(past, household, DATES[0], params={"model_version": VERSION}).status_code == 200
    wrong = past.client.get(f"/v1/households/{household}/scores/2026-02-30/replay")
    assert wrong.status_code == 422
    assert wrong.json()["errors"][0]["pointer"] == "/path/as_of_date"
    assert "2026-02-30" not in wrong.text


def test_a_score_that_a_job_made_is_no_changed_past(past: Past, bundle_dir: Path, tmp_path: Path) -> None:
    store, day = past.client.app.state.store, AS_OF
    household = of(past, DATES[2])[3]
    tables = tables_of(1)
    for rows in tables.values():
        for row in rows:
            row |= {name: household for name in row if name == "household_id"}
    desk = Desk(store, tmp_path / "jobs", lambda: load_bundle(bundle_dir))
    assert desk.do(csv_files(tables), as_of=day).state is JobState.SUCCEEDED
    told = past.client.get(f"/v1/households/{household}?as_of_date={day}").json()
    assert told["is_from_files"]
    answer = replay(past, household, day)
    assert (answer.status_code, answer.json()["code"]) == (409, "signals_not_kept")
    # From the signals that are kept the same comes out: then there is a replay.
    with store.engine.begin() as connection:
        row = connection.execute(
            select(assessment).where(
                assessment.c.household_id == household, assessment.c.as_of_date == DATES[2]
            )
        ).one()
        of_row = update(assessment).where(assessment.c.id == row.id)
        connection.execute(of_row.values(body={**row.body, FROM_FILES: True}))
    assert replay(past, household, DATES[2]).json()["is_equal"]
    with store.engine.begin() as connection:
        connection.execute(of_row.values(body=row.body))


def test_models_are_kept_by_version_and_checked(bundle_dir: Path, tmp_path: Path) -> None:
    sha256 = load_bundle(bundle_dir).sha256
    models = KeptModels(tmp_path / "models")
    models.keep(bundle_dir)
    models.keep(bundle_dir)
    assert [one.name for one in (tmp_path / "models").iterdir()] == [VERSION]
    assert models.scorer(VERSION, sha256).model_version == VERSION
    assert models.scorer(VERSION, sha256) is models.scorer(VERSION, sha256)
    other = make_bundle(tmp_path / "other", seed=6)
    with pytest.raises(ServingError, match="version of its own"):
        models.keep(tmp_path / "other")
    for version, wanted in [("unknown", sha256), (VERSION, other.sha256), ("../other", other.sha256)]:
        with pytest.raises(Problem) as refused:
            KeptModels(tmp_path / "models").scorer(version, wanted)
        assert refused.value.code == "model_not_kept"
    harmed = tmp_path / "harmed"
    shutil.copytree(tmp_path / "models", harmed)
    text = (harmed / VERSION / "model.txt").read_text()
    (harmed / VERSION / "model.txt").write_text(text.replace("leaf_value=", "leaf_value=1", 1))
    with pytest.raises(Problem) as refused:
        KeptModels(harmed).scorer(VERSION, sha256)
    assert "cannot be used" in refused.value.detail
    assert str(harmed) not in refused.value.detail
    KeptModels(None).keep(bundle_dir)
    with pytest.raises(Problem):
        KeptModels(None).scorer(VERSION, sha256)
