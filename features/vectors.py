"""Vectors: what is known about households on a date, as a table for models and people."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

import pandas as pd

from features.definitions import FEATURES
from features.engines.duckdb import registered_villages
from features.engines.plan import Plan
from features.engines.sql import SILENT_FEEDS, coverage_table
from features.language.feature import Feature
from features.policy import DEFAULT_REGION
from features.signals.store import Signals


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


def silent_feeds(
    signals: Signals,
    as_of: dt.date,
    *,
    features: Iterable[Feature] | None = None,
    region: str = DEFAULT_REGION,
) -> pd.Series[str]:
    """The feeds that are silent for each registered household, by household_id, joined by commas.

    Of a silent feed (delivered too long ago or never) nothing may be counted: each feature that needs it is
    missing in the vectors of that date.
    """
    homes = registered_villages(signals.tables["household"], as_of)
    villages = sorted(homes.unique())
    plan = Plan(FEATURES.values() if features is None else features)
    told = coverage_table(signals.coverage, villages, as_of, region, plan)[SILENT_FEEDS].to_pylist()
    found: pd.Series[str] = homes.map(dict(zip(villages, told, strict=True))).rename(SILENT_FEEDS)
    return found
