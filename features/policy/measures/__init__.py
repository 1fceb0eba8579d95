"""Measures: the help a household may get, in 14 official groups, as dated, sourced data. See `catalogue`."""

from features.policy.measures.catalogue import (
    Changes,
    Group,
    Measure,
    MeasureEntry,
    Whom,
    get_measure,
    groups,
    measures,
)

__all__ = ["Changes", "Group", "Measure", "MeasureEntry", "Whom", "get_measure", "groups", "measures"]
