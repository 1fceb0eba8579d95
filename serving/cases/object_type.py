"""Which types of object a household can be of, by whether it was ever registered poor. Source: DOMAIN §2.

脱贫不稳定户 was registered poor before 2021, 边缘易致贫户 never was, 突发严重困难户 may be either.
"""

from __future__ import annotations

from enum import StrEnum

from serving.cases.errors import FactsRefused, Reason


class Background(StrEnum):
    """What the register says of a household: the categories of the feed `household`."""

    FORMERLY_POOR = "formerly_poor"
    OTHER = "other"


_ASKS_FOR = {"unstable_formerly_poor": Background.FORMERLY_POOR, "marginal": Background.OTHER}


def fits_background(object_type: str, background: Background | None) -> bool:
    """Whether a household can be of a type; of one whose background is not known nothing is held against."""
    return background is None or _ASKS_FOR.get(object_type, background) is background


def check_object_type(object_type: str, background: Background | None) -> None:
    """Raise `FactsRefused` for a type that what the register says rules out."""
    if not fits_background(object_type, background):
        way_out = "the register says otherwise: give a type that fits, or correct the register at a visit"
        raise FactsRefused([Reason("/facts/object_type", "register_differs", way_out)])
