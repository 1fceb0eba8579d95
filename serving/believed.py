"""What a stored assessment's deliveries were believed to be, for whoever makes it again."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from features import Coverage
from features.health import Verdict, without_blocked
from serving.storage import RunHealthStore


class Believed:
    """The verdicts that runs were made with."""

    def __init__(self, health: RunHealthStore) -> None:
        self.health = health

    def of(
        self, body: Mapping[str, Any], village_code: str, coverage: Coverage, region: str
    ) -> tuple[tuple[Verdict, ...], Coverage]:
        """The faults that a stored assessment tells, and the coverage without what its run disbelieved."""
        faults = tuple(_verdict(one) for one in body.get("feed_faults", ()))
        # Those who score without a check-up of the deliveries, such as jobs, block nothing.
        if any(one.state == "blocked" for one in faults):
            as_of = dt.date.fromisoformat(body["as_of_date"])
            found = self.health.find(as_of, body["model_version"], village_code)
            coverage = without_blocked(coverage, [village_code], found, region)
        return faults, coverage


def _verdict(plain: Mapping[str, Any]) -> Verdict:
    period = dt.date.fromisoformat(f"{plain['period']}-01")
    return Verdict(plain["feed"], plain["area_code"], period, plain["state"], plain["reason"])
