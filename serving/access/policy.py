"""Who may use which route: one line each. A route without a line is refused to everybody."""

from __future__ import annotations

from dataclasses import dataclass

from serving.access.caller import Role

KNOWN = frozenset(Role)
SENDERS = frozenset({Role.PLATFORM})
VISITORS = frozenset({Role.TOWNSHIP_OFFICIAL, Role.VILLAGE_OFFICIAL, Role.HELPER})
"""Who goes to households, and so may have to know how they are called."""
MOVERS = VISITORS | {Role.COUNTY_OFFICIAL}
"""Who works on cases: those who go to households, and the county, which identifies."""
READERS = frozenset(one for one in Role if one.sees_households)
PLANNERS = frozenset({Role.COUNTY_OFFICIAL, Role.TOWNSHIP_OFFICIAL, Role.VILLAGE_OFFICIAL})
"""Who plans measures."""
REVIEWERS = frozenset({Role.PROVINCE_OFFICIAL, Role.COUNTY_OFFICIAL, Role.TOWNSHIP_OFFICIAL})
"""Who reviews what was corrected at the door: the township or above."""


@dataclass(frozen=True)
class Policy:
    """Which roles may use a route (`None`: anybody, without a key), and what their area means there.

    `for_people`: only somebody who is signed in, of whatever role. `mends` are the problems that keep a
    signed-in person from everything else, and that this route is there to end.
    """

    roles: frozenset[Role] | None
    area: str = "–"
    for_people: bool = False
    mends: frozenset[str] = frozenset()

    def admits(self, role: Role, *, is_signed_in: bool) -> bool:
        """Whether a role may use the route, signed in or with a key."""
        return self.roles is None or (role in self.roles and (is_signed_in or not self.for_people))


PUBLIC = Policy(None)
_NO_HOUSEHOLD = Policy(KNOWN)
_SENT = Policy(SENDERS, "households sent must lie in it")
_VECTORS = Policy(SENDERS | {Role.SCIENTIST}, "none: vectors name no household")
_READ = Policy(READERS, "households outside are not there")
_VISITED = Policy(VISITORS, "households outside are not there", for_people=True)
_PLAN_READ = Policy(READERS, "cases outside are not there")
_PLANNED = Policy(PLANNERS, "cases outside are not there", for_people=True)
_DELIVERED = Policy(PLANNERS | VISITORS, "cases outside are not there", for_people=True)
_REVIEWED = Policy(REVIEWERS, "corrections outside are not there", for_people=True)
_IDENTITY_SENT = Policy(SENDERS, "the household's village must lie in it")
_REVEALED = Policy(VISITORS, "households outside are not there")
_LEADS_SENT = Policy(READERS, "the households' villages must lie in it")
_PEOPLE = Policy(READERS - SENDERS, "households outside are not there", for_people=True)
_AREA = Policy(READERS, "areas outside are not there")
_JOB = Policy(SENDERS, "jobs of other areas are not there")
_MOVED = Policy(MOVERS, "cases outside are not there", for_people=True)
_CASE = Policy(READERS, "cases outside are not there")
_FIRST = frozenset({"password_change_needed"})
_THEN = _FIRST | {"second_factor_needed"}
_OWN_PASSWORD = Policy(KNOWN, "none: the own account", for_people=True, mends=_THEN)
_OWN_FACTOR = Policy(KNOWN, "none: the own account", for_people=True, mends=_THEN - _FIRST)
_MONITOR = Policy(frozenset({Role.MONITOR}), "none: counts and ages alone")
_LIST = Policy(VISITORS, "households outside are not there")
_ACCOUNTS = Policy(frozenset({Role.ACCOUNTS}), "none: accounts, no household", for_people=True)
_SEARCHED = Policy(frozenset({Role.AUDITOR}), "none: keys of households are hashed", for_people=True)
_SYSTEM = Policy(
    frozenset({Role.MONITOR, Role.AUDITOR, Role.ACCOUNTS, Role.SCIENTIST}), "none: counts and ages alone"
)

