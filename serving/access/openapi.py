"""What the OpenAPI document says of access, written from the policies."""

from __future__ import annotations

from typing import Any

from serving.access.policy import POLICIES
from serving.api.documentation import problems

SCHEME = "key"


def add_access(document: dict[str, Any]) -> dict[str, Any]:
    """The document with the key's scheme, and for each route who may use it and how others are refused."""
    document.setdefault("components", {})["securitySchemes"] = {
        SCHEME: {
            "type": "http",
            "scheme": "bearer",
            "description": "`Authorization: Bearer ff_…`: a key that `python -m serving keys add` made. Each "
            "route's `x-roles` lists the roles that may use it, `x-area` what the key's area means there.",
        }
    }
    refusals = {str(status): one for status, one in problems(401, 403).items()}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            policy = POLICIES.get(f"{method.upper()} {path}")
            if policy is None or policy.roles is None:
                continue
            operation["security"] = [{SCHEME: []}]
            operation["x-roles"] = sorted(policy.roles)
            operation["x-area"] = policy.area
            operation["responses"] |= refusals
    return document
