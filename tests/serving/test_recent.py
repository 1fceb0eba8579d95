"""What was looked up a moment ago is not looked up again; after that it is."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any

import pytest
from starlette.concurrency import run_in_threadpool

from serving.api import scores
from serving.api.documentation import example_request
from serving.storage.recent import Recent
from tests.serving.conftest import Client

DAY = dt.date(2026, 10, 31)


def test_a_lookup_is_remembered_for_its_seconds_and_so_is_nothing() -> None:
    asked: list[set[str]] = []
    now = [100.0]

    def find(codes: Iterable[str], as_of: dt.date) -> dict[str, int]:
        asked.append(set(codes))
        return {one: len(asked) for one in codes if one != "none"}

    recent = Recent(find, 5, lambda: now[0])
    assert not recent.has(["a"], DAY)
    assert recent.find(["a", "none"], DAY) == {"a": 1}
    assert recent.has(["a", "none"], DAY)
    assert recent.find(["a", "none"], DAY) == {"a": 1}
    assert recent.find(["a", "b"], DAY) == {"a": 1, "b": 2}
    assert recent.find(["a"], dt.date(2026, 11, 1)) == {"a": 3}
    now[0] += 5
    assert recent.find(["a"], DAY) == {"a": 4}
    assert asked == [{"a", "none"}, {"b"}, {"a"}, {"a"}]


def test_with_no_seconds_everything_is_asked() -> None:
    recent = Recent(lambda codes, _: dict.fromkeys(codes, 1), 0, lambda: 1.0)
    assert recent.find(["a"], DAY) == {"a": 1}
    assert not recent.has(["a"], DAY)


@pytest.mark.parametrize("query", ["", "?fields=score,reasons"])
@pytest.mark.parametrize("brings_its_village", [True, False])
def test_what_is_remembered_is_answered_without_the_way_to_a_thread(
    client: Client, monkeypatch: pytest.MonkeyPatch, brings_its_village: bool, query: str
) -> None:
    body = example_request()
    if not brings_its_village:
        for household in body["households"]:
            del household["signals"]["neighbourhood"]
    ways: list[int] = []

    async def thread(*args: Any) -> Any:
        ways.append(1)
        return await run_in_threadpool(*args)

    monkeypatch.setattr(scores, "run_in_threadpool", thread)
    # Whoever asked before, on a date of its own: an excerpt tells nothing usual and waits for nothing of it.
    body["as_of_date"] = "2026-10-30" if query else "2026-10-31"
    answers = [client.post(f"/v1/scores{query}", json=body) for _ in range(6)]
    assert [one.status_code for one in answers] == [200] * 6
    assert len({one.content for one in answers}) == 1
    # What is remembered is forgotten after seconds; a slow machine may take as long.
    assert len(ways) <= 2
