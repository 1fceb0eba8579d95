"""The job that scores: the same answers as everywhere, every row scored or refused with its reason."""

from __future__ import annotations

import copy
import csv
import datetime as dt
import gzip
import io
import zipfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from features.signals.delivery import judge_delivery
from scoring import Bundle, load_bundle
from serving.bulk import Mode, ResultKind, RowPolicy
from serving.bulk.refused import read_refused
from serving.bulk.results import neutral
from serving.bulk.scoring import ScoreJobs
from serving.cases.clocks import china_today
from serving.jobs import Job, JobState
from serving.storage import AssessmentStore, Run, open_database
from tests.serving.conftest import VERSION
from tests.serving.jobs.orders import AS_OF, Desk, Tables, as_csv, csv_files, tables_of
from tests.serving.readers import Everything


def outcome(job: Job) -> dict[str, Any]:
    assert job.outcome is not None
    return job.outcome


def code(job: Job) -> str:
    return str(outcome(job)["failure"]["code"])


def errors(desk: Desk, job: Job) -> list[tuple[str, int, str, str]]:
    total, items = read_refused(desk.folders.of(job.id).errors, 0, 1_000)
    assert total == len(items)
    assert all(one["way_out"] and one["way_out_zh"] for one in items)
    return [(one["feed"], one["row"], one["field"], one["code"]) for one in items]


def stored(desk: Desk) -> int:
    # One of them is enough to be told how many there are; to word all takes long.
    return Everything(desk.store).list_run(Run(AS_OF, VERSION), limit=1).total


@pytest.mark.parametrize("rows", list(RowPolicy))
def test_a_job_stores_what_the_service_answers(
    desk: Desk, rows: RowPolicy, client: Any, bundle: Bundle
) -> None:
    tables = tables_of(10)
    job = desk.do(csv_files(tables), rows=rows)
    assert (job.state, job.outcome and job.outcome.get("failure")) == (JobState.SUCCEEDED, None)
    told = outcome(job)
    assert told["counts"]["households"] == stored(desk) == 10
    assert told["stored"] == {"new": 10, "unchanged": 0, "changed": 0}
    assert told["counts"]["rows_in"] == told["counts"]["rows_accepted"] == 10 * 5
    assert sum(told["grades"].values()) == 10
    body = {
        "as_of_date": AS_OF.isoformat(),
        "coverage": tables["coverage"],
        "households": [
            {
                "household_id": one["household_id"],
                "signals": {
                    feed: [row for row in rows if row["household_id"] == one["household_id"]]
                    for feed, rows in tables.items()
                    if feed != "coverage"
                },
            }
            for one in tables["household"]
        ],
    }
    answers = client.post("/v1/scores", json=body).json()["results"]
    for answer in answers:
        found = Everything(desk.store).find(answer["household_id"])
        assert found is not None
        assert found.body == {**answer, "is_from_files": True}
    table = pq.read_table(desk.folders.of(job.id).result("parquet"))
    assert table["household_id"].to_pylist() == [one["household_id"] for one in tables["household"]]
    assert table["score"].to_pylist() == [one["score"] for one in answers]
    assert table["reason_codes"].to_pylist() == [
        ";".join(reason["code"] for reason in one["risk_reasons"]) for one in answers
    ]
    again = desk.do(csv_files(tables), rows=rows)
    assert outcome(again)["stored"] == {"new": 0, "unchanged": 10, "changed": 0}


def test_what_was_sent_is_gone_when_the_job_ends(sqlite_desk: Desk) -> None:
    job = sqlite_desk.do(csv_files(tables_of(3)))
    folder = sqlite_desk.folders.of(job.id).path
    assert sorted(one.name for one in folder.iterdir()) == ["errors.parquet", "result.parquet"]
    assert folder.stat().st_mode & 0o077 == 0
    assert all(one.stat().st_mode & 0o077 == 0 for one in folder.iterdir())


def test_a_dry_run_stores_nothing(sqlite_desk: Desk) -> None:
    job = sqlite_desk.do(csv_files(tables_of(5)), mode=Mode.DRY_RUN)
    assert job.state is JobState.SUCCEEDED
    assert outcome(job)["counts"]["rows_accepted"] == 25
    assert stored(sqlite_desk) == 0
    assert not sqlite_desk.folders.of(job.id).result("parquet").exists()


