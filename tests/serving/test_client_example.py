"""The client that the documentation shows, run against the service."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from serving.api.documentation import example_request
from tests.serving.conftest import NAMES, Client
from tests.serving.test_openapi_examples import service as service

PAGE = Path("docs/how-to/call-the-service.md")


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> Any:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    made = ModuleType("shown_client")
    # Dataclasses look their module up.
    monkeypatch.setitem(sys.modules, made.__name__, made)
    exec(compile(code, str(PAGE), "exec"), made.__dict__)
    return made


def test_the_client_that_is_shown_works(client: Client, shown: Any) -> None:
    def send(path: str, body: bytes) -> bytes:
        answer = client.post(path, content=body, headers={"Content-Type": "application/json"})
        assert answer.status_code == 200, answer.text
        return answer.content

    (told,) = shown.score_households(send, example_request())
    whole = client.post("/v1/scores", json=example_request()).json()["results"][0]
    assert (told.household_id, told.score, told.grade) == ("EXAMPLE-0001", whole["score"], whole["grade"])
    assert told.reasons == tuple(one["text"]["zh"]["sentence"] for one in whole["risk_reasons"]) != ()
    (brief,) = shown.score_households(send, example_request(), reasons=0)
    assert (brief.score, brief.reasons) == (told.score, ())
    assert 0 < shown.score_vector(send, dict.fromkeys(NAMES)) < 1


def test_the_client_reads_what_is_stored(service: Client, shown: Any) -> None:
    def send(path: str, body: bytes) -> bytes:
        answer = service.post(path, content=body, headers={"Content-Type": "application/json"})
        assert answer.status_code == 200, answer.text
        return answer.content

    def fetch(path: str) -> bytes:
        answer = service.get(path)
        assert answer.status_code == 200, answer.text
        return answer.content

    stored = service.get("/v1/households/EXAMPLE-0001").json()
    told = shown.score_stored(send, "2026-10-31", ["EXAMPLE-0001", "NOBODY"])
    assert told == {"EXAMPLE-0001": stored["score"], "NOBODY": None}
    (past,) = shown.read_history(fetch, "EXAMPLE-0001")
    assert (past.score, past.grade, past.moved) == (stored["score"], stored["grade"], None)
    assert shown.is_as_it_was(fetch, "EXAMPLE-0001", "2026-10-31")
    # One household is too few to be told.
    assert shown.households_by_grade(fetch, "500999") is None
