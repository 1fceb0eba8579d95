"""Leads, cases, visits, plans and worklists.

Revision: 0008, after 0007.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from serving.storage.columns import Day, Document, Instant, Real, Small, Whole, text

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Make the tables."""
    op.drop_index(op.f("ix_assessment_as_of_date_model_version_score"), "assessment")
    run = ["as_of_date", "model_version"]
    op.create_index(
        "ix_assessment_run_score",
        "assessment",
        [*run, "score", "household_id", "village_code", "suggested_action"],
        unique=False,
    )
    op.create_index(
        "ix_assessment_run_village",
        "assessment",
        [*run, "village_code", "score", "household_id", "suggested_action"],
        unique=False,
    )
    op.create_index(
        "ix_assessment_run_action", "assessment", [*run, "suggested_action", "village_code"], unique=False
    )
    op.create_table(
        "case_file",
        sa.Column("id", text(32), nullable=False),
        sa.Column("household_id", text(64), nullable=False),
        sa.Column("village_code", text(12), nullable=False),
        sa.Column("state", text(12), nullable=False),
        sa.Column("version", Whole, nullable=False),
        sa.Column("practice", text(40), nullable=False),
        sa.Column("opened_on", Day(), nullable=False),
        sa.Column("entered_on", Day(), nullable=False),
        sa.Column("grade", Small, nullable=False),
        sa.Column("theme", text(20), nullable=False),
        sa.Column("is_hard", Small, nullable=False),
        sa.Column("disagreement", text(40)),
        sa.Column("causes", Document(), nullable=False),
        sa.Column("object_type", text(30)),
        sa.Column("is_without_labour", Small, nullable=False),
        sa.Column("is_green_lane", Small, nullable=False),
        sa.Column("identified_on", Day()),
        sa.Column("notice_ends_on", Day()),
        sa.Column("closed_on", Day()),
        sa.Column("closed_as", text(40)),
        sa.Column("relapses", Small, nullable=False),
        sa.Column("owner", text(20), nullable=False),
        sa.Column("due_on", Day()),
        sa.Column("last_visited_on", Day()),
        sa.Column("changed_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_file")),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_case_file_household_id"), "case_file", ["household_id"], unique=False)
    op.create_index(op.f("ix_case_file_state_due_on"), "case_file", ["state", "due_on"], unique=False)
    op.create_index(
        "ix_case_file_area",
        "case_file",
        ["village_code", "state", "owner", "due_on", "theme", "grade", "id"],
        unique=False,
    )
    op.create_index(op.f("ix_case_file_disagreement"), "case_file", ["disagreement"], unique=False)
    op.create_index(
        "uq_case_file_open",
        "case_file",
        ["household_id", "village_code"],
        unique=True,
        sqlite_where=sa.text("closed_on IS NULL"),
        postgresql_where=sa.text("closed_on IS NULL"),
    )
    op.create_table(
        "household_grid",
        sa.Column("household_id", text(64), nullable=False),
        sa.Column("village_code", text(12), nullable=False),
        sa.Column("grid", text(20), nullable=False),
        sa.PrimaryKeyConstraint("household_id", "village_code", name=op.f("pk_household_grid")),
        sqlite_strict=True,
    )
    op.create_table(
        "worklist",
        sa.Column("id", text(32), nullable=False),
        sa.Column("area_code", text(12), nullable=False),
        sa.Column("made_on", Day(), nullable=False),
        sa.Column("as_of_date", Day(), nullable=False),
        sa.Column("model_version", text(80), nullable=False),
        sa.Column("terms", Document(), nullable=False),
        sa.Column("made_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_worklist")),
        sa.UniqueConstraint("area_code", "made_on", name=op.f("uq_worklist_area_code_made_on")),
        sqlite_strict=True,
    )
    op.create_table(
        "case_clock",
        sa.Column("case_id", text(32), nullable=False),
        sa.Column("clock", text(40), nullable=False),
        sa.Column("round", Small, autoincrement=False, nullable=False),
        sa.Column("started_on", Day(), nullable=False),
        sa.Column("due_on", Day(), nullable=False),
        sa.Column("stopped_on", Day()),
        sa.ForeignKeyConstraint(["case_id"], ["case_file.id"], name=op.f("fk_case_clock_case_id_case_file")),
        sa.PrimaryKeyConstraint("case_id", "clock", "round", name=op.f("pk_case_clock")),
        sqlite_strict=True,
    )
    op.create_index(
        op.f("ix_case_clock_stopped_on_due_on"), "case_clock", ["stopped_on", "due_on"], unique=False
    )
    op.create_table(
        "case_lead",
        sa.Column("id", text(32), nullable=False),
        sa.Column("case_id", text(32), nullable=False),
        sa.Column("household_id", text(64), nullable=False),
        sa.Column("village_code", text(12), nullable=False),
        sa.Column("channel", text(12), nullable=False),
        sa.Column("source", text(120), nullable=False),
        sa.Column("code", text(60), nullable=False),
        sa.Column("theme", text(20), nullable=False),
        sa.Column("occurred_on", Day(), nullable=False),
        sa.Column("known_on", Day(), nullable=False),
        sa.Column("received_at", Instant(), nullable=False),
        sa.Column("facts", Document(), nullable=False),
        sa.Column("is_hard", Small, nullable=False),
        sa.Column("event_key", text(64), nullable=False),
        sa.Column("dedup_key", text(64), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["case_file.id"], name=op.f("fk_case_lead_case_id_case_file")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_lead")),
        sa.UniqueConstraint("dedup_key", name=op.f("uq_case_lead_dedup_key")),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_case_lead_case_id"), "case_lead", ["case_id"], unique=False)
    op.create_index(op.f("ix_case_lead_household_id"), "case_lead", ["household_id"], unique=False)
    op.create_index(op.f("ix_case_lead_known_on_id"), "case_lead", ["known_on", "id"], unique=False)
    op.create_index(
        op.f("ix_case_lead_village_code_theme_known_on"),
        "case_lead",
        ["village_code", "theme", "known_on"],
        unique=False,
    )
    op.create_index(
        "ix_case_lead_area",
        "case_lead",
        ["village_code", "known_on", "channel", "theme", "event_key"],
        unique=False,
    )
    op.create_table(
        "case_move",
        sa.Column("case_id", text(32), nullable=False),
        sa.Column("seq", Whole, autoincrement=False, nullable=False),
        sa.Column("move", text(40), nullable=False),
        sa.Column("from_state", text(12), nullable=False),
        sa.Column("to_state", text(12), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("effective_on", Day(), nullable=False),
        sa.Column("actor", text(12), nullable=False),
        sa.Column("role", text(20), nullable=False),
        sa.Column("facts", Document(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["case_file.id"], name=op.f("fk_case_move_case_id_case_file")),
        sa.PrimaryKeyConstraint("case_id", "seq", name=op.f("pk_case_move")),
        sqlite_strict=True,
    )
    op.create_table(
        "plan_measure",
        sa.Column("id", text(32), nullable=False),
        sa.Column("case_id", text(32), nullable=False),
        sa.Column("measure", text(40), nullable=False),
        sa.Column("measure_group", text(30), nullable=False),
        sa.Column("cause", text(20), nullable=False),
        sa.Column("department", text(40), nullable=False),
        sa.Column("amount_fen", Whole),
        sa.Column("persons", Small, nullable=False),
        sa.Column("starts_on", Day(), nullable=False),
        sa.Column("due_on", Day(), nullable=False),
        sa.Column("planned_at", Instant(), nullable=False),
        sa.Column("planner", text(12), nullable=False),
        sa.Column("ended_on", Day()),
        sa.ForeignKeyConstraint(
            ["case_id"], ["case_file.id"], name=op.f("fk_plan_measure_case_id_case_file")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plan_measure")),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_plan_measure_case_id"), "plan_measure", ["case_id"], unique=False)
    op.create_index(
        op.f("ix_plan_measure_department_due_on"), "plan_measure", ["department", "due_on"], unique=False
    )
    op.create_table(
        "visit",
        sa.Column("id", text(32), nullable=False),
        sa.Column("case_id", text(32)),
        sa.Column("household_id", text(64), nullable=False),
        sa.Column("village_code", text(12), nullable=False),
        sa.Column("submission_key", text(64), nullable=False),
        sa.Column("visited_on", Day(), nullable=False),
        sa.Column("received_at", Instant(), nullable=False),
        sa.Column("visitor", text(12), nullable=False),
        sa.Column("role", text(20), nullable=False),
        sa.Column("is_random", Small, nullable=False),
        sa.Column("chance", Real),
        sa.Column("finding", text(20), nullable=False),
        sa.Column("body", Document(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["case_file.id"], name=op.f("fk_visit_case_id_case_file")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_visit")),
        sa.UniqueConstraint("submission_key", name=op.f("uq_visit_submission_key")),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_visit_case_id"), "visit", ["case_id"], unique=False)
    op.create_index(
        op.f("ix_visit_household_id_visited_on"), "visit", ["household_id", "visited_on"], unique=False
    )
    op.create_index(
        op.f("ix_visit_village_code_visited_on"), "visit", ["village_code", "visited_on"], unique=False
    )
    op.create_table(
        "worklist_entry",
        sa.Column("worklist_id", text(32), nullable=False),
        sa.Column("household_id", text(64), nullable=False),
        sa.Column("village_code", text(12), nullable=False),
        sa.Column("grid", text(20), nullable=False),
        sa.Column("place", Whole, nullable=False),
        sa.Column("why", text(10), nullable=False),
        sa.Column("score", Real),
        sa.Column("is_tied", Small, nullable=False),
        sa.Column("chance", Real),
        sa.Column("added_by", text(12)),
        sa.Column("reason", text(30)),
        sa.Column("visit_id", text(32)),
        sa.ForeignKeyConstraint(
            ["worklist_id"], ["worklist.id"], name=op.f("fk_worklist_entry_worklist_id_worklist")
        ),
        sa.PrimaryKeyConstraint(
            "worklist_id", "household_id", "village_code", name=op.f("pk_worklist_entry")
        ),
        sqlite_strict=True,
    )
    op.create_index(
        op.f("ix_worklist_entry_worklist_id_village_code_place"),
        "worklist_entry",
        ["worklist_id", "village_code", "place"],
        unique=False,
    )
    op.create_index(
        op.f("ix_worklist_entry_worklist_id_village_code_visit_id_why_score"),
        "worklist_entry",
        ["worklist_id", "village_code", "visit_id", "why", "score"],
        unique=False,
    )
    op.create_table(
        "correction",
        sa.Column("id", text(32), nullable=False),
        sa.Column("visit_id", text(32), nullable=False),
        sa.Column("household_id", text(64), nullable=False),
        sa.Column("village_code", text(12), nullable=False),
        sa.Column("feed", text(30), nullable=False),
        sa.Column("row", Document(), nullable=False),
        sa.Column("replaces", Document()),
        sa.Column("state", text(12), nullable=False),
        sa.Column("proposed_at", Instant(), nullable=False),
        sa.Column("reviewed_at", Instant()),
        sa.Column("reviewer", text(12)),
        sa.Column("why", text(20)),
        sa.ForeignKeyConstraint(["visit_id"], ["visit.id"], name=op.f("fk_correction_visit_id_visit")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_correction")),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_correction_household_id"), "correction", ["household_id"], unique=False)
    op.create_index(op.f("ix_correction_state"), "correction", ["state"], unique=False)
    op.create_table(
        "measure_delivery",
        sa.Column("id", text(32), nullable=False),
        sa.Column("plan_measure_id", text(32), nullable=False),
        sa.Column("submission_key", text(64), nullable=False),
        sa.Column("delivered_on", Day(), nullable=False),
        sa.Column("amount_fen", Whole),
        sa.Column("recorded_at", Instant(), nullable=False),
        sa.Column("recorder", text(12), nullable=False),
        sa.ForeignKeyConstraint(
            ["plan_measure_id"],
            ["plan_measure.id"],
            name=op.f("fk_measure_delivery_plan_measure_id_plan_measure"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_measure_delivery")),
        sa.UniqueConstraint("submission_key", name=op.f("uq_measure_delivery_submission_key")),
        sqlite_strict=True,
    )
    op.create_index(
        op.f("ix_measure_delivery_plan_measure_id"), "measure_delivery", ["plan_measure_id"], unique=False
    )
    op.create_table(
        "rescored_assessment",
        sa.Column("id", Whole, nullable=False),
        sa.Column("household_id", text(64), nullable=False),
        sa.Column("as_of_date", Day(), nullable=False),
        sa.Column("model_version", text(80), nullable=False),
        sa.Column("village_code", text(12), nullable=False),
        sa.Column("body", Document(), nullable=False),
        sa.Column("written_at", Instant(), nullable=False),
        sa.Column("correction_id", text(32), nullable=False),
        sa.ForeignKeyConstraint(
            ["correction_id"], ["correction.id"], name=op.f("fk_rescored_assessment_correction_id_correction")
        ),
        sa.ForeignKeyConstraint(
            ["model_version"],
            ["model_release.version"],
            name=op.f("fk_rescored_assessment_model_version_model_release"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rescored_assessment")),
        sa.UniqueConstraint("correction_id", name=op.f("uq_rescored_assessment_correction_id")),
        sqlite_strict=True,
    )
    op.create_index(
        op.f("ix_rescored_assessment_household_id"), "rescored_assessment", ["household_id"], unique=False
    )
    op.create_index(
        op.f("ix_rescored_assessment_model_version"), "rescored_assessment", ["model_version"], unique=False
    )
