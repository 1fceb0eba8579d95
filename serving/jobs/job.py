"""A job: what is to be done, how far it is, and the moves it can make."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from serving.errors import ServingError


class JobState(StrEnum):
    """Where a job stands."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_open(self) -> bool:
        """Whether something is still to be done."""
        return bool(MOVES[self])


MOVES: dict[JobState, dict[JobState, str]] = {
    JobState.QUEUED: {
        JobState.RUNNING: "a worker took it",
        JobState.CANCELLED: "its caller cancelled it",
        JobState.FAILED: "its deadline passed",
    },
    JobState.RUNNING: {
        JobState.RUNNING: "its worker died and another took it",
        JobState.QUEUED: "its worker was told to stop, or could not store anything",
        JobState.SUCCEEDED: "it was done",
        JobState.FAILED: "it was refused, its deadline passed, or workers died of it",
        JobState.CANCELLED: "its caller cancelled it",
    },
    JobState.SUCCEEDED: {},
    JobState.FAILED: {},
    JobState.CANCELLED: {},
}
"""Every move there is, with why it is made."""

OPEN = tuple(one for one in JobState if one.is_open)


@dataclass(frozen=True)
class Job:
    """One row of the queue. Documents are plain JSON; moments are in UTC."""

    id: str
    purpose: str
    state: JobState
    dedup_key: str | None
    spec: dict[str, Any]
    checkpoint: dict[str, Any]
    progress: dict[str, Any]
    outcome: dict[str, Any] | None
    failures: int
    leased_by: str | None
    leased_until: dt.datetime | None
    created_at: dt.datetime
    started_at: dt.datetime | None
    cancelled_at: dt.datetime | None
    finished_at: dt.datetime | None
    deadline_at: dt.datetime
    area_code: str


class QueueFull(ServingError):
    """As many jobs are open as the queue takes."""


class ShareFull(ServingError):
    """As many jobs of one sender are open as one may have."""


class LeaseLost(Exception):
    """The job is another worker's now, or nobody's: nothing more may be written for it."""


class JobEnded(Exception):
    """A job ends otherwise than by being done; `outcome` says why."""

    def __init__(self, state: JobState, outcome: dict[str, Any] | None = None) -> None:
        super().__init__(state.value)
        self.state = state
        self.outcome = outcome or {}


class WorkerStops(Exception):
    """The worker was told to stop: what it does goes back to the queue."""


def refusal(code: str, detail: str, way_out: str, **more: Any) -> JobEnded:
    """The end of a job that cannot be done. None of the texts holds a value that was submitted."""
    failure = {"code": code, "detail": detail, "way_out": way_out}
    return JobEnded(JobState.FAILED, {"failure": failure, **more})


DEADLINE_PASSED = {
    "failure": {
        "code": "deadline_passed",
        "detail": "The job was not done before its deadline.",
        "way_out": "Send fewer households in one job, or send it again when fewer jobs wait.",
    }
}
WORKERS_DIED = {
    "failure": {
        "code": "workers_died",
        "detail": "Several workers ended without a word while they worked on the job.",
        "way_out": "Send the job again in parts; tell the operator the time of the job if it fails again.",
    }
}
"""Ends that the queue itself gives a job."""
