"""Direct routes: found by the guard exactly where the framework would find them, and answered alike."""

from __future__ import annotations

import pytest
from fastapi import APIRouter, FastAPI, Request, Response
from starlette.routing import Match
from starlette.types import Scope

from serving.access.route import DirectRoute, DirectRoutes
from tests.serving.conftest import Client

ADDRESSES = (
    "/v1/scores", "/v1/scores/", "/v1/Scores", "/v1", "/", "", "/v2/models/fangfan/infer",
    "/v2/models/fangfan/infer/", "/v2/models//infer", "/v2/models/a/b/infer",
    "/v2/models/fangfan/versions/1/infer", "/v2/models/fangfan/versions/infer", "/v2/models/x%2Fy/infer",
    "/v2/models/防返/infer", "/v2/models/a\n/infer", "/v1/scores\n", "/measures/7", "/measures/07", "/measures/x",
)  # fmt: skip
METHODS = ("POST", "GET", "HEAD", "OPTIONS", "PUT", "post")


def a_router() -> APIRouter:
    made = APIRouter(route_class=DirectRoute)

    async def endpoint(request: Request, **given: object) -> Response:
        return Response()

    paths = (
        "/v1/scores", "/v2/models/{name}/versions/{version}/infer", "/v2/models/{name}/infer",
        "/measures/{number:int}",
    )  # fmt: skip
    for path in paths:
        made.add_api_route(path, endpoint, methods=["POST"], response_class=Response, response_model=None)
    return made


def a_scope(method: str, path: str, root: str = "") -> Scope:
    return {"type": "http", "method": method, "path": root + path, "root_path": root, "headers": []}


@pytest.mark.parametrize("root", ["", "/fangfan"])
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("path", ADDRESSES)
def test_the_same_addresses_as_the_framework_has(path: str, method: str, root: str) -> None:
    router = a_router()
    direct = DirectRoutes()
    assert direct.add(router) is router
    scope = a_scope(method, path, root)
    found = direct.find(scope)
    wanted = next(
        (
            (one, child["path_params"])
            for one in router.routes
            if isinstance(one, DirectRoute)
            for match, child in [one.matches(a_scope(method, path, root))]
            if match is Match.FULL
        ),
        None,
    )
    if wanted is None or path == "/v1/scores\n":
        # The framework's pattern lets a line break pass at the end; such an address is left to it.
        assert found is None
        assert "route" not in scope
    else:
        assert (found, scope["path_params"]) == wanted
        assert (scope["route"], scope["endpoint"]) == (wanted[0], wanted[0].endpoint)


def test_other_routes_are_left_to_the_framework() -> None:
    router, direct = APIRouter(), DirectRoutes()

    @router.post("/v1/scores")
    async def score() -> None: ...

    direct.add(router)
    assert direct.find(a_scope("POST", "/v1/scores")) is None


def test_every_direct_route_of_the_service_is_taken(client: Client) -> None:
    """And a request for it never comes to the framework: whatever it does, the answer is there."""
    app = client.app
    assert isinstance(app, FastAPI)
    app.router.routes, kept = [], app.router.routes
    try:
        answers = [
            client.post(path, content=b"{", headers={"content-type": "application/json"})
            for path in ("/v1/scores", "/v2/models/fangfan/infer", "/v2/models/fangfan/versions/x/infer")
        ]
    finally:
        app.router.routes = kept
    assert [one.json()["code"] for one in answers] == ["json_malformed", "json_malformed", "model_not_found"]
    for one in answers:
        assert one.headers["content-type"] == "application/problem+json"
        assert one.headers["cache-control"] == "no-store"
        assert one.headers["x-content-type-options"] == "nosniff"
        assert len(one.headers["x-request-id"]) == 32
        assert len(one.headers.multi_items()) == len(dict(one.headers))


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_other_methods_are_refused_as_before(client: Client, method: str) -> None:
    answer = client.request(method, "/v1/scores")
    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
    assert answer.headers["allow"] == "POST"
