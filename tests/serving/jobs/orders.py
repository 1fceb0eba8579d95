"""Orders of made-up households, as a caller would send them: tables of every feed and the coverage."""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
import io
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from scoring import Bundle
from serving.bulk import JobFolders, Mode, Order, ResultKind, RowPolicy, SentFile
from serving.bulk.scoring import ScoreJobs
from serving.jobs import Job, JobQueue
from serving.jobs.worker import Worker
from serving.storage import AssessmentStore
from tests.serving.conftest import a_household, a_request

Tables = dict[str, list[dict[str, Any]]]
AS_OF = dt.date(2026, 10, 31)


def tables_of(households: int, prefix: str = "J") -> Tables:
    """The tables of some households whose bills differ."""
    body = a_request(*(a_household(f"{prefix}{n:04}", self_paid=1_700.0 * n) for n in range(households)))
    made: Tables = {}
    for one in body["households"]:
        for feed, rows in one["signals"].items():
            made.setdefault(feed, []).extend({"household_id": one["household_id"], **row} for row in rows)
    made["coverage"] = [row for row in body["coverage"] if row["feed"] in made]
    return made


def as_csv(rows: list[dict[str, Any]]) -> bytes:
    names = list(dict.fromkeys(name for row in rows for name in row))
    out = io.StringIO()
    lines = csv.DictWriter(out, names, lineterminator="\n")
    lines.writeheader()
    for row in rows:
        lines.writerow({name: _text(value) for name, value in row.items()})
    return out.getvalue().encode()


def _text(value: Any) -> Any:
    return str(value).lower() if isinstance(value, bool) else value


def csv_files(tables: Tables) -> dict[str, bytes]:
    return {f"{name}.csv": as_csv(rows) for name, rows in tables.items()}


class Desk:
    """Takes orders straight to the queue and works them off, in this process."""

    def __init__(self, store: AssessmentStore, root: Path, load: Callable[[], Bundle], **more: Any) -> None:
        self.store = store
        self.folders = JobFolders(root)
        self.folders.prepare()
        self.queue = JobQueue(store.engine, most_open=100)
        self.jobs = ScoreJobs(store, self.folders, load, **more)
        self.worker = Worker(
            self.queue, {"score": self.jobs}, ended=lambda job: self.folders.of(job.id).close()
        )

    def place(
        self, files: dict[str, bytes], mode: Mode = Mode.COMMIT, rows: RowPolicy = RowPolicy.PER_ROW,
        result: ResultKind = ResultKind.PARQUET, as_of: dt.date = AS_OF,
    ) -> Job:  # fmt: skip
        upload = self.folders.new_upload()
        sent = []
        for name, content in files.items():
            (upload.uploads / name).write_bytes(content)
            digest = hashlib.sha256(content).hexdigest()
            sent.append(SentFile(name.partition(".")[0], name, len(content), digest))
        order = Order(as_of, mode, rows, result, tuple(sent))
        with self.queue.writer.begin() as connection:
            job = self.queue.enqueue(connection, "score", order.as_json(), dt.timedelta(hours=1))
            self.folders.adopt(upload, job.id)
        return job

    def do(self, files: dict[str, bytes], **more: Any) -> Job:
        job = self.place(files, **more)
        assert self.worker.run_one()
        found = self.queue.find(job.id)
        assert found is not None
        return found

    def clear(self) -> None:
        shutil.rmtree(self.folders.root)
