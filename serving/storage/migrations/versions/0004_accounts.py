"""Accounts of people, and their sessions.

Revision: 0004, after 0003.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from serving.storage.columns import Instant, Small, Whole, text

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Make the two tables."""
    op.create_table(
        "account",
        sa.Column("id", text(12), nullable=False),
        sa.Column("login_name", text(40), nullable=False),
        sa.Column("password_hash", text(200), nullable=False),
        sa.Column("password_set_at", Instant(), nullable=False),
        sa.Column("is_start_password", Small, nullable=False),
        sa.Column("role", text(20), nullable=False),
        sa.Column("area_code", text(12)),
        sa.Column("state", text(10), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("expires_at", Instant(), nullable=False),
        sa.Column("failures", Small, nullable=False),
        sa.Column("locked_until", Instant()),
        sa.Column("second_factor", text(20)),
        sa.Column("second_factor_secret", text(200)),
        sa.Column("second_factor_step", Whole, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account")),
        sa.UniqueConstraint("login_name", name=op.f("uq_account_login_name")),
        sqlite_strict=True,
    )
    op.create_table(
        "session",
        sa.Column("token_sha256", text(64), nullable=False),
        sa.Column("account_id", text(12), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("seen_at", Instant(), nullable=False),
        sa.Column("ended_at", Instant()),
        sa.PrimaryKeyConstraint("token_sha256", name=op.f("pk_session")),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_session_account_id_account")),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_session_account_id"), "session", ["account_id"])
    op.create_index(op.f("ix_session_created_at"), "session", ["created_at"])
