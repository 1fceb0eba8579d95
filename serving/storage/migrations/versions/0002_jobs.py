"""The queue of jobs, and the keys by which a repeated request is known.

Revision: 0002, after 0001.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from serving.storage.columns import Document, Instant, Small, text

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "job",
        sa.Column("id", text(32), nullable=False),
        sa.Column("purpose", text(20), nullable=False),
        sa.Column("state", text(10), nullable=False),
        sa.Column("dedup_key", text(64)),
        sa.Column("spec", Document(), nullable=False),
        sa.Column("checkpoint", Document(), nullable=False),
        sa.Column("progress", Document(), nullable=False),
        sa.Column("outcome", Document()),
        sa.Column("failures", Small, nullable=False),
        sa.Column("leased_by", text(64)),
        sa.Column("leased_until", Instant()),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("started_at", Instant()),
        sa.Column("cancelled_at", Instant()),
        sa.Column("finished_at", Instant()),
        sa.Column("deadline_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_job")),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_job_state_created_at"), "job", ["state", "created_at"])
    op.create_index(
        "uq_job_open_dedup_key",
        "job",
        ["dedup_key"],
        unique=True,
        sqlite_where=sa.text("finished_at IS NULL"),
        postgresql_where=sa.text("finished_at IS NULL"),
    )
    op.create_table(
        "idempotency_key",
        sa.Column("key_sha256", text(64), nullable=False),
        sa.Column("owner", text(64), nullable=False),
        sa.Column("held_until", Instant(), nullable=False),
        sa.Column("request_sha256", text(64)),
        sa.Column("status", Small),
        sa.Column("answer", Document()),
        sa.Column("created_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("key_sha256", name=op.f("pk_idempotency_key")),
        sqlite_strict=True,
    )
