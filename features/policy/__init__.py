"""Policy numbers and codes as dated, sourced data. See `parameters`."""

from features.policy.parameters import (
    DEFAULT_REGION,
    PolicyValue,
    parameters,
    policy_history,
    policy_value,
    policy_version,
    regions_of,
    title_of,
)

__all__ = [
    "DEFAULT_REGION",
    "PolicyValue",
    "parameters",
    "policy_history",
    "policy_value",
    "policy_version",
    "regions_of",
    "title_of",
]
