"""The queue: one table that any number of workers claim from, on SQLite and PostgreSQL alike.

A claim is a lease. A worker that dies lets it run out, and the job is claimed anew and goes on from its last
checkpoint. Whatever a worker writes for a job, it writes in a transaction that first makes sure of the lease
(`step`, `finish`), so that one that was thought dead and comes back changes nothing.
Moments are of the workers' clocks, which have to agree to within a few seconds.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, and_, case, delete, func, or_, select, update

from serving.access import EVERYWHERE, Scope
from serving.jobs.job import (
    DEADLINE_PASSED,
    OPEN,
    WORKERS_DIED,
    Job,
    JobState,
    LeaseLost,
    QueueFull,
    ShareFull,
)
from serving.storage.database import WRITES, lock_for_all
from serving.storage.tables import job as table

LEASE_SECONDS = 60.0
MOST_FAILURES = 3
"""How many leases in a row may run out without a checkpoint between them before the job is given up."""
_LOCK = 2


def utc_now() -> dt.datetime:
    """The moment now."""
    return dt.datetime.now(dt.UTC)


class JobQueue:
    """The jobs of one database.

    `most_open` bounds how many may wait or run at once, `most_per_sender` how many of them one key has sent.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        most_open: int = 20,
        most_per_sender: int = 10,
        lease_seconds: float = LEASE_SECONDS,
        most_failures: int = MOST_FAILURES,
        now: Callable[[], dt.datetime] = utc_now,
    ) -> None:
        self.engine = engine
        self.writer = engine.execution_options(**WRITES)
        self.most_open = most_open
        self.most_per_sender = most_per_sender
        self.most_failures = most_failures
        self.lease = dt.timedelta(seconds=lease_seconds)
        self.now = now

    def check_room(self, sent_by: Mapping[str, str] | None = None) -> None:
        """Raise `ShareFull` or `QueueFull` where another job would be refused now."""
        with self.engine.connect() as connection:
            self._check_room(connection, sent_by)

    def enqueue(
        self,
        connection: Connection,
        purpose: str,
        spec: dict[str, Any],
        deadline: dt.timedelta,
        *,
        job_id: str | None = None,
        dedup_key: str | None = None,
        area_code: str = "",
        sent_by: Mapping[str, str] | None = None,
    ) -> Job:
        """Add a job in the caller's own transaction: it is there when that is committed.

        `area_code` is the area that it may touch and whose callers may see it; empty: everywhere. `sent_by`
        says whose it is: at least a `key_id`; of one key at most `most_per_sender` are open. It stands in the
        job's spec.

        An open job with the same `dedup_key` is answered instead. Raises `ShareFull` and `QueueFull`.
        """
        lock_for_all(connection, _LOCK)
        if dedup_key is not None:
            # The key is made by who enqueues; it has to hold the area where jobs of several may be alike.
            query = select(table).where(table.c.dedup_key == dedup_key, table.c.finished_at.is_(None))
            if former := self._all(connection, query):
                return former[0]
        self._check_room(connection, sent_by)
        now = self.now()
        values = {
            "id": job_id or uuid.uuid4().hex,
            "purpose": purpose,
            "state": JobState.QUEUED,
            "dedup_key": dedup_key,
            "spec": spec if sent_by is None else {**spec, "sent_by": dict(sent_by)},
            "checkpoint": {},
            "progress": {},
            "failures": 0,
            "created_at": now,
            "deadline_at": now + deadline,
            "area_code": area_code,
        }
        return self._all(connection, table.insert().values(values).returning(table))[0]

    def claim(self, worker: str) -> Job | None:
        """The oldest job that waits, or whose worker let its lease run out; now leased by this worker."""
        now = self.now()
        with self.engine.connect() as connection:
            # Most times there is nothing, and nobody needs to wait for that.
            if connection.execute(select(table.c.id).where(_free(now)).limit(1)).first() is None:
                return None
        chosen = (
            select(table.c.id)
            .where(_free(now))
            .order_by(table.c.created_at, table.c.id)
            .limit(1)
            .with_for_update(skip_locked=True)
            .scalar_subquery()
        )
        taken = (
            update(table)
            .where(table.c.id == chosen)
            .values(
                failures=case(
                    (table.c.state == JobState.RUNNING, table.c.failures + 1), else_=table.c.failures
                ),
                state=JobState.RUNNING,
                leased_by=worker,
                leased_until=now + self.lease,
                started_at=func.coalesce(table.c.started_at, now, type_=table.c.started_at.type),
            )
            .returning(table)
        )
        with self.writer.begin() as connection:
            self._settle(connection, now)
            found = self._all(connection, taken)
        return found[0] if found else None

    def renew(self, job_id: str, worker: str, progress: dict[str, Any]) -> Job:
        """Keep the lease and tell the progress; raises `LeaseLost` where it is no longer this worker's."""
        with self.writer.begin() as connection:
            return self._hold(connection, job_id, worker, progress=progress)

    def step(
        self, connection: Connection, job_id: str, worker: str, checkpoint: dict[str, Any] | None = None
    ) -> Job:
        """Make sure of the lease within a transaction that writes for the job, and note its checkpoint."""
        changes = {} if checkpoint is None else {"checkpoint": checkpoint, "failures": 0}
        return self._hold(connection, job_id, worker, **changes)

    def finish(
        self, connection: Connection, job_id: str, worker: str, state: JobState, outcome: dict[str, Any]
    ) -> Job:
        """End the job in the transaction that writes what it came to."""
        return self._hold(
            connection, job_id, worker, state=state, outcome=outcome, finished_at=self.now(),
            leased_by=None, leased_until=None,
        )  # fmt: skip

    def release(self, job_id: str, worker: str) -> None:
        """Put a job back that this worker does not go on with."""
        with self.writer.begin() as connection:
            self._hold(connection, job_id, worker, state=JobState.QUEUED, leased_by=None, leased_until=None)

    def cancel(self, job_id: str) -> Job | None:
        """End a job that waits, and ask the worker of one that runs to end it; `None` where there is none.

        A job that is finished stays as it is.
        """
        now = self.now()
        with self.writer.begin() as connection:
            # Held first: a worker that puts it back between the two would hide it from both.
            connection.execute(select(table.c.id).where(table.c.id == job_id).with_for_update())
            waiting = update(table).where(table.c.id == job_id, table.c.state == JobState.QUEUED)
            connection.execute(
                waiting.values(state=JobState.CANCELLED, cancelled_at=now, finished_at=now, outcome={})
            )
            running = update(table).where(
                table.c.id == job_id, table.c.state == JobState.RUNNING, table.c.cancelled_at.is_(None)
            )
            connection.execute(running.values(cancelled_at=now))
            found = self._all(connection, select(table).where(table.c.id == job_id))
        return found[0] if found else None

    def find(self, job_id: str, within: Scope = EVERYWHERE) -> Job | None:
        """The job, if there is one of an area that lies within; workers look everywhere."""
        query = select(table).where(table.c.id == job_id, within.condition(table.c.area_code))
        with self.engine.connect() as connection:
            found = self._all(connection, query)
        return found[0] if found else None

    def forget(self, before: dt.datetime) -> None:
        """Delete the jobs that were finished before a moment."""
        with self.writer.begin() as connection:
            connection.execute(delete(table).where(table.c.finished_at < before))

    def settle(self) -> None:
        """End jobs whose deadline passed or whose end was asked for, also while none is claimed."""
        with self.writer.begin() as connection:
            self._settle(connection, self.now())

    def all_open(self) -> dict[str, bool]:
        """The jobs there are, and whether something is still to be done for each."""
        with self.engine.connect() as connection:
            rows = connection.execute(select(table.c.id, table.c.state)).all()
        return {one.id: one.state in OPEN for one in rows}

    def _check_room(self, connection: Connection, sent_by: Mapping[str, str] | None) -> None:
        is_open = table.c.state.in_(OPEN)
        if connection.execute(select(func.count()).where(is_open)).scalar_one() >= self.most_open:
            raise QueueFull(f"{self.most_open} jobs are open, which is as many as the queue takes")
        if sent_by is not None:
            specs = connection.execute(select(table.c.spec).where(is_open)).scalars()
            senders = [spec.get("sent_by", {}).get("key_id") for spec in specs]
            if senders.count(sent_by["key_id"]) >= self.most_per_sender:
                raise ShareFull(f"{self.most_per_sender} jobs of the sender are open, and one has no more")

    def _hold(self, connection: Connection, job_id: str, worker: str, **changes: Any) -> Job:
        held = and_(table.c.id == job_id, table.c.leased_by == worker, table.c.state == JobState.RUNNING)
        values = {"leased_until": self.now() + self.lease, **changes}
        found = self._all(connection, update(table).where(held).values(values).returning(table))
        if not found:
            raise LeaseLost
        return found[0]

    def _settle(self, connection: Connection, now: dt.datetime) -> None:
        """End what no worker has to look at any more."""
        for condition, state, outcome in (
            (table.c.cancelled_at.is_not(None), JobState.CANCELLED, {}),
            (table.c.deadline_at <= now, JobState.FAILED, DEADLINE_PASSED),
            (
                and_(table.c.state == JobState.RUNNING, table.c.failures >= self.most_failures - 1),
                JobState.FAILED,
                WORKERS_DIED,
            ),
        ):
            connection.execute(
                update(table)
                .where(_free(now), condition)
                .values(state=state, outcome=outcome, finished_at=now, leased_by=None, leased_until=None)
            )

    def _all(self, connection: Connection, statement: Any) -> Sequence[Job]:
        rows = connection.execute(statement).mappings().all()
        return [Job(**{**row, "state": JobState(row["state"])}) for row in rows]


def _free(now: dt.datetime) -> ColumnElement[bool]:
    return or_(
        table.c.state == JobState.QUEUED,
        and_(table.c.state == JobState.RUNNING, table.c.leased_until <= now),
    )
