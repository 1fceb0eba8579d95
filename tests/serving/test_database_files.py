"""The files of a SQLite database are their owner's alone, unless an operator says otherwise."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine
from typer.testing import CliRunner

from serving.__main__ import app
from serving.identity.data_keys import DataKeys
from serving.identity.keyring import new_ring
from serving.identity.suites import Suite
from serving.storage import connect, migrate
from serving.storage.database import WRITES

pytestmark = pytest.mark.usefixtures("as_in_service")


@pytest.fixture(autouse=True)
def usual_umask() -> Iterator[None]:
    former = os.umask(0o022)
    yield
    os.umask(former)


def modes(engine: Engine, path: Path) -> dict[str, str]:
    """The modes of a database's files while it is written to."""
    with engine.execution_options(**WRITES).begin() as connection:
        connection.exec_driver_sql("CREATE TABLE IF NOT EXISTS note (text)")
        connection.exec_driver_sql("INSERT INTO note VALUES ('x')")
        return {
            one.name.removeprefix(path.name): oct(stat.S_IMODE(one.stat().st_mode))
            for one in path.parent.glob(f"{path.name}*")
        }


def test_a_new_database_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "scores.db"
    engine = connect(f"sqlite:///{path}")
    assert not path.exists()
    assert modes(engine, path) == dict.fromkeys(("", "-wal", "-shm"), "0o600")
    with engine.connect() as connection:
        # Outside of a transaction, which has begun.
        connection.exec_driver_sql("COMMIT")
        connection.exec_driver_sql("PRAGMA journal_mode=DELETE")
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        connection.exec_driver_sql("INSERT INTO note VALUES ('y')")
        assert stat.S_IMODE(Path(f"{path}-journal").stat().st_mode) == 0o600
    engine.dispose()


def test_the_commands_and_the_key_store_make_such_files(tmp_path: Path) -> None:
    path = tmp_path / "scores.db"
    made = CliRunner().invoke(app, ["migrate", "--database", f"sqlite:///{path}"])
    assert made.exit_code == 0, made.output
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    keys = DataKeys.open(f"sqlite:///{tmp_path}/keys.db", new_ring(Suite.AES_256_GCM))
    assert set(modes(keys.engine, tmp_path / "keys.db").values()) == {"0o600"}
    keys.engine.dispose()


@pytest.mark.parametrize("mode", [0o640, 0o644])
def test_a_mode_that_an_operator_set_stays(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "scores.db"
    path.touch()
    path.chmod(mode)
    migrate(f"sqlite:///{path}")
    engine = connect(f"sqlite:///{path}")
    assert modes(engine, path) == dict.fromkeys(("", "-wal", "-shm"), oct(mode))
    engine.dispose()


def test_a_link_to_a_database_that_is_not_there_yet_is_followed(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    path, link = tmp_path / "disk" / "scores.db", tmp_path / "scores.db"
    link.symlink_to(path)
    engine = connect(f"sqlite:///{link}")
    assert modes(engine, path) == dict.fromkeys(("", "-wal", "-shm"), "0o600")
    engine.dispose()
