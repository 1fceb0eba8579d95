"""An outlook of made-up numbers over the project's own features."""

from __future__ import annotations

from scoring.horizons import Timing
from scoring.lines import LOG_ODDS, Lines
from scoring.outlook import OutlookModel
from scoring.themes import ThemeShares

MADE = OutlookModel(
    timing=Timing(
        months=(3, 6),
        lines=Lines(
            covariates=(LOG_ODDS, "illness_self_paid_yuan_3m"),
            centres=(-3.0, 60.0),
            scales=(1.5, 40.0),
            intercepts=(-1.0, -0.6),
            weights=((0.3, 0.7), (0.1, -0.2)),
        ),
    ),
    themes=ThemeShares(
        lines=Lines(
            covariates=("illness_self_paid_yuan_12m", "accident_count_12m", "employment_idle_workers_count"),
            centres=(80.0, 0.5, 1.0),
            scales=(60.0, 0.7, 0.8),
            intercepts=(-1.0, 0.1, 1.2, -0.4, -0.5),
            weights=((-0.3, 0.0, 0.1), (-0.2, 0.0, 0.9), (0.9, -0.2, 0.0), (0.0, 1.1, 0.0), (-0.4, 0.1, 0.2)),
        )
    ),
)
"""Divides the score of any model of all features with a horizon above 6 months."""
