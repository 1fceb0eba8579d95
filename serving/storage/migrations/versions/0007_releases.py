"""The release log: which model is in service, since when, by whom and why.

Revision: 0007, after 0006.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from serving.storage.columns import Instant, Small, Whole, text

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "release_entry",
        sa.Column("seq", Whole, autoincrement=False, nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("released_by", text(120), nullable=False),
        sa.Column("action", text(10), nullable=False),
        sa.Column("from_version", text(80)),
        sa.Column("to_version", text(80)),
        sa.Column("to_sha256", text(64)),
        sa.Column("previous_version", text(80)),
        sa.Column("previous_sha256", text(64)),
        sa.Column("is_on", Small, nullable=False),
        sa.Column("why", text(500), nullable=False),
        sa.Column("sha256", text(64), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_release_entry")),
        sqlite_strict=True,
    )