def broken_tables() -> Tables:
    tables = tables_of(8)
    tables["member"][4]["born_on"] = "1980-02-30"
    tables["member"][5]["labour"] = ""
    tables["illness"][2]["self_paid_yuan"] = "1,200"
    tables["household"][6]["household_id"] = ""
    return tables


EXPECTED = [
    ("household", 6, "household_id", "missing"),
    ("member", 4, "born_on", "not_a_date"),
    ("member", 5, "labour", "missing"),
    *(("member", row, "household_id", "not_registered") for row in (18, 19, 20)),
    ("illness", 2, "self_paid_yuan", "not_a_number"),
    ("illness", 6, "household_id", "not_registered"),
]


def test_row_by_row_the_sound_ones_are_scored(desk: Desk) -> None:
    job = desk.do(csv_files(broken_tables()))
    assert job.state is JobState.SUCCEEDED
    assert errors(desk, job) == EXPECTED
    counts = outcome(job)["counts"]
    assert counts["rows_in"] == 40 == counts["rows_accepted"] + counts["rows_refused"]
    assert (counts["households"], counts["errors"]) == (7, len(EXPECTED))
    assert stored(desk) == 7


def test_atomically_a_refused_row_refuses_all(desk: Desk) -> None:
    job = desk.do(csv_files(broken_tables()), rows=RowPolicy.ATOMIC)
    assert (job.state, code(job)) == (JobState.FAILED, "rows_refused")
    assert errors(desk, job) == EXPECTED
    assert stored(desk) == 0
    assert outcome(job)["counts"]["rows_refused"] == len(EXPECTED)


def test_every_kind_of_file_says_the_same(sqlite_desk: Desk) -> None:
    from tests.serving.jobs.workbooks import workbook

    tables = tables_of(4)
    scores = {}
    for kind in ("csv", "csv.gz", "parquet", "xlsx", "zip", "gb18030"):
        files = {}
        for name, rows in tables.items():
            match kind:
                case "csv.gz":
                    files[f"{name}.csv.gz"] = gzip.compress(as_csv(rows))
                case "parquet":
                    out = io.BytesIO()
                    pq.write_table(pa.Table.from_pylist(rows), out)
                    files[f"{name}.parquet"] = out.getvalue()
                case "xlsx":
                    names = list(rows[0])
                    files[f"{name}.xlsx"] = workbook([names, *([row[one] for one in names] for row in rows)])
                case _:
                    files[f"{name}.csv"] = as_csv(rows)
        if kind == "zip":
            out = io.BytesIO()
            with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
                for name, content in files.items():
                    archive.writestr(name, content)
            files = {"delivery.zip": out.getvalue()}
        if kind == "gb18030":
            files = {name: content.decode().encode("gb18030") for name, content in files.items()}
        job = sqlite_desk.do(files, mode=Mode.COMMIT)
        assert job.state is JobState.SUCCEEDED, (kind, job.outcome, errors(sqlite_desk, job))
        table = pq.read_table(sqlite_desk.folders.of(job.id).result("parquet"))
        scores[kind] = table.select(["household_id", "score", "reasons_zh"]).to_pylist()
    assert all(one == scores["csv"] for one in scores.values())


def test_the_result_as_csv(sqlite_desk: Desk) -> None:
    tables = tables_of(3)
    for rows in tables.values():
        for row in rows:
            if row.get("household_id") == "J0001":
                row["household_id"] = "-2"
            if str(row.get("member_id", "")).startswith("J0001"):
                row["member_id"] = f"x{row['member_id']}"
    job = sqlite_desk.do(csv_files(tables), result=ResultKind.CSV)
    assert job.state is JobState.SUCCEEDED
    text = sqlite_desk.folders.of(job.id).result("csv").read_text(encoding="utf-8-sig")
    lines = list(csv.DictReader(io.StringIO(text)))
    assert [one["household_id"] for one in lines] == ["'-2", "J0000", "J0002"]
    assert [neutral(one) for one in ("=1", "+1", "-1", "@x", "\t=1", "\r=1", "a=1", "", 1.5)] == [
        "'=1", "'+1", "'-1", "'@x", "'\t=1", "'\r=1", "a=1", "", 1.5
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda tables: tables.pop("coverage"), "coverage_missing"),
        (lambda tables: tables.pop("household"), "delivery_refused"),
        (lambda tables: [row.update(strange=1) for row in tables["member"]], "delivery_refused"),
        (lambda tables: tables["coverage"][0].update(feed="nothing"), "delivery_refused"),
        (lambda tables: [row.update(known_on="2027-01-01") for row in tables["household"]], "nobody_registered"),
        (lambda tables: [one.update(complete_until="2024-01-01", known_on="2024-01-02") for one in tables["coverage"]], "after_coverage"),
    ],
)  # fmt: skip
def test_a_delivery_that_is_refused_says_why(sqlite_desk: Desk, change: Any, said: str) -> None:
    tables = copy.deepcopy(tables_of(2))
    change(tables)
    job = sqlite_desk.do(csv_files(tables))
    assert (job.state, code(job)) == (JobState.FAILED, said), job.outcome
    assert str(sqlite_desk.folders.root) not in str(job.outcome)
    assert stored(sqlite_desk) == 0


