"""The queue, on both databases: every job once, in order, whatever becomes of its workers."""

from __future__ import annotations

import datetime as dt
import errno
import threading
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from sqlalchemy import Column, Integer, Table, event, insert, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from serving.jobs import Job, JobQueue, JobState, QueueFull, ShareFull
from serving.jobs import job as jobs
from serving.jobs.job import MOVES, JobEnded, LeaseLost, WorkerStops, refusal
from serving.jobs.lease import Lease
from serving.jobs.worker import Worker
from serving.storage import open_database
from serving.storage.tables import METADATA
from serving.storage.tables import job as table

HOUR = dt.timedelta(hours=1)


class Clock:
    def __init__(self) -> None:
        self.moment = dt.datetime(2026, 11, 1, tzinfo=dt.UTC)

    def __call__(self) -> dt.datetime:
        return self.moment

    def go(self, seconds: float) -> None:
        self.moment += dt.timedelta(seconds=seconds)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def queue(database_url: str, clock: Clock) -> Iterator[JobQueue]:
    made = JobQueue(open_database(database_url), most_open=5, lease_seconds=30, now=clock)
    yield made
    made.engine.dispose()


def add(queue: JobQueue, **more: Any) -> Job:
    with queue.writer.begin() as connection:
        return queue.enqueue(connection, "score", {"n": 1}, HOUR, **more)


def get(queue: JobQueue, job: Job) -> Job:
    found = queue.find(job.id)
    assert found is not None
    return found


def test_jobs_are_claimed_once_and_in_order(queue: JobQueue, clock: Clock) -> None:
    made = []
    for _ in range(3):
        made.append(add(queue))
        clock.go(1)
    claimed = [queue.claim(f"w{n}") for n in range(4)]
    assert [one and one.id for one in claimed] == [*(one.id for one in made), None]
    first = claimed[0]
    assert first is not None
    assert (first.state, first.leased_by, first.failures) == (JobState.RUNNING, "w0", 0)
    assert first.leased_until == clock() + dt.timedelta(seconds=30)


