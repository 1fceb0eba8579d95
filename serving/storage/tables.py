"""The tables. Assessments hold what was said; what the household's signals were stays with the signals."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, MetaData, Table, UniqueConstraint

from serving.storage.columns import Day, Document, Instant, Octets, Real, Small, Whole, text

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
    # A run's pages are chosen and counted from these alone: a row is its whole answer, and long. By score
    # for a wide area; by village for a village's own order, and a county's pages and candidates; by action
    # to count one.
    Index(
        "ix_assessment_run_score",
        "as_of_date", "model_version", "score", "household_id", "village_code", "suggested_action",
    ),
    Index(
        "ix_assessment_run_village",
        "as_of_date", "model_version", "village_code", "score", "household_id", "suggested_action",
    ),
    Index("ix_assessment_run_action", "as_of_date", "model_version", "suggested_action", "village_code"),
    Index(None, "model_version"),
    sqlite_strict=True,
)  # fmt: skip
"""One answer about one household on one date by one model; `body` is what the API says."""

unheard_household = Table(
    "unheard_household",
    METADATA,
    Column("household_id", text(64), primary_key=True),
    Column("as_of_date", Day, primary_key=True),
    Column("model_version", text(80), ForeignKey("model_release.version"), primary_key=True),
    Column("village_code", text(12), primary_key=True),
    # By how silent they are: missing_feeds, stale_feeds, partial_feeds.
    Column("feeds", Document, nullable=False),
    Column("written_at", Instant, nullable=False),
    # With the moment behind it: when a run last said something is asked on every page.
    Index(None, "as_of_date", "model_version", "village_code", "household_id", "written_at"),
    sqlite_strict=True,
)
"""Households of a run of which no department told anything: they have no assessment, and are no low risk."""

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

account = Table(
    "account",
    METADATA,
    Column("id", text(12), primary_key=True),
    Column("login_name", text(40), nullable=False),
    Column("password_hash", text(200), nullable=False),
    Column("password_set_at", Instant, nullable=False),
    # 1: the password was handed over by an administrator, and is to be changed.
    Column("is_start_password", Small, nullable=False),
    Column("role", text(20), nullable=False),
    # Nothing: the role sees no household.
    Column("area_code", text(12)),
    Column("state", text(10), nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    # Since the last sign-in.
    Column("failures", Small, nullable=False),
    Column("locked_until", Instant),
    # Which kind, its sealed secret, and the last step of it that was used.
    Column("second_factor", text(20)),
    Column("second_factor_secret", text(200)),
    Column("second_factor_step", Whole, nullable=False),
    UniqueConstraint("login_name"),
    sqlite_strict=True,
)
"""People who sign in. A password is kept as its argon2 hash."""

session = Table(
    "session",
    METADATA,
    Column("token_sha256", text(64), primary_key=True),
    Column("account_id", text(12), ForeignKey("account.id"), nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("seen_at", Instant, nullable=False),
    Column("ended_at", Instant),
    Index(None, "account_id"),
    Index(None, "created_at"),
    sqlite_strict=True,
)
"""Who is signed in. The token itself is in its browser's cookie and nowhere else."""

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
    # Why it was asked for, where that is asked; empty elsewhere.
    Column("purpose", text(20), nullable=False, server_default=""),
    Index(None, "subject"),
    Index(None, "key_id", "action", "at"),
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
"""The last entry of the log, sealed with the audit key; and the last that was pruned, if any was."""

identity = Table(
    "identity",
    METADATA,
    Column("household_id", text(64), primary_key=True),
    Column("village_code", text(12), primary_key=True),
    # `head`, or the key of a member.
    Column("person_id", text(64), primary_key=True),
    Column("kind", text(10), primary_key=True),
    Column("ciphertext", Octets, nullable=False),
    Column("nonce", Octets, nullable=False),
    # Of the household's own key, which lies in another database.
    Column("key_id", text(32), nullable=False),
    # Of the key ring, for that key and for `lookup`.
    Column("key_version", Small, nullable=False),
    Column("lookup", text(64)),
    Column("written_at", Instant, nullable=False),
    Index(None, "lookup"),
    Index(None, "key_version"),
    sqlite_strict=True,
)
"""What a household is called, numbered, phoned and found under: encrypted, one value a row."""

run_health = Table(
    "run_health",
    METADATA,
    Column("as_of_date", Day, primary_key=True),
    Column("model_version", text(80), primary_key=True),
    Column("area_code", text(12), primary_key=True),
    Column("verdicts", Document, nullable=False),
    sqlite_strict=True,
)
"""What a run did not believe: in areas with a blocked feed, all verdicts on that feed; for replays."""

area_summary = Table(
    "area_summary",
    METADATA,
    Column("area_code", text(12), primary_key=True),
    Column("as_of_date", Day, primary_key=True),
    Column("model_version", text(80), primary_key=True),
    Column("counts", Document, nullable=False),
    # Counted up with every change, so that a reader knows whether what it worked out still holds.
    Column("revision", Whole, nullable=False),
    Index(None, "as_of_date", "model_version"),
    sqlite_strict=True,
)
"""The assessments counted by area, at every level; changed with them in one transaction."""

webhook = Table(
    "webhook",
    METADATA,
    Column("id", text(32), primary_key=True),
    Column("key_id", text(12), ForeignKey("api_key.id"), nullable=False),
    # Empty: everywhere.
    Column("area_code", text(12), nullable=False),
    Column("url", text(2000), nullable=False),
    Column("sealed_secret", text(200), nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("ended_at", Instant),
    Column("ended_because", text(10)),
    sqlite_strict=True,
)
"""Where alerts of an area are sent, on behalf of a key."""

webhook_delivery = Table(
    "webhook_delivery",
    METADATA,
    Column("webhook_id", text(32), ForeignKey("webhook.id"), primary_key=True),
    Column("event_id", text(40), primary_key=True),
    Column("state", text(10), nullable=False),
    Column("event", Document, nullable=False),
    Column("attempts", Small, nullable=False),
    Column("due_at", Instant, nullable=False),
    Column("last_outcome", text(40)),
    Column("created_at", Instant, nullable=False),
    Column("ended_at", Instant),
    Index(None, "state", "due_at"),
    sqlite_strict=True,
)
"""The outbox: an event for each webhook that it concerns, written with the assessment that it tells of.
`due_at` is when it may be sent next; while it is being sent, when it may be taken for lost."""
