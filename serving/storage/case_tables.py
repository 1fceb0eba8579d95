"""The tables of leads, cases, visits, plans and worklists."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Table, UniqueConstraint

from serving.storage.columns import Day, Document, Instant, Real, Small, Whole, text
from serving.storage.tables import METADATA

case_file = Table(
    "case_file",
    METADATA,
    Column("id", text(32), primary_key=True),
    Column("household_id", text(64), nullable=False),
    Column("village_code", text(12), nullable=False),
    Column("state", text(12), nullable=False),
    # Counted up with every change: whoever changes a case says which one they saw.
    Column("version", Whole, nullable=False),
    # Whose way of working holds for it, and in the form of which day.
    Column("practice", text(40), nullable=False),
    Column("opened_on", Day, nullable=False),
    Column("entered_on", Day, nullable=False),
    # The level of the practice's grades, 1 the most urgent; and of its themes the first.
    Column("grade", Small, nullable=False),
    Column("theme", text(20), nullable=False),
    # One of its leads has to be looked at whatever the score says.
    Column("is_hard", Small, nullable=False),
    # Why rule and model disagree about it, where they do.
    Column("disagreement", text(40)),
    # Official codes of causes, up to five, the main one first.
    Column("causes", Document, nullable=False),
    Column("object_type", text(30)),
    Column("is_without_labour", Small, nullable=False),
    Column("is_green_lane", Small, nullable=False),
    Column("identified_on", Day),
    # The last day of the village notice, while there is one.
    Column("notice_ends_on", Day),
    Column("closed_on", Day),
    Column("closed_as", text(40)),
    Column("relapses", Small, nullable=False),
    # Who has to act next, until when (the earliest of its clocks that run).
    Column("owner", text(20), nullable=False),
    Column("due_on", Day),
    Column("last_visited_on", Day),
    Column("changed_at", Instant, nullable=False),
    Index(None, "household_id"),
    Index(None, "state", "due_on"),
    # What an area's cases are chosen and counted by, without reading the rows.
    Index("ix_case_file_area", "village_code", "state", "owner", "due_on", "theme", "grade", "id"),
    # The queue of those about which rules and model disagree.
    Index(None, "disagreement"),
    sqlite_strict=True,
)
"""One household's case, from its first lead on. At most one of a household in a village is open."""

Index(
    "uq_case_file_open",
    case_file.c.household_id,
    case_file.c.village_code,
    unique=True,
    sqlite_where=case_file.c.closed_on.is_(None),
    postgresql_where=case_file.c.closed_on.is_(None),
)

case_lead = Table(
    "case_lead",
    METADATA,
    Column("id", text(32), primary_key=True),
    Column("case_id", text(32), ForeignKey("case_file.id"), nullable=False),
    Column("household_id", text(64), nullable=False),
    Column("village_code", text(12), nullable=False),
    Column("channel", text(12), nullable=False),
    # A department's code, a model's version, the key or account that sent it.
    Column("source", text(120), nullable=False),
    Column("code", text(60), nullable=False),
    Column("theme", text(20), nullable=False),
    Column("occurred_on", Day, nullable=False),
    Column("known_on", Day, nullable=False),
    Column("received_at", Instant, nullable=False),
    Column("facts", Document, nullable=False),
    Column("is_hard", Small, nullable=False),
    # Reports of one event by several departments share one.
    Column("event_key", text(64), nullable=False),
    # The same lead sent twice is there once.
    Column("dedup_key", text(64), nullable=False),
    UniqueConstraint("dedup_key"),
    Index(None, "case_id"),
    Index(None, "household_id"),
    Index(None, "known_on", "id"),
    Index(None, "village_code", "theme", "known_on"),
    # What an area's leads are counted by, without reading the rows.
    Index("ix_case_lead_area", "village_code", "known_on", "channel", "theme", "event_key"),
    sqlite_strict=True,
)
"""The ledger of leads of all channels."""

case_move = Table(
    "case_move",
    METADATA,
    Column("case_id", text(32), ForeignKey("case_file.id"), primary_key=True),
    Column("seq", Whole, primary_key=True, autoincrement=False),
    Column("move", text(40), nullable=False),
    Column("from_state", text(12), nullable=False),
    Column("to_state", text(12), nullable=False),
    Column("at", Instant, nullable=False),
    Column("effective_on", Day, nullable=False),
    # The account that made it, and its role then.
    Column("actor", text(12), nullable=False),
    Column("role", text(20), nullable=False),
    Column("facts", Document, nullable=False),
    sqlite_strict=True,
)
"""What was done with a case, by whom."""

case_clock = Table(
    "case_clock",
    METADATA,
    Column("case_id", text(32), ForeignKey("case_file.id"), primary_key=True),
    Column("clock", text(40), primary_key=True),
    # Once again after a relapse.
    Column("round", Small, primary_key=True, autoincrement=False),
    Column("started_on", Day, nullable=False),
    Column("due_on", Day, nullable=False),
    Column("stopped_on", Day),
    Index(None, "stopped_on", "due_on"),
    sqlite_strict=True,
)
"""The deadlines of a case; a clock without `stopped_on` runs."""

