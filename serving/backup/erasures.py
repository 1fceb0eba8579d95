"""Erasures that a database's log tells of: what is put back from before them has their households again."""

from __future__ import annotations

from sqlalchemy import Engine, select
from sqlalchemy.exc import SQLAlchemyError

from serving.identity.erasure import find_named
from serving.storage.audit import AuditLog
from serving.storage.audit_actions import Action
from serving.storage.tables import audit_entry


def erasures_of(engine: Engine) -> dict[str, str] | None:
    """The erasures in a database's log, hash of the entry → the household as the log names it.

    `None` where the log cannot be read.
    """
    query = select(audit_entry.c.sha256, audit_entry.c.subject)
    try:
        with engine.connect() as connection:
            found = connection.execute(
                query.where(audit_entry.c.action == Action.IDENTITY_ERASED.value)
            ).all()
    except SQLAlchemyError:
        return None
    return {one.sha256: one.subject for one in found}


def households_back(engine: Engine, key: bytes, subjects: set[str]) -> list[str]:
    """The keys of those households, named as the log does, that a database of this version tells of."""
    if not subjects:
        return []
    with engine.connect() as connection:
        named = find_named(connection, AuditLog(engine, key), subjects)
    return sorted(set().union(*named.values()))
