"""Which run stands for an area: the latest whole one, whatever jobs of a few households came since."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping

import pytest

from serving.access import Caller, Role, Scope
from serving.storage import AssessmentStore, AuditLog, History, Run, SummaryStore, open_database
from serving.storage.runs import find_runs, get_run
from tests.serving.areas.test_summaries import a_body

COUNTY, TOWN, VILLAGE, OTHER = "500999", "500999100", "500999100201", "500999101201"
BATCH, JOB = dt.date(2026, 10, 31), dt.date(2026, 11, 15)


@pytest.fixture
def store(database_url: str) -> Iterator[AssessmentStore]:
    made = AssessmentStore(open_database(database_url), None)
    made.audit = AuditLog(made.engine, b"k" * 32)
    for model in ("m", "n"):
        made.save_release(model, "0" * 64, 12)
    yield made
    made.engine.dispose()


def write(store: AssessmentStore, day: dt.date, households: Mapping[str, int], model: str = "m") -> None:
    """So many households of each village, the same ones every time."""
    for village, count in households.items():
        rows = [
            a_body(f"{village}-{n}", as_of_date=day.isoformat(), model_version=model) for n in range(count)
        ]
        store.save(rows, [village] * count)


def run_of(store: AssessmentStore, area: str) -> Run | None:
    """The run, which every reader has to choose alike."""
    caller = Caller("k", Role.COUNTY_OFFICIAL, Scope(area))
    found = store.find_run(caller)
    summary = SummaryStore(store.engine).find(caller, area)
    assert (summary.run if summary else None) == found
    if found is not None:
        assert get_run(store.engine, area, None, None) == found
    return found


def test_a_job_of_a_few_households_takes_no_area_from_its_batch(store: AssessmentStore) -> None:
    write(store, BATCH, {VILLAGE: 12, OTHER: 30})
    write(store, JOB, {VILLAGE: 12})
    # The village is in the job as a whole, and its county is not.
    for area in ("50", COUNTY, TOWN, VILLAGE, OTHER):
        assert run_of(store, area) == Run(BATCH, "m")
    summary = SummaryStore(store.engine).find(Caller("k", Role.COUNTY_OFFICIAL, Scope(COUNTY)), COUNTY, JOB)
    assert summary is not None
    assert (summary.run, summary.counts.households) == (Run(JOB, "m"), 12)
    assert get_run(store.engine, COUNTY, JOB, None) == Run(JOB, "m")
    # What they were scored by last is theirs all the same.
    found = store.find(Caller("k", Role.COUNTY_OFFICIAL, Scope(COUNTY)), f"{VILLAGE}-0")
    assert isinstance(found, History)
    assert found.latest.body["as_of_date"] == JOB.isoformat()


def test_the_next_batch_is_the_latest_again_though_some_have_left(store: AssessmentStore) -> None:
    write(store, BATCH, {VILLAGE: 12, OTHER: 30})
    write(store, JOB, {VILLAGE: 9, OTHER: 13})
    assert run_of(store, COUNTY) == run_of(store, OTHER) == Run(JOB, "m")


def test_villages_that_are_scored_one_by_one_have_each_their_own(store: AssessmentStore) -> None:
    write(store, BATCH, {VILLAGE: 10})
    write(store, JOB, {OTHER: 10})
    assert (run_of(store, VILLAGE), run_of(store, OTHER)) == (Run(BATCH, "m"), Run(JOB, "m"))
    assert run_of(store, "500999102") is None


def test_what_an_area_had_years_ago_is_no_measure_of_it(store: AssessmentStore) -> None:
    write(store, dt.date(2024, 10, 31), {VILLAGE: 40})
    write(store, BATCH, {VILLAGE: 5})
    assert run_of(store, VILLAGE) == Run(BATCH, "m")


def test_of_a_days_models_the_fullest_run_comes_first(store: AssessmentStore) -> None:
    write(store, BATCH, {VILLAGE: 10, OTHER: 10})
    write(store, BATCH, {VILLAGE: 10, OTHER: 6}, "n")
    write(store, JOB, {VILLAGE: 3}, "n")
    with store.engine.connect() as connection:
        assert find_runs(connection, COUNTY) == [Run(BATCH, "m"), Run(BATCH, "n")]
        assert find_runs(connection, COUNTY, model_version="n") == [Run(BATCH, "n")]
        assert find_runs(connection, COUNTY, JOB) == [Run(JOB, "n")]
        assert find_runs(connection, COUNTY, JOB, "m") == []
        assert find_runs(connection, None) == []


def test_everywhere_is_all_of_the_largest_areas(store: AssessmentStore) -> None:
    write(store, BATCH, {VILLAGE: 10, "510000000000": 30})
    write(store, JOB, {VILLAGE: 10})
    with store.engine.connect() as connection:
        assert find_runs(connection, "") == [Run(BATCH, "m")]
        assert find_runs(connection, "50") == [Run(JOB, "m")]
    write(store, JOB, {"990000000000": 10})
    with store.engine.connect() as connection:
        assert find_runs(connection, "") == [Run(JOB, "m")]
