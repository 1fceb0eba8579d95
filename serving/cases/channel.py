"""Where a lead comes from (点线片面, and the household itself)."""

from __future__ import annotations

from enum import StrEnum


class Channel(StrEnum):
    """The five channels; a card keeps every one that raised a lead."""

    DECLARATION = "declaration"
    """The household's own (自主申报)."""
    SWEEP = "sweep"
    """点: the full re-check (回头看) of the key groups by cadres."""
    DEPARTMENT = "department"
    """线: a department's trigger."""
    GRID = "grid"
    """片: a report of the grid (网格)."""
    SCORE = "score"
    """面: the score of the big-data platform."""
