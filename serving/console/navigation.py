"""Where the pages' navigation leads: to what a role may open, as the policy of the routes says."""

from __future__ import annotations

from dataclasses import dataclass

from serving.access import Caller, Role
from serving.access.policy import POLICIES, VISITORS

FIRST, MY_LIST, ACCOUNT = "/", "/list", "/password"


@dataclass(frozen=True)
class Place:
    """One entry: the address of a page without parameters, and the key of its name in the catalogue."""

    path: str
    name: str


PLACES = (
    Place(MY_LIST, "my_list_title"),
    Place(FIRST, "list_title"),
    Place("/corrections", "corrections_title"),
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
    """Where somebody begins: at their own list, at all households, or at their account."""
    if role in VISITORS:
        return MY_LIST
    return FIRST if role.sees_households else ACCOUNT
