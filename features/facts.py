"""Facts: the latest visible record of each feed, so that a number can be traced to a date and a source."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import pandas as pd

from features.dates import from_day, to_day
from features.signals import CONTRACTS
from features.signals.store import Signals

Days = npt.NDArray[np.int64]

_ONE_DAY = 1 << 20
"""What a day of occurrence counts in a number that holds the day of arrival too."""

_BEFORE = 1 << 19
"""Added to a day of arrival, so that none is below zero: 1,400 years before 1970 and after."""


@dataclass(frozen=True)
class LatestFact:
    """How many records of a feed are visible for a household, and the dates of the latest."""

    feed: str
    records: int
    occurred_on: dt.date
    known_on: dt.date


def latest_facts(rows: Mapping[str, Sequence[Mapping[str, Any]]], as_of: dt.date) -> dict[str, LatestFact]:
    """The latest visible record of each feed of one household; a feed without one is absent.

    `rows` are stored rows with dates as day numbers, as `RowEngine` reads them.
    """
    today = to_day(as_of)
    facts = {}
    for feed in CONTRACTS:
        seen = [
            (row["occurred_on"], row["known_on"])
            for row in rows.get(feed, ())
            if row["occurred_on"] <= today and row["known_on"] <= today
        ]
        if seen:
            occurred, known = max(seen)
            facts[feed] = LatestFact(feed, len(seen), from_day(occurred), from_day(known))
    return facts


def latest_facts_table(signals: Signals, as_of: dt.date) -> pd.DataFrame:
    """The same for every household: columns household_id, feed, records, occurred_on, known_on."""
    parts = []
    with duckdb.connect() as connection:
        for feed, table in signals.tables.items():
            connection.register(feed, table)
            # The latest occurrence, and among its records the latest arrival: as `latest_facts` has it.
            part: pd.DataFrame = connection.sql(
                f"SELECT household_id, '{feed}' AS feed, COUNT(*) AS records, "
                "MAX(occurred_on) AS occurred_on, ARG_MAX(known_on, (occurred_on, known_on)) AS known_on "
                f"FROM {feed} WHERE occurred_on <= $as_of AND known_on <= $as_of GROUP BY household_id",
                params={"as_of": as_of},
            ).df()
            parts.append(part)
    return pd.concat(parts, ignore_index=True)


def latest_facts_sql(as_of: dt.date, feeds: Iterable[str]) -> str:
    """The query for the same in one row a household, over the feeds' tables with dates as day numbers.

    The table ``h`` has household_id and village_code, which are kept; for each feed follow ``<feed>_records``
    and ``<feed>_latest``, null without a record: a number for `days_of_latest`. DuckDB and Spark both run it.
    """
    today = to_day(as_of)
    columns, joins = ["h.household_id", "h.village_code"], []
    for feed in feeds:
        latest = f"CAST(occurred_on AS BIGINT) * {_ONE_DAY} + known_on + {_BEFORE}"
        columns += [f"{feed}_f.{feed}_records", f"{feed}_f.{feed}_latest"]
        joins.append(
            f"LEFT JOIN (SELECT household_id, CAST(COUNT(*) AS BIGINT) AS {feed}_records, "
            f"MAX({latest}) AS {feed}_latest FROM {feed} "
            f"WHERE occurred_on <= {today} AND known_on <= {today} GROUP BY household_id) {feed}_f "
            f"ON {feed}_f.household_id = h.household_id"
        )
    return f"SELECT {', '.join(columns)} FROM h {' '.join(joins)}"


def days_of_latest(latest: Days) -> tuple[Days, Days]:
    """The days of occurrence and of arrival of the latest records, as `latest_facts_sql` has them."""
    return latest >> 20, (latest & (_ONE_DAY - 1)) - _BEFORE
