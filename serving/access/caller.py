"""A caller: a role, an area and the key that was shown, made once a request."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from serving.access.scope import ALL_AREAS, EVERYWHERE, NOWHERE, Scope
from serving.errors import AccessError


class Role(StrEnum):
    """What somebody does, and so what they may ask for."""

    PLATFORM = "platform"
    SCIENTIST = "scientist"
    PROVINCE_OFFICIAL = "province_official"
    COUNTY_OFFICIAL = "county_official"
    TOWNSHIP_OFFICIAL = "township_official"
    VILLAGE_OFFICIAL = "village_official"
    HELPER = "helper"
    AUDITOR = "auditor"
    ACCOUNTS = "accounts"
    MONITOR = "monitor"

    @property
    def area_lengths(self) -> tuple[int, ...]:
        """Lengths of the area codes the role can have; none where it sees no household at all."""
        return _AREA_LENGTHS[self]

    @property
    def sees_households(self) -> bool:
        """Whether any household can be in its scope."""
        return bool(self.area_lengths)


_AREA_LENGTHS = {
    Role.PLATFORM: (0, 2, 4, 6, 9, 12),
    Role.SCIENTIST: (),
    Role.PROVINCE_OFFICIAL: (2,),
    # A city's office does what a county's does, for several of them.
    Role.COUNTY_OFFICIAL: (4, 6),
    Role.TOWNSHIP_OFFICIAL: (9,),
    Role.VILLAGE_OFFICIAL: (12,),
    Role.HELPER: (12,),
    Role.AUDITOR: (),
    Role.ACCOUNTS: (),
    Role.MONITOR: (),
}


@dataclass(frozen=True)
class Caller:
    """Who asks: the first part of their key, their role, and the area they may see."""

    key_id: str
    role: Role
    scope: Scope


OPEN = Caller("open", Role.PLATFORM, EVERYWHERE)
"""Everybody, where access is open."""


def scope_of(role: Role, area: str | None) -> Scope:
    """The scope of a role in an area. Raises `AccessError` where the two do not belong together."""
    lengths = role.area_lengths
    if not lengths:
        if area:
            raise AccessError(f"the role {role} sees no household: give it no area")
        return NOWHERE
    scope = Scope.of(area) if area else NOWHERE
    if scope.prefix is None or len(scope.prefix) not in lengths:
        code = f"its code, of {' or '.join(str(one) for one in lengths if one)} characters"
        everywhere = f", or {ALL_AREAS} for everywhere" if 0 in lengths else ""
        raise AccessError(f"the role {role} needs an area: give {code}{everywhere}")
    return scope
