"""The storage: what it acknowledges is kept, whole, once, and readable."""

from __future__ import annotations

import datetime as dt
import threading
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, StatementError

from serving.errors import StorageError
from serving.storage import AssessmentStore, Run, Saved, open_database


@pytest.fixture
def store(tmp_path: Path) -> AssessmentStore:
    return AssessmentStore(open_database(f"sqlite:///{tmp_path}/scores.db"))


def test_the_database_keeps_what_it_acknowledges(store: AssessmentStore) -> None:
    with store.engine.connect() as connection:
        asked = {
            name: connection.execute(text(f"PRAGMA {name}")).scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    assert asked == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 15_000}


def _body(key: str, score: float = 0.5) -> dict[str, Any]:
    return {
        "household_id": key, "as_of_date": "2026-10-31", "model_version": "m", "score": score,
        "grade": "high", "suggested_action": "visit",
        "risk_reasons": [], "protective_reasons": [], "rule_hits": [],
    }  # fmt: skip


def test_writers_wait_for_each_other(store: AssessmentStore) -> None:
    store.save_release("m", "0" * 64, 12)
    errors: list[Exception] = []

    def write(writer: int) -> None:
        try:
            for n in range(20):
                store.save([_body(f"{writer}-{n}-{k}") for k in range(3)], ["500999100201"] * 3)
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=write, args=(n,)) for n in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert errors == []
    assert store.list_run(Run(dt.date(2026, 10, 31), "m")).total == 240


def test_a_batch_is_written_whole_or_not_at_all(store: AssessmentStore) -> None:
    store.save_release("m", "0" * 64, 12)
    with pytest.raises(StatementError, match="range float"):
        store.save([_body("a"), {**_body("b"), "more": float("nan")}], ["500999100201"] * 2)
    assert store.find("a") is None


def test_an_assessment_needs_its_model(store: AssessmentStore) -> None:
    with pytest.raises(IntegrityError):
        store.save([_body("a")], ["500999100201"])


def test_the_same_key_never_has_two_rows(store: AssessmentStore) -> None:
    store.save_release("m", "0" * 64, 12)
    assert store.save([_body("a")], ["500999100201"]) == Saved(new=1)
    assert store.save([_body("a")], ["500999100201"]) == Saved(unchanged=1)
    assert store.save([_body("a", 0.25)], ["500999100201"]) == Saved(changed=1)
    found = store.find("a")
    assert found is not None
    assert found.body["score"] == 0.25
    assert found.written_at.tzinfo is dt.UTC


def test_a_moment_without_a_zone_is_refused() -> None:
    from serving.storage.tables import Instant

    with pytest.raises(ValueError, match="time zone"):
        Instant().process_bind_param(dt.datetime(2026, 1, 1), None)


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.db").write_text("this is a letter, not a database " * 40, encoding="utf-8")
    with pytest.raises(StorageError, match="cannot be used"):
        open_database(f"sqlite:///{tmp_path}/x.db")
