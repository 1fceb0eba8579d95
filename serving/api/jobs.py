"""`/v1/jobs`: files of many households in, a job out; its state, its row errors, its result, its end."""

from __future__ import annotations

import datetime as dt
import errno
import hashlib
import json
import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ParamSpec, TypeVar

from fastapi import APIRouter, Request, Response
from fastapi.responses import FileResponse, JSONResponse
from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool

from features.signals.defects import Defect
from features.signals.fields import Date
from serving.access import OPEN, Caller
from serving.access.gate import caller_of
from serving.access.purpose import RESULT_PURPOSES, Purpose
from serving.api import idempotency
from serving.api.documentation import problems
from serving.api.form import Form, read_form
from serving.api.job_answers import JobAnswer, JobErrors, job_answer
from serving.api.job_documentation import (
    ERROR_PARAMETERS,
    EXAMPLE_JOB,
    FIELDS,
    RESULT_CONTENT,
    RESULT_TYPES,
    job_request_body,
)
from serving.bulk import PURPOSE, JobFolder, JobFolders, Mode, Order, ResultKind, RowPolicy
from serving.bulk.order import COVERAGE, DELIVERY, PARTS
from serving.bulk.refused import read_refused
from serving.errors import FieldError, Problem
from serving.jobs import Job, JobQueue, JobState, QueueFull, ShareFull
from serving.settings import Settings
from serving.storage import AssessmentStore
from serving.storage.idempotency import Hold, KeyInFlight

Given = ParamSpec("Given")
Answer = TypeVar("Answer")

MOST_UPLOADS = 4
"""How many jobs may be sent at once; each keeps a thread busy."""
MOST_UPLOADS_OF_ONE = 2
"""How many of them one caller may send."""
RETRY_SECONDS = "30"
_ID = re.compile(r"[0-9a-f]{32}")
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_DAY = Date(name="as_of_date", zh="日期", en="date")
_CHOICES: dict[str, tuple[type[Any], Any]] = {
    "mode": (Mode, Mode.COMMIT),
    "rows": (RowPolicy, RowPolicy.ATOMIC),
    "result": (ResultKind, ResultKind.PARQUET),
    "result_purpose": (Purpose, Purpose.SCREENING),
}


