"""Administrative areas and policy regions.

An *area code* is the statistical code of a place: province 2 digits, city 4, county 6, township 9,
village 12; every prefix names the area above. A *policy region* (``CN-50``, ``UG``) says whose
monitoring line and triggers apply.
"""

from __future__ import annotations

import re

from features.errors import ContractError

AREA_LEVELS = {2: "province", 4: "city", 6: "county", 9: "township", 12: "village"}
"""Length of an area code → level, as in 《统计用区划代码》."""

_AREA_CODE = re.compile(r"[0-9A-Z]{2,12}")


def check_area_code(code: object) -> str:
    """Return `code`, or raise `ContractError` when it is not a code of one of `AREA_LEVELS`."""
    if not isinstance(code, str) or len(code) not in AREA_LEVELS or not _AREA_CODE.fullmatch(code):
        lengths = ", ".join(f"{n} ({level})" for n, level in AREA_LEVELS.items())
        raise ContractError(f"an area code has one of these lengths: {lengths}; digits or capitals only")
    return code


def contains(area_code: str, village_code: str) -> bool:
    """Whether the village lies in the area."""
    return village_code.startswith(area_code)
