"""Routes that are asked all day: the gate, then the endpoint, and nothing of the framework between them."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute

from serving.access.gate import Gate


class DirectRoute(APIRoute):
    """A route whose endpoint takes the request and the address's parameters, and makes its own `Response`.

    Parameters and answers are neither declared nor checked by the framework, which spends half as long on
    them as one household's answer takes. The gate is asked here, because the handler that would ask it as a
    dependency is the one that is left out.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        endpoint = self.endpoint

        async def answer(request: Request) -> Response:
            gate: Gate = request.app.state.gate
            await gate.admit(request)
            made: Response = await endpoint(request, **request.path_params)
            return made

        return answer
