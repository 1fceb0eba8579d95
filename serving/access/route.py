"""Routes that are asked all day: the gate, then the endpoint, and nothing of the framework between them."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.routing import APIRoute
from starlette._utils import get_route_path
from starlette.types import Receive, Scope, Send

from serving.access.gate import Gate


class DirectRoute(APIRoute):
    """A route whose endpoint takes the request and the address's parameters, and makes its own `Response`.

    Parameters and answers are neither declared nor checked by the framework, which spends half as long on
    them as one household's answer takes. The gate is asked here, because the handler that would ask it as a
    dependency is the one that is left out.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        return self.answer

    async def answer(self, request: Request) -> Response:
        """What the endpoint answers whom the gate admits; raises `Problem`."""
        gate: Gate = request.app.state.gate
        await gate.admit(request)
        made: Response = await self.endpoint(request, **request.path_params)
        return made


class DirectRoutes:
    """Direct routes by their addresses: a request for one of them is taken before any other is tried.

    The framework has the same routes, and answers for the methods that they do not have.
    """

    def __init__(self) -> None:
        self._whole: dict[tuple[str, str], DirectRoute] = {}
        self._patterns: list[DirectRoute] = []

    def add(self, router: APIRouter) -> APIRouter:
        """Take the direct routes of a router, which is returned; earlier ones come first."""
        for one in router.routes:
            if isinstance(one, DirectRoute):
                if one.param_convertors:
                    self._patterns.append(one)
                else:
                    self._whole.update({(method, one.path): one for method in one.methods or ()})
        return router

    def find(self, scope: Scope) -> DirectRoute | None:
        """The route of a request, which the scope is told of; `None` where it is for others to answer."""
        method, path = scope["method"], get_route_path(scope)
        parameters: dict[str, Any] = {}
        route = self._whole.get((method, path))
        if route is None:
            for one in self._patterns:
                found = one.path_regex.match(path) if method in (one.methods or ()) else None
                if found:
                    route = one
                    parameters = {
                        name: one.param_convertors[name].convert(text)
                        for name, text in found.groupdict().items()
                    }
                    break
        if route is not None:
            scope["route"], scope["endpoint"], scope["path_params"] = route, route.endpoint, parameters
        return route

    @staticmethod
    async def answer(route: DirectRoute, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request by its route; raises `Problem`."""
        response = await route.answer(Request(scope, receive, send))
        await response(scope, receive, send)
