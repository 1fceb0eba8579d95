"""Keys of callers, the log of who read what, and the area of a job. An assessment belongs to its village.

Revision: 0003, after 0002.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from serving.storage.columns import Instant, Small, Whole, text

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make the tables, and tell apart what two areas store of one key."""
    op.create_table(
        "api_key",
        sa.Column("id", text(12), nullable=False),
        sa.Column("secret_sha256", text(64), nullable=False),
        sa.Column("role", text(20), nullable=False),
        sa.Column("area_code", text(12)),
        sa.Column("name", text(80), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("expires_at", Instant(), nullable=False),
        sa.Column("revoked_at", Instant()),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_key")),
        sqlite_strict=True,
    )
    op.create_table(
        "audit_entry",
        sa.Column("seq", Whole, autoincrement=False, nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("key_id", text(12), nullable=False),
        sa.Column("role", text(20), nullable=False),
        sa.Column("area", text(12), nullable=False),
        sa.Column("action", text(20), nullable=False),
        sa.Column("subject", text(64), nullable=False),
        sa.Column("outcome", text(10), nullable=False),
        sa.Column("former_sha256", text(64), nullable=False),
        sa.Column("sha256", text(64), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_audit_entry")),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_audit_entry_subject"), "audit_entry", ["subject"])
    op.create_table(
        "audit_head",
        sa.Column("id", Small, autoincrement=False, nullable=False),
        sa.Column("seq", Whole, nullable=False),
        sa.Column("sha256", text(64), nullable=False),
        sa.Column("seal", text(64), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_head")),
        sqlite_strict=True,
    )
    op.add_column("job", sa.Column("area_code", text(12), nullable=False, server_default=""))
    with op.batch_alter_table("assessment", table_kwargs={"sqlite_strict": True}) as assessment:
        assessment.drop_constraint(
            op.f("uq_assessment_household_id_as_of_date_model_version"), type_="unique"
        )
        assessment.create_unique_constraint(
            "uq_assessment_key", ["household_id", "as_of_date", "model_version", "village_code"]
        )
