"""Counts by area, what a run did not believe, webhooks and their outbox.

Revision: 0006, after 0005.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from serving.storage.area_counts import add_stored
from serving.storage.columns import Day, Document, Instant, Small, Whole, text

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Make the tables, and count what is stored already."""
    op.create_table(
        "run_health",
        sa.Column("as_of_date", Day(), nullable=False),
        sa.Column("model_version", text(80), nullable=False),
        sa.Column("area_code", text(12), nullable=False),
        sa.Column("verdicts", Document(), nullable=False),
        sa.PrimaryKeyConstraint("as_of_date", "model_version", "area_code", name=op.f("pk_run_health")),
        sqlite_strict=True,
    )
    op.create_table(
        "area_summary",
        sa.Column("area_code", text(12), nullable=False),
        sa.Column("as_of_date", Day(), nullable=False),
        sa.Column("model_version", text(80), nullable=False),
        sa.Column("counts", Document(), nullable=False),
        sa.Column("revision", Whole, nullable=False),
        sa.PrimaryKeyConstraint("area_code", "as_of_date", "model_version", name=op.f("pk_area_summary")),
        sqlite_strict=True,
    )
    op.create_index(
        op.f("ix_area_summary_as_of_date_model_version"), "area_summary", ["as_of_date", "model_version"]
    )
    op.create_table(
        "webhook",
        sa.Column("id", text(32), nullable=False),
        sa.Column("key_id", text(12), nullable=False),
        sa.Column("area_code", text(12), nullable=False),
        sa.Column("url", text(2000), nullable=False),
        sa.Column("sealed_secret", text(200), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("ended_at", Instant()),
        sa.Column("ended_because", text(10)),
        sa.ForeignKeyConstraint(["key_id"], ["api_key.id"], name=op.f("fk_webhook_key_id_api_key")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook")),
        sqlite_strict=True,
    )
    op.create_table(
        "webhook_delivery",
        sa.Column("webhook_id", text(32), nullable=False),
        sa.Column("event_id", text(40), nullable=False),
        sa.Column("state", text(10), nullable=False),
        sa.Column("event", Document(), nullable=False),
        sa.Column("attempts", Small, nullable=False),
        sa.Column("due_at", Instant(), nullable=False),
        sa.Column("last_outcome", text(40)),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("ended_at", Instant()),
        sa.ForeignKeyConstraint(
            ["webhook_id"], ["webhook.id"], name=op.f("fk_webhook_delivery_webhook_id_webhook")
        ),
        sa.PrimaryKeyConstraint("webhook_id", "event_id", name=op.f("pk_webhook_delivery")),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_webhook_delivery_state_due_at"), "webhook_delivery", ["state", "due_at"])
    add_stored(op.get_bind())
