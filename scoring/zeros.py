"""Zeros: whether to have none of something is a fact that tells why a risk is higher, or lower."""

from __future__ import annotations

from functools import cache
from typing import Literal

from features import FEATURES

LACKS_AT_ZERO = frozenset({
    "composition_land_mu",
    "employment_migrant_count",
    "employment_public_welfare_count",
    "insurance_enrolled_count",
    "income_transfers_yuan_12m",
    "income_wages_share_12m",
    "assistance_monthly_yuan",
    "assistance_is_on_dibao",
})
"""Features without a direction of which to have nothing is a lack that can be seen at the door."""


@cache
def is_idle_at_zero(feature: str, effect: Literal["risk", "protective"]) -> bool:
    """Whether 0, or "no", of a feature says nothing of why the risk is higher (or lower).

    No hospital stay raises no risk and no income lowers none, whatever a model made of them beside its other
    features. 0 days since something is its newest date, and no nothing.
    """
    one = FEATURES[feature]
    if effect == "protective":
        return one.direction < 0
    if one.direction == 0:
        return feature not in LACKS_AT_ZERO and one.unit != "days"
    return one.direction > 0
