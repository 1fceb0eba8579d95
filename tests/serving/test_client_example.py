"""The client that the documentation shows, run against the service."""

from __future__ import annotations

import io
import re
import sys
from email.message import Message
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request

import pytest

from serving.api.documentation import example_request
from tests.serving.conftest import NAMES, Client
from tests.serving.test_openapi_examples import service as service

ADDRESS = "http://service.test"
PAGE = Path("docs/how-to/call-the-service.md")


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> Any:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    made = ModuleType("shown_client")
    # Dataclasses look their module up.
    monkeypatch.setitem(sys.modules, made.__name__, made)
    exec(compile(code, str(PAGE), "exec"), made.__dict__)
    return made


class Wire:
    """Takes the requests of the client to a service in this process, with the headers that they have."""

    def __init__(self, client: Client) -> None:
        self.client = client

    def __call__(self, request: Request, timeout: float) -> io.BytesIO:
        headers = {"Authorization": "", **dict(request.header_items())}
        answer = self.client.request(
            request.get_method(), request.full_url, content=request.data, headers=headers
        )
        if answer.status_code != 200:
            raise HTTPError(request.full_url, answer.status_code, answer.text, Message(), None)
        return io.BytesIO(answer.content)


def wired(shown: Any, client: Client, key: str | None = None) -> tuple[Any, Any]:
    """What the client sends and fetches with, at a service that asks for keys."""
    shown.urlopen = Wire(client)
    given = client.headers["Authorization"].removeprefix("Bearer ") if key is None else key
    return shown.send_to(ADDRESS, given), shown.fetch_from(ADDRESS, given)


def test_the_client_that_is_shown_works(client: Client, shown: Any) -> None:
    send, _ = wired(shown, client)
    (told,) = shown.score_households(send, example_request())
    whole = client.post("/v1/scores", json=example_request()).json()["results"][0]
    assert (told.household_id, told.score, told.grade) == ("EXAMPLE-0001", whole["score"], whole["grade"])
    assert told.reasons == tuple(one["text"]["zh"]["sentence"] for one in whole["risk_reasons"]) != ()
    (brief,) = shown.score_households(send, example_request(), reasons=0)
    assert (brief.score, brief.reasons) == (told.score, ())
    silent = {**example_request(), "coverage": []}
    assert shown.score_households(send, silent) == [None]
    assert 0 < shown.score_vector(send, dict.fromkeys(NAMES)) < 1


def test_the_client_without_a_key_is_refused(client: Client, shown: Any) -> None:
    send, fetch = wired(shown, client, key="")
    with pytest.raises(HTTPError, match="401"):
        shown.score_households(send, example_request())
    with pytest.raises(HTTPError, match="401"):
        fetch("/v1/models")


def test_the_client_reads_what_is_stored(service: Client, shown: Any) -> None:
    send, fetch = wired(shown, service)

    stored = service.get("/v1/households/EXAMPLE-0001").json()
    told = shown.score_stored(send, "2026-10-31", ["EXAMPLE-0001", "NOBODY"])
    assert told == {"EXAMPLE-0001": stored["score"], "NOBODY": None}
    (past,) = shown.read_history(fetch, "EXAMPLE-0001")
    assert (past.score, past.grade, past.moved) == (stored["score"], stored["grade"], None)
    assert shown.is_as_it_was(fetch, "EXAMPLE-0001", "2026-10-31")
    # One household is too few to be told.
    assert shown.households_by_grade(fetch, "500999") is None
