"""Migrations: a database becomes what this version needs, whole or not at all, and is refused otherwise."""

from __future__ import annotations

import datetime as dt
import json
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, inspect, select, text

from scoring.silence import unscored
from serving.errors import StorageError
from serving.settings import Settings
from serving.storage import (
    AssessmentStore,
    Form,
    Run,
    Saved,
    SummaryStore,
    connect,
    find_state,
    migrate,
    open_database,
)
from serving.storage.area_counts import CountChanges
from serving.storage.assessments import _row
from serving.storage.database import WRITES
from serving.storage.migration import _config
from serving.storage.tables import METADATA, area_summary, assessment, model_release
from tests.serving.postgres import Server
from tests.serving.readers import Everything
from tests.serving.test_storage import _body

pytestmark = pytest.mark.usefixtures("as_in_service")

HEAD = "0009"
NOW = dt.datetime(2026, 11, 1, tzinfo=dt.UTC)


@pytest.fixture(params=["sqlite", "postgresql"])
def bare_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/scores.db"
    server: Server = request.getfixturevalue("postgres")
    return server.new_database(is_migrated=False)


def upgrade_to(url: str, revision: str) -> Engine:
    engine = connect(url)
    with engine.execution_options(**WRITES).begin() as connection:
        command.upgrade(_config(connection), revision)
    return engine


def fill(engine: Engine, households: int) -> None:
    """Store assessments as any revision keeps them."""
    with engine.execution_options(**WRITES).begin() as connection:
        release = {"version": "m", "manifest_sha256": "0" * 64, "horizon_months": 12, "first_used_at": NOW}
        connection.execute(model_release.insert().values(release))
        bodies = [_body(f"H{n}") for n in range(households)]
        connection.execute(assessment.insert(), [_row(one, "500999100201", NOW) for one in bodies])


def test_the_revisions_make_the_tables_of_the_code(bare_url: str) -> None:
    assert migrate(bare_url).form is Form.CURRENT
    engine = connect(bare_url)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        found = compare_metadata(context, METADATA)
    engine.dispose()
    assert [one for one in found if not _is_of_sqlite_alone(one)] == []


def _is_of_sqlite_alone(difference: object) -> bool:
    # An index with a condition is read back without its columns' order; its name and table are compared.
    return isinstance(difference, tuple) and "uq_job_open_dedup_key" in str(difference[-1])


def test_rows_outlive_a_migration(bare_url: str) -> None:
    engine = upgrade_to(bare_url, "0001")
    fill(engine, 50)
    assert find_state(engine).form is Form.OUTDATED
    with pytest.raises(StorageError, match=r"revision 0001.*serving migrate") as refused:
        open_database(bare_url)
    assert "\n" not in str(refused.value)
    assert migrate(bare_url).revision == HEAD
    assert migrate(bare_url).revision == HEAD
    engine.dispose()
    store = AssessmentStore(open_database(bare_url))
    found = Everything(store).find("H49")
    assert found is not None
    assert found.body.items() >= _body("H49").items()
    store.engine.dispose()


def test_counts_of_before_some_had_no_score_are_read_and_go_on(bare_url: str) -> None:
    engine, village = upgrade_to(bare_url, "0008"), "500999100201"
    fill(engine, 3)
    counts = CountChanges()
    for n in range(3):
        counts.add(_body(f"H{n}"), village)
    with engine.execution_options(**WRITES).begin() as connection:
        counts.write(connection)
        for row in connection.execute(select(area_summary)).all():
            before = {name: count for name, count in row.counts.items() if name != "nothing_known"}
            of_it = area_summary.c.area_code == row.area_code
            connection.execute(area_summary.update().where(of_it).values(counts=before))
    engine.dispose()
    assert migrate(bare_url).revision == HEAD
    store = AssessmentStore(open_database(bare_url))
    silence = {"missing_feeds": ["illness"], "stale_feeds": [], "partial_feeds": []}
    said = [unscored({**_body(key), **silence}) for key in ("H0", "NEW")]
    assert store.save(said, [village] * 2) == Saved(new=1, changed=1)
    run = Run(dt.date.fromisoformat(_body("H0")["as_of_date"]), "m")
    for one in SummaryStore(store.engine).counts(run).values():
        assert (one.households, one.nothing_known, one.grades.total()) == (4, 2, 2)
    assert (Everything(store).find("H0"), Everything(store).find_unheard("H0") is not None) == (None, True)
    store.engine.dispose()


