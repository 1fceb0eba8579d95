"""Jobs over HTTP: taken in once, told of, cancelled, and refused in one shape."""

from __future__ import annotations

import asyncio
import csv
import datetime as dt
import io
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pyarrow.parquet as pq
import pytest
from sqlalchemy.exc import OperationalError

from serving.access import Role
from serving.access.local import Access
from serving.api import jobs
from serving.api.job_answers import JobAnswer, JobErrors
from serving.api.job_documentation import EXAMPLE_JOB
from serving.jobs import JobQueue
from serving.settings import Settings
from serving.storage import KeyStore
from tests.serving.jobs.orders import as_csv, csv_files, tables_of
from tests.serving.jobs.service import FORM, Service
from tests.serving.jobs.test_scoring import EXPECTED, broken_tables


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
    monkeypatch.setattr(jobs, "MOST_UPLOADS_OF_ONE", 1)
    engine = small.app.state.store.engine
    with KeyStore(engine).writer.begin() as connection:
        made, _ = KeyStore(engine).add_in(connection, Role.PLATFORM, "*", "other", dt.timedelta(days=1))
    files = csv_files(tables_of(1))

    async def send() -> list[httpx.Response]:
        transport = httpx.ASGITransport(small.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://service.test") as client:
            form = client.build_request(
                "POST", "/v1/jobs", data=FORM, files=[(k[:-4], (k, v)) for k, v in files.items()]
            )
            mine = {**small.headers, "Content-Type": form.headers["content-type"]}
            others = {**mine, "Authorization": f"Bearer {made.text}"}
            content = b"".join([part async for part in form.stream])  # type: ignore[union-attr]
            meanwhile: list[httpx.Response] = []

            async def slowly() -> AsyncIterator[bytes]:
                yield content[:100]
                # Asked for the next piece, the service is taking this one in.
                for headers in (mine, others):
                    meanwhile.append(await client.post("/v1/jobs", content=content, headers=headers))
                yield content[100:]

            first = await client.post("/v1/jobs", content=slowly(), headers=mine)
            return [first, *meanwhile, await client.post("/v1/jobs", content=content, headers=mine)]

    answers = [(one.status_code, one.json().get("code")) for one in small.run(send())]
    assert answers == [(202, None), (429, "caller_queue_full"), (202, None), (202, None)]


def test_where_access_is_open_nobody_has_a_share(bundle_dir: Path, tmp_path: Path) -> None:
    settings = Settings(
        bundle_dir, f"sqlite:///{tmp_path}/s.db", access=Access.OPEN, max_jobs=2, max_jobs_per_caller=1
    )
    with Service(settings) as service:
        service._http.headers["Host"] = "localhost"
        codes = [service.send(csv_files(tables_of(1))).json().get("code") for _ in range(3)]
    assert codes == [None, None, "queue_full"]


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
