"""Queries: a name that a route does not have is refused, where it reads any, and never repeated."""

from __future__ import annotations

import re

from tests.serving.conftest import Client

CANARY = "canary-4411"


def test_every_route_that_reads_a_query_refuses_names_it_does_not_have(client: Client) -> None:
    asked = 0
    for path, operations in client.get("/openapi.json").json()["paths"].items():
        for method, operation in operations.items():
            known = [one["name"] for one in operation.get("parameters", ()) if one["in"] == "query"]
            if not known:
                continue
            at = re.sub(r"\{\w+\}", "500999", path)
            answer = client.request(method, f"{at}?{CANARY}=1", json={})
            if answer.json()["code"] == "role_not_allowed":
                # For people alone; who may not ask is told so first.
                continue
            assert answer.status_code == 422, (path, answer.text)
            (error,) = answer.json()["errors"]
            assert (error["pointer"], error["code"]) == ("/query", "unknown_field")
            assert error["way_out"].endswith(f"there are {', '.join(sorted(known))}")
            assert CANARY not in answer.text
            asked += 1
    assert asked >= 12


def test_a_monitor_may_add_what_it_likes(client: Client) -> None:
    assert client.get("/health/live?probe=7").status_code == 200
