"""Idempotency keys of jobs: a request that is sent again is one job."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator

import httpx
import pytest
from starlette.requests import Request

from serving.access import EVERYWHERE, Caller, Role
from serving.api.idempotency import hold_of
from serving.storage.idempotency import HELD_SECONDS, Hold
from tests.serving.jobs.orders import csv_files, tables_of
from tests.serving.jobs.service import FORM, Service


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