def test_claims_at_once_never_share_a_job(database_url: str) -> None:
    queue = JobQueue(open_database(database_url), most_open=60)
    made = {add(queue).id for _ in range(60)}
    claimed: list[str] = []

    def work(name: str) -> None:
        while (job := queue.claim(name)) is not None:
            claimed.append(job.id)
            with queue.writer.begin() as connection:
                queue.finish(connection, job.id, name, JobState.SUCCEEDED, {})

    threads = [threading.Thread(target=work, args=(f"w{n}",)) for n in range(6)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert sorted(claimed) == sorted(made)
    queue.engine.dispose()


def test_a_job_is_there_when_its_callers_transaction_is(queue: JobQueue) -> None:
    connection = queue.writer.connect()
    queue.enqueue(connection, "score", {}, HOUR)
    connection.close()
    assert queue.claim("w") is None


def test_the_queue_is_bounded(queue: JobQueue) -> None:
    jobs = [add(queue) for _ in range(5)]
    with pytest.raises(QueueFull):
        add(queue)
    with pytest.raises(QueueFull):
        queue.check_room()
    queue.cancel(jobs[0].id)
    queue.check_room()
    add(queue)


def test_one_sender_leaves_room_for_the_others(database_url: str) -> None:
    queue = JobQueue(open_database(database_url), most_open=5, most_per_sender=3)
    one, other = ({"key_id": key, "role": "platform"} for key in ("one", "other"))
    jobs = [add(queue, sent_by=one) for _ in range(3)]
    assert [job.spec for job in jobs] == [{"n": 1, "sent_by": one}] * 3
    with pytest.raises(ShareFull):
        add(queue, sent_by=one)
    with pytest.raises(ShareFull):
        queue.check_room(one)
    queue.check_room(other)
    add(queue, sent_by=other)
    # Who is told of no sender has no share, and the whole is bounded all the same.
    nobodys = add(queue)
    with pytest.raises(QueueFull):
        add(queue, sent_by=other)
    queue.cancel(nobodys.id)
    # What runs counts, what has ended does not.
    assert queue.claim("w") is not None
    with pytest.raises(ShareFull):
        queue.check_room(one)
    with queue.writer.begin() as connection:
        queue.finish(connection, jobs[0].id, "w", JobState.SUCCEEDED, {})
    queue.check_room(one)
    queue.engine.dispose()


def test_senders_at_once_get_no_more_than_their_shares(database_url: str) -> None:
    queue = JobQueue(open_database(database_url), most_open=20, most_per_sender=4)
    refused: list[str] = []

    def send(key: str) -> None:
        for _ in range(4):
            try:
                add(queue, sent_by={"key_id": key})
            except ShareFull:
                refused.append(key)

    threads = [threading.Thread(target=send, args=(key,)) for key in "abab"]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert sorted(refused) == ["a"] * 4 + ["b"] * 4
    assert len(queue.all_open()) == 8
    queue.engine.dispose()


def test_an_open_job_is_not_doubled(queue: JobQueue) -> None:
    job = add(queue, dedup_key="k")
    assert add(queue, dedup_key="k") == job
    assert add(queue, dedup_key="other").id != job.id
    queue.cancel(job.id)
    assert add(queue, dedup_key="k").id != job.id
    with pytest.raises(IntegrityError), queue.writer.begin() as connection:
        connection.execute(text("UPDATE job SET dedup_key = 'k' WHERE finished_at IS NULL"))


def test_a_lease_that_ran_out_is_claimed_anew_from_its_checkpoint(queue: JobQueue, clock: Clock) -> None:
    add(queue)
    job = queue.claim("w1")
    assert job is not None
    with queue.writer.begin() as connection:
        queue.step(connection, job.id, "w1", {"chunks": 3})
    clock.go(29)
    assert queue.claim("w2") is None
    queue.renew(job.id, "w1", {"step": "scores"})
    clock.go(29)
    assert queue.claim("w2") is None
    clock.go(2)
    again = queue.claim("w2")
    assert again is not None
    assert (again.id, again.checkpoint, again.progress) == (job.id, {"chunks": 3}, {"step": "scores"})
    # The first worker comes back from a long pause, and may write nothing.
    with pytest.raises(LeaseLost), queue.writer.begin() as connection:
        queue.step(connection, job.id, "w1", {"chunks": 4})
    with pytest.raises(LeaseLost), queue.writer.begin() as connection:
        queue.finish(connection, job.id, "w1", JobState.SUCCEEDED, {})
    with pytest.raises(LeaseLost):
        queue.renew(job.id, "w1", {})
    with pytest.raises(LeaseLost):
        queue.release(job.id, "w1")
    assert get(queue, job).checkpoint == {"chunks": 3}


def test_a_job_that_kills_its_workers_is_given_up(queue: JobQueue, clock: Clock) -> None:
    job = add(queue)
    for n in range(3):
        assert queue.claim(f"w{n}") is not None
        clock.go(31)
    assert queue.claim("w3") is None
    found = get(queue, job)
    assert found.state is JobState.FAILED
    assert found.outcome is not None
    assert found.outcome["failure"]["code"] == "workers_died"


def test_a_job_that_gets_on_is_not_given_up(queue: JobQueue, clock: Clock) -> None:
    add(queue)
    for n in range(10):
        job = queue.claim(f"w{n}")
        assert job is not None
        with queue.writer.begin() as connection:
            queue.step(connection, job.id, f"w{n}", {"chunks": n})
        clock.go(31)


def test_a_deadline_ends_what_waits_and_what_was_left(queue: JobQueue, clock: Clock) -> None:
    waiting, running = add(queue), add(queue)
    taken = queue.claim("w")
    assert taken is not None
    clock.go(3601)
    assert queue.claim("w2") is None
    for job in (waiting, running):
        found = get(queue, job)
        assert found.outcome is not None
        assert (found.state, found.outcome["failure"]["code"]) == (JobState.FAILED, "deadline_passed")
        assert found.finished_at == clock()


def test_cancelling(queue: JobQueue, clock: Clock) -> None:
    waiting = add(queue)
    ended = queue.cancel(waiting.id)
    assert ended is not None
    assert (ended.state, ended.finished_at) == (JobState.CANCELLED, clock())
    running = add(queue)
    assert queue.claim("w") is not None
    asked = queue.cancel(running.id)
    assert asked is not None
    assert (asked.state, asked.cancelled_at) == (JobState.RUNNING, clock())
    # Its worker died before it could hear of it.
    clock.go(31)
    assert queue.claim("w2") is None
    assert get(queue, running).state is JobState.CANCELLED
    assert queue.cancel("0" * 32) is None


def test_a_cancel_that_meets_a_worker_that_stops_is_not_lost(queue: JobQueue, clock: Clock) -> None:
    job = add(queue)
    assert queue.claim("w") is not None
    putting_back = threading.Thread(target=queue.release, args=(job.id, "w"))

    def stop(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        # As soon as those that wait were looked at.
        if statement.startswith("UPDATE") and putting_back.ident is None:
            putting_back.start()
            putting_back.join(0.5)

    event.listen(queue.engine, "after_cursor_execute", stop)
    queue.cancel(job.id)
    putting_back.join()
    assert queue.claim("w2") is None
    assert get(queue, job).state is JobState.CANCELLED


def test_deadlines_pass_while_nobody_claims(queue: JobQueue, clock: Clock) -> None:
    late = add(queue)
    clock.go(1)
    early = add(queue)
    clock.go(3_599)
    queue.settle()
    assert (get(queue, late).state, get(queue, early).state) == (JobState.FAILED, JobState.QUEUED)


def test_what_a_worker_writes_is_there_with_its_checkpoint_or_not_at_all(queue: JobQueue) -> None:
    add(queue)
    job = queue.claim("w")
    assert job is not None
    lease = Lease(queue, job, "w", threading.Event(), lambda: None)
    with pytest.raises(DBAPIError), lease.step({"chunks": 1}) as connection:
        connection.execute(text("DELETE FROM no_such_table"))
    assert get(queue, job).checkpoint == {}
    queue.cancel(job.id)
    with pytest.raises(JobEnded) as ended, lease.end({"counts": {}}):
        pass
    assert ended.value.state is JobState.CANCELLED
    assert get(queue, job).state is JobState.RUNNING


def test_what_ends_a_job_is_told(queue: JobQueue, clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    def refuse(lease: Lease) -> None:
        raise refusal("rows_refused", "d", "w", counts={"rows_in": 3})

    def fail(lease: Lease) -> None:
        raise ValueError("CANARY 510101199001011234")

    def succeed(lease: Lease) -> None:
        with lease.end({"counts": {"rows_in": 1}}):
            pass

    def stop(lease: Lease) -> None:
        worker.stops.set()
        lease.tell("scores", 1, 2)

    ended: list[str] = []
    outcomes = []
    for runner in (refuse, fail, succeed, stop):
        job = add(queue)
        worker = Worker(queue, {"score": runner}, ended=lambda one: ended.append(one.id))
        assert worker.run_one()
        found = get(queue, job)
        outcomes.append((found.state.value, (found.outcome or {}).get("failure", {}).get("code")))
        clock.go(1)
    assert outcomes == [
        ("failed", "rows_refused"), ("failed", "internal_error"), ("succeeded", None), ("queued", None)
    ]  # fmt: skip
    assert len(ended) == 3
    assert "CANARY" not in caplog.text


def test_every_move_that_is_made_is_in_the_table(queue: JobQueue) -> None:
    assert set(MOVES) == set(JobState)
    assert {one for one in JobState if one.is_open} == {JobState.QUEUED, JobState.RUNNING}
    assert all(jobs.MOVES[one] == {} for one in JobState if not one.is_open)


def test_forgetting(queue: JobQueue, clock: Clock) -> None:
    old, new = add(queue), add(queue)
    queue.cancel(old.id)
    clock.go(100)
    queue.forget(clock() - dt.timedelta(seconds=50))
    assert queue.all_open() == {new.id: True}


def test_eighty_steps_of_dying_workers_are_done_once(database_url: str) -> None:
    """Workers give up at every other step, before or after its commit; a table counts what was done."""
    queue = JobQueue(open_database(database_url), lease_seconds=0.05)
    done = Table("done", METADATA.__class__(), Column("step", Integer))
    done.create(queue.engine)
    job = add(queue)
    number = 0
    while True:
        taken = queue.claim(f"w{number + 1}")
        if taken is None:
            if not get(queue, job).state.is_open:
                break
            continue
        number += 1
        lease = Lease(queue, taken, f"w{number}", threading.Event(), lambda: None)
        for step in range(taken.checkpoint.get("steps", 0), 80):
            try:
                with lease.step({"steps": step + 1}) as connection:
                    connection.execute(insert(done).values(step=step))
                    if number % 2:
                        raise RuntimeError("dies before its commit")
            except RuntimeError:
                break
            if step % 3 == 0:
                break
        else:
            with lease.end({}):
                pass
    with queue.engine.connect() as connection:
        assert sorted(connection.execute(select(done.c.step)).scalars()) == list(range(80))
        assert connection.execute(select(table.c.state)).scalar_one() == "succeeded"
    queue.engine.dispose()


@pytest.mark.parametrize(
    "why", [WorkerStops(), OSError(errno.ENOSPC, "full")], ids=["told to stop", "full disk"]
)
def test_a_job_that_another_took_meanwhile_is_not_put_back(
    queue: JobQueue, clock: Clock, why: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    """A worker that paused longer than its lease, as on a suspended machine, lets go and works on."""
    job = add(queue)

    def pauses(lease: Lease) -> None:
        clock.go(31)
        assert queue.claim("other") is not None
        raise why

    worker = Worker(queue, {"score": pauses})
    with suppress(OSError):
        assert worker.run_one()
    held = get(queue, job)
    assert (held.state, held.leased_by) == (JobState.RUNNING, "other")
    assert "job lost" in caplog.messages
    assert not worker.run_one()
