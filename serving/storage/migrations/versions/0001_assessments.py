"""Assessments, the models they were made with, and what is known of villages.

Revision: 0001, the first.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from serving.storage.columns import Day, Document, Instant, Real, Small, Whole, text

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "model_release",
        sa.Column("version", text(80), nullable=False),
        sa.Column("manifest_sha256", text(64), nullable=False),
        sa.Column("horizon_months", Small, nullable=False),
        sa.Column("first_used_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_model_release")),
        sqlite_strict=True,
    )
    op.create_table(
        "village_facts",
        sa.Column("village_code", text(12), nullable=False),
        sa.Column("as_of_date", Day(), nullable=False),
        sa.Column("households", Whole, nullable=False),
        sa.Column("median_income_fen", Whole, nullable=False),
        sa.Column("median_self_paid_fen", Whole, nullable=False),
        sa.Column("struck", Whole, nullable=False),
        sa.Column("identified", Whole, nullable=False),
        sa.PrimaryKeyConstraint("village_code", "as_of_date", name=op.f("pk_village_facts")),
        sqlite_strict=True,
    )
    op.create_table(
        "usual_values",
        sa.Column("area_code", text(12), nullable=False),
        sa.Column("as_of_date", Day(), nullable=False),
        sa.Column("medians", Document(), nullable=False),
        sa.PrimaryKeyConstraint("area_code", "as_of_date", name=op.f("pk_usual_values")),
        sqlite_strict=True,
    )
    op.create_table(
        "assessment",
        sa.Column("id", Whole, nullable=False),
        sa.Column("household_id", text(64), nullable=False),
        sa.Column("as_of_date", Day(), nullable=False),
        sa.Column("model_version", text(80), nullable=False),
        sa.Column("village_code", text(12), nullable=False),
        sa.Column("score", Real, nullable=False),
        sa.Column("grade", text(10), nullable=False),
        sa.Column("suggested_action", text(10), nullable=False),
        sa.Column("body", Document(), nullable=False),
        sa.Column("written_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(
            ["model_version"],
            ["model_release.version"],
            name=op.f("fk_assessment_model_version_model_release"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_assessment")),
        sa.UniqueConstraint(
            "household_id",
            "as_of_date",
            "model_version",
            name=op.f("uq_assessment_household_id_as_of_date_model_version"),
        ),
        sqlite_strict=True,
    )
    op.create_index(
        op.f("ix_assessment_as_of_date_model_version_score"),
        "assessment",
        ["as_of_date", "model_version", "score"],
    )
    op.create_index(op.f("ix_assessment_model_version"), "assessment", ["model_version"])