def test_commas_at_the_end_of_the_coverages_lines_are_named(sqlite_desk: Desk) -> None:
    files = csv_files(tables_of(2))
    names, *lines = files["coverage.csv"].decode().splitlines()
    files["coverage.csv"] = "\n".join([names, *(f"{one}," for one in lines)]).encode()
    job = sqlite_desk.do(files)
    assert code(job) == "delivery_refused"
    assert "coverage row 0: the line has 6 cells" in outcome(job)["failure"]["detail"]


def test_a_date_before_the_policy_is_refused(sqlite_desk: Desk) -> None:
    assert code(sqlite_desk.do(csv_files(tables_of(2)), as_of=dt.date(1999, 1, 1))) == "before_policy"


def test_a_day_to_come_is_refused(sqlite_desk: Desk) -> None:
    tomorrow = china_today() + dt.timedelta(days=1)
    assert code(sqlite_desk.do(csv_files(tables_of(2)), as_of=tomorrow)) == "in_the_future"
    assert stored(sqlite_desk) == 0


def test_a_delivery_is_judged_by_what_holds_on_its_day_in_china(
    sqlite_desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    days = []

    def judged(*given: Any, on: dt.date, **more: Any) -> Any:
        days.append(on)
        return judge_delivery(*given, on=on, **more)

    monkeypatch.setattr("serving.bulk.scoring.judge_delivery", judged)
    # The first of November at half past one in China.
    sqlite_desk.queue.now = lambda: dt.datetime(2026, 10, 31, 17, 30, tzinfo=dt.UTC)
    assert sqlite_desk.do(csv_files(tables_of(1))).state is JobState.SUCCEEDED
    assert days == [dt.date(2026, 11, 1)]


def test_a_feed_that_comes_twice_is_refused(sqlite_desk: Desk) -> None:
    files = csv_files(tables_of(2))
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("member.csv", files["member.csv"])
    assert code(sqlite_desk.do({**files, "delivery.zip": out.getvalue()})) == "feed_twice"


def test_a_model_that_cannot_be_loaded_fails_the_job(tmp_path: Path) -> None:
    store = AssessmentStore(open_database(f"sqlite:///{tmp_path}/scores.db"))
    desk = Desk(store, tmp_path / "jobs", lambda: load_bundle(tmp_path / "nothing"))
    assert code(desk.do(csv_files(tables_of(1)))) == "model_failed"
    store.engine.dispose()


def test_a_job_goes_on_from_its_checkpoint(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    from serving.batch import Scoring

    scored: list[int] = []
    score = Scoring.score

    def counted(self: Scoring, start: int, *given: Any) -> Any:
        scored.append(start)
        if len(scored) == 3:
            desk.worker.stops.set()
        return score(self, start, *given)

    monkeypatch.setattr(Scoring, "score", counted)
    job = desk.place(csv_files(tables_of(20)))
    desk.worker.run_one()
    found = desk.queue.find(job.id)
    assert found is not None
    assert (found.state, found.checkpoint["chunks"], stored(desk)) == (JobState.QUEUED, 3, 12)
    desk.worker.stops.clear()
    desk.worker.run_one()
    assert scored == [0, 4, 8, 12, 16]
    found = desk.queue.find(job.id)
    assert found is not None
    assert (found.state, stored(desk)) == (JobState.SUCCEEDED, 20)
    assert outcome(found)["stored"] == {"new": 20, "unchanged": 0, "changed": 0}
    result = pq.read_table(desk.folders.of(job.id).result("parquet"))
    assert result["household_id"].to_pylist() == [f"J{n:04}" for n in range(20)]


def test_a_cancelled_job_stores_no_more(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    from serving.batch import Scoring

    score = Scoring.score

    def cancelling(self: Scoring, start: int, *given: Any) -> Any:
        if start == 8:
            desk.queue.cancel(job.id)
        return score(self, start, *given)

    monkeypatch.setattr(Scoring, "score", cancelling)
    job = desk.place(csv_files(tables_of(20)))
    desk.worker.run_one()
    found = desk.queue.find(job.id)
    assert found is not None
    assert (found.state, stored(desk)) == (JobState.CANCELLED, 8)


def test_the_parts_of_a_job_are_the_ones_it_names(bundle: Bundle, sqlite_desk: Desk) -> None:
    assert isinstance(sqlite_desk.jobs, ScoreJobs)
    assert sqlite_desk.jobs.model().first_day < AS_OF


@pytest.mark.parametrize("rows", list(RowPolicy))
def test_an_alert_stands_on_where_a_later_job_sends_no_more_of_its_feed(desk: Desk, rows: RowPolicy) -> None:
    tables = tables_of(20)
    desk.do(csv_files(tables))
    alerted = next(
        one.body
        for key in (household["household_id"] for household in tables["household"])
        if (one := Everything(desk.store).find(key)) is not None
        and any(hit["feature"].startswith("illness") for hit in one.body["rule_hits"])
    )
    key, later = alerted["household_id"], AS_OF + dt.timedelta(days=20)
    silent = {name: told for name, told in tables.items() if name != "illness"}
    silent["coverage"] = [one for one in tables["coverage"] if one["feed"] != "illness"]
    job = desk.do(csv_files(silent), as_of=later, rows=rows)
    assert job.state is JobState.SUCCEEDED, job.outcome
    found = Everything(desk.store).find(key)
    assert found is not None
    body = found.body
    assert (body["as_of_date"], body["standing"]["as_of_date"]) == (str(later), str(AS_OF))
    assert {one["code"] for one in body["standing"]["rule_hits"]} <= {
        one["code"] for one in alerted["rule_hits"]
    }
    table = pq.read_table(desk.folders.of(job.id).result("parquet"))
    told = dict(zip(table["household_id"].to_pylist(), table["suggested_action"].to_pylist(), strict=True))
    assert told[key] == body["suggested_action"] == "visit"


def test_who_is_silent_is_counted_apart(sqlite_desk: Desk) -> None:
    tables = tables_of(6)
    silent = tables["household"][:2]
    for one in silent:
        one["village_code"] = "500998100201"
    job = sqlite_desk.do(csv_files(tables), rows=RowPolicy.PER_ROW)
    told = outcome(job)
    assert (told["counts"]["households"], told["nothing_known"]) == (6, 2)
    assert sum(told["grades"].values()) == told["stored"]["new"] == stored(sqlite_desk) == 4
    result = pq.read_table(sqlite_desk.folders.of(job.id).result("parquet")).to_pylist()
    assert {one["household_id"] for one in result}.isdisjoint(one["household_id"] for one in silent)
    gaps = [one for one in result if one["grade"] == "low" and one["missing_feeds"]]
    assert told["low_with_gaps"] == len(gaps)


def test_a_job_of_which_nothing_is_known_has_an_empty_result(sqlite_desk: Desk) -> None:
    tables = tables_of(3)
    for one in tables["household"]:
        one["village_code"] = "500998100201"
    for rows in RowPolicy:
        told = outcome(sqlite_desk.do(csv_files(tables), rows=rows, result=ResultKind.CSV))
        assert (told["nothing_known"], told["stored"]["new"]) == (3, 0)


def test_a_table_of_column_names_alone_says_that_nobody_had_any(sqlite_desk: Desk) -> None:
    files = csv_files(tables_of(2))
    (name,) = [one for one in files if one.startswith("illness")]
    header = files[name].splitlines()[0] + b"\n"
    for sent, silent in (
        ({**files, name: header}, []),
        ({k: v for k, v in files.items() if k != name}, ["illness"]),
    ):
        told = outcome(sqlite_desk.do(sent))
        assert told["silent_feeds"] == silent
