"""What is shown of an identifier to whoever has not asked for it by name: enough to tell two people apart.

The surname, the first four and last four characters of an ID number, the first three and last four digits of
a phone, an address down to its county: the forms that Chinese public services print. No national standard
fixes the places; GB/T 37964-2019, appendix A, has masking (屏蔽) as a technique and leaves them to the
purpose.
"""

from __future__ import annotations

import re

from serving.identity.kinds import Kind

# A letter of a name down to the county. Streets and villages have 区 and 市 of their own, which are
# addresses: 乡, 镇 and 路 may begin a name (镇平县) and be nowhere else in it. Where one has them (新乡市),
# less is shown.
_LETTER = r"(?:[^0-9A-Za-z乡镇村街路巷弄号栋组室院]|(?<![^省市州盟区])[乡镇路])"
_COUNTY = re.compile(_LETTER + r"{2,20}?(?:自治县|[县旗]|(?<![小社园])区)")
"""Not a 小区, 社区 or 园区, whose name is an address."""
_CITY = re.compile(_LETTER + r"{2,10}?(?:自治州|省|(?<![超菜夜])市)")
HIDDEN = "****"


def masked(kind: Kind, value: str) -> str:
    """A normalised value as it is shown by default."""
    match kind:
        case Kind.NAME:
            # As many stars whatever the length, which would tell something of a short list.
            return f"{value[0]}**"
        case Kind.ID_NUMBER:
            return f"{value[:4]}{'*' * (len(value) - 8)}{value[-4:]}"
        case Kind.PHONE:
            return f"{value[:3]}****{value[-4:]}"
        case Kind.ADDRESS:
            found = _COUNTY.match(value) or _CITY.match(value)
            return f"{found[0] if found else ''}{HIDDEN}"
