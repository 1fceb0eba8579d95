"""A lease: the worker's hold on its job, kept alive by a thread while the work goes on."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from serving.jobs.job import DEADLINE_PASSED, Job, JobEnded, JobState, LeaseLost, WorkerStops
from serving.jobs.queue import JobQueue

LOGGER = logging.getLogger("fangfan.serving")
TELL_SECONDS = 2.0
"""How often progress is told."""
GRACE_SECONDS = 60.0
"""How long after its deadline a job may take to notice it before its process is ended."""


class Lease:
    """Hold on one job. The work calls `check` often, and writes in `step` and `end` alone.

    `overdue` is called from the thread when the work has not noticed that it must end; it ends the process.
    """

    def __init__(
        self, queue: JobQueue, job: Job, worker: str, stops: threading.Event, overdue: Callable[[], None]
    ) -> None:
        self.queue = queue
        self.job = job
        self.worker = worker
        self._stops = stops
        self._overdue = overdue
        self._progress: dict[str, Any] = {}
        self._latest = job
        self._is_lost = False
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="keep-lease", daemon=True)

    def __enter__(self) -> Lease:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()

    def check(self) -> None:
        """Raise where the work must not go on: `LeaseLost`, `WorkerStops`, or `JobEnded` with the reason."""
        if self._is_lost:
            raise LeaseLost
        self._check(self._latest)
        if self._stops.is_set():
            raise WorkerStops

    def tell(self, step: str, done: int, total: int) -> None:
        """Tell how far the work is, and check that it may go on."""
        self._progress = {"step": step, "done": done, "total": total}
        self.check()

    @contextmanager
    def step(self, checkpoint: dict[str, Any] | None = None) -> Iterator[Connection]:
        """A transaction of the job: what is written in it is there if and only if the checkpoint is.

        The document is read when the transaction ends, so that it may tell what was written.
        """
        with self.queue.writer.begin() as connection:
            self._check(self.queue.step(connection, self.job.id, self.worker))
            yield connection
            if checkpoint is not None:
                self.queue.step(connection, self.job.id, self.worker, checkpoint)

    @contextmanager
    def end(self, outcome: dict[str, Any], state: JobState = JobState.SUCCEEDED) -> Iterator[Connection]:
        """The last transaction of the job, which `outcome` is the end of; it is read like a checkpoint."""
        with self.queue.writer.begin() as connection:
            held = self.queue.step(connection, self.job.id, self.worker)
            if state is JobState.SUCCEEDED:
                self._check(held)
            yield connection
            self.queue.finish(connection, self.job.id, self.worker, state, outcome)

    def _check(self, job: Job) -> None:
        if job.cancelled_at is not None:
            raise JobEnded(JobState.CANCELLED)
        if job.deadline_at <= self.queue.now():
            raise JobEnded(JobState.FAILED, DEADLINE_PASSED)

    def _keep(self) -> None:
        every = min(TELL_SECONDS, self.queue.lease.total_seconds() / 3)
        while not self._ended.wait(every):
            try:
                self._latest = self.queue.renew(self.job.id, self.worker, self._progress)
            except LeaseLost:
                self._is_lost = True
            except SQLAlchemyError as error:
                # The next one may go through; if none does, the lease runs out and `step` notices.
                LOGGER.warning("lease not renewed", extra={"fields": {"error": type(error).__name__}})
            late = (self.queue.now() - self._latest.deadline_at).total_seconds()
            if late > GRACE_SECONDS:
                self._overdue()
