"""A worker: claims jobs one after another and works them off, in a process of its own.

What ends a job is written down; what ends the worker leaves the job to the next one.
"""

from __future__ import annotations

import errno
import logging
import os
import threading
import uuid
from collections.abc import Callable, Mapping
from typing import TypeAlias

from sqlalchemy.exc import SQLAlchemyError

from serving.errors import Problem, StorageError
from serving.jobs.job import Job, JobEnded, LeaseLost, WorkerStops, refusal
from serving.jobs.lease import Lease
from serving.jobs.queue import JobQueue
from serving.logs import places_of

LOGGER = logging.getLogger("fangfan.serving")
IDLE_SECONDS = 0.5
FAULT_SECONDS = 3.0
"""How long a worker waits after a fault of the storage before it tries again."""
OVERDUE = 75
"""Exit code of a worker that ended itself because its job did not end."""
NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}

Runner: TypeAlias = Callable[[Lease], None]
"""Does the job of a lease, up to its `end`."""


class Worker:
    """Works off the jobs of the purposes that `runners` names, while it `may_work`."""

    def __init__(
        self,
        queue: JobQueue,
        runners: Mapping[str, Runner],
        *,
        ended: Callable[[Job], None] = lambda job: None,
        swept: Callable[[], None] = lambda: None,
        may_work: Callable[[], bool] = lambda: True,
    ) -> None:
        self.queue = queue
        self.runners = runners
        self.ended = ended
        self.swept = swept
        self.may_work = may_work
        self.name = f"{os.getpid()}-{uuid.uuid4().hex[:12]}"
        self.stops = threading.Event()

    def run(self, *, once: bool = False) -> None:
        """Work until `stops` is set, or until nothing waits if `once`."""
        while not self.stops.is_set():
            wait = FAULT_SECONDS
            try:
                self.swept()
                if self.may_work() and self.run_one():
                    continue
                wait = IDLE_SECONDS
                if once:
                    return
            except (SQLAlchemyError, StorageError) as error:
                LOGGER.error("storage fails", extra={"fields": {"error": type(error).__name__}})
            except OSError as error:
                LOGGER.error("storage fails", extra={"fields": {"errno": error.errno}})
            self.stops.wait(wait)

    def run_one(self) -> bool:
        """Claim a job and work on it; whether there was one.

        Raises `SQLAlchemyError`, `StorageError` and `OSError` where the storage fails: the job waits, or its
        lease runs out.
        """
        job = self.queue.claim(self.name)
        if job is None:
            return False
        LOGGER.info("job taken", extra={"fields": {"job": job.id, "purpose": job.purpose}})
        with Lease(self.queue, job, self.name, self.stops, self._overdue) as lease:
            try:
                self._work(lease)
            except LeaseLost:
                self._lose(job)
                return True
            except WorkerStops:
                self._release(job)
                return True
            except OSError as error:
                if error.errno not in NO_ROOM:
                    raise
                self._release(job)
                raise
        self.ended(job)
        return True

    def _work(self, lease: Lease) -> None:
        try:
            lease.check()
            self.runners[lease.job.purpose](lease)
        except JobEnded as end:
            self._end(lease, end)
        except (LeaseLost, WorkerStops, SQLAlchemyError, OSError):
            raise
        except Problem as problem:
            # What the stores say of a database that does not answer.
            raise StorageError(problem.code) from None
        except Exception as error:
            # The type and the lines of code, never the message: it may hold what was submitted.
            fields = {"job": lease.job.id, "error": type(error).__name__, "where": places_of(error)}
            LOGGER.error("job failed", extra={"fields": fields})
            self._end(
                lease,
                refusal(
                    "internal_error",
                    "The service failed at this job.",
                    "Tell the operator the time of the job; the log says where.",
                ),
            )

    def _release(self, job: Job) -> None:
        # After a pause longer than its lease the job is another's, who goes on with it.
        try:
            self.queue.release(job.id, self.name)
        except LeaseLost:
            self._lose(job)

    def _lose(self, job: Job) -> None:
        LOGGER.warning("job lost", extra={"fields": {"job": job.id}})

    def _end(self, lease: Lease, end: JobEnded) -> None:
        with lease.end(end.outcome, end.state):
            pass
        LOGGER.info("job ended", extra={"fields": {"job": lease.job.id, "state": end.state.value}})

    def _overdue(self) -> None:
        LOGGER.error("job does not end, and its worker does", extra={"fields": {}})
        os._exit(OVERDUE)
