"""Jobs over HTTP: taken in once, told of, cancelled, and refused in one shape."""

from __future__ import annotations

import asyncio
import csv
import datetime as dt
import io
import json
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pyarrow.parquet as pq
import pytest
from sqlalchemy.exc import OperationalError
from starlette.requests import Request

from serving.access import EVERYWHERE, Caller, Role
from serving.access.local import Access
from serving.api import jobs
from serving.api.idempotency import hold_of
from serving.api.job_answers import JobAnswer, JobErrors
from serving.api.job_documentation import EXAMPLE_JOB
from serving.app import create_app
from serving.jobs import JobQueue
from serving.operating import make_worker
from serving.settings import Settings
from serving.storage import open_database
from serving.storage.idempotency import HELD_SECONDS, Hold
from tests.serving.conftest import Client
from tests.serving.jobs.orders import as_csv, csv_files, tables_of
from tests.serving.jobs.test_scoring import EXPECTED, broken_tables

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


@pytest.fixture
def settings_here(bundle_dir: Path, database_url: str, tmp_path: Path) -> Settings:
    return Settings(
        bundle_dir, database_url, jobs_dir=tmp_path / "jobs", max_jobs=3, max_upload_bytes=3_000_000
    )


@pytest.fixture
def service(settings_here: Settings) -> Iterator[Service]:
    with Service(settings_here) as made:
        yield made


@pytest.fixture
def small(bundle_dir: Path, tmp_path: Path) -> Iterator[Service]:
    """The same on SQLite alone."""
    with Service(
        Settings(bundle_dir, f"sqlite:///{tmp_path}/s.db", max_jobs=3, max_upload_bytes=3_000_000)
    ) as made:
        yield made


def test_a_job_from_its_files_to_its_result(service: Service) -> None:
    answer = service.send(csv_files(broken_tables()))
    assert answer.status_code == 202, answer.text
    job = answer.json()
    assert answer.headers["location"] == f"/v1/jobs/{job['id']}"
    assert (job["state"], job["progress"]["step"], job["counts"]) == ("queued", "waiting", None)
    waiting = service.get(f"/v1/jobs/{job['id']}/result")
    assert (waiting.status_code, waiting.json()["code"]) == (409, "job_not_finished")
    service.work()
    done = service.get_job(job["id"])
    assert (done["state"], done["failure"], done["has_result"]) == ("succeeded", None, True)
    assert done["counts"]["rows_in"] == 40 == done["counts"]["rows_accepted"] + done["counts"]["rows_refused"]
    errors = JobErrors.model_validate(service.get(f"/v1/jobs/{job['id']}/errors").json(), strict=True)
    assert errors.total == len(EXPECTED)
    assert [(one.feed, one.row, one.field, one.code) for one in errors.items] == EXPECTED
    some = service.get(f"/v1/jobs/{job['id']}/errors?offset=2&limit=3").json()["items"]
    assert [(one["feed"], one["row"]) for one in some] == [(one[0], one[1]) for one in EXPECTED[2:5]]
    result = service.get(f"/v1/jobs/{job['id']}/result")
    assert re.search(
        r'filename="scores-2026-10-31-[0-9a-f]{8}.parquet"', result.headers["content-disposition"]
    )
    table = pq.read_table(io.BytesIO(result.content))
    assert table["household_id"].to_pylist() == [f"J{n:04}" for n in range(8) if n != 6]
    assert service.get(f"/v1/households/{table['household_id'][0]}").status_code == 200
    finished = service.request("DELETE", f"/v1/jobs/{job['id']}")
    assert (finished.status_code, finished.json()["code"]) == (409, "job_finished")


