"""What the audit log's entries tell of, and how it ended."""

from __future__ import annotations

from enum import StrEnum


class Action(StrEnum):
    """What an entry tells of."""

    HOUSEHOLD_READ = "household_read"
    HOUSEHOLD_LISTED = "household_listed"
    HOUSEHOLD_SCORED = "household_scored"
    HOUSEHOLD_SENT = "household_sent"
    LIST_EXPORTED = "list_exported"
    RESULT_READ = "result_read"
    VISIT_RECORDED = "visit_recorded"
    CORRECTION_REVIEWED = "correction_reviewed"
    PLAN_CHANGED = "plan_changed"
    HELP_DELIVERED = "help_delivered"
    OUTCOMES_EXPORTED = "outcomes_exported"
    KEY_ADDED = "key_added"
    KEY_REVOKED = "key_revoked"
    SIGNED_IN = "signed_in"
    SIGN_IN_FAILED = "sign_in_failed"
    LOCKED_OUT = "locked_out"
    SIGNED_OUT = "signed_out"
    PASSWORD_CHANGED = "password_changed"  # noqa: S105 (the name of an action)
    SECOND_FACTOR_SET = "second_factor_set"
    ACCOUNT_ADDED = "account_added"
    ACCOUNT_LOCKED = "account_locked"
    ACCOUNT_UNLOCKED = "account_unlocked"
    ACCOUNT_RESET = "account_reset"
    ACCOUNT_CHANGED = "account_changed"
    ACCOUNT_REMOVED = "account_removed"
    AUDIT_SEARCHED = "audit_searched"
    IDENTITY_WRITTEN = "identity_written"
    IDENTITY_READ = "identity_read"
    IDENTITY_LOOKED_UP = "identity_looked_up"
    IDENTITY_REVEALED = "identity_revealed"
    IDENTITY_ERASED = "identity_erased"
    LOG_PRUNED = "log_pruned"
    WEBHOOK_ADDED = "webhook_added"
    WEBHOOK_ENDED = "webhook_ended"
    MODEL_ADMITTED = "model_admitted"
    MODEL_CHANGED = "model_changed"
    RESTORED = "restored"
    LEAD_ADDED = "lead_added"
    WORKLIST_MADE = "worklist_made"
    WORKLIST_ADDED = "worklist_added"
    GRID_CHANGED = "grid_changed"
    CASE_MOVED = "case_moved"
    CASE_HELPED_FIRST = "case_helped_first"
    CASE_IDENTIFIED = "case_identified"
    CASE_EXCLUDED = "case_excluded"
    CASE_RESOLVED = "case_resolved"
    CASE_RELAPSED = "case_relapsed"
    CASE_NOTICE_MADE = "case_notice_made"


class Outcome(StrEnum):
    """Whether there was anything to see."""

    SHOWN = "shown"
    NOT_FOUND = "not_found"
    DONE = "done"
    REFUSED = "refused"
