"""Who may use which route: one line each. A route without a line is refused to everybody."""

from __future__ import annotations

from dataclasses import dataclass

from serving.access.caller import Role

KNOWN = frozenset(Role)
SENDERS = frozenset({Role.PLATFORM})
READERS = frozenset(one for one in Role if one.sees_households)


@dataclass(frozen=True)
class Policy:
    """Which roles may use a route (`None`: anybody, without a key), and what their area means there."""

    roles: frozenset[Role] | None
    area: str = "–"

    @property
    def is_public(self) -> bool:
        """Whether no key is asked for."""
        return self.roles is None


PUBLIC = Policy(None)
_NO_HOUSEHOLD = Policy(KNOWN)
_SENT = Policy(SENDERS, "households sent must lie in it")
_VECTORS = Policy(SENDERS | {Role.SCIENTIST}, "none: vectors name no household")
_READ = Policy(READERS, "households outside are not there")
_JOB = Policy(SENDERS, "jobs of other areas are not there")
_MONITOR = Policy(frozenset({Role.MONITOR}), "none: counts and ages alone")

POLICIES: dict[str, Policy] = {
    "GET /health/live": PUBLIC,
    "GET /health/ready": PUBLIC,
    "GET /openapi.json": PUBLIC,
    "GET /static": PUBLIC,
    "GET /v1/model": _NO_HOUSEHOLD,
    "GET /v1/measures": _NO_HOUSEHOLD,
    "POST /v1/scores": _SENT,
    "POST /v1/what-if": _SENT,
    "GET /ping": PUBLIC,
    "POST /invocations": _VECTORS,
    "GET /v2/health/live": PUBLIC,
    "GET /v2/health/ready": PUBLIC,
    "GET /v2": _NO_HOUSEHOLD,
    "GET /v2/models/{name}": _NO_HOUSEHOLD,
    "GET /v2/models/{name}/ready": _NO_HOUSEHOLD,
    "POST /v2/models/{name}/infer": _VECTORS,
    "GET /v2/models/{name}/versions/{version}": _NO_HOUSEHOLD,
    "GET /v2/models/{name}/versions/{version}/ready": _NO_HOUSEHOLD,
    "POST /v2/models/{name}/versions/{version}/infer": _VECTORS,
    "GET /v1/households/{household_id}": _READ,
    "POST /v1/jobs": _SENT,
    "GET /v1/jobs/{job_id}": _JOB,
    "GET /v1/jobs/{job_id}/errors": _JOB,
    "GET /v1/jobs/{job_id}/result": _JOB,
    "DELETE /v1/jobs/{job_id}": _JOB,
    "GET /metrics": _MONITOR,
    "GET /": _READ,
    "GET /households/{household_id}": _READ,
}


def policy_table() -> str:
    """The table as Markdown, for the documentation."""
    lines = ["| route | roles | the caller's area |", "|---|---|---|"]
    for route, policy in POLICIES.items():
        roles = "anybody" if policy.roles is None else ", ".join(one for one in Role if one in policy.roles)
        if policy.roles == KNOWN:
            roles = "every role"
        lines.append(f"| `{route}` | {roles} | {policy.area} |")
    return "\n".join(lines)
