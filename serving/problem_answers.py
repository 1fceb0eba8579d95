"""Problems as responses."""

from __future__ import annotations

import json
from collections.abc import Mapping

from starlette.responses import Response

from serving.errors import PROBLEM_TYPE, Problem

_BY_STATUS = {
    404: "not_found",
    405: "method_not_allowed",
    413: "body_too_large",
    415: "media_type_unsupported",
}


def problem_of_status(status: int, headers: Mapping[str, str] | None = None) -> Problem:
    """The problem for an HTTP error that the framework itself raised; its own text is dropped."""
    code = _BY_STATUS.get(status, "request_malformed" if status < 500 else "internal_error")
    allow = {name: value for name, value in (headers or {}).items() if name.lower() == "allow"}
    return Problem(code, headers=allow)


def problem_response(problem: Problem) -> Response:
    """The problem as an ``application/problem+json`` response."""
    return Response(
        json.dumps(problem.body(), ensure_ascii=False),
        status_code=problem.kind.status,
        media_type=PROBLEM_TYPE,
        headers=problem.headers,
    )
