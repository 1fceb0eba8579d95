"""Kinds of column that mean the same in SQLite and in PostgreSQL.

A STRICT table of SQLite knows whole numbers, reals, texts and bytes alone, so a day, a moment and a document
are texts there. In PostgreSQL each has a type of its own.
"""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

from sqlalchemy import BigInteger, Date, DateTime, Double, Integer, LargeBinary, String, TypeDecorator
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeEngine

IS_SQLITE = "sqlite"

Whole = BigInteger().with_variant(sqlite.INTEGER(), IS_SQLITE)
"""A whole number of 64 bits; as the only primary key SQLite and PostgreSQL count it up by themselves."""

Small = Integer().with_variant(sqlite.INTEGER(), IS_SQLITE)
"""A whole number of 32 bits."""

Real: TypeEngine[float] = Double().with_variant(sqlite.REAL(), IS_SQLITE)
"""A double, kept to the bit."""


Octets: TypeEngine[bytes] = LargeBinary().with_variant(sqlite.BLOB(), IS_SQLITE)
"""Bytes as they are."""


def text(length: int) -> TypeEngine[str]:
    """A text of at most `length` characters; SQLite does not count them."""
    return String(length).with_variant(sqlite.TEXT(), IS_SQLITE)


def document_text(document: Any) -> str:
    """A document as it is kept. Raises `ValueError` where it holds NaN or an infinity."""
    return json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


class Day(TypeDecorator[dt.date]):
    """A calendar day."""

    impl = Date
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(sqlite.TEXT() if dialect.name == IS_SQLITE else Date())

    def process_bind_param(self, value: dt.date | None, dialect: Dialect) -> Any:
        return value.isoformat() if value is not None and dialect.name == IS_SQLITE else value

    def process_result_value(self, value: Any, dialect: Dialect) -> dt.date | None:
        return dt.date.fromisoformat(value) if isinstance(value, str) else value


class Instant(TypeDecorator[dt.datetime]):
    """A moment in UTC. A time without its zone is refused: nobody could say later which one was meant."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        kind: TypeEngine[Any] = sqlite.TEXT() if dialect.name == IS_SQLITE else DateTime(timezone=True)
        return dialect.type_descriptor(kind)

    def process_bind_param(self, value: dt.datetime | None, dialect: Dialect) -> Any:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment needs its time zone")
        value = value.astimezone(dt.UTC)
        # Of one length, so that texts stand in the order of the moments.
        return value.isoformat(timespec="microseconds") if dialect.name == IS_SQLITE else value

    def process_result_value(self, value: Any, dialect: Dialect) -> dt.datetime | None:
        if isinstance(value, str):
            value = dt.datetime.fromisoformat(value)
        return None if value is None else value.astimezone(dt.UTC)


class Document(TypeDecorator[Any]):
    """A JSON document, its keys in the order that they were given: people read answers in it."""

    impl = postgresql.JSON
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        kind: TypeEngine[Any] = (
            sqlite.TEXT() if dialect.name == IS_SQLITE else postgresql.JSON(none_as_null=True)
        )
        return dialect.type_descriptor(kind)

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        return document_text(value) if value is not None and dialect.name == IS_SQLITE else value

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        return json.loads(value) if isinstance(value, str) and dialect.name == IS_SQLITE else value
