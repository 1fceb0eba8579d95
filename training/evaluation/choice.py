"""Choice: which candidate has, over the past dates, fallen least short of the best one of each date.

The best candidate of the last date is often the luckiest. Regret looks at all past dates: for each, how far a
candidate was behind the best of that date; the smallest average is chosen (the rule of the triage toolkit,
github.com/dssg/triage, ``best_avg_...`` and distance from best).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Regret:
    """One candidate over the past dates: its value on each, how far it was behind the best of each."""

    candidate: str
    values: tuple[float, ...]
    regrets: tuple[float, ...]
    mean_regret: float
    worst_regret: float


@dataclass(frozen=True)
class Choice:
    """The chosen candidate and how all did; `dates` are past as-of dates, none of them a test date."""

    measure: str
    dates: tuple[dt.date, ...]
    chosen: str
    candidates: tuple[Regret, ...]


def choose(measure: str, dates: Sequence[dt.date], values: Mapping[str, Sequence[float]]) -> Choice:
    """The candidate of the smallest mean regret; of equals the one that is named first.

    `values` has, for each candidate, its measure on each date, higher better. Raises `ValueError` without
    candidates or dates.
    """
    if not values or not dates:
        raise ValueError("a choice needs candidates and past dates")
    best = [max(of_date) for of_date in zip(*values.values(), strict=True)]
    candidates = []
    for name, own in values.items():
        regrets = tuple(top - value for top, value in zip(best, own, strict=True))
        candidates.append(Regret(name, tuple(own), regrets, sum(regrets) / len(regrets), max(regrets)))
    chosen = min(candidates, key=lambda one: one.mean_regret)
    return Choice(measure, tuple(dates), chosen.candidate, tuple(candidates))
