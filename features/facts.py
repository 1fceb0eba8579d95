"""Facts: the latest visible record of each feed, so that a number can be traced to a date and a source.

What lasts has two days that count: its beginning, and its end once that is known.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from features.connection import connect
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
        given = rows.get(feed)
        if not given:
            continue
        count, latest = 0, None
        for row in given:
            day = row["occurred_on"], row["known_on"]
            if day[0] > today or day[1] > today:
                continue
            count += 1
            # The end of a spell counts where it is visible.
            ended, told = row.get("ended_on"), row.get("ended_known_on")
            if ended is not None and told is not None and ended <= today and told <= today:
                day = ended, told
            if latest is None or day > latest:
                latest = day
        if latest is not None:
            facts[feed] = LatestFact(feed, count, from_day(latest[0]), from_day(latest[1]))
    return facts


def is_any_visible(rows: Sequence[Mapping[str, Any]], as_of: dt.date) -> bool:
    """Whether one of a feed's rows is visible, so that `latest_facts` has the feed."""
    today = to_day(as_of)
    # Written out: a generator takes three times as long, for every household of a request.
    for row in rows:  # noqa: SIM110
        if row["occurred_on"] <= today and row["known_on"] <= today:
            return True
    return False


def latest_facts_table(signals: Signals, as_of: dt.date) -> pd.DataFrame:
    """The same for every household: columns household_id, feed, records, occurred_on, known_on."""
    parts = []
    with connect() as connection:
        for feed, table in signals.tables.items():
            connection.register(feed, table)
            # The latest occurrence, and among its records the latest arrival: as `latest_facts` has it.
            day, known = _latest_sql(feed, "$as_of")
            part: pd.DataFrame = connection.sql(
                f"SELECT household_id, '{feed}' AS feed, COUNT(*) AS records, "
                f"MAX({day}) AS occurred_on, ARG_MAX({known}, ({day}, {known})) AS known_on "
                f"FROM {feed} WHERE occurred_on <= $as_of AND known_on <= $as_of GROUP BY household_id",
                params={"as_of": as_of},
            ).df()
            parts.append(part)
    return pd.concat(parts, ignore_index=True)


def _latest_sql(feed: str, today: str) -> tuple[str, str]:
    """The same as two SQL expressions over the feed's rows."""
    if CONTRACTS[feed].kind == "event":
        return "occurred_on", "known_on"
    is_over = f"ended_on <= {today} AND ended_known_on <= {today}"
    return (
        f"CASE WHEN {is_over} THEN ended_on ELSE occurred_on END",
        f"CASE WHEN {is_over} THEN ended_known_on ELSE known_on END",
    )


def latest_facts_sql(as_of: dt.date, feeds: Iterable[str]) -> str:
    """The query for the same in one row a household, over the feeds' tables with dates as day numbers.

    The table ``h`` has household_id and village_code, which are kept; for each feed follow ``<feed>_records``
    and ``<feed>_latest``, null without a record: a number for `days_of_latest`. DuckDB and Spark both run it.
    """
    today = to_day(as_of)
    columns, joins = ["h.household_id", "h.village_code"], []
    for feed in feeds:
        day, known = _latest_sql(feed, str(today))
        latest = f"CAST({day} AS BIGINT) * {_ONE_DAY} + {known} + {_BEFORE}"
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