def test_a_newer_database_is_refused_and_left_alone(bare_url: str) -> None:
    migrate(bare_url)
    engine = connect(bare_url)
    with engine.execution_options(**WRITES).begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    for attempt in (open_database, migrate):
        with pytest.raises(StorageError, match=r"9999.*newer version"):
            attempt(bare_url)
    assert find_state(engine).as_json() == {"form": "newer", "revision": "9999", "wanted": HEAD}
    engine.dispose()


def test_tables_without_a_revision_are_refused(bare_url: str) -> None:
    engine = connect(bare_url)
    with engine.execution_options(**WRITES).begin() as connection:
        connection.execute(text("CREATE TABLE assessment (id INTEGER)"))
    for attempt in (open_database, migrate):
        with pytest.raises(StorageError, match="no revision"):
            attempt(bare_url)
    assert inspect(engine).get_table_names() == ["assessment"]
    engine.dispose()


def test_a_server_is_migrated_by_command_and_a_file_by_itself(postgres: Server, tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="serving migrate"):
        open_database(postgres.new_database(is_migrated=False))
    engine = open_database(f"sqlite:///{tmp_path}/scores.db")
    assert find_state(engine).form is Form.CURRENT
    engine.dispose()


def test_a_failed_step_leaves_nothing(bare_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from alembic.operations import Operations

    make = Operations.create_table

    def fail(self: Operations, name: str, *given: object, **more: object) -> object:
        if name == "idempotency_key":
            raise OSError("the disk is full")
        return make(self, name, *given, **more)  # type: ignore[arg-type]

    with monkeypatch.context() as patched:
        patched.setattr(Operations, "create_table", fail)
        with pytest.raises(OSError, match="disk"):
            migrate(bare_url)
    engine = connect(bare_url)
    assert inspect(engine).get_table_names() == []
    assert migrate(bare_url).form is Form.CURRENT
    engine.dispose()


def test_many_that_open_at_once_make_one_database(bare_url: str) -> None:
    found: list[object] = []

    def run() -> None:
        try:
            found.append(migrate(bare_url).form)
        except Exception as error:
            found.append(error)

    threads = [threading.Thread(target=run) for _ in range(6)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert found == [Form.CURRENT] * 6


def test_the_service_refuses_an_old_database(tmp_path: Path) -> None:
    from serving.app import create_app

    url = f"sqlite:///{tmp_path}/scores.db"
    upgrade_to(url, "0001").dispose()
    with pytest.raises(StorageError, match="serving migrate"):
        create_app(Settings(bundle_dir=tmp_path, database_url=url))


def test_the_command(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/scores.db"

    def run(*more: str) -> tuple[int, str, str]:
        command = [sys.executable, "-W", "error", "-m", "serving", "migrate", "--database", url, *more]
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=300)
        return done.returncode, done.stdout, done.stderr

    code, out, _ = run("--check", "--json")
    assert (code, json.loads(out)) == (1, {"form": "empty", "revision": None, "wanted": HEAD})
    assert run()[:2] == (0, f"revision {HEAD}: in order\n")
    code, out, err = run("--check", "--json")
    assert (code, json.loads(out)["form"], err) == (0, "current", "")
    engine = connect(url)
    with engine.execution_options(**WRITES).begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    code, out, err = run("--check")
    assert (code, out) == (2, "")
    assert "newer version" in err
    code, out, err = run("--json", "--check")
    assert (code, json.loads(out)["form"], err) == (2, "newer", "")
