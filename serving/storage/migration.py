"""Bringing a database to the form that this version of the service keeps its tables in.

All steps happen in one transaction on both databases: a database is as it was, or as it is to be.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, inspect, make_url
from sqlalchemy import text as sql
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from serving.errors import StorageError
from serving.storage import case_tables  # noqa: F401 (they belong to METADATA)
from serving.storage.columns import IS_SQLITE
from serving.storage.database import WRITES, connect, lock_for_all
from serving.storage.tables import METADATA

_VERSIONS = "alembic_version"
_LOCK = 1


class Form(StrEnum):
    """How the tables of a database stand to those of this version."""

    EMPTY = "empty"
    CURRENT = "current"
    OUTDATED = "outdated"
    NEWER = "newer"
    FOREIGN = "foreign"


@dataclass(frozen=True)
class State:
    """The form of a database, its revision (if it has one) and the one it is to have."""

    form: Form
    revision: str | None
    wanted: str

    def as_json(self) -> dict[str, str | None]:
        """The state as one flat JSON object."""
        return {"form": self.form.value, "revision": self.revision, "wanted": self.wanted}

    def check(self) -> None:
        """Raise `StorageError` unless the service can work with it."""
        if self.form is not Form.CURRENT:
            raise StorageError(_REFUSALS[self.form].format(revision=self.revision, wanted=self.wanted))


_REFUSALS = {
    Form.EMPTY: "the database has no tables yet: run `python -m serving migrate`",
    Form.OUTDATED: "the database is of revision {revision} and this version needs {wanted}: "
    "run `python -m serving migrate`",
    Form.NEWER: "the database is of revision {revision}, which a newer version of the service made, and this "
    "version knows {wanted}: run the newer version, or restore a copy from before",
    Form.FOREIGN: "the database has tables and no revision, so that this version did not make it: give a new "
    "file or an empty database, and score into it anew",
}


def open_database(url: str, *, may_make: bool = True) -> Engine:
    """The engine of a database whose tables are in order. A SQLite file that is not there yet is made.

    Raises `StorageError` for an address that cannot be used, for a database that is older or newer than this
    version, and, unless it `may_make` one, for a SQLite file that is not there.
    """
    engine = connect(url)
    if not may_make and _is_absent(engine):
        raise StorageError(
            f"there is no database {engine.url.database}: check the address, or make one with "
            "`python -m serving migrate`"
        )
    try:
        state = find_state(engine)
        if state.form is Form.EMPTY and engine.dialect.name == IS_SQLITE:
            state = migrate(url)
        state.check()
    except BaseException:
        engine.dispose()
        raise
    return engine


def migrate(url: str) -> State:
    """Bring the database to the newest revision; one that is there is left alone.

    Raises `StorageError` for an address that cannot be used, a newer database and one of something else.
    """
    # A table of SQLite that is made anew would otherwise take along what refers to it.
    engine = connect(url, has_foreign_keys=False)
    try:
        with engine.execution_options(**WRITES).begin() as connection:
            lock_for_all(connection, _LOCK)
            state = _state(connection)
            if state.form in {Form.EMPTY, Form.OUTDATED}:
                command.upgrade(_config(connection), "head")
                _check_foreign_keys(connection)
                state = _state(connection)
            state.check()
    except SQLAlchemyError as error:
        raise _unusable(engine, error) from None
    finally:
        engine.dispose()
    return state


def find_state(engine: Engine) -> State:
    """The state of a database; raises `StorageError` when it does not answer."""
    try:
        with engine.connect() as connection:
            return _state(connection)
    except SQLAlchemyError as error:
        raise _unusable(engine, error) from None


def look_at(url: str) -> State:
    """The state of the database of an address, which is left as it is: no file is made.

    Raises `StorageError` when it does not answer.
    """
    engine = connect(url)
    try:
        return State(Form.EMPTY, None, _revisions()[0]) if _is_absent(engine) else find_state(engine)
    finally:
        engine.dispose()


def _is_absent(engine: Engine) -> bool:
    return engine.dialect.name == IS_SQLITE and not Path(str(engine.url.database)).exists()


def _state(connection: Connection) -> State:
    wanted, known = _revisions()
    there = set(inspect(connection).get_table_names())
    if _VERSIONS not in there:
        form = Form.FOREIGN if there & set(METADATA.tables) or _is_taken(connection, there) else Form.EMPTY
        return State(form, None, wanted)
    revision = connection.execute(sql(f"SELECT version_num FROM {_VERSIONS}")).scalar()  # noqa: S608
    if revision is None:
        return State(Form.FOREIGN if there & set(METADATA.tables) else Form.EMPTY, None, wanted)
    if revision == wanted:
        return State(Form.CURRENT, revision, wanted)
    return State(Form.OUTDATED if revision in known else Form.NEWER, revision, wanted)


def _is_taken(connection: Connection, there: set[str]) -> bool:
    """Whether a file is another program's. A PostgreSQL database may be shared."""
    return connection.dialect.name == IS_SQLITE and bool(there)


@cache
def _revisions() -> tuple[str, frozenset[str]]:
    """The newest revision of this version and all that it knows; the files are read once a process."""
    scripts = ScriptDirectory.from_config(_config())
    wanted = scripts.get_current_head()
    assert wanted is not None
    return wanted, frozenset(one.revision for one in scripts.walk_revisions())


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    folder = Path(__file__).with_name("migrations")
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def _check_foreign_keys(connection: Connection) -> None:
    if connection.dialect.name == IS_SQLITE:
        broken = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
        if broken:
            raise StorageError(f"{len(broken)} rows would refer to nothing: the database was left as it is")


def _unusable(engine: Engine, error: SQLAlchemyError) -> StorageError:
    if engine.dialect.name == IS_SQLITE:
        return StorageError(
            f"the database {engine.url.database} cannot be used ({type(error).__name__}): "
            "give a SQLite file of this service that may be written"
        )
    return StorageError(
        f"the database {engine.url.database} on {engine.url.host or 'this machine'} cannot be used "
        f"({type(error).__name__}): check that the server runs and lets this user in"
    )


def shown(url: str) -> str:
    """An address without its password, for reports."""
    try:
        return make_url(url).render_as_string(hide_password=True)
    except ArgumentError:
        return "the address given"