def test_cancelling_a_job_that_waits(service: Service) -> None:
    job = service.send(csv_files(tables_of(2))).json()
    for _ in range(2):
        answer = service.request("DELETE", f"/v1/jobs/{job['id']}")
        assert (answer.status_code, answer.json()["state"]) == (200, "cancelled")
    assert list((service.settings.jobs_folder / "jobs" / job["id"]).iterdir()) == []
    service.work()
    assert service.get_job(job["id"])["state"] == "cancelled"
    assert service.get(f"/v1/jobs/{job['id']}/result").json()["code"] == "job_has_no_result"


def test_the_queue_refuses_more_than_it_takes(service: Service) -> None:
    for _ in range(3):
        assert service.send(csv_files(tables_of(1))).status_code == 202
    answer = service.send(csv_files(tables_of(1)), key="k")
    assert (answer.status_code, answer.json()["code"]) == (429, "queue_full")
    assert answer.headers["retry-after"] == "30"
    assert len(service.folders()) == 3
    service.work()
    assert service.send(csv_files(tables_of(1)), key="k").status_code == 202


def test_one_caller_cannot_shut_the_others_out(bundle_dir: Path, tmp_path: Path) -> None:
    settings = Settings(bundle_dir, f"sqlite:///{tmp_path}/s.db", max_jobs=5, max_jobs_per_caller=2)
    files = csv_files(tables_of(1))
    with Service(settings) as one, Service(settings) as other:
        sent = [one.send(files).json()["id"] for _ in range(2)]
        answer = one.send(files, key="k")
        assert (answer.status_code, answer.json()["code"]) == (429, "caller_queue_full")
        assert answer.headers["retry-after"] == "30"
        assert "DELETE /v1/jobs/{job_id}" in answer.json()["way_out"]
        assert other.send(files).status_code == 202
        assert len(one.folders()) == 3
        # What it says helps, and the key of the request is free.
        assert one.request("DELETE", f"/v1/jobs/{sent[0]}").status_code == 200
        assert one.send(files, key="k").status_code == 202


def test_one_caller_leaves_room_to_send_for_the_others(
    small: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "MOST_UPLOADS_OF_ONE", 0)
    answer = small.send(csv_files(tables_of(1)))
    assert (answer.status_code, answer.json()["code"]) == (429, "caller_queue_full")


def test_where_access_is_open_nobody_has_a_share(bundle_dir: Path, tmp_path: Path) -> None:
    settings = Settings(
        bundle_dir, f"sqlite:///{tmp_path}/s.db", access=Access.OPEN, max_jobs=2, max_jobs_per_caller=1
    )
    with Service(settings) as service:
        service._http.headers["Host"] = "localhost"
        codes = [service.send(csv_files(tables_of(1))).json().get("code") for _ in range(3)]
    assert codes == [None, None, "queue_full"]


def test_a_repeated_request_is_one_job(service: Service) -> None:
    files = csv_files(tables_of(2))
    first = service.send(files, key="k-1")
    again = service.send(dict(reversed(files.items())), key="k-1")
    assert (again.status_code, again.json()) == (202, first.json())
    assert again.headers["idempotency-replayed"] == "true"
    assert again.headers["location"] == first.headers["location"]
    other = service.send(csv_files(tables_of(3)), key="k-1")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert service.send(files, {**FORM, "mode": "dry_run"}, key="k-1").status_code == 422
    assert service.send(files, key="k-2").json()["id"] != first.json()["id"]
    assert len(service.folders()) == 2
    with Service(service.settings) as restarted:
        restarted._http.headers.update(service.headers)
        assert restarted.send(files, key="k-1").json() == first.json()


def test_a_request_that_failed_leaves_its_key_free(service: Service) -> None:
    assert service.send({"member.csv": b"a\n1\n"}, key="k").status_code == 422
    assert service.send(csv_files(tables_of(1)), key="k").status_code == 202


@pytest.mark.parametrize("key", ["", "a b", "ä", "x" * 256])
def test_a_key_is_visible_ascii(small: Service, key: str) -> None:
    answer = small.post("/v1/jobs", content=b"", headers=[("Idempotency-Key", key.encode())])
    assert (answer.status_code, answer.json()["code"]) == (400, "idempotency_key_malformed")


