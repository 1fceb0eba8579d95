"""Settings that cannot be simulated are refused by name."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import Any

import pytest

from training.errors import TrainingError
from training.simulation import CountySettings


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"households": 10}, "households"),
        ({"months": 0}, "months"),
        ({"run_in_months": -1}, "run-in"),
        ({"ends_on": dt.date(2026, 10, 30)}, "ends_on"),
        ({"dirt_share": -0.1}, "dirt_share"),
        ({"dirt_share": float("nan")}, "dirt_share"),
        ({"seed": -1}, "seed"),
        ({"silent": (("weather", "500299", 3),)}, "silent names the feed 'weather'"),
        ({"silent": (("income", "510000", 3),)}, "silent names the area '510000'"),
        ({"silent": (("income", "5002990", 3),)}, "silent names the area '5002990'"),
        ({"silent": (("income", "500299", 60),)}, "silent begins in month 60"),
        ({"silent": (("income", "500299", -1),)}, "silent begins in month -1"),
    ],
)
def test_refused(change: dict[str, Any], says: str) -> None:
    with pytest.raises(TrainingError, match=says):
        CountySettings(**change)


def test_frozen_with_months_up_to_the_end() -> None:
    settings = CountySettings(months=2, run_in_months=1)
    assert settings.month_ends == [dt.date(2026, 8, 31), dt.date(2026, 9, 30), dt.date(2026, 10, 31)]
    with pytest.raises(dataclasses.FrozenInstanceError):
        settings.seed = 1  # type: ignore[misc]
