"""Vectors: what is known about households on a date, as a table for models and people."""

from __future__ import annotations

import pandas as pd

from features.definitions import FEATURES


def catalogue() -> pd.DataFrame:
    """Every feature with its names, unit, theme, direction, feeds, window and meaning; one row each."""
    rows = [
        {
            "feature": one.name,
            "zh": one.zh,
            "en": one.en,
            "unit": one.unit,
            "theme": one.theme,
            "cause": one.cause,
            "direction": one.direction,
            "feeds": ", ".join(one.feeds),
            "window_months": one.window_months,
            "meaning": one.doc,
        }
        for one in FEATURES.values()
    ]
    return pd.DataFrame(rows).set_index("feature")
