"""What the OpenAPI document says of access, written from the policies."""

from __future__ import annotations

from typing import Any

from serving.access.origin import Origin
from serving.access.policy import POLICIES
from serving.access.tokens import ALGORITHMS
from serving.api.documentation import problems

KEY, TOKEN, SESSION = "key", "token", "session"


def add_access(document: dict[str, Any], origin: Origin) -> dict[str, Any]:
    """The document with the ways to show who asks; for each route who may use it, how others are refused."""
    document.setdefault("components", {})["securitySchemes"] = {
        KEY: {
            "type": "http",
            "scheme": "bearer",
            "description": "`Authorization: Bearer ff_…`: a key that `python -m serving keys add` made. Each "
            "route's `x-roles` lists the roles that may use it, `x-area` what the key's area means there.",
        },
        TOKEN: {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT",
            "description": "`Authorization: Bearer eyJ…`: a token of the identity provider, where one "
            f"is set up; signed with {', '.join(ALGORITHMS[:-1])}.",
        },
        SESSION: {
            "type": "apiKey",
            "in": "cookie",
            "name": origin.cookie,
            "description": "The session of somebody who signed in at `/sign-in` with a browser. What changes "
            "anything is taken from pages of this service alone.",
        },
    }
    refusals = {str(status): one for status, one in problems(400, 401, 403, 503).items()}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            policy = POLICIES.get(f"{method.upper()} {path}")
            if policy is None or policy.roles is None:
                continue
            operation["security"] = [{KEY: []}, {TOKEN: []}, {SESSION: []}]
            operation["x-roles"] = sorted(policy.roles)
            operation["x-area"] = policy.area
            operation["responses"] |= refusals
    return document
