"""The people who work on cases, by the values of their roles.

Words and not `serving.access.Role`, which brings the database along; a test holds the two together.
"""

from __future__ import annotations

HELPER = "helper"
VILLAGE = "village_official"
TOWNSHIP = "township_official"
COUNTY = "county_official"
PROVINCE = "province_official"

MOVERS = (HELPER, VILLAGE, TOWNSHIP, COUNTY)
"""Who moves cases. Nobody else does: no platform, scientist or monitor, and no key of anybody."""
LEVELS = (VILLAGE, TOWNSHIP, COUNTY, PROVINCE)
"""Who is told of what is overdue, from below to above. A helper (帮扶联系人) works at the village's level."""


def role_text(role: str, language: str) -> str:
    """A role in words, Chinese (``zh``) or English (``en``)."""
    zh, en = _TEXTS[role]
    return zh if language == "zh" else en


_TEXTS = {
    HELPER: ("帮扶联系人", "helper"),
    VILLAGE: ("村干部", "village official"),
    TOWNSHIP: ("乡镇干部", "township official"),
    COUNTY: ("区县干部", "county official"),
    PROVINCE: ("省（市）级干部", "province official"),
}
