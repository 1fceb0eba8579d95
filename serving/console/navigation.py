"""Where the pages' navigation leads: to what a role may open, as the policy of the routes says."""

from __future__ import annotations

from dataclasses import dataclass

from serving.access import Caller, Role
from serving.access.policy import POLICIES, VISITORS

FIRST, MY_LIST, CASES, ACCOUNT = "/", "/list", "/cases", "/password"
RELAPSES, BOARD, ACCOUNTS, AUDIT, RELEASES, FEEDS = (
    "/relapses",
    "/areas",
    "/accounts",
    "/audit",
    "/releases",
    "/feeds",
)


@dataclass(frozen=True)
class Place:
    """One entry: the address of a page without parameters, and the key of its name in the catalogue."""

    path: str
    name: str


PLACES = (
    Place(MY_LIST, "my_list_title"),
    Place(CASES, "cases_title"),
    Place(FIRST, "list_title"),
    Place(BOARD, "board_title"),
    Place("/corrections", "corrections_title"),
    Place(RELAPSES, "relapses_title"),
    Place(ACCOUNTS, "accounts_title"),
    Place(AUDIT, "audit_title"),
    Place(FEEDS, "feed_health_title"),
    Place(RELEASES, "releases_title"),
)
"""In the order of the navigation; whoever may not open a page is not shown it."""


def places_of(caller: Caller | None, *, is_signed_in: bool) -> tuple[Place, ...]:
    """The entries for somebody; none for whoever is nobody yet."""
    if caller is None:
        return ()
    return tuple(
        one for one in PLACES if POLICIES[f"GET {one.path}"].admits(caller.role, is_signed_in=is_signed_in)
    )


def first_page(role: Role) -> str:
    """Where somebody begins: at their own list, at the board of their area, at what they are there for."""
    if role in VISITORS:
        return MY_LIST
    return _BEGINS.get(role, FIRST if role.sees_households else ACCOUNT)


_BEGINS = {
    Role.COUNTY_OFFICIAL: BOARD,
    Role.PROVINCE_OFFICIAL: BOARD,
    Role.ACCOUNTS: ACCOUNTS,
    Role.AUDITOR: AUDIT,
    Role.MONITOR: FEEDS,
}
