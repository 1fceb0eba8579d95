"""Neighbourhood: what is known of a village's other households, worked out by the batch for a date.

Medians are outside the closed language of features, so they are materialised as rows of the feed
`neighbourhood`: a spell of each household from one batch date to the next. The service looks the village's
row up instead of asking for every neighbour's records.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa

from features.dates import months_before
from features.definitions import FEATURES
from features.engines.duckdb import build_vectors, registered_villages
from features.policy import DEFAULT_REGION
from features.signals import CONTRACTS, Coverage, Delivery
from features.signals.store import Signals

FEED = "neighbourhood"
LEAST_HOUSEHOLDS = 5
"""A median of fewer households would tell of single ones; such villages get no row."""

INCOME, SELF_PAID, DISASTERS = (
    "income_net_per_person_yuan_12m",
    "illness_self_paid_yuan_12m",
    "disaster_count_12m",
)


@dataclass(frozen=True)
class VillageFacts:
    """One village on one date. Money in fen."""

    village_code: str
    as_of: dt.date
    households: int
    median_income_fen: int
    median_self_paid_fen: int
    struck: int
    identified: int

    @property
    def delivery(self) -> Delivery:
        """The coverage that says: this is known of the village as of the date."""
        # It was worked out from the year before the date.
        return Delivery(FEED, self.village_code, months_before(self.as_of, 12), self.as_of, self.as_of)

    def row(self, household_id: str, until: dt.date | None) -> dict[str, object]:
        """The stored row of one household of the village; `until` is the last day before the next batch."""
        return {
            "household_id": household_id,
            "occurred_on": self.as_of,
            "known_on": self.as_of,
            "is_known_on_estimated": False,
            "ended_on": until,
            "ended_known_on": until,
            "households": self.households,
            "median_income_fen": self.median_income_fen,
            "median_self_paid_fen": self.median_self_paid_fen,
            "struck": self.struck,
            "identified": self.identified,
        }


def village_facts(signals: Signals, as_of: dt.date, region: str = DEFAULT_REGION) -> list[VillageFacts]:
    """Facts of every village of `LEAST_HOUSEHOLDS` or more households with their feeds, as known then."""
    asked = [FEATURES[name] for name in (INCOME, SELF_PAID, DISASTERS)]
    vectors = build_vectors(signals, [as_of], features=asked, region=region).droplevel("as_of_date")
    villages = pd.Series(registered_villages(signals, as_of)).reindex(vectors.index)
    identified = vectors.index.isin(_newly_identified(signals, as_of))
    frame = vectors.assign(village=villages, identified=identified, struck=vectors[DISASTERS] > 0)
    # A village of which a feed is missing says nothing; a household without income data does not weigh in.
    frame = frame.dropna(subset=[SELF_PAID, DISASTERS])
    grouped = frame.groupby("village").agg(
        households=("struck", "size"),
        known=(INCOME, "count"),
        income=(INCOME, "median"),
        self_paid=(SELF_PAID, "median"),
        struck=("struck", "sum"),
        identified=("identified", "sum"),
    )
    grouped = grouped[(grouped["households"] >= LEAST_HOUSEHOLDS) & (grouped["known"] >= LEAST_HOUSEHOLDS)]
    return [
        VillageFacts(
            str(village),
            as_of,
            int(one["households"]),
            int(np.floor(one["income"] * 100)),
            int(np.floor(one["self_paid"] * 100)),
            int(one["struck"]),
            int(one["identified"]),
        )
        for village, one in grouped.iterrows()
    ]


def with_neighbourhood(
    signals: Signals, as_of_dates: Sequence[dt.date], region: str = DEFAULT_REGION
) -> Signals:
    """The signals with the feed `neighbourhood` worked out for these dates, in place of any it had."""
    return with_villages(signals, {as_of: village_facts(signals, as_of, region) for as_of in as_of_dates})


def with_villages(signals: Signals, villages: Mapping[dt.date, Sequence[VillageFacts]]) -> Signals:
    """The signals with the feed `neighbourhood` made of the villages' facts by date."""
    dates = sorted(villages)
    parts: list[pa.Table] = []
    deliveries = [one for one in signals.coverage.deliveries if one.feed != FEED]
    for number, as_of in enumerate(dates):
        until = dates[number + 1] - dt.timedelta(days=1) if number + 1 < len(dates) else None
        facts = {one.village_code: one for one in villages[as_of]}
        rows = [
            facts[village].row(household, until)
            for household, village in registered_villages(signals, as_of).items()
            if village in facts
        ]
        parts.append(pa.Table.from_pylist(rows, schema=CONTRACTS[FEED].schema))
        deliveries += [facts[village].delivery for village in facts]
    table = pa.concat_tables(parts) if parts else CONTRACTS[FEED].schema.empty_table()
    return Signals({**signals.tables, FEED: table}, Coverage(deliveries))


def _newly_identified(signals: Signals, as_of: dt.date) -> list[str]:
    """Households whose identification of the last 12 months was known on the date."""
    frame = signals.tables["identification"].to_pandas()
    occurred, known = pd.to_datetime(frame["occurred_on"]), pd.to_datetime(frame["known_on"])
    now, start = pd.Timestamp(as_of), pd.Timestamp(months_before(as_of, 12))
    return list(frame.loc[(occurred > start) & (occurred <= now) & (known <= now), "household_id"])
