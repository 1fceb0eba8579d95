"""The storage, on SQLite and on PostgreSQL: what it acknowledges is kept, whole, once, and readable."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, StatementError

from features.neighbourhood import VillageFacts
from features.usual import UsualValues
from serving.access import Caller, Role, Scope
from serving.errors import StorageError
from serving.storage import (
    FROM_FILES,
    AssessmentStore,
    AuditLog,
    History,
    Run,
    Saved,
    UsualStore,
    VillageStore,
    open_database,
)
from serving.storage.elsewhere import Elsewhere
from tests.serving.readers import Everything

pytestmark = pytest.mark.usefixtures("as_in_service")


@pytest.fixture
def store(database_url: str) -> Iterator[AssessmentStore]:
    made = AssessmentStore(open_database(database_url))
    yield made
    made.engine.dispose()


def test_the_database_keeps_what_it_acknowledges(store: AssessmentStore) -> None:
    settings: dict[str, dict[str, Any]] = {
        "sqlite": {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 15_000},
        "postgresql": {"synchronous_commit": "on", "lock_timeout": "15s", "TimeZone": "UTC"},
    }
    asked = settings[store.engine.dialect.name]
    word = {"sqlite": "PRAGMA", "postgresql": "SHOW"}[store.engine.dialect.name]
    with store.engine.connect() as connection:
        told = {name: connection.execute(text(f"{word} {name}")).scalar_one() for name in asked}
    assert told == asked


def test_every_table_of_sqlite_is_strict(tmp_path: Path) -> None:
    engine = open_database(f"sqlite:///{tmp_path}/scores.db")
    with engine.connect() as connection:
        tables = connection.execute(text("PRAGMA table_list")).all()
    ours = {one.name: one.strict for one in tables if not one.name.startswith("sqlite_")}
    assert len(ours) >= 11
    assert {name for name, strict in ours.items() if not strict} == {"alembic_version"}
    engine.dispose()


def _body(key: str, score: float = 0.5) -> dict[str, Any]:
    return {
        "household_id": key, "as_of_date": "2026-10-31", "model_version": "m", "score": score,
        "grade": "high", "suggested_action": "visit",
        "risk_reasons": [], "protective_reasons": [], "rule_hits": [],
    }  # fmt: skip


@pytest.mark.parametrize("writers", [8])
def test_writers_wait_for_each_other(store: AssessmentStore, writers: int) -> None:
    store.save_release("m", "0" * 64, 12)
    errors: list[Exception] = []

    def write(writer: int) -> None:
        try:
            for n in range(20):
                # Some households are everybody's.
                keys = [f"{writer}-{n}-{k}" for k in range(3)] + [f"shared-{k}" for k in range(3)]
                store.save([_body(key) for key in keys], ["500999100201"] * 6)
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=write, args=(n,)) for n in range(writers)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert errors == []
    assert Everything(store).list_run(Run(dt.date(2026, 10, 31), "m")).total == writers * 60 + 3


def test_a_batch_is_written_whole_or_not_at_all(store: AssessmentStore) -> None:
    store.save_release("m", "0" * 64, 12)
    with pytest.raises((StatementError, ValueError), match="range float"):
        store.save([_body("a"), {**_body("b"), "more": float("nan")}], ["500999100201"] * 2)
    assert Everything(store).find("a") is None


def test_an_assessment_needs_its_model(store: AssessmentStore) -> None:
    with pytest.raises(IntegrityError) as refused:
        store.save([_body("SECRET")], ["500999100201"])
    assert "500999100201" not in str(refused.value)


def test_the_same_key_never_has_two_rows(store: AssessmentStore) -> None:
    store.save_release("m", "0" * 64, 12)
    assert store.save([_body("a")], ["500999100201"]) == Saved(new=1)
    assert store.save([_body("a")], ["500999100201"]) == Saved(unchanged=1)
    assert store.save([_body("a", 0.25)], ["500999100201"]) == Saved(changed=1)
    found = Everything(store).find("a")
    assert found is not None
    assert found.body["score"] == 0.25
    assert found.written_at.tzinfo is dt.UTC
    assert abs((found.written_at - dt.datetime.now(dt.UTC)).total_seconds()) < 60


def test_a_document_keeps_the_order_of_its_keys_and_its_numbers_to_the_bit(store: AssessmentStore) -> None:
    store.save_release("m", "0" * 64, 12)
    body = {**_body("a", 0.1 + 0.2), "z": {"b": 1e-300, "a": [1, 1.5, "重病"]}, "more": None}
    store.save([body], ["500999100201"])
    found = Everything(store).find("a")
    assert found is not None
    assert found.body["score"] == 0.1 + 0.2
    assert list(found.body["z"].items()) == [("b", 1e-300), ("a", [1, 1.5, "重病"])]
    assert list(found.body)[:10] == list(body)[:10]


def test_the_list_of_a_run(store: AssessmentStore) -> None:
    store.save_release("m", "0" * 64, 12)
    for n, village in enumerate(("500999100201", "500999100300", "510000000000")):
        store.save([_body(f"{village}-{k}", 0.1 * n + 0.01 * k) for k in range(4)], [village] * 4)
    run = Everything(store).find_run()
    assert run == Run(dt.date(2026, 10, 31), "m")
    assert Everything(store).list_run(run).items[0].body["score"] == 0.1 * 2 + 0.01 * 3
    assert Everything(store).list_run(run, area="500999").total == 8
    assert Everything(store).list_run(run, area="50%").total == 0
    assert [one.body["household_id"] for one in Everything(store).list_run(run, area="5009991003", limit=2, offset=1).items] == [
        "500999100300-2", "500999100300-1"
    ]  # fmt: skip
    store.save([{**_body("500999100201-0"), "as_of_date": "2026-09-30"}], ["500999100201"])
    latest = Everything(store).find("500999100201-0")
    assert latest is not None
    assert latest.body["as_of_date"] == "2026-10-31"
    former = Everything(store).find_former(latest)
    assert former is not None
    assert former.body["as_of_date"] == "2026-09-30"


def test_a_job_takes_no_run_its_signals_and_a_run_gives_a_jobs_score_some(store: AssessmentStore) -> None:
    store.save_release("m", "0" * 64, 12)
    village, of_run = ["500999100201"], _body("H")
    of_job = {**of_run, FROM_FILES: True}
    assert store.save([of_job], village) == Saved(1, 0, 0)
    assert store.save([of_run], village) == Saved(0, 0, 1)
    assert store.save([of_job], village) == Saved(0, 1, 0)
    found = Everything(store).find("H")
    assert found is not None
    assert FROM_FILES not in found.body


def test_a_key_that_two_villages_have_is_told(store: AssessmentStore) -> None:
    store.audit = AuditLog(store.engine, b"k" * 32)
    store.save_release("m", "0" * 64, 12)
    here, there, abroad = "500999100201", "500999101201", "510000000000"
    for village, day in (
        (here, "2026-09-30"),
        (here, "2026-10-31"),
        (there, "2026-11-15"),
        (abroad, "2026-11-15"),
    ):
        store.save([{**_body("H"), "as_of_date": day}], [village], Scope(village))

    def found(area: str) -> History:
        seen = store.find(Caller("k", Role.COUNTY_OFFICIAL, Scope(area)), "H")
        assert isinstance(seen, History)
        return seen

    # Whose newest is shown is one of two, and whoever sees both villages is told of the other.
    assert found("500999").latest.village_code == there
    assert found("500999").elsewhere == (Elsewhere(here, dt.date(2026, 10, 31)),)
    assert found(here).elsewhere == found(there).elsewhere == ()


def test_what_is_known_of_villages_is_the_latest_of_the_date(store: AssessmentStore) -> None:
    villages, usual = VillageStore(store.engine), UsualStore(store.engine)
    days = [dt.date(2026, month, 28) for month in (8, 9, 10)]
    for number, day in enumerate(days):
        villages.save([VillageFacts("500999100201", day, 9, 1_000_000 + number, 5_000_000_000, 1, 0)])
        usual.save([UsualValues("500999100201", day, {"illness_self_paid_yuan_12m": 100.0 + number})])
    villages.save([VillageFacts("500999100201", days[0], 10, 7, 8, 1, 0)])
    found = villages.find(["500999100201", "500999100300"], dt.date(2026, 10, 1))
    assert found == {"500999100201": VillageFacts("500999100201", days[1], 9, 1_000_001, 5_000_000_000, 1, 0)}
    assert villages.find(["500999100201"], days[0])["500999100201"].households == 10
    here = usual.find(["500999100201"], dt.date(2026, 10, 1))["500999100201"]
    assert here.village["illness_self_paid_yuan_12m"] == 101.0


def test_a_moment_without_a_zone_is_refused() -> None:
    from sqlalchemy.dialects import sqlite

    from serving.storage.columns import Instant

    with pytest.raises(ValueError, match="time zone"):
        Instant().process_bind_param(dt.datetime(2026, 1, 1), sqlite.dialect())


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("sqlite:///{folder}/letter.db", "cannot be used"),
        ("sqlite:////no/such/folder/s.db", "does not exist"),
        ("sqlite://", "SQLite file"),
        ("sqlite:///:memory:", "SQLite file"),
        ("mysql://u@h/d", "PostgreSQL"),
        ("not an address", "cannot be read"),
        ("postgresql://u:SECRET@127.0.0.1:1/d", "cannot be used"),
        ("postgresql://u:SECRET@127.0.0.1", "names no database"),
    ],
)
def test_an_address_that_cannot_be_used_is_one_sentence(tmp_path: Path, url: str, said: str) -> None:
    (tmp_path / "letter.db").write_text("this is a letter, not a database " * 40, encoding="utf-8")
    with pytest.raises(StorageError, match=said) as refused:
        open_database(url.format(folder=tmp_path))
    assert "SECRET" not in str(refused.value)
    assert "\n" not in str(refused.value)