@dataclass
class JobDesk:
    """Takes orders in and tells of them."""

    queue: JobQueue
    folders: JobFolders
    settings: Settings
    uploads: list[Caller] = field(default_factory=list)
    """Who is sending a job."""

    @property
    def kept(self) -> dt.timedelta:
        """How long a job outlives its end."""
        return dt.timedelta(days=self.settings.job_days)

    async def take(self, request: Request) -> Response:
        """Take one order in; raises `Problem` where there is no room for it or it is none."""
        caller = caller_of(request)
        hold = idempotency.hold_of(request, self.queue.engine, caller)
        if len(self.uploads) >= MOST_UPLOADS:
            raise _full()
        if caller != OPEN and self.uploads.count(caller) >= MOST_UPLOADS_OF_ONE:
            raise _full("caller_queue_full")
        self.uploads.append(caller)
        try:
            kept = await run_in_threadpool(_stored, idempotency.take, hold)
            created = False
            try:
                if kept is None:
                    await run_in_threadpool(_stored, self.queue.check_room, _sent_by(caller))
                upload = await run_in_threadpool(self.folders.new_upload)
                try:
                    form = await read_form(
                        request, upload.uploads, FIELDS, PARTS, self.settings.max_upload_bytes,
                        self.settings.upload_seconds, hold.renew if hold and not kept else lambda: None,
                    )  # fmt: skip
                    order = order_of(form)
                    if kept is not None:
                        return idempotency.replay(kept, fingerprint(order))
                    answer = await run_in_threadpool(_stored, self._accept, order, upload, hold, caller)
                    created = True
                    return answer
                finally:
                    # What became a job is no longer there.
                    await run_in_threadpool(self.folders.remove, upload)
            finally:
                if hold is not None and kept is None and not created:
                    await run_in_threadpool(_release, hold)
        except QueueFull:
            raise _full() from None
        except ShareFull:
            raise _full("caller_queue_full") from None
        except OSError as error:
            raise Problem("storage_full" if error.errno in _NO_ROOM else "storage_failed") from None
        finally:
            self.uploads.remove(caller)

    def find(self, caller: Caller, job_id: str) -> Job:
        """The job; raises `Problem` where there is none that the caller may see."""
        found = _stored(self.queue.find, job_id, caller.scope) if _ID.fullmatch(job_id) else None
        if found is None:
            raise Problem("job_not_found")
        return found

    def cancel(self, caller: Caller, job_id: str) -> Job:
        """Ask for the end of a job; raises `Problem` where there is none or it has ended otherwise."""
        self.find(caller, job_id)
        found = _stored(self.queue.cancel, job_id)
        if found is None:
            raise Problem("job_not_found")
        if found.state in {JobState.SUCCEEDED, JobState.FAILED}:
            raise Problem("job_finished")
        if not found.state.is_open:
            # It waited, and no worker will do it.
            self.folders.of(job_id).close()
        return found

    def result(self, job: Job) -> Response:
        """The result file; raises `Problem` where there is none."""
        if job.state.is_open:
            raise Problem("job_not_finished", headers={"Retry-After": "5"})
        kind = ResultKind(job.spec["result"])
        path = self.folders.of(job.id).result(kind)
        if job.state is not JobState.SUCCEEDED or not path.is_file():
            raise Problem("job_has_no_result")
        name = f"scores-{job.spec['as_of']}-{job.id[:8]}.{kind.value}"
        return FileResponse(path, media_type=RESULT_TYPES[kind], filename=name)

    def _accept(self, order: Order, upload: JobFolder, hold: Hold | None, caller: Caller) -> Response:
        if caller.scope.prefix is None:
            # Nowhere is no area of a job: an empty one would be everywhere.
            raise Problem("role_not_allowed")
        job_id = uuid.uuid4().hex
        # The files are on the disk before anybody is told of the job.
        folder = self.folders.adopt(upload, job_id)
        try:
            with self.queue.writer.begin() as connection:
                # Who sent it is no part of the order: a repeated request is its sender's already.
                job = self.queue.enqueue(
                    connection, PURPOSE, order.as_json(), dt.timedelta(hours=self.settings.job_hours),
                    job_id=job_id, area_code=caller.scope.prefix, sent_by=_sent_by(caller),
                )  # fmt: skip
                answer = {"body": self.answer(job), "headers": {"Location": f"/v1/jobs/{job.id}"}}
                if hold is not None:
                    hold.finish(connection, fingerprint(order), 202, answer)
        except KeyInFlight:
            self.folders.remove(folder)
            raise idempotency.in_flight() from None
        except (QueueFull, ShareFull):
            self.folders.remove(folder)
            raise
        # After a failed commit nobody knows whether there is a job: its folder is left to the sweep.
        return JSONResponse(answer["body"], status_code=202, headers=answer["headers"])

    def answer(self, job: Job) -> dict[str, Any]:
        """The job as it is answered."""
        return job_answer(job, self.kept)


def router(desk: JobDesk, store: AssessmentStore) -> APIRouter:
    """The routes, bound to their desk."""
    made = APIRouter(tags=["jobs"], prefix="/v1/jobs")
    job_content = {"content": {"application/json": {"example": EXAMPLE_JOB}}}

    @made.post(
        "",
        summary="Score households from files",
        description="A form with one file part a feed, or one archive of them, and `coverage`. The job is "
        "stored before it is answered, and is done in the background; ask for it under Location. Rows that "
        "are refused are told one by one under /errors.",
        status_code=202,
        response_class=Response,
        responses={
            202: {"model": JobAnswer, "description": "Stored; not lost", **job_content},
            **problems(400, 408, 409, 413, 415, 422, 429, 500, 503, 507),
        },
        openapi_extra={"requestBody": job_request_body(), "parameters": [idempotency.HEADER]},
    )
    async def take(request: Request) -> Response:
        return await desk.take(request)

    @made.get(
        "/{job_id}",
        summary="How a job stands",
        response_class=Response,
        responses={200: {"model": JobAnswer, **job_content}, **problems(404, 500, 503)},
    )
    def job(job_id: str, request: Request) -> Response:
        return JSONResponse(desk.answer(desk.find(caller_of(request), job_id)))

    @made.get(
        "/{job_id}/errors",
        summary="The rows that were refused",
        description="Feed, row, field, code and way out of every error, never the value.",
        response_class=Response,
        responses={200: {"model": JobErrors}, **problems(404, 422, 500, 503)},
        openapi_extra={"parameters": ERROR_PARAMETERS},
    )
    def errors(job_id: str, request: Request) -> Response:
        found = desk.find(caller_of(request), job_id)
        offset, limit = (_number(request, one) for one in ERROR_PARAMETERS)
        total, items = read_refused(desk.folders.of(found.id).errors, offset, limit)
        return JSONResponse({"total": total, "items": items})

    @made.get(
        "/{job_id}/result",
        summary="The result file",
        description="One row a scored household. In CSV a text that a spreadsheet would compute begins with "
        "an apostrophe; Parquet has every key byte for byte as it was sent. The file says who ordered it, "
        "when it was made and for what: CSV in its last columns, a workbook on its second sheet, Parquet in "
        "its metadata.",
        response_class=Response,
        responses={200: {"content": RESULT_CONTENT}, **problems(404, 409, 500, 503)},
    )
    def result(job_id: str, request: Request) -> Response:
        caller = caller_of(request)
        answer = desk.result(desk.find(caller, job_id))
        store.note_result(caller, job_id)
        return answer

    @made.delete(
        "/{job_id}",
        summary="Cancel a job",
        description="A job that waits ends at once; one that runs ends at its worker's next step, and what "
        "it stored until then stays stored.",
        response_class=Response,
        responses={200: {"model": JobAnswer, **job_content}, **problems(404, 409, 500, 503)},
    )
    def cancel(job_id: str, request: Request) -> Response:
        return JSONResponse(desk.answer(desk.cancel(caller_of(request), job_id)))

    return made


