"""Commands of an operator: what is done to a database before and beside the service."""

from __future__ import annotations

import datetime as dt
import json
import logging
import os
import signal
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from serving.command import AsJson, DatabaseOption
from serving.errors import AccessError, StorageError

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from scoring import Bundle
    from serving.bulk.scoring import ScoreJobs
    from serving.jobs.worker import Worker
    from serving.settings import Settings
    from serving.webhooks.courier import Courier

SWEEP_SECONDS = 600.0
"""How often what is no longer kept is deleted."""
STOP_SECONDS = 30.0
"""How long a worker may take to stop before its process ends."""


def migrate(
    database: DatabaseOption,
    is_check: Annotated[
        bool, typer.Option("--check", help="Change nothing; exit code 1 where there is something to do")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Bring the database to the form that this version keeps its tables in; all of it or nothing.

    Exit code 0 when it is in order, 1 where --check finds steps to do, 2 for a database that this version
    cannot work with.
    """
    from serving.storage import Form, look_at
    from serving.storage import migrate as bring_up

    state = look_at(database) if is_check else bring_up(database)
    if as_json:
        print(json.dumps(state.as_json()))
    if state.form in {Form.EMPTY, Form.OUTDATED}:
        if not as_json:
            print(
                f"revision {state.revision or 'none'}, {state.wanted} is needed: `python -m serving migrate`"
            )
        raise typer.Exit(1)
    try:
        state.check()
    except StorageError:
        # The object says it already; a sentence beside it would be no JSON.
        if as_json:
            raise typer.Exit(2) from None
        raise
    if not as_json:
        print(f"revision {state.revision}: in order")


def work(
    bundle: Annotated[Path | None, typer.Option(help="Folder of one model bundle")] = None,
    models: Annotated[
        Path | None, typer.Option(help="Folder of the model store, as the service has it")
    ] = None,
    database: Annotated[str | None, typer.Option(help="Database, as the service has it")] = None,
    is_once: Annotated[bool, typer.Option("--once", help="Stop when no job waits")] = False,
    is_supervised: Annotated[
        bool, typer.Option("--supervised", help="Stop when standard input ends, as the service asks for")
    ] = False,
) -> None:
    """Work off jobs. What is not given here is read from FANGFAN_* variables; any number may run at once."""
    # Before numpy and LightGBM are imported.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    from serving.logs import configure_logging
    from serving.settings import Settings
    from serving.storage import open_database

    settings = Settings.from_environment(bundle_dir=bundle, models_dir=models, database_url=database)
    engine = open_database(settings.database_url)
    configure_logging()
    worker, courier = make_worker(settings, engine), make_courier(settings, engine)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: worker.stops.set())
    if is_supervised:
        threading.Thread(target=_follow, args=(worker,), name="follow", daemon=True).start()
    if courier and not is_once:
        courier.start()
    try:
        worker.run(once=is_once)
        while courier and is_once and courier.deliver_one():
            pass
    finally:
        if courier:
            courier.stop()
        engine.dispose()


def make_courier(settings: Settings, engine: Engine) -> Courier | None:
    """The courier of this process: alerts are sent whatever the worker beside it is doing.

    `None` where the audit key is not to be had: what is sent could not be logged, and jobs go on without it.
    """
    from serving.access.audit_key import load_audit_key
    from serving.storage import AuditLog, is_begun
    from serving.storage.webhooks import WebhookStore
    from serving.webhooks.address import Networks
    from serving.webhooks.courier import Courier
    from serving.webhooks.seal import Seal
    from serving.webhooks.sender import Sender

    try:
        key = load_audit_key(settings.audit_key_path, is_begun=is_begun(engine))
        audit = AuditLog(engine, key)
        audit.check_key()
    except AccessError as error:
        logging.getLogger("fangfan.serving").error("no courier", extra={"fields": {"reason": str(error)}})
        return None
    store = WebhookStore(engine, audit)
    return Courier(store, Seal(key), Sender(Networks.read(settings.webhook_networks)))


def make_worker(settings: Settings, engine: Engine) -> Worker:
    """A worker for every purpose there is."""
    from serving.bulk import PURPOSE, JobFolders
    from serving.jobs import JobQueue
    from serving.jobs.lease import Lease
    from serving.jobs.worker import Worker
    from serving.models.service_models import LoadedModel, ServiceModels
    from serving.storage import AssessmentStore
    from serving.storage.idempotency import forget_keys
    from serving.storage.webhooks import forget_ended

    folders = JobFolders(settings.jobs_folder)
    folders.prepare()
    queue = JobQueue(engine, most_open=settings.max_jobs)
    swept_at = -SWEEP_SECONDS
    loaded = LoadedModel(ServiceModels.of(settings, engine))
    scorers: list[ScoreJobs] = []

    def score(lease: Lease) -> None:
        # Imported with the first job: a worker that waits beside the service is to cost next to nothing.
        if not scorers:
            from serving.bulk.scoring import ScoreJobs
            from serving.kept_models import KeptModels

            def load() -> Bundle:
                # What is stored with it can be made again with it; what is in a store is kept there.
                if settings.bundle_dir is not None:
                    KeptModels(settings.kept_models_dir).keep(settings.bundle_dir)
                return loaded.bundle()

            scorers.append(ScoreJobs(AssessmentStore(engine), folders, load))
        scorers[0](lease)

    def sweep() -> None:
        nonlocal swept_at
        if time.monotonic() - swept_at < SWEEP_SECONDS:
            return
        swept_at = time.monotonic()
        queue.forget(queue.now() - dt.timedelta(days=settings.job_days))
        forget_keys(engine)
        forget_ended(engine, queue.now())
        # While the model is off nobody claims, and deadlines pass all the same.
        queue.settle()
        folders.sweep(queue.all_open, settings.upload_seconds)

    return Worker(
        queue,
        {PURPOSE: score},
        ended=lambda job: folders.of(job.id).close(),
        swept=sweep,
        # Nothing is scored while the model is off: jobs wait.
        may_work=loaded.is_on,
    )


def _follow(worker: Worker) -> None:
    """Stop when the service that started this process is gone; it holds the other end of the pipe."""
    # Not through sys.stdin, whose lock a thread would take along into the end of the process.
    while os.read(0, 1):
        pass
    worker.stops.set()
    time.sleep(STOP_SECONDS)
    os._exit(1)