visit = Table(
    "visit",
    METADATA,
    Column("id", text(32), primary_key=True),
    Column("case_id", text(32), ForeignKey("case_file.id")),
    Column("household_id", text(64), nullable=False),
    Column("village_code", text(12), nullable=False),
    # Given by whoever sends it, so that a visit kept offline and sent twice is there once.
    Column("submission_key", text(64), nullable=False),
    Column("visited_on", Day, nullable=False),
    Column("received_at", Instant, nullable=False),
    Column("visitor", text(12), nullable=False),
    Column("role", text(20), nullable=False),
    Column("is_random", Small, nullable=False),
    # The probability with which the household was drawn, of random visits.
    Column("chance", Real),
    # difficulty, no_difficulty, not_met: the words of training's table of visits.
    Column("finding", text(20), nullable=False),
    # The income-and-spending account, the guarantees, the answers to each reason, the causes found.
    Column("body", Document, nullable=False),
    UniqueConstraint("submission_key"),
    Index(None, "case_id"),
    Index(None, "household_id", "visited_on"),
    Index(None, "village_code", "visited_on"),
    sqlite_strict=True,
)
"""What was found at the door."""

correction = Table(
    "correction",
    METADATA,
    Column("id", text(32), primary_key=True),
    Column("visit_id", text(32), ForeignKey("visit.id"), nullable=False),
    Column("household_id", text(64), nullable=False),
    Column("village_code", text(12), nullable=False),
    Column("feed", text(30), nullable=False),
    # A row of the feed's contract as it should be, and which one it replaces, if any.
    Column("row", Document, nullable=False),
    Column("replaces", Document),
    Column("state", text(12), nullable=False),
    Column("proposed_at", Instant, nullable=False),
    Column("reviewed_at", Instant),
    Column("reviewer", text(12)),
    Column("why", text(20)),
    Index(None, "household_id"),
    Index(None, "state"),
    sqlite_strict=True,
)
"""Facts that a visit found to be otherwise: proposed, then approved or refused by another person."""

rescored_assessment = Table(
    "rescored_assessment",
    METADATA,
    Column("id", Whole, primary_key=True),
    Column("household_id", text(64), nullable=False),
    Column("as_of_date", Day, nullable=False),
    Column("model_version", text(80), ForeignKey("model_release.version"), nullable=False),
    Column("village_code", text(12), nullable=False),
    Column("body", Document, nullable=False),
    Column("written_at", Instant, nullable=False),
    # The last correction that it was made after.
    Column("correction_id", text(32), ForeignKey("correction.id"), nullable=False),
    UniqueConstraint("correction_id"),
    Index(None, "household_id"),
    Index(None, "model_version"),
    sqlite_strict=True,
)
"""Assessments made again after a correction, each beside the former ones. They belong to no run: lists and
summaries of a run stay what they were."""

plan_measure = Table(
    "plan_measure",
    METADATA,
    Column("id", text(32), primary_key=True),
    Column("case_id", text(32), ForeignKey("case_file.id"), nullable=False),
    Column("measure", text(40), nullable=False),
    Column("measure_group", text(30), nullable=False),
    # The cause that it answers, and the department whose it is (归口).
    Column("cause", text(20), nullable=False),
    Column("department", text(40), nullable=False),
    # One payment to the household or to each of so many persons.
    Column("amount_fen", Whole),
    Column("persons", Small, nullable=False),
    Column("starts_on", Day, nullable=False),
    Column("due_on", Day, nullable=False),
    Column("planned_at", Instant, nullable=False),
    Column("planner", text(12), nullable=False),
    Column("ended_on", Day),
    Index(None, "case_id"),
    Index(None, "department", "due_on"),
    sqlite_strict=True,
)
"""一户一策: the measures planned for a case."""

measure_delivery = Table(
    "measure_delivery",
    METADATA,
    Column("id", text(32), primary_key=True),
    Column("plan_measure_id", text(32), ForeignKey("plan_measure.id"), nullable=False),
    Column("submission_key", text(64), nullable=False),
    Column("delivered_on", Day, nullable=False),
    Column("amount_fen", Whole),
    Column("recorded_at", Instant, nullable=False),
    Column("recorder", text(12), nullable=False),
    UniqueConstraint("submission_key"),
    Index(None, "plan_measure_id"),
    sqlite_strict=True,
)
"""What really arrived at the household."""

worklist = Table(
    "worklist",
    METADATA,
    Column("id", text(32), primary_key=True),
    Column("area_code", text(12), nullable=False),
    Column("made_on", Day, nullable=False),
    Column("as_of_date", Day, nullable=False),
    Column("model_version", text(80), nullable=False),
    # The capacity that it was cut by, its rule for ties, the quota drawn by lot and its seed.
    Column("terms", Document, nullable=False),
    Column("made_at", Instant, nullable=False),
    UniqueConstraint("area_code", "made_on"),
    sqlite_strict=True,
)
"""One making of the lists of an area."""

worklist_entry = Table(
    "worklist_entry",
    METADATA,
    Column("worklist_id", text(32), ForeignKey("worklist.id"), primary_key=True),
    Column("household_id", text(64), primary_key=True),
    Column("village_code", text(12), primary_key=True),
    Column("grid", text(20), nullable=False),
    Column("place", Whole, nullable=False),
    # hard, score, unheard, random, added: why it is listed.
    Column("why", text(10), nullable=False),
    Column("score", Real),
    # As good as the first one that is not listed any more.
    Column("is_tied", Small, nullable=False),
    Column("chance", Real),
    Column("added_by", text(12)),
    # Why somebody added it by hand: a code of a fixed list.
    Column("reason", text(30)),
    Column("visit_id", text(32)),
    Index(None, "worklist_id", "village_code", "place"),
    # What an area's visits are counted by, without reading the rows.
    Index(None, "worklist_id", "village_code", "visit_id", "why", "score"),
    sqlite_strict=True,
)
"""Whom a village is to visit, in order."""

household_grid = Table(
    "household_grid",
    METADATA,
    Column("household_id", text(64), primary_key=True),
    Column("village_code", text(12), primary_key=True),
    Column("grid", text(20), nullable=False),
    sqlite_strict=True,
)
"""Which grid (网格) of its village a household lies in, where the village has any."""
