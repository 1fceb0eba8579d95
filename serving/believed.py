"""What a stored assessment was made with beside its household's rows, for whoever makes it again."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Any

from features import Coverage
from features.health import Verdict, without_blocked
from features.neighbourhood import FEED, VillageFacts
from serving.storage import RunHealthStore, VillageStore


class Believed:
    """The verdicts and the villages' facts that runs were made with."""

    def __init__(self, health: RunHealthStore, villages: VillageStore) -> None:
        self.health = health
        self._villages = villages

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

    def villages(self, body: Mapping[str, Any], village_code: str) -> VillageOfDay:
        """The facts of its village that a stored assessment was made with."""
        told = body.get("latest_facts", {}).get(FEED)
        if told is None:
            return VillageOfDay({})
        # The batch writes a village's facts for its date; a job takes the latest there are.
        of_day = dt.date.fromisoformat(told["occurred_on"])
        found = self._villages.find([village_code], of_day)
        return VillageOfDay({code: one for code, one in found.items() if one.as_of == of_day})


class VillageOfDay:
    """The villages' facts that one assessment was made with, and none of before."""

    def __init__(self, facts: Mapping[str, VillageFacts]) -> None:
        self._facts = facts

    def find(self, village_codes: Iterable[str], as_of: dt.date, /) -> dict[str, VillageFacts]:
        """Those of some villages."""
        return {code: self._facts[code] for code in village_codes if code in self._facts}


def _verdict(plain: Mapping[str, Any]) -> Verdict:
    period = dt.date.fromisoformat(f"{plain['period']}-01")
    return Verdict(plain["feed"], plain["area_code"], period, plain["state"], plain["reason"])
