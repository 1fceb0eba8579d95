"""Households of a run of which nothing was known.

Revision: 0009, after 0008.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from serving.storage.columns import Day, Document, Instant, text

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "unheard_household",
        sa.Column("household_id", text(64), nullable=False),
        sa.Column("as_of_date", Day(), nullable=False),
        sa.Column("model_version", text(80), nullable=False),
        sa.Column("village_code", text(12), nullable=False),
        sa.Column("feeds", Document(), nullable=False),
        sa.Column("written_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(
            ["model_version"],
            ["model_release.version"],
            name=op.f("fk_unheard_household_model_version_model_release"),
        ),
        sa.PrimaryKeyConstraint(
            "household_id",
            "as_of_date",
            "model_version",
            "village_code",
            name=op.f("pk_unheard_household"),
        ),
        sqlite_strict=True,
    )
    op.create_index(
        op.f("ix_unheard_household_as_of_date_model_version_village_code_household_id_written_at"),
        "unheard_household",
        ["as_of_date", "model_version", "village_code", "household_id", "written_at"],
        unique=False,
    )
