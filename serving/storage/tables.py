"""The tables. Assessments hold what was said; what the household's signals were stays with the signals."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, MetaData, Table, UniqueConstraint

from serving.storage.columns import Day, Document, Instant, Real, Small, Whole, text

METADATA = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

model_release = Table(
    "model_release",
    METADATA,
    Column("version", text(80), primary_key=True),
    Column("manifest_sha256", text(64), nullable=False),
    Column("horizon_months", Small, nullable=False),
    Column("first_used_at", Instant, nullable=False),
    sqlite_strict=True,
)
"""The models that assessments were made with."""

release_entry = Table(
    "release_entry",
    METADATA,
    Column("seq", Whole, primary_key=True, autoincrement=False),
    Column("at", Instant, nullable=False),
    Column("released_by", text(120), nullable=False),
    Column("action", text(10), nullable=False),
    Column("from_version", text(80)),
    Column("to_version", text(80)),
    Column("to_sha256", text(64)),
    # Where a rollback would go.
    Column("previous_version", text(80)),
    Column("previous_sha256", text(64)),
    Column("is_on", Small, nullable=False),
    Column("why", text(500), nullable=False),
    Column("sha256", text(64), nullable=False),
    sqlite_strict=True,
)
"""Every change of the model in service. The last entry says which one it is, and whether it is on."""

village_facts = Table(
    "village_facts",
    METADATA,
    Column("village_code", text(12), primary_key=True),
    Column("as_of_date", Day, primary_key=True),
    Column("households", Whole, nullable=False),
    Column("median_income_fen", Whole, nullable=False),
    Column("median_self_paid_fen", Whole, nullable=False),
    Column("struck", Whole, nullable=False),
    Column("identified", Whole, nullable=False),
    sqlite_strict=True,
)
"""What the batch worked out about villages, for the service to look up."""

usual_values = Table(
    "usual_values",
    METADATA,
    Column("area_code", text(12), primary_key=True),
    Column("as_of_date", Day, primary_key=True),
    Column("medians", Document, nullable=False),
    sqlite_strict=True,
)
"""What is usual in villages and townships, feature by feature, for the service to look up."""

assessment = Table(
    "assessment",
    METADATA,
    Column("id", Whole, primary_key=True),
    Column("household_id", text(64), nullable=False),
    Column("as_of_date", Day, nullable=False),
    Column("model_version", text(80), ForeignKey("model_release.version"), nullable=False),
    Column("village_code", text(12), nullable=False),
    Column("score", Real, nullable=False),
    Column("grade", text(10), nullable=False),
    Column("suggested_action", text(10), nullable=False),
    Column("body", Document, nullable=False),
    Column("written_at", Instant, nullable=False),
    # Two areas may each know a household of one key: neither sees or replaces what the other stored.
    UniqueConstraint("household_id", "as_of_date", "model_version", "village_code", name="uq_assessment_key"),
    Index(None, "as_of_date", "model_version", "score"),
    Index(None, "model_version"),
    sqlite_strict=True,
)
"""One answer about one household on one date by one model; `body` is what the API says."""

job = Table(
    "job",
    METADATA,
    Column("id", text(32), primary_key=True),
    Column("purpose", text(20), nullable=False),
    Column("state", text(10), nullable=False),
    # Two open jobs never share one: the second is the first.
    Column("dedup_key", text(64)),
    Column("spec", Document, nullable=False),
    # What its worker has reached, and what it goes on from.
    Column("checkpoint", Document, nullable=False),
    Column("progress", Document, nullable=False),
    Column("outcome", Document),
    Column("failures", Small, nullable=False),
    Column("leased_by", text(64)),
    Column("leased_until", Instant),
    Column("created_at", Instant, nullable=False),
    Column("started_at", Instant),
    Column("cancelled_at", Instant),
    Column("finished_at", Instant),
    Column("deadline_at", Instant, nullable=False),
    # Of whoever sent it; empty: everywhere.
    Column("area_code", text(12), nullable=False, server_default=""),
    Index(None, "state", "created_at"),
    sqlite_strict=True,
)
"""The queue of work that is longer than a request. `failures` counts the leases that ran out since the last
checkpoint; `cancelled_at` is when somebody asked for its end."""

Index(
    "uq_job_open_dedup_key",
    job.c.dedup_key,
    unique=True,
    sqlite_where=job.c.finished_at.is_(None),
    postgresql_where=job.c.finished_at.is_(None),
)

idempotency_key = Table(
    "idempotency_key",
    METADATA,
    # A hash: what a client put into its key is nobody else's business.
    Column("key_sha256", text(64), primary_key=True),
    Column("owner", text(64), nullable=False),
    Column("held_until", Instant, nullable=False),
    Column("request_sha256", text(64)),
    Column("status", Small),
    Column("answer", Document),
    Column("created_at", Instant, nullable=False),
    sqlite_strict=True,
)
"""Requests that create, by the key their client gave: in flight until `status` and `answer` are there."""

api_key = Table(
    "api_key",
    METADATA,
    Column("id", text(12), primary_key=True),
    Column("secret_sha256", text(64), nullable=False),
    Column("role", text(20), nullable=False),
    # Empty: everywhere. Nothing: the role sees no household.
    Column("area_code", text(12)),
    Column("name", text(80), nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("revoked_at", Instant),
    sqlite_strict=True,
)
"""Keys of callers. The key itself was shown once and is nowhere."""

audit_entry = Table(
    "audit_entry",
    METADATA,
    Column("seq", Whole, primary_key=True, autoincrement=False),
    Column("at", Instant, nullable=False),
    Column("key_id", text(12), nullable=False),
    Column("role", text(20), nullable=False),
    Column("area", text(12), nullable=False),
    Column("action", text(20), nullable=False),
    Column("subject", text(64), nullable=False),
    Column("outcome", text(10), nullable=False),
    Column("former_sha256", text(64), nullable=False),
    Column("sha256", text(64), nullable=False),
    Index(None, "subject"),
    sqlite_strict=True,
)
"""Who read what. A household is named by an HMAC of its key; every entry holds the hash of the one before."""

audit_head = Table(
    "audit_head",
    METADATA,
    Column("id", Small, primary_key=True, autoincrement=False),
    Column("seq", Whole, nullable=False),
    Column("sha256", text(64), nullable=False),
    Column("seal", text(64), nullable=False),
    sqlite_strict=True,
)
"""The last entry of the log, sealed with the audit key: one row."""
