"""The shapes of a job's answers, as the OpenAPI document shows them."""

from __future__ import annotations

import datetime as dt
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from serving.access.purpose import Purpose
from serving.jobs import Job


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid")


class JobProgress(_Answer):
    """How far the job is."""

    step: Literal["waiting", "model", "files", "rows", "vectors", "scores", "result", "ended"]
    done: int
    total: int


class RowCounts(_Answer):
    """What became of the rows: `rows_in` is `rows_accepted` and `rows_refused` together."""

    rows_in: int
    rows_accepted: int = Field(description="Of households that are scored; a dry run scores none")
    rows_refused: int = Field(description="Each with its reason under /errors")
    rows_flagged: int = Field(description="Accepted, and something about them does not fit")


class JobCounts(RowCounts):
    """The rows of all feeds, and the households."""

    households: int = Field(description="Registered on as_of_date")
    errors: int = Field(description="A row may have several")


class StoredCounts(_Answer):
    """What became of the assessments."""

    new: int
    unchanged: int
    changed: int


class JobFailure(_Answer):
    """Why a job failed."""

    code: str = Field(description="Stable; branch on this")
    detail: str
    way_out: str
    part: str | None = Field(default=None, description="The part of the form that is meant")


class JobAnswer(_Answer):
    """A job, and what came of it."""

    id: str
    purpose: Literal["score"]
    state: Literal["queued", "running", "succeeded", "failed", "cancelled"]
    is_cancelling: bool = Field(description="Its end was asked for, and its worker has not heard of it yet")
    as_of_date: str
    mode: Literal["dry_run", "commit"]
    rows: Literal["atomic", "per_row"]
    result: Literal["parquet", "csv", "xlsx"]
    result_purpose: str = Field(description="What the result file is for; the file says so")
    progress: JobProgress
    counts: JobCounts | None = Field(description="null until the rows are checked to their end")
    feeds: dict[str, RowCounts]
    silent_feeds: list[str] = Field(
        description="Feeds that coverage speaks of and no readable table was sent for; they count as "
        "missing. To say that nobody had any, send the table with its line of column names alone"
    )
    stored: StoredCounts | None
    grades: dict[str, int] = Field(description="Households with a score, by grade; empty until they have one")
    low_with_gaps: int | None = Field(
        description="Those of `grades.low` that a missing or outdated feed stands behind: no low risk"
    )
    nothing_known: int | None = Field(
        description="Households of which every department's feed is missing or out of date, and nothing of "
        "before stands on: they have no score, no row in the result, and nothing is stored"
    )
    model_version: str | None
    failure: JobFailure | None
    has_result: bool
    created_at: str
    started_at: str | None
    finished_at: str | None
    deadline_at: str
    kept_until: str | None = Field(description="When the job, its errors and its result are deleted")


class RowError(_Answer):
    """One rule that one row breaks. The value is not repeated."""

    feed: str
    row: int = Field(description="Number of the row in its table, from 0; rows without a cell do not count")
    field: str
    code: str = Field(description="Stable; the reference of defects lists them")
    way_out: str
    way_out_zh: str


class JobErrors(_Answer):
    """Some of a job's row errors, in the order of feeds and rows."""

    total: int
    items: list[RowError]


def job_answer(job: Job, kept: dt.timedelta) -> dict[str, Any]:
    """The job as plain JSON; `kept` is how long it outlives its end."""
    outcome = job.outcome or {}
    progress = job.progress or {"step": "waiting", "done": 0, "total": 0}
    if job.finished_at is not None:
        progress = {**progress, "step": "ended"}
    return {
        "id": job.id,
        "purpose": job.purpose,
        "state": job.state.value,
        "is_cancelling": job.state.is_open and job.cancelled_at is not None,
        "as_of_date": job.spec["as_of"],
        "mode": job.spec["mode"],
        "rows": job.spec["rows"],
        "result": job.spec["result"],
        "result_purpose": job.spec.get("result_purpose", Purpose.SCREENING.value),
        "progress": progress,
        "counts": outcome.get("counts"),
        "feeds": outcome.get("feeds", {}),
        "silent_feeds": outcome.get("silent_feeds", []),
        "stored": outcome.get("stored"),
        "grades": outcome.get("grades", {}),
        "low_with_gaps": outcome.get("low_with_gaps"),
        "nothing_known": outcome.get("nothing_known"),
        "model_version": outcome.get("model_version"),
        "failure": outcome.get("failure") and {"part": None, **outcome["failure"]},
        "has_result": "result_bytes" in outcome,
        "created_at": _moment(job.created_at),
        "started_at": _moment(job.started_at),
        "finished_at": _moment(job.finished_at),
        "deadline_at": _moment(job.deadline_at),
        "kept_until": _moment(job.finished_at and job.finished_at + kept),
    }


def _moment(moment: dt.datetime | None) -> str | None:
    return None if moment is None else moment.isoformat(timespec="seconds")
