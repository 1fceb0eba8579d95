"""Transactions of the stores: what goes wrong in one is told as a problem, and nothing of it is kept."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from serving.errors import AccessError, Problem


@contextmanager
def logged(writer: Engine) -> Iterator[Connection]:
    """A transaction that reads or writes households, and writes the audit log with it.

    `writer` begins transactions as a writer's. Raises `Problem` (503): ``storage_failed`` where the database
    does not answer, ``audit_failed`` where the log cannot be gone on with.
    """
    try:
        with writer.begin() as connection:
            yield connection
    except SQLAlchemyError:
        raise Problem("storage_failed") from None
    except AccessError:
        raise Problem("audit_failed") from None


@contextmanager
def unlogged(engine: Engine) -> Iterator[Connection]:
    """A connection that reads what is about no household. Raises `Problem` (503) ``storage_failed``."""
    try:
        with engine.connect() as connection:
            yield connection
    except SQLAlchemyError:
        raise Problem("storage_failed") from None