def order_of(form: Form) -> Order:
    """The order of a form; raises `Problem` with everything that is wrong with it."""
    errors = list(form.errors)
    as_of = None
    try:
        as_of = _DAY.parse(form.fields.get("as_of_date"))
    except Defect as defect:
        errors.append(FieldError("/form/as_of_date", defect.code, defect.way_out))
    if form.fields.get("purpose", PURPOSE) != PURPOSE:
        errors.append(FieldError("/form/purpose", "unknown_category", f"give {PURPOSE}"))
    chosen = {}
    for name, (kind, default) in _CHOICES.items():
        try:
            chosen[name] = kind(form.fields.get(name, default))
            if name == "result_purpose" and chosen[name] not in RESULT_PURPOSES:
                raise ValueError
        except ValueError:
            words = ", ".join(one.value for one in (RESULT_PURPOSES if kind is Purpose else kind))
            errors.append(FieldError(f"/form/{name}", "unknown_category", f"give one of {words}"))
    there = {one.part for one in form.files}
    refused = {one.pointer for one in form.errors}
    if DELIVERY not in there:
        errors += [
            FieldError(f"/form/{name}", "missing", f"give the table {name}, or an archive as {DELIVERY}")
            for name in ("household", COVERAGE)
            if name not in there and f"/form/{name}" not in refused and f"/form/{DELIVERY}" not in refused
        ]
    if errors:
        raise Problem("request_invalid", errors=errors)
    assert isinstance(as_of, dt.date)
    files = tuple(sorted(form.files, key=lambda one: one.part))
    return Order(as_of, chosen["mode"], chosen["rows"], chosen["result"], files, chosen["result_purpose"])


def fingerprint(order: Order) -> str:
    """A hash over what is asked: the fields, and the content of the files."""
    asked = order.as_json()
    if order.result_purpose is Purpose.SCREENING:
        # A request from before there were purposes stays the same request.
        del asked["result_purpose"]
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()


def _number(request: Request, parameter: dict[str, Any]) -> int:
    name, schema = parameter["name"], parameter["schema"]
    given = request.query_params.getlist(name)
    if not given:
        return int(schema["default"])
    text = given[0]
    is_number = len(given) == 1 and text.isascii() and text.isdigit() and len(text) < 12
    if not is_number or not schema["minimum"] <= int(text) <= schema["maximum"]:
        way_out = f"give one whole number from {schema['minimum']} to {schema['maximum']}"
        raise Problem("request_invalid", errors=[FieldError(f"/query/{name}", "out_of_range", way_out)])
    return int(text)


def _sent_by(caller: Caller) -> dict[str, str]:
    return {"key_id": caller.key_id, "role": caller.role.value}


def _full(code: str = "queue_full") -> Problem:
    return Problem(code, headers={"Retry-After": RETRY_SECONDS})


def _stored(ask: Callable[Given, Answer], *given: Given.args, **more: Given.kwargs) -> Answer:
    """What the database answers; raises `Problem` when it does not."""
    try:
        return ask(*given, **more)
    except SQLAlchemyError:
        raise Problem("storage_failed", headers={"Retry-After": RETRY_SECONDS}) from None


def _release(hold: Hold) -> None:
    try:
        hold.release()
    except SQLAlchemyError:
        # It runs out by itself.
        return
