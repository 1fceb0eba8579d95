"""A service whose jobs are sent over HTTP and worked off when a test says so."""

from __future__ import annotations

from typing import Any

import httpx

from serving.api.job_answers import JobAnswer
from serving.app import create_app
from serving.operating import make_worker
from serving.settings import Settings
from serving.storage import open_database
from tests.serving.conftest import Client

FORM = {"as_of_date": "2026-10-31", "rows": "per_row"}


class Service(Client):
    """A service whose jobs are worked off when the test says so."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(create_app(settings))
        self.settings = settings

    def send(
        self, files: dict[str, bytes], fields: dict[str, Any] | None = None, key: str | None = None
    ) -> httpx.Response:
        parts = [(name.partition(".")[0], (name, content)) for name, content in files.items()]
        headers = {"Idempotency-Key": key} if key else {}
        return self.post("/v1/jobs", files=parts, data=FORM if fields is None else fields, headers=headers)

    def work(self) -> None:
        engine = open_database(self.settings.database_url)
        make_worker(self.settings, engine).run(once=True)
        engine.dispose()

    def get_job(self, job_id: str) -> dict[str, Any]:
        answer = self.get(f"/v1/jobs/{job_id}")
        assert answer.status_code == 200
        return JobAnswer.model_validate(answer.json(), strict=True).model_dump()

    def folders(self) -> list[str]:
        root = self.settings.jobs_folder
        return [
            *(one.name for one in (root / "incoming").iterdir()),
            *(one.name for one in (root / "jobs").iterdir()),
        ]
