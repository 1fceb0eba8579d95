"""Neighbourhood online: a request tells of one household; what its village is like, the last batch knows."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from typing import Protocol

from features import Coverage
from features.engines.row import stored_row
from features.facts import is_any_visible
from features.neighbourhood import FEED, VillageFacts
from serving.scorer import HouseholdRows


class FindVillages(Protocol):
    """Where the villages' facts are looked up."""

    def find(self, village_codes: Iterable[str], as_of: dt.date, /) -> dict[str, VillageFacts]: ...


def without_neighbourhood(
    households: Sequence[HouseholdRows], as_of: dt.date, feeds: Collection[str]
) -> list[HouseholdRows]:
    """The households whose village has to be looked up: the model uses the feed, and they do not bring it."""
    if FEED not in feeds:
        return []
    return [one for one in households if not is_any_visible(one.rows.get(FEED, ()), as_of)]


def add_neighbourhood(
    households: Sequence[HouseholdRows],
    as_of: dt.date,
    coverage: Coverage,
    villages: FindVillages,
    feeds: Collection[str],
) -> tuple[list[HouseholdRows], Coverage]:
    """The households with their villages' facts, and the coverage that says so.

    Nothing is added where the request brings the feed itself (a row that was not known on the date is none),
    where the model does not use it, or where no batch has worked the village out.
    """
    wanting = without_neighbourhood(households, as_of, feeds)
    if not wanting:
        return list(households), coverage
    found = villages.find((one.village_code for one in wanting), as_of)
    if not found:
        return list(households), coverage
    wanting_keys = {one.household_id for one in wanting}
    made = [
        replace(
            one,
            rows={
                **one.rows,
                FEED: [stored_row(found[one.village_code].row(one.household_id, None))],
            },
        )
        if one.household_id in wanting_keys and one.village_code in found
        else one
        for one in households
    ]
    deliveries = (*coverage.deliveries, *(facts.delivery for facts in found.values()))
    return made, Coverage(deliveries)