def test_a_slow_key_in_flight_is_told(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [dt.datetime.now(dt.UTC)]
    monkeypatch.setattr("serving.storage.idempotency._now", lambda: clock[0])
    monkeypatch.setattr("serving.api.form._AT_LEAST_SECONDS", 0)
    files = csv_files(tables_of(1))

    async def both() -> tuple[httpx.Response, httpx.Response]:
        transport = httpx.ASGITransport(service.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://service.test") as client:
            made = client.build_request(
                "POST", "/v1/jobs", data=FORM, files=[(k[:-4], (k, v)) for k, v in files.items()]
            )
            kind = made.headers["content-type"]
            headers = {**service.headers, "Idempotency-Key": "k", "Content-Type": kind}
            content = b"".join([part async for part in made.stream])  # type: ignore[union-attr]
            *early, last = (content[at : at + 100] for at in range(0, len(content), 100))
            seconds: list[httpx.Response] = []

            async def slowly() -> AsyncIterator[bytes]:
                for one in early:
                    yield one
                    # Asked for the next piece, the service has taken this one.
                    clock[0] += dt.timedelta(seconds=HELD_SECONDS / 2)
                seconds.append(await client.post("/v1/jobs", content=content, headers=headers))
                yield last

            return await client.post("/v1/jobs", content=slowly(), headers=headers), seconds[0]

    first, second = service.run(both())
    assert first.status_code == 202
    assert (second.status_code, second.json()["code"]) == (409, "idempotency_key_in_flight")
    assert "retry-after" in second.headers


def test_a_hold_whose_process_died_is_taken_over(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = service.app.state.store.engine
    sender = Caller(service.headers["Authorization"].split("_")[1], Role.PLATFORM, EVERYWHERE)

    def hold(key: str) -> Hold:
        scope = {"type": "http", "method": "POST", "path": "/v1/jobs", "query_string": b""}
        request = Request({**scope, "headers": [(b"idempotency-key", key.encode())]})
        made = hold_of(request, engine, sender)
        assert made is not None
        return made

    assert hold("k").take() is None
    files = csv_files(tables_of(1))
    assert service.send(files, key="k").status_code == 409
    with monkeypatch.context() as patched:
        patched.setattr("serving.storage.idempotency.HELD_SECONDS", -1)
        dead = hold("k2")
        assert dead.take() is None
    assert service.send(files, key="k2").status_code == 202
    # The one that was thought dead may not answer any more.
    from serving.storage.idempotency import KeyInFlight

    with pytest.raises(KeyInFlight), dead.writer.begin() as connection:
        dead.finish(connection, "0" * 64, 202, {})


@pytest.mark.parametrize(
    ("fields", "files", "pointer", "code"),
    [
        ({}, {}, "/form/as_of_date", "missing"),
        ({"as_of_date": "31.10.2026"}, {}, "/form/as_of_date", "not_a_date"),
        ({**FORM, "mode": "try"}, {}, "/form/mode", "unknown_category"),
        ({**FORM, "rows": "some"}, {}, "/form/rows", "unknown_category"),
        ({**FORM, "result": "xls"}, {}, "/form/result", "unknown_category"),
        ({**FORM, "purpose": "other"}, {}, "/form/purpose", "unknown_category"),
        ({**FORM, "CANARY": "1"}, {}, "/form", "unknown_part"),
        ({**FORM, "CANARY": ["1", "2"]}, {}, "/form", "unknown_part"),
        (FORM, {"CANARY.csv": b"x"}, "/form", "unknown_part"),
        (FORM, {}, "/form/household", "missing"),
        (FORM, {}, "/form/coverage", "missing"),
        (FORM, {"household.txt": b"x"}, "/form/household", "file_kind_unknown"),
        (
            FORM,
            {"household.xls": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"},
            "/form/household",
            "file_kind_unknown",
        ),
        (FORM, {"household.xlsx": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"}, "/form/household", "file_encrypted"),
        (FORM, {"household.csv": b"PK\x03\x04"}, "/form/household", "file_kind_differs"),
        (FORM, {"household.parquet": b"a,b\n1,2\n"}, "/form/household", "file_kind_differs"),
        (FORM, {"household.csv": b""}, "/form/household", "file_empty"),
        (FORM, {"delivery.csv": b"x"}, "/form/delivery", "file_kind_unknown"),
        (FORM, {"household.zip": b"PK\x03\x04"}, "/form/household", "file_kind_unknown"),
    ],
)
def test_a_form_that_breaks_rules_is_told_all_of_them(
    small: Service, fields: dict[str, Any], files: dict[str, bytes], pointer: str, code: str
) -> None:
    answer = small.send(files or {"member.csv": b"a\n1\n"}, fields)
    assert (answer.status_code, answer.json()["code"]) == (422, "request_invalid")
    found = {(one["pointer"], one["code"]) for one in answer.json()["errors"]}
    assert (pointer, code) in found
    assert "CANARY" not in answer.text
    assert small.folders() == []


def raw(service: Service, content: bytes, kind: str = 'multipart/form-data; boundary="x"') -> httpx.Response:
    return service.post("/v1/jobs", content=content, headers={"Content-Type": kind})


PART = b'--x\r\nContent-Disposition: form-data; name="as_of_date"\r\n\r\n2026-10-31\r\n'


@pytest.mark.parametrize(
    ("content", "kind", "status", "code"),
    [
        (b"{}", "application/json", 415, "media_type_unsupported"),
        (b"", "multipart/form-data", 415, "media_type_unsupported"),
        (b"", "multipart/form-data; boundary=" + "x" * 80, 415, "media_type_unsupported"),
        (b"", 'multipart/form-data; boundary="x"', 400, "form_malformed"),
        (PART, 'multipart/form-data; boundary="x"', 400, "form_malformed"),
        (b"nothing of the kind", 'multipart/form-data; boundary="x"', 400, "form_malformed"),
        (b"--x\r\n" + b"A: b\r\n" * 50 + b"\r\n\r\n--x--\r\n", 'multipart/form-data; boundary="x"', 400, "form_malformed"),
        (b"--x\r\nA: " + b"b" * 9_000 + b"\r\n\r\n\r\n--x--\r\n", 'multipart/form-data; boundary="x"', 400, "form_malformed"),
        (b"--x\r\nA: b\r\n\r\nc\r\n--x--\r\n", 'multipart/form-data; boundary="x"', 400, "form_malformed"),
        (PART * 70 + b"--x--\r\n", 'multipart/form-data; boundary="x"', 400, "form_malformed"),
        (PART * 2 + b"--x--\r\n", 'multipart/form-data; boundary="x"', 422, "request_invalid"),
        (PART.replace(b"2026", b"2" * 2_000) + b"--x--\r\n", 'multipart/form-data; boundary="x"', 400, "form_malformed"),
        (PART.replace(b"2026", b"\xff\xfe") + b"--x--\r\n", 'multipart/form-data; boundary="x"', 422, "request_invalid"),
        (b"x" * 3_100_000, 'multipart/form-data; boundary="x"', 413, "body_too_large"),
    ],
)  # fmt: skip
def test_what_is_no_form_is_refused(
    small: Service, content: bytes, kind: str, status: int, code: str
) -> None:
    answer = raw(small, content, kind)
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert small.folders() == []


def test_a_slow_form_is_cut_off(bundle_dir: Path, tmp_path: Path) -> None:
    async def slowly() -> AsyncIterator[bytes]:
        for _ in range(600):
            yield b"x"
            await asyncio.sleep(0.1)
        pytest.fail("it was listened to for a minute")

    settings = Settings(bundle_dir, f"sqlite:///{tmp_path}/s.db", upload_seconds=1)
    with Service(settings) as service:
        answer = service.post(
            "/v1/jobs", content=slowly(), headers={"Content-Type": "multipart/form-data; boundary=x"}
        )
        assert (answer.status_code, answer.json()["code"]) == (408, "body_too_slow")
        assert service.folders() == []


def test_too_many_at_once_are_told_so(small: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "MOST_UPLOADS", 0)
    answer = small.send(csv_files(tables_of(1)))
    assert (answer.status_code, answer.json()["code"]) == (429, "queue_full")


def test_a_full_disk_is_told_and_nothing_is_kept(small: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    import errno

    def fail(_: int) -> None:
        raise OSError(errno.ENOSPC, "CANARY")

    with monkeypatch.context() as patched:
        patched.setattr("serving.api.form.os.fsync", fail)
        answer = small.send(csv_files(tables_of(1)), key="k")
    assert (answer.status_code, answer.json()["code"]) == (507, "storage_full")
    assert "CANARY" not in answer.text
    assert small.folders() == []
    assert small.send(csv_files(tables_of(1)), key="k").status_code == 202


def test_a_database_that_fails_is_told(small: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OperationalError("CANARY", {}, Exception("CANARY"))

    job = small.send(csv_files(tables_of(1))).json()
    with monkeypatch.context() as patched:
        for name in ("find", "cancel", "enqueue"):
            patched.setattr(JobQueue, name, fail)
        for answer in (
            small.send(csv_files(tables_of(1)), key="k"),
            small.get(f"/v1/jobs/{job['id']}"),
            small.request("DELETE", f"/v1/jobs/{job['id']}"),
        ):
            assert (answer.status_code, answer.json()["code"]) == (503, "storage_failed")
            assert "CANARY" not in answer.text
    assert small.send(csv_files(tables_of(1)), key="k").status_code == 202


@pytest.mark.parametrize("job_id", ["0" * 32, "x", "0" * 33, "..", "A" * 32])
def test_a_job_that_is_not_there(small: Service, job_id: str) -> None:
    for path in (f"/v1/jobs/{job_id}", f"/v1/jobs/{job_id}/errors", f"/v1/jobs/{job_id}/result"):
        assert small.get(path).status_code == 404
    assert small.request("DELETE", f"/v1/jobs/{job_id}").status_code in {404, 405}


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=1001", "limit=x", "offset=-1", "offset=1&offset=2", "limit=９"]
)
def test_a_query_is_checked(small: Service, query: str) -> None:
    job = small.send(csv_files(tables_of(1))).json()
    answer = small.get(f"/v1/jobs/{job['id']}/errors?{query}")
    assert (answer.status_code, answer.json()["code"]) == (422, "request_invalid")


def test_the_documented_example_is_of_the_documented_shape() -> None:
    JobAnswer.model_validate(EXAMPLE_JOB, strict=True)


def test_the_result_as_csv_over_http(small: Service) -> None:
    job = small.send(csv_files(tables_of(2)), {**FORM, "result": "csv"}).json()
    small.work()
    answer = small.get(f"/v1/jobs/{job['id']}/result")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    lines = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert [one["household_id"] for one in lines] == ["J0000", "J0001"]


def test_neither_log_nor_answer_repeats_a_value(small: Service, caplog: pytest.LogCaptureFixture) -> None:
    tables = tables_of(2)
    tables["member"][0]["labour"] = "CANARY1"
    tables["household"][1]["household_id"] = "CANARY2 "
    tables["illness"][0]["self_paid_yuan"] = "CANARY3"
    files = {**csv_files(tables), "income.csv": as_csv([{"CANARY4": "CANARY5"}])}
    job = small.send(files).json()
    small.work()
    told = json.dumps([small.get_job(job["id"]), small.get(f"/v1/jobs/{job['id']}/errors").json()])
    assert "CANARY" not in told + caplog.text
    assert small.get_job(job["id"])["failure"]["code"] == "delivery_refused"
