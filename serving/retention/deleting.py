"""What is deleted, when, and by which policy; a dry run does the same in transactions that are undone."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, func, select

from features.errors import PolicyError
from features.policy import policy_value
from serving.access import Caller
from serving.bulk import JobFolders
from serving.errors import RetentionError
from serving.retention.casework import delete_closed_cases, delete_visits, delete_worklists
from serving.storage import AuditLog
from serving.storage.case_tables import case_file, rescored_assessment, visit, worklist
from serving.storage.database import WRITES
from serving.storage.tables import assessment, audit_entry, idempotency_key, job, unheard_household

PARAMETER, FLOOR = "retention_days", "log_retention_floor_days"
AUDIT_LOG = "audit_log"
ASSESSMENTS = "assessments"
JOB_FILES = "job_files"
IDEMPOTENCY_KEYS = "idempotency_keys"
CASES, VISITS, WORKLISTS = "cases", "visits", "worklists"
SUBJECTS = (AUDIT_LOG, ASSESSMENTS, JOB_FILES, IDEMPOTENCY_KEYS, CASES, VISITS, WORKLISTS)
"""Cases go before visits: a visit of a case that is kept is kept with it."""
_STATEMENTS = (assessment, rescored_assessment, unheard_household)
"""What runs said of households, that nothing was known of them too."""


@dataclass(frozen=True)
class Rule:
    """For how many days one kind of thing is kept, and where that is said."""

    subject: str
    days: int
    source: str
    is_assumption: bool

    def before(self, now: dt.datetime) -> dt.datetime:
        """What is from before this moment is deleted."""
        return now - dt.timedelta(days=self.days)


@dataclass(frozen=True)
class Kept:
    """What a rule came to: how many were (or would be) deleted, how many are left, and the oldest of them."""

    rule: Rule
    deleted: int
    left: int
    oldest: dt.datetime | dt.date | None

    def as_json(self) -> dict[str, Any]:
        """The same as one flat JSON object."""
        return {
            **vars(self.rule), "deleted": self.deleted, "left": self.left,
            "oldest": self.oldest.isoformat() if self.oldest else None,
        }  # fmt: skip


def rules_of(region: str, on: dt.date, audit_log_days: int | None = None) -> tuple[Rule, ...]:
    """The rules in force in a policy region; `audit_log_days` takes the place of the policy's for the log.

    Raises `RetentionError` where the log would be kept for less than the law asks, or the policy lacks a
    subject, and `PolicyError` where nothing is in force.
    """
    value, floor = policy_value(PARAMETER, region, on), policy_value(FLOOR, region, on)
    days = dict(value.value)
    if set(days) != set(SUBJECTS) or not all(isinstance(one, int) and one >= 1 for one in days.values()):
        raise PolicyError(
            f"policy/{PARAMETER}.yaml, {region}: give whole days from 1 on for {', '.join(SUBJECTS)}"
        )
    if audit_log_days is not None:
        days[AUDIT_LOG] = audit_log_days
    if days[AUDIT_LOG] < floor.value:
        raise RetentionError(
            f"logs are kept for {floor.value} days at least ({floor.source}), and not {days[AUDIT_LOG]}: "
            "give more days"
        )
    return tuple(Rule(one, days[one], value.source, value.is_assumption) for one in SUBJECTS)


def delete_old(
    audit: AuditLog, folders: JobFolders, rules: tuple[Rule, ...], caller: Caller, *, is_dry: bool
) -> list[Kept]:
    """Delete what is older than its rule, each kind in a transaction of its own; a dry run undoes them.

    Raises `AccessError` where the log has faults: it is left whole.
    """
    by_subject = {one.subject: one for one in rules}
    now = audit.now()
    made = []
    for subject in SUBJECTS:
        rule = by_subject[subject]
        gone: list[str] = []
        with _transaction(audit, is_dry) as connection:
            before = rule.before(now)
            match subject:
                case "audit_log":
                    deleted = audit.prune(connection, caller, before)
                    left, oldest = _left(connection, audit_entry.c.at)
                case "assessments":
                    days = [one.c.as_of_date for one in _STATEMENTS]
                    deleted = sum(_delete(connection, one, before.date()) for one in days)
                    left, oldest = _left(connection, *days)
                case "job_files":
                    old = select(job.c.id).where(job.c.finished_at < before)
                    gone = list(connection.execute(old).scalars())
                    deleted = _delete(connection, job.c.finished_at, before)
                    left, oldest = _left(connection, job.c.finished_at)
                case "cases":
                    deleted = delete_closed_cases(connection, before.date())
                    left, oldest = _left(connection, case_file.c.opened_on)
                case "visits":
                    deleted = delete_visits(connection, before.date())
                    left, oldest = _left(connection, visit.c.visited_on)
                case "worklists":
                    deleted = delete_worklists(connection, before.date())
                    left, oldest = _left(connection, worklist.c.made_on)
                case _:
                    deleted = _delete(
                        connection, idempotency_key.c.created_at, before, idempotency_key.c.held_until < now
                    )
                    left, oldest = _left(connection, idempotency_key.c.created_at)
        if not is_dry:
            # After the rows: a folder without its job is found by the sweep, a job without its folder by
            # nobody.
            for one in gone:
                folders.remove(folders.of(one))
        made.append(Kept(rule, deleted, left, oldest))
    return made


@contextmanager
def _transaction(audit: AuditLog, is_dry: bool) -> Iterator[Connection]:
    with audit.engine.execution_options(**WRITES).connect() as connection, connection.begin() as transaction:
        yield connection
        if is_dry:
            transaction.rollback()


def _delete(connection: Connection, column: Any, before: Any, *more: Any) -> int:
    return connection.execute(delete(column.table).where(column < before, *more)).rowcount


def _left(connection: Connection, *columns: Any) -> tuple[int, Any]:
    """How many rows the tables of the columns have, and the least value of all."""
    found = [
        connection.execute(select(func.count(), func.min(one)).select_from(one.table)).one()
        for one in columns
    ]
    least = [one for _, one in found if one is not None]
    return sum(count for count, _ in found), min(least, default=None)