POLICIES: dict[str, Policy] = {
    "GET /health/live": PUBLIC,
    "GET /health/ready": PUBLIC,
    "GET /openapi.json": PUBLIC,
    "GET /static": PUBLIC,
    "GET /v1/model": _NO_HOUSEHOLD,
    "GET /v1/models": _NO_HOUSEHOLD,
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
    "GET /v1/households/{household_id}/identity": _READ,
    "PUT /v1/households/{household_id}/identity": _IDENTITY_SENT,
    "POST /v1/households/{household_id}/identity/reveal": _REVEALED,
    "POST /v1/households/lookup": _READ,
    "GET /v1/households/{household_id}/scores": _READ,
    "GET /v1/households/{household_id}/scores/{as_of_date}/replay": _READ,
    "POST /v1/households/{household_id}/visits": _VISITED,
    "GET /v1/households/{household_id}/visits": _READ,
    "GET /v1/corrections": _REVIEWED,
    "POST /v1/corrections/{correction_id}/review": _REVIEWED,
    "GET /v1/cases/{case_id}/measures": _PLAN_READ,
    "POST /v1/cases/{case_id}/measures": _PLANNED,
    "POST /v1/cases/{case_id}/measures/{measure_id}/end": _PLANNED,
    "POST /v1/cases/{case_id}/measures/{measure_id}/deliveries": _DELIVERED,
    "GET /v1/areas/{area_code}/summary": _AREA,
    "GET /v1/areas/{area_code}/casework": _AREA,
    "GET /v1/areas/{area_code}/clusters": _AREA,
    "GET /v1/leads": _READ,
    "POST /v1/leads": _LEADS_SENT,
    "GET /v1/worklists/{area_code}": _AREA,
    "POST /v1/worklists/{area_code}/entries": _PEOPLE,
    "GET /v1/households/{household_id}/listing": _READ,
    "GET /v1/cases": _CASE,
    "GET /v1/cases/notice/{case_id}": _CASE,
    "GET /v1/cases/{case_id}": _CASE,
    "GET /v1/cases/{case_id}/elimination": _CASE,
    "GET /v1/relapses": _CASE,
    "POST /v1/cases/{case_id}/moves": _MOVED,
    "POST /v1/jobs": _SENT,
    "GET /v1/jobs/{job_id}": _JOB,
    "GET /v1/jobs/{job_id}/errors": _JOB,
    "GET /v1/jobs/{job_id}/result": _JOB,
    "DELETE /v1/jobs/{job_id}": _JOB,
    "GET /metrics": _MONITOR,
    "GET /": _READ,
    "GET /households/{household_id}": _READ,
    "GET /sign-in": PUBLIC,
    "POST /sign-in": PUBLIC,
    "POST /sign-out": _OWN_PASSWORD,
    "GET /password": _OWN_PASSWORD,
    "POST /password": _OWN_PASSWORD,
    "GET /second-factor": _OWN_FACTOR,
    "POST /second-factor": _OWN_FACTOR,
    "POST /households/{household_id}/reveal": _REVEALED,
    "GET /list": _LIST,
    "POST /list/workbook": _LIST,
    "GET /households/{household_id}/visit": _VISITED,
    "POST /households/{household_id}/visit": _VISITED,
    "GET /households/{household_id}/sheet": _LIST,
    "GET /cases": _CASE,
    "POST /cases/{case_id}/moves": _MOVED,
    "GET /cases/{case_id}/plan": _PLAN_READ,
    "GET /cases/{case_id}/what-if": _PLAN_READ,
    "POST /cases/{case_id}/measures": _PLANNED,
    "POST /cases/{case_id}/measures/{measure_id}/deliveries": _DELIVERED,
    "GET /areas": _AREA,
    "GET /areas/{area_code}": _AREA,
    "GET /accounts": _ACCOUNTS,
    "POST /accounts": _ACCOUNTS,
    "POST /accounts/find": _ACCOUNTS,
    "POST /accounts/{account_id}/{doing}": _ACCOUNTS,
    "GET /audit": _SEARCHED,
    "POST /audit": _SEARCHED,
    "GET /feeds": _SYSTEM,
    "GET /releases": _SYSTEM,
    "GET /relapses": _CASE,
    "GET /corrections": _REVIEWED,
    "POST /corrections/{correction_id}/review": _REVIEWED,
}


def policy_table() -> str:
    """The table as Markdown, for the documentation."""
    lines = ["| route | roles | the caller's area |", "|---|---|---|"]
    for route, policy in POLICIES.items():
        roles = "anybody" if policy.roles is None else ", ".join(one for one in Role if one in policy.roles)
        if policy.roles == KNOWN:
            roles = "every role, signed in" if policy.for_people else "every role"
        lines.append(f"| `{route}` | {roles} | {policy.area} |")
    return "\n".join(lines)
