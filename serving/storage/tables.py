"""The tables. Assessments hold what was said; what the household's signals were stays with the signals."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import (
    JSON,
    Column,
    Date,
    DateTime,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    TypeDecorator,
    UniqueConstraint,
)

METADATA = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class Instant(TypeDecorator[dt.datetime]):
    """A moment in UTC. A time without its zone is refused: nobody could say later which one was meant."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: dt.datetime | None, dialect: Any) -> dt.datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment needs its time zone")
        return value.astimezone(dt.UTC).replace(tzinfo=None)

    def process_result_value(self, value: dt.datetime | None, dialect: Any) -> dt.datetime | None:
        return None if value is None else value.replace(tzinfo=dt.UTC)


model_release = Table(
    "model_release",
    METADATA,
    Column("version", String(80), primary_key=True),
    Column("manifest_sha256", String(64), nullable=False),
    Column("horizon_months", Integer, nullable=False),
    Column("first_used_at", Instant, nullable=False),
)
"""The models that assessments were made with."""

village_facts = Table(
    "village_facts",
    METADATA,
    Column("village_code", String(12), primary_key=True),
    Column("as_of_date", Date, primary_key=True),
    Column("households", Integer, nullable=False),
    Column("median_income_fen", Integer, nullable=False),
    Column("median_self_paid_fen", Integer, nullable=False),
    Column("struck", Integer, nullable=False),
    Column("identified", Integer, nullable=False),
)
"""What the batch worked out about villages, for the service to look up."""

usual_values = Table(
    "usual_values",
    METADATA,
    Column("area_code", String(12), primary_key=True),
    Column("as_of_date", Date, primary_key=True),
    Column("medians", JSON, nullable=False),
)
"""What is usual in villages and townships, feature by feature, for the service to look up."""

assessment = Table(
    "assessment",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("household_id", String(64), nullable=False),
    Column("as_of_date", Date, nullable=False),
    Column("model_version", String(80), ForeignKey("model_release.version"), nullable=False),
    Column("village_code", String(12), nullable=False),
    Column("score", Float, nullable=False),
    Column("grade", String(10), nullable=False),
    Column("suggested_action", String(10), nullable=False),
    Column("body", JSON, nullable=False),
    Column("written_at", Instant, nullable=False),
    UniqueConstraint("household_id", "as_of_date", "model_version"),
    Index(None, "as_of_date", "model_version", "score"),
    Index(None, "model_version"),
)
"""One answer about one household on one date by one model; `body` is what the API says."""
