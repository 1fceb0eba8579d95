"""Neighbourhood: what is known of a village's other households, worked out by the batch for a date.

Medians are outside the closed language of features, so they are materialised as rows of the feed
`neighbourhood`: a spell of each household from one batch date to the next. The service looks the village's
row up instead of asking for every neighbour's records.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa

from features.dates import months_before, to_day
from features.definitions import FEATURES
from features.engines.duckdb import Limits, VectorQuery, homes_by_household, registered_villages
from features.policy import DEFAULT_REGION
from features.signals import CONTRACTS, Delivery
from features.signals.store import Signals

FEED = "neighbourhood"
LEAST_HOUSEHOLDS = 5
"""A median of fewer households would tell of single ones; such villages get no row."""

INCOME, SELF_PAID, DISASTERS = (
    "income_net_per_person_yuan_12m",
    "illness_self_paid_yuan_12m",
    "disaster_count_12m",
)


@dataclass(frozen=True, slots=True)
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
    with neighbour_query(region) as query:
        query.read(signals.tables, signals.coverage)
        return facts_of(neighbours(query, as_of), as_of)


def neighbour_query(region: str = DEFAULT_REGION, limits: Limits | None = None) -> VectorQuery:
    """The query that `neighbours` asks."""
    asked = [FEATURES[name] for name in (INCOME, SELF_PAID, DISASTERS)]
    return VectorQuery(asked, also=["identification"], region=region, limits=limits)


def neighbours(query: VectorQuery, as_of: dt.date) -> pd.DataFrame:
    """What each registered household adds to its village's facts.

    One row a household: village, income (yuan, NaN where unknown), self_paid (yuan), struck and identified.
    A household of whose feeds one is missing adds nothing and is left out.
    """
    vectors = query.table(as_of).to_pandas()
    homes = homes_by_household(query.homes(as_of))
    now, start = to_day(as_of), to_day(months_before(as_of, 12))
    identified = query.connection.sql(
        "SELECT household_id FROM identification "
        "WHERE occurred_on > $start AND occurred_on <= $now AND known_on <= $now",
        params={"start": start, "now": now},
    ).fetchall()
    frame = pd.DataFrame({
        "village": homes.loc[vectors["household_id"]].to_numpy(),
        "income": vectors[INCOME],
        "self_paid": vectors[SELF_PAID],
        "struck": vectors[DISASTERS] > 0,
        "identified": vectors["household_id"].isin([household for (household,) in identified]),
    })
    # A village of which a feed is missing says nothing; a household without income data does not weigh in.
    weighs: pd.DataFrame = frame[vectors[SELF_PAID].notna() & vectors[DISASTERS].notna()]
    return weighs


def facts_of(neighbours: pd.DataFrame, as_of: dt.date) -> list[VillageFacts]:
    """The facts of the villages that `neighbours` holds whole."""
    grouped = neighbours.groupby("village").agg(
        households=("struck", "size"),
        known=("income", "count"),
        income=("income", "median"),
        self_paid=("self_paid", "median"),
        struck=("struck", "sum"),
        identified=("identified", "sum"),
    )
    return facts_of_groups(grouped, as_of)


def facts_of_groups(grouped: pd.DataFrame, as_of: dt.date) -> list[VillageFacts]:
    """The facts from what each village's households add up to; villages of too few are left out.

    `grouped` is indexed by village: households, known (those with income data), income and self_paid (medians
    in yuan), struck and identified (counts).
    """
    grouped = grouped[(grouped["households"] >= LEAST_HOUSEHOLDS) & (grouped["known"] >= LEAST_HOUSEHOLDS)]
    fen = np.floor(grouped[["income", "self_paid"]] * 100).astype("int64")
    counts = grouped[["struck", "identified"]].astype("int64")
    columns = (grouped["households"], fen["income"], fen["self_paid"], counts["struck"], counts["identified"])
    return [
        VillageFacts(str(village), as_of, *numbers)
        for village, *numbers in zip(grouped.index, *(one.tolist() for one in columns), strict=True)
    ]


def with_neighbourhood(
    signals: Signals, as_of_dates: Sequence[dt.date], region: str = DEFAULT_REGION
) -> Signals:
    """The signals with the feed `neighbourhood` worked out for these dates, in place of any it had."""
    return with_villages(signals, {as_of: village_facts(signals, as_of, region) for as_of in as_of_dates})


def with_villages(signals: Signals, villages: Mapping[dt.date, Iterable[VillageFacts]]) -> Signals:
    """The signals with the feed `neighbourhood` made of the villages' facts by date.

    A household's row is a spell from one date to the day before the next; villages that the signals have no
    household in add nothing.
    """
    dates = sorted(villages)
    parts: list[pa.Table] = []
    deliveries: list[Delivery] = []
    for number, as_of in enumerate(dates):
        until = dates[number + 1] - dt.timedelta(days=1) if number + 1 < len(dates) else None
        homes = registered_villages(signals.tables["household"], as_of)
        facts = facts_there(villages[as_of], homes)
        parts.append(neighbourhood_rows(homes, facts, until))
        deliveries += [one.delivery for one in facts]
    table = pa.concat_tables(parts) if parts else CONTRACTS[FEED].schema.empty_table()
    return Signals({**signals.tables, FEED: table}, signals.coverage.replacing(FEED, deliveries))


def facts_there(facts: Iterable[VillageFacts], homes: pd.Series[str]) -> list[VillageFacts]:
    """The facts of the villages that some of these households live in; `homes` as `registered_villages`."""
    found = set(homes.unique())
    return [one for one in facts if one.village_code in found]


def neighbourhood_rows(
    homes: pd.Series[str], facts: Sequence[VillageFacts], until: dt.date | None = None
) -> pa.Table:
    """The stored rows of the households of these villages; `until` is the last day before the next batch."""
    schema = CONTRACTS[FEED].schema
    households = pa.table({
        "household_id": pa.array(homes.index, pa.string()),
        "village_code": pa.array(homes, pa.string()),
    })
    rows = households.join(village_rows(facts, until), "village_code", join_type="inner")
    return rows.select(schema.names).cast(schema).sort_by("household_id")


def village_rows(facts: Sequence[VillageFacts], until: dt.date | None = None) -> pa.Table:
    """The stored row that each village's households get, with village_code in place of household_id."""
    schema = CONTRACTS[FEED].schema
    columns = [name for name in schema.names if name != "household_id"]
    made = [one.row("", until) for one in facts]
    return pa.table(
        {name: pa.array([row[name] for row in made], schema.field(name).type) for name in columns}
        | {"village_code": pa.array([one.village_code for one in facts], pa.string())}
    )
