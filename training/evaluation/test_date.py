"""Test date: everything that one test date showed."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from training.evaluation.groups import Grouping
from training.evaluation.measured import AreaFigures, CurvePoint, DialPoint, Difference, Measured


@dataclass(frozen=True)
class TestDate:
    """One test date: every ranking's numbers, ours minus each other, and where ours finds whom."""

    __test__ = False  # for pytest: this is no test class

    as_of: dt.date
    n: int
    positives: int
    base_rate: float
    visits: int
    best_rule: str
    rankings: dict[str, Measured]
    differences: dict[str, Difference]
    areas: tuple[AreaFigures, ...]
    groups: tuple[Grouping, ...]
    reliability: tuple[CurvePoint, ...]
    dial: dict[str, tuple[DialPoint, ...]]
